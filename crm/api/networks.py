"""Networks, and who their members are on a day."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from cluster_rules import offices
from crm.api import answers, edge, feed, member_files, shapes
from crm.api.operations import PREFIX, Call, Operation
from crm.api.problems import EdgeError
from crm.catalogue import Catalogue, NetworkRow
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import known_names, members, networks

CURSOR_MAX = 200
TAG = N_("Networks")
Cursor = Annotated[str, Meta(max_length=CURSOR_MAX, description="From `next_cursor`; opaque.")]


class NetworkWhen(msgspec.Struct, frozen=True):
    """The day the counts are of, on both clocks."""

    as_of: Annotated[date, Meta(description="The day the counts are of; today when left out.")] | None = None
    known_at: edge.KnownAt | None = None


class NetworkPaging(NetworkWhen, frozen=True, kw_only=True):
    """The list of networks is short; it pages like every other."""

    limit: shapes.Limit = 100
    cursor: Cursor | None = None
    q: Annotated[str, Meta(max_length=100, description="Only those with this text in a name, new or old.")] = ""


class OfficeQuery(msgspec.Struct, frozen=True):
    """Which offices."""

    as_of: Annotated[date, Meta(description="The day they are open; today when left out.")] | None = None
    country: (
        Annotated[str, Meta(pattern="^[A-Z]{2}$", description="Only those that serve this country (ISO 3166).")] | None
    ) = None


class MemberQuery(msgspec.Struct, frozen=True):
    """Which members."""

    as_of: Annotated[date, Meta(description="The day the list is of; today when left out.")] | None = None
    known_at: edge.KnownAt | None = None
    origin: shapes.Origin | None = None
    limit: shapes.Limit = 50
    cursor: Cursor | None = None


class ExportQuery(msgspec.Struct, frozen=True):
    """Which members; the list is today's."""

    origin: shapes.Origin | None = None


FILE_SUMMARIES: dict[member_files.Format, str] = {
    "csv": N_("Who is a member, as CSV"),
    "xlsx": N_("Who is a member, as a spreadsheet (XLSX)"),
    "jsonld": N_("Who is a member, as JSON-LD (schema.org)"),
}


class Office(shapes.Answer, frozen=True):
    """A place where a network can be met, and the countries it serves (ISO 3166; none: everybody)."""

    city: str
    opened_on: date | None
    closed_on: date | None
    host: str
    serves: tuple[str, ...]


