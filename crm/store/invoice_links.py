"""Addresses that show one invoice without signing in. Only the hash of a token is stored; several may be valid."""

from hashlib import sha256
from uuid import UUID

from crm.database import Connection
from crm.errors import NotFound

LONGEST = 100


def hashed(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


async def add(connection: Connection, token: str, invoice: UUID) -> None:
    """From now on the token opens the invoice."""
    await connection.execute(
        "insert into invoice_link (token_hash, invoice_id, created_at) values ($1, $2, now())", hashed(token), invoice
    )


async def opened(connection: Connection, token: str) -> tuple[UUID, bool]:
    """The invoice that a token opens, and whether this is the first time. NotFound."""
    if len(token) > LONGEST:
        raise NotFound("token", "")
    invoice = await connection.fetchval("select invoice_id from invoice_link where token_hash = $1", hashed(token))
    if invoice is None:
        raise NotFound("token", "")
    first = await connection.execute(
        "update invoice_link set opened_at = now() where token_hash = $1 and opened_at is null", hashed(token)
    )
    return invoice, first == "UPDATE 1"
