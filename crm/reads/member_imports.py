"""Imports of members as they are shown: a network's list, one with its figures, and its rows with their verdicts."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.import_columns import ColumnMapping, Found
from crm.import_rows import Problem
from crm.import_verdicts import Difference

SHOWN = ("all", "refused", "new", "change", "same", "left_out", "stays")


class Import(msgspec.Struct, frozen=True):
    """One import; `counts` as `crm.import_counts.Counts` tells them."""

    id: UUID
    network_id: UUID
    name: str
    format: str
    size: int
    status: str
    found: Found | None
    mapping: ColumnMapping
    counts: dict[str, Any]
    problem: dict[str, Any] | None
    total: int
    done: int
    created_by: str
    created_at: datetime
    confirmed_by: str
    confirmed_at: datetime | None
    finished_at: datetime | None
    undone_by: str
    undone_at: datetime | None

    @property
    def verdicts(self) -> dict[str, int]:
        """How many rows there are of each verdict."""
        return dict(self.counts.get("verdicts", {}))


class Detail(msgspec.Struct, frozen=True):
    """Why a row has its verdict, and what it would make."""

    problems: tuple[Problem, ...] = ()
    differences: tuple[Difference, ...] = ()
    hints: tuple[Problem, ...] = ()
    links: tuple[dict[str, str], ...] = ()
    level: str = ""
    joined: str = ""
    opening: int = 0
    left_out: str = ""
    status: str = ""


class Row(msgspec.Struct, frozen=True):
    """A row; `stays`: after an undo, what was not taken back and why."""

    number: int
    verdict: str
    name: str
    identifier: str
    organisation_id: UUID | None
    detail: Detail
    stays: tuple[str, ...] = ()


_IMPORT = """
select id, network_id, name, format, size, status, found, mapping, counts, problem, total, done, created_by, created_at,
    confirmed_by, confirmed_at, finished_at, undone_by, undone_at
from member_import
"""


async def of_network(connection: Connection, network: UUID, limit: int = 50) -> list[Import]:
    """The newest first."""
    rows = await connection.fetch(
        f"{_IMPORT} where network_id = $1 and status <> 'dropped' order by created_at desc limit $2", network, limit
    )
    return [_import(row) for row in rows]


async def one(connection: Connection, wanted: UUID) -> Import | None:
    """One that the reader may see."""
    row = await connection.fetchrow(f"{_IMPORT} where id = $1", wanted)
    return _import(row) if row else None


def _import(row: Any) -> Import:
    values = dict(row)
    values["found"] = values["found"] or None
    return msgspec.convert(values, Import)


async def rows(connection: Connection, wanted: UUID, shown: str, after: int, limit: int) -> list[Row]:
    """Rows of one verdict (or `all`; `stays`: those an undo left something of), in the order of the file."""
    found = await connection.fetch(
        "select number, verdict, name, identifier, organisation_id, detail, coalesce(made -> 'stays', '[]') as stays"
        " from member_import_row where import_id = $1 and number > $3 and case $2 when 'all' then true"
        " when 'stays' then made -> 'stays' <> '[]' else verdict = $2 end order by number limit $4",
        wanted,
        shown,
        after,
        limit,
    )
    return [msgspec.convert(dict(row), Row) for row in found]


async def words_for_levels(connection: Connection, wanted: UUID) -> list[str]:
    """What the file calls levels, as far as its rows were looked at."""
    counts = await connection.fetchval("select counts from member_import where id = $1", wanted)
    return sorted((counts or {}).get("levels", {}))
