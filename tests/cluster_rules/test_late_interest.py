"""Late interest, compensation and fees: by hand, line by line, never on a rate nobody entered."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import late_interest
from cluster_rules.dunning import DunningStep
from cluster_rules.errors import RuleViolation
from cluster_rules.late_interest import Late, Rate
from tests.cluster_rules.histories import QUICK

FIRST = Rate("NOK", date(2026, 1, 1), date(2026, 7, 1), 1200, 460_00, "kred.no")
SECOND = Rate("NOK", date(2026, 7, 1), date(2027, 1, 1), 1225, 470_00, "a test's own")
NOTICE = DunningStep("collection_notice", 30, interest=True, compensation=True)


def late(*balances: tuple[date, int], due: date = date(2026, 3, 1), business: bool = True, fees: int = 0) -> Late:
    return Late("NOK", due, balances or ((date(2026, 2, 1), 47_000_00),), business, fees)


def test_by_hand_one_principal_one_rate() -> None:
    """47 000 kr, 12 %, due 1 March, on 31 March: 30 late days = 47 000 x 0.12 x 30 / 365 = 463.561... kr."""
    (line,) = late_interest.interest(late(), date(2026, 3, 31), [FIRST])
    assert (line.start, line.end, line.days, line.amount) == (date(2026, 3, 2), date(2026, 4, 1), 30, 463_56)


def test_by_hand_a_part_payment_and_two_rates() -> None:
    """Due 11 June; 17 000 kr came on 20 June: 8 days of 47 000, 11 days of 30 000 at 12 %, 10 days at 12.25 %."""
    about = late((date(2026, 5, 1), 47_000_00), (date(2026, 6, 20), 30_000_00), due=date(2026, 6, 11))
    lines = late_interest.interest(about, date(2026, 7, 10), [SECOND, FIRST])
    assert [(each.days, each.principal, each.basis_points) for each in lines] == [
        (8, 47_000_00, 1200),
        (11, 30_000_00, 1200),
        (10, 30_000_00, 1225),
    ]
    assert [each.amount for each in lines] == [123_62, 108_49, 100_68]


def test_no_rate_no_interest_and_the_half_year_is_named() -> None:
    about = late(due=date(2026, 6, 20))
    assert late_interest.interest(about, date(2026, 6, 30), [FIRST])
    with pytest.raises(RuleViolation, match="rate_missing") as refused:
        late_interest.interest(about, date(2026, 7, 1), [FIRST])
    assert refused.value.params == {
        "currency": "NOK",
        "starts_on": date(2026, 7, 1),
        "last_on": date(2026, 12, 31),
    }
    with pytest.raises(RuleViolation, match="rate_missing"):
        late_interest.claims(
            NOTICE, Late("EUR", date(2026, 3, 1), ((date(2026, 2, 1), 1),), True), date(2026, 4, 1), [FIRST]
        )


def test_days_without_debt_need_no_rate() -> None:
    """Paid before the half-year began, owed again never: the missing rate is nobody's business."""
    about = late((date(2026, 5, 1), 100_00), (date(2026, 6, 25), 0), due=date(2026, 6, 20))
    assert [each.days for each in late_interest.interest(about, date(2026, 12, 1), [FIRST])] == [4]


def test_compensation_is_for_businesses_and_less_the_fees_charged_before() -> None:
    claims = late_interest.claims(NOTICE, late(fees=35_00), date(2026, 3, 31), [FIRST])
    assert [(each.what, each.amount, each.less) for each in claims] == [
        ("late_interest", 463_56, 0),
        ("compensation", 425_00, 35_00),
    ]
    private = late_interest.claims(NOTICE, late(business=False), date(2026, 3, 31), [FIRST])
    assert [each.what for each in private] == ["late_interest"]
    covered = late_interest.claims(NOTICE, late(fees=500_00), date(2026, 3, 31), [FIRST])
    assert [each.what for each in covered] == ["late_interest"]


def test_a_fee_needs_no_rate() -> None:
    (claim,) = late_interest.claims(DunningStep("reminder", 14, fee=35_00), late(), date(2030, 1, 1), [])
    assert (claim.what, claim.amount) == ("reminder_fee", 35_00)


def test_a_table_that_says_two_things_is_refused() -> None:
    late_interest.check([FIRST, SECOND])
    with pytest.raises(ValueError, match="two rates"):
        late_interest.check([FIRST, FIRST])
    with pytest.raises(ValueError, match="no source"):
        late_interest.check([Rate("NOK", date(2026, 1, 1), date(2026, 7, 1), 1, 1, " ")])


payments = st.lists(st.tuples(st.integers(0, 250), st.integers(1, 20_000_00)), max_size=5)


@QUICK
@given(payments=payments, days=st.integers(0, 240), due_in=st.integers(0, 60))
def test_interest_is_what_each_late_day_comes_to(payments: list[tuple[int, int]], days: int, due_in: int) -> None:
    """Against the plainest reckoning there is: day by day in fractions; rounding only once a line."""
    start = date(2026, 1, 1)
    left, balances = 50_000_00, {start: 50_000_00}
    for day, amount in sorted(payments):
        left -= amount
        balances[start + timedelta(days=day)] = left
    due, on = start + timedelta(days=due_in), start + timedelta(days=due_in + days)
    about = Late("NOK", due, tuple(sorted(balances.items())), True)
    lines = late_interest.interest(about, on, [FIRST, SECOND])
    wanted = Fraction(0)
    day = due
    while day < on:
        day += timedelta(days=1)
        owed = [amount for when, amount in sorted(balances.items()) if when <= day][-1]
        rate = FIRST if day < FIRST.until else SECOND
        wanted += Fraction(max(owed, 0) * rate.basis_points, 10_000 * 365)
    assert abs(sum(line.amount for line in lines) - wanted) <= Fraction(len(lines), 2)
    assert all(a.end <= b.start for a, b in pairwise(lines))
    assert all(due < line.start < line.end <= on + timedelta(days=1) for line in lines)
