"""A rulebook document becomes a checked rulebook, or a refusal that names the field."""

import tomllib
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from cluster_rules import rulebooks
from cluster_rules.errors import RulebookError
from cluster_rules.networks import Rulebooks
from tests.cluster_rules.make import CIN, NORA, book, cin, day, nora, rule, tier

DEMO = sorted((p for p in (files("crm") / "demo_data/rulebooks").iterdir() if p.name.endswith(".toml")), key=str)

EXAMPLES = sorted((p for p in (files("crm") / "demo_data/examples").iterdir() if p.name.endswith(".toml")), key=str)

TEXT = """
network = "nora"
version = 1
effective_from = 2020-01-01
currency = "NOK"
{top}
[[tiers]]
code = "principal"
rank = 30
names = {{ nb = "Hovedpartner", en = "Principal partner" }}
{tier}
[[tiers.fees]]
code = "membership"
names = {{ nb = "Kontingent", en = "Fee" }}
{fee}
[[link_rules]]
code = "r"
names = {{ nb = "r", en = "r" }}
agreement = "a"
when = {{ tiers = ["principal"] }}
grants = {{ network = "{target}", tier = "member" }}
{rule}
"""


def document(**parts: str) -> dict[str, Any]:
    blank = {"top": "", "tier": "", "fee": "", "rule": "", "target": "claire"}
    return tomllib.loads(TEXT.format(**(blank | parts)))


def test_every_rulebook_of_the_demo_can_be_read_and_their_links_hold() -> None:
    books = [rulebooks.parse(tomllib.loads(path.read_text("utf-8"))) for path in DEMO]
    assert len(books) == 7
    rulebooks.check_links(books)
    (dual,) = next(b for b in books if b.network == NORA).link_rules
    assert (dual.grants.network, dual.when.tiers, dual.when.countries) == (CIN, ("principal",), ("NO",))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_can_be_read_in_both_languages(path: Any) -> None:
    parsed = rulebooks.parse(tomllib.loads(path.read_text("utf-8")))
    names = [n for t in parsed.tiers for n in (t.names, *(f.names for f in t.fees))]
    names += [r.names for r in parsed.link_rules]
    assert all(name["nb"] and name["en"] for name in names)
    listed = (files("crm") / "demo_data/examples/README.md").read_text("utf-8")
    assert f"`{path.name}`" in listed


def test_a_rulebook_survives_the_way_to_json_and_back() -> None:
    parsed = rulebooks.parse(document())
    assert msgspec.json.decode(msgspec.json.encode(parsed), type=type(parsed)) == parsed


