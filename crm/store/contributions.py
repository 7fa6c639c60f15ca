"""In-kind contributions and what an hour of them counts as, as they are stored (ADR 0049)."""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.store.told import Facts


class Words(msgspec.Struct, frozen=True):
    """What was given; days half-open, `hours` in hundredths, `rate` and `amount` in minor units."""

    organisation_id: UUID
    what: str
    starts_on: date
    ends_on: date
    hours: int | None
    rate: int | None
    amount: int
    currency: str
    reference: str


class RateWords(msgspec.Struct, frozen=True):
    """What an hour counts as from a day, in minor units."""

    starts_on: date
    amount: int
    currency: str


def _told(words: msgspec.Struct) -> dict[str, Any]:
    listed = msgspec.to_builtins(words).items()
    return {name: value for name, value in listed if name != "organisation_id" and value not in ("", None)}


FACTS = Facts("contribution", Words, _told, reasons=True)
RATES = Facts("in_kind_rate", RateWords, _told, reasons=True)


async def rates(connection: Connection, network: UUID) -> list[RateWords]:
    """What an hour counts as, from the last day on which it changed down."""
    rows = await connection.fetch(
        "select starts_on, amount, currency from in_kind_rate where network_id = $1 and superseded_at is null"
        " order by starts_on desc",
        network,
    )
    return [RateWords(**dict(row)) for row in rows]


async def standing(connection: Connection, network: UUID, organisations: Collection[UUID]) -> set[Words]:
    """What stands of these members: the same thing told twice is a mistake."""
    rows = await connection.fetch(
        f"select {', '.join(Words.__struct_fields__)} from contribution"
        " where network_id = $1 and organisation_id = any($2) and superseded_at is null",
        network,
        list(organisations),
    )
    return {Words(**dict(row)) for row in rows}


async def belongs(connection: Connection, network: UUID, organisation: UUID) -> bool:
    """Is or was it a member here?"""
    return await connection.fetchval(
        "select exists (select from membership where network_id = $1 and organisation_id = $2)", network, organisation
    )
