"""What a network's own system calls an organisation, told otherwise; member_identities remembers what lists tell."""

from uuid import UUID, uuid4

from crm.database import Connection


async def rename(connection: Connection, network: UUID, organisation: UUID, name: str | None) -> bool:
    """From now on it has this name there and no other (None: no name); False: it was so already."""
    rows = await connection.fetch(
        "select external_id from external_ref where network_id = $1 and organisation_id = $2 for update",
        network,
        organisation,
    )
    stored = {row["external_id"] for row in rows}
    if stored == ({name} if name is not None else set()):
        return False
    await connection.execute(
        "delete from external_ref where network_id = $1 and organisation_id = $2", network, organisation
    )
    if name is not None:
        await connection.execute(
            "insert into external_ref (id, network_id, external_id, organisation_id, recorded_at)"
            " values ($1, $2, $3, $4, now())",
            *(uuid4(), network, name, organisation),
        )
    return True
