"""The member list of a network on a day: a page in some order, counts for every filter, totals, and who is in it.

Everything is said of what is filtered, not of the page. Days are the network's, half-open; money is minor units of the
network's currency; `known_at` is the moment up to which was recorded what the list knows (None: now).
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from datetime import date
from itertools import compress, islice
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.networks import Rulebooks
from crm.catalogue import NetworkRow
from crm.database import Connection
from crm.reads import member_counts, member_fees, member_index, member_query
from crm.reads.bitmaps import truth
from crm.reads.member_index import SORTS, Index, Key
from crm.reads.member_query import (
    CURRENT,
    GROUPS,
    LEAVING,
    NONE,
    ORIGINS,
    SIZES,
    STATES,
    THEN,
    Field,
    Filters,
    Query,
    Search,
    State,
)

PAGE = 50
MEMBERS_AT_A_TIME = 500  # of all of them, for a file


class Order(msgspec.Struct, frozen=True):
    """By what the list is ordered; `back`: the other way round than usual."""

    by: str = "name"
    back: bool = False


BY_NAME = Order()


class Place(msgspec.Struct, frozen=True):
    """A member's place in the list."""

    id: UUID
    key: Key


class Totals(msgspec.Struct, frozen=True):
    """Of all that are shown: how many, what they pay a year (as far as is known), what they owe, what of it is late."""

    members: int = 0
    fee: int = 0
    owed: int = 0
    overdue: int = 0


class Page(msgspec.Struct, frozen=True):
    """Members in order; how many stand before them; after whom the page before begins (None: at the top)."""

    places: tuple[Place, ...]
    before: int
    more: bool
    previous: Key | None = None


class Found(msgspec.Struct, frozen=True):
    """A page, the totals, and for each group of filters how many each value would give, the others as they are."""

    page: Page
    totals: Totals
    counts: dict[str, dict[str, int]]


class Badge(msgspec.Struct, frozen=True):
    """A network the organisation is a member of on the day, as far as the reader may see."""

    network_id: UUID
    origin: str


class Member(msgspec.Struct, frozen=True):
    """One row; `ends_on` is half-open and None while no end is known, `fee` None where it cannot be said.

    `tags`: their ids; `fields`: code -> value, as stored.
    """

    id: UUID
    organisation_id: UUID
    name: str
    tier: str
    origin: str
    state: str
    since: date
    ends_on: date | None
    county: str
    kind: str
    country: str
    size: str
    fee: int | None
    owed: int
    overdue: int
    responsible: UUID | None
    last_contact: date | None
    networks: tuple[Badge, ...] = ()
    tags: tuple[UUID, ...] = ()
    fields: dict[str, Any] = {}


_ALIKE = [name for name in Member.__struct_fields__ if name not in ("fee", "responsible", "networks", "tags", "fields")]


def with_prices(s: Search, rulebooks: Rulebooks, slug: str) -> Search:
    """The search with the rules that say what its members pay."""
    prices = member_fees.Prices(rulebooks, slug, s.day, member_fees.turns(rulebooks.of(slug)))
    return msgspec.structs.replace(s, prices=prices)


async def search(connection: Connection, s: Search, order: Order = BY_NAME, after: Key | None = None) -> Found:
    """A page of the list after a place in its order, with totals and counts."""
    index = await member_index.current(connection, s)
    who = member_counts.shown(index, s)
    signs = truth(who.bits, len(index.rows))

    def total(amounts: Iterable[int | None]) -> int:
        return sum(filter(None, compress(amounts, signs)))

    totals = Totals(who.bits.bit_count(), total(index.fees) if s.prices else 0, total(index.owed), total(index.overdue))
    return Found(_page(index, s, order, signs, after), totals, member_counts.counted(index, s, who))


async def ids(connection: Connection, s: Search) -> list[UUID]:
    """Every membership that the filters let through, in no order."""
    index = await member_index.current(connection, s)
    signs = truth(member_counts.shown(index, s).bits, len(index.rows))
    return [row.id for row in compress(index.rows, signs)]


async def of_network(connection: Connection, network: UUID, wanted: Sequence[UUID]) -> list[UUID]:
    """Those of the memberships that are of this network."""
    rows = await connection.fetch("select id from membership where network_id = $1 and id = any ($2)", network, wanted)
    return [row["id"] for row in rows]


async def members(connection: Connection, s: Search, wanted: Sequence[UUID]) -> list[Member]:
    """These memberships as rows of the list, in the order given; what is not a member of the network is left out."""
    index = await member_index.current(connection, s)
    places = [index.places[each] for each in wanted if each in index.places]
    return await _with_networks(connection, s, _members(index, s, places))


