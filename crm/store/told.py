"""Facts told of a network by hand (ADR 0042), a table a noun: read, added to, taken back, and put right again.

A noun is a table with `row_id`, `id`, `network_id`, `recorded_at`, `recorded_by`, `superseded_at` and a column for each
field of its words. The newest row of an `id` is what is known of it; a superseded newest row is a withdrawn fact.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

import msgspec

from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound
from crm.store import audit

W = TypeVar("W", bound=msgspec.Struct)
Tell = Callable[[Any], dict[str, Any]]


class Stored(msgspec.Struct, Generic[W], frozen=True):
    """The newest row of one, the network held until the transaction ends; `gone`: withdrawn."""

    row_id: int
    words: W
    gone: bool


class Facts(Generic[W]):
    """The facts of one table. `name` is what refusals and the audit trail call one; `tell` what the trail says of it.

    `reasons`: the table also keeps who took a row back and why.
    """

    def __init__(self, name: str, words: type[W], tell: Tell, table: str = "", reasons: bool = False) -> None:
        self.name = name
        self.table = table or name
        self.words = words
        self.tell = tell
        self.reasons = reasons

    async def lock(self, connection: Connection, network: UUID, wanted: UUID) -> Stored[W]:
        """What is known of it last. NotFound where the network never had one by this id."""
        await hold(connection, network)
        row = await connection.fetchrow(
            f"select * from {self.table} where network_id = $1 and id = $2 order by row_id desc limit 1",
            network,
            wanted,
        )
        if row is None:
            raise NotFound(self.name, wanted)
        words = await self.read(connection, row)
        return Stored(row["row_id"], words, row["superseded_at"] is not None)

    async def read(self, connection: Connection, row: Any) -> W:
        """The words of a row; a noun that keeps some of them elsewhere reads those, too."""
        return self.words(**{name: row[name] for name in self.words.__struct_fields__})

    async def add(self, connection: Connection, network: UUID, wanted: UUID, words: W, by: str, now: datetime) -> int:
        """The next row of it; its row_id."""
        kept = self.columns(words)
        named = ", ".join(("id", "network_id", "recorded_by", "recorded_at", *kept))
        places = ", ".join(f"${at}" for at in range(1, len(kept) + 5))
        return int(
            await connection.fetchval(
                f"insert into {self.table} ({named}) values ({places}) returning row_id",
                *(wanted, network, by, now, *kept.values()),
            )
        )

    async def add_all(self, connection: Connection, network: UUID, listed: Iterable[W], by: str, now: datetime) -> None:
        """New ones, however many, in their order and by one statement."""
        rows = [
            {"id": uuid4(), "network_id": network, "recorded_by": by, "recorded_at": now, **self.columns(words)}
            for words in listed
        ]
        if rows:
            named = ", ".join(rows[0])
            await connection.execute(
                f"insert into {self.table} ({named})"
                f" select {named} from jsonb_populate_recordset(null::{self.table}, $1::jsonb)",
                rows,
            )

    def columns(self, words: W) -> dict[str, Any]:
        """What stands in the row itself."""
        return {name: getattr(words, name) for name in words.__struct_fields__}

    async def supersede(self, connection: Connection, row_id: int, by: str, why: str, now: datetime) -> None:
        """This row is not what is believed any more."""
        told = ", superseded_by = $3, superseded_why = $4" if self.reasons else ""
        values = (by, why) if self.reasons else ()
        await connection.execute(
            f"update {self.table} set superseded_at = $2{told} where row_id = $1", row_id, now, *values
        )

    async def tell_anew(
        self, connection: Connection, actor: Actor, network: UUID, wanted: UUID, words: W, now: datetime
    ) -> None:
        """A new fact, with its entry in the audit trail: the last thing of a transaction."""
        await self.add(connection, network, wanted, words, actor.name, now)
        await self._audit(connection, actor, "added", network, wanted, words)

    async def withdraw(
        self, connection: Connection, actor: Actor, network: UUID, wanted: UUID, now: datetime, why: str = ""
    ) -> None:
        """It was told by mistake. NotFound; twice is once."""
        before = await self.lock(connection, network, wanted)
        if not before.gone:
            await self.supersede(connection, before.row_id, actor.name, why, now)
            await self._audit(connection, actor, "withdrawn", network, wanted, before.words, why)

    async def restore(self, connection: Connection, actor: Actor, network: UUID, wanted: UUID, now: datetime) -> None:
        """What was withdrawn holds after all, from now on. NotFound; twice is once."""
        before = await self.lock(connection, network, wanted)
        if before.gone:
            await self.add(connection, network, wanted, before.words, actor.name, now)
            await self._audit(connection, actor, "restored", network, wanted, before.words)

    async def _audit(
        self, connection: Connection, actor: Actor, what: str, network: UUID, wanted: UUID, words: W, why: str = ""
    ) -> None:
        detail = self.tell(words) | ({"reason": why} if why else {})
        organisation = getattr(words, "organisation_id", None)
        await audit.append(connection, actor, f"{self.name}_{what}", detail, network, organisation, wanted)


async def hold(connection: Connection, network: UUID) -> None:
    """One at a time tells of a network: a row that somebody else adds meanwhile could not be seen."""
    await connection.execute("select from network where id = $1 for no key update", network)
