"""Statements between networks whose rules share fees, line by line, and noting that one was settled."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import fee_shares as actions
from crm.api import shapes
from crm.api.bank import TAG, SharesQuery
from crm.api.operations import Call, Nothing, Operation
from crm.catalogue import Catalogue
from crm.i18n import N_
from crm.store.fee_share_statements import Settlement


class FeeShareLine(shapes.Answer, frozen=True):
    """A share of one invoice by one rule, as it changed in these days; less than 0 where money went back."""

    source: str
    target: str
    rule: str
    rulebook_version: int
    agreement: str
    members: str
    percent: int
    vat_code: str
    net: shapes.Money


class FeeShareSum(shapes.Answer, frozen=True):
    """What `source` owes `target`, in one currency."""

    source: str
    target: str
    net: shapes.Money
    vat: shapes.Money


class FeeShareSettlement(shapes.Answer, frozen=True):
    """That `source` paid `target` for these days, both included; with what it came to then."""

    id: UUID
    source: str
    target: str
    from_: date = msgspec.field(name="from")
    to: date
    net: shapes.Money
    vat: shapes.Money
    reference: str
    by: str
    recorded_at: datetime


class FeeShareStatement(shapes.Answer, frozen=True):
    """A network with the networks it shares fees with; the other one's has the same figures."""

    network: str
    from_: date = msgspec.field(name="from")
    to: date
    lines: list[FeeShareLine]
    sums: list[FeeShareSum]
    settlements: list[FeeShareSettlement]


class FeeShareSettlementForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `source` owes `target` for these days, both included, was paid."""

    source: Annotated[str, Meta(min_length=1, max_length=60)]
    target: Annotated[str, Meta(min_length=1, max_length=60)]
    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    to: date
    from_: date = msgspec.field(name="from")
    reference: Annotated[str, Meta(max_length=forms.SHORT_MAX)] = ""


async def show(call: Call[SharesQuery, None]) -> FeeShareStatement:
    query = call.query
    kept, found = await actions.statement(call.context, call.actor, call.slug(), query.from_, query.to)
    return FeeShareStatement(
        call.slug(),
        query.from_,
        query.to,
        [
            FeeShareLine(
                kept.by_id[line.source].slug,
                kept.by_id[line.target].slug,
                line.rule,
                line.version,
                line.agreement,
                line.members,
                line.percent,
                line.treatment,
                shapes.Money(line.net, line.currency),
            )
            for line in found.lines
        ],
        [
            FeeShareSum(
                kept.by_id[each.source].slug,
                kept.by_id[each.target].slug,
                shapes.Money(each.net, each.currency),
                shapes.Money(each.vat, each.currency),
            )
            for each in found.sums
        ],
        [_settlement(kept, each) for each in found.settlements],
    )


async def settle(call: Call[Nothing, FeeShareSettlementForm]) -> FeeShareSettlement:
    form, slug = call.body, call.slug()
    days = (form.from_, form.to)
    made = await actions.settle(
        call.context, call.actor, slug, form.source, form.target, form.currency, *days, form.reference
    )
    kept, found = await actions.statement(call.context, call.actor, slug, *days)
    return _settlement(kept, next(each for each in found.settlements if each.id == made))


async def undo(call: Call[Nothing, Any]) -> FeeShareSettlement:
    found = await actions.undo(call.context, call.actor, call.id("settlement_id"))
    return _settlement(await call.kept(), found)


def _settlement(kept: Catalogue, found: Settlement) -> FeeShareSettlement:
    return FeeShareSettlement(
        found.id,
        kept.by_id[found.source].slug,
        kept.by_id[found.target].slug,
        found.first,
        found.after - timedelta(days=1),
        shapes.Money(found.net, found.currency),
        shapes.Money(found.vat, found.currency),
        found.reference,
        found.actor,
        found.recorded_at,
    )


_EXAMPLE = {
    "source": "nora-industry-network",
    "target": "claire-innovation-network",
    "currency": "NOK",
    "from": "2027-01-01",
    "to": "2027-06-30",
    "reference": "Invoice 2027-14",
}
operations = (
    Operation(
        id="show_fee_share_statement",
        method="GET",
        path="/networks/{slug}/fee-share-statement",
        tag=TAG,
        summary=N_("Statement of shared fees, line by line"),
        description=N_("By member, link rule and agreement, with sums and what is settled. Both see the same."),
        query=SharesQuery,
        answer=FeeShareStatement,
        run=show,
    ),
    Operation(
        id="settle_fee_shares",
        method="POST",
        path="/networks/{slug}/fee-share-settlements",
        tag=TAG,
        summary=N_("Note that shared fees were settled"),
        description=N_("Said by one of the two, once for a day. Nothing is booked: the money moved elsewhere."),
        body=FeeShareSettlementForm,
        answer=FeeShareSettlement,
        status=201,
        missing=("target",),
        example=_EXAMPLE,
        run=settle,
    ),
    Operation(
        id="undo_fee_share_settlement",
        method="DELETE",
        path="/fee-share-settlements/{settlement_id}",
        tag=TAG,
        summary=N_("They were not settled after all"),
        answer=FeeShareSettlement,
        run=undo,
    ),
)
