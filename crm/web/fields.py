"""What a browser's form holds: texts, days and ids, read without trusting any of it."""

from datetime import date
from uuid import UUID

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


def id_of(noun: str, text: str) -> UUID:
    """An id out of an address; whatever is not one belongs to nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(noun, text) from None
