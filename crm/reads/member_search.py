"""The member list of a network on a day: a page in some order, counts for every filter, totals, and who is in it.

Everything is said of what is filtered, not of the page. Days are the network's, half-open; money is minor units of the
network's currency; `known_at` is the moment up to which was recorded what the list knows (None: now).
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.networks import Rulebooks
from crm.catalogue import NetworkRow
from crm.database import Connection
from crm.reads import member_counts, member_fees, member_query
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
# For each order the number it goes by, the smallest first; those that are alike stand by name.
SORTS = {
    "name": "0",
    "tier": "place",
    "since": "date '2000-01-01' - since",
    "fee": "-coalesce(fee, -1)",
    "balance": "-owed",
    "contact": "coalesce(last_contact - date '2000-01-01', -100000)",
}
Key = tuple[int, str, UUID]


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


def with_prices(s: Search, rulebooks: Rulebooks, slug: str) -> Search:
    """The search with the rules that say what its members pay."""
    prices = member_fees.Prices(rulebooks, slug, s.day, member_fees.turns(rulebooks.of(slug)))
    return msgspec.structs.replace(s, prices=prices)


async def search(connection: Connection, s: Search, order: Order = BY_NAME, after: Key | None = None) -> Found:
    """A page of the list after a place in its order, with totals and counts, in one statement."""
    s = await _for_order(connection, s, order)
    q = Query()
    base = member_query.rows(q, s)
    sql = f"{base}, {_ordered(q, s, order)}, {member_counts.counted(q, s)} {_answer(q, order, after)}"
    totals, page, counts, before, previous = Totals(), [], {}, 0, None
    for row in await connection.fetch(sql, *q.values):
        if row["what"] == "total":
            totals = Totals(row["n"], 0, row["b"] or 0, row["c"] or 0)
        elif row["what"] == "row":
            page.append(Place(row["id"], (row["a"], row["value"], row["id"])))
        elif row["what"] == "before":
            before = row["n"]
        elif row["what"] == "previous":
            previous = (row["a"], row["value"], row["id"])
        else:
            counts.setdefault(row["what"], {})[row["value"]] = row["n"]
    if s.prices:
        alike = counts.pop(member_counts.FEE, {})
        totals = msgspec.structs.replace(totals, fee=sum((s.prices.of(each) or 0) * n for each, n in alike.items()))
    return Found(Page(tuple(page[:PAGE]), before, len(page) > PAGE, previous), totals, counts)


async def ids(connection: Connection, s: Search) -> list[UUID]:
    """Every membership that the filters let through, in no order."""
    q = Query()
    return [
        row["id"]
        for row in await connection.fetch(f"{member_query.rows(q, s)} select id from f where fails = 0", *q.values)
    ]


async def of_network(connection: Connection, network: UUID, wanted: Sequence[UUID]) -> list[UUID]:
    """Those of the memberships that are of this network."""
    rows = await connection.fetch("select id from membership where network_id = $1 and id = any ($2)", network, wanted)
    return [row["id"] for row in rows]


async def members(connection: Connection, s: Search, wanted: Sequence[UUID]) -> list[Member]:
    """These memberships as rows of the list, in the order given; what is not a member of the network is left out."""
    found = {m.id: m for m in [m async for batch in _rows(connection, s, wanted) for m in batch]}
    return [found[each] for each in wanted if each in found]


async def every_member(connection: Connection, s: Search, order: Order = BY_NAME) -> AsyncGenerator[list[Member], None]:
    """All rows of the list in its order, some hundreds at a time, of one moment."""
    async with connection.transaction():
        s = await _for_order(connection, s, order)
        q = Query()
        base = member_query.rows(q, s)
        sql = f"{base}, {_ordered(q, s, order)} select id from ordered order by number"
        wanted = [row["id"] for row in await connection.fetch(sql, *q.values)]
        for at in range(0, len(wanted), MEMBERS_AT_A_TIME):
            yield await members(connection, s, wanted[at : at + MEMBERS_AT_A_TIME])


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


async def _for_order(connection: Connection, s: Search, order: Order) -> Search:
    """Only to order by fees are they needed while the rows are put in order."""
    if order.by != "fee" or not s.prices:
        return s
    q = Query()
    asked = msgspec.structs.replace(s, fields=(), filters=Filters(standing=STATES))
    base = member_query.rows(q, asked)
    rows = await connection.fetch(f"{base} select distinct {member_query.alike(q, s)} as alike from f r", *q.values)
    return msgspec.structs.replace(s, fees={row["alike"]: s.prices.of(row["alike"]) for row in rows})


def _contact(q: Query, s: Search) -> str:
    """The day on which the network last wrote to each, or noted that it had spoken with it, by the end of the day."""
    network, day = q.put(s.network, "uuid"), q.put(s.day, "date")
    return (
        "left join (select organisation_id, max(on_date) as last_contact from ("
        f"select m.organisation_id, (m.sent_at at time zone {q.put(s.zone, 'text')})::date as on_date from mail m"
        f" where m.network_id = {network} and m.sent_at is not null union all"
        f" select n.organisation_id, n.on_date from note n where n.network_id = {network} and n.deleted_at is null"
        f" and n.kind in ('call', 'meeting', 'mail')) told where on_date <= {day} group by 1) spoken"
        " using (organisation_id)"
    )


def _ordered(q: Query, s: Search, order: Order) -> str:
    """The rows that are shown, numbered in their order."""
    number = f"({SORTS[order.by]})::bigint"
    joined = _contact(q, s) if order.by == "contact" else ""
    by = "k, sort_name, id"
    if order.back and order.by == "name":
        by = "k, sort_name desc, id desc"
    elif order.back:
        number = f"-{number}"
    return (
        f"ordered as materialized (select id, k, sort_name, row_number() over (order by {by}) as number"
        f" from (select f.id, f.sort_name, {number} as k from f {joined} where f.fails = 0) keyed)"
    )


def _answer(q: Query, order: Order, after: Key | None) -> str:
    """Totals, counts and the page as rows of one shape: what, value, id, n, a, b, c."""
    start = "0"
    if after:
        k, name, id_ = q.put(after[0], "bigint"), q.put(after[1], "text"), q.put(after[2], "uuid")
        below = f"k < {k} or k = {k} and (sort_name, id) <= ({name}, {id_})"
        if order.back and order.by == "name":
            below = f"k = {k} and (sort_name, id) >= ({name}, {id_})"
        start = f"(select count(*) from ordered where {below})"
    nothing = "null::uuid, 0::bigint, 0::bigint, 0::bigint, 0::bigint"
    return f"""
