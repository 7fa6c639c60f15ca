"""The audit trail looked after: is the chain whole, what does it end with, and who took entries along (ADR 0004)."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from crm.actor import Actor
from crm.context import Context
from crm.store import audit


class Chain(msgspec.Struct, frozen=True):
    """The newest entry of the whole system and its hash; `broken`: numbers of entries that are not what was written."""

    seq: int
    hash: str
    broken: tuple[int, ...] = ()


class Anchor(msgspec.Struct, frozen=True):
    """An entry whose hash somebody wrote down elsewhere."""

    seq: int
    hash: str


async def head(context: Context) -> Chain:
    """What the chain ends with. Written down elsewhere, it proves later that nothing before it was changed."""
    async with context.db.tx(readonly=True) as connection:
        return Chain(*await audit.head(connection))


async def check(context: Context, anchor: Anchor | None = None) -> Chain:
    """Compute every hash anew, from the first entry on. An `anchor` that is not in the chain any more counts as broken.

    Somebody who can write the whole table anew can also compute a new chain: only an anchor elsewhere tells of that.
    """
    async with context.db.tx(isolation="repeatable_read", readonly=True) as connection:
        broken = await audit.broken_links(connection)
        if anchor and await audit.hash_of(connection, anchor.seq) != anchor.hash:
            broken = sorted({*broken, anchor.seq})
        return Chain(*await audit.head(connection), tuple(broken))


async def taken(context: Context, actor: Actor, network: UUID, kind: str, asked: Mapping[str, object]) -> None:
    """Keep who took which part of the trail along as a file."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        await audit.append(connection, actor, "audit_exported", {"kind": kind, **asked}, network)
