"""The annual bill: begin a run (its preview is a job), confirm or cancel it, and the two jobs that do the work.

A run changes no membership and nothing is decided by whether somebody pays. One member's failure is work for a
person and stops nobody else's bill. Every batch is one transaction with its families locked; a run that is killed
goes on after its last whole batch, and a second run finds nothing left to bill.
"""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.renewals import Renewal
from crm import catalogue, faults
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Refused
from crm.store import audit, families, renewal_bills, renewal_facts, renewals
from crm.store.renewal_bills import Billed, Billing
from crm.store.renewal_facts import Told, Window
from crm.store.renewal_kinds import Kind, Kinds
from crm.store.renewals import Item, Run

MEMBERS_AT_A_TIME = 5_000
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
    kinds: Kinds | None = None
    billing: Billing | None = None
    while True:
        async with context.db.tx() as connection:
            found = await renewals.lock(connection, run)
            if found.status != "running":
                return
            actor = Actor(found.confirmed_by, "job")
            items = await renewals.following(connection, found, MEMBERS_AT_A_TIME)
            if not items:
                await renewals.close(connection, run, "done")
                return
            kept = await catalogue.load(connection)
            if kinds is None or kinds.kept is not kept or billing is None:
                kinds = Kinds(kept, await _window(context, connection, kept, found, before=False))
                billing = await _billing(context, connection, kept, found, actor)
            came = await _batch(connection, found, items, kinds, billing)
            await renewals.advance(connection, run, items, came.invoices)
            detail = {"run": str(run), "invoices": came.invoices, "numbers": [*came.numbers[:1], *came.numbers[-1:]]}
            await audit.append(connection, actor, "renewals_billed", detail, found.networks[0], None, run)
            faults.point("renewal_before_commit")
        faults.point("renewal_committed")
        tell(found.done + len(items), found.total)


async def _batch(connection: Connection, run: Run, items: list[Item], kinds: Kinds, billing: Billing) -> Billed:
    await families.lock_many(connection, list({item.family_id for item in items}))
    faults.point("renewal_locked")
    rows = await renewal_facts.told(connection, [item.membership_id for item in items], kinds.window)
    members = list(zip(rows, await kinds.of(connection, rows), strict=True))
    due = [(row, kind) for row, kind in members if kind.renewal and kind.renewal.state == "due"]
    came = await billing.bill(connection, due)
    failed = [(row.membership_id, why) for row, kind in members if (why := _problem(kind))]
    await _settle(connection, run, [*failed, *came.failed], members)
    return came


async def _settle(
    connection: Connection, run: Run, failed: list[tuple[UUID, RuleViolation]], members: list[tuple[Told, Kind]]
) -> None:
    """Items say what the preview did not know yet; those that came out as it said are left as they are."""
    known = await renewals.states(connection, run.id, [row.membership_id for row, _ in members])
    wrong = {membership for membership, _ in failed}
    fit: list[tuple[Told, Renewal]] = []
    for row, kind in members:
        now = kind.renewal
        if now and row.membership_id not in wrong and known[row.membership_id] != (now.state, now.net):
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
