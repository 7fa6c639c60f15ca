"""A throwaway database server for one test run: started, used and removed without a trace.

With TEST_DATABASE_URL set (a server where that login may create databases) that server is used instead.
"""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from crm.gateways.postgres import EmbeddedPostgres
from crm.gateways.postgres_cluster import Cluster

# A power cut may eat this server: its data lives for one test run.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
GRACE_SECONDS = 20.0  # a killed test run leaves its server no longer than this
ROOM_BYTES = 4 * 1024**3
LEFT_BEHIND_SECONDS = 900
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Server:
    """Creates and drops databases; every method may be called from inside a running event loop too."""

    def __init__(self, admin_dsn: str) -> None:
        self.admin_dsn = admin_dsn

    def dsn(self, database: str) -> str:
        return urlunsplit(urlsplit(self.admin_dsn)._replace(path="/" + database))

    def create_database(self, name: str, template: str | None = None) -> str:
        """A new database, a copy of TEMPLATE (to which nobody may be connected) when given; its DSN."""
        # Copying files beats writing a small template through the log many times over.
        copied = f" template {_safe(template)} strategy file_copy" if template else ""
        self.execute(f"create database {_safe(name)}{copied}")
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Drop it, connections and all; no harm when it is not there."""
        self.execute(f"drop database if exists {_safe(name)} with (force)")

    def execute(self, sql: str) -> None:
        """One statement on the admin database, on a connection and an event loop of its own."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(asyncio.run, _execute(self.admin_dsn, sql)).result()


@contextlib.contextmanager
def throwaway_server() -> Iterator[Server]:
    """The server for a whole test run; wrap it in a session-scoped fixture."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield Server(given)
        return
    with temporary_place() as place:
        server = EmbeddedPostgres(place, FAST, grace_seconds=GRACE_SECONDS)
        server.start()
        try:
            yield Server(server.dsn("postgres"))
        finally:
            server.stop()


@contextlib.contextmanager
def temporary_place() -> Iterator[Path]:
    """An empty directory for one server, removed at the end together with what it links to."""
    _clear_left_behind()
    place = Path(tempfile.mkdtemp(prefix="klynge-test-", dir=_memory()))
    try:
        yield place
    finally:
        home = (place / "postgres").resolve()
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)


def _memory() -> str | None:
    """A file system in memory with room to spare, where there is one: test databases are many."""
    memory = Path("/dev/shm")  # noqa: S108 (mkdtemp makes a private directory in it)
    if not os.access(memory, os.W_OK):
        return None
    room = os.statvfs(memory)
    fit = not room.f_flag & os.ST_NOEXEC and room.f_bavail * room.f_frsize >= ROOM_BYTES
    return str(memory) if fit else None


def _clear_left_behind() -> None:
    """Remove what killed test runs left: old, and no server on it any more."""
    for place in Path(_memory() or tempfile.gettempdir()).glob("klynge-test-*"):
        with contextlib.suppress(OSError):
            old = time.time() - place.stat().st_mtime > LEFT_BEHIND_SECONDS
            if old and Cluster((place / "postgres").resolve()).postmaster_pid() is None:
                shutil.rmtree(place, ignore_errors=True)


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def _safe(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"not a database name: {name!r}")
    return name
