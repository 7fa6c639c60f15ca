"""The protocol between systems (docs/federation.md): discovery, invitations, and signed questions about one agreement.

These calls are not for keys: a question is signed by the other system, and so is its answer. They have an OpenAPI
document of their own, /api/v1/federation/openapi.json.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler, route

from crm.actions import federation_calls as actions
from crm.api import edge, federation_document
from crm.api.federation_document import Buckets, Copies, Digest, Heartbeat, Keys, Question, Token
from crm.api.operations import PREFIX, Nothing
from crm.context import Context
from crm.errors import Unauthenticated
from crm.store.federation import Agreement

BASE = f"{PREFIX}/federation"
MOST_BYTES = 8 * 1024 * 1024
LONGEST_ID = 80
Q = TypeVar("Q", bound=Question)
Answering = Callable[[Context, Agreement, str, Any], Awaitable[dict[str, Any]]]


async def _messages(context: Context, agreement: Agreement, message: str, said: Copies) -> dict[str, Any]:
    return await actions.messages(context, agreement, message, actions.Messages(said.messages, said.copies))


async def _digest(context: Context, agreement: Agreement, _message: str, _said: Digest) -> dict[str, Any]:
    return await actions.digest(context, agreement)


async def _buckets(context: Context, agreement: Agreement, _message: str, said: Buckets) -> dict[str, Any]:
    return await actions.buckets(context, agreement, said.buckets)


async def _heartbeat(context: Context, agreement: Agreement, _message: str, said: Heartbeat) -> dict[str, Any]:
    return await actions.heartbeat(context, agreement, said.digest)


async def _keys(context: Context, agreement: Agreement, _message: str, said: Keys) -> dict[str, Any]:
    return await actions.keys(context, agreement, said.secret)


CALLS: dict[str, tuple[type[Question], Answering]] = {
    "messages": (Copies, _messages),
    "digest": (Digest, _digest),
    "buckets": (Buckets, _buckets),
    "heartbeat": (Heartbeat, _heartbeat),
    "keys": (Keys, _keys),
}


async def _asked(request: Request) -> Response[bytes]:
    """One signed question: who asks is checked before anything of it is read."""
    context: Context = request.app.state.context
    call = request.url.path.rpartition("/")[2]
    shape, answering = CALLS[call]
    raw, headers = await request.body(), {k.lower(): v for k, v in request.headers.items()}
    try:
        found = await actions.opened(context, request.path_params["code"], call, headers, raw)
    except msgspec.MsgspecError as error:
        raise Unauthenticated from error
    message = headers["webhook-id"][:LONGEST_ID]
    answer = await answering(context, found, message, await edge.body(request, shape))
    said = msgspec.json.encode(answer | {"agreement": found.code, "call": call, "now": context.clock.now()})
    kept = actions.signed(context, found, message, said) | {"cache-control": "no-store"}
    return Response(said, headers=kept, media_type="application/json", status_code=200)


async def _discovered(request: Request) -> Response[bytes]:
    edge.query(request, Nothing)
    return _open(await actions.discover(request.app.state.context))


async def _looked(request: Request) -> Response[bytes]:
    said = await edge.body(request, Token)
    place = request.client.host if request.client else ""
    return _open(await actions.look(request.app.state.context, place, said.token))


async def _answered(request: Request) -> Response[bytes]:
    said = await edge.body(request, actions.Acceptance)
    return _open(await actions.accept(request.app.state.context, said))


async def _document(request: Request) -> Response[bytes]:
    return _open(federation_document.document())


def _open(answer: Any) -> Response[bytes]:
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(answer), headers=headers, media_type="application/json", status_code=200)


def _route(path: str, method: Any, handler: Callable[[Request], Awaitable[Response[bytes]]]) -> HTTPRouteHandler:
    made = route(
        BASE + path,
        http_method=[method],
        status_code=200,
        include_in_schema=False,
        opt={"public": True},
        request_max_body_size=MOST_BYTES,
    )
    return made(handler)


handlers = [
    _route("", "GET", _discovered),
    _route("/openapi.json", "GET", _document),
    _route("/invitations/looks", "POST", _looked),
    _route("/invitations/answers", "POST", _answered),
    *(_route(f"/agreements/{{code:str}}/{call}", "POST", _asked) for call in CALLS),
]
