"""QR codes: the same modules as another program makes, whole corners, and nothing that does not fit."""

import hashlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from crm.gateways import qr

LONG = "https://klynge.example/nb/betal/" + "k" * 90 + "/x"
FINDER = (0b1111111, 0b1000001, 0b1011101, 0b1011101, 0b1011101, 0b1000001, 0b1111111)


@pytest.mark.parametrize(
    ("text", "size", "sha256"),
    [
        ("https://klynge.example/pay/abc", 29, "88939758939f9c766100ec2e0a738b07a86f452f82106906931df75c079a7da9"),
        ("ø" * 40, 37, "b645440e6c2e151b2fdaf4c83d3c11720a836c97dbf59595341684e86f3325d6"),
        (LONG, 49, "13f8228b89461d18ee480c65a696d1331a155c71c28cc5dc6a2781cb147a5541"),
    ],
)
def test_the_modules_are_those_of_another_program(text: str, size: int, sha256: str) -> None:
    """Hashes of what the Python package qrcode 8 makes in byte mode, level M, with the same mask."""
    rows = qr.matrix(text)
    assert len(rows) == size
    found = hashlib.sha256("\n".join(f"{row:x}" for row in rows).encode()).hexdigest()
    assert found == sha256


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=qr.MOST_BYTES))
def test_every_code_has_its_three_corners_and_its_timing(text: str) -> None:
    rows = qr.matrix(text)
    size = len(rows)
    assert (size - 17) % 4 == 0
    for dy, pattern in enumerate(FINDER):
        assert rows[dy] & 0x7F == rows[dy] >> (size - 7) & 0x7F == rows[size - 7 + dy] & 0x7F == pattern
    assert all(rows[6] >> x & 1 == (x % 2 == 0) for x in range(8, size - 8))
    assert all(rows[y] >> 6 & 1 == (y % 2 == 0) for y in range(8, size - 8))


def test_the_drawing_has_the_same_modules() -> None:
    rows = qr.matrix("abc")
    root = etree.fromstring(qr.svg("abc").encode())
    drawn = [0] * len(rows)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", root[0].get("d")):
        for at in range(int(length)):
            drawn[int(y) - qr.QUIET] |= 1 << (int(x) - qr.QUIET + at)
    assert drawn == rows
    assert root.get("viewBox") == f"0 0 {len(rows) + 2 * qr.QUIET} {len(rows) + 2 * qr.QUIET}"


def test_the_most_that_fits_and_one_more() -> None:
    assert len(qr.matrix("x" * qr.MOST_BYTES)) == 57
    with pytest.raises(ValueError, match="213 bytes, not 214"):
        qr.matrix("x" * (qr.MOST_BYTES + 1))
