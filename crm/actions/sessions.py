"""Sign in, stay signed in, sign out: opaque sessions of which only the hash is stored."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec
import structlog

from crm import passwords
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Refused
from crm.store import accounts, audit, limits
from crm.store.accounts import Session

TOKEN_BYTES = 32
IDLE_LIMIT = timedelta(hours=8)
ABSOLUTE_LIMIT = timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=1)  # a page view writes at most this often
TRIES_PER_ADDRESS = 30
TRIES_PER_EMAIL = 10
WINDOW_SECONDS = 15 * 60
EMAIL_MAX = 254

log = structlog.get_logger()


class SignedIn(msgspec.Struct, frozen=True):
    """`token` goes into the browser's cookie and is stored nowhere else."""

    token: str
    account: UUID
    language: str
    manages: frozenset[UUID]


async def sign_in(context: Context, email: str, password: str, address: str, old_token: str = "") -> SignedIn:
    """A new session for the right e-mail and password; a session the browser had before is over.

    Refused `sign_in_failed` says the same, after the same time, for an unknown address and a wrong
    password. TooMany after too many tries from one network address or for one e-mail.
    """
    email = email.strip().lower()[:EMAIL_MAX]
    async with context.db.tx() as connection:
        await limits.hit(connection, f"sign-in:address:{limits.site_of(address)}", TRIES_PER_ADDRESS, WINDOW_SECONDS)
        await limits.hit(connection, f"sign-in:email:{_hash(email)}", TRIES_PER_EMAIL, WINDOW_SECONDS)
        account = await accounts.by_email(connection, email)
    if not await passwords.matches(password, account.password_hash if account else None) or account is None:
        log.warning("sign-in refused", address=address, email_hash=_hash(email)[:16])
        raise Refused("sign_in_failed", "email")
    newer = await passwords.hash_of(password) if passwords.outdated(account.password_hash) else None
    token, now = secrets.token_urlsafe(TOKEN_BYTES), context.clock.now()
    async with context.db.tx() as connection:
        if newer:
            await accounts.set_password_hash(connection, account.id, newer)
        if old_token:
            await accounts.close_session(connection, _hash(old_token))
        await accounts.drop_expired(connection, now - ABSOLUTE_LIMIT, now - IDLE_LIMIT)
        await accounts.open_session(connection, account.id, _hash(token), secrets.token_urlsafe(TOKEN_BYTES), now)
        opened = await _current(connection, token, now)
        await audit.append(connection, Actor(account.name, "web"), "signed_in", {}, subject=account.id)
    return SignedIn(token, account.id, account.language, opened.manages if opened else frozenset())


async def current(context: Context, token: str) -> Session | None:
    """Whose session this is; None when there is none, or it is too old or unused for too long."""
    now = context.clock.now()
    async with context.db.tx() as connection:
        found = await _current(connection, token, now)
        if found and now - found.seen_at >= TOUCH_EVERY:
            await accounts.touch_session(connection, found.token_hash, now)
    return found


async def sign_out(context: Context, token: str) -> None:
    """End this browser's session; ending it twice is fine."""
    async with context.db.tx() as connection:
        found = await _current(connection, token, context.clock.now())
        await accounts.close_session(connection, _hash(token))
        if found:
            await audit.append(connection, Actor(found.name, "web"), "signed_out", {}, subject=found.account)


async def sign_out_everywhere(context: Context, session: Session) -> int:
    """End all sessions of the account, this one too; how many there were."""
    async with context.db.tx() as connection:
        closed = await accounts.close_sessions(connection, session.account)
        actor = Actor(session.name, "web")
        await audit.append(connection, actor, "signed_out_everywhere", {"sessions": closed}, subject=session.account)
    return closed


async def mine(context: Context, session: Session) -> list[tuple[bool, datetime, datetime]]:
    """(is it this one, signed in, last used) of the account's browsers."""
    now = context.clock.now()
    async with context.db.tx() as connection:
        rows = await accounts.open_sessions(connection, session.account, now - ABSOLUTE_LIMIT, now - IDLE_LIMIT)
    return [(key == session.token_hash, created, seen) for key, created, seen in rows]


async def _current(connection: Connection, token: str, now: datetime) -> Session | None:
    return await accounts.session(connection, _hash(token), now - ABSOLUTE_LIMIT, now - IDLE_LIMIT)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
