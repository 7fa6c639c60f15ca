"""Documents on members and agreements, behind the wall: lists without content, and the content in pieces."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection

PIECE_BYTES = 256 * 1024


class Document(msgspec.Struct, frozen=True):
    """One document; `size` in bytes, `valid_until` its last day."""

    id: UUID
    network_id: UUID
    organisation_id: UUID | None
    agreement_id: UUID | None
    kind: str
    title: str
    file_name: str
    media_type: str
    size: int
    sha256: str
    signed_on: date | None
    valid_until: date | None
    actor: str
    created_at: datetime
    deleted_at: datetime | None


_DOCUMENT = f"select {', '.join('d.' + name for name in Document.__struct_fields__)} from member_document d"


async def of_member(connection: Connection, network: UUID, organisation: UUID) -> list[Document]:
    """Those that are not deleted, the newest first."""
    rows = await connection.fetch(
        f"{_DOCUMENT} where d.network_id = $1 and d.organisation_id = $2 and d.deleted_at is null"
        " order by d.created_at desc, d.id",
        network,
        organisation,
    )
    return [Document(**dict(row)) for row in rows]


async def of_agreement(connection: Connection, network: UUID, code: str) -> list[Document]:
    """The network's own on an agreement, the newest first."""
    rows = await connection.fetch(
        f"{_DOCUMENT} join agreement a on a.id = d.agreement_id where d.network_id = $1 and a.code = $2"
        " and d.deleted_at is null order by d.created_at desc, d.id",
        network,
        code,
    )
    return [Document(**dict(row)) for row in rows]


async def one(connection: Connection, wanted: UUID) -> Document | None:
    """One document, also a deleted one."""
    row = await connection.fetchrow(f"{_DOCUMENT} where d.id = $1", wanted)
    return Document(**dict(row)) if row else None


async def agreement_code(connection: Connection, agreement: UUID | None) -> str:
    """What an agreement is called in addresses."""
    return await connection.fetchval("select code from agreement where id = $1", agreement) or ""


async def piece(connection: Connection, wanted: UUID, at: int) -> bytes:
    """So many bytes of the content from `at` on; none after its end, or when it was deleted meanwhile."""
    return (
        await connection.fetchval(
            "select substring(content from $2 for $3) from member_document where id = $1 and deleted_at is null",
            wanted,
            at + 1,
            PIECE_BYTES,
        )
        or b""
    )
