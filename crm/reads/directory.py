"""The directory as anybody may search it: who is found, in pages; how many each further click would leave.

A text is looked for as beginnings of words in names, places, summaries and the words of a tag (in both languages);
only when that finds nobody, as something like a name. Only what is public is in directory_entry, so a search tells
nobody what they may not see. Counts come from bits (directory_index.py), rows from the table.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from crm import directory_words
from crm.database import Connection
from crm.errors import Refused
from crm.reads import bitmaps
from crm.reads.bitmaps import Bits, all_of
from crm.reads.directory_index import Index
from crm.reads.directory_order import Order

PAGE = 50
FEW = 2_000  # places that are named one by one; of more, the table is walked, the newest first
ALIKE = 30
BATCH = 1_000
SORTS = ("name", "joined")
# A group of choices (its name in addresses) -> how its tags begin.
GROUPS = {
    "network": "n:", "level": "t:", "kind": "k:", "field": "f:", "size": "s:", "county": "c:", "country": "l:",
    "offers": "o:", "seeks": "w:", "language": "g:", "origin": "m:",
    "with": "n:",  # members of this network as well as of those chosen under "network"
}  # fmt: skip
MOST_CHOICES = 30  # of one group, in one question
_COLUMNS = "organisation_id, slug, name, sort_name, body::text as raw, joined_on"
# Those in $1 whose name itself has the words come first ($2 is among them), each in the order of names.
_NAMED = f"""
select * from (select case when place = any($2::int[]) then 0 else 1 end as part, {_COLUMNS} from directory_entry
    where shown and place = any($1::int[])) found
where (part, sort_name, organisation_id) > ($3::int, $4::text, $5::uuid)
order by part, sort_name, organisation_id limit $6
"""
_FOLLOWING = """
select place from directory_entry where shown and (sort_name, organisation_id) > ($1, $2)
order by sort_name, organisation_id limit $3
"""
_BY_JOINED = f"""
select 1 as part, {_COLUMNS} from directory_entry
where shown and {{condition}} and ($1 < 0 or joined_on < $2 or (joined_on = $2 and organisation_id > $3))
order by joined_on desc, organisation_id limit $4
"""
_WORDS = "select directory_found($1)"
_HAS = "select place from directory_entry where shown and place = any($2::int[]) and doc @@ $1::text::tsquery"
_ALIKE = "select string_agg(int4send(place), '') from directory_alike($1, $2) place"


class Asked(msgspec.Struct, frozen=True):
    """A question: a text, choices by group, an order, and after which row to go on (`cursor`)."""

    text: str = ""
    chosen: Mapping[str, tuple[str, ...]] = {}
    sort: str = "name"
    cursor: str = ""


class Row(msgspec.Struct, frozen=True):
    """One found; `raw` is what anybody may see of it, as JSON (crm/migrations/sql/directory.sql)."""

    organisation_id: UUID
    slug: str
    name: str
    raw: str
    joined_on: date

    @property
    def body(self) -> dict[str, Any]:
        """The same, read."""
        return msgspec.json.decode(self.raw)  # type: ignore[no-any-return]


class Found(msgspec.Struct, frozen=True):
    """`counts`: group -> code -> how many the list would have with this choice added (or, chosen, has of them).

    `before` rows stand on earlier pages; `alike`: nobody is called so, these are called something like it.
    """

    rows: tuple[Row, ...]
    total: int
    counts: dict[str, dict[str, int]]
    before: int
    next_cursor: str
    alike: bool


class _Cursor(msgspec.Struct, array_like=True, frozen=True):
    before: int = 0
    part: int = -1
    at: str = ""
    id: UUID = UUID(int=0)


class _Match(msgspec.Struct, frozen=True):
    """Who has the text; of them, whose name has it; each word's query and tags, for SQL (None: by places)."""

    bits: Bits
    named: Bits
    parts: tuple[tuple[str, list[str]], ...] | None
    alike: bool = False


