"""Organisations as the register has them, each once, found by id or by a strong identifier."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.known import believed


class Identifier(msgspec.Struct, frozen=True):
    """A strong identifier, normalised."""

    scheme: str
    value: str


class FormerName(msgspec.Struct, frozen=True):
    """A name that was used until a day (the first day it was not)."""

    name: str
    until: date


class Organisation(msgspec.Struct, frozen=True):
    """A legal entity, or a unit inside `parent_id`."""

    id: UUID
    name: str
    kind: str
    country: str
    municipality: str
    county: str
    employees: int | None
    founded_on: date | None
    parent_id: UUID | None
    website: str
    merged_into: UUID | None
    merged_on: date | None
    identifiers: list[Identifier]
    former_names: list[FormerName]


_READ = """
select o.id, o.name, p.kind, p.country, p.municipality, p.county, p.employees, p.founded_on, p.parent_id, o.website,
    o.merged_into_id as merged_into, o.merged_on, (
        select coalesce(jsonb_agg(jsonb_build_object('name', k.name, 'until', k.until) order by k.until), '[]') from (
            select n.names ->> 'nb' as name, lead(n.starts_on) over (order by n.starts_on nulls first) as until
            from known_name n where n.organisation_id = o.id and n.withdrawn_at is null) k
        where k.until <= $1) as former_names,
    coalesce((select jsonb_agg(jsonb_build_object('scheme', i.scheme, 'value', i.value) order by i.scheme)
              from identifier i where i.organisation_id = o.id), '[]') as identifiers
from organisation o
join lateral (
    select * from organisation_profile f where f.organisation_id = o.id and {profile}
    order by (f.starts_on <= $1 and (f.ends_on is null or f.ends_on > $1)) desc, f.starts_on limit 1
) p on true
"""
_ORGANISATION = _READ.format(profile="f.superseded_at is null")
# A partner knows an organisation through a membership or an application it may see; a manager knows them all.
_KNOWN = """
($2 or exists (select 1 from membership m where m.organisation_id = o.id)
    or exists (select 1 from application a where a.organisation_id = o.id))
"""


async def one(
    connection: Connection, wanted: UUID, today: date, everything: bool, known_at: datetime | None = None
) -> Organisation | None:
    """The organisation with this id, if the reader may know of it; its facts of a day, as known now or at a moment."""
    if known_at is not None:
        as_known = _READ.format(profile=believed("f", "$4"))
        rows = await connection.fetch(f"{as_known} where o.id = $3 and {_KNOWN}", today, everything, wanted, known_at)
        if rows:
            return _shown(rows[0])  # nothing was known of it yet: what is known now
    rows = await connection.fetch(f"{_ORGANISATION} where o.id = $3 and {_KNOWN}", today, everything, wanted)
    return _shown(rows[0]) if rows else None


async def by_identifier(
    connection: Connection, scheme: str, value: str, today: date, everything: bool
) -> list[Organisation]:
    """The organisation with this (normalised) identifier: none or one."""
    rows = await connection.fetch(
        f"{_ORGANISATION} join identifier wanted on wanted.organisation_id = o.id and wanted.scheme = $3"
        f" and wanted.value = $4 where {_KNOWN}",
        today,
        everything,
        scheme,
        value,
    )
    return [_shown(row) for row in rows]


def _shown(row: dict) -> Organisation:
    return msgspec.convert(dict(row), Organisation)


async def employers(connection: Connection, person: UUID) -> list[tuple[UUID, str]]:
    """For whom a person works, as far as the reader may know it: (id, name)."""
    rows = await connection.fetch(
        "select o.id, o.name from employer e join organisation o on o.id = e.employer_id"
        " where e.organisation_id = $1 and e.superseded_at is null order by o.sort_name, o.id",
        person,
    )
    return [(row["id"], row["name"]) for row in rows]


async def names(connection: Connection, wanted: Iterable[UUID]) -> dict[UUID, str]:
    """The names of organisations, for sentences about them."""
    rows = await connection.fetch("select id, name from organisation where id = any($1)", list(wanted))
    return {row["id"]: row["name"] for row in rows}
