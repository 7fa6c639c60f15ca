"""The annual bill: who owes what for the year of a day, never twice, and why it differs from the year before."""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import renewals
from cluster_rules.components import Discount, Index, IndexValue
from cluster_rules.memberships import Charged
from cluster_rules.organisations import AgreedFee
from cluster_rules.renewals import Renewal
from tests.cluster_rules.histories import QUICK
from tests.cluster_rules.make import (
    CIN,
    NORA,
    SIN,
    World,
    agreement,
    bands,
    book,
    calendar,
    cin,
    company,
    day,
    dual_world,
    fee,
    nora,
    period,
    profile,
    rule,
    rulebooks,
    tier,
)

YEAR = date(2027, 1, 1)


def one(world: World, network: str = NORA, on: date = YEAR) -> Renewal:
    (found,) = renewals.due(world.facts, network, on)
    return found


def alone(*fees: Any, **given: Any) -> World:
    """A network of its own with one level; the member joined in 2024 and was billed until the end of 2026."""
    world = World(books=rulebooks(book(NORA, tiers=(tier("member", 10, *fees),), **given), cin()))
    world.decide("joining", "2024-03-01", "member")
    return world


def why(found: Renewal) -> list[str]:
    return [step.code for step in found.differs]


def store(world: World, *found: Renewal) -> None:
    """Bill what is due, as the application would."""
    charged = [Charged(c.organisation, c.network, c.grant, c.line) for each in found for c in each.charges]
    world.facts = msgspec.structs.replace(world.facts, charged=(*world.facts.charged, *charged))


def test_a_year_is_billed_whole_and_once() -> None:
    world = alone(fee(12_000_00))
    found = one(world)
    assert (found.state, found.net, found.before, found.currency) == ("due", 12_000_00, 12_000_00, "NOK")
    assert found.differs == ()
    (charge,) = found.charges
    assert (charge.line.period, charge.reason.code) == (period("2027-01-01", "2028-01-01"), "renewal")
    assert charge.reason.values == {"version": 1, "year": "2027-01-01"}
    store(world, found)
    assert one(world).state == "billed"
    assert one(world, on=date(2027, 8, 1)).state == "billed"
    assert one(world, on=date(2026, 8, 1)).state == "billed"


@pytest.mark.parametrize(
    ("kind", "starts", "on", "billed"),
    [
        ("window", "09-01", "2027-09-01", ("2027-09-01", "2028-09-01")),
        ("half_year", "01-01", "2027-07-01", ("2027-07-01", "2028-01-01")),
        ("anniversary", "01-01", "2027-03-01", ("2027-03-01", "2028-03-01")),
    ],
)
def test_each_kind_of_year(kind: str, starts: str, on: str, billed: tuple[str, str]) -> None:
    found = one(alone(fee(12_000_00), period=calendar(kind, starts)), on=day(on))
    assert found.state == "due"
    assert {c.line.period for c in found.charges} == {period(*billed)}
    assert found.net == (6_000_00 if kind == "half_year" else 12_000_00)


def test_a_project_is_billed_once_and_never_after_its_end() -> None:
    project = msgspec.structs.replace(calendar("project"), first=day("2024-01-01"), last=day("2026-01-01"))
    assert renewals.due(alone(fee(9_000_00), period=project).facts, NORA, YEAR) == []


def test_the_entry_fee_is_not_billed_again() -> None:
    world = alone(fee(12_000_00), fee(5_000_00, code="entry", charged="first_year"))
    store(world)
    assert [c.line.component for c in one(world).charges] == ["membership"]


