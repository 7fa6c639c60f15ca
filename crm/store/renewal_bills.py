"""Bill members of a run: those who are alike by patterns, all at once; everybody else one by one, as by any decision.

Both ways end in the same rows. What cannot be issued stays behind as a draft with its lines, and is told with the
reason; it holds up nobody else. All in the caller's transaction, with the families locked.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec
from asyncpg import Record

from cluster_rules import document_checks
from cluster_rules.documents import Buyer
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import Charge
from cluster_rules.memberships import Grant
from crm import document_words
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import bulk_invoices, charges, documents, invoices
from crm.store.bulk_invoices import Batch, Bill, Line, Pattern
from crm.store.renewal_facts import Told
from crm.store.renewal_kinds import Kind

_HOST = f"select h.id as host_id, h.invoicing, {documents.SELLER} from host h where h.id = $1"
_BUYERS = f"""
select i.organisation_id, {documents.BUYER}, exists (select from invoice d where d.organisation_id = i.organisation_id
    and d.host_id = $3 and d.status = 'draft' and d.kind = 'invoice') as drafted
from (select id as organisation_id, ''::text as buyer_reference from unnest($1::uuid[]) as w (id)) i
{documents.BUYER_FACTS}
"""
_UNITS = "select id, name from organisation where id = any($1)"
_UNREFERRED = f"""
select * from (
    select i.organisation_id, {documents.BUYER}
    from (select id as organisation_id, ''::text as buyer_reference from unnest($1::uuid[]) as w (id) where id in (
        select organisation_id from organisation_profile where kind = any($3) and superseded_at is null)) i
    {documents.BUYER_FACTS}
) told where buyer_kind = any($3) and reference = ''
"""
PAYERS_AT_A_TIME = 100  # then others have their turn: a batch is being written meanwhile
Member = tuple[Told, Kind]


class _Charged(msgspec.Struct, frozen=True):
    """A line of a member's, with the member's own grant."""

    row: Told
    kind: Kind
    charge: Charge
    grant: UUID


class Billed(msgspec.Struct):
    """What came of some members: how many invoices (or drafts), whose failed and why, and the numbers given."""

    invoices: int = 0
    failed: list[tuple[UUID, RuleViolation]] = []
    numbers: list[str] = []


class Made(msgspec.Struct, frozen=True):
    """Bills that are ready but for their numbers, and the members who are billed the ordinary way."""

    batch: Batch
    others: list[Member]


class Billing:
    """Bills one host's members `on` a day; patterns are kept from batch to batch."""

    def __init__(self, kept: Catalogue, host: Record, on: date, actor: Actor, ehf: bool, issue: bool) -> None:
        self.kept = kept
        self.host = dict(host)
        self.on = on
        self.actor = actor
        self.ehf = ehf
        self.issue = issue
        self._patterns: dict[tuple[Any, ...], Pattern | None] = {}

    async def make(self, connection: Connection, members: Sequence[Member]) -> Made:
        """The bills of these members, whose renewals are due; families are whole. Nothing is written."""
        families: dict[UUID, list[Member]] = {}
        for row, kind in members:
            families.setdefault(row.family_id, []).append((row, kind))
        if not self.issue:
            return Made(await Batch.of([], self.ehf), list(members))
        buyers = await connection.fetch(_BUYERS, list(families), self.on, self.host["host_id"])
        units = [row.organisation_id for row, _ in members if row.organisation_id != row.family_id]
        names: dict[UUID, str] = dict(await connection.fetch(_UNITS, units)) if units else {}
        bills: list[Bill] = []
        others: list[Member] = []
        for at, told in enumerate(buyers):
            some = families[told["organisation_id"]]
            made = self._bills(some, told, names)
            bills += made or []
            others += [] if made else some
            if at % PAYERS_AT_A_TIME == 0:
                await asyncio.sleep(0)
        return Made(await Batch.of(bills, self.ehf), others)

    async def write(self, connection: Connection, made: Made) -> Billed:
        """Number, store and book them, then bill the others."""
        out = Billed()
        out.numbers += await bulk_invoices.issue(connection, made.batch, self.actor)
        out.invoices += len(made.batch)
        await self._one_by_one(connection, made.others, out)
        return out

    def _bills(self, members: Sequence[Member], told: Record, names: Mapping[UUID, str]) -> list[Bill] | None:
        """The bills of one payer; None when the ordinary way has to look at it."""
        if told["drafted"]:
            return None
        buyer = documents.buyer(told)
        if not document_checks.plain(buyer):
            return None
        row, kind = members[0]
        if row.simple and len(members) == 1:
            grants = kind.grants_of(row)
            owed = [(row.membership_id, grant) for grant in grants]
            pattern = self._shared(row, kind, told, buyer)
            return [_bill(pattern, told, buyer, owed)] if pattern else None
        bills = []
        for charged in self._papers(members):
            pattern = self._pattern(charged, _included(charged), told, names)
            if pattern is None:
                return None
            bills.append(_bill(pattern, told, buyer, [(each.row.membership_id, each.grant) for each in charged]))
        return bills

    def _shared(self, row: Told, kind: Kind, told: Record, buyer: Buyer) -> Pattern | None:
        """What the bills of a kind have in common, for buyers who are alike for the rules of documents."""
        language = told["billing_language"] or told["contact_language"]
        key = (id(kind), language, bool(buyer.reference), buyer.endpoint is not None, told["buyer_kind"])
        if key not in self._patterns:
            charged = [_Charged(row, kind, c, g) for c, g in zip(kind.charges, kind.grants_of(row), strict=True)]
            self._patterns[key] = self._pattern(charged, kind.included, told, {})
        return self._patterns[key]

    def _papers(self, members: Sequence[Member]) -> list[list[_Charged]]:
        """What a payer owes, invoice by invoice, as `charges.gather` puts it on drafts; lines in their order."""
        papers: dict[tuple[str, UUID | None], list[_Charged]] = {}
        for row, kind in members:
            for charge, grant in zip(kind.charges, kind.grants_of(row), strict=True):
                on_it = row.network_id if self.host["invoicing"] == "separate" else None
                papers.setdefault((charge.line.currency, on_it), []).append(_Charged(row, kind, charge, grant))
        return list(papers.values())

    def _pattern(
        self, charged: list[_Charged], included: Iterable[Grant], told: Record, names: Mapping[UUID, str]
    ) -> Pattern | None:
        """One such bill, whole but for its number; None when it is not fit, or not on one invoice."""
        first = charged[0]
        currency = first.charge.line.currency
        if any(each.charge.line.currency != currency or each.charge.line.net < 0 for each in charged):
            return None
        network = self.kept.by_id[first.row.network_id]
        days = self.kept.book(network.slug, first.charge.line.period.start).invoice.payment_days
        charged.sort(key=_line_order)
        draft = {**self.host, **told, "id": uuid4(), "kind": "invoice", "credits_id": None, "reason": ""}
        draft |= {"currency": currency, "payment_days": days}
        lines = [_as_stored(each, names) for each in charged]
        extra = documents.included_of(self.kept, included)
        try:
            paper = documents.invoice(self.kept, draft, lines, extra, self.on)
        except RuleViolation:
            return None
        on_it = network.id if self.host["invoicing"] == "separate" else None
        return Pattern(paper, on_it, days, tuple([Line(each.charge.line, each.charge.reason) for each in charged]))

    async def _one_by_one(self, connection: Connection, members: Sequence[Member], out: Billed) -> None:
        """As any decision bills: on the payer's draft, which is then issued if drafts are not what is wanted."""
        of_draft: dict[UUID, list[UUID]] = {}
        families: dict[UUID, list[Member]] = {}
        for row, kind in members:
            families.setdefault(row.family_id, []).append((row, kind))
        for payer, some in families.items():
            try:
                async with connection.transaction():
                    drafts = await self._gathered(connection, payer, some)
            except RuleViolation as why:
                out.failed += [(row.membership_id, why) for row, _ in some]
                continue
            for draft in drafts:
                of_draft.setdefault(draft, []).extend(row.membership_id for row, _ in some)
        out.invoices += len(of_draft)
        if not self.issue or not of_draft:
            return
        issued, unfit = await invoices.issue_many(connection, self.kept, list(of_draft), self.on, self.actor, self.ehf)
        out.numbers += [each.number for each in issued]
        out.invoices -= len(unfit)
        out.failed += [(membership, each.why) for each in unfit for membership in dict.fromkeys(of_draft[each.id])]

    async def _gathered(self, connection: Connection, payer: UUID, members: Sequence[Member]) -> list[UUID]:
        memberships: dict[tuple[UUID, str], UUID] = {}
        listed: list[Charge] = []
        for row, kind in members:
            slug = self.kept.by_id[row.network_id].slug
            memberships[row.organisation_id, slug] = row.membership_id
            grants = kind.grants_of(row)
            for charge, grant in zip(kind.charges, grants, strict=True):
                listed.append(msgspec.structs.replace(charge, organisation=row.organisation_id, grant=grant))
        return await charges.gather(connection, self.kept, memberships, listed, payer)


