"""Reviews: members whose level does not fit them any more, found by one query over all networks.

What a level asks for (`open_to` with on_change "review", `requires` with on_loss "review") is handed over as rows;
which rulebook version holds for whom is the same question as `Rulebooks.governing`. A membership whose end is known
needs no review. The same reason is opened once: not while it is open, and not again while it is kept.
What the register of legal entities says otherwise is such a review, too (crm/store/register.py).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.networks import OpenTo, Rulebook, Tier
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound
from crm.store import register

RULES = "rules"  # closes what is settled by itself
TURN_LOCK = 727_006

_FOUND = """
versions as materialized (
    select * from jsonb_to_recordset($1) as v(network_id uuid, version int, new_from date, existing_from date,
        today date)
),
levels as materialized (
    select * from jsonb_to_recordset($2) as l(network_id uuid, version int, tier text, kinds text[], countries text[],
        max_employees int, max_age_years int)
),
required as materialized (
    select * from jsonb_to_recordset($3) as r(network_id uuid, version int, tier text, required_id uuid, tiers text[])
),
direct as (
    select g.membership_id, g.network_id, g.organisation_id, g.tier, g.starts_on, g.ends_on,
        g.starts_on is distinct from lag(g.ends_on) over (partition by g.membership_id order by g.starts_on) as joined
    from membership_grant g
    where g.superseded_at is null and g.kind = 'direct' and g.network_id in (select network_id from versions) {mine}
),
stretch as (
    select d.*, max(case when joined then starts_on end) over (partition by membership_id order by starts_on) as since
    from direct d
),
held as materialized (
    select s.*, n.today, (
        select max(v.version) from versions v where v.network_id = s.network_id
        and (v.new_from <= s.since or v.existing_from <= n.today)) as governing, n.first
    from stretch s join (select network_id, max(today) as today, min(version) as first from versions group by 1) n
        using (network_id)
    where s.starts_on <= n.today and s.ends_on is null
),
measured as (
    select h.*, p.kind, p.country, l.max_employees, l.max_age_years,
        cardinality(l.kinds) > 0 and not p.kind = any(l.kinds) as wrong_kind,
        cardinality(l.countries) > 0 and not p.country = any(l.countries) as wrong_country,
        l.max_employees > 0 and p.employees > l.max_employees as too_large,
        l.max_age_years > 0 and p.founded_on + make_interval(years => l.max_age_years) <= h.today as too_old
    from held h
    join levels l on l.network_id = h.network_id and l.tier = h.tier and l.version = coalesce(h.governing, h.first)
    join organisation_profile p on p.organisation_id = h.organisation_id and p.superseded_at is null
        and p.starts_on <= h.today and (p.ends_on is null or p.ends_on > h.today)
),
unfit as (
    select m.membership_id, m.network_id, m.organisation_id, m.tier, m.today, why.reason, why.key, why.detail
    from measured m cross join lateral (values
        (wrong_kind, 'kind_not_open', 'kind_not_open/' || kind, jsonb_build_object('given', kind)),
        (wrong_country, 'country_not_open', 'country_not_open/' || country, jsonb_build_object('given', country)),
        (too_large, 'too_many_employees', 'too_many_employees', jsonb_build_object('limit', max_employees)),
        (too_old, 'too_old', 'too_old', jsonb_build_object('limit', max_age_years))
    ) as why(holds, reason, key, detail)
    where (wrong_kind or wrong_country or too_large or too_old) and why.holds
    union all
    select h.membership_id, h.network_id, h.organisation_id, h.tier, h.today, 'membership_lost',
        'membership_lost/' || r.required_id, jsonb_build_object('network_id', r.required_id)
    from held h
    join required r on r.network_id = h.network_id and r.tier = h.tier and r.version = coalesce(h.governing, h.first)
    where not exists (
        select from membership_period p where p.organisation_id = h.organisation_id and p.network_id = r.required_id
        and p.superseded_at is null and p.starts_on <= h.today and (p.ends_on is null or p.ends_on > h.today)
        and (cardinality(r.tiers) = 0 or p.tier = any(r.tiers)))
)
"""
_TURN = """
with {found},
settled as (
    update membership_review r set closed_at = now(), closed_by = '{rules}', outcome = 'settled'
    where r.closed_at is null {closing} and r.reason not like 'register%' and not exists (
        select from unfit u where (u.membership_id, u.tier, u.key) = (r.membership_id, r.tier, r.key))
)
insert into membership_review (id, membership_id, network_id, organisation_id, tier, reason, key, detail,
    opened_at, note)
select gen_random_uuid(), u.membership_id, u.network_id, u.organisation_id, u.tier, u.reason, u.key, u.detail, $4, ''
from unfit u
where not exists (
    select from membership_review r where (r.membership_id, r.tier, r.key) = (u.membership_id, u.tier, u.key)
    and (r.closed_at is null or r.outcome = 'kept' and (r.keep_until is null or r.keep_until > u.today)))
