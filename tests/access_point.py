"""A fake access point on loopback. It carries nothing into Peppol: it keeps what it is given, and fails as it is told.

It keeps the two promises ours rests on: one key is one document, however often it comes; and it can be asked.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "fake-token"
REFUSED = "the recipient is not in Peppol"


class AccessPoint:
    """What arrived by key, what became of it, and the faults that come next (each is used up by one request)."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.states: dict[str, dict[str, str]] = {}
        self.posts: list[str] = []
        self.recipients: list[str] = []
        self.faults: list[str] = []
        self.slow_seconds = 0.0
        self.url = ""

    def decide(self, key: str, status: str, reason: str = "") -> None:
        """The receiver's side has answered."""
        self.states[key] = {"id": key, "status": status, "reason": reason}

    def take(self, key: str, body: bytes) -> tuple[int, dict[str, str]]:
        """One key is one document."""
        if self.documents.setdefault(key, body) != body:
            return 422, {"reason": "this key has carried another document"}
        self.states.setdefault(key, {"id": key, "status": "sent", "reason": ""})
        return 201, self.states[key]


@contextmanager
def access_point() -> Iterator[AccessPoint]:
    """A running one; `url` is where."""
    point = AccessPoint()

    class Handler(_Handler):
        held = point

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    point.url = f"http://127.0.0.1:{server.server_address[1]}/documents"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield point
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    held: AccessPoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        point = self.held
        body = self.rfile.read(int(self.headers["content-length"]))
        key = self.headers["idempotency-key"]
        point.posts.append(key)
        point.recipients.append(self.headers["peppol-recipient"])
        fault = point.faults.pop(0) if point.faults else ""
        if self.headers["authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {"reason": "who are you"})
        elif fault == "500":
            self._answer(500, {})
        elif fault == "reject":
            self._answer(422, {"reason": REFUSED})
        elif fault == "garbage":
            self._answer(200, "<html>")
        elif fault == "flood":
            self._answer(200, "[" * 1_000_000)
        elif fault == "404":
            self._answer(404, {})
        else:
            status, answer = point.take(key, body)
            if fault == "timeout_after_accept":
                time.sleep(point.slow_seconds)
            self._answer(status, answer)

    def do_GET(self) -> None:
        key = self.path.rpartition("/")[2]
        found = self.held.states.get(key)
        self._answer(200 if found else 404, found or {})

    def _answer(self, status: int, answer: object) -> None:
        body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True  # the caller has given up waiting; that is what is being tried

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
