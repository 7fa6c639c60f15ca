"""For partners' systems: the list of members, then its changes, then a digest to prove that nothing is missing.

docs/sync.md is the guide, ADR 0020 the reasons.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import monotonic
from typing import Annotated, Any

import msgspec
from litestar.datastructures import State
from msgspec import Meta

from crm import cursors
from crm.actions import days
from crm.api import packing, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation, Pieces
from crm.api.problems import EdgeError
from crm.cursors import Position, Seal
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import feed
from crm.reads.bell import Bell

NDJSON = "application/x-ndjson"
TAG = N_("Sync")
LONGEST_WAIT = 25
MOST_WAITING = 500  # more are answered at once
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds, while a change that is there waits for an older transaction
_HEX = frozenset("0123456789abcdef")


class ChangesQuery(msgspec.Struct, frozen=True):
    """From where, how many, and whether to wait."""

    after: (
        Annotated[
            str,
            Meta(
                max_length=cursors.LONGEST,
                description="`as_of_cursor` or the last `next_cursor`; opaque. Left out: from the first change.",
            ),
        ]
        | None
    ) = None
    limit: shapes.Limit = 100
    wait: Annotated[int, Meta(ge=0, le=LONGEST_WAIT, description="Seconds to wait when nothing is new.")] = 0


class Listed(msgspec.Struct, frozen=True):
    """`shapes.MemberPage` of members that are JSON already."""

    items: list[msgspec.Raw]
    next_cursor: str | None
    has_more: bool
    as_of_cursor: str | msgspec.UnsetType = msgspec.UNSET


class _Changes(msgspec.Struct, frozen=True):
    """`shapes.Changes`, the same way."""

    items: msgspec.Raw
    next_cursor: str
    has_more: bool


async def ready(call: Call[Any, None]) -> feed.Head:
    """Where the network's feed is, today. NotFound."""
    slug, now = call.slug(), call.context.clock.now()
    for _ in range(2):
        async with call.reading() as connection:
            head = await feed.head(connection, slug, now)
        if head is None:
            raise NotFound("slug", slug)
        if head.of_today:
            break
        await days.turn_feed(call.context, head.network)
    return head


def seal(call: Call[Any, None], head: feed.Head) -> Seal:
    """What this key's cursors of this network are signed with."""
    assert call.actor.id is not None  # every key has an id
    return Seal(head.secret, head.epoch, head.network, call.actor.id)


def tag(call: Call[Any, None], head: feed.Head, *which: object) -> str:
    """The ETag of a list of today: changes with every change of a member, and never while one is under way."""
    moving = "" if head.settled else monotonic()
    return f'"{cursors.fingerprint(seal(call, head).write(head.position), head.today, moving, call.coding, *which)}"'


# --- the whole list


def wants_stream(call: Call[Any, None]) -> bool:
    """Does the caller ask for lines instead of pages?"""
    return NDJSON in call.request.headers.get("accept", "")


async def stream(call: Call[Any, None], origin: str | None, given: list[object]) -> Pieces | None:
    """Today's list as lines, compressed when asked; None: the caller has it already."""
    if any(given):
        raise EdgeError(422, "accept", "stream_whole")
    head = await ready(call)
    coding = call.coding
    call.headers |= {
        "klynge-as-of-cursor": seal(call, head).write(head.position),
        "vary": "Accept, Accept-Encoding, Authorization",
    }
    if call.unchanged(tag(call, head, NDJSON, origin)):
        return None
    if coding:
        call.headers["content-encoding"] = coding
    if call.request.method == "HEAD":
        return Pieces(_nothing(), NDJSON)
    lines = _lines(call, head, origin)
    return Pieces(packing.stream(lines, coding) if coding else lines, NDJSON)


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


async def _lines(call: Call[Any, None], head: feed.Head, origin: str | None) -> AsyncGenerator[bytes, None]:
    async with call.reading() as connection, aclosing(feed.stream(connection, head.network, origin)) as chunks:
        async for chunk in chunks:
            yield chunk


# --- what has changed


async def list_changes(call: Call[ChangesQuery, None]) -> _Changes:
    head = await ready(call)
    sealed, query = seal(call, head), call.query
    after = _position(call, head, sealed)
    bell = _bell_of(call)
    if query.wait and bell.waiting < MOST_WAITING:
        page = await _waited(call, head, after, bell)
    else:
        page = await _page(call, head, after)
    cursor = sealed.write(page.last)
    address = f"{PREFIX}/networks/{call.slug()}/changes?after={cursor}&limit={query.limit}"
    call.headers["link"] = f'<{address}>; rel="next"'
    return _Changes(page.items, cursor, page.more)


