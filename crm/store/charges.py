"""Put charges where they belong: on the payer's draft, or on a credit note of the invoice that billed them.

What is given back of something still on a draft is netted there. What is given back of an issued invoice gathers on
one draft credit note of that invoice, and never takes back more of a charge than is left of it (M7): what a
person has credited by hand already is not given back twice.
"""

from collections.abc import Sequence
from datetime import date
from hashlib import md5
from uuid import UUID, uuid4

import msgspec
from asyncpg import Record

from cluster_rules import vat
from cluster_rules.intents import Charge
from cluster_rules.renewals import REASON as RENEWAL
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import ids

# Locks the draft, and makes it when there is none: whoever issues it waits, or has us begin another.
_DRAFT = """
insert into invoice (id, host_id, organisation_id, status, currency, payment_days, network_id, created_at)
select $1, h.id, $3, 'draft', $4, $5, case when h.invoicing = 'separate' then $6::uuid end, now()
from host h where h.id = $2
on conflict (host_id, organisation_id, currency, network_id) where status = 'draft' and kind = 'invoice'
do update set payment_days = invoice.payment_days returning id
"""
_CREDIT_NOTE = """
insert into invoice (id, host_id, organisation_id, status, currency, payment_days, kind, credits_id, reason, created_at)
select $1, i.host_id, i.organisation_id, 'draft', i.currency, 0, 'credit_note', i.id, $3, now()
from invoice i where i.id = $2
on conflict (credits_id) where status = 'draft' and kind = 'credit_note'
do update set payment_days = invoice.payment_days returning id
"""
_CHARGE = """
insert into charge (id, invoice_id, membership_id, grant_id, tier, component, names, starts_on, ends_on, net, vat_code,
    vat_percent, vat, currency, example, steps, reason, hours, account, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, now())
"""
_CREDIT_LINE = """
insert into credit_line (id, invoice_id, charge_id, because_id, net, recorded_at) values ($1, $2, $3, $4, $5, now())
"""
# What was billed for the days that are given back: on which invoice, and how much of it is left.
_BILLED = """
select w.place, c.id, c.invoice_id, i.status, c.grant_id = w.grant_id as same,
    c.net - coalesce((select sum(l.net) from credit_line l where l.charge_id = c.id), 0) as "left"
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::date[], $5::date[]) with ordinality
    as w (membership_id, component, grant_id, starts_on, ends_on, place)
join charge c on c.membership_id = w.membership_id and c.component = w.component and c.net > 0
    and (c.ends_on is null or c.ends_on > w.starts_on) and (w.ends_on is null or c.starts_on < w.ends_on)
join invoice i on i.id = c.invoice_id
order by w.place, i.status, same desc, c.starts_on desc, c.recorded_at desc, c.id
"""
Key = tuple[UUID, str]


class _Taken(msgspec.Struct, frozen=True):
    """How much of one billed charge a negative charge takes back."""

    invoice: UUID
    charge: UUID
    net: int


async def gather(
    connection: Connection, kept: Catalogue, memberships: dict[Key, UUID], charges: Sequence[Charge], payer: UUID
) -> list[UUID]:
    """Store the charges of one family, whose root pays; the drafts and draft credit notes they are on."""
    if not charges:
        return []
    billed = await _billed(connection, memberships, [c for c in charges if c.line.net < 0])
    drafts: dict[tuple[UUID, str, str], UUID] = {}
    touched: dict[UUID, None] = {}
    spent: dict[UUID, int] = {}
    rows, credited = [], []
    for charge in charges:
        found = billed.get(id(charge), [])
        own = _own_id(charge, memberships[charge.organisation, charge.network])
        if found and all(each["status"] == "issued" for each in found):
            taken = _taken(found, -charge.line.net, spent)
            if not taken:
                continue
            notes = [await _credit_note(connection, each.invoice) for each in taken]
            credited += [(uuid4(), note, t.charge, own, t.net) for note, t in zip(notes, taken, strict=True)]
            home = notes[0]
            touched |= dict.fromkeys(notes)
        else:
            home = await _draft(connection, kept, charge, payer, drafts)
            touched[home] = None
        rows.append(_row(own, home, memberships[charge.organisation, charge.network], charge))
    await connection.executemany(_CHARGE, rows)
    if credited:
        await connection.executemany(_CREDIT_LINE, credited)
    return list(touched)


def charge_id(membership: UUID, component: str, starts_on: date) -> UUID:
    """The id of a renewal's charge: made from what may be billed once, so that the primary key says it is."""
    return ids.stored(md5(f"{membership}/{component}/{starts_on}".encode(), usedforsecurity=False).digest())


async def _billed(
    connection: Connection, memberships: dict[Key, UUID], negative: Sequence[Charge]
) -> dict[int, list[Record]]:
    """What each of these charges gives back, drafts first, by the charge's identity."""
    if not negative:
        return {}
    out: dict[int, list[Record]] = {}
    for row in await connection.fetch(
        _BILLED,
        [memberships[c.organisation, c.network] for c in negative],
        [c.line.component for c in negative],
        [c.grant for c in negative],
        [c.line.period.start for c in negative],
        [c.line.period.end for c in negative],
    ):
        out.setdefault(id(negative[row["place"] - 1]), []).append(row)
    return out


def _taken(found: Sequence[Record], amount: int, spent: dict[UUID, int]) -> list[_Taken]:
    """Take `amount` back from what is left, the nearest charge first; `spent` is what others of now have taken."""
    out = []
    for row in found:
        part = min(amount, int(row["left"]) - spent.get(row["id"], 0))
        if part > 0:
            out.append(_Taken(row["invoice_id"], row["id"], part))
            spent[row["id"]] = spent.get(row["id"], 0) + part
            amount -= part
    return out


def _own_id(charge: Charge, membership: UUID) -> UUID:
    if charge.reason.code == RENEWAL:
        return charge_id(membership, charge.line.component, charge.line.period.start)
    return uuid4()


async def _draft(
    connection: Connection, kept: Catalogue, charge: Charge, payer: UUID, drafts: dict[tuple[UUID, str, str], UUID]
) -> UUID:
    network = kept.network(charge.network)
    key = (network.host_id, charge.line.currency, charge.network)
    if key not in drafts:
        days = kept.book(charge.network, charge.line.period.start).invoice.payment_days
        drafts[key] = await connection.fetchval(
            _DRAFT, uuid4(), network.host_id, payer, charge.line.currency, days, network.id
        )
    return drafts[key]


async def _credit_note(connection: Connection, invoice: UUID, reason: str = "") -> UUID:
    return await connection.fetchval(_CREDIT_NOTE, uuid4(), invoice, reason)


def _row(own: UUID, home: UUID, membership: UUID, charge: Charge) -> tuple[object, ...]:
    line = charge.line
    return (
        own,
        home,
        membership,
        charge.grant,
        line.tier,
        line.component,
        line.names,
        line.period.start,
        line.period.end,
        line.net,
        line.vat_code,
        vat.exact(line.vat_percent),
        line.vat,
        line.currency,
        line.example,
        msgspec.to_builtins(line.steps),
        msgspec.to_builtins(charge.reason),
        line.hours,
        line.account,
    )
