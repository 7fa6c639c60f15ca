"""A linked membership's network acknowledges it, or objects: at once where it decides itself, else a person decides.

The word of the network's own system, by its key. An objection to a link that comes by itself is held for somebody who
manages the network, with what declining would do; acknowledging takes an open objection back.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.cascades import Consequences, on_answer
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Answer
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound, Refused
from crm.store import answers, audit, decisions, families, link_receipts
from crm.store.link_receipts import Link, Receipt

SCOPE = "links"
LONGEST_DAYS = 3660


class Objection(msgspec.Struct, frozen=True):
    """Why the network does not want the link, and from which day it should not count (None: today)."""

    reason: str
    on: date | None = None
    grant: UUID | None = None


async def acknowledge(context: Context, actor: Actor, membership: UUID, grant: UUID | None = None) -> list[UUID]:
    """Received: one linked grant, or all behind the membership. Saying it twice is harmless.

    NotFound `membership_id`; ScopeMissing; RuleViolation `not_linked`.
    """
    async with context.db.tx() as connection:
        kept, links = await _links(connection, context, actor, membership, grant)
        made = [await _acknowledge(connection, context, kept, actor, link) for link in links]
        for link, (receipt, new) in zip(links, made, strict=True):
            if new:
                await _audit(connection, actor, link, "link_acknowledged", {}, receipt)
        return [receipt for receipt, _ in made]


async def object_to(context: Context, actor: Actor, membership: UUID, objection: Objection) -> UUID:
    """The network does not want it. The same objection again is harmless.

    Where its rule lets the network decide, the link is declined at once. NotFound, ScopeMissing; Invalid `reason`;
    RuleViolation `not_linked`, `grant_ambiguous`, `date_out_of_range`.
    """
    problems: forms.Problems = []
    forms.text(problems, "reason", objection.reason, forms.NOTE_MAX)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        kept, links = await _links(connection, context, actor, membership, objection.grant)
        if len(links) > 1:
            raise RuleViolation("grant_ambiguous", "grant_id")
        (link,) = links
        on = objection.on or context.clock.today(kept.by_id[link.network_id].zone)
        _in_range(on, context.clock.today(kept.by_id[link.network_id].zone))
        reason = objection.reason.strip()
        before = await link_receipts.newest(connection, link.grant_id)
        if before and before.word == "objected" and not before.outcome:
            if (before.reason, before.on_date) == (reason, on):
                return before.id
            await link_receipts.close(connection, before.id, "withdrawn", "", actor)
        answer = None
        if _decides(kept, link):
            answer = await _decline(connection, context, kept, actor, link, on)
        made = await link_receipts.add(connection, link, "objected", reason, on, actor, answer)
        detail = {"reason": reason, "on": on.isoformat(), "declined": answer is not None}
        await _audit(connection, actor, link, "link_objected", detail, made)
        return made


async def preview(context: Context, actor: Actor, receipt: UUID) -> tuple[Catalogue, Consequences, Receipt]:
    """What declining the link because of this objection would do; nothing is stored."""
    async with context.db.tx() as connection:
        found = await _open(connection, actor, receipt)
        kept = await catalogue.load(connection)
        facts = await families.load(connection, kept, await families.of(connection, found.organisation_id))
        today = context.clock.today(kept.by_id[found.network_id].zone)
        after = answers.with_answer(facts, _answer(kept, found))
        return kept, on_answer(facts, after, today), found


async def decide(context: Context, actor: Actor, receipt: UUID, decline: bool, note: str = "") -> None:
    """A person of the network decides an objection: the link is declined, or stands and the sender is told why.

    NotFound; Refused `objection_closed`; Invalid `note`.
    """
    problems: forms.Problems = []
    forms.text(problems, "note", note, forms.NOTE_MAX, required=not decline)
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        found = await _open(connection, actor, receipt)
        kept = await catalogue.load(connection)
        link = Link(
            *(found.grant_id, found.membership_id, found.network_id, found.source_network_id, found.organisation_id),
            *(found.rule, 0),
        )
        answer = await _declined(connection, context, kept, actor, link, found.on_date) if decline else None
        outcome = "declined" if decline else "dismissed"
        await link_receipts.close(connection, receipt, outcome, note.strip(), actor, answer)
        await _audit(connection, actor, link, "objection_decided", {"outcome": outcome, "note": note.strip()}, receipt)


async def _open(connection: Connection, actor: Actor, receipt: UUID) -> Receipt:
    found = await link_receipts.lock(connection, receipt)
    if found.network_id not in actor.manages:
        if {found.network_id, found.source_network_id} & actor.sees:
            raise Forbidden
        raise NotFound("receipt_id", receipt)
    if found.word != "objected" or found.outcome:
        raise Refused("objection_closed", "receipt_id")
    return found


async def _links(
    connection: Connection, context: Context, actor: Actor, membership: UUID, grant: UUID | None
) -> tuple[Catalogue, list[Link]]:
    kept = await catalogue.load(connection)
    try:
        organisation, slug = await decisions.membership(connection, kept, membership)
        network = kept.network(slug)
        actor.must_write(network.id, SCOPE)
    except NotFound as error:
        raise NotFound("membership_id", membership) from error
    await families.lock(connection, organisation)
    links = await link_receipts.links(connection, membership, context.clock.today(network.zone))
    links = [link for link in links if grant is None or link.grant_id == grant]
    if not links:
        raise RuleViolation("not_linked", "grant_id" if grant else "membership_id")
    return kept, links


async def _acknowledge(
    connection: Connection, context: Context, kept: Catalogue, actor: Actor, link: Link
) -> tuple[UUID, bool]:
    before = await link_receipts.newest(connection, link.grant_id)
    if before and before.word == "acknowledged":
        return before.id, False
    if before and not before.outcome:
        await link_receipts.close(connection, before.id, "withdrawn", "", actor)
    today = context.clock.today(kept.by_id[link.network_id].zone)
    return await link_receipts.add(connection, link, "acknowledged", "", today, actor), True


def _decides(kept: Catalogue, link: Link) -> bool:
    """Does the rule that made the link let its target decide?"""
    books = kept.rulebooks.of(kept.by_id[link.source_network_id].slug)
    book = next((b for b in books if b.version == link.version), books[-1])
    rule = book.link_rule(link.rule)
    return rule is not None and rule.policy.acceptance == "target_decides"


async def _decline(
    connection: Connection, context: Context, kept: Catalogue, actor: Actor, link: Link, on: date
) -> UUID:
    family = await families.lock(connection, link.organisation_id)
    facts = await families.load(connection, kept, family)
    today = context.clock.today(kept.by_id[link.network_id].zone)
    answer = Answer(link.organisation_id, kept.by_id[link.source_network_id].slug, link.rule, "declined", on)
    made, _ = await answers.count(connection, kept, family, facts, answer, today, actor)
    return made


async def _declined(
    connection: Connection, context: Context, kept: Catalogue, actor: Actor, link: Link, on: date
) -> UUID | None:
    """As `_decline`; None when it was declined otherwise meanwhile."""
    try:
        return await _decline(connection, context, kept, actor, link, on)
    except RuleViolation as refusal:
        if refusal.code != "answer_same":
            raise
        return None


def _answer(kept: Catalogue, found: Receipt) -> Answer:
    source = kept.by_id[found.source_network_id].slug
    return Answer(found.organisation_id, source, found.rule, "declined", found.on_date)


def _in_range(on: date, today: date) -> None:
    earliest, latest = today - timedelta(days=LONGEST_DAYS), today + timedelta(days=LONGEST_DAYS)
    if not earliest <= on <= latest:
        raise RuleViolation("date_out_of_range", "on", given=on, earliest=earliest, latest=latest)


async def _audit(
    connection: Connection, actor: Actor, link: Link, action: str, detail: dict[str, Any], receipt: UUID
) -> None:
    """Both networks have it in their trail."""
    told = {"rule": link.rule, "membership": str(link.membership_id), **detail}
    for network in (link.network_id, link.source_network_id):
        await audit.append(connection, actor, action, told, network, link.organisation_id, receipt)
