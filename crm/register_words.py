"""The register of legal entities in words: what it says otherwise, and why a file of it is refused."""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from crm.i18n import N_, Translator
from crm.register_shapes import Bulk, Fee, Row

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
    "register_headcount": N_("Headcount of the same class of size"),
}
STATUSES: dict[str, str] = {
    "waiting": N_("Waits"),
    "reading": N_("Is read"),
    "done": N_("Read"),
    "failed": N_("Nothing was stored"),
    "stopped": N_("Stopped"),
}
BULK_STATUSES: dict[str, str] = {
    "looking": N_("Is looked at"),
    "looked": N_("Not done yet"),
    "doing": N_("At work"),
    "done": N_("Done"),
    "undoing": N_("Is taken back"),
    "undone": N_("Taken back"),
    "dropped": N_("Dropped"),
}
DEEDS: dict[str, str] = {"take_over": N_("Taken over from the register"), "keep": N_("Kept as it is here")}
PLANNED = N_("Take over from the register")
VERDICTS: dict[tuple[str, str], str] = {
    ("take_over", ""): N_("Can be taken over"),
    ("take_over", "changed"): N_("Taken over"),
    ("keep", ""): N_("Waits"),
    ("keep", "changed"): N_("Kept"),
    ("take_over", "undone"): N_("Taken back"),
}
# What became of a row that is not as it was wanted, with why.
OTHERWISE: dict[str, str] = {
    "closed": N_("Settled meanwhile"),
    "failed": N_("Not possible"),
    "stays": N_("Stays"),
}
_DAYS = {"since", "given", "today", "newest", "on", "earliest", "latest"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
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
    "register_headcount": (
        N_("The register counts %(register)s employees, we have %(ours)s: the same class of size."),
    ),
    "register_running": (N_("A file of the register is being read. Wait until it is done, or stop it."),),
    "register_upload_large": (N_("The file is larger than %(limit)s MB."),),
    "register_no_room": (N_("There is no room for the file on this server. Tell whoever runs it."),),
    "register_file_gone": (N_("The file is not on this server any more. Upload it again."),),
    "register_one_by_one": (N_("Who ends by the register's word is decided about one by one."),),
    "register_bulk_status": (N_("That cannot be done now: look at how far it is."),),
    "register_not_quiet": (N_("More would follow than another headcount. A person takes it over."),),
    "register_fees_moved": (N_("The fees would change otherwise than was shown. Look at it again."),),
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
    """What a difference or a refusal is about, for its sentence: a day is a day."""
    told = dict(detail)
    for name in told.keys() & _DAYS:
        if isinstance(told[name], str) and _DAY.fullmatch(told[name]):
            told[name] = date.fromisoformat(told[name])
    return told


def reason_name(t: Translator, reason: str) -> str:
    """register_name -> Called otherwise."""
    return t.gettext(REASONS[reason])


def outcome(t: Translator, deed: str, row: Row) -> str:
    """What would become of one of many, or did, in a word or two."""
    if row.outcome in OTHERWISE:
        return t.gettext(OTHERWISE[row.outcome])
    if row.outcome == "" and row.looked is None:
        return t.gettext("Waits")
    return t.gettext(VERDICTS[deed, row.outcome])


def verdict(t: Translator, deed: str, row: Row, why: str) -> str:
    """The same with why it is not as it was wanted: its problem in words."""
    said = outcome(t, deed, row)
    return f"{said}: {why}" if why and row.outcome != "closed" else said


def fee(t: Translator, each: Fee) -> str:
    """A membership's fee, before and after."""
    return f"{_money(t, each.before, each.currency)} → {_money(t, each.after, each.currency)}"


def totals(t: Translator, bulk: Bulk, networks: Iterable[str]) -> str:
    """What all of it comes to, in a sentence or two; fees of these networks."""
    possible = bulk.total - bulk.failed
    said = [
        t.ngettext("%(n)s can be taken over", "%(n)s can be taken over", possible)
        + (t.gettext(", %(failed)s cannot", failed=t.number(bulk.failed)) if bulk.failed else "")
        + "."
    ]
    sums = bulk.fees_in(networks)
    for currency, each in sums.items():
        said.append(
            t.gettext(
                "Fees of the next whole year of %(n)s memberships: %(before)s before, %(after)s after.",
                n=t.number(each["changed"]),
                before=t.money(each["before"], currency),
                after=t.money(each["after"], currency),
            )
        )
    return " ".join(said if sums else [*said, t.gettext("No fee changes.")])


def _money(t: Translator, amount: int | None, currency: str) -> str:
    return t.gettext("not known") if amount is None else t.money(amount, currency)
