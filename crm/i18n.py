"""Both languages of every text: catalogs, dates, money and numbers as a Norwegian or English reader expects.

English is the source text in code and templates; Norwegian stands in crm/locale/nb/<area>.po, read at start.
`python -m crm.i18n missing` lists what has no Norwegian text yet, and entries nothing uses any more.
"""

import datetime as dt
import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from babel.core import Locale
from babel.dates import format_date, format_datetime, format_interval, format_timedelta, get_timezone
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent, get_currency_precision
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.utils import missing

from crm.paths import LOCALE, TEMPLATES

LANGUAGES = ("nb", "en")
DEFAULT_LANGUAGE = "nb"
TIME_ZONE = get_timezone("Europe/Oslo")

_LOCALES = {"nb": Locale.parse("nb_NO"), "en": Locale.parse("en_GB")}
_NBSP = "\N{NO-BREAK SPACE}"
_MINUS = "\N{MINUS SIGN}"
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
_SOURCES = (Path(__file__).parent, Path(__file__).parent.parent / "cluster_rules")
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


class CatalogError(Exception):
    """The catalogs contradict each other; the message names the files."""


def N_(text: str) -> str:
    """Mark a text for translation where it is written; it is translated where it is shown."""
    return text


class Translator:
    """Everything one language needs to speak. Made once per language by `translator`."""

    def __init__(self, language: str, catalog: Mapping[str, tuple[str, ...]]):
        self.language = language
        self._locale = _LOCALES[language]
        self._catalog = catalog

    def gettext(self, text: str, **values: object) -> str:
        """The text in this language; `%(name)s` is filled from `values` when any are given."""
        found = self._catalog.get(text, (text,))[0]
        return found % values if values else found

    def ngettext(self, one: str, many: str, n: int, **values: object) -> str:
        """As gettext, by number; `%(n)s` is filled with the number itself unless `values` says otherwise."""
        return self.plural(one, many, n) % {"n": self.number(n), **values}

    def plural(self, one: str, many: str, n: int) -> str:
        """The right form, not yet filled: templates fill it themselves, escaping as they do."""
        found = self._catalog.get(one, (one, many))
        return found[0] if n == 1 else found[-1]

    def text(self, names: Mapping[str, str] | None) -> str:
        """The reader's language out of {"nb": .., "en": ..}; else whichever there is."""
        if not names:
            return ""
        for language in (self.language, DEFAULT_LANGUAGE, *LANGUAGES):
            if names.get(language):
                return names[language]
        return next(iter(names.values()))

    def date(self, day: dt.date) -> str:
        """22. nov. 2026 / 22 Nov 2026. A moment is shown as its day in Oslo."""
        if isinstance(day, dt.datetime):
            day = _in_oslo(day).date()
        return format_date(day, "medium", locale=self._locale)

    def month(self, day: dt.date) -> str:
        """mars 2026 / March 2026."""
        return format_date(day, "LLLL y", locale=self._locale)

    def short_month(self, day: dt.date) -> str:
        """mars / Mar, for under a chart."""
        return format_date(day, "LLL", locale=self._locale).rstrip(".")

    def date_range(self, start: dt.date, end: dt.date | None) -> str:
        """Both days are within the range; no end reads "from ..."."""
        if end is None:
            return self.gettext("from %(day)s", day=self.date(start))
        words = format_interval(start, end, "yMMMd", locale=self._locale)
        return words.replace("\N{THIN SPACE}", " ")

    def datetime(self, moment: dt.datetime) -> str:
        """22. nov. 2026 kl. 14:05 / 22 Nov 2026, 14:05, in Oslo time."""
        local = _in_oslo(moment)
        clock = format_datetime(local, "HH:mm", locale=self._locale)
        return f"{self.date(local)}{' kl. ' if self.language == 'nb' else ', '}{clock}"

    def money(self, minor: int, currency: str) -> str:
        """Minor units as 1 284 500 kr / NOK 1,284,500; øre only when there are any."""
        digits = get_currency_precision(currency)
        whole, rest = divmod(abs(minor), 10**digits)
        number = format_decimal(whole, locale=self._locale)
        if rest:
            number += ("," if self.language == "nb" else ".") + f"{rest:0{digits}d}"
        sign = _MINUS if minor < 0 else ""
        if self.language == "nb":
            # Swedish and Danish kroner are "kr" too, so only Norwegian ones may be called that.
            return f"{sign}{number}{_NBSP}{'kr' if currency == 'NOK' else currency}"
        return f"{sign}{currency}{_NBSP}{number}"

    def number(self, value: float) -> str:
        return format_decimal(value, locale=self._locale).replace("-", _MINUS)

    def percent(self, share: float) -> str:
        """0.861 is 86,1 % / 86.1%."""
        pattern = f"#,##0.#{_NBSP}%" if self.language == "nb" else "#,##0.#%"
        return format_percent(share, pattern, locale=self._locale).replace("-", _MINUS)

    def ago(self, moment: dt.datetime, now: dt.datetime) -> str:
        """for 3 døgn siden / 3 days ago; also "in 3 days"."""
        return format_timedelta(moment - now, add_direction=True, locale=self._locale)


