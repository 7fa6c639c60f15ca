"""Pictures members send as their logos: known by their bytes, measured, and written anew without what is not shown.

PNG (W3C PNG 3), JPEG (ITU-T T.81) and WebP (RFC 9649). No picture is decoded: structure is checked, sizes are read, and
only the parts a browser draws from are kept. So names, places and comments that cameras and programs leave in a file
(EXIF, XMP, text) are never stored, and nothing can hide behind a picture's end.
"""

import struct
import zlib
from collections.abc import Iterator
from hashlib import sha256

import msgspec

from crm.errors import Refused

BYTES_MOST = 512 * 1024
SIDE_LEAST, SIDE_MOST = 32, 2048
PNG, JPEG, WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"
_PNG_KEPT = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYS")
_WEBP_KEPT = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH")
_WEBP_ALPHA = 0x10  # the only flag of VP8X that stays: no animation, no profile, no EXIF, no XMP
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_JPEG_KEPT = {0xC4, 0xDB, 0xDD, 0xDA, *_JPEG_FRAMES}  # tables, restarts, the scan, frames; APPn and COM are dropped


class Logo(msgspec.Struct, frozen=True):
    """A picture as it is stored."""

    media_type: str
    width: int
    height: int
    content: bytes

    @property
    def hash(self) -> str:
        """What it is known by."""
        return sha256(self.content).hexdigest()


class _Broken(Exception):
    """Not what it says it is."""


def read(content: bytes, field: str = "logo") -> Logo:
    """The picture in these bytes. Refused `logo_large`, `logo_kind`, `logo_broken` or `logo_size`."""
    if len(content) > BYTES_MOST:
        raise Refused("logo_large", field, limit=BYTES_MOST // 1024, given=-(-len(content) // 1024))
    try:
        if content.startswith(PNG):
            found = _png(content)
        elif content.startswith(JPEG):
            found = _jpeg(content)
        elif content.startswith(WEBP) and content[8:12] == b"WEBP":
            found = _webp(content)
        else:
            raise Refused("logo_kind", field)
    except (_Broken, struct.error, IndexError) as error:
        raise Refused("logo_broken", field) from error
    if not (SIDE_LEAST <= found.width <= SIDE_MOST and SIDE_LEAST <= found.height <= SIDE_MOST):
        width, height = found.width, found.height
        raise Refused("logo_size", field, least=SIDE_LEAST, most=SIDE_MOST, width=width, height=height)
    return found


def _png(content: bytes) -> Logo:
    parts, out = list(_png_parts(content)), [PNG]
    kinds = [kind for kind, _ in parts]
    if kinds[:1] != [b"IHDR"] or kinds[-1:] != [b"IEND"] or b"IDAT" not in kinds or kinds.count(b"IHDR") != 1:
        raise _Broken
    width, height = struct.unpack(">II", parts[0][1][:8])
    for kind, data in parts:
        if kind in _PNG_KEPT:
            out.append(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    return Logo("image/png", width, height, b"".join(out))


def _png_parts(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) up to the end of the picture; what comes after that is nobody's."""
    at = len(PNG)
    while True:
        (length,) = struct.unpack_from(">I", content, at)
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        (crc,) = struct.unpack_from(">I", content, at + 8 + length)
        if len(data) != length or zlib.crc32(kind + data) != crc:
            raise _Broken
        yield kind, data
        if kind == b"IEND":
            return
        at += 12 + length


def _jpeg(content: bytes) -> Logo:
    at, out, size = 2, [b"\xff\xd8"], None
    while True:
        if content[at] != 0xFF:
            raise _Broken
        marker = content[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == 0xD9:
            break
        (length,) = struct.unpack_from(">H", content, at + 2)
        segment = content[at : at + 2 + length]
        if length < 2 or len(segment) != length + 2:
            raise _Broken
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            size = (width, height)
        if marker in _JPEG_KEPT or _needed(marker, segment):
            out.append(segment)
        at += 2 + length
        if marker == 0xDA:
            end = _scan_end(content, at)
            out.append(content[at:end])
            at = end
    if size is None or len(out) < 3:
        raise _Broken
    return Logo("image/jpeg", *size, b"".join(out) + b"\xff\xd9")


def _needed(marker: int, segment: bytes) -> bool:
    """What says how colours are meant: JFIF and Adobe's transform."""
    return (marker == 0xE0 and segment[4:9] == b"JFIF\0") or (marker == 0xEE and segment[4:9] == b"Adobe")


def _scan_end(content: bytes, at: int) -> int:
    """Where the next marker stands that is neither data (ff 00) nor a restart."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0:
            raise _Broken
        follows = content[at + 1]
        if follows != 0 and not 0xD0 <= follows <= 0xD7:
            return at
        at += 2


def _webp(content: bytes) -> Logo:
    (length,) = struct.unpack_from("<I", content, 4)
    if length + 8 > len(content):
        raise _Broken
    at, kept, size = 12, [], None
    while at < length + 8:
        kind = content[at : at + 4]
        (many,) = struct.unpack_from("<I", content, at + 4)
        data = content[at + 8 : at + 8 + many]
        if len(data) != many or kind in (b"ANIM", b"ANMF"):
            raise _Broken
        if kind == b"VP8X":
            size = (1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little"))
            data = bytes([data[0] & _WEBP_ALPHA]) + data[1:10]
        elif kind == b"VP8 ":
            if data[3:6] != b"\x9d\x01\x2a":
                raise _Broken
            width, height = struct.unpack_from("<HH", data, 6)
            size = size or (width & 0x3FFF, height & 0x3FFF)
        elif kind == b"VP8L":
            if data[0] != 0x2F:
                raise _Broken
            (bits,) = struct.unpack_from("<I", data, 1)
            size = size or (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        if kind in _WEBP_KEPT:
            kept.append(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2))
        at += 8 + many + many % 2
    if size is None or not any(each[:4] in (b"VP8 ", b"VP8L") for each in kept):
        raise _Broken
    body = b"WEBP" + b"".join(kept)
    return Logo("image/webp", *size, b"RIFF" + struct.pack("<I", len(body)) + body)
