"""Limited places through the database (item 11): the queue is explicit, and the turn of the day gives what is free."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from crm.actions import applications, memberships, places, verify
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.forms import ApplicationForm, ContactForm, OrganisationForm
from tests.crm.actions.test_shapes import next_version, publish

pytestmark = pytest.mark.anyio

INDUSTRY, CLAIRE, STARTUP = "nora-industry-network", "claire-innovation-network", "nora-startup"
TODAY = date(2026, 11, 22)
_seconds = count(1)


def at(context: Context, day: date) -> Context:
    return Context(context.db, FixedClock(datetime(day.year, day.month, day.day, 9, tzinfo=UTC)), context.settings)


async def fetch(context: Context, statement: str, *values: Any) -> list[Any]:
    async with context.db.tx() as connection:
        return [row[0] if len(row) == 1 else tuple(row) for row in await connection.fetch(statement, *values)]


async def limit_link(context: Context, actor: Actor, more: int) -> int:
    """NORA's rule towards CLAIRE gets as many places as stand now, and so many more."""
    standing = "select count(*) from membership_grant where kind = 'linked' and superseded_at is null"
    lasting = "(ends_on is null or ends_on > '2026-11-22')"
    (now,) = await fetch(context, f"{standing} and rule = 'principal-joins-claire' and {lasting}")
    document = next_version(INDUSTRY)
    document["link_rules"][0]["places"] = now + more
    await publish(context, actor, document)
    return now


async def applied(context: Context, actor: Actor, name: str, network: str, tier: str, kind: str = "company") -> UUID:
    """An application that waits for its approval."""
    form = ApplicationForm(
        network,
        tier,
        OrganisationForm(name, "NO", kind, employees=40),  # type: ignore[arg-type]
        ContactForm("Kari", f"{name.lower()}@example.com"),
    )
    return (await applications.submit(context, actor, form)).id


async def joins(context: Context, actor: Actor, name: str, network: str = INDUSTRY, tier: str = "principal") -> UUID:
    """The membership of an organisation that applies and is approved from today, a second after the one before."""
    wanted = await applied(context, actor, name, network, tier)
    clock = FixedClock(context.clock.now() + timedelta(seconds=next(_seconds)))
    then = Context(context.db, clock, context.settings)
    return (await applications.approve(then, actor, wanted, TODAY)).memberships[0]


async def queue(context: Context) -> list[str]:
    return await fetch(
        context,
        "select o.name from place p join organisation o on o.id = p.organisation_id where p.status = 'waiting'"
        " order by p.asked_at, p.id",
    )


async def linked(context: Context, name: str) -> list[date]:
    return await fetch(
        context,
        "select g.starts_on from membership_grant g join organisation o on o.id = g.organisation_id"
        " where o.name = $1 and g.kind = 'linked' and g.superseded_at is null",
        name,
    )


async def mails(context: Context, kind: str, name: str) -> int:
    statement = "select count(*) from mail m join organisation o on o.id = m.organisation_id"
    (found,) = await fetch(context, f"{statement} where m.kind = $1 and o.name = $2", kind, name)
    return found


async def test_item_11_limiting_places_throws_nobody_out(context: Context, actor: Actor) -> None:
    standing = await limit_link(context, actor, -1)
    held = "select count(*) from place where rule = 'principal-joins-claire' and status = 'given'"
    assert standing > 2 and await fetch(context, held) == [standing]
    assert await verify.run(context) == []
    await joins(context, actor, "Alfa")
    assert await linked(context, "Alfa") == [] and await queue(context) == ["Alfa"]
    assert await verify.run(context) == []


async def test_item_11_who_comes_too_late_waits_and_is_next(context: Context, actor: Actor) -> None:
    await limit_link(context, actor, 1)
    first = await joins(context, actor, "Alfa")
    assert await linked(context, "Alfa") == [TODAY]
    for name in ("Bravo", "Charlie"):
        await joins(context, actor, name)
    assert await queue(context) == ["Bravo", "Charlie"]
    assert await linked(context, "Bravo") == [] and await mails(context, "place_waiting", "Bravo") >= 1
    assert await places.turn(context) == 0
    assert await verify.run(context) == []

    ends = date(2026, 12, 15)
    await memberships.make(context, actor, first, Change("ending", ends))
    assert await places.turn(at(context, ends - timedelta(days=1))) == 0, "the place is taken to the last day"
    assert await places.turn(at(context, ends)) == 1
    assert await linked(context, "Bravo") == [ends] and await queue(context) == ["Charlie"]
    assert await mails(context, "place_given", "Bravo") == 1
    assert await linked(context, "Alfa") == [TODAY], "what was stays what it was"
    assert await places.turn(at(context, ends)) == 0
    later = at(context, ends)
    assert [d for d in await verify.run(later) if not d.check.startswith("feed")] == []