class _Position(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a cursor holds: the list it belongs to, its day (null: today's), and the last item given."""

    of: str
    day: date | None
    known_at: datetime | None
    origin: str | None
    after: UUID


async def list_networks(call: Call[NetworkPaging, None]) -> shapes.Page[shapes.Network]:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        after = _slug_in(call.query.cursor)
        found = (n for n in kept.networks if n.slug > after and not n.instance and n.is_called(call.query.q))
        rows = sorted(found, key=lambda n: n.slug)
        shown = rows[: call.query.limit]
        counts = await _counts(call, connection, list(call.actor.sees))
    more = len(rows) > len(shown)
    cursor = urlsafe_b64encode(shown[-1].slug.encode()).decode() if more else None
    if cursor:
        when = {"as_of": call.query.as_of and call.query.as_of.isoformat(), "known_at": call.query.known_at}
        _link_next(call, when | {"limit": str(call.query.limit), "cursor": cursor, "q": call.query.q})
    return shapes.Page([_network(call, kept, n, counts.get(n.id)) for n in shown], cursor, more)


def _slug_in(cursor: str | None) -> str:
    if cursor is None:
        return ""
    try:
        return urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
    except ValueError as error:
        raise EdgeError(422, "cursor", "cursor_invalid") from error


async def _counts(
    call: Call[NetworkWhen, None], connection: Connection, wanted: list[UUID]
) -> dict[UUID, networks.Counts]:
    query, now = call.query, call.context.clock.now()
    if query.as_of is not None:
        edge.day(query.as_of, "as_of", now.date())
    known_at = edge.moment(query.known_at, "known_at", now)
    return await networks.counts(connection, wanted, now, query.as_of, known_at)


async def show_network(call: Call[NetworkWhen, None]) -> shapes.Network:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        row = kept.by_slug.get(call.slug())
        if row is None:
            raise NotFound("slug", call.text("slug"))
        seen = [row.id] if row.id in call.actor.sees else []
        counts = await _counts(call, connection, seen)
    return _network(call, kept, row, counts.get(row.id))


def _network(
    call: Call[NetworkWhen, None], kept: Catalogue, row: NetworkRow, counts: networks.Counts | None
) -> shapes.Network:
    today = call.context.clock.today(row.zone)
    return answers.network(call.t, kept, row.on(call.query.as_of or today), kept.book(row.slug, today), counts)


async def list_offices(call: Call[OfficeQuery, None]) -> shapes.Page[Office]:
    kept = await call.kept()
    row = kept.by_slug.get(call.slug())
    if row is None:
        raise NotFound("slug", call.text("slug"))
    day = call.query.as_of or call.context.clock.today(row.zone)
    edge.day(day, "as_of", call.context.clock.now().date())
    found = offices.open_on(row.offices, day)
    if call.query.country:
        found = offices.serving(found, call.query.country)
    return shapes.Page([msgspec.convert(msgspec.structs.asdict(each), Office) for each in found], None, False)


async def list_members(call: Call[MemberQuery, None]) -> Any:
    query, slug, now = call.query, call.slug(), call.context.clock.now()
    if query.as_of is not None:
        edge.day(query.as_of, "as_of", now.date())
    known_at = edge.moment(query.known_at, "known_at", now)
    start = _position(query, slug, known_at)
    if feed.wants_stream(call):
        return await feed.stream(call, query.origin, [query.as_of, query.known_at, query.cursor])
    if query.as_of is not None or known_at is not None or (start is not None and start.day is not None):
        await _own(call, slug)
    if query.as_of is None and known_at is None and (start is None or start.day is None):
        return await _today(call, slug, start.after if start else None)
    day, after = (start.day, start.after) if start else (query.as_of, members.FIRST)
    async with call.reading() as connection:
        page = await members.page(connection, slug, day, now, query.origin, after, query.limit, known_at)
        listed = await _as_called(connection, page.members, day)
    if page.day is None:
        raise NotFound("slug", slug)
    cursor = None
    if page.more:
        cursor = _cursor(_Position(slug, page.day, known_at, query.origin, page.members[-1].organisation.id))
        when = {"as_of": page.day.isoformat(), "known_at": query.known_at, "origin": query.origin}
        _link_next(call, when | {"limit": str(query.limit), "cursor": cursor})
    return shapes.Page(listed, cursor, page.more)


async def export_members(call: Call[ExportQuery, None]) -> Any:
    return await feed.stream(call, call.query.origin, [])


async def _own(call: Call[MemberQuery, None], slug: str) -> None:
    """Lists of another day are of networks that the key sees; what agreements disclose is of today."""
    kept = await call.kept()
    if slug in kept.by_slug and kept.by_slug[slug].id not in call.actor.sees:
        raise EdgeError(422, "as_of" if call.query.as_of else "known_at", "day_not_kept")


async def _today(call: Call[MemberQuery, None], slug: str, after: UUID | None) -> Any:
    """Today's members as the feed has told them: the changes go on exactly where this list ends."""
    query = call.query
    answer, last = await feed.page(call, query.origin, query.limit, after, query.cursor)
    if answer is None:
        return None
    cursor = _cursor(_Position(slug, None, None, query.origin, last)) if last else None
    if cursor:
        _link_next(call, {"origin": query.origin, "limit": str(query.limit), "cursor": cursor})
    return msgspec.structs.replace(answer, next_cursor=cursor)


async def _as_called(connection: Connection, listed: list[members.Member], day: date | None) -> list[members.Member]:
    """The members under the names they had on the day that was asked for."""
    then = await known_names.on(connection, [m.organisation.id for m in listed], day) if day else {}
    if not then:
        return listed
    out = []
    for member in listed:
        who = member.organisation
        who = msgspec.structs.replace(who, name=then.get(who.id, who.name))
        out.append(msgspec.structs.replace(member, organisation=who))
    return out


def _cursor(position: _Position) -> str:
    return urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def _position(query: MemberQuery, slug: str, known_at: datetime | None) -> _Position | None:
    """Where to go on; a cursor is good only for the list that gave it."""
    if query.cursor is None:
        return None
    try:
        padded = query.cursor + "=" * (-len(query.cursor) % 4)
        found = msgspec.json.decode(urlsafe_b64decode(padded.encode("ascii")), type=_Position)
    except (ValueError, msgspec.MsgspecError) as error:
        raise EdgeError(422, "cursor", "cursor_invalid") from error
    if (found.of, found.known_at, found.origin) != (slug, known_at, query.origin) or query.as_of not in (
        None,
        found.day,
    ):
        raise EdgeError(422, "cursor", "cursor_invalid")
    return found


def _link_next(call: Call[Any, None], parameters: dict[str, str | None]) -> None:
    path = call.operation.path.replace("{slug}", call.request.path_params.get("slug", ""))
    call.headers["link"] = edge.next_link(f"{PREFIX}{path}", parameters)


operations = (
    Operation(
        id="list_networks",
        method="GET",
        path="/networks",
        tag=TAG,
        summary=N_("All networks"),
        description=N_(
            "Levels with their fees, link rules in words and as data, and how many members there are: today, on "
            "another day, or as it was known at a moment."
        ),
        query=NetworkPaging,
        answer=shapes.Page[shapes.Network],
        listing=True,
        run=list_networks,
    ),
    Operation(
        id="show_network",
        method="GET",
        path="/networks/{slug}",
        tag=TAG,
        summary=N_("One network"),
        query=NetworkWhen,
        answer=shapes.Network,
        etag=True,
        run=show_network,
    ),
    Operation(
        id="list_offices",
        method="GET",
        path="/networks/{slug}/offices",
        tag=TAG,
        summary=N_("A network's offices on a day, and whom they serve"),
        query=OfficeQuery,
        answer=shapes.Page[Office],
        listing=True,
        run=list_offices,
    ),
    Operation(
        id="list_members",
        method="GET",
        path="/networks/{slug}/members",
        tag=TAG,
        summary=N_("A network's members on a day"),
        description=N_(
            "In the order of ids, a page at a time; with `as_of` or `known_at`, the day stays the same on every page. "
            "Without, the first page has `as_of_cursor`: page to the end, then follow the changes from there, and "
            "nothing is lost while others write. `Accept: application/x-ndjson` streams all of today's list, one "
            "member a line, with that cursor in the header `Klynge-As-Of-Cursor`. A partner's key reads its own "
            "network in full, and of other networks only what agreements disclose to its own."
        ),
        query=MemberQuery,
        answer=shapes.MemberPage,
        listing=True,
        packs=True,
        streams=tuple(member_files.MEDIA.values()),
        tagged=True,
        run=list_members,
    ),
    *(
        Operation(
            id=f"export_members_{kind}",
            method="GET",
            path=f"/networks/{{slug}}/members.{kind}",
            tag=TAG,
            summary=summary,
            description=N_("All of today's list, with the name of the network and the day as the file's name."),
            query=ExportQuery,
            answer=str,
            file=member_files.MEDIA[kind],
            tagged=True,
            run=export_members,
        )
        for kind, summary in FILE_SUMMARIES.items()
    ),
)
