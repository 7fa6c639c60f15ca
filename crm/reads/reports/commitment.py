"""R3, committed members, and the readiness for a cluster profile at the ECCP (AC-17).

Committed is who shows it in at least one of the ways asked for, within so many months up to the day. What shows it is
a list of sources, each an SQL relation of (organisation_id, source, on_day, weight): add one to SOURCES and it counts.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from crm.reads.reports import courses
from crm.reads.reports.grounds import Ground
from crm.reads.reports.members import BY, COLUMNS
from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reads.reports.standing import on
from crm.reports import Asked, Cell, Chart, Column, Figure, Option, Table

SINCE = "(:as_of - make_interval(months => :option_months::int))::date"
ENOUGH_MEMBERS = 15
ENOUGH_TYPES = 2
HUNDREDTHS_OF_A_TEAM = 50

# A payment put on an invoice with a line for one of the networks, that was not taken back.
PAID = f"""
    select p.organisation_id, 'paid' as source, p.on_day, 1 as weight
    from members_paid(:networks, {SINCE}, :as_of, :known_at) p
"""
# The terms of a network were agreed to, or a fee of its own was signed and holds on the day.
SIGNED = f"""
    select p.organisation_id, 'signed' as source, p.on_day, 1 as weight
    from members_agreed(:networks, {SINCE}, :as_of, :known_at) p
    union all
    select f.organisation_id, 'signed', max(f.starts_on), 1 from agreed_fee f
    where f.network_id = any(:networks) and stands(f) and f.starts_on <= :as_of
        and (f.ends_on is null or f.ends_on > :as_of)
    group by 1
"""
# Took part in an activity: each counts one towards how many are asked for.
ATTENDED = f"""
    select p.organisation_id, 'attended' as source, a.on_day, 1 as weight
    from activity a join activity_participant p on p.activity_row_id = a.row_id
    where a.network_id = any(:networks) and stands(a) and a.on_day > {SINCE} and a.on_day <= :as_of
"""
# Gave something in kind, in hours or things, that was given at least in part since then.
IN_KIND = f"""
    select c.organisation_id, 'in_kind' as source, max(least(c.ends_on - 1, :as_of)) as on_day, 1 as weight
    from contribution c where c.network_id = any(:networks) and stands(c) and c.starts_on <= :as_of
        and c.ends_on - 1 > {SINCE} group by 1
"""
# code -> (SQL, the least weight that shows commitment, as SQL). The code is also the option that asks for it.
SOURCES: dict[str, tuple[str, str]] = {
    "paid": (PAID, "1"),
    "signed": (SIGNED, "1"),
    "in_kind": (IN_KIND, "1"),
    "attended": (ATTENDED, ":option_events::int"),
}
TYPES = """
    case when kind = 'company' then 'business' when kind in ('university', 'university_college', 'research_institute')
        then 'research' when kind = 'public_body' then 'public' when kind is null then null else 'other' end
"""


def _ways() -> str:
    """Who shows commitment on the day in which ways: each is a bit."""
    parts = [
        f"select organisation_id, {1 << at} as way, max(on_day) as on_day from ({sql}) {code}"
        f" where :option_{code} = 'yes' group by 1 having sum(weight) >= {least}"
        for at, (code, (sql, least)) in enumerate(sorted(SOURCES.items()))
    ]
    return " union all ".join(parts)


def _ways_said() -> str:
    """The words for the bits of `w.ways`, as _shown says them; null for none."""
    codes = sorted(SOURCES)
    words = [" ".join(code for at, code in enumerate(codes) if bits >> at & 1) for bits in range(1, 1 << len(codes))]
    said = ", ".join(f"'{each}'" for each in words)
    return f"(array[{said}])[w.ways]"


def _shown() -> str:
    """Who shows commitment on the day, and how; what is not asked for shows nothing."""
    parts = [
        f"select organisation_id, source, max(on_day) as on_day from ({sql}) {code} where :option_{code} = 'yes'"
        f" group by 1, 2 having sum(weight) >= {least}"
        for code, (sql, least) in SOURCES.items()
    ]
    return " union all ".join(parts)


MEMBERS = f"""
    select m.*, {TYPES} as type, c.how, c.shown_on, c.organisation_id is not null as committed
    from ({on(":as_of")}) m
    left join (select organisation_id, string_agg(source, ' ' order by source) as how, max(on_day) as shown_on
        from ({_shown()}) s group by 1) c on c.organisation_id = m.organisation_id
    where m.status = 'active'
