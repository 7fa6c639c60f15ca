"""A network's member list in memory: its rows on a day, who has which mark as bits, and the orders it is read in.

Each process keeps the lists it was asked for last and mends them before every question by what transactions have said
moved since (crm/migrations/sql/member_moves.sql, ADR 0046): so an answer is of the moment it is given, and costs no
look at every member. Whether the reader may see the network is asked of the database each time.
"""

import asyncio
from array import array
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from crm.database import Connection
from crm.reads import member_rows
from crm.reads.bitmaps import Bitmaps, Bits, of_list
from crm.reads.member_fees import Prices
from crm.reads.member_query import NONE, Search
from crm.reads.member_rows import Row

ROOM = 300_000  # members in the lists that are kept
MANY = 5_000  # that have moved at once: all is read anew
MOST = 64  # lists that are kept
COUNTED = ("yes_no", "choice", "choices")  # the kinds of custom fields whose answers can be counted
EPOCH = date(2000, 1, 1)
NEVER = -100_000  # days from then: of whom nobody has heard
_NEVER_YET = str(2**64 - 1)  # no transaction has this number
Key = tuple[int, str, UUID]

_SINCE = """
select s.epoch::text || current_database() as epoch, h.forgotten::text::bigint, h.oldest::text::bigint,
    $1::uuid = any ((select crm_networks())::uuid[]) as sees,
    array(select id::text from tag where network_id = $1 and deleted_at is null order by lower(name)) as tags,
    array(select id::text from custom_field where network_id = $1 and kind = any ($5)) as fields,
    h.seen::text[] as seen,
    array(select m.membership_id from members_moved($1, $2::text::xid8, $3::text[]::xid8[]) m limit $4) as moved
from directory_state s, members_moved_head() h
"""
# The marks of a row, by group; those of custom fields are under the field's id (`_answered`).
_MARKS: dict[str, Callable[[Row], Iterable[str]]] = {
    "tier": lambda row: (row.tier,),
    "state": lambda row: (row.state,),
    "origin": lambda row: (row.origin,),
    "kind": lambda row: (row.kind,),
    "size": lambda row: (row.size,),
    "county": lambda row: (row.county,),
    "country": lambda row: (row.country,),
    "field": lambda row: row.work,
    "nace": lambda row: row.industry,
    "tag": lambda row: row.tags,
    "balance": lambda row: ("open", "overdue")[: (row.owed > 0) + (row.overdue > 0)],
    "leaving": lambda row: row.leaving,
    "contact": lambda row: (NONE,) if row.unspoken else (),
    "responsible": lambda row: (row.responsible,),
}
SORTS = ("name", "tier", "since", "fee", "balance", "contact")
_BY_NAME = ("name", False, ())


class Order:
    """Places in an order; `number` says by what."""

    def __init__(self, rows: list[Row], places: array, number: Callable[[int], int]) -> None:
        self._rows, self.places, self._number = rows, places, number

    def key(self, place: int) -> Key:
        """Where a place stands."""
        row = self._rows[place]
        return self._number(place), row.sort_name, row.id

    def put(self, place: int) -> None:
        """It is there now."""
        insort(self.places, place, key=self.key)

    def take(self, place: int) -> None:
        """It is there no more: to be said while its row is still the one it was put by."""
        del self.places[bisect_left(self.places, self.key(place), key=self.key)]

    def until(self, key: Key, backwards: bool) -> int:
        """How many stand before what follows a key, this one's own place among them."""
        if backwards:
            return len(self.places) - bisect_left(self.places, key, key=self.key)
        return bisect_right(self.places, key, key=self.key)


