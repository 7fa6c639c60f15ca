"""Senders of e-invoices: a folder, and HTTP against a small access point on loopback that takes each key once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from crm.gateways.ehf import FolderSender, HttpSender, NotDelivered, State, sender_from
from crm.settings import Settings, SettingsError

pytestmark = pytest.mark.anyio

PEPPOL = "0192:310004715"


class AccessPoint:
    """Answers one request after the other: a failure it is told, or the document's state; the same key is the same."""

    def __init__(self) -> None:
        self.failures: list[tuple[int, bytes]] = []
        self.taken: dict[str, tuple[str, bytes]] = {}
        self.states: dict[str, State] = {}
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        status, content = self.failures.pop(0) if self.failures else (200, self.answer(method, path, headers, body))
        writer.write(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(content)))
        writer.write(content)
        await writer.drain()
        writer.close()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if method == "GET":
            return msgspec.json.encode(self.states[path.rsplit("/", 1)[1]])
        key = headers["idempotency-key"]
        self.taken.setdefault(key, (headers["peppol-recipient"], body))
        return msgspec.json.encode(self.states.setdefault(f"id-{key}", State(f"id-{key}", "sent")))


@pytest.fixture
async def point() -> AsyncIterator[AccessPoint]:
    point = AccessPoint()
    server = await asyncio.start_server(point.serve, "127.0.0.1", 0)
    point.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/documents"
    async with server:
        yield point


async def test_over_http_each_key_is_taken_once(point: AccessPoint) -> None:
    sender = HttpSender(point.url)
    for _ in range(2):
        assert await sender.send("key", PEPPOL, b"<x/>") == State("id-key", "sent")
    assert point.taken == {"key": (PEPPOL, b"<x/>")}
    point.states["id-key"] = State("id-key", "rejected", "no such buyer")
    assert await sender.state("id-key") == State("id-key", "rejected", "no such buyer")


@pytest.mark.parametrize(("status", "final"), [(400, True), (404, True), (409, False), (429, False), (503, False)])
async def test_over_http_a_refusal_is_final_or_not(point: AccessPoint, status: int, final: bool) -> None:
    point.failures = [(status, b"why")]
    with pytest.raises(NotDelivered, match=f"{status} why") as failure:
        await HttpSender(point.url).send("key", PEPPOL, b"<x/>")
    assert failure.value.final is final


async def test_over_http_nonsense_and_silence_are_tried_again(point: AccessPoint) -> None:
    point.failures = [(200, b"<html>")]
    with pytest.raises(NotDelivered, match="cannot be read") as failure:
        await HttpSender(point.url).send("key", PEPPOL, b"<x/>")
    assert not failure.value.final
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(5), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(NotDelivered, match="Timeout") as failure:
        await HttpSender(f"http://127.0.0.1:{port}", timeout_seconds=0.2).send("key", PEPPOL, b"<x/>")
    silent.close()
    assert not failure.value.final


async def test_a_folder_as_sender(tmp_path: Path) -> None:
    sender = FolderSender(tmp_path / "out")
    for _ in range(2):
        assert await sender.send("key", PEPPOL, b"<x/>") == State("key", "sent")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["key.xml"]
    assert await sender.state("key") == State("key", "sent")
    (tmp_path / "out" / "key.accepted").touch()
    assert await sender.state("key") == State("key", "accepted")
    (tmp_path / "out" / "key.rejected").write_text("no such buyer\n")
    assert await sender.state("key") == State("key", "rejected", "no such buyer")
    (tmp_path / "file").touch()
    with pytest.raises(NotDelivered) as failure:
        await FolderSender(tmp_path / "file").send("key", PEPPOL, b"")
    assert not failure.value.final


def test_the_setting_names_a_sender() -> None:
    assert sender_from(Settings()) is None
    assert isinstance(sender_from(Settings(ehf_url="folder:/var/spool/ehf")), FolderSender)
    assert isinstance(sender_from(Settings(ehf_url="https://ap.example/documents")), HttpSender)
    for wrong in ("ftp://x", "folder:", "nonsense"):
        with pytest.raises(SettingsError):
            sender_from(Settings(ehf_url=wrong))
