"""A network's custom fields and what members answered, as pages and the API show them. Behind the tenant wall."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from crm.custom_values import Choice, Definition
from crm.database import Connection


class Defined(msgspec.Struct, frozen=True):
    """A field, and how many members have an answer."""

    definition: Definition
    answers: int


_FIELDS = """
select f.id, f.network_id, f.code, f.names, f.kind, f.required, f.sees, f.choices, f.place
from custom_field f where f.network_id = $1 and f.deleted_at is null
"""


async def of_network(connection: Connection, network: UUID) -> list[Definition]:
    """The fields in their order, without what was deleted."""
    return [_definition(dict(row)) for row in await connection.fetch(f"{_FIELDS} order by f.place, f.code", network)]


async def counted(connection: Connection, network: UUID) -> list[Defined]:
    """The same with the number of answers."""
    fields = await of_network(connection, network)
    rows = await connection.fetch(
        "select field_id, count(*) as n from custom_value where field_id = any ($1) group by 1", [f.id for f in fields]
    )
    counts = {row["field_id"]: row["n"] for row in rows}
    return [Defined(field, counts.get(field.id, 0)) for field in fields]


async def deleted(connection: Connection, network: UUID, field: UUID) -> dict[str, str]:
    """The names of a field that can come back; empty when it was not deleted."""
    said = "select names from custom_field where network_id = $1 and id = $2 and deleted_at is not null"
    return await connection.fetchval(said, network, field) or {}


async def of_membership(connection: Connection, membership: UUID, fields: Sequence[Definition]) -> dict[str, Any]:
    """What a member answered: code -> value as it is stored; what has no answer is not there."""
    codes = {field.id: field.code for field in fields}
    rows = await connection.fetch(
        "select field_id, value from custom_value where membership_id = $1 and field_id = any ($2)",
        membership,
        list(codes),
    )
    return {codes[row["field_id"]]: row["value"] for row in rows}


def _definition(row: dict[str, Any]) -> Definition:
    choices = tuple(Choice(**each) for each in row.pop("choices"))
    return Definition(**row, choices=choices)


async def open_answers(
    connection: Connection, organisation: UUID, sees: Sequence[str], day: date
) -> list[tuple[UUID, UUID, Definition, Any]]:
    """(membership, network, field, answer) of an organisation's memberships of the day, of fields that these may see.

    Read by an organisation's own people behind their wall; for the directory by whoever, of members it shows.
    """
    rows = await connection.fetch(
        "select v.membership_id, f.id, f.network_id, f.code, f.names, f.kind, f.required, f.sees, f.choices, f.place,"
        " v.value from custom_value v join custom_field f on f.id = v.field_id"
        " where f.sees = any ($2) and f.deleted_at is null and v.membership_id in ("
        "  select p.membership_id from membership_period p where p.organisation_id = $1 and p.superseded_at is null"
        "  and p.starts_on <= $3 and (p.ends_on is null or p.ends_on > $3)) order by f.network_id, f.place, f.code",
        organisation,
        list(sees),
        day,
    )
    out = []
    for row in map(dict, rows):
        membership, value = row.pop("membership_id"), row.pop("value")
        out.append((membership, row["network_id"], _definition(row), value))
    return out
