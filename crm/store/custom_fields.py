"""Custom fields as they are stored: their definitions, and what members answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from crm.custom_values import Choice, Definition
from crm.database import Connection
from crm.errors import NotFound, Refused

_COLUMNS = "id, network_id, code, names, kind, required, sees, choices, place"
_FIELDS = f"select {_COLUMNS} from custom_field"


async def of_network(connection: Connection, network: UUID) -> list[Definition]:
    """The fields in their order, without what was deleted."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from custom_field where network_id = $1 and deleted_at is null order by place, code",
        network,
    )
    return [_definition(dict(row)) for row in rows]


async def lock(connection: Connection, field: UUID, deleted: bool = False) -> Definition:
    """The field, held until the transaction ends. NotFound; also for one that is deleted (or is not)."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from custom_field where id = $1 and (deleted_at is not null) = $2 for update",
        field,
        deleted,
    )
    if row is None:
        raise NotFound("field_id", field)
    return _definition(dict(row))


async def add(connection: Connection, field: Definition, by: str, now: datetime) -> None:
    """A new field, after those there are. Refused `field_code_known`."""
    try:
        async with connection.transaction():
            await connection.execute(
                f"insert into custom_field ({_COLUMNS}, created_at, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8,"
                " (select coalesce(max(place), 0) + 1 from custom_field where network_id = $2), $9, $10)",
                *(field.id, field.network_id, field.code, field.names, field.kind, field.required, field.sees),
                *(msgspec.to_builtins(field.choices), now, by),
            )
    except asyncpg.UniqueViolationError:
        raise Refused("field_code_known", "code", given=field.code) from None


async def change(connection: Connection, field: Definition) -> None:
    """Other names, choices, who sees it, whether it must be answered."""
    await connection.execute(
        "update custom_field set names = $2, required = $3, sees = $4, choices = $5 where id = $1",
        *(field.id, field.names, field.required, field.sees, msgspec.to_builtins(field.choices)),
    )


async def delete(connection: Connection, field: UUID, at: datetime | None) -> None:
    """Out of sight with its answers, or back."""
    await connection.execute("update custom_field set deleted_at = $2 where id = $1", field, at)


async def order(connection: Connection, network: UUID, ids: Sequence[UUID]) -> None:
    """The order on pages."""
    await connection.execute(
        "update custom_field f set place = o.place from unnest($2::uuid[]) with ordinality as o (id, place)"
        " where f.id = o.id and f.network_id = $1",
        network,
        list(ids),
    )


async def answers_with(connection: Connection, field: UUID, code: str) -> int:
    """How many members gave this answer."""
    return await connection.fetchval(
        "select count(*) from custom_value where field_id = $1 and value ? $2", field, code
    )


async def answers(connection: Connection, membership: UUID, fields: Sequence[UUID]) -> dict[UUID, Any]:
    """What a member answered: field -> value."""
    rows = await connection.fetch(
        "select field_id, value from custom_value where membership_id = $1 and field_id = any ($2)",
        membership,
        list(fields),
    )
    return {row["field_id"]: row["value"] for row in rows}


async def put(
    connection: Connection,
    field: Definition,
    memberships: Sequence[UUID],
    value: Any,
    by: str,
    now: datetime,
) -> dict[UUID, Any]:
    """These members of the field's network have this answer (None: none); who changed -> what it was."""
    before = {
        row["membership_id"]: row["value"]
        for row in await connection.fetch(
            "select membership_id, value from custom_value where field_id = $1 and membership_id = any ($2) for update",
            field.id,
            list(memberships),
        )
    }
    changed = [each for each in memberships if before.get(each) != value]
    if value is None:
        await connection.execute(
            "delete from custom_value where field_id = $1 and membership_id = any ($2)", field.id, changed
        )
    else:
        await connection.execute(
            "insert into custom_value (id, membership_id, field_id, network_id, value, changed_at, changed_by)"
            " select gen_random_uuid(), m, $1, $2, $4, $5, $6 from unnest($3::uuid[]) m"
            " on conflict (membership_id, field_id) do update set value = excluded.value,"
            " changed_at = excluded.changed_at, changed_by = excluded.changed_by",
            *(field.id, field.network_id, changed, value, now, by),
        )
    return {each: before.get(each) for each in changed}


def _definition(row: dict[str, Any]) -> Definition:
    choices = tuple(Choice(**each) for each in row.pop("choices"))
    return Definition(**row, choices=choices)
