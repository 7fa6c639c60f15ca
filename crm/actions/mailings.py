"""Mails to many members: written, looked at, tried on oneself, sent once to each, and ended by who wants no more.

*Information* is part of a membership and goes to every chosen contact; a *newsletter* only to those who agreed to it,
and each of its mails can be answered with one click that ends it (RFC 8058).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID, uuid4

import msgspec

from crm import catalogue, forms, merge_fields, names
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.forms import Problems
from crm.i18n import LANGUAGES, Translator, translator
from crm.letters import Letter, compose
from crm.store import audit, mail, mailings
from crm.store.mail import Outgoing, Recipient
from crm.store.mailings import ContactRole, Purpose, Somebody, Stored, Values, Words

FIELDS = ("organisation", "contact", "level", "network", "joined", "fee", "balance", "next_due", "link:my")
SUBJECT_MAX, TEXT_MAX = 200, 10_000
MEMBERS_MAX = 20_000
BATCH = 50  # mails written in one transaction
MAILS_A_MINUTE = 120  # of one mailing: a mail server is not flooded, and a mistake can be stopped
DASH = "–"


class MailingForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mailing as it is asked for; `members` are ids of memberships. Texts by language, with merge fields."""

    name: str
    subject: dict[str, str]
    text: dict[str, str]
    members: list[UUID] = []
    purpose: Purpose = "information"
    contact_role: ContactRole = "primary"


class Looked(msgspec.Struct, frozen=True):
    """Who gets it, who does not and why (a code), and what the first of them (or the member asked for) would read."""

    people: tuple[Somebody, ...]
    left_out: tuple[Somebody, ...]
    sample: Letter | None
    reader: Somebody | None


async def make(context: Context, actor: Actor, network: UUID, form: MailingForm) -> UUID:
    """Write a draft; its id. Forbidden; Invalid names the field, and an unknown merge field by its name."""
    actor.must_manage(network)
    words = _checked(form)
    async with context.db.tx() as connection:
        new = await mailings.add(connection, network, words, actor)
        detail = {"title": words.name, "members": len(words.members)}
        await audit.append(connection, actor, "mailing_made", detail, network, None, new)
    return new


async def change(context: Context, actor: Actor, wanted: UUID, form: MailingForm) -> None:
    """A draft says something else. Refused `mailing_begun` once it is sent."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, wanted, draft=True)
        words = _checked(msgspec.structs.replace(form, members=list(found.words.members)))
        await mailings.change(connection, wanted, words)


async def look(context: Context, actor: Actor, wanted: UUID, organisation: UUID | None = None) -> Looked:
    """What sending would do, and a mail as a real member would read it; nothing is sent."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, wanted)
        kept = await catalogue.load(connection)
        network = kept.by_id[found.network_id]
        today = context.clock.today(network.zone)
        everybody = await mailings.somebody(connection, network.id, found.words, today)
        people = tuple(each for each in everybody if not each.reason)
        reader = next((e for e in people if e.organisation_id == organisation), None) or next(iter(people), None)
        sample = None
        if reader:
            known = await mailings.values_of(connection, network.id, [reader.organisation_id], today)
            recipient = Recipient(reader.email, reader.name, reader.language)
            told = _letter(context, kept, network, found.words, recipient, known[reader.organisation_id])
            sample = compose("mailing", reader.language, {"recipient_name": reader.name, **told})
        return Looked(people, tuple(each for each in everybody if each.reason), sample, reader)


