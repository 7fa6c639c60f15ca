"""A folder of data files (TOML for networks and rulebooks, CSV for organisations) as checked rows.

The format is described in crm/demo_data/README.md. Every mistake is a FolderError that names the
file, the row and the field; nothing is guessed and nothing is skipped.
"""

import csv
import io
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cluster_rules.errors import RulebookError
from cluster_rules.networks import Rulebook
from crm.folder import (
    AgreedFeeRow,
    AgreementRow,
    ApplicationRow,
    ContactRow,
    Folder,
    FolderError,
    HostRow,
    MembershipRow,
    NetworkFileRow,
    OrganisationRow,
    RoleRow,
    SizeRow,
)
from crm.gateways import rulebook_text
from crm.i18n import translator
from crm.words import refusal

FILE_MAX_BYTES = 50_000_000
FILES = (
    "hosts.toml",
    "networks.toml",
    "agreements.toml",
    "rulebooks",
    "organisations.csv",
    "memberships.csv",
    "contacts.csv",
    "applications.csv",
    "sizes.csv",
    "agreed_fees.csv",
    "roles.csv",
)
# What the decoder says of a day, and what whoever wrote the file can do about it.
_DECODER_DATE, _DATE = "Invalid RFC3339 encoded date", "is not a date; write YYYY-MM-DD"
T = TypeVar("T")


def read(folder: Path) -> Folder:
    """Read and check a whole folder. FolderError on the first mistake; nothing is stored here."""
    if not folder.is_dir():
        raise FolderError(str(folder), 0, "folder", "there is no such folder")
    if not any((folder / name).exists() for name in FILES):
        raise FolderError(str(folder), 0, "folder", f"holds none of the files of an import: {', '.join(FILES)}")
    return Folder(
        hosts=_toml(folder / "hosts.toml", "hosts", HostRow),
        networks=_toml(folder / "networks.toml", "networks", NetworkFileRow),
        agreements=_toml(folder / "agreements.toml", "agreements", AgreementRow),
        rulebooks=[read_rulebook(path) for path in sorted((folder / "rulebooks").glob("*.toml"))],
        organisations=_csv(folder / "organisations.csv", OrganisationRow),
        memberships=_csv(folder / "memberships.csv", MembershipRow),
        contacts=_csv(folder / "contacts.csv", ContactRow),
        applications=_csv(folder / "applications.csv", ApplicationRow),
        sizes=_csv(folder / "sizes.csv", SizeRow),
        agreed_fees=_csv(folder / "agreed_fees.csv", AgreedFeeRow),
        roles=_csv(folder / "roles.csv", RoleRow),
    )


def read_rulebook(path: Path) -> tuple[Rulebook, dict[str, Any]]:
    """One rulebook, checked, with the document as it will be stored."""
    try:
        book = rulebook_text.read(_text(path))
    except RulebookError as error:
        why = error.params.get("message") or refusal(translator("en"), None, error.code, error.params)
        raise FolderError(f"{path.name}, line {error.params['line']}", 0, error.field, why) from error
    return book, msgspec.to_builtins(book)


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise FolderError(path.name, 0, "document", str(error)) from error


def _text(path: Path) -> str:
    if not path.is_file():
        raise FolderError(path.name, 0, "file", "there is no such file")
    if path.stat().st_size > FILE_MAX_BYTES:
        raise FolderError(path.name, 0, "file", f"larger than {FILE_MAX_BYTES} bytes")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FolderError(path.name, 0, "encoding", "not UTF-8") from error


def _toml(path: Path, key: str, kind: type[T]) -> list[T]:
    if not path.exists():
        return []
    found = _document(path).get(key, [])
    return [_convert(path.name, place, row, kind) for place, row in enumerate(found, 1)]


def _csv(path: Path, kind: type[T]) -> list[T]:
    if not path.exists():
        return []
    # Not splitlines(): it also cuts at characters that are no line ends to a spreadsheet.
    lines = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        rows = list(lines)
    except csv.Error as error:
        raise FolderError(path.name, lines.line_num, "row", str(error)) from error
    out = []
    for place, row in enumerate(rows, 2):  # row 1 is the head
        if None in row or None in row.values():
            raise FolderError(path.name, place, "row", "not as many columns as the head")
        out.append(_convert(path.name, place, {k: v for k, v in row.items() if v != ""}, kind))
    return out


def _convert(file: str, place: int, row: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(row, kind, strict=False)
    except msgspec.ValidationError as error:
        why, _, at = str(error).partition(" - at `$")
        field = at.strip("`.") or "row"
        if why == _DECODER_DATE:
            why = f"{row.get(field, 'this')} {_DATE}"
        raise FolderError(file, place, field, why) from error
