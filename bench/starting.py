"""From the command to the first page, on empty data and warm; what the process holds then; what of it imports are.

`crm demo` runs web and worker in one process beside an embedded server. Memory is Pss: its own pages and its part of
what it shares (the database's processes not counted). Baseline of the imports: the packages alone, no line of ours.
Run: python -m bench.starting [rounds]
"""

import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

ROUNDS = 5
BARS = {"empty": 5.0, "warm": 1.0, "memory": 170}
PACKAGES = (
    "import litestar, piccolo.conf.apps, piccolo.table, pgqueuer, stripe, webauthn, authlib, structlog, jinja2, uvicorn"
)
PATIENCE = 120


def main(rounds: int) -> int:
    """Start once on nothing, then again and again on what is there."""
    place = Path(tempfile.mkdtemp(prefix="klynge-bench-"))
    try:
        empty, _ = _start(place)
        warm, memory = zip(*[_start(place) for _ in range(rounds)], strict=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    ours, theirs = (_imported(code, rounds) for code in ("import crm.__main__, crm.cli", PACKAGES))
    figures = {"empty": empty, "warm": statistics.median(warm), "memory": statistics.median(memory)}
    print(f"start on empty data to the first page   {figures['empty']:6.2f} s   (bar {BARS['empty']:.0f})")
    print(f"start on data to the first page         {figures['warm']:6.2f} s   (bar {BARS['warm']:.0f}, of {rounds})")
    print(f"  of it imports, time of a processor    {ours:6.2f} s   packages alone {theirs:.2f}: {ours / theirs:.2f}")
    print(f"web and worker in one process, Pss      {figures['memory']:6.0f} MB  (bar {BARS['memory']})")
    return int(any(figures[name] > bar for name, bar in BARS.items()))


def _start(place: Path) -> tuple[float, float]:
    """Seconds to the first page, and megabytes then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    command = [sys.executable, "-m", "crm", "demo", "--port", str(port), "--data-dir", str(place)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _first_page(f"http://127.0.0.1:{port}/nb/", running)
        return time.perf_counter() - began, held(running.pid)
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(PATIENCE)


def _first_page(address: str, running: subprocess.Popen) -> None:
    until = time.perf_counter() + PATIENCE
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(address, timeout=PATIENCE).status_code == 200:
                return
        if running.poll() is not None or time.perf_counter() > until:
            raise SystemExit("crm demo shows no page")
        time.sleep(0.02)


def held(process: int) -> float:
    rolled = Path(f"/proc/{process}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", rolled, re.MULTILINE)[1]) / 1024


def _imported(code: str, rounds: int) -> float:
    """Seconds of a processor, the best of so many; an interpreter that imports nothing taken off."""

    def once(what: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", what], check=True, env=os.environ)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once(code) for _ in range(rounds)) - min(once("") for _ in range(rounds))


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
