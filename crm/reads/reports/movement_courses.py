"""Movements from courses: what movements.py says in general."""

from crm.reads.reports.courses import KEY, NETWORK, ORGANISATION, ORGNR, chosen, facts, name
from crm.reads.reports.grounds import OURS, Ground
from crm.reads.reports.standing import END, TIERS

_AT_START = "c.joined_on < :start and (c.left_on is null or c.left_on >= :start)"
_AT_END = f"c.joined_on < {END} and (c.left_on is null or c.left_on >= {END})"
_BEGINS = f"c.joined_on >= :start and c.joined_on < {END}"
_LAPSES = f"coalesce(c.left_on >= :start and c.left_on < {END}, false)"
# See movements._WHY: looked up for those alone that lapse.
_WHY = """
    case when (select z.merged_on <= c.left_on from organisation z where z.id = c.organisation_id) then 'merged'
        when exists (select from membership_transfer t where t.membership_id = c.membership_id
            and t.effective_on <= c.left_on and decided(t)) then 'transferred'
        when c.origin = 'linked' then 'link_ended'
        else coalesce((select case d.channel when 'job' then 'unpaid' else 'resigned' end from membership_decision d
            where d.membership_id = c.membership_id and d.kind = 'ending' and d.effective_on <= c.left_on and decided(d)
            order by d.effective_on desc, d.recorded_at desc limit 1), 'other') end
"""


def stretches(wanted: frozenset[str], ground: Ground) -> str:
    """As movements.STRETCHES."""
    true, joins = facts(wanted, END)
    told = {
        "key": f"{KEY} || ' ' || c.number",
        "number": "c.number",
        "again": "c.number > 1",
        "joined": "c.joined_on",
        "left_on": "c.left_on",
        "at_start": _AT_START,
        "at_end": _AT_END,
        "begins": _BEGINS,
        "lapses": _LAPSES,
        "name": name(END),
        "organisation_id": "c.organisation_id",
        "orgnr": ORGNR,
        **true,
        "last_tier": f"case when {_LAPSES} then c.tier else '' end",
        "reason": f"case when {_LAPSES} then {_WHY} end",
        "month_in": f"case when {_BEGINS} then to_char(c.joined_on, 'YYYY-MM') end",
        "month_out": f"case when {_LAPSES} then to_char(c.left_on, 'YYYY-MM') end",
        "change": f"({_BEGINS})::int - ({_LAPSES})::int",
    }
    ours = OURS if ground.plain else "true"
    where = f"{ours} and c.closes and c.joined_on < {END} and (c.left_on is null or c.left_on >= :start)"
    return chosen(wanted, told, {"o": ORGANISATION, **joins}, where, ground.stretches())


# Who stood before the period at a level that ended in it, and stands at its end at one that began in it.
_CHANGED = f"""
    select c.organisation_id, c.network_id, c.tier as tier_before, a.tier as tier_after
    from {{}} join {{}} on a.organisation_id = c.organisation_id and a.membership_id = c.membership_id
    where c.starts_on < :start and c.ends_on >= :start and c.ends_on < {END} and a.starts_on >= :start
        and a.starts_on < {END} and (a.ends_on is null or a.ends_on >= {END}) and a.tier <> c.tier
"""


def levels(wanted: frozenset[str], ground: Ground) -> str:
    """As movements.LEVELS."""
    told = {
        "key": f"{KEY} || ' ' || n.slug",
        "name": name(END),
        "orgnr": ORGNR,
        "network": "n.slug",
        **{each: f"c.{each}" for each in ("tier_before", "tier_after", "organisation_id")},
        "direction": "case when y.rank > b.rank then 'up' when y.rank < b.rank then 'down' else 'same' end",
    }
    joins = {
        "o": ORGANISATION,
        "n": NETWORK,
        "b": f"left join ({TIERS}) b on b.network_id = c.network_id and b.code = c.tier_before",
        "y": f"left join ({TIERS}) y on y.network_id = c.network_id and y.code = c.tier_after",
    }
    before, after = ground.periods(), ground.periods().removesuffix("c") + "a"
    return chosen(wanted, told, joins, "true", f"({_CHANGED.format(before, after)}) c")
