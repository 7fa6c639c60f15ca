"""How a fee came about, step by step, in the reader's language: for pages, mails and invoices alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm.i18n import N_, Translator

# Each step of a fee's computation, in the order the rules made it (cluster_rules/fees.py).
_STEPS = {
    "fixed": N_("%(amount)s a year"),
    "band_employees": N_("%(amount)s a year for an organisation of %(size)s employees"),
    "band_turnover": N_("%(amount)s a year for a turnover of %(size)s"),
    "discount_percent": N_("%(percent)s off: %(names)s"),
    "discount_amount": N_("%(amount)s off: %(names)s"),
    "prorated_days": N_("%(part)s of %(whole)s days"),
    "prorated_months": N_("%(part)s of %(whole)s months"),
    "prorated_half_year": N_("%(part)s of %(whole)s half-years"),
    "link_percent": N_("%(percent)s of it by the link rule"),
    "unused_days": N_("back for days that will not be used"),
    "used_days": N_("less %(amount)s for days that were used"),
    "earlier_days": N_("less %(amount)s for the days before"),
    "withdrawn": N_("taken back with the decision"),
}
_MONEY = frozenset({"amount"})


def explain(t: Translator, steps: Sequence[Mapping[str, Any]], currency: str, example: bool) -> str:
    """How a fee came about: "NOK 150,000 a year, 31 of 365 days"."""
    said = [_step(t, step, currency) for step in steps]
    if example:
        said.append(t.gettext("the amount is an example"))
    return ", ".join(s for s in said if s)


def _step(t: Translator, step: Mapping[str, Any], currency: str) -> str:
    given = step.get("values", {})
    code = f"band_{given['basis']}" if step["code"] == "band" else step["code"]
    text = _STEPS.get(code)
    if text is None:
        return ""
    values = {name: _value(t, name, value, currency) for name, value in given.items()}
    return t.gettext(text, **values) if values else t.gettext(text)


def _value(t: Translator, name: str, value: Any, currency: str) -> str:
    if name in _MONEY:
        return t.money(value, currency)
    if name == "names":
        return t.text(value)
    if name == "percent":
        return t.percent(value / 100)
    return t.number(value) if isinstance(value, int) else str(value)
