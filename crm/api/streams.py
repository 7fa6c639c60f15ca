"""An answer that is sent while it is made, and whose source is closed at once when nobody takes it any more."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from litestar.response import Stream
from litestar.types import ASGIApp, Receive, Scope, Send


class ClosedStream(Stream):
    """Litestar leaves a source that was not read to its end, with the connection it holds, to the collector."""

    def to_asgi_response(self, *args: Any, **named: Any) -> Any:
        return _Closing(super().to_asgi_response(*args, **named), self.iterator)


class _Closing:
    """An ASGI application around another, that closes the source after it, come what may."""

    def __init__(self, inner: ASGIApp, source: AsyncGenerator[bytes, None]) -> None:
        self._inner = inner
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._source):
            await self._inner(scope, receive, send)
