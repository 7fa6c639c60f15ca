"""The register of legal entities as CSV: the flattened names of its download, whatever stands between the columns."""

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from crm.gateways.register_wire import AT, PIECE, UNPACKED_MAX, Wire, refused

ROWS_AT_A_TIME = 2_000

_YES, _NO = frozenset({"true", "j", "ja", "1"}), frozenset({"false", "n", "nei", "0", ""})
_PLACE = ("kommune", "kommunenummer", "landkode")
_PARTS = {
    **dict.fromkeys(("organisasjonsform", "naeringskode1", "naeringskode2", "naeringskode3"), ("kode",)),
    **dict.fromkeys(("forretningsadresse", "beliggenhetsadresse", "postadresse"), _PLACE),
}
# Column of the CSV, in small letters -> (field, part).
_COLUMNS = {name.lower(): (name, "") for name in Wire.__struct_fields__ if name not in _PARTS}
_COLUMNS |= {f"{name}.{part}".lower(): (name, part) for name, parts in _PARTS.items() for part in parts}
_COLUMNS["orgform.kode"] = ("organisasjonsform", "kode")
_TRUTHS = frozenset(
    {"harRegistrertAntallAnsatte", "konkurs", "underAvvikling", "underTvangsavviklingEllerTvangsopplosning"}
)


def rows(first: bytes, source: BinaryIO) -> Iterator[list[Wire]]:
    """The rows of a CSV whose headings are the register's flattened names, however separated."""
    text = io.TextIOWrapper(io.BufferedReader(_Joined(first, source), PIECE), "utf-8-sig", newline="")
    count = 0
    try:
        headings = text.readline()
        separator = max(";,\t", key=headings.count)
        named = next(csv.reader([headings], delimiter=separator), [])
        columns = [_COLUMNS.get(name.strip().lower()) for name in named]
        known = [each for each in columns if each]
        if len(set(known)) < len(known):
            twice = next(name for name, each in zip(named, columns, strict=True) if each and columns.count(each) > 1)
            raise refused("register_heading", field=twice[:80])
        if ("organisasjonsnummer", "") not in known or ("navn", "") not in known:
            raise refused("register_heading", field="organisasjonsnummer, navn")
        wires: list[Wire] = []
        for row in csv.reader(text, delimiter=separator, strict=True):
            if not row:
                continue
            count += 1
            if len(row) != len(named):
                raise refused("register_columns", count, given=len(row), wanted=len(named))
            wires.append(_row(count, columns, row))
            if len(wires) == ROWS_AT_A_TIME:
                yield wires
                wires = []
        yield wires
    except UnicodeDecodeError as error:
        raise refused("register_letters", count + 1) from error
    except csv.Error as error:
        raise refused("register_quotes", count + 1, message=str(error)[:80]) from error


def _row(at: int, columns: list[tuple[str, str] | None], row: list[str]) -> Wire:
    told: dict[str, Any] = {}
    for column, cell in zip(columns, row, strict=True):
        if column is None or not cell or cell == "null":
            continue
        name, part = column
        if name in _TRUTHS:
            told[name] = _truth(at, name, cell)
        elif part:
            told.setdefault(name, {})[part] = cell
        else:
            told[name] = cell
    try:
        return msgspec.convert(told, Wire, strict=False)
    except msgspec.ValidationError as error:
        found = AT.search(str(error))
        missing = "missing required field" in str(error)
        field = "organisasjonsnummer" if missing or not found else found[2]
        code = "register_missing" if missing else "register_value"
        raise refused(code, at, field, message=str(error).split(" - at ")[0][:80]) from error


def _truth(at: int, field: str, cell: str) -> bool:
    word = cell.strip().lower()
    if word not in _YES | _NO:
        raise refused("register_value", at, field, message=cell[:40])
    return word in _YES


class _Joined(io.RawIOBase):
    """The bytes that were read already, then the rest, and no more than the limit."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self.first, self.rest, self.total = first, rest, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.first:
            piece, self.first = self.first[: len(buffer)], self.first[len(buffer) :]
        else:
            piece = self.rest.read(len(buffer))
        self.total += len(piece)
        if self.total > UNPACKED_MAX:
            raise refused("register_too_large", limit=UNPACKED_MAX // 1024**2)
        buffer[: len(piece)] = piece
        return len(piece)