def test_sizes_of_the_day_of_reference_and_what_is_not_known() -> None:
    fees = bands((0, 1_000_00), (50, 5_000_00), reference="12-31")
    grown = company("Vokst", profile(date(2015, 1, 1), date(2026, 11, 1)), profile(date(2026, 11, 1), employees=60))
    world = World(grown, books=rulebooks(book(NORA, tiers=(tier("member", 10, fees),)), cin()))
    world.decide("joining", "2024-03-01", "member")
    found = one(world)
    assert (found.net, found.before, why(found)) == (5_000_00, 1_000_00, ["new_size"])
    unknown = World(company("Ukjent"), books=world.facts.rulebooks)
    unknown.decide("joining", "2024-03-01", "member")
    nobody = company("Ukjent", profile(employees=None))
    unknown.facts = msgspec.structs.replace(unknown.facts, organisations=(nobody,))
    found = one(unknown)
    assert found.state == "failed" and found.problem and found.problem.code == "size_unknown"
    assert found.charges == ()


def test_a_new_fee_table_for_those_who_are_members() -> None:
    """AC-15c, the renewal's side: the version that holds for existing members on the first day of the year."""
    old = book(NORA, tiers=(tier("member", 10, fee(12_000_00)),))
    new = book(NORA, tiers=(tier("member", 10, fee(15_000_00)),), version=2,
               effective_from=day("2026-07-01"), effective_from_existing=YEAR)  # fmt: skip
    world = World(books=rulebooks(old, new, cin()))
    world.decide("joining", "2024-03-01", "member")
    found = one(world)
    assert (found.net, found.before, why(found)) == (15_000_00, 12_000_00, ["new_fees"])
    assert found.charges[0].reason.values["version"] == 2


def test_a_discount_that_ended_an_index_that_rose_an_amount_that_was_agreed() -> None:
    early = Discount(names={"en": "Founder"}, percent=50, when="fits", until=YEAR)
    found = one(alone(fee(12_000_00, discounts=(early,))))
    assert (found.net, found.before, why(found)) == (12_000_00, 6_000_00, ["discount_ended"])
    base = Index("base", {"en": "Base amount"}, tuple(IndexValue(y, (y - 1000) * 100) for y in range(2024, 2028)))
    found = one(alone(fee(basis_points=1000, index="base"), indexes=(base,)))
    assert (found.net, why(found)) == (102_70, ["new_index"])
    signed = [
        AgreedFee(NORA, "membership", amount, "NOK", days, "letter")
        for amount, days in ((70_000_00, period("2020-01-01", "2027-01-01")), (90_000_00, period("2027-01-01")))
    ]
    who = company("Kjerne", profile(agreed=tuple(signed)))
    world = World(who, books=rulebooks(book(NORA, tiers=(tier("member", 10, fee(basis="agreed")),)), cin()))
    world.decide("joining", "2024-03-01", "member")
    assert (one(world).net, why(one(world))) == (90_000_00, ["new_agreed"])


def test_a_part_of_last_year_and_another_level() -> None:
    world = World(books=rulebooks())
    world.decide("joining", "2026-10-01", "member")
    assert why(one(world)) == ["whole_year"]
    world.decide("tier_change", "2027-01-01", "partner")
    found = one(world)
    assert (found.tier, found.net, why(found)[0]) == ("partner", 45_000_00, "new_level")


def test_a_change_of_level_within_the_year_bills_both_parts() -> None:
    world = alone(fee(36_500_00))
    tiers = (tier("member", 10, fee(36_500_00)), tier("partner", 20, fee(73_000_00)))
    world.facts = msgspec.structs.replace(world.facts, rulebooks=rulebooks(book(NORA, tiers=tiers), cin()))
    world.decide("tier_change", "2027-07-02", "partner")
    found = one(world)
    assert [(c.line.tier, c.line.net) for c in found.charges] == [("member", 18_200_00), ("partner", 36_600_00)]


def test_whoever_gave_notice_is_not_renewed() -> None:
    world = alone(fee(12_000_00))
    world.decide("ending", "2027-01-01")
    assert (one(world).state, one(world).charges) == ("ending", ())
    later = alone(fee(36_500_00))
    later.decide("ending", "2027-02-01")
    assert one(later).net == 3_100_00
    gone = alone(fee(12_000_00))
    gone.decide("ending", "2026-06-01")
    assert renewals.due(gone.facts, NORA, YEAR) == []


