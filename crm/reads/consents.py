"""What an organisation has agreed to, or not: which version of which text, when, by whom (append-only)."""

from datetime import datetime
from uuid import UUID

import msgspec

from crm.database import Connection


class Consent(msgspec.Struct, frozen=True):
    """One answer; `newest`: it is the one that holds for its purpose and network. `network_id` None: not known."""

    purpose: str
    text_version: int
    given: bool
    actor: str
    recorded_at: datetime
    network_id: UUID | None
    newest: bool


async def of_organisation(connection: Connection, organisation: UUID) -> list[Consent]:
    """All answers, the newest first."""
    rows = await connection.fetch(
        "select c.purpose, c.text_version, c.given, c.actor, c.recorded_at, a.network_id,"
        " row_number() over (partition by c.purpose, a.network_id order by c.recorded_at desc, c.id) = 1 as newest"
        " from consent c left join application a on a.id = c.application_id where c.organisation_id = $1"
        " order by c.recorded_at desc, c.purpose",
        organisation,
    )
    return [Consent(**dict(row)) for row in rows]
