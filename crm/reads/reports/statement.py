"""From relations to SQL statements: parameters are numbered, and what is asked of a relation is asked in one go."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from crm.database import Connection
from crm.reads.known import believed
from crm.reads.reports.grounds import Ground
from crm.reads.reports.largest import Largest, only_largest
from crm.reads.reports.source import Measure, Relation
from crm.reports import Asked

CURRENCY = "currency"
_NAME = re.compile(r"[a-z][a-z_0-9]*")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z][a-z_0-9]*)")
_STANDS = re.compile(r"\bstands\((\w+)\)")
_DECIDED = re.compile(r"\bdecided\((\w+)\)")
_TYPES = {
    "networks": "uuid[]", "start": "date", "end": "date", "as_of": "date", "known_at": "timestamptz",
    "compare_start": "date", "compare_end": "date", "value": "text",
}  # fmt: skip


class Statement:
    """SQL with named parameters becomes SQL with numbered ones, each bound once."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.values: list[Any] = []
        self._places: dict[str, str] = {}

    def sql(self, text: str, value: str | None = None) -> str:
        """The text with its parameters numbered; `value` is what :value stands for in it."""
        ever = self.asked.known_at is not None
        text = _STANDS.sub(lambda found: f"({believed(found[1], ':known_at', ever)})", text)
        text = _DECIDED.sub(lambda found: _not_withdrawn(found[1], ever), text)
        self._places.pop("value", None)
        return _PARAMETER.sub(lambda found: self._named(found[1], value), text)

    def bind(self, value: Any, kind: str) -> str:
        """A value of its own."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"

    def _named(self, name: str, value: str | None) -> str:
        if name not in self._places:
            given = value if name == "value" else self._asked(name)
            self._places[name] = self.bind(given, _TYPES.get(name, "text"))
        return self._places[name]

    def _asked(self, name: str) -> Any:
        if name.startswith("option_"):
            return self.asked.options.get(name.removeprefix("option_"), "")
        if name.startswith("compare_"):
            return self.asked.compare[name == "compare_end"] if self.asked.compare else None
        found = getattr(self.asked, name)
        return list(found) if name == "networks" else found


async def ground_of(
    connection: Connection, relations: Iterable[Relation], asked: Asked, settled: bool
) -> Ground | None:
    """What courses can say of it, if anything. `settled`: they are what the timelines say."""
    if not settled or not asked.networks or not any(each.course for each in relations):
        return None
    ground = Ground(len(asked.networks) > 1, asked.known_at is not None)
    if ground.plain:
        return ground
    statement = Statement(asked)
    return msgspec.structs.replace(
        ground, apart=await connection.fetchval(statement.sql(ground.anybody_apart), *statement.values)
    )


def rows_of(relation: Relation, ground: Ground | None, looked_at: str, counted: bool = False) -> str:
    """The relation's SQL: from courses where there are any, with the columns that the SQL `looked_at` names."""
    if relation.course is not None and ground is not None:
        return relation.course(frozenset(_NAME.findall(looked_at)), ground)
    return (counted and relation.together) or relation.sql


class Wanted(msgspec.Struct, frozen=True):
    """What is asked of a relation: measures, and by what they are grouped, each time once."""

    relation: Relation
    measures: Sequence[Measure]
    sets: tuple[tuple[str, ...], ...]
    by: tuple[str, ...]
    largest: Largest | None = None

    @property
    def head(self) -> str:
        """The columns that say which grouping a row is of."""
        return f"grouping({', '.join(f'b_{name}' for name in self.by)})::int as mask, " if self.by else ""

    @property
    def grouping(self) -> str:
        """The end of the statement."""
        sets = ", ".join("(" + ", ".join(f"b_{name}" for name in each) + ")" for each in self.sets)
        return f" group by grouping sets ({sets})" if self.by else ""


def wanted(
    relation: Relation,
    measures: Sequence[Measure],
    cuts: Iterable[tuple[str, ...]],
    largest: Largest | None = None,
) -> Wanted:
    sets = {frozenset(by) for by in (*cuts, ())}
    if any(each.kind == "money" for each in measures):
        sets.add(frozenset({CURRENCY}))
    by = tuple(sorted(frozenset().union(*sets)))
    return Wanted(relation, measures, tuple(tuple(sorted(each)) for each in sorted(sets, key=sorted)), by, largest)


