"""From a report's source to its figures and tables, and to the rows behind any of them: one statement a relation."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from typing import Any

import asyncpg
import msgspec

from cluster_rules.errors import RuleViolation
from crm.database import Connection
from crm.reads.reports.grounds import Ground
from crm.reads.reports.largest import Largest
from crm.reads.reports.source import Cut, Figures, Measure, Relation, Source
from crm.reads.reports.statement import (
    CURRENCY,
    Statement,
    Wanted,
    bucket,
    by_groups,
    by_rows,
    ground_of,
    rows_of,
    wanted,
)
from crm.reports import OTHERS, Asked, Cell, Column, Figure, Report, Rows, Table, narrowed, parts

MOST_ROWS = 1_000  # of a page
ROWS_AT_A_TIME = 500
# In memory, without compiling, and planned for what is asked: which moment, how long a period.
ROOMY = "set local jit = off; set local work_mem = '64MB'; set local plan_cache_mode = force_custom_plan"
# What is counted from courses makes few groups of many rows: the planner, which thinks every row a group, would sort.
HASHED = "set local enable_sort = off"
MEASURED = "measured"
UNKNOWN = ""
IN_TIME = {"month", "day"}  # dimensions of which each period has its own
BEFORE, CHANGE = "before", "change"
_NOTHING = Asked((), date.min, date.max, date.min)


async def figures(connection: Connection, source: Source, asked: Asked) -> Report:
    """The report, with the period of comparison beside when one is asked for."""
    async with roomy(connection) as settled:
        ground = await ground_of(connection, source.relations.values(), asked, settled)
        if ground is not None:
            await connection.execute(HASHED)
        made = await _made(connection, source, asked, ground)
        if asked.compare is None:
            return made
        return _compared(source, made, await _made(connection, source, asked.then, ground, made))


@asynccontextmanager
async def roomy(connection: Connection) -> AsyncIterator[bool]:
    """A transaction for statements that sort and join whole networks: in memory, and without compiling them first.

    Are the courses what the timelines say? Not in a transaction that has changed something and is not at its end.
    """
    within = connection.is_in_transaction()
    async with connection.transaction():
        await connection.execute(ROOMY)
        yield not within or await connection.fetchval("select coalesce(current_setting('crm.touched', true), '') = ''")


async def rows(
    connection: Connection, source: Source, asked: Asked, code: str, after: str = "", limit: int = MOST_ROWS
) -> Rows:
    """A page of the rows behind the figure `code`, in the order of their keys, after the key `after`.

    RuleViolation `figure_unknown`.
    """
    with _readable(code):
        async with roomy(connection) as settled:
            ground = await ground_of(connection, source.relations.values(), asked, settled)
            columns, sql, values = _listing(source, asked, code, after, limit + 1, ground)
            found = await connection.fetch(sql, *values)
    shown = tuple(tuple(row)[1:] for row in found[:limit])
    following = found[limit - 1]["key"] if len(found) > limit else None
    return Rows(columns, shown, following, measured(source, code, columns))


async def every_row(
    connection: Connection, source: Source, asked: Asked, code: str
) -> AsyncGenerator[list[tuple[Any, ...]], None]:
    """All rows behind a figure, some hundreds at a time, of one moment."""
    with _readable(code):
        async with roomy(connection) as settled:
            ground = await ground_of(connection, source.relations.values(), asked, settled)
            _, sql, values = _listing(source, asked, code, "", None, ground)
            cursor = await connection.cursor(sql, *values)
            while found := await cursor.fetch(ROWS_AT_A_TIME):
                yield [tuple(row)[1:] for row in found]


@contextmanager
def _readable(code: str) -> Iterator[None]:
    """A value in a figure's code that is no day or year where one must be is no figure."""
    try:
        yield
    except asyncpg.DataError as error:
        raise RuleViolation("figure_unknown", "figure", given=code[:100]) from error


def columns(source: Source, code: str) -> tuple[Column, ...]:
    """What the rows behind a figure tell. RuleViolation `figure_unknown`."""
    return _listing(source, _NOTHING, code, "", None)[0]


def measured(source: Source, code: str, listed: Sequence[Column]) -> int | None:
    """The place of the column that the figure is reckoned from; None when it is how many rows there are."""
    measure = _measure(source, code)
    if measure.how == "count":
        return None
    return next(at for at, each in enumerate(listed) if each.code in (measure.of, MEASURED))