async def every_member(connection: Connection, s: Search, order: Order = BY_NAME) -> AsyncGenerator[list[Member], None]:
    """All rows of the list in its order, some hundreds at a time, of one moment."""
    index = await member_index.current(connection, s)
    signs = truth(member_counts.shown(index, s).bits, len(index.rows))
    found = _members(index, s, list(_placed(_ordered(index, s, order), signs)))
    for at in range(0, len(found), MEMBERS_AT_A_TIME):
        yield await _with_networks(connection, s, found[at : at + MEMBERS_AT_A_TIME])


def today(network: NetworkRow, day: date, tiers: Sequence[str]) -> Search:
    """Every member of a network on a day, where money is of no interest."""
    return Search(network.id, network.host_id, "", day, tiers)


async def cube(connection: Connection, s: Search) -> dict[tuple[str, str, str], int]:
    """How many members there are of each (tier, origin, state) on the day, for the figures of the overview."""
    q = Query()
    base = member_query.stretches(q, s)
    rows = await connection.fetch(
        f"{base} select tier, origin, state, count(*) as n from s group by 1, 2, 3", *q.values
    )
    return {(r["tier"], r["origin"], r["state"]): r["n"] for r in rows}


def _ordered(index: Index, s: Search, order: Order) -> Sequence[int]:
    """Everybody's places in the order of the list."""
    places = index.order(order.by, order.back, s.tiers).places
    return places[::-1] if _turned(order) else places


def _turned(order: Order) -> bool:
    """By name the other way round; elsewhere those that are alike stand by name both ways."""
    return order.back and order.by == "name"


def _placed(places: Iterable[int], signs: bytes) -> Iterator[int]:
    """Those of these places that are shown."""
    return (place for place in places if signs[place])


def _page(index: Index, s: Search, order: Order, signs: bytes, after: Key | None) -> Page:
    kept, places = index.order(order.by, order.back, s.tiers), _ordered(index, s, order)
    start = kept.until(after, _turned(order)) if after else 0
    before = sum(map(signs.__getitem__, places[:start]))
    wanted = list(islice(_placed(places[start:], signs), PAGE + 1))
    previous = None
    if before > PAGE:
        # The one after whom the page before begins stands a page and one back.
        previous = kept.key(next(islice(_placed(reversed(places[:start]), signs), PAGE, None)))
    found = tuple(Place(index.rows[place].id, kept.key(place)) for place in wanted[:PAGE])
    return Page(found, before, len(wanted) > PAGE, previous)


def _members(index: Index, s: Search, places: Sequence[int]) -> list[Member]:
    """The rows at these places, all but their networks."""
    codes = {str(each.id): each.code for each in s.fields}
    out = []
    for place in places:
        row = index.rows[place]
        told = {name: getattr(row, name) for name in _ALIKE}
        tags = tuple(UUID(tag) for tag in index.live if tag in row.tags)
        answers = {codes[field]: value for field, value in row.answers.items() if field in codes}
        fee = index.fees[place] if s.prices else None
        responsible = None if row.responsible == NONE else UUID(row.responsible)
        out.append(Member(**told, fee=fee, responsible=responsible, tags=tags, fields=answers))
    return out


async def _with_networks(connection: Connection, s: Search, found: list[Member]) -> list[Member]:
    networks = await _badges(connection, s, [each.organisation_id for each in found])
    return [msgspec.structs.replace(each, networks=tuple(networks.get(each.organisation_id, ()))) for each in found]


async def _badges(connection: Connection, s: Search, organisations: Sequence[UUID]) -> dict[UUID, list[Badge]]:
    out: dict[UUID, list[Badge]] = {}
    for row in await connection.fetch(
        "select p.organisation_id, p.network_id, p.origin from membership_period p"
        " where p.organisation_id = any ($1) and p.superseded_at is null and p.starts_on <= $2"
        " and (p.ends_on is null or p.ends_on > $2) order by p.network_id = $3 desc, p.network_id",
        list(organisations),
        s.day,
        s.network,
    ):
        out.setdefault(row["organisation_id"], []).append(Badge(row["network_id"], row["origin"]))
    return out


__all__ = [
    "CURRENT",
    "GROUPS",
    "LEAVING",
    "NONE",
    "ORIGINS",
    "SIZES",
    "SORTS",
    "STATES",
    "THEN",
    "Field",
    "Filters",
    "Found",
    "Key",
    "Member",
    "Order",
    "Search",
    "State",
    "cube",
    "every_member",
    "ids",
    "members",
    "of_network",
    "search",
    "today",
    "with_prices",
]
