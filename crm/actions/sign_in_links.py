"""Sign in by a link, or the code beside it, that is sent by mail: for people of organisations.

The link is good once, for a quarter of an hour, and only in the browser that asked for it; opening it does nothing
yet, because mail scanners open links. Elsewhere the code is typed where one asked. Nobody is told whether an address
has an account, and who decides about others (roles.STRONG) is told by mail to sign in otherwise.
"""

import secrets
from datetime import timedelta

import msgspec
import structlog

from crm import forms
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, Refused
from crm.letters import compose
from crm.store import accounts, factors, limits, mail, signing
from crm.store.accounts import Account, secret_hash
from crm.store.factors import Step
from crm.store.mail import Outgoing, Recipient
from crm.store.signing import Browser, Second, SignedIn

LASTS = timedelta(minutes=15)
CODE_DIGITS = 8
CODE_TRIES = 5
ASKS_PER_ADDRESS = 30
ASKS_PER_EMAIL = 5
TRIES_PER_ADDRESS = 60
WINDOW_SECONDS = 15 * 60

log = structlog.get_logger()


class Opened(msgspec.Struct, frozen=True):
    """A link somebody followed: is it this browser that asked for it?"""

    same_browser: bool


async def ask(context: Context, email: str, language: str, browser: Browser) -> str:
    """Send a link, if the address has an account that may sign in so; the id for this browser's cookie either way.

    Invalid for what is no address; TooMany. The answer, and nearly all of the work, are the same for every address.
    """
    problems: forms.Problems = []
    email = email.strip().lower()
    forms.email(problems, "email", email)
    if problems:
        raise Invalid(problems)
    secret, code = secrets.token_urlsafe(accounts.TOKEN_BYTES), f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    async with context.db.tx() as connection:
        site = limits.site_of(browser.address)
        await limits.hit(connection, f"link:address:{site}", ASKS_PER_ADDRESS, WINDOW_SECONDS)
        await limits.hit(connection, f"link:email:{secret_hash(email)}", ASKS_PER_EMAIL, WINDOW_SECONDS)
        account = await accounts.by_email(connection, email)
        strong = await accounts.needs_strong(connection, account.id) if account else False
        known = account if account and not strong else None
        token = await factors.open_step(
            connection,
            "link",
            {"code": secret_hash(code)},
            context.clock.now(),
            LASTS,
            known.id if known else None,
            secret,
        )
        link = f"{context.settings.base_url}/sign-in/link/{secret}"
        values = {"link": link, "code": f"{code[:4]} {code[4:]}", "minutes": int(LASTS.total_seconds()) // 60}
        if account:
            kind = "sign_in_otherwise" if strong else "sign_in_link"
            address = f"{context.settings.base_url}/sign-in"
            to = Recipient(account.email, account.name, account.language)
            await mail.queue(connection, [Outgoing(kind, to, values if known else {"link": address})])
        else:  # written and thrown away: it takes as long
            compose("sign_in_link", language, {"recipient_name": "", **values})
    return token


async def look(context: Context, secret: str, token: str) -> Opened:
    """A link was followed; nothing has happened yet. Refused `link_over`: used, too old, or not ours."""
    async with context.db.tx() as connection:
        found = await factors.step_of_secret(connection, "link", secret, context.clock.now())
    if found is None:
        raise Refused("link_over", "link")
    return Opened(found.token_hash == secret_hash(token))


async def use(context: Context, secret: str, token: str, browser: Browser) -> SignedIn | Second:
    """A new session for the link, in the browser that asked for it. Refused `link_over`, `link_elsewhere`."""
    async with context.db.tx() as connection:
        await _count(connection, browser)
        found = await factors.step_of_secret(connection, "link", secret, context.clock.now())
        if found and found.token_hash != secret_hash(token):
            raise Refused("link_elsewhere", "link")
        return await _enter(context, connection, found, browser)


async def use_code(context: Context, token: str, code: str, browser: Browser) -> SignedIn | Second:
    """A new session for the code of the mail, typed where it was asked for. Refused `code_wrong`, `link_over`."""
    given = "".join(code.split())
    async with context.db.tx() as connection:
        await _count(connection, browser)
        found = await factors.step(connection, "link", token, context.clock.now())
        if found and found.tries < CODE_TRIES and secret_hash(given) == found.data["code"]:
            return await _enter(context, connection, found, browser)
        if found:
            await factors.tried_step(connection, found.token_hash)
    log.warning("link code refused", address=browser.address)
    raise Refused("code_wrong" if found and found.tries < CODE_TRIES else "link_over", "code")


async def _enter(context: Context, connection: Connection, found: Step | None, browser: Browser) -> SignedIn | Second:
    account = await accounts.get(connection, found.account) if found and found.account else None
    if found is None or account is None or await accounts.needs_strong(connection, account.id):
        raise Refused("link_over", "link")
    await factors.close_step(connection, found.token_hash)
    return await _second(context, connection, account, browser)


async def _second(context: Context, connection: Connection, account: Account, browser: Browser) -> SignedIn | Second:
    """Who has an app for codes is asked for one here, too."""
    now, ways = context.clock.now(), await factors.ways(connection, account.id)
    if not ways.has_app:
        return await signing.enter(connection, account, "link", False, browser, now)
    token = await factors.open_step(connection, "second", {}, now, signing.STEP_LASTS, account.id)
    return Second(token, True, ways.passkeys > 0)


async def _count(connection: Connection, browser: Browser) -> None:
    key = f"link-try:address:{limits.site_of(browser.address)}"
    await limits.hit(connection, key, TRIES_PER_ADDRESS, WINDOW_SECONDS)
