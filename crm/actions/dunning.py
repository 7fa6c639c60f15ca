"""Invoices that are not paid: what the rulebook's steps make due, seen first and then done, and people's decisions.

A run may be repeated and killed at any moment: each batch is one transaction, and a step is taken once for an invoice.
Letters go out with the run; a suspension or a collector waits for a person unless the rulebook says `by = "rule"`.
No event of money suspends or ends anything here: only a step of the rulebook that somebody published does (M9).
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules import late_interest
from cluster_rules.dunning import Next
from cluster_rules.errors import RuleViolation
from cluster_rules.late_interest import Claim, Late, Rate
from crm import catalogue, faults, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.gateways import rates as rate_table
from crm.store import audit, dunning, dunning_letters, invoices, settlement, standing
from crm.store.dunning import Ladders, Row
from crm.store.mail import Outgoing

BATCH = 200  # invoices of one transaction
MOST_AT_ONCE = 1_000_000  # invoices of one run
MOST_SHOWN = 500
MOST_PAUSED_DAYS = 366
EVENTS = {"reminder": "reminded", "collection_notice": "collection", "export": "collection"}


class Planned(msgspec.Struct, frozen=True):
    """What is due for an invoice, what would be claimed with it, or why it cannot go out. `total` is owed then."""

    row: Row
    found: Next
    claims: tuple[Claim, ...] = ()
    blocked: RuleViolation | None = None

    @property
    def total(self) -> int:
        """All that is to be paid, with what is claimed now."""
        return self.row.owed + sum(claim.amount for claim in self.claims)


class Ran(msgspec.Struct, frozen=True):
    """What a run did: letters by kind, steps that wait for a person, steps carried out by rule, what could not go."""

    letters: dict[str, int] = {}
    waiting: int = 0
    by_rule: int = 0
    blocked: int = 0

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return sum(self.letters.values()) + self.waiting + self.by_rule


async def preview(context: Context, actor: Actor, network: str, on: date | None = None) -> tuple[list[Planned], date]:
    """What a run would do on a day (today); the first 500. Nothing is stored. Refused `dunning_missing`."""
    async with context.db.tx(readonly=True) as connection:
        kept, own, today = await _network(connection, context, actor, network)
        day = on or today
        steps = dunning.ladders(kept, [own], day)
        if not steps:
            raise Refused("dunning_missing", "network", network=network)
        wanted = await dunning.due(connection, steps, day, dunning.FIRST, MOST_SHOWN)
        rows = await dunning.facts(connection, steps, day, wanted, dunning.FIRST, MOST_SHOWN)
        return await _plan(connection, context, steps, rows, day), day


async def letter(context: Context, actor: Actor, network: str, invoice: UUID, on: date | None = None) -> Outgoing:
    """The mail that a run would send about an invoice. NotFound when none is due."""
    planned, day = await preview(context, actor, network, on)
    found = next((each for each in planned if each.row.id == invoice and each.found.step.writes), None)
    if found is None:
        raise NotFound("invoice_id", invoice)
    return draft(context, found, day)


def draft(context: Context, planned: Planned, day: date) -> Outgoing:
    """The letter of a step as it would leave on a day, but for its own address to pay at."""
    base = f"{context.settings.base_url}/{planned.row.language}/pay/"
    return dunning_letters.letter(planned.row, planned.found, planned.claims, day, base)


async def run(
    context: Context, actor: Actor, network: str, on: date | None = None, only: Collection[UUID] | None = None
) -> Ran:
    """Take every step due on a day (today, or an earlier one), dated today. Doing it twice is as good as once.

    `only`: of these invoices alone; those that nothing is due of are passed by.
    """
    async with context.db.tx() as connection:
        kept, own, today = await _network(connection, context, actor, network)
    day = on or today
    if day > today:
        raise RuleViolation("date_out_of_range", "on", given=day)
    steps = dunning.ladders(kept, [own], day)
    if not steps:
        raise Refused("dunning_missing", "network", network=network)
    async with context.db.tx() as connection:
        wanted = await dunning.due(connection, steps, day, dunning.FIRST, MOST_AT_ONCE)
    wanted = [each for each in wanted if only is None or each in only]
    total = Ran()
    for first in range(0, len(wanted), BATCH):
        some = wanted[first : first + BATCH]
        async with context.db.tx() as connection:
            made, by_rule = await _batch(connection, context, actor, steps, some, day, today)
            total = _sum(total, made)
            if made.steps:
                await audit.append(connection, actor, "dunning_run", msgspec.to_builtins(made), own)
            faults.point("dunning_taken")
        for invoice in by_rule:
            if await _suspend_by_rule(context, actor, steps, invoice, day, today):
                total = _sum(total, Ran(by_rule=1))
    return total


async def run_all(context: Context, actor: Actor) -> Ran:
    """Every network with steps, each on its own day: the daily job."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    total = Ran()
    for network in kept.networks:
        if dunning.ladders(kept, [network.id], context.clock.today(network.zone)):
            everywhere = msgspec.structs.replace(actor, manages=frozenset({network.id}))
            total = _sum(total, await run(context, everywhere, network.slug))
    return total


