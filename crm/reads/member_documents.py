"""Documents on members and agreements, behind the wall: lists without content, and the content in pieces."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection

PIECE_BYTES = 256 * 1024


class Document(msgspec.Struct, frozen=True):
    """One document; `size` in bytes, `valid_until` its last day, `agreement` that one's code or empty."""

    id: UUID
    network_id: UUID
    organisation_id: UUID | None
    agreement_id: UUID | None
    agreement: str
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


FIRST = UUID(int=0)
_OWN = ", ".join(f"d.{name}" for name in Document.__struct_fields__ if name != "agreement")
_DOCUMENT = (
    f"select {_OWN}, coalesce((select g.code from agreement g where g.id = d.agreement_id), '') as agreement"
    " from member_document d"
)


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


class Wanted(msgspec.Struct, frozen=True):
    """Which ones: on a member, on an agreement (its code), of a kind, with a last day before this one; None for any."""

    organisation: UUID | None = None
    agreement: str | None = None
    kind: str | None = None
    before: date | None = None


async def after(connection: Connection, network: UUID, wanted: Wanted, id_: UUID, limit: int) -> list[Document]:
    """A network's that are not deleted, after one in the order of ids."""
    rows = await connection.fetch(
        f"{_DOCUMENT} where d.network_id = $1 and d.deleted_at is null and d.id > $2"
        " and ($3::uuid is null or d.organisation_id = $3) and ($4::text is null or exists (select from agreement a"
        " where a.id = d.agreement_id and a.code = $4)) and ($5::text is null or d.kind = $5)"
        " and ($6::date is null or d.valid_until < $6) order by d.id limit $7",
        network,
        id_,
        wanted.organisation,
        wanted.agreement,
        wanted.kind,
        wanted.before,
        limit,
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
