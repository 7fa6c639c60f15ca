"""An exported instance on disk: a CSV file for each table, and manifest.json that says what must be in them."""

import hashlib
from pathlib import Path

import msgspec

from crm.folder import FolderError

MANIFEST = "manifest.json"
FORMAT = 1
LARGEST_MANIFEST = 5_000_000
ABOUT = """This folder is a whole instance of Klynge, the membership CRM: a CSV file for each table.

UTF-8 with a header line. An empty value is "nothing is known", "" is an empty text. Days are half-open: ends_on is the
first day that does not count. Amounts are minor units (100 = 1 krone). {{a,b}} is a list, and columns such as names or
body hold JSON. manifest.json has the number of rows and the SHA-256 of each file.

`crm import THIS_FOLDER` puts it into an empty instance of the same version. It holds people's data and hashes of keys
and passwords: keep it as you would keep the database.
"""


class Table(msgspec.Struct, frozen=True):
    """What a table's file must be."""

    rows: int
    sha256: str
    columns: list[str]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the folder holds; `schema` are the migrations of the version that wrote it, `made_at` is in UTC."""

    product: str
    format: int
    made_at: str
    schema: list[str]
    tables: dict[str, Table]


def is_one(place: Path) -> bool:
    """Is this folder an exported instance, and no folder of data files?"""
    return (place / MANIFEST).is_file()


def begin(place: Path) -> None:
    """Make the folder, for its owner alone. FolderError when it is there already or cannot be made."""
    try:
        place.mkdir(mode=0o700)
    except OSError as error:
        raise FolderError(str(place), 0, "folder", f"cannot be made: {error.strerror}") from error


def file_of(place: Path, table: str) -> Path:
    """Where a table's rows are."""
    return place / f"{table}.csv"


def sealed(place: Path, table: str, columns: list[str], rows: int) -> Table:
    """What is to be said of a file that was just written."""
    return Table(rows, _sha256(file_of(place, table)), columns)


def finish(place: Path, manifest: Manifest) -> None:
    """The manifest last: a folder without one is not whole."""
    (place / "README.txt").write_text(ABOUT.replace("{{", "{").replace("}}", "}"), "utf-8")
    (place / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def read(place: Path, known: frozenset[str], tables: dict[str, list[str]]) -> Manifest:
    """The manifest, with every file looked at. FolderError names the file that is not what it must be.

    `known`: the migrations of this version, `tables`: its tables with their columns.
    """
    try:
        file = place / MANIFEST
        if file.stat().st_size > LARGEST_MANIFEST:
            raise FolderError(MANIFEST, 0, "file", "is too large to be one")
        found = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FolderError(MANIFEST, 0, "file", f"cannot be read: {error}") from error
    if (found.product, found.format) != ("Klynge", FORMAT):
        raise FolderError(MANIFEST, 0, "format", f"is {found.product} {found.format}, not Klynge {FORMAT}")
    if differ := sorted(known ^ set(found.schema)):
        why = f"another version wrote it ({differ[-1]}): export with this one, or use `crm backup` and `crm restore`"
        raise FolderError(MANIFEST, 0, "schema", why)
    if differ := sorted(tables.keys() ^ found.tables.keys()):
        raise FolderError(MANIFEST, 0, "tables", f"the table {differ[0]} is only on one side")
    for name, table in found.tables.items():
        if table.columns != tables[name]:
            raise FolderError(f"{name}.csv", 0, "columns", f"must be {', '.join(tables[name])}")
        try:
            seal = _sha256(file_of(place, name))
        except OSError as error:
            raise FolderError(f"{name}.csv", 0, "file", f"cannot be read: {error.strerror}") from error
        if seal != table.sha256:
            raise FolderError(f"{name}.csv", 0, "sha256", "is not the file that was exported")
    return found


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
