"""What happens later: tasks that follow from stored changes, and a timetable."""
