"""Reports in words: titles, definitions, headings and the codes in cells, in the reader's language."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import msgspec

from crm import (
    directory_words,
    names,
    report_activity_words,
    report_funding_words,
    report_member_words,
    report_money_words,
    report_standing_words,
)
from crm.catalogue import Catalogue
from crm.i18n import N_, Translator
from crm.reports import OTHERS, Column, Figure, ReportWords, parts

REPORTS: dict[str, ReportWords] = {
    **report_member_words.REPORTS,
    **report_standing_words.REPORTS,
    **report_money_words.REPORTS,
    **report_funding_words.REPORTS,
    **report_activity_words.REPORTS,
}
COLUMNS: dict[str, str] = {
    **report_standing_words.COLUMNS,
    **report_money_words.COLUMNS,
    **report_funding_words.COLUMNS,
    **report_activity_words.COLUMNS,
    "currency": N_("Currency"),
    "before": N_("Before"),
    "change": N_("Difference"),
    "measured": N_("Counted"),
    "year": N_("Year"),
}
AREAS = {"members": N_("Members"), "money": N_("Money"), "activity": N_("Activity and labels")}
VALUES: dict[str, dict[str, str]] = {
    **report_standing_words.VALUES,
    **report_money_words.VALUES,
    **report_funding_words.VALUES,
    **report_activity_words.VALUES,
}
SEVERAL = N_("Several")
REST = N_("All others")
UNKNOWN = N_("Unknown")
NO_VALUE = "–"
NO_CURRENCY = "NOK"  # of an amount of nothing
SEPARATOR = "\u241e"  # between the two languages of a text that a network has worded itself
AFTER = "after_"  # columns of a cohort: so many years after that of joining
DAYS_OF_A_YEAR = 365.25


def report(name: str) -> ReportWords:
    """A report's words; KeyError."""
    return REPORTS[name]


def figure(t: Translator, name: str, code: str) -> tuple[str, str]:
    """A figure's name and its definition."""
    title, definition = REPORTS[name].figures[code.partition("/")[0]]
    return t.gettext(title), t.gettext(definition)


def table(t: Translator, name: str, code: str) -> str:
    """A table's heading."""
    return t.gettext(REPORTS[name].tables[code])


def heading(t: Translator, name: str, code: str) -> str:
    """A column's heading: the name of the measure it holds, or of what it tells."""
    words = REPORTS[name].figures.get(code)
    if code.startswith(AFTER):
        return t.gettext("Year %(n)s", n=code.removeprefix(AFTER))
    return t.gettext(words[0] if words else COLUMNS[code])


def option(t: Translator, name: str, code: str) -> str:
    """What a question of one report is called."""
    return t.gettext(REPORTS[name].options[code])


def option_value(t: Translator, code: str, value: str) -> str:
    """A choice of such a question in words."""
    return t.gettext(VALUES[code][value]) if value in VALUES.get(code, {}) else value


def narrowed(t: Translator, kept: Catalogue, vocabularies: Mapping[str, str], figure: str) -> str:
    """What a figure code is narrowed to: "Level: Partner, County: Oslo"; "" for the whole figure."""
    said = [
        t.gettext(
            "%(what)s: %(value)s",
            what=t.gettext(COLUMNS.get(by, by)),
            value=code(t, kept, vocabularies.get(by, by), value),
        )
        for by, value in parts(figure)[1]
    ]
    return ", ".join(said)


def value(t: Translator, kept: Catalogue, column: Column, said: Any, currency: str = "") -> str:
    """A cell as people read it; "Unknown" for the bucket of what is unknown, a dash for no value."""
    if said is None:
        return NO_VALUE
    if column.kind == "text":
        return code(t, kept, column.words, str(said))
    if column.kind == "day":
        return t.date(said)
    if column.kind == "share":
        return t.percent(said)
    if column.kind == "money":
        return t.money(int(said), currency or NO_CURRENCY)
    if column.kind == "days":
        return duration(t, said)
    return t.number(round(said, 1))


