"""Dunning in the database: which invoices have a step due, asked as one statement, and the steps taken (ADR 0016).

A step is written once for an invoice (`dunning_step_once`); whoever takes one holds the invoice's row, as whoever pays
does. Everything here is the caller's transaction. Amounts are minor units; days are the network's own.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import msgspec

from cluster_rules import dunning
from cluster_rules.dunning import DunningStep, Next, Nothing, Overdue, Taken
from cluster_rules.late_interest import Claim, Late
from cluster_rules.money_facts import Claimed
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.store import ledger

FIRST = UUID(int=0)
# $1 networks, $2 keys and $3 days of their steps, $4 the day, $5 only these invoices (null: all).
# What is owed is summed once for all; what was claimed by dunning itself is not among the principal.
_OWING = """
with ladder as (
    select * from unnest($1::uuid[], $2::text[], $3::int[]) as l (network_id, key, after_days)
), first as (
    select network_id, min(after_days) as after_days from ladder group by 1
), owing as (
    select e.invoice_id, sum(e.amount)::bigint as owed, sum(e.amount) filter (where t.kind <> 'claimed'
        and back.kind is distinct from 'claimed')::bigint as principal
    from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
    left join ledger_transaction back on back.id = t.reverses_id
    where e.account in ('receivable', 'member_credit') and e.invoice_id is not null
        and e.host_id in (select host_id from network where id = any($1))
        and {these}
    group by 1 having sum(e.amount) > 0
), late as (
    select i.id, i.host_id, i.organisation_id, i.due_on, i.currency, i.language, i.kid, i.gross,
        i.series || '-' || i.number as number, place.network_id, o.owed, o.principal
    from owing o join invoice i on i.id = o.invoice_id join invoice_document d on d.invoice_id = i.id
    cross join lateral (
        select f.network_id, f.after_days from unnest(d.network_ids) with ordinality as x (network_id, n)
        join first f using (network_id) order by x.n limit 1
    ) place
    where o.principal > 0 and i.due_on < $4 and i.status = 'issued' and i.kind = 'invoice'
), known as (
    select late.*, last.after_days as last_days, last.on_date as last_on, paused.id is not null as paused,
        paused.until_on as paused_until, paused.reason as pause_reason, again.on_date as owed_again_on,
        coalesce(reserved.amount, 0) > 0 as disputed, waits.id as waits, notice.until as notice_until
    from late
    left join lateral (select s.after_days, s.on_date from dunning_step s where s.invoice_id = late.id
        order by s.after_days desc, s.on_date desc limit 1) last on true
    left join dunning_pause paused on paused.invoice_id = late.id and paused.ended_at is null
    left join lateral (select max((v.recorded_at at time zone n.time_zone)::date) as on_date
        from invoice_event v join network n on n.id = late.network_id
        where v.invoice_id = late.id and v.kind = 'reopened') again on true
    left join lateral (select sum(r.amount) as amount from ledger_entry r where r.account = 'dispute_reserve'
        and r.payment_id in (select p.payment_id from ledger_entry p where p.invoice_id = late.id
            and p.payment_id is not null and p.account in ('receivable', 'member_credit', 'suspense'))) reserved on true
    left join lateral (select s.id from dunning_step s where s.invoice_id = late.id and s.outcome = 'waiting'
        limit 1) waits on true
    left join lateral (select max(s.pay_by) as until from dunning_step s where s.invoice_id = late.id
        and s.kind = 'collection_notice') notice on true
)
"""
_ALL = _OWING.replace("{these}", "$5::uuid[] is null")
_THESE = _OWING.replace("{these}", "e.invoice_id = any($5)")
# The same rule as `cluster_rules.dunning.next_step`, for all invoices at once (tests compare the two).
_DUE = """
select known.id from known cross join lateral (
    select l.after_days, l.key like 'export-%' as export from ladder l
    where l.network_id = known.network_id and l.after_days > coalesce(last_days, 0)
        and not exists (select from dunning_step s where s.invoice_id = known.id and s.key = l.key)
    order by l.after_days limit 1
) next
where not disputed and waits is null and not (paused and (paused_until is null or $4 < paused_until))
    and $4 >= case when last_on is null then greatest(due_on, owed_again_on) + next.after_days
        else greatest(due_on + next.after_days,
            greatest(last_on, due_on, owed_again_on) + next.after_days - last_days) end
    and (not next.export or coalesce(notice_until < $4, false))
    and known.id > $6 order by known.id limit $7
