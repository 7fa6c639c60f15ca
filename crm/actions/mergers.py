"""Organisations merge and split: see first what follows, do it, take it back. What follows is derived by rules.

A preview is the deed itself in a transaction that is rolled back, so the two cannot differ.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from cluster_rules.applications import LATEST_START_DAYS
from cluster_rules.cascades import Consequences, repair
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import Step
from cluster_rules.intents import Notify
from cluster_rules.memberships import Facts, Transfer
from cluster_rules.notices import of_organisations
from cluster_rules.transfers import member_since, standing
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.forms import OrganisationForm
from crm.store import audit, families, mergers, organisations
from crm.store.apply import apply
from crm.store.mergers import Restructuring

LONGEST_BACKDATING_DAYS = 3660


class Choice(msgspec.Struct, frozen=True):
    """What becomes of one membership: it moves (at `tier`, or as it is) or ends; and so do its linked ones."""

    network: str
    membership: Literal["move", "end"] = "move"
    links: Literal["move", "end"] = "move"
    tier: str = ""


class Merger(msgspec.Struct, frozen=True):
    """`organisation` becomes part of `into` on `effective_on`, the first day. What is not chosen moves."""

    organisation: UUID
    into: UUID
    effective_on: date
    memberships: tuple[Choice, ...] = ()
    reason: str = ""


class Split(msgspec.Struct, frozen=True):
    """A `unit`, or a part that is registered as `new`, stands alone from a day on; these memberships go with it."""

    organisation: UUID
    effective_on: date
    unit: UUID | None = None
    new: OrganisationForm | None = None
    memberships: tuple[Choice, ...] = ()
    reason: str = ""


class Done(msgspec.Struct, frozen=True):
    """The restructuring's id (to take it back with), the organisation that has it all now, and what was touched."""

    id: UUID
    organisation: UUID
    memberships: tuple[UUID, ...]
    invoices: tuple[UUID, ...]


class _Plan(msgspec.Struct, frozen=True):
    """Everything is written but what follows by rule: the facts as they are now, and what they want."""

    kept: Catalogue
    made: Restructuring
    family: UUID
    facts: Facts
    networks: tuple[str, ...]
    consequences: Consequences


class _OnlyLooked(Exception):
    """Nobody wanted it done."""


async def preview(context: Context, actor: Actor, wanted: Merger | Split) -> tuple[Catalogue, Consequences]:
    """What the merger or split would do; nothing is stored."""
    plan: _Plan | None = None
    with suppress(_OnlyLooked):
        async with context.db.tx() as connection:
            plan = await _plan(connection, context, actor, wanted)
            raise _OnlyLooked
    assert plan is not None
    return plan.kept, plan.consequences


async def make(context: Context, actor: Actor, wanted: Merger | Split) -> Done:
    """Merge or split, with everything that follows from it, in one transaction."""
    async with context.db.tx() as connection:
        plan = await _plan(connection, context, actor, wanted)
        return await _carry_out(connection, actor, plan, f"organisation_{plan.made.kind}", wanted.reason)


