"""Dunning as it is shown: what waits for a person, pauses, letters sent, claims for a collector, why on hold.

Reads run behind the tenant wall: rows of one's hosts. Amounts are minor units; `owed` is with what dunning claimed.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.late_interest import Claim
from crm.database import Connection

MOST = 500
MOST_EXPORTED = 10_000

_OWED = """
join lateral (
    select coalesce(sum(e.amount), 0)::bigint as owed from ledger_entry e
    where e.invoice_id = i.id and e.account in ('receivable', 'member_credit')
) ledger on ledger.owed > 0
"""
_LISTED = f"""
select s.id, s.invoice_id, s.kind, s.on_date as on, s.pay_by, s.principal, s.claims, s.outcome, s.actor, s.note,
    s.decided_by, s.decided_at, s.recorded_at, i.series || '-' || i.number as number, i.organisation_id,
    o.name as organisation, i.currency, i.due_on, ledger.owed, p.id is not null as paused, p.until_on as paused_until
from dunning_step s join invoice i on i.id = s.invoice_id join organisation o on o.id = i.organisation_id
{_OWED} left join dunning_pause p on p.invoice_id = i.id and p.ended_at is null
"""
_STEPS = """
select s.id, s.invoice_id, s.kind, s.on_date as on, s.pay_by, s.principal, s.claims, s.outcome, s.actor, s.note,
    s.decided_by, s.decided_at, s.recorded_at from dunning_step s
"""


class Step(msgspec.Struct, frozen=True):
    """One step of an invoice. `outcome`: done, waiting (for a person), declined."""

    id: UUID
    invoice_id: UUID
    kind: str
    on: date
    pay_by: date | None
    principal: int
    claims: tuple[Claim, ...]
    outcome: str
    actor: str
    note: str
    decided_by: str
    decided_at: datetime | None
    recorded_at: datetime


class Listed(msgspec.Struct, frozen=True):
    """A step with its invoice, which is still owed."""

    step: Step
    number: str
    organisation_id: UUID
    organisation: str
    currency: str
    due_on: date
    owed: int
    paused: bool
    paused_until: date | None


class Pause(msgspec.Struct, frozen=True):
    """An invoice for which nothing is sent; `until` is the first day after, None: until somebody resumes."""

    invoice_id: UUID
    number: str
    organisation_id: UUID
    organisation: str
    currency: str
    due_on: date
    owed: int
    until: date | None
    reason: str
    actor: str


class Exported(msgspec.Struct, frozen=True):
    """A claim for a collector: who owes what, since when, with which letter."""

    number: str
    organisation: str
    organisation_number: str
    email: str
    currency: str
    issued_on: date
    due_on: date
    gross: int
    claims: int
    owed: int
    kid: str
    notice_on: date
    notice_until: date
    sent_on: date


class OnHold(msgspec.Struct, frozen=True):
    """A membership is suspended because this invoice is not paid."""

    membership_id: UUID
    invoice_id: UUID
    number: str
    due_on: date
    currency: str
    owed: int
    since: date


async def waiting(connection: Connection, network: UUID) -> list[Listed]:
    """Steps that wait for a person's word, the oldest first; what is paid meanwhile is left out."""
    rows = await connection.fetch(
        f"{_LISTED} where s.network_id = $1 and s.outcome = 'waiting' order by s.on_date, o.sort_name, s.id limit $2",
        network,
        MOST,
    )
    return [_listed(row) for row in rows]


async def sent(connection: Connection, network: UUID, limit: int = 50) -> list[Listed]:
    """The newest steps that were carried out and are still owed."""
    rows = await connection.fetch(
        f"{_LISTED} where s.network_id = $1 and s.outcome = 'done' order by s.recorded_at desc, s.id limit $2",
        network,
        limit,
    )
    return [_listed(row) for row in rows]


