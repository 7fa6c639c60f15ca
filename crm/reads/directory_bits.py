"""Places of the directory as bits of one long number: there and back, by the language's own loops where it can be."""

import re
from array import array
from collections.abc import Iterator, Sequence

_SET = re.compile(rb"[^\x00]")
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


def _walk(bits: Bits) -> Iterator[int]:
    data = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    for found in _SET.finditer(data):
        byte = found[0][0]
        for bit in range(8):
            if byte >> bit & 1:
                yield found.start() * 8 + bit
