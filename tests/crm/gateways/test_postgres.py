"""The embedded server under the treatment it will get: kills, crowds, odd paths, root and ordinary users."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crm.gateways import postgres_place
from crm.gateways.postgres import EmbeddedPostgres, Locks, PostgresError
from crm.gateways.postgres_cluster import SOCKET_PATH_BYTES, Cluster
from tests.postgres import FAST, temporary_place

ROOT = Path(__file__).resolve().parents[3]
WAIT_SECONDS = 15.0
SHORT_GRACE_SECONDS = 0.4

# A program that uses the server until its standard input ends, as `crm serve` would.
USER = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
from crm.gateways.postgres import EmbeddedPostgres
# A test run in the background ignores Ctrl-C, and its children would too.
signal.signal(signal.SIGINT, signal.default_int_handler)
place, settings, grace, extra = sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
server = EmbeddedPostgres(Path(place), settings, grace_seconds=grace)
with server:
    report = {"pid": os.getpid(), "dsn": server.dsn()}
    if extra == "children":
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        report["spawned"] = subprocess.Popen(["sleep", "30"], **quiet).pid
        report["forked"] = os.fork()
        if not report["forked"]:
            os.close(1), os.close(2)
            time.sleep(30)
            os._exit(0)
    print(json.dumps(report), flush=True)
    sys.stdin.read()
print("left", flush=True)
"""


class User:
    """One such program, in a process group of its own (as in a terminal)."""

    def __init__(self, place: Path, grace: float = 60.0, extra: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(place), json.dumps(FAST), str(grace), extra],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def report(self) -> dict[str, object]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def leave(self) -> None:
        self.process.communicate(timeout=WAIT_SECONDS)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=WAIT_SECONDS)


@pytest.fixture
def place() -> Iterator[Path]:
    with temporary_place() as directory:
        yield directory
        home = (directory / "postgres").resolve()
        if (home / "data").exists():
            Cluster(home).stop()


def query(server: EmbeddedPostgres, sql: str, dsn: str = "") -> str:
    command = [str(server.bin_dir / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", dsn or server.dsn(), "-c", sql]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def postmaster(place: Path) -> int | None:
    return Cluster((place / "postgres").resolve()).postmaster_pid()


def until(condition: Callable[[], bool]) -> float:
    """Seconds until it held."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < WAIT_SECONDS, "waited in vain"
        time.sleep(0.02)
    return time.monotonic() - begun


def timed(action: Callable[[], object]) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def test_first_start_joining_and_warm_start(place: Path) -> None:
    server, second = EmbeddedPostgres(place), EmbeddedPostgres(place)
    first = timed(server.start)
    assert query(server, "select current_user, current_database()") == "crm|crm"
    assert query(server, "show listen_addresses") == "" and query(server, "show fsync") == "on"
    assert query(server, "select datlocprovider, datlocale, upper('æøå') from pg_database limit 1") == "b|C.UTF-8|ÆØÅ"
    assert server.start() == server.dsn(), "starting twice is using once"
    joined = timed(second.start)
    assert second.stop() is False and second.stop() is False
    assert server.stop() is True and postmaster(place) is None
    warm = timed(server.start)
    assert server.stop() is True
    print(f"first {first:.2f} s, joined {joined:.3f} s, warm {warm:.2f} s")
    assert first < 20 and joined < 1 and warm < 5


def test_nobody_else_gets_in(place: Path) -> None:
    with EmbeddedPostgres(place, FAST) as server:
        home = server.home
        assert query(server, "select distinct auth_method from pg_hba_file_rules") == "peer"
        for private in (home / "data", home / "run", home / "log"):
            assert stat.S_IMODE(private.stat().st_mode) == 0o700
        if os.geteuid() != 0:
            assert stat.S_IMODE(home.stat().st_mode) == 0o700
            return
        assert home.stat().st_uid == 0 and (home / "data").stat().st_uid != 0
        owner = (home / "data").stat().st_uid  # it reaches the socket, and is still turned away
        command = [str(server.bin_dir / "psql"), "-X", server.dsn(), "-c", "select 1"]
        tried = subprocess.run(command, user=owner, extra_groups=[], cwd="/", capture_output=True, text=True)
        assert "Peer authentication failed" in tried.stderr


def test_four_cold_starts_at_once_make_one_server(place: Path) -> None:
    users = [User(place) for _ in range(4)]
    reports = [user.report() for user in users]
    assert len({report["dsn"] for report in reports}) == 1
    pid = postmaster(place)
    for user in users[:3]:
        user.leave()
        assert postmaster(place) == pid
    users[3].leave()
    assert postmaster(place) is None


def test_next_start_takes_over_after_kill_9(place: Path) -> None:
    user = User(place)
    user.report()
    pid = postmaster(place)
    user.kill()
    server = EmbeddedPostgres(place, FAST)
    server.start()
    assert postmaster(place) == pid
    assert server.stop() is True and postmaster(place) is None


def test_watchdog_stops_a_deserted_server_and_only_that(place: Path) -> None:
    killed, staying = User(place, SHORT_GRACE_SECONDS), User(place, SHORT_GRACE_SECONDS)
    killed.report(), staying.report()
    killed.kill()
    time.sleep(SHORT_GRACE_SECONDS * 3)
    assert postmaster(place) is not None, "somebody still uses it"
    staying.kill()
    assert until(lambda: postmaster(place) is None) >= SHORT_GRACE_SECONDS / 2
    until(lambda: not Locks((place / "postgres").resolve()).watched())
    with EmbeddedPostgres(place, FAST) as server:
        assert query(server, "select 1") == "1"


def test_ctrl_c_leaves_nothing_behind(place: Path) -> None:
    user = User(place)
    user.report()
    os.killpg(user.process.pid, signal.SIGINT)
    _, said = user.process.communicate(timeout=WAIT_SECONDS)
    assert "KeyboardInterrupt" in said and postmaster(place) is None
    until(lambda: not Locks((place / "postgres").resolve()).watched())


@pytest.mark.parametrize("remains", ["dead", "zombie", "reused"])
def test_recovers_after_kill_9_of_the_server(place: Path, remains: str) -> None:
    """PostgreSQL's own check takes a zombie, or another process with the old pid, for a running server."""
    server = EmbeddedPostgres(place, {**FAST, "fsync": "on", "synchronous_commit": "on"})
    server.start()
    query(server, "create table kept as select 7 as seven")
    pid = postmaster(place)
    assert pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: postmaster(place) is None)
    child = subprocess.Popen(["sleep", "30"])
    try:
        if remains == "zombie":
            child.kill()
            until(lambda: Path(f"/proc/{child.pid}/stat").read_text().split()[2] == "Z")
        if remains != "dead":
            pid_file = server.home / "data" / "postmaster.pid"
            pid_file.write_text(pid_file.read_text().replace(str(pid), str(child.pid), 1))
        again = EmbeddedPostgres(place, FAST)
        seconds = timed(again.start)
        assert query(again, "select seven from kept") == "7"
        print(f"{remains}: recovered in {seconds:.2f} s")
        assert again.stop() is False and server.stop() is True
    finally:
        child.kill()
        child.wait()


def test_children_do_not_inherit_the_lock(place: Path) -> None:
    user = User(place, extra="children")
    report = user.report()
    pid = postmaster(place)
    user.kill()
    children = [int(str(report["spawned"])), int(str(report["forked"]))]
    try:
        for process in [pid, *children]:
            os.kill(int(str(process)), 0)  # they live on
            opened = [link.readlink().name for link in Path(f"/proc/{process}/fd").iterdir()]
            assert not [name for name in opened if name.endswith(".lock")]
        server = EmbeddedPostgres(place, FAST)
        server.start()
        assert server.stop() is True
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)


