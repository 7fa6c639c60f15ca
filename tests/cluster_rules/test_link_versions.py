"""Link rules over rulebook versions, and over units inside legal entities."""

from typing import Any

import pytest

from cluster_rules.links import derive
from tests.cluster_rules.make import (
    CIN,
    World,
    agreement,
    cin,
    company,
    day,
    decision,
    facts,
    nora,
    period,
    rule,
    rulebooks,
    tier,
    unit,
)

PRINCIPAL = ("joining", "2027-03-01", "principal")


# Rulebook versions


def two_versions(first: Any, second: Any, existing: str | None = "2027-07-01") -> Any:
    return rulebooks(
        nora(*first, effective_from_existing=None),
        nora(*second, version=2, effective_from=day("2027-07-01"), effective_from_existing=existing and day(existing)),
        cin(),
    )


OTHER = rule("something-else", when={"tiers": ("member",)})


@pytest.mark.parametrize(
    ("name", "joined", "existing", "expected"),
    [
        ("removed for all", "2027-03-01", "2027-07-01", [period("2027-03-01", "2027-07-01")]),
        ("removed for existing members later", "2027-03-01", "2028-01-01", [period("2027-03-01", "2028-01-01")]),
        ("grandfathered", "2027-03-01", None, [period("2027-03-01")]),
        ("new members never get it", "2027-07-01", None, []),
    ],
)
def test_a_rule_removed_in_version_2(name: str, joined: str, existing: str | None, expected: list) -> None:
    made = World(books=two_versions([rule()], [OTHER], existing))
    made.decide("joining", joined, "principal")
    assert made.periods() == expected, name


def test_a_rule_removed_ends_by_its_own_policy() -> None:
    made = World(books=two_versions([rule(end="grace", grace_days=30)], [OTHER]))
    made.decide(*PRINCIPAL)
    assert made.periods() == [period("2027-03-01", "2027-07-31")]


@pytest.mark.parametrize(
    ("name", "policy"),
    [("next period", {"start": "next_period"}), ("grace", {"end": "grace", "grace_days": 30}), ("plain", {})],
)
def test_a_new_version_with_the_same_rule_changes_no_grant(name: str, policy: dict[str, Any]) -> None:
    made = World(books=two_versions([rule(**policy)], [rule(**policy)], "2028-07-01"))
    made.decide(*PRINCIPAL)
    start = "2028-01-01" if policy.get("start") else "2027-03-01"
    assert [(g.period, g.version) for g in made.grants()] == [(period(start), 1)], name


def test_a_new_version_does_not_end_what_the_agreement_grandfathers() -> None:
    books = two_versions([rule()], [rule()], "2028-01-01")
    made = World(books=rulebooks(*books.versions, agreements=[agreement(end="2027-06-30", on_end="grandfather")]))
    made.decide(*PRINCIPAL)
    assert made.periods() == [period("2027-03-01")]


def test_a_new_version_that_gives_another_level_turns_the_grant_on_its_day() -> None:
    levels = (tier("member", 10), tier("gold", 20))
    versions = two_versions([rule(start="next_period")], [rule(gives="gold", start="next_period")], "2028-07-01")
    books = rulebooks(*versions.versions[:2], cin(tiers=levels))
    made = World(books=books)
    made.decide(*PRINCIPAL)
    assert [(g.tier, g.period) for g in made.grants()] == [
        ("member", period("2028-01-01", "2028-07-01")),
        ("gold", period("2028-07-01")),
    ]


def test_a_change_of_level_does_not_make_a_member_new() -> None:
    made = World(books=two_versions([rule()], [OTHER], None))
    made.decide("joining", "2027-03-01", "partner")
    made.decide("tier_change", "2027-08-01", "principal")
    assert made.periods() == [period("2027-08-01")], "a member of March keeps the rules of March"


def test_backdated_before_the_first_rulebook_the_first_one_holds() -> None:
    made = World(books=rulebooks(nora(effective_from=day("2020-01-01"), effective_from_existing=None), cin()))
    made.decide("joining", "2018-05-05", "principal")
    assert made.periods() == [period("2021-06-01")]


# Units and legal entities


def test_ac_06_the_rule_says_whether_a_unit_or_the_legal_entity_is_meant() -> None:
    large = company("LargeCo")
    group = unit("Group AI of LargeCo", large)
    made = World(large, group)
    made.decide("joining", "2026-01-01", "member", who=group, network=CIN)
    made.decide("joining", "2027-03-01", "principal", who=large)
    assert [(g.organisation, g.kind) for g in made.grants()] == [(large.id, "linked")]
    members = {organisation for organisation, network in made.facts.timelines if network == CIN}
    entities = {p.parent or o.id for o in made.facts.organisations for p in o.profiles if o.id in members}
    assert (len(members), len(entities)) == (2, 1), "two memberships, one legal entity represented"


@pytest.mark.parametrize(
    ("wanted", "expected"), [("any", ["unit", "entity"]), ("unit", ["unit"]), ("legal_entity", ["entity"])]
)
def test_ac_06_each_rule_for_units_and_entities(wanted: str, expected: list[str]) -> None:
    entity = company("entity")
    part = unit("unit", entity)
    given = facts(
        entity,
        part,
        books=rulebooks(nora(rule(when={"unit": wanted})), cin()),
        decisions=tuple(decision(o, "joining", "2027-03-01", "principal") for o in (entity, part)),
    )
    linked = [g.organisation for g in derive(given).grants if g.kind == "linked"]
    assert {o.name for o in (entity, part) if o.id in linked} == set(expected)
