"""How long what names people is kept: a host's periods, what the law asks for, and the day before which things go.

Sources: bokføringsloven § 13 (five years after the financial year's end), GDPR 5(1)(e) and 17(3)(b). A financial year
is a calendar year. Days are half-open: what is of a day before the cutoff goes, what is of the cutoff itself stays.
"""

from datetime import date

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.periods import add_months

BOOKKEEPING_YEARS = 5  # the least for issued documents
SIGN_IN_MONTHS = 12  # who signed in when: for as long as it may help to see who came in
# (least, most) of each period.
LIMITS: dict[str, tuple[int, int]] = {
    "contact_months": (0, 120),
    "application_months": (1, 60),
    "mail_months": (1, 120),
    "invoice_years": (BOOKKEEPING_YEARS, 10),
    "audit_years": (1, 10),
}
PERIODS = tuple(LIMITS)


class Policy(msgspec.Struct, frozen=True):
    """A host's periods, counted from the end of a membership, a decision, a mail, and a year's end."""

    contact_months: int = 12
    application_months: int = 12
    mail_months: int = 24
    invoice_years: int = BOOKKEEPING_YEARS
    audit_years: int = BOOKKEEPING_YEARS


class Cutoffs(msgspec.Struct, frozen=True):
    """What is of an earlier day than these goes on the day that was asked about."""

    contacts: date
    applications: date
    mails: date
    invoices: date
    audit: date
    sign_ins: date


def check(policy: Policy) -> None:
    """RuleViolation `retention_law` for less than the law asks for, `retention_range` for what is out of reason."""
    for field, (least, most) in LIMITS.items():
        given = getattr(policy, field)
        if field == "invoice_years" and given < least:
            raise RuleViolation("retention_law", field, given=given, least=least)
        if not least <= given <= most:
            raise RuleViolation("retention_range", field, given=given, least=least, most=most)


def cutoffs(policy: Policy, day: date) -> Cutoffs:
    """The days before which things go, on this day."""
    return Cutoffs(
        contacts=add_months(day, -policy.contact_months),
        applications=add_months(day, -policy.application_months),
        mails=add_months(day, -policy.mail_months),
        invoices=date(day.year - policy.invoice_years, 1, 1),
        audit=date(day.year - policy.audit_years, 1, 1),
        sign_ins=add_months(day, -SIGN_IN_MONTHS),
    )


def goes_on(policy: Policy, kind: str, of: date) -> date:
    """The first day on which something of this day goes: contacts, applications, mails, invoices, audit or sign_ins."""
    if kind in ("invoices", "audit"):
        return date(of.year + 1 + (policy.invoice_years if kind == "invoices" else policy.audit_years), 1, 1)
    months = {"contacts": policy.contact_months, "applications": policy.application_months, "mails": policy.mail_months}
    first = add_months(of, months.get(kind, SIGN_IN_MONTHS))
    while cutoffs(policy, first) and getattr(cutoffs(policy, first), kind) <= of:
        first = date.fromordinal(first.toordinal() + 1)
    return first
