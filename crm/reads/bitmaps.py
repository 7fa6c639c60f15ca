"""Places in a list as bits of one long number: there and back, by the language's own loops where it can be.

Who has which mark is one such number for each: counting who has both of two is an `and` and a count of bits, 10
microseconds at 100,000 places.
"""

import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence

_SET = re.compile(rb"[^\x00]")
_TRUTH = bytes(byte == ord("1") for byte in range(256))
_ROOM = 1024  # bytes by which the numbers grow
Bits = int


def unpacked(packed: bytes) -> array:
    """Places as the database packs them: four bytes each, the highest first."""
    out = array("i", bytes(packed))
    out.byteswap()
    return out


def of_places(packed: bytes) -> Bits:
    """Bits out of places as the database packs them."""
    return of_list(unpacked(packed)) if packed else 0


def of_list(found: Sequence[int]) -> Bits:
    """Bits out of places."""
    if not found:
        return 0
    signs = bytearray(b"0") * (max(found) + 1)
    for place in found:
        signs[place] = 49
    signs.reverse()
    return int(signs, 2)


def places(bits: Bits, most: int) -> list[int]:
    """The first places in a number, at most so many."""
    out: list[int] = []
    for place in _walk(bits):
        out.append(place)
        if len(out) == most:
            break
    return out


def truth(bits: Bits, size: int) -> bytes:
    """For each place 1 or 0, of at least so many."""
    return f"{bits:b}".encode().translate(_TRUTH)[::-1].ljust(size, b"\0")


def any_of(sets: Iterable[Bits]) -> Bits:
    """Who is in one of them or more."""
    bits = 0
    for each in sets:
        bits |= each
    return bits


def all_of(sets: Sequence[Bits]) -> Bits:
    """Who is in all of these (at least one)."""
    bits = sets[0]
    for each in sets[1:]:
        bits &= each
    return bits


class Bitmaps:
    """Who has which mark, changed place by place."""

    def __init__(self) -> None:
        self._bytes: dict[str, bytearray] = {}
        self._numbers: dict[str, Bits] = {}

    def marks(self) -> Iterable[str]:
        """Every mark there is, or was."""
        return self._bytes

    def bits(self, mark: str) -> Bits:
        """Who has this mark."""
        if mark not in self._numbers:
            self._numbers[mark] = int.from_bytes(self._bytes.get(mark, b""), "little")
        return self._numbers[mark]

    def put(self, place: int, wanted: Collection[str]) -> None:
        """The marks of a place from now on."""
        byte, bit = place >> 3, 1 << (place & 7)
        for mark, kept in self._bytes.items():
            if byte < len(kept) and kept[byte] & bit and mark not in wanted:
                kept[byte] ^= bit
                self._numbers.pop(mark, None)
        for mark in wanted:
            kept = self._bytes.setdefault(mark, bytearray(byte + _ROOM))
            if byte >= len(kept):
                kept.extend(bytes(byte - len(kept) + _ROOM))
            if not kept[byte] & bit:
                kept[byte] |= bit
                self._numbers.pop(mark, None)

    def fill(self, mark: str, bits: Bits) -> None:
        """Everybody who has a mark."""
        self._bytes[mark] = bytearray(bits.to_bytes((bits.bit_length() >> 3) + _ROOM, "little"))
        self._numbers.pop(mark, None)


def _walk(bits: Bits) -> Iterator[int]:
    data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    for found in _SET.finditer(data):
        byte = found[0][0]
        for bit in range(8):
            if byte >> bit & 1:
                yield found.start() * 8 + bit
