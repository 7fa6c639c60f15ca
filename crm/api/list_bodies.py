"""A list in the body of a request, as JSON, as one JSON object a line (NDJSON) or as CSV: rows, each readable or not.

A body that cannot be read at all is refused; a row that cannot be read is a row that is refused, and the others are
taken. NDJSON and CSV are read as they arrive.
"""

import csv
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
from litestar import Request

from crm import listed
from crm.api import edge
from crm.api.problems import EdgeError
from crm.identifiers import SCHEMES
from crm.listed import Listed, Sent

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
MAX_BODY = 32 * 1024 * 1024
LINE_MAX = 16 * 1024  # bytes of one row
MESSAGE_MAX = 120  # of a decoder's own words
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LISTED = msgspec.json.Decoder(Listed)
_COLUMNS = frozenset(Listed.__struct_fields__) - {"identifiers"} | frozenset(SCHEMES)


class MemberListForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The members as the sender's own system has them; each is described as `MemberListEntry`."""

    members: list[dict[str, Any]]


class _Members(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    members: list[msgspec.Raw]


async def read(request: Request) -> list[Sent]:
    """The rows of the body, checked one by one. EdgeError 400, 415, 422."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == NDJSON:
        return [_of_json(line) async for line in _lines(request) if line.strip()]
    if media == CSV:
        return [_of_cells(cells) for cells in _cells([line async for line in _lines(request)])]
    body = await edge.body(request, _Members)
    _few_enough(len(body.members))
    return [_of_json(bytes(raw)) for raw in body.members]


def _few_enough(rows: int) -> None:
    if rows > listed.MOST_ROWS:
        raise EdgeError(422, "members", "too_many", limit=listed.MOST_ROWS)


async def _lines(request: Request) -> AsyncIterator[bytes]:
    """The body's lines as they arrive, none longer than a row may be, no more of them than a list may have."""
    rest, count = b"", 0
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_MAX:
            raise EdgeError(422, f"members.{count}", "line_too_long", limit=LINE_MAX)
        for line in whole:
            count += 1
            _few_enough(count - 1)  # a CSV file has a line with its columns before the rows
            yield line.removesuffix(b"\r")
    if rest:
        yield rest.removesuffix(b"\r")


def _of_json(raw: bytes) -> Sent:
    """The decoder stops at the first field that is wrong: only a second look tells whether the rest is JSON at all."""
    try:
        return listed.check(_LISTED.decode(raw))
    except msgspec.ValidationError as error:
        wrong = error
    except _NO_JSON as error:
        return _malformed(error)
    try:
        return listed.refused(_external_id(raw), edge.told(wrong).problems)
    except _NO_JSON as error:
        return _malformed(error)


def _malformed(error: Exception) -> Sent:
    return listed.refused("", [("row", "body_malformed", {"message": str(error)[:MESSAGE_MAX]})])


def _external_id(raw: bytes) -> str:
    """As far as it can be made out, so that the sender finds the row."""
    found = msgspec.json.decode(raw)
    told = found.get("external_id", "") if isinstance(found, dict) else ""
    return told if isinstance(told, str) else ""


def _cells(lines: list[bytes]) -> Iterator[dict[str, str] | None]:
    """Each row as {column: cell}, empty cells left out; None when it has more cells than there are columns."""
    try:
        text = [line.decode("utf-8-sig" if n == 0 else "utf-8") + "\n" for n, line in enumerate(lines)]
    except UnicodeDecodeError as error:
        raise EdgeError(422, "body", "csv_unreadable", message=str(error)[:MESSAGE_MAX]) from error
    if not text or not text[0].strip():
        raise EdgeError(422, "body", "csv_unreadable", message="no line with the names of the columns")
    separator = ";" if text[0].count(";") > text[0].count(",") else ","
    reader = csv.reader(text, delimiter=separator, strict=True)
    try:
        columns = [name.strip() for name in next(reader)]
        unknown = next((name for name in columns if name not in _COLUMNS), None)
        if unknown is not None or len(set(columns)) != len(columns):
            raise EdgeError(422, unknown or columns[0] or "body", "column_unknown", known=", ".join(sorted(_COLUMNS)))
        for row in reader:
            if any(cell.strip() for cell in row):
                cells = dict(zip(columns, row, strict=False))
                yield {n: c.strip() for n, c in cells.items() if c.strip()} if len(row) <= len(columns) else None
    except csv.Error as error:
        raise EdgeError(422, "body", "csv_unreadable", message=str(error)[:MESSAGE_MAX]) from error


def _of_cells(cells: dict[str, str] | None) -> Sent:
    if cells is None:
        return listed.refused("", [("row", "cells_too_many", {})])
    told: dict[str, Any] = {name: cell for name, cell in cells.items() if name not in SCHEMES}
    told["identifiers"] = [{"scheme": scheme, "value": cells[scheme]} for scheme in SCHEMES if scheme in cells]
    try:
        return listed.check(msgspec.convert(told, Listed, strict=False))
    except msgspec.ValidationError as error:
        return listed.refused(cells.get("external_id", ""), edge.told(error).problems)
