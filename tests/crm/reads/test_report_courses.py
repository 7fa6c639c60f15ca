"""Reports read courses where they can (ADR 0044): they say what timelines say, and are kept as timelines change."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from hypothesis import strategies as st

from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.reads import reports
from crm.reports import Asked, Report
from crm.store.verify_courses import CHECKS
from tests.crm.reads.asking import TODAY, YEAR, asked, empty_network, on, options
from tests.crm.reads.test_reports import drawn, some_codes

pytestmark = pytest.mark.anyio
BY_COURSES = [name for name, each in reports.SOURCES.items() if any(r.course for r in each.relations.values())]
KINDS = ("company", "university", "public_body", None)
ORIGINS = ("direct", "linked", "both")
# Each membership: how many days before it begins; of each stretch: length, gap before it, level, origin, suspended.
STRETCH = st.tuples(
    st.integers(1, 400), st.sampled_from([0, 0, 0, 1, 20]), st.integers(0, 2), st.sampled_from(ORIGINS), st.booleans()
)
LIVES = st.lists(
    st.tuples(st.integers(0, 700), st.lists(STRETCH, min_size=1, max_size=4), st.booleans(), st.integers(0, 9)),
    max_size=8,
)
# When the membership year turns: everybody's at once, each one's own, twice a year.
YEARS = ({"kind": "calendar_year"}, {"kind": "anniversary"}, {"kind": "half_year", "starts": "03-01"})
RULES = (
    "insert into rulebook (id, network_id, version, effective_from, body) select gen_random_uuid(), $1, 1,"
    " b.effective_from, jsonb_set(b.body, '{period}', $2) from rulebook b join network n on n.id = b.network_id"
    " where n.slug = 'nora-industry-network' order by b.version limit 1"
)
ENDING = "select set_config('crm.touched', '', true)"
CHANGING = "select set_config('crm.touched', '0', true)"  # as in a transaction that is not at its end


class _Undo(Exception):
    pass


async def settled(connection: Connection) -> None:
    """As at the end of the transaction."""
    await connection.execute("select touched_settle()")


async def both(connection: Connection, source: reports.Source, wanted: Asked) -> tuple[Report, Report]:
    """The report by courses, and by timelines."""
    await connection.execute(ENDING)
    by_courses = await reports.figures(connection, source, wanted)
    await connection.execute(CHANGING)
    by_timelines = await reports.figures(connection, source, wanted)
    await connection.execute(ENDING)
    return by_courses, by_timelines


async def listed(connection: Connection, source: reports.Source, wanted: Asked, code: str) -> list[Any]:
    out = []
    for setting in (ENDING, CHANGING):
        await connection.execute(setting)
        out.append(await reports.rows(connection, source, wanted, code))
    await connection.execute(ENDING)
    return out


async def live(connection: Connection, network: UUID, lives: list[Any]) -> None:
    """These memberships, with what was true of their organisations."""
    tiers = ("principal", "partner", "startup")
    for at, (first, stretches, open_end, facts) in enumerate(lives):
        organisation, membership = uuid4(), uuid4()
        await connection.execute(
            "insert into organisation (id, name, family_id, created_at) values ($1, $2, $1, now())",
            organisation,
            f"Made {at}",
        )
        await connection.execute(
            "insert into membership (id, organisation_id, network_id, created_at) values ($1, $2, $3, now())",
            membership,
            organisation,
            network,
        )
        day, rows = first, []
        for place, (length, gap, tier, origin, held) in enumerate(stretches):
            day += gap if place else 0
            until = None if open_end and place == len(stretches) - 1 else on(day + length)
            rows.append((membership, network, organisation, tiers[tier], "suspended" if held else "active", origin,
                         on(day), until))  # fmt: skip
            day += length
        await connection.executemany(
            "insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin,"
            " starts_on, ends_on, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, '2020-01-01')",
            rows,
        )
        changed = facts * 100  # days after which another profile holds; of the first one's organisations none is known
        for later, kind in ((0, KINDS[facts % 4]), (changed, KINDS[facts // 3]))[: 2 if changed else 1]:
            if kind and (later or not changed or facts < 5):
                await connection.execute(
                    "insert into organisation_profile (id, organisation_id, name, kind, country, county, employees,"
                    " starts_on, ends_on, recorded_at) values (gen_random_uuid(), $1, 'x', $2, 'NO', $3, $4, $5, $6,"
                    " '2020-01-01')",
                    organisation,
                    kind,
                    "03" if later else "46",
                    later or None,
                    on(later),
                    on(changed) if not later and changed else None,
                )


async def test_reports_by_courses_say_what_timelines_say(context: Context) -> None:
    """Whatever the memberships and the question: figures, tables and rows."""
    asks = st.tuples(LIVES, st.integers(0, 1200), st.integers(1, 500), st.integers(0, 600))
    differing = set()
    async with context.db.tx() as connection:
        await settled(connection)
        network = await empty_network(connection)
        for at, (lives, first, length, into) in enumerate(drawn(15, asks)):
            try:
                async with context.db.tx() as inner:
                    await inner.execute(RULES, network, YEARS[at % len(YEARS)])
                    await live(inner, network, lives)
                    await settled(inner)
                    assert await inner.fetch(CHECKS["course"]) == []
                    for name in BY_COURSES[at % 2 :: 2]:
                        source = reports.SOURCES[name]
                        day = on(first + into)
                        wanted = Asked((network,), on(first), on(first + length), day, options=options(source))
                        ours, general = await both(inner, source, wanted)
                        assert plain(ours) == plain(general), (name, lives, wanted)
                        differing |= {name} if any(each.value for each in ours.figures) else set()
                        codes = list(some_codes(ours, source))
                        code = codes[at % len(codes)]
                        rows = await listed(inner, source, wanted, code)
                        assert rows[0] == rows[1], (name, code, lives, wanted)
                    raise _Undo
            except _Undo:
                pass
    assert differing >= {*BY_COURSES} - {"activity"}, "every report had something to say"


def plain(made: Report) -> Any:
    """Figures and tables, shares to as many places as a division is exact to."""
    figures = [msgspec.structs.replace(each, value=rounded(each.value)) for each in made.figures]
    tables = [(each.code, [[(rounded(c.value), c.figure) for c in row] for row in each.rows]) for each in made.tables]
    return figures, tables


def rounded(value: Any) -> Any:
    return round(value, 12) if isinstance(value, float) else value


async def test_the_demo_by_courses_is_the_demo_by_timelines(context: Context, actor: Actor) -> None:
    """With links, decisions, mergers and roles, beside a period of comparison."""
    async with context.db.tx() as connection:
        for name in BY_COURSES:
            source = reports.SOURCES[name]
            wanted = await asked(connection, source, (("nora-industry-network",), *YEAR, TODAY, None))
            wanted = msgspec.structs.replace(wanted, compare=(date(2024, 1, 1), date(2025, 1, 1)))
            ours, general = await both(connection, source, wanted)
            assert plain(ours) == plain(general), name
            rows = await listed(connection, source, wanted, next(iter(some_codes(ours, source))))
            assert rows[0] == rows[1], name


async def test_courses_follow_what_is_changed(context: Context) -> None:
    """A stretch that is superseded goes, one that comes is told, and so is what an organisation has become."""
    async with context.db.tx() as connection:
        await settled(connection)
        network = await empty_network(connection)
        await live(connection, network, [(0, [(100, 0, 0, "direct", False), (50, 0, 1, "both", False)], True, 0)])
        await settled(connection)
        of = "select {} from membership_course where network_id = $1 order by starts_on"
        assert [
            tuple(row) for row in await connection.fetch(of.format("joined_on, left_on, closes, kind"), network)
        ] == [
            (on(0), None, False, "company"),
            (on(0), None, True, "company"),
        ]
        await connection.execute(
            "update membership_period set superseded_at = now() where network_id = $1 and ends_on is null", network
        )
        await connection.execute(
            "update organisation_profile set superseded_at = now() where organisation_id in"
            " (select organisation_id from membership where network_id = $1)",
            network,
        )
        assert await connection.fetch(CHECKS["course"]) == [], "not asked before the end"
        await settled(connection)
        rows = await connection.fetch(of.format("joined_on, left_on, closes, kind, next_on"), network)
        assert [tuple(row) for row in rows] == [(on(0), on(100), True, None, None)]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("update membership_course set number = 7 where {}", "otherwise"),
        ("delete from membership_course where {}", "do not know"),
        ("update membership_period set superseded_at = now() where row_id = {1}", "does not stand"),
    ],
)
async def test_verify_compares_courses_with_timelines(context: Context, damage: str, said: str) -> None:
    async with context.db.tx() as connection:
        one = await connection.fetchval("select min(period_id) from membership_course")
        await connection.execute(damage.format(f"period_id = {one}", one))
        await connection.execute(ENDING)
        (found,) = await connection.fetch(CHECKS["course"])
        assert found[0] == f"membership_period {one}" and said in found[1]


PAID = """
    with one as (select m.id, m.organisation_id, n.host_id from membership m join network n on n.id = m.network_id
        where m.network_id = $1 order by m.id limit 1),
    bill as (insert into invoice (id, host_id, organisation_id, status, currency, created_at)
        select $2::uuid, host_id, organisation_id, 'draft', 'NOK', '2024-05-01' from one),
    line as (insert into charge (id, invoice_id, membership_id, grant_id, tier, component, names, starts_on, ends_on,
            net, vat_code, vat_percent, vat, currency, steps, reason, recorded_at)
        select gen_random_uuid(), $2, id, gen_random_uuid(), 'partner', 'fee', '{}', '2026-01-01', '2027-01-01', 100,
            'outside', 0, 0, 'NOK', '[]', '{}', '2024-05-01' from one),
    fact as (insert into ledger_transaction (id, kind, host_id, currency, on_date, provider, object_id, phase, fact,
            actor, recorded_at)
        select $3::uuid, 'received', host_id, 'NOK', '2024-06-01', 'bank', $3::uuid::text, 'received', '{}', 'test',
            '2024-06-01' from one)
    insert into ledger_entry (transaction_id, host_id, currency, account, organisation_id, invoice_id, payment_id,
        amount)
    select $3::uuid, host_id, 'NOK', 'receivable', organisation_id, $2, $3, -100 from one
    union all select $3::uuid, host_id, 'NOK', 'bank', null, $2, $3, 100 from one
