"""Other income of a network as it is stored (ADR 0049)."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.store.told import Facts


class Words(msgspec.Struct, frozen=True):
    """Money of one payer; days half-open, `amount` in minor units, `sector` private or public."""

    kind: str
    sector: str
    payer: str
    what: str
    starts_on: date
    ends_on: date
    amount: int
    currency: str
    reference: str


def _told(words: Words) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(words).items() if value not in ("", None)}


FACTS = Facts("other_income", Words, _told, reasons=True)


async def standing(connection: Connection, network: UUID) -> set[Words]:
    """All that stands: the same thing told twice is a mistake."""
    rows = await connection.fetch(
        f"select {', '.join(Words.__struct_fields__)} from other_income"
        " where network_id = $1 and superseded_at is null",
        network,
    )
    return {Words(**dict(row)) for row in rows}
