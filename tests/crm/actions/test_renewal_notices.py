"""Told ahead of a renewal on the demo data: once, to the contact, with fee and last day; and members on hold."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from crm.actions import days, memberships, renewal_lapses, renewal_notices, renewals, verify
from crm.actions.memberships import Change
from crm.actions.renewals import Wanted
from crm.actor import SYSTEM, Actor
from crm.cli_renewals import _notices
from crm.clock import FixedClock
from crm.context import Context
from crm.errors import Refused

pytestmark = pytest.mark.anyio

NETWORK = "nora-industry-network"
NOTICE = {"kind": "fixed_date", "by": "11-30", "renewal_days": 60}


async def with_rules(context: Context, notice: dict[str, Any] | None = None, policy: str = "bill") -> None:
    """From now on the network's rulebook tells members ahead, and its levels have this policy."""
    async with context.db.tx() as connection:
        await connection.execute("alter table rulebook disable trigger no_change")
        await connection.execute(
            "update rulebook r set published_at = now() + make_interval(secs => random()),"
            " body = r.body || jsonb_build_object('notice', $2::jsonb, 'tiers', (select"
            " jsonb_agg(t || jsonb_build_object('suspended_renewal', $3::text)) from"
            " jsonb_array_elements(r.body -> 'tiers') t)) from network n where n.id = r.network_id and n.slug = $1",
            NETWORK,
            NOTICE if notice is None else notice,
            policy,
        )
        await connection.execute("alter table rulebook enable trigger no_change")


def at(context: Context, *day: int) -> Context:
    return Context(context.db, FixedClock(datetime(*day, 9, tzinfo=UTC)), context.settings)


async def value(context: Context, statement: str, *given: Any) -> Any:
    async with context.db.tx() as connection:
        return await connection.fetchval(statement, *given)


async def mails(context: Context) -> list[dict[str, Any]]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select * from mail where kind = 'renewal_notice' order by recipient, id")
    return [dict(row) for row in rows]


async def test_everybody_is_told_once_of_the_period_fee_and_last_day(context: Context, actor: Actor) -> None:
    await with_rules(context)
    seen, listed, on = await renewal_notices.preview(context, actor, NETWORK)
    assert (seen.told + sum(seen.left_out.values()), on) == (24, date(2026, 11, 22))
    assert await mails(context) == []
    first = await renewal_notices.run(context, actor, NETWORK)
    assert first == seen and first.told == len([each for each in listed if each.letter])
    sent = await mails(context)
    assert len(sent) == first.told == len({mail["organisation_id"] for mail in sent})
    assert all(mail["network_id"] and mail["status"] == "queued" for mail in sent)
    partner = next(mail for mail in sent if "45" in mail["subject"] and mail["language"] == "nb")
    for said in ("1. jan. 2027", "31. des. 2027", "45\xa0000", "30. nov. 2026", "Partner"):
        assert said in partner["subject"] + partner["body_text"]
    second = await renewal_notices.run(context, actor, NETWORK)
    assert (second.told, second.left_out) == (0, first.left_out)
    assert [mail["id"] for mail in await mails(context)] == [mail["id"] for mail in sent]
    assert await renewal_notices.run(at(context, 2027, 1, 1), actor, NETWORK) == renewal_notices.Ran()


async def test_who_is_not_told_and_why_is_kept_and_looked_at_anew(context: Context, actor: Actor) -> None:
    await with_rules(context)
    membership, organisation = await _member(context)
    await value(context, "delete from contact where organisation_id = $1", organisation)
    await renewal_notices.run(context, actor, NETWORK)
    state = "select state from renewal_notice where membership_id = $1"
    assert await value(context, state, membership) == "no_address"
    await value(
        context,
        "insert into contact (id, organisation_id, name, email, language, main, created_at)"
        " values (gen_random_uuid(), $1, 'Kari', 'kari@nordby.example', 'en', true, now())",
        organisation,
    )
    assert (await renewal_notices.run(context, actor, NETWORK)).told == 1
    assert await value(context, state, membership) == "told"
    with pytest.raises(asyncpg.RestrictViolationError):
        await value(context, "update renewal_notice set state = 'free' where membership_id = $1", membership)


async def test_nobody_is_told_too_early_or_where_the_rules_do_not_say_so(context: Context, actor: Actor) -> None:
    with pytest.raises(Refused) as refused:
        await renewal_notices.run(context, actor, NETWORK)
    assert refused.value.code == "renewal_notices_missing"
    everywhere = await renewal_notices.run_all(context, SYSTEM)  # one network of the demo tells its members
    await with_rules(context, NOTICE | {"renewal_days": 39})
    assert await renewal_notices.run(context, actor, NETWORK) == renewal_notices.Ran()  # 40 days before
    assert everywhere.told == 65
    assert await renewal_notices.run_all(context, SYSTEM) == renewal_notices.Ran(0, {"free": 7})
    assert (await renewal_notices.run_all(at(context, 2026, 11, 23), SYSTEM)).told == 24  # and nobody of the other


