"""Hosts: the legal bodies that run networks and sell. Rows only; who may change what is decided in actions/hosts.py."""

from uuid import UUID

import msgspec

from crm.database import Connection
from crm.folder import HostRow

# What may change later; the code stays, and documents that were issued keep the words of their day.
CHANGEABLE = tuple(name for name in HostRow.__struct_fields__ if name not in ("code", "organisation"))


async def one(connection: Connection, host: UUID) -> HostRow | None:
    """A host as data files have it."""
    row = await connection.fetchrow(f"select code, {', '.join(CHANGEABLE)} from host where id = $1", host)
    return HostRow(**row) if row else None


async def id_of(connection: Connection, code: str) -> UUID | None:
    """The id of the host with this code."""
    return await connection.fetchval("select id from host where code = $1", code)


async def change(connection: Connection, host: UUID, wanted: HostRow) -> None:
    """Everything of it but its code, as `wanted` has it."""
    given = [getattr(wanted, name) for name in CHANGEABLE]
    listed = ", ".join(f"{name} = ${place}" for place, name in enumerate(CHANGEABLE, 2))
    await connection.execute(f"update host set {listed} where id = $1", host, *given)


async def has_numbers(connection: Connection, host: UUID, series: str) -> bool:
    """Was an invoice of this series issued? Then its name stands on paper."""
    return bool(
        await connection.fetchval(
            "select exists (select from invoice_series where host_id = $1 and series = $2 and last_number > 0)",
            host,
            series,
        )
    )


async def networks(connection: Connection, host: UUID) -> list[UUID]:
    """The networks it runs."""
    return [
        row["id"] for row in await connection.fetch("select id from network where host_id = $1 order by slug", host)
    ]


class Counts(msgspec.Struct, frozen=True):
    """How much of the setting-up is there, for one network and its host."""

    terms: int
    agreements: int
    fields: int
    people: int
    wordings: int
    imports: int
    registers: int


async def counts(connection: Connection, network: UUID) -> Counts:
    """What a network has of its own."""
    row = await connection.fetchrow(
        "select (select count(*) from terms where network_id = $1) as terms,"
        " (select count(*) from agreement where $1 in (source_network_id, target_network_id)) as agreements,"
        " (select count(*) from custom_field where network_id = $1) as fields,"
        " (select count(*) from role where network_id = $1) as people,"
        " (select count(distinct (kind, language)) from mail_text where network_id = $1) as wordings,"
        " (select count(*) from member_import where network_id = $1 and status = 'done') as imports,"
        " (select count(*) from register_read r join network n on n.host_id = r.host_id where n.id = $1) as registers",
        network,
    )
    return Counts(**row)
