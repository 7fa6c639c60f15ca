"""Members of another network as an agreement discloses them: the list, its changes, the proof; as docs/sync.md says.

The same protocol as for a network's own feed, and the same code (crm/api/feed.py).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm.api import edge, feed, feed_scopes, feed_shapes, member_files, shapes
from crm.api.operations import PREFIX, Call, Operation
from crm.api.problems import EdgeError
from crm.api.share_shapes import SharedBucket, SharedChanges, SharedPage
from crm.i18n import N_

TAG = N_("Disclosures")
ONE = "/agreements/{code}"
CURSOR_MAX = 200
Slug = Annotated[str, Meta(pattern="^[a-z0-9-]{1,60}$")]
Whose = Annotated[
    Slug, Meta(description="Whose members: a network of the agreement. Left out: the one this key does not see itself.")
]
Cursor = Annotated[str, Meta(max_length=CURSOR_MAX, description="From `next_cursor`; opaque.")]


class Direction(msgspec.Struct, frozen=True):
    """One direction of the agreement."""

    network: Whose | None = None


class SharedQuery(Direction, frozen=True):
    """Which of those that are disclosed; `origin` finds them only where it is disclosed."""

    origin: shapes.Origin | None = None
    limit: shapes.Limit = 50
    cursor: Cursor | None = None


class SharedChangesQuery(feed.ChangesQuery, frozen=True):
    """From where, how many, whether to wait, and which direction."""

    network: Whose | None = None


class _Position(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a cursor of the list holds: the list it belongs to, and the last one given."""

    of: UUID
    origin: str | None
    after: UUID


async def list_shared(call: Call[SharedQuery, None]) -> Any:
    query, scope = call.query, (await feed_scopes.direction(call)).id
    start = _start(query, scope)
    if feed.wants_stream(call):
        return await feed.stream(call, query.origin, [query.cursor])
    answer, last = await feed.page(call, query.origin, query.limit, start, query.cursor)
    if answer is None:
        return None
    cursor = text_of(msgspec.json.encode(_Position(scope, query.origin, last))) if last else None
    link_next(call, cursor, {"origin": query.origin, "limit": str(query.limit)})
    return msgspec.structs.replace(answer, next_cursor=cursor)


def _start(query: SharedQuery, scope: UUID) -> UUID | None:
    if query.cursor is None:
        return None
    try:
        found = msgspec.json.decode(bytes_of(query.cursor), type=_Position)
    except (ValueError, msgspec.MsgspecError) as error:
        raise EdgeError(422, "cursor", "cursor_invalid") from error
    if (found.of, found.origin) != (scope, query.origin):
        raise EdgeError(422, "cursor", "cursor_invalid")
    return found.after


def text_of(raw: bytes) -> str:
    """Bytes as they stand in an address."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def bytes_of(cursor: str) -> bytes:
    """And back. ValueError."""
    return urlsafe_b64decode((cursor + "=" * (-len(cursor) % 4)).encode("ascii"))


def link_next(call: Call[Any, None], cursor: str | None, given: dict[str, str | None]) -> None:
    """Say where the next page is."""
    if cursor:
        path = call.operation.path.replace("{code}", call.code())
        said = given | {"network": call.query.network, "cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}{path}", said)


operations = (
    Operation(
        id="list_shared_members",
        method="GET",
        path=f"{ONE}/members",
        tag=TAG,
        summary=N_("Members that an agreement discloses"),
        description=N_(
            "What the other network of the agreement discloses today: fields that its terms do not name are not "
            "there. Pages, stream and cursors are those of a network's own members."
        ),
        query=SharedQuery,
        answer=SharedPage,
        listing=True,
        streams=tuple(member_files.MEDIA.values()),
        tagged=True,
        run=list_shared,
    ),
    Operation(
        id="list_shared_changes",
        method="GET",
        path=f"{ONE}/changes",
        tag=TAG,
        summary=N_("What has changed among those that an agreement discloses"),
        description=N_(
            "Each member once, as it is now: what it was between is nowhere any more. A `remove` says why it is told "
            "no more: `left`, `revoked`, `out_of_scope` or `erased`; delete it within the agreed days."
        ),
        query=SharedChangesQuery,
        answer=SharedChanges,
        listing=True,
        refusals=(410,),
        run=feed.list_changes,
    ),
    Operation(
        id="show_shared_digest",
        method="GET",
        path=f"{ONE}/digest",
        tag=TAG,
        summary=N_("Proof of those that an agreement discloses"),
        query=Direction,
        answer=feed_shapes.Digest,
        run=feed.show_digest,
    ),
    Operation(
        id="show_shared_digest_bucket",
        method="GET",
        path=f"{ONE}/digest/{{bucket}}",
        tag=TAG,
        summary=N_("One bucket of that proof, with its members"),
        query=Direction,
        answer=SharedBucket,
        run=feed.show_bucket,
    ),
)
