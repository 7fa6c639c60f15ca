"""Members that do not fit their level any more are put on a work list, not thrown out (AC-3, peers.md 2.5 item 15)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from cluster_rules.errors import RuleViolation
from crm.actions import days, memberships, reviews, verify
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.forms import OrganisationForm
from crm.reads import counts
from crm.store import organisations
from tests.crm.actions.test_shapes import next_version, publish

pytestmark = pytest.mark.anyio

STARTUP = "nora-startup"
TODAY = date(2026, 11, 22)
FIVE = date(2027, 3, 1)  # the 5th anniversary of those founded on 1 March 2022


def at(context: Context, day: date) -> Context:
    return Context(context.db, FixedClock(datetime(day.year, day.month, day.day, 9, tzinfo=UTC)), context.settings)


async def fetch(context: Context, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with context.db.tx() as connection:
        return [tuple(row) for row in await connection.fetch(statement, *values)]


async def joined(
    context: Context, kind: str, tier: str, number: int, founded_on: date | None = None, network: str = STARTUP
) -> list[UUID]:
    """So many new members of a network, as an import would leave them; their memberships."""
    out = []
    async with context.db.tx() as connection:
        (net,) = await connection.fetchrow("select id from network where slug = $1", network)
        for n in range(number):
            form = OrganisationForm(f"{kind} {n}", "NO", kind, founded_on=founded_on)  # type: ignore[arg-type]
            who = await organisations.add(connection, form, date(2025, 1, 1))
            wanted, grant = uuid4(), uuid4()
            values = (wanted, net, who, tier, date(2025, 1, 1))
            await connection.execute(
                "insert into membership (id, network_id, organisation_id, created_at) values ($1, $2, $3, now())",
                *values[:3],
            )
            await connection.execute(
                "insert into membership_decision (id, membership_id, kind, effective_on, tier, event, reason, actor,"
                " channel, recorded_at) values ($1, $2, 'joining', $3, $4, '', '', 'Test', 'import', now())",
                grant,
                wanted,
                date(2025, 1, 1),
                tier,
            )
            await connection.execute(
                "insert into membership_grant (id, membership_id, network_id, organisation_id, kind, tier, starts_on,"
                " rule, rulebook_version, agreement, reason, recorded_at)"
                " values ($6, $1, $2, $3, 'direct', $4, $5, '', 0, '', '{}', now())",
                *values,
                grant,
            )
            await connection.execute(
                "insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin,"
                " starts_on, recorded_at) values ($1, $2, $3, $4, 'active', 'direct', $5, now())",
                *values,
            )
            out.append(wanted)
    return out


async def waiting(context: Context, wanted: Sequence[UUID]) -> list[tuple[Any, ...]]:
    return await fetch(
        context,
        "select membership_id, reason, key from membership_review where membership_id = any($1)"
        " and closed_at is null order by key, membership_id",
        list(wanted),
    )


async def profile(context: Context, membership: UUID, since: date, **changed: Any) -> None:
    """From a day on something else is true of the organisation."""
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select p.* from organisation_profile p join membership m using (organisation_id) where m.id = $1"
            " and p.superseded_at is null order by p.starts_on desc limit 1",
            membership,
        )
        await connection.execute(
            "update organisation_profile set superseded_at = now() where id = $1 and superseded_at is null", row["id"]
        )
        new = dict(row) | {"id": uuid4(), "starts_on": since} | changed
        for each in (dict(row) | {"id": uuid4(), "ends_on": since}, new):
            names = ", ".join(each)
            places = ", ".join(f"${n}" for n in range(1, len(each) + 1))
            await connection.execute(f"insert into organisation_profile ({names}) values ({places})", *each.values())


async def test_ac_03_companies_and_researchers_are_counted_apart_and_five_is_a_review(
    context: Context, actor: Actor
) -> None:
    """31 companies and 33 researchers; nobody's employer is a member; who turns five is looked at, not thrown out."""
    async with context.db.tx() as connection:
        (net,) = await connection.fetchrow("select id from network where slug = $1", STARTUP)
        before = await counts.composition(connection, net, TODAY)
    companies = await joined(context, "company", "company", 31, date(2022, 3, 1))
    researchers = await joined(context, "person", "researcher", 33)
    async with context.db.tx() as connection:
        university = await connection.fetchval("select id from organisation where name = 'Universitetet i Oslo'")
        for each in researchers:
            who = await connection.fetchval("select organisation_id from membership where id = $1", each)
            await organisations.employ(connection, who, university, date(2025, 1, 1))
        after = await counts.composition(connection, net, TODAY)
    grown = {kind: after.by_kind.get(kind, 0) - before.by_kind.get(kind, 0) for kind in after.by_kind}
    assert {kind: n for kind, n in grown.items() if n} == {"company": 31, "person": 33}
    assert await fetch(context, "select count(*) from employer where employer_id = $1", university) == [(33,)]
    own = "select count(*) from membership where organisation_id = $1 and network_id = $2"
    assert await fetch(context, own, university, net) == [(0,)]

    await days.turn(at(context, FIVE - timedelta(days=1)))
    assert await waiting(context, companies) == []
    await days.turn(at(context, FIVE))
    assert {(m, r) for m, r, _ in await waiting(context, companies)} == {(m, "too_old") for m in companies}
    assert await waiting(context, researchers) == []
    async with context.db.tx() as connection:
        assert (await counts.composition(connection, net, FIVE)).members == after.members
    assert await days.review(at(context, FIVE)) == 0
    await days.review(at(context, FIVE + timedelta(days=40)))
    assert len(await waiting(context, companies)) == 31
    assert [d for d in await verify.run(at(context, FIVE)) if d.check != "feed_missing"] == []


