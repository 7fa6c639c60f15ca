"""Selections of members: those with a tick on the list, or all that the list shows, worked out anew by the server.

A selection is a short text that can stand in an address: `ids.` and the memberships' ids, or `all.`, how many there
were when somebody pressed the button, and the list's own filter. Whatever it says, `members_of` gives only members of
the open network; "all shown" must still be as many, or it is refused: nobody does to 90 what they meant for 86.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Sequence
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Request

from crm.errors import Refused
from crm.reads import member_search
from crm.web import member_filters
from crm.web.member_filters import Asked
from crm.web.office import Office

MOST_TICKED = 1_000
LONGEST_QUERY = 4_000
MOST_PAIRS = 300
ID_BYTES = 16


class Selection(msgspec.Struct, frozen=True):
    """`ids`: those with a tick; None: all that `query` (the list's own) shows, `count` of them when it was chosen."""

    ids: tuple[UUID, ...] | None = None
    query: str = ""
    count: int = 0

    @property
    def text(self) -> str:
        """As it stands in an address (still to be quoted)."""
        if self.ids is None:
            return f"all.{self.count}.{self.query}"
        return "ids." + urlsafe_b64encode(b"".join(each.bytes for each in self.ids)).decode().rstrip("=")


def read(text: str) -> Selection:
    """The selection an address holds. Refused `selection_wrong`, `selection_empty`."""
    kind, _, rest = text.partition(".")
    if kind == "ids":
        return _ticked(_ids(rest))
    count, dot, query = rest.partition(".")
    if kind != "all" or not dot or not count.isascii() or not count.isdecimal() or len(count) > 9:
        raise Refused("selection_wrong", "selection")
    if len(query) > LONGEST_QUERY:
        raise Refused("selection_wrong", "selection")
    return Selection(None, query, int(count))


async def of_form(request: Request) -> Selection:
    """The selection of a form of the list: `member` ticked any number of times, or `all` with `selection` (hidden)."""
    form = await request.form()
    if form.get("all") and isinstance(whole := form.get("selection"), str):
        return read(whole)
    ticked = [value for value in form.getall("member", []) if isinstance(value, str)]
    try:
        return _ticked([UUID(value) for value in ticked])
    except ValueError:
        raise Refused("selection_wrong", "selection") from None


def all_shown(asked: Asked, count: int) -> Selection:
    """Everything a list shows."""
    return Selection(None, asked.query, count)


async def members_of(office: Office, selection: Selection) -> list[UUID]:
    """The memberships of the open network that are selected, each once, in the order of their ids.

    Refused `selection_empty`, and `selection_changed` when "all shown" are not as many any more.
    """
    async with office.context.db.reading(office.actor.sees) as connection:
        known = await member_filters.marks(connection, office)
        asked = member_filters.read(pairs_of(selection), office, known)
        search = member_filters.search_of(office, asked, known)
        if selection.ids is not None:
            found = await member_search.of_network(connection, office.network.id, selection.ids)
        else:
            found = await member_search.ids(connection, search)
            if len(found) != selection.count:
                raise Refused("selection_changed", "selection", count=len(found), given=selection.count)
    if not found:
        raise Refused("selection_empty", "selection")
    return sorted(set(found))


def pairs_of(selection: Selection) -> list[tuple[str, str]]:
    """The filter of the list that was shown, as pairs; nothing for members with a tick."""
    try:
        return parse_qsl(selection.query, max_num_fields=MOST_PAIRS) if selection.query else []
    except ValueError:
        raise Refused("selection_wrong", "selection") from None


def _ids(text: str) -> list[UUID]:
    try:
        raw = b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
    except ValueError:
        raise Refused("selection_wrong", "selection") from None
    if len(raw) % ID_BYTES:
        raise Refused("selection_wrong", "selection")
    return [UUID(bytes=raw[at : at + ID_BYTES]) for at in range(0, len(raw), ID_BYTES)]


def _ticked(ids: Sequence[UUID]) -> Selection:
    alone = tuple(dict.fromkeys(ids))
    if not alone:
        raise Refused("selection_empty", "selection")
    if len(alone) > MOST_TICKED:
        raise Refused("selection_wrong", "selection")
    return Selection(alone)
