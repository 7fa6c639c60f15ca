"""Passkeys: sign in with one, and the ones an account has. Every challenge is good once, in one browser."""

from base64 import b64decode, b64encode
from uuid import UUID

import msgspec
import structlog

from crm import forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.gateways import passkeys as devices
from crm.gateways.passkeys import NotAPasskey
from crm.store import accounts, audit, factors, limits, signing
from crm.store.accounts import Session
from crm.store.factors import Passkey
from crm.store.signing import Browser, SignedIn

TRIES_PER_ADDRESS = 60
WINDOW_SECONDS = 15 * 60
MOST_PASSKEYS = 20
NAME_MAX = 60

log = structlog.get_logger()


class Asked(msgspec.Struct, frozen=True):
    """`token` goes into a cookie of its own, `options` (JSON) to the browser's passkeys."""

    token: str
    options: str


async def ask(context: Context, browser: Browser) -> Asked:
    """A challenge for any passkey of ours."""
    challenge, options = devices.ask_any(devices.party(context.settings.base_url))
    async with context.db.tx() as connection:
        await _count(connection, browser)
        token = await factors.open_step(
            connection, "passkey", _kept(challenge), context.clock.now(), signing.STEP_LASTS
        )
    return Asked(token, options)


async def sign_in(context: Context, token: str, answer: str, browser: Browser) -> SignedIn:
    """A new session for the passkey's answer. Refused `passkey_failed`, whatever was wrong with it."""
    own, now = devices.party(context.settings.base_url), context.clock.now()
    challenge = await _take(context, "passkey", token, browser)
    try:
        given = devices.read_answer(answer)
        async with context.db.tx() as connection:
            key = await factors.passkey(connection, given.credential_id)
            account = await accounts.get(connection, key.account_id) if key else None
            if key is None or account is None or given.user_handle != account.id.bytes:
                raise NotAPasskey("nobody's")
            count = devices.check_answer(own, challenge, answer, key.public_key, key.sign_count)
            await factors.used_passkey(connection, key.id, count, now)
            return await signing.enter(connection, account, "passkey", True, browser, now)
    except NotAPasskey as error:
        log.warning("passkey refused", address=browser.address, why=str(error)[:200])
        raise Refused("passkey_failed", "passkey") from error


async def mine(context: Context, session: Session) -> list[Passkey]:
    """The account's passkeys."""
    async with context.db.tx() as connection:
        return await factors.passkeys(connection, session.account)


async def ask_new(context: Context, session: Session) -> Asked:
    """A challenge for a new passkey of this account. Refused `passkeys_most`, `stronger_first`."""
    async with context.db.tx() as connection:
        await factors.must_be_as_strong(connection, session)
        have = await factors.passkeys(connection, session.account)
        if len(have) >= MOST_PASSKEYS:
            raise Refused("passkeys_most", "passkey", limit=MOST_PASSKEYS)
        own = devices.party(context.settings.base_url)
        challenge, options = devices.ask_new(
            own, session.account, session.email, session.name, [each.credential_id for each in have]
        )
        token = await factors.open_step(
            connection, "new_passkey", _kept(challenge), context.clock.now(), signing.STEP_LASTS, session.account
        )
    return Asked(token, options)


async def add(context: Context, session: Session, token: str, answer: str, name: str, browser: Browser) -> SignedIn:
    """Keep the new passkey. The session becomes a new one, with two factors; the account's others stay.

    Refused `passkey_failed`, `passkey_known`; Invalid when the name cannot be shown.
    """
    own, now = devices.party(context.settings.base_url), context.clock.now()
    name = _named(name)
    challenge = await _take(context, "new_passkey", token, browser, session.account)
    try:
        made = devices.check_new(own, challenge, answer)
    except NotAPasskey as error:
        log.warning("passkey refused", account=str(session.account), why=str(error)[:200])
        raise Refused("passkey_failed", "passkey") from error
    async with context.db.tx() as connection:
        await factors.must_be_as_strong(connection, session)
        account = await accounts.get(connection, session.account)
        if account is None:
            raise NotFound("account", session.account)
        new = await factors.add_passkey(
            connection,
            account.id,
            made.credential_id,
            made.public_key,
            made.sign_count,
            made.transports,
            name,
            now,
        )
        if new is None:
            raise Refused("passkey_known", "passkey")
        opened = await signing.enter(connection, account, "passkey", True, browser, now)
        detail = {"name": name}
        await audit.append(connection, Actor(account.name, "web"), "passkey_added", detail, subject=account.id)
    return opened


async def rename(context: Context, session: Session, wanted: UUID, name: str) -> None:
    """Call it something else. NotFound; Invalid when the name cannot be shown."""
    name = _named(name)
    async with context.db.tx() as connection:
        if not await factors.rename_passkey(connection, session.account, wanted, name):
            raise NotFound("passkey", wanted)


async def remove(context: Context, session: Session, wanted: UUID) -> None:
    """It signs nobody in any more. NotFound; Refused `last_way_in` when nothing else would, `stronger_first`."""
    async with context.db.tx() as connection:
        await factors.must_be_as_strong(connection, session)
        await accounts.lock(connection, session.account)
        name = await factors.remove_passkey(connection, session.account, wanted)
        if name is None:
            raise NotFound("passkey", wanted)
        await _must_keep_a_way_in(connection, session.account)
        actor = Actor(session.name, "web")
        await audit.append(connection, actor, "passkey_removed", {"name": name}, subject=session.account)


async def _must_keep_a_way_in(connection: Connection, account: UUID) -> None:
    """People with a role that asks for it need a passkey, or a password and an app; the others get links by mail."""
    ways = await factors.ways(connection, account)
    two_factors = ways.passkeys or ways.identities or (ways.has_password and ways.has_app)
    if not two_factors and await accounts.needs_strong(connection, account):
        raise Refused("last_way_in", "passkey")


async def _take(
    context: Context, kind: factors.Kind, token: str, browser: Browser, account: UUID | None = None
) -> bytes:
    """The challenge this browser was given; it is given to nobody again, whatever becomes of it now."""
    async with context.db.tx() as connection:
        await _count(connection, browser)
        found = await factors.step(connection, kind, token, context.clock.now())
        if found:
            await factors.close_step(connection, found.token_hash)
    if found is None or found.account != account:
        raise Refused("step_over", "passkey")
    return b64decode(found.data["challenge"])


async def _count(connection: Connection, browser: Browser) -> None:
    key = f"passkey:address:{limits.site_of(browser.address)}"
    await limits.hit(connection, key, TRIES_PER_ADDRESS, WINDOW_SECONDS)


def _kept(challenge: bytes) -> dict[str, str]:
    return {"challenge": b64encode(challenge).decode()}


def _named(name: str) -> str:
    problems: forms.Problems = []
    name = " ".join(name.split())
    forms.text(problems, "name", name, NAME_MAX)
    if problems:
        raise Invalid(problems)
    return name
