"""Which memberships may have something to pay for a year, and what of each decides about it, as plain columns.

Members whose columns are alike owe alike: so the rules are asked once for each kind of member and not a hundred
thousand times. `told` is everything of an organisation that a fee, its document or its difference to last year
depends on; days so long ago that no rule looks at them any more are the same day there. Who has a history that does not
fit in columns (units, mergers, several joinings) is not `simple`, and is decided from its whole facts.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
from asyncpg import Record

from cluster_rules import fees
from cluster_rules.components import Discount
from cluster_rules.networks import Rulebook, Tier
from cluster_rules.periods import FAR, Period, add_months
from crm.catalogue import Catalogue
from crm.database import Connection

# Who stands in the year and is not billed for all of it; and how many stand in it at all. $2 and $3: the year.
_CANDIDATES = """
with standing as (
    select g.membership_id, min(g.starts_on) as first, max(coalesce(g.ends_on, 'infinity'::date)) as last
    from membership_grant g where g.network_id = any($1) and g.superseded_at is null
    and g.starts_on < $3 and coalesce(g.ends_on, 'infinity'::date) >= $2 group by 1
), billed as (
    select s.membership_id from standing s join charge c on c.membership_id = s.membership_id
    and c.net >= 0 and c.starts_on <= greatest($2, s.first)
    and coalesce(c.ends_on, 'infinity'::date) >= least($3, s.last) where $4
)
select m.id, (select count(*) from standing) as standing
from standing s join membership m on m.id = s.membership_id join organisation o on o.id = m.organisation_id
where s.membership_id not in (select membership_id from billed)
order by o.family_id, m.id
"""
# Days before $2 are told as the newest of $3 (days from which a rulebook holds) before them.
_DAY = "case when {0} >= $2 then {0} else (select max(b) from unnest($3::date[]) b where b <= {0}) end"
_TOLD = f"""
select m.id as membership_id, m.organisation_id, m.network_id, o.family_id, s.simple,
    concat_ws('/', m.network_id, p.kind, p.country, case when $6 then p.employees end,
        case when $6 then p.employees_as_of end, case when $7 then p.founded_on end, s.since,
        g.told, c.told, extra.told, h.told) as told, g.ids as grants
from unnest($1::uuid[]) with ordinality as w (id, place)
join membership m on m.id = w.id join organisation o on o.id = m.organisation_id
left join lateral (
    select count(*) as many, min(kind) as kind, min(country) as country, min(employees) as employees,
        min(employees_as_of) as employees_as_of, min(founded_on) as founded_on,
        bool_or(parent_id is not null) as unit
    from organisation_profile where organisation_id = o.id and superseded_at is null
) p on true
left join lateral (
    select count(*) <= 1 as once, {_DAY.format("min(d.effective_on)")} as since from membership_decision d
    where d.membership_id = m.id and d.kind = 'joining' and d.withdrawn_at is null
) j on true
cross join lateral (
    select p.many = 1 and not p.unit and o.family_id = o.id and coalesce(j.once, true)
        and not exists (select from organisation u where u.family_id = o.id and u.id <> o.id)
        and not exists (select from membership_transfer t join membership tm
            on tm.id in (t.membership_id, t.target_membership_id)
            where tm.organisation_id = o.id and t.withdrawn_at is null) as simple,
        j.since
) s
left join lateral (
    select string_agg(concat_ws(',', g.network_id, g.kind, g.tier, {_DAY.format("g.starts_on")}, '-', g.ends_on,
        g.source_network_id, g.rule, g.rulebook_version, g.agreement, k.network_id, k.tier), ';'
        order by g.network_id, g.kind, g.starts_on, g.ends_on, g.rule, g.id) as told,
        array_agg(g.id order by g.network_id, g.kind, g.starts_on, g.ends_on, g.rule, g.id) as ids
    from membership_grant g left join membership_grant k on k.id = g.cause_id and k.superseded_at is null
    where g.organisation_id = o.id and g.superseded_at is null and (g.ends_on is null or g.ends_on >= $2)
) g on true
left join lateral (
    select string_agg(concat_ws(',', c.starts_on, c.ends_on, c.tier, c.component, c.net,
        case when $8 then c.steps::text || c.names::text end), ';'
        order by c.starts_on, c.component, c.net, c.id) as told
    from charge c where c.membership_id = m.id and c.starts_on < $5 and coalesce(c.ends_on, 'infinity'::date) > $4
) c on true
left join lateral (
    select string_agg(line, ';' order by line) as told from (
        select concat_ws(',', basis, value, as_of, source, scope, currency) as line from organisation_size
            where organisation_id = o.id and superseded_at is null
        union all select concat_ws(',', 'owner', country, as_of) from organisation_owner
            where organisation_id = o.id and superseded_at is null
        union all select concat_ws(',', network_id, role, starts_on, '-', ends_on) from organisation_role
            where organisation_id = o.id and superseded_at is null
        union all select concat_ws(',', network_id, component, amount, currency, starts_on, '-', ends_on, source)
            from agreed_fee where organisation_id = o.id and superseded_at is null
    ) lines where $10
) extra on true
left join lateral (
    select string_agg(concat_ws(',', 'held', d.starts_on, '-', d.ends_on), ';' order by d.starts_on) as told
    from membership_period d where $9 and d.membership_id = m.id and d.superseded_at is null
    and d.status = 'suspended' and (d.ends_on is null or d.ends_on > $2)
) h on true
order by w.place
"""
# Is anything of that kind told of any of these? Most networks have none of it, and then nobody looks for each member.
_EXTRA = """
with wanted as materialized (select organisation_id from membership where id = any($1))
select exists (select from organisation_size where superseded_at is null
        and organisation_id = any(array(select organisation_id from wanted)))
    or exists (select from organisation_owner where superseded_at is null
        and organisation_id = any(array(select organisation_id from wanted)))
    or exists (select from organisation_role where superseded_at is null
        and organisation_id = any(array(select organisation_id from wanted)))
    or exists (select from agreed_fee where superseded_at is null
        and organisation_id = any(array(select organisation_id from wanted)))
