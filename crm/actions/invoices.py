"""Issue invoices and credit notes; see first what would be issued; take back all or part of what was billed."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from cluster_rules import document_checks
from cluster_rules.documents import Document
from cluster_rules.errors import RuleViolation
from crm import catalogue, faults, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.gateways import invoice_files
from crm.store import audit, credit_notes, documents, invoice_rates, invoices, settlement
from crm.store.credit_notes import Credited
from crm.store.documents import Unfit
from crm.store.invoices import Issued

_RATE = re.compile(r"([0-9]{1,7})(?:[.]([0-9]{1,4}))?")
MOST_RATE = 1_000_000_0000  # nobody's unit is worth a million of another's


class Row(msgspec.Struct, frozen=True):
    """An invoice as deciding about it needs it: the networks whose lines are on it, today where its host is."""

    id: UUID
    kind: str
    status: str
    networks: tuple[UUID, ...]
    organisation_id: UUID
    today: date


class Credit(msgspec.Struct, frozen=True):
    """What to take back: the whole of what is left, some lines, or an `amount` without VAT, spread over the lines.

    `lines` are (charge, net amount or None for what is left of it). `again`: the whole is billed anew on a draft, for
    an invoice that was wrong.
    """

    reason: str
    what: Literal["whole", "lines", "amount"] = "whole"
    lines: tuple[tuple[UUID, int | None], ...] = ()
    amount: int = 0
    again: bool = False


class Exchange(msgspec.Struct, frozen=True):
    """One unit of the invoice's currency in the seller's own, in ten-thousandths; from whom, and for which day."""

    rate: int
    source: str
    on: date


def ten_thousandths(text: str) -> int:
    """A rate as it is typed, 11.7345 or 11,7345; 0 when it is none, which `exchange` refuses."""
    found = _RATE.fullmatch(text.strip().replace(",", "."))
    return int(found[1]) * 10_000 + int((found[2] or "").ljust(4, "0")) if found else 0


class Draft(msgspec.Struct, frozen=True):
    """A draft as issuing now would make it, or why it cannot be; `paper_only`: rules that keep it from going as EHF."""

    document: Document | None
    obstacles: tuple[RuleViolation, ...] = ()
    paper_only: tuple[str, ...] = ()


class _OnlyLooked(Exception):
    """Nothing is stored of what was only looked at."""


async def issue(context: Context, actor: Actor, invoice: UUID) -> UUID:
    """Give one draft its number, for good. Repeating is harmless: what is issued stays as it is.

    The refusals of `store.documents`; NotFound or Forbidden without all of its networks.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        await _lock(connection, [invoice])
        row = await _row(connection, context, actor, invoice)
        if row.status == "issued":
            return invoice
        issued, unfit = await invoices.issue_many(connection, kept, [invoice], row.today, actor, _ehf(context))
        for each in unfit:
            raise each.why
        await settlement.settle_credits(connection, kept, issued, actor, context.clock.now(), row.today)
        await _audit(connection, actor, issued)
        faults.point("issue_before_commit")
    faults.point("issue_committed")
    return invoice


async def issue_many(context: Context, actor: Actor, wanted: Sequence[UUID]) -> tuple[list[Issued], list[Unfit]]:
    """Issue several drafts in one transaction, those that are fit; the others are told with why not."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        await _lock(connection, wanted)
        by_day: dict[date, list[UUID]] = {}
        for row in await _rows(connection, context, actor, wanted):
            by_day.setdefault(row.today, []).append(row.id)
        issued: list[Issued] = []
        unfit: list[Unfit] = []
        for day, drafts in by_day.items():  # hosts' days begin at different moments
            made, bad = await invoices.issue_many(connection, kept, drafts, day, actor, _ehf(context))
            await settlement.settle_credits(connection, kept, made, actor, context.clock.now(), day)
            issued += made
            unfit += bad
        await _audit(connection, actor, issued)
        return issued, unfit


async def preview(context: Context, actor: Actor, invoice: UUID) -> Document:
    """The document as issuing now would make it, but for its number and KID. RuleViolation when it is not fit."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        row = await _row(connection, context, actor, invoice)
        if row.status != "draft":
            raise Refused("already_issued", "status")
        good, bad = await documents.papers(connection, kept, [invoice], row.today)
        for each in bad:
            raise each.why
        return good[0].document


