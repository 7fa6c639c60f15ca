"""A rulebook as text: mistakes name line and field, and what is written reads as the same rulebook."""

import tomllib
from importlib.resources import files

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules.components import Band, FeeComponent
from cluster_rules.errors import RulebookError
from cluster_rules.networks import OpenTo, Rulebook, Tier
from cluster_rules.rulebooks import check_links, parse
from crm.gateways import rulebook_text, toml_lines

DEMO = sorted(
    (
        p
        for place in ("rulebooks", "examples")
        for p in (files("crm") / "demo_data" / place).iterdir()
        if p.name.endswith(".toml")
    ),
    key=str,
)
NORA = (files("crm") / "demo_data/rulebooks/nora-industry-network.toml").read_text("utf-8")
BOOK = rulebook_text.read(NORA)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

EVERYTHING = '''# a comment with [brackets] and = signs
"quoted key" = 1
plain.dotted.key = "a # no comment"
text = """
[not.a.table]
name = "no key"
quotes "" inside \\""" and four at the end""""
literal = \'\'\'
[[neither]]\'\'\'
list = [ # a comment, with a comma
    1,
    { a = 1, b = [true, 2020-01-01 10:00:00] },

    "x,]y",
]
[table] # here
inline = { x.y = "}", z = 1979-05-27 }
[[many]]
first = 1
[[many.inner]]
deep = 1
[many.inner.below]
key = 1
[[many]]
second = \'it\'
'''


def test_every_key_is_found_on_its_line():
    tomllib.loads(EVERYTHING)
    assert toml_lines.places(EVERYTHING.replace("\n", "\r\n")) == toml_lines.places(EVERYTHING)
    found = {".".join(map(str, path)): line for path, line in toml_lines.places(EVERYTHING).items()}
    assert found == {
        "quoted key": 2,
        "plain": 3,
        "plain.dotted": 3,
        "plain.dotted.key": 3,
        "text": 4,
        "literal": 8,
        "list": 10,
        "list.0": 11,
        "list.1": 12,
        "list.1.a": 12,
        "list.1.b": 12,
        "list.1.b.0": 12,
        "list.1.b.1": 12,
        "list.2": 14,
        "table": 16,
        "table.inline": 17,
        "table.inline.x": 17,
        "table.inline.x.y": 17,
        "table.inline.z": 17,
        "many": 18,
        "many.0": 18,
        "many.0.first": 19,
        "many.0.inner": 20,
        "many.0.inner.0": 20,
        "many.0.inner.0.deep": 21,
        "many.0.inner.0.below": 22,
        "many.0.inner.0.below.key": 23,
        "many.1": 24,
        "many.1.second": 25,
    }


