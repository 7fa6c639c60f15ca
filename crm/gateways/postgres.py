"""The embedded PostgreSQL server: one per data directory, shared by every process that uses the directory.

The kernel counts the users: each holds a shared flock on `users.lock`, freed even on kill -9. The last user
out stops the server. Should the last user be killed, the next start takes the running server over, and a
small watchdog process stops it when nobody has come back within a grace time.
"""

import contextlib
import os
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from crm.gateways.postgres_cluster import PORT, ROLE, START_TIMEOUT_SECONDS, Cluster
from crm.gateways.postgres_place import PostgresError, settle_home

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["EmbeddedPostgres", "Locks", "PostgresError"]

DATABASE = "crm"
SERVER_ACCOUNT = "nobody"  # only when we are root
GRACE_SECONDS = 60.0
LOCK_TIMEOUT_SECONDS = START_TIMEOUT_SECONDS + 60
LOCK_POLL_SECONDS = 0.02
# What the watchdog inherits: nothing secret.
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class EmbeddedPostgres:
    """Use the server of one data directory: start() says "I use it", stop() says "I am done"."""

    def __init__(
        self,
        data_dir: Path,
        settings: Mapping[str, str] | None = None,
        *,
        run_as: str = SERVER_ACCOUNT,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        if fcntl is None:
            raise PostgresError("There is no embedded PostgreSQL on this platform: set DATABASE_URL.")
        self._data_dir = Path(data_dir).absolute()
        self._settings = dict(settings or {})
        self._run_as = run_as
        self._grace_seconds = grace_seconds
        self._use: int | None = None  # the descriptor that holds our shared lock
        os.register_at_fork(after_in_child=_forget(weakref.ref(self)))

    @property
    def home(self) -> Path:
        """Where the cluster really lies; the data directory may hold only a link to it."""
        return (self._data_dir / "postgres").resolve()

    @property
    def bin_dir(self) -> Path:
        """psql, pg_dump and the others, of the same version as the server."""
        return self._cluster().bin_dir

    def dsn(self, database: str = DATABASE) -> str:
        """The address for asyncpg and psql; it names the port, so that no PGPORT around can mislead."""
        host = quote(str(self._cluster().socket_dir), safe="/")
        return f"postgresql://{ROLE}@/{quote(database, safe='')}?host={host}&port={PORT}"

    def start(self) -> str:
        """Join the running server, or start it (creating the cluster and the database when absent)."""
        if self._use is not None:
            return self.dsn()
        locks = Locks(settle_home(self._data_dir, self._run_as))
        with locks.starting():
            use = locks.use()
            try:
                self._bring_up(locks)
            except BaseException:
                os.close(use)
                raise
        self._use = use
        return self.dsn()

    def stop(self) -> bool:
        """Leave. The last one out stops the server; False when others still use it (or we never did)."""
        if self._use is None:
            return False
        use, self._use = self._use, None
        try:
            with Locks(self.home).starting():
                if not Locks.alone(use):
                    return False
                self._cluster().stop()
                return True
        finally:
            os.close(use)

    def __enter__(self) -> "EmbeddedPostgres":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _cluster(self) -> Cluster:
        return Cluster(self.home, self._settings, self._run_as)

    def _bring_up(self, locks: "Locks") -> None:
        cluster = self._cluster()
        cluster.prepare()
        # Before the server, so that no kill -9 of ours can fall between the two.
        locks.write_grace(self._grace_seconds)
        if not locks.watched():
            _launch_watchdog(locks.home)
        if not cluster.wait_until_settled():
            cluster.start()
        cluster.create_database(DATABASE)


class Locks:
    """The three lock files of a cluster: who starts or stops it, who uses it, who watches it.

    `users.lock` is only ever taken exclusively by one who holds `start.lock`, so a shared lock never waits.
    Descriptors are close-on-exec: neither the server nor any other child inherits a lock.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """One at a time may start or stop the server."""
        handle = self._open("start.lock")
        try:
            deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
            while not _take(handle, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise PostgresError(f"Another process holds {self.home}/start.lock for too long.")
                time.sleep(LOCK_POLL_SECONDS)
            yield
        finally:
            os.close(handle)

    def use(self) -> int:
        handle = self._open("users.lock")
        fcntl.flock(handle, fcntl.LOCK_SH)
        return handle

    @staticmethod
    def alone(use: int) -> bool:
        """Nobody but the holder of this descriptor uses the server. Only under starting()."""
        return _take(use, fcntl.LOCK_EX)

    def unused(self) -> bool:
        """Nobody uses the server. Only under starting()."""
        handle = self._open("users.lock")
        try:
            return _take(handle, fcntl.LOCK_EX)
        finally:
            os.close(handle)

    def watch(self) -> int | None:
        """Become the one watchdog; None when there is one."""
        handle = self._open("watchdog.lock")
        if _take(handle, fcntl.LOCK_EX):
            return handle
        os.close(handle)
        return None

    def watched(self) -> bool:
        handle = self.watch()
        if handle is None:
            return True
        os.close(handle)
        return False

    def write_grace(self, seconds: float) -> None:
        (self.home / "grace").write_text(str(seconds))

    def read_grace(self) -> float:
        try:
            return float((self.home / "grace").read_text())
        except (OSError, ValueError):
            return GRACE_SECONDS

    def _open(self, name: str) -> int:
        return os.open(self.home / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _take(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _launch_watchdog(home: Path) -> None:
    """A process of its own, not our child (the shell in between ends at once): nobody must wait for it."""
    package_root = Path(__file__).resolve().parents[2]
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    background = '"$0" "$@" </dev/null >/dev/null 2>&1 &'
    command = [sys.executable, "-m", "crm.gateways.postgres_watchdog", str(home)]
    subprocess.run(  # noqa: S603 (our own interpreter)
        ["/bin/sh", "-c", background, *command],
        env={**environment, "PYTHONPATH": str(package_root), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        check=True,
    )


def _forget(reference: "weakref.ref[EmbeddedPostgres]") -> Callable[[], None]:
    """A forked child shares our lock: it must give its copy up, or it would keep the server for ever."""

    def in_child() -> None:
        server = reference()
        if server is not None and server._use is not None:
            os.close(server._use)
            server._use = None

    return in_child
