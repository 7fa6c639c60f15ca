"""Why is X a member of B? The chain from the root on."""

import msgspec
import pytest

from cluster_rules.why import chain
from tests.cluster_rules.make import (
    AGREEMENT,
    CIN,
    NORA,
    RULE,
    World,
    agreement,
    cin,
    company,
    day,
    nora,
    rule,
    rulebooks,
)


def world() -> World:
    made = World(
        company(),
        books=rulebooks(
            nora(rule(end="grace", grace_days=30, notice_days=90)),
            cin(),
            agreements=[agreement(names={"en": "NORA and CLAIRE, 2021"})],
        ),
    )
    made.decide("joining", "2027-03-01", "principal")
    return made


def test_the_chain_of_a_linked_membership() -> None:
    made = world()
    root, linked = chain(made.grants()[0], made.facts.grants, made.facts.rulebooks)
    assert (root.kind, root.network, root.tier, root.starts_on) == ("direct", NORA, "principal", day("2027-03-01"))
    assert (root.rule, root.agreement, root.rulebook_version) == ("", "", 0)
    assert (linked.kind, linked.network, linked.tier) == ("linked", CIN, "member")
    assert (linked.rule, linked.rulebook_version, linked.agreement) == (RULE, 1, AGREEMENT)
    assert (linked.rule_names, linked.agreement_names) == ({"en": RULE}, {"en": "NORA and CLAIRE, 2021"})
    assert (linked.ends_with, linked.grace_days, linked.notice_days, linked.fee) == ("grace", 30, 90, "waived")


def test_the_chain_knows_the_end() -> None:
    made = world()
    made.decide("ending", "2028-01-01")
    root, linked = chain(made.grants()[0], made.facts.grants, made.facts.rulebooks)
    assert (root.ends_on, linked.ends_on) == (day("2028-01-01"), day("2028-01-31"))


def test_a_direct_membership_is_its_own_reason() -> None:
    made = world()
    (only,) = chain(made.grants(NORA, "direct")[0], made.facts.grants, made.facts.rulebooks)
    assert only.kind == "direct"


def test_a_linked_grant_without_its_cause_has_no_explanation() -> None:
    made = world()
    with pytest.raises(KeyError):
        chain(made.grants()[0], made.grants(), made.facts.rulebooks)


def test_a_rule_that_no_rulebook_has_any_more_still_has_a_chain() -> None:
    made = world()
    orphan = msgspec.structs.replace(made.grants()[0], version=99)
    links = chain(orphan, made.facts.grants, made.facts.rulebooks)
    assert (links[-1].rule, links[-1].rule_names, links[-1].ends_with) == (RULE, {}, "")
