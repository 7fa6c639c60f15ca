"""What organisations were called on a day: only those that had another name then than now."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from crm.database import Connection


async def on(connection: Connection, organisations: Iterable[UUID], day: date) -> dict[UUID, str]:
    """The names of a day, where they differ from those of now."""
    rows = await connection.fetch(
        "select o.id, k.name from organisation o cross join lateral (select n.names ->> 'nb' as name from known_name n"
        " where n.organisation_id = o.id and n.withdrawn_at is null and (n.starts_on is null or n.starts_on <= $2)"
        " order by n.starts_on desc nulls last limit 1) k where o.id = any($1) and k.name <> o.name",
        list(organisations),
        day,
    )
    return {row["id"]: row["name"] for row in rows}
