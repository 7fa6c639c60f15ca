"""Who stayed: retention and churn of a period as sets, and how long memberships last."""

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

# Every unbroken stretch that had begun on the day, with the days it has lasted by then.
STRETCHES = f"""
    with spell as materialized (select * from ({SPELLS}) s where s.starts_on <= :as_of),
    who as (select distinct organisation_id from spell),
    number as ({NUMBERS}), name as ({names(":as_of")})
    select {KEY} || ' ' || s.number as key, coalesce(name.name, o.name) as name, number.orgnr, s.starts_on as joined,
        s.ends_on as left_on, s.organisation_id, s.ends_on is null or s.ends_on > :as_of as running,
        least(coalesce(s.ends_on, :as_of + 1), :as_of + 1) - s.starts_on as days,
        case when least(coalesce(s.ends_on, :as_of + 1), :as_of + 1) - s.starts_on < 365 then '0'
            when least(coalesce(s.ends_on, :as_of + 1), :as_of + 1) - s.starts_on < 730 then '1'
            when least(coalesce(s.ends_on, :as_of + 1), :as_of + 1) - s.starts_on < 1826 then '2'
            when least(coalesce(s.ends_on, :as_of + 1), :as_of + 1) - s.starts_on < 3652 then '5' else '9' end as band
    from spell s join organisation o on o.id = s.organisation_id
    left join number on number.organisation_id = s.organisation_id
    left join name on name.organisation_id = s.organisation_id
"""
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
