"""What every call of the API has in common: key, parameters, body, Idempotency-Key, ETag, answer.

A handler is a plain function from `Call` to a Struct; `Operation` says the rest, once, for the route and
for the OpenAPI document alike. So the two cannot differ.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, Generic, Literal, TypeVar, cast
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler, route

from cluster_rules.errors import RuleViolation
from crm import catalogue
from crm.api import edge, packing
from crm.api.keys import door_of
from crm.api.language import translator_for
from crm.api.problems import EdgeError
from crm.api.streams import ClosedStream
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound
from crm.i18n import Translator, translator
from crm.store import idempotency

PREFIX = "/api/v1"
TAG_LENGTH = 24
_TAG = re.compile(r'\*|(W/)?"[\x21\x23-\x7e]*"')
_SLUG = re.compile(r"[a-z0-9-]{1,60}")
_MEMBER = re.compile(r"\{(\w+)\}")

Query = TypeVar("Query", bound=msgspec.Struct)
Body = TypeVar("Body", bound=msgspec.Struct | None)


class Nothing(msgspec.Struct, frozen=True):
    """No parameters."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. `precondition` locks the resource and gives its ETag now, for If-Match.

    `renames`: what rules call a field -> what the body calls it. `missing`: what besides the path's own
    names may be said not to be there. `max_body`: bytes, where a body may be larger than the app's limit.
    `after`: what is asked of the outside world once the change is committed; it gives the answer as it is then.
    `tagged`: makes its own ETag (`Call.unchanged`). `streams`: media types it can answer with piece by piece.
    `file`: the only media type there is; `files`: those of a file that is as somebody sent it.
    `packs`: long answers are packed smaller when that is asked for. `refusals`: statuses of its own.
    `reader` reads a body that is more than JSON of the shape `body`; `takes` are its media types besides JSON.
    `form_file`: the field of the body with a file's content: a form has `file` for it and for its `name`.
    """

    id: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    tag: str
    summary: str
    run: Callable[["Call[Any, Any]"], Awaitable[Any]]
    answer: Any
    description: str = ""
    query: type[msgspec.Struct] = Nothing
    body: type[msgspec.Struct] | None = None
    status: int = 200
    etag: bool = False
    tagged: bool = False
    listing: bool = False
    streams: tuple[str, ...] = ()
    file: str = ""
    files: tuple[str, ...] = ()
    form_file: str = ""
    packs: bool = False
    refusals: tuple[int, ...] = ()
    location: str = ""
    precondition: Callable[["Call[Any, Any]", Connection], Awaitable[str]] | None = None
    renames: dict[str, str] = {}
    missing: tuple[str, ...] = ()
    max_body: int | None = None
    reader: Callable[["Call[Any, Any]"], Awaitable[Any]] | None = None
    takes: tuple[str, ...] = ()
    after: Callable[["Call[Any, Any]", Any], Awaitable[Any]] | None = None
    example: dict[str, Any] | None = None

    @property
    def has_tag(self) -> bool:
        """Is there an ETag, whoever makes it?"""
        return self.etag or self.tagged

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return _MEMBER.findall(self.path)


class File(msgspec.Struct, frozen=True):
    """An answer that is a file: a document on paper or for another machine, under the name to save it as."""

    content: bytes
    media_type: str
    name: str


class Pieces(msgspec.Struct, frozen=True):
    """An answer that is sent while it is made."""

    content: AsyncGenerator[bytes, None]
    media_type: str


class Call(Generic[Query, Body]):
    """One request, checked and typed."""

    __slots__ = ("_kept", "actor", "body", "context", "headers", "operation", "query", "request", "t")

    def __init__(self, operation: Operation, request: Request, context: Context, t: Translator) -> None:
        self.operation = operation
        self.request = request
        self.context = context
        self.t = t
        self.headers: dict[str, str] = {}
        self._kept: Catalogue | None = None

    @property
    def language(self) -> str:
        """nb or en."""
        return self.t.language

    @property
    def coding(self) -> str:
        """What the answer is packed with, where it is packed at all (crm/api/packing.py)."""
        return packing.coding(self.request.headers.get("accept-encoding", ""))

    def text(self, name: str) -> str:
        """A text from the path."""
        return str(self.request.path_params[name])

    def slug(self) -> str:
        """A network's slug from the path; what cannot be one is not found."""
        value = self.text("slug")
        if not _SLUG.fullmatch(value):
            raise NotFound("slug", value)
        return value

    def code(self) -> str:
        """An agreement's code from the path; what cannot be one is not found."""
        value = self.text("code")
        if not _SLUG.fullmatch(value):
            raise NotFound("code", value)
        return value

    def id(self, name: str) -> UUID:
        """An id from the path; anything else is not found."""
        return edge.identity(self.text(name), name)

    def unchanged(self, tag: str) -> bool:
        """Has the caller got what has this ETag? Then nothing is to be answered but that (None)."""
        self.headers["etag"] = tag
        return _names(self.request.headers.get("if-none-match", ""), tag)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """What this key may see."""
        async with self.context.db.reading(self.actor.sees) as connection:
            yield connection

    async def kept(self, connection: Connection | None = None) -> Catalogue:
        """The catalogue, read once a request."""
        if self._kept is None:
            if connection is not None:
                self._kept = await catalogue.load(connection)
            else:
                async with self.context.db.tx() as opened:
                    self._kept = await catalogue.load(opened)
        return self._kept

    async def managed(self, connection: Connection | None = None) -> NetworkRow:
        """The network of the path, which this key must manage: unseen it is not found, seen only it is forbidden."""
        network = (await self.kept(connection)).by_slug.get(self.slug())
        if network is None:
            raise NotFound("slug", self.text("slug"))
        self.actor.must_manage(network.id)
        return network


