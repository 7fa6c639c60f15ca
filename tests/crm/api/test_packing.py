"""What an answer is packed with, and that a packed stream which was cut off is not taken for a whole one."""

import asyncio
import zlib
from collections.abc import AsyncGenerator

import httpx
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from crm.api import packing
from tests.crm.api.support import NORA, V1

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("header", "how"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("GZIP;q=1.0, zstd;q=0.5", "gzip"),
        ("zstd;q=0.5, gzip;q=0.500", "zstd"),
        ("br", ""),
        ("*", "zstd"),
        ("zstd;q=0, *", "gzip"),
        ("gzip;q=0", ""),
        ("*;q=0", ""),
        ("identity, gzip;q=0.5", ""),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity;q=0, gzip;q=0.001", "gzip"),
        ("gzip;q=2", ""),
        ("gzip;q=0.1234", ""),
        ("gzip;x=1", ""),
        ("gzip ; q=0.3", "gzip"),
        ("gzipped", ""),
    ],
)
def test_the_coding_that_is_wished_for_most(header: str, how: str) -> None:
    assert packing.coding(header) == how


@given(st.text(alphabet="gzipstdq=;,.01* ", max_size=40))
def test_any_header_has_an_answer(header: str) -> None:
    assert packing.coding(header) in ("", *packing.CODINGS)


async def chunks(parts: list[bytes], breaks: bool = False) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part
    if breaks:
        raise ConnectionError


def opened(packed: bytes, how: str) -> tuple[bytes, bool]:
    """The text, and whether the end of the frame was there."""
    opener = zstd.ZstdDecompressor() if how == "zstd" else zlib.decompressobj(wbits=31)
    return opener.decompress(packed), opener.eof


@pytest.mark.parametrize("how", packing.CODINGS)
@given(parts=st.lists(st.binary(max_size=3000), max_size=6))
def test_a_stream_and_a_whole_are_what_was_packed(how: str, parts: list[bytes]) -> None:
    whole = b"".join(parts)

    async def streamed() -> bytes:
        return b"".join([each async for each in packing.stream(chunks(parts), how)])

    assert opened(asyncio.run(streamed()), how) == (whole, True)
    assert opened(packing.pack(whole, how), how) == (whole, True)


@pytest.mark.parametrize("how", packing.CODINGS)
async def test_a_stream_that_is_cut_off_has_no_end(how: str) -> None:
    parts, got = [b"one member\n" * 40_000] * 3, b""
    with pytest.raises(ConnectionError):
        async for each in packing.stream(chunks(parts, breaks=True), how):
            got += each
    text, ended = opened(got, how) if got else (b"", False)
    assert not ended
    assert b"".join(parts).startswith(text)
    packed = packing.pack(b"".join(parts), how)
    for length in (len(packed) - 1, len(packed) // 2):
        assert not opened(packed[:length], how)[1]


async def test_a_changed_byte_is_noticed() -> None:
    packed = bytearray(packing.pack(b"a list of members" * 100, "zstd"))
    packed[-1] ^= 1
    with pytest.raises(zstd.ZstdError):
        zstd.decompress(bytes(packed))


@pytest.mark.parametrize("path", ["members?limit=1000", "changes?limit=1000", "digest", "members"])
async def test_lists_digest_and_stream_come_packed(
    client: httpx.AsyncClient, partner_keys: dict[str, str], path: str
) -> None:
    headers = {"authorization": f"Bearer {partner_keys[NORA]}"}
    if path == "members":
        headers["accept"] = "application/x-ndjson"
    answers, tags = {}, set()
    for how in ("", *packing.CODINGS):
        asked = {**headers, "accept-encoding": how or "identity"}
        async with client.stream("GET", f"{V1}/networks/{NORA}/{path}", headers=asked) as answer:
            raw = b"".join([each async for each in answer.aiter_raw()])
        assert answer.status_code == 200
        assert answer.headers.get("content-encoding", "") == how
        assert "Accept-Encoding" in answer.headers["vary"]
        answers[how] = opened(raw, how) if how else (raw, True)
        tags.add(answer.headers.get("etag", how))
        if etag := answer.headers.get("etag"):
            again = await client.get(f"{V1}/networks/{NORA}/{path}", headers={**asked, "if-none-match": etag})
            assert again.status_code == 304
            assert "Accept-Encoding" in again.headers["vary"]
    assert len(tags) == 3, "each coding has an ETag of its own"
    assert len(set(answers.values())) == 1
    assert len(answers[""][0]) > packing.WORTH_BYTES


async def test_what_is_short_is_not_packed(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    headers = {"authorization": f"Bearer {partner_keys[NORA]}", "accept-encoding": "zstd"}
    answer = await client.get(f"{V1}/networks/{NORA}/members?limit=1", headers=headers)
    assert "content-encoding" not in answer.headers
    assert answer.json()["items"]
