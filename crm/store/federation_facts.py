"""What the other system's registers mean here, as facts: decisions about a mirrored membership, answers on links.

Everything that follows is derived from these facts by the rules that derive every other membership, and applied by the
same `apply`. Callers hold the agreement's lock; the family is locked here.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cluster_rules import cascades, federation, member_lists, mirrors
from cluster_rules.federation import Register
from cluster_rules.matching import Identity, domain_of
from cluster_rules.memberships import Decision, Facts
from cluster_rules.mirrors import Told
from crm import forms
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection
from crm.forms import IdentifierForm, OrganisationForm
from crm.listed import Listed
from crm.store import answers, decisions, families, member_identities, organisations
from crm.store import federation_links as links
from crm.store import federation_registers as registers
from crm.store.apply import apply, open_membership
from crm.store.families import PEER
from crm.store.federation import Agreement

_NOBODY = UUID(int=0)


async def hold(connection: Connection, agreement: Agreement, key: str) -> None:
    """Lock the family a key is about, where it is known: before its registers, as every decision here does."""
    organisation = _id(key)
    if agreement.side == "receiving":
        found = await links.link(connection, agreement.id, key)
        organisation = found.organisation_id if found else None
    if organisation and await organisations.name(connection, organisation) is not None:
        await families.lock(connection, organisation)


async def who(connection: Connection, agreement: Agreement, offer: Register, today: date) -> links.Link:
    """Whom an offer is about: known by number, made new, or held for a person. A unit is never guessed (F13)."""
    found = await links.link(connection, agreement.id, offer.key)
    if found and found.organisation_id:
        return found
    form = form_of(offer)
    if form is None or offer.state != "offered":
        return found or links.Link(offer.key, None, "unknown", False)
    await member_identities.lock(connection)
    meant = await _meant(connection, form)
    held = "unit" if offer.body.get("unit") else (meant.why or "alike") if meant.verdict == "held" else ""
    organisation = meant.organisation
    if not held and organisation is None:
        organisation = await organisations.add(connection, form, today)
    if organisation and await links.taken(connection, agreement.id, offer.key, organisation):
        held = "ids_disagree"
    await links.point(connection, agreement.id, offer.key, None if held else organisation, held)
    return links.Link(offer.key, None if held else organisation, held, False)


def form_of(offer: Register) -> OrganisationForm | None:
    """The organisation as the offer describes it, tidied; None when it says nothing of it. Invalid."""
    told = offer.body.get("profile")
    if not isinstance(told, dict):
        return None
    identifiers = [IdentifierForm(**each) for each in told.get("identifiers", ())]
    form = OrganisationForm(
        told["name"], told["country"], told["kind"], None, identifiers, website=told.get("website", "")
    )
    return forms.organisation(form)


async def bring(
    connection: Connection, kept: Catalogue, agreement: Agreement, key: str, today: date, now: datetime
) -> None:
    """Receiving side: have the facts about the membership in their network say what their offer says now."""
    mirror, code = links.mirror_of(kept, agreement), agreement.code
    have = await registers.of(connection, agreement.id, code, [key])
    offer = have.get(("offer", key))
    if mirror is None or offer is None:
        return
    found = await who(connection, agreement, offer, today)
    if found.organisation_id is None:
        await links.decide_as(connection, agreement, offer, "held", found.held, today)
        return
    organisation = found.organisation_id
    family = await families.lock(connection, organisation)
    own = have.get(("decision", key))
    if own and own.grant_no < offer.grant_no:
        await _asked_anew(connection, organisation, mirror.id)
    before = await families.load(connection, kept, family)
    stored = [d for d in before.decisions if (d.organisation, d.network) == (organisation, mirror.slug)]
    wanted = await _wanted(connection, agreement, offer, stored, today)
    gone, new = mirrors.difference(stored, wanted)
    after = before
    if gone or new:
        await _record(connection, agreement, mirror, organisation, before, gone, new, now)
        after = await families.load(connection, kept, family)
    said = cascades.on_offer(before, after, today)
    await apply(connection, kept, before, said.intents, family)
    await links.decide(connection, kept, agreement, key, after, today)


async def heed(connection: Connection, kept: Catalogue, agreement: Agreement, key: str, today: date) -> None:
    """Granting side: their decision as an answer on our link rules, and what follows from it here."""
    mirror = links.mirror_of(kept, agreement)
    organisation = _id(key)
    if mirror is None or organisation is None or await organisations.name(connection, organisation) is None:
        return
    family = await families.lock(connection, organisation)
    before = await families.load(connection, kept, family)
    have = await registers.of(connection, agreement.id, agreement.code, [key])
    wanted = mirrors.peer_answer(have.get(("decision", key)), have.get(("offer", key)))
    source = kept.by_id[agreement.network_id]
    rules = mirrors.federated(kept.rulebooks, source.slug, agreement.code)
    automatic = agreement.agreed.acceptance == "automatic"
    for rule in rules:
        said = [a.answer for a in before.answers if a.peer and _about(a, organisation, source.slug, rule)]
        if (said[-1] if said else None) == wanted or (not said and automatic and wanted == "accepted"):
            continue
        await connection.execute(
            "update link_answer set withdrawn_at = now() where organisation_id = $1 and source_network_id = $2"
            " and rule = $3 and withdrawn_at is null and actor = $4",
            organisation,
            source.id,
            rule,
            PEER + agreement.code,
        )
        if wanted == "declined" or (wanted and not automatic):
            await answers.add(connection, organisation, source.id, rule, wanted, today, PEER + agreement.code)
    after = await families.load(connection, kept, family)
    await apply(connection, kept, before, cascades.on_answer(before, after, today).intents, family)


async def pause(
    connection: Connection, kept: Catalogue, agreement: Agreement, key: str, today: date, now: datetime
) -> None:
    """Granting side: while the agreement is suspended, so is the membership that follows from it."""
    mirror, organisation = links.mirror_of(kept, agreement), _id(key)
    if mirror is None or organisation is None:
        return
    family = await families.lock(connection, organisation)
    before = await families.load(connection, kept, family)
    key_of = (organisation, mirror.slug)
    stored = [d for d in before.decisions if (d.organisation, d.network) == key_of]
    if not any((g.organisation, g.network) == key_of for g in before.grants):
        return
    wanted = [Told("suspension", p.start, "", p.end) for p in agreement.paused]
    gone, new = mirrors.difference(stored, wanted)
    if gone or new:
        await _record(connection, agreement, mirror, organisation, before, gone, new, now)
        after = await families.load(connection, kept, family)
        await apply(connection, kept, before, cascades.on_offer(before, after, today).intents, family)


async def alike(connection: Connection, form: OrganisationForm) -> list[Identity]:
    """Organisations here that share a number, a name or a web domain with this description."""
    row = Listed("", form.name, form.country, "", form.kind, website=form.website, identifiers=form.identifiers)
    ids = (await member_identities.candidates(connection, {0: row}))[0]
    known = await member_identities.known(connection, ids)
    return [known[i].identity for i in ids if i in known]


async def _meant(connection: Connection, form: OrganisationForm) -> member_lists.Meant:
    """Whom this description means, by the same rules as a row of a partner's own list."""
    row = Listed("", form.name, form.country, "", form.kind, website=form.website, identifiers=form.identifiers)
    found = await alike(connection, form)
    asked = Identity(_NOBODY, form.name, form.country, row.pairs, None, domain_of(form.website))
    units = await member_identities.main_units(connection, [asked, *found])
    return member_lists.who(asked, None, found, {}, units)


