"""What names people goes when its time has come: each night, and with a look ahead first (ADR 0033)."""

import secrets
from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec

from cluster_rules import retention as rules
from cluster_rules.retention import Cutoffs, Policy
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, NotFound
from crm.i18n import TIME_ZONE
from crm.store import audit, retention
from crm.store.retention import Host

SALT_BYTES = 16


class Going(msgspec.Struct, frozen=True):
    """What goes on a day, {kind: rows}: of a host, or (None) of none."""

    host: Host | None
    done: dict[str, int]


async def preview(context: Context, day: date, host: UUID | None = None) -> list[Going]:
    """What `run` would take away on this day, of one host or of all; nothing is changed."""
    async with context.db.tx() as connection:
        listed, days = await _asked(connection, day)
        people = await retention.ended(connection, {each.id: days[each.id] for each in listed})
        out = []
        for each in listed:
            if host in (None, each.id):
                found = await retention.count(connection, each.id, days[each.id])
                contacts = {"contacts": len(people[each.id])} if people[each.id] else {}
                out.append(Going(each, contacts | found))
        if host is None:
            out.append(Going(None, await retention.count(connection, None, _loosest(listed, day))))
    return out


async def first_days(context: Context, host: Host) -> dict[str, date]:
    """When the oldest of each kind goes, by the host's periods; contacts go by days of memberships and are not here."""
    async with context.db.tx() as connection:
        found = await retention.oldest(connection, host.id)
    return {kind: rules.goes_on(host.policy, kind, day) for kind, day in found.items()}


async def run(context: Context, actor: Actor, day: date) -> list[Going]:
    """Take away what has stood long enough on this day. Again on the same day nothing is left to do."""
    now, salt = context.clock.now(), secrets.token_hex(SALT_BYTES)
    async with context.db.tx() as connection:
        await retention.say_day(connection, day)
        listed, days = await _asked(connection, day)
        people = await retention.ended(connection, {each.id: days[each.id] for each in listed})
        out = []
        for each in listed:
            contacts = await retention.forget(connection, people[each.id], now)
            out.append(Going(each, contacts | await retention.take(connection, each.id, days[each.id], salt)))
        out.append(Going(None, await retention.take(connection, None, _loosest(listed, day), salt)))
        await retention.drop_stale(connection, now)
        for going in out:
            if going.done:
                await retention.note(
                    connection, going.host.id if going.host else None, day, going.done, actor.name, now
                )
        told = {going.host.code if going.host else "": going.done for going in out if going.done}
        if told:
            await audit.append(connection, actor, "retention_run", {"on": day.isoformat(), "done": told})
    return out


async def run_all(context: Context, actor: Actor) -> list[Going]:
    """The same, today."""
    return await run(context, actor, context.clock.today(TIME_ZONE))


async def set_policy(context: Context, actor: Actor, host: UUID, networks: Sequence[UUID], policy: Policy) -> None:
    """A host's own periods, by who decides about all its networks (or administers it).

    RuleViolation `retention_law`, `retention_range`; NotFound, Forbidden.
    """
    rules.check(policy)
    if host not in actor.hosts and not set(networks) <= actor.manages:
        raise Forbidden if set(networks) & actor.sees else NotFound("host", host)
    async with context.db.tx() as connection:
        before = next((each for each in await retention.hosts(connection) if each.id == host), None)
        if before is None:
            raise NotFound("host", host)
        await retention.set_policy(connection, host, policy, actor.name, context.clock.now())
        told = {name: [old, new] for name, old, new in _changed(before.policy, policy)}
        await audit.append(connection, actor, "retention_policy_changed", {"periods": told}, None, None, host)


async def _asked(connection: Connection, day: date) -> tuple[list[Host], dict[UUID, Cutoffs]]:
    listed = await retention.hosts(connection)
    return listed, {each.id: rules.cutoffs(each.policy, day) for each in listed}


def _loosest(hosts: list[Host], day: date) -> Cutoffs:
    """What belongs to no host is kept as long as the host that keeps it longest says."""
    found = [rules.cutoffs(each.policy, day) for each in hosts] or [rules.cutoffs(Policy(), day)]
    return Cutoffs(**{name: min(getattr(each, name) for each in found) for name in Cutoffs.__struct_fields__})


def _changed(before: Policy, after: Policy) -> list[tuple[str, int, int]]:
    named = rules.PERIODS
    return [(n, getattr(before, n), getattr(after, n)) for n in named if getattr(before, n) != getattr(after, n)]
