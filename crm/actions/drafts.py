"""An applicant's own part of an application: save a step, ask for access, answer a question, withdraw.

The link's token is the right to do it; only its hash is stored. Everything may come twice: a double
click, two tabs and the back button leave one draft and one mail.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import applications as rules
from cluster_rules import fees
from cluster_rules.errors import RuleViolation
from cluster_rules.periods import Period
from crm import catalogue, forms, steps, terms
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused, TooMany
from crm.forms import IdentifierForm
from crm.steps import Answers, Typed
from crm.store import applications, audit, drafts, limits, mail, organisations
from crm.store.mail import Outgoing, Recipient

APPLICANT = Actor("applicant", "web")
HOUR = 3600
DAY = 24 * HOUR
STARTS_PER_SITE = 30  # drafts an hour from one network address
LOOKUPS_PER_SITE = 60  # register numbers an hour from one network address
ACCESS_PER_SITE = 5  # requests for access an hour from one network address
ACCESS_PER_DRAFT = 3  # different people who may ask through one draft
RESUME_MAILS_PER_DRAFT = 3
RESUME_MAILS_PER_EMAIL = 5  # a day: nobody's mailbox is filled by others
# Names go into mails to people who did not ask for them: no addresses in there.
_ADDRESS = re.compile(r"[/@:\\]|www\.", re.IGNORECASE)


class Draft(msgspec.Struct, frozen=True):
    """Which draft: the network in the address, the secret of the link, where the request comes from."""

    network: str
    token: str
    language: str
    address: str = ""


class Saved(msgspec.Struct, frozen=True):
    """What to show next: a step, or "status" when the application is sent already.

    `known`: the organisation of the step just saved is registered already.
    """

    next_step: str
    known: bool = False


async def save(context: Context, draft: Draft, step: str, typed: Typed, version: int) -> Saved:
    """Keep one step's answers. The first step makes the draft.

    Invalid names every problem of the step; Refused `version_stale` when another tab has saved other
    answers to the same step since this one was opened; nothing is overwritten then.
    """
    async with context.db.tx() as connection:
        kept, network = await _network(connection, draft)
        await drafts.hold(connection, draft.token)
        row = await _row(connection, draft, network)
        if row and row.status != "draft":
            return Saved("status")
        if row is None and step != "level":
            raise NotFound("application", "token")
        before: Answers = row.answers if row else {}
        today = context.clock.today(network.zone)
        shown = await terms.current(connection, kept, network, today)
        tier = shown.book.tier(row.tier) if row else None
        answers = steps.read(step, typed, before, tier, shown.version)
        _may_apply(kept, network, answers, context)
        row = row or await _start(connection, draft, network, answers)
        part = steps.part_of(step, before)
        changed = part != steps.part_of(step, answers)
        if changed and part is not None and version != row.version:
            raise Refused("version_stale", "version", given=version, current=row.version)
        if changed:
            await applications.save(connection, row.id, answers, answers["tier"], draft.language)
        known = step == "organisation" and await _known(connection, draft, answers)
        if step == "contact":
            await _mail_link(connection, context, network, draft, row.id, answers)
        return Saved(steps.first_missing(answers, shown.version), known)


async def ask_access(context: Context, draft: Draft, name: str, email: str) -> None:
    """Somebody asks to act for the organisation of this draft: its main contact and the network's managers are told.

    The answer is the same whoever that is. Asking twice tells them once.
    """
    name, email = _asker(name, email)
    async with context.db.tx() as connection:
        _, network = await _network(connection, draft)
        await drafts.hold(connection, draft.token)
        row = await _row(connection, draft, network)
        identifiers = row.answers.get("organisation", {}).get("identifiers", []) if row else []
        organisation = await organisations.find(connection, [IdentifierForm(**i) for i in identifiers])
        if row is None or organisation is None:
            raise NotFound("application", "token")
        asked: list[str] = row.answers.get(steps.ASKED, [])
        if email in asked:
            return
        await limits.hit(connection, f"access:{limits.site_of(draft.address)}", ACCESS_PER_SITE, HOUR)
        if len(asked) >= ACCESS_PER_DRAFT:
            raise TooMany(HOUR)
        await drafts.note(connection, row.id, steps.ASKED, [*asked, email])
        values = {"organisation": row.answers["organisation"]["name"], "asker_name": name, "asker_email": email}
        await mail.queue(connection, await _access_mails(connection, network, organisation, values))
        await audit.append(connection, APPLICANT, "access_requested", {}, network.id, organisation, row.id)


async def answer(context: Context, token: str, text: str) -> None:
    """Answer the manager's question; the application goes back into the queue."""
    problems: forms.Problems = []
    forms.text(problems, "answer", text, forms.NOTE_MAX)
    if problems:
        raise Invalid(problems)
    await _tell_managers(context, token, ("info_needed",), "sent", "answer", "application_answered", text.strip())


async def withdraw(context: Context, token: str) -> None:
    """Take an application back that is not decided yet. Withdrawing twice is fine."""
    await _tell_managers(context, token, drafts.OPEN, "withdrawn", "withdrawn", "application_withdrawn", "")


