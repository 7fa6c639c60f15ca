"""Members that do not fit their level any more: the work list of those who manage, and keeping one."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms, register_words, words
from crm.actions import reviews as actions
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import reviews

TAG = N_("Reviews")


class Review(shapes.Answer, frozen=True):
    """One reason to look at one member: a code, and in words."""

    id: UUID
    membership_id: UUID
    organisation_id: UUID
    organisation: str
    network: str
    tier: str
    reason: str
    words: str
    opened_at: datetime
    closed: bool


class Paging(msgspec.Struct, frozen=True):
    """The list is in the order of ids; `cursor` is the last id that was given."""

    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=36, description="From `next_cursor`; opaque.")] | None = None


class KeepForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep the member at its level: until a day (then it is looked at again), or for good."""

    until: date | None = None
    note: Annotated[str, Meta(max_length=forms.NOTE_MAX)] = ""


async def waiting(call: Call[Paging, None]) -> shapes.Page[Review]:
    after = edge.cursor_id(call.query.cursor) or reviews.FIRST
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        network = await call.managed(connection)
        rows = await reviews.waiting(connection, [network.id], after, call.query.limit + 1)
    shown = rows[: call.query.limit]
    cursor = str(shown[-1].id) if len(rows) > len(shown) else None
    if cursor:
        address = call.operation.path.replace("{slug}", network.slug)
        call.headers["link"] = edge.next_link(f"{PREFIX}{address}", {"limit": call.query.limit, "cursor": cursor})
    return shapes.Page([_shown(call, kept, row) for row in shown], cursor, cursor is not None)


async def show(call: Call[Nothing, Any]) -> Review:
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        row = await _one(call, connection)
    return _shown(call, kept, row)


async def keep(call: Call[Nothing, KeepForm]) -> Review:
    """Keeping twice, or after somebody decided, changes nothing: the answer says that it is closed."""
    async with call.context.db.reading(call.actor.manages) as connection:
        await _one(call, connection)
    await actions.keep(call.context, call.actor, call.id("review_id"), call.body.until, call.body.note)
    return await show(call)


async def _one(call: Call[Any, Any], connection: Connection) -> reviews.Review:
    wanted = call.id("review_id")
    row = await reviews.one(connection, wanted)
    if row is None:
        raise NotFound("review_id", wanted)
    return row


def _shown(call: Call[Any, Any], kept: Catalogue, row: reviews.Review) -> Review:
    values = register_words.values(row.detail)
    if "network_id" in values:
        values["network"] = kept.by_id[UUID(values["network_id"])].slug
    return Review(
        row.id,
        row.membership_id,
        row.organisation_id,
        row.organisation,
        kept.by_id[row.network_id].slug,
        row.tier,
        row.reason,
        words.refusal(call.t, kept, row.reason, values),
        row.opened_at,
        row.closed_at is not None,
    )


operations = (
    Operation(
        id="list_reviews",
        method="GET",
        path="/networks/{slug}/reviews",
        tag=TAG,
        summary=N_("Members to look at"),
        description=N_(
            "Members that do not fit their level any more, or have lost a membership it requires. Only for keys "
            "that manage the network. Change the level or end the membership to decide otherwise than keeping it."
        ),
        query=Paging,
        answer=shapes.Page[Review],
        listing=True,
        run=waiting,
    ),
    Operation(
        id="show_review",
        method="GET",
        path="/reviews/{review_id}",
        tag=TAG,
        summary=N_("One member to look at"),
        answer=Review,
        run=show,
    ),
    Operation(
        id="keep_review",
        method="POST",
        path="/reviews/{review_id}/keeping",
        tag=TAG,
        summary=N_("Keep a member at its level"),
        description=N_("Until a day, on which it is looked at again if the reason still holds, or for good."),
        body=KeepForm,
        answer=Review,
        example={"until": "2027-06-01", "note": "Moves back in spring"},
        run=keep,
    ),
)
