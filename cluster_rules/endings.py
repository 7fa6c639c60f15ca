"""From which day may a member leave? The rulebook's notice rule (domain.md 1.15, "notice rule")."""

from datetime import date, timedelta

from cluster_rules.networks import Rulebook
from cluster_rules.periods import Period, add_months


def earliest(book: Rulebook, member_since: date, told_on: date) -> date:
    """The first day without membership for somebody who gives notice on `told_on`.

    none: that very day, or the next turn of the membership year. months: so many months later, or
    the turn after that. fixed_date: who writes by the day (that day included) leaves at the next
    turn of the year, later letters count for the one after (Solenergiklyngen: by 1 November).
    """
    notice = book.notice
    if notice.kind == "fixed_date":
        year = book.period.containing(told_on, member_since)
        if year.end is None:
            return told_on
        in_time = told_on <= _day_in(year, notice.by)
        return year.end if in_time else book.period.containing(year.end, member_since).end or year.end
    day = add_months(told_on, notice.months) if notice.kind == "months" else told_on
    if notice.effect == "at_once":
        return day
    return book.period.boundary_on_or_after(day, member_since) or day


def last_day(book: Rulebook, member_since: date, start: date) -> date:
    """The last day on which notice still ends a membership before the period that begins on `start`.

    Whoever could leave on the first day itself is told of the day before it: from then on it is a member of the period.
    """
    notice, eve = book.notice, start - timedelta(days=1)
    if notice.kind == "fixed_date":
        return min(_day_in(book.period.containing(eve, member_since), notice.by), eve)
    if notice.kind == "none":
        return eve
    day = add_months(start, -notice.months)
    while add_months(day + timedelta(days=1), notice.months) <= start:  # 28 February is three months before 31 May
        day += timedelta(days=1)
    while add_months(day, notice.months) > start:
        day -= timedelta(days=1)
    return min(day, eve)


def _day_in(year: Period, by: str) -> date:
    """The day "MM-DD" that lies in this membership year."""
    day = date.fromisoformat(f"{year.start.year}-{by}")
    last = year.end_or_far - timedelta(days=1)
    return day if day >= year.start else date.fromisoformat(f"{last.year}-{by}")
