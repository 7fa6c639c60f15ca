"""Levels that are paid first: approving issues the invoice, and the membership starts when that is paid.

Until then there is the approval, its invoice and no decision: the application waits as `payment_due`, with the id
that the decision will have. What is billed is what the decision would have cost on the day that was agreed. When all
of that is credited and nothing is billed anew, the approval is void: a person decides about the application again.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from asyncpg import Record

from cluster_rules.cascades import Consequences, decide
from cluster_rules.intents import Charge
from cluster_rules.memberships import Decision, Facts
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import applications, audit, charges, decisions, families, invoices, places
from crm.store.apply import apply, open_membership

_WAITING = """
select distinct a.id, a.network_id, a.organisation_id, a.tier, a.starts_on, a.decision_id from application a
join charge c on c.grant_id = a.decision_id where a.status = 'payment_due' and c.invoice_id = any($1) order by a.id
"""
# The approvals of which nothing is left to pay, by no invoice and no draft; with another application since then.
_VOID = """
select a.id, a.network_id, a.organisation_id, a.tier, exists (select from application o
    where o.network_id = a.network_id and o.organisation_id = a.organisation_id and o.id <> a.id
    and o.status in ('sent', 'info_needed')) as another
from application a where a.status = 'payment_due'
and a.decision_id in (select c.grant_id from charge c where c.invoice_id = any($1))
and not exists (select from charge c where c.grant_id = a.decision_id and c.net > coalesce(
    (select sum(l.net) from credit_line l where l.charge_id = c.id), 0))
order by a.id for update
"""


def asked(kept: Catalogue, decision: Decision, found: Consequences) -> bool:
    """Is this a level that is paid first, and is there anything to pay?"""
    tier = kept.book(decision.network, decision.effective_on).tier(decision.tier)
    return tier is not None and tier.billing == "pay_first" and bool(_own(found, decision))


async def bill(
    connection: Connection,
    kept: Catalogue,
    decision: Decision,
    found: Consequences,
    application: UUID,
    payer: UUID,
    actor: Actor,
    on: date,
    ehf: bool,
) -> tuple[list[UUID], list[UUID]]:
    """Issue what the membership costs, and leave the application waiting for it; (memberships, invoices).

    The refusals of `store.documents`: then nothing is approved.
    """
    network = kept.network(decision.network).id
    membership = await open_membership(connection, decision.organisation, network)
    key = (decision.organisation, decision.network)
    drafts = await charges.gather(connection, kept, {key: membership}, _own(found, decision), payer)
    _, unfit = await invoices.issue_many(connection, kept, drafts, on, actor, ehf)
    for each in unfit:
        raise each.why
    await applications.decide(connection, application, "payment_due", actor.name, decision.effective_on)
    await connection.execute("update application set decision_id = $2 where id = $1", application, decision.id)
    await applications.add_event(connection, application, "payment_due", actor.name)
    return [membership], drafts


async def outcome(connection: Connection, application: UUID) -> tuple[list[UUID], list[UUID]]:
    """The membership that waits, and the invoices that are to be paid for it."""
    rows = await connection.fetch(
        "select distinct c.membership_id, c.invoice_id from application a join charge c on c.grant_id = a.decision_id"
        " where a.id = $1",
        application,
    )
    return list(dict.fromkeys(r["membership_id"] for r in rows)), list(dict.fromkeys(r["invoice_id"] for r in rows))


async def start(
    connection: Connection, kept: Catalogue, paid: Sequence[UUID], actor: Actor, now: datetime, today: date
) -> list[UUID]:
    """Start every membership that waited for one of these invoices, today or on the later day agreed.

    The families must be locked. Returns the memberships that were touched.
    """
    touched: list[UUID] = []
    for row in await connection.fetch(_WAITING, list(paid)):
        touched += await _start(connection, kept, row, actor, now, today)
    return touched


async def release(connection: Connection, credited: Sequence[UUID], actor: Actor) -> list[UUID]:
    """The applications whose invoices are credited whole wait for a decision again: nothing is billed for them now.

    One whose organisation has applied anew since then is closed as withdrawn.
    """
    made: list[UUID] = []
    for row in await connection.fetch(_VOID, list(credited)) if credited else []:
        await connection.execute("update application set decision_id = null where id = $1", row["id"])
        status = "withdrawn" if row["another"] else "sent"
        await applications.decide(connection, row["id"], status, actor.name)
        await applications.add_event(connection, row["id"], "payment_credited", actor.name)
        if row["another"]:
            await applications.add_event(connection, row["id"], "withdrawn", actor.name)
        detail = {"application": str(row["id"]), "tier": row["tier"], "status": status}
        who = row["organisation_id"]
        await audit.append(connection, actor, "application_payment_credited", detail, row["network_id"], who, row["id"])
        made.append(row["id"])
    return made


async def _start(
    connection: Connection, kept: Catalogue, row: Record, actor: Actor, now: datetime, today: date
) -> list[UUID]:
    family = await families.of(connection, row["organisation_id"])
    facts = await families.load(connection, kept, family)
    decision = _decision(kept, row, facts, now, today)
    facts = await places.ask(connection, kept, facts, today, decision)
    found = decide(facts, decision, today)
    membership = await open_membership(connection, decision.organisation, row["network_id"])
    await decisions.record(connection, membership, decision, actor, row["id"])
    own = set(map(id, _own(found, decision)))
    rest = [intent for intent in found.intents if id(intent) not in own]  # those are paid
    applied = await apply(connection, kept, facts, rest, family)
    await applications.decide(connection, row["id"], "approved", actor.name, decision.effective_on)
    await applications.add_event(connection, row["id"], "approved", actor.name)
    detail = {
        "application": str(row["id"]),
        "tier": row["tier"],
        "starts_on": decision.effective_on.isoformat(),
        "paid": True,
    }
    await audit.append(
        connection, actor, "application_approved", detail, row["network_id"], decision.organisation, decision.id
    )
    return [membership, *(m for m in applied.memberships.values() if m != membership)]


def _decision(kept: Catalogue, row: Record, facts: Facts, now: datetime, today: date) -> Decision:
    return Decision(
        id=row["decision_id"],
        organisation=row["organisation_id"],
        network=kept.by_id[row["network_id"]].slug,
        kind="joining",
        effective_on=max(row["starts_on"], today),
        recorded_at=families.moment(facts, now),
        tier=row["tier"],
    )


def _own(found: Consequences, decision: Decision) -> list[Charge]:
    return [i for i in found.intents if isinstance(i, Charge) and i.grant == decision.id]
