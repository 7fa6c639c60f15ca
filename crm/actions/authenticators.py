"""An app that makes codes, the second factor of a password: taken into use, replaced, and codes for when it is lost."""

import secrets
from base64 import b64decode, b64encode

import msgspec

from crm import totp
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection, vault_of
from crm.errors import NotFound, Refused
from crm.gateways import qr
from crm.store import accounts, audit, factors, limits, signing
from crm.store.accounts import Account, Session
from crm.store.factors import Ways
from crm.store.signing import Browser, SignedIn

ISSUER = "Klynge"
RECOVERY_CODES = 10
RECOVERY_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"  # none that read alike
RECOVERY_LENGTH = 12  # letters: 58 bits, and ten tries a quarter of an hour
CODES_PER_ACCOUNT = 10
WINDOW_SECONDS = 15 * 60
_WAITS = "new-app:{}"  # what a secret is sealed for until its first code proves it
ACCOUNT_MAX = 120  # characters of the address in the QR code, which has room for 213 bytes


class Begun(msgspec.Struct, frozen=True):
    """`token` goes into a cookie; the secret as text to type and as picture (SVG) to point a phone at."""

    token: str
    secret: str
    picture: str


async def ways(context: Context, session: Session) -> Ways:
    """With what the account signs in now."""
    async with context.db.tx() as connection:
        return await factors.ways(connection, session.account)


async def begin(context: Context, session: Session, token: str = "") -> Begun:
    """A secret for an app, kept for a while until a code proves that the app has it; the same one while it waits.

    Refused `stronger_first` when the account has a second factor that this session was not opened with.
    """
    now = context.clock.now()
    async with context.db.tx() as connection:
        await factors.must_be_as_strong(connection, session)
        waiting = await factors.step(connection, "new_app", token, now) if token else None
        if waiting and waiting.account == session.account:
            return _begun(session, token, _waiting(connection, session, waiting.data["secret"]))
        secret = totp.new_secret()
        sealed = vault_of(connection).seal(_WAITS.format(session.account), secret)
        data = {"secret": b64encode(sealed).decode()}
        token = await factors.open_step(connection, "new_app", data, now, signing.STEP_LASTS, session.account)
        return _begun(session, token, secret)


async def confirm(
    context: Context, session: Session, token: str, code: str, browser: Browser
) -> tuple[SignedIn, list[str]]:
    """The app is the account's second factor, because it made this code; with the recovery codes, shown this once.

    The session becomes a new one, with two factors, and the account's other sessions are over.
    Refused `code_wrong`; `step_over` when it was begun too long ago; `password_first` without a password.
    """
    now, given = context.clock.now(), "".join(code.split())
    async with context.db.tx() as connection:
        await limits.hit(connection, f"code:{session.account}", CODES_PER_ACCOUNT, WINDOW_SECONDS)
    async with context.db.tx() as connection:
        await factors.must_be_as_strong(connection, session)
        account = await _account(connection, session)
        waiting = await factors.step(connection, "new_app", token, now)
        if waiting is None or waiting.account != account.id:
            raise Refused("step_over", "code")
        if account.password_hash is None:
            raise Refused("password_first", "code")
        secret = _waiting(connection, session, waiting.data["secret"])
        step = totp.matching_step(secret, given, now.timestamp(), after=0)
        if step is None:
            raise Refused("code_wrong", "code")
        await factors.close_step(connection, waiting.token_hash)
        await factors.set_authenticator(connection, account.id, secret, step, now)
        codes = await _new_codes(connection, account)
        await accounts.close_sessions(connection, account.id)
        opened = await signing.enter(connection, account, "code", True, browser, now)
        await audit.append(connection, Actor(account.name, "web"), "second_factor_added", {}, subject=account.id)
    return opened, codes


async def renew_codes(context: Context, session: Session) -> list[str]:
    """Ten new recovery codes; those from before are void. Refused `no_app` without an app."""
    async with context.db.tx() as connection:
        await factors.must_be_as_strong(connection, session)
        account = await _account(connection, session)
        if not (await factors.ways(connection, account.id)).has_app:
            raise Refused("no_app", "code")
        codes = await _new_codes(connection, account)
        await audit.append(connection, Actor(account.name, "web"), "recovery_codes_made", {}, subject=account.id)
    return codes


async def remove(context: Context, session: Session) -> None:
    """No codes any more. Refused `no_app`; `last_way_in` where a role needs two factors and no passkey is left."""
    async with context.db.tx() as connection:
        await factors.must_be_as_strong(connection, session)
        account = await _account(connection, session)
        if not await factors.remove_authenticator(connection, account.id):
            raise Refused("no_app", "code")
        left = await factors.ways(connection, account.id)
        if not (left.passkeys or left.identities) and await accounts.needs_strong(connection, account.id):
            raise Refused("last_way_in", "code")
        await audit.append(connection, Actor(account.name, "web"), "second_factor_removed", {}, subject=account.id)


async def _account(connection: Connection, session: Session) -> Account:
    await accounts.lock(connection, session.account)
    account = await accounts.get(connection, session.account)
    if account is None:
        raise NotFound("account", session.account)
    return account


async def _new_codes(connection: Connection, account: Account) -> list[str]:
    codes = ["".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
    await factors.set_recovery_codes(connection, account.id, codes)
    return ["-".join(code[at : at + 4] for at in range(0, RECOVERY_LENGTH, 4)) for code in codes]


def _waiting(connection: Connection, session: Session, stored: str) -> bytes:
    return vault_of(connection).open(_WAITS.format(session.account), b64decode(stored))


def _begun(session: Session, token: str, secret: bytes) -> Begun:
    address = totp.address(secret, ISSUER, session.email[:ACCOUNT_MAX])
    return Begun(token, totp.written(secret), qr.svg(address))
