"""A network that is a member of a network (T7): an organisation like any other, and nothing flows through by itself."""

import pytest

from cluster_rules.applications import may_apply
from cluster_rules.errors import RuleViolation
from cluster_rules.networks import OpenTo, Rulebooks
from tests.cluster_rules.make import (
    NORA,
    World,
    between,
    book,
    chained,
    company,
    fee,
    nora,
    profile,
    rule,
    rulebooks,
    tier,
)

ALLIANCE = "alliance"
CLUSTER = company("NORA", kind="network")
MEMBER = company("Telenor")


def alliance():
    """Clusters are its members, at 10 000 a year."""
    return book(ALLIANCE, tiers=(tier("cluster", 10, fee(10_000_00), open_to=OpenTo(kinds=("network",))),))


def world(*rules, who=CLUSTER) -> World:
    return World(who, books=rulebooks(nora(*rules), alliance(), agreements=[between(NORA, ALLIANCE)]))


def test_t7_a_network_joins_and_pays_like_anybody() -> None:
    made = world()
    made.decide("joining", "2027-01-01", "cluster", network=ALLIANCE)
    assert made.timeline(ALLIANCE) == [("2027-01-01", "cluster", "direct")]
    assert made.nets() == [10_000_00]


def test_t7_a_level_can_be_for_networks_only() -> None:
    assert may_apply(alliance(), "cluster", profile(kind="network"), profile().period.start).code == "cluster"
    with pytest.raises(RuleViolation, match="kind_not_open"):
        may_apply(alliance(), "cluster", profile(), profile().period.start)


def test_t7_its_members_get_nothing_by_that() -> None:
    """NORA is in the alliance; Telenor is in NORA; so Telenor is not in the alliance."""
    for who, network, level in ((CLUSTER, ALLIANCE, "cluster"), (MEMBER, NORA, "principal")):
        made = world(who=who)
        made.decide("joining", "2027-01-01", level, network=network)
        assert [(g.organisation, g.network) for g in made.facts.grants] == [(who.id, network)]


def test_t7_unless_the_networks_own_rule_says_so_for_each() -> None:
    gives = rule("members-join-the-alliance", ALLIANCE, "cluster", agreement=f"{NORA}-{ALLIANCE}")
    made = world(gives, who=MEMBER)
    made.decide("joining", "2027-01-01", "principal")
    assert made.timeline(ALLIANCE) == [("2027-01-01", "cluster", "linked")]
    assert made.nets(ALLIANCE) == []


def test_t7_a_network_may_be_linked_like_anybody() -> None:
    """It joins one alliance and is in another by a rule for networks; its own members still are not."""
    other = book("other")
    gives = chained(ALLIANCE, "other", when={"kinds": ("network",), "tiers": ()})
    books = Rulebooks(
        (book(ALLIANCE, gives, tiers=alliance().tiers), other, nora()),
        (between(ALLIANCE, "other"), between(NORA, "other")),
    )
    made = World(CLUSTER, books=books)
    made.decide("joining", "2027-01-01", "cluster", network=ALLIANCE)
    assert made.timeline("other") == [("2027-01-01", "member", "linked")]
    company_there = World(MEMBER, books=books)
    company_there.decide("joining", "2027-01-01", "cluster", network=ALLIANCE)
    assert company_there.timeline("other") == []
