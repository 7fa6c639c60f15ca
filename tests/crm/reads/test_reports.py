"""Reports: each figure is its rows, parts add up, the identity of movements, and what later facts cannot change."""

import statistics
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cluster_rules.errors import RuleViolation
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.i18n import LANGUAGES, translator
from crm.reads import reports
from crm.report_words import REPORTS, figure, heading, option, table
from crm.reports import Asked, Report, Table, comparison, later, narrowed, parts, period
from tests.crm.reads.asking import TODAY, YEAR, Lives, asked, empty_network, ids, make, on, options

pytestmark = pytest.mark.anyio
HOST = ("nora", "nora-industry-network", "nora-startup")
# Which networks, which period, as of which day, known when.
ASKED = (
    (("nora-industry-network",), *YEAR, TODAY, None),
    (HOST, date(2021, 7, 1), date(2025, 4, 1), date(2025, 3, 31), datetime(2026, 11, 22, 8, tzinfo=UTC)),
    (("claire-innovation-network",), date(2023, 1, 1), date(2024, 1, 1), date(2023, 12, 31), None),
)


def reckoned(source: reports.Source, code: str, found: Any) -> int | float | None:
    """The figure once more, from nothing but its rows."""
    measure = source.measure(parts(code)[0])
    assert measure is not None
    if measure.how == "count":
        return len(found.rows)
    values = [row[found.measured] for row in found.rows]
    if measure.how == "sum":
        return sum(values)
    if not values:
        return None
    return float(statistics.median(values)) if measure.how == "median" else sum(values) / len(values)


def some_codes(made: Report, source: reports.Source) -> dict[str, Any]:
    """Every figure of a report; of each table, for each measure, its first cell, its last one and its total."""
    codes = {each.code: each.value for each in made.figures if each.rows and source.measure(each.measure)}
    for each in made.tables:
        for row in (*each.rows[:1], *each.rows[-1:], *([each.total] if each.total else [])):
            codes |= {cell.figure: cell.value for cell in row if cell.figure}
    return codes


@pytest.mark.parametrize("name", reports.SOURCES)
async def test_every_figure_is_as_many_rows_or_their_sum(context: Context, actor: Actor, name: str) -> None:
    source = reports.SOURCES[name]
    async with context.db.reading(actor.sees) as connection:
        for given in ASKED:
            wanted = await asked(connection, source, given)
            made = await reports.figures(connection, source, wanted)
            for code, value in some_codes(made, source).items():
                found = await reports.rows(connection, source, wanted, code)
                assert found.after is None
                if (
                    source.measure(parts(code)[0]).how == "count"
                    and source.relations[source.measure(parts(code)[0]).over].together
                ):
                    continue
                assert reckoned(source, code, found) == pytest.approx(value), (given, code)


async def test_the_parts_of_every_table_add_up_to_its_total(context: Context, actor: Actor) -> None:
    """AC-16: totals by every dimension are the grand total; what is unknown is a bucket of its own."""
    looked = 0
    async with context.db.reading(actor.sees) as connection:
        for source in reports.SOURCES.values():
            made = await reports.figures(connection, source, await asked(connection, source, ASKED[0]))
            whole = {each.code: each.value for each in made.figures}
            for each in made.tables:
                for code, parts_, total in summed(source, each):
                    assert sum(parts_) == total, (source.name, each.code, code)
                    assert whole.get(code, total) == total, (source.name, each.code, code)
                    looked += 1
    assert looked > 60


def summed(source: reports.Source, each: Table) -> list[tuple[str, list[int], int]]:
    """For each counted or summed column of a table with a total: its code, its cells, the total."""
    out = []
    for at, column in enumerate(each.columns):
        measure = source.measure(column.code)
        if each.total and measure is not None and measure.how in ("count", "sum"):
            out.append((each.total[at].figure, [row[at].value or 0 for row in each.rows], each.total[at].value or 0))
    return out


# --- the identity, on any memberships and any period


@st.composite
def lives(draw: Any) -> Lives:
    """A few organisations' stretches of membership, in order, some touching, the last one perhaps without an end."""
    out = []
    for _ in range(draw(st.integers(0, 6))):
        day, mine = draw(st.integers(0, 60)), []
        for _ in range(draw(st.integers(1, 4))):
            length = draw(st.integers(1, 50))
            mine.append((day, day + length, draw(st.booleans())))
            day += length + draw(st.sampled_from([0, 0, 1, 7, 30]))
        if draw(st.booleans()):
            mine[-1] = (mine[-1][0], None, mine[-1][2])
        out.append(mine)
    return out


