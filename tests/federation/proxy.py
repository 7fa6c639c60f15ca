"""What may happen between two systems: a proxy that drops, mutes, doubles, holds back, breaks and cuts on purpose.

One request a connection. `faults` are drawn by a seeded generator, so a run can be had again; `seen` keeps requests.
"""

import asyncio
import contextlib
import random
import threading
from collections.abc import Sequence

FAULTS = ("none", "drop", "mute", "twice", "hold", "delay", "broken", "cut")
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
HOLD_SECONDS, DELAY_SECONDS = 0.3, 0.05


class Proxy:
    """Listens on a port of its own as soon as it is made, in a thread of its own; `to` is the port behind it."""

    def __init__(self, seed: int = 1) -> None:
        self.to = 0
        self.faults: Sequence[str] = ("none",)
        self.only = ""  # faults are for requests whose first line has this in it
        self.seen: list[bytes] = []
        self.met: list[str] = []
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._passed = asyncio.Event()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            request = await _message(reader)
            self.seen.append(request)
            first = request.split(b"\r\n", 1)[0].decode()
            fault = self._random.choice(self.faults) if self.only in first else "none"
            self.met.append(fault)
            writer.write(await self._answer(fault, request))
            await writer.drain()
        writer.close()

    async def _answer(self, fault: str, request: bytes) -> bytes:
        if fault == "drop":
            return b""
        if fault == "broken":
            return BROKEN
        if fault == "hold":  # until another one has passed it, or for a while
            self._passed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._passed.wait(), HOLD_SECONDS)
        if fault == "delay":
            await asyncio.sleep(DELAY_SECONDS)
        if fault == "twice":
            await self._forward(request)
        answer = await self._forward(request)
        self._passed.set()
        if fault == "mute":
            return b""
        return answer[: len(answer) * 2 // 3] if fault == "cut" else answer

    async def _forward(self, request: bytes) -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            return b""
        try:
            writer.write(request)
            await writer.drain()
            return await _message(reader)
        except (OSError, asyncio.IncompleteReadError):
            return b""
        finally:
            writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """A whole request or answer, which says how long it is."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    return head + await reader.readexactly(length)
