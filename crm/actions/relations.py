"""How an organisation stands to others: its role in a network, who owns it, for whom a person works.

Fees and discounts look at roles and owners: see first what they change in the fees to come. What was billed stays.
"""

import re
from contextlib import suppress
from datetime import date, timedelta
from uuid import UUID

import msgspec

from cluster_rules import next_fees
from cluster_rules.applications import LATEST_START_DAYS
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Facts
from cluster_rules.next_fees import FeeChange
from cluster_rules.organisations import Role
from cluster_rules.periods import Period
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.store import audit, families, organisations, profiles, roles, sizes

LONGEST_BACKDATING_DAYS = 36_600
_ROLE = re.compile(r"[a-z][a-z0-9_]{0,59}")


class Recorded(msgspec.Struct, frozen=True):
    """What was stored (a role has an id) and what it changes in the fees of the next whole year."""

    id: UUID | None
    fees: tuple[FeeChange, ...]


class _OnlyLooked(Exception):
    """Nobody wanted it done."""


async def give_role(
    context: Context, actor: Actor, organisation: UUID, role: Role, source: str, look: bool = False
) -> Recorded:
    """The organisation has a role in a network on these days. `look`: only what it would change.

    Forbidden or NotFound unless the actor manages the network; RuleViolation `role_held`, `role_format`,
    `date_out_of_range`; Invalid for the source.
    """
    problems: forms.Problems = []
    forms.text(problems, "source", source, forms.NAME_MAX, required=False)
    if not _ROLE.fullmatch(role.code):
        problems.append(("role", "role_format", {"given": role.code[:60]}))
    if problems:
        raise Invalid(problems)
    _in_range(context, "starts_on", role.period.start)
    recorded: Recorded | None = None
    with suppress(_OnlyLooked):
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
            network = _network(kept, actor, role.network)
            before, family = await _facts(connection, kept, actor, organisation)
            since = await roles.held(connection, organisation, network, role.code, role.period)
            if since:
                raise Refused("role_held", "starts_on", since=since)
            new = await roles.give(connection, organisation, network, role, source.strip(), actor)
            recorded = await _recorded(connection, context, actor, kept, organisation, before, family, new)
            detail = {"role": role.code, "on": role.period.start.isoformat(), "source": source.strip()}
            await audit.append(connection, actor, "role_given", detail, network, organisation, new)
            if look:
                raise _OnlyLooked
    assert recorded is not None
    return recorded


