"""Is the process alive (healthz), and can it answer (readyz: database reachable and migrated)?"""

from asyncio import timeout

import asyncpg
import msgspec
from litestar import Request, Response, get

from crm.api.problems import EdgeError, problem
from crm.context import Context
from crm.errors import Unavailable
from crm.migrate import is_migrated

PATIENCE_SECONDS = 3.0
_HEADERS = {"cache-control": "no-store"}


class Health(msgspec.Struct, frozen=True):
    """All is well."""

    status: str = "ok"


_OK = msgspec.json.encode(Health())


@get("/healthz", sync_to_thread=False, opt={"public": True}, include_in_schema=False)
def healthz() -> Response[bytes]:
    """The process answers; nothing else is asked."""
    return Response(_OK, media_type="application/json", headers=_HEADERS)


@get("/readyz", opt={"public": True}, include_in_schema=False)
async def readyz(request: Request) -> Response[bytes]:
    """The database answers and has the newest schema; 503 otherwise."""
    context: Context = request.app.state.context
    try:
        async with timeout(PATIENCE_SECONDS), context.db.tx() as connection:
            ready = await is_migrated(connection)
    except (TimeoutError, asyncpg.PostgresError, Unavailable):
        ready = False
    if not ready:
        return problem(request, EdgeError(503, "database", "unavailable"), "")
    return Response(_OK, media_type="application/json", headers=_HEADERS)


handlers = [healthz, readyz]
