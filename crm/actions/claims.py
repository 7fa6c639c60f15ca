"""A person says they act for an organisation that is a member, and shows where they get their mail.

An address at the domain of the organisation's own site is let in at once (the first one as administrator); every
other one waits for a manager's decision. Nobody is told whether an organisation or an address is known.
"""

import secrets
from datetime import timedelta
from uuid import UUID

import msgspec

from cluster_rules.errors import RuleViolation
from crm import catalogue, forms, identifiers, mail_domains, roles
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.letters import compose
from crm.store import accounts, audit, erasures, factors, limits, mail, people, signing
from crm.store.accounts import Account, secret_hash
from crm.store.mail import Outgoing, Recipient
from crm.store.signing import Browser, SignedIn

LASTS = timedelta(hours=24)
ASKS_PER_ADDRESS = 20
ASKS_PER_EMAIL = 5
WINDOW_SECONDS = 15 * 60
NOTE_MAX = 500


class ClaimForm(msgspec.Struct, frozen=True):
    """Who says they act for which organisation, named by its number."""

    scheme: str
    value: str
    name: str
    email: str
    note: str = ""


class Asked(msgspec.Struct, frozen=True):
    """A link was followed: which organisation, for whom."""

    organisation: str
    name: str
    email: str


class Outcome(msgspec.Struct, frozen=True):
    """`joined`: the role is given; otherwise the claim waits. `opened`: signed in by it; None: sign in as always."""

    joined: bool
    organisation: str
    opened: SignedIn | None
    email: str


async def ask(context: Context, form: ClaimForm, language: str, browser: Browser) -> None:
    """Send a link to the address, if the organisation is there. Invalid names what cannot be; TooMany."""
    form, value = _checked(form)
    secret = secrets.token_urlsafe(accounts.TOKEN_BYTES)
    async with context.db.tx() as connection:
        site = limits.site_of(browser.address)
        await limits.hit(connection, f"claim:address:{site}", ASKS_PER_ADDRESS, WINDOW_SECONDS)
        await limits.hit(connection, f"claim:email:{secret_hash(form.email)}", ASKS_PER_EMAIL, WINDOW_SECONDS)
        found = await people.organisation_known_by(connection, form.scheme, value)
        values = {"link": f"{context.settings.base_url}/claim/{secret}", "organisation": found[1] if found else ""}
        if found is None:
            compose("claim_link", language, {"recipient_name": form.name, **values})
            return
        data = {
            "organisation": str(found[0]),
            "name": form.name,
            "email": form.email,
            "note": form.note,
            "language": language,
        }
        await factors.open_step(connection, "claim", data, context.clock.now(), LASTS, None, secret)
        await mail.queue(connection, [Outgoing("claim_link", Recipient(form.email, form.name, language), values)])


async def look(context: Context, secret: str) -> Asked:
    """What the link is about; nothing has happened yet. Refused `link_over`."""
    async with context.db.tx() as connection:
        found = await factors.step_of_secret(connection, "claim", secret, context.clock.now())
        organisation = await people.organisation(connection, UUID(found.data["organisation"])) if found else None
    if found is None or organisation is None:
        raise Refused("link_over", "link")
    return Asked(organisation[1], found.data["name"], found.data["email"])


async def confirm(context: Context, secret: str, browser: Browser) -> Outcome:
    """The address is the person's: they join, or their claim waits for a decision. Refused `link_over`."""
    now = context.clock.now()
    async with context.db.tx() as connection:
        found = await factors.step_of_secret(connection, "claim", secret, now)
        organisation = await people.organisation(connection, UUID(found.data["organisation"])) if found else None
        if found is None or organisation is None:
            raise Refused("link_over", "link")
        await factors.close_step(connection, found.token_hash)
        await erasures.returned(connection, found.data["email"], "came", "", "", now)
        account = await _account(connection, found.data)
        wanted, name, website = organisation
        held = {each.place for each in await accounts.held(connection, account.id)}
        joined = wanted in held or mail_domains.speaks_for(account.email, website)
        actor = Actor(account.name, "web", id=account.id)
        ways = await factors.ways(connection, account.id)
        bare = not (ways.passkeys or ways.has_password or ways.identities)
        if joined and wanted not in held:
            role = await _role(connection, wanted)
            await accounts.give_role(connection, account.id, role, wanted, account.name)
        elif not joined:
            await people.claim(connection, wanted, account.id, found.data["note"], now)
            await _tell_managers(context, connection, wanted, name, account)
        opened = await signing.enter(connection, account, "link", False, browser, now) if bare else None
        detail = {"email": account.email, "joined": joined}
        await audit.append(connection, actor, "organisation_claimed", detail, None, wanted, account.id)
    return Outcome(joined, name, opened, account.email)


