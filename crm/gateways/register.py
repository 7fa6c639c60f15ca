"""Files of the register of legal entities (Enhetsregisteret): read piece by piece, however large, checked row by row.

Taken are the downloads of the whole register as JSON (one array) or CSV (flattened names), packed with gzip or not, an
answer to a search, and a single unit. Never more than a few MB are in memory: an array is cut where a unit ends, and a
wrong guess at that is no valid JSON. Refused `register_*` names the row, the first unit being 1, and the field.
"""

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import BinaryIO, Literal

import msgspec

from cluster_rules.register import BRANCH_FORMS, Unit
from crm.errors import Refused
from crm.gateways import register_csv
from crm.gateways.register_wire import AT, PIECE, UNPACKED_MAX, Wire, refused

UNITS_MAX = 5_000_000
UNIT_MAX = 1024**2  # bytes of one unit
TRIES = 256  # ends of units, from the last one back
LETTER_BYTES = 4
ANSWER_MAX = 64 * 1024**2  # bytes of an answer to a search: 10,000 units at most

TEXT_MAX = 400
EARLIEST = date(1000, 1, 1)
# A day in the file may lie ahead of the file: changes are entered before they take effect.
AHEAD = timedelta(days=366)
Format = Literal["json", "csv", "unit", "answer"]
ALWAYS_PART: frozenset[str] = frozenset({"unit", "answer"})

_GZIP = b"\x1f\x8b"
_OTHER_FILES = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf")
_OTHER_LETTERS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DAYS = ("stiftelsesdato", "registreringsdatoEnhetsregisteret", "konkursdato", "slettedato")
_BETWEEN = re.compile(rb"\}\s*,\s*(?=\{)")
_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2, 1)
_DIGITS = tuple(
    {f"{n:03}": sum(w * int(d) for w, d in zip(_WEIGHTS[at : at + 3], f"{n:03}", strict=True)) for n in range(1000)}
    for at in (0, 3, 6)
)


_UNITS = msgspec.json.Decoder(list[Wire])
_ONE = msgspec.json.Decoder(Wire)


def check_day(as_of: date, today: date) -> None:
    """Can a file be of that day? Refused `register_day_ahead`."""
    if not EARLIEST <= as_of <= today:
        raise Refused("register_day_ahead", "as_of", given=as_of, today=today)


