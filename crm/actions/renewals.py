"""The annual bill: begin a run (its preview is a job), confirm or cancel it, and the two jobs that do the work.

A run changes no membership and nothing is decided by whether somebody pays. One member's failure is work for a
person and stops nobody else's bill. Every batch is one transaction with its families locked; a run that is killed
goes on after its last whole batch, and a second run finds nothing left to bill.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.renewals import Renewal
from crm import catalogue, faults, garbage
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Refused
from crm.store import audit, families, renewal_bills, renewal_facts, renewals
from crm.store.renewal_bills import Billing, Made
from crm.store.renewal_facts import Told, Window
from crm.store.renewal_kinds import Kind, Kinds
from crm.store.renewals import Item, Run

MEMBERS_AT_A_TIME = 2_500
WAIT = timedelta(seconds=5)  # while another run of the same host is at work
EARLIEST, LATEST = timedelta(days=800), timedelta(days=800)  # how far from today a run may be
Tell = Callable[[int, int], None]


def _silent(_done: int, _of: int) -> None:
    """Nobody is told."""


class Wanted(msgspec.Struct, frozen=True):
    """Which run: of one `network`, or with `all_of_host` of all of its host's, whose bills are then combined.

    `dry_run`: it waits to be confirmed after its preview. `issue`: False leaves drafts.
    """

    network: str
    period_start: date
    all_of_host: bool = False
    dry_run: bool = True
    issue: bool = True


async def begin(context: Context, actor: Actor, wanted: Wanted) -> UUID:
    """A new run with the job that previews it. RuleViolation `network_unknown`, `renewal_day`; NotFound, Forbidden."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network = kept.network(wanted.network)
        mine = [n.id for n in kept.networks if n.host_id == network.host_id] if wanted.all_of_host else [network.id]
        actor.must_manage(network.id)
        actor.must_manage_all(mine, "network", network.id)
        today = context.clock.today(network.zone)
        if not today - EARLIEST <= wanted.period_start <= today + LATEST:
            raise RuleViolation("renewal_day", "period_start", given=wanted.period_start)
        only = None if wanted.all_of_host else network.id
        run = await renewals.begin(connection, network.host_id, only, wanted.period_start, wanted.issue, actor.name)
        if not wanted.dry_run:
            await renewals.promise(connection, run, actor.name)
        detail = {"run": str(run), "period_start": wanted.period_start.isoformat(), "dry_run": wanted.dry_run}
        await audit.append(connection, actor, "renewal_begun", detail, network.id, None, run)
        return run


async def confirm(context: Context, actor: Actor, run: UUID, issue: bool = True) -> None:
    """Bill what was previewed. Refused `renewal_not_previewed`, `renewal_running`; repeating is harmless."""
    async with context.db.tx() as connection:
        found = await _mine(connection, actor, run)
        if found.status == "running":
            return
        if found.status != "previewed":
            raise Refused("renewal_not_previewed", "status", given=found.status)
        if await renewals.at_work(connection, found.host_id):
            raise Refused("renewal_running", "status")
        await renewals.confirm(connection, run, actor.name, issue)
        await audit.append(connection, actor, "renewal_confirmed", {"run": str(run)}, found.networks[0], None, run)


async def cancel(context: Context, actor: Actor, run: UUID) -> None:
    """Stop a run: what it billed stays billed. Refused `renewal_over` when it is over; repeating is harmless."""
    async with context.db.tx() as connection:
        found = await _mine(connection, actor, run)
        if found.status == "cancelled":
            return
        if found.status in ("done", "failed"):
            raise Refused("renewal_over", "status", given=found.status)
        await renewals.close(connection, run, "cancelled")
        await audit.append(connection, actor, "renewal_cancelled", {"run": str(run)}, found.networks[0], None, run)