def test_a_suspended_member_is_billed_and_a_level_that_costs_nothing_is_not() -> None:
    paused = alone(fee(12_000_00))
    paused.decide("suspension", "2026-12-01", until="2027-06-01")
    assert one(paused).net == 12_000_00
    assert one(alone()).state == "free"
    assert one(alone(fee(0))).state == "free"


@pytest.mark.parametrize(("policy", "net"), [("waived", None), ("normal", 1_500_00), ("percent", 750_00)])
def test_a_linked_membership_by_its_rule(policy: str, net: int | None) -> None:
    """M15: it books nothing unless the rule says so."""
    world = dual_world(fee={"policy": policy, "percent": 50})
    world.decide("joining", "2027-03-01", "principal")
    found = one(world, CIN, date(2028, 1, 1))
    assert (found.state, found.net) == (("waived", 0) if net is None else ("due", net))
    assert one(world, NORA, date(2028, 1, 1)).state == "due"


@pytest.mark.parametrize(("policy", "state"), [("keep", "due"), ("waive_at_renewal", "waived"), ("credit", "waived")])
def test_an_own_fee_beside_a_linked_membership(policy: str, state: str) -> None:
    """AC-2c: waived only while the linked grant stands."""
    world = dual_world(own=True, fee={"own_membership": policy})
    joined = world.decide("joining", "2027-03-01", "principal")
    assert one(world, CIN, date(2028, 1, 1)).state == state
    world.withdraw(joined)
    assert one(world, CIN, date(2028, 1, 1)).state == "due"


def test_a_waived_fee_is_owed_from_the_day_the_link_ends() -> None:
    world = dual_world(own=True, fee={"own_membership": "credit"})
    world.decide("joining", "2027-03-01", "principal")
    world.decide("ending", "2028-07-01")
    (charge,) = one(world, CIN, date(2028, 1, 1)).charges
    assert (charge.line.period, charge.line.net) == (period("2028-07-01", "2029-01-01"), 750_00)


def test_a_discount_for_members_elsewhere_counts_while_they_are() -> None:
    less = Discount(names={"en": "Both"}, percent=25, when="member_of", network=SIN)
    books = rulebooks(
        book(NORA, tiers=(tier("member", 10, fee(10_000_00, discounts=(less,))),)),
        book(SIN, tiers=(tier("member", 10, fee(8_000_00)),)),
        agreements=[agreement()],
    )
    world = World(books=books)
    world.decide("joining", "2024-03-01", "member")
    world.decide("joining", "2024-03-01", "member", network=SIN)
    assert one(world).net == 7_500_00
    world.decide("ending", "2026-12-31", network=SIN)
    found = one(world)
    assert found.net == 10_000_00


@QUICK
@given(
    joined=st.dates(date(2020, 1, 1), date(2027, 6, 30)),
    on=st.dates(date(2026, 1, 1), date(2029, 12, 31)),
    kind=st.sampled_from(["calendar_year", "window", "half_year", "anniversary"]),
    left=st.none() | st.dates(date(2027, 1, 1), date(2030, 1, 1)),
)
def test_what_is_billed_is_never_billed_again(joined: date, on: date, kind: str, left: date | None) -> None:
    """M16; and every line can be recomputed from its own words."""
    world = World(books=rulebooks(nora(rule(), period=calendar(kind, "09-01"), refund="none"), cin()))
    world.decide("joining", joined.isoformat(), "member")
    if left and left > joined:
        world.decide("ending", left.isoformat())
    found = renewals.due(world.facts, NORA, on)
    store(world, *found)
    again = renewals.due(world.facts, NORA, on)
    assert [each.state for each in again] == ["billed" if e.state == "due" else e.state for e in found]
    days = [(c.line.component, c.period) for c in world.facts.charged if c.line.net > 0]
    assert all(a == b or not a[1].overlap(b[1]) for a in days for b in days if a[0] == b[0])