async def search(
    connection: Connection, index: Index, asked: Asked, names: Sequence[tuple[str, str]], limit: int = PAGE
) -> Found:
    """One page and all counts. `names`: (tag, what it is called, as `directory_words.key` spells it)."""
    cursor = _read(asked)
    match = await _match(connection, index, asked.text, names)
    chosen = {group: _tags(group, codes) for group, codes in asked.chosen.items() if codes}
    sets = {group: _any_of(index, tags) for group, tags in chosen.items()}
    hits = all_of([match.bits, *sets.values()])
    total = hits.bit_count()
    rows = await _rows(connection, index, asked, match, chosen, hits, cursor, limit + 1) if total else []
    more = len(rows) > limit
    found = [Row(r["organisation_id"], r["slug"], r["name"], r["raw"], r["joined_on"]) for r in rows[:limit]]
    following = _write(asked, cursor.before + limit, rows[limit - 1]) if more else ""
    return Found(tuple(found), total, _counts(index, match.bits, sets), cursor.before, following, match.alike)


async def every(
    connection: Connection, index: Index, asked: Asked, names: Sequence[tuple[str, str]]
) -> AsyncIterator[tuple[Row, ...]]:
    """All that are found, from the first, in the same order, a batch at a time."""
    cursor = ""
    while True:
        found = await search(connection, index, msgspec.structs.replace(asked, cursor=cursor), names, BATCH)
        yield found.rows
        cursor = found.next_cursor
        if not cursor:
            return


def shared(index: Index, network: str) -> dict[str, int]:
    """Other networks -> how many members they have in common with this one, as far as anybody may see it."""
    prefix = GROUPS["network"]
    own = index.bits(prefix + network)
    others = [tag for tag in index.marks() if tag.startswith(prefix) and tag != prefix + network]
    return {tag[len(prefix) :]: n for tag in others if (n := (own & index.bits(tag)).bit_count())}


def _tags(group: str, codes: Sequence[str]) -> list[str]:
    return [GROUPS[group] + code for code in codes]


def _any_of(index: Index, tags: Sequence[str]) -> Bits:
    return bitmaps.any_of(index.bits(tag) for tag in tags)


def _counts(index: Index, base: Bits, sets: Mapping[str, Bits]) -> dict[str, dict[str, int]]:
    """Each group is counted as if nothing were chosen in it: a second choice in a group adds to the first."""
    of_group = {prefix: group for group, prefix in GROUPS.items() if group != "with"}
    within = {group: all_of([base, *(bits for other, bits in sets.items() if other != group)]) for group in sets}
    whole = all_of([base, *sets.values()])
    everybody = whole == index.everybody()
    out: dict[str, dict[str, int]] = {group: {} for group in GROUPS}
    for tag in index.marks():
        group = of_group.get(tag[:2])
        if group is not None:
            bits = index.bits(tag)
            out[group][tag[2:]] = (bits if everybody else bits & within.get(group, whole)).bit_count()
    return out


async def _match(connection: Connection, index: Index, text: str, names: Sequence[tuple[str, str]]) -> _Match:
    listed = directory_words.words(text)
    if not listed:
        return _Match(0 if text.strip() else index.everybody(), 0, None if text.strip() else ())
    parts = tuple((f"'{word}':*", directory_words.meant(word, names)) for word in listed)
    each = [await _having(connection, index, query) | _any_of(index, tags) for query, tags in parts]
    bits = all_of(each) & index.everybody()
    if bits:
        named = all_of([await _having(connection, index, f"'={word}':*") for word in listed])
        return _Match(bits, bits & named, parts)
    # Whoever mistypes one word has written the others well: something like the words that nobody has.
    unknown = [word for word, found in zip(listed, each, strict=True) if not found]
    rarest = min(zip(listed, each, strict=True), key=lambda pair: pair[1].bit_count())[0]
    packed = await connection.fetchval(_ALIKE, " ".join(unknown) or rarest, ALIKE)
    return _Match(bitmaps.of_places(packed or b"") & index.everybody(), 0, None, alike=True)


