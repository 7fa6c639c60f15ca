"""A partner's copy of a member list beside the list itself: who is missing, who is too many, which fields differ.

Pure: text in, differences out. A copy is read as it comes: NDJSON, a JSON array, an object with `members` or `items`,
or CSV with a line of column names. Members are flat here, with the columns of the CSV export (docs/sync.md); of nested
members the organisation's and the contact's fields get these names.
"""

import csv
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from crm.identifiers import SCHEMES

MOST_ROWS = 20_000
MOST_SHOWN = 500
MOST_BYTES = 8 * 1024 * 1024
BETWEEN = " "  # several numbers of one kind, as in the CSV export
_OF_ORGANISATION = ("name", "kind", "country", "website")
_OUTER = ("network", "agreement", "tier", "status", "origin", "starts_on", "ends_on", "version")
FIELDS = ("id", "organisation_id", *_OF_ORGANISATION, *SCHEMES, *_OUTER, "contact_name", "contact_email")
_UNESCAPED = "=+-@"
Flat = dict[str, str]


class Unreadable(Exception):
    """The text is no list; the message says why, for people who sent it."""


class Field(msgspec.Struct, frozen=True):
    """One field that differs: what the copy has and what the list has ("" where one has nothing)."""

    field: str
    yours: str
    ours: str


class Differing(msgspec.Struct, frozen=True):
    """A member both have, with what differs."""

    id: str
    name: str
    fields: list[Field]


class Named(msgspec.Struct, frozen=True):
    """A member only one of both has."""

    id: str
    name: str


class Unread(msgspec.Struct, frozen=True):
    """A row that says nobody: its number (the first is 1) and `no_id`, `unknown_number`, `twice` or `no_object`."""

    row: int
    why: str


class Compared(msgspec.Struct, frozen=True):
    """What came of it. The lists hold at most MOST_SHOWN each; the counts are of all."""

    rows: int
    members: int
    same: int
    differing_count: int
    missing_count: int
    extra_count: int
    unread_count: int
    differing: list[Differing]
    missing: list[Named]
    extra: list[Named]
    unread: list[Unread]

    @property
    def equal(self) -> bool:
        """Is the copy exactly the list?"""
        return not (self.differing_count or self.missing_count or self.extra_count or self.unread_count)


def read(text: str) -> list[Any]:
    """The rows of a copy, each whatever stands there. Unreadable."""
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").strip()
    if not text:
        raise Unreadable("empty")
    rows = _of_json(text) if text[0] in "[{" else _of_csv(text)
    if len(rows) > MOST_ROWS:
        raise Unreadable(f"more than {MOST_ROWS} rows")
    return rows


def compare(rows: Iterable[Any], members: Iterable[Mapping[str, Any]]) -> Compared:
    """The copy's rows beside the list's members. A row is known by `id`, without one by a number of the organisation.

    Only fields that a row has are compared, so that a copy of a few columns can be compared, too.
    """
    ours = {each["id"]: each for each in map(flat, members)}
    numbers = {(s, n): key for key, each in ours.items() for s in SCHEMES for n in each.get(s, "").split(BETWEEN) if n}
    seen: set[str] = set()
    differing: list[Differing] = []
    extra: list[Named] = []
    unread: list[Unread] = []
    count = 0
    for number, row in enumerate(rows, 1):
        count = number
        if not isinstance(row, Mapping):
            unread.append(Unread(number, "no_object"))
            continue
        theirs = flat(row)
        key = _key(theirs, numbers)
        why = "twice" if key in seen else "" if key else "unknown_number" if _numbered(theirs) else "no_id"
        if why:
            unread.append(Unread(number, why))
            continue
        seen.add(key)
        if key not in ours:
            extra.append(Named(key, theirs.get("name", "")))
        elif fields := _fields(theirs, ours[key]):
            differing.append(Differing(key, ours[key].get("name", ""), fields))
    missing = [Named(key, each.get("name", "")) for key, each in ours.items() if key not in seen]
    same = len(seen) - len(extra) - len(differing)
    counts = (count, len(ours), same, len(differing), len(missing), len(extra), len(unread))
    shown = (differing[:MOST_SHOWN], missing[:MOST_SHOWN], extra[:MOST_SHOWN], unread[:MOST_SHOWN])
    return Compared(*counts, *shown)


def flat(member: Mapping[str, Any]) -> Flat:
    """A member, nested or flat, as {column: text}; null is the empty text, what is not there is not there."""
    out: Flat = {}
    organisation, contact = member.get("organisation"), member.get("contact")
    if isinstance(organisation, Mapping):
        out |= {name: _text(organisation[name]) for name in _OF_ORGANISATION if name in organisation}
        if "id" in organisation:
            out["organisation_id"] = _text(organisation["id"])
        out |= _numbers(organisation)
    if isinstance(contact, Mapping):
        out |= {f"contact_{name}": _text(contact[name]) for name in ("name", "email") if name in contact}
    out |= _numbers(member)
    return out | {name: _text(member[name]) for name in FIELDS if name in member}


def _numbers(holder: Mapping[str, Any]) -> Flat:
    """The numbers by kind; kinds without one are empty, where numbers are told at all."""
    told = holder.get("identifiers")
    if not isinstance(told, list):
        return {}
    out = dict.fromkeys(SCHEMES, "")
    pairs = sorted((_text(e.get("scheme")), _text(e.get("value"))) for e in told if isinstance(e, Mapping))
    for scheme, value in pairs:
        if scheme in out:
            out[scheme] = f"{out[scheme]}{BETWEEN}{value}".strip()
    return out


def _text(value: Any) -> str:
    """A value as it is compared; the apostrophe that keeps a spreadsheet from calculating is no part of it."""
    if value is None:
        return ""
    text = str(value).strip()
    return text[1:] if text[:1] == "'" and text[1:2] in _UNESCAPED else text


def _key(row: Flat, numbers: Mapping[tuple[str, str], str]) -> str:
    if row.get("id"):
        return row["id"].lower()
    found = {numbers[s, n] for s in SCHEMES for n in row.get(s, "").split(BETWEEN) if (s, n) in numbers}
    return found.pop() if len(found) == 1 else ""


def _numbered(row: Flat) -> bool:
    return any(row.get(scheme) for scheme in SCHEMES)


def _fields(theirs: Flat, ours: Flat) -> list[Field]:
    wanted = [name for name in FIELDS if name in theirs and name != "id"]
    return [Field(n, theirs[n], ours.get(n, "")) for n in wanted if theirs[n] != ours.get(n, "")]


def _of_json(text: str) -> list[Any]:
    try:
        whole = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return _of_lines(text)
    except RecursionError as error:
        raise Unreadable("nested too deep") from error
    if isinstance(whole, dict) and (rows := whole.get("members", whole.get("items"))) is not None:
        whole = rows
    return list(whole) if isinstance(whole, list) else [whole]


def _of_lines(text: str) -> list[Any]:
    out = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                out.append(msgspec.json.decode(line))
            except (msgspec.DecodeError, RecursionError) as error:
                raise Unreadable(f"line {number}: {str(error)[:100]}") from error
    return out


def _of_csv(text: str) -> list[Any]:
    first = text.split("\n", 1)[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    try:
        columns = [name.strip() for name in next(reader)]
        if not set(columns) & {"id", *SCHEMES}:
            raise Unreadable(f"no column of: id, {', '.join(SCHEMES)}")
        return [dict(zip(columns, row, strict=False)) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise Unreadable(str(error)[:100]) from error
