"""Who has which tag, as bits: one long number for each tag, a bit for each entry of the directory (bitmaps.py).

Counting what a click would give is then an `and` and a count of bits. Each process keeps an index of its own and brings
it up to date before every question by whatever was written since: entries whose transaction is not below the oldest
that was still open the last time (as the feed does, ADR 0020).
"""

import asyncio
from array import array
from collections.abc import Sequence
from datetime import date

from crm.database import Connection
from crm.reads.bitmaps import Bitmaps, Bits, of_places, unpacked
from crm.reads.directory_order import Order
from crm.reads.directory_texts import Texts

_SINCE = """
select s.epoch::text || current_database() as epoch, pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin,
    (select min(next_on) from directory_entry where next_on is not null) as next_on, e.place, e.tags,
    e.moved_xid::text as moved
from directory_state s left join directory_entry e on e.moved_xid >= $1::text::xid8
"""
_TAGGED = "select tags, places from directory_tagged()"
_ORDERED = "select directory_ordered()"
_HEAD = """
select epoch::text || current_database() as epoch, pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin
from directory_state
"""
AT_A_TIME = 1_000  # rows looked at before others have their turn
MANY = 5_000  # entries that have moved at once: all is read anew
LOOSE = 1_000  # entries that have moved before all are put in order anew


class Index(Bitmaps):
    """The bits, and up to which transaction they are true. Not for two tasks at once: `current` sees to that."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = ""  # of which database
        self.xmin = 0
        self.order = Order(array("i"))
        self.texts = Texts()
        self._seen: dict[int, str] = {}  # what was applied already of what comes again while a transaction is open

    def everybody(self) -> Bits:
        """All entries that are shown."""
        return self.bits("")

    def moved(self, place: int, tags: Sequence[str]) -> None:
        """An entry as it is now; without tags: it is not shown."""
        self.put(place, {"", *tags} if tags else ())
        self.order.loosen(place)
        self.texts.moved(place)

    def news(self, rows: Sequence) -> int:
        """How many of these it has not seen yet."""
        return sum(self._seen.get(row["place"]) != row["moved"] for row in rows)

    def follow(self, rows: Sequence) -> None:
        """What has moved since, without what was applied already (rows of _SINCE)."""
        before, self._seen = self._seen, {}
        for row in rows:
            if row["place"] is not None:
                self._seen[row["place"]] = row["moved"]
                if before.get(row["place"]) != row["moved"]:
                    self.moved(row["place"], row["tags"])
        self.xmin = rows[0]["xmin"]


class _Kept:
    """The index of this process, and the lock under which it is brought up to date, one question after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.index = Index()
        self.loop = loop
        self.lock = asyncio.Lock()


_kept: dict[str, _Kept] = {}


async def current(connection: Connection, keep: bool) -> tuple[Index, date | None]:
    """The index as of now, and the first day on which it is not true any more; `keep` False: for this question alone.

    (Inside a transaction that may be rolled back nothing of it may stay.)
    """
    if not keep:
        index = await _fresh(connection)
        return index, (await connection.fetch(_SINCE, str(index.xmin)))[0]["next_on"]
    loop = asyncio.get_running_loop()
    if "" not in _kept or _kept[""].loop is not loop:  # a lock belongs to a loop
        _kept[""] = _Kept(loop)
    kept = _kept[""]
    async with kept.lock:
        rows = await connection.fetch(_SINCE, str(kept.index.xmin)) if kept.index.epoch else []
        if not rows or rows[0]["epoch"] != kept.index.epoch or kept.index.news(rows) > MANY:
            kept.index = await _fresh(connection)
            rows = await connection.fetch(_SINCE, str(kept.index.xmin))
        kept.index.follow(rows)
        if len(kept.index.order.loose) > LOOSE:
            kept.index.order = await _order(connection)
        return kept.index, rows[0]["next_on"]


async def _fresh(connection: Connection) -> Index:
    """The whole of it, in pieces: others go on meanwhile."""
    index = Index()
    head = await connection.fetchrow(_HEAD)
    packed: dict[str, list[bytes]] = {"": []}
    for number, row in enumerate(await connection.fetch(_TAGGED)):
        for tag in ("", *row["tags"]):
            packed.setdefault(tag, []).append(row["places"])
        if number % AT_A_TIME == 0:
            await asyncio.sleep(0)
    for tag, places in packed.items():
        index.fill(tag, of_places(b"".join(places)))
        await asyncio.sleep(0)
    index.order = await _order(connection)
    index.epoch, index.xmin = head["epoch"], head["xmin"]
    return index


async def _order(connection: Connection) -> Order:
    return Order(unpacked(await connection.fetchval(_ORDERED) or b""))
