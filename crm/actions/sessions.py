"""Sign in by password, stay signed in, sign out: opaque sessions of which only the hash is stored."""

from datetime import timedelta
from uuid import UUID

import structlog

from crm import passwords, totp
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.settings import Settings
from crm.store import accounts, audit, factors, limits, signing
from crm.store.accounts import ABSOLUTE_LIMIT, IDLE_LIMIT, Account, Session, SessionRow, secret_hash
from crm.store.signing import Browser, Second, SignedIn

__all__ = ["ABSOLUTE_LIMIT", "IDLE_LIMIT"]

TOUCH_EVERY = timedelta(minutes=1)  # a page view writes at most this often
CONFIRMED_FOR = timedelta(minutes=15)  # how long a proof of who one is counts for sensitive things
STEP_TRIES = 5
TRIES_PER_ADDRESS = 30
TRIES_PER_EMAIL = 10
CODES_PER_ACCOUNT = 10
WINDOW_SECONDS = 15 * 60
EMAIL_MAX = 254

log = structlog.get_logger()


async def sign_in(context: Context, email: str, password: str, browser: Browser) -> SignedIn | Second:
    """A new session for the right e-mail and password, or the question for a second factor.

    A session the browser had before is over. Refused `sign_in_failed` says the same, after the same time, for an
    unknown address and a wrong password. TooMany after too many tries from one network address or for one e-mail;
    a browser the account has been signed in with is counted by itself, so that nobody can lock others out.
    """
    email, now = email.strip().lower()[:EMAIL_MAX], context.clock.now()
    async with context.db.tx() as connection:
        await limits.hit(
            connection, f"sign-in:address:{limits.site_of(browser.address)}", TRIES_PER_ADDRESS, WINDOW_SECONDS
        )
        account = await accounts.by_email(connection, email)
        is_known = await signing.is_known(connection, account, browser.known, now)
        counted = f"sign-in:known:{secret_hash(browser.known)}" if is_known else f"sign-in:email:{secret_hash(email)}"
        await limits.hit(connection, counted, TRIES_PER_EMAIL, WINDOW_SECONDS)
    if not await passwords.matches(password, account.password_hash if account else None) or account is None:
        log.warning("sign-in refused", address=browser.address, email_hash=secret_hash(email)[:16])
        raise Refused("sign_in_failed", "email")
    newer = await passwords.hash_of(password) if passwords.outdated(account.password_hash or "") else None
    async with context.db.tx() as connection:
        if newer:
            await accounts.set_password_hash(connection, account.id, newer)
        waived = waives(context.settings, account)
        ways = await factors.ways(connection, account.id)
        by_passkey = ways.passkeys > 0 and await accounts.needs_strong(connection, account.id)
        if ways.has_app or (by_passkey and not waived):
            token = await factors.open_step(connection, "second", {}, now, signing.STEP_LASTS, account.id)
            return Second(token, ways.has_app, ways.passkeys > 0)
        return await signing.enter(connection, account, "password", waived, browser, now)


async def second(context: Context, step: str, code: str, browser: Browser) -> SignedIn:
    """A new session for the code of the app, or one of the recovery codes, after the password.

    Refused `code_wrong`: wrong, or used before; `step_over`: too late or too many wrong ones, so from the start again.
    """
    now, given = context.clock.now(), "".join(code.split()).replace("-", "").lower()
    async with context.db.tx() as connection:
        await limits.hit(
            connection, f"code:address:{limits.site_of(browser.address)}", TRIES_PER_ADDRESS, WINDOW_SECONDS
        )
    async with context.db.tx() as connection:
        found = await factors.step(connection, "second", step, now)
        account = await accounts.get(connection, found.account) if found and found.account else None
        if found is None or account is None:
            raise Refused("step_over", "code")
        await limits.hit(connection, f"code:{account.id}", CODES_PER_ACCOUNT, WINDOW_SECONDS)
        right = found.tries < STEP_TRIES and await _is_right(connection, account.id, given, context)
        if right or found.tries >= STEP_TRIES:
            await factors.close_step(connection, found.token_hash)
        else:
            await factors.tried_step(connection, found.token_hash)
        if right:
            return await signing.enter(connection, account, "code", True, browser, now)
    log.warning("code refused", account=str(account.id), address=browser.address)
    raise Refused("step_over" if found.tries >= STEP_TRIES else "code_wrong", "code")


async def second_ways(context: Context, step: str) -> Second | None:
    """What this browser was asked after its password; None when it was asked nothing, or too long ago."""
    async with context.db.tx() as connection:
        found = await factors.step(connection, "second", step, context.clock.now())
        if found is None or found.account is None:
            return None
        ways = await factors.ways(connection, found.account)
        return Second(step, ways.has_app, ways.passkeys > 0)


async def current(context: Context, token: str) -> Session | None:
    """Whose session this is; None when there is none, or it is too old or unused for too long."""
    now = context.clock.now()
    async with context.db.tx() as connection:
        found = await accounts.session(connection, token, now)
        if found and now - found.seen_at >= TOUCH_EVERY:
            await accounts.touch_session(connection, found.token_hash, now)
    return found


def is_fresh(context: Context, session: Session) -> bool:
    """Has the person proved who they are a moment ago?"""
    return context.clock.now() - session.confirmed_at < CONFIRMED_FOR


def waives(settings: Settings, account: Account | Session) -> bool:
    """The demo's people come in by password alone, on a developer's own machine and nowhere else (ADR 0028)."""
    return settings.development and account.demo


async def sign_out(context: Context, token: str) -> None:
    """End this browser's session; ending it twice is fine."""
    async with context.db.tx() as connection:
        found = await accounts.session(connection, token, context.clock.now())
        await accounts.close_session(connection, secret_hash(token))
        if found:
            await audit.append(connection, Actor(found.name, "web"), "signed_out", {}, subject=found.account)


async def sign_out_one(context: Context, session: Session, wanted: UUID) -> None:
    """End another browser's session of the same account. NotFound."""
    async with context.db.tx() as connection:
        if not await accounts.close_one(connection, session.account, wanted):
            raise NotFound("session", wanted)
        detail = {"session": str(wanted)}
        await audit.append(connection, Actor(session.name, "web"), "signed_out", detail, subject=session.account)


async def sign_out_everywhere(context: Context, session: Session) -> int:
    """End all sessions of the account, this one too; how many there were."""
    async with context.db.tx() as connection:
        closed = await accounts.close_sessions(connection, session.account)
        actor = Actor(session.name, "web")
        await audit.append(connection, actor, "signed_out_everywhere", {"sessions": closed}, subject=session.account)
    return closed


async def mine(context: Context, session: Session) -> list[SessionRow]:
    """The account's signed-in browsers."""
    async with context.db.tx() as connection:
        return await accounts.open_sessions(connection, session.account, context.clock.now())


async def _is_right(connection: Connection, account: UUID, given: str, context: Context) -> bool:
    app, now = await factors.authenticator(connection, account), context.clock.now()
    if app and len(given) == totp.DIGITS:
        step = totp.matching_step(app.secret, given, now.timestamp(), app.last_step)
        if step is not None:
            await factors.spent_step(connection, account, step)
        return step is not None
    return await factors.use_recovery_code(connection, account, given, now)
