"""Rules that build on rules: chains keep their provenance, circles are refused and never hold themselves up (AC-2g)."""

from itertools import pairwise

import pytest

from cluster_rules import rulebooks as checks
from cluster_rules.errors import RulebookError, RuleViolation
from cluster_rules.links import LONGEST_CHAIN, derive
from cluster_rules.networks import Rulebook, Rulebooks
from cluster_rules.why import chain
from tests.cluster_rules.make import World, agreement, between, book, chained, company, day, facts, period, rule

A, B, C, D = "a", "b", "c", "d"


def networks(*books: Rulebook) -> Rulebooks:
    """These rulebooks, with an agreement for each of their rules."""
    pairs = {(each.network, r.grants.network) for each in books for r in each.link_rules}
    return Rulebooks(books, tuple(between(source, target) for source, target in sorted(pairs)))


def direct_only(source: str, target: str):
    return chained(source, target, through_linked=False)


def memberships(world: World) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for grant in world.facts.grants:
        found.setdefault(grant.network, []).append((grant.kind, grant.source))
    return found


def test_ac_02g_a_linked_membership_triggers_nothing_by_itself() -> None:
    world = World(books=networks(book(A, direct_only(A, B)), book(B, direct_only(B, C)), book(C)))
    world.decide("joining", "2027-03-01", "member", network=A)
    assert memberships(world) == {A: [("direct", "")], B: [("linked", A)]}


def test_ac_02g_a_chain_keeps_its_provenance() -> None:
    world = World(books=networks(book(A, direct_only(A, B)), book(B, chained(B, C)), book(C)))
    world.decide("joining", "2027-03-01", "member", network=A)
    assert memberships(world) == {A: [("direct", "")], B: [("linked", A)], C: [("linked", B)]}
    last = world.grants(C)[0]
    links = chain(last, world.facts.grants, world.facts.rulebooks)
    assert [(link.network, link.kind) for link in links] == [(A, "direct"), (B, "linked"), (C, "linked")]
    world.decide("ending", "2027-09-01", network=A)
    assert world.periods(B) == world.periods(C) == [period("2027-03-01", "2027-09-01")]


@pytest.mark.parametrize("roots", [[A], [B], [A, B], [B, A]])
def test_ac_02g_mutual_links_end_with_their_roots(roots: list[str]) -> None:
    world = World(books=networks(book(A, chained(A, B)), book(B, chained(B, A))))
    for network in roots:
        world.decide("joining", "2027-03-01", "member", network=network)
    assert set(memberships(world)) == {A, B}
    for network in roots:
        world.decide("ending", "2027-09-01", network=network)
    assert all(g.period == period("2027-03-01", "2027-09-01") for g in world.facts.grants)
    assert not world.change(), "nothing is held up by itself"


def test_ac_02g_two_plain_rules_in_a_circle_are_harmless() -> None:
    books = networks(book(A, direct_only(A, B)), book(B, direct_only(B, A)))
    checks.check_links(books.versions)
    world = World(books=books)
    world.decide("joining", "2027-03-01", "member", network=A)
    assert memberships(world) == {A: [("direct", "")], B: [("linked", A)]}


@pytest.mark.parametrize(
    ("name", "edges", "cycle"),
    [
        ("two", [(A, B), (B, A)], "a -> b -> a"),
        ("three", [(A, B), (B, C), (C, A)], "a -> b -> c -> a"),
        ("behind a lead-in", [(A, B), (B, C), (C, D), (D, B)], "b -> c -> d -> b"),
    ],
)
def test_ac_02g_a_circle_of_chained_rules_is_refused_with_the_cycle(name: str, edges: list, cycle: str) -> None:
    books = [book(n, *(chained(s, t) for s, t in edges if s == n)) for n in (A, B, C, D)]
    with pytest.raises(RulebookError) as refused:
        checks.check_links(books)
    assert (refused.value.code, refused.value.params["cycle"]) == ("rule_cycle", cycle), name


def test_ac_02g_a_circle_through_a_version_that_still_holds_is_refused() -> None:
    old = book(A, chained(A, B), effective_from_existing=None)
    new = book(A, version=2, effective_from=day("2027-01-01"), effective_from_existing=None)
    for_all = book(A, version=2, effective_from=day("2027-01-01"), effective_from_existing=day("2027-01-01"))
    back = book(B, chained(B, A))
    with pytest.raises(RulebookError) as refused:
        checks.check_links([old, new, back])
    assert refused.value.code == "rule_cycle"
    checks.check_links([old, for_all, back])


def test_ac_02g_a_diamond_is_not_a_circle() -> None:
    books = [book(A, chained(A, B), chained(A, C)), book(B, chained(B, D)), book(C, chained(C, D)), book(D)]
    checks.check_links(books)
    world = World(books=networks(*books))
    world.decide("joining", "2027-03-01", "member", network=A)
    assert memberships(world)[D] == [("linked", B), ("linked", C)] or memberships(world)[D] == [
        ("linked", C),
        ("linked", B),
    ]
    assert world.timeline(D) == [("2027-03-01", "member", "linked")], "counted once"


