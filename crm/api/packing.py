"""Answers packed smaller on their way, as Accept-Encoding asks for it: zstd or gzip, whole or as a stream.

A packed stream that was cut off has no end of its frame (and zstd a checksum besides), so that nobody takes a part of
a list for the list; RFC 9110 section 12.5.3, RFC 8878.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from backports import zstd

CODINGS = ("zstd", "gzip")  # the first of those that are wished for alike
WORTH_BYTES = 1400  # less fits into one packet anyway
IN_A_THREAD_BYTES = 64 * 1024
LEVEL = 1
_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")
_ZSTD = {zstd.CompressionParameter.compression_level: LEVEL, zstd.CompressionParameter.checksum_flag: 1}


class _Packer(Protocol):
    def compress(self, data: bytes) -> bytes: ...
    def flush(self) -> bytes: ...


def coding(header: str) -> str:
    """What an answer is to be packed with; "" = not at all, also when nothing we have is acceptable."""
    wishes = _wishes(header)
    rest = wishes.get("*", 0.0)
    plain = wishes.get("identity", 0.0)
    best = max(CODINGS, key=lambda name: wishes.get(name, rest))
    return best if wishes.get(best, rest) > 0 and wishes.get(best, rest) >= plain else ""


def pack(body: bytes, how: str) -> bytes:
    """The whole of a body."""
    packer = _packer(how)
    return packer.compress(body) + packer.flush()


async def packed(body: bytes, how: str) -> bytes:
    """The whole of a body, out of the way of other requests when it is long."""
    if len(body) < IN_A_THREAD_BYTES:
        return pack(body, how)
    return await asyncio.to_thread(pack, body, how)


async def stream(chunks: AsyncGenerator[bytes, None], how: str) -> AsyncGenerator[bytes, None]:
    """Piece by piece, each in a thread; the end is written when the source has come to its own."""
    packer = _packer(how)
    async with aclosing(chunks):
        async for chunk in chunks:
            if made := await asyncio.to_thread(packer.compress, chunk):
                yield made
        yield packer.flush()


def _packer(how: str) -> _Packer:
    return zstd.ZstdCompressor(options=_ZSTD) if how == "zstd" else zlib.compressobj(level=LEVEL, wbits=31)


def _wishes(header: str) -> dict[str, float]:
    """Coding -> how much it is wished for; what is not well formed is not asked for."""
    out: dict[str, float] = {}
    for each in header.lower().split(",")[:20]:
        name, _, parameter = (part.strip() for part in each.partition(";"))
        key, _, value = (part.strip() for part in parameter.partition("="))
        if not parameter:
            out[name] = 1.0
        elif key == "q" and _QUALITY.fullmatch(value):
            out[name] = float(value)
    return out
