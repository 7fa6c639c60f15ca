"""What calls about facts told by hand have in common: paging in the order of telling, and why one is taken back."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Generic, Protocol, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import fact_checks
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing
from crm.catalogue import NetworkRow
from crm.errors import NotFound

ReasonText = Annotated[str, Meta(max_length=fact_checks.REASON_MAX)]


class Told(Protocol):
    """A row that knows its place in the order things were told."""

    @property
    def row_id(self) -> int: ...


T = TypeVar("T", bound=Told)
A = TypeVar("A", bound=shapes.Answer)


class Paging(msgspec.Struct, frozen=True):
    """In the order they were told; `cursor` is from `next_cursor`."""

    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(pattern="^[0-9]{1,18}$", description="From `next_cursor`; opaque.")] | None = None

    @property
    def after(self) -> int:
        """The row after which the page begins."""
        return int(self.cursor or 0)


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is taken back."""

    reason: ReasonText


class TakenBack(shapes.Answer, frozen=True):
    """It does not count any more; restoring it makes it count again."""

    id: UUID


class Noun(msgspec.Struct, Generic[T, A], frozen=True, kw_only=True):
    """The facts of one path: how they are read, told, taken back and brought back, and what is answered of one.

    `member` is what the path calls its id; `shown` makes the answer, given the network's slug.
    """

    member: str
    after: Callable[..., Awaitable[list[T]]]
    one: Callable[..., Awaitable[T | None]]
    shown: Callable[[str, T], A]
    add: Callable[..., Awaitable[UUID]]
    withdraw: Callable[..., Awaitable[None]]
    restore: Callable[..., Awaitable[None]]

    async def listing(self, call: Call[Paging, None]) -> shapes.Page[A]:
        """A page of them."""
        async with call.reading() as connection:
            network = await call.managed(connection)
            found = await self.after(connection, network.id, call.query.after, call.query.limit + 1)
        listed, cursor = paged(call, network, found)
        return shapes.Page([self.shown(network.slug, each) for each in listed], cursor, cursor is not None)

    async def tell(self, call: Call[Nothing, Any]) -> A:
        """A new one."""
        network = await call.managed()
        return await self._answer(call, network.id, await self.add(call.context, call.actor, network.id, call.body))

    async def take_back(self, call: Call[Nothing, Reason]) -> TakenBack:
        """One that does not count any more."""
        network, wanted = (await call.managed()).id, call.id(self.member)
        await self.withdraw(call.context, call.actor, network, wanted, call.body.reason)
        return TakenBack(wanted)

    async def bring_back(self, call: Call[Nothing, Any]) -> A:
        """One that counts after all."""
        network, wanted = (await call.managed()).id, call.id(self.member)
        await self.restore(call.context, call.actor, network, wanted)
        return await self._answer(call, network, wanted)

    async def _answer(self, call: Call[Any, Any], network: UUID, wanted: UUID) -> A:
        async with call.reading() as connection:
            found = await self.one(connection, network, wanted)
        if found is None:
            raise NotFound(self.member, wanted)
        return self.shown(call.text("slug"), found)


def paged(call: Call[Any, Any], network: NetworkRow, found: Sequence[T]) -> tuple[list[T], str | None]:
    """The rows of this page, and the cursor of the next one, which is also linked to; one more row was read."""
    shown = list(found[: call.query.limit])
    cursor = str(shown[-1].row_id) if len(found) > len(shown) else None
    if cursor:
        address = call.operation.path.replace("{slug}", network.slug)
        asked = msgspec.to_builtins(call.query) | {"cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}{address}", asked)
    return shown, cursor