async def paused(connection: Connection, networks: Sequence[UUID], day: date) -> list[Pause]:
    """Pauses that hold on a day, of invoices with a line for one of these networks."""
    rows = await connection.fetch(
        "select i.id as invoice_id, i.series || '-' || i.number as number, i.organisation_id, o.name as organisation,"
        " i.currency, i.due_on, ledger.owed, p.until_on as until, p.reason, p.actor from dunning_pause p"
        f" join invoice i on i.id = p.invoice_id join organisation o on o.id = i.organisation_id {_OWED}"
        " where p.ended_at is null and (p.until_on is null or p.until_on > $2)"
        " and exists (select from charge c join membership m on m.id = c.membership_id"
        "   where c.invoice_id = i.id and m.network_id = any($1)) order by p.until_on nulls last, o.sort_name limit $3",
        list(networks),
        day,
        MOST,
    )
    return [Pause(**dict(row)) for row in rows]


async def timeline(connection: Connection, invoice: UUID) -> list[Step]:
    """The steps of one invoice in the order taken, with what each claimed and how it was reckoned."""
    rows = await connection.fetch(f"{_STEPS} where s.invoice_id = $1 order by s.recorded_at, s.after_days", invoice)
    return [_step(dict(row)) for row in rows]


async def pause_of(connection: Connection, invoice: UUID) -> tuple[date | None, str] | None:
    """(until, reason) of an invoice's open pause."""
    row = await connection.fetchrow(
        "select until_on, reason from dunning_pause where invoice_id = $1 and ended_at is null", invoice
    )
    return tuple(row) if row else None


async def on_hold(connection: Connection, memberships: Sequence[UUID], day: date) -> list[OnHold]:
    """Which of these memberships are suspended on a day for an unpaid invoice, and which invoice."""
    rows = await connection.fetch(
        "select d.membership_id, i.id as invoice_id, i.series || '-' || i.number as number, i.due_on, i.currency,"
        " ledger.owed, d.effective_on as since from unpaid_suspension u"
        " join membership_decision d on d.id = u.decision_id join invoice i on i.id = u.invoice_id"
        f" {_OWED} where d.membership_id = any($1) and d.withdrawn_at is null and d.effective_on <= $2"
        " and (d.until_on is null or d.until_on > $2) order by d.effective_on, i.due_on",
        list(memberships),
        day,
    )
    return [OnHold(**dict(row)) for row in rows]


async def exported(connection: Connection, network: UUID) -> list[Exported]:
    """The claims that were sent to a collector and are still owed, the oldest first."""
    rows = await connection.fetch(
        "select i.series || '-' || i.number as number, o.name as organisation,"
        " coalesce((select f.value from identifier f where f.organisation_id = o.id and f.scheme = 'no-orgnr' limit 1),"
        "   '') as organisation_number,"
        " coalesce((select nullif(b.email, '') from billing b where b.organisation_id = o.id),"
        "   (select c.email from contact c where c.organisation_id = o.id order by c.main desc, c.id limit 1), '')"
        "   as email, i.currency, i.issued_on, i.due_on, i.gross,"
        " coalesce((select -sum(e.amount) from ledger_entry e where e.invoice_id = i.id and e.account = 'income'"
        "   and e.code like 'dunning/%'), 0)::bigint as claims, ledger.owed, i.kid, n.on_date as notice_on,"
        " n.pay_by as notice_until, greatest(s.decided_at::date, s.on_date) as sent_on"
        " from dunning_step s join invoice i on i.id = s.invoice_id"
        f" join organisation o on o.id = i.organisation_id {_OWED}"
        " join dunning_step n on n.invoice_id = i.id and n.kind = 'collection_notice'"
        " where s.network_id = $1 and s.kind = 'export' and s.outcome = 'done' order by i.due_on, i.id limit $2",
        network,
        MOST_EXPORTED,
    )
    return [Exported(**dict(row)) for row in rows]


def _listed(row: Any) -> Listed:
    values = dict(row)
    about = {name: values[name] for name in Listed.__struct_fields__ if name != "step"}
    return Listed(step=_step(values), **about)


def _step(values: dict[str, Any]) -> Step:
    given = {name: values[name] for name in Step.__struct_fields__}
    return Step(**(given | {"claims": tuple(msgspec.convert(each, Claim) for each in values["claims"])}))
