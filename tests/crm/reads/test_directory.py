"""Searching the directory: what finds whom, counts that hold, pages without gaps, bits that agree with the table."""

import random
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from cluster_rules import listings
from crm import catalogue, directory_words
from crm.context import Context
from crm.errors import Refused
from crm.reads import bitmaps, directory, directory_index, directory_order
from crm.reads.directory import GROUPS, Asked, Found
from crm.reads.directory_index import Index
from crm.reads.directory_order import Order
from crm.web.directory_views import searched_names

pytestmark = pytest.mark.anyio
NAMES = ("Ålesund Fisk & Hav AS", "Åse Ærlig Øl", "Æsops Fabler", "Müller-Straße GmbH", "3D Print Nord", "Łódź AI")


class Searching:
    """A directory that can be asked."""

    def __init__(self, connection, index: Index, names: list) -> None:
        self.connection, self.index, self.names = connection, index, names

    async def find(
        self, text: str = "", sort: str = "name", cursor: str = "", limit: int = 50, **chosen: tuple
    ) -> Found:
        asked = Asked(text, chosen, sort, cursor)
        return await directory.search(self.connection, self.index, asked, self.names, limit)


@asynccontextmanager
async def asking(context: Context) -> AsyncIterator[Searching]:
    async with context.db.reading([]) as connection:
        index, _ = await directory_index.current(connection, keep=False)
        kept = await catalogue.load(connection)
        yield Searching(connection, index, searched_names(kept))


@pytest.fixture
async def searching(context: Context) -> AsyncIterator[Searching]:
    async with context.db.tx() as connection:
        ids = await connection.fetch(
            "select organisation_id as id from directory_entry where shown order by name limit $1", len(NAMES)
        )
        for row, name in zip(ids, NAMES, strict=True):
            await connection.execute("update organisation set name = $2 where id = $1", row["id"], name)
        await connection.execute("set constraints all immediate")
    async with asking(context) as found:
        yield found


@pytest.mark.parametrize(
    ("text", "first", "alike"),
    [
        ("Ålesund", "Ålesund Fisk & Hav AS", False),
        ("ålesund fi", "Ålesund Fisk & Hav AS", False),
        ("alesund", "Ålesund Fisk & Hav AS", False),
        ("HAV fisk", "Ålesund Fisk & Hav AS", False),
        ("ærl", "Åse Ærlig Øl", False),
        ("aerlig ol", "Åse Ærlig Øl", False),
        ("øl", "Åse Ærlig Øl", False),
        ("aesop", "Æsops Fabler", False),
        ("muller strasse", "Müller-Straße GmbH", False),
        ('"Müller-Straße"', "Müller-Straße GmbH", False),
        ("3d", "3D Print Nord", False),
        ("lodz", "Łódź AI", False),
        ("simla", "Simula Research Laboratory", True),
        ("esmrt sytems", "eSmart Systems", True),
        ("smart innovation", "Smart Innovation Norway", False),
    ],
)
async def test_who_is_found_first(searching: Searching, text: str, first: str, alike: bool) -> None:
    found = await searching.find(text)
    assert found.rows[0].name == first
    assert found.alike == alike
    assert found.total >= len(found.rows[:1])


@pytest.mark.parametrize("text", ["%", "_", "'", '"', "\\", ":*", "& | !", "()", "%%%", "؟", "\u200b"])
async def test_signs_find_nobody_and_break_nothing(searching: Searching, text: str) -> None:
    assert (await searching.find(text)).total == 0


@pytest.mark.parametrize(
    "text", ["x'y", "a:*", "energi & !oslo", "drop table", "o" * 10_000, "æ" * 500, "a b c d e f g h i j k"]
)
async def test_whatever_is_typed_is_answered(searching: Searching, text: str) -> None:
    found = await searching.find(text)
    assert found.total >= len(found.rows)


async def test_words_of_choices_are_searched_in_both_languages(searching: Searching) -> None:
    in_norwegian, in_english = await searching.find("språkteknologi"), await searching.find("language technology")
    chosen = await searching.find(field=("language",))
    assert {r.slug for r in chosen.rows} <= {r.slug for r in in_norwegian.rows} & {r.slug for r in in_english.rows}
    assert chosen.total > 5


async def test_both_spell_letters_alike(context: Context) -> None:
    letters = [chr(n) for n in [*range(0x20, 0x7F), *range(0xA0, 0x250), *range(0x1E00, 0x1F00)]]
    async with context.db.tx() as connection:
        rows = await connection.fetch("select directory_key('x' || l || 'y') as key from unnest($1::text[]) l", letters)
    said = {letter: row["key"] for letter, row in zip(letters, rows, strict=True)}
    assert {letter: directory_words.key(f"x{letter}y") for letter in letters} == said


async def test_both_know_the_same_fields_levels_and_bands(context: Context) -> None:
    async with context.db.tx() as connection:
        assert await connection.fetchval("select directory_defaults()") == listings.DEFAULTS
        for employees in (None, 0, 9, 10, 49, 50, 249, 250, 10_000):
            assert await connection.fetchval("select directory_band($1)", employees) == listings.size_band(employees)


