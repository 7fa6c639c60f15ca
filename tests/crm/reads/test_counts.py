"""Counting members at a day: the scenarios AC-1 and AC-14, and that the past does not move."""

from datetime import date

import pytest

from crm import catalogue
from crm.actions import memberships
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.context import Context
from crm.reads import counts

pytestmark = pytest.mark.anyio

NORA_AT = {
    date(2018, 11, 20): 0,
    date(2018, 11, 21): 7,
    date(2019, 4, 1): 9,
    date(2021, 7, 1): 13,
    date(2021, 12, 31): 15,
}


async def _nora(context: Context) -> dict[date, int]:
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).network("nora").id
        return {day: (await counts.composition(connection, network, day)).members for day in NORA_AT}


async def test_ac_01_partners_of_nora_at_five_days(context: Context) -> None:
    assert await _nora(context) == NORA_AT


async def test_ac_01_composition_by_kind_at_the_end_of_2021(context: Context) -> None:
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).network("nora").id
        found = await counts.composition(connection, network, date(2021, 12, 31))
    assert found.by_kind == {"university": 8, "university_college": 3, "research_institute": 4}
    assert sum(found.by_tier.values()) == sum(found.by_origin.values()) == found.members == 15


async def test_ac_01_the_past_stays_when_today_is_edited(context: Context, actor: Actor) -> None:
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).network("nora").id
        listed = await connection.fetch("select id from membership where network_id = $1", network)
        await connection.execute(
            "update organisation_profile p set superseded_at = now() from membership m"
            " where m.organisation_id = p.organisation_id and m.network_id = $1",
            network,
        )
        await connection.execute(  # from today every partner is called something else and of another kind
            "insert into organisation_profile"
            " (id, organisation_id, name, kind, country, starts_on, ends_on, recorded_at)"
            " select gen_random_uuid(), organisation_id, name, k, country, s, e, now()"
            " from organisation_profile p join membership m using (organisation_id),"
            " lateral (values (p.kind, p.starts_on, date '2026-11-22'), ('association', date '2026-11-22', null))"
            " v(k, s, e) where m.network_id = $1 and p.superseded_at is not null",
            network,
        )
    for row in listed:
        await memberships.make(context, actor, row["id"], Change("ending", date(2026, 12, 1)))
    assert await _nora(context) == NORA_AT
    async with context.db.tx() as connection:
        then = await counts.composition(connection, network, date(2021, 12, 31))
        now = await counts.composition(connection, network, date(2026, 11, 30))
        after = await counts.composition(connection, network, date(2026, 12, 1))
    assert then.by_kind == {"university": 8, "university_college": 3, "research_institute": 4}
    assert now.by_kind == {"association": 15}
    assert after.members == 0


async def test_ac_14_two_clusters_of_one_host_counted_once(context: Context) -> None:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        ai, nce = kept.network("sin-applied-ai").id, kept.network("nce-smart-energy-markets").id
        each, together = await counts.distinct(connection, [ai, nce], date(2026, 11, 22))
    assert (each[ai], each[nce], together) == (43, 72, 106)


async def test_known_at_leaves_out_what_was_recorded_later(context: Context) -> None:
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).network("nora").id
        recorded = await connection.fetchval("select min(recorded_at) from membership_period")
        before = await counts.composition(connection, network, date(2021, 12, 31), recorded.replace(year=2020))
        after = await counts.composition(connection, network, date(2021, 12, 31), recorded)
    assert (before.members, after.members) == (0, 15)
