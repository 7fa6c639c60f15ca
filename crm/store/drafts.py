"""What drafts need besides crm/store/applications.py: one at a time per link, what was done already, whom to ask."""

from uuid import UUID

from crm.database import Connection
from crm.store.applications import token_hash
from crm.store.mail import Recipient

OPEN = ("sent", "info_needed")


async def hold(connection: Connection, token: str) -> None:
    """Whoever saves under this link waits for us: also when there is no row to lock yet."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", token_hash(token))


async def note(connection: Connection, draft: UUID, key: str, values: list[str]) -> None:
    """Remember something about a draft beside its answers; sending the application forgets it."""
    await connection.execute(
        "update application set answers = answers || $2 where id = $1 and status = 'draft'", draft, {key: values}
    )


async def main_contact(connection: Connection, organisation: UUID) -> Recipient | None:
    """The person who speaks for an organisation."""
    row = await connection.fetchrow(
        "select email, name, language from contact where organisation_id = $1 order by main desc, created_at limit 1",
        organisation,
    )
    return Recipient(row["email"], row["name"], row["language"]) if row else None