async def end_role(
    context: Context, actor: Actor, organisation: UUID, wanted: UUID, ends_on: date | None = None
) -> Recorded:
    """The role ends on a day (the first without it), or, without a day, was told wrongly and is taken back."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        before, family = await _facts(connection, kept, actor, organisation)
        row = await roles.get(connection, organisation, wanted)
        if row.network_id not in actor.sees:
            raise NotFound("role", wanted)
        actor.must_manage(row.network_id)
        if ends_on is not None and ends_on <= row.starts_on:
            raise RuleViolation("period_empty", "ends_on", starts_on=row.starts_on, ends_on=ends_on)
        await roles.supersede(connection, wanted)
        new = None
        if ends_on is not None:
            role = Role(kept.by_id[row.network_id].slug, row.role, Period(row.starts_on, ends_on))
            new = await roles.give(connection, organisation, row.network_id, role, row.source, actor)
        recorded = await _recorded(connection, context, actor, kept, organisation, before, family, new)
        detail = {"role": row.role, "on": ends_on.isoformat() if ends_on else ""}
        action = "role_ended" if ends_on else "role_taken_back"
        await audit.append(connection, actor, action, detail, row.network_id, organisation, wanted)
        return recorded


async def own(
    context: Context, actor: Actor, organisation: UUID, country: str, as_of: date, source: str, look: bool = False
) -> Recorded:
    """From a day on the company that owns it is in this country; empty: nobody owns it."""
    problems: forms.Problems = []
    forms.text(problems, "source", source, forms.NAME_MAX, required=False)
    if country and country not in forms.COUNTRIES:
        problems.append(("country", "country_unknown", {"given": country[:10]}))
    if problems:
        raise Invalid(problems)
    _in_range(context, "as_of", as_of)
    recorded: Recorded | None = None
    with suppress(_OnlyLooked):
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
            before, family = await _facts(connection, kept, actor, organisation)
            await sizes.add_owner(connection, organisation, country, as_of, actor, source.strip())
            recorded = await _recorded(connection, context, actor, kept, organisation, before, family, None)
            detail = {"country": country, "on": as_of.isoformat(), "source": source.strip()}
            for network in await _networks(connection, actor, organisation):
                await audit.append(connection, actor, "owner_recorded", detail, network, organisation)
            if look:
                raise _OnlyLooked
    assert recorded is not None
    return recorded


async def employ(context: Context, actor: Actor, person: UUID, employer: UUID, since: date | None = None) -> None:
    """A person works for an organisation: shown and counted, and nobody's reason for a membership."""
    if since is not None:
        _in_range(context, "since", since)
    async with context.db.tx() as connection:
        networks = await _networks(connection, actor, person)
        if not networks:
            raise NotFound("organisation", person)
        await families.lock(connection, person)
        who, where = await _kind(connection, person, "organisation"), await _kind(connection, employer, "employer")
        if who != "person" or where == "person":
            raise Refused("employer_wrong", "employer")
        await organisations.employ(connection, person, employer, since)
        for network in networks:
            await audit.append(connection, actor, "employer_recorded", {}, network, person, employer)


async def leave(context: Context, actor: Actor, person: UUID, employer: UUID) -> None:
    """The person does not work there any more. NotFound when it was not told before."""
    async with context.db.tx() as connection:
        networks = await _networks(connection, actor, person)
        if not networks:
            raise NotFound("organisation", person)
        if not await organisations.leave(connection, person, employer):
            raise NotFound("employer", employer)
        for network in networks:
            await audit.append(connection, actor, "employer_left", {}, network, person, employer)


def _network(kept: Catalogue, actor: Actor, slug: str) -> UUID:
    if slug not in kept.by_slug:
        raise NotFound("network", slug)
    network = kept.by_slug[slug].id
    actor.must_manage(network)
    return network


async def _facts(connection: Connection, kept: Catalogue, actor: Actor, organisation: UUID) -> tuple[Facts, UUID]:
    """The family's facts, locked; NotFound unless the organisation has to do with a network of the actor's."""
    if not await _networks(connection, actor, organisation):
        raise NotFound("organisation", organisation)
    family = await families.lock(connection, organisation)
    return await families.load(connection, kept, family), family


async def _networks(connection: Connection, actor: Actor, organisation: UUID) -> list[UUID]:
    """The actor's networks that the organisation is or was a member of, or applies to."""
    return await organisations.networks(connection, organisation, actor.manages)


async def _kind(connection: Connection, organisation: UUID, field: str) -> str:
    kind = await profiles.kind(connection, organisation)
    if kind is None:
        raise NotFound(field, organisation)
    return kind


async def _recorded(
    connection: Connection,
    context: Context,
    actor: Actor,
    kept: Catalogue,
    organisation: UUID,
    before: Facts,
    family: UUID,
    new: UUID | None,
) -> Recorded:
    after = await families.load(connection, kept, family)
    today = {n.slug: context.clock.today(n.zone) for n in kept.networks if n.id in actor.manages}
    found = next_fees.changes(before, after, organisation, today)
    return Recorded(new, tuple(each for each in found if each.before != each.after))


def _in_range(context: Context, field: str, day: date) -> None:
    today = context.clock.now().date()
    earliest, latest = today - timedelta(days=LONGEST_BACKDATING_DAYS), today + timedelta(days=LATEST_START_DAYS)
    if not earliest <= day <= latest:
        raise RuleViolation("date_out_of_range", field, given=day, earliest=earliest, latest=latest)
