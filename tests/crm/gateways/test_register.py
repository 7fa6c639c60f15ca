"""Files of the register of legal entities: every shape it gives them, and every way in which they come broken."""

import codecs
import gzip
import io
import json
from datetime import date

import pytest

from crm.errors import Refused
from crm.gateways import register
from crm.gateways.register import Reading
from tests.register_files import EQUINOR, HEADINGS, UIO, array, packed, table, unit

DAY = date(2026, 11, 20)
TWO = unit(UIO, "UNIVERSITETET I OSLO", organisasjonsform={"kode": "ORGL"})
ROW = f"{EQUINOR},EQUINOR ASA,ASA,Allmennaksjeselskap,06.100,21000,true,STAVANGER,1103,NO,1972-09-18,false,,false,"


def read(content: bytes) -> tuple[Reading, list]:
    reading = Reading(io.BytesIO(content), DAY)
    return reading, [each for piece in reading.units() for each in piece]


@pytest.mark.parametrize(
    ("content", "form", "count"),
    [
        (packed(unit(), TWO), "json", 2),
        (codecs.BOM_UTF8 + array(unit(), TWO), "json", 2),
        (json.dumps(unit()).encode(), "unit", 1),
        (json.dumps({"_embedded": {"enheter": [unit(), TWO]}, "page": {"size": 20}}).encode(), "answer", 2),
        (json.dumps({"_embedded": {"underenheter": [unit()]}}).encode(), "answer", 1),
        (table(ROW), "csv", 1),
        (gzip.compress(table(ROW, separator=";")), "csv", 1),
    ],
)
def test_every_shape_the_register_has_is_read_alike(content, form, count):
    reading, units = read(content)
    assert (reading.format, reading.count, len(units)) == (form, count, count)
    assert reading.part == (form in ("unit", "answer"))
    first = units[0]
    assert (first.number, first.name, first.employees, first.nace) == (EQUINOR, "EQUINOR ASA", 21_000, ("06.100",))
    assert (first.county, first.municipality, first.country) == ("11", "STAVANGER", "NO")
    assert first.founded_on == date(1972, 9, 18)


def test_a_headcount_the_register_does_not_have_is_none_and_not_nothing():
    silent = unit(antallAnsatte=0, harRegistrertAntallAnsatte=False)
    masked = unit(UIO, antallAnsatte=None)
    assert [each.employees for each in read(array(silent, masked))[1]] == [None, None]


def test_an_array_is_cut_where_units_end_however_the_pieces_fall(monkeypatch):
    numbers = [n for n in (f"{each:08}" for each in range(80_000_000, 80_000_400)) if _check(n) is not None]
    many = array(*(unit(n + str(_check(n))) for n in numbers))
    for piece in (700, 1_024, 4_099):
        monkeypatch.setattr(register, "PIECE", piece)
        assert [each.number[:8] for each in read(many)[1]] == numbers


def _check(eight: str) -> int | None:
    rest = sum(int(d) * w for d, w in zip(eight, (3, 2, 7, 6, 5, 4, 3, 2), strict=True)) % 11
    return None if rest == 1 else (11 - rest) % 11