def _measure(source: Source, code: str) -> Measure:
    found = source.measure(parts(code)[0])
    if found is None:
        raise RuleViolation("figure_unknown", "figure", given=code[:100])
    return found


def _listing(
    source: Source, asked: Asked, code: str, after: str, limit: int | None, ground: Ground | None = None
) -> tuple[tuple[Column, ...], str, list[Any]]:
    """The columns, the statement and its values."""
    measure = _measure(source, code)
    relation = source.relations[measure.over]
    statement = Statement(asked)
    conditions = [f"({statement.sql(measure.where)})"]
    asked_of = dict(parts(code)[1]).get(measure.asks)
    for by, value in parts(code)[1]:
        if by == measure.asks:
            continue
        conditions.append(f"({_narrowing(relation, statement, measure, code, by, value)})")
    listed, chosen = _columns(relation, measure, statement, asked_of)
    conditions.append(f"r.key > {statement.bind(after, 'text')}")
    rows = rows_of(relation, ground, " ".join((*conditions, *chosen, "key")))
    sql = (
        f"with r as (select * from ({statement.sql(rows)}) x) select r.key, {', '.join(chosen)} from r"
        f" where {' and '.join(conditions)} order by r.key limit {statement.bind(limit, 'int')}"
    )
    return listed, sql, statement.values


def _columns(
    relation: Relation, measure: Measure, statement: Statement, value: str | None
) -> tuple[tuple[Column, ...], list[str]]:
    """The columns of a measure's rows; what is measured is one of them, or one more."""
    columns, chosen = list(relation.columns), [f"r.{each.code}" for each in relation.columns]
    if measure.how == "share":
        columns.append(Column(MEASURED, "number"))
        chosen.append(f"case when {statement.sql(measure.of, value)} then 1 else 0 end")
    elif measure.of and measure.of not in {each.code for each in columns}:
        columns.append(Column(MEASURED, measure.kind))
        chosen.append(statement.sql(measure.of))
    return tuple(columns), chosen


def _narrowing(relation: Relation, statement: Statement, measure: Measure, code: str, by: str, value: str) -> str:
    if by in relation.narrow:
        return statement.sql(relation.narrow[by], value)
    if by in relation.by or (by == CURRENCY and measure.kind == "money"):
        return f"{bucket(by)} = {statement.bind(value, 'text')}"
    raise RuleViolation("figure_unknown", "figure", given=code[:100])


# --- figures and tables


class _Group(msgspec.Struct, frozen=True):
    """What one grouping of a relation gave: the values it is of, and each measure's value.

    `others`: it is all those together that are not among the largest.
    """

    of: dict[str, str]
    values: Mapping[str, Any]
    others: bool = False


# Of a relation, by the names of what they are of.
_Groups = dict[frozenset[str], list[_Group]]
_WHOLE: frozenset[str] = frozenset()
_BY_CURRENCY = frozenset({CURRENCY})


async def _made(
    connection: Connection, source: Source, asked: Asked, ground: Ground | None, beside: Report | None = None
) -> Report:
    """One period; `beside`: what it will stand beside, whose rows are told one by one in this one, too."""
    groups: dict[str, _Groups] = {}
    tabled = {code for cut in source.cuts for code in cut.measures}
    for names in _asked_together(source):
        measures = [m for m in source.measures if m.over in names and (m.shown or m.code in tabled)]
        if measures:
            cuts = [cut for cut in source.cuts if source.measure(cut.measures[0]) in measures]
            largest = _largest(source, cuts, measures, beside)
            asking = wanted(source.relations[names[0]], measures, {_by(source, cut) for cut in cuts}, largest)
            groups |= dict.fromkeys(names, await _grouped(connection, asking, asked, ground))
    figures = [f for each in source.measures if each.shown for f in _figures(each, groups[each.over])]
    figures += _derived(source, asked, groups.values())
    tables = {}
    for cut in source.cuts:
        first = source.measure(cut.measures[0])
        assert first is not None, cut.code
        tables[cut.code] = _table(source, cut, groups[first.over])
    shown = [tables[cut.code] for cut in source.cuts if cut.shown]
    if source.further is not None:
        more, others = source.further(asked, {each.code: each.value for each in figures}, tables)
        figures += more
        shown += others
    return Report(source.name, asked, tuple(figures), tuple(shown), source.charts)


