"""What the register of legal entities says of an organisation, and where that differs from what is told here.

The register is Norway's Enhetsregisteret (data.brreg.no, licence NLOD): its open downloads and single answers. A unit
holds what members, fees and levels depend on, and nothing about the people behind it. A difference never changes
anything: it is a reason to look, which a person answers. Days are calendar days of the register's own file.
"""

import re
from datetime import date
from typing import Any

import msgspec

from cluster_rules.headcounts import SME_CLASSES, same_class

# What the register says of an organisation, what ends it first. Those of FACTS can be taken over; the others are for
# somebody to decide about the membership. `register_headcount` is another headcount of the same class of size.
REASONS: tuple[str, ...] = (
    "register_bankrupt",
    "register_deleted",
    "register_dissolution",
    "register_liquidation",
    "register_unknown",
    "register_name",
    "register_employees",
    "register_moved",
    "register_headcount",
)
SMALL = "register_headcount"
FACTS = frozenset({"register_name", "register_employees", "register_moved", SMALL})
PERSONAL_FORM = "ENK"  # a sole trader: its name is a person's
BRANCH_FORMS = frozenset({"BEDR", "AAFY"})  # units inside a legal entity; a file of their own (underenheter)
# Forms of organisations that stand behind a name, and are written like that in ours or left out.
_FORMS = frozenset(
    [
        "as",
        "asa",
        "ans",
        "da",
        "ba",
        "sa",
        "enk",
        "nuf",
        "stiftelse",
        "sti",
        "kf",
        "fkf",
        "iks",
        "hf",
        "rhf",
        "sf",
        "ks",
        "pre",
        "bo",
        "brl",
        "esek",
        "fli",
        "orgl",
        "ltd",
        "ab",
        "aps",
    ]
)
_SMALL = frozenset(["og", "i", "for", "av", "på", "til", "med", "den", "det", "ved", "under"])
_KINDS = {
    "company": frozenset({"AS", "ASA", "ANS", "DA", "ENK", "NUF", "SA", "KS", "SE", "PRE"}),
    "public_body": frozenset({"STAT", "ORGL", "KOMM", "FYLK", "KF", "FKF", "IKS", "SF", "ADOS"}),
    "association": frozenset({"FLI"}),
}
_INDUSTRIES = {"85.421": "university", "85.422": "university_college", "85.423": "university_college"}
_BREAKS = re.compile(r"[^\w]+")
_WORD = re.compile(r"[^\W\d_]+")


class Unit(msgspec.Struct, frozen=True, gc=False):
    """One unit as the register has it. `employees` None: not told (fewer than five may be left out).

    `county`: the first two digits of the municipality's number (SSB 104), "" abroad. `known` False: a file of the
    whole register does not have the number.
    """

    number: str
    name: str = ""
    form: str = ""
    employees: int | None = None
    municipality_number: str = ""
    municipality: str = ""
    country: str = ""
    nace: tuple[str, ...] = ()
    website: str = ""
    founded_on: date | None = None
    bankrupt: bool = False
    bankrupt_on: date | None = None
    liquidation: bool = False
    dissolution: bool = False
    deleted_on: date | None = None
    parent: str = ""
    known: bool = True

    @property
    def county(self) -> str:
        """The county's number; "" where there is none."""
        return self.municipality_number[:2]


class Ours(msgspec.Struct, frozen=True):
    """What is told here of the organisation with that number, today. `legal_name` where it is called otherwise."""

    name: str
    legal_name: str = ""
    employees: int | None = None
    municipality: str = ""
    county: str = ""
    country: str = ""


class Difference(msgspec.Struct, frozen=True):
    """One thing to look at: `ours` and `register` as values, None where nothing is told; `since` a day, where known.

    `key` is the reason with the register's value: what was kept comes back only when that changes.
    """

    reason: str
    ours: str | int | None = None
    register: str | int | None = None
    since: date | None = None

    @property
    def key(self) -> str:
        """Reason and value in at most 120 characters; equal for equal words of the register."""
        said = self.since.isoformat() if self.since else "" if self.register is None else str(self.register)
        return f"{self.reason}/{said.casefold()[:80]}"


