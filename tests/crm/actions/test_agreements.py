"""AC-2e through the real database: an agreement ends, its links follow its policy, new ones stop; taking it back."""

from datetime import date, timedelta
from uuid import UUID

import httpx
import msgspec
import pytest

from cluster_rules.errors import RuleViolation
from crm import catalogue
from crm.actions import agreements, verify
from crm.actions.agreements import Wanted
from crm.actor import Actor
from crm.context import Context
from crm.errors import Forbidden, Invalid, NotFound
from tests.crm.api.support import approved

pytestmark = pytest.mark.anyio
NORA, CLAIRE, CODE = "nora-industry-network", "claire-innovation-network", "nora-claire-2021"
TODAY, END, YEAR = date(2026, 11, 22), date(2026, 12, 1), date(2027, 1, 1)
_LINKED = (
    "select id, organisation_id, tier, starts_on, ends_on from membership_grant where agreement = $1"
    " and kind = 'linked' and superseded_at is null order by id"
)


async def links(context: Context) -> list[tuple]:
    async with context.db.tx() as connection:
        return [tuple(row) for row in await connection.fetch(_LINKED, CODE)]


async def standing(context: Context, day: date) -> int:
    return sum(1 for *_, start, end in await links(context) if start <= day and (end is None or end > day))


async def fetchval(context: Context, statement: str, *values: object) -> object:
    async with context.db.tx() as connection:
        return await connection.fetchval(statement, *values)


async def side(context: Context, slug: str) -> Actor:
    """Somebody who manages one network only."""
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).network(slug).id
    return Actor("One Side", "web", manages=frozenset({network}), reads=frozenset({network}))


@pytest.mark.parametrize(
    ("on_end", "last_standing", "none_from"),
    [("end_links", END - timedelta(days=1), END), ("period_end", YEAR - timedelta(days=1), YEAR)],
)
async def test_ac_02e_links_end_by_the_policy_and_taking_it_back_restores_the_same_grants(
    context: Context, actor: Actor, on_end: str, last_standing: date, none_from: date
) -> None:
    before, count = await links(context), await standing(context, none_from)
    until = await standing(context, last_standing)
    assert count > 1
    wanted = Wanted(CODE, END, on_end, "Both boards met")
    looked = await agreements.preview(context, actor, wanted)
    assert await links(context) == before, "a look stores nothing"
    done = await agreements.end(context, actor, wanted)
    assert done == looked
    assert done.changed[CLAIRE] == count and NORA not in done.changed
    assert {r.ends_on for r in done.reached if r.ends} == {none_from}
    assert (await standing(context, last_standing), await standing(context, none_from)) == (until, 0)
    assert await verify.run(context) == []
    back = await agreements.take_back(context, actor, CODE)
    assert back.ends_on is None and back.on_end == "period_end", "what was agreed at first"
    assert await links(context) == before
    assert await verify.run(context) == []


async def test_ac_02e_grandfathered_links_stay_and_new_ones_stop(
    context: Context, actor: Actor, client: httpx.AsyncClient, manager_headers: dict[str, str]
) -> None:
    before = await links(context)
    done = await agreements.end(context, actor, Wanted(CODE, TODAY, "grandfather"))
    assert done.changed == {} and await links(context) == before
    await approved(client, manager_headers)
    assert await links(context) == before, "who joins now gets no link"
    assert await verify.run(context) == []
    with pytest.raises(RuleViolation, match="agreement_ended"):
        await agreements.take_back(context, actor, CODE)


async def test_ac_02e_control_before_the_end_a_new_link_starts(
    context: Context, actor: Actor, client: httpx.AsyncClient, manager_headers: dict[str, str]
) -> None:
    before = await links(context)
    await agreements.end(context, actor, Wanted(CODE, date(2027, 3, 2), "grandfather"))
    await approved(client, manager_headers)
    assert len(await links(context)) == len(before) + 1


