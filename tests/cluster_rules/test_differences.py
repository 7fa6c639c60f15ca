"""What two versions of a rulebook say differently: found by code, whatever the order."""

import msgspec

from cluster_rules.differences import Difference, compare
from tests.cluster_rules.make import RULE, fee, nora, tier

OLD = nora()
PRINCIPAL, *REST = OLD.tiers


def _with(**changes):
    return msgspec.structs.replace(OLD, **changes)


def _principal(**changes):
    return _with(tiers=(msgspec.structs.replace(PRINCIPAL, **changes), *REST))


def test_the_same_rulebook_and_another_order_differ_in_nothing():
    assert compare(OLD, OLD) == []
    assert compare(OLD, _with(tiers=OLD.tiers[::-1])) == []


def test_a_changed_value_is_named_by_the_code_of_its_level():
    assert compare(OLD, _principal(votes=3)) == [Difference(("tiers", "principal", "votes"), 0, 3)]
    dearer = msgspec.structs.replace(PRINCIPAL.fees[0], amount=160_000_00)
    path = ("tiers", "principal", "fees", "membership", "amount")
    assert compare(OLD, _principal(fees=(dearer,))) == [Difference(path, 150_000_00, 160_000_00)]
    assert compare(OLD, _with(version=2)) == [Difference(("version",), 1, 2)]


def test_new_and_removed_things_are_one_difference_each():
    fewer = _with(tiers=OLD.tiers[:2], link_rules=())
    gone = compare(OLD, fewer)
    assert [(d.path, d.new) for d in gone] == [(("tiers", "member"), None), (("link_rules", RULE), None)]
    back = compare(fewer, OLD)
    assert [d.path for d in back] == [d.path for d in gone]
    assert [(d.old, d.new) for d in back] == [(d.new, d.old) for d in gone]
    (more,) = compare(OLD, _with(tiers=(*OLD.tiers, tier("friend", 5))))
    assert (more.path, more.old, more.new["rank"]) == (("tiers", "friend"), None, 5)


def test_a_first_fee_is_an_addition():
    (found,) = compare(_principal(fees=()), _principal(fees=(fee(100, code="entry"),)))
    assert (found.path, found.old, found.new["amount"]) == (("tiers", "principal", "fees", "entry"), None, 100)


def test_the_levels_a_link_rule_looks_at_are_one_value():
    (rule,) = OLD.link_rules
    anybody = msgspec.structs.replace(rule, when=msgspec.structs.replace(rule.when, tiers=()))
    (found,) = compare(OLD, _with(link_rules=(anybody,)))
    assert found == Difference(("link_rules", RULE, "when", "tiers"), ("principal",), ())
