"""What a level costs: bands, proration, VAT, line by line. AC-15 and its boundaries."""

import pytest

from cluster_rules import fees
from cluster_rules.errors import RuleViolation
from cluster_rules.networks import LinkFee, Tier
from tests.cluster_rules.make import bands, book, fee, period, profile, tier

YEAR = period("2027-01-01", "2028-01-01")
SERVICE = fee(22_000_00, code="service", proration="months", vat="standard")
MEMBERSHIP = fee(1_000_00, proration="months", vat="exempt_3_13")
# Solenergiklyngen (domain.md 1.15): by headcount 7,500 / 22,000 / 47,000 beside a membership fee.
BY_HEADCOUNT = bands((0, 7_500_00), (10, 22_000_00), (50, 47_000_00), code="service", vat="standard")
# Norwegian-Russian CCI: by turnover, the first limit at exactly NOK 10 m.
BY_TURNOVER = bands((0, 7_900_00), (10_000_000_00, 17_100_00), basis="turnover")
# Energy Innovation Cluster: seven bands.
EIC = bands(
    (0, 2_500_00), (3, 5_500_00), (20, 15_000_00), (50, 20_000_00), (100, 25_000_00), (250, 30_000_00), (500, 35_000_00)
)


def lines(level: Tier, **size: object) -> list[fees.FeeLine]:
    return fees.yearly(book(tiers=(level,)), level, profile(**size), YEAR)


def test_ac_15b_joining_15_august_pays_five_twelfths() -> None:
    level = tier("medium", 10, SERVICE, MEMBERSHIP)
    whole = fees.yearly(book(), level, profile(), YEAR)
    part = fees.prorated(whole, book(), level, period("2027-08-15"))
    assert [line.net for line in part] == [9_166_67, 416_67]
    assert [line.vat for line in part] == [2_291_67, 0]
    assert sum(line.gross for line in part) == 11_875_01
    assert {line.period for line in part} == {period("2027-08-15", "2028-01-01")}


@pytest.mark.parametrize(
    ("employees", "net"), [(0, 7_500_00), (9, 7_500_00), (10, 22_000_00), (11, 22_000_00), (49, 22_000_00)]
)
def test_ac_15_headcount_boundaries_of_the_middle_band(employees: int, net: int) -> None:
    assert [line.net for line in lines(tier("t", 1, BY_HEADCOUNT), employees=employees)] == [net]


@pytest.mark.parametrize(("employees", "net"), [(50, 47_000_00), (51, 47_000_00), (100_000, 47_000_00)])
def test_ac_15_the_last_band_has_no_upper_limit(employees: int, net: int) -> None:
    assert [line.net for line in lines(tier("t", 1, BY_HEADCOUNT), employees=employees)] == [net]


@pytest.mark.parametrize(
    ("turnover", "net"), [(9_999_999_99, 7_900_00), (10_000_000_00, 17_100_00), (10_000_000_01, 17_100_00)]
)
def test_ac_15_exactly_ten_million(turnover: int, net: int) -> None:
    assert [line.net for line in lines(tier("t", 1, BY_TURNOVER), turnover=turnover)] == [net]


@pytest.mark.parametrize(
    ("employees", "net", "vat"),
    [
        (1, 2_500_00, 625_00),
        (2, 2_500_00, 625_00),
        (3, 5_500_00, 1_375_00),  # their own page mis-adds this one to 6,675
        (19, 5_500_00, 1_375_00),
        (20, 15_000_00, 3_750_00),
        (99, 20_000_00, 5_000_00),
        (249, 25_000_00, 6_250_00),
        (250, 30_000_00, 7_500_00),
        (500, 35_000_00, 8_750_00),
    ],
)
def test_ac_15_seven_bands_with_vat(employees: int, net: int, vat: int) -> None:
    level = tier("t", 1, bands(*((b.from_, b.amount) for b in EIC.bands), vat="standard"))
    (line,) = lines(level, employees=employees)
    assert (line.net, line.vat, line.gross) == (net, vat, net + vat)


@pytest.mark.parametrize(
    ("vat", "percent", "amount"), [("standard", 25, 250_00), ("exempt_3_13", 0, 0), ("outside", 0, 0), ("zero", 0, 0)]
)
def test_vat_follows_the_component(vat: str, percent: int, amount: int) -> None:
    (line,) = lines(tier("t", 1, fee(1_000_00, vat=vat)))
    assert (line.vat_code, line.vat_percent, line.vat) == (vat, percent, amount)