def _paths(value, path=()):
    """Every path there is, in tables that are written out; elements that are plain values included."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in children:
        yield (*path, key)
        yield from _paths(each, (*path, key))


@pytest.mark.parametrize("file", DEMO, ids=lambda p: p.name)
def test_nothing_of_a_real_rulebook_is_without_a_line(file):
    text = file.read_text("utf-8")
    assert set(toml_lines.places(text)) == set(_paths(tomllib.loads(text)))


def _line(text: str, of: str, after: str = "") -> int:
    start = text.index(after) if after else 0
    return text[: text.index(of, start)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ("rank = 20", "rang = 20", "rulebook_malformed", "tiers[1].rang"),
        ("rank = 20", 'rank = "20"', "rulebook_malformed", "tiers[1].rank"),
        ("amount = 600000", "amount = -600000", "fixed_fee_wrong", "tiers.startup.fees.membership"),
        ('suspension = "follow"', 'suspension = "no"', "rulebook_malformed", "link_rules[0].policy.suspension"),
        ("grace_days = 0", "grace_days = -1", "days_negative", "link_rules.principal-joins-claire.policy"),
        ('by = "11-01"', 'by = "02-30"', "rulebook_malformed", "notice.by"),
        ('tiers = ["principal"]', 'tiers = ["boss"]', "tier_unknown", "link_rules.principal-joins-claire.when.tiers"),
        ('code = "startup"', 'code = "partner"', "duplicate_code", "tiers"),
        ("rank = 10", "rank = 30", "duplicate_code", "tiers.rank"),
        ("votes = 3", "votes = = 3", "rulebook_malformed", "document"),
    ],
)
def test_a_mistake_names_line_and_field(old, new, code, field):
    text = NORA.replace(old, new, 1)
    with pytest.raises(RulebookError) as told:
        rulebook_text.read(text)
    assert (told.value.code, told.value.field) == (code, field)
    wanted = {
        "tiers.startup.fees.membership": _line(NORA, "[[tiers.fees]]", 'code = "startup"'),
        "link_rules.principal-joins-claire.policy": _line(text, "[link_rules.policy]\n"),
    }
    assert told.value.params["line"] == wanted.get(field, _line(NORA, old))


def test_what_is_missing_is_told_where_it_should_be():
    text = NORA.replace("rank = 20\n", "", 1)
    with pytest.raises(RulebookError) as told:
        rulebook_text.read(text)
    assert told.value.field == "tiers[1].rank"
    assert text.splitlines()[told.value.params["line"] - 1] == "[[tiers]]"
    for nothing in ("", "x = 1"):
        with pytest.raises(RulebookError) as told:
            rulebook_text.read(nothing)
        assert told.value.params["line"] == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = " + "[" * 5000, 1),
        ("x = " + "9" * 5000, 1),
        ("y" * (rulebook_text.LONGEST_TEXT + 1), 1),
        ("a = 1\nb = \n\n", 2),
        ("a = 1\n[b", 2),
    ],
)
def test_what_is_no_toml_is_refused_in_words(text, line):
    with pytest.raises(RulebookError) as told:
        rulebook_text.read(text)
    assert (told.value.code, told.value.field) == ("rulebook_malformed", "document")
    assert told.value.params["line"] == line and told.value.params["message"]


def test_a_mistake_found_beside_other_networks_has_its_line_too():
    with pytest.raises(RulebookError) as told:
        check_links([BOOK])
    assert told.value.field == "nora-industry-network.link_rules.principal-joins-claire.grants.network"
    assert rulebook_text.line_in(NORA, told.value) == _line(NORA, 'network = "claire-innovation-network"')


@pytest.mark.parametrize("file", DEMO, ids=lambda p: p.name)
def test_what_is_written_reads_as_the_same_rulebook(file):
    book = rulebook_text.read(file.read_text("utf-8"))
    written = rulebook_text.write(book)
    assert rulebook_text.read(written) == book
    assert rulebook_text.write(rulebook_text.read(written)) == written
    assert "[[tiers]]" in written and "None" not in written


FEES = st.builds(
    FeeComponent,
    code=TEXTS,
    names=st.dictionaries(TEXTS, TEXTS, max_size=2),
    basis=st.just("employees"),
    bands=st.just((Band(amount=0, below=10), Band(amount=5, from_=10))),
    source=TEXTS,
    example=st.booleans(),
)
TIERS = st.builds(
    Tier,
    code=TEXTS,
    rank=st.integers(-(2**31), 2**31),
    names=st.dictionaries(TEXTS, TEXTS, max_size=2),
    benefits=st.lists(st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=2).map(tuple),
    open_to=st.builds(OpenTo, countries=st.lists(TEXTS, max_size=2).map(tuple), max_employees=st.integers(0, 9)),
    fees=st.lists(FEES, max_size=2, unique_by=lambda f: f.code).map(tuple),
)
BOOKS = st.builds(
    Rulebook,
    network=TEXTS,
    version=st.integers(1, 2**31),
    effective_from=st.dates(),
    effective_from_existing=st.none() | st.dates(),
    currency=TEXTS,
    tiers=st.lists(TIERS, min_size=1, max_size=3, unique_by=(lambda x: x.code, lambda x: x.rank)).map(tuple),
    link_rules=st.sampled_from([(), BOOK.link_rules]),
)


@given(BOOKS)
def test_any_rulebook_is_written_so_that_it_reads_as_itself(book):
    written = rulebook_text.write(book)
    document = tomllib.loads(written)
    assert msgspec.convert(document, Rulebook) == book
    assert set(toml_lines.places(written)) == set(_paths(document))


def test_the_document_as_stored_reads_as_itself():
    assert parse(msgspec.to_builtins(BOOK)) == BOOK
