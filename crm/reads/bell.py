"""Wait until a network's feed has something new: one connection that listens, for all who wait in this process.

It is taken from the pool while somebody waits and given back after the last. A bell may ring for nothing; who waits
looks again.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg

from crm.database import Database

CHANNEL = "klynge_feed"


class Bell:
    """Who waits for which network."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._connection: Any = None
        self._changing = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def listening(self, network: UUID) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever a transaction that changed this network's feed commits."""
        event = asyncio.Event()
        self._waiting[str(network)].add(event)
        try:
            await self._open()
            yield event
        finally:
            self._waiting[str(network)].discard(event)
            await asyncio.shield(self._close_when_idle())

    async def _open(self) -> None:
        async with self._changing:
            if self._connection is None or self._connection.is_closed():
                await self._give_back()
                self._connection = await self._db.pool.acquire()
                await self._connection.add_listener(CHANNEL, self._heard)

    async def _close_when_idle(self) -> None:
        async with self._changing:
            if self._connection is not None and not self.waiting:
                await self._give_back()

    async def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await connection.remove_listener(CHANNEL, self._heard)
            await self._db.pool.release(connection)

    def _heard(self, _connection: Any, _pid: int, _channel: str, network: Any) -> None:
        for event in self._waiting.get(network, ()):
            event.set()
