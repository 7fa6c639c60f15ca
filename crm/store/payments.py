"""Payments as they came in, notes on those in suspense, and write-offs. Where money stands is the ledger's word.

Amounts are positive minor units. Everything here is the caller's transaction.
"""

from datetime import date
from uuid import UUID, uuid4

import msgspec

from cluster_rules import money_facts
from cluster_rules.ledger import Place
from cluster_rules.money_facts import Received
from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound
from crm.store import ledger
from crm.store.ledger import Booked


class Told(msgspec.Struct, frozen=True):
    """What came with the money: the KID or other reference, free text, who paid from which account."""

    reference: str = ""
    text: str = ""
    payer_name: str = ""
    payer_account: str = ""


class Billed(msgspec.Struct, frozen=True):
    """An issued invoice as payments need it. `gross` minor units of `currency`."""

    id: UUID
    host: UUID
    organisation: UUID
    currency: str
    gross: int
    kid: str
    due_on: date
    network: UUID | None


class Proposed(msgspec.Struct, frozen=True):
    """A write-off as proposed: nothing is booked before another person approves it."""

    id: UUID
    host: UUID
    organisation: UUID
    invoice: UUID
    amount: int
    currency: str
    proposed_by: str
    proposed_by_id: UUID | None
    decision: str


_BILLED = """
select id, host_id as host, organisation_id as organisation, currency, gross, kid, due_on, network_id as network
from invoice where status = 'issued' and kind = 'invoice' and
"""


async def receive(connection: Connection, fact: Received, told: Told, actor: str) -> Booked:
    """Store the payment and book it, with whatever waited for it; "known" when it was there before."""
    payment = money_facts.payment_id(fact.provider, fact.object)
    await ledger.lock_payment(connection, payment)
    await connection.execute(
        "insert into payment (id, host_id, provider, object_id, rail, amount, currency, received_on, reference, text,"
        " payer_name, payer_account, actor, recorded_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now()) on conflict do nothing",
        payment,
        fact.host,
        fact.provider,
        fact.object,
        fact.rail,
        fact.amount,
        fact.currency,
        fact.on,
        told.reference,
        told.text,
        told.payer_name,
        told.payer_account,
        actor,
    )
    return await ledger.post(connection, fact, actor)


async def billed(connection: Connection, invoice: UUID) -> Billed:
    """An issued invoice; NotFound for drafts and credit notes too."""
    row = await connection.fetchrow(_BILLED + "id = $1", invoice)
    if row is None:
        raise NotFound("invoice_id", invoice)
    return Billed(**dict(row))


async def by_kid(connection: Connection, host: UUID, kid: str) -> Billed | None:
    """The host's issued invoice with this KID."""
    row = await connection.fetchrow(_BILLED + "host_id = $1 and kid = $2", host, kid) if kid else None
    return Billed(**dict(row)) if row else None


async def payment(connection: Connection, wanted: UUID) -> tuple[UUID, str, str, str, str]:
    """(host, currency, provider, rail, the provider's object id) of a payment; NotFound."""
    row = await connection.fetchrow(
        "select host_id, currency, provider, rail, object_id from payment where id = $1", wanted
    )
    if row is None:
        raise NotFound("payment", wanted)
    return tuple(row)


async def credits(connection: Connection, about: Billed) -> list[tuple[UUID, Place, int]]:
    """(payment, where it stands, how much) of what an organisation has too much at this host, oldest money first.

    What is too much on a paid invoice counts only as far as the invoice is overpaid.
    """
    rows = await connection.fetch(
        "select e.payment_id, e.invoice_id, -sum(e.amount)::bigint as held, -sum(sum(e.amount)) over w as spare"
        " from ledger_entry e where e.organisation_id = $1 and e.host_id = $2 and e.currency = $3"
        " and e.account in ('receivable', 'member_credit') and e.invoice_id is distinct from $4"
        " group by e.payment_id, e.invoice_id"
        " window w as (partition by e.invoice_id, case when e.invoice_id is null then e.payment_id end)"
        " order by min(e.row_id)",
        about.organisation,
        about.host,
        about.currency,
        about.id,
    )
    out, used = [], {}
    for row in rows:
        spare = int(row["spare"]) - used.get(row["invoice_id"], 0) if row["invoice_id"] else row["held"]
        part = min(row["held"], spare) if row["payment_id"] else 0
        if part > 0:
            used[row["invoice_id"]] = used.get(row["invoice_id"], 0) + part
            out.append((row["payment_id"], Place(about.organisation, row["invoice_id"]), part))
    return out


async def note(connection: Connection, wanted: UUID, text: str, actor: Actor) -> None:
    """Leave a note on a payment."""
    await connection.execute(
        "insert into suspense_note (id, payment_id, note, actor, recorded_at) values ($1, $2, $3, $4, now())",
        uuid4(),
        wanted,
        text,
        actor.name,
    )


async def propose_write_off(connection: Connection, about: Billed, amount: int, reason: str, actor: Actor) -> UUID:
    """Store what somebody proposes to give up of an invoice. asyncpg.UniqueViolationError: one is open already."""
    made = uuid4()
    await connection.execute(
        "insert into write_off (id, host_id, organisation_id, invoice_id, amount, currency, reason, proposed_by,"
        " proposed_by_id, proposed_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())",
        made,
        about.host,
        about.organisation,
        about.id,
        amount,
        about.currency,
        reason,
        actor.name,
        actor.id,
    )
    return made


async def open_write_off(connection: Connection, invoice: UUID) -> UUID | None:
    """The write-off of an invoice that waits for a second person."""
    return await connection.fetchval("select id from write_off where invoice_id = $1 and decision = ''", invoice)


async def lock_write_off(connection: Connection, wanted: UUID) -> Proposed:
    """A write-off, locked until the transaction ends; NotFound."""
    row = await connection.fetchrow(
        "select id, host_id as host, organisation_id as organisation, invoice_id as invoice, amount, currency,"
        " proposed_by, proposed_by_id, decision from write_off where id = $1 for update",
        wanted,
    )
    if row is None:
        raise NotFound("write_off", wanted)
    return Proposed(**dict(row))


async def decide_write_off(connection: Connection, wanted: UUID, decision: str, actor: Actor) -> None:
    """Store the second person's word."""
    await connection.execute(
        "update write_off set decision = $2, decided_by = $3, decided_by_id = $4, decided_at = now() where id = $1",
        wanted,
        decision,
        actor.name,
        actor.id,
    )