@pytest.mark.parametrize(
    ("parts", "code", "field"),
    [
        ({"top": "colour = 1"}, "rulebook_malformed", ""),
        ({"top": 'period = { kind = "weekly" }'}, "rulebook_malformed", "period.kind"),
        ({"top": 'period = { kind = "window", starts = "02-29" }'}, "rulebook_malformed", "period.starts"),
        ({"top": 'period = { kind = "window", starts = "1. september" }'}, "rulebook_malformed", "period.starts"),
        ({"top": 'notice = { kind = "fixed_date", by = "13-01" }'}, "rulebook_malformed", "notice.by"),
        ({"tier": 'rang = "x"'}, "rulebook_malformed", "tiers[0]"),
        ({"tier": 'open_to = { kinds = ["bank"] }'}, "rulebook_malformed", "tiers[0].open_to.kinds[0]"),
        ({"fee": 'amount = "free"'}, "rulebook_malformed", "tiers[0].fees[0].amount"),
        ({"fee": "amount = -1"}, "fixed_fee_wrong", "tiers.principal.fees.membership"),
        ({"fee": "bands = [{ amount = 1 }]"}, "fixed_fee_wrong", "tiers.principal.fees.membership"),
        ({"fee": 'basis = "employees"'}, "bands_hole", "tiers.principal.fees.membership"),
        (
            {"fee": 'basis = "employees"\nbands = [{ amount = 1, from = 1 }]'},
            "bands_hole",
            "tiers.principal.fees.membership",
        ),
        (
            {"fee": 'basis = "employees"\nbands = [{ amount = 1, below = 10 }, { amount = 2, from = 11 }]'},
            "bands_hole",
            "tiers.principal.fees.membership",
        ),
        (
            {"fee": 'basis = "employees"\nbands = [{ amount = 1, below = 10 }]'},
            "bands_hole",
            "tiers.principal.fees.membership",
        ),
        (
            {"fee": 'basis = "employees"\nbands = [{ amount = 1, below = 0 }, { amount = 2, from = 0 }]'},
            "bands_hole",
            "tiers.principal.fees.membership",
        ),
        (
            {"fee": 'basis = "employees"\nbands = [{ amount = 1, below = 10 }, { amount = -2, from = 10 }]'},
            "fixed_fee_wrong",
            "tiers.principal.fees.membership",
        ),
        (
            {"tier": 'requires = [{ network = "a", on_loss = "cry" }]'},
            "rulebook_malformed",
            "tiers[0].requires[0].on_loss",
        ),
        ({"tier": 'requires = [{ network = "nora" }]'}, "requires_itself", "tiers.principal.requires.network"),
        ({"target": "nora"}, "link_to_itself", "link_rules.r.grants.network"),
        ({"rule": 'fee = { policy = "percent", percent = 101 }'}, "percent_wrong", "link_rules.r.fee.percent"),
        ({"rule": "policy = { grace_days = -1 }"}, "days_negative", "link_rules.r.policy"),
    ],
)
def test_a_mistake_names_its_field(parts: dict[str, str], code: str, field: str) -> None:
    with pytest.raises(RulebookError) as refused:
        rulebooks.parse(document(**parts))
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"tiers": ()}, "tiers_missing", "tiers"),
        ({"tiers": (tier("a", 1), tier("a", 2))}, "duplicate_code", "tiers"),
        ({"tiers": (tier("a", 1), tier("b", 1))}, "duplicate_code", "tiers.rank"),
        ({"link_rules": (rule(), rule())}, "duplicate_code", "link_rules"),
        ({"link_rules": (rule(when={"tiers": ("gold",)}),)}, "tier_unknown", f"link_rules.{rule().code}.when.tiers"),
    ],
)
def test_what_the_types_cannot_say(given: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(RulebookError) as refused:
        rulebooks.check(msgspec.structs.replace(book(), **given))
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_link_to_a_network_nobody_knows() -> None:
    with pytest.raises(RulebookError) as refused:
        rulebooks.check_links([nora()])
    assert (refused.value.code, refused.value.params["given"]) == ("network_unknown", CIN)


def test_the_target_level_is_looked_up_in_the_newest_version() -> None:
    newest = cin(version=2, tiers=(tier("associate"),))
    with pytest.raises(RulebookError) as refused:
        rulebooks.check_links([nora(), cin(), newest])
    assert (refused.value.code, refused.value.field) == ("tier_unknown", f"{NORA}.link_rules.{rule().code}.grants.tier")


@pytest.mark.parametrize(
    ("name", "since", "on", "version"),
    [
        ("before the first version the first holds", "2010-01-01", "2010-01-01", 1),
        ("a member of March pays old", "2027-03-01", "2027-12-31", 1),
        ("until existing members are reached", "2027-03-01", "2028-01-01", 2),
        ("a member of 2 July pays new", "2027-07-02", "2027-07-02", 2),
        ("version 3 is for new members only", "2027-03-01", "2035-01-01", 2),
        ("version 3 for new members", "2029-01-01", "2029-01-01", 3),
    ],
)
def test_ac_15c_which_version_holds(name: str, since: str, on: str, version: int) -> None:
    books = Rulebooks(
        (
            book(version=3, effective_from=day("2029-01-01"), effective_from_existing=None),
            book(),
            book(version=2, effective_from=day("2027-07-01"), effective_from_existing=day("2028-01-01")),
        )
    )
    governing = books.governing(NORA, day(since), day(on))
    assert governing is not None and governing.version == version, name


def test_looking_things_up() -> None:
    books = Rulebooks((nora(), nora(version=2, tiers=(tier("principal", 99),)), cin()))
    assert [b.version for b in books.of(NORA)] == [1, 2] and books.of("unheard-of") == []
    assert books.rank(NORA, "principal") == 99, "the newest version that knows it"
    assert books.rank(NORA, "partner") == 20 and books.rank(NORA, "gold") == -1
    assert books.governing("unheard-of", day("2027-01-01"), day("2027-01-01")) is None
    assert books.version(NORA, 2) is books.of(NORA)[1] and books.version(NORA, 7) is None
    assert books.agreement("never-signed") is None