def _largest(source: Source, cuts: Iterable[Cut], measures: Sequence[Measure], beside: Report | None) -> Largest | None:
    """The one table of these whose largest rows are enough.

    Beside another period those that are listed there are listed here. Where not all are, nobody else is: whoever is not
    among the largest there may not have been nobody.
    """
    places = {each.code: at for at, each in enumerate(measures)}
    limited = [each for each in cuts if each.most]
    if not limited:
        return None
    (cut,) = limited
    assert [each.code for each in cuts if {*each.by} == {*cut.by}] == [cut.code], "another table needs all of them"
    by, most, chosen = _by(source, cut), cut.most, []
    if beside is not None:
        labels = [tuple(cell.value for cell in row[: len(by)]) for row in beside.table(cut.code).rows]
        chosen = [label for label in labels if label[0] != OTHERS]
        most = cut.most if len(chosen) == len(labels) else 0
    return Largest(cut.by, by[len(cut.by) :], tuple(places[code] for code in cut.measures), most, tuple(chosen))


def _asked_together(source: Source) -> Iterable[list[str]]:
    """The names of the relations, those whose figures come from the same rows beside each other."""
    by_rows: dict[str, list[str]] = {}
    for name, relation in source.relations.items():
        by_rows.setdefault(relation.together or relation.sql, []).append(name)
    return by_rows.values()


async def _grouped(connection: Connection, asking: Wanted, asked: Asked, ground: Ground | None) -> _Groups:
    """Every grouping that is wanted, in one go over the relation."""
    statement = Statement(asked)
    adds_up = all(each.how in ("count", "sum", "share") for each in asking.measures)
    write = by_groups if asking.by and adds_up else by_rows
    assert adds_up or asking.largest is None, "what does not add up has no sum of the others"
    found = await connection.fetch(write(asking, statement, ground), *statement.values)
    named: dict[int, list[tuple[str, str]]] = {}
    measured = [(m.code, f"m{at}") for at, m in enumerate(asking.measures)]
    out: _Groups = {}
    for row in found:
        mask = row["mask"] if asking.by else 0
        if mask not in named:
            named[mask] = [(name, f"b_{name}") for at, name in enumerate(reversed(asking.by)) if not mask >> at & 1]
        of = {name: row[column] for name, column in named[mask]}
        others = asking.largest is not None and row["others"]
        out.setdefault(frozenset(of), []).append(_Group(of, {code: row[column] for code, column in measured}, others))
    return out


def _figures(measure: Measure, groups: _Groups) -> list[Figure]:
    """The figure; of money one for each currency."""
    if measure.kind != "money":
        return [Figure(measure.code, g.values[measure.code], measure.kind) for g in groups.get(_WHOLE, ())]
    found = sorted(groups.get(_BY_CURRENCY, ()), key=lambda g: g.of[CURRENCY])
    return [
        Figure(narrowed(measure.code, **g.of), g.values[measure.code], "money", currency=g.of[CURRENCY]) for g in found
    ] or [Figure(measure.code, 0, "money")]


def _derived(source: Source, asked: Asked, relations: Iterable[_Groups]) -> list[Figure]:
    """What is reckoned from the measures, for each currency there is; once without where none of it is money."""
    money = any(each.kind == "money" for each in source.measures)
    by_currency: dict[str, dict[str, Any]] = {}
    for group in (g for groups in relations for g in groups.get(_BY_CURRENCY if money else _WHOLE, ())):
        by_currency.setdefault(group.of.get(CURRENCY, ""), {}).update(group.values)
    options = {each.code: asked.options.get(each.code, each.default) for each in source.options}
    out = []
    for each in source.derived:
        for currency, values in sorted(by_currency.items()) or [("", {})]:
            code = narrowed(each.code, currency=currency) if currency else each.code
            out.append(Figure(code, each.of(Figures(values, options)), each.kind, rows=False, currency=currency))
    return out


