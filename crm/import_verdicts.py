"""What a row of a members' file would do, given what is known already: new, change, same, left out or refused. Pure.

The strongest number decides who is meant (`cluster_rules.matching`); a name alone only ever finds a member of the same
network, and never makes one organisation of two. What a file says of a known organisation is a difference to be shown.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.matching import name_key
from crm.import_rows import Member, Problem, Verdict

FAR = date.max
# Fields of a known organisation that a file may change, and on which side of the store they are.
PROFILE = ("employees", "municipality")
BILLING = ("billing_email", "billing_reference", "street", "postal_code", "city")


class Known(msgspec.Struct, frozen=True):
    """A stored organisation as an import sees it. `level`, `joined`, `left`: its own membership in this network.

    `left` is the first day without it, None without an end; `joined` None: it has no own membership there now or
    ahead. `past_until`: the end of the newest one that is over. `openings`: (reference, due day, minor units) of
    opening balances it has, those of credit without a day and below zero.
    """

    id: UUID
    family: UUID
    name: str
    country: str
    identifiers: dict[str, str]
    employees: int | None = None
    municipality: str = ""
    emails: frozenset[str] = frozenset()
    billing: dict[str, str] = {}
    here: bool = False
    level: str = ""
    joined: date | None = None
    left: date | None = None
    past_until: date | None = None
    merged: bool = False
    openings: frozenset[tuple[str, str, int]] = frozenset()


class Directory(msgspec.Struct, frozen=True):
    """Who is known: by (scheme, number), by the number in the network's old system, and by (name, country).

    `names` and `names_here` {(name_key, country): ids}: of the networks the reader manages, and of this one. `erased`:
    addresses of people who were forgotten.
    """

    by_number: Mapping[tuple[str, str], UUID]
    by_external: Mapping[str, UUID]
    names: Mapping[tuple[str, str], tuple[UUID, ...]]
    names_here: Mapping[tuple[str, str], tuple[UUID, ...]]
    known: Mapping[UUID, Known]
    erased: frozenset[str] = frozenset()


class Difference(msgspec.Struct, frozen=True):
    """What a row changes: the field, what is stored and what the file says (texts; days as YYYY-MM-DD)."""

    field: str
    old: str
    new: str


class Judged(msgspec.Struct, frozen=True):
    """A row with its verdict. `hints` do not stand in its way: (code, values)."""

    member: Member
    verdict: Verdict
    problems: tuple[Problem, ...] = ()
    known: Known | None = None
    differences: tuple[Difference, ...] = ()
    hints: tuple[Problem, ...] = ()


class Seen:
    """Who stood in the rows before: the same organisation twice in a file is somebody's mistake."""

    def __init__(self) -> None:
        self._rows: dict[Any, int] = {}

    def twice(self, member: Member, known: Known | None) -> Problem | None:
        """The row that says the same of the same; remembers this one."""
        keys: list[tuple[str, Any]] = [(scheme, value) for scheme, value in member.identifiers.items()]
        if member.external_id:
            keys.append(("external_id", member.external_id))
        if known:
            keys.append(("known", known.id))
        if not member.identifiers and not member.external_id:
            keys.append(("name", (name_key(member.name), member.country)))
        before = [(self._rows[key], key) for key in keys if key in self._rows]
        for key in keys:
            self._rows.setdefault(key, member.row)
        if not before:
            return None
        row, (what, _) = min(before)
        return Problem(_FIELD_OF.get(what, "name"), "organisation_twice", {"row": row})


_FIELD_OF = {"no-orgnr": "orgnr", "vat": "vat", "lei": "lei", "ror": "ror", "pic": "pic", "external_id": "external_id"}


def judge(member: Member, problems: list[Problem], directory: Directory, seen: Seen) -> Judged:
    """The verdict on one row. `problems` are what reading it found."""
    if member.left_out and not any(each.field == "status" for each in problems):
        return Judged(member, "left_out")
    known, wrong = _match(member, directory)
    problems = [*problems, *([wrong] if wrong else [])]
    if twice := seen.twice(member, known):
        problems.append(twice)
    for field in ("contact_email", "billing_email"):
        if (address := getattr(member, field)) and address in directory.erased:
            problems.append(Problem(field, "person_erased", {"given": address}))
    if known and not problems:
        problems += _impossible(member, known)
    if problems:
        return Judged(member, "refused", tuple(problems), known)
    hints = _hints(member, known, directory)
    if known is None or known.joined is None:
        return Judged(member, "new", (), known, differences(member, known) if known else (), hints)
    found = differences(member, known)
    return Judged(member, "change" if found else "same", (), known, found, hints)