async def decide(
    context: Context, actor: Actor, step: UUID, word: Literal["carry_out", "decline"], note: str = ""
) -> tuple[UUID, ...]:
    """A person's word on a suspension or on sending to a collector; the suspensions decided.

    Refused `dunning_decided`, `not_overdue` when nothing is owed any more, `dunning_none`.
    """
    _text("note", note, required=False)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        found = await dunning.waiting(connection, step)
        actor.must_manage(found.network_id)
        day = context.clock.today(kept.by_id[found.network_id].zone)
        made: tuple[UUID, ...] = ()
        if word == "carry_out":
            await settlement.lock(connection, await dunning.organisations(connection, found.invoice_id))
            await dunning.lock(connection, [found.invoice_id])
            row = await _owing(connection, kept, found.network_id, found.invoice_id, day)
            if found.kind == "suspension":
                made = await _suspend(connection, context, kept, actor, row, note)
            else:
                await invoices.event(connection, row.id, "collection", actor.name, step="export")
        await dunning.decide(connection, step, "done" if word == "carry_out" else "declined", note.strip(), actor)
        detail = {"invoice": str(found.invoice_id), "step": found.kind, "word": word, "note": note.strip()}
        await audit.append(connection, actor, "dunning_decided", detail, found.network_id, found.organisation_id, step)
        return made


async def pause(context: Context, actor: Actor, invoice: UUID, until: date | None, reason: str) -> UUID:
    """Stop all steps for an invoice: until a day (the first one after), or (None) until somebody resumes."""
    _text("reason", reason)
    async with context.db.tx() as connection:
        network, organisation, today = await _about(connection, context, actor, invoice)
        if until is not None and not 0 < (until - today).days <= MOST_PAUSED_DAYS:
            raise RuleViolation("date_out_of_range", "until", given=until)
        made = await dunning.pause(connection, invoice, until, reason.strip(), actor)
        detail = {"invoice": str(invoice), "until": until.isoformat() if until else None, "reason": reason.strip()}
        await audit.append(connection, actor, "dunning_paused", detail, network, organisation, invoice)
        return made


async def resume(context: Context, actor: Actor, invoice: UUID) -> None:
    """Let the steps go on, from where they were. Refused `not_paused`."""
    async with context.db.tx() as connection:
        network, organisation, _ = await _about(connection, context, actor, invoice)
        if not await dunning.resume(connection, invoice, actor):
            raise Refused("not_paused", "invoice_id")
        await audit.append(
            connection, actor, "dunning_resumed", {"invoice": str(invoice)}, network, organisation, invoice
        )


# One batch


async def _batch(
    connection: Connection,
    context: Context,
    actor: Actor,
    steps: Ladders,
    wanted: Sequence[UUID],
    day: date,
    today: date,
) -> tuple[Ran, list[UUID]]:
    """Take the steps of these invoices, looked at again under their lock; suspensions by rule are left to be done."""
    await dunning.lock(connection, wanted)
    rows = await dunning.facts(connection, steps, day, wanted, dunning.FIRST, len(wanted))
    mails: list[Outgoing] = []
    by_rule: list[UUID] = []
    letters: dict[str, int] = {}
    waiting = blocked = exported = 0
    for planned in await _plan(connection, context, steps, rows, day, today):
        step = planned.found.step
        if step.kind == "suspension" and step.by == "rule":
            by_rule.append(planned.row.id)
            continue
        if planned.blocked:
            blocked += 1
            continue
        outcome = "done" if step.writes or step.by == "rule" else "waiting"
        taken = await dunning.take(connection, planned.row, planned.found, today, outcome, actor, planned.claims)
        if taken is None:
            continue
        if step.writes:
            base = f"{context.settings.base_url}/{planned.row.language}/pay/"
            link = await dunning_letters.link(connection, planned.row.id, base)
            mails.append(dunning_letters.letter(planned.row, planned.found, planned.claims, today, link, taken))
            letters[step.kind] = letters.get(step.kind, 0) + 1
        waiting += outcome == "waiting"
        exported += step.kind == "export" and outcome == "done"
        if outcome == "done":
            await invoices.event(connection, planned.row.id, EVENTS[step.kind], actor.name, step=planned.found.key)
    await dunning_letters.queue(connection, mails)
    return Ran(letters, waiting, exported, blocked), by_rule