def code(t: Translator, kept: Catalogue, words: str, said: str) -> str:
    """A code out of a vocabulary in words."""
    if said == OTHERS:
        return t.gettext(REST)
    if not words or words == "id":
        return said
    if not said:
        return t.gettext(UNKNOWN)
    if said == "several":
        return t.gettext(SEVERAL)
    return _VOCABULARIES[words](t, kept, said) if words in _VOCABULARIES else _listed(t, words, said)


def amount(t: Translator, figure: Figure) -> str:
    """A figure as people read it."""
    if figure.value is None:
        return NO_VALUE
    if figure.kind == "money":
        return t.money(int(figure.value), figure.currency or NO_CURRENCY)
    if figure.kind == "share":
        return t.percent(figure.value)
    if figure.kind == "days":
        return duration(t, figure.value)
    return t.number(round(figure.value, 1))


def before(t: Translator, figure: Figure) -> str:
    """What the figure was in the period compared with."""
    return amount(t, msgspec.structs.replace(figure, value=figure.before))


def change(t: Translator, figure: Figure) -> str:
    """By how much it has changed: in its own unit, a share in points of per cent."""
    if figure.value is None or figure.before is None:
        return ""
    by = figure.value - figure.before
    if figure.kind == "share":
        points = round(by * 100, 1)
        return t.gettext("%(n)s points", n=("+" if points > 0 else "") + t.number(points))
    return ("+" if by > 0 else "") + amount(t, msgspec.structs.replace(figure, value=by))


def duration(t: Translator, days: float) -> str:
    """A number of days: in years from one year on."""
    if abs(days) < DAYS_OF_A_YEAR:
        return t.ngettext("%(n)s day", "%(n)s days", round(days))
    return t.gettext("%(n)s years", n=t.number(round(days / DAYS_OF_A_YEAR, 1)))


def _listed(t: Translator, words: str, said: str) -> str:
    """One or several codes of a list of words; what is not in it stands for itself."""
    known = VALUES.get(words, {})
    return ", ".join(t.gettext(known[each]) if each in known else each for each in said.split(" "))


def _tier(t: Translator, kept: Catalogue, said: str) -> str:
    """A level's name, in whichever network has it."""
    for book in reversed(kept.rulebooks.versions):
        if tier := book.tier(said):
            return t.text(tier.names)
    return said


def _rule(t: Translator, kept: Catalogue, said: str) -> str:
    """A link rule's name, in whichever network has it."""
    for book in reversed(kept.rulebooks.versions):
        if rule := book.link_rule(said):
            return t.text(rule.names)
    return said


def _day(t: Translator, _: Catalogue, said: str) -> str:
    return t.date(date.fromisoformat(said))


def _county(_: Translator, __: Catalogue, said: str) -> str:
    return directory_words.county_name(said)


def _kind(t: Translator, _: Catalogue, said: str) -> str:
    name = names.kind_name(t, said)
    return name[:1].upper() + name[1:]


def _country(t: Translator, _: Catalogue, said: str) -> str:
    return names.country_name(t, said)


def _month(t: Translator, _: Catalogue, said: str) -> str:
    year, month = map(int, said.split("-"))
    return t.month(date(year, month, 1))


def _both(t: Translator, _: Catalogue, said: str) -> str:
    """The reader's of the two languages a text is told in."""
    nb, _separator, en = said.partition(SEPARATOR)
    return (nb or en) if t.language == "nb" else (en or nb)


def _plain(_: Translator, __: Catalogue, said: str) -> str:
    return said


_VOCABULARIES: dict[str, Callable[[Translator, Catalogue, str], str]] = {
    "tier": _tier,
    "rule": _rule,
    "day": _day,
    "county": _county,
    "kind": _kind,
    "country": _country,
    "network": names.network_name,
    "month": _month,
    "year": _plain,
    "both": _both,
}
