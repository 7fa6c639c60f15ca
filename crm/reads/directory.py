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
from crm.reads import directory_index
from crm.reads.directory_index import Bits, Index

PAGE = 50
FEW = 2_000  # places that are named one by one; of more, the table is walked in its order
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
_ROWS = """
(select 0 as part, organisation_id, slug, name, sort_name, body::text as raw, joined_on from directory_entry
 where shown and doc @@ $1::text::tsquery and {condition} and ($2 < 0 or (sort_name, organisation_id) > ($3, $4))
   and $2 <= 0 order by sort_name, organisation_id limit $5)
union all
(select 1, organisation_id, slug, name, sort_name, body::text as raw, joined_on from directory_entry
 where shown and not doc @@ $1::text::tsquery and {condition} and ($2 < 1 or (sort_name, organisation_id) > ($3, $4))
 order by sort_name, organisation_id limit $5)
order by 1, sort_name, organisation_id limit $5
"""
_BY_NAME = """
select 1 as part, organisation_id, slug, name, sort_name, body::text as raw, joined_on from directory_entry
where shown and {condition} and ($1 < 0 or (sort_name, organisation_id) > ($2, $3))
order by sort_name, organisation_id limit $4
"""
_BY_JOINED = """
select 1 as part, organisation_id, slug, name, sort_name, body::text as raw, joined_on from directory_entry
where shown and {condition} and ($1 < 0 or joined_on < $2 or (joined_on = $2 and organisation_id > $3))
order by joined_on desc, organisation_id limit $4
"""
_WORDS = "select string_agg(int4send(place), '') from directory_entry where shown and doc @@ $1::text::tsquery"
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
    """Who has the text: their bits, and the same as a condition of SQL (None: places only)."""

    bits: Bits
    query: str | None
    alike: bool = False


async def search(
    connection: Connection, index: Index, asked: Asked, names: Sequence[tuple[str, str]], limit: int = PAGE
) -> Found:
    """One page and all counts. `names`: (tag, what it is called, as `directory_words.key` spells it)."""
    cursor = _read(asked)
    match = await _match(connection, index, asked.text, names)
    chosen = {group: _tags(group, codes) for group, codes in asked.chosen.items() if codes}
    sets = {group: _any_of(index, tags) for group, tags in chosen.items()}
    hits = _all_of([match.bits, *sets.values()])
    total = hits.bit_count()
    rows = await _rows(connection, asked, match, chosen, hits, total, cursor, limit + 1) if total else []
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
    others = [tag for tag in index.tags() if tag.startswith(prefix) and tag != prefix + network]
    return {tag[len(prefix) :]: n for tag in others if (n := (own & index.bits(tag)).bit_count())}


def _tags(group: str, codes: Sequence[str]) -> list[str]:
    return [GROUPS[group] + code for code in codes]


def _any_of(index: Index, tags: Sequence[str]) -> Bits:
    bits = 0
    for tag in tags:
        bits |= index.bits(tag)
    return bits


def _all_of(sets: Sequence[Bits]) -> Bits:
    bits = sets[0]
    for each in sets[1:]:
        bits &= each
    return bits


def _counts(index: Index, base: Bits, sets: Mapping[str, Bits]) -> dict[str, dict[str, int]]:
    """Each group is counted as if nothing were chosen in it: a second choice in a group adds to the first."""
    of_group = {prefix: group for group, prefix in GROUPS.items() if group != "with"}
    within = {group: _all_of([base, *(bits for other, bits in sets.items() if other != group)]) for group in sets}
    whole = _all_of([base, *sets.values()])
    everybody = whole == index.everybody()
    out: dict[str, dict[str, int]] = {group: {} for group in GROUPS}
    for tag in index.tags():
        group = of_group.get(tag[:2])
        if group is not None:
            bits = index.bits(tag)
            out[group][tag[2:]] = (bits if everybody else bits & within.get(group, whole)).bit_count()
    return out


async def _match(connection: Connection, index: Index, text: str, names: Sequence[tuple[str, str]]) -> _Match:
    listed = directory_words.words(text)
    if not listed:
        return _Match(0 if text.strip() else index.everybody(), None if text.strip() else "")
    query = " & ".join(
        _either([f"'{word}':*", *(f"'{t}'" for t in directory_words.meant(word, names))]) for word in listed
    )
    packed = await connection.fetchval(_WORDS, query)
    if packed:
        return _Match(directory_index.of_places(packed), query)
    packed = await connection.fetchval(_ALIKE, " ".join(listed), ALIKE)
    return _Match(directory_index.of_places(packed or b""), None, alike=True)


def _either(parts: Sequence[str]) -> str:
    return f"({' | '.join(parts)})"


async def _rows(
    connection: Connection, asked: Asked, match: _Match, chosen: Mapping[str, list[str]], hits: Bits, total: int,
    cursor: _Cursor, limit: int,
) -> Sequence[Any]:  # fmt: skip
    """The rows of a page; those whose name itself has the words come first."""
    named = " & ".join(f"'{word}':*A" for word in directory_words.words(asked.text))
    first = bool(named) and not match.alike and asked.sort == "name"
    values: list[Any]
    if asked.sort == "joined":
        statement, values = _BY_JOINED, [cursor.part, date.fromisoformat(cursor.at or "0001-01-01"), cursor.id, limit]
    elif first:
        statement, values = _ROWS, [named, cursor.part, cursor.at, cursor.id, limit]
    else:
        statement, values = _BY_NAME, [cursor.part, cursor.at, cursor.id, limit]
    conditions: list[str] = []
    if total <= FEW or match.query is None:
        values.append(directory_index.places(hits, total))
        conditions.append(f"place = any(${len(values)}::int[])")
    else:
        if match.query:
            values.append(match.query)
            conditions.append(f"doc @@ ${len(values)}::text::tsquery")
        for tags in chosen.values():
            values.append(tags)
            conditions.append(f"tags && ${len(values)}::text[]")
    return await connection.fetch(statement.format(condition=" and ".join(conditions) or "true"), *values)


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
