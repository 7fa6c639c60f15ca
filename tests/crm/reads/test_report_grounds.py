"""Reports of several networks, and as they were known, read courses too (ADR 0052), and say what timelines say."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import strategies as st

from crm.context import Context
from crm.database import Connection
from crm.reads import reports
from crm.reads.reports.grounds import Ground
from crm.reads.reports.statement import ground_of
from crm.reports import Asked
from crm.store.verify_courses import CHECKS
from tests.crm.reads.asking import on, options
from tests.crm.reads.test_report_courses import (
    BY_COURSES,
    ENDING,
    KINDS,
    ORIGINS,
    RULES,
    YEARS,
    both,
    listed,
    plain,
    settled,
)
from tests.crm.reads.test_reports import drawn, some_codes

pytestmark = pytest.mark.anyio
TIERS = ("principal", "partner", "startup")
FIRST, THEN, LATER = (datetime(2024, 1, month, tzinfo=UTC) for month in (1, 2, 3))
MOMENTS = (None, datetime(2024, 1, 15, tzinfo=UTC), datetime(2024, 2, 15, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))
# Lives whose days often meet.
DAYS = st.sampled_from([50, 100, 100, 200]) | st.integers(1, 300)
# Of each stretch: length, gap before it, level, origin, suspended; of a membership: its network, how many days before
# it begins, the stretches, is it open at its end, and as what it was known before, if that was something else.
STRETCH = st.tuples(DAYS, st.sampled_from([0, 0, 1, 20]), st.integers(0, 2), st.sampled_from(ORIGINS), st.booleans())
LINE = st.tuples(DAYS, st.lists(STRETCH, min_size=1, max_size=3), st.booleans())
MEMBER = st.tuples(
    st.dictionaries(st.integers(0, 2), st.tuples(LINE, st.none() | LINE), min_size=1, max_size=3),
    st.sampled_from([(kind,) for kind in KINDS] + [("company", "university")]),
    st.none() | st.integers(50, 600),  # merged into another
    st.sampled_from([THEN, LATER]),
)
ASKS = st.tuples(
    st.lists(MEMBER, min_size=1, max_size=7), st.integers(0, 800), st.integers(1, 500), st.integers(0, 400)
)


class _Undo(Exception):
    pass


async def three(connection: Connection) -> list[UUID]:
    """Networks of one host, whose years turn differently."""
    out = [uuid4() for _ in range(3)]
    for at, network in enumerate(out):
        await connection.execute(
            "insert into network (id, slug, host_id, kind, names, short, summary)"
            " select $1, $2, host_id, kind, names, short, summary from network where slug = 'nora'",
            network,
            f"made-up-{at}",
        )
        await connection.execute(RULES, network, YEARS[at])
    return out


async def line(connection: Connection, ids: tuple[UUID, UUID, UUID], told: Any, since: datetime, until: Any) -> None:
    """One version of a membership's timeline, believed from one moment until another."""
    first, stretches, open_end = told
    day, rows = first, []
    for place, (length, gap, tier, origin, held) in enumerate(stretches):
        day += gap if place else 0
        end = None if open_end and place == len(stretches) - 1 else on(day + length)
        rows.append(
            (*ids, TIERS[tier], "suspended" if held else "active", origin, on(day), end, since, until)
        )  # fmt: skip
        day += length
    await connection.executemany(
        "insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on,"
        " ends_on, recorded_at, superseded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        rows,
    )


async def live(connection: Connection, networks: list[UUID], members: list[Any]) -> None:
    other = await connection.fetchval("select id from organisation limit 1")
    for at, (memberships, kinds, merged, changed) in enumerate(members):
        organisation = uuid4()
        await connection.execute(
            "insert into organisation (id, name, family_id, created_at, merged_into_id, merged_on)"
            " values ($1, $2, $1, now(), $3, $4)",
            organisation,
            f"Made {at}",
            None if merged is None else other,
            on(merged),
        )
        for place, kind in enumerate(kinds):
            if kind:
                await connection.execute(
                    "insert into organisation_profile (id, organisation_id, name, kind, country, county, employees,"
                    " starts_on, recorded_at, superseded_at) values (gen_random_uuid(), $1, 'x', $2, 'NO', '46', $3,"
                    " $4, $5, $6)",
                    organisation,
                    kind,
                    at * 20,
                    on(0),
                    changed if place else FIRST,
                    changed if place < len(kinds) - 1 else None,
                )
        for network, (now, before) in memberships.items():
            membership = uuid4()
            await connection.execute(
                "insert into membership (id, organisation_id, network_id, created_at) values ($1, $2, $3, now())",
                membership,
                organisation,
                networks[network],
            )
            ids = (membership, networks[network], organisation)
            if before:
                await line(connection, ids, before, FIRST, changed)
            await line(connection, ids, now, changed if before else FIRST, None)


