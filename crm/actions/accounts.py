"""Accounts of people, made and helped by who runs the system; and the password of one's own."""

import secrets
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from crm import catalogue, forms, password_rules, passwords, roles
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.i18n import LANGUAGES
from crm.store import accounts, audit, erasures, factors, people
from crm.store.accounts import Account, Session

PASSWORD_MIN = 12
ORGNR = "no-orgnr"


class Listed(msgspec.Struct, frozen=True):
    """An account for the operator's list: its roles as `role@place`, and how it signs in."""

    email: str
    name: str
    roles: tuple[str, ...]
    ways: tuple[str, ...]
    sessions: int


async def create(
    context: Context,
    email: str,
    name: str,
    password: str,
    places: Iterable[str],
    language: str = "nb",
    actor: Actor | None = None,
    demo: bool = False,
    role: str = roles.MANAGER,
) -> UUID:
    """A new account with this role in the places: slugs of networks, codes of hosts or organisation numbers.

    Invalid lists what is wrong; RuleViolation `network_unknown`, NotFound for another place;
    Refused `account_exists`, `person_erased`.
    """
    email = email.strip().lower()
    around = None if demo else (email, name, *await _names(context))  # the demo's own stands in our README
    _check(email, name, password, language, role, around)
    password_hash = await passwords.hash_of(password)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        found = [await _place(connection, kept, role, place) for place in places]
        await erasures.must_not_be_blocked(connection, email, "email")
        new = await accounts.add(connection, email, " ".join(name.split()), password_hash, language, demo)
        if new is None:
            raise Refused("account_exists", "email", given=email)
        by = actor or Actor(name, "cli")
        await accounts.add_roles(connection, new, found, role, by.name)
        detail: dict[str, Any] = {"email": email, "role": role, "places": [str(place) for place in found]}
        await audit.append(connection, by, "account_created", detail, subject=new)
        return new


async def set_password(context: Context, session: Session, password: str) -> None:
    """Another password for one's own account; its other browsers are signed out. Invalid; Refused `stronger_first`."""
    problems: forms.Problems = []
    _check_password(problems, password, (session.email, session.name, *await _names(context)))
    if problems:
        raise Invalid(problems)
    password_hash = await passwords.hash_of(password)
    async with context.db.tx() as connection:
        await factors.must_be_as_strong(connection, session)
        await accounts.lock(connection, session.account)
        await accounts.set_password_hash(connection, session.account, password_hash)
        await accounts.close_sessions(connection, session.account, session.token_hash)
        actor = Actor(session.name, "web")
        await audit.append(connection, actor, "password_changed", {}, subject=session.account)


async def listed(context: Context) -> list[Listed]:
    """Every account, by address."""
    async with context.db.tx() as connection:
        return [Listed(*row) for row in await accounts.everybody(connection)]


async def reset(context: Context, email: str, actor: Actor) -> None:
    """Take away every way to sign in: passkeys, app, recovery codes, password. An invitation then lets the person in
    again, as it does somebody new. NotFound."""
    async with context.db.tx() as connection:
        account = await _named(connection, email)
        await factors.forget(connection, account.id)
        await accounts.set_password_hash(connection, account.id, None)
        closed = await accounts.close_sessions(connection, account.id)
        detail = {"email": account.email, "sessions": closed}
        await audit.append(connection, actor, "sign_in_reset", detail, subject=account.id)


async def invite(context: Context, email: str, actor: Actor) -> None:
    """Send a link, good once, that lets somebody in who has nothing to sign in with. NotFound without any role."""
    token = secrets.token_urlsafe(accounts.TOKEN_BYTES)
    async with context.db.tx() as connection:
        account = await _named(connection, email)
        held = await accounts.held(connection, account.id)
        if not held:
            raise NotFound("role", email)
        new = await people.invite(
            connection,
            account.email,
            account.name,
            account.language,
            held[0].role,
            held[0].place,
            token,
            actor.name,
            context.clock.now(),
        )
        made = await people.invitation(connection, new)
        await people.mail_invitation(connection, made, token, context.settings.base_url)
        detail = {"email": account.email}
        await audit.append(connection, actor, "person_invited", detail, subject=account.id)


async def end_sessions(context: Context, email: str, actor: Actor) -> int:
    """Sign the person out of every browser; how many there were. NotFound."""
    async with context.db.tx() as connection:
        account = await _named(connection, email)
        closed = await accounts.close_sessions(connection, account.id)
        detail = {"email": account.email, "sessions": closed}
        await audit.append(connection, actor, "signed_out_everywhere", detail, subject=account.id)
    return closed


async def _named(connection: Connection, email: str) -> Account:
    account = await accounts.by_email(connection, email.strip().lower())
    if account is None:
        raise NotFound("account", email)
    return account


async def _place(connection: Connection, kept: Catalogue, role: str, place: str) -> UUID:
    kind = roles.PLACES[role]
    if kind == "network":
        return kept.network(place).id
    if kind == "host":
        hosts = {network.host: network.host_id for network in kept.networks}
        if place not in hosts:
            raise NotFound("host", place)
        return hosts[place]
    found = await people.organisation_known_by(connection, ORGNR, place)
    if found is None:
        raise NotFound("organisation", place)
    return found[0]


async def _names(context: Context) -> list[str]:
    """What networks and hosts are called: words that anybody tries here."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    return [text for n in kept.networks for text in (n.slug, n.host, *n.names.values(), *n.short.values())]


def _check(email: str, name: str, password: str, language: str, role: str, around: Iterable[str] | None) -> None:
    problems: forms.Problems = []
    forms.text(problems, "name", name, forms.NAME_MAX)
    forms.email(problems, "email", email)
    _check_password(problems, password, around)
    if language not in LANGUAGES:
        problems.append(("language", "language_unknown", {"given": language[:10], "known": ", ".join(LANGUAGES)}))
    if role not in roles.PLACES:
        problems.append(("role", "role_unknown", {"given": role[:30], "known": ", ".join(roles.PLACES)}))
    if problems:
        raise Invalid(problems)


def _check_password(problems: forms.Problems, password: str, around: Iterable[str] | None) -> None:
    """`around`: words anybody tries first; None: whatever it is made of."""
    if len(password) < PASSWORD_MIN:
        problems.append(("password", "too_short", {"least": PASSWORD_MIN}))
    elif len(password) > passwords.LONGEST:
        problems.append(("password", "too_long", {"limit": passwords.LONGEST, "length": len(password)}))
    elif around is not None and password_rules.guessable(password, around):
        problems.append(("password", "password_guessable", {}))
