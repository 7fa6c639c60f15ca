"""What a merger of networks makes of rulebooks and prepaid fees (AC-14b, T6); the whole story: tests/demo_data."""

from typing import Any

import msgspec
import pytest

from cluster_rules.errors import RuleViolation
from cluster_rules.intents import Charge
from cluster_rules.memberships import Transfer
from cluster_rules.network_mergers import NetworkMerger, Old, billed, books_after, check, moved_code
from tests.cluster_rules.make import (
    CIN,
    NORA,
    World,
    agreement,
    book,
    cin,
    company,
    day,
    decision,
    fee,
    nora,
    rulebooks,
    tier,
    uid,
)

NEW = "europe"
MERGER = NetworkMerger(NEW, day("2027-01-01"), (Old(CIN, {"member": "full"}),))
EUROPE = book(NEW, tiers=(tier("full", 10, fee(365_000_00, proration="days")),))


def test_rules_towards_an_old_network_lead_to_the_new_one() -> None:
    (after,) = books_after(MERGER, rulebooks(nora(), cin(), EUROPE))
    (rule,) = after.link_rules
    assert (after.network, after.version, after.effective_from_existing) == (NORA, 2, day("2027-01-01"))
    assert (rule.grants.network, rule.grants.tier) == (NEW, "full")
    assert rule.agreement == moved_code("nora-claire-2021", NEW) == "nora-claire-2021-europe"


def test_rules_of_an_old_network_become_the_new_ones_own() -> None:
    merger = NetworkMerger(
        NEW, day("2027-01-01"), (Old(NORA, dict.fromkeys(("principal", "partner", "member"), "full")),)
    )
    (after,) = books_after(merger, rulebooks(nora(), cin(), EUROPE))
    assert after.network == NEW and [r.when.tiers for r in after.link_rules] == [("full",)]
    ended = msgspec.structs.replace(merger, networks=(msgspec.structs.replace(merger.networks[0], agreements="end"),))
    assert list(books_after(ended, rulebooks(nora(), cin(), EUROPE))) == []
    both = msgspec.structs.replace(merger, networks=(*merger.networks, *MERGER.networks))
    assert list(books_after(both, rulebooks(nora(), cin(), EUROPE))) == []  # between two that become one


def test_prepaid_days_are_given_back_and_the_new_fee_begins() -> None:
    made = World(company(), books=rulebooks(nora(), cin(), EUROPE, agreements=[agreement()]))
    made.decide("joining", "2026-12-01", "member", network=CIN)  # by months: December
    told = decision(made.member, "ending", "2026-12-16").recorded_at
    tiers = {"member": "full"}
    moved = Transfer(uid("t"), (made.member.id, CIN), (made.member.id, NEW), day("2026-12-16"), told, tiers)
    after = msgspec.structs.replace(made.facts, transfers=(moved,))
    found = [(i.network, i.line.net) for i in billed(made.facts, after, [moved], made.today) if isinstance(i, Charge)]
    billed_before = sum(made.nets(CIN))
    back, new = found
    assert back == (CIN, -round(billed_before * 16 / 31)) and new == (NEW, 16_000_00)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"into": "nowhere"}, "network_unknown"), ({"into": CIN}, "merger_same"), ({"networks": ()}, "merger_same")],
)
def test_a_plan_that_cannot_be(change: dict[str, Any], code: str) -> None:
    with pytest.raises(RuleViolation) as refused:
        check(msgspec.structs.replace(MERGER, **change), rulebooks(nora(), cin(), EUROPE))
    assert refused.value.code == code