"""
_FACTS = """
select known.*, o.name as organisation, d.document -> 'seller' as seller,
    coalesce(nullif(b.email, ''), c.email, '') as email, coalesce(nullif(b.name, ''), c.name, '') as recipient,
    coalesce((select p.kind from organisation_profile p where p.organisation_id = o.id and p.superseded_at is null
        order by (p.starts_on <= $4 and (p.ends_on is null or p.ends_on > $4)) desc, p.starts_on desc limit 1),
        'company') as organisation_kind,
    coalesce((select jsonb_agg(jsonb_build_object('key', s.key, 'after_days', s.after_days, 'on', s.on_date,
        'outcome', s.outcome)) from dunning_step s where s.invoice_id = known.id), '[]') as taken
from known join organisation o on o.id = known.organisation_id join invoice_document d on d.invoice_id = known.id
left join billing b on b.organisation_id = o.id
left join lateral (select email, name from contact c where c.organisation_id = o.id
    order by c.main desc, c.created_at desc, c.id limit 1) c on true
where known.id > $6 order by known.id limit $7
"""
_BALANCES = """
select e.invoice_id, t.on_date,
    sum(sum(e.amount)) over (partition by e.invoice_id order by t.on_date)::bigint as remaining
from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
left join ledger_transaction back on back.id = t.reverses_id
where e.invoice_id = any($1) and e.account in ('receivable', 'member_credit') and t.kind <> 'claimed'
    and back.kind is distinct from 'claimed' group by e.invoice_id, t.on_date order by 1, 2
"""
_FEES = """
select e.invoice_id, -sum(e.amount)::bigint as fees from ledger_entry e
where e.invoice_id = any($1) and e.account = 'income' and e.code = 'dunning/reminder_fee' group by 1
"""


class Row(msgspec.Struct, frozen=True):
    """An overdue invoice and all that deciding its next step needs. `owed` with, `principal` without old claims."""

    id: UUID
    host_id: UUID
    network_id: UUID
    organisation_id: UUID
    organisation: str
    organisation_kind: str
    number: str
    kid: str
    currency: str
    language: str
    seller: dict[str, Any]
    due_on: date
    gross: int
    owed: int
    principal: int
    email: str
    recipient: str
    pause_reason: str
    about: Overdue

    @property
    def business(self) -> bool:
        """Is the payer no private person?"""
        return self.organisation_kind != "person"


Ladders = Mapping[UUID, tuple[DunningStep, ...]]


def ladders(kept: Catalogue, networks: Sequence[UUID], day: date) -> dict[UUID, tuple[DunningStep, ...]]:
    """The steps of each network's rulebook on a day, of the newest version in force; networks without are left out.

    How a network writes to late payers is its practice on the day, not a term somebody joined under.
    """
    out = {}
    for network in networks:
        books = [b for b in kept.rulebooks.of(kept.by_id[network].slug) if b.effective_from <= day]
        if books and books[-1].dunning:
            out[network] = books[-1].dunning
    return out


async def due(connection: Connection, steps: Ladders, day: date, after: UUID, limit: int) -> list[UUID]:
    """The invoices with a step due on a day, in the order of ids."""
    rows = await connection.fetch(_ALL + _DUE, *_ladder(steps), day, None, after, limit)
    return [row["id"] for row in rows]


async def facts(
    connection: Connection, steps: Ladders, day: date, wanted: Sequence[UUID] | None, after: UUID, limit: int
) -> list[Row]:
    """Overdue invoices with what is known of them, in the order of ids: these, or (None) all."""
    listed = None if wanted is None else list(wanted)
    owing = _ALL if listed is None else _THESE
    rows = await connection.fetch(owing + _FACTS, *_ladder(steps), day, listed, after, limit)
    return [_row(dict(row)) for row in rows]


def next_of(steps: Ladders, row: Row, day: date) -> Next | Nothing:
    """What the rule says of an invoice."""
    return dunning.next_step(steps[row.network_id], row.about, day)


async def late(connection: Connection, rows: Sequence[Row]) -> dict[UUID, Late]:
    """What claims on these invoices depend on: what was owed from which day, fees claimed before."""
    ids = [row.id for row in rows]
    balances: dict[UUID, list[tuple[date, int]]] = {}
    for each in await connection.fetch(_BALANCES, ids):
        balances.setdefault(each["invoice_id"], []).append((each["on_date"], each["remaining"]))
    fees = {each["invoice_id"]: each["fees"] for each in await connection.fetch(_FEES, ids)}
    return {
        row.id: Late(row.currency, row.due_on, tuple(balances.get(row.id, ())), row.business, fees.get(row.id, 0))
        for row in rows
    }


async def take(
    connection: Connection,
    row: Row,
    found: Next,
    today: date,
    outcome: str,
    actor: Actor,
    claims: Sequence[Claim] = (),
) -> UUID | None:
    """Write that a step is taken, and book what it claims beside what was billed; None when it was taken already."""
    pay_by = today + timedelta(days=found.step.notice_days) if found.step.writes else None
    step: UUID | None = await connection.fetchval(
        "insert into dunning_step (id, invoice_id, network_id, key, kind, after_days, on_date, pay_by, principal,"
        " claims, outcome, actor, recorded_at, decided_by, note)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now(), '', '')"
        " on conflict do nothing returning id",
        uuid4(),
        row.id,
        row.network_id,
        found.key,
        found.step.kind,
        found.step.after_days,
        today,
        pay_by,
        row.principal,
        msgspec.to_builtins(list(claims)),
        outcome,
        actor.name,
    )
    for each in claims if step else ():
        fact = Claimed(
            host=row.host_id,
            currency=row.currency,
            on=today,
            claim=uuid5(step, each.what),
            organisation=row.organisation_id,
            invoice=row.id,
            network=row.network_id,
            what=each.what,
            amount=each.amount,
        )
        await ledger.post(connection, fact, actor.name)
    return step


async def organisations(connection: Connection, invoice: UUID) -> list[UUID]:
    """Who pays an invoice, and whose memberships it bills."""
    rows = await connection.fetch(
        "select i.organisation_id from invoice i where i.id = $1 union select m.organisation_id from charge c"
        " join membership m on m.id = c.membership_id where c.invoice_id = $1",
        invoice,
    )
    return [row["organisation_id"] for row in rows]


async def lock(connection: Connection, invoices: Sequence[UUID]) -> None:
    """Hold these invoices until the transaction ends, as whoever pays one does."""
    await connection.execute("select from invoice where id = any($1) order by id for update", list(invoices))


class Waiting(msgspec.Struct, frozen=True):
    """A step that waits for a person, locked."""

    id: UUID
    invoice_id: UUID
    network_id: UUID
    organisation_id: UUID
    kind: str
    number: str
    currency: str
    language: str


async def waiting(connection: Connection, step: UUID) -> Waiting:
    """A step that waits for a person's word. NotFound, Refused `dunning_decided`."""
    row = await connection.fetchrow(
        "select s.id, s.invoice_id, s.network_id, i.organisation_id, s.kind, i.series || '-' || i.number as number,"
        " i.currency, i.language, s.outcome from dunning_step s join invoice i on i.id = s.invoice_id"
        " where s.id = $1 for update of s",
        step,
    )
    if row is None:
        raise NotFound("dunning_step", step)
    if row["outcome"] != "waiting":
        raise Refused("dunning_decided", "id")
    return Waiting(*(row[name] for name in Waiting.__struct_fields__))


