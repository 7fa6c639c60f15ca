"""Passwords: Argon2id, never more than two at a time, so that signing in cannot take the machine down."""

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crm.errors import TooMany

AT_ONCE = 2
MOST_WAITING = 20
WAIT_SECONDS = 5
LONGEST = 1000  # longer ones cost the hasher time and say nothing more

COSTS = {"time_cost": 3, "memory_cost": 64 * 1024, "parallelism": 4}
# The hash of a password nobody knows, checked when there is no account: the answer takes as long.
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$Y2hlY2tlZCBzbyB0aGF0IHRpbWUgdGVsbHMgbm90aGk"
_HASHER = PasswordHasher(**COSTS)
_SLOTS = CapacityLimiter(AT_ONCE)


async def hash_of(password: str) -> str:
    """What is stored of a password."""
    return await to_thread.run_sync(_HASHER.hash, password, limiter=_SLOTS)


async def matches(password: str, stored: str | None) -> bool:
    """Is it the one? `stored` None (nobody by that name) takes the same time and is never right.

    TooMany when so many wait already that one more would only wait longer.
    """
    if _SLOTS.statistics().tasks_waiting >= MOST_WAITING:
        raise TooMany(WAIT_SECONDS)
    right = await to_thread.run_sync(_verify, stored or NOBODY, password[:LONGEST], limiter=_SLOTS)
    return right and stored is not None


def outdated(stored: str) -> bool:
    """Was it made with other costs than today's?"""
    return _HASHER.check_needs_rehash(stored)


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
