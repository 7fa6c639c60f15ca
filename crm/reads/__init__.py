"""For showing: one query per question, answers in small frozen shapes. Run inside `Database.reading`."""
