"""Bearer keys at the door. A key that was just checked is trusted for a moment, so that lists stay fast.

The moment is short: a revoked key is refused at the latest after `FRESH_SECONDS`, in every process.
"""

from hashlib import sha256
from time import monotonic

from litestar import Request

from crm.actions import keys
from crm.actor import Actor
from crm.context import Context
from crm.errors import Unauthenticated

FRESH_SECONDS = 1.0
MOST_REMEMBERED = 1000


class Door:
    """The keys one application has checked lately, by the hash of their text."""

    def __init__(self) -> None:
        self._fresh: dict[bytes, tuple[float, Actor]] = {}

    async def open(self, request: Request, context: Context) -> Actor:
        """Who asks. Unauthenticated without a valid key."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise Unauthenticated
        digest = sha256(text.encode()).digest()
        known = self._fresh.get(digest)
        if known and known[0] > monotonic():
            return known[1]
        actor = keys.actor_of(await keys.open_with(context, text.strip()))
        if len(self._fresh) >= MOST_REMEMBERED:
            self._fresh.clear()
        self._fresh[digest] = (monotonic() + FRESH_SECONDS, actor)
        return actor


def door_of(request: Request) -> Door:
    """The application's own door."""
    state = request.app.state
    if "door" not in state:
        state.door = Door()
    return state.door