def differences(ours: Ours, unit: Unit, bounds: frozenset[int] = SME_CLASSES) -> tuple[Difference, ...]:
    """What the register says otherwise, what ends organisations first. Nothing is compared that one side does not tell,
    but a headcount: fees and levels may wait for it. `bounds`: where one matters (`headcounts.bounds`)."""
    if not unit.known:
        return (Difference("register_unknown", register=unit.number),)
    if unit.deleted_on:
        return (Difference("register_deleted", since=unit.deleted_on),)
    found: list[Difference] = []
    if unit.bankrupt or unit.bankrupt_on:
        found.append(Difference("register_bankrupt", since=unit.bankrupt_on))
    if unit.dissolution:
        found.append(Difference("register_dissolution"))
    if unit.liquidation and not found:
        found.append(Difference("register_liquidation"))
    if unit.name and not any(same_name(name, unit.name) for name in (ours.name, ours.legal_name) if name):
        found.append(Difference("register_name", ours.name, proper_name(unit.name)))
    if unit.employees is not None and unit.employees != ours.employees:
        small = same_class(ours.employees, unit.employees, bounds)
        found.append(Difference(SMALL if small else "register_employees", ours.employees, unit.employees))
    moved = _moved(ours, unit)
    return tuple([*found, moved] if moved else found)


def taken_over(reason: str, unit: Unit) -> dict[str, Any]:
    """The facts, by name, that are told of an organisation once it is as the register says; {} where it is no fact."""
    if reason == "register_name":
        return {"name": proper_name(unit.name)}
    if reason in ("register_employees", SMALL):
        return {"employees": unit.employees}
    if reason == "register_moved":
        place = {"municipality": proper_name(unit.municipality), "county": unit.county}
        return place | ({"country": unit.country} if unit.country else {})
    return {}


def kind_of(unit: Unit) -> str:
    """What kind of organisation its form and industry (SN2007) say it is; "" where they do not."""
    first = unit.nace[0] if unit.nace else ""
    for begins, kind in _INDUSTRIES.items():
        if first.startswith(begins):
            return kind
    return next((kind for kind, forms in _KINDS.items() if unit.form in forms), "")


def same_name(ours: str, theirs: str) -> bool:
    """Is it one name? Capitals, marks and the form behind it (AS, ASA) make no difference."""
    return _bare(ours) == _bare(theirs)


def proper_name(name: str) -> str:
    """SNØSMELTE ENERGI AS -> Snøsmelte Energi AS. A name that has small letters already stays as it is."""
    text = " ".join(name.split())
    if text != text.upper():
        return text
    first = True

    def word(found: re.Match[str]) -> str:
        nonlocal first
        lower, begins = found.group().lower(), first
        first = False
        if lower in _FORMS and not begins:
            return found.group()
        return lower if lower in _SMALL and not begins else lower.capitalize()

    return _WORD.sub(word, text)


def _moved(ours: Ours, unit: Unit) -> Difference | None:
    """Where its business address is now, if that is another municipality, county or country than we tell."""
    if unit.country and ours.country and unit.country != ours.country:
        return Difference("register_moved", ours.country, unit.country)
    if not unit.municipality or not (ours.municipality or ours.county):
        return None
    same_place = not ours.municipality or _bare(ours.municipality) == _bare(unit.municipality)
    same_county = not ours.county or not unit.county or ours.county == unit.county
    if same_place and same_county:
        return None
    return Difference("register_moved", ours.municipality or ours.county, proper_name(unit.municipality))


def _bare(name: str) -> str:
    words = [word for word in _BREAKS.split(name.casefold()) if word]
    while len(words) > 1 and words[-1] in _FORMS:
        words.pop()
    return " ".join(words)