async def _plan(
    connection: Connection,
    context: Context,
    steps: Ladders,
    rows: Sequence[Row],
    day: date,
    today: date | None = None,
) -> list[Planned]:
    """What is due, with claims as of `today` (the day); the rule has the last word, row by row."""
    due = [(row, found) for row in rows if isinstance(found := dunning.next_of(steps, row, day), Next)]
    claiming = [row for row, found in due if found.step.interest or found.step.compensation]
    facts = await dunning.late(connection, claiming) if claiming else {}
    rates = rate_table.read(context.settings.late_interest) if claiming else ()
    return [_planned(row, found, facts.get(row.id), today or day, rates) for row, found in due]


def _planned(row: Row, found: Next, facts: Late | None, on: date, rates: Sequence[Rate]) -> Planned:
    if found.step.writes and not row.email:
        return Planned(row, found, blocked=RuleViolation("no_address", "email"))
    late = facts or Late(row.currency, row.due_on, (), row.business)
    try:
        return Planned(row, found, late_interest.claims(found.step, late, on, rates))
    except RuleViolation as missing:  # a rate that nobody entered is not guessed: it waits for a person
        return Planned(row, found, blocked=missing)


# Suspensions


async def _suspend_by_rule(
    context: Context, actor: Actor, steps: Ladders, invoice: UUID, day: date, today: date
) -> bool:
    """The rulebook suspends by itself: recorded like a person's decision; what it may not do waits for one."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        await settlement.lock(connection, await dunning.organisations(connection, invoice))
        await dunning.lock(connection, [invoice])
        rows = await dunning.facts(connection, steps, day, [invoice], dunning.FIRST, 1)
        found = dunning.next_of(steps, rows[0], day) if rows else None
        if not isinstance(found, Next):
            return False
        try:
            async with context.db.tx() as inner:
                await _suspend(inner, context, kept, actor, rows[0], "")
                taken = await dunning.take(inner, rows[0], found, today, "done", actor)
        except RuleViolation:  # locked in, not a member any more: a person looks at it
            taken = await dunning.take(connection, rows[0], found, today, "waiting", actor)
        return taken is not None


async def _suspend(
    connection: Connection, context: Context, kept: Catalogue, actor: Actor, row: Row, note: str
) -> tuple[UUID, ...]:
    """Put the memberships on the invoice on hold, and tell the payer once, with what lifts it."""
    own = [n.id for n in kept.networks if n.id in actor.manages and n.host_id == row.host_id]
    billed = await standing.billed(connection, row.id, own)
    if not billed:
        raise Refused("dunning_none", "id")
    reason = dunning_letters.reason(row, note.strip())
    now, made = context.clock.now(), []
    for each in billed:
        today = context.clock.today(kept.by_id[each.network].zone)
        made.append(await standing.suspend(connection, kept, each, row.id, reason, actor, now, today))
    if row.email:
        link = await dunning_letters.link(connection, row.id, f"{context.settings.base_url}/{row.language}/pay/")
        await dunning_letters.queue(connection, [dunning_letters.suspended(row, note.strip(), link)])
    return tuple(made)


# Shared by all


async def _network(connection: Connection, context: Context, actor: Actor, slug: str) -> tuple[Catalogue, UUID, date]:
    kept = await catalogue.load(connection)
    network = kept.by_slug.get(slug)
    if network is None:
        raise NotFound("network", slug)
    actor.must_manage(network.id)
    return kept, network.id, context.clock.today(network.zone)


async def _about(connection: Connection, context: Context, actor: Actor, invoice: UUID) -> tuple[UUID, UUID, date]:
    """(first network, organisation, today) of an issued invoice that is the actor's to work on."""
    (row,) = await invoices.rows(connection, [invoice]) or (None,)
    if row is None:
        raise NotFound("invoice_id", invoice)
    actor.must_manage_all(row["networks"], "invoice_id", invoice)
    if row["status"] != "issued" or row["kind"] != "invoice":
        raise Refused("not_issued_yet", "status")
    kept = await catalogue.load(connection)
    network = kept.by_id[row["networks"][0]]
    return network.id, row["organisation_id"], context.clock.today(network.zone)


async def _owing(connection: Connection, kept: Catalogue, network: UUID, invoice: UUID, day: date) -> Row:
    """An invoice that is still owed and not in dispute. Refused `not_overdue`."""
    steps = dunning.ladders(kept, [network], day)
    rows = await dunning.facts(connection, steps, day, [invoice], dunning.FIRST, 1)
    if not rows or rows[0].about.disputed:
        raise Refused("not_overdue", "id")
    return rows[0]


def _text(field: str, text: str, required: bool = True) -> None:
    problems: forms.Problems = []
    forms.text(problems, field, text, forms.NOTE_MAX, required=required)
    if problems:
        raise Invalid(problems)


def _sum(left: Ran, right: Ran) -> Ran:
    kinds = {kind: left.letters.get(kind, 0) + right.letters.get(kind, 0) for kind in {**left.letters, **right.letters}}
    return Ran(kinds, left.waiting + right.waiting, left.by_rule + right.by_rule, left.blocked + right.blocked)
