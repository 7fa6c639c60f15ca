"""The end of every way to sign in: a session, and the mark of a browser that has been here before."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.store import accounts, factors
from crm.store.accounts import Account, Method

KNOWN_FOR = timedelta(days=180)
STEP_LASTS = timedelta(minutes=10)  # between two steps of a sign-in


class Browser(msgspec.Struct, frozen=True):
    """Who asks: a network address, what the browser calls itself, and the cookies it has from before."""

    address: str
    name: str = ""
    session: str = ""
    known: str = ""


class SignedIn(msgspec.Struct, frozen=True):
    """`token` goes into the browser's cookie and is stored nowhere else; so does `known`, which says for long that
    this browser has been here before and opens nothing."""

    token: str
    account: UUID
    language: str
    manages: frozenset[UUID]
    known: str = ""


class Second(msgspec.Struct, frozen=True):
    """The first factor was right; now a code (`by_code`) or a passkey. `token` goes into a cookie of its own."""

    token: str
    by_code: bool
    by_passkey: bool


async def enter(
    connection: Connection, account: Account, method: Method, strong: bool, browser: Browser, now: datetime
) -> SignedIn:
    """Sign the browser in; the session it had before is over, and links on their way by mail open nothing more."""
    token = await accounts.open_session(connection, account, method, strong, now, browser.name, browser.session)
    await factors.close_steps(connection, "link", account.id)
    opened = await accounts.session(connection, token, now)
    known = browser.known
    if not await is_known(connection, account, known, now):
        known = await factors.open_step(connection, "known", {}, now, KNOWN_FOR, account.id)
    return SignedIn(token, account.id, account.language, opened.manages if opened else frozenset(), known)


async def is_known(connection: Connection, account: Account | None, known: str, now: datetime) -> bool:
    """Has the account been signed in with this browser before?"""
    found = await factors.step(connection, "known", known, now) if account and known else None
    return found is not None and account is not None and found.account == account.id