async def try_it(context: Context, actor: Actor, wanted: UUID, email: str, language: str) -> None:
    """Send one mail, with a real member's values, to the person who asks. Refused `mailing_nobody`."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, wanted)
        kept = await catalogue.load(connection)
        network = kept.by_id[found.network_id]
        today = context.clock.today(network.zone)
        everybody = await mailings.somebody(connection, network.id, found.words, today)
        reader = next((each for each in everybody if not each.reason), None)
        if reader is None:
            raise Refused("mailing_nobody", "members")
        known = await mailings.values_of(connection, network.id, [reader.organisation_id], today)
        me = Recipient(email, actor.name, language)
        told = _letter(context, kept, network, found.words, me, known[reader.organisation_id])
        await mail.queue(connection, [Outgoing("mailing", me, told, network.id)])


async def send(context: Context, actor: Actor, wanted: UUID, expected: int | None = None) -> int:
    """Begin sending; to how many. Refused `mailing_begun`, `mailing_nobody`, and `mailing_changed` when others would
    get it than the sender has seen (`expected` of them)."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, wanted, draft=True)
        kept = await catalogue.load(connection)
        today = context.clock.today(kept.by_id[found.network_id].zone)
        everybody = await mailings.somebody(connection, found.network_id, found.words, today)
        people = [each for each in everybody if not each.reason]
        if not people:
            raise Refused("mailing_nobody", "members")
        if expected is not None and expected != len(people):
            raise Refused("mailing_changed", "members", count=len(people), given=expected)
        reasons = [each.reason for each in everybody if each.reason]
        left_out = {reason: reasons.count(reason) for reason in sorted(set(reasons))}
        await mailings.begin(connection, found, people, left_out, actor)
        detail = {"title": found.words.name, "recipients": len(people), "left_out": left_out}
        await audit.append(connection, actor, "mailing_begun", detail, found.network_id, None, wanted)
    return len(people)


async def stop(context: Context, actor: Actor, wanted: UUID) -> None:
    """Send no more of it: who has no mail yet gets none, and mails that wait for their turn are cancelled."""
    async with context.db.tx() as connection:
        found = await _own(connection, actor, wanted)
        if found.status in ("sending", "sent"):
            await mailings.end(connection, wanted, "stopped")
            detail = {"title": found.words.name}
            await audit.append(connection, actor, "mailing_stopped", detail, found.network_id, None, wanted)


async def work(context: Context, wanted: UUID) -> None:
    """The job: write the mails of a mailing, some at a time. A mail and the note that it is written are one
    transaction, so that however often this is killed and begun again nobody gets two."""
    while await _batch(context, wanted):
        pass


