"""Who stayed: retention and churn of a period as sets, and how long memberships last."""

from crm.reads.reports.courses import KEY as NAMED
from crm.reads.reports.courses import ORGANISATION, ORGNR, chosen, facts, name
from crm.reads.reports.grounds import OURS, PLACE, Ground
from crm.reads.reports.source import Cut, Measure, Relation, Source
from crm.reads.reports.standing import END, KEY, NUMBERS, SPELLS, names, profile, standing
from crm.reports import Chart, Column

# Everybody who stands just before the period or at its end; somebody who left and came back within it stands at both.
BOTH = f"""
    with before as materialized ({standing("(:start - 1)")}), after as materialized ({standing(f"({END} - 1)")}),
    who as materialized (select organisation_id, b.tier, b.organisation_id is not null as at_start,
        a.organisation_id is not null as at_end from before b full join after a using (organisation_id)),
    profile as materialized ({profile("(:start - 1)")}), number as ({NUMBERS}), name as ({names(END)})
    select {KEY} as key, coalesce(name.name, o.name) as name, number.orgnr, profile.kind, profile.size, profile.county,
        w.tier, w.organisation_id, w.at_start, w.at_end,
        case when w.at_start and w.at_end then 'stayed' when w.at_start then 'left' else 'came' end as movement
    from who w join organisation o on o.id = w.organisation_id
    left join profile on profile.organisation_id = w.organisation_id
    left join number on number.organisation_id = w.organisation_id
    left join name on name.organisation_id = w.organisation_id
"""
_BEFORE = "(:start - 1)"
# The same from courses: who stood before, and of those who stand at the end, who did not.
_STOOD = "x.starts_on < :start and (x.ends_on is null or x.ends_on >= :start)"
_STANDS = f"x.starts_on < {END} and (x.ends_on is null or x.ends_on >= {END})"
_THERE = "exists (select from membership_course x where x.membership_id = c.membership_id"
_OWN = f"""
    select c.membership_id, c.organisation_id, c.network_id, c.kind, c.tier, true as at_start,
        case when c.left_on is null or c.left_on >= {END} then true when c.next_on is null then false
            else {_THERE} and x.organisation_id = c.organisation_id and {_STANDS}) end as at_end
    from {PLACE} where {OURS} and {_STOOD.replace("x.", "c.")}
    union all
    select c.membership_id, c.organisation_id, c.network_id, c.kind, null, false, true
    from {PLACE} where {OURS} and c.joined_on >= :start and {_STANDS.replace("x.", "c.")} and (c.number = 1
        or not {_THERE} and x.organisation_id = c.organisation_id and {_STOOD}))
"""
# And over several networks, or as known at a moment.
_WHOLE = """
    select coalesce(b.organisation_id, a.organisation_id) as organisation_id, coalesce(b.kind, a.kind) as kind, b.tier,
        b.organisation_id is not null as at_start, a.organisation_id is not null as at_end
    from (select c.organisation_id, c.kind, c.tier from {before}) b
    full join (select c.organisation_id, c.kind from {after}) a on a.organisation_id = b.organisation_id
"""


def _members(wanted: frozenset[str], ground: Ground) -> str:
    place = _OWN if ground.plain else _WHOLE.format(before=ground.on(_BEFORE), after=ground.on(f"({END} - 1)"))
    true, joins = facts(wanted, _BEFORE)
    told = {
        "key": NAMED,
        "name": name(END),
        "orgnr": ORGNR,
        **true,
        **{each: f"c.{each}" for each in ("tier", "organisation_id", "at_start", "at_end")},
        "movement": "case when c.at_start and c.at_end then 'stayed' when c.at_start then 'left' else 'came' end",
    }
    return chosen(wanted, told, {"o": ORGANISATION, **joins}, "true", f"({place}) c")


