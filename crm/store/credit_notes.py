"""Credit notes by a person's word: what is left of an invoice, and the draft that takes some of it back."""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.money import split
from crm.database import Connection

_LEFT = """
select c.id, c.net - coalesce((select sum(l.net) from credit_line l where l.charge_id = c.id), 0)::bigint as "left"
from charge c where c.invoice_id = $1 order by c.starts_on, c.recorded_at, c.net desc, c.id
"""
_WHOLE = """
select i.id from invoice i where i.id = any($1) and i.kind = 'invoice' and i.status = 'issued' and i.gross = (
    select sum(n.gross) from invoice n where n.credits_id = i.id and n.status = 'issued')
"""
_BEGIN = """
insert into invoice (id, host_id, organisation_id, status, currency, payment_days, kind, credits_id, reason, created_at)
select $1, i.host_id, i.organisation_id, 'draft', i.currency, 0, 'credit_note', i.id, $3, now()
from invoice i where i.id = $2 and not exists
    (select from invoice n where n.credits_id = i.id and n.status = 'draft')
"""
_LINES = """
insert into credit_line (id, invoice_id, charge_id, net, recorded_at)
select gen_random_uuid(), $1, f.charge_id, f.net, now() from unnest($2::uuid[], $3::bigint[]) as f (charge_id, net)
"""
_DRAFT = """
insert into invoice (id, host_id, organisation_id, status, currency, payment_days, network_id, created_at)
select $1, i.host_id, i.organisation_id, 'draft', i.currency, i.payment_days, i.network_id, now()
from invoice i where i.id = $2
on conflict (host_id, organisation_id, currency, network_id) where status = 'draft' and kind = 'invoice'
do update set payment_days = invoice.payment_days returning id
"""
_AGAIN = """
insert into charge (id, invoice_id, membership_id, grant_id, tier, component, names, starts_on, ends_on, net, vat_code,
    vat_percent, vat, currency, example, steps, reason, hours, account, recorded_at, billed_again_for)
select gen_random_uuid(), $1, membership_id, grant_id, tier, component, names, starts_on, ends_on, net, vat_code,
    vat_percent, vat, currency, example, steps, reason, hours, account, now(), id
from charge where id = any($2)
"""


class Credited(msgspec.Struct, frozen=True):
    """A credit note that was issued: its id, number and amount with VAT; `again` is the draft that bills it anew."""

    id: UUID
    number: str
    gross: int
    again: UUID | None


async def left(connection: Connection, invoice: UUID) -> dict[UUID, int]:
    """The net amount of each charge of an invoice that no credit note (draft ones too) takes back."""
    return {row["id"]: row["left"] for row in await connection.fetch(_LEFT, invoice)}


async def whole(connection: Connection, invoices: Sequence[UUID]) -> list[UUID]:
    """Those of these invoices of which issued credit notes take back everything that was billed."""
    return [row["id"] for row in await connection.fetch(_WHOLE, list(invoices))]


def spread(left: Mapping[UUID, int], amount: int) -> dict[UUID, int]:
    """An amount without VAT over what is left of the lines that were billed, in proportion, to the last minor unit.

    RuleViolation `amount_invalid`, `credit_exceeds`.
    """
    if amount <= 0:
        raise RuleViolation("amount_invalid", "amount", given=amount)
    if amount > sum(left.values()):
        raise RuleViolation("credit_exceeds", "amount", given=amount, left=sum(left.values()))
    billed = {charge: net for charge, net in left.items() if net > 0}
    parts = split(amount, list(billed.values()))
    return {charge: part for charge, part in zip(billed, parts, strict=True) if part}


async def begin(connection: Connection, invoice: UUID, reason: str, parts: Mapping[UUID, int]) -> UUID:
    """A draft credit note of these parts. RuleViolation `credit_note_waiting` when one waits to be issued already."""
    note = uuid4()
    if await connection.execute(_BEGIN, note, invoice, reason) != "INSERT 0 1":
        raise RuleViolation("credit_note_waiting", "invoice")
    await connection.execute(_LINES, note, list(parts), list(parts.values()))
    return note


async def bill_again(connection: Connection, invoice: UUID, parts: Mapping[UUID, int]) -> UUID:
    """The charges of an invoice that was credited whole, once more on the payer's draft."""
    draft = await connection.fetchval(_DRAFT, uuid4(), invoice)
    whole = [
        row["id"]
        for row in await connection.fetch("select id, net from charge where id = any($1)", list(parts))
        if row["net"] == parts[row["id"]]
    ]
    if len(whole) != len(parts):
        raise RuleViolation("again_not_whole", "again")
    await connection.execute(_AGAIN, draft, whole)
    return draft