"""


async def turn(
    connection: Connection,
    catalogue: Catalogue,
    today: dict[UUID, date],
    now: datetime,
    organisations: Sequence[UUID] | None = None,
) -> int:
    """Open a review for everything found and close what is settled; how many were opened. `today` by network.

    `organisations`: of these alone, whose family is locked (what is told of them has just changed).
    """
    versions, levels, required = _rows(catalogue, today)
    if organisations is not None:
        statement = _turn("and g.organisation_id = any($5)", "and r.organisation_id = any($5)")
        done = await connection.execute(statement, versions, levels, required, now, list(organisations))
        await register.turn(connection, catalogue, max(today.values(), default=now.date()), now, organisations)
        return int(done.split()[-1])
    await connection.execute("select pg_advisory_xact_lock($1)", TURN_LOCK)  # one turn of the day at a time
    await register.turn(connection, catalogue, max(today.values(), default=now.date()), now)
    # The planner takes what it is handed for a few rows, and would look up every member one by one.
    await connection.execute("set local enable_nestloop = off")
    return int((await connection.execute(_turn(), versions, levels, required, now)).split()[-1])


def _turn(mine: str = "", closing: str = "") -> str:
    found = _FOUND.replace("{mine}", mine)
    return _TURN.format(found=found, rules=RULES, closing=closing)


async def decided(connection: Connection, membership: UUID, actor: Actor) -> None:
    """Close the reviews of a membership that does not go on at the level they are about."""
    await connection.execute(
        "update membership_review r set closed_at = now(), closed_by = $2, outcome = 'decided'"
        " where r.membership_id = $1 and r.closed_at is null and not exists ("
        "   select from membership_grant g where g.membership_id = $1 and g.kind = 'direct'"
        "   and g.superseded_at is null and (g.tier = r.tier or r.reason like 'register%') and g.ends_on is null)",
        membership,
        actor.name,
    )


class Open(msgspec.Struct, frozen=True):
    """A review that nobody has closed."""

    network_id: UUID
    organisation_id: UUID
    tier: str
    reason: str
    key: str
    detail: dict[str, Any]


async def open_of(connection: Connection, organisations: Sequence[UUID]) -> list[Open]:
    """The open reviews of these organisations."""
    rows = await connection.fetch(
        "select network_id, organisation_id, tier, reason, key, detail from membership_review"
        " where organisation_id = any($1) and closed_at is null order by network_id, key",
        list(organisations),
    )
    return [Open(**dict(row)) for row in rows]


async def network(connection: Connection, wanted: UUID) -> tuple[UUID, UUID]:
    """(network, organisation) of a review, which is locked until the transaction ends; NotFound."""
    row = await connection.fetchrow(
        "select network_id, organisation_id from membership_review where id = $1 for no key update", wanted
    )
    if row is None:
        raise NotFound("review", wanted)
    return row["network_id"], row["organisation_id"]


async def keep(connection: Connection, wanted: UUID, until: date | None, note: str, actor: Actor) -> bool:
    """Close as kept, until a day (the first on which it is looked at again) or for good. False when it was closed."""
    done = await connection.execute(
        "update membership_review set closed_at = now(), closed_by = $2, outcome = 'kept', keep_until = $3, note = $4"
        " where id = $1 and closed_at is null",
        wanted,
        actor.name,
        until,
        note,
    )
    return done != "UPDATE 0"


def _rows(catalogue: Catalogue, today: dict[UUID, date]) -> tuple[list[dict[str, Any]], ...]:
    """What rulebooks ask that is to be reviewed: (versions, levels, required memberships) of the networks that ask."""
    versions: list[dict[str, Any]] = []
    levels: list[dict[str, Any]] = []
    required: list[dict[str, Any]] = []
    for each in catalogue.networks:
        books = catalogue.rulebooks.of(each.slug)
        if not any(_is_reviewed(tier) for book in books for tier in book.tiers):
            continue
        for book in books:
            place = {"network_id": str(each.id), "version": book.version}
            days = {"new_from": book.effective_from, "existing_from": book.effective_from_existing}
            versions.append(place | {k: v and v.isoformat() for k, v in days.items()} | {"today": str(today[each.id])})
            levels += [place | {"tier": tier.code} | _asked(tier.open_to) for tier in _limited(book)]
            required += [
                place | {"tier": tier.code, "required_id": str(catalogue.network(r.network).id), "tiers": list(r.tiers)}
                for tier in book.tiers
                for r in tier.requires
                if r.on_loss == "review"
            ]
    return versions, levels, required


def _is_reviewed(tier: Tier) -> bool:
    return _is_limited(tier) or any(r.on_loss == "review" for r in tier.requires)


def _is_limited(tier: Tier) -> bool:
    o = tier.open_to
    asks = o.kinds or o.countries or o.max_employees or o.max_age_years
    return bool(asks) and o.on_change == "review"


def _limited(book: Rulebook) -> Iterable[Tier]:
    return (tier for tier in book.tiers if _is_limited(tier))


def _asked(open_to: OpenTo) -> dict[str, Any]:
    return {
        "kinds": list(open_to.kinds),
        "countries": list(open_to.countries),
        "max_employees": open_to.max_employees,
        "max_age_years": open_to.max_age_years,
    }
