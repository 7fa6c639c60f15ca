"""The time, handed in and never looked up: rules and tests decide what "now" is."""

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the moment; the day depends on whose day is asked for."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        ...

    def today(self, zone: ZoneInfo) -> date:
        """The calendar day in `zone`."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self, zone: ZoneInfo) -> date:
        return self.now().astimezone(zone).date()


class FixedClock:
    """A clock that stands still; for tests, what-if and rehearsals."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def today(self, zone: ZoneInfo) -> date:
        return self.moment.astimezone(zone).date()