async def _tell_managers(
    context: Context, token: str, when: Sequence[str], status: str, event: str, kind: str, note: str
) -> None:
    """The applicant moves a sent application on; in any other state there is nothing left to do."""
    async with context.db.tx() as connection:
        row = await applications.by_token(connection, token, lock=True)
        if row.status not in when:
            return
        kept = await catalogue.load(connection)
        network = kept.by_id[row.network_id]
        who = row.answers["contact"]["name"]
        await applications.decide(connection, row.id, status, who)
        await applications.add_event(connection, row.id, event, who, note)
        page = f"{context.settings.base_url}/n/{network.slug}/applications/{row.id}"
        given = {"reference": row.reference, "note": note, "link": page}
        mails = [
            Outgoing(kind, manager, _named(row.answers, network, manager) | given, network.id, row.organisation_id)
            for manager in (await mail.managers_of(connection, [network.id])).get(network.id, [])
        ]
        await mail.queue(connection, mails)
        await audit.append(connection, APPLICANT, kind, {}, network.id, row.organisation_id, row.id)


def _named(answers: Answers, network: NetworkRow, to: Recipient) -> dict[str, Any]:
    name = network.names.get(to.language, network.slug)
    return {"organisation": answers["organisation"]["name"], "network": name}


async def _network(connection: Connection, draft: Draft) -> tuple[Catalogue, NetworkRow]:
    kept = await catalogue.load(connection)
    if draft.network not in kept.by_slug:
        raise NotFound("network", draft.network)
    return kept, kept.by_slug[draft.network]


async def _row(connection: Connection, draft: Draft, network: NetworkRow) -> applications.Row | None:
    """The draft behind the link; None when there is none yet, NotFound when it is another network's."""
    try:
        row = await applications.by_token(connection, draft.token, lock=True)
    except NotFound:
        return None
    if row.network_id != network.id:
        raise NotFound("application", "token")
    return row


async def _start(connection: Connection, draft: Draft, network: NetworkRow, answers: Answers) -> applications.Row:
    await limits.hit(connection, f"start:{limits.site_of(draft.address)}", STARTS_PER_SITE, HOUR)
    made = await applications.start(connection, network.id, answers["tier"], draft.language, draft.token)
    return await applications.get(connection, made)


def _may_apply(kept: Catalogue, network: NetworkRow, answers: Answers, context: Context) -> None:
    """Refuse, as soon as it is known, what sending would refuse; the problem is named where it can be changed."""
    today = context.clock.today(network.zone)
    book = kept.book(network.slug, today)
    tier = book.tier(answers["tier"])
    organisation = answers["organisation"]
    kinds = tier.open_to.kinds if tier else ()
    kind = organisation.get("kind") or (kinds[0] if kinds else "company")
    countries = tier.open_to.countries if tier else ()
    country = organisation.get("country") or (countries[0] if countries else steps.HOME)
    told = steps.told(organisation)
    profile = msgspec.structs.replace(told, period=Period(today), kind=kind, country=country)
    found = rules.may_apply(book, answers["tier"], profile, today)
    if organisation["employees"] is None and steps.size_matters(book, found):
        raise Invalid([("employees", "employees_missing", {})])
    try:
        fees.yearly(book, found, profile, book.period.containing(today, today), day=today, since=today)
    except RuleViolation as violation:
        if violation.code in steps.TOLD_BY_APPLICANT:
            raise Invalid([(steps.field_of(book, found, violation), "size_missing", {})]) from violation


async def _known(connection: Connection, draft: Draft, answers: Answers) -> bool:
    """Is the organisation registered already? Looking up is counted: nobody may try all numbers."""
    identifiers = [IdentifierForm(**i) for i in answers["organisation"]["identifiers"]]
    if not identifiers:
        return False
    await limits.hit(connection, f"lookup:{limits.site_of(draft.address)}", LOOKUPS_PER_SITE, HOUR)
    return await organisations.find(connection, identifiers) is not None


async def _mail_link(
    connection: Connection, context: Context, network: NetworkRow, draft: Draft, wanted: UUID, answers: Answers
) -> None:
    """The link to carry on, once to each address. The mail belongs to no network: managers must not see the secret."""
    email = answers["contact"]["email"]
    mailed: list[str] = answers.get(steps.MAILED, [])
    if email in mailed or len(mailed) >= RESUME_MAILS_PER_DRAFT:
        return
    try:
        key = sha256(email.encode()).hexdigest()
        await limits.hit(connection, f"resume:{key}", RESUME_MAILS_PER_EMAIL, DAY)
    except TooMany:
        return  # the draft is saved all the same; only the mail is left out
    await drafts.note(connection, wanted, steps.MAILED, [*mailed, email])
    link = f"{context.settings.base_url}/{draft.language}/join/resume/{draft.token}"
    values = {"network": network.names.get(draft.language, network.slug), "link": link}
    await mail.queue(connection, [Outgoing("draft_resume", Recipient(email, "", draft.language), values)])


def _asker(name: str, email: str) -> tuple[str, str]:
    """Who asks, tidied; Invalid with all that is wrong."""
    problems: forms.Problems = []
    try:
        checked = steps.read("contact", {"contact_name": name, "email": email}, {}, None, 0)["contact"]
    except Invalid as invalid:
        problems, checked = invalid.problems, {"name": name, "email": email}
    if _ADDRESS.search(name):
        problems.append(("contact_name", "name_with_address", {}))
    if problems:
        raise Invalid(problems)
    return checked["name"], checked["email"]


async def _access_mails(
    connection: Connection, network: NetworkRow, organisation: UUID, values: dict[str, Any]
) -> list[Outgoing]:
    def letter(to: Recipient, role: str) -> Outgoing:
        named = values | {"network": network.names.get(to.language, network.slug), "to": role}
        return Outgoing("access_requested", to, named, network.id, organisation)

    contact = await drafts.main_contact(connection, organisation)
    managers = (await mail.managers_of(connection, [network.id])).get(network.id, [])
    return ([letter(contact, "member")] if contact else []) + [letter(m, "managers") for m in managers]
