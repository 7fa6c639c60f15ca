"""Single cells of a members' file as people write them: days, amounts, kinds of organisation, countries. Pure."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from cluster_rules.money import digits
from cluster_rules.organisations import KINDS
from crm import forms, names
from crm.i18n import LANGUAGES, translator
from crm.import_columns import key_of

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ][\d:.+Z-]*)?")
_DAY_FIRST = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})(?: [\d:.]+)?")
_WORDS = re.compile(r"(\d{1,2})\.? ?([^\W\d_]+)\.? ?(\d{4})")
_AMOUNT = re.compile(
    r"-?\d{1,3}(?:[ .\u00a0\u202f']\d{3})+(?:,\d{1,2})?|-?\d{1,3}(?:,\d{3})+\.\d{1,2}|-?\d+(?:[.,]\d{1,2})?"
)
_MONTHS = {
    month: number
    for listed in (
        "januar februar mars april mai juni juli august september oktober november desember",
        "january february march april may june july august september october november december",
    )
    for number, name in enumerate(listed.split(), 1)
    for month in (name, name[:3])
} | {"sept": 9}


def day(text: str) -> date | None:
    """A day as people write it: 2024-03-01, 1.3.2024, 01/03/24, 1. mars 2024."""
    try:
        if found := _ISO.fullmatch(text):
            return date(*map(int, found.groups()))
        if found := _DAY_FIRST.fullmatch(text):
            day, month, year = map(int, found.groups())
            return date(year if year > 99 else 2000 + year if year < 50 else 1900 + year, month, day)
        if found := _WORDS.fullmatch(text.casefold()):
            month = _MONTHS.get(found[2].rstrip("."))
            return date(int(found[3]), month, int(found[1])) if month else None
    except ValueError:
        return None
    return None


def amount(cell: str | float, currency: str) -> int | None:
    """In minor units: 1 500, 1.500,50, 1,500.50 and 1500.5 all count; None when it is no amount."""
    if isinstance(cell, float):
        value = Decimal(str(cell))
    else:
        text = re.sub(r"^(kr|nok|sek|eur|dkk)\.?\s*|\s*(kr|nok|sek|eur|dkk|,-)$", "", cell.strip(), flags=re.I)
        if not _AMOUNT.fullmatch(text):
            return None
        if re.search(r",\d{3}.*\.", text):
            text = text.replace(",", "")
        elif re.search(r"[ .\u00a0\u202f']\d{3}(\D|$)", text) or "," in text:
            text = re.sub(r"[ .\u00a0\u202f']", "", text).replace(",", ".")
        try:
            value = Decimal(text)
        except InvalidOperation:
            return None
    scaled = value.scaleb(digits(currency))
    return int(scaled) if scaled == scaled.to_integral_value() else None


def _named(of: Any) -> dict[str, str]:
    return {key_of(name): code for language in LANGUAGES for code, name in of(language).items()}


@cache
def kind_codes() -> dict[str, str]:
    """What a kind, or a form of company, is called in either language -> our code. Not made at every start."""
    return _named(lambda language: {kind: names.kind_name(translator(language), kind) for kind in KINDS}) | {
        **{kind.replace("_", ""): kind for kind in KINDS},
        **dict.fromkeys(
            ("as", "asa", "bedrift", "selskap", "firma", "organization", "organisation", "company"), "company"
        ),
        **dict.fromkeys(("kommune", "offentlig", "public", "statlig", "orgl", "komm", "fylk"), "public_body"),
        **dict.fromkeys(("forening", "fli", "lag"), "association"),
    }


@cache
def country_codes() -> dict[str, str]:
    """What a country is called in either language -> its code."""
    return _named(
        lambda language: {code: names.country_name(translator(language), code) for code in sorted(forms.COUNTRIES)}
    )
