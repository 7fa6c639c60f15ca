"""Two systems as processes with ports of their own, a proxy before each, and the API of each for who manages it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.federation.proxy import Proxy
from tests.federation.two import CLAIRE, NORA
from tests.postgres import Server
from tests.processes import END_SECONDS, ROOT, environment

NETWORKS = {"a": NORA, "b": CLAIRE}
PATIENCE_SECONDS = 30.0


class Process:
    """A system that can be killed and started again; it is always reached through its proxy by the other one."""

    def __init__(self, name: str, server: Server, template: str, key: str, code: str) -> None:
        self.name, self.server, self.template, self.code = name, server, template, code
        self.database = f"klynge_process_{name}"
        self.proxy = Proxy(seed=ord(name))
        self.other: Process
        self.running: subprocess.Popen[str] | None = None
        self.place = tempfile.TemporaryDirectory()
        self.client = httpx.Client(headers={"authorization": f"Bearer {key}"}, timeout=END_SECONDS)
        self.port = 0

    def fill(self) -> None:
        """The database as it was when the agreement was made: at first, and when an old backup is put back."""
        self.server.drop_database(self.database)
        self.dsn = self.server.create_database(self.database, self.template)

    def meet(self) -> None:
        """Tell the database where the other one is."""
        self.execute(f"update federated_agreement set peer_url = '{self.other.proxy.url}', next_try_at = null")

    def execute(self, sql: str) -> None:
        Server(self.dsn).execute(sql)

    def start(self, crash_at: str = "") -> None:
        given = {
            "DATABASE_URL": self.dsn,
            "KLYNGE_BASE_URL": self.proxy.url,
            "KLYNGE_DATA_DIR": self.place.name,
            "KLYNGE_DEVELOPMENT": "1",
            "KLYNGE_OUTGOING_LOOPBACK": "1",
            "KLYNGE_CRASH_AT": crash_at,
        }
        command = [sys.executable, "-m", "tests.federation.process", "0"]
        log = Path(self.place.name) / "log"
        with log.open("w") as told:
            self.running = subprocess.Popen(
                command, cwd=ROOT, env=environment(**given), stdout=subprocess.PIPE, stderr=told, text=True
            )
        assert self.running.stdout
        said = self.running.stdout.readline()
        assert said.startswith("Serving"), f"{self.name}: {log.read_text()[-3000:]}"
        self.port = self.proxy.to = int(said.split()[1])

    def kill(self) -> None:
        """kill -9, and nothing tidied up."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.running.pid, signal.SIGKILL)
            self.running.communicate()
            self.running = None

    def died(self) -> bool:
        return self.running is not None and self.running.poll() is not None

    def end(self) -> None:
        self.kill()
        self.proxy.close()
        self.client.close()
        self.place.cleanup()
        self.server.drop_database(self.database)

    def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        """A call of the API, past the proxy."""
        sent = body if method == "POST" and body else None
        return self.client.request(method, f"http://127.0.0.1:{self.port}/api/v1{path}", json=sent)

    @property
    def agreement(self) -> str:
        return f"/networks/{NETWORKS[self.name]}/federated-agreements/{self.code}"

    def compare(self) -> dict[str, Any]:
        """What the button does; {} when the other one did not answer."""
        found = self.ask("POST", f"{self.agreement}/comparisons")
        return found.json() if found.status_code == 200 else {}

    def links(self) -> dict[str, tuple[Any, ...]]:
        """Every organisation under the agreement as this side has it: both registers, and what they add up to."""
        found = self.ask("GET", f"{self.agreement}/memberships").raise_for_status().json()["items"]
        told = ("offer", "offer_version", "decision", "decision_version", "grant_no", "tier")
        return {each["key"]: tuple(each[part] for part in told) for each in found}

    def members(self) -> set[str]:
        """The keys of those that are linked members today."""
        return {key for key, said in self.links().items() if said[-1]}

    def standing(self) -> str:
        listed = self.ask("GET", f"/networks/{NETWORKS[self.name]}/federated-agreements").json()["items"]
        return next(each["standing"] for each in listed if each["code"] == self.code)

    def end_membership(self, organisation: str) -> None:
        """The organisation leaves NORA today."""
        listed = self.ask("GET", f"/organisations/{organisation}/memberships").json()["items"]
        membership = next(each["id"] for each in listed if each["network"] == NORA)
        today = time.strftime("%Y-%m-%d")
        made = self.ask("POST", f"/memberships/{membership}/endings", effective_on=today, reason="test")
        assert made.status_code < 300, made.text


@contextlib.contextmanager
def both(server: Server, templates: tuple[str, str], key: str, code: str) -> Iterator[tuple[Process, Process]]:
    """Both running, each with the other one's proxy as its address."""
    a, b = (Process(name, server, template, key, code) for name, template in zip("ab", templates, strict=True))
    a.other, b.other = b, a
    try:
        for each in (a, b):
            each.fill()
            each.meet()
        for each in (a, b):
            each.start()
        yield a, b
    finally:
        for each in (a, b):
            each.end()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a state, however slow the machine."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)
