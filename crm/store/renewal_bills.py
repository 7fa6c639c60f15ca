"""Bill members of a run: those who are alike by patterns, all at once; everybody else one by one, as by any decision.

Both ways end in the same rows. What cannot be issued stays behind as a draft with its lines, and is told with the
reason; it holds up nobody else. All in the caller's transaction, with the families locked.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec
from asyncpg import Record

from cluster_rules import document_checks
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import Charge
from crm import document_words
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import bulk_invoices, charges, documents, invoices
from crm.store.bulk_invoices import Bill, Line, Pattern
from crm.store.renewal_facts import Told
from crm.store.renewal_kinds import Kind

_HOST = f"select h.id as host_id, h.invoicing, {documents.SELLER} from host h where h.id = $1"
_BUYERS = f"""
select i.organisation_id, {documents.BUYER}, exists (select from invoice d where d.organisation_id = i.organisation_id
    and d.host_id = $3 and d.status = 'draft' and d.kind = 'invoice') as drafted
from (select id as organisation_id, ''::text as buyer_reference from unnest($1::uuid[]) as w (id)) i
{documents.BUYER_FACTS}
"""
_UNREFERRED = f"""
select * from (
    select i.organisation_id, {documents.BUYER}
    from (select id as organisation_id, ''::text as buyer_reference from unnest($1::uuid[]) as w (id) where id in (
        select organisation_id from organisation_profile where kind = any($3) and superseded_at is null)) i
    {documents.BUYER_FACTS}
) told where buyer_kind = any($3) and reference = ''
"""
Member = tuple[Told, Kind]


class Billed(msgspec.Struct):
    """What came of some members: how many invoices (or drafts), whose failed and why, and the numbers given."""

    invoices: int = 0
    failed: list[tuple[UUID, RuleViolation]] = []
    numbers: list[str] = []


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

    async def bill(self, connection: Connection, members: Sequence[Member]) -> Billed:
        """Bill these members, whose renewals are due; families are whole."""
        out = Billed()
        alike, others = await self._sorted_out(connection, members)
        out.numbers += await bulk_invoices.issue(connection, alike, self.actor, self.ehf)
        out.invoices += len(alike)
        await self._one_by_one(connection, others, out)
        return out

    async def _sorted_out(self, connection: Connection, members: Sequence[Member]) -> tuple[list[Bill], list[Member]]:
        if not self.issue:
            return [], list(members)
        families: dict[UUID, int] = {}
        for row, _ in members:
            families[row.family_id] = families.get(row.family_id, 0) + 1
        single = [(row, kind) for row, kind in members if row.simple and families[row.family_id] == 1]
        others = [(row, kind) for row, kind in members if not row.simple or families[row.family_id] > 1]
        ids = [row.organisation_id for row, _ in single]
        buyers = {b["organisation_id"]: b for b in await connection.fetch(_BUYERS, ids, self.on, self.host["host_id"])}
        bills: list[Bill] = []
        for row, kind in single:
            found = self._bill(row, kind, buyers[row.organisation_id])
            if found:
                bills.append(found)
            else:
                others.append((row, kind))
        return bills, others

    def _bill(self, row: Told, kind: Kind, told: Record) -> Bill | None:
        """The member's bill by its pattern; None when it is to be billed by itself."""
        if told["drafted"]:
            return None
        buyer = documents.buyer(told)
        if not document_checks.plain(buyer):
            return None
        language = told["billing_language"] or told["contact_language"]
        key = (id(kind), language, bool(buyer.reference), buyer.endpoint is not None, told["buyer_kind"])
        if key not in self._patterns:
            self._patterns[key] = self._pattern(row, kind, told)
        pattern = self._patterns[key]
        if pattern is None:
            return None
        grants = kind.grants_of(row)
        email = told["billing_email"] or told["contact_email"] or ""
        peppol_id = told["peppol_id"] or ""
        return Bill(uuid4(), pattern, row.organisation_id, row.membership_id, grants, buyer, email, peppol_id)

    def _pattern(self, row: Told, kind: Kind, told: Record) -> Pattern | None:
        """What the bills of a kind have in common; None when they are not fit, or not on one invoice."""
        network = self.kept.by_id[row.network_id]
        listed = kind.charges
        first = listed[0].line
        days = self.kept.book(network.slug, first.period.start).invoice.payment_days
        draft = {**self.host, **told, "id": uuid4(), "kind": "invoice", "credits_id": None, "reason": ""}
        draft |= {"currency": first.currency, "payment_days": days}
        if any(c.line.currency != first.currency or c.line.net < 0 for c in listed):
            return None
        lines = [_as_stored(row, charge) for charge in listed]
        included = documents.included_of(self.kept, kind.included)
        try:
            paper = documents.invoice(self.kept, draft, lines, included, self.on)
        except RuleViolation:
            return None
        on_it = network.id if self.host["invoicing"] == "separate" else None
        return Pattern(paper, on_it, days, tuple(Line(c.line, c.reason) for c in listed))

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


def _as_stored(row: Told, charge: Charge) -> document_words.Charge:
    """A computed line as a document reads it from storage."""
    line: Any = charge.line
    told: Mapping[str, Any] = {
        name: getattr(line, name)
        for name in ("tier", "component", "names", "net", "vat", "vat_code", "vat_percent", "currency", "account")
    }
    return document_words.Charge(
        id=uuid4(),
        network_id=row.network_id,
        grant_id=charge.grant,
        starts_on=line.period.start,
        ends_on=line.period.end,
        steps=msgspec.json.encode(line.steps).decode(),
        **told,
    )
