"""Answers to links: accepted or declined, stored for good. A later word counts more; one taken back does not count."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from cluster_rules.cascades import on_answer
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Answer, Facts
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound
from crm.store import audit, federation_links, federation_offers
from crm.store.apply import apply


class Stored(msgspec.Struct, frozen=True):
    """A word on a link rule of `network` (the source), about an organisation, from a day."""

    id: UUID
    organisation_id: UUID
    network_id: UUID
    rule: str
    answer: str
    on: date
    actor: str
    recorded_at: datetime


_ROW = (
    "select id, organisation_id, source_network_id as network_id, rule, answer, on_date as on, actor, recorded_at"
    " from link_answer where withdrawn_at is null and"
)


async def add(
    connection: Connection, organisation: UUID, network: UUID, rule: str, answer: str, on: date, actor: str
) -> UUID:
    """Store a word; its id, to take it back with."""
    made = uuid4()
    await connection.execute(
        "insert into link_answer (id, organisation_id, source_network_id, rule, answer, on_date, actor, recorded_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())",
        made,
        organisation,
        network,
        rule,
        answer,
        on,
        actor,
    )
    return made


async def count(
    connection: Connection, kept: Catalogue, family: UUID, facts: Facts, answer: Answer, today: date, actor: Actor
) -> tuple[UUID, tuple[UUID, ...]]:
    """Store a word with everything that follows from it; (its id, the memberships it touched). The family is locked.

    RuleViolation `answer_same`.
    """
    key = (answer.organisation, answer.source, answer.rule)
    said = [a for a in facts.answers if (a.organisation, a.source, a.rule) == key and a.on <= answer.on]
    if said and said[-1].answer == answer.answer:
        raise RuleViolation("answer_same", "answer")
    source = kept.network(answer.source).id
    made = await add(connection, answer.organisation, source, answer.rule, answer.answer, answer.on, actor.name)
    after = with_answer(facts, answer)
    applied = await apply(connection, kept, facts, on_answer(facts, after, today).intents, family)
    await federation_links.answered(connection, kept, answer.organisation, answer.source, after, today)
    await federation_offers.settle(connection, kept, family, {answer.source})
    detail = {"rule": answer.rule, "answer": answer.answer, "on": answer.on.isoformat()}
    await audit.append(connection, actor, "link_answered", detail, source, answer.organisation, made)
    return made, tuple(applied.memberships.values())


def with_answer(facts: Facts, answer: Answer) -> Facts:
    """The facts as if it had been said."""
    listed = sorted((*facts.answers, answer), key=lambda a: a.on)
    return msgspec.structs.replace(facts, answers=tuple(listed))


async def one(connection: Connection, wanted: UUID) -> Stored:
    """A word that counts; NotFound for one that was taken back."""
    row = await connection.fetchrow(f"{_ROW} id = $1", wanted)
    if row is None:
        raise NotFound("answer", wanted)
    return Stored(**dict(row))


async def of_organisation(connection: Connection, organisation: UUID) -> list[Stored]:
    """Every word that counts about an organisation, the newest first."""
    rows = await connection.fetch(f"{_ROW} organisation_id = $1 order by recorded_at desc", organisation)
    return [Stored(**dict(row)) for row in rows]


async def withdraw(connection: Connection, wanted: UUID) -> None:
    """Take a word back: what was before it counts again."""
    await connection.execute("update link_answer set withdrawn_at = now() where id = $1", wanted)


async def unanswered(
    connection: Connection, network: UUID, rule: str, tiers: Sequence[str], on: date, limit: int
) -> list[tuple[UUID, str, UUID]]:
    """(organisation, name, family) of members of `network` at these levels (none: any) of whom no word counts yet."""
    rows = await connection.fetch(
        "select o.id, o.name, o.family_id from membership_grant g join organisation o on o.id = g.organisation_id"
        " where g.network_id = $1 and g.kind = 'direct' and g.superseded_at is null"
        " and g.starts_on <= $4 and (g.ends_on is null or g.ends_on > $4)"
        " and (cardinality($3::text[]) = 0 or g.tier = any($3))"
        " and not exists (select from link_answer a where a.organisation_id = o.id and a.source_network_id = $1"
        "   and a.rule = $2 and a.withdrawn_at is null) order by o.sort_name, o.id limit $5",
        network,
        rule,
        list(tiers),
        on,
        limit,
    )
    return [(row["id"], row["name"], row["family_id"]) for row in rows]
