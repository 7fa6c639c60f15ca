"""Sign in by the service the operator has set up (OpenID Connect).

Who comes back is let in as the account the service has been joined to, or as the account of the same address, when the
service has verified it and its domain is one of the operator's; or is made an account for invitations that wait.
"""

import hmac
import secrets

import msgspec
import structlog

from crm import mail_domains
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.gateways import oidc
from crm.gateways.oidc import OidcError, Person
from crm.store import accounts, audit, factors, limits, people, signing
from crm.store.accounts import Account
from crm.store.signing import Browser, SignedIn

TRIES_PER_ADDRESS = 30
WINDOW_SECONDS = 15 * 60
LONGEST = 2000

log = structlog.get_logger()


class Sent(msgspec.Struct, frozen=True):
    """`token` goes into a cookie, the browser to `address`."""

    token: str
    address: str


class Back(msgspec.Struct, frozen=True):
    """Signed in, and the page the sign-in began for."""

    opened: SignedIn
    back: str


async def begin(context: Context, back: str, browser: Browser) -> Sent:
    """Where to go to sign in. NotFound when no service is set up; Refused `oidc_failed` when it does not answer."""
    if not context.settings.oidc_issuer:
        raise NotFound("sign-in", "oidc")
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    async with context.db.tx() as connection:
        key = f"oidc:address:{limits.site_of(browser.address)}"
        await limits.hit(connection, key, TRIES_PER_ADDRESS, WINDOW_SECONDS)
    try:
        address = await oidc.address(context.settings, state, nonce, verifier)
    except OidcError as error:
        log.warning("oidc failed", why=str(error)[:300])
        raise Refused("oidc_failed", "oidc") from error
    async with context.db.tx() as connection:
        data = {"state": state, "nonce": nonce, "verifier": verifier, "back": back}
        token = await factors.open_step(connection, "oidc", data, context.clock.now(), signing.STEP_LASTS)
    return Sent(token, address)


async def finish(context: Context, token: str, state: str, code: str, browser: Browser) -> Back:
    """A new session for who came back. Refused `step_over`, `oidc_failed`, `oidc_unknown`."""
    now = context.clock.now()
    async with context.db.tx() as connection:
        asked = await factors.step(connection, "oidc", token, now)
        if asked:
            await factors.close_step(connection, asked.token_hash)
    if asked is None or not hmac.compare_digest(asked.data["state"].encode(), state.encode()):
        raise Refused("step_over", "oidc")
    if not 0 < len(code) <= LONGEST:
        raise Refused("oidc_failed", "oidc")
    try:
        found = await oidc.person(context.settings, code, asked.data["verifier"], asked.data["nonce"], now.timestamp())
    except OidcError as error:
        log.warning("oidc failed", address=browser.address, why=str(error)[:300])
        raise Refused("oidc_failed", "oidc") from error
    async with context.db.tx() as connection:
        account = await _account(context, connection, found)
        if account is None:
            raise Refused("oidc_unknown", "oidc")
        opened = await signing.enter(connection, account, "oidc", True, browser, now)
    return Back(opened, asked.data["back"])


async def _account(context: Context, connection: Connection, found: Person) -> Account | None:
    joined = await factors.identity(connection, found.issuer, found.subject)
    if joined:
        return await accounts.get(connection, joined)
    allowed = context.settings.oidc_domains
    if not found.email_verified or mail_domains.domain_of(found.email) not in allowed:
        log.warning("oidc unknown", verified=found.email_verified, domain=mail_domains.domain_of(found.email))
        return None
    now = context.clock.now()
    account = await accounts.by_email(connection, found.email)
    if account is None:
        invited = await people.open_invitations(connection, found.email, now)
        if not invited:
            return None
        await accounts.add(connection, found.email, found.name or found.email, None, invited[0].language)
        account = await accounts.by_email(connection, found.email)
        for each in invited if account else []:
            await people.accepted(connection, each.id, account.id, now)
            await accounts.give_role(connection, account.id, each.role, each.place, each.invited_by)
    if account:
        await factors.add_identity(connection, account.id, found.issuer, found.subject, now)
        actor, detail = Actor(account.name, "web"), {"issuer": found.issuer}
        await audit.append(connection, actor, "identity_joined", detail, subject=account.id)
    return account
