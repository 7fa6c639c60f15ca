"""A member's entry in the directory: its texts, who sees what, opting out, who is named, and the network's word on it.

What makes less visible (opting out, a tighter level, a withdrawn consent) holds at once, always. New texts wait for a
manager where a network of its own wants to read them first; until then the ones before stay.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import listings as rules
from crm import catalogue, directory_words, forms, logos
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.i18n import LANGUAGES, TIME_ZONE
from crm.store import audit, limits, listings, mail, organisations
from crm.store.listings import Standing
from crm.store.mail import Outgoing, Recipient

SUMMARY_MAX = 600
CHOICES_MAX = 8
LETTER_MAX = 2000
LETTERS_PER_ADDRESS = 5  # from one household or firm, an hour
LETTERS_PER_MEMBER = 20
WINDOW_SECONDS = 3600
CONSENT_VERSION = max(directory_words.CONSENTS)
_KNOWN = {
    "fields": directory_words.FIELDS,
    "offers": directory_words.OFFERS,
    "seeks": directory_words.OFFERS,
    "languages": directory_words.LANGUAGES,
}


class ListingForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a member tells of itself: {nb, en} texts, codes (crm/directory_words.py), {network: {field: level}}."""

    summary: dict[str, str] = {}
    fields: list[str] = []
    offers: list[str] = []
    seeks: list[str] = []
    languages: list[str] = []
    visibility: dict[str, dict[str, str]] = {}


class LetterForm(msgspec.Struct, frozen=True):
    """A message to a member whose address is not shown."""

    name: str
    email: str
    text: str


async def save(context: Context, actor: Actor, organisation: UUID, form: ListingForm) -> str:
    """Publish the texts, or lay them before a manager: "published" or "waiting". Invalid names what cannot be."""
    form = _checked(form)
    async with context.db.tx() as connection:
        before = await listings.lock(connection, organisation)
        standings = await _must(connection, context, actor, organisation)
        form = _only_own_networks(actor, organisation, form, before, standings)
        rules.check(form.visibility, [each.slug for each in standings])
        waits = _waits(actor, standings)
        waiting = await listings.waiting(connection, organisation)
        body = msgspec.to_builtins(form) | {name: waiting[name] for name in ("logo",) if name in waiting}
        state = "waiting" if waits else "published"
        published = {"visibility": body["visibility"]} if waits else body
        if waits:  # what is not read yet is seen by nobody, but what is hidden is hidden now
            published = {"visibility": _tighter(standings, before.visibility, form.visibility)}
        await listings.put(connection, organisation, published, _today(context), actor.name)
        wanted = await listings.add_change(connection, organisation, body, state, actor.name, actor.channel)
        changed = {k: [getattr(before, k), v] for k, v in body.items() if v != getattr(before, k)}
        told = {"state": state, "fields": sorted(changed), "changes": changed}
        await audit.append(connection, actor, "listing_saved", told, None, organisation, wanted)
    return state


async def set_logo(context: Context, actor: Actor, organisation: UUID, content: bytes) -> str:
    """Another logo, or (no bytes) none: "published", or "waiting" where a network looks first.

    Taking a logo away never waits. Refused `logo_large`, `logo_kind`, `logo_broken`, `logo_size`.
    """
    logo = logos.read(content) if content else None
    async with context.db.tx() as connection:
        before = await listings.lock(connection, organisation)
        standings = await _must(connection, context, actor, organisation)
        waiting = await listings.waiting(connection, organisation)
        given = {"logo": logo.hash if logo else ""}
        state = "waiting" if logo and _waits(actor, standings) else "published"
        if logo:
            await listings.add_logo(connection, organisation, logo, actor.name)
        if state == "published":
            await listings.put(connection, organisation, given, _today(context), actor.name)
        if state == "waiting" or "logo" in waiting:
            body = (waiting or {}) | given
            await listings.add_change(connection, organisation, body, "waiting", actor.name, actor.channel)
        kept = given["logo"] if state == "published" else before.logo
        await listings.drop_logos(connection, organisation, [kept, given["logo"]])
        told = {"state": state, "fields": ["logo"]}
        await audit.append(connection, actor, "listing_saved", told, None, organisation)
    return state


async def load(context: Context, actor: Actor, rows: Sequence[tuple[UUID, ListingForm]]) -> int:
    """Texts that come with imported members, for those who have told nothing yet; how many. Invalid: nothing stored."""
    told = [(organisation, msgspec.to_builtins(_checked(form))) for organisation, form in rows]
    async with context.db.tx() as connection:
        done = await listings.put_many(connection, told, _today(context), actor.name)
        await audit.append(connection, actor, "listings_imported", {"listings": done})
    return done


