"""The audit trail of a network: who did what, by which way, what stood before; as files; and whether it is whole."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm import audit_words
from crm.actions import audit as actions
from crm.actions import exports
from crm.actions.exports import Column
from crm.i18n import Translator
from crm.reads import audit as reads
from crm.reads.audit import NEWEST, Entry, Wanted
from crm.web import csv_files, timeline_words
from crm.web.fields import day_of
from crm.web.office import Office, routes, show
from crm.web.session import NOT_KEPT

PATH = "/setup/audit"
PAGE = 50
LONGEST_TEXT = 100
CHANNELS = ("web", "member", "api", "cli", "import", "job")
HASH_SHOWN = 12
_NAMES = ("q", "action", "channel", "from", "to")


@get(PATH, include_in_schema=False)
async def show_audit(request: Request, office: NamedDependency[Office]) -> Response[str]:
    asked = asked_of(request)
    older = request.query_params.get("before", "")
    before = int(older) if older.isascii() and older.isdigit() and len(older) <= 18 else NEWEST
    async with office.context.db.reading(office.actor.sees) as connection:
        rows = await reads.page(connection, wanted_of(office, asked), before, PAGE + 1)
        kinds = await reads.actions(connection, office.network.id)
    checked = await actions.check(office.context) if "check" in request.query_params else None
    shown = {
        "rows": [_entry(office, row) for row in rows[:PAGE]],
        "asked": asked,
        "typed": {name: asked.get(name, "") for name in _NAMES},
        "kinds": sorted(
            ({"value": each, "label": audit_words.sentence(office.t, each)} for each in kinds),
            key=lambda choice: choice["label"],
        ),
        "channels": [{"value": each, "label": timeline_words.channel(office, each)} for each in CHANNELS],
        "query": urlencode(asked),
        "older": rows[PAGE - 1].seq if len(rows) > PAGE else None,
        "newest": before == NEWEST,
        "chain": checked or await actions.head(office.context),
        "checked": checked is not None,
    }
    return await show(request, office, "office/audit.html", "audit", **shown)


@get(PATH + "/export.csv", include_in_schema=False)
async def export_csv(request: Request, office: NamedDependency[Office]) -> Response[bytes]:
    rows = [row async for batch in _taken(request, office, "csv") for row in batch]
    return csv_files.answer(office.t, _name(office), [each.heading for each in _columns(office)], rows)


@get(PATH + "/export.xlsx", include_in_schema=False)
async def export_xlsx(request: Request, office: NamedDependency[Office]) -> Response[bytes]:
    title = office.t.gettext("Audit trail of %(network)s", network=office.face(office.network)["name"])
    body = exports.of_rows(office.context, _columns(office), _taken(request, office, "xlsx"), title)
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{_name(office)}.xlsx"'}
    return Response(b"".join([piece async for piece in body]), media_type=exports.MEDIA["xlsx"], headers=headers)


handlers = [routes(show_audit, export_csv, export_xlsx)]


def asked_of(request: Request) -> dict[str, str]:
    """What the address asks for, without what it leaves open."""
    found = {name: request.query_params.get(name, "").strip()[:LONGEST_TEXT] for name in _NAMES}
    return {name: text for name, text in found.items() if text}


def wanted_of(office: Office, asked: Mapping[str, str]) -> Wanted:
    """The same for the database; a day that is none is not asked for. The last day counts whole."""
    last = day_of(asked.get("to", ""))
    return Wanted(
        office.network.id,
        asked.get("q", ""),
        asked.get("action", ""),
        asked.get("channel", ""),
        _begins(office, day_of(asked.get("from", ""))),
        _begins(office, last + timedelta(days=1) if last and last < date.max else None),
    )


def _begins(office: Office, day: date | None) -> datetime | None:
    return datetime(day.year, day.month, day.day, tzinfo=office.network.zone) if day else None


def _entry(office: Office, row: Entry) -> dict[str, Any]:
    """One row of the page: what was changed as before and after, and what else was written down."""
    t = office.t
    changes = row.detail.get("changes")
    pairs = [(name, pair) for name, pair in changes.items() if len(pair) == 2] if isinstance(changes, dict) else []
    return {
        "seq": row.seq,
        "at": row.recorded_at,
        "actor": row.actor,
        "channel": timeline_words.channel(office, row.channel),
        "what": audit_words.sentence(t, row.action),
        "organisation": row.organisation,
        "href": f"{office.base}/members/{row.organisation_id}" if row.organisation_id else "",
        "changes": [
            (_label(t, name), timeline_words.value(t, name, old), timeline_words.value(t, name, new))
            for name, (old, new) in pairs
        ],
        "details": [
            (_label(t, name), _said(t, name, value))
            for name, value in row.detail.items()
            if not (name == "changes" and pairs) and value not in (None, "", [], {})
        ],
        "hash": row.hash[:HASH_SHOWN],
    }


def _label(t: Translator, name: str) -> str:
    return t.gettext(timeline_words.FIELDS[name]) if name in timeline_words.FIELDS else name.replace("_", " ")


def _said(t: Translator, name: str, value: Any) -> str:
    """What was written down, as text; what has parts in itself stays the JSON it is."""
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()[: timeline_words.LONGEST_VALUE]
    return timeline_words.value(t, name, value)


async def _taken(request: Request, office: Office, kind: str) -> AsyncGenerator[list[Sequence[Any]], None]:
    """Everything that the page's filter finds; that it was taken along is the newest entry of the trail after it."""
    asked = asked_of(request)
    await actions.taken(office.context, office.actor, office.network.id, kind, asked)
    async with (
        office.context.db.reading(office.actor.sees) as connection,
        aclosing(reads.every(connection, wanted_of(office, asked))) as batches,
    ):
        async for batch in batches:
            yield [_row(office, row) for row in batch]


def _row(office: Office, row: Entry) -> Sequence[Any]:
    return (
        row.seq,
        row.recorded_at.isoformat(),
        row.actor,
        timeline_words.channel(office, row.channel),
        row.action,
        audit_words.sentence(office.t, row.action),
        row.organisation,
        str(row.organisation_id or ""),
        str(row.subject_id or ""),
        msgspec.json.encode(row.detail).decode(),
        row.hash,
    )


def _name(office: Office) -> str:
    return f"{office.network.slug}-audit-{office.today.isoformat()}"


def _columns(office: Office) -> list[Column]:
    t = office.t
    return [
        Column(t.gettext("Number"), "number", 10),
        Column(t.gettext("Moment"), width=30),
        Column(t.gettext("Who"), width=24),
        Column(t.gettext("By which way")),
        Column(t.gettext("Code"), width=24),
        Column(t.gettext("What happened"), width=36),
        Column(t.gettext("Organisation"), width=36),
        Column(t.gettext("ID of the organisation"), width=38),
        Column(t.gettext("ID of what it is about"), width=38),
        Column(t.gettext("Written down"), width=60),
        Column(t.gettext("Hash"), width=66),
    ]