async def test_item_11_a_preview_says_that_it_would_wait_and_stores_nothing(context: Context, actor: Actor) -> None:
    await limit_link(context, actor, 0)
    wanted = await applied(context, actor, "Alfa", INDUSTRY, "principal")
    _, found = await applications.consequences(context, actor, wanted, TODAY)
    assert [o.held_back for o in found.considered] == ["place"]
    assert await queue(context) == []


async def test_item_11_a_manager_takes_somebody_off_the_queue(context: Context, actor: Actor) -> None:
    await limit_link(context, actor, 0)
    for name in ("Alfa", "Bravo"):
        await joins(context, actor, name)
    (alfa, *_) = await fetch(context, "select id from place where status = 'waiting' order by asked_at")
    assert await places.remove(context, actor, alfa)
    assert not await places.remove(context, actor, alfa)
    assert await queue(context) == ["Bravo"]
    assert await fetch(context, "select actor from audit where action = 'place_removed'") == [actor.name]


async def test_item_11_a_level_with_two_places(context: Context, actor: Actor) -> None:
    """Two more than there are; the third waits: approved, no member, and nothing to pay until a place is given."""
    document = next_version(STARTUP)
    standing = "select count(*) from membership_grant where superseded_at is null and tier = 'company'"
    (now,) = await fetch(context, f"{standing} and (ends_on is null or ends_on > '2026-11-22')")
    document["tiers"][0] |= {"places": now + 2, "fees": [dict(FEE)]}
    await publish(context, actor, document)
    made = [await joins(context, actor, name, STARTUP, "company") for name in ("Alfa", "Bravo", "Charlie")]
    periods = "select count(*) from membership_period where membership_id = $1 and superseded_at is null"
    assert [await fetch(context, periods, each) for each in made] == [[1], [1], [0]]
    assert await queue(context) == ["Charlie"]
    billed = "select count(*) from charge where membership_id = $1"
    assert await fetch(context, billed, made[2]) == [0]
    assert await mails(context, "membership_approved", "Charlie") == 0
    assert await verify.run(context) == []

    ends = date(2026, 12, 15)
    await memberships.make(context, actor, made[0], Change("ending", ends))
    assert await places.turn(at(context, ends)) == 1
    assert await fetch(context, "select starts_on from membership_period where membership_id = $1", made[2]) == [ends]
    assert await fetch(context, billed, made[2]) == [1]
    assert await mails(context, "membership_approved", "Charlie") >= 1
    assert [d for d in await verify.run(at(context, ends)) if not d.check.startswith("feed")] == []


FEE = {
    "code": "membership",
    "names": {"nb": "Kontingent", "en": "Fee"},
    "basis": "fixed",
    "amount": 100000,
    "vat": "exempt_3_13",
    "example": True,
}


async def test_item_11_a_claim_that_does_not_hold_any_more_is_passed_over(context: Context, actor: Actor) -> None:
    await limit_link(context, actor, 1)
    first = await joins(context, actor, "Alfa")
    second = await joins(context, actor, "Bravo")
    await joins(context, actor, "Charlie")
    ends = date(2026, 12, 15)
    for each in (first, second):
        await memberships.make(context, actor, each, Change("ending", ends))
    assert await places.turn(at(context, ends)) >= 1
    assert await linked(context, "Charlie") == [ends] and await linked(context, "Bravo") == []
    removed = "select o.name from place p join organisation o on o.id = p.organisation_id where p.status = 'removed'"
    assert await fetch(context, removed) == ["Bravo"]


async def test_verify_finds_one_place_too_many(context: Context, actor: Actor) -> None:
    await limit_link(context, actor, 0)
    await joins(context, actor, "Alfa")
    async with context.db.tx() as connection:
        await connection.execute("update place set status = 'given', given_on = $1 where status = 'waiting'", TODAY)
    assert "place_overfull" in {d.check for d in await verify.run(context)}
