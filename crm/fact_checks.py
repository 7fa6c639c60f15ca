"""What is asked of facts that people tell of a network by hand: days, amounts, currencies, reasons. Pure."""

import re
from datetime import date

from crm import forms
from crm.errors import Invalid
from crm.forms import Problems

REASON_MAX = 500
AMOUNT_MAX = 10**13  # minor units
PROBLEMS_MAX = 200  # told at once
EARLIEST, LATEST = date(1970, 1, 1), date(2099, 12, 31)
USUAL_CURRENCY = "NOK"
CURRENCY = re.compile(r"[A-Z]{3}")


def checked(problems: Problems) -> None:
    """Invalid with the first of the problems when there are any."""
    if problems:
        raise Invalid(problems[:PROBLEMS_MAX])


def reason(given: str) -> str:
    """Why something is taken back, in a line. Invalid when nobody says."""
    problems: Problems = []
    forms.text(problems, "reason", given, REASON_MAX)
    checked(problems)
    return " ".join(given.split())


def day(problems: Problems, field: str, given: date | None) -> None:
    """There is one, of our time."""
    if given is None:
        problems.append((field, "required", {}))
    elif not EARLIEST <= given <= LATEST:
        said = {"given": given.isoformat(), "earliest": EARLIEST.isoformat(), "latest": LATEST.isoformat()}
        problems.append((field, "date_out_of_range", said))


def between(problems: Problems, field: str, value: int | None, most: int) -> None:
    """There is one, above nothing."""
    if value is None:
        problems.append((field, "required", {}))
    elif not 1 <= value <= most:
        problems.append((field, "number_out_of_range", {"least": 1, "most": most}))


def span(problems: Problems, first: date | None, last: date | None) -> None:
    """Two days of ours, `starts_on` and `last_on` (none: the first again), in their order."""
    day(problems, "starts_on", first)
    if last is not None:
        day(problems, "last_on", last)
        if first is not None and last < first:
            problems.append(("last_on", "last_before_first", {"first": first.isoformat()}))


def currency(problems: Problems, given: str) -> None:
    """Three letters, or nothing: then it is the network's."""
    if given and not CURRENCY.fullmatch(given):
        problems.append(("currency", "currency_unknown", {"given": given[:10]}))


def of_row(problems: Problems, at: str, own: Problems) -> None:
    """What is wrong with a row of a file, unless one of its cells could not even be read; `at`: `rows.<n>.` or ""."""
    if not at or not any(field.startswith(at) for field, _, _ in problems):
        problems += [(f"{at}{field}", code, params) for field, code, params in own]


def currency_of(given: str) -> tuple[str, str]:
    """(as it is to be stored, by which amounts beside it are read)."""
    code = given.strip().upper()
    return code, code if CURRENCY.fullmatch(code) else USUAL_CURRENCY