def test_a_circle_whose_grace_feeds_itself_is_refused_not_endless() -> None:
    forever = {"end": "grace", "grace_days": 30}
    books = networks(book(A, chained(A, B, **forever)), book(B, chained(B, A, **forever)))
    world = World(books=books)
    world.decide("joining", "2027-03-01", "member", network=A)
    with pytest.raises(RuleViolation) as refused:
        world.decide("ending", "2027-09-01", network=A)
    assert refused.value.code == "rule_cycle"


def test_the_longest_chain_that_is_followed() -> None:
    names = [f"n{i:02}" for i in range(LONGEST_CHAIN)]
    books = [book(s, chained(s, t)) for s, t in pairwise(names)]
    world = World(books=networks(*books, book(names[-1])))
    world.decide("joining", "2027-03-01", "member", network=names[0])
    assert len(world.facts.grants) == LONGEST_CHAIN


@pytest.mark.parametrize(("links", "first_is_chained"), [(LONGEST_CHAIN - 1, True), (LONGEST_CHAIN - 1, False)])
def test_a_chain_longer_than_is_followed_is_refused_when_saved(links: int, first_is_chained: bool) -> None:
    names = [f"n{i:02}" for i in range(links + 2)]
    first = (chained if first_is_chained else direct_only)(names[0], names[1])
    rules = [first, *(chained(s, t) for s, t in pairwise(names[1:]))]
    books = [book(s, r) for s, r in zip(names, rules, strict=False)]
    checks.check_links([*books[:links], book(names[links])])
    with pytest.raises(RulebookError, match="n00 -> n01" if first_is_chained else "n01 -> n02") as refused:
        checks.check_links([*books, book(names[-1])])
    assert (refused.value.code, refused.value.params["limit"]) == ("chain_too_long", links)


def test_the_cause_is_the_nearest_root_even_when_a_chain_leads_back_on_the_same_day() -> None:
    edges = [(A, B), (B, C), (C, A), (C, B), (A, C)]
    books = networks(*(book(n, *(chained(s, t) for s, t in edges if s == n)) for n in (A, B, C)))
    world = World(books=books)
    world.decide("joining", "2027-03-01", "member", network=A)
    for grant in world.facts.grants:
        assert chain(grant, world.facts.grants, world.facts.rulebooks)[0].kind == "direct"
    assert {g.cause for g in world.grants(B) if g.source == A} == {world.grants(A, "direct")[0].id}


def test_an_own_and_a_linked_membership_cause_one_grant_from_one_source() -> None:
    """In A by its own and through B at once: A's rule gives C once, for as long as either stands."""
    books = networks(book(B, chained(B, A)), book(A, chained(A, C)), book(C))
    world = World(books=books)
    world.decide("joining", "2027-03-01", "member", network=B)
    world.decide("joining", "2027-05-01", "member", network=A)
    assert world.periods(C) == [period("2027-03-01")]
    world.decide("ending", "2027-06-01", network=B)
    assert world.periods(C) == [period("2027-03-01")]
    world.decide("ending", "2027-09-01", network=A)
    assert world.periods(C) == [period("2027-03-01", "2027-09-01")]


def test_one_of_two_causes_suspended_does_not_suspend_the_link() -> None:
    books = networks(book(B, chained(B, A)), book(A, chained(A, C)), book(C))
    world = World(books=books)
    world.decide("joining", "2027-03-01", "member", network=B)
    world.decide("joining", "2027-03-01", "member", network=A)
    world.decide("suspension", "2027-05-01", until="2027-06-01", network=B)
    assert world.timeline(C) == [("2027-03-01", "member", "linked")]


def test_a_target_that_lacks_the_level_is_said_at_save_and_harmless_afterwards() -> None:
    books = [book(A, rule("r", B, "gone", agreement="x", when={"tiers": ()})), book(B)]
    with pytest.raises(RulebookError) as refused:
        checks.check_links(books)
    assert (refused.value.code, refused.value.params["given"]) == ("tier_unknown", "gone")
    world = World(books=Rulebooks(tuple(books), (agreement(code="x", source=A, target=B),)))
    world.decide("joining", "2027-03-01", "member", network=A)
    assert world.timeline(B) == [("2027-03-01", "gone", "linked")]
    assert world.nets(B) == []
    world.decide("joining", "2027-05-01", "member", network=B)
    assert world.timeline(B)[-1] == ("2027-05-01", "member", "both"), "every level that exists ranks above it"


def test_derive_reads_decisions_not_what_is_stored() -> None:
    world = World(company())
    world.decide("joining", "2027-03-01", "principal")
    bare = facts(world.member, decisions=world.facts.decisions)
    assert set(derive(bare).grants) == set(world.facts.grants)
