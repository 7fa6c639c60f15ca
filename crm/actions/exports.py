"""Lists of members that somebody takes along as a file: written while they are read, and kept that they were taken."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal
from uuid import UUID

from crm.actor import Actor
from crm.context import Context
from crm.gateways import member_files, sheets
from crm.gateways.member_files import MEDIA, Kind
from crm.gateways.sheets import About, Column, Sheet
from crm.store import audit

PRODUCT = "Klynge"
# What a report's columns are (crm/reports.py) -> what a spreadsheet's are.
KINDS: dict[str, Literal["text", "day", "number"]] = {
    "text": "text", "day": "day", "number": "number", "money": "number", "share": "number", "days": "number",
}  # fmt: skip


def of_members(
    context: Context, kind: Kind, lines: AsyncGenerator[bytes, None], title: str, names: Mapping[str, str]
) -> AsyncGenerator[bytes, None]:
    """Members that come as JSON lines as such a file."""
    return member_files.written(kind, lines, About(title, PRODUCT, context.clock.now()), names)


def of_rows(context: Context, columns: Sequence[Column], rows: sheets.Rows, title: str) -> AsyncGenerator[bytes, None]:
    """A table as somebody sees it on a page, as a spreadsheet (XLSX)."""
    return sheets.as_xlsx(columns, rows, About(title, PRODUCT, context.clock.now()))


def of_table(
    context: Context, kind: str, columns: Sequence[Column], rows: sheets.Rows, title: str
) -> AsyncGenerator[bytes, None]:
    """A table for programs, as CSV or XLSX."""
    if kind == "csv":
        return sheets.as_csv(columns, rows)
    return of_rows(context, columns, rows, title)


async def taken(context: Context, actor: Actor, network: UUID, kind: str, asked: Mapping[str, object]) -> None:
    """Keep who took which list of the network along, before it is sent."""
    async with context.db.tx() as connection:
        await audit.append(connection, actor, "members_exported", {"kind": kind, **asked}, network)


__all__ = ["KINDS", "MEDIA", "Column", "Kind", "Sheet", "of_members", "of_rows", "of_table", "taken"]
