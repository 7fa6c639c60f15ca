"""Which members a call for a list, changes or a digest is about: a network's own feed, or what an agreement discloses.

A key reads the networks it sees in full. Of another one it gets what an agreement discloses to its own: at the
network's address when one agreement does, and always at the agreement's (ADR 0023).
"""

from typing import Any
from uuid import UUID

from crm.actions import days, rehearsals
from crm.actions import shares as actions
from crm.api.operations import PREFIX, Call
from crm.api.problems import EdgeError
from crm.cursors import Position, Seal, rehearsal_scope
from crm.database import Connection
from crm.errors import NotFound
from crm.reads import feed, shares
from crm.reads import rehearsals as rehearsal_reads

TURNS = 3  # the day is turned and what is stale mended, then looked at again
REHEARSAL = "/networks/{slug}/rehearsal"
Head = feed.Head | shares.Head | rehearsal_reads.Head


async def ready(call: Call[Any, None]) -> Head:
    """Where what this key reads here is, today. NotFound."""
    if call.operation.path.startswith(REHEARSAL):
        return await _rehearsal(call)
    if (own := await _own(call)) is not None:
        return own
    scope = await _scope(call)
    for _ in range(TURNS):
        async with call.reading() as connection:
            head = await _head(call, connection, scope)
        if head is None:
            raise NotFound(*named(call))
        if head.of_today:
            break
        await days.turn_feed(call.context, head.network)
    return head


async def _rehearsal(call: Call[Any, None]) -> rehearsal_reads.Head:
    """The made-up members of a network that the key sees; begun by whoever asks first."""
    kept = await call.kept()
    network = kept.by_slug.get(call.slug())
    if network is None or network.id not in call.actor.sees:
        raise NotFound("slug", call.slug())
    scope = rehearsal_scope(network.id)
    for _ in range(TURNS):
        async with call.reading() as connection:
            head = await rehearsal_reads.head(connection, scope, call.context.clock.now())
        if head is not None and head.position.seq:
            return head
        await rehearsals.begin(call.context, network.id)
    raise NotFound("slug", call.slug())


async def _own(call: Call[Any, None]) -> feed.Head | None:
    """The feed of a network that the key sees, if its day is turned: nothing else needs to be looked at."""
    if "slug" not in call.operation.parameters:
        return None
    async with call.reading() as connection:
        head = await feed.head(connection, call.slug(), call.context.clock.now())
    return head if head is not None and head.network in call.actor.sees and head.of_today else None


async def again(call: Call[Any, None], connection: Connection, head: Head) -> Head | None:
    """The same one, where it is by now."""
    if isinstance(head, rehearsal_reads.Head):
        return await rehearsal_reads.head(connection, head.scope, call.context.clock.now())
    return await _head(call, connection, head.scope if isinstance(head, shares.Head) else None)


async def direction(call: Call[Any, Any]) -> shares.Found:
    """The direction of the agreement in the path that is asked for.

    `network` in the query names whose members; left out, those of the network that this key does not see itself.
    """
    code, network = call.code(), getattr(call.query, "network", None)
    async with call.reading() as connection:
        found = await shares.find(connection, call.actor.sees, code, network)
    if not found:
        raise NotFound("code", code)
    others = [each for each in found if each.network_id not in call.actor.sees]
    if len(found) > 1 and len(others) != 1:
        raise EdgeError(422, "network", "required")
    return (others if len(found) > 1 else found)[0]


def reads_of(head: Head) -> Any:
    """The reads that go with it: crm/reads/feed.py, shares.py and rehearsals.py have the same functions."""
    if isinstance(head, rehearsal_reads.Head):
        return rehearsal_reads
    return shares if isinstance(head, shares.Head) else feed


async def disclosed(call: Call[Any, Any], head: Head, kind: str, span: tuple[Position, Position], count: int) -> None:
    """Keep what another network's key is about to be given; a network's own members are nothing to keep."""
    if isinstance(head, shares.Head) and head.network not in call.actor.sees and call.request.method != "HEAD":
        said = (f"{span[0].xid}.{span[0].seq}", f"{span[1].xid}.{span[1].seq}")
        await actions.log_reading(call.context, call.actor, head.scope, kind, said, count)


def seal(call: Call[Any, None], head: Head) -> Seal:
    """What this key's cursors of this network, or of this agreement, are signed with."""
    assert call.actor.id is not None  # every key has an id
    return Seal(head.secret, head.epoch, head.scope, call.actor.id)


def named(call: Call[Any, Any]) -> tuple[str, str]:
    """The name in the path, and what it was given as."""
    name = "code" if "code" in call.operation.parameters else "slug"
    return name, call.text(name)


def folder(call: Call[Any, Any]) -> str:
    """The address that `members`, `changes` and `digest` are in."""
    name, value = named(call)
    if call.operation.path.startswith(REHEARSAL):
        return PREFIX + REHEARSAL.replace("{slug}", value)
    return f"{PREFIX}/{'agreements' if name == 'code' else 'networks'}/{value}"


def direction_given(call: Call[Any, Any], before: str = "&") -> str:
    """What an address of an agreement goes on with, where the direction was asked for."""
    network = getattr(call.query, "network", None)
    return f"{before}network={network}" if network else ""


async def _scope(call: Call[Any, None]) -> UUID | None:
    """The disclosure that is read; None: the network's own feed (which shows nothing to others).

    Two agreements may disclose the same member for different purposes: they are never put together into one answer.
    """
    if "code" in call.operation.parameters:
        return (await direction(call)).id
    async with call.reading() as connection:
        found = await shares.find(connection, call.actor.sees, network=call.slug())
    open_to = [each for each in found if each.network_id not in call.actor.sees]
    listed = [each for each in open_to if each.in_force] or open_to
    if len(open_to) > 1 and (followed := await _followed(call, open_to)):
        return followed
    if len(listed) > 1:
        addresses = ", ".join(f"{PREFIX}/agreements/{each.agreement}/members" for each in listed)
        raise EdgeError(422, "slug", "agreement_choose", addresses=addresses)
    return listed[0].id if listed else None


async def _followed(call: Call[Any, None], found: list[shares.Found]) -> UUID | None:
    """The one that the cursor is of: who follows an agreement hears of its end here, too, when another has begun."""
    after = getattr(call.query, "after", None)
    for each in found if after else ():
        async with call.reading() as connection:
            head = await shares.head(connection, each.id, call.context.clock.now())
        try:
            if head is not None and seal(call, head).read(after):
                return each.id
        except ValueError:
            continue
    return None


async def _head(call: Call[Any, None], connection: Connection, scope: UUID | None) -> Head | None:
    now = call.context.clock.now()
    return await feed.head(connection, call.slug(), now) if scope is None else await shares.head(connection, scope, now)
