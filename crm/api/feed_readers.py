"""Remember how far a key has come, without a write for every answer of the feed.

A row is written when an answer brings its reader to the end of what there is, and otherwise at most once a minute in
each process: who catches up with a million changes leaves as many rows as minutes.
"""

from time import monotonic
from typing import Any, Literal
from uuid import UUID

from crm.api.feed_scopes import Head
from crm.api.operations import Call
from crm.cursors import Position
from crm.reads import rehearsals
from crm.store import feed_readers
from crm.store.feed_readers import Mark

WRITTEN_EVERY_SECONDS = 60.0
MOST_REMEMBERED = 10_000
_Written = dict[tuple[UUID, UUID], tuple[float, Position]]


async def noted(
    call: Call[Any, Any], head: Head, kind: Literal["list", "changes"], position: Position, more: bool = False
) -> None:
    """The key is about to have everything up to a position; `more`: there is more already."""
    key = call.actor.id
    if key is None or call.request.method == "HEAD" or isinstance(head, rehearsals.Head):
        return
    written = _written(call)
    last, at = written.get((key, head.scope), (float("-inf"), None))
    if monotonic() - last < WRITTEN_EVERY_SECONDS and (more or at == position):
        return
    if len(written) >= MOST_REMEMBERED:
        written.clear()
    mark = Mark(key, head.scope, head.network, head.epoch, position.xid, position.seq, kind)
    async with call.context.db.tx() as connection:
        await feed_readers.mark(connection, mark, call.context.clock.now())
    written[key, head.scope] = monotonic(), position


def _written(call: Call[Any, Any]) -> _Written:
    """The application's own memory of what it has written."""
    state = call.request.app.state
    if "feed_readers" not in state:
        state.feed_readers = {}
    found: _Written = state.feed_readers
    return found