WHOLE = array(unit(), TWO)
BROKEN = {
    "nothing": (b"", "register_empty", 0),
    "no unit": (b"[]", "register_empty", 0),
    "headings alone": (table(), "register_empty", 0),
    "a workbook": (b"PK\x03\x04" + b"\0" * 99, "register_kind", 0),
    "a page": (b"<!doctype html><html></html>", "register_kind", 0),
    "another object": (b'{"name": "Equinor"}', "register_kind", 0),
    "another table": (b"name;members\nNORA;3\n", "register_kind", 0),
    "no gzip after all": (b"\x1f\x8b" + b"\x08" + b"\0" * 40, "register_gzip", 1),
    "half a gzip": (packed(unit(), TWO)[:-40], "register_gzip", 1),
    "half an array": (WHOLE[: len(WHOLE) * 3 // 4], "register_cut", 2),
    "an array that is not closed": (WHOLE.rstrip(b"]\n "), "register_cut", 3),
    "no JSON in the middle": (WHOLE.replace(b'"1995-03-12",', b'"1995-03-12"', 1), "register_json", 1),
    "half a unit alone": (json.dumps(unit()).encode()[:-9], "register_json", 1),
    "no number": (array(unit(), {"navn": "NAVN AS"}), "register_missing", 2),
    "no name": (array(unit(), unit(UIO, " ")), "register_missing", 2),
    "modulus 11": (array(unit(), unit("971035855")), "register_number", 2),
    "eight digits": (array(unit("97103585")), "register_number", 1),
    "letters for a number": (array(unit("97103585O")), "register_number", 1),
    "the same unit twice": (array(unit(), TWO, unit()), "register_twice", 3),
    "a day in 2207": (array(unit(), unit(UIO, stiftelsesdato="2207-02-01")), "register_day", 2),
    "a day that is none": (array(unit(konkursdato="2026-02-31")), "register_value", 1),
    "a headcount in words": (array(unit(), unit(UIO, antallAnsatte="mange")), "register_value", 2),
    "fewer than nobody": (array(unit(antallAnsatte=-1)), "register_value", 1),
    "a name without end": (array(unit(name="N" * 401)), "register_text", 1),
    "a character no text has": (array(unit(name="N\0N")), "register_text", 1),
    "a parent that is no text": (array(unit(overordnetEnhet="\x07")), "register_text", 1),
    "Latin 1": (json.dumps([unit(name="ØRSTA AS")], ensure_ascii=False).encode("latin-1"), "register_letters", 1),
    "UTF-16": (json.dumps([unit()]).encode("utf-16"), "register_letters", 1),
    "CSV in Latin 1": (table(ROW.replace("EQUINOR ASA", "ØRSTA AS")).decode().encode("latin-1"), "register_letters", 1),
    "CSV with too few columns": (table(ROW, f"{UIO},UIO"), "register_columns", 2),
    "CSV with an open quotation mark": (table(ROW, ROW.replace("EQUINOR ASA", '"EQUINOR')), "register_quotes", 2),
    "CSV with a word for a truth": (table(ROW.replace("true", "kanskje")), "register_value", 1),
    "CSV with 2207": (table(ROW.replace("1972-09-18", "2207-09-18")), "register_day", 1),
    "CSV without names": (table(ROW).replace(b",navn,", b",firma,"), "register_heading", 0),
    "CSV with a heading twice": (table(ROW).replace(b",konkursdato,", b",konkurs,"), "register_heading", 0),
}


@pytest.mark.parametrize(("content", "code", "row"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_its_row_and_reason(content, code, row):
    with pytest.raises(Refused) as refused:
        read(content)
    assert (refused.value.code, refused.value.params.get("row", 0)) == (code, row)
    assert refused.value.field.startswith(f"rows.{row}" if row else "file")


def test_what_is_packed_small_and_large_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(register, "UNPACKED_MAX", 8 * 1024**2)
    with pytest.raises(Refused, match="register_too_large"):
        read(gzip.compress(b"[" + b" " * (9 * 1024**2) + b"]"))


def test_a_unit_that_never_ends_is_refused_before_it_fills_the_memory():
    with pytest.raises(Refused, match="register_json"):
        read(b'[{"organisasjonsnummer": "' + b"1" * (4 * 1024**2) + b'"}, {}]')


def test_a_file_of_branches_is_known_by_its_forms():
    branches = array(*(unit(n, organisasjonsform={"kode": "BEDR"}) for n in (EQUINOR, UIO)))
    assert read(branches)[0].of_branches
    assert not read(WHOLE)[0].of_branches
    assert HEADINGS.startswith("organisasjonsnummer")
