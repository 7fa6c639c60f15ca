"""The only wiring: settings, database, handlers, error answers, the worker beside the web. Fails loudly."""

import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import structlog
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, InternalServerException

from crm import api, web
from crm.clock import SystemClock
from crm.context import Context
from crm.database import open_database
from crm.errors import TooSlow, Unavailable, status_of
from crm.gateways.stripe import Accounts
from crm.settings import Settings
from crm.web.headers import add_security_headers
from crm.web.rendering import error_page

BODY_MAX_BYTES = 64 * 1024
API_PATHS = ("/api/", "/scim/", "/healthz", "/readyz", "/webhooks/")
GONE = "client disconnected prematurely"  # as Litestar says it
log = structlog.get_logger("klynge")

Lifespan = Callable[[Litestar], object]


def create_app(settings: Settings, context: Context | None = None, *lifespans: Lifespan) -> Litestar:
    """The application. Without a `context` it opens its own pool at start and closes it at the end."""
    state = state_of(settings, context)
    return Litestar(
        route_handlers=[*api.handlers, *web.handlers],
        dependencies={
            "context": Provide(_context, sync_to_thread=False),
            "cards": Provide(_cards, sync_to_thread=False),
        },
        exception_handlers={Exception: _failure},
        before_send=[add_security_headers],
        request_max_body_size=BODY_MAX_BYTES,
        openapi_config=None,
        logging_config=None,  # crm/logs.py has the word; Litestar would put its own handler on the root
        state=state,
        on_shutdown=[state.cards.close],
        lifespan=[_database, *lifespans] if context is None else list(lifespans),
    )


def state_of(settings: Settings, context: Context | None = None) -> State:
    """What differs from one application to another: its routes are the same for all."""
    return State({"context": context, "settings": settings, "cards": Accounts(settings)})


def _context(state: State) -> Context:
    return state.context


def _cards(state: State) -> Accounts:
    return state.cards


@asynccontextmanager
async def _database(app: Litestar) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    if not settings.data_keys and not settings.development:
        log.warning("secrets_in_clear", set="KLYNGE_DATA_KEYS")
    async with open_database(settings.database_url, settings.pool_size, settings.data_keys) as db:
        app.state.context = Context(db, SystemClock(), settings)
        try:
            yield
        finally:
            app.state.context = None


def _failure(request: Request, error: Exception) -> Response:
    """Programs get problem+json, people a page; what is our fault is logged with a reference."""
    status = error.status_code if isinstance(error, HTTPException) else status_of(error)
    if isinstance(error, InternalServerException) and error.detail == GONE:
        log.info("left", route=_route(request))  # the reader went on to another page while a form was on its way
        return Response(b"", status_code=400)
    reference = uuid4().hex[:12]
    if isinstance(error, Unavailable):
        log.warning("unavailable", reference=reference, route=_route(request), why=repr(error.__cause__))
    elif status >= 500:
        log.error("failed", reference=reference, route=_route(request), trace=traceback.format_exception(error))
    if request.url.path.startswith(API_PATHS):
        return api.problem(request, error, reference)
    answer = error_page(request, status, reference=reference, slow=isinstance(error, TooSlow))
    if isinstance(error, Unavailable):
        answer.headers["retry-after"] = str(error.seconds)
    return answer


def _route(request: Request) -> str:
    """The route as it is written in the code: the path itself may hold an applicant's secret."""
    handler = request.scope.get("route_handler")
    return min(handler.paths, default="") if handler else ""
