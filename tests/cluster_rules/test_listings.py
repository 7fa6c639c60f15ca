"""Who may see what of a directory entry: every field, level, kind of viewer and pair of networks."""

from itertools import product

import pytest

from cluster_rules import listings
from cluster_rules.errors import RuleViolation
from cluster_rules.listings import ANYBODY, FIELDS, LEVELS, Viewer

A, B = "nora", "claire"
VIEWERS = {
    "anybody": ANYBODY,
    "member of A": Viewer(frozenset({A})),
    "partner of A": Viewer(frozenset(), frozenset({A})),
    "member of B": Viewer(frozenset({B})),
    "partner of both": Viewer(frozenset(), frozenset({A, B})),
}
# Viewer -> the levels in network A that let them see.
SEES_IN_A = {
    "anybody": {"public"},
    "member of A": {"public", "partners", "members"},
    "partner of A": {"public", "partners"},
    "member of B": {"public"},
    "partner of both": {"public", "partners"},
}


@pytest.mark.parametrize(("who", "field", "level"), list(product(VIEWERS, FIELDS, LEVELS)))
def test_one_network(who: str, field: str, level: str) -> None:
    seen = listings.seen([A], {A: {field: level}}, {}, VIEWERS[who])
    assert (field in seen) == (level in SEES_IN_A[who])


@pytest.mark.parametrize(("who", "in_a", "in_b"), list(product(VIEWERS, LEVELS, LEVELS)))
def test_of_two_networks_the_one_that_lets_see_is_enough(who: str, in_a: str, in_b: str) -> None:
    said = {A: {"website": in_a}, B: {"website": in_b}}
    one = "website" in listings.seen([A], said, {}, VIEWERS[who])
    other = "website" in listings.seen([B], said, {}, VIEWERS[who])
    assert ("website" in listings.seen([A, B], said, {}, VIEWERS[who])) == (one or other)


@pytest.mark.parametrize("who", VIEWERS)
def test_a_membership_nobody_is_told_of_opens_nothing(who: str) -> None:
    said = {A: {"membership": "hidden", "summary": "public"}}
    assert listings.seen([A], said, {}, VIEWERS[who]) == frozenset()
    assert listings.memberships_seen([A, B], said, {}, VIEWERS[who]) == {B}


def test_the_member_goes_before_its_network_and_that_before_the_default() -> None:
    assert listings.level("people", A, {}, {}) == "members"
    assert listings.level("people", A, {}, {A: {"people": "hidden"}}) == "hidden"
    assert listings.level("people", A, {A: {"people": "public"}}, {A: {"people": "hidden"}}) == "public"


@pytest.mark.parametrize(
    ("said", "code", "field"),
    [
        ({"ghost": {"summary": "public"}}, "network_unknown", "visibility.ghost"),
        ({A: {"phone": "public"}}, "listing_field_unknown", "visibility.nora.phone"),
        ({A: {"summary": "everybody"}}, "listing_level_unknown", "visibility.nora.summary"),
    ],
)
def test_what_there_is_not_is_refused(said: dict, code: str, field: str) -> None:
    with pytest.raises(RuleViolation) as refused:
        listings.check(said, [A])
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("employees", "band"),
    [(None, ""), (0, "1-9"), (9, "1-9"), (10, "10-49"), (49, "10-49"), (50, "50-249"), (250, "250")],
)
def test_bands(employees: int | None, band: str) -> None:
    assert listings.size_band(employees) == band
