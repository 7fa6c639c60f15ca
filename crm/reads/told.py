"""What pages ask of facts told by hand (ADR 0042), whichever table they stand in."""

from uuid import UUID

from crm.database import Connection


async def taken_back(connection: Connection, table: str, network: UUID, wanted: UUID) -> bool:
    """Was it withdrawn, and not brought back since?"""
    return bool(
        await connection.fetchval(
            f"select bool_and(superseded_at is not null) from {table} where network_id = $1 and id = $2",
            network,
            wanted,
        )
    )
