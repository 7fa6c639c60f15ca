"""SCIM 2.0 (RFC 7643, 7644, 9865): today's members as `Membership` resources, for programs that speak it already.

`/scim/v2` is of the key's own networks; `/scim/v2/agreements/{agreement}` of what another network discloses to them.
It is a facade: what is read comes from the same rows as the native list, what is written goes through the same
actions (crm/api/scim_writes.py). docs/sync.md says what maps to what.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, cast
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler, route

from crm import cursors, scim_filter
from crm.api import edge, scim_resources, scim_writes
from crm.api.scim_asked import Asked, answer, asked, body_of
from crm.api.scim_errors import ScimError
from crm.api.scim_resources import Selection
from crm.api.scim_schema import (
    DEFAULT_ON_A_PAGE,
    ENDPOINT,
    MESSAGES,
    MOST_ON_A_PAGE,
    RESOURCE,
    SCHEMA,
    Json,
    listed,
    resource_type,
    schemas,
    service,
)
from crm.reads import scim as reads

PREFIX = "/scim/v2"
SHARED = PREFIX + "/agreements/{agreement:str}"
MOST_PARAMETERS = 20
_SEARCH = frozenset({"schemas", "filter", "startindex", "count", "cursor", "attributes", "excludedattributes"})


class Search(msgspec.Struct, frozen=True):
    """What a list is asked for. `cursor`: "" begins a list that is paged by cursor, None pages by index."""

    filter: str = ""
    start: int = 1
    count: int = DEFAULT_ON_A_PAGE
    cursor: str | None = None
    selection: Selection = Selection()


class _Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a cursor holds: the list it belongs to, and the last member given."""

    of: str
    scope: UUID
    organisation: UUID


# --- lists


async def list_memberships(request: Request) -> Response[bytes]:
    """GET: by the query string."""
    return await _list(await asked(request), _search(_query(request)))


async def search(request: Request) -> Response[bytes]:
    """POST .search: the same, by a body."""
    who = await asked(request)
    given = await body_of(request, MESSAGES + "SearchRequest")
    return await _list(who, _search(given))


async def _list(who: Asked, search: Search) -> Response[bytes]:
    tree = _tree(search.filter)
    scope = await who.scope()
    of = cursors.fingerprint(search.filter, *scope.ids)
    after = _read_cursor(search.cursor, of) if search.cursor else None
    async with who.reading() as connection:
        try:
            total = await reads.count(connection, scope, tree)
            by_index = search.cursor is None
            skip = search.start - 1 if by_index else 0
            rows = await reads.page(connection, scope, tree, search.count + 1, skip, after) if search.count else []
        except reads.UnknownAttribute as error:
            raise ScimError(400, "invalidFilter", str(error)) from error
        except reads.TooMuch as error:
            raise ScimError(400, "tooMany", "That takes too long. Ask for less, or follow the changes.") from error
    await who.disclosed(scope, rows[: search.count])
    shown = [scim_resources.shown(who.base, row, search.selection) for row in rows[: search.count]]
    found = listed(shown, total, search.start)
    if not by_index:
        del found["startIndex"]
        if len(rows) > search.count:
            last = rows[search.count - 1]
            found["nextCursor"] = _cursor(_Place(of, last.scope, last.organisation_id))
    return answer(found)


def _tree(text: str) -> scim_filter.Tree | None:
    if not text:
        return None
    try:
        return scim_filter.parse(text, SCHEMA)
    except scim_filter.FilterError as error:
        raise ScimError(400, "invalidFilter", str(error)) from error