def routes_of(operations: Iterable[Operation]) -> list[HTTPRouteHandler]:
    """The Litestar routes: one for each path, so that OPTIONS and 405 tell all of its methods.

    (Litestar makes the answer to OPTIONS when it meets a path first, and keeps it when more methods follow.)
    """
    by_path: dict[str, list[Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    return [_route(path, group) for path, group in by_path.items()]


def _route(path: str, group: list[Operation]) -> HTTPRouteHandler:
    """Whatever is read may also be asked for with HEAD."""
    by_method = {operation.method: operation for operation in group}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]

    async def endpoint(request: Request) -> Response:
        return await serve(by_method[request.method], request, request.app.state.context)

    endpoint.__name__ = "_and_".join(operation.id for operation in group)
    where, methods = _MEMBER.sub(r"{\1:str}", PREFIX + path), cast(Any, list(by_method))
    room = max((operation.max_body for operation in group if operation.max_body), default=None)
    limit = {"request_max_body_size": room} if room else {}
    return route(where, http_method=methods, status_code=200, include_in_schema=False, opt={"key": True}, **limit)(
        endpoint
    )


async def serve(operation: Operation, request: Request, context: Context) -> Response:
    """Check the key and the request, run the operation, answer."""
    request.state.body_fields = edge.fields_of(operation.body) if operation.body else frozenset()
    request.state.renames = operation.renames
    call: Call[Any, Any] = Call(operation, request, context, translator_for(request))
    call.actor = await door_of(request).open(request, context)
    call.query = edge.query(request, operation.query)
    call.body = None
    if operation.reader is not None:
        call.body = await operation.reader(call)
    elif operation.body is not None:
        call.body = await edge.body(request, operation.body)
    elif operation.method != "GET":
        edge.no_body(await request.body())
    try:
        return await (_show(call) if operation.method == "GET" else _change(call))
    except (RuleViolation, Invalid):
        request.state.kept = await call.kept()
        raise
    except NotFound as error:
        raise _not_found(operation, error) from error


def _not_found(operation: Operation, error: NotFound) -> NotFound:
    """What is not there and what is another network's must look the same: the name in the address is all we say."""
    own = (*operation.parameters, *operation.missing)
    return error if error.noun in own or not operation.parameters else NotFound(operation.parameters[0], "")


# --- reading


async def _show(call: Call[Any, Any]) -> Response[bytes]:
    found = await call.operation.run(call)
    if isinstance(found, File):
        return _file(found)
    headers = {
        "cache-control": "private, no-cache",
        "vary": "Accept-Language, Authorization" + (", Accept-Encoding" if call.operation.packs else ""),
        "content-language": call.language,
        **call.headers,
    }
    if call.operation.tagged and found is None:
        return Response(b"", status_code=304, headers=headers, media_type="application/json")
    if isinstance(found, Pieces):
        return cast(Any, ClosedStream(found.content, headers=headers, media_type=found.media_type))
    answer = encoded(found)
    if call.operation.etag:
        tag = await _tag_of(call, answer)
        headers["etag"] = tag
        if _names(call.request.headers.get("if-none-match", ""), tag):
            return Response(b"", status_code=304, headers=headers, media_type="application/json")
    if call.operation.packs and call.coding and len(answer) >= packing.WORTH_BYTES:
        headers["content-encoding"] = call.coding
        answer = await packing.packed(answer, call.coding)
    return Response(answer, headers=headers, media_type="application/json")


def _file(found: File) -> Response[bytes]:
    headers = {"cache-control": "private, no-store", "content-disposition": f'inline; filename="{found.name}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)


def encoded(answer: Any) -> bytes:
    """As JSON."""
    return msgspec.json.encode(answer)


def tag(english: bytes, language: str = "en") -> str:
    """The ETag of an answer: made from its English form, so that If-Match holds in either language."""
    digest = sha256(english).hexdigest()[:TAG_LENGTH]
    return f'"{digest}"' if language == "en" else f'"{digest}-{language}"'


async def _tag_of(call: Call[Any, Any], answer: bytes) -> str:
    if call.language == "en":
        return tag(answer)
    language, call.t = call.language, translator("en")
    return tag(encoded(await call.operation.run(call)), language)


def _names(header: str, tag: str) -> bool:
    """If-None-Match compares weakly: W/ makes no difference."""
    wanted = [each.strip().removeprefix("W/") for each in header.split(",")]
    return tag in wanted or "*" in wanted


# --- changing


async def _change(call: Call[Any, Any]) -> Response[bytes]:
    """The change, its answer and the answer kept for a repeat: one transaction."""
    operation = call.operation
    key = edge.idempotency_key(call.request) if operation.method == "POST" else None
    owner = str(call.actor.id)
    wanted = _if_match(call)
    async with call.context.db.tx() as connection:
        if key and (kept := await idempotency.claim(connection, owner, key, _fingerprint(call))):
            return _done(call, kept.status_code, kept.body.encode(), replayed=True)
        if wanted and operation.precondition:
            current = await operation.precondition(call, connection)
            if current not in wanted and "*" not in wanted:
                raise EdgeError(412, "if-match", "version_stale")
        found = await operation.run(call)
        answer = encoded(found)
        if key:
            await idempotency.keep(connection, owner, key, operation.status, answer.decode())
    if operation.after:
        answer = await _afterwards(call, operation.after, found, key)
    return _done(call, operation.status, answer)


async def _afterwards(
    call: Call[Any, Any], after: Callable[[Call[Any, Any], Any], Awaitable[Any]], found: Any, key: str | None
) -> bytes:
    """Outside the transaction. Refused there, the key is free again: the same request may be tried once more."""
    owner = str(call.actor.id)
    try:
        answer = encoded(await after(call, found))
    except RuleViolation:
        if key:
            async with call.context.db.tx() as connection:
                await idempotency.forget(connection, owner, key)
        raise
    if key:
        async with call.context.db.tx() as connection:
            await idempotency.keep(connection, owner, key, call.operation.status, answer.decode())
    return answer


def _fingerprint(call: Call[Any, Any]) -> str:
    """The same method, path and values; how the JSON was spaced does not matter."""
    request = call.request
    said = msgspec.json.encode(call.body) if call.body is not None else b""
    return sha256(f"{request.method} {request.url.path}\n".encode() + said).hexdigest()


def _if_match(call: Call[Any, Any]) -> list[str]:
    """The ETags the change is meant for, in either language. Optional, but honoured: what cannot match is 412."""
    header = call.request.headers.get("if-match")
    if header is None:
        return []
    if call.operation.precondition is None:
        raise EdgeError(400, "if-match", "header_format", rule="this request takes no If-Match")
    wanted = [re.sub(r'-[a-z]{2}"$', '"', each.strip()) for each in header.split(",")]
    if not all(_TAG.fullmatch(each) for each in wanted):
        raise EdgeError(412, "if-match", "header_format", rule='"…" or *')
    return wanted


def _done(call: Call[Any, Any], status: int, answer: bytes, replayed: bool = False) -> Response[bytes]:
    headers = {"cache-control": "no-store", "content-language": call.language}
    if replayed:
        headers["idempotent-replayed"] = "true"
    if call.operation.location:
        headers["location"] = PREFIX + call.operation.location.format(**msgspec.json.decode(answer))
    return Response(answer, status_code=status, headers=headers, media_type="application/json")
