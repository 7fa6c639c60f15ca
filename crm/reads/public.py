"""What anybody may see: networks and how many members they have, the newest members, levels and rules.

Persons are members of some networks; they are counted, and never named. Neither is an organisation
that answered no when it was asked about the public directory.
"""

from datetime import date

import msgspec

from crm import catalogue, steps
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.errors import NotFound
from crm.i18n import TIME_ZONE
from crm.reads import offers
from crm.reads.offers import Included, Offer

NEWEST = 6

_NOW = "p.superseded_at is null and p.status = 'active' and p.starts_on <= $1 and (p.ends_on is null or p.ends_on > $1)"
_FIGURES = f"""
select (select count(distinct p.organisation_id) from membership_period p where {_NOW}) as organisations,
       (select count(*) from membership_period p where {_NOW} and p.origin <> 'direct') as linked
"""
_NEWEST = f"""
select o.name, p.network_id, p.tier, s.since
from membership_period p
join organisation o on o.id = p.organisation_id
join lateral (select min(starts_on) as since from membership_period b
              where b.membership_id = p.membership_id and b.superseded_at is null) s on true
where {_NOW} and p.origin <> 'linked'
  and not exists (select 1 from network n where n.id = p.network_id and n.instance <> '')
  and not exists (select 1 from organisation_profile f where f.organisation_id = o.id and f.superseded_at is null
                  and f.kind = 'person')
  and coalesce((select c.given from consent c where c.organisation_id = o.id and c.purpose = 'directory'
                order by c.recorded_at desc limit 1), true)
order by s.since desc, o.sort_name limit $2
"""


class Newest(msgspec.Struct, frozen=True):
    """A member that joined lately."""

    name: str
    network: NetworkRow
    tier: dict[str, str]
    since: date


class Home(msgspec.Struct, frozen=True):
    """The front page: three figures, the newest members, and a rule that holds today (`kept` names its levels)."""

    kept: Catalogue
    rule: tuple[NetworkRow, Included] | None
    networks: tuple[NetworkRow, ...]
    organisations: int
    linked: int
    newest: tuple[Newest, ...]


class Listed(msgspec.Struct, frozen=True):
    """A network in a list."""

    network: NetworkRow
    members: int
    open: bool  # may one apply?


class About(msgspec.Struct, frozen=True):
    """One network: its levels, what they bring elsewhere, and what brings members here."""

    kept: Catalogue
    network: NetworkRow
    members: int
    offers: tuple[Offer, ...]
    brings: tuple[Included, ...]
    brought_by: tuple[tuple[NetworkRow, tuple[str, ...]], ...]
    today: date


async def home(context: Context) -> Home:
    """The front page as of today in Oslo."""
    kept = await _catalogue(context)
    today = context.clock.now().astimezone(TIME_ZONE).date()
    async with context.db.reading(kept.by_id) as connection:
        figures = await connection.fetchrow(_FIGURES, today)
        rows = await connection.fetch(_NEWEST, today, NEWEST)
    own = tuple(n for n in kept.networks if not n.instance)
    newest = [
        Newest(r["name"], n, kept.tier_names(n.slug, r["tier"]), r["since"])
        for r in rows
        if (n := kept.by_id[r["network_id"]])
    ]
    return Home(kept, _some_rule(kept, today), own, figures["organisations"], figures["linked"], tuple(newest))


def _some_rule(kept: Catalogue, today: date) -> tuple[NetworkRow, Included] | None:
    return next(
        (
            (network, found)
            for network in kept.networks
            if kept.rulebooks.of(network.slug)
            for found in offers.links_of(kept, network.slug, today)
        ),
        None,
    )


async def networks(context: Context) -> list[Listed]:
    """All networks, with how many members they have today."""
    kept = await _catalogue(context)
    today = context.clock.now().astimezone(TIME_ZONE).date()
    async with context.db.reading(kept.by_id) as connection:
        rows = await connection.fetch(
            f"select p.network_id, count(*) as n from membership_period p where {_NOW} group by 1", today
        )
    counts = {row["network_id"]: row["n"] for row in rows}
    return [Listed(n, counts.get(n.id, 0), _open(kept, n, today)) for n in kept.networks if not n.instance]


async def about(context: Context, slug: str) -> About:
    """One network. NotFound when there is none by that name."""
    kept = await _catalogue(context)
    if slug not in kept.by_slug:
        raise NotFound("network", slug)
    network = kept.by_slug[slug]
    today = context.clock.today(network.zone)
    async with context.db.reading([network.id]) as connection:
        members = await connection.fetchval(
            f"select count(*) from membership_period p where {_NOW} and p.network_id = $2", today, network.id
        )
    known = bool(kept.rulebooks.of(slug))
    return About(
        kept,
        network,
        members,
        tuple(offers.of_network(kept, slug, steps.told({}), today) if known else ()),
        tuple(offers.links_of(kept, slug, today) if known else ()),
        tuple((n, r.when.tiers) for n, r in offers.links_to(kept, slug, today)),
        today,
    )


async def _catalogue(context: Context) -> Catalogue:
    async with context.db.tx() as connection:
        return await catalogue.load(connection)


def _open(kept: Catalogue, network: NetworkRow, today: date) -> bool:
    return bool(kept.rulebooks.of(network.slug)) and any(t.public for t in kept.book(network.slug, today).tiers)