async def decide(context: Context, actor: Actor, claim: UUID, approved: bool, role: str = "") -> None:
    """Yes, in this role, or no; the person is told. NotFound, Forbidden; Refused `claim_over`; Invalid."""
    role = role or roles.ORGANISATION_MEMBER
    if role not in roles.of("organisation"):
        raise Invalid([("role", "role_unknown", {"given": role[:30], "known": ", ".join(roles.of("organisation"))})])
    now = context.clock.now()
    async with context.db.tx() as connection:
        found = await people.get_claim(connection, claim)
        await _must_decide(connection, actor, found.organisation_id, claim)
        account = await accounts.get(connection, found.account_id)
        organisation = await people.organisation(connection, found.organisation_id)
        if account is None or organisation is None:
            raise NotFound("claim", claim)
        if found.decided_at is not None:
            raise Refused("claim_over", "claim")
        await people.decide_claim(connection, found.id, approved, actor.name, now)
        if approved:
            await accounts.give_role(connection, account.id, role, organisation[0], actor.name)
        values = {
            "organisation": organisation[1],
            "approved": approved,
            "link": f"{context.settings.base_url}/sign-in",
        }
        to = Recipient(account.email, account.name, account.language)
        await mail.queue(connection, [Outgoing("claim_decided", to, values, None, organisation[0])])
        detail = {"email": account.email, "approved": approved, "role": role}
        await audit.append(connection, actor, "claim_decided", detail, None, organisation[0], account.id)


async def _tell_managers(
    context: Context, connection: Connection, organisation: UUID, name: str, account: Account
) -> None:
    """Everybody who may decide hears of it; the claim waits under People."""
    kept = await catalogue.load(connection)
    networks = sorted(await people.networks_of(connection, organisation), key=str)
    letters = []
    for network, listed in (await mail.managers_of(connection, networks)).items():
        slug, names = kept.by_id[network].slug, kept.by_id[network].names
        for to in listed:
            values = {
                "organisation": name,
                "network": names.get(to.language, ""),
                "from_name": account.name,
                "from_email": account.email,
                "link": f"{context.settings.base_url}/n/{slug}/people",
            }
            letters.append(Outgoing("claim_arrived", to, values, network, organisation))
    await mail.queue(connection, letters)


async def _must_decide(connection: Connection, actor: Actor, organisation: UUID, claim: UUID) -> None:
    if organisation in actor.runs:
        return
    networks = await people.networks_of(connection, organisation)
    if not networks & actor.manages:
        raise Forbidden if networks & actor.sees else NotFound("claim", claim)


async def _account(connection: Connection, data: dict[str, str]) -> Account:
    await accounts.add(connection, data["email"], data["name"], None, data["language"])
    account = await accounts.by_email(connection, data["email"])
    if account is None:
        raise NotFound("account", data["email"])
    return account


async def _role(connection: Connection, organisation: UUID) -> str:
    """The first one runs it; who comes later is given more by them."""
    first = not await people.has_admin(connection, organisation)
    return roles.ORGANISATION_ADMIN if first else roles.ORGANISATION_MEMBER


def _checked(form: ClaimForm) -> tuple[ClaimForm, str]:
    problems: forms.Problems = []
    email, name = form.email.strip().lower(), " ".join(form.name.split())
    note = form.note.replace("\r\n", "\n").strip()
    forms.text(problems, "name", name, forms.NAME_MAX)
    forms.email(problems, "email", email)
    forms.text(problems, "note", note.replace("\n", " "), NOTE_MAX, required=False)
    value = ""
    try:
        value = identifiers.normalise(form.scheme, form.value)
    except RuleViolation as error:
        problems.append(("value", error.code, error.params))
    if problems:
        raise Invalid(problems)
    return msgspec.structs.replace(form, email=email, name=name, note=note), value
