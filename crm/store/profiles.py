"""What is told of organisations, as it is stored: rows of days that are superseded and never overwritten."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules.periods import Period
from cluster_rules.profiles import Told, Values
from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound

# The facts of a row, by the name of their column.
FACTS = ("kind", "country", "municipality", "county", "employees", "employees_as_of", "founded_on", "parent_id")
_COLUMNS = ("name", *FACTS)
_DATES = ("employees_as_of", "founded_on")


class Change(msgspec.Struct, frozen=True):
    """A change as it is stored: fact -> {old, new} (`website` among them), and what its days held before."""

    id: UUID
    organisation_id: UUID
    effective_on: date
    facts: dict[str, dict[str, Any]]
    before: tuple[Told, ...]
    united_id: UUID | None = None
    reason: str = ""


async def told(connection: Connection, organisation: UUID) -> tuple[Told, ...]:
    """What is told of an organisation now, in order of days."""
    rows = await connection.fetch(
        f"select starts_on, ends_on, {', '.join(_COLUMNS)} from organisation_profile"
        " where organisation_id = $1 and superseded_at is null order by starts_on",
        organisation,
    )
    return tuple(Told(Period(r["starts_on"], r["ends_on"]), {name: r[name] for name in _COLUMNS}) for r in rows)


async def write(connection: Connection, organisation: UUID, before: Sequence[Told], after: Sequence[Told]) -> None:
    """Bring the stored rows from `before` to `after`; rows that stay as they are are not touched."""
    gone = [each.period.start for each in before if each not in after]
    await connection.execute(
        "update organisation_profile set superseded_at = now() where organisation_id = $1 and starts_on = any($2)"
        " and superseded_at is null",
        organisation,
        gone,
    )
    places = ", ".join(f"${n}" for n in range(5, 5 + len(_COLUMNS)))
    await connection.executemany(
        "insert into organisation_profile (id, organisation_id, starts_on, ends_on, recorded_at,"
        f" {', '.join(_COLUMNS)}) values ($1, $2, $3, $4, now(), {places})",
        [
            (uuid4(), organisation, each.period.start, each.period.end, *(each.values[name] for name in _COLUMNS))
            for each in after
            if each not in before
        ],
    )


async def website(connection: Connection, organisation: UUID) -> str:
    """Its address on the web: known as it is today, without days."""
    return await connection.fetchval("select website from organisation where id = $1", organisation)


async def set_website(connection: Connection, organisation: UUID, address: str) -> None:
    """Another address from now on."""
    await connection.execute("update organisation set website = $2 where id = $1", organisation, address)


async def record(connection: Connection, change: Change, actor: Actor) -> None:
    """Store a change; the family is locked."""
    await connection.execute(
        "insert into profile_change (id, organisation_id, number, effective_on, facts, before, united_id, reason,"
        " actor, channel, recorded_at) select $1, $2, coalesce(max(c.number), 0) + 1, $3, $4, $5, $6, $7, $8, $9,"
        " now() from profile_change c where c.organisation_id = $2",
        change.id,
        change.organisation_id,
        change.effective_on,
        msgspec.to_builtins(change.facts),
        msgspec.to_builtins(change.before),
        change.united_id,
        change.reason,
        actor.name,
        actor.channel,
    )


async def get(connection: Connection, wanted: UUID) -> Change:
    """One that is not taken back. NotFound."""
    row = await connection.fetchrow(
        "select id, organisation_id, effective_on, facts, before, united_id, reason from profile_change"
        " where id = $1 and withdrawn_at is null",
        wanted,
    )
    if row is None:
        raise NotFound("change", wanted)
    before = [Told(t.period, values_of(t.values)) for t in msgspec.convert(row["before"], list[Told])]
    return Change(**dict(row) | {"before": tuple(before)})


async def later(connection: Connection, change: Change) -> date | None:
    """The first day of a newer change of one of the same facts that is not taken back."""
    return await connection.fetchval(
        "select c.effective_on from profile_change c join profile_change mine on mine.id = $1"
        " where c.organisation_id = mine.organisation_id and c.number > mine.number and c.withdrawn_at is null"
        " and c.facts ?| $2 order by c.number desc limit 1",
        change.id,
        list(change.facts),
    )


async def withdraw(connection: Connection, wanted: UUID, actor: Actor) -> None:
    """Mark a change as taken back; it stays in the history."""
    await connection.execute(
        "update profile_change set withdrawn_at = now(), withdrawn_by = $2 where id = $1 and withdrawn_at is null",
        wanted,
        actor.name,
    )


def values_of(stored: Values) -> Values:
    """Facts out of JSON with their days and ids as such."""
    out = dict(stored)
    for name, value in stored.items():
        if value and name in _DATES:
            out[name] = date.fromisoformat(value)
        elif value and name == "parent_id":
            out[name] = UUID(value)
    return out


async def kind(connection: Connection, organisation: UUID) -> str | None:
    """What kind of organisation it is by the newest that is told of it; None when there is none."""
    return await connection.fetchval(
        "select kind from organisation_profile where organisation_id = $1 and superseded_at is null"
        " order by starts_on desc limit 1",
        organisation,
    )
