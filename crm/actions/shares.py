"""What an agreement discloses: its terms, what members say to them, and the log of what was given to whom (ADR 0023).

The network whose members they are decides the terms. New terms are a new version, and everything that follows from
them (who is told of now, in which fields, who is told to be gone) is in the same transaction.
"""

from contextlib import suppress
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules.applications import LATEST_START_DAYS
from cluster_rules.errors import RuleViolation
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.share_sentences import BASES, FIELDS, PERSONS
from crm.store import audit, shares
from crm.store.shares import Stored, Terms

CONTACT_FIELDS = ("contact_name", "contact_email")
OBJECTABLE = ("legitimate_interest", "public_task")  # GDPR 21(1)
RETENTION_DAYS_MAX = 3660
LANGUAGES = ("en", "nb")
Said = Literal["consents", "objects", "erased"]


class Outcome(msgspec.Struct, frozen=True):
    """What changed: `disclosed` members in all now, `told` of (new or otherwise than before), told to be `gone`.

    `version` is the newest of the terms, `starts_on` its first day; before that day nothing changes.
    """

    agreement: str
    version: int
    starts_on: date
    disclosed: int
    told: int
    gone: int


async def set_terms(
    context: Context, actor: Actor, agreement: str, network: str, wanted: Terms, reason: str = ""
) -> Outcome:
    """New terms for what this network discloses; the same ones again change nothing.

    NotFound, Forbidden, Invalid, and RuleViolation `agreement_ended`, `date_out_of_range`.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        found = await _found(connection, actor, kept, agreement, network)
        today = context.clock.today(kept.by_id[found.network].zone)
        wanted = _checked(kept, found, wanted, reason, today)
        since = await shares.mark(connection)
        if found.terms != wanted:
            version = found.version + 1
            await shares.add_terms(connection, found.id, version, wanted, reason.strip(), actor.name)
            await shares.turn(connection, context.clock.now(), [found.network])
            disclosed, told, gone = await shares.told_since(connection, found.id, since)
            detail = {"agreement": agreement, "network": network, "version": version, "reason": reason.strip()}
            detail |= msgspec.to_builtins(wanted) | {"disclosed": disclosed, "told": told, "gone": gone}
            for party in (found.network, found.to_network):
                await audit.append(connection, actor, "disclosure_terms", detail, party, None, found.id)
            return Outcome(agreement, version, wanted.starts_on, disclosed, told, gone)
        disclosed, _, _ = await shares.told_since(connection, found.id, since)
        return Outcome(agreement, found.version, wanted.starts_on, disclosed, 0, 0)


async def preview(
    context: Context, actor: Actor, agreement: str, network: str, wanted: Terms, reason: str = ""
) -> Outcome:
    """What those terms would do; nothing is stored. Refused as `set_terms` would refuse them."""
    found: list[Outcome] = []
    with suppress(_LookedAt):
        async with context.db.tx():
            found.append(await set_terms(context, actor, agreement, network, wanted, reason))
            raise _LookedAt
    return found[0]


class _LookedAt(Exception):
    """Takes back what was done to see what it does."""


async def choose(
    context: Context,
    actor: Actor,
    agreement: str,
    network: str,
    organisation: UUID,
    choice: Said,
    contact: bool = False,
    reason: str = "",
) -> bool:
    """A member consents or objects to being disclosed (`contact`: to its contact being), or is erased there.

    Said by who acts for the organisation, or kept by a manager of its network. False: it had said so already.
    NotFound, Invalid, and RuleViolation `choice_not_open` when the legal basis in force leaves no choice.
    """
    async with context.db.tx() as connection:
        found = await _chosen(connection, actor, agreement, network, organisation)
        problems: forms.Problems = []
        forms.text(problems, "reason", reason, forms.NOTE_MAX, required=False)
        if problems:
            raise Invalid(problems)
        await _must_be_open(connection, found, choice, contact)
        who = await _contact(connection, organisation) if contact else None
        said = shares.Choice(found.id, organisation, who, choice, reason.strip())
        if not await shares.choose(connection, said, actor.name):
            return False
        detail = {"agreement": agreement, "network": network, "choice": choice, "contact": contact}
        detail |= {"reason": reason.strip()}
        await audit.append(connection, actor, "disclosure_choice", detail, found.network, organisation, found.id)
        return True


async def take_back(
    context: Context, actor: Actor, agreement: str, network: str, organisation: UUID, contact: bool = False
) -> bool:
    """What was said holds no more. False: nothing was said. An erasure is not taken back."""
    async with context.db.tx() as connection:
        found = await _chosen(connection, actor, agreement, network, organisation)
        who = await _contact(connection, organisation) if contact else None
        if not await shares.take_back(connection, found.id, organisation, who, actor.name):
            return False
        detail = {"agreement": agreement, "network": network, "contact": contact}
        action = "disclosure_choice_withdrawn"
        await audit.append(connection, actor, action, detail, found.network, organisation, found.id)
        return True


async def log_reading(
    context: Context, actor: Actor, disclosure: UUID, kind: str, span: tuple[str, str], members: int
) -> None:
    """Keep that this key is being given members, from position to position (`span`); before the answer is sent.

    An answer with nobody in it discloses nothing and is not kept.
    """
    if members:
        async with context.db.tx() as connection:
            await shares.log(connection, disclosure, actor.id, actor.name, kind, span, members)


async def _found(connection: Connection, actor: Actor, kept: Catalogue, agreement: str, network: str) -> Stored:
    """The direction of the agreement, for who manages the network whose members are told of."""
    ours = kept.by_slug.get(network)
    found = await shares.find(connection, agreement, ours.id) if ours else None
    if found is None or not {found.network, found.to_network} & actor.sees:
        raise NotFound("code", agreement)
    if found.network not in actor.manages:
        raise Forbidden
    return found


async def _chosen(connection: Connection, actor: Actor, agreement: str, network: str, organisation: UUID) -> Stored:
    kept = await catalogue.load(connection)
    ours = kept.by_slug.get(network)
    found = await shares.find(connection, agreement, ours.id) if ours else None
    if found is None or not (found.network in actor.sees or organisation in actor.acts_for):
        raise NotFound("code", agreement)
    if not await shares.is_member(connection, found.network, organisation):
        raise NotFound("organisation_id", organisation)
    if found.network not in actor.manages and organisation not in actor.acts_for:
        raise Forbidden
    return found


async def _contact(connection: Connection, organisation: UUID) -> UUID:
    found = await shares.main_contact(connection, organisation)
    if found is None:
        raise NotFound("contact", organisation)
    return found


async def _must_be_open(connection: Connection, found: Stored, choice: str, contact: bool) -> None:
    """A contact may always say yes or no; an organisation where the basis is consent, or may be objected to."""
    _, basis = await shares.in_force(connection, found.id)
    open_to = {"consents": ("consent",), "objects": ("consent", *OBJECTABLE), "erased": (basis,)}
    if contact and choice != "erased":
        return
    if contact or basis not in open_to[choice]:
        raise Refused("choice_not_open", "choice")


def _checked(kept: Catalogue, found: Stored, wanted: Terms, reason: str, today: date) -> Terms:
    """Whole and possible, each list in its own order; else what is wrong, field by field."""
    problems: forms.Problems = []
    books = kept.rulebooks.of(kept.by_id[found.network].slug)
    levels = tuple(dict.fromkeys(tier.code for book in reversed(books) for tier in book.tiers))
    known = {
        "fields": (wanted.fields, tuple(FIELDS)),
        "tiers": (wanted.tiers, levels),
        "legal_basis": ((wanted.legal_basis,), tuple(BASES)),
        "persons_basis": ((wanted.persons_basis,), tuple(PERSONS)),
    }
    for field, (given, choices) in known.items():
        problems += [(field, "value_unknown", {"message": each[:40]}) for each in given if each not in choices]
    if not wanted.persons_basis and any(each in wanted.fields for each in CONTACT_FIELDS):
        problems.append(("persons_basis", "persons_basis_missing", {}))
    for field, words in (("purpose", wanted.purpose), ("legal_words", wanted.legal_words)):
        problems += [(field, "language_unknown", {"given": each[:10], "known": ", ".join(LANGUAGES)})
                     for each in words if each not in LANGUAGES]  # fmt: skip
        for language in LANGUAGES:
            text = words.get(language, "")
            forms.text(problems, f"{field}.{language}", text, forms.NOTE_MAX, required=field == "purpose")
    if not 0 <= wanted.retention_days <= RETENTION_DAYS_MAX:
        problems.append(("retention_days", "number_out_of_range", {"least": 0, "most": RETENTION_DAYS_MAX}))
    forms.text(problems, "reason", reason, forms.NOTE_MAX, required=False)
    if problems:
        raise Invalid(problems)
    if found.ends_on is not None and found.ends_on <= today:
        raise RuleViolation("agreement_ended", "code", on=found.ends_on)
    wanted = msgspec.structs.replace(
        wanted,
        fields=tuple(each for each in FIELDS if each in wanted.fields),
        tiers=tuple(each for each in levels if each in wanted.tiers),
        purpose={name: wanted.purpose[name].strip() for name in LANGUAGES if wanted.purpose.get(name)},
        legal_words={name: wanted.legal_words[name].strip() for name in LANGUAGES if wanted.legal_words.get(name)},
    )
    latest = today + timedelta(days=LATEST_START_DAYS)
    if found.terms != wanted and not today <= wanted.starts_on <= latest:
        raise RuleViolation("date_out_of_range", "starts_on", given=wanted.starts_on, earliest=today, latest=latest)
    return wanted
