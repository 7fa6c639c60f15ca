"""Sizes of a member, and fees agreed with it: see what a new word changes, then record it. Nothing is overwritten."""

from uuid import UUID

import msgspec

from cluster_rules import next_fees
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import Step
from cluster_rules.memberships import Facts
from cluster_rules.next_fees import FeeChange
from cluster_rules.organisations import AgreedFee, Size
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.store import audit, families, rulebooks, sizes


async def preview(context: Context, actor: Actor, organisation: UUID, told: list[forms.SizeForm]) -> list[FeeChange]:
    """What these figures would change; nothing is stored."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        facts = await _facts(connection, kept, actor, organisation)
        return _changes(kept, actor, organisation, facts, _with(facts, organisation, _checked(told)), context)


async def record(context: Context, actor: Actor, organisation: UUID, told: list[forms.SizeForm]) -> list[FeeChange]:
    """Store the figures and bring what follows by rule in line. What was billed stays; the next year goes by them."""
    new = _checked(told)
    today = context.clock.now().date()
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        family = await families.lock(connection, organisation)
        before = await _facts(connection, kept, actor, organisation)
        await sizes.add(connection, organisation, new, actor, today)
        await rulebooks.derive(connection, kept, [family], today, Step("recomputed"), lambda done, of: None)
        after = await families.load(connection, kept, family)
        for network in sorted(actor.manages & {kept.network(n).id for n in _networks(before, organisation)}):
            detail = {"sizes": [msgspec.to_builtins(size) for size in new]}
            await audit.append(connection, actor, "sizes_recorded", detail, network, organisation)
        return _changes(kept, actor, organisation, before, after, context)


async def agree(context: Context, actor: Actor, organisation: UUID, fee: AgreedFee) -> None:
    """Store a yearly amount signed with a member, from its first day on, with where that is written down."""
    problems: forms.Problems = []
    forms.text(problems, "source", fee.source, forms.NAME_MAX)
    if not 0 <= fee.amount <= forms.SIZE_MAX:
        problems.append(("amount", "number_out_of_range", {"least": 0, "most": forms.SIZE_MAX}))
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        network = kept.network(fee.network)
        actor.must_manage(network.id)
        await families.lock(connection, organisation)
        book = kept.book(fee.network, fee.period.start)
        components = [c for tier in book.tiers for c in tier.fees if c.basis == "agreed" and c.code == fee.component]
        if not components:
            raise Refused("component_not_agreed", "component", given=fee.component)
        if all(c.cap and fee.amount > c.cap for c in components):
            raise RuleViolation("agreed_fee_too_high", "amount", component=fee.component)
        await sizes.agree(connection, organisation, network.id, fee, actor)
        await audit.append(connection, actor, "fee_agreed", msgspec.to_builtins(fee), network.id, organisation)


def _checked(told: list[forms.SizeForm]) -> list[Size]:
    problems: forms.Problems = []
    forms.sizes(problems, "sizes", told)
    if not told:
        problems.append(("sizes", "required", {}))
    if problems:
        raise Invalid(problems)
    return [Size(s.basis, s.value, s.as_of, s.source, s.scope, s.currency) for s in told]


async def _facts(connection: Connection, kept: Catalogue, actor: Actor, organisation: UUID) -> Facts:
    """The family's facts; NotFound unless the organisation is in a network that the actor manages."""
    facts = await families.load(connection, kept, await families.of(connection, organisation))
    if not actor.manages & {kept.network(n).id for n in _networks(facts, organisation)}:
        raise NotFound("organisation", organisation)
    return facts


def _networks(facts: Facts, organisation: UUID) -> set[str]:
    return {g.network for g in facts.grants if g.organisation == organisation}


def _with(facts: Facts, organisation: UUID, new: list[Size]) -> Facts:
    """The facts as if these figures were known; own employees are those of the profile."""
    employees = next((s for s in new if (s.basis, s.scope) == ("employees", "own")), None)
    others = tuple(s for s in new if s is not employees)
    changed = []
    for each in facts.organisations:
        profiles = each.profiles
        if each.id == organisation:
            told = {"employees": employees.value, "employees_as_of": employees.as_of} if employees else {}
            profiles = tuple(msgspec.structs.replace(p, sizes=(*p.sizes, *others), **told) for p in profiles)
        changed.append(msgspec.structs.replace(each, profiles=profiles))
    return msgspec.structs.replace(facts, organisations=tuple(changed))


def _changes(
    kept: Catalogue, actor: Actor, organisation: UUID, before: Facts, after: Facts, context: Context
) -> list[FeeChange]:
    today = {n.slug: context.clock.today(n.zone) for n in kept.networks if n.id in actor.manages}
    return next_fees.changes(before, after, organisation, today)