class Index:
    """The list as bits and columns. `live`: the tags there are, by name; `fields`: those whose answers are counted."""

    def __init__(self) -> None:
        self.epoch = ""  # of which database
        self.oldest = 0  # the transaction from which on moves are not all known
        self.seen: list[str] = []  # those of them that are
        self.live: list[str] = []
        self.fields: frozenset[str] = frozenset()
        self.rows: list[Row] = []
        self.places: dict[UUID, int] = {}
        self.marks: dict[str, Bitmaps] = defaultdict(Bitmaps)
        self.owed: list[int] = []
        self.overdue: list[int] = []
        self.fees: list[int | None] = []
        self.everybody: Bits = 0
        self._prices: Prices | None = None
        self._orders: dict[tuple[str, bool, tuple[str, ...]], Order] = {}

    async def fill(self, rows: list[Row]) -> None:
        """All of it, in the order of names; others go on meanwhile."""
        self.rows = rows
        having: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for group, marks in _MARKS.items():
            of_group = having[group]
            for place, row in enumerate(rows):
                for mark in marks(row):
                    of_group[mark].append(place)
            await asyncio.sleep(0)
        for place, row in enumerate(rows):
            for field, value in row.answers.items():
                for mark in self._answered(field, value):
                    having[field][mark].append(place)
        for group, of_group in having.items():
            for mark, places in of_group.items():
                self.marks[group].fill(mark, of_list(places))
        self.places = {row.id: place for place, row in enumerate(rows)}
        self.owed, self.overdue = [row.owed for row in rows], [row.overdue for row in rows]
        self.fees = [None] * len(rows)
        self.everybody = (1 << len(rows)) - 1
        self._orders[_BY_NAME] = Order(rows, array("i", range(len(rows))), lambda place: 0)

    def put(self, row: Row) -> None:
        """A membership as it is now."""
        place = self.places.get(row.id)
        if place is None:
            place = self.places[row.id] = len(self.rows)
            for column, value in ((self.rows, row), (self.owed, 0), (self.overdue, 0), (self.fees, None)):
                column.append(value)
        else:
            self.take(place)
        self.rows[place], self.owed[place], self.overdue[place] = row, row.owed, row.overdue
        if self._prices:
            self.fees[place] = self._prices.of(row)
        self.everybody |= 1 << place
        for group, marks in _MARKS.items():
            self.marks[group].put(place, set(marks(row)))
        for field, value in row.answers.items():
            self.marks[field].put(place, self._answered(field, value))
        for order in self._orders.values():
            order.put(place)

    def take(self, place: int) -> None:
        """Nobody is at a place any more."""
        if not self.everybody >> place & 1:
            return
        for order in self._orders.values():
            order.take(place)
        self.everybody ^= 1 << place
        for marks in self.marks.values():
            marks.put(place, ())

    async def price(self, prices: Prices | None) -> None:
        """What everybody pays by these rules; worked out when they are others than before."""
        before = self._prices
        if not prices or (before and before.rulebooks is prices.rulebooks and before.network == prices.network):
            return
        fees: list[int | None] = []
        for place, row in enumerate(self.rows):
            fees.append(prices.of(row))
            if place % member_rows.AT_A_TIME == 0:
                await asyncio.sleep(0)
        self.fees, self._prices = fees, prices  # only now: whoever asked may have gone meanwhile
        self._orders = {key: order for key, order in self._orders.items() if key[0] != "fee"}

    def order(self, by: str, back: bool, tiers: Sequence[str]) -> Order:
        """Everybody in an order (by name always as it is, to be read backwards)."""
        key = (by, back and by != "name", tuple(tiers) if by == "tier" else ())
        if key not in self._orders:
            number = self._number(by, tiers)
            turned = (lambda place: -number(place)) if key[1] else number
            places = array("i", sorted(self._orders[_BY_NAME].places, key=turned))
            self._orders[key] = Order(self.rows, places, turned)
        return self._orders[key]

    def _number(self, by: str, tiers: Sequence[str]) -> Callable[[int], int]:
        """By what an order goes, the smallest first; those that are alike stand by name."""
        rows, fees = self.rows, self.fees
        if by == "tier":
            from_above = {tier: place for place, tier in enumerate(tiers)}
            return lambda place: from_above.get(rows[place].tier, 99)
        if by == "fee":
            return lambda place: 1 if (fee := fees[place]) is None else -fee
        if by == "since":
            return lambda place: (EPOCH - rows[place].since).days
        if by == "balance":
            return lambda place: -rows[place].owed
        return lambda place: (last - EPOCH).days if (last := rows[place].last_contact) else NEVER

    def _answered(self, field: str, value: Any) -> Sequence[str]:
        """The marks of an answer to a custom field: "" whatever it is."""
        if field not in self.fields:
            return ("",)
        if isinstance(value, bool):
            return ("", "yes" if value else "no")
        return ("", *value) if isinstance(value, list) else ("", value)


class _Kept:
    """A list of this process, and the lock under which it is brought up to date, one question after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.index = Index()
        self.loop = loop
        self.lock = asyncio.Lock()


_lists: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()


async def current(connection: Connection, s: Search) -> Index:
    """The list of a search's network and day as of now, its filters apart; to be read before anything is waited for.

    Inside a transaction, which may be rolled back, nothing of it stays.
    """
    if connection.is_in_transaction():
        return await _priced(await _fresh(connection, s), s)
    loop, key = asyncio.get_running_loop(), (s.network, s.currency, s.day, s.known_at, s.zone)
    kept = _lists.get(key)
    if kept is None or kept.loop is not loop:  # a lock belongs to a loop
        kept = _lists[key] = _Kept(loop)
    _lists.move_to_end(key)
    async with kept.lock:
        index = await _mended(connection, s, kept.index)
        if index is not None:
            kept.index = await _priced(index, s)
            _make_room()
            return index
    return await _fresh(connection, s)  # of a network the reader does not see: the wall says what there is


def forget() -> None:
    """As a process that has just begun."""
    _lists.clear()


async def _mended(connection: Connection, s: Search, index: Index) -> Index | None:
    """The index as of now; None when the reader does not see the network."""
    head = await _head(connection, s, index)
    if not head["sees"]:
        return None
    lost = index.epoch != head["epoch"] or index.oldest < head["forgotten"] or len(head["moved"]) > MANY
    if lost:
        return await _fresh(connection, s)
    index.live, index.fields = head["tags"], frozenset(head["fields"])
    if wanted := head["moved"]:
        found = {row.id: row async for row in member_rows.read(connection, s, wanted)}
        for each in wanted:
            if each in found:
                index.put(found[each])
            elif each in index.places:
                index.take(index.places.pop(each))
    index.oldest, index.seen = head["oldest"], head["seen"]
    return index


async def _fresh(connection: Connection, s: Search) -> Index:
    index = Index()
    head = await _head(connection, s, None)
    index.live, index.fields = head["tags"], frozenset(head["fields"])
    await index.fill([row async for row in member_rows.read(connection, s)])
    index.epoch, index.oldest, index.seen = head["epoch"], head["oldest"], head["seen"]
    return index


async def _head(connection: Connection, s: Search, index: Index | None) -> Any:
    """What stands beside the rows, and who has moved since the index was true (nobody, where there is none)."""
    since = (str(index.oldest), index.seen) if index and index.epoch else (_NEVER_YET, [])
    return await connection.fetchrow(_SINCE, s.network, *since, MANY + 1, list(COUNTED))


async def _priced(index: Index, s: Search) -> Index:
    await index.price(s.prices)
    return index


def _make_room() -> None:
    """The lists asked for last stay, one at least."""
    room = ROOM
    for number, (key, kept) in enumerate(reversed(list(_lists.items()))):
        room -= len(kept.index.rows)
        if number and (room < 0 or number >= MOST):
            del _lists[key]