async def test_a_count_is_what_one_gets_by_clicking(context: Context) -> None:
    dice = random.Random(29)
    async with asking(context) as ask:
        for text in ("", "", "a", "oslo", "energi"):
            chosen: dict[str, tuple[str, ...]] = {}
            for _ in range(3):
                found = await ask.find(text, **chosen)
                choices = [
                    (g, c) for g in GROUPS for c, n in found.counts[g].items() if n and c not in chosen.get(g, ())
                ]
                if not choices:
                    break
                for group, code in dice.sample(choices, min(6, len(choices))):
                    alone = await ask.find(text, **{**chosen, group: (code,)})
                    assert alone.total == found.counts[group][code], (text, chosen, group, code)
                group, code = dice.choice(choices)
                chosen[group] = (*chosen.get(group, ()), code)


async def test_counts_are_those_of_the_table(context: Context) -> None:
    async with asking(context) as ask:
        found = await ask.find()
        rows = await ask.connection.fetch(
            "select tag, count(*) as n from directory_entry, unnest(tags) tag where shown group by tag"
        )
        total = await ask.connection.fetchval("select count(*) from directory_entry where shown")
    said = {GROUPS[group] + code: n for group, codes in found.counts.items() for code, n in codes.items()}
    assert said == {row["tag"]: row["n"] for row in rows}
    assert found.total == total > 150


@pytest.mark.parametrize(("name", "value"), [("FEW", 2_000), ("FEW", 0), ("DENSE", 0), ("DENSE", 10**9)])
@pytest.mark.parametrize(
    "asked",
    [Asked(), Asked("a"), Asked("nor"), Asked(sort="joined"), Asked("energi", {"kind": ("company",)}),
     Asked("", {"network": ("nora", "nora-startup"), "county": ("03",)})],
)  # fmt: skip
async def test_pages_have_no_gap_and_nobody_twice(
    context: Context, monkeypatch: pytest.MonkeyPatch, asked: Asked, name: str, value: int
) -> None:
    monkeypatch.setattr(directory if name == "FEW" else directory_order, name, value)
    async with asking(context) as ask:
        whole = await ask.find(asked.text, asked.sort, limit=1_000, **asked.chosen)
        pages, cursor = [], ""
        while True:
            found = await ask.find(asked.text, asked.sort, cursor, 7, **asked.chosen)
            assert found.before == len(pages)
            pages += found.rows
            cursor = found.next_cursor
            if not cursor:
                break
    assert pages == list(whole.rows)
    assert len(pages) == whole.total == len({r.organisation_id for r in pages}) > 0


@pytest.mark.parametrize("cursor", ["x", "é", "bnVsbA", "WzEsMiwzLDRd", "A" * 5000])
async def test_a_page_that_never_was_is_refused(context: Context, cursor: str) -> None:
    async with asking(context) as ask:
        with pytest.raises(Refused) as refused:
            await ask.find(cursor=cursor)
    assert (refused.value.code, refused.value.field) == ("directory_question", "after")


def test_bits_change_as_entries_do() -> None:
    dice = random.Random(7)
    index, truth = Index(), {}
    packed = b"".join(place.to_bytes(4, "big") for place in range(1, 50))
    index.fill("n:a", bitmaps.of_places(packed))
    index.fill("", bitmaps.of_places(packed))
    truth = {place: {"n:a"} for place in range(1, 50)}
    for _ in range(400):
        place, tags = dice.randrange(1, 20_000), dice.sample(["n:a", "n:b", "f:x"], dice.randrange(0, 3))
        index.moved(place, tags)
        truth[place] = set(tags)
    for tag in ("n:a", "n:b", "f:x"):
        assert set(bitmaps.places(index.bits(tag), 10**6)) == {p for p, tags in truth.items() if tag in tags}
    assert set(bitmaps.places(index.everybody(), 10**6)) == {p for p, tags in truth.items() if tags}
    packed = b"".join(place.to_bytes(4, "big") for place in (3, 900, 17))
    assert bitmaps.places(bitmaps.of_places(packed), 2) == [3, 17]
    assert msgspec.json.encode(bitmaps.of_places(b"")) == b"0"


def test_the_first_in_order_are_the_first_however_they_are_found() -> None:
    dice = random.Random(31)
    names = {place: dice.randrange(50_000) for place in dice.sample(range(1, 4_000), 1_500)}
    order = Order(array("i", sorted(names, key=lambda place: (names[place], place))))
    moved = [*dice.sample(sorted(names), 20), 3_999, 5_000]
    for place in moved:
        names[place] = dice.randrange(50_000)
        order.loosen(place)
    for size in (0, 1, 40, 700, len(names)):
        found = sorted(dice.sample(sorted(names), size))
        bits = bitmaps.of_list(found)
        for start in (0, 300, 1_499):
            later = {place for place in found if order.rank(place) >= start or place in moved}
            wanted = sorted(later, key=lambda place: (names[place], place))[:30]
            for got in (order.first(found, 30, start), order.walk(bits, 30, start), *[order.page(bits, 30, start)] * 2):
                assert set(got) <= later
                assert sorted(got, key=lambda place: (names[place], place))[:30] == wanted
