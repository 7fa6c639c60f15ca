"""The register of legal entities in words: what it says otherwise, and why a file of it is refused."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from crm.i18n import N_, Translator

# What a difference is about, as a heading and as a filter.
REASONS = {
    "register_bankrupt": N_("Bankrupt"),
    "register_deleted": N_("Deleted from the register"),
    "register_dissolution": N_("Compulsory dissolution"),
    "register_liquidation": N_("In liquidation"),
    "register_unknown": N_("Number not in the register"),
    "register_name": N_("Called otherwise"),
    "register_employees": N_("Another headcount"),
    "register_moved": N_("Moved"),
}
# Refusals and reasons (crm/sentences.py takes them in).
REGISTER: dict[str, tuple[str, ...]] = {
    "register_bankrupt": (
        N_("The register says that it has been bankrupt since %(since)s."),
        N_("The register says that it is bankrupt."),
    ),
    "register_deleted": (
        N_("It was deleted from the register on %(since)s."),
        N_("It was deleted from the register."),
    ),
    "register_dissolution": (N_("The register says that it is under compulsory dissolution."),),
    "register_liquidation": (N_("The register says that it is being wound up."),),
    "register_unknown": (N_("The register does not have its organisation number."),),
    "register_name": (N_("The register calls it “%(register)s”, we call it “%(ours)s”."),),
    "register_employees": (
        N_("The register counts %(register)s employees, we have %(ours)s."),
        N_("The register counts %(register)s employees, we do not know how many."),
    ),
    "register_moved": (N_("The register has it in %(register)s, we have it in %(ours)s."),),
    "register_closed": (N_("This difference is settled already."),),
    "register_no_fact": (N_("This is no value to take over: decide about the membership."),),
    "register_columns": (N_("Row %(row)s has %(given)s columns, the headings are %(wanted)s."),),
    "register_cut": (N_("The file ends in the middle of unit %(row)s. Fetch it again."),),
    "register_day": (N_("Unit %(row)s, %(name)s: %(given)s is no day it can be."),),
    "register_day_ahead": (N_("A file cannot be of %(given)s: today is %(today)s."),),
    "register_day_early": (
        N_("The file is not of %(given)s: a unit in it was registered on %(newest)s. Say the day it was fetched."),
    ),
    "register_empty": (N_("There is no unit in the file."),),
    "register_gzip": (N_("The packed file is broken from unit %(row)s on. Fetch it again."),),
    "register_heading": (N_("The headings are not those of the register: %(name)s is missing, or there twice."),),
    "register_json": (N_("From unit %(row)s on the file is no valid JSON. Fetch it again."),),
    "register_kind": (
        N_("This is no file of the register: take its download of units as JSON or CSV, packed with gzip or not."),
    ),
    "register_letters": (N_("The letters of unit %(row)s cannot be read: the register writes UTF-8."),),
    "register_missing": (N_("Unit %(row)s has no %(name)s."),),
    "register_number": (N_("Unit %(row)s: %(given)s is no organisation number (nine digits, modulus 11)."),),
    "register_older": (
        N_("The file is of %(given)s, and one of %(on)s was read already. Read it anyway only if that one was wrong."),
    ),
    "register_part_kept": (N_("Only the whole register can be kept for prefill, and this is a part of it."),),
    "register_quotes": (N_("Row %(row)s: a quotation mark is not closed, or stands in the middle of a value."),),
    "register_rows": (N_("The file has more than %(limit)s units."),),
    "register_text": (N_("Unit %(row)s: %(name)s is too long, or has characters that no text has."),),
    "register_too_large": (N_("Unpacked, the file is larger than %(limit)s MB."),),
    "register_too_small": (
        N_(
            "%(missing)s of your %(ours)s organisation numbers are not in the file: it is not the whole register. Say"
            " that it is a part of it."
        ),
    ),
    "register_twice": (N_("Unit %(row)s: %(given)s stands in the file twice."),),
    "register_value": (N_("Unit %(row)s, %(name)s: the value is not one of the register's (%(message)s)."),),
}


def is_difference(reason: str) -> bool:
    """Is a review's reason a word of the register?"""
    return reason in REASONS


def values(detail: Mapping[str, Any]) -> dict[str, Any]:
    """A difference's values for its sentence: a day is a day."""
    told = dict(detail)
    if isinstance(told.get("since"), str):
        told["since"] = date.fromisoformat(told["since"])
    return told


def reason_name(t: Translator, reason: str) -> str:
    """register_name -> Called otherwise."""
    return t.gettext(REASONS[reason])