def _table(source: Source, cut: Cut, groups: _Groups) -> Table:
    measures = [m for code in cut.measures if (m := source.measure(code))]
    by = _by(source, cut)
    columns = [Column(name, words=source.words.get(name, name)) for name in by]
    columns += [Column(m.code, m.kind) for m in measures]
    totals = groups.get(frozenset(by) - {*cut.by}, [])
    ordered = sorted(
        groups.get(frozenset(by), ()),
        key=lambda g: (g.others, g.of.get(CURRENCY, UNKNOWN) if g.others else _order(cut, g)),
    )
    listed = [g for g in ordered if any(g.values[m.code] for m in measures)]
    rows = [(*(Cell(g.of[name]) for name in by), *_cells(measures, g)) for g in listed]
    total: tuple[Cell, ...] = ()
    if len(totals) == 1:
        labels = (*(Cell(None) for _ in cut.by), *(Cell(totals[0].of[name]) for name in by if name not in cut.by))
        total = (*labels, *_cells(measures, totals[0]))
    return Table(cut.code, tuple(columns), tuple(rows), total)


def _cells(measures: Iterable[Measure], group: _Group) -> list[Cell]:
    """The measures of a group; what its figures are narrowed by is written once for all of them.

    The rows of many that are told together cannot be asked for by one code.
    """
    if group.others:
        return [Cell(group.values[m.code]) for m in measures]
    narrowing = narrowed("", **group.of)
    return [Cell(group.values[m.code], m.code + narrowing) for m in measures]


def _by(source: Source, cut: Cut) -> tuple[str, ...]:
    """What a table is cut by: of money, each currency by itself."""
    measures = [m for code in cut.measures if (m := source.measure(code))]
    return (*cut.by, CURRENCY) if any(m.kind == "money" for m in measures) else cut.by


def _order(cut: Cut, group: _Group) -> tuple[Any, ...]:
    """Largest first, or by code; what is unknown stands last, and one currency after the other."""
    codes = [(group.of[name] == UNKNOWN, group.of[name]) for name in cut.by]
    currency = group.of.get(CURRENCY, UNKNOWN)
    if cut.order == "code":
        first = group.of[cut.by[0]]
        return (cut.codes.index(first) if first in cut.codes else len(cut.codes), codes, currency)
    return ([unknown for unknown, _ in codes[:1]], -(group.values[cut.measures[0]] or 0), codes, currency)


# --- two periods beside each other


def _compared(source: Source, made: Report, then: Report) -> Report:
    old = {each.code: each.value for each in then.figures}
    figures = [msgspec.structs.replace(each, before=old.get(each.code, _nothing(each))) for each in made.figures]
    known = {each.code for each in made.figures}
    gone = [each for each in then.figures if each.code not in known and each.kind == "money" and each.currency]
    figures += [msgspec.structs.replace(each, value=0, before=each.value) for each in gone]
    cuts = {cut.code for cut in source.cuts if not {source.words.get(by) for by in cut.by} & IN_TIME}
    by_code = {each.code: each for each in then.tables if each.code in cuts}
    tables = [_beside(each, by_code[each.code]) if each.code in by_code else each for each in made.tables]
    return msgspec.structs.replace(made, figures=tuple(figures), tables=tuple(tables))


def _nothing(figure: Figure) -> int | None:
    return 0 if figure.kind in ("number", "money") else None


def _beside(now: Table, then: Table) -> Table:
    """The table with its first measure as it was, and the change."""
    at = next(
        (place for place, each in enumerate(now.columns) if each.kind in ("number", "money") and each.code != "year"), 0
    )
    if not at or [c.code for c in now.columns] != [c.code for c in then.columns]:
        return now
    before = {_label(row, at): row for row in then.rows}
    rows = [(*row, *_change(row[at], before.pop(_label(row, at), None), at)) for row in now.rows]
    for row in before.values():
        nothing = (*row[:at], *(Cell(0 if c.kind in ("number", "money") else None) for c in now.columns[at:]))
        rows.append((*nothing, *_change(nothing[at], row, at)))
    total = (*now.total, *_change(now.total[at], then.total or None, at)) if now.total else ()
    kind = now.columns[at].kind
    return Table(now.code, (*now.columns, Column(BEFORE, kind), Column(CHANGE, kind)), tuple(rows), total)


def _label(row: Sequence[Cell], at: int) -> tuple[Any, ...]:
    return tuple(cell.value for cell in row[:at])


def _change(now: Cell, row: Sequence[Cell] | None, at: int) -> tuple[Cell, Cell]:
    then = row[at] if row else Cell(0)
    return Cell(then.value, then.figure, then=True), Cell((now.value or 0) - (then.value or 0))