_CUT = ("start", "kept", "retention")
RETENTION = Source(
    name="retention",
    area="members",
    relations={
        "members": Relation(
            BOTH,
            (
                Column("name", width=40),
                Column("orgnr", width=14),
                Column("kind", words="kind"),
                Column("size", words="size"),
                Column("county", words="county"),
                Column("tier", words="tier"),
                Column("movement", words="stayed"),
                Column("organisation_id", words="id", width=38),
            ),
            by=("kind", "size", "county", "tier", "movement"),
            course=_members,
            facts=("at_start", "at_end"),
        )
    },
    measures=(
        Measure("start", "members", "at_start"),
        Measure("kept", "members", "at_start and at_end"),
        Measure("lost", "members", "at_start and not at_end"),
        Measure("retention", "members", "at_start", how="share", of="at_end", kind="share"),
        Measure("churn", "members", "at_start", how="share", of="not at_end", kind="share"),
    ),
    cuts=(
        Cut("by_tier", _CUT, ("tier",)),
        Cut("by_kind", _CUT, ("kind",)),
        Cut("by_size", _CUT, ("size",)),
        Cut("by_county", _CUT, ("county",)),
    ),
    charts=(Chart("hbar", "by_tier", "tier", ("retention",)), Chart("hbar", "by_kind", "kind", ("retention",))),
    words={"movement": "stayed"},
)

_BANDS = {"0": 365, "1": 730, "2": 1826, "5": 3652}  # code -> shorter than so many days; longer is "9"
_LASTED = "least(coalesce(s.ends_on, :as_of + 1), :as_of + 1) - s.starts_on"
# Every unbroken stretch that had begun on the day, with the days it has lasted by then.
STRETCHES = f"""
    with spell as materialized (select * from ({SPELLS}) s where s.starts_on <= :as_of),
    who as (select distinct organisation_id from spell),
    number as ({NUMBERS}), name as ({names(":as_of")})
    select {KEY} || ' ' || s.number as key, coalesce(name.name, o.name) as name, number.orgnr, s.starts_on as joined,
        s.ends_on as left_on, s.organisation_id, s.ends_on is null or s.ends_on > :as_of as running,
        {_LASTED} as days,
        case {" ".join(f"when {_LASTED} < {days} then '{code}'" for code, days in _BANDS.items())} else '9' end as band
    from spell s join organisation o on o.id = s.organisation_id
    left join number on number.organisation_id = s.organisation_id
    left join name on name.organisation_id = s.organisation_id
"""


def _stretches(wanted: frozenset[str], ground: Ground) -> str:
    until = "least(coalesce(c.left_on, :as_of + 1), :as_of + 1) - c.joined_on"
    bands = " ".join(f"when {until} < {days} then '{code}'" for code, days in _BANDS.items())
    told = {
        "key": f"{NAMED} || ' ' || c.number",
        "name": name(":as_of"),
        "orgnr": ORGNR,
        "joined": "c.joined_on",
        "left_on": "c.left_on",
        "organisation_id": "c.organisation_id",
        "running": "c.left_on is null or c.left_on > :as_of",
        "days": until,
        "band": f"case {bands} else '9' end",
    }
    ours = OURS if ground.plain else "true"
    where = f"{ours} and c.closes and c.joined_on <= :as_of"
    return chosen(wanted, told, {"o": ORGANISATION}, where, ground.stretches())


TENURE = Source(
    name="tenure",
    area="members",
    stock=True,
    relations={
        "stretches": Relation(
            STRETCHES,
            (
                Column("name", width=40),
                Column("orgnr", width=14),
                Column("joined", "day", width=12),
                Column("left_on", "day", width=12),
                Column("days", "days"),
                Column("band", words="band"),
                Column("organisation_id", words="id", width=38),
            ),
            by=("band",),
            course=_stretches,
        )
    },
    measures=(
        Measure("running", "stretches", "running"),
        Measure("running_mean", "stretches", "running", how="mean", of="days", kind="days"),
        Measure("running_median", "stretches", "running", how="median", of="days", kind="days"),
        Measure("completed", "stretches", "not running"),
        Measure("completed_mean", "stretches", "not running", how="mean", of="days", kind="days"),
        Measure("completed_median", "stretches", "not running", how="median", of="days", kind="days"),
        Measure("all_mean", "stretches", how="mean", of="days", kind="days"),
        Measure("all_median", "stretches", how="median", of="days", kind="days"),
    ),
    cuts=(Cut("by_length", ("running", "completed"), ("band",), "code"),),
    charts=(Chart("bars", "by_length", "band", ("running", "completed")),),
)