async def test_ac_02e_mails_feed_and_audit_tell_it_once(context: Context, actor: Actor) -> None:
    entries = "select count(*) from feed f join network n on n.id = f.network_id where n.slug = $1"
    published = await fetchval(context, entries, CLAIRE)
    told = "select count(*) from mail where kind = $1 and status <> 'cancelled'"
    start = await fetchval(context, "select coalesce(max(seq), 0) from audit")
    done = await agreements.end(context, actor, Wanted(CODE, END, "end_links", "Both boards met"))
    managers = await fetchval(
        context,
        "select count(*) from role r join network n on n.id = r.network_id where r.role = 'manager'"
        " and n.slug = any($1)",
        [NORA, CLAIRE],
    )
    assert managers and await fetchval(context, told, "agreement_ending") == managers
    members = await fetchval(context, told, "linked_membership_ending")
    assert members == await fetchval(
        context,
        "select count(distinct c.organisation_id) from contact c join membership_grant g using (organisation_id)"
        " where g.agreement = $1 and g.superseded_at is null and g.ends_on = $2",
        CODE,
        END,
    )
    assert await fetchval(context, entries, CLAIRE) == published + done.ending[CLAIRE]
    rows = "select count(*) from audit where seq > $1 and action = $2 and detail ->> 'agreed_on_end' = 'period_end'"
    assert await fetchval(context, rows, start, "agreement_ending") == 2
    again = await agreements.end(context, actor, Wanted(CODE, END, "end_links"))
    assert again.changed == {} and await fetchval(context, rows, start, "agreement_ending") == 2
    await agreements.take_back(context, actor, CODE)
    assert await fetchval(context, told, "agreement_goes_on") == managers


async def test_ac_02e_one_side_gives_the_agreed_notice(context: Context) -> None:
    for slug in (NORA, CLAIRE):
        one = await side(context, slug)
        earliest = TODAY + timedelta(days=180)
        for act in (agreements.preview, agreements.end):
            with pytest.raises(RuleViolation) as told:
                await act(context, one, Wanted(CODE, END))
            assert (told.value.code, told.value.field) == ("notice_short", "ends_on")
            assert told.value.params["earliest"] == earliest
            with pytest.raises(RuleViolation, match="agreement_both"):
                await act(context, one, Wanted(CODE, earliest, "grandfather"))
        found = await agreements.preview(context, one, Wanted(CODE, earliest))
        assert {r.ends_on for r in found.reached if r.ends} == {date(2028, 1, 1)}, "the turn of the year after it"
    done = await agreements.end(context, one, Wanted(CODE, earliest))
    assert done.earliest == earliest and done.ending[CLAIRE] > 1
    with pytest.raises(RuleViolation, match="agreement_both"):
        await agreements.take_back(context, one, CODE)
    with pytest.raises(RuleViolation, match="agreement_both"):
        await agreements.end(context, one, Wanted(CODE, earliest + timedelta(days=1)))
    moved = await agreements.end(context, one, Wanted(CODE, date(2027, 12, 31), reason="By letter", mutual=True))
    assert moved.ends_on == date(2027, 12, 31)
    assert (await agreements.take_back(context, one, CODE, "By letter", mutual=True)).ends_on is None
    assert await verify.run(context) == []


async def test_what_cannot_be_is_refused_and_nothing_is_stored(context: Context, actor: Actor) -> None:
    before = await links(context)
    for wanted, field, code in (
        (Wanted(CODE, TODAY - timedelta(days=1)), "ends_on", "date_out_of_range"),
        (Wanted(CODE, date(2207, 1, 1)), "ends_on", "date_out_of_range"),
    ):
        with pytest.raises(RuleViolation) as told:
            await agreements.end(context, actor, wanted)
        assert (told.value.field, told.value.code) == (field, code)
    for wanted, field, code in (
        (Wanted(CODE, END, "explode"), "on_end", "value_unknown"),
        (Wanted(CODE, END, mutual=True), "reason", "required"),
        (Wanted(CODE, END, reason="x" * 2001), "reason", "too_long"),
        (Wanted(CODE, END, reason="\0"), "reason", "control_characters"),
    ):
        with pytest.raises(Invalid) as wrong:
            await agreements.end(context, actor, wanted)
        assert wrong.value.problems[0][:2] == (field, code)
    with pytest.raises(RuleViolation, match="decision_unknown"):
        await agreements.take_back(context, actor, CODE)
    assert await links(context) == before


async def test_another_tenant_does_not_know_of_it(context: Context) -> None:
    other = await side(context, "nora-startup")
    for act in (agreements.preview, agreements.end):
        with pytest.raises(NotFound):
            await act(context, other, Wanted(CODE, END))
    with pytest.raises(NotFound):
        await agreements.take_back(context, other, CODE)
    reader = msgspec.structs.replace(other, reads=(await side(context, NORA)).manages)
    with pytest.raises(Forbidden):
        await agreements.end(context, reader, Wanted(CODE, END))
    assert await fetchval(context, "select ends_on from agreement where code = $1", CODE) is None
    assert isinstance(next(iter(other.manages)), UUID)
