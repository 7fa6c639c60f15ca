"""Shapes of "membership follows membership" that the demo does not use, through the database and `crm verify`."""

import tomllib
from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest

from cluster_rules import rulebooks
from cluster_rules.errors import RuleViolation
from crm.actions import applications, imports, memberships, verify
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.context import Context
from crm.demo import DATA
from crm.folder import Folder

pytestmark = pytest.mark.anyio


def next_version(network: str) -> dict[str, Any]:
    """The demo's rulebook of a network as a document, numbered on, for everybody from today."""
    document = tomllib.loads((DATA / "rulebooks" / f"{network}.toml").read_text("utf-8"))
    return document | {
        "version": 2,
        "effective_from": date(2026, 11, 22),
        "effective_from_existing": date(2026, 11, 22),
    }


async def publish(context: Context, actor: Actor, document: dict[str, Any]) -> None:
    book = rulebooks.parse(document)
    empty = Folder([], [], [], [(book, msgspec.to_builtins(book))], [], [], [], [])
    await imports.load(context, actor, empty)


async def grants(context: Context, name: str, network: str) -> set[tuple[str, str, date, date | None]]:
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select g.kind, g.rule, g.starts_on, g.ends_on from membership_grant g"
            " join organisation o on o.id = g.organisation_id join network n on n.id = g.network_id"
            " where o.name = $1 and n.slug = $2 and g.superseded_at is null",
            name,
            network,
        )
    return {tuple(row) for row in rows}


async def membership(context: Context, name: str, network: str) -> UUID:
    async with context.db.tx() as connection:
        return await connection.fetchval(
            "select m.id from membership m join organisation o on o.id = m.organisation_id"
            " join network n on n.id = m.network_id where o.name = $1 and n.slug = $2",
            name,
            network,
        )


def kinds(found: Iterable[tuple[str, str, date, date | None]]) -> list[tuple[str, str]]:
    return sorted((kind, rule) for kind, rule, *_ in found)


async def test_t5_a_parents_membership_covers_its_unit(context: Context, actor: Actor) -> None:
    """Havlinje Rederi is principal partner; its AI lab is in CLAIRE already and now also by the parent."""
    async with context.db.tx() as connection:
        unit, parent = await connection.fetchrow(
            "select u.name, p.name from organisation u join organisation p on p.id = u.family_id and p.id <> u.id"
            " join membership_grant g on g.organisation_id = p.id and g.tier = 'principal' and g.superseded_at is null"
            " limit 1"
        )
    document = next_version("nora-industry-network")
    rule = document["link_rules"][0]
    document["link_rules"].append(
        rule
        | {"code": "covers-units", "names": {"nb": "Gjelder enhetene", "en": "Covers the units"}}
        | {"grants": rule["grants"] | {"to": "units"}}
    )
    assert kinds(await grants(context, unit, "claire-innovation-network")) == [("direct", "")]

    await publish(context, actor, document)
    found = await grants(context, unit, "claire-innovation-network")
    assert kinds(found) == [("direct", ""), ("linked", "covers-units")]
    assert await verify.run(context) == []

    root = await membership(context, parent, "nora-industry-network")
    await memberships.make(context, actor, root, Change("ending", date(2027, 3, 1)))
    ends = {kind: end for kind, _, _, end in await grants(context, unit, "claire-innovation-network")}
    assert ends == {"direct": None, "linked": date(2027, 3, 1)}
    assert await verify.run(context) == []


async def test_t4_a_level_that_requires_another_membership(context: Context, actor: Actor) -> None:
    """From version 2 a start-up must be in NORA.startup first: the one that is not is refused with the reason."""
    document = next_version("nora-industry-network")
    del document["effective_from_existing"]
    (tier,) = (t for t in document["tiers"] if t["code"] == "startup")
    tier["requires"] = [{"network": "nora-startup", "tiers": ["company"], "on_loss": "end_with"}]
    await publish(context, actor, document)
    async with context.db.tx() as connection:
        waiting = await connection.fetchval("select id from application where tier = 'startup' and status = 'sent'")
    with pytest.raises(RuleViolation) as refused:
        await applications.approve(context, actor, waiting, date(2026, 12, 1))
    assert refused.value.code == "membership_required"
    async with context.db.tx() as connection:
        assert await connection.fetchval("select status from application where id = $1", waiting) == "sent"
    assert await verify.run(context) == []
