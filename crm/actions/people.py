"""Who may do what where: people are invited to a role, accept it, get another one, and lose it.

Whoever runs a place decides about its people: host admins about a host, managers about a network and about the
organisations in it, an organisation's admins about the organisation.
"""

import secrets
from typing import Any
from uuid import UUID

import msgspec

from crm import forms, roles
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.i18n import LANGUAGES
from crm.store import accounts, audit, erasures, factors, limits, people, signing
from crm.store.accounts import TOKEN_BYTES, Account, Place
from crm.store.people import Invitation
from crm.store.signing import Browser, SignedIn

LOOKS_PER_ADDRESS = 60
INVITATIONS_PER_PLACE = 100  # a day
WINDOW_SECONDS = 15 * 60
DAY_SECONDS = 24 * 3600


class Wanted(msgspec.Struct, frozen=True):
    """Whom to invite to what; `place` is the host, network or organisation."""

    email: str
    name: str
    role: str
    place: UUID
    language: str = "nb"


class Shown(msgspec.Struct, frozen=True):
    """An invitation as its reader sees it; `place_names` by language. `known`: the address has an account."""

    email: str
    name: str
    role: str
    invited_by: str
    place_names: dict[str, str]
    known: bool


class Accepted(msgspec.Struct, frozen=True):
    """The role is given. `opened`: signed in by it; None: the account signs in as it always does."""

    opened: SignedIn | None
    email: str


async def invite(context: Context, actor: Actor, wanted: Wanted) -> UUID:
    """Send a single-use link to a role. An invitation to the same place that waits already is replaced.

    Invalid; NotFound or Forbidden unless the actor decides about people there; TooMany; Refused `role_held_already`,
    `person_erased`.
    """
    wanted = _checked(wanted)
    token, now = secrets.token_urlsafe(TOKEN_BYTES), context.clock.now()
    async with context.db.tx() as connection:
        await must_decide(connection, actor, roles.PLACES[wanted.role], wanted.place)
        await limits.hit(connection, f"invite:{wanted.place}", INVITATIONS_PER_PLACE, DAY_SECONDS)
        await erasures.must_not_be_blocked(connection, wanted.email, "email")
        account = await accounts.by_email(connection, wanted.email)
        held = await accounts.held(connection, account.id) if account else []
        if any(each.place == wanted.place for each in held):
            raise Refused("role_held_already", "email", given=wanted.email)
        new = await people.invite(
            connection,
            wanted.email,
            wanted.name,
            wanted.language,
            wanted.role,
            wanted.place,
            token,
            actor.name,
            now,
        )
        made = await people.invitation(connection, new)
        await people.mail_invitation(connection, made, token, context.settings.base_url)
        await _audit(connection, actor, "person_invited", made.kind, made.place, {"email": made.email}, made.role, new)
    return new