"""
AGREED = """
    insert into consent (id, application_id, organisation_id, purpose, given, recorded_at)
    select $2, a.id, a.organisation_id, 'terms', true, '2024-06-01' from application a
    where a.network_id = $1 and a.organisation_id is not null and $3::uuid is not null limit 1
"""


@pytest.mark.parametrize(("function", "fact"), [("members_paid", PAID), ("members_agreed", AGREED)])
async def test_who_paid_and_agreed_is_told_of_ones_own_networks_alone(
    context: Context, function: str, fact: str
) -> None:
    """The functions that read past the row policies hold the wall themselves, and others may not call them."""
    asking = f"select count(*) from {function}($1, '2024-05-31', $2, $3)"
    day, known = date(2024, 11, 22), datetime(2024, 5, 15, tzinfo=UTC)
    async with context.db.tx() as connection:
        own, *others = await connection.fetch("select id from network order by slug <> 'nora-industry-network'")
        await connection.execute("set local session_replication_role = replica")
        before = await connection.fetchval(asking, [own["id"]], day, None)
        await connection.execute(fact, own["id"], uuid4(), uuid4())
        assert await connection.fetchval(asking, [own["id"]], day, None) == before + 1
        assert await connection.fetchval(asking, [own["id"]], date(2024, 5, 31), None) == before
        assert await connection.fetchval(asking, [own["id"]], day, known) == before, "as it was known before"
    async with context.db.reading([own["id"]]) as connection:
        assert await connection.fetchval(asking, [own["id"]], day, None) == before + 1
    async with context.db.reading([each["id"] for each in others]) as connection:
        assert await connection.fetchval(asking, [own["id"]], day, None) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with context.db.reading_own([]) as connection:
            await connection.fetchval(asking, [own["id"]], day, None)
