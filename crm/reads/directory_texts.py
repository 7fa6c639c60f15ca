"""Who has a word, remembered: asking the table for the many who have a common one takes far longer than all else.

An answer is true for the moment it was given, and mended before it is used again: of those who have moved since,
the table is asked whether they have the word now.
"""

from collections import OrderedDict

import msgspec

ROOM = 24 * 2**20  # bytes of answers
MOVED = 2_000  # more have moved: ask anew


class Answer(msgspec.Struct):
    """The bits of a word, and how much of what has moved they know of."""

    bits: int
    known: int


class Texts:
    """The answers of an index, the ones used last. Of moves only the newest are known, and older answers forgotten."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._moved: list[int] = []
        self._forgotten = 0  # moves before those
        self._size = 0

    def moved(self, place: int) -> None:
        """An entry looks otherwise than before."""
        if len(self._moved) >= 10 * MOVED:
            self._forgotten += len(self._moved)
            self._answers.clear()
            self._moved.clear()
            self._size = 0
        self._moved.append(place)

    def now(self) -> int:
        """How much has moved; what is asked from here on knows of it."""
        return self._forgotten + len(self._moved)

    def get(self, query: str) -> tuple[int, list[int]] | None:
        """The bits, and who has moved since; None when it is to be asked."""
        answer = self._answers.get(query)
        if answer is None or self.now() - answer.known > MOVED:
            return None
        self._answers.move_to_end(query)
        return answer.bits, list(dict.fromkeys(self._moved[answer.known - self._forgotten :]))

    def keep(self, query: str, bits: int, known: int) -> None:
        """Remember an answer that knows of the first `known` moves."""
        if known < self._forgotten:
            return
        before = self._answers.pop(query, None)
        self._size += _room(bits) - (_room(before.bits) if before else 0)
        self._answers[query] = Answer(bits, known)
        while self._size > ROOM:
            _, gone = self._answers.popitem(last=False)
            self._size -= _room(gone.bits)


def _room(bits: int) -> int:
    return 100 + bits.bit_length() // 8