"""


def _members(wanted: frozenset[str], ground: Ground) -> str:
    """The same from courses."""
    members = courses.on({*wanted, "organisation_id", "status", "kind"} - {"type"}, ground, ":as_of")
    if wanted & {"how", "shown_on"}:
        shown, told = (
            f"{_ways_said()} as how, w.shown_on, w.organisation_id is not null as committed",
            f"""left join (
            select organisation_id, sum(way)::int as ways, max(on_day) as shown_on from ({_ways()}) s group by 1) w
            on w.organisation_id = m.organisation_id""",
        )
    else:
        shown, told = f"m.organisation_id in (select organisation_id from ({_ways()}) s) as committed", ""
    return f"select m.*, {TYPES} as type, {shown} from ({members}) m {told} where m.status = 'active'"


OPTIONS = (
    Option("months", "12", 1, 60),
    *(Option(code, "yes", choices=("yes", "no")) for code in SOURCES),
    Option("events", "2", 1, 100),
)
RELATION = Relation(
    MEMBERS,
    (*COLUMNS[:-1], Column("type", words="type"), Column("how", words="how"), Column("shown_on", "day"), COLUMNS[-1]),
    by=(*BY, "type", "how"),
    course=_members,
    facts=("committed",),
)
COMMITTED = Source(
    name="committed",
    area="members",
    stock=True,
    relations={"members": RELATION},
    measures=(
        Measure("committed", "members", "committed"),
        Measure("not_committed", "members", "not committed"),
        Measure("members", "members"),
        Measure("share_committed", "members", how="share", of="committed", kind="share"),
    ),
    cuts=(
        Cut("by_type", ("committed", "members"), ("type",)),
        Cut("by_how", ("committed",), ("how",)),
        Cut("by_tier", ("committed", "members"), ("tier",)),
    ),
    charts=(Chart("hbar", "by_type", "type", ("committed",)),),
    options=OPTIONS,
)


def _criteria(
    asked: Asked, figures: Mapping[str, Any], tables: Mapping[str, Table]
) -> tuple[tuple[Figure, ...], tuple[Table, ...]]:
    """Each criterion of the ECCP with its value, what is needed, and whether it is met, or not known here."""
    members = figures["committed"]
    types = sum(1 for kind, committed, *_ in tables["by_type"].rows if kind.value and committed.value)
    team, website = int(asked.options["team"]), asked.options["website"]
    verdicts = (
        ("members", members, ENOUGH_MEMBERS, _met(members >= ENOUGH_MEMBERS), "committed"),
        ("types", types, ENOUGH_TYPES, _met(types >= ENOUGH_TYPES), "committed"),
        ("team", team / 100 if team else None, 0.5, _met(team >= HUNDREDTHS_OF_A_TEAM) if team else "unknown", ""),
        ("website", None, None, {"yes": "met", "no": "failed"}.get(website, "unknown"), ""),
    )
    rows = tuple(
        (Cell(code), Cell(value, rows), Cell(needed), Cell(verdict)) for code, value, needed, verdict, rows in verdicts
    )
    columns = (
        Column("criterion", words="criterion", width=40),
        Column("reached", "number"),
        Column("needed", "number"),
        Column("verdict", words="verdict"),
    )
    counted = [verdict for *_, verdict, _ in verdicts]
    met = tuple(Figure(f"criteria_{word}", counted.count(word), rows=False) for word in ("met", "failed", "unknown"))
    return met, (Table("criteria", columns, rows),)


def _met(reached: bool) -> str:
    return "met" if reached else "failed"


ECCP = Source(
    name="eccp",
    area="members",
    stock=True,
    relations={"members": msgspec.structs.replace(RELATION, facts=("committed", "kind", "size", "type"))},
    measures=(
        Measure("committed", "members", "committed"),
        Measure("members", "members"),
        Measure("sme", "members", "kind = 'company' and size in ('micro', 'small', 'medium')"),
        Measure("large", "members", "kind = 'company' and size = 'large'"),
        Measure("company_unknown", "members", "kind = 'company' and coalesce(size, '') = ''"),
        Measure("research", "members", "type = 'research'"),
    ),
    cuts=(Cut("by_type", ("committed", "members"), ("type",)),),
    options=(*OPTIONS, Option("team", "0", 0, 100_000), Option("website", "unknown", choices=("unknown", "yes", "no"))),
    further=_criteria,
)
