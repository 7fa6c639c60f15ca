"""The member list as a file: exactly what is on the screen, the same filter in the same order, on all pages of it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm.actions import exports
from crm.actions.exports import Column
from crm.custom_values import Definition
from crm.reads import member_search as reads
from crm.reads.member_search import Filters, Member
from crm.web import amounts, csv_files, custom_words, member_filters, members, selections
from crm.web.member_filters import Asked, Marks
from crm.web.office import Office, reading
from crm.web.selections import Selection
from crm.web.session import NOT_KEPT

_TOLD = {"tier": "tiers", "origin": "origins", "state": "states"}  # what the audit trail calls them
_KINDS = {"number": "number", "money": "number", "day": "day"}


class Sheet(msgspec.Struct, frozen=True):
    """A file's name without its ending, its columns and its rows."""

    name: str
    columns: Sequence[Column]
    rows: list[Sequence[Any]]


@get("/members/export.csv", include_in_schema=False)
async def export_csv(request: Request, office: NamedDependency[Office]) -> Response[bytes]:
    sheet = await _sheet(request, office, "csv")
    return csv_files.answer(office.t, sheet.name, [each.heading for each in sheet.columns], sheet.rows)


@get("/members/export.xlsx", include_in_schema=False)
async def export_xlsx(request: Request, office: NamedDependency[Office]) -> Response[bytes]:
    sheet = await _sheet(request, office, "xlsx")
    title = office.t.gettext("Members of %(network)s", network=office.face(office.network)["name"])
    body = exports.of_rows(office.context, sheet.columns, _batches(sheet.rows), title)
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{sheet.name}.xlsx"'}
    content = b"".join([piece async for piece in body])
    return Response(content, media_type=exports.MEDIA["xlsx"], headers=headers)


handlers = [reading(export_csv, export_xlsx)]


async def _sheet(request: Request, office: Office, kind: str) -> Sheet:
    """What the address asks for, or the members it has selected; who takes it along is kept."""
    chosen = request.query_params.get("selection")
    selection = selections.read(chosen) if chosen else None
    wanted = await selections.members_of(office, selection) if selection else None
    async with office.context.db.reading(office.actor.sees) as connection:
        known = await member_filters.marks(connection, office)
        asked = member_filters.read(_pairs(request, selection), office, known)
        search = members.searched(office, asked, known)
        if wanted is not None:
            search = msgspec.structs.replace(search, only=tuple(wanted), filters=Filters(standing=reads.STATES))
        listed: list[Member] = []
        async with aclosing(reads.every_member(connection, search, asked.order)) as batches:
            async for batch in batches:
                listed += await members.named(connection, batch, search.day, office.today)
    told = {"day": asked.when.day.isoformat(), "members": len(listed), **_narrowed(asked, selection)}
    await exports.taken(office.context, office.actor, office.network.id, kind, told)
    name = f"{office.network.slug}-{asked.when.day.isoformat()}"
    rows = [_row(office, row, known, search.currency) for row in listed]
    return Sheet(name, _columns(office, known.fields, search.currency), rows)


def _pairs(request: Request, selection: Selection | None) -> list[tuple[str, str]]:
    return selections.pairs_of(selection) if selection else members.pairs_of(request)


def _row(office: Office, row: Member, known: Marks, currency: str) -> Sequence[Any]:
    t = office.t
    person = known.person(row.responsible)
    ours = [office.kept.by_id[each.network_id] for each in row.networks if each.network_id in office.kept.by_id]
    networks = [office.face(each)["name"] for each in ours]
    return (
        row.name,
        office.tier(row.tier) if row.tier else "",
        members.state_words(t)[row.state],
        members.origin_words(t)[row.origin],
        "; ".join(networks),
        row.since,
        row.ends_on,
        None if row.fee is None else amounts.decimal(row.fee, currency),
        amounts.decimal(row.owed, currency),
        amounts.decimal(row.overdue, currency),
        row.last_contact,
        "; ".join(tag.name for each in row.tags if (tag := known.tag(each))),
        person.name if person else "",
        members.labels(office, "county", known)(row.county) if row.county else "",
        str(row.id),
        *(custom_words.cell(field, row.fields.get(field.code), t, currency) for field in known.fields),
    )


def _narrowed(asked: Asked, selection: Selection | None) -> dict[str, Any]:
    """What the list was narrowed to, as the audit trail keeps it."""
    if selection and selection.ids is not None:
        return {"selected": len(selection.ids)}
    f = asked.filters
    said: dict[str, Any] = {"text": f.text} if f.text else {}
    said |= {_TOLD.get(name, name): list(value) for name, value in f.picked.items()}
    said |= {f"f.{code}": asked_of.get("typed") or list(asked_of["is"]) for code, asked_of in f.fields.items()}
    return said | {name: getattr(f, name).isoformat() for name in member_filters.DATES if getattr(f, name)}


def _columns(office: Office, fields: Sequence[Definition], currency: str) -> list[Column]:
    t = office.t
    return [
        Column(t.gettext("Name"), width=40),
        Column(t.gettext("Level"), width=24),
        Column(t.gettext("Status")),
        Column(t.gettext("Origin"), width=18),
        Column(t.gettext("Networks"), width=40),
        Column(t.gettext("Since"), "day", 12),
        Column(t.gettext("No longer a member from"), "day", 24),
        Column(t.gettext("Fee a year (%(currency)s)", currency=currency), "number", 18),
        Column(t.gettext("Balance (%(currency)s)", currency=currency), "number", 18),
        Column(t.gettext("Overdue (%(currency)s)", currency=currency), "number", 18),
        Column(t.gettext("Last contact"), "day", 14),
        Column(t.gettext("Tags"), width=24),
        Column(t.gettext("Looked after by"), width=24),
        Column(t.gettext("County"), width=18),
        Column("ID", width=38),
        *(Column(t.text(each.names), _KINDS.get(each.kind, "text"), 20) for each in fields),
    ]


async def _batches(table: list[Sequence[Any]]) -> AsyncGenerator[list[Sequence[Any]], None]:
    yield table