class Reading:
    """A file being read: iterate `units` for its pieces, then `format`, `count`, `branches` and `newest` are known.

    `part`: it cannot be the whole register (a single unit, or an answer to a search). `newest`: the last day on which
    a unit of it was registered: the file is not older. `done`: bytes read so far, of the file as it is.
    """

    def __init__(self, file: BinaryIO, as_of: date) -> None:
        self.file = file
        self.as_of = as_of
        self.format: Format = "json"
        self.count = 0
        self.branches = 0
        self.newest: date | None = None
        self._seen: dict[int, bytearray] = {}
        self._latest = as_of + AHEAD

    @property
    def part(self) -> bool:
        """Is it surely not the whole register?"""
        return self.format in ALWAYS_PART

    @property
    def of_branches(self) -> bool:
        """Is it a file of the units inside legal entities (underenheter)?"""
        return self.branches * 2 > self.count

    @property
    def done(self) -> int:
        """Bytes of the file that were read."""
        return self.file.tell()

    def units(self, numbers: frozenset[str] | None = None) -> Iterator[list[Unit]]:
        """The units, some at a time, of these numbers alone where they are given; all of them are checked.

        Refused `register_*` at the first that is wrong.
        """
        begins = self.file.read(8)
        self.file.seek(0)
        if not begins:
            raise refused("register_empty")
        if begins.startswith(_OTHER_FILES):
            raise refused("register_kind")
        packed = begins.startswith(_GZIP)
        # Read with limits: what is packed small may be large without end.
        unpacked: BinaryIO = gzip.GzipFile(fileobj=self.file, mode="rb") if packed else self.file  # type: ignore[assignment]
        try:
            for wires in self._wires(unpacked):
                yield self._units(wires, numbers)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise refused("register_gzip", self.count + 1) from error
        if not self.count:
            raise refused("register_empty")

    def _wires(self, source: BinaryIO) -> Iterator[list[Wire]]:
        first = source.read(PIECE)
        if first.startswith(_OTHER_LETTERS):
            raise refused("register_letters", 1)
        text = first.removeprefix(codecs.BOM_UTF8).lstrip()
        if not text:
            raise refused("register_empty")
        if text[:1] == b"[":
            yield from _array(self, text[1:], source)
        elif text[:1] == b"{":
            yield self._answer(text, source)
        elif b"organisasjonsnummer" in text[:4096].split(b"\n", 1)[0].lower():
            self.format = "csv"
            yield from register_csv.rows(first, source)
        else:
            raise refused("register_kind")

    def _answer(self, text: bytes, source: BinaryIO) -> list[Wire]:
        """A single unit, or what a search found."""
        text += source.read(ANSWER_MAX - len(text) + 1)
        if len(text) > ANSWER_MAX:
            raise refused("register_too_large", limit=ANSWER_MAX // 1024**2)
        try:
            shape = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
            if "organisasjonsnummer" in shape:
                self.format = "unit"
                return [_ONE.decode(text)]
            self.format = "answer"
            inside = msgspec.json.decode(shape.get("_embedded", b"{}"), type=dict[str, msgspec.Raw])
            found = inside.get("enheter", inside.get("underenheter"))
            if found is None:
                raise refused("register_kind")
            return _UNITS.decode(found)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _said(self, error) from error

    def _units(self, wires: list[Wire], numbers: frozenset[str] | None) -> list[Unit]:
        out = []
        for wire in wires:
            self.count += 1
            self._check(wire)
            if numbers is None or wire.organisasjonsnummer in numbers:
                out.append(self._unit(wire))
        return out

    def _check(self, wire: Wire) -> None:
        """Its number by modulus 11 and for the first time, its days, that it has a name."""
        if self.count > UNITS_MAX:
            raise refused("register_rows", limit=UNITS_MAX)
        self._number(wire.organisasjonsnummer)
        days = (wire.stiftelsesdato, wire.registreringsdatoEnhetsregisteret, wire.konkursdato, wire.slettedato)
        for at, day in enumerate(days):
            if day is not None and not EARLIEST <= day <= self._latest:
                raise refused("register_day", self.count, _DAYS[at], given=day.isoformat())
        registered = days[1]
        if registered is not None and (self.newest is None or registered > self.newest):
            self.newest = registered
        if wire.organisasjonsform is not None and wire.organisasjonsform.kode in BRANCH_FORMS:
            self.branches += 1
        if not wire.navn or not wire.navn.strip():
            raise refused("register_missing", self.count, "navn")

    def _unit(self, wire: Wire) -> Unit:
        """One unit that is checked, with texts the database can hold."""
        address = wire.forretningsadresse or wire.beliggenhetsadresse or wire.postadresse
        codes = [code.kode for code in (wire.naeringskode1, wire.naeringskode2, wire.naeringskode3) if code]
        place = (address and address.kommunenummer) or ""
        return Unit(
            wire.organisasjonsnummer,
            self._text("navn", wire.navn),
            self._text("organisasjonsform", wire.organisasjonsform and wire.organisasjonsform.kode)[:10],
            wire.antallAnsatte if wire.harRegistrertAntallAnsatte is not False else None,
            place if len(place) == 4 and place.isascii() and place.isdigit() else "",
            self._text("kommune", address and address.kommune)[:100],
            self._text("landkode", address and address.landkode)[:2],
            tuple(self._text("naeringskode", code)[:10] for code in codes if code),
            self._text("hjemmeside", wire.hjemmeside),
            wire.stiftelsesdato,
            bool(wire.konkurs),
            wire.konkursdato,
            bool(wire.underAvvikling),
            bool(wire.underTvangsavviklingEllerTvangsopplosning),
            wire.slettedato,
            self._text("overordnetEnhet", wire.overordnetEnhet)[:9],
        )

    def _text(self, field: str, said: str | None) -> str:
        text = (said or "").strip()
        if len(text) > TEXT_MAX or _CONTROL.search(text):
            raise refused("register_text", self.count, field)
        return text

    def _number(self, number: str) -> None:
        """Nine digits that fit modulus 11 (regulations of the register, section 3-2), and not a second time."""
        first, middle, last = _DIGITS
        try:
            rest = (first[number[:3]] + middle[number[3:6]] + last[number[6:]]) % 11
        except KeyError:
            raise refused("register_number", self.count, "organisasjonsnummer", given=number[:40]) from None
        if rest:
            raise refused("register_number", self.count, "organisasjonsnummer", given=number)
        page, place = divmod(int(number), 65_536)
        seen = self._seen.get(page)
        if seen is None:
            seen = self._seen[page] = bytearray(8_192)
        bit = 1 << (place & 7)
        if seen[place >> 3] & bit:
            raise refused("register_twice", self.count, "organisasjonsnummer", given=number)
        seen[place >> 3] |= bit


def _array(reading: Reading, text: bytes, source: BinaryIO) -> Iterator[list[Wire]]:
    """The units of an array, piece by piece."""
    unpacked = len(text)
    while True:
        wires, text = _cut(reading, text)
        if wires:
            yield wires
        more = source.read(PIECE)
        unpacked += len(more)
        if unpacked > UNPACKED_MAX:
            raise refused("register_too_large", limit=UNPACKED_MAX // 1024**2)
        if not more:
            break
        text = (text + more).lstrip()
    body = text.strip()
    if not body.endswith(b"]"):
        raise _broken(reading, body, "register_cut")
    try:
        yield _UNITS.decode(b"[" + body)
    except msgspec.ValidationError as error:
        raise _said(reading, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken(reading, body, "register_json") from error


def _cut(reading: Reading, text: bytes) -> tuple[list[Wire], bytes]:
    """(the units that are whole, what comes after them). What looks like the end of a unit may be one inside it, or
    stand in a text: then what comes before is no valid array, and the end before that is tried."""
    ends = [found.start() + 1 for found in _BETWEEN.finditer(text)]
    for end in reversed(ends[-TRIES:]):
        try:
            wires = _UNITS.decode(b"[" + text[:end] + b"]")
        except msgspec.ValidationError as error:
            raise _said(reading, error) from error
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        return wires, text[text.index(b"{", end) :]
    if len(text) > PIECE + UNIT_MAX:  # no unit is as long: somewhere in it is no JSON
        raise _broken(reading, text, "register_json")
    return [], text


def _broken(reading: Reading, text: bytes, code: str) -> Refused:
    """Which unit cannot be read: they are taken one by one until one is no JSON, or its letters are none."""
    try:
        said = text.decode()
    except UnicodeDecodeError as error:
        said = text[: error.start].decode()
        if error.end < len(text) - LETTER_BYTES:  # not one that was cut in two
            code = "register_letters"
    scan, place, row = json.JSONDecoder(), 0, reading.count + 1
    while True:
        while said[place : place + 1] in (" ", "\n", "\r", "\t", ","):
            place += 1
        try:
            _, place = scan.raw_decode(said, place)
        except (json.JSONDecodeError, RecursionError):
            return refused(code, row)
        row += 1


def _said(reading: Reading, error: Exception) -> Refused:
    """What is wrong with which unit, as the reader of JSON tells it."""
    if not isinstance(error, msgspec.ValidationError):
        if isinstance(error, UnicodeDecodeError) or "utf" in str(error).lower():
            return refused("register_letters", reading.count + 1)
        return refused("register_json", reading.count + 1, message=str(error)[:80])
    found = AT.search(str(error))
    row, field = (int(found[1] or 0), found[2]) if found else (0, "")
    if "missing required field" in str(error):
        return refused("register_missing", reading.count + row + 1, "organisasjonsnummer")
    return refused("register_value", reading.count + row + 1, field, message=str(error).split(" - at ")[0][:80])
