"""Who is whom, as it is stored: pairs that are not the same, and sub-units of the register."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID, uuid4

from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound


async def networks_of(connection: Connection, organisations: Sequence[UUID], among: Collection[UUID]) -> list[UUID]:
    """Which of these networks have, or had, any of the organisations as a member or applicant."""
    rows = await connection.fetch(
        "select network_id from membership where organisation_id = any($1) and network_id = any($2)"
        " union select network_id from application where organisation_id = any($1) and network_id = any($2) order by 1",
        list(organisations),
        list(among),
    )
    return [row["network_id"] for row in rows]


async def keep_apart(connection: Connection, one: UUID, other: UUID, actor: Actor) -> bool:
    """Remember that the two are not the same; False when it is known already. NotFound."""
    first, second = sorted((one, other))
    known = await connection.fetchval("select count(*) from organisation where id = any($1)", [first, second])
    if known != 2:
        raise NotFound("organisation", other)
    made = await connection.fetchval(
        "insert into not_same (id, one_id, other_id, actor, recorded_at) values ($1, $2, $3, $4, now())"
        " on conflict (one_id, other_id) do nothing returning id",
        uuid4(),
        first,
        second,
        actor.name,
    )
    return made is not None


async def know_main_units(connection: Connection, units: Mapping[str, str]) -> int:
    """Store what the register says; how many were new or other."""
    rows = await connection.fetch(
        "insert into main_unit (id, sub_unit, main_unit, recorded_at)"
        " select gen_random_uuid(), s, m, now() from unnest($1::text[], $2::text[]) as u (s, m)"
        " on conflict (sub_unit) do update set main_unit = excluded.main_unit, recorded_at = now()"
        " where main_unit.main_unit <> excluded.main_unit returning id",
        list(units),
        list(units.values()),
    )
    return len(rows)
