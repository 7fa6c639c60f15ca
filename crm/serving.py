"""What commands stand on: a database (embedded or given), a context on it, and the web server."""

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import FrameType

import asyncpg
import msgspec
import uvicorn
from litestar import Litestar

from crm.app import create_app
from crm.clock import SystemClock
from crm.context import Context
from crm.database import open_database
from crm.gateways.mail import mailer_from
from crm.gateways.postgres import EmbeddedPostgres
from crm.jobs.worker import working
from crm.migrate import is_migrated
from crm.settings import Settings
from crm.store import seals

CONNECT_SECONDS = 10
# A long poll or a slow reader must not hold up the end: Ctrl-C is through within three seconds.
GRACEFUL_SECONDS = 1
KEYS_MISSING = (
    "KLYNGE_DATA_KEYS lacks a key that stored secrets are sealed with ({}). Add it behind the first one;"
    " docs/operations.md says what to do when it is lost."
)
MIGRATE_FIRST = "The database has not the newest schema: run `crm migrate` first."


_settling: set[asyncio.Task[None]] = set()  # a task nobody holds may vanish


class OperatorError(Exception):
    """Something that whoever started the command can put right; the message says what."""


@contextmanager
def database(settings: Settings, create: bool = False) -> Iterator[Settings]:
    """Settings with a DATABASE_URL: the given one, or that of the data directory's own server.

    `create`: make the data directory when there is none; other commands rather tell of the slip of the pen.
    """
    if settings.database_url:
        yield settings
        return
    place = settings.data_dir
    if not create and not (place / "postgres").exists():
        raise OperatorError(f"There is no data in {place}. Name another --data-dir, or make it with `crm migrate`.")
    _make(place)
    with EmbeddedPostgres(place) as server:
        yield msgspec.structs.replace(settings, database_url=server.dsn())


def _make(place: Path) -> None:
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"The data directory {place} cannot be made: {error.strerror}") from error


async def reach(dsn: str) -> None:
    """OperatorError when nothing answers there, or not to us."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise OperatorError(f"The database of DATABASE_URL cannot be used: {error or 'no answer'}") from error
    await connection.close()


@asynccontextmanager
async def opened(settings: Settings, migrated: bool = True, keys: bool = True) -> AsyncIterator[Context]:
    """A context on the database; OperatorError when it does not answer or is not `migrated`, or `keys` lack."""
    await reach(settings.database_url)
    async with open_database(settings.database_url, settings.pool_size, settings.data_keys) as db:
        async with db.pool.acquire() as connection:
            if migrated and not await is_migrated(connection):
                raise OperatorError(MIGRATE_FIRST)
            if migrated and keys and (lost := await seals.unknown(connection)):
                told = ", ".join(f"{count} with key {by}" for by, count in sorted(lost.items()))
                raise OperatorError(KEYS_MISSING.format(told))
        yield Context(db, SystemClock(), settings)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """The address, taken before anything else is started; port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise OperatorError(f"Port {port} is in use: choose another one with --port.") from error
            raise OperatorError(f"{host} port {port} cannot be served: {error}. Try another --port.") from error
        yield listener


def address_of(listener: socket.socket) -> str:
    """The address as a browser writes it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, listener: socket.socket, with_worker: bool, started: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; `started` is called when requests are answered."""
    if with_worker:
        mailer_from(settings)  # a wrong setting is told now, not from within
    config = uvicorn.Config(
        create_app(settings, None, *([_worker] if with_worker else [])),
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    server = _Server(config, started)
    # What was made until now stays until the end: looking through it again and again is time lost for every request.
    gc.collect()
    gc.freeze()
    with _ending(server):
        server.run(sockets=[listener])


def settle(dsn: str) -> None:
    """Have the server write what was just loaded to disk, in the background: else its end would wait for that."""
    _settling.add(task := asyncio.get_running_loop().create_task(_checkpoint(dsn)))
    task.add_done_callback(_settling.discard)


async def _checkpoint(dsn: str) -> None:
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
        try:
            await connection.execute("checkpoint")
        finally:
            await connection.close()


def _worker(app: Litestar) -> AbstractAsyncContextManager[object]:
    context: Context = app.state.context
    return working(context, mailer_from(context.settings))


class _Server(uvicorn.Server):
    """uvicorn, telling when it is ready."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()


@contextmanager
def _ending(server: uvicorn.Server) -> Iterator[None]:
    """uvicorn raises a signal again once it is done; what is below us (the database) must still be closed."""

    def end(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
