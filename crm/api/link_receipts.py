"""A partner's own system acknowledges linked memberships or objects to them; a person decides objections."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import link_receipts as actions
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.catalogue import Catalogue
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import link_receipts as reads

TAG = N_("Partner writes")
Reason = Annotated[str, Meta(max_length=forms.NOTE_MAX)]


class AcknowledgementForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Received: one linked grant, or all behind the membership."""

    grant_id: UUID | None = None


class ObjectionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Not wanted, from `on` (left out: today). `grant_id` is needed when several links stand behind it."""

    reason: Reason
    on: date | None = None
    grant_id: UUID | None = None


class ObjectionDecisionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decline the link, or dismiss the objection and say why."""

    outcome: Literal["decline", "dismiss"]
    note: Reason = ""


class LinkReceipt(shapes.Answer, frozen=True):
    """A word of `network` on a linked grant that a rule of `source` gave. An objection is open until its `outcome`."""

    id: UUID
    network: str
    source: str
    rule: str
    organisation_id: UUID
    membership_id: UUID
    grant_id: UUID
    word: Literal["acknowledged", "objected"]
    reason: str
    on: date
    said_by: str
    recorded_at: datetime
    outcome: Literal["declined", "dismissed", "withdrawn"] | None
    note: str
    closed_by: str
    closed_at: datetime | None


class LinkReceipts(shapes.Answer, frozen=True):
    """The words that were said, or had been said before."""

    items: list[LinkReceipt]


class ReceiptsQuery(msgspec.Struct, frozen=True):
    """Which words: open objections, acknowledged, objected, or all."""

    state: reads.State | None = None
    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=36, description="From `next_cursor`; opaque.")] | None = None


async def acknowledge(call: Call[Nothing, AcknowledgementForm]) -> LinkReceipts:
    made = await actions.acknowledge(call.context, call.actor, call.id("membership_id"), call.body.grant_id)
    async with call.reading() as connection:
        kept = await call.kept(connection)
        return LinkReceipts([_shown(kept, row) for row in await reads.some(connection, made)])


async def object_to(call: Call[Nothing, ObjectionForm]) -> LinkReceipt:
    form = call.body
    objection = actions.Objection(form.reason, form.on, form.grant_id)
    return await _one(call, await actions.object_to(call.context, call.actor, call.id("membership_id"), objection))


async def decide(call: Call[Nothing, ObjectionDecisionForm]) -> LinkReceipt:
    wanted = call.id("receipt_id")
    await actions.decide(call.context, call.actor, wanted, call.body.outcome == "decline", call.body.note)
    return await _one(call, wanted)


async def show(call: Call[Nothing, None]) -> LinkReceipt:
    return await _one(call, call.id("receipt_id"))


async def listing(call: Call[ReceiptsQuery, None]) -> shapes.Page[LinkReceipt]:
    query = call.query
    after = edge.cursor_id(query.cursor) or reads.FIRST
    async with call.reading() as connection:
        kept = await call.kept(connection)
        network = kept.by_slug.get(call.slug())
        if network is None or network.id not in call.actor.sees:
            raise NotFound("slug", call.slug())
        found = await reads.of_network(connection, network.id, query.state, after, query.limit + 1)
    shown = found[: query.limit]
    cursor = str(shown[-1].id) if len(found) > len(shown) else None
    if cursor:
        asked = {"limit": query.limit, "cursor": cursor, "state": query.state}
        call.headers["link"] = edge.next_link(f"{PREFIX}/networks/{network.slug}/link-receipts", asked)
    return shapes.Page([_shown(kept, row) for row in shown], cursor, cursor is not None)


async def _one(call: Call[Any, Any], wanted: UUID) -> LinkReceipt:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        found = await reads.one(connection, wanted)
    if found is None:
        raise NotFound("receipt_id", wanted)
    return _shown(kept, found)


def _shown(kept: Catalogue, row: reads.Receipt) -> LinkReceipt:
    return LinkReceipt(
        row.id,
        kept.by_id[row.network_id].slug,
        kept.by_id[row.source_network_id].slug,
        row.rule,
        row.organisation_id,
        row.membership_id,
        row.grant_id,
        row.word,
        row.reason,
        row.on_date,
        row.actor,
        row.recorded_at,
        row.outcome or None,
        row.note,
        row.closed_by,
        row.closed_at,
    )


operations = (
    Operation(
        id="acknowledge_membership",
        method="POST",
        path="/memberships/{membership_id}/acknowledgements",
        tag=TAG,
        summary=N_("Acknowledge a linked membership"),
        description=N_(
            "By the network it is in: received, and taken into its own system. Saying it again is harmless; it takes "
            "an objection that is still open back. Takes the scope `links`."
        ),
        body=AcknowledgementForm,
        answer=LinkReceipts,
        status=201,
        example={},
        run=acknowledge,
    ),
    Operation(
        id="object_to_membership",
        method="POST",
        path="/memberships/{membership_id}/objections",
        tag=TAG,
        summary=N_("Object to a linked membership"),
        description=N_(
            "By the network it is in. Where the link rule lets that network decide, the link is declined at once; "
            "otherwise the objection is held for a person who manages the network, and the membership stands until "
            "then. Takes the scope `links`."
        ),
        body=ObjectionForm,
        answer=LinkReceipt,
        status=201,
        location="/link-receipts/{id}",
        example={"reason": "The company competes with a founding member", "on": "2027-01-01"},
        run=object_to,
    ),
    Operation(
        id="list_link_receipts",
        method="GET",
        path="/networks/{slug}/link-receipts",
        tag=TAG,
        summary=N_("What was said about linked memberships, by both sides' rules"),
        query=ReceiptsQuery,
        answer=shapes.Page[LinkReceipt],
        listing=True,
        run=listing,
    ),
    Operation(
        id="show_link_receipt",
        method="GET",
        path="/link-receipts/{receipt_id}",
        tag=TAG,
        summary=N_("One word on a linked membership, and what became of it"),
        answer=LinkReceipt,
        run=show,
    ),
    Operation(
        id="decide_objection",
        method="POST",
        path="/link-receipts/{receipt_id}/decision",
        tag=TAG,
        summary=N_("Decide an objection"),
        description=N_("For keys that manage the network it is of. Declining ends the link as by its own word."),
        body=ObjectionDecisionForm,
        answer=LinkReceipt,
        example={"outcome": "dismiss", "note": "Agreed with the founding member"},
        run=decide,
    ),
)