async def look(context: Context, actor: Actor, invoice: UUID) -> Draft:
    """What issuing this draft now would make, or everything that stands in its way. Refused `already_issued`."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        row = await _row(connection, context, actor, invoice)
        if row.status != "draft":
            raise Refused("already_issued", "status")
        good, bad = await documents.papers(connection, kept, [invoice], row.today)
    for each in bad:
        return Draft(None, tuple(_each_rule(each.why)))
    (paper,) = good
    wrong = document_checks.check(paper.document) if paper.peppol_id else ()
    return Draft(paper.document, (), tuple(dict.fromkeys(w.rule for w in wrong if w.electronic and w.level == "fatal")))


async def unfit(context: Context, actor: Actor, drafts: Sequence[UUID]) -> dict[UUID, RuleViolation]:
    """Which of these drafts could not be issued now, and why. NotFound or Forbidden as for issuing."""
    found: dict[UUID, RuleViolation] = {}
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        by_day: dict[date, list[UUID]] = {}
        for row in await _rows(connection, context, actor, drafts):
            by_day.setdefault(row.today, []).append(row.id)
        for day, wanted in by_day.items():
            _, bad = await documents.papers(connection, kept, wanted, day)
            found |= {each.id: each.why for each in bad}
    return found


async def refer(context: Context, actor: Actor, invoice: UUID, reference: str) -> None:
    """Put the buyer's reference on a draft; empty takes it off again. Refused `already_issued`; Invalid."""
    problems: forms.Problems = []
    forms.text(problems, "buyer_reference", reference, forms.SHORT_MAX, required=False)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        drafts = await invoices.lock(connection, [invoice])
        row = await _row(connection, context, actor, invoice)
        if not drafts:
            raise Refused("already_issued", "status")
        await invoices.refer(connection, invoice, reference.strip())
        detail = {"invoice": str(invoice), "reference": reference.strip()}
        await audit.append(connection, actor, "buyer_reference_changed", detail, row.networks[0], row.organisation_id)


async def exchange(context: Context, actor: Actor, invoice: UUID, rate: Exchange) -> None:
    """Say by which rate a draft's VAT is told in the seller's own currency; in place of an earlier rate.

    Refused `already_issued`; RuleViolation `rate_wrong`, `date_out_of_range`; Invalid.
    """
    problems: forms.Problems = []
    forms.text(problems, "rate_source", rate.source, forms.SHORT_MAX)
    if problems:
        raise Invalid(problems)
    if not 0 < rate.rate <= MOST_RATE:
        raise RuleViolation("rate_wrong", "rate", given=rate.rate)
    async with context.db.tx() as connection:
        drafts = await invoices.lock(connection, [invoice])
        row = await _row(connection, context, actor, invoice)
        if not drafts:
            raise Refused("already_issued", "status")
        if not row.today - documents.OLDEST_RATE <= rate.on <= row.today:
            raise RuleViolation("date_out_of_range", "rate_on", given=rate.on)
        await invoice_rates.save(connection, invoice, rate.rate, rate.source.strip(), rate.on, actor.name)
        detail = {"invoice": str(invoice), "rate": rate.rate, "on": rate.on.isoformat(), "source": rate.source.strip()}
        await audit.append(connection, actor, "exchange_rate_set", detail, row.networks[0], row.organisation_id)


async def file(context: Context, actor: Actor, invoice: UUID, kind: Literal["pdf", "xml"]) -> tuple[str, bytes]:
    """The number and the document of an issued invoice as a file. Refused `not_issued_yet` for a draft."""
    async with context.db.tx() as connection:
        row = await _row(connection, context, actor, invoice)
        if row.status != "issued":
            raise Refused("not_issued_yet", "status")
        document = await documents.stored(connection, invoice)
    content = invoice_files.xml(document) if kind == "xml" else await invoice_files.paper(document)
    return document.number, content


async def credit(context: Context, actor: Actor, invoice: UUID, wanted: Credit) -> Credited:
    """Issue a credit note on an issued invoice, never for more than is left of it (M7).

    RuleViolation `credit_exceeds`, `nothing_to_credit`, `line_unknown`, `amount_invalid`, `not_issued`.
    """
    async with context.db.tx() as connection:
        return await _credit(connection, context, actor, invoice, wanted)


async def preview_credit(context: Context, actor: Actor, invoice: UUID, wanted: Credit) -> Document:
    """The credit note as `credit` would issue it now; refused as it would be. Nothing is stored, no number spent."""
    found: Document | None = None
    try:
        async with context.db.tx() as connection:
            made = await _credit(connection, context, actor, invoice, wanted)
            found = await documents.stored(connection, made.id)
            raise _OnlyLooked
    except _OnlyLooked:
        if found is None:
            raise
        return found


