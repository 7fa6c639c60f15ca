"""Money in suspense, banks' files, and what networks share of collected fees."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from cluster_rules.errors import RuleViolation
from crm.actions import bank
from crm.api import shapes
from crm.api.operations import Call, Nothing, Operation
from crm.api.payments import TAG
from crm.i18n import N_
from crm.reads import ledger
from crm.store import fee_shares


class BankFileForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A camt.053 or camt.054 file, as it is; `content` in base64."""

    name: Annotated[str, Meta(min_length=1, max_length=bank.NAME_MAX)]
    content: Annotated[bytes, Meta(max_length=bank.LARGEST_FILE_BYTES)]


class Loose(shapes.Answer, frozen=True):
    """A payment with money that nobody has placed; `left` below zero: more went back than had come in."""

    payment_id: UUID
    amount: shapes.Money
    left: shapes.Money
    received_on: date
    reference: str
    text: str
    payer: str


class Suspense(shapes.Answer, frozen=True):
    """Money in suspense at a network's host, oldest first."""

    items: list[Loose]


class SharesQuery(msgspec.Struct, frozen=True):
    """Which days: `to` is the last one."""

    from_: Annotated[date, Meta(description="The first day.")] = msgspec.field(name="from")
    to: Annotated[date, Meta(description="The last day.")]


class ShareLeg(shapes.Answer, frozen=True):
    """What `source` owes `target` by one version of a link rule, of the money collected in the period."""

    source: str
    target: str
    rule: str
    rulebook_version: int
    vat_code: str
    net: shapes.Money
    vat: shapes.Money


class Shares(shapes.Answer, frozen=True):
    """A network's statement with the networks it shares fees with."""

    from_: date = msgspec.field(name="from")
    to: date
    items: list[ShareLeg]


class BankFile(shapes.Answer, frozen=True):
    """What came of a file: its lines, those known before, and what the new ones were."""

    id: UUID
    lines: int
    known: int
    matched: int
    suspense: int
    returned: int
    unknown_returns: int
    outgoing: int
    waiting: int
    paid: list[UUID]
    reopened: list[UUID]


async def suspense(call: Call[Nothing, None]) -> Suspense:
    network = await call.managed()
    async with call.context.db.reading(call.actor.manages) as connection:
        rows = await ledger.suspense(connection, network.host_id)
    return Suspense(
        [
            Loose(
                row.payment,
                shapes.Money(row.amount, row.currency),
                shapes.Money(row.left, row.currency),
                row.received_on,
                row.reference,
                row.text,
                row.payer_name,
            )
            for row in rows
        ]
    )


async def shares(call: Call[SharesQuery, None]) -> Shares:
    network, query = await call.managed(), call.query
    if query.to < query.from_:
        raise RuleViolation("period_empty", "to", starts_on=query.from_, ends_on=query.to)
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        after = query.to + timedelta(days=1)
        found = await fee_shares.statement(connection, kept, network.id, query.from_, after)
    legs = []
    for leg in found:
        source, target = kept.by_id[leg.source], kept.by_id[leg.target]
        currency = kept.rulebooks.version(source.slug, leg.version).currency
        net, vat = shapes.Money(leg.net, currency), shapes.Money(leg.vat, currency)
        legs.append(ShareLeg(source.slug, target.slug, leg.rule, leg.version, leg.treatment, net, vat))
    return Shares(query.from_, query.to, legs)


async def import_file(call: Call[Nothing, BankFileForm]) -> BankFile:
    network = await call.managed()
    done = await bank.import_file(call.context, call.actor, network.host_id, call.body.name, call.body.content)
    values: dict[str, Any] = msgspec.structs.asdict(done)
    settled = values.pop("settled")
    return BankFile(values.pop("file"), **values, paid=list(settled.paid), reopened=list(settled.reopened))


operations = (
    Operation(
        id="list_suspense",
        method="GET",
        path="/networks/{slug}/suspense",
        tag=TAG,
        summary=N_("Money in suspense"),
        description=N_("Payments at the network's host that nobody has placed."),
        answer=Suspense,
        run=suspense,
    ),
    Operation(
        id="list_shares",
        method="GET",
        path="/networks/{slug}/shares",
        tag=TAG,
        summary=N_("What networks share of collected fees"),
        description=N_("What the network owes others and they owe it, by link rule, for the days asked for."),
        query=SharesQuery,
        answer=Shares,
        run=shares,
    ),
    Operation(
        id="import_bank_file",
        method="POST",
        path="/networks/{slug}/bank-files",
        tag=TAG,
        summary=N_("Import a bank's file"),
        description=N_(
            "camt.054 or camt.053 about an account of the network's host. KIDs pay invoices, the rest waits in "
            "suspense; what is known already changes nothing, so the same file may be sent again."
        ),
        body=BankFileForm,
        answer=BankFile,
        status=201,
        max_body=bank.LARGEST_FILE_BYTES * 3 // 2,
        example={"name": "camt054.xml", "content": "PERvY3VtZW50Lz4="},
        run=import_file,
    ),
)