async def test_on_any_ground_courses_say_what_timelines_say(context: Context) -> None:
    """Whatever the memberships, the networks and the moment: figures, tables and rows, for a reader of these alone."""
    differing, grounds = set(), set()
    async with context.db.tx() as connection:
        await settled(connection)
        networks = await three(connection)
        for at, (members, first, length, into) in enumerate(drawn(12, ASKS)):
            try:
                async with context.db.tx() as inner:
                    await live(inner, networks, members)
                    await settled(inner)
                    for check in CHECKS.values():
                        assert await inner.fetch(check) == []
                    for place, name in enumerate(BY_COURSES):
                        source = reports.SOURCES[name]
                        chosen = tuple(networks[: 1 + (at + place) % 3])
                        wanted = Asked(chosen, on(first), on(first + length), on(first + into), MOMENTS[at // 3],
                                       options=options(source))  # fmt: skip
                        async with context.db.reading(chosen) as reader:
                            await reader.execute(ENDING)
                            grounds.add(await ground_of(reader, source.relations.values(), wanted, settled=True))
                            ours, general = await both(reader, source, wanted)
                            assert plain(ours) == plain(general), (name, members, wanted)
                            differing |= {name} if any(each.value for each in ours.figures) else set()
                            codes = list(some_codes(ours, source))
                            code = codes[at % len(codes)]
                            rows = await listed(reader, source, wanted, code)
                            assert rows[0] == rows[1], (name, code, members, wanted)
                    raise _Undo
            except _Undo:
                pass
    assert differing >= {*BY_COURSES} - {"activity"}, "every report had something to say"
    assert grounds >= {Ground(), Ground(several=True), Ground(True, True, True), Ground(known=True, apart=True)}
    assert Ground(several=True, apart=True) in grounds, "somebody was elsewhere, too"


@pytest.mark.parametrize("known", [None, MOMENTS[1]])
async def test_who_leaves_several_networks_on_one_day_leaves_the_own_membership(
    context: Context, known: datetime | None
) -> None:
    """Which of the stretches that end together says why and at what level: the own one, whichever network it is of."""
    source = reports.SOURCES["movements"]
    async with context.db.tx() as connection:
        networks = await three(connection)
        linked, own = ((10, [(100, 0, at, origin, False)], False) for at, origin in enumerate(("linked", "direct")))
        ends = [{first: (linked, linked), 1 - first: (own, own)} for first in (0, 1)]
        await live(connection, networks, [(each, ("company",), None, LATER) for each in ends])
        await settled(connection)
        wanted = Asked(tuple(networks), on(0), on(366), on(300), known, options=options(source))
        for report in await both(connection, source, wanted):
            assert [[cell.value for cell in row[:2]] for row in report.table("by_reason").rows] == [["other", 2]]


async def test_the_demo_of_a_host_by_courses_is_the_demo_by_timelines(context: Context) -> None:
    """With links, decisions, mergers and roles: all networks of a host, and as it was known in the summer."""
    async with context.db.tx() as connection:
        networks = await connection.fetchval(
            "select array_agg(n.id) from network n join network m on m.host_id = n.host_id where m.slug = 'nora'"
        )
        for name in BY_COURSES:
            source = reports.SOURCES[name]
            for known in (None, datetime(2026, 6, 1, tzinfo=UTC)):
                wanted = Asked(tuple(networks), on(366), on(1200), on(1000), known, options=options(source))
                ours, general = await both(connection, source, wanted)
                assert plain(ours) == plain(general), name
                beside = msgspec.structs.replace(wanted, compare=(on(0), on(366)))
                ours, general = await both(connection, source, beside)
                assert plain(ours) == plain(general), (name, "beside")


async def test_what_tells_of_several_networks_is_read_by_readers_of_all_of_them(context: Context) -> None:
    async with context.db.tx() as connection:
        networks = await three(connection)
        stretch = (10, 0, 1, "direct", False)
        await live(
            connection,
            networks,
            [({0: ((0, [stretch], True), None), 1: ((5, [stretch], True), None)}, (None,), None, THEN)],
        )
        await settled(connection)
    seen = []
    for chosen in (networks[:1], networks[:2], networks, networks[1:]):
        async with context.db.reading(chosen) as reader:
            seen.append(await reader.fetchval("select count(*) from shared_course"))
    assert seen == [0, 2, 2, 0]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("update shared_course set number = 7 where period_id = {}", "otherwise"),
        ("delete from shared_course where period_id = {}", "do not know"),
        ("update shared_course set period_id = -1 where period_id = {}", "is of one"),
    ],
)
async def test_verify_compares_them_with_timelines(context: Context, damage: str, said: str) -> None:
    async with context.db.tx() as connection:
        one = await connection.fetchval("select min(period_id) from shared_course")
        await connection.execute(damage.format(one))
        await connection.execute(ENDING)
        assert said in " ".join(row[1] for row in await connection.fetch(CHECKS["shared_course"]))
