"""QR codes for pay links (ISO/IEC 18004): byte mode, error correction M, versions 1 to 10, as one SVG path.

Small on purpose: an address of up to 213 bytes is all a document needs. Rows are whole numbers, one bit a module
(the lowest bit is the leftmost), so that choosing the mask costs no loop over single modules.
"""

import itertools
from functools import cache
from typing import NamedTuple

MOST_BYTES = 213
QUIET = 2  # modules of white around; the paper around is white too
_VERSIONS = range(1, 11)
_EC_PER_BLOCK = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26)  # level M
_BLOCKS = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5)
_LEVEL_M = 0
_FORMAT_MASK, _FORMAT_DIVISOR = 0x5412, 0x537
_VERSION_DIVISOR = 0x1F25
_MASKS = (
    lambda x, y: (x + y) % 2,
    lambda x, y: y % 2,
    lambda x, y: x % 3,
    lambda x, y: (x + y) % 3,
    lambda x, y: (x // 3 + y // 2) % 2,
    lambda x, y: x * y % 2 + x * y % 3,
    lambda x, y: (x * y % 2 + x * y % 3) % 2,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2,
)
_FINDER_LIKE = (0b00001011101, 0b10111010000)


class _Frame(NamedTuple):
    """What is fixed in a version: its size, the set modules, which are taken, where data goes, and the masks."""

    size: int
    dark: tuple[int, ...]
    taken: tuple[int, ...]
    path: tuple[tuple[int, int], ...]
    masks: tuple[tuple[int, ...], ...]


def svg(text: str) -> str:
    """The code as an SVG image of dark modules on nothing. ValueError when the text has more than 213 bytes."""
    rows = matrix(text)
    size = len(rows) + 2 * QUIET
    path = "".join(
        f"M{x + QUIET} {y + QUIET}h{length}v1h-{length}z"
        for y, row in enumerate(rows)
        for x, length in _runs(row, len(rows))
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"><path d="{path}"/></svg>'


def matrix(text: str) -> list[int]:
    """The modules as rows; bit x of row y is set where the module is dark."""
    data = text.encode()
    version = next((v for v in _VERSIONS if len(data) <= _room(v)), None)
    if version is None:
        raise ValueError(f"a QR code of ours takes {MOST_BYTES} bytes, not {len(data)}")
    frame = _frame(version)
    rows = list(frame.dark)
    bits = "".join(f"{byte:08b}" for byte in _codewords(data, version))
    for (x, y), bit in zip(frame.path, bits, strict=False):  # what is left over stays light
        rows[y] |= (bit == "1") << x
    tried = (_masked(rows, frame, number) for number in range(len(_MASKS)))
    return min(tried, key=lambda each: _penalty(each, frame.size))


def _runs(row: int, size: int) -> list[tuple[int, int]]:
    """(start, length) of what is dark in a row."""
    out, x = [], 0
    while x < size:
        length = 0
        while row >> (x + length) & 1:
            length += 1
        if length:
            out.append((x, length))
        x += length + 1
    return out


# Data


def _raw(version: int) -> int:
    """Codewords that fit into a version, data and error correction together."""
    modules = (16 * version + 128) * version + 64
    if version >= 2:
        aligned = version // 7 + 2
        modules -= (25 * aligned - 10) * aligned - 55
    return (modules - 36 * (version >= 7)) // 8


def _room(version: int) -> int:
    """Bytes of text that fit: mode and length take 12 or 20 bits."""
    data = _raw(version) - _EC_PER_BLOCK[version - 1] * _BLOCKS[version - 1]
    return data - (2 if version < 10 else 3)


def _codewords(data: bytes, version: int) -> list[int]:
    """Mode, length, text, padding; cut into blocks, each with its error correction, dealt out in turns."""
    blocks, extra = _BLOCKS[version - 1], _EC_PER_BLOCK[version - 1]
    whole = _raw(version) - blocks * extra
    bits = f"0100{len(data):0{8 if version < 10 else 16}b}" + "".join(f"{byte:08b}" for byte in data)
    bits += "0" * min(4, 8 * whole - len(bits))
    bits += "0" * (-len(bits) % 8)
    words = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    words += [(0xEC, 0x11)[i % 2] for i in range(whole - len(words))]
    short, longer = divmod(whole, blocks)
    cut, parts = 0, []
    for number in range(blocks):
        length = short + (number >= blocks - longer)
        parts.append(words[cut : cut + length])
        cut += length
    corrections = [_correction(part, extra) for part in parts]
    out = [part[i] for i in range(short + 1) for part in parts if i < len(part)]
    return out + [each[i] for i in range(extra) for each in corrections]


def _times(x: int, y: int) -> int:
    """Product in the field of 256 elements that QR codes count in."""
    product = 0
    for bit in range(7, -1, -1):
        product = (product << 1) ^ ((product >> 7) * 0x11D)
        product ^= (y >> bit & 1) * x
    return product


@cache
def _divisor(degree: int) -> tuple[tuple[int, ...], ...]:
    """For each possible factor, the generator polynomial of this degree times it."""
    generator, root = [0] * (degree - 1) + [1], 1
    for _ in range(degree):
        generator = [
            _times(each, root) ^ (generator[i + 1] if i + 1 < degree else 0) for i, each in enumerate(generator)
        ]
        root = _times(root, 2)
    return tuple(tuple(_times(each, factor) for each in generator) for factor in range(256))


def _correction(part: list[int], degree: int) -> list[int]:
    """The remainder of the division: Reed-Solomon's error correction."""
    table, rest = _divisor(degree), [0] * degree
    for word in part:
        times = table[word ^ rest[0]]
        rest = [each ^ add for each, add in zip([*rest[1:], 0], times, strict=True)]
    return rest


# Modules


@cache
def _frame(version: int) -> _Frame:
    size = 17 + 4 * version
    dark, taken = [0] * size, [0] * size

    def put(x: int, y: int, on: bool) -> None:
        if 0 <= x < size and 0 <= y < size:
            taken[y] |= 1 << x
            dark[y] = dark[y] & ~(1 << x) | on << x

    for i in range(size):
        put(6, i, i % 2 == 0)
        put(i, 6, i % 2 == 0)
    for cx, cy in ((3, 3), (size - 4, 3), (3, size - 4)):
        for dx in range(-4, 5):
            for dy in range(-4, 5):
                put(cx + dx, cy + dy, max(abs(dx), abs(dy)) not in (2, 4))
    places = _alignments(version)
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    for cx, cy in ((a, b) for a in places for b in places if (a, b) not in corners):
        for dx in range(-2, 3):
            for dy in range(-2, 3):
                put(cx + dx, cy + dy, max(abs(dx), abs(dy)) != 1)
    for x, y, on in _format(size, 0):
        put(x, y, on and False)
    for x, y, on in _version(version, size):
        put(x, y, on)
    path = tuple(_path(size, taken))
    masks = tuple(tuple(_mask_row(size, y, taken[y], number) for y in range(size)) for number in range(len(_MASKS)))
    return _Frame(size, tuple(dark), tuple(taken), path, masks)


def _mask_row(size: int, y: int, taken: int, number: int) -> int:
    return sum(1 << x for x in range(size) if _MASKS[number](x, y) == 0) & ~taken


def _alignments(version: int) -> list[int]:
    if version == 1:
        return []
    count, size = version // 7 + 2, 17 + 4 * version
    step = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
    return [6, *(size - 7 - i * step for i in range(count - 2, -1, -1))]


def _path(size: int, taken: list[int]) -> list[tuple[int, int]]:
    """Where data goes: two columns at a time from the right, up and down, around the timing column."""
    out = []
    for right in range(size - 1, 0, -2):
        column = right - (right <= 6)
        upward = (column + 1) & 2 == 0
        for step in range(size):
            y = size - 1 - step if upward else step
            out += [(x, y) for x in (column, column - 1) if not taken[y] >> x & 1]
    return out


def _remainder(value: int, divisor: int, bits: int) -> int:
    rest = value
    for _ in range(bits):
        rest = (rest << 1) ^ ((rest >> (bits - 1)) * divisor)
    return rest & ((1 << bits) - 1)


def _format(size: int, mask: int) -> list[tuple[int, int, bool]]:
    """Level and mask, written twice; and the module that is always dark."""
    data = _LEVEL_M << 3 | mask
    bits = (data << 10 | _remainder(data, _FORMAT_DIVISOR, 10)) ^ _FORMAT_MASK
    first = [(8, y) for y in range(6)] + [(8, 7), (8, 8), (7, 8)] + [(14 - i, 8) for i in range(9, 15)]
    second = [(size - 1 - i, 8) for i in range(8)] + [(8, size - 15 + i) for i in range(8, 15)]
    out = [(x, y, bool(bits >> i & 1)) for places in (first, second) for i, (x, y) in enumerate(places)]
    return [*out, (8, size - 8, True)]


def _version(version: int, size: int) -> list[tuple[int, int, bool]]:
    if version < 7:
        return []
    bits = version << 12 | _remainder(version, _VERSION_DIVISOR, 12)
    out = []
    for i in range(18):
        a, b, on = size - 11 + i % 3, i // 3, bool(bits >> i & 1)
        out += [(a, b, on), (b, a, on)]
    return out


def _masked(rows: list[int], frame: _Frame, number: int) -> list[int]:
    out = [row ^ mask for row, mask in zip(rows, frame.masks[number], strict=True)]
    for x, y, on in _format(frame.size, number):
        out[y] |= on << x
    return out


def _penalty(rows: list[int], size: int) -> int:
    """How hard a code is to read (ISO/IEC 18004, 7.8.3): long runs, blocks, what looks like a corner, imbalance."""
    full = (1 << size) - 1
    columns = [int("".join(bits), 2) for bits in zip(*(f"{row:0{size}b}" for row in rows), strict=True)]
    points = 0
    for line in (*rows, *columns):
        for side in (line, ~line & full):
            runs = side & side >> 1 & side >> 2 & side >> 3 & side >> 4
            starts = runs & ~(runs << 1)
            points += runs.bit_count() + 2 * starts.bit_count()
        for pattern in _FINDER_LIKE:
            found = full >> 10
            for bit in range(11):
                found &= line >> bit if pattern >> bit & 1 else ~(line >> bit)
            points += 40 * found.bit_count()
    for upper, lower in itertools.pairwise(rows):
        same = ~(upper ^ lower) & full
        pairs = same & same >> 1 & ~(upper ^ upper >> 1) & full >> 1
        points += 3 * pairs.bit_count()
    dark = sum(row.bit_count() for row in rows)
    return points + 10 * (abs(20 * dark - 10 * size * size) // (size * size))
