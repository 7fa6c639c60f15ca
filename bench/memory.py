"""What web and worker in one process hold, with a network of 100,000 members whose pages have been asked for.

Somebody signs in and opens what is large or kept: the overview, the member list (in memory, ADR 0046), the directory
(ADR 0029), the list of invoices, every report. Memory is Pss: a process's own pages and its part of what it shares; the
database's processes are not counted. Baseline, in the same run: the process before any page. Run: python -m
bench.memory [members]
"""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import msgspec

from bench import filling
from bench.setting import NOW, SETTINGS, own_server
from bench.starting import held
from crm.clock import FixedClock
from crm.context import Context
from crm.database import open_database
from crm.demo import PASSWORD
from crm.reads.reports import SOURCES
from crm.serving import listening, serve
from tests.seed import seed

BAR = 170
PATIENCE = 180
SMTP = "smtp://127.0.0.1:9"  # nobody is there, and nothing is sent
HOME = f"/n/{filling.NETWORK}"
LISTS = ("/members", "/members?sort=fee", "/members?q=9", "/invoices")
REPORTS = tuple(f"/reports/{name}" for name in SOURCES)
DIRECTORY = ("/en/members", "/en/members?q=energi", "/en/members?q=9")


async def main(members: int) -> int:
    """Fill, start, ask; print what is held before and after each kind of page."""
    with own_server() as server:
        await seed(server.dsn(), SETTINGS, FixedClock(NOW))
        async with open_database(server.dsn(), 4) as db:
            await filling.fill(Context(db, FixedClock(NOW), SETTINGS), server.dsn(), 1, members)
            # What triggers would have kept for the reports (ADR 0044).
            await db.pool.execute("select courses_settle(array(select id from organisation))", timeout=PATIENCE)
            await db.pool.execute("vacuum analyze", timeout=PATIENCE)
        with _served(server.dsn()) as (process, client):
            print(f"  {members} members; web and worker, before any page      {held(process):6.0f} MB (bar {BAR})")
            for name, paths in (
                ("sign-in and overview", (HOME,)),
                ("reports", [HOME + path for path in REPORTS]),
                ("member list and invoices", [HOME + path for path in LISTS]),
                ("directory", DIRECTORY),
                ("all of them once more", [*(HOME + path for path in (*REPORTS, *LISTS)), *DIRECTORY]),
            ):
                started = time.perf_counter()
                for path in paths:
                    _open(client, path)
                took = time.perf_counter() - started
                print(f"  after {name:40} {held(process):6.0f} MB ({took:5.1f} s)", flush=True)
            return int(held(process) > BAR)


@contextlib.contextmanager
def _served(dsn: str) -> Iterator[tuple[int, httpx.Client]]:
    """The process that serves, and a client that is signed in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = subprocess.Popen([sys.executable, "-m", "bench.memory", "serve", dsn, str(port)])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, follow_redirects=True) as client:
            until = time.perf_counter() + PATIENCE
            while not _answers(client):
                if running.poll() is not None or time.perf_counter() > until:
                    raise SystemExit("nothing is served")
                time.sleep(0.1)
            time.sleep(1)  # the worker's first look at its queue
            yield running.pid, _signed_in(client)
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(PATIENCE)


def _answers(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/healthz").status_code == 200
    return False


def _open(client: httpx.Client, path: str) -> None:
    answer = client.get(path).raise_for_status()
    if answer.url.path != path.partition("?")[0]:
        raise SystemExit(f"{path} led to {answer.url}")


def _signed_in(client: httpx.Client) -> httpx.Client:
    answer = client.post("/sign-in", data={"email": "demo@klynge.example", "password": PASSWORD})
    if "session" not in client.cookies:
        raise SystemExit(f"nobody is let in: {answer.status_code}")
    return client


def _serve(dsn: str, port: int) -> None:
    with listening("127.0.0.1", port) as listener:
        base = f"http://127.0.0.1:{port}"
        settings = msgspec.structs.replace(SETTINGS, database_url=dsn, base_url=base, smtp_url=SMTP, development=True)
        serve(settings, listener, True, lambda: None)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2], int(sys.argv[3]))
    else:
        given = [int(each) for each in sys.argv[1:]]
        raise SystemExit(asyncio.run(main(*(given + [100_000][len(given) :]))))