async def without_reference(connection: Connection, payers: Sequence[UUID], on: date) -> dict[UUID, RuleViolation]:
    """Which of these payers are public bodies that have given no reference: their invoices could not be issued."""
    rows = await connection.fetch(_UNREFERRED, list(payers), on, list(documents.PUBLIC))
    return {
        row["organisation_id"]: RuleViolation("buyer_reference_missing", "buyer_reference", organisation=row["buyer"])
        for row in rows
    }


async def host(connection: Connection, wanted: UUID) -> Record:
    """What is needed of the host to bill for it."""
    return await connection.fetchrow(_HOST, wanted)


def _bill(pattern: Pattern, told: Record, buyer: Buyer, owed: Sequence[tuple[UUID, UUID]]) -> Bill:
    email = told["billing_email"] or told["contact_email"] or ""
    return Bill(pattern, told["organisation_id"], tuple(owed), buyer, email, told["peppol_id"] or "")


def _line_order(each: _Charged) -> tuple[date, int, UUID]:
    line = each.charge.line
    return line.period.start, -line.net, charges.charge_id(each.row.membership_id, line.component, line.period.start)


def _included(charged: Iterable[_Charged]) -> Iterable[Grant]:
    """What comes with these lines."""
    kinds = {id(each.kind): each.kind for each in charged}
    return (grant for kind in kinds.values() for grant in kind.included)


def _as_stored(each: _Charged, names: Mapping[UUID, str]) -> document_words.Charge:
    """A computed line as a document reads it from storage."""
    line: Any = each.charge.line
    told: Mapping[str, Any] = {
        name: getattr(line, name)
        for name in ("tier", "component", "names", "net", "vat", "vat_code", "vat_percent", "currency", "account")
    }
    return document_words.Charge(
        id=uuid4(),
        network_id=each.row.network_id,
        grant_id=each.grant,
        starts_on=line.period.start,
        ends_on=line.period.end,
        steps=msgspec.json.encode(line.steps).decode(),
        unit=names.get(each.row.organisation_id),
        **told,
    )
