"""Periods of what names people: the law's least, and the first day on which something goes."""

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import retention
from cluster_rules.errors import RuleViolation
from cluster_rules.retention import Policy

DAYS = st.dates(date(2015, 1, 1), date(2060, 12, 31))
POLICIES = st.builds(
    Policy, **{name: st.integers(least, most) for name, (least, most) in retention.LIMITS.items()}
)  # fmt: skip


def test_a_year_s_invoices_go_on_new_year_s_day_after_five_years():
    assert retention.cutoffs(Policy(), date(2031, 12, 31)).invoices == date(2026, 1, 1)
    assert retention.cutoffs(Policy(), date(2032, 1, 1)).invoices == date(2027, 1, 1)
    assert retention.goes_on(Policy(), "invoices", date(2026, 3, 1)) == date(2032, 1, 1)
    assert retention.goes_on(Policy(invoice_years=10), "invoices", date(2026, 12, 31)) == date(2037, 1, 1)


@given(POLICIES, DAYS, st.sampled_from(("contacts", "applications", "mails", "invoices", "audit", "sign_ins")))
def test_the_first_day_is_the_first(policy, of, kind):
    first = retention.goes_on(policy, kind, of)
    assert of < getattr(retention.cutoffs(policy, first), kind)
    assert of >= getattr(retention.cutoffs(policy, first - timedelta(days=1)), kind)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("invoice_years", 4, "retention_law"), ("invoice_years", 11, "retention_range"),
     ("contact_months", -1, "retention_range"), ("application_months", 0, "retention_range"),
     ("audit_years", 11, "retention_range"), ("mail_months", 121, "retention_range")],
)  # fmt: skip
def test_what_cannot_be(field, value, code):
    with pytest.raises(RuleViolation) as refused:
        retention.check(msgspec.structs.replace(Policy(), **{field: value}))
    assert (refused.value.code, refused.value.field) == (code, field)


@given(POLICIES)
def test_what_can(policy):
    retention.check(policy)