class StrictName(StrictUndefined):
    """A missing variable is an error; a missing key of a given value may be tested, but never printed."""

    def __bool__(self) -> bool:
        if self._undefined_obj is missing:
            self._fail_with_undefined_error()
        return False


@lru_cache
def translator(language: str) -> Translator:
    """The one Translator of a language; KeyError for a language we do not speak."""
    return Translator(language, {} if language == "en" else _read_catalogs(LOCALE / language))


def jinja_environment(language: str) -> Environment:
    """Templates in one language. Pages add their globals (crm/web/rendering.py); mails use it as it is."""
    speaker = translator(language)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictName,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(speaker.gettext, speaker.plural, newstyle=True)
    environment.globals.update(t=speaker, lang=language)
    return environment


def problems(language: str = "nb") -> list[str]:
    """Texts without a translation, translations without a text, and placeholders that differ."""
    catalog = _read_catalogs(LOCALE / language)
    found = dict(_extracted())
    missing = [f"{place}: no {language} text for {text!r}" for text, place in found.items() if text not in catalog]
    unused = [f"nothing uses the {language} text of {text!r}" for text in catalog if text not in found]
    broken = [
        f"{path.name}: placeholders differ in {texts[-1]!r}"
        for path in sorted((LOCALE / language).glob("*.po"))
        for texts, translations in _entries(path)
        if _placeholders(texts[-1]) != _placeholders(translations[-1])
    ]
    return missing + unused + broken


def _in_oslo(moment: dt.datetime) -> dt.datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be shown")
    return moment.astimezone(TIME_ZONE)


def _placeholders(text: str) -> set[str]:
    return set(_PLACEHOLDER.findall(text))


def _read_catalogs(folder: Path) -> dict[str, tuple[str, ...]]:
    merged: dict[str, tuple[str, ...]] = {}
    origin: dict[str, str] = {}
    for path in sorted(folder.glob("*.po")):
        for texts, translation in _entries(path):
            text = texts[0]
            if merged.setdefault(text, translation) != translation:
                raise CatalogError(f"{text!r} is translated differently in {origin[text]} and {path.name}")
            origin.setdefault(text, path.name)
    return merged


def _entries(path: Path) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The translated messages of one file: (one, many) or (text,), each with its translations."""
    with path.open("rb") as file:
        catalog: Catalog = read_po(file, abort_invalid=True)
    for message in catalog:
        texts, strings = _tuple(message.id), _tuple(message.string)
        if texts[0] and all(strings):
            yield texts, strings


def _tuple(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _extracted() -> Iterator[tuple[str, str]]:
    """Every text to translate with the first place it stands at."""
    seen: set[str] = set()
    for path, method in _source_files():
        options = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
        options["extensions"] = "jinja2.ext.do"
        found = extract_from_file(method, path, _KEYWORDS, options=options if method == "jinja2" else {})
        for line, message, _comments, _context in found:
            text = message[0] if isinstance(message, tuple) else message
            if text not in seen:
                seen.add(text)
                yield text, f"{path.parent.name}/{path.name}:{line}"


def _source_files() -> Iterator[tuple[Path, str]]:
    for path in sorted(TEMPLATES.rglob("*")):
        if path.suffix in (".html", ".txt") and "static" not in path.relative_to(TEMPLATES).parts:
            yield path, "jinja2"
    for folder in _SOURCES:
        for path in sorted(folder.rglob("*.py")):
            yield path, "python"


def main(arguments: list[str]) -> int:
    if arguments != ["missing"]:
        print("usage: python -m crm.i18n missing", file=sys.stderr)
        return 2
    found = problems()
    print("\n".join(found) or "every text has its Norwegian, every Norwegian text is used")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
