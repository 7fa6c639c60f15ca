"""Sizes, agreed fees, roles and earlier names out of a folder, as bulk rows: what is there already stays as it is."""

from uuid import UUID

from crm.actor import Actor
from crm.database import Connection
from crm.folder import Folder, NetworkFileRow
from crm.store.imports import id_of


async def add(connection: Connection, folder: Folder, networks: dict[str, UUID], actor: Actor) -> None:
    """All of them; organisations and networks are stored. A word that was told since is not overwritten."""
    await connection.executemany(
        "insert into organisation_size (id, organisation_id, basis, scope, currency, value, as_of, source,"
        " recorded_by, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now()) on conflict do nothing",
        [
            (
                id_of("size", f"{r.organisation_key}/{r.basis}/{r.scope}/{r.currency}/{r.as_of}"),
                id_of("organisation", r.organisation_key),
                r.basis,
                r.scope,
                r.currency,
                r.value,
                r.as_of,
                r.source,
                actor.name,
            )
            for r in folder.sizes
        ],
    )
    await connection.executemany(
        "insert into agreed_fee (id, organisation_id, network_id, component, amount, currency, starts_on, ends_on,"
        " source, recorded_by, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())"
        " on conflict do nothing",
        [
            (
                id_of("agreed_fee", f"{r.network}/{r.organisation_key}/{r.component}/{r.starts_on}"),
                id_of("organisation", r.organisation_key),
                networks[r.network],
                r.component,
                r.amount,
                r.currency,
                r.starts_on,
                r.ends_on,
                r.source,
                actor.name,
            )
            for r in folder.agreed_fees
        ],
    )
    await connection.executemany(
        "insert into organisation_role (id, organisation_id, network_id, role, starts_on, ends_on, source,"
        " recorded_by, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, now()) on conflict do nothing",
        [
            (
                id_of("role", f"{r.network}/{r.organisation_key}/{r.role}/{r.starts_on}"),
                id_of("organisation", r.organisation_key),
                networks[r.network],
                r.role,
                r.starts_on,
                r.ends_on,
                r.source,
                actor.name,
            )
            for r in folder.roles
        ],
    )
    for row in folder.networks:
        await _add_names(connection, row, networks[row.slug], actor)


async def _add_names(connection: Connection, row: NetworkFileRow, network: UUID, actor: Actor) -> None:
    """The names a network had, in order, and the one it has since the last of them; not when any is stored."""
    known = await connection.fetchval("select exists (select from known_name where network_id = $1)", network)
    if known or not row.names_history:
        return
    starts = [None, *(each.until for each in row.names_history)]
    listed = [*((each.names, each.short) for each in row.names_history), (row.names, row.short)]
    await connection.executemany(
        "insert into known_name (id, network_id, names, short, starts_on, actor, recorded_at)"
        " values ($1, $2, $3, $4, $5, $6, now())",
        [
            (id_of("name", f"{row.slug}/{start}"), network, names, short, start, actor.name)
            for (names, short), start in zip(listed, starts, strict=True)
        ],
    )