def drawn(many: int, strategy: st.SearchStrategy[Any]) -> list[Any]:
    """So many examples, the same ones every time."""
    out: list[Any] = []

    @settings(max_examples=many, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(strategy)
    def take(one: Any) -> None:
        out.append(one)

    take()
    return out


def model(found: Lives, start: int, end: int) -> dict[str, int]:
    """The movements of a period once more, day by day, in plain Python."""
    horizon = end + 2
    out = dict.fromkeys(("start", "new", "reinstated", "lapsed", "end", "kept"), 0)
    for mine in found:
        there = [any(a <= day and (b is None or day < b) for a, b, _ in mine) for day in range(-1, horizon)]
        standing = dict(zip(range(-1, horizon), there, strict=True))
        out["start"] += standing[start - 1]
        out["end"] += standing[end - 1]
        out["kept"] += standing[start - 1] and standing[end - 1]
        for day in range(start, end):
            if standing[day] and not standing[day - 1]:
                before = any(standing[each] for each in range(-1, day))
                out["reinstated" if before else "new"] += 1
            if standing[day - 1] and not standing[day]:
                out["lapsed"] += 1
    return out


class _Undo(Exception):
    pass


async def test_end_is_start_and_new_and_reinstated_less_lapsed(context: Context) -> None:
    """For any memberships and any period: the report says what days counted one by one say, and the identity holds."""
    source, stayed = reports.SOURCES["movements"], reports.SOURCES["retention"]
    periods = st.tuples(st.integers(0, 150), st.integers(1, 100))
    async with context.db.tx() as connection:
        network = await empty_network(connection)
        seen = set()
        for found, (first, length) in drawn(40, st.tuples(lives(), periods)):
            try:
                async with context.db.tx() as inner:
                    await make(inner, network, found, datetime(2020, 1, 1, tzinfo=UTC))
                    start, end = on(first), on(first + length)
                    wanted = Asked((network,), start, end, end - timedelta(days=1))
                    made = await reports.figures(inner, source, wanted)
                    kept = await reports.figures(inner, stayed, wanted)
                    said = {code: made.figure(code).value for code in ("start", "new", "reinstated", "lapsed", "end")}
                    said["kept"] = kept.figure("kept").value
                    assert said == model(found, first, first + length), (found, first, length)
                    assert said["end"] == said["start"] + said["new"] + said["reinstated"] - said["lapsed"]
                    assert made.figure("net").value == said["end"] - said["start"]
                    seen |= {code for code, value in said.items() if value}
                    raise _Undo
            except _Undo:
                pass
    assert seen == {"start", "new", "reinstated", "lapsed", "end", "kept"}, "every kind of movement was drawn"


async def test_later_facts_never_change_what_is_asked_as_known_before_them(context: Context, actor: Actor) -> None:
    """And a fact that begins later changes no figure of a day before it."""
    known = datetime(2026, 11, 22, 8, tzinfo=UTC)
    async with context.db.tx() as connection:
        network = (await ids(connection))["nora-industry-network"]
        before = await all_figures(connection, network, known, TODAY)
        past = await all_figures(connection, network, None, date(2025, 12, 31))
        # somebody joins from tomorrow on, somebody had been a member for years and nobody had told
        await make(connection, network, [[(1056, None, False)]], datetime(2026, 11, 22, 9, tzinfo=UTC))
        assert await all_figures(connection, network, None, date(2025, 12, 31)) == past
        await make(connection, network, [[(0, None, False)]], datetime(2026, 11, 22, 9, tzinfo=UTC))
        await connection.execute(
            "update membership_period set superseded_at = '2026-11-22 09:00+00' where row_id = (select min(row_id)"
            " from membership_period where network_id = $1 and superseded_at is null)",
            network,
        )
        assert await all_figures(connection, network, known, TODAY) == before
        assert await all_figures(connection, network, None, date(2025, 12, 31)) != past, "known now, it is another"


async def all_figures(connection: Connection, network: UUID, known: datetime | None, day: date) -> dict[str, Any]:
    """The figures of every report of members, up to a day."""
    out = {}
    for source in reports.SOURCES.values():
        if source.area == "members":
            start = date(day.year, 1, 1)
            wanted = Asked((network,), start, day + timedelta(days=1), day, known, options=options(source))
            made = await reports.figures(connection, source, wanted)
            out |= {f"{source.name}/{each.code}": each.value for each in made.figures}
    return out


# --- what is told of them


@pytest.mark.parametrize("language", LANGUAGES)
async def test_everything_a_report_shows_has_words(context: Context, actor: Actor, language: str) -> None:
    t = translator(language)
    async with context.db.reading(actor.sees) as connection:
        for source in reports.SOURCES.values():
            assert t.gettext(REPORTS[source.name].title) and t.gettext(REPORTS[source.name].summary)
            for measure in source.measures:
                assert len(figure(t, source.name, measure.code)[1]) > 10
                for column in reports.columns(source, measure.code):
                    assert heading(t, source.name, column.code)
            for each in source.options:
                assert option(t, source.name, each.code)
            made = await reports.figures(connection, source, await asked(connection, source, ASKED[0]))
            for shown in made.tables:
                assert table(t, source.name, shown.code)
                assert all(heading(t, source.name, column.code) for column in shown.columns)


def test_periods_and_comparisons() -> None:
    assert period("last_quarter", date(2026, 2, 3)) == (date(2025, 10, 1), date(2026, 1, 1))
    assert period("this_month", date(2026, 12, 31)) == (date(2026, 12, 1), date(2027, 1, 1))
    assert period("whenever", TODAY) is None
    assert comparison("previous", *YEAR) == (date(2025, 1, 1), date(2026, 1, 1))
    assert comparison("previous", date(2026, 3, 10), date(2026, 3, 20)) == (date(2026, 2, 28), date(2026, 3, 10))
    assert comparison("year", date(2024, 2, 29), date(2024, 3, 1)) == (date(2023, 2, 28), date(2023, 3, 1))
    assert later(date(2026, 1, 31), 1) == date(2026, 2, 28) and later(date(2026, 3, 31), -1) == date(2026, 2, 28)
    then = Asked((), *YEAR, TODAY, compare=(date(2025, 1, 1), date(2026, 1, 1))).then
    assert (then.start, then.end, then.as_of) == (date(2025, 1, 1), date(2026, 1, 1), date(2025, 11, 22))


@pytest.mark.parametrize(
    "code",
    ["nothing", "members/", "members/kind", "members/colour=blue", "members/kind=a\0b", "members" + "/kind=a" * 9],
)
async def test_a_figure_that_is_not_there_is_refused(context: Context, actor: Actor, code: str) -> None:
    source = reports.SOURCES["members"]
    async with context.db.reading(actor.sees) as connection:
        with pytest.raises(RuleViolation, match="figure_unknown"):
            await reports.rows(connection, source, await asked(connection, source, ASKED[0]), code)
    assert narrowed("members", county="Møre og Romsdal/x=1") == "members/county=M%C3%B8re%20og%20Romsdal%2Fx%3D1"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("cohorts", "still/joined_year=2021/stood=soon"),
        ("movements", "standing/day=2026-02-30"),
        ("cohorts", "still/stood=9999999999"),
    ],
)
async def test_a_value_that_is_no_day_or_year_is_no_figure(
    context: Context, actor: Actor, name: str, code: str
) -> None:
    source = reports.SOURCES[name]
    async with context.db.reading(actor.sees) as connection:
        with pytest.raises(RuleViolation, match="figure_unknown"):
            await reports.rows(connection, source, await asked(connection, source, ASKED[0]), code)