async def preview(context: Context, run: UUID, tell: Tell = _silent) -> timedelta | None:
    """The job of a run that was begun: what everybody owes, in words and figures. Begins again when it was killed."""
    async with context.db.tx() as connection:
        found = await renewals.lock(connection, run)
        if found.status != "previewing":
            return None
        if found.confirmed_by and await renewals.at_work(connection, found.host_id):
            return WAIT
        kept = await catalogue.load(connection)
        window = await _window(context, connection, kept, found, before=True)
        await renewals.forget_items(connection, run)
        wanted, standing = await renewal_facts.candidates(connection, found.networks, window)
    kinds = Kinds(kept, window)
    for at in range(0, len(wanted), MEMBERS_AT_A_TIME):
        async with context.db.tx() as connection:
            if (await renewals.lock(connection, run)).status != "previewing":
                return None
            rows = await renewal_facts.told(connection, wanted[at : at + MEMBERS_AT_A_TIME], window)
            members = zip(rows, await kinds.of(connection, rows), strict=True)
            listed = [(row, each) for row, kind in members if (each := kind.renewal) and each.state != "billed"]
            today = context.clock.now().date()
            await renewals.add(connection, run, await _foreseen(connection, listed, today))
            done = at + len(rows)
            await renewals.looked_at(connection, run, done, len(wanted))
        tell(done, len(wanted))
        faults.point("renewal_listed")
    async with context.db.tx() as connection:
        if (await renewals.lock(connection, run)).status == "previewing":
            await renewals.previewed(connection, run, standing)
    return None


async def _foreseen(connection: Connection, listed: list[tuple[Told, Renewal]], on: date) -> list[tuple[Told, Renewal]]:
    """Whose invoice could not be issued as things are is told before anything is billed."""
    due = [row.family_id for row, each in listed if each.state == "due"]
    wrong = await renewal_bills.without_reference(connection, due, on)
    return [
        (row, msgspec.structs.replace(each, state="failed", problem=wrong[row.family_id]))
        if each.state == "due" and row.family_id in wrong
        else (row, each)
        for row, each in listed
    ]


async def bill(context: Context, run: UUID, tell: Tell = _silent) -> None:
    """The job of a run that was confirmed: batch by batch, until nothing of it is left or somebody stops it."""
    with garbage.many_objects():
        while found := await _running(context, run):
            with suppress(_Overtaken):
                await _bill(_Work(context, found, tell), context.db.several)


async def _bill(work: "_Work", several: bool) -> None:
    """While a batch is written, the next one is made, in a transaction of its own.

    The second begins when the first has all its locks on families: nothing it holds is ever waited for by the first.
    """
    after: int | None = work.run.done_to
    before: asyncio.Task[None] | None = None
    current: asyncio.Task[None] | None = None
    try:
        while after is not None:
            made: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
            current = asyncio.create_task(work.batch(after, made, before))
            await asyncio.wait({made, current} if several else {current}, return_when=asyncio.FIRST_COMPLETED)
            if not made.done():
                await current  # it failed
            after = made.result()
            if before:
                await before
            before = current
        if current:
            await current
    finally:
        begun = [task for task in (before, current) if task]
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)


class _Overtaken(Exception):
    """The run was stopped, or another worker billed what this one had made ready."""


