"""Members are told ahead of their next period: who would be, and telling them, as the rulebook's days of notice say.

Telling twice is as good as once, also at the same time and after a kill: each batch is one transaction in which a
membership and its period are marked and the mail is queued. Nothing is billed and no membership changes.
"""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID

import msgspec

from cluster_rules import renewal_notices as rules
from cluster_rules.errors import RuleViolation
from crm import catalogue, faults
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.store import audit, renewal_facts, renewal_notices
from crm.store.renewal_facts import Window
from crm.store.renewal_kinds import Kinds
from crm.store.renewal_notices import Notice

MEMBERS_AT_A_TIME = 1_000
MOST_SHOWN = 500
FURTHEST = timedelta(days=400)  # ahead of today that may be asked about


class Ran(msgspec.Struct, frozen=True):
    """How many were told, and how many were not, by state (`cluster_rules.renewals.State`, no_address)."""

    told: int = 0
    left_out: dict[str, int] = {}


async def preview(
    context: Context, actor: Actor, network: str, on: date | None = None
) -> tuple[Ran, list[Notice], date]:
    """What telling would do on a day (today): figures, and the first 500. Nothing is stored.

    RuleViolation `date_out_of_range`; Refused `renewal_notices_missing`.
    """
    kept, own, today = await _network(context, actor, network)
    day = on or today
    if not today - FURTHEST <= day <= today + FURTHEST:
        raise RuleViolation("date_out_of_range", "on", given=day)
    _window(kept, network, day)
    total, shown = Ran(), list[Notice]()
    async for connection, kinds, some in _batches(context, own, network, day):
        found = await _look(connection, kinds, some, day)
        told = [each for each in found if each.letter]
        total = _sum(total, told, found)
        shown += found[: MOST_SHOWN - len(shown)]
    return total, shown, day


async def run(context: Context, actor: Actor, network: str, on: date | None = None) -> Ran:
    """Tell every member whose next period is near enough on a day: today, or an earlier one that was missed.

    Of a period that has begun nobody is told. RuleViolation and Refused as for `preview`.
    """
    kept, own, today = await _network(context, actor, network)
    if on is not None and on > today:
        raise RuleViolation("date_out_of_range", "on", given=on)
    _window(kept, network, on or today)
    async with context.db.tx() as connection:
        await renewal_notices.forget(connection, own, today)
    total = Ran()
    async for connection, kinds, some in _batches(context, own, network, on or today):
        found = [each for each in await _look(connection, kinds, some, today) if each.renewal.year.start > today]
        told = await renewal_notices.store(connection, found)
        total = _sum(total, told, found)
        if told:
            await audit.append(connection, actor, "renewal_notices_sent", {"told": len(told)}, own)
        faults.point("renewal_told")
    return total


async def run_all(context: Context, actor: Actor) -> Ran:
    """Every network whose rules tell members, each on its own day: the daily job."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    total = Ran()
    for network in kept.networks:
        if rules.furthest(kept.rulebooks, network.slug):
            everywhere = msgspec.structs.replace(actor, manages=frozenset({network.id}))
            one = await run(context, everywhere, network.slug)
            total = Ran(total.told + one.told, _added(total.left_out, one.left_out))
    return total


async def _batches(
    context: Context, own: UUID, network: str, day: date
) -> AsyncIterator[tuple[Connection, Kinds, list[UUID]]]:
    """Members that may be told, a thousand to a transaction; families stay together as far as that goes."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        window = _window(kept, network, day)
        wanted: list[UUID] = []
        if window.year is None or window.year.start > day:
            listed, _ = await renewal_facts.candidates(connection, [own], window)
            wanted = await renewal_notices.untold(connection, listed, day)
    kinds = Kinds(kept, window, notices=True)
    for at in range(0, len(wanted), MEMBERS_AT_A_TIME):
        async with context.db.tx() as connection:
            yield connection, kinds, wanted[at : at + MEMBERS_AT_A_TIME]


async def _look(connection: Connection, kinds: Kinds, members: list[UUID], today: date) -> list[Notice]:
    rows = await renewal_facts.told(connection, members, kinds.window)
    asked = list(zip(rows, await kinds.of(connection, rows), strict=True))
    return await renewal_notices.composed(connection, kinds.kept, asked, today)


def _window(kept: Catalogue, network: str, day: date) -> Window:
    """What telling on a day has to look at. Refused `renewal_notices_missing` when the rules tell nobody."""
    days = rules.furthest(kept.rulebooks, network)
    if not days:
        raise Refused("renewal_notices_missing", "network", network=network)
    return renewal_facts.window(kept, [network], day + timedelta(days=days), True, day)


async def _network(context: Context, actor: Actor, slug: str) -> tuple[Catalogue, UUID, date]:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    network = kept.by_slug.get(slug)
    if network is None:
        raise NotFound("network", slug)
    actor.must_manage(network.id)
    return kept, network.id, context.clock.today(network.zone)


def _sum(total: Ran, told: list[Notice], found: list[Notice]) -> Ran:
    left: dict[str, int] = {}
    for each in found:
        if not each.letter:
            left[each.state] = left.get(each.state, 0) + 1
    return Ran(total.told + len(told), _added(total.left_out, left))


def _added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {state: one.get(state, 0) + other.get(state, 0) for state in sorted({*one, *other})}
