"""Names of things in the reader's language: networks, levels, kinds, countries, schemes, periods of days."""

from datetime import date, timedelta
from decimal import Decimal

from babel import Locale
from babel.numbers import get_currency_precision

from cluster_rules.periods import Period
from crm.catalogue import Catalogue
from crm.i18n import Translator
from crm.sentences import KINDS, SCHEMES, SIZES, STATUSES


def network_name(t: Translator, kept: Catalogue, slug: str) -> str:
    """A network's name; its slug when the catalogue does not know it."""
    found = kept.by_slug.get(slug)
    return t.text(found.names) if found else slug


def tier_name(t: Translator, kept: Catalogue, network: str, code: str) -> str:
    """A level's name as it stands alone, in a cell or a heading."""
    return t.text(kept.tier_names(network, code))


def tier_inside(t: Translator, kept: Catalogue, network: str, code: str) -> str:
    """A level's name in the middle of a sentence: Norwegian writes it small there."""
    name = tier_name(t, kept, network, code)
    return name[:1].lower() + name[1:] if t.language == "nb" and name[1:2].islower() else name


def last_day(t: Translator, ends_on: date) -> str:
    """The last day of a period whose stored end is the first day after it."""
    return t.date(ends_on - timedelta(days=1))


def days(t: Translator, period: Period) -> str:
    """A period with both its days inside; "from ..." when it is open."""
    return t.date_range(period.start, period.end - timedelta(days=1) if period.end else None)


def kind_name(t: Translator, kind: str) -> str:
    """company -> bedrift."""
    return t.gettext(KINDS[kind]) if kind in KINDS else kind


def country_name(t: Translator, code: str) -> str:
    """NO -> Norge."""
    return str(Locale(t.language).territories.get(code, code))


def size_name(t: Translator, basis: str) -> str:
    """turnover -> omsetning; turnover_group -> omsetning i hele konsernet."""
    own = basis.removesuffix("_group")
    name = t.gettext(SIZES[own]) if own in SIZES else own
    return t.gettext("%(size)s in the whole group", size=name) if own != basis else name


def scheme_name(t: Translator, scheme: str) -> str:
    """no-orgnr -> organisasjonsnummer."""
    return t.gettext(SCHEMES[scheme]) if scheme in SCHEMES else scheme


def in_units(minor: int, currency: str) -> Decimal:
    """An amount for spreadsheets: 5975000 øre is 59750.00, with as many decimals as the currency has."""
    return Decimal(minor).scaleb(-get_currency_precision(currency))


def status_name(t: Translator, status: str) -> str:
    """info_needed -> venter på svar."""
    return t.gettext(STATUSES[status]) if status in STATUSES else status
