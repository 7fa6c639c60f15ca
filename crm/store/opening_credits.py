"""Opening credits: what members had too much when their books began here, as payments on no invoice (ADR 0055).

Nobody paid them here: in the ledger they stand against the account `opening`. Everything else is as of any other money
that is a member's credit: an invoice is paid with it, or it is paid back.
"""

from collections.abc import Sequence
from uuid import UUID, uuid4

import msgspec

from cluster_rules import money_facts
from cluster_rules.ledger import BEFORE, Part, Place
from cluster_rules.money_facts import Received
from crm.catalogue import NetworkRow
from crm.database import Connection
from crm.store import ledger
from crm.store.import_plans import Work


class Credit(msgspec.Struct, frozen=True):
    """What one organisation has to its credit: minor units, its name, and by what it was known in the other system."""

    organisation: UUID
    amount: int
    name: str
    reference: str = ""


_PAYMENTS = """
insert into payment (id, host_id, provider, object_id, rail, amount, currency, received_on, reference, text, payer_name,
    payer_account, actor, recorded_at)
select id, $2, $3, object_id, 'opening', amount, $4, $5, reference, '', payer_name, '', $6, now()
from unnest($1::uuid[], $7::text[], $8::bigint[], $9::text[], $10::text[])
    as p (id, object_id, amount, reference, payer_name)
"""
_MARKS = """
insert into opening_credit (payment_id, network_id, import_id, reference, amount)
select id, $2, $3, reference, amount from unnest($1::uuid[], $4::text[], $5::bigint[]) as c (id, reference, amount)
"""
_TOTAL = """
select coalesce(sum(e.amount), 0)::bigint from opening_credit c join payment p on p.id = c.payment_id
join ledger_transaction t on t.provider = p.provider and t.object_id = p.object_id and t.phase = 'received'
join ledger_entry e on e.transaction_id = t.id and e.account = 'opening' where c.import_id = $1
"""


async def add(connection: Connection, work: Work, credits: Sequence[Credit]) -> list[UUID]:
    """Unapplied credit as of the day of the import; the payments' ids in the order given."""
    if not credits:
        return []
    network: NetworkRow = work.network
    currency = work.kept.book(network.slug, work.today).currency
    facts = [
        Received(
            host=network.host_id,
            currency=currency,
            on=work.today,
            provider=BEFORE,
            object=str(uuid4()),
            rail="opening",
            amount=each.amount,
            parts=(Part(each.amount, Place(each.organisation)),),
        )
        for each in credits
    ]
    made = [money_facts.payment_id(fact.provider, fact.object) for fact in facts]
    amounts, references = [each.amount for each in credits], [each.reference for each in credits]
    at = (network.host_id, BEFORE, currency, work.today, work.actor.name)
    names = [each.name for each in credits]
    await connection.execute(_PAYMENTS, made, *at, [fact.object for fact in facts], amounts, references, names)
    await connection.execute(_MARKS, made, network.id, work.source, references, amounts)
    await ledger.post_many(connection, facts, work.actor.name)
    return made


async def touched(connection: Connection, payments: Sequence[UUID]) -> set[UUID]:
    """Those of these payments of which anything was booked after they were opened."""
    rows = await connection.fetch(
        "select distinct e.payment_id from ledger_entry e join ledger_transaction t on t.id = e.transaction_id"
        " where e.payment_id = any($1) and t.kind <> 'received'",
        list(payments),
    )
    return {row["payment_id"] for row in rows}


async def withdraw(connection: Connection, work: Work, payments: Sequence[UUID]) -> None:
    """Take opening credits back in the books: each by a reversal that names its original."""
    rows = await connection.fetch(
        "select t.id from payment p join ledger_transaction t on t.provider = p.provider"
        " and t.object_id = p.object_id and t.phase = 'received' where p.id = any($1) order by t.seq",
        list(payments),
    )
    for row in rows:
        await ledger.reverse(connection, row["id"], work.today, work.actor.name)


async def total(connection: Connection, source: UUID) -> int:
    """What the ledger has of the credits of one import: its reconciliation total, minor units."""
    return await connection.fetchval(_TOTAL, source)
