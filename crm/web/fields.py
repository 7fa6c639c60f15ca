"""What a browser's form holds: texts, days and ids, read without trusting any of it."""

from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request

from crm.errors import NotFound

LONGEST_FIELD = 10_000


async def fields_of(request: Request) -> dict[str, str]:
    """The form's fields as text; files and repeated fields are not asked for anywhere in the office."""
    form = await request.form()
    return {name: form[name][:LONGEST_FIELD] for name in form if isinstance(form[name], str)}


def day_of(text: str) -> date | None:
    """A day written YYYY-MM-DD; None when it is not one."""
    try:
        return date.fromisoformat(text) if len(text) == len("2026-11-22") else None
    except ValueError:
        return None


class When(msgspec.Struct, frozen=True):
    """Which day a page shows, as it was known at the end of which day (None: now)."""

    day: date
    today: date
    known: date | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Both, as they stand in an address; today as it is known now is left out."""
        days = [("as_of", self.day)] if self.day != self.today else []
        if self.known:
            days.append(("known", self.known))
        return [(name, day.isoformat()) for name, day in days]

    @property
    def query(self) -> str:
        """The same, to put after an address."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""

    def known_at(self, zone: ZoneInfo) -> datetime | None:
        """The moment up to which was recorded what the page knows: the end of the day."""
        if self.known is None:
            return None
        following = self.known + timedelta(days=1)
        return datetime(following.year, following.month, following.day, tzinfo=zone)


def when_of(request: Request, today: date) -> When:
    """The two days in the address; a day of knowing that is not over is now."""
    known = day_of(request.query_params.get("known", ""))
    day = day_of(request.query_params.get("as_of", "")) or today
    return When(day, today, known if known and known < today else None)


def id_of(noun: str, text: str) -> UUID:
    """An id out of an address; whatever is not one belongs to nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(noun, text) from None
