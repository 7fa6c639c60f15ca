"""What drafts need besides crm/store/applications.py: one at a time per link, what was done already, whom to ask."""

from datetime import date
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


async def standing(connection: Connection, draft: UUID, organisation: UUID, today: date) -> str:
    """How an organisation stands to the network of a draft: "member" (in its own right), "applied", or "known"."""
    return await connection.fetchval(
        "select case"
        " when exists (select 1 from membership_grant g where g.organisation_id = $2 and g.network_id = a.network_id"
        "   and g.kind = 'direct' and g.superseded_at is null and (g.ends_on is null or g.ends_on > $4))"
        "   then 'member'"
        " when exists (select 1 from application o where o.organisation_id = $2 and o.network_id = a.network_id"
        "   and o.id <> a.id and o.status = any($3)) then 'applied'"
        " else 'known' end from application a where a.id = $1",
        draft,
        organisation,
        list(OPEN),
        today,
    )