async def test_the_employers_of_the_demo_are_no_units(context: Context) -> None:
    found = await fetch(
        context,
        "select p.name, e.name from employer join organisation p on p.id = organisation_id and p.family_id = p.id"
        " join organisation e on e.id = employer_id order by 1",
    )
    assert ("Solveig Tensorstad", "Norges miljø- og biovitenskapelige universitet") in found
    assert len(found) == 3


async def test_ac_03_a_member_that_moves_is_reviewed_and_settled_when_it_comes_back(
    context: Context, actor: Actor
) -> None:
    document = next_version(STARTUP)
    document["tiers"][0]["open_to"] = {"kinds": ["company"], "countries": ["NO"], "max_employees": 10}
    await publish(context, actor, document)
    (one,) = await joined(context, "company", "company", 1)
    await days.review(context)
    assert await waiting(context, [one]) == []
    await profile(context, one, TODAY, country="SE", employees=11)
    await days.review(context)
    await days.review(context)
    keys = [key for _, _, key in await waiting(context, [one])]
    assert keys == ["country_not_open/SE", "too_many_employees"]
    await profile(context, one, TODAY + timedelta(days=1), country="NO")
    await days.review(at(context, TODAY + timedelta(days=1)))
    assert [key for _, _, key in await waiting(context, [one])] == ["too_many_employees"]
    settled = "select outcome, closed_by from membership_review where membership_id = $1 and closed_at is not null"
    assert await fetch(context, settled, one) == [("settled", "rules")]


async def test_a_review_that_is_kept_comes_back_on_its_day_or_never(context: Context, actor: Actor) -> None:
    one, two = await joined(context, "company", "company", 2, date(2020, 1, 1))
    await days.review(context)
    ids = dict(await fetch(context, "select membership_id, id from membership_review where closed_at is null"))
    with pytest.raises(RuleViolation) as refused:
        await reviews.keep(context, actor, ids[one], TODAY)
    assert (refused.value.code, refused.value.field) == ("until_past", "until")
    assert await reviews.keep(context, actor, ids[one], date(2027, 2, 1), "Sold in spring")
    assert not await reviews.keep(context, actor, ids[one], None), "a second click changes nothing"
    assert await reviews.keep(context, actor, ids[two])
    await days.review(at(context, date(2027, 1, 31)))
    assert await waiting(context, [one, two]) == []
    await days.review(at(context, date(2027, 2, 1)))
    assert [m for m, _, _ in await waiting(context, [one, two])] == [one]
    audited = "select detail ->> 'note' from audit where action = 'review_kept' order by seq"
    assert await fetch(context, audited) == [("Sold in spring",), ("",)]


async def test_a_decision_closes_the_review_and_taking_it_back_opens_another(context: Context, actor: Actor) -> None:
    (one,) = await joined(context, "company", "company", 1, date(2020, 1, 1))
    await days.review(context)
    made = await memberships.make(context, actor, one, Change("ending", date(2027, 1, 1)))
    assert await waiting(context, [one]) == []
    assert await days.review(context) == 0, "who leaves anyway needs no review"
    await memberships.take_back(context, actor, one, made.decision)
    assert await days.review(context) == 1
    outcomes = "select outcome from membership_review where membership_id = $1 order by opened_at, closed_at nulls last"
    assert await fetch(context, outcomes, one) == [("decided",), (None,)]


async def test_t4_the_loss_of_a_required_membership_can_be_a_review(context: Context, actor: Actor) -> None:
    """On_loss "review": the membership goes on, and a manager looks at it."""
    document = next_version(STARTUP)
    document["tiers"][0] |= {"open_to": {}, "requires": [{"network": "nora", "tiers": [], "on_loss": "review"}]}
    await publish(context, actor, document)
    (one,) = await joined(context, "company", "company", 1)
    await days.review(context)
    ((_, reason, _),) = await waiting(context, [one])
    assert reason == "membership_lost"
    assert await fetch(context, "select ends_on from membership_grant where membership_id = $1", one) == [(None,)]


async def test_on_change_keep_asks_nothing(context: Context, actor: Actor) -> None:
    document = next_version(STARTUP)
    document["tiers"][0]["open_to"] = {"kinds": ["company"], "max_age_years": 5, "on_change": "keep"}
    await publish(context, actor, document)
    (one,) = await joined(context, "company", "company", 1, date(2020, 1, 1))
    await days.review(context)
    assert await waiting(context, [one]) == []


async def test_members_of_an_older_version_are_measured_by_it(context: Context, actor: Actor) -> None:
    """Version 2 is for new members only: those of before stay under the age limit of version 1."""
    document = next_version(STARTUP)
    document["tiers"][0]["open_to"] = {"kinds": ["company"]}
    del document["effective_from_existing"]
    await publish(context, actor, document)
    (one,) = await joined(context, "company", "company", 1, date(2020, 1, 1))
    await days.review(context)
    assert [reason for _, reason, _ in await waiting(context, [one])] == ["too_old"]
