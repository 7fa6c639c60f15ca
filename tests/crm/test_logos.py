"""Logos by their bytes: known by what they are, measured, cleaned of what is not shown; everything else refused."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import logos
from crm.errors import Refused


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=64, height=48, *more):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(min(height, 64)))))
    return logos.PNG + head + b"".join(more) + body + chunk(b"IEND", b"")


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(width=64, height=48, *more):
    frame = segment(0xC0, b"\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + b"".join(more) + frame + scan + b"\xff\xd9"


def webp(kind=b"VP8 ", width=64, height=48, *more):
    if kind == b"VP8 ":
        data = b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + b"\0" * 10
    else:
        data = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0" * 9
    parts = b"".join(more) + kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(parts) + 4) + b"WEBP" + parts


SECRET = b"GPS 59.9139 N, Kari Nordby"
VP8X = b"VP8X" + struct.pack("<I", 10) + bytes([0x1C, 0, 0, 0, 63, 0, 0, 47, 0, 0])
EXIF = b"EXIF" + struct.pack("<I", len(SECRET)) + SECRET
GOOD = {
    "png": (png(64, 48, chunk(b"tEXt", SECRET), chunk(b"eXIf", SECRET)) + SECRET, "image/png"),
    "jpeg": (jpeg(64, 48, segment(0xE1, SECRET), segment(0xFE, SECRET)) + SECRET, "image/jpeg"),
    "webp": (webp(b"VP8 ", 64, 48) + SECRET, "image/webp"),
    "webp lossless": (webp(b"VP8L", 64, 48, EXIF), "image/webp"),
    "webp extended": (webp(b"VP8 ", 64, 48, VP8X, EXIF), "image/webp"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_picture_is_measured_and_nothing_hidden_is_kept(name):
    content, media_type = GOOD[name]
    assert SECRET in content or name == "webp extended"
    found = logos.read(content)
    assert (found.media_type, found.width, found.height) == (media_type, 64, 48)
    assert SECRET not in found.content and b"Kari" not in found.content
    assert logos.read(found.content) == found, "what is kept is a picture, and stays as it is"
    assert found.hash == logos.read(content).hash and len(found.hash) == 64


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "logo_kind"), (b"GIF89a" + b"\0" * 40, "logo_kind"), (b"<svg onload='alert(1)'/>", "logo_kind"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "logo_kind"), (b"<html>" + png(), "logo_kind"),
        (png()[:-20], "logo_broken"), (png().replace(b"IDAT", b"IDAX"), "logo_broken"), (logos.PNG, "logo_broken"),
        (logos.PNG + chunk(b"IEND", b""), "logo_broken"), (jpeg()[:40], "logo_broken"), (jpeg()[:-2], "logo_broken"),
        (b"\xff\xd8\xff\xd9", "logo_broken"), (webp()[:-4], "logo_broken"),
        (webp(b"VP8 ", 64, 48, b"ANIM\x06\0\0\0" + b"\0" * 6), "logo_broken"),
        (webp().replace(b"\x9d\x01", b"\0\0"), "logo_broken"),
        (png(16, 64), "logo_size"), (png(64, 4000), "logo_size"), (jpeg(65535, 48), "logo_size"),
        (webp(b"VP8L", 9000, 48), "logo_size"), (png() + b"\0" * logos.BYTES_MOST, "logo_large"),
    ],
)  # fmt: skip
def test_what_is_no_logo_is_refused_and_says_why(content, code):
    with pytest.raises(Refused) as refused:
        logos.read(content)
    assert (refused.value.code, refused.value.field) == (code, "logo")


@given(st.sampled_from(sorted(GOOD)), st.integers(0, 400), st.binary(max_size=6))
def test_whatever_happened_to_a_file_it_is_read_or_refused(name, at, noise):
    content = GOOD[name][0]
    at %= len(content)
    try:
        found = logos.read(content[:at] + noise + content[at + len(noise) :])
    except Refused as refused:
        assert refused.code.startswith("logo_")
    else:
        assert logos.read(found.content).content == found.content
