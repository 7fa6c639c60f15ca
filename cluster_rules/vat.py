"""Value added tax as dated data: ordinary rates by country, and why a line bears none.

A rate is known or refused, never guessed. It is a whole number of percent, or one with at most two decimals
(Finland's 25.5). Sources: each country's VAT act; the European Commission's list of VAT rates.
"""

from datetime import date
from decimal import Decimal

from cluster_rules.components import Text, VatCode, VatTerms
from cluster_rules.errors import RuleViolation
from cluster_rules.money import share

# A rate in percent. A float stands for the decimals that it is written with: what is computed goes by hundredths.
Percent = int | float
HUNDREDTHS = 100

# Ordinary rate in percent from a day on, newest first.
RATES: dict[str, tuple[tuple[date, Percent], ...]] = {
    "AT": ((date(1984, 1, 1), 20),),
    "BE": ((date(1996, 1, 1), 21),),
    "CH": ((date(2024, 1, 1), 8.1), (date(2018, 1, 1), 7.7)),
    "CZ": ((date(2013, 1, 1), 21),),
    "DE": ((date(2021, 1, 1), 19), (date(2020, 7, 1), 16), (date(2007, 1, 1), 19)),
    "DK": ((date(1992, 1, 1), 25),),
    "EE": ((date(2025, 7, 1), 24), (date(2024, 1, 1), 22), (date(2009, 7, 1), 20)),
    "ES": ((date(2012, 9, 1), 21),),
    "FI": ((date(2024, 9, 1), 25.5), (date(2013, 1, 1), 24)),
    "FR": ((date(2014, 1, 1), 20),),
    "GB": ((date(2011, 1, 4), 20),),
    "IS": ((date(2015, 1, 1), 24),),
    "IT": ((date(2013, 10, 1), 22),),
    "LT": ((date(2009, 9, 1), 21),),
    "LV": ((date(2012, 7, 1), 21),),
    "NL": ((date(2012, 10, 1), 21),),
    "NO": ((date(2005, 1, 1), 25), (date(2001, 7, 1), 24), (date(1995, 1, 1), 23), (date(1993, 1, 1), 22)),
    "PL": ((date(2011, 1, 1), 23),),
    "PT": ((date(2011, 1, 1), 23),),
    "SE": ((date(1990, 7, 1), 25),),
}

# Why a line bears no VAT, as an invoice must say it (EN 16931 BT-120).
REASONS: dict[VatCode, Text] = {
    "exempt_3_13": {
        "nb": "Medlemskontingent unntatt fra merverdiavgift, merverdiavgiftsloven § 3-13",
        "en": "Membership fee exempt from VAT, Norwegian VAT Act section 3-13",
    },
    "outside": {
        "nb": "Selgeren er ikke registrert i Merverdiavgiftsregisteret",
        "en": "The seller is not registered for VAT",
    },
    "zero": {"nb": "Nullsats", "en": "Zero rate"},
    "reverse_charge": {
        "nb": "Omvendt avgiftsplikt: kjøperen beregner merverdiavgift",
        "en": "Reverse charge: VAT is accounted for by the recipient",
    },
    "foreign": {
        "nb": "Tjeneste til mottaker i utlandet, uten merverdiavgift",
        "en": "Service supplied to a recipient abroad, without VAT",
    },
}


def treatment(terms: VatTerms, code: VatCode, buyer: str | None) -> VatCode:
    """The component's treatment, or what the host decided it becomes for a buyer in another country."""
    abroad = buyer is not None and buyer != terms.country
    return terms.foreign.get(code, code) if abroad else code


def of(net: int, percent: Percent) -> int:
    """The VAT on a net amount in minor units, rounded half up once."""
    return share(net, hundredths(percent), 100 * HUNDREDTHS)


def hundredths(percent: Percent) -> int:
    """A rate in hundredths of a percent: 25.5 is 2550."""
    return round(percent * HUNDREDTHS)


def rate(stored: Decimal | Percent) -> Percent:
    """A rate as it came from storage: whole ones are whole numbers."""
    points = round(stored * HUNDREDTHS)
    return points // HUNDREDTHS if points % HUNDREDTHS == 0 else points / HUNDREDTHS


def exact(percent: Percent) -> Decimal:
    """A rate as it is stored, with no more decimals than it has."""
    return Decimal(str(percent))


def percent(country: str, code: str, day: date) -> Percent:
    """The rate of a treatment on a day. RuleViolation `vat_rate_unknown` when nobody has entered it."""
    if code != "standard":
        return 0
    for since, rate in RATES.get(country, ()):
        if since <= day:
            return rate
    raise RuleViolation("vat_rate_unknown", "vat.country", country=country, on=day)


def possible(code: str, rate: Percent) -> bool:
    """Can a stored line have this treatment and rate? A check of what was written once."""
    if code == "standard":
        return any(rate == each for rates in RATES.values() for _, each in rates)
    return rate == 0 and code in REASONS
