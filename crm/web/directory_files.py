"""The directory as a file: exactly what the page shows, the same question in the same order, all of it."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, time
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency

from crm.actions import exports
from crm.actions.exports import Column
from crm.catalogue import Catalogue
from crm.context import Context
from crm.errors import Refused
from crm.i18n import TIME_ZONE, Translator, translator
from crm.reads.directory import Row
from crm.web import csv_files, directory
from crm.web import directory_views as views
from crm.web.directory_opening import opened
from crm.web.directory_views import Address
from crm.web.language import language_of
from crm.web.public import in_each_language

NEWEST = 50
KEPT = {"cache-control": "public, max-age=300"}
NOT_KEPT = {"cache-control": "no-store"}
JSON = "application/json"
ATOM = "application/atom+xml; charset=utf-8"


def columns(t: Translator) -> list[Column]:
    """The headings of a file, in the reader's language."""
    return [
        Column(t.gettext("Name"), width=40),
        Column(t.gettext("Kind of organisation"), width=20),
        Column(t.gettext("Works with"), width=40),
        Column(t.gettext("Place"), width=20),
        Column(t.gettext("County"), width=18),
        Column(t.gettext("Country"), width=14),
        Column(t.gettext("Size"), width=22),
        Column(t.gettext("Networks"), width=50),
        Column(t.gettext("Member since"), "day", 12),
        Column(t.gettext("Website"), width=34),
        Column(t.gettext("About"), width=60),
        Column(t.gettext("Address"), width=50),
    ]


def cells(t: Translator, kept: Catalogue, base: str, row: Row) -> list[Any]:
    """One member's cells, in the order of `columns`."""
    card = views.card(t, kept, row.body)
    networks = "; ".join(_membership(each) for each in card["memberships"])
    return [
        row.name, card["kind"], "; ".join(card["fields"]), card["place"], card["county"], card["country"],
        card["size"], networks, row.joined_on, card["website"], card["summary"], _address(t, base, row),
    ]  # fmt: skip


def as_json(kept: Catalogue, base: str, t: Translator, row: Row) -> dict[str, Any]:
    """One member as programs read it: codes, not words."""
    return {"name": row.name, "url": _address(t, base, row), "member_since": row.joined_on, **row.body}


@get(in_each_language("/members.csv"))
async def as_csv(request: Request, context: NamedDependency[Context]) -> Response[bytes]:
    t, rows, kept = await _all(request, context)
    base = context.settings.base_url
    table = [cells(t, kept, base, row) for row in rows]
    return csv_files.answer(t, _name(context), [each.heading for each in columns(t)], table)


@get(in_each_language("/members.xlsx"))
async def as_xlsx(request: Request, context: NamedDependency[Context]) -> Response[bytes]:
    t, rows, kept = await _all(request, context)

    async def batches() -> AsyncGenerator[Sequence[Sequence[Any]], None]:
        yield [cells(t, kept, context.settings.base_url, row) for row in rows]

    body = exports.of_rows(context, columns(t), batches(), t.gettext("Member directory"))
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{_name(context)}.xlsx"'}
    return Response(b"".join([piece async for piece in body]), media_type=exports.MEDIA["xlsx"], headers=headers)


@get(in_each_language("/members.json"))
async def as_json_file(request: Request, context: NamedDependency[Context]) -> Response[bytes]:
    t, rows, kept = await _all(request, context)
    items = [as_json(kept, context.settings.base_url, t, row) for row in rows]
    return Response(msgspec.json.encode({"items": items}), media_type=JSON, headers=NOT_KEPT)


@get(in_each_language("/members.atom"))
async def as_atom(request: Request, context: NamedDependency[Context]) -> Response[bytes]:
    """The newest members of those asked for, for feed readers (RFC 4287)."""
    address = directory.asked_of(request)
    t = translator(language_of(request))
    async with opened(context) as opening:
        found = await opening.search(msgspec.structs.replace(address.asked, sort="joined", cursor=""))
    body = atom(t, opening.kept, context.settings.base_url, address, found.rows[:NEWEST])
    return Response(body, media_type=ATOM, headers=KEPT)


def atom(t: Translator, kept: Catalogue, base: str, address: Address, rows: Sequence[Row]) -> bytes:
    """The feed: an entry a member, dated the day it joined its first network."""
    here = f"{base}{address.path}.atom" + (f"?{address.query()}" if address.query() else "")
    updated = _moment(rows[0].joined_on) if rows else "2000-01-01T00:00:00Z"
    out = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{t.language}">',
        f"<title>{escape(t.gettext('New members'))}</title><id>{escape(here)}</id><updated>{updated}</updated>",
        f'<link rel="self" href={quoteattr(here)}/><link href={quoteattr(base + address.to())}/>',
        "<author><name>Klynge</name></author>",
    ]
    for row in rows:
        card = views.card(t, kept, row.body)
        said = ". ".join(filter(None, [card["summary"], "; ".join(_membership(m) for m in card["memberships"])]))
        out.append(
            f"<entry><title>{escape(row.name)}</title><id>urn:uuid:{row.organisation_id}</id>"
            f"<link href={quoteattr(_address(t, base, row))}/><updated>{_moment(row.joined_on)}</updated>"
            f"<summary>{escape(said)}</summary></entry>"
        )
    return "\n".join([*out, "</feed>", ""]).encode()


def _moment(day: Any) -> str:
    return datetime.combine(day, time(), TIME_ZONE).isoformat()


def _membership(each: dict[str, Any]) -> str:
    said = [each["tier"], each["why"] if each["linked"] else ""]
    told = ", ".join(filter(None, said))
    name: str = each["face"]["name"]
    return f"{name} ({told})" if told else name


def _address(t: Translator, base: str, row: Row) -> str:
    return f"{base}/{t.language}/members/{row.slug}"


def _name(context: Context) -> str:
    return f"members-{context.clock.today(TIME_ZONE).isoformat()}"


async def _all(request: Request, context: Context) -> tuple[Translator, list[Row], Catalogue]:
    asked = msgspec.structs.replace(directory.asked_of(request).asked, cursor="")
    async with opened(context) as opening:
        rows = [row async for batch in opening.every(asked) for row in batch]
    return translator(language_of(request)), rows, opening.kept


handlers = [
    Router(
        path="/",
        route_handlers=[as_csv, as_xlsx, as_json_file, as_atom],
        exception_handlers={Refused: directory.refused},
        include_in_schema=False,
        opt={"public": True},
    )
]