async def take_back(context: Context, actor: Actor, wanted: UUID) -> Done:
    """Withdraw a merger or split: every membership is again what it would be without it.

    NotFound when there is none, or it was taken back before; Forbidden or NotFound when it touches memberships of
    networks that the actor does not manage.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        made = await mergers.get(connection, wanted)
        if made.source is None or made.target is None:
            raise NotFound("merger", wanted)
        family = await families.lock(connection, made.target)
        made = await mergers.get(connection, wanted)
        facts = await families.load(connection, kept, family)
        ours = await mergers.transferred(connection, wanted)
        networks = {t.source[1] for t in facts.transfers if t.id in ours}
        await _must_manage(connection, kept, actor, networks, made.source)
        await mergers.withdraw(connection, wanted, actor)
        await mergers.count_seniority(connection, wanted)
        if made.kind == "merger":
            await mergers.mark(connection, made.source, None, None)
        units = [UUID(unit) for unit in made.detail["units"]]
        under = made.source
        old = made.target if made.kind == "merger" else None
        await mergers.put_under(connection, units, under, made.effective_on, only_under=old)
        facts = await families.load(connection, kept, family)
        plan = _derived(context, kept, made, family, facts, tuple(sorted(networks)), "withdrawn")
        return await _carry_out(connection, actor, plan, "merger_withdrawn", "")


async def _carry_out(connection: Connection, actor: Actor, plan: _Plan, action: str, reason: str) -> Done:
    made = plan.made
    assert made.source is not None and made.target is not None
    applied = await apply(connection, plan.kept, plan.facts, plan.consequences.intents, plan.family)
    await mergers.count_seniority(connection, made.id)
    detail = {
        "organisation": str(made.source),
        "into": str(made.target),
        "on": made.effective_on.isoformat(),
        "reason": reason,
    }
    for slug in plan.networks or ("",):
        network = plan.kept.network(slug).id if slug else None
        for organisation in (made.source, made.target):
            await audit.append(connection, actor, action, detail, network, organisation, made.id)
    return Done(made.id, made.target, tuple(applied.memberships.values()), applied.invoices)


async def _plan(connection: Connection, context: Context, actor: Actor, wanted: Merger | Split) -> _Plan:
    kept = await catalogue.load(connection)
    _in_range(context, wanted)
    if isinstance(wanted, Merger):
        return await _merged(connection, context, kept, actor, wanted)
    return await _split(connection, context, kept, actor, wanted)


async def _merged(connection: Connection, context: Context, kept: Catalogue, actor: Actor, wanted: Merger) -> _Plan:
    source, target = wanted.organisation, wanted.into
    old, new = await _locked(connection, source, target)
    if old.merged_into:
        raise Refused("already_merged", "organisation", name=old.name)
    if new.merged_into:
        raise Refused("already_merged", "into", name=new.name)
    if source == target or old.parent != new.parent:
        raise Refused("merger_unit" if source != target else "merger_same", "into")
    reference = await mergers.waiting_application(connection, source)
    if reference:
        raise Refused("application_waiting", "organisation", reference=reference)
    units = await mergers.units_of(connection, source)
    made = Restructuring(
        uuid4(), "merger", source, target, None, wanted.effective_on, {"units": [str(unit) for unit in units]}
    )
    await mergers.unite(connection, old.family, new.family)
    await mergers.mark(connection, source, target, wanted.effective_on)
    await mergers.put_under(connection, units, target, wanted.effective_on, only_under=source)
    return await _moved(connection, context, kept, actor, made, new.family, wanted.memberships, everything=True)


async def _split(connection: Connection, context: Context, kept: Catalogue, actor: Actor, wanted: Split) -> _Plan:
    source = await mergers.standing(connection, wanted.organisation)
    if (wanted.unit is None) == (wanted.new is None):
        raise Refused("split_what", "unit")
    if not wanted.memberships:
        await _must_know(connection, actor, wanted.organisation)
    family = await families.lock(connection, source.id)
    if wanted.new:
        target = await organisations.add(connection, wanted.new, wanted.effective_on)
        await mergers.unite(connection, target, family)
        units: list[UUID] = []
    else:
        assert wanted.unit is not None
        unit = await mergers.standing(connection, wanted.unit, "unit")
        if unit.parent != source.id:
            raise Refused("split_unit", "unit", name=unit.name)
        target, units = unit.id, [unit.id]
        await mergers.put_under(connection, units, None, wanted.effective_on, only_under=source.id)
    detail = {"units": [str(unit) for unit in units]}
    made = Restructuring(uuid4(), "split", source.id, target, None, wanted.effective_on, detail)
    return await _moved(connection, context, kept, actor, made, family, wanted.memberships, everything=False)


async def _locked(connection: Connection, source: UUID, target: UUID) -> tuple[mergers.Standing, mergers.Standing]:
    """Both organisations with their families locked in order; nobody can move them any more."""
    while True:
        old = await mergers.standing(connection, source)
        new = await mergers.standing(connection, target, "into")
        await families.lock_many(connection, [old.family, new.family])
        again = (await mergers.standing(connection, source), await mergers.standing(connection, target, "into"))
        if (old.family, new.family) == (again[0].family, again[1].family):
            return again


async def _moved(
    connection: Connection,
    context: Context,
    kept: Catalogue,
    actor: Actor,
    made: Restructuring,
    family: UUID,
    choices: Sequence[Choice],
    everything: bool,
) -> _Plan:
    """Record what moves; `everything` that stands, or only what was chosen."""
    assert made.source is not None and made.target is not None
    facts = await families.load(connection, kept, family)
    held = sorted({d.network for d in facts.decisions if d.organisation == made.source} | _carried(facts, made.source))
    held = [slug for slug in held if standing(facts, (made.source, slug), made.effective_on)]
    chosen = {choice.network: choice for choice in choices}
    for slug in chosen:
        if slug not in held:
            raise Refused("not_a_member", "memberships", on=made.effective_on)
    moving = [slug for slug in held if everything or slug in chosen]
    await _must_manage(connection, kept, actor, set(moving), made.source)
    await mergers.record(connection, made, actor)
    seniority = await mergers.carried_since(connection, [made.source])
    for slug in moving:
        transfer = _transfer(context, facts, made, chosen.get(slug, Choice(slug)))
        since = member_since(facts, transfer.source, made.effective_on)
        earlier = seniority.get((made.source, kept.network(slug).id))
        await mergers.add_transfer(connection, kept, made.id, transfer, min(filter(None, (since, earlier))))
        facts = msgspec.structs.replace(facts, transfers=(*facts.transfers, transfer))
    facts = await families.load(connection, kept, family)
    return _derived(context, kept, made, family, facts, tuple(moving), made.kind)


def _carried(facts: Facts, organisation: UUID) -> set[str]:
    return {t.target[1] for t in facts.transfers if t.target and t.target[0] == organisation}


def _derived(
    context: Context,
    kept: Catalogue,
    made: Restructuring,
    family: UUID,
    facts: Facts,
    networks: tuple[str, ...],
    why: str,
) -> _Plan:
    reason = Step(why, {"restructuring": str(made.id)})
    today = context.clock.today(kept.network(networks[0]).zone) if networks else context.clock.now().date()
    told = _told(made, facts, networks, today, why == "withdrawn")
    return _Plan(kept, made, family, facts, networks, Consequences((*repair(facts, today, reason), *told)))


def _told(
    made: Restructuring, facts: Facts, networks: tuple[str, ...], today: date, taken_back: bool
) -> tuple[Notify, ...]:
    """The mails to both, and to the managers of every network that either is a member of."""
    assert made.source is not None and made.target is not None
    held: dict[UUID, set[str]] = {made.source: set(networks), made.target: set()}
    for grant in facts.grants:
        if grant.organisation in held and grant.period.end_or_far > today:
            held[grant.organisation].add(grant.network)
    values = {
        "one": str(made.source),
        "other": str(made.target),
        "on": made.effective_on.isoformat(),
        "taken_back": taken_back,
    }
    kind = "merged" if made.kind == "merger" else "split"
    return tuple(of_organisations(kind, held, held, networks, values))


def _transfer(context: Context, facts: Facts, made: Restructuring, choice: Choice) -> Transfer:
    assert made.source is not None and made.target is not None
    source = (made.source, choice.network)
    tiers: dict[str, str] = {}
    if choice.tier:
        book = facts.rulebooks.governing(choice.network, made.effective_on, made.effective_on)
        if book is None or book.tier(choice.tier) is None:
            raise RuleViolation("tier_unknown", "memberships", tier=choice.tier, network=choice.network)
        tiers = {g.tier: choice.tier for g in standing(facts, source, made.effective_on)}
    target = (made.target, choice.network) if choice.membership == "move" else None
    recorded_at = families.moment(facts, context.clock.now())
    id_ = mergers.transfer_id(made.id, *source)
    return Transfer(id_, source, target, made.effective_on, recorded_at, tiers, choice.links)


async def _must_manage(
    connection: Connection, kept: Catalogue, actor: Actor, networks: set[str], organisation: UUID
) -> None:
    """Whoever merges must manage every network whose own members are moved; how many others, not which."""
    foreign = [slug for slug in networks if kept.network(slug).id not in actor.manages]
    if foreign and len(foreign) < len(networks):
        raise Refused("merger_elsewhere", "organisation", count=len(foreign))
    if foreign and not {kept.network(slug).id for slug in foreign} & actor.reads:
        raise NotFound("organisation", organisation)
    if foreign:
        raise Forbidden
    if not networks:
        await _must_know(connection, actor, organisation)


async def _must_know(connection: Connection, actor: Actor, organisation: UUID) -> None:
    """An organisation without memberships is moved by whoever manages a network that it had to do with."""
    if not await organisations.networks(connection, organisation, actor.manages):
        raise NotFound("organisation", organisation)


def _in_range(context: Context, wanted: Merger | Split) -> None:
    problems: forms.Problems = []
    forms.text(problems, "reason", wanted.reason, forms.NOTE_MAX, required=False)
    if problems:
        raise Invalid(problems)
    today = context.clock.now().date()
    earliest, latest = today - timedelta(days=LONGEST_BACKDATING_DAYS), today + timedelta(days=LATEST_START_DAYS)
    if not earliest <= wanted.effective_on <= latest:
        raise RuleViolation(
            "date_out_of_range", "effective_on", given=wanted.effective_on, earliest=earliest, latest=latest
        )