async def _having(connection: Connection, index: Index, query: str) -> Bits:
    """Who has a word, as far as the index knows of them."""
    known = index.texts.now()
    remembered = index.texts.get(query)
    if remembered is None:
        bits = bitmaps.of_places(await connection.fetchval(_WORDS, query) or b"")
    else:
        bits, moved = remembered
        if not moved:
            return bits
        away = bitmaps.of_list(moved)
        bits &= ~away
        bits |= bitmaps.of_list([row["place"] for row in await connection.fetch(_HAS, query, moved)])
    index.texts.keep(query, bits, known)
    return bits


async def _rows(
    connection: Connection, index: Index, asked: Asked, match: _Match, chosen: Mapping[str, list[str]], hits: Bits,
    cursor: _Cursor, limit: int,
) -> Sequence[Any]:  # fmt: skip
    """The rows of a page; those whose name itself has the words come first."""
    if asked.sort == "joined":
        return await _by_joined(connection, match, chosen, hits, cursor, limit)
    named = hits & match.named
    if cursor.part > 0:
        named = 0
    order = index.order  # another may take its place while we wait
    following = await _following(connection, order, cursor) if cursor.part >= 0 else 0
    first = order.page(named, limit, following if cursor.part == 0 else 0) if named else []
    rest: list[int] = []
    if len(first) < limit + len(order.loose):
        others = hits & ~match.named
        rest = order.page(others, limit, following if cursor.part == 1 else 0) if others else []
    values = [*first, *rest], first, cursor.part, cursor.at, cursor.id, limit
    return await connection.fetch(_NAMED, *values)


async def _following(connection: Connection, order: Order, cursor: _Cursor) -> int:
    """The rank from which a page goes on."""
    for row in await connection.fetch(_FOLLOWING, cursor.at, cursor.id, len(order.loose) + 1):
        if (rank := order.rank(row["place"])) >= 0:
            return rank
    return len(order.places)


async def _by_joined(
    connection: Connection, match: _Match, chosen: Mapping[str, list[str]], hits: Bits, cursor: _Cursor, limit: int
) -> Sequence[Any]:
    day = date.fromisoformat(cursor.at or "0001-01-01")
    values: list[Any] = [cursor.part, day, cursor.id, limit]
    conditions: list[str] = []
    total = hits.bit_count()
    if total <= FEW or match.parts is None:
        values.append(bitmaps.places(hits, total))
        conditions.append(f"place = any(${len(values)}::int[])")
    else:
        for query, tags in match.parts:
            values += [query, tags]
            conditions.append(f"(doc @@ ${len(values) - 1}::text::tsquery or tags && ${len(values)}::text[])")
        for tags in chosen.values():
            values.append(tags)
            conditions.append(f"tags && ${len(values)}::text[]")
    return await connection.fetch(_BY_JOINED.format(condition=" and ".join(conditions) or "true"), *values)


def _read(asked: Asked) -> _Cursor:
    """Refused `directory_question` when it was not made for this order."""
    if not asked.cursor:
        return _Cursor()
    try:
        raw = urlsafe_b64decode(asked.cursor.encode("ascii") + b"=" * (-len(asked.cursor) % 4))
        cursor = msgspec.json.decode(raw, type=_Cursor)
        if asked.sort == "joined":
            date.fromisoformat(cursor.at)
    except (NotBase64, UnicodeEncodeError, ValueError, msgspec.MsgspecError) as error:
        raise Refused("directory_question", "after") from error
    if not 0 <= cursor.part <= 1 or not 0 <= cursor.before < 2**31 or "\0" in cursor.at:
        raise Refused("directory_question", "after")
    return cursor


def _write(asked: Asked, before: int, row: Any) -> str:
    at = row["joined_on"].isoformat() if asked.sort == "joined" else row["sort_name"]
    raw = msgspec.json.encode(_Cursor(before, row["part"], at, row["organisation_id"]))
    return urlsafe_b64encode(raw).decode().rstrip("=")