"""


class Window(msgspec.Struct, frozen=True):
    """Which days a run looks at.

    `year` holds for every member (None: anniversaries, or rulebooks whose years differ). `days` are those of
    which billed lines matter; with `before`, those of the year before too. What lies before `clipped` no rule
    looks at, but for the `turns`, the days from which rulebooks hold. `on` is the day of asking; `held`: some level
    says what becomes of members on hold.
    """

    day: date
    on: date
    year: Period | None
    days: Period
    clipped: date
    turns: tuple[date, ...]
    employees: bool
    founded: bool
    held: bool


class Told(msgspec.Struct, frozen=True):
    """One membership as the columns tell it; `grants` are those of its organisation, in the order of `told`."""

    membership_id: UUID
    organisation_id: UUID
    network_id: UUID
    family_id: UUID
    simple: bool
    told: str
    grants: tuple[UUID, ...]


def window(kept: Catalogue, networks: Iterable[str], day: date, before: bool, on: date) -> Window:
    """What a run of these networks for `day`, made `on` a day, looks at; `before`: also what the year before billed."""
    books = [book for slug in networks for book in kept.rulebooks.of(slug)]
    year = _year(books, day)
    if year and year.end:
        days = Period(add_months(year.start, -12) if before else year.start, year.end)
    else:
        days = Period(add_months(day, -24), add_months(day, 24))
    tiers = [tier for book in books for tier in book.tiers]
    oldest = year.start if year else date.min + timedelta(days=1)
    if year:
        oldest = add_months(oldest, -12 * (1 + max((d.years for d in _discounts(tiers)), default=0)))
    turns = {book.effective_from for book in books}
    needed = {fact for tier in tiers for fact in fees.needed(tier)}
    held = any(tier.suspended_renewal != "bill" for tier in tiers)
    told = ("employees" in needed, "founded_on" in needed, held)
    return Window(day, on, year, days, oldest, tuple(sorted(turns)), *told)


def _discounts(tiers: Iterable[Tier]) -> Iterable[Discount]:
    return (discount for tier in tiers for component in tier.fees for discount in component.discounts)


def _year(books: Sequence[Rulebook], day: date) -> Period | None:
    """The year of every member, if it is the same by all of these rulebooks."""
    kinds = {book.period for book in books}
    if len(kinds) != 1:
        return None
    (one,) = kinds
    if one.kind in ("anniversary", "open_ended"):
        return None
    return one.containing(day, day)


async def candidates(connection: Connection, networks: Sequence[UUID], wanted: Window) -> tuple[list[UUID], int]:
    """The memberships that may have something left to pay, families together; and how many stand in the year."""
    year = wanted.year or Period(add_months(wanted.day, -12), add_months(wanted.day, 12))
    end = min(year.end_or_far, FAR)
    rows = await connection.fetch(_CANDIDATES, list(networks), year.start, end, wanted.year is not None)
    if rows:
        return [row["id"] for row in rows], rows[0]["standing"]
    return [], await _standing(connection, networks, year.start, end)


async def _standing(connection: Connection, networks: Sequence[UUID], start: date, end: date) -> int:
    return await connection.fetchval(
        "select count(distinct g.membership_id) from membership_grant g where g.network_id = any($1)"
        " and g.superseded_at is null and g.starts_on < $3 and coalesce(g.ends_on, 'infinity'::date) >= $2",
        list(networks),
        start,
        end,
    )


async def told(connection: Connection, memberships: Sequence[UUID], wanted: Window) -> list[Told]:
    """These memberships as columns, in the order given."""
    extra = await connection.fetchval(_EXTRA, list(memberships))
    rows: list[Record] = await connection.fetch(
        _TOLD,
        list(memberships),
        wanted.clipped,
        list(wanted.turns),
        wanted.days.start,
        wanted.days.end,
        wanted.employees,
        wanted.founded,
        wanted.year is not None and wanted.days.start < wanted.year.start,
        wanted.held,
        extra,
    )
    return [Told(*row[:-1], tuple(row["grants"] or ())) for row in rows]