, start as materialized (select {start} as n)
select 'total' as what, '' as value, null::uuid as id, count(*) as n, 0::bigint as a, sum(owed)::bigint as b,
    sum(overdue)::bigint as c from f where fails = 0
union all select 'before', '', null, start.n, 0, 0, 0 from start
union all select 'previous', o.sort_name, o.id, 0, o.k, 0, 0 from ordered o, start where o.number = start.n - {PAGE}
union all select what, value, {nothing.replace("0::bigint", "n", 1)} from counted
union all (select 'row', o.sort_name, o.id, 0, o.k, 0, 0 from ordered o, start
    where o.number > start.n and o.number <= start.n + {PAGE} + 1 order by o.number)
"""


_ASIDE = ("networks", "tags", "fields", "last_contact", "fee")


async def _rows(connection: Connection, s: Search, wanted: Sequence[UUID]) -> AsyncGenerator[list[Member], None]:
    """Rows with everything they show, of those alone."""
    if not wanted:
        return
    only = msgspec.structs.replace(s, filters=Filters(standing=STATES), only=tuple(wanted), fees={})
    q = Query()
    base = member_query.rows(q, only)
    columns = [name for name in Member.__struct_fields__ if name not in _ASIDE]
    alike = member_query.alike(q, s)
    sql = f"{base} select {', '.join(columns)}, {alike} as alike, last_contact from f r {_contact(q, s)}"
    found = [dict(row) for row in await connection.fetch(sql, *q.values)]
    for row in found:
        alike = row.pop("alike")
        row["fee"] = s.prices.of(alike) if s.prices else None
    networks = await _badges(connection, s, [row["organisation_id"] for row in found])
    tags = await _tags(connection, wanted)
    fields = await _fields(connection, s, wanted)
    yield [
        Member(
            **row,
            networks=tuple(networks.get(row["organisation_id"], ())),
            tags=tuple(tags.get(row["id"], ())),
            fields=fields.get(row["id"], {}),
        )
        for row in found
    ]


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


async def _tags(connection: Connection, wanted: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    out: dict[UUID, list[UUID]] = {}
    for row in await connection.fetch(
        "select t.membership_id, t.tag_id from membership_tag t join tag w on w.id = t.tag_id"
        " where t.membership_id = any ($1) and w.deleted_at is null order by lower(w.name)",
        list(wanted),
    ):
        out.setdefault(row["membership_id"], []).append(row["tag_id"])
    return out


async def _fields(connection: Connection, s: Search, wanted: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    codes = {each.id: each.code for each in s.fields}
    out: dict[UUID, dict[str, Any]] = {}
    if codes:
        for row in await connection.fetch(
            "select membership_id, field_id, value from custom_value where membership_id = any ($1)"
            " and field_id = any ($2)",
            list(wanted),
            list(codes),
        ):
            out.setdefault(row["membership_id"], {})[codes[row["field_id"]]] = row["value"]
    return out


__all__ = [
    "CURRENT",
    "GROUPS",
    "LEAVING",
    "NONE",
    "ORIGINS",
    "SIZES",
    "STATES",
    "THEN",
    "Field",
    "Filters",
    "Found",
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
