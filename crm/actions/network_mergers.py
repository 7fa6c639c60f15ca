"""Networks become one: every member of the old ones is a member of the new one from a day on (T6, AC-14b).

All or nothing, in one transaction; doing it again moves only who has joined an old network since. A dry run is
the same, rolled back.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from uuid import UUID, uuid5

import msgspec

from cluster_rules import network_mergers as rules
from cluster_rules.cascades import repair
from cluster_rules.fees import Step
from cluster_rules.intents import Charge, SetTimeline
from cluster_rules.memberships import Facts, Segment, Transfer
from cluster_rules.network_mergers import NetworkMerger
from cluster_rules.rulebooks import check_links
from crm import catalogue
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.store import agreements, audit, families, imports, mergers, rulebooks, shares
from crm.store.apply import apply
from crm.store.mergers import Restructuring

MERGERS = UUID("6b6c796e-6765-5000-8000-000000000002")  # ids come from what is merged: repeating finds it done
FAMILIES_AT_A_TIME = 200
Progress = Callable[[int, int], None]


class Move(msgspec.Struct, frozen=True):
    """One membership that counts for another: who, from which network and level to which level, since when."""

    organisation: UUID
    name: str
    network: str
    tier: str
    into: str
    since: date


class Outcome(msgspec.Struct, frozen=True):
    """What a merger of networks does: who moves, rulebooks published, agreements ended; money in minor units.

    `credited` and `billed` by currency: what is given back for prepaid days, and what the new network bills.
    """

    moves: list[Move]
    rulebooks: list[tuple[str, int]]
    agreements: list[str]
    memberships: int
    credited: dict[str, int]
    billed: dict[str, int]


class _OnlyLooked(Exception):
    """Nobody wanted it done."""


def _silent(_done: int, _of: int) -> None:
    """Nobody is told."""


async def run(
    context: Context, actor: Actor, merger: NetworkMerger, dry_run: bool = False, tell: Progress = _silent
) -> Outcome:
    """Merge networks as the plan says. RuleViolation names what of it cannot be; then nothing at all is stored."""
    found: Outcome | None = None
    with suppress(_OnlyLooked):
        async with context.db.tx() as connection:
            found = await _run(connection, context, actor, merger, tell)
            if dry_run:
                raise _OnlyLooked
    assert found is not None
    return found


async def _run(
    connection: Connection, context: Context, actor: Actor, merger: NetworkMerger, tell: Progress
) -> Outcome:
    kept = await catalogue.load(connection)
    rules.check(merger, kept.rulebooks)
    new = kept.network(merger.into)
    for slug in sorted({merger.into, *merger.slugs}):
        actor.must_manage(kept.network(slug).id)
        await rulebooks.lock(connection, kept.network(slug).id)
    await catalogue.rule(connection)
    kept = await catalogue.load(connection)
    names = "/".join(sorted(merger.slugs))
    detail = msgspec.to_builtins(merger)
    made = Restructuring(
        uuid5(MERGERS, f"{merger.into}/{merger.on}/{names}"), "network_merger", None, None, new.id, merger.on, detail
    )
    published: list[tuple[str, int]] = []
    ended: list[str] = []
    if await mergers.record(connection, made, actor):
        ended = await _agreements(connection, kept, merger)
        published = await _rulebooks(connection, kept, merger, actor)
        kept = await catalogue.load(connection)
    today = context.clock.today(new.zone)
    out = Outcome([], published, ended, 0, {}, {})
    slugs = {merger.into, *merger.slugs, *(slug for slug, _ in published)}
    listed = await families.touched(connection, [], [kept.network(slug).id for slug in slugs])
    done = await mergers.transferred(connection, made.id)
    changed = 0
    for at in range(0, len(listed), FAMILIES_AT_A_TIME):
        some = listed[at : at + FAMILIES_AT_A_TIME]
        await families.lock_many(connection, some)
        for family, facts in zip(some, await families.load_many(connection, kept, some), strict=True):
            changed += await _family(connection, context, kept, merger, made, family, facts, done, today, out)
        tell(at + len(some), len(listed))
    await mergers.count_seniority(connection, made.id)
    await shares.turn(connection, context.clock.now())
    if published or ended or out.moves:
        told = {"into": merger.into, "on": merger.on.isoformat(), "moved": len(out.moves)}
        for slug in sorted({merger.into, *merger.slugs}):
            await audit.append(connection, actor, "networks_merged", told, kept.network(slug).id, None, made.id)
    return msgspec.structs.replace(out, memberships=changed)


async def _agreements(connection: Connection, kept: Catalogue, merger: NetworkMerger) -> list[str]:
    """Those of the old networks end; those that move go on with the new one in their place."""
    fates = {kept.network(old.network).id: old.agreements for old in merger.networks}
    into = kept.network(merger.into).id
    ended = []
    for each in await agreements.of_networks(connection, fates, merger.on):
        source, target = (into if side in fates else side for side in (each["source"], each["target"]))
        moves = "end" not in {fates.get(each["source"]), fates.get(each["target"])}
        if moves and source != target:
            code = rules.moved_code(each["code"], merger.into)
            await agreements.go_on(connection, each["id"], code, merger.on, source, target)
            await shares.carry_on(connection, each["id"], code, merger.on)
        await agreements.end(connection, each["id"], merger.on)
        ended.append(each["code"])
    return ended


async def _rulebooks(
    connection: Connection, kept: Catalogue, merger: NetworkMerger, actor: Actor
) -> list[tuple[str, int]]:
    """Publish what the merger makes of rulebooks; only who manages those networks too may do that."""
    books = list(rules.books_after(merger, kept.rulebooks))
    for book in books:
        network = kept.network(book.network).id
        actor.must_manage(network)
        await rulebooks.lock(connection, network)
    check_links([*kept.rulebooks.versions, *books])
    for book in books:
        await imports.add_rulebook(connection, book, msgspec.to_builtins(book), actor)
    return [(book.network, book.version) for book in books]


async def _family(
    connection: Connection,
    context: Context,
    kept: Catalogue,
    merger: NetworkMerger,
    made: Restructuring,
    family: UUID,
    facts: Facts,
    done: set[UUID],
    today: date,
    out: Outcome,
) -> int:
    """Move one family's memberships; how many timelines changed."""
    transfers: list[Transfer] = []
    before = facts
    seniority = await mergers.carried_since(connection, [o.id for o in facts.organisations])
    for (organisation, slug), segments in sorted(before.timelines.items(), key=str):
        old = next((each for each in merger.networks if each.network == slug), None)
        id_ = mergers.transfer_id(made.id, organisation, slug)
        standing = [s for s in segments if s.period.end_or_far > merger.on]
        if old is None or id_ in done or not standing:
            continue
        source, target = (organisation, slug), (organisation, merger.into)
        recorded_at = families.moment(facts, context.clock.now())
        transfer = Transfer(id_, source, target, merger.on, recorded_at, old.tiers)
        earlier = seniority.get((organisation, kept.network(slug).id))
        since = min(day for day in (_since(segments, standing[0]), earlier) if day)
        await mergers.add_transfer(connection, kept, made.id, transfer, since)
        transfers.append(transfer)
        facts = msgspec.structs.replace(facts, transfers=(*facts.transfers, transfer))
        tier = standing[0].tier
        name = facts.organisation(organisation).name
        out.moves.append(Move(organisation, name, slug, tier, old.tiers[tier], since))
    charges = rules.billed(before, facts, transfers, today) if transfers else ()
    intents = (*repair(facts, today, Step(made.kind, {"restructuring": str(made.id)})), *charges)
    for charge in (i for i in charges if isinstance(i, Charge)):
        sums = out.credited if charge.line.net < 0 else out.billed
        sums[charge.line.currency] = sums.get(charge.line.currency, 0) + charge.line.net
    await apply(connection, kept, before, intents, family)
    return sum(1 for i in intents if isinstance(i, SetTimeline))


def _since(segments: tuple[Segment, ...], standing: Segment) -> date:
    """The first day of the unbroken time that `standing` is part of."""
    since = standing.period.start
    for segment in reversed(segments):
        if segment.period.end == since:
            since = segment.period.start
    return since