def _position(call: Call[ChangesQuery, None], head: feed.Head, sealed: Seal) -> Position:
    """Where to go on; 410 when what follows is not all there any more."""
    try:
        after = cursors.START if call.query.after is None else sealed.read(call.query.after)
    except ValueError as error:
        raise EdgeError(422, "after", "cursor_foreign") from error
    if after is None or after < head.pruned:
        way_back = f"{PREFIX}/networks/{call.slug()}/members"
        expired = EdgeError(410, "after", "cursor-expired", address=way_back)
        expired.headers = {"link": f'<{way_back}>; rel="start"'}
        raise expired
    return after


async def _page(call: Call[ChangesQuery, None], head: feed.Head, after: Position) -> feed.Page:
    async with call.reading() as connection:
        return await feed.changes(connection, head.network, after, call.query.limit)


async def _waited(call: Call[ChangesQuery, None], head: feed.Head, after: Position, bell: Bell) -> feed.Page:
    """The page as soon as there is something on it, or empty when time is up. No connection is held while waiting."""
    until, pause = monotonic() + call.query.wait, FIRST_PAUSE
    async with bell.listening(head.network) as rung:
        while True:
            rung.clear()
            page = await _page(call, head, after)
            left = until - monotonic()
            if page.count or left <= 0:
                return page
            async with call.reading() as connection:
                now = await feed.head(connection, call.slug(), call.context.clock.now())
            if now is not None and not now.settled:  # there is one, but an older transaction is still open
                await asyncio.sleep(min(pause, left))
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            try:
                await asyncio.wait_for(rung.wait(), left)
            except TimeoutError:
                return page


def _bell_of(call: Call[Any, None]) -> Bell:
    """The application's own bell."""
    state: State = call.request.app.state
    if "bell" not in state:
        state.bell = Bell(call.context.db)
    found: Bell = state.bell
    return found


# --- proof


async def show_digest(call: Call[Nothing, None]) -> shapes.Digest:
    head, found = await _digest(call, None)
    buckets = [_bucket(each) for each in found]
    lines = "".join(f"{each.bucket}|{each.hash}\n" for each in buckets)
    return shapes.Digest(
        as_of_cursor=seal(call, head).write(head.position),
        settled=head.settled,
        count=sum(each.count for each in buckets),
        hash=cursors.sha256(lines.encode()).hexdigest(),
        buckets=buckets,
    )


async def show_bucket(call: Call[Nothing, None]) -> Any:
    name = call.text("bucket")
    if len(name) != 2 or not _HEX.issuperset(name):
        raise NotFound("bucket", name)
    head, found = await _digest(call, int(name, 16))
    async with call.reading() as connection:
        items = await feed.of_bucket(connection, head.network, int(name, 16))
    told = _bucket(found[0]) if found else shapes.Bucket(name, 0, cursors.sha256(b"").hexdigest())
    return {
        "as_of_cursor": seal(call, head).write(head.position),
        "settled": head.settled,
        **msgspec.structs.asdict(told),
        "items": items,
    }


async def _digest(call: Call[Nothing, None], bucket: int | None) -> tuple[feed.Head, list[feed.Bucket]]:
    await ready(call)
    async with call.reading() as connection:
        found = await feed.digest(connection, call.slug(), call.context.clock.now(), bucket)
    if found is None:
        raise NotFound("slug", call.slug())
    return found


def _bucket(found: feed.Bucket) -> shapes.Bucket:
    return shapes.Bucket(f"{found.bucket:02x}", found.count, found.hash)


operations = (
    Operation(
        id="list_changes",
        method="GET",
        path="/networks/{slug}/changes",
        tag=TAG,
        summary=N_("What has changed among a network's members"),
        description=N_(
            "Every change once, each member's versions in their order. `next_cursor` is always there: keep it when "
            "the page is stored. With `wait` an answer comes as soon as something is new. Changes are kept for at "
            "least 90 days; a cursor from before what is kept gets 410, and the way back is the list."
        ),
        query=ChangesQuery,
        answer=shapes.Changes,
        listing=True,
        packs=True,
        refusals=(410,),
        run=list_changes,
    ),
    Operation(
        id="show_digest",
        method="GET",
        path="/networks/{slug}/digest",
        tag=TAG,
        summary=N_("Proof of a network's list of members"),
        description=N_(
            "256 buckets by the first byte of the SHA-256 of a member's id. A bucket's hash is the SHA-256 of its "
            "lines `id|version|hash`, in the order of ids, each with a line feed; the last is the SHA-256 of the "
            "member as canonical JSON (RFC 8785)."
        ),
        answer=shapes.Digest,
        packs=True,
        run=show_digest,
    ),
    Operation(
        id="show_digest_bucket",
        method="GET",
        path="/networks/{slug}/digest/{bucket}",
        tag=TAG,
        summary=N_("One bucket of that proof, with its members"),
        answer=shapes.BucketMembers,
        packs=True,
        run=show_bucket,
    ),
)
