"""A copy of a list beside the list itself: sent by whoever has the copy, kept by nobody."""

from typing import Any
from uuid import UUID

import msgspec

from crm import comparison
from crm.api import edge, feed_scopes, list_bodies
from crm.api.operations import Call, Nothing, Operation
from crm.api.problems import EdgeError
from crm.api.shapes import Answer
from crm.api.shares import ONE, Direction
from crm.comparison import Compared, Differing, Named, Unread
from crm.cursors import START
from crm.i18n import N_

TAG = N_("Sync")
PAGE = 1000
_MEDIA = (list_bodies.JSON, list_bodies.NDJSON, list_bodies.CSV)
_FIRST = UUID(int=0)


class ListCopyForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The copy: members as they were given, or flat with the columns of the CSV file. Known by `id` or a number."""

    members: list[dict[str, Any]]


class ListComparison(Answer, frozen=True):
    """What came of it. `differing` has a member's fields one by one; the lists hold at most 500 each.

    `missing` is in the list and not in the copy, `extra` the other way round; `unread` are rows that name nobody.
    """

    as_of_cursor: str
    equal: bool
    rows: int
    members: int
    same: int
    differing_count: int
    missing_count: int
    extra_count: int
    unread_count: int
    differing: list[Differing]
    missing: list[Named]
    extra: list[Named]
    unread: list[Unread]


async def receive(call: Call[Any, Any]) -> list[Any]:
    """The rows of the body. EdgeError 415, 422."""
    media = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _MEDIA:
        raise EdgeError(415, "content-type", "unsupported_media_type")
    if media == list_bodies.JSON:
        return list((await edge.body(call.request, ListCopyForm)).members)
    try:
        return comparison.read((await call.request.body()).decode("utf-8-sig"))
    except (comparison.Unreadable, UnicodeDecodeError) as error:
        raise EdgeError(422, "body", "list_unreadable", message=str(error)[:120]) from error


async def compare(call: Call[Any, Any]) -> ListComparison:
    head = await feed_scopes.ready(call)
    ours: list[Any] = []
    after: UUID | None = _FIRST
    async with call.reading() as connection:
        while after is not None:
            items, after = await feed_scopes.reads_of(head).listed(connection, head.scope, None, after, PAGE)
            ours += [msgspec.json.decode(each) for each in items]
    await feed_scopes.disclosed(call, head, "compare", (START, head.position), len(ours))
    found: Compared = comparison.compare(call.body, ours)
    cursor = feed_scopes.seal(call, head).write(head.position)
    return ListComparison(as_of_cursor=cursor, equal=found.equal, **msgspec.structs.asdict(found))


def _operation(name: str, path: str, summary: str, query: type[msgspec.Struct]) -> Operation:
    return Operation(
        id=name,
        method="POST",
        path=path,
        tag=TAG,
        summary=summary,
        description=N_(
            "Send the copy as JSON, NDJSON or CSV: which members differ, field by field, which are missing and which "
            "too many. Only fields that a row has are compared. Nothing is stored."
        ),
        query=query,
        body=ListCopyForm,
        reader=receive,
        takes=(list_bodies.NDJSON, list_bodies.CSV),
        answer=ListComparison,
        max_body=comparison.MOST_BYTES,
        example={"members": [{"no-orgnr": "923609016", "tier": "principal"}]},
        run=compare,
    )


operations = (
    _operation("compare_members", "/networks/{slug}/comparisons", N_("A copy of the list beside the list"), Nothing),
    _operation(
        "compare_shared_members", f"{ONE}/comparisons", N_("A copy of what an agreement discloses beside it"), Direction
    ),
)