async def set_listed(context: Context, actor: Actor, organisation: UUID, listed: bool) -> None:
    """Opt out of the directory, or come back to it; never waits for anybody."""
    async with context.db.tx() as connection:
        await _must(connection, context, actor, organisation)
        await listings.put(connection, organisation, {"listed": listed}, _today(context), actor.name)
        action = "listing_opted_in" if listed else "listing_opted_out"
        await audit.append(connection, actor, action, {}, None, organisation)


async def restrict(context: Context, actor: Actor, organisation: UUID, why: str | None) -> None:
    """A manager takes a member out of the directory and its counts (`why`), or lets it back in (None)."""
    if why is not None and not why.strip():
        raise Refused("required", "reason")
    async with context.db.tx() as connection:
        standings = await listings.standings(connection, organisation, _today(context))
        actor.must_manage_all({s.network_id for s in standings} & actor.sees, "organisation", organisation)
        await listings.restrict(connection, organisation, why, _today(context), actor.name)
        told = {"reason": why} if why else {}
        action = "listing_restricted" if why else "listing_unrestricted"
        await audit.append(connection, actor, action, told, None, organisation)


async def decide(context: Context, actor: Actor, wanted: UUID, approve: bool, reason: str = "") -> None:
    """A manager of one of its networks publishes texts that wait, or declines them and says why."""
    async with context.db.tx() as connection:
        change = await listings.change(connection, wanted)
        if change is None:
            raise NotFound("listing_change", wanted)
        standings = await listings.standings(connection, change.organisation_id, _today(context))
        if not {each.network_id for each in standings} & actor.sees:
            raise NotFound("listing_change", wanted)
        if not {each.network_id for each in standings} & actor.manages:
            raise Forbidden
        if change.state != "waiting":
            raise Refused("listing_decided", "id")
        if not approve and not reason.strip():
            raise Refused("required", "reason")
        if approve:
            await listings.put(connection, change.organisation_id, change.body, _today(context), actor.name)
        await listings.decide(connection, wanted, "published" if approve else "declined", reason.strip(), actor.name)
        action = "listing_published" if approve else "listing_declined"
        told = {"reason": reason.strip()} if reason.strip() else {}
        await _tell(context, connection, change.organisation_id, approve, reason.strip())
        await audit.append(connection, actor, action, told, None, change.organisation_id, wanted)


async def agree(context: Context, actor: Actor, organisation: UUID, contact: UUID) -> None:
    """A contact person agrees to be named in the directory (`CONSENT_VERSION` of the text)."""
    async with context.db.tx() as connection:
        await _must(connection, context, actor, organisation)
        if not await listings.agree(connection, organisation, contact, CONSENT_VERSION, actor.name):
            raise NotFound("contact", contact)
        told = {"text_version": CONSENT_VERSION}
        await audit.append(connection, actor, "listing_person_agreed", told, None, organisation, contact)


async def withdraw(context: Context, actor: Actor, organisation: UUID, contact: UUID) -> None:
    """The person is named no more, from now on."""
    async with context.db.tx() as connection:
        if organisation not in actor.acts_for:  # (any of its own people may: less is seen then)
            await _must(connection, context, actor, organisation)
        if not await listings.withdraw(connection, organisation, contact, actor.name):
            raise NotFound("contact", contact)
        await audit.append(connection, actor, "listing_person_withdrew", {}, None, organisation, contact)


