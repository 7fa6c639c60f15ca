"""The order of names in the directory: which of those with a bit come first, without asking the table.

Entries that have moved since the order was read are *loose*: nobody knows where among the others they belong, so they
are always given along, and the table says.
"""

from array import array
from collections.abc import Collection
from heapq import nsmallest
from itertools import compress, islice

from crm.reads.bitmaps import places, truth

DENSE = 50  # of so many at least one: walk the order and look for bits, instead of looking up the order of each
PAGES = 64  # answers kept: a word that many search for is put in order once


class Order:
    """Places by rank and ranks by place (-1: it was not there); only what is loose ever changes."""

    def __init__(self, places: array) -> None:
        self.places = places
        self.loose: set[int] = set()
        self._pages: dict[tuple[int, int, int], list[int]] = {}
        self._ranks = array("i", [-1]) * (max(places, default=-1) + 1)
        for rank, place in enumerate(places):
            self._ranks[place] = rank

    def loosen(self, place: int) -> None:
        """It has moved."""
        self.loose.add(place)
        self._pages.clear()

    def page(self, bits: int, most: int, start: int = 0) -> list[int]:
        """The first of those with a bit, from a rank on, and all that are loose; the last answers are kept."""
        key = (bits, most, start)
        found = self._pages.pop(key, None)
        if found is None:
            total = bits.bit_count()
            dense = total * DENSE > len(self.places)
            found = self.walk(bits, most, start) if dense else self.first(places(bits, total), most, start)
        self._pages[key] = found
        if len(self._pages) > PAGES:
            del self._pages[next(iter(self._pages))]
        return found

    def rank(self, place: int) -> int:
        """Where it stands; -1 when nobody knows."""
        return -1 if place in self.loose or place >= len(self._ranks) else self._ranks[place]

    def first(self, found: Collection[int], most: int, start: int = 0) -> list[int]:
        """The first of these from a rank on, in order, and all that are loose."""
        ranks, size, loose = self._ranks, len(self._ranks), self.loose
        known = [place for place in found if place < size and ranks[place] >= start and place not in loose]
        away = [place for place in found if place in loose or place >= size or ranks[place] < 0]
        return nsmallest(most, known, key=ranks.__getitem__) + away

    def walk(self, bits: int, most: int, start: int = 0) -> list[int]:
        """The same of many, from their bits; all in the language's own loops, for it may be far to the first."""
        signs = truth(bits, len(self._ranks))
        away = [place for place in self.loose if place < len(signs) and signs[place]]
        ordered = self.places[start:] if start else self.places
        found = compress(ordered, map(signs.__getitem__, ordered))
        return [place for place in islice(found, most + len(away)) if place not in self.loose][:most] + away
