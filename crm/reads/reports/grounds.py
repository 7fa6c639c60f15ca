"""What membership reports read courses from: one network's, several networks', and as they were known at a moment.

One network as it is known now: its courses. Otherwise (ADR 0052) courses of all whom they tell rightly: over several
networks those of who is in one of them, and the shared ones of who is in no others of the host; as known at a moment,
of whom nothing was recorded since. Who is left stands *apart*: worked out from the timeline, for each question anew.
"""

import msgspec

from crm.reads.reports.standing import PERIODS

PLACE = "membership_course c"
OURS = "c.network_id = any(:networks)"
_RECORDED_SINCE = "({0}.recorded_at > :known_at or {0}.superseded_at > :known_at)"
# Of whom something that courses tell was recorded after the moment: stretches, or kinds.
_CHANGED = f"""
    select p.organisation_id from membership_period p
        where p.network_id = any(:networks) and {_RECORDED_SINCE.format("p")}
    union all select f.organisation_id from organisation_profile f where {_RECORDED_SINCE.format("f")}
"""
# Who is in several of the networks asked for, and in others of the host that are not, or may not be read.
_ELSEWHERE = """
    select x.organisation_id from membership_course x where x.network_id = any(:networks) and x.shared
        and exists (select from network o where o.id <> all(:networks)
            and o.host_id in (select h.host_id from network h where h.id = any(:networks)))
        and x.organisation_id not in (select s.organisation_id from shared_course s where s.networks <@ :networks)
"""
_SAID = "c.organisation_id, c.membership_id, c.network_id, c.tier, c.status, c.origin, c.kind, c.starts_on, c.ends_on"
_WHOLE = "c.first_on, c.joined_on, c.left_on, c.number, c.closes"
# Each stretch from the timeline, with the unbroken standing over all the networks, as shared_courses of the database.
_ISLANDS = f"""
    select n.organisation_id, n.membership_id, n.network_id, n.tier, n.status, n.origin, n.starts_on, n.ends_on,
        n.first_on, n.number::smallint as number, min(n.starts_on) over island as joined_on,
        nullif(max(coalesce(n.ends_on, 'infinity')) over island, 'infinity') as left_on,
        row_number() over (partition by n.organisation_id, n.number
            order by coalesce(n.ends_on, 'infinity') desc, n.origin = 'linked', n.network_id) = 1 as closes
    from (
        select m.*, min(m.starts_on) over (partition by m.organisation_id) as first_on,
            sum(m.fresh) over (w rows unbounded preceding) as number
        from (
            select p.*, case when p.starts_on <= max(coalesce(p.ends_on, 'infinity')) over (w rows between
                unbounded preceding and 1 preceding) then 0 else 1 end as fresh
            from ({PERIODS}) p
            window w as (partition by p.organisation_id
                order by p.starts_on, coalesce(p.ends_on, 'infinity'), p.membership_id)
        ) m
        window w as (partition by m.organisation_id
            order by m.starts_on, coalesce(m.ends_on, 'infinity'), m.membership_id)
    ) n
    window island as (partition by n.organisation_id, n.number)
"""
# Over all the networks, of who is in several on a day. As varchar, like the others: what is not of one type is not
# looked through by the planner, which then knows nothing of it.
_TOGETHER = """
    select c.organisation_id, any_value(c.kind) as kind,
        (case when min(c.tier) = max(c.tier) then min(c.tier) else 'several' end)::varchar as tier,
        (case when bool_or(c.status = 'active') then 'active' else 'suspended' end)::varchar as status,
        (case when min(c.origin) = max(c.origin) then min(c.origin) else 'both' end)::varchar as origin,
        case when count(*) = 1 then any_value(c.network_id) end as network_id,
        any_value(c.joined_on) as joined_on, any_value(c.left_on) as left_on
"""


