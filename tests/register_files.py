"""Files of the register of legal entities as they are downloaded, made here: units, and how they are packed."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crm.context import Context

EQUINOR, UIO = "923609016", "971035854"


@pytest.fixture
def context(context: Context, tmp_path: Path) -> Context:
    """The test's context with a data directory of its own: for tests that upload files."""
    return msgspec.structs.replace(context, settings=msgspec.structs.replace(context.settings, data_dir=tmp_path))


def unit(number: str = EQUINOR, name: str = "EQUINOR ASA", **more: Any) -> dict[str, Any]:
    """A unit with what the register always has, and what it may have; lists inside it, as in the real thing."""
    return {
        "organisasjonsnummer": number,
        "navn": name,
        "organisasjonsform": {"kode": "ASA", "beskrivelse": "Allmennaksjeselskap", "_links": {"self": {"href": "x"}}},
        "historiskeNavn": [{"navn": "STATOIL ASA"}, {"navn": "DEN NORSKE STATS OLJESELSKAP },{ AS"}],
        "harRegistrertAntallAnsatte": True,
        "antallAnsatte": 21_000,
        "naeringskode1": {"kode": "06.100", "beskrivelse": "Utvinning av råolje"},
        "forretningsadresse": {
            "adresse": ["Forusbeen 50"],
            "postnummer": "4035",
            "poststed": "STAVANGER",
            "kommune": "STAVANGER",
            "kommunenummer": "1103",
            "land": "Norge",
            "landkode": "NO",
        },
        "stiftelsesdato": "1972-09-18",
        "registreringsdatoEnhetsregisteret": "1995-03-12",
        "hjemmeside": "www.equinor.com",
        "konkurs": False,
        "underAvvikling": False,
        "underTvangsavviklingEllerTvangsopplosning": False,
        "links": [{"rel": "self"}, {"rel": "roller"}],
        **more,
    }


def packed(*units: dict[str, Any]) -> bytes:
    """The whole download: an array, packed."""
    return gzip.compress(array(*units))


def array(*units: dict[str, Any]) -> bytes:
    """The array as it stands in the download."""
    return json.dumps(list(units), ensure_ascii=False, indent=1).encode()


HEADINGS = (
    "organisasjonsnummer,navn,organisasjonsform.kode,organisasjonsform.beskrivelse,naeringskode1.kode,antallAnsatte,"
    "harRegistrertAntallAnsatte,forretningsadresse.kommune,forretningsadresse.kommunenummer,"
    "forretningsadresse.landkode,stiftelsesdato,konkurs,konkursdato,underAvvikling,slettedato"
)


def table(*rows: str, separator: str = ",") -> bytes:
    """The download as CSV."""
    return ("\n".join((HEADINGS, *rows)) + "\n").replace(",", separator).encode()
