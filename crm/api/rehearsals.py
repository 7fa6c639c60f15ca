"""A feed of made-up members to try a system with: the protocol of the real one, and every change when asked for."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from crm.actions import rehearsals as actions
from crm.api import edge, feed, feed_scopes, feed_shapes, member_files, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.api.shapes import Answer
from crm.i18n import N_

TAG = N_("Test data")
Kind = Literal[
    "planned", "joined", "changed", "left", "lapsed", "link_ended", "merged", "withdrawn", "cursor_expired", "begin"
]


class RehearsalQuery(msgspec.Struct, frozen=True):
    """Which of the made-up members."""

    origin: shapes.Origin | None = None
    limit: shapes.Limit = 50
    cursor: Annotated[str, Meta(max_length=36, description="From `next_cursor`; opaque.")] | None = None


class RehearsalForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to happen: a reason of the change feed; `cursor_expired`: older cursors get 410; `begin`: all anew."""

    kind: Kind


class RehearsalDone(Answer, frozen=True):
    """What has happened: how many changes are on the made-up feed by it."""

    kind: Kind
    changes: int


async def list_members(call: Call[RehearsalQuery, None]) -> Any:
    query = call.query
    after = edge.cursor_id(query.cursor)
    if feed.wants_stream(call):
        return await feed.stream(call, query.origin, [query.cursor])
    answer, last = await feed.page(call, query.origin, query.limit, after, query.cursor)
    if answer is None:
        return None
    if last is not None:
        said = {"origin": query.origin, "limit": query.limit, "cursor": last}
        where = f"{PREFIX}{feed_scopes.REHEARSAL.replace('{slug}', call.slug())}/members"
        call.headers["link"] = edge.next_link(where, said)
    return msgspec.structs.replace(answer, next_cursor=str(last) if last else None)


async def happen(call: Call[Nothing, RehearsalForm]) -> RehearsalDone:
    made = await actions.happen(call.context, call.actor, call.slug(), call.body.kind)
    return RehearsalDone(call.body.kind, made)


operations = (
    Operation(
        id="list_rehearsal_members",
        method="GET",
        path=feed_scopes.REHEARSAL + "/members",
        tag=TAG,
        summary=N_("Made-up members to try a system with"),
        description=N_(
            "The protocol of the network's own list, with members that do not exist: nothing here is ever in the real "
            "list. A rehearsal begins with twelve of them."
        ),
        query=RehearsalQuery,
        answer=shapes.MemberPage,
        listing=True,
        streams=tuple(member_files.MEDIA.values()),
        tagged=True,
        run=list_members,
    ),
    Operation(
        id="list_rehearsal_changes",
        method="GET",
        path=feed_scopes.REHEARSAL + "/changes",
        tag=TAG,
        summary=N_("What has changed among the made-up members"),
        query=feed.ChangesQuery,
        answer=feed_shapes.Changes,
        listing=True,
        packs=True,
        refusals=(410,),
        run=feed.list_changes,
    ),
    Operation(
        id="make_rehearsal_change",
        method="POST",
        path=feed_scopes.REHEARSAL + "/changes",
        tag=TAG,
        summary=N_("Make something happen to a made-up member"),
        description=N_("Each kind of change there is, as often as it is asked for. Webhooks are not told of it."),
        body=RehearsalForm,
        answer=RehearsalDone,
        status=201,
        example={"kind": "left"},
        run=happen,
    ),
    Operation(
        id="show_rehearsal_digest",
        method="GET",
        path=feed_scopes.REHEARSAL + "/digest",
        tag=TAG,
        summary=N_("Proof of the made-up members"),
        answer=feed_shapes.Digest,
        packs=True,
        run=feed.show_digest,
    ),
    Operation(
        id="show_rehearsal_digest_bucket",
        method="GET",
        path=feed_scopes.REHEARSAL + "/digest/{bucket}",
        tag=TAG,
        summary=N_("One bucket of that proof, with its made-up members"),
        answer=feed_shapes.BucketMembers,
        packs=True,
        run=feed.show_bucket,
    ),
)
