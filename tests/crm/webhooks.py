"""A partner's key with a receiver on loopback, for tests of webhooks: one try at a time, by a clock that is moved."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from crm.actions import webhook_deliveries, webhooks
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.settings import Settings
from tests.receiver import PATIENT, Receiver

NETWORK, OTHER = "nora-industry-network", "claire"


class World:
    """A partner's key, its receiver, and a clock that tests move."""

    def __init__(self, context: Context, receiver: Receiver) -> None:
        self.clock = FixedClock(datetime.now(UTC))
        self.context = Context(context.db, self.clock, Settings(development=True, outgoing_loopback=True))
        self.receiver = receiver
        self.key = UUID(int=0)
        self.actor = Actor("nobody", "api")
        self.secret = ""
        self.hook = UUID(int=0)

    async def fetch(self, query: str, *given: Any) -> list[dict[str, Any]]:
        async with self.context.db.tx() as connection:
            return [dict(row) for row in await connection.fetch(query, *given)]

    async def set_up(self) -> None:
        (key,) = await self.fetch(
            "select k.id, k.network_id from api_key k join network n on n.id = k.network_id where n.slug = $1", NETWORK
        )
        self.key = key["id"]
        self.actor = Actor("partner", "api", reads=frozenset({key["network_id"]}), id=self.key)

    async def create(self, verified: bool = True) -> None:
        made = await webhooks.create(self.context, self.actor, self.key, webhooks.Wanted(self.receiver.url, "CRM"))
        self.hook, self.secret = made.id, made.secret
        if verified:
            await self.work()
            await self.work()
            self.receiver.heard.clear()

    async def waiting(self) -> list[dict[str, Any]]:
        return await self.fetch(
            "select id, kind, attempts, send_after from webhook_delivery where status in ('queued', 'sending')"
            " and webhook_id = $1 order by created_at",
            self.hook,
        )

    async def work(self) -> timedelta | None:
        """One try at each message that waits; how long until the next try of the last of them."""
        wait = None
        for row in await self.waiting():
            wait = await webhook_deliveries.send(self.context, row["id"], PATIENT)
        return wait

    async def row(self) -> dict[str, Any]:
        (row,) = await self.fetch("select * from webhook where id = $1", self.hook)
        return row

    async def moved(self) -> None:
        """As if the feed had moved since it was told last."""
        await self.fetch("update webhook_feed set xid = 0, seq = 0 where webhook_id = $1", self.hook)
        await webhook_deliveries.tell(self.context, PATIENT)

    def later(self, by: timedelta) -> None:
        self.clock.moment += by