def test_long_and_odd_paths(place: Path) -> None:
    odd = place / "it's 100% (odd), å" / ("long" * 30)
    odd.mkdir(parents=True)
    for parent in [odd, *odd.parents]:
        if parent.is_relative_to(place):
            parent.chmod(0o711)
    with EmbeddedPostgres(odd, FAST) as server, EmbeddedPostgres(odd, FAST) as second:
        socket = query(server, "select trim(both '\"' from current_setting('unix_socket_directories'))")
        assert len(os.fsencode(socket)) < SOCKET_PATH_BYTES and stat.S_IMODE(Path(socket).stat().st_mode) == 0o700
        assert server.dsn() == second.dsn() and query(second, "select 1") == "1"
    assert not Path(socket).exists(), "the short directory goes with the server"
    short = place / "it's 100% (odd); å"
    with EmbeddedPostgres(short / "b", FAST) as server:
        assert query(server, "select 1") == "1" and server.home.is_relative_to(short)
    with pytest.raises(PostgresError, match="cannot work below"):
        EmbeddedPostgres(place / 'a "quoted" name', FAST).start()


def test_other_major_version_is_refused(place: Path) -> None:
    with EmbeddedPostgres(place, FAST) as server:
        version = server.home / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(PostgresError, match=r"written by PostgreSQL 17, .* brings PostgreSQL 18.*DATABASE_URL"):
        server.start()
    version.write_text("18\n")
    with server:
        assert query(server, "select 1") == "1", "and the lock of the failed start was given back"


def test_platform_without_binaries(place: Path) -> None:
    script = f"""
from pathlib import Path
from crm.gateways.postgres import EmbeddedPostgres
EmbeddedPostgres(Path({str(place)!r})).start()
"""
    bare = [sys.executable, "-S", "-c", script]  # -S: no site-packages, so no wheel
    tried = subprocess.run(bare, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert "PostgresError: There is no bundled PostgreSQL for this platform. Set DATABASE_URL" in tried.stderr


def test_ordinary_user_runs_the_server_himself(place: Path) -> None:
    script = """
import os, subprocess, sys
from pathlib import Path
from crm.gateways.postgres import EmbeddedPostgres
if os.geteuid() == 0:                  # become an ordinary user, who reads the binaries from where he can
    os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
    sys.path[:] = [sys.argv[3]]
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    command = [server.bin_dir / "psql", "-XAt", server.dsn(), "-c", "select current_user"]
    print(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print(oct(os.stat(server.home).st_mode), os.stat(server.home / "data").st_uid)
"""
    uid, readable = os.geteuid(), ""
    mine = place / "mine"
    mine.mkdir(mode=0o700)
    if uid == 0:
        postgres_place.copy_binaries(place)
        place.chmod(0o711)
        uid, readable = 65534, str(postgres_place.binaries(place).parent.parent)
        os.chown(mine, uid, uid)
    command = [sys.executable, "-c", script, str(mine), str(uid), readable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["crm", "0o40700", str(uid)], done.stderr


def test_directories_closed_to_the_server_account_are_not_opened(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's data below a closed directory: rights stay as they are, the cluster lies elsewhere."""
    closed = place / "closed"
    (closed / "data").mkdir(parents=True, mode=0o700)
    closed.chmod(0o700)
    place.chmod(0o711)
    system = place / "system"
    monkeypatch.setattr(postgres_place, "SYSTEM_HOME", system)
    with EmbeddedPostgres(closed / "data", FAST) as server:
        assert query(server, "select 1") == "1"
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert server.home.is_relative_to(system if os.geteuid() == 0 else closed)
    with server:
        assert query(server, "select 1") == "1"
