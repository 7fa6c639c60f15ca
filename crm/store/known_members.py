"""Members of a network, now or before, by what people call them in a list: an organisation number or the exact name."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from crm.database import Connection

ORGNR_DIGITS = 9


async def by_name(connection: Connection, network: UUID, asked: Collection[str]) -> dict[str, frozenset[UUID]]:
    """Who fits each of these words; several where a name is not enough, nobody for a stranger."""
    keys = {who: _orgnr(who) or " ".join(who.split()).lower() for who in asked}
    rows = await connection.fetch(
        "select o.id, lower(o.name) as name, coalesce(i.value, '') as number"
        " from membership m join organisation o on o.id = m.organisation_id"
        " left join identifier i on i.organisation_id = o.id and i.scheme = 'no-orgnr'"
        " where m.network_id = $1 and (lower(o.name) = any($2) or i.value = any($2))",
        network,
        sorted(set(keys.values())),
    )
    found: dict[str, set[UUID]] = defaultdict(set)
    for row in rows:
        found[row["name"]].add(row["id"])
        if row["number"]:
            found[row["number"]].add(row["id"])
    return {who: frozenset(found.get(key, ())) for who, key in keys.items()}


async def by_id(connection: Connection, network: UUID, asked: Collection[UUID]) -> frozenset[UUID]:
    """Those of these organisations that are members of the network, or were."""
    if not asked:
        return frozenset()
    rows = await connection.fetch(
        "select distinct organisation_id from membership where network_id = $1 and organisation_id = any($2)",
        network,
        list(asked),
    )
    return frozenset(row["organisation_id"] for row in rows)


def _orgnr(who: str) -> str:
    """An organisation number without its spaces; empty for a name."""
    digits = "".join(who.split())
    return digits if digits.isascii() and digits.isdigit() and len(digits) == ORGNR_DIGITS else ""