async def resend(context: Context, actor: Actor, invitation: UUID) -> None:
    """A new link instead of the old one. NotFound, Forbidden, TooMany; Refused `invitation_over`."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    async with context.db.tx() as connection:
        made = await _waiting(connection, actor, invitation)
        await limits.hit(connection, f"invite:{made.place}", INVITATIONS_PER_PLACE, DAY_SECONDS)
        await people.renew(connection, made.id, token, context.clock.now())
        await people.mail_invitation(connection, made, token, context.settings.base_url)
        detail = {"email": made.email}
        await _audit(connection, actor, "person_invited", made.kind, made.place, detail, made.role, made.id)


async def revoke(context: Context, actor: Actor, invitation: UUID) -> None:
    """The link opens nothing any more. NotFound, Forbidden; Refused `invitation_over`."""
    async with context.db.tx() as connection:
        made = await _waiting(connection, actor, invitation)
        await people.revoke(connection, made.id, context.clock.now())
        detail = {"email": made.email}
        await _audit(connection, actor, "invitation_revoked", made.kind, made.place, detail, made.role, made.id)


async def look(context: Context, token: str, browser: Browser) -> Shown:
    """What somebody is invited to; nothing has happened yet. Refused `invitation_over`: used, revoked, too old."""
    async with context.db.tx() as connection:
        found = await _followed(context, connection, token, browser)
        account = await accounts.by_email(connection, found.email)
        names = await people.place_names(connection, found.kind, found.place)
    return Shown(found.email, found.name, found.role, found.invited_by, names, account is not None)


async def accept(context: Context, token: str, name: str, browser: Browser) -> Accepted:
    """Give the role to the account of the address, which is made if there is none.

    Who has nothing to sign in with yet is signed in by this; every other account signs in as always, because a mail
    is no proof of its second factor. Refused `invitation_over`; Invalid for a name that cannot be shown.
    """
    now = context.clock.now()
    async with context.db.tx() as connection:
        found = await _followed(context, connection, token, browser)
        account = await accounts.by_email(connection, found.email)
        if account is None:
            account = await _make(connection, found, name)
        await give(connection, account, found, now)
        ways = await factors.ways(connection, account.id)
        bare = not (ways.passkeys or ways.has_password or ways.identities)
        opened = await signing.enter(connection, account, "invitation", False, browser, now) if bare else None
    return Accepted(opened, account.email)


async def change_role(context: Context, actor: Actor, account: UUID, place: UUID, role: str) -> str:
    """Another role in the same place; the one before. NotFound, Forbidden; Refused `role_unknown`, `last_manager`."""
    kind = _place_of(role)
    async with context.db.tx() as connection:
        await must_decide(connection, actor, kind, place)
        person = await _of_place(connection, account, place)
        before = await accounts.give_role(connection, account, role, place, actor.name)
        await _must_leave_somebody(connection, kind, place)
        detail = {"email": person.email, "before": before}
        await _audit(connection, actor, "person_role_changed", kind, place, detail, role, account)
    return before or role


async def remove(context: Context, actor: Actor, account: UUID, kind: Place, place: UUID) -> None:
    """The person has no role there any more; the account stays. NotFound, Forbidden; Refused `last_manager`."""
    async with context.db.tx() as connection:
        await must_decide(connection, actor, kind, place)
        person = await _of_place(connection, account, place)
        role = await accounts.take_role(connection, account, kind, place)
        await _must_leave_somebody(connection, kind, place)
        await _audit(connection, actor, "person_removed", kind, place, {"email": person.email}, role or "", account)


async def must_decide(connection: Connection, actor: Actor, kind: Place, place: UUID) -> None:
    """Does the actor decide about people there? NotFound when they may not know of it, Forbidden otherwise."""
    if kind == "network":
        actor.must_manage(place)
    elif kind == "host":
        if place not in actor.hosts:
            raise NotFound("host", place)
    elif place not in actor.runs:
        networks = await people.networks_of(connection, place)
        if networks & actor.manages:
            return
        if place in actor.acts_for or networks & actor.sees:
            raise Forbidden
        raise NotFound("organisation", place)


async def give(connection: Connection, account: Account, invitation: Invitation, now: Any) -> None:
    """What the invitation is for."""
    await people.accepted(connection, invitation.id, account.id, now)
    by = invitation.invited_by
    await accounts.give_role(connection, account.id, invitation.role, invitation.place, by)
    actor = Actor(account.name, "web", id=account.id)
    detail = {"email": account.email, "invited_by": by}
    kind, place = invitation.kind, invitation.place
    await _audit(connection, actor, "invitation_accepted", kind, place, detail, invitation.role, account.id)


async def _make(connection: Connection, found: Invitation, name: str) -> Account:
    problems: forms.Problems = []
    name = " ".join((name or found.name).split())
    forms.text(problems, "name", name, forms.NAME_MAX)
    if problems:
        raise Invalid(problems)
    await accounts.add(connection, found.email, name, None, found.language)
    account = await accounts.by_email(connection, found.email)
    if account is None:
        raise NotFound("account", found.email)
    return account


async def _followed(context: Context, connection: Connection, token: str, browser: Browser) -> Invitation:
    key = f"invitation:address:{limits.site_of(browser.address)}"
    await limits.hit(connection, key, LOOKS_PER_ADDRESS, WINDOW_SECONDS)
    try:
        found = await people.invitation_of(connection, token)
    except NotFound as error:
        raise Refused("invitation_over", "link") from error
    if found.accepted_at or found.revoked_at or found.expires_at <= context.clock.now():
        raise Refused("invitation_over", "link")
    return found


async def _waiting(connection: Connection, actor: Actor, wanted: UUID) -> Invitation:
    found = await people.invitation(connection, wanted)
    await must_decide(connection, actor, found.kind, found.place)
    if found.accepted_at or found.revoked_at:
        raise Refused("invitation_over", "invitation")
    return found


async def _of_place(connection: Connection, account: UUID, place: UUID) -> Account:
    person = await accounts.get(connection, account)
    if person is None or all(each.place != place for each in await accounts.held(connection, account)):
        raise NotFound("person", account)
    return person


async def _must_leave_somebody(connection: Connection, kind: Place, place: UUID) -> None:
    """Somebody decides about a host and a network always; an organisation's managers can help its people in again."""
    if kind != "organisation" and not await people.somebody_runs(connection, kind, place):
        raise Refused("last_manager", "role")


def _checked(wanted: Wanted) -> Wanted:
    problems: forms.Problems = []
    email, name = wanted.email.strip().lower(), " ".join(wanted.name.split())
    forms.email(problems, "email", email)
    forms.text(problems, "name", name, forms.NAME_MAX, required=False)
    if wanted.role not in roles.PLACES:
        problems.append(("role", "role_unknown", {"given": wanted.role[:30], "known": ", ".join(roles.PLACES)}))
    if wanted.language not in LANGUAGES:
        problems.append(
            ("language", "language_unknown", {"given": wanted.language[:10], "known": ", ".join(LANGUAGES)})
        )
    if problems:
        raise Invalid(problems)
    return msgspec.structs.replace(wanted, email=email, name=name)


def _place_of(role: str) -> Place:
    if role not in roles.PLACES:
        raise Invalid([("role", "role_unknown", {"given": role[:30], "known": ", ".join(roles.PLACES)})])
    return roles.PLACES[role]


async def _audit(
    connection: Connection,
    actor: Actor,
    action: str,
    kind: Place,
    place: UUID,
    detail: dict[str, Any],
    role: str,
    subject: UUID,
) -> None:
    network = place if kind == "network" else None
    organisation = place if kind == "organisation" else None
    await audit.append(connection, actor, action, {**detail, "role": role}, network, organisation, subject)