def _query(request: Request) -> Json:
    """The parameters, each at most once; lists of attributes are parted by commas."""
    raw = request.scope.get("query_string", b"")
    try:
        pairs = parse_qsl(raw.decode("ascii"), True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError as error:
        raise ScimError(400, "invalidSyntax", "The query string cannot be read.") from error
    out: Json = {}
    for name, value in pairs:
        if name in out:
            raise ScimError(400, "invalidSyntax", f"{name[:60]} is given twice.")
        parted = name.lower() in ("attributes", "excludedattributes")
        out[name] = [each.strip() for each in value.split(",")] if parted else value
    return out


def _search(given: Json) -> Search:
    named = {name.lower(): value for name, value in given.items()}
    if unknown := sorted(named.keys() - _SEARCH):
        raise ScimError(400, "invalidValue", f"{unknown[0][:60]} is not supported; there are {', '.join(_LISTED)}.")
    if "cursor" in named and "startindex" in named:
        raise ScimError(400, "invalidValue", "Either cursor or startIndex, not both.")
    count = _number(named, "count", DEFAULT_ON_A_PAGE)
    if "cursor" in named and count < 1:
        raise ScimError(400, "invalidCount", "With a cursor, count is at least 1.")
    return Search(
        _text(named, "filter") or "",
        max(_number(named, "startIndex", 1), 1),
        min(max(count, 0), MOST_ON_A_PAGE),
        _text(named, "cursor"),
        selection_of(named),
    )


_LISTED = ("filter", "startIndex", "count", "cursor", "attributes", "excludedAttributes")


def selection_of(named: Json) -> Selection:
    """Which attributes are wanted."""
    only, without = named.get("attributes"), named.get("excludedattributes")
    if only and without:
        raise ScimError(400, "invalidValue", "Either attributes or excludedAttributes, not both.")
    try:
        return Selection.of(only or (), without or ())
    except ValueError as error:
        raise ScimError(400, "invalidValue", str(error)) from error


def _text(named: Json, name: str) -> str | None:
    value = named.get(name)
    if value is not None and not isinstance(value, str):
        raise ScimError(400, "invalidSyntax", f"{name} is a text.")
    return value


def _number(named: Json, name: str, without: int) -> int:
    value = named.get(name.lower(), without)
    try:
        if isinstance(value, bool) or len(str(value)) > 9:
            raise ValueError(value)
        return int(value)
    except (TypeError, ValueError) as error:
        raise ScimError(400, "invalidValue", f"{name} is a whole number of at most 9 digits.") from error


def _cursor(place: _Place) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read_cursor(text: str, of: str) -> tuple[UUID, UUID]:
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        found = msgspec.json.decode(raw, type=_Place)
    except (ValueError, msgspec.MsgspecError) as error:
        raise ScimError(400, "invalidCursor", "The cursor is none of ours.") from error
    if found.of != of:
        raise ScimError(400, "invalidCursor", "The cursor belongs to another filter or another list.")
    return found.scope, found.organisation


# --- one


async def show_membership(request: Request) -> Response[bytes]:
    """GET one: with its version as ETag."""
    who = await asked(request)
    named = {name.lower(): value for name, value in _query(request).items()}
    if unknown := sorted(named.keys() - {"attributes", "excludedattributes"}):
        raise ScimError(400, "invalidValue", f"{unknown[0][:60]} is not supported here.")
    selection = selection_of(named)
    row = await who.one(edge.identity(request.path_params["id"], "id"))
    tag = scim_resources.version(row)
    if scim_resources.names(request.headers.get("if-none-match", ""), tag):
        return Response(b"", status_code=304, headers={"etag": tag, "cache-control": "private, no-cache"})
    return answer(scim_resources.shown(who.base, row, selection), etag=tag)


# --- what the service says of itself


async def show_service(request: Request) -> Response[bytes]:
    """GET ServiceProviderConfig."""
    return answer(service(await _discovered(request)))


async def list_types(request: Request) -> Response[bytes]:
    """GET ResourceTypes."""
    return answer(listed([resource_type(await _discovered(request))], 1))


async def show_type(request: Request) -> Response[bytes]:
    """GET ResourceTypes/{id}."""
    base = await _discovered(request)
    if request.path_params["id"] != RESOURCE:
        raise ScimError(404, "", "There is no such resource type.")
    return answer(resource_type(base))


async def list_schemas(request: Request) -> Response[bytes]:
    """GET Schemas."""
    found = await _schemas(request)
    return answer(listed(found, len(found)))


async def show_schema(request: Request) -> Response[bytes]:
    """GET Schemas/{urn}."""
    wanted = request.path_params["id"]
    found = next((each for each in await _schemas(request) if each["id"] == wanted), None)
    if found is None:
        raise ScimError(404, "", "There is no such schema.")
    return answer(found)


async def _schemas(request: Request) -> list[Json]:
    base = await _discovered(request)
    who = await asked(request)
    names, tiers = await who.offered()
    found = schemas(names, tiers)
    for each in found:
        each["meta"]["location"] = f"{base}/Schemas/{each['id']}"
    return found


async def _discovered(request: Request) -> str:
    """The service's address; with a filter these are forbidden (RFC 7644 section 4)."""
    who = await asked(request)
    if "filter" in _query(request):
        raise ScimError(403, "", "What the service says of itself is not filtered.")
    return who.base


# --- routes


def _routes() -> list[HTTPRouteHandler]:
    """One route for each path, so that 405 tells all of its methods; each stands under both addresses."""
    one = ENDPOINT + "/{id:str}"
    paths: dict[str, dict[str, Any]] = {
        "/ServiceProviderConfig": {"GET": show_service},
        "/ResourceTypes": {"GET": list_types},
        "/ResourceTypes/{id:str}": {"GET": show_type},
        "/Schemas": {"GET": list_schemas},
        "/Schemas/{id:str}": {"GET": show_schema},
        "/.search": {"POST": search},
        ENDPOINT: {"GET": list_memberships, "POST": scim_writes.create},
        ENDPOINT + "/.search": {"POST": search},
        one: {
            "GET": show_membership,
            "PUT": scim_writes.replace,
            "PATCH": scim_writes.change,
            "DELETE": scim_writes.end,
        },
    }
    return [_route([PREFIX + path, SHARED + path], by_method) for path, by_method in paths.items()]


def _route(paths: list[str], by_method: dict[str, Any]) -> HTTPRouteHandler:
    async def endpoint(request: Request) -> Response:
        return cast(Response, await by_method[request.method](request))

    endpoint.__name__ = "scim_" + "_and_".join(handler.__name__ for handler in by_method.values())
    methods = cast(Any, list(by_method))
    return route(paths, http_method=methods, status_code=200, include_in_schema=False, opt={"key": True})(endpoint)


handlers = _routes()
