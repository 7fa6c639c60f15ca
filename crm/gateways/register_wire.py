"""A unit as the register of legal entities writes it, and what is said of a file that is not so."""

import re
from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from crm.errors import Refused

UNPACKED_MAX = 8 * 1024**3  # bytes: the whole register is about two thousand million
PIECE = 2 * 1024**2  # bytes read and decoded at a time
EMPLOYEES_MAX = 5_000_000
# Where msgspec says a value stands: the place in the list, then the field.
AT = re.compile(r" - at `\$(?:\[(\d+)\])?\.?([^`]*)`")


class Code(msgspec.Struct, frozen=True, gc=False):
    kode: str | None = None


class Address(msgspec.Struct, frozen=True, gc=False):
    kommune: str | None = None
    kommunenummer: str | None = None
    landkode: str | None = None


class Wire(msgspec.Struct, frozen=True, gc=False):
    """A unit as the register writes it; what else is in it is passed over unread (roles, purposes, telephones)."""

    organisasjonsnummer: str
    navn: str | None = None
    organisasjonsform: Code | None = None
    antallAnsatte: Annotated[int, Meta(ge=0, le=EMPLOYEES_MAX)] | None = None
    harRegistrertAntallAnsatte: bool | None = None
    naeringskode1: Code | None = None
    naeringskode2: Code | None = None
    naeringskode3: Code | None = None
    forretningsadresse: Address | None = None
    beliggenhetsadresse: Address | None = None
    postadresse: Address | None = None
    hjemmeside: str | None = None
    stiftelsesdato: date | None = None
    registreringsdatoEnhetsregisteret: date | None = None
    konkurs: bool | None = None
    konkursdato: date | None = None
    underAvvikling: bool | None = None
    underTvangsavviklingEllerTvangsopplosning: bool | None = None
    slettedato: date | None = None
    overordnetEnhet: str | None = None


def refused(code: str, row: int = 0, field: str = "", **values: Any) -> Refused:
    """What is wrong with the file, and where: `row` 0 is the file as a whole."""
    if row:
        values["row"] = row
    if field:
        values["name"] = field
    return Refused(code, "file" if not row else f"rows.{row}.{field}" if field else f"rows.{row}", **values)