def by_rows(asking: Wanted, statement: Statement, ground: Ground | None) -> str:
    """Each grouping straight from the rows: for what does not add up."""
    values = ", ".join(f"{_aggregate(m, statement)} as m{at}" for at, m in enumerate(asking.measures))
    rows = rows_of(asking.relation, ground, " ".join((values, *asking.by)), counted=True)
    buckets = "".join(f", {bucket(name)} as b_{name}" for name in asking.by)
    within = "".join(f"b_{name}, " for name in asking.by)
    # not materialized: columns that only rows show, and the joins they come from, are then never looked up
    return (
        f"with r as (select r.*{buckets} from ({statement.sql(rows)}) r)"
        f" select {asking.head}{within}{values} from r{asking.grouping}"
    )


def by_groups(asking: Wanted, statement: Statement, ground: Ground | None) -> str:
    """What adds up is added up once for all dimensions, and each grouping from those few sums."""
    measures, facts = asking.measures, asking.relation.facts
    parts = [part for at, m in enumerate(measures) for part in _parts(m, at, statement, bool(facts))]
    values = [_summed(m, at, statement, bool(facts)) for at, m in enumerate(measures)]
    columns = sorted({*asking.by, *facts})
    counted, many = asking.relation.counted, "count(*)"
    rows = counted(frozenset({*columns, "many"}), ground) if counted is not None and ground is not None else None
    if rows is not None:
        many = "sum(r.many)"
    else:
        rows = rows_of(asking.relation, ground, " ".join((*parts, *columns)), counted=True)
    buckets = "".join(f", coalesce(f.{name}::text, '') as b_{name}" for name in asking.by)
    within = "".join(f"b_{name}, " for name in asking.by)
    of = ", ".join(f"r.{name}" for name in columns)
    if facts:
        parts.append(f"{many} as many")
    groups = f"select {asking.head}{within}{', '.join(values)} from g{asking.grouping}"
    if asking.largest:
        groups = only_largest(asking.largest, groups, asking.by, len(measures), statement.bind)
    return (
        f"with r as (select * from ({statement.sql(rows)}) r),"
        f" f as (select {', '.join((of, *parts))} from r group by {of}),"
        f" g as (select f.*{buckets} from f) {groups}"
    )


def _parts(measure: Measure, at: int, statement: Statement, by_facts: bool) -> list[str]:
    """What is added up of a measure in the smallest groups; by facts, only what is not how many there are."""
    where, of = statement.sql(measure.where), statement.sql(measure.of)
    if measure.how == "sum":
        return [f"sum({of}) as p{at}" if by_facts else f"sum({of}) filter (where {where}) as p{at}"]
    if by_facts:
        return []
    out = [f"count(*) filter (where {where}) as p{at}"]
    return [*out, f"count(*) filter (where ({where}) and ({of})) as q{at}"] if measure.how == "share" else out


def _summed(measure: Measure, at: int, statement: Statement, by_facts: bool) -> str:
    """A measure from its parts; rounded only at the end."""
    where, of = statement.sql(measure.where), statement.sql(measure.of)
    if by_facts:
        many = "p" + str(at) if measure.how == "sum" else "many"
        whole, part = f"sum({many}) filter (where {where})", f"sum(many) filter (where ({where}) and ({of}))"
    else:
        whole, part = f"sum(p{at})", f"sum(q{at})"
    if measure.how == "share":
        return f"coalesce({part}, 0)::float8 / nullif({whole}, 0) as m{at}"
    return f"coalesce({whole}, 0)::bigint as m{at}"


def _aggregate(measure: Measure, statement: Statement) -> str:
    where, of = statement.sql(measure.where), statement.sql(measure.of)
    only = f"filter (where {where})"
    return {
        "count": f"count(*) {only}",
        "sum": f"coalesce(sum({of}) {only}, 0)::bigint",
        "mean": f"(avg({of}) {only})::float8",
        "median": f"(percentile_cont(0.5) within group (order by ({of})::float8) {only})::float8",
        "share": f"(count(*) filter (where ({where}) and ({of})))::float8 / nullif(count(*) {only}, 0)",
    }[measure.how]


def _not_withdrawn(alias: str, ever: bool) -> str:
    """As `believed`, for facts that are withdrawn and not superseded."""
    if not ever:
        return f"{alias}.withdrawn_at is null"
    return f"({alias}.recorded_at <= :known_at and ({alias}.withdrawn_at is null or {alias}.withdrawn_at > :known_at))"


def bucket(by: str) -> str:
    return f"coalesce(r.{by}::text, '')"