async def _batch(context: Context, wanted: UUID) -> bool:
    async with context.db.tx() as connection:
        found = await mailings.lock(connection, wanted)
        if found is None or found.status != "sending":
            return False
        rows = await mailings.waiting(connection, wanted, BATCH)
        if not rows:
            await mailings.end(connection, wanted, "sent")
            return False
        kept = await catalogue.load(connection)
        network = kept.by_id[found.network_id]
        today = context.clock.today(network.zone)
        known = await mailings.values_of(connection, network.id, [row.organisation_id for row in rows], today)
        done, begun = await mailings.so_far(connection, wanted)
        out, written = [], []
        for place, row in enumerate(rows):
            token = mailings.new_token() if found.words.purpose == "newsletter" else ""
            person = Recipient(row.email, row.name, row.language)
            values = _letter(context, kept, network, found.words, person, known[row.organisation_id], token)
            after = begun + timedelta(minutes=(done + place) // MAILS_A_MINUTE)
            link = values["unsubscribe"]
            out.append(
                Outgoing("mailing", person, values, network.id, row.organisation_id, after, uuid4(), unsubscribe=link)
            )
            written.append((row.row_id, out[-1].id, token))
        await mail.queue(connection, out)
        await mailings.queued(connection, written)
    return True


async def save_template(context: Context, actor: Actor, network: UUID, form: MailingForm) -> UUID:
    """Keep the texts under a name, to begin other mailings with."""
    actor.must_manage(network)
    words = _checked(form)
    async with context.db.tx() as connection:
        told = {"name": words.name, "subject": words.subject, "text": words.text}
        new = await mailings.save_template(connection, network, told, actor.name)
        await audit.append(connection, actor, "mail_template_saved", {"title": words.name}, network, None, new)
    return new


async def drop_template(context: Context, actor: Actor, network: UUID, wanted: UUID) -> None:
    """Forget a template. Mailings that were made with it stay."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        name = await mailings.drop_template(connection, network, wanted)
        if name is None:
            raise NotFound("template", wanted)
        await audit.append(connection, actor, "mail_template_deleted", {"title": name}, network, None, wanted)


async def reader_of(context: Context, token: str) -> tuple[UUID, str]:
    """(network, address) of who holds the token that ends a newsletter. NotFound."""
    async with context.db.tx() as connection:
        found = await mailings.reader_of(connection, token)
    if found is None or not found[2] or found[2].startswith("forgotten:"):
        raise NotFound("newsletter", "")
    return found[0], found[2]


async def unsubscribe(context: Context, token: str) -> UUID:
    """End a network's newsletter for the address the token was sent to; the network. Twice is once. NotFound."""
    network, email = await reader_of(context, token)
    async with context.db.tx() as connection:
        if await mailings.choose(connection, network, email, False, "member", email):
            by = Actor(email, "member")
            await audit.append(connection, by, "newsletter_ended", {"email": email}, network)
    return network


async def _own(connection: Connection, actor: Actor, wanted: UUID, draft: bool = False) -> Stored:
    found = await mailings.lock(connection, wanted)
    if found is None or found.network_id not in actor.sees:
        raise NotFound("mailing_id", wanted)
    actor.must_manage(found.network_id)
    if draft and found.status != "draft":
        raise Refused("mailing_begun", "mailing_id")
    return found


def _checked(form: MailingForm) -> Words:
    """The mailing with texts in both languages: who wrote only one says it to everybody."""
    problems: Problems = []
    forms.text(problems, "name", form.name, forms.NAME_MAX)
    for field, given, most in (("subject", form.subject, SUBJECT_MAX), ("text", form.text, TEXT_MAX)):
        if not any(given.get(language, "").strip() for language in LANGUAGES):
            problems.append((f"{field}.nb", "required", {}))
        for language, text in given.items():
            if language not in LANGUAGES:
                known = ", ".join(LANGUAGES)
                problems.append((field, "language_unknown", {"given": language[:10], "known": known}))
                continue
            forms.text(problems, f"{field}.{language}", text.replace("\r\n", "\n"), most, required=False)
            merge_fields.check(problems, f"{field}.{language}", text, FIELDS)
    if len(form.members) > MEMBERS_MAX:
        problems.append(("members", "too_many", {"limit": MEMBERS_MAX}))
    if problems:
        raise Invalid(problems)
    members = tuple(dict.fromkeys(form.members))
    subject, text = _both(form.subject), _both(form.text)
    return Words(" ".join(form.name.split()), form.purpose, form.contact_role, members, subject, text)


def _both(given: Mapping[str, str]) -> dict[str, str]:
    told = {language: given.get(language, "").replace("\r\n", "\n").strip() for language in LANGUAGES}
    return {language: text or next(filter(None, told.values())) for language, text in told.items()}


def _letter(
    context: Context,
    kept: Catalogue,
    network: NetworkRow,
    words: Words,
    to: Recipient,
    known: Values,
    token: str = "",
) -> dict[str, str]:
    """What the template `mailing` takes, for one recipient."""
    t = translator(to.language)
    fields = _fields(context, t, kept, network, to, known)
    return {
        "network": fields["network"],
        "subject": " ".join(merge_fields.filled(words.subject[to.language], fields).split()),
        "text": merge_fields.filled(words.text[to.language], fields),
        "unsubscribe": f"{context.settings.base_url}/unsubscribe/{token}" if token else "",
    }


def _fields(
    context: Context, t: Translator, kept: Catalogue, network: NetworkRow, to: Recipient, known: Values
) -> dict[str, str]:
    def day(value: date | None) -> str:
        return t.date(value) if value else DASH

    return {
        "organisation": known.organisation,
        "contact": to.name,
        "level": names.tier_name(t, kept, network.slug, known.tier) if known.tier else DASH,
        "network": t.text(network.names),
        "joined": day(known.joined),
        "fee": t.money(known.fee, known.currency) if known.fee is not None else DASH,
        "balance": t.money(known.balance, known.currency),
        "next_due": day(known.next_due),
        "link:my": f"{context.settings.base_url}/my",
    }
