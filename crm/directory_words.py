"""Words of the directory: fields of work, what members offer and seek, sizes, counties; and how a search is spelled.

Codes are stored and stand in addresses; English and Norwegian names are both searched, whatever page the reader is on.
"""

import re
import unicodedata
from collections.abc import Iterable

from crm.i18n import N_, Translator

FIELDS = {
    "energy": N_("Energy"),
    "health": N_("Health"),
    "language": N_("Language technology"),
    "maritime": N_("Maritime and ocean"),
    "public": N_("Public sector"),
    "vision": N_("Computer vision"),
    "manufacturing": N_("Manufacturing and robotics"),
    "mobility": N_("Transport and mobility"),
    "construction": N_("Construction and property"),
    "security": N_("Cyber security"),
    "finance": N_("Finance and insurance"),
    "food": N_("Food and aquaculture"),
    "learning": N_("Education and skills"),
    "climate": N_("Climate and environment"),
}
OFFERS = {
    "expertise": N_("Expertise"),
    "data": N_("Data sets"),
    "compute": N_("Computing power"),
    "testing": N_("Testing facilities"),
    "pilots": N_("A place for pilots"),
    "courses": N_("Courses and training"),
    "funding": N_("Funding"),
    "projects": N_("Partners for projects"),
    "thesis": N_("Master's and PhD projects"),
    "suppliers": N_("Products and services"),
}
SIZES = {
    "1-9": N_("1–9 employees"),
    "10-49": N_("10–49 employees"),
    "50-249": N_("50–249 employees"),
    "250": N_("250 employees or more"),
}
LANGUAGES = {
    "nb": N_("Norwegian"),
    "en": N_("English"),
    "se": N_("Sami"),
    "sv": N_("Swedish"),
    "da": N_("Danish"),
    "de": N_("German"),
    "fr": N_("French"),
}
# Norway's counties since 2024, by number (SSB 104). Names of places are not translated.
COUNTIES = {
    "03": "Oslo",
    "11": "Rogaland",
    "15": "Møre og Romsdal",
    "18": "Nordland",
    "31": "Østfold",
    "32": "Akershus",
    "33": "Buskerud",
    "34": "Innlandet",
    "39": "Vestfold",
    "40": "Telemark",
    "42": "Agder",
    "46": "Vestland",
    "50": "Trøndelag",
    "55": "Troms",
    "56": "Finnmark",
}
# What a person agrees to who is named beside an organisation, by version; a new wording is a new version.
CONSENTS = {
    1: N_("My name and my role may be shown in the directory, to those my organisation chooses."),
}
# Refusals (crm/sentences.py takes them in).
DIRECTORY: dict[str, tuple[str, ...]] = {
    "directory_question": (N_("The directory cannot be asked that: see what the page itself asks."),),
    "listing_code_unknown": (N_("The directory has no “%(given)s” to choose."),),
    "listing_decided": (N_("These texts do not wait for a decision any more."),),
    "listing_field_unknown": (N_("There is no field “%(given)s” in a directory entry."),),
    "listing_level_unknown": (N_("Who sees it is hidden, members, partners or public; not “%(given)s”."),),
    "listing_too_many": (N_("At most %(most)s can be chosen."),),
}
LONGEST_SEARCH = 100  # characters; what is beyond them narrows nothing any more
MOST_WORDS = 8
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th"}
)
_MARKS = re.compile("[\u0300-\u036f]")


def key(text: str) -> str:
    """A text as it is searched: small letters without marks, one space between words. See directory_key (SQL)."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text).lower().translate(_LETTERS))
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def words(text: str) -> list[str]:
    """The words one searches for."""
    return key(text[:LONGEST_SEARCH]).split()[:MOST_WORDS]


def field_name(t: Translator, code: str) -> str:
    """energy -> Energi; a code of somebody's own stands for itself."""
    return t.gettext(FIELDS[code]) if code in FIELDS else code


def offer_name(t: Translator, code: str) -> str:
    """compute -> Regnekraft."""
    return t.gettext(OFFERS[code]) if code in OFFERS else code


def size_name(t: Translator, code: str) -> str:
    """250 -> 250 ansatte eller flere."""
    return t.gettext(SIZES[code]) if code in SIZES else code


def language_name(t: Translator, code: str) -> str:
    """nb -> norsk."""
    return t.gettext(LANGUAGES[code]) if code in LANGUAGES else code


def county_name(code: str) -> str:
    """46 -> Vestland; places abroad have names of their own."""
    return COUNTIES.get(code, code)


def meant(word: str, names: Iterable[tuple[str, str]]) -> list[str]:
    """The tags of which a name has a word that begins with this one; `names`: (tag, name as `key` spells it)."""
    return sorted({tag for tag, name in names if f" {name}".find(f" {word}") >= 0})
