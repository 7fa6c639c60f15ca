"""Which characters our paper font can show, read from the font file itself (OpenType `cmap`, formats 4 and 12).

PDF/A forbids a character without a glyph, and an invoice must come out whatever somebody is called. So what the
font lacks is shown as an empty box on paper; the e-invoice carries the name as it is written.
"""

import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

BOX = "\N{WHITE SQUARE}"
INVISIBLE = frozenset("\t\n\r\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{SOFT HYPHEN}")
_UNICODE_TABLES = ((3, 10), (0, 4), (3, 1), (0, 3))  # platform and encoding, the fullest first


def showable(text: str, font: Path) -> str:
    """The text in composed form, with a box for every character the font has no glyph for."""
    known = characters(font)
    composed = unicodedata.normalize("NFC", text)
    return "".join(sign if ord(sign) in known else " " if sign in INVISIBLE else BOX for sign in composed)


@cache
def characters(font: Path) -> frozenset[int]:
    """Every code point the font maps to a glyph. ValueError when the file has no Unicode map."""
    data = font.read_bytes()
    (count,) = struct.unpack_from(">H", data, 4)
    records = (struct.unpack_from(">4sLLL", data, 12 + 16 * i) for i in range(count))
    start = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    (tables,) = struct.unpack_from(">H", data, start + 2)
    found = {
        (platform, encoding): start + offset
        for platform, encoding, offset in (struct.unpack_from(">HHL", data, start + 4 + 8 * i) for i in range(tables))
    }
    for wanted in _UNICODE_TABLES:
        if wanted in found:
            return frozenset(_mapped(data, found[wanted]))
    raise ValueError(f"{font.name} has no Unicode map")


def _mapped(data: bytes, at: int) -> Iterator[int]:
    (kind,) = struct.unpack_from(">H", data, at)
    if kind == 12:
        (groups,) = struct.unpack_from(">L", data, at + 12)
        for i in range(groups):
            first, last, _ = struct.unpack_from(">LLL", data, at + 16 + 12 * i)
            yield from range(first, last + 1)
    elif kind == 4:
        (double,) = struct.unpack_from(">H", data, at + 6)
        lasts = struct.unpack_from(f">{double // 2}H", data, at + 14)
        firsts = struct.unpack_from(f">{double // 2}H", data, at + 16 + double)
        for first, last in zip(firsts, lasts, strict=True):
            yield from range(first, min(last, 0xFFFE) + 1)
