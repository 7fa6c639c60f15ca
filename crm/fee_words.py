"""How a fee came about, step by step, in the reader's language: for pages, mails and invoices alike."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from crm import fee_table_words as table
from crm.i18n import N_, Translator

# Each step of a fee's computation, in the order the rules made it (cluster_rules/explanations.py).
_STEPS = {
    "fixed": N_("%(amount)s a year"),
    "band": N_("%(amount)s a year for %(size)s"),
    "case": N_("%(amount)s a year for an organisation like this"),
    "case_sizes": N_("%(amount)s a year for %(sizes)s"),
    "agreed": N_("%(amount)s a year as agreed: %(source)s"),
    "percentage": N_("%(percent)s of %(of)s"),
    "hours_as_work": N_("%(hours)s hours of work, not billed"),
    "hours_as_money": N_("%(hours)s hours at %(value)s"),
    "half_of_year": N_("one of two halves of the year"),
    "discount_percent": N_("%(percent)s off: %(names)s"),
    "discount_amount": N_("%(amount)s off: %(names)s"),
    "prorated_days": N_("%(part)s of %(whole)s days"),
    "prorated_months": N_("%(part)s of %(whole)s months"),
    "prorated_half_year": N_("%(part)s of %(whole)s half-years"),
    "prorated_joining_half": N_("half in the year of joining"),
    "prorated_free": N_("free for the rest of the year of joining"),
    "link_percent": N_("%(percent)s of it by the link rule"),
    "unused_days": N_("back for days that will not be used"),
    "used_days": N_("less %(amount)s for days that were used"),
    "earlier_days": N_("less %(amount)s for the days before"),
    "credited_before": N_("at most the %(amount)s that are still billed"),
    "all_of_it": N_("all of the %(amount)s that are still billed"),
    "withdrawn": N_("taken back with the decision"),
}
_MONEY = frozenset({"amount", "value", "of"})
_SIZED = ("fixed", "band", "case")


def explain(t: Translator, steps: Sequence[Mapping[str, Any]], currency: str, example: bool) -> str:
    """How a fee came about: "NOK 150,000 a year, 31 of 365 days"."""
    said = [_step(t, step, currency) for step in steps]
    if example:
        said.append(t.gettext("the amount is an example"))
    return ", ".join(s for s in said if s)


def _step(t: Translator, step: Mapping[str, Any], currency: str) -> str:
    given, code = dict(step.get("values", {})), step["code"]
    if code in _SIZED and "amount" not in given:
        return _sizes(t, given, currency)  # the price itself is the next step
    if code == "band":
        given["size"] = _size(t, given, currency)
    if code == "case" and given.get("sizes"):
        given["sizes"], code = _sizes(t, given, currency), "case_sizes"
    if code == "agreed" and not given.get("source"):
        code = "fixed"
    if code == "percentage":
        given["percent"] = given["basis_points"] / 100
    text = _STEPS.get(code)
    if text is None:
        return ""
    values = {name: _value(t, name, value, currency) for name, value in given.items()}
    limits = [_limit(t, name, given, currency) for name in ("floor", "cap") if given.get(name)]
    return ", ".join([t.gettext(text, **values) if values else t.gettext(text), *limits])


def _limit(t: Translator, name: str, given: Mapping[str, Any], currency: str) -> str:
    amount = t.money(given[name], currency)
    if name == "floor":
        return t.gettext("at least %(amount)s", amount=amount)
    return t.gettext("at most %(amount)s", amount=amount)


def _sizes(t: Translator, given: Mapping[str, Any], currency: str) -> str:
    listed = given.get("sizes", [given] if "basis" in given else [])
    return t.gettext(" and ").join(_size(t, each, currency) for each in listed)


def _size(t: Translator, told: Mapping[str, Any], currency: str) -> str:
    """40 employees (31 Dec 2026, annual accounts)."""
    text = table.size(t, told["basis"], told["size"], told.get("currency") or currency)
    if told.get("scope") == "group":
        text = t.gettext("%(size)s in the whole group", size=text)
    origin = [t.date(date.fromisoformat(told["as_of"]))] if told.get("as_of") else []
    origin += [told["source"]] if told.get("source") else []
    return f"{text} ({', '.join(origin)})" if origin else text


def _value(t: Translator, name: str, value: Any, currency: str) -> str:
    if name in _MONEY:
        return t.money(value, currency)
    if name == "names":
        return t.text(value)
    if name == "percent":
        return t.percent(value / 100)
    return t.number(value) if isinstance(value, int) else str(value)