async def test_the_command_says_who_would_be_told_and_tells_them(context: Context) -> None:
    await with_rules(context)
    told = await _notices(context, date(2026, 11, 22), [], True)
    dry = told[next(n for n, line in enumerate(told) if line.startswith(NETWORK)) :]
    assert dry[0].startswith(f"{NETWORK}: ") and "would be told" in dry[0] and len(dry) == 25
    assert await mails(context) == []
    (done,) = await _notices(context, date(2026, 11, 22), [NETWORK], False)
    assert done == dry[0].replace("would be ", "")


async def _member(context: Context) -> tuple[UUID, UUID]:
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select m.id, m.organisation_id from membership m join network n on n.id = m.network_id"
            " join organisation o on o.id = m.organisation_id join membership_grant g on g.membership_id = m.id"
            " where n.slug = $1 and g.tier = 'partner' and g.superseded_at is null and o.family_id = o.id"
            " and o.name not like '%kommune' order by o.name limit 1",
            NETWORK,
        )
    return row["id"], row["organisation_id"]


async def _states(context: Context, run: UUID) -> dict[str, int]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select state, count(*) as n from renewal_item where run_id = $1 group by 1", run)
    return {row["state"]: row["n"] for row in rows}


async def _ran(context: Context, actor: Actor) -> UUID:
    run = await renewals.begin(context, actor, Wanted(NETWORK, date(2027, 1, 1), dry_run=False))
    await renewals.preview(context, run)
    await renewals.bill(context, run)
    return run


async def test_a_member_on_hold_is_billed_when_that_is_lifted(context: Context, actor: Actor) -> None:
    await with_rules(context, policy="hold")
    membership, _ = await _member(context)
    held = await memberships.make(context, actor, membership, Change("suspension", date(2026, 11, 22), reason="Later"))
    assert (await _states(context, await _ran(context, actor)))["held"] == 1
    assert not await value(context, "select count(*) from charge where membership_id = $1", membership)
    lifted = at(context, 2027, 1, 20)
    await memberships.take_back(lifted, actor, membership, held.decision)
    assert await _states(lifted, await _ran(lifted, actor)) == {"due": 1}
    assert await value(context, "select sum(net) from charge where membership_id = $1", membership) == 45_000_00


async def test_a_member_on_hold_leaves_when_the_year_begins(context: Context, actor: Actor) -> None:
    await with_rules(context, policy="end")
    membership, _ = await _member(context)
    await memberships.make(context, actor, membership, Change("suspension", date(2026, 11, 22), reason="Later"))
    assert (await _states(context, await _ran(context, actor)))["lapsing"] == 1
    assert await renewal_lapses.turn(context, SYSTEM) == []  # the year has not begun
    then = at(context, 2027, 1, 2)
    (ended,) = await renewal_lapses.turn(then, SYSTEM)
    on, reason = await _decided(context, ended)
    assert (on, "på vent" in reason) == (date(2027, 1, 1), True)
    assert await renewal_lapses.turn(then, SYSTEM) == []
    ends = "select max(ends_on) from membership_grant where membership_id = $1 and superseded_at is null"
    assert await value(context, ends, membership) == date(2027, 1, 1)
    await days.turn(then)
    assert await verify.run(then) == []


async def test_lifted_in_time_a_member_stays_and_is_billed(context: Context, actor: Actor) -> None:
    await with_rules(context, policy="end")
    membership, _ = await _member(context)
    held = await memberships.make(context, actor, membership, Change("suspension", date(2026, 11, 22), reason="Later"))
    december = at(context, 2026, 12, 20)
    await memberships.take_back(december, actor, membership, held.decision)
    assert await renewal_lapses.turn(at(context, 2027, 1, 2), SYSTEM) == []
    assert "lapsing" not in await _states(december, await _ran(december, actor))
    assert await value(context, "select sum(net) from charge where membership_id = $1", membership) == 45_000_00


async def _decided(context: Context, decision: UUID) -> tuple[date, str]:
    async with context.db.tx() as connection:
        row = await connection.fetchrow("select effective_on, reason from membership_decision where id = $1", decision)
    return row["effective_on"], row["reason"]


def test_the_preview_of_figures_adds_up() -> None:
    one = renewal_notices.Ran(1, {"free": 1})
    assert msgspec.structs.asdict(renewal_notices._sum(one, [], [])) == {"told": 1, "left_out": {"free": 1}}
