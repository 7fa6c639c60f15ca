"""A renewal run in words: its state, what becomes of a member, why the bill differs from that of the year before."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from cluster_rules.networks import Rulebook
from cluster_rules.periods import Period
from crm.catalogue import Catalogue
from crm.i18n import N_, Translator
from crm.names import tier_inside
from crm.words import refusal

STATUS = {
    "previewing": N_("Working out what everybody owes"),
    "previewed": N_("Waits for your word"),
    "running": N_("Billing"),
    "done": N_("Done"),
    "failed": N_("Failed"),
    "cancelled": N_("Cancelled"),
}
STATES = {
    "due": N_("To be billed"),
    "billed": N_("Billed already"),
    "free": N_("Costs nothing"),
    "waived": N_("Included by another membership"),
    "ending": N_("Ends, is not renewed"),
    "failed": N_("Needs a person"),
    "held": N_("On hold, billed when that is lifted"),
    "lapsing": N_("On hold, ends with the year before"),
}
NOTICES = STATES | {"told": N_("Told"), "no_address": N_("Has no contact with an address")}
_DIFFERS = {
    "first_bill": N_("nothing was billed for the year before"),
    "new_level": N_("was %(from)s, is %(to)s"),
    "whole_year": N_("only part of the year before was billed"),
    "part_of_year": N_("only part of this year is billed"),
    "new_component": N_("new: %(names)s"),
    "component_gone": N_("no longer: %(names)s"),
    "new_size": N_("another size"),
    "new_index": N_("the index has changed"),
    "new_agreed": N_("another amount is agreed"),
    "new_fees": N_("the fees have changed"),
    "discount_new": N_("new discount: %(names)s"),
    "discount_ended": N_("no longer: %(names)s"),
}


def status(t: Translator, code: str) -> str:
    """What state a run is in."""
    return t.gettext(STATUS[code])


def state(t: Translator, code: str) -> str:
    """What becomes of a member."""
    return t.gettext(STATES[code])


def notice(t: Translator, code: str) -> str:
    """Whether a member was told ahead of its next period, or why not."""
    return t.gettext(NOTICES[code])


def differs(t: Translator, kept: Catalogue, network: str, steps: Sequence[Mapping[str, Any]]) -> str:
    """Why a bill differs from that of the year before; empty when it does not."""
    said = [_difference(t, kept, network, step) for step in steps]
    return ", ".join(dict.fromkeys(text for text in said if text))


def _difference(t: Translator, kept: Catalogue, network: str, step: Mapping[str, Any]) -> str:
    text, given = _DIFFERS.get(step["code"]), step.get("values", {})
    if text is None:
        return ""
    if step["code"] == "new_level":
        tiers = {name: tier_inside(t, kept, network, given[name]) for name in ("from", "to")}
        return t.gettext(text, **tiers)
    if "names" in given:
        return t.gettext(text, names=t.text(given["names"]) if given["names"] else "–")
    return t.gettext(text)


def problem(t: Translator, kept: Catalogue, told: Mapping[str, Any]) -> str:
    """Why a member could not be billed."""
    return refusal(t, kept, told["code"], told.get("params", {}))


def next_start(book: Rulebook, today: date) -> date | None:
    """The day from which the next bills of a network are, by its newest rules; None where every member has its own."""
    if book.period.kind in ("anniversary", "open_ended"):
        return None
    year: Period = book.period.containing(today, today)
    if book.period.kind == "project":
        return year.start if year.start > today and year.end else None
    return year.end


def last_day(period_start: date, book: Rulebook) -> date:
    """The last day of the year that begins then."""
    year = book.period.containing(period_start, period_start)
    return (year.end or period_start) - timedelta(days=1)
