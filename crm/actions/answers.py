"""Accept or decline a link: the member's word, or that of the network it leads to. Taken back, the former word counts.

What was declined stays declined, whatever is derived later (peers.md 2.5 item 10); a rule where the target decides
gives nothing before it has accepted (item 11). The family is locked, and everything follows in one transaction.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules import outcomes
from cluster_rules.cascades import Consequences, on_answer
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Answer, Facts
from crm import catalogue
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, NotFound
from crm.store import answers, audit, families, federation_links, federation_offers
from crm.store.apply import apply

LONGEST_BACKDATING_DAYS = 3660
LONGEST_AHEAD_DAYS = 3660
SCOPE = "links"
MOST_LOOKED_AT, MOST_SHOWN = 200, 50


class Word(msgspec.Struct, frozen=True):
    """The word on a link rule of `network` (its slug), about an organisation; it counts from `on`."""

    organisation: UUID
    network: str
    rule: str
    answer: Literal["accepted", "declined"]
    on: date


class Waiting(msgspec.Struct, frozen=True):
    """A link that waits for a word: whose, and by which rule of which network."""

    organisation: UUID
    name: str
    network: str
    rule: str
    rule_names: dict[str, str]


class Given(msgspec.Struct, frozen=True):
    """The word's id, and the memberships it touched."""

    id: UUID
    memberships: tuple[UUID, ...]


async def preview(context: Context, actor: Actor, word: Word) -> tuple[Catalogue, Consequences]:
    """What the word would do; nothing is stored."""
    async with context.db.tx() as connection:
        kept, _, facts, today = await _find(connection, context, actor, word, lock=False)
        return kept, on_answer(facts, answers.with_answer(facts, _answer(word)), today)


async def give(context: Context, actor: Actor, word: Word) -> Given:
    """Store the word and everything that follows from it.

    NotFound `organisation`, `network`, `rule`; Forbidden when the actor manages neither of the two networks;
    RuleViolation `date_out_of_range`, `answer_same`.
    """
    async with context.db.tx() as connection:
        kept, family, facts, today = await _find(connection, context, actor, word, lock=True)
        return Given(*await answers.count(connection, kept, family, facts, _answer(word), today, actor))


async def take_back(context: Context, actor: Actor, wanted: UUID) -> Given:
    """The word does not count any more. NotFound when it was taken back before."""
    async with context.db.tx() as connection:
        stored = await answers.one(connection, wanted)
        kept = await catalogue.load(connection)
        word = Word(stored.organisation_id, kept.by_id[stored.network_id].slug, stored.rule, "declined", stored.on)
        _, family, facts, today = await _find(connection, context, actor, word, lock=True)
        await answers.one(connection, wanted)  # nobody else did so meanwhile
        await answers.withdraw(connection, wanted)
        after = await families.load(connection, kept, family)
        applied = await apply(connection, kept, facts, on_answer(facts, after, today).intents, family)
        await federation_links.answered(connection, kept, word.organisation, word.network, after, today)
        await federation_offers.settle(connection, kept, family, {word.network})
        detail = {"rule": stored.rule, "answer": stored.answer, "on": stored.on.isoformat()}
        await audit.append(
            connection, actor, "link_answer_withdrawn", detail, stored.network_id, stored.organisation_id, wanted
        )
        return Given(wanted, tuple(applied.memberships.values()))


async def waiting(context: Context, actor: Actor, target: UUID) -> list[Waiting]:
    """Whose links wait for the word of the network they lead to, by today's rules; the first of them."""
    actor.must_manage(target)
    out: list[Waiting] = []
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        there = kept.by_id[target]
        today = context.clock.today(there.zone)
        for source in kept.networks:
            book = kept.rulebooks.governing(source.slug, today, today)
            for rule in book.link_rules if book else ():
                if rule.grants.network != there.slug or rule.policy.acceptance != "target_decides":
                    continue
                tiers = rule.when.tiers
                rows = await answers.unanswered(connection, source.id, rule.code, tiers, today, MOST_LOOKED_AT)
                some = list(dict.fromkeys(family for _, _, family in rows))  # an entity and its units are one
                loaded = dict(zip(some, await families.load_many(connection, kept, some), strict=True))
                for organisation, name, family in rows:
                    found = outcomes.of_day(loaded[family], organisation, today, there.slug)
                    if any(o.rule == rule.code and o.held_back == "acceptance" for o in found):
                        out.append(Waiting(organisation, name, source.slug, rule.code, rule.names))
    return out[:MOST_SHOWN]


async def _find(
    connection: Connection, context: Context, actor: Actor, word: Word, lock: bool
) -> tuple[Catalogue, UUID, Facts, date]:
    kept = await catalogue.load(connection)
    source, target, acceptance = _networks(kept, word)
    if acceptance == "target_decides" and target.id in actor.reads and not {source.id, target.id} & actor.manages:
        actor.must_write(target.id, SCOPE)  # the word of the target's own system
    elif not {source.id, target.id} & actor.manages:
        if {source.id, target.id} & actor.reads:
            raise Forbidden
        raise NotFound("network", word.network)
    take: Callable[..., object] = families.lock if lock else families.of
    family = await take(connection, word.organisation)
    facts = await families.load(connection, kept, family)
    today = context.clock.today(target.zone)
    earliest, latest = today - timedelta(LONGEST_BACKDATING_DAYS), today + timedelta(LONGEST_AHEAD_DAYS)
    if not earliest <= word.on <= latest:
        raise RuleViolation("date_out_of_range", "on", given=word.on, earliest=earliest, latest=latest)
    return kept, family, facts, today


def _networks(kept: Catalogue, word: Word) -> tuple[NetworkRow, NetworkRow, str]:
    """The network whose rule it is, the one it leads to, and who accepts."""
    source = kept.by_slug.get(word.network)
    books = kept.rulebooks.of(word.network) if source else ()
    rule = next((rule for book in reversed(books) if (rule := book.link_rule(word.rule))), None)
    if source is None:
        raise NotFound("network", word.network)
    if rule is None:
        raise NotFound("rule", word.rule)
    return source, kept.network(rule.grants.network), rule.policy.acceptance


def _answer(word: Word) -> Answer:
    return Answer(word.organisation, word.network, word.rule, word.answer, word.on)