def differences(member: Member, known: Known) -> tuple[Difference, ...]:
    """What the file says otherwise. An empty cell says nothing; names and numbers that are known stay."""
    out: list[Difference] = []

    def told(field: str, old: object, new: object) -> None:
        if new not in (None, "") and old != new:
            out.append(Difference(field, "" if old is None else str(old), str(new)))

    if known.here:  # of a member elsewhere only what nobody has told yet
        for field in PROFILE:
            told(field, getattr(known, field), getattr(member, field))
    for field in BILLING:
        if known.here or not known.billing.get(field):
            told(field, known.billing.get(field, ""), getattr(member, field))
    if member.contact_email and member.contact_email not in known.emails:
        out.append(Difference("contact_email", "", member.contact_email))
    if known.joined is not None:
        told("level", known.level, member.level)
        if member.left and member.left != known.left:
            out.append(Difference("left", known.left.isoformat() if known.left else "", member.left.isoformat()))
    due = member.opening_due.isoformat() if member.opening_due else ""
    if member.opening and (member.opening_reference, due, member.opening) not in known.openings:
        out.append(Difference("opening_amount", "", str(member.opening)))
    if member.credit and (member.opening_reference, "", -member.credit) not in known.openings:
        out.append(Difference("opening_credit", "", str(member.credit)))
    return tuple(out)


def _match(member: Member, directory: Directory) -> tuple[Known | None, Problem | None]:
    """Who is meant, or why that cannot be said."""
    found: dict[UUID, str] = {}
    for scheme, value in member.identifiers.items():
        if who := directory.by_number.get((scheme, value)):
            found.setdefault(who, _FIELD_OF[scheme])
    if member.external_id and (who := directory.by_external.get(member.external_id)):
        found.setdefault(who, "external_id")
    if len(found) > 1:
        return None, Problem(list(found.values())[-1], "numbers_of_two", {})
    key = (name_key(member.name), member.country)
    if not found and not member.identifiers:
        here = directory.names_here.get(key, ())
        if len(here) > 1:
            return None, Problem("name", "name_of_several", {"count": len(here)})
        if not here and (alike := directory.names.get(key, ())):
            return None, Problem("orgnr", "organisation_alike", {"name": directory.known[alike[0]].name})
        found = dict.fromkeys(here, "name")
    known = directory.known.get(next(iter(found))) if found else None
    if known:
        for scheme, value in member.identifiers.items():
            if known.identifiers.get(scheme, value) != value:
                return known, Problem(_FIELD_OF[scheme], "number_differs", {"stored": known.identifiers[scheme]})
    return known, None


def _impossible(member: Member, known: Known) -> list[Problem]:
    """A membership cannot begin before the one before it is over, nor end before it begins."""
    if known.merged:
        return [Problem("name", "organisation_merged", {"name": known.name})]
    if known.joined is None:
        if known.past_until and member.joined and member.joined < known.past_until:
            return [Problem("joined", "joined_before_end", {"end": known.past_until.isoformat()})]
        return []
    if member.left and member.left <= known.joined:
        return [Problem("left", "left_before_joined", {"joined": known.joined.isoformat()})]
    if known.left and member.level and member.level != known.level:
        return [Problem("level", "ending_planned", {"on": known.left.isoformat()})]
    return []


def _hints(member: Member, known: Known | None, directory: Directory) -> tuple[Problem, ...]:
    key = (name_key(member.name), member.country)
    if known is None:
        alike = [directory.known[each].name for each in directory.names.get(key, ())]
        return (Problem("name", "looks_like", {"name": alike[0]}),) if alike else ()
    if not member.identifiers and not member.external_id:
        return (Problem("name", "known_by_name", {"name": known.name}),)
    if name_key(known.name) != key[0]:
        return (Problem("name", "name_stays", {"name": known.name}),)
    return ()
