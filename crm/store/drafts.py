"""What drafts need besides crm/store/applications.py: one at a time per link, what was done already, whom to ask."""

from uuid import UUID

from crm.database import Connection
from crm.store.applications import token_hash
from crm.store.mail import Recipient

OPEN = ("sent", "info_needed")


async def hold(connection: Connection, token: str) -> None:
    """Whoever saves under this link waits for us: also when there is no row to lock yet."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", token_hash(token))


async def noted(connection: Connection, draft: UUID, kind: str) -> set[str]:
    """The notes of a draft's events of one kind."""
    rows = await connection.fetch(
        "select note from application_event where application_id = $1 and kind = $2", draft, kind
    )
    return {row["note"] for row in rows}


async def main_contact(connection: Connection, organisation: UUID) -> Recipient | None:
    """The person who speaks for an organisation."""
    row = await connection.fetchrow(
        "select email, name, language from contact where organisation_id = $1 order by main desc, created_at limit 1",
        organisation,
    )
    return Recipient(row["email"], row["name"], row["language"]) if row else None
