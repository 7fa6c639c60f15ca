"""Labels and programmes as they are stored: a change adds a row, nothing is written over."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.errors import NotFound


class Words(msgspec.Struct, frozen=True):
    """What is held: `kind` label or programme; days half-open, `expires_on` None for no end."""

    kind: str
    name: str
    level: str
    issuer: str
    issued_on: date
    expires_on: date | None
    note: str


class Stored(msgspec.Struct, frozen=True):
    """The newest row of one, the network held until the transaction ends; `gone`: withdrawn."""

    row_id: int
    words: Words
    gone: bool


async def count(connection: Connection, network: UUID) -> int:
    """How many the network has."""
    return await connection.fetchval(
        "select count(*) from label where network_id = $1 and superseded_at is null", network
    )


async def lock(connection: Connection, network: UUID, label: UUID) -> Stored:
    """What is known of it last. NotFound where the network never had one by this id."""
    columns = ", ".join(Words.__struct_fields__)
    # one at a time: a row that somebody else adds meanwhile could not be seen
    await connection.execute("select from network where id = $1 for no key update", network)
    row = await connection.fetchrow(
        f"select row_id, superseded_at is not null as gone, {columns} from label where network_id = $1 and id = $2"
        " order by row_id desc limit 1",
        network,
        label,
    )
    if row is None:
        raise NotFound("label", label)
    return Stored(row["row_id"], Words(**{name: row[name] for name in Words.__struct_fields__}), row["gone"])


async def add(connection: Connection, network: UUID, label: UUID, words: Words, by: str, now: datetime) -> None:
    """The next row of it."""
    columns = ", ".join(Words.__struct_fields__)
    await connection.execute(
        f"insert into label (id, network_id, recorded_by, recorded_at, {columns})"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        *(label, network, by, now),
        *(getattr(words, name) for name in Words.__struct_fields__),
    )


async def supersede(connection: Connection, row_id: int, now: datetime) -> None:
    """This row is not what is believed any more."""
    await connection.execute("update label set superseded_at = $2 where row_id = $1", row_id, now)