async def test_rows_come_in_pages_without_a_gap(context: Context, actor: Actor) -> None:
    source = reports.SOURCES["members"]
    async with context.db.reading(actor.sees) as connection:
        wanted = await asked(connection, source, ASKED[0])
        whole = (await reports.rows(connection, source, wanted, "members")).rows
        paged: list[Sequence[Any]] = []
        after: str | None = ""
        while after is not None:
            page = await reports.rows(connection, source, wanted, "members", after, 7)
            paged += page.rows
            after = page.after
        streamed = [row async for batch in reports.every_row(connection, source, wanted, "members") for row in batch]
    assert tuple(paged) == whole == tuple(streamed) and len(whole) == 24


async def test_what_is_compared_stands_beside(context: Context, actor: Actor) -> None:
    source = reports.SOURCES["composition"]
    async with context.db.reading(actor.sees) as connection:
        wanted = await asked(connection, source, ASKED[0])
        compared = msgspec.structs.replace(wanted, compare=(date(2021, 1, 1), date(2022, 1, 1)))
        made = await reports.figures(connection, source, compared)
        then = await reports.figures(connection, source, compared.then)
    assert made.figure("members").before == then.figure("members").value != made.figure("members").value
    rows = made.table("by_kind").rows
    at = [each.code for each in made.table("by_kind").columns].index("before")
    assert sum(row[at].value for row in rows) == then.figure("members").value
    assert sum(row[at + 1].value for row in rows) == made.figure("members").value - then.figure("members").value
