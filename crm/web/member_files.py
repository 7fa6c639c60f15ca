"""The member list as a file: exactly what is on the screen, the same filter in the same order, on all pages of it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm.actions import exports
from crm.actions.exports import Column
from crm.reads import known_names
from crm.reads import office as reads
from crm.web import csv_files, members
from crm.web.fields import When, when_of
from crm.web.office import Office, reading
from crm.web.session import NOT_KEPT


@get("/members/export.csv", include_in_schema=False)
async def export_csv(request: Request, office: NamedDependency[Office]) -> Response[bytes]:
    name, table = await _table(request, office, "csv")
    return csv_files.answer(office.t, name, [each.heading for each in _columns(office)], table)


@get("/members/export.xlsx", include_in_schema=False)
async def export_xlsx(request: Request, office: NamedDependency[Office]) -> Response[bytes]:
    name, table = await _table(request, office, "xlsx")
    title = office.t.gettext("Members of %(network)s", network=office.face(office.network)["name"])
    body = exports.of_rows(office.context, _columns(office), _batches(table), title)
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{name}.xlsx"'}
    content = b"".join([piece async for piece in body])
    return Response(content, media_type=exports.MEDIA["xlsx"], headers=headers)


handlers = [reading(export_csv, export_xlsx)]


async def _table(request: Request, office: Office, kind: str) -> tuple[str, list[Sequence[Any]]]:
    """The file's name, of the network and the day, and the rows; who takes it along is kept."""
    when = when_of(request, office.today)
    wanted = members.filters_of(request, office, when.day)
    rows = [row async for batch in _listed(office, when, wanted) for row in batch]
    asked = {"day": when.day.isoformat(), "members": len(rows), **_narrowed(wanted)}
    await exports.taken(office.context, office.actor, office.network.id, kind, asked)
    states, origins = members.state_words(office.t), members.origin_words(office.t)
    table = [
        (
            row.name,
            office.tier(row.tier),
            states[row.state],
            row.since,
            row.ends_on,
            origins[row.origin],
            row.county,
            str(row.id),
        )
        for row in rows
    ]
    return f"{office.network.slug}-{when.day.isoformat()}", table


async def _listed(office: Office, when: When, wanted: reads.Filters) -> AsyncGenerator[Sequence[reads.Member], None]:
    """All pages of the list, under the names of the day."""
    day, known_at = when.day, when.known_at(office.network.zone)
    async with office.context.db.reading(office.actor.sees) as connection:
        every = reads.every_member(connection, office.network.id, day, office.tiers(), wanted, known_at)
        async with aclosing(every):
            found = [batch async for batch in every]
        for batch in found:
            then: Mapping[Any, str] = {}
            if day != office.today:
                then = await known_names.on(connection, [row.organisation_id for row in batch], day)
            yield [msgspec.structs.replace(row, name=then.get(row.organisation_id, row.name)) for row in batch]


def _narrowed(wanted: reads.Filters) -> dict[str, Any]:
    """What the list was narrowed to, as the audit trail keeps it."""
    said = {"text": wanted.text, "tiers": wanted.tiers, "origins": wanted.origins, "states": wanted.states}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items() if value}


def _columns(office: Office) -> list[Column]:
    t = office.t
    return [
        Column(t.gettext("Name"), width=40),
        Column(t.gettext("Level"), width=24),
        Column(t.gettext("Status")),
        Column(t.gettext("Since"), "day", 12),
        Column(t.gettext("No longer a member from"), "day", 24),
        Column(t.gettext("Origin"), width=18),
        Column(t.gettext("County"), width=18),
        Column("ID", width=38),
    ]


async def _batches(table: list[Sequence[Any]]) -> AsyncGenerator[list[Sequence[Any]], None]:
    yield table