async def set_policy(
    context: Context, actor: Actor, network: UUID, moderated: bool, visibility: Mapping[str, str]
) -> None:
    """Whether a network reads texts first, and what of its members is seen where they have not said otherwise."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        slug = kept.by_id[network].slug
        rules.check({slug: visibility}, [slug])
        await listings.set_policy(connection, network, moderated, visibility, actor.name)
        told = {"moderated": moderated, "visibility": dict(visibility)}
        await audit.append(connection, actor, "directory_policy", told, network)


async def write(context: Context, slug: str, form: LetterForm, address: str) -> str:
    """Send a message to a member by the address it has with us, which is not shown; the member's name.

    NotFound when nobody of that address is in the directory; Invalid; TooMany.
    """
    text = form.text.replace("\r\n", "\n").strip()
    problems: forms.Problems = []
    forms.text(problems, "name", form.name, forms.NAME_MAX)
    forms.text(problems, "text", text, LETTER_MAX)
    forms.email(problems, "email", form.email)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        found = await listings.shown(connection, slug)
        if found is None:
            raise NotFound("organisation", slug)
        organisation, name = found
        await limits.hit(connection, f"letter:{limits.site_of(address)}", LETTERS_PER_ADDRESS, WINDOW_SECONDS)
        await limits.hit(connection, f"letter:{organisation}", LETTERS_PER_MEMBER, WINDOW_SECONDS)
        contact = (await mail.contacts_of(connection, [organisation])).get(organisation)
        if contact:
            sender = {"from_name": " ".join(form.name.split()), "from_email": form.email.strip()}
            values = {"organisation": name, **sender, "text": text}
            to = Recipient(contact.email, contact.name, contact.language)
            await mail.queue(connection, [Outgoing("directory_letter", to, values, None, organisation)])
    return name


async def turn(context: Context, day: date) -> int:
    """Bring the directory to a day, when one has come; how many members look otherwise on it."""
    async with context.db.tx() as connection:
        return await listings.turn(connection, day)


def _today(context: Context) -> date:
    return context.clock.today(TIME_ZONE)


async def _must(connection: Connection, context: Context, actor: Actor, organisation: UUID) -> list[Standing]:
    """Who runs the organisation may, and who manages a network of it; NotFound or Forbidden for others."""
    standings = await listings.standings(connection, organisation, _today(context))
    if organisation not in actor.runs and not {each.network_id for each in standings} & actor.manages:
        if {each.network_id for each in standings} & actor.sees:
            raise Forbidden
        actor.must_run(organisation)
    return standings


def _waits(actor: Actor, standings: list[Standing]) -> bool:
    """Does one of its own networks, whose manager this is not, read first?"""
    return any(each.moderated and each.own and each.network_id not in actor.manages for each in standings)


def _only_own_networks(
    actor: Actor, organisation: UUID, form: ListingForm, before: listings.Stored, standings: list[Standing]
) -> ListingForm:
    """A manager says who sees what in his networks; what the member said for others stays."""
    if organisation in actor.runs:
        return form
    ours = {each.slug for each in standings if each.network_id in actor.manages}
    said = {slug: fields for slug, fields in before.visibility.items() if slug not in ours}
    return msgspec.structs.replace(form, visibility=said | {s: f for s, f in form.visibility.items() if s in ours})


async def _tell(context: Context, connection: Connection, organisation: UUID, approved: bool, reason: str) -> None:
    """Who speaks for the member hears what became of its new texts."""
    contact = (await mail.contacts_of(connection, [organisation])).get(organisation)
    if contact:
        name = await organisations.name(connection, organisation)
        link = f"{context.settings.base_url}/my/{organisation}/entry"
        values = {"organisation": name, "approved": approved, "reason": reason, "link": link}
        to = Recipient(contact.email, contact.name, contact.language)
        await mail.queue(connection, [Outgoing("listing_decided", to, values, None, organisation)])


def _tighter(standings: list[Standing], before: rules.Said, wanted: rules.Said) -> dict[str, dict[str, str]]:
    """Of two words on who sees what, the one that lets fewer see, field by field."""
    networks = {each.slug: each.visibility for each in standings}
    out: dict[str, dict[str, str]] = {slug: dict(fields) for slug, fields in before.items()}
    for slug, fields in wanted.items():
        for field, level in fields.items():
            if rules.LEVELS.index(level) < rules.LEVELS.index(rules.level(field, slug, before, networks)):
                out.setdefault(slug, {})[field] = level
    return out


def _checked(form: ListingForm) -> ListingForm:
    """The form tidied; Invalid names every field that is wrong."""
    problems: forms.Problems = []
    for language, text in form.summary.items():
        if language not in LANGUAGES:
            problems.append((f"summary.{language}", "listing_code_unknown", {"given": language}))
        else:
            forms.text(problems, f"summary.{language}", text, SUMMARY_MAX, required=False)
    for name, known in _KNOWN.items():
        given: list[str] = getattr(form, name)
        wrong = sorted(set(given) - set(known))
        if wrong:
            problems.append((name, "listing_code_unknown", {"given": ", ".join(wrong)[:100]}))
        elif len(given) > CHOICES_MAX:
            problems.append((name, "listing_too_many", {"most": CHOICES_MAX}))
    if problems:
        raise Invalid(problems)
    tidy: dict[str, Any] = {name: list(dict.fromkeys(getattr(form, name))) for name in _KNOWN}
    summary = {language: " ".join(text.split()) for language, text in form.summary.items() if text.strip()}
    return msgspec.structs.replace(form, summary=summary, **tidy)
