"""Are two registered organisations one and the same? Numbers of registers decide, names only suggest.

Strongest first (sync_security.md 2.5): register number with its country, LEI, VAT, ROR, PIC; then the web
domain; then name and country. Over numbers "the same" is symmetric and transitive (F13), and two that share
one number while another disagrees are held for a person. Nothing here merges anything: people do.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Literal
from uuid import UUID

import msgspec

STRENGTH = ("no-orgnr", "lei", "vat", "ror", "pic")  # strongest first
FREE_MAIL = frozenset(
    (
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "hotmail.no",
        "live.com",
        "live.no",
        "msn.com",
        "yahoo.com",
        "yahoo.no",
        "icloud.com",
        "me.com",
        "online.no",
        "getmail.no",
        "lyse.net",
        "broadpark.no",
        "proton.me",
        "protonmail.com",
        "gmx.com",
        "gmx.de",
        "web.de",
        "mail.com",
        "telia.com",
    )
)
# Words that say what kind of body it is, not which one.
LEGAL_FORMS = frozenset(
    (
        "as",
        "asa",
        "ans",
        "da",
        "sa",
        "ba",
        "ks",
        "nuf",
        "iks",
        "sf",
        "kf",
        "ab",
        "oy",
        "oyj",
        "aps",
        "amba",
        "gmbh",
        "ag",
        "kg",
        "se",
        "bv",
        "nv",
        "ltd",
        "limited",
        "plc",
        "llc",
        "inc",
        "sarl",
        "sas",
    )
)
_NORWEGIAN_VAT = re.compile(r"(?:NO)?(\d{9})MVA")
_WORD = re.compile(r"[^\W_]+")

Key = tuple[str, str]
Verdict = Literal["same", "held", "suggested", "different"]


class Identity(msgspec.Struct, frozen=True):
    """What an organisation is known by. `identifiers` are (scheme, value), normalised; numbers stay text.

    `parent` is set for a unit inside another organisation: (legal entity, unit) is its key, so that it is
    never folded into its parent. `domain` is a web domain without "www.", empty when unknown.
    """

    id: UUID
    name: str
    country: str
    identifiers: frozenset[Key] = frozenset()
    parent: UUID | None = None
    domain: str = ""


class Reason(msgspec.Struct, frozen=True, order=True):
    """Why: number_shared, main_unit, number_differs (`scheme`, `value`), domain_shared (`value`), name_shared."""

    code: Literal["number_shared", "main_unit", "number_differs", "domain_shared", "name_shared"]
    scheme: str = ""
    value: str = ""


class Group(msgspec.Struct, frozen=True):
    """Two or more organisations: the same (`same`), the same against each other (`held`), or maybe so (`suggested`).

    `members` are in the order of their ids.
    """

    members: tuple[UUID, ...]
    verdict: Verdict
    reasons: tuple[Reason, ...]


def keys(identity: Identity, main_units: Mapping[str, str]) -> frozenset[Key]:
    """Its numbers in the form in which they are compared.

    A Norwegian VAT number is the organisation number with "MVA"; a sub-unit's number (BEDR, AAFY) leads to its
    main unit where `main_units` {sub-unit: main unit} knows it (AC-18).
    """
    out: set[Key] = set()
    for scheme, value in identity.identifiers:
        norwegian = _NORWEGIAN_VAT.fullmatch(value) if scheme == "vat" else None
        if norwegian:
            scheme, value = "no-orgnr", norwegian[1]
        out.add((scheme, main_units.get(value, value) if scheme == "no-orgnr" else value))
    return frozenset(out)


def compare(one: Identity, other: Identity, main_units: Mapping[str, str]) -> Group:
    """Two organisations: the same, held, suggested or different, with every reason; order does not matter."""
    members = tuple(sorted((one.id, other.id)))
    mine, theirs = keys(one, main_units), keys(other, main_units)
    reasons = {*_shared(mine & theirs, (one, other)), *_disagreeing(mine | theirs)}
    if one.domain and one.domain == other.domain and one.domain not in FREE_MAIL:
        reasons.add(Reason("domain_shared", value=one.domain))
    if one.country == other.country and name_key(one.name) == name_key(other.name):
        reasons.add(Reason("name_shared", value=one.name if one.id == members[0] else other.name))
    said: set[str] = {reason.code for reason in reasons}
    return Group(members, _verdict(said, one.parent == other.parent), _in_order(reasons))


def groups(identities: Iterable[Identity], main_units: Mapping[str, str] = {}) -> list[Group]:
    """All that numbers say: every set of organisations held together by shared numbers, directly or through others.

    A set in which one scheme has two values is held as a whole. The order of `identities` does not matter; names
    and domains are not looked at, and a unit is compared with units of the same organisation only.
    """
    listed = list(identities)
    roots: dict[object, object] = {}

    def root(of: object) -> object:
        while (above := roots.setdefault(of, of)) != of:
            of = above
        return of

    for each in listed:
        for key in keys(each, main_units):
            roots[root(each.id)] = root((each.parent, key))
    sets: dict[object, list[Identity]] = {}
    for each in listed:
        sets.setdefault(root(each.id), []).append(each)
    found = [_group(members, main_units) for members in sets.values() if len(members) > 1]
    return sorted(found, key=lambda group: group.members)


def suggestions(identities: Iterable[Identity], main_units: Mapping[str, str] = {}) -> list[Group]:
    """Pairs that only look alike, by name and country or by domain; numbers that disagree silence a likeness."""
    alike: dict[object, list[Identity]] = {}
    for each in identities:
        alike.setdefault(("name", name_key(each.name), each.country), []).append(each)
        if each.domain:
            alike.setdefault(("domain", each.domain), []).append(each)
    pairs = {tuple(sorted(pair, key=lambda i: i.id)) for same in alike.values() for pair in combinations(same, 2)}
    found = [compare(one, other, main_units) for one, other in pairs if one.id != other.id]
    return sorted((f for f in found if f.verdict == "suggested"), key=lambda group: group.members)


def name_key(name: str) -> str:
    """A name as it is compared: small letters, no punctuation, no legal form (Equinor ASA = EQUINOR)."""
    words = _WORD.findall(name.casefold())
    return " ".join([word for word in words if word not in LEGAL_FORMS] or words)


def domain_of(website: str) -> str:
    """The web domain of an address, without "www."; empty for none."""
    host = re.sub(r"^[a-z]+://", "", website.strip().lower()).split("/")[0].split(":")[0]
    return host.removeprefix("www.")


def _verdict(said: set[str], same_place: bool) -> Verdict:
    if not same_place:
        return "different"
    if said & {"number_shared", "main_unit"}:
        return "held" if "number_differs" in said else "same"
    if "number_differs" in said or not said:
        return "different"
    return "suggested"


def _group(members: list[Identity], main_units: Mapping[str, str]) -> Group:
    every = [keys(each, main_units) for each in members]
    shared = frozenset(key for one, other in combinations(every, 2) for key in one & other)
    differing = _disagreeing(frozenset().union(*every))
    reasons = {*_shared(shared, members), *differing}
    ids = tuple(sorted(each.id for each in members))
    return Group(ids, "held" if differing else "same", _in_order(reasons))


def _shared(shared: Iterable[Key], members: Iterable[Identity]) -> list[Reason]:
    """One reason for each shared number: `main_unit` where somebody has it through a sub-unit's number only."""
    listed = list(members)
    out: list[Reason] = []
    for scheme, value in shared:
        own = [any(number == value or value in number for _, number in each.identifiers) for each in listed]
        through = scheme == "no-orgnr" and not all(own)
        out.append(Reason("main_unit" if through else "number_shared", scheme, value))
    return out


def _disagreeing(numbers: frozenset[Key]) -> list[Reason]:
    """The schemes with more than one value among all numbers of those compared."""
    values: dict[str, list[str]] = {}
    for scheme, value in numbers:
        values.setdefault(scheme, []).append(value)
    return [Reason("number_differs", s, ", ".join(sorted(found))) for s, found in values.items() if len(found) > 1]


def _in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    def strength(reason: Reason) -> tuple[int, Reason]:
        known = reason.scheme in STRENGTH
        return STRENGTH.index(reason.scheme) if known else len(STRENGTH), reason

    return tuple(sorted(reasons, key=strength))
