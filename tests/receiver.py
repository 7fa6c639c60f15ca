"""A partner's system that takes webhooks on loopback: keeps what it got, answers as told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from crm.actions.webhook_deliveries import Policy
from crm.gateways.outgoing import Rules

WAIT_SECONDS = 20.0
NEAR = Rules(loopback=True)
PATIENT = Policy(rules=NEAR, chance=lambda: 0.5)  # no jitter: waits are exactly the plan's


class Heard(msgspec.Struct, frozen=True):
    """One request: headers in lower case, and the body as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, object]:
        found: dict[str, object] = msgspec.json.decode(self.body)
        return found


class Receiver:
    """Answers 204, or the next of `answers`: a status line with headers below it, or None to hang up."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: list[str | None] = []
        self.always = "204 No Content"
        self.url = ""
        self._rung = asyncio.Event()

    async def until(self, count: int) -> list[Heard]:
        """Wait until so many have come."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.heard) < count:
                self._rung.clear()
                await self._rung.wait()
        return self.heard

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.heard.append(Heard(headers, body))
        self._rung.set()
        said = self.answers.pop(0) if self.answers else self.always
        if said is not None:
            status, _, rest = said.partition("\n")
            told = "".join(f"{line}\r\n" for line in rest.splitlines())
            writer.write(f"HTTP/1.1 {status}\r\nconnection: close\r\n{told}content-length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver, as long as the block goes on."""
    found = Receiver()
    server = await asyncio.start_server(found._serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks"
    try:
        yield found
    finally:
        server.close()