@pytest.mark.parametrize(
    ("name", "proration", "start", "end", "net"),
    [
        ("whole year", "days", "2027-01-01", "2028-01-01", 36_500),
        ("by days", "days", "2027-12-31", "2028-01-01", 100),
        ("by days in the middle", "days", "2027-01-02", "2027-01-04", 200),
        ("by months, month begun", "months", "2027-12-31", "2028-01-01", 3_042),
        ("by months, twelve", "months", "2027-01-31", "2028-01-01", 36_500),
        ("by months, eleven", "months", "2027-02-01", "2028-01-01", 33_458),
        ("ETIK: joined in June", "half_year", "2027-06-30", "2028-01-01", 36_500),
        ("ETIK: joined on 1 July", "half_year", "2027-07-01", "2028-01-01", 18_250),
        ("TCI: whatever the month", "none", "2027-12-31", "2028-01-01", 36_500),
    ],
)
def test_proration(name: str, proration: str, start: str, end: str, net: int) -> None:
    level = tier("t", 1, fee(36_500, proration=proration))
    (line,) = fees.prorated(lines(level), book(), level, period(start, end))
    assert line.net == net, name


def test_a_leap_year_has_366_parts() -> None:
    level = tier("t", 1, fee(36_600))
    leap = period("2028-01-01", "2029-01-01")
    whole = fees.yearly(book(), level, profile(), leap)
    assert fees.prorated(whole, book(), level, period("2028-02-29", "2028-03-01"))[0].net == 100


def test_an_anniversary_year_counts_months_from_its_own_end() -> None:
    level = tier("t", 1, fee(12_00, proration="months"))
    year = period("2027-03-15", "2028-03-15")
    whole = fees.yearly(book(), level, profile(), year)
    assert fees.prorated(whole, book(), level, period("2027-09-15"))[0].net == 6_00
    assert fees.prorated(whole, book(), level, period("2027-09-14"))[0].net == 7_00


def test_a_part_outside_its_year_is_refused() -> None:
    level = tier("t", 1, fee(100))
    with pytest.raises(RuleViolation) as refused:
        fees.prorated(lines(level), book(), level, period("2029-01-01"))
    assert refused.value.code == "outside_year"


@pytest.mark.parametrize("component", [BY_HEADCOUNT, BY_TURNOVER])
def test_an_unknown_size_is_said_not_guessed(component) -> None:
    with pytest.raises(RuleViolation) as refused:
        lines(tier("t", 1, component), employees=None, turnover=None)
    assert (refused.value.code, refused.value.field) == ("size_unknown", component.basis)


def test_nothing_known_about_an_organisation_is_not_a_free_membership() -> None:
    level = tier("t", 1, BY_HEADCOUNT)
    with pytest.raises(RuleViolation) as refused:
        fees.yearly(book(), level, None, YEAR)
    assert refused.value.code == "size_unknown"
    level = tier("t", 1, fee(100))
    assert fees.yearly(book(), level, None, YEAR)[0].net == 100


def test_a_size_that_no_band_covers_is_said() -> None:
    with pytest.raises(RuleViolation) as refused:
        lines(tier("t", 1, bands((5, 100))), employees=4)
    assert refused.value.code == "band_missing"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [(LinkFee("waived"), []), (LinkFee("normal"), [1_001]), (LinkFee("percent", percent=50), [501])],
)
def test_a_linked_fee_by_its_rule(policy: LinkFee, expected: list[int]) -> None:
    assert [line.net for line in fees.linked(lines(tier("t", 1, fee(1_001))), policy)] == expected


def test_a_credit_is_the_same_line_the_other_way() -> None:
    (line,) = fees.credit(lines(tier("t", 1, fee(1_001, vat="standard"))), "unused_days")
    assert (line.net, line.vat) == (-1_001, -250)


def test_every_line_can_be_recomputed_from_its_own_explanation() -> None:
    level = tier("t", 1, fee(36_501, proration="months", vat="standard"), EIC)
    part = fees.prorated(lines(level), book(), level, period("2027-08-15"))
    used = fees.prorated(lines(level), book(), level, period("2027-08-15", "2027-10-01"))
    half = fees.linked(part, LinkFee("percent", percent=33))
    back = [fees.less(c, u) for c, u in zip(fees.credit(part, "unused_days"), used, strict=True)]
    for line in (*part, *half, *back, *fees.credit(back, "withdrawn")):
        assert fees.explained(line.steps) == line.net


@pytest.mark.parametrize("steps", [(fees.Step("magic"),), (fees.Step("fixed", {"amount": 1}), fees.Step("magic"))])
def test_an_explanation_with_foreign_steps_proves_nothing(steps: tuple[fees.Step, ...]) -> None:
    assert fees.explained(steps) is None