async def decide(connection: Connection, step: UUID, outcome: str, note: str, actor: Actor) -> None:
    """A person's word on a step."""
    await connection.execute(
        "update dunning_step set outcome = $2, note = $3, decided_by = $4, decided_at = now() where id = $1",
        step,
        outcome,
        note,
        actor.name,
    )


async def pause(connection: Connection, invoice: UUID, until: date | None, reason: str, actor: Actor) -> UUID:
    """Stop the steps of an invoice; takes the place of an earlier pause."""
    await resume(connection, invoice, actor)
    made = uuid4()
    await connection.execute(
        "insert into dunning_pause (id, invoice_id, until_on, reason, actor, recorded_at, ended_by)"
        " values ($1, $2, $3, $4, $5, now(), '')",
        made,
        invoice,
        until,
        reason,
        actor.name,
    )
    return made


async def resume(connection: Connection, invoice: UUID, actor: Actor) -> bool:
    """End a pause; False when there is none."""
    ended = await connection.fetchval(
        "update dunning_pause set ended_at = now(), ended_by = $2 where invoice_id = $1 and ended_at is null"
        " returning true",
        invoice,
        actor.name,
    )
    return bool(ended)


def _ladder(steps: Ladders) -> tuple[list[UUID], list[str], list[int]]:
    """The steps of all networks as three columns."""
    rows = [
        (network, key, step.after_days)
        for network, listed in steps.items()
        for step, key in zip(listed, dunning.keys(listed), strict=True)
    ]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def _row(values: dict[str, Any]) -> Row:
    about = Overdue(
        values["due_on"],
        values["principal"],
        values["disputed"],
        values["paused"],
        values["paused_until"],
        values["owed_again_on"],
        values["notice_until"],
        tuple(msgspec.convert(each, Taken) for each in values["taken"]),
    )
    given = {name: values[name] for name in Row.__struct_fields__ if name in values}
    return Row(about=about, **(given | {"pause_reason": values["pause_reason"] or ""}))
