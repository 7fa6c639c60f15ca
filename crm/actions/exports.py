"""Lists of members that somebody takes along as a file: written while they are read, and kept that they were taken."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from uuid import UUID

from crm.actor import Actor
from crm.context import Context
from crm.gateways import member_files, sheets
from crm.gateways.member_files import MEDIA, Kind
from crm.gateways.sheets import About, Column
from crm.store import audit

PRODUCT = "Klynge"


def of_members(
    context: Context, kind: Kind, lines: AsyncGenerator[bytes, None], title: str, names: Mapping[str, str]
) -> AsyncGenerator[bytes, None]:
    """Members that come as JSON lines as such a file."""
    return member_files.written(kind, lines, About(title, PRODUCT, context.clock.now()), names)


def of_rows(context: Context, columns: Sequence[Column], rows: sheets.Rows, title: str) -> AsyncGenerator[bytes, None]:
    """A table as somebody sees it on a page, as a spreadsheet (XLSX)."""
    return sheets.as_xlsx(columns, rows, About(title, PRODUCT, context.clock.now()))


async def taken(context: Context, actor: Actor, network: UUID, kind: str, asked: Mapping[str, object]) -> None:
    """Keep who took which list of the network along, before it is sent."""
    async with context.db.tx() as connection:
        await audit.append(connection, actor, "members_exported", {"kind": kind, **asked}, network)


__all__ = ["MEDIA", "Column", "Kind", "of_members", "of_rows", "taken"]