class Ground(msgspec.Struct, frozen=True):
    """`several` networks; as `known` at a moment; is anybody `apart`?"""

    several: bool = False
    known: bool = False
    apart: bool = False

    @property
    def plain(self) -> bool:
        """One network as it is known now."""
        return not self.several and not self.known

    @property
    def anybody_apart(self) -> str:
        """SQL that asks whether anybody is."""
        return f"select exists ({self._left_over})"

    def stretches(self) -> str:
        """`c`: each stretch, with the unbroken standing over all the networks that it is part of."""
        if self.plain:
            return PLACE
        return f"({' union all '.join((self._alone('true'), *self._others))}) c"

    def on(self, day: str) -> str:
        """`c`: each member of a day, once; no network where it is of several."""
        there = f"c.starts_on <= {day} and (c.ends_on is null or c.ends_on > {day})"
        if self.plain:
            return f"(select c.* from {PLACE} where {OURS} and {there}) c"
        if not self.several:
            return f"(select c.* from {self.stretches()} where {there}) c"
        chosen = "c.organisation_id, c.kind, c.tier, c.status, c.origin, c.network_id, c.joined_on, c.left_on"
        together = f"{_TOGETHER} from ({' union all '.join(self._others)}) c where {there} group by c.organisation_id"
        return f"(select {chosen} from ({self._alone(there)}) c union all {together}) c"

    def periods(self) -> str:
        """`c`: each stretch of each membership, by itself."""
        columns = "c.organisation_id, c.membership_id, c.network_id, c.tier, c.status, c.origin, c.starts_on, c.ends_on"
        told = f"select {columns} from {PLACE} where {OURS}"
        if self.known:
            told += f" and {self._told}"
        return f"({told}{f' union all {_of(PERIODS, _CHANGED, self.known)}' if self.known and self.apart else ''}) c"

    def own(self, islands: str) -> str:
        """`c`: each unbroken own membership; `islands` tells them from the timeline."""
        columns = "c.network_id, c.membership_id, c.organisation_id, c.tier"
        days = "c.own_joined_on, c.own_left_on, c.own_number, c.own_next_on"
        told = f"select {columns}, c.kind, {days} from {PLACE} where {OURS} and c.own_closes"
        if not self.known:
            return f"({told}) c"
        told += f" and {self._told}"
        if self.apart:
            told += f""" union all select {columns}, null, c.starts_on, c.ends_on, c.number::smallint, c.next_on
                from ({_of(islands, _CHANGED, self.known)}) c"""
        return f"({told}) c"

    @property
    def _told(self) -> str:
        """Is it told rightly by courses, as far as it depends on the moment?"""
        return f"c.organisation_id not in ({_CHANGED})" if self.known and self.apart else "true"

    def _alone(self, where: str) -> str:
        """The stretches of who is in one of the networks: of one network, all."""
        alone = "not c.shared" if self.several else "true"
        return f"select {_SAID}, {_WHOLE} from {PLACE} where {OURS} and {alone} and {self._told} and {where}"

    @property
    def _others(self) -> list[str]:
        out = []
        if self.several:
            out.append(f"select {_SAID}, {_WHOLE} from shared_course c where c.networks <@ :networks and {self._told}")
        if self.apart:
            out.append(
                f"select {_SAID.replace('c.kind', 'null::varchar as kind')}, {_WHOLE}"
                f" from ({_of(_ISLANDS, self._left_over, self.known)}) c"
            )
        return out

    @property
    def _left_over(self) -> str:
        parts = ([_CHANGED] if self.known else []) + ([_ELSEWHERE] if self.several else [])
        return " union all ".join(parts)


def _of(timeline: str, who: str, known: bool) -> str:
    """SQL over PERIODS, of these organisations alone: as known, what stands now by who it is of, what stood by when."""
    periods, since = f"{PERIODS} and p.organisation_id in ({who})", "and p.recorded_at <= :known_at"
    if known:
        now = periods.replace("stands(p)", f"p.superseded_at is null {since}")
        periods = f"{now} union all {PERIODS.replace('stands(p)', f'p.superseded_at > :known_at {since}')}"
    return timeline.replace(PERIODS, periods)


ALONE = Ground()
