"""A network's own wording of the system's mails, behind the wall."""

from datetime import datetime
from uuid import UUID

import msgspec

from crm.database import Connection


class Version(msgspec.Struct, frozen=True):
    """One version of one mail's wording in one language."""

    kind: str
    language: str
    version: int
    mode: str
    subject: str
    top: str
    bottom: str
    text: str
    actor: str
    recorded_at: datetime


_COLUMNS = ", ".join(Version.__struct_fields__)


async def of_network(connection: Connection, network: UUID) -> dict[tuple[str, str], Version]:
    """(kind, language) -> the version that holds, the standard among them where it was gone back to."""
    rows = await connection.fetch(
        f"select distinct on (kind, language) {_COLUMNS} from mail_text where network_id = $1"
        " order by kind, language, version desc",
        network,
    )
    return {(row["kind"], row["language"]): Version(**dict(row)) for row in rows}


async def versions(connection: Connection, network: UUID, kind: str, language: str) -> list[Version]:
    """All of one mail, the newest first."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from mail_text where network_id = $1 and kind = $2 and language = $3 order by version desc",
        network,
        kind,
        language,
    )
    return [Version(**dict(row)) for row in rows]