async def _wanted(
    connection: Connection, agreement: Agreement, offer: Register, stored: Sequence[Decision], today: date
) -> tuple[Told, ...]:
    """The decisions that the offer stands for, cut where the agreement or the lease ended."""
    stretches = federation.stretches(offer)
    if stretches is None:  # erased or lost there: it ends here today, and what was before stays
        kept = [t for d in stored if (t := mirrors.as_told(d)) and t.on < today]
        stands = bool(kept) and kept[-1].kind != "ending"
        return (*kept, Told("ending", today)) if stands else tuple(kept)
    ends = [agreement.ended_on] if agreement.ended_on else []
    found = await links.link(connection, agreement.id, offer.key)
    if found and found.stale and (applied := await links.applied_on(connection, agreement.id, offer.key)):
        ends.append(federation.valid_until(agreement.matched_on, applied, agreement.agreed.lease_days))
    return mirrors.told(stretches, min(ends, default=None), agreement.paused)


async def _record(
    connection: Connection,
    agreement: Agreement,
    mirror: NetworkRow,
    organisation: UUID,
    facts: Facts,
    gone: Sequence[UUID],
    new: Sequence[Told],
    now: datetime,
) -> None:
    membership = await open_membership(connection, organisation, mirror.id)
    for each in gone:
        await decisions.withdraw(connection, each, agreement.actor)
    moment = families.moment(facts, now)
    for at, each in enumerate(new):
        recorded = moment + timedelta(microseconds=at)
        made = Decision(
            uuid4(), organisation, mirror.slug, each.kind, each.on, recorded, each.tier, each.until, agreement.code
        )
        await decisions.record(connection, membership, made, agreement.actor)


async def _asked_anew(connection: Connection, organisation: UUID, mirror: UUID) -> None:
    """A fresh offer is decided anew: what was said about the one before it does not count (docs/federation.md)."""
    await connection.execute(
        "update link_answer set withdrawn_at = now() where organisation_id = $1 and source_network_id = $2"
        " and withdrawn_at is null",
        organisation,
        mirror,
    )


def _about(answer: Any, organisation: UUID, source: str, rule: str) -> bool:
    return (answer.organisation, answer.source, answer.rule) == (organisation, source, rule)


def _id(key: str) -> UUID | None:
    try:
        return UUID(key)
    except ValueError:
        return None
