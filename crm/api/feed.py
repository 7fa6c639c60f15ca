"""For partners' systems: the list of members, then its changes, then a digest to prove that nothing is missing.

docs/sync.md is the guide, ADR 0020 the reasons.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import monotonic
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
from litestar.datastructures import State
from msgspec import Meta

from crm import cursors
from crm.actions import days
from crm.api import feed_readers, feed_scopes, feed_shapes, member_files, packing, shapes
from crm.api.feed_scopes import Head, disclosed, reads_of, ready, seal
from crm.api.operations import Call, Nothing, Operation, Pieces
from crm.api.problems import EdgeError
from crm.cursors import Position, Seal
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import feed, shares
from crm.reads.bell import Bell

NDJSON = "application/x-ndjson"
FIRST = UUID(int=0)
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
    """`feed_shapes.Changes`, the same way."""

    items: msgspec.Raw
    next_cursor: str
    has_more: bool


def tag(call: Call[Any, None], head: Head, *which: object) -> str:
    """The ETag of a list of today: changes with every change of a member, and never while one is under way."""
    moving = "" if head.settled else monotonic()
    return f'"{cursors.fingerprint(seal(call, head).write(head.position), head.today, moving, call.coding, *which)}"'


# --- the whole list


async def page(
    call: Call[Any, None], origin: str | None, limit: int, after: UUID | None, cursor: str | None
) -> tuple[Listed | None, UUID | None]:
    """A page of today's list after an organisation, and the one to go on after; no list: the caller has it."""
    head = await ready(call)
    if not after:
        await feed_readers.noted(call, head, "list", head.position)
    if call.unchanged(tag(call, head, origin, limit, cursor)):
        return None, None
    async with call.reading() as connection:
        items, last = await reads_of(head).listed(connection, head.scope, origin, after or FIRST, limit)
    await disclosed(call, head, "list", (cursors.START, head.position), len(items))
    begun = msgspec.UNSET if after else seal(call, head).write(head.position)
    return Listed(items, None, last is not None, begun), last


def wants_stream(call: Call[Any, None]) -> bool:
    """Does the caller ask for lines, or a file, instead of pages?"""
    return member_files.asked(call) is not None


async def stream(call: Call[Any, None], origin: str | None, given: list[object]) -> Pieces | None:
    """Today's list as lines or as a file, compressed when asked; None: the caller has it already."""
    if any(given):
        raise EdgeError(422, "accept", "stream_whole")
    head = await ready(call)
    kind = member_files.asked(call) or "ndjson"
    coding = "" if kind in member_files.ZIPPED else call.coding
    call.headers |= {
        "klynge-as-of-cursor": seal(call, head).write(head.position),
        "vary": "Accept, Accept-Encoding, Authorization",
    }
    await feed_readers.noted(call, head, "list", head.position)
    if call.unchanged(tag(call, head, kind, origin, call.language)):
        return None
    if coding:
        call.headers["content-encoding"] = coding
    if call.request.method == "HEAD":
        return Pieces(_nothing(), member_files.MEDIA[kind])
    if isinstance(head, shares.Head):
        async with call.reading() as connection:
            count = await shares.count(connection, head.scope)
        logged = {"ndjson": "stream", "jsonld": "json_ld"}.get(kind, kind)
        await disclosed(call, head, logged, (cursors.START, head.position), count)
    body = await member_files.written(call, kind, _lines(call, head, origin), head.network)
    return Pieces(packing.stream(body, coding) if coding else body, member_files.MEDIA[kind])


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


async def _lines(call: Call[Any, None], head: Head, origin: str | None) -> AsyncGenerator[bytes, None]:
    async with call.reading() as connection, aclosing(reads_of(head).stream(connection, head.scope, origin)) as chunks:
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
    await disclosed(call, head, "changes", (after, page.last), page.given)
    await feed_readers.noted(call, head, "changes", page.last, page.more)
    cursor = sealed.write(page.last)
    address = (
        f"{feed_scopes.folder(call)}/changes?after={cursor}&limit={query.limit}{feed_scopes.direction_given(call)}"
    )
    call.headers["link"] = f'<{address}>; rel="next"'
    return _Changes(page.items, cursor, page.more)


def _position(call: Call[ChangesQuery, None], head: Head, sealed: Seal) -> Position:
    """Where to go on; 410 when what follows is not all there any more."""
    try:
        after = cursors.START if call.query.after is None else sealed.read(call.query.after)
    except ValueError as error:
        raise EdgeError(422, "after", "cursor_foreign") from error
    if after is None or after < head.pruned:
        way_back = f"{feed_scopes.folder(call)}/members{feed_scopes.direction_given(call, '?')}"
        expired = EdgeError(410, "after", "cursor-expired", address=way_back)
        expired.headers = {"link": f'<{way_back}>; rel="start"'}
        raise expired
    return after


async def _page(call: Call[ChangesQuery, None], head: Head, after: Position) -> feed.Page:
    async with call.reading() as connection:
        found: feed.Page = await reads_of(head).changes(connection, head.scope, after, call.query.limit)
    return found


async def _waited(call: Call[ChangesQuery, None], head: Head, after: Position, bell: Bell) -> feed.Page:
    """The page as soon as there is something on it, or empty when time is up. No connection is held while waiting."""
    until, pause = monotonic() + call.query.wait, FIRST_PAUSE
    async with bell.listening(head.scope) as rung:
        while True:
            rung.clear()
            page = await _page(call, head, after)
            left = until - monotonic()
            if page.count or left <= 0:
                return page
            async with call.reading() as connection:
                now = await feed_scopes.again(call, connection, head)
            if now is not None and not now.of_today:
                await days.turn_feed(call.context, head.network)
                continue
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


async def show_digest(call: Call[Nothing, None]) -> feed_shapes.Digest:
    head, found = await _digest(call, None)
    buckets = [_bucket(each) for each in found]
    lines = "".join(f"{each.bucket}|{each.hash}\n" for each in buckets)
    return feed_shapes.Digest(
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
        items = await reads_of(head).of_bucket(connection, head.scope, int(name, 16))
    await disclosed(call, head, "bucket", (cursors.START, head.position), len(items))
    told = _bucket(found[0]) if found else feed_shapes.Bucket(name, 0, cursors.sha256(b"").hexdigest())
    return {
        "as_of_cursor": seal(call, head).write(head.position),
        "settled": head.settled,
        **msgspec.structs.asdict(told),
        "items": items,
    }


async def _digest(call: Call[Nothing, None], bucket: int | None) -> tuple[Head, list[feed.Bucket]]:
    head = await ready(call)
    shown: Any = call.slug() if isinstance(head, feed.Head) else head.scope
    async with call.reading() as connection:
        found = await reads_of(head).digest(connection, shown, call.context.clock.now(), bucket)
    if found is None:
        raise NotFound(*feed_scopes.named(call))
    return cast("tuple[Head, list[feed.Bucket]]", found)


def _bucket(found: feed.Bucket) -> feed_shapes.Bucket:
    return feed_shapes.Bucket(f"{found.bucket:02x}", found.count, found.hash)


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
        answer=feed_shapes.Changes,
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
        answer=feed_shapes.Digest,
        packs=True,
        run=show_digest,
    ),
    Operation(
        id="show_digest_bucket",
        method="GET",
        path="/networks/{slug}/digest/{bucket}",
        tag=TAG,
        summary=N_("One bucket of that proof, with its members"),
        answer=feed_shapes.BucketMembers,
        packs=True,
        run=show_bucket,
    ),
)