async def _credit(connection: Connection, context: Context, actor: Actor, invoice: UUID, wanted: Credit) -> Credited:
    problems: forms.Problems = []
    forms.text(problems, "reason", wanted.reason, forms.NOTE_MAX)
    if problems:
        raise Invalid(problems)
    kept = await catalogue.load(connection)
    await _lock(connection, [invoice])
    row = await _row(connection, context, actor, invoice)
    if row.kind != "invoice" or row.status != "issued":
        raise Refused("not_issued", "status")
    left = await credit_notes.left(connection, invoice)
    parts = _parts(wanted, left)
    note = await credit_notes.begin(connection, invoice, wanted.reason.strip(), parts)
    issued, unfit = await invoices.issue_many(connection, kept, [note], row.today, actor, _ehf(context))
    for each in unfit:
        raise each.why
    again = await credit_notes.bill_again(connection, invoice, parts) if wanted.again else None
    await settlement.settle_credits(connection, kept, issued, actor, context.clock.now(), row.today)
    detail = {"invoice": str(invoice), "reason": wanted.reason.strip()}
    await _audit(connection, actor, issued, **detail)
    return Credited(note, issued[0].number, issued[0].gross, again)


def _each_rule(why: RuleViolation) -> list[RuleViolation]:
    """A document that breaks several rules, one refusal for each."""
    rules = why.params.get("rules") or []
    if why.code != "document_incomplete" or len(rules) < 2:
        return [why]
    return [RuleViolation(why.code, field, rule=rule) for rule, field in dict(rules).items()]


def _parts(wanted: Credit, left: dict[UUID, int]) -> dict[UUID, int]:
    """How much of which charge; `left` is what no credit note has taken back yet."""
    if not any(left.values()):
        raise Refused("nothing_to_credit", "invoice")
    if wanted.what == "whole":
        return {charge: net for charge, net in left.items() if net}
    if wanted.again:
        raise RuleViolation("again_not_whole", "again")
    if wanted.what == "amount":
        return credit_notes.spread(left, wanted.amount)
    return _lines(wanted, left)


def _lines(wanted: Credit, left: dict[UUID, int]) -> dict[UUID, int]:
    if not wanted.lines:
        raise RuleViolation("required", "lines")
    parts: dict[UUID, int] = {}
    for place, (charge, amount) in enumerate(wanted.lines):
        field = f"lines.{place}.amount"
        if charge not in left or charge in parts:
            raise RuleViolation("line_unknown", f"lines.{place}.id")
        net = left[charge] if amount is None else amount
        if net * left[charge] <= 0:
            raise RuleViolation("amount_invalid", field, given=net)
        if abs(net) > abs(left[charge]):
            raise RuleViolation("credit_exceeds", field, given=net, left=left[charge])
        parts[charge] = net
    if not 0 < sum(parts.values()) <= sum(left.values()):
        raise RuleViolation("credit_exceeds", "lines", given=sum(parts.values()), left=sum(left.values()))
    return parts


async def _lock(connection: Connection, wanted: Sequence[UUID]) -> None:
    """Families before invoices, as everybody locks them: a credit note may close what memberships wait for."""
    payers = {row["organisation_id"] for row in await invoices.rows(connection, wanted)}
    await settlement.lock(connection, payers)
    await invoices.lock(connection, wanted)


def _ehf(context: Context) -> bool:
    return bool(context.settings.ehf_url)


async def _row(connection: Connection, context: Context, actor: Actor, invoice: UUID) -> Row:
    (row,) = await _rows(connection, context, actor, [invoice])
    return row


async def _rows(connection: Connection, context: Context, actor: Actor, wanted: Sequence[UUID]) -> list[Row]:
    """These invoices, if the actor manages every network on them. NotFound, Forbidden."""
    found = {
        row["id"]: Row(
            row["id"],
            row["kind"],
            row["status"],
            tuple(row["networks"]),
            row["organisation_id"],
            context.clock.today(ZoneInfo(row["time_zone"])),
        )
        for row in await invoices.rows(connection, wanted)
    }
    out = []
    for invoice in dict.fromkeys(wanted):
        if invoice not in found:
            raise NotFound("invoice_id", invoice)
        actor.must_manage_all(found[invoice].networks, "invoice_id", invoice)
        out.append(found[invoice])
    return out


async def _audit(connection: Connection, actor: Actor, issued: Sequence[Issued], **detail: str) -> None:
    """One entry for each document: who gave which number to what."""
    for each in issued:
        told = {"number": each.number, "amount": each.gross, "currency": each.currency, **detail}
        network = each.networks[0] if each.networks else None
        action = "credit_note_issued" if each.kind == "credit_note" else "invoice_issued"
        await audit.append(connection, actor, action, told, network, each.organisation_id, each.id)