class _Work:
    """A run that is being billed: what is thought of once is kept from batch to batch."""

    def __init__(self, context: Context, run: Run, tell: Tell) -> None:
        self.context = context
        self.run = run
        self.tell = tell
        self.actor = Actor(run.confirmed_by, "job")
        self.kinds: Kinds | None = None
        self.billing: Billing | None = None

    async def batch(self, after: int, made: "asyncio.Future[int | None]", before: "asyncio.Task[None] | None") -> None:
        """Bill the items that follow `after`, once `before` is written; `made` tells where they end.

        None: there were none, and the run is done. _Overtaken: nothing was written.
        """
        async with self.context.db.tx() as connection:
            items = await renewals.following(connection, self.run.id, after, MEMBERS_AT_A_TIME)
            ready = await self._ready(connection, items) if items else None
            made.set_result(items[-1].row_id if items else None)
            if before:
                await before
            found = await renewals.lock(connection, self.run.id)
            if found.status != "running" or found.done_to != after:
                raise _Overtaken
            if ready is None:
                await renewals.close(connection, found.id, "done")
                return
            await self._write(connection, found, ready)
        faults.point("renewal_committed")
        self.tell(found.done + len(items), found.total)

    async def _ready(self, connection: Connection, items: list[Item]) -> "_Ready":
        """What is to be written, decided anew with the families locked."""
        await families.lock_many(connection, list({item.family_id for item in items}))
        faults.point("renewal_locked")
        kept = await catalogue.load(connection)
        if self.kinds is None or self.kinds.kept is not kept or self.billing is None:
            self.kinds = Kinds(kept, await _window(self.context, connection, kept, self.run, before=False))
            self.billing = await _billing(self.context, connection, kept, self.run, self.actor)
        rows = await renewal_facts.told(connection, [item.membership_id for item in items], self.kinds.window)
        members = list(zip(rows, await self.kinds.of(connection, rows), strict=True))
        due = [(row, kind) for row, kind in members if kind.renewal and kind.renewal.state == "due"]
        return _Ready(items, members, await self.billing.make(connection, due), self.billing)

    async def _write(self, connection: Connection, run: Run, ready: "_Ready") -> None:
        came = await ready.billing.write(connection, ready.made)
        failed = [(row.membership_id, why) for row, kind in ready.members if (why := _problem(kind))]
        await _settle(connection, run, [*failed, *came.failed], ready)
        await renewals.advance(connection, run.id, ready.items, came.invoices)
        detail = {"run": str(run.id), "invoices": came.invoices, "numbers": [*came.numbers[:1], *came.numbers[-1:]]}
        await audit.append(connection, self.actor, "renewals_billed", detail, run.networks[0], None, run.id)
        faults.point("renewal_before_commit")


class _Ready(msgspec.Struct, frozen=True):
    """A batch that waits to be written: its items, and for each the member as it is now."""

    items: list[Item]
    members: list[tuple[Told, Kind]]
    made: Made
    billing: Billing


async def _running(context: Context, run: UUID) -> Run | None:
    async with context.db.tx() as connection:
        found = await renewals.lock(connection, run)
        return found if found.status == "running" else None


async def _settle(connection: Connection, run: Run, failed: list[tuple[UUID, RuleViolation]], ready: _Ready) -> None:
    """Items say what the preview did not know yet; those that came out as it said are left as they are."""
    wrong = {membership for membership, _ in failed}
    fit: list[tuple[Told, Renewal]] = []
    for item, (row, kind) in zip(ready.items, ready.members, strict=True):
        now = kind.renewal
        if now and row.membership_id not in wrong and (item.state, item.net) != (now.state, now.net):
            fit.append((row, now))
    await renewals.settle(connection, run.id, failed, fit)


async def _mine(connection: Connection, actor: Actor, run: UUID) -> Run:
    found = await renewals.lock(connection, run)
    actor.must_manage_all(found.networks, "run_id", run)
    return found


async def _billing(context: Context, connection: Connection, kept: Catalogue, run: Run, actor: Actor) -> Billing:
    host = await renewal_bills.host(connection, run.host_id)
    today = context.clock.today(ZoneInfo(host["time_zone"]))
    return Billing(kept, host, today, actor, bool(context.settings.ehf_url), run.issue)


async def _window(context: Context, connection: Connection, kept: Catalogue, run: Run, before: bool) -> Window:
    host = await renewal_bills.host(connection, run.host_id)
    slugs = [kept.by_id[network].slug for network in run.networks]
    today = context.clock.today(ZoneInfo(host["time_zone"]))
    return renewal_facts.window(kept, slugs, run.period_start, before, today)


def _problem(kind: Kind) -> RuleViolation | None:
    return kind.renewal.problem if kind.renewal else None
