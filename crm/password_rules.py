"""Passwords that who knows the person or the place tries first (ASVS 5.0 6.2.4 and 6.2.11, NIST 800-63B 3.1.1.2).

No list of other people's passwords is shipped: it would have to be taken from somewhere and be kept. What is refused
are words of the context with little beside them, one thing repeated, and letters or keys in a row.
"""

import re
from collections.abc import Iterable

OURS = ("klynge", "cluster", "network", "nettverk", "medlem", "member", "passord", "password", "velkommen", "welcome")
WORD_LEAST = 4  # shorter words are in everything
LETTERS_LEAST = 8  # beside words of the context
DIFFERENT_LEAST = 5
UNIT_MOST = 6
ROWS = ("1234567890", "qwertyuiopå", "asdfghjkløæ", "zxcvbnm", "abcdefghijklmnopqrstuvwxyzæøå")
RUN_LEAST = 4
IN_ROW_MOST = 0.7


def guessable(password: str, context: Iterable[str]) -> bool:
    """Is it made of words of the context (names, addresses, networks), of one thing repeated, or of keys in a row?"""
    text = "".join(password.casefold().split())
    return _of_context(text, context) or _repeated(text) or _in_a_row(text)


def _of_context(text: str, context: Iterable[str]) -> bool:
    words = {word for each in (*OURS, *context) for word in re.findall(r"\w+", each.casefold().replace("_", " "))}
    left = text
    for word in sorted((w for w in words if len(w) >= WORD_LEAST), key=len, reverse=True):
        left = left.replace(word, "")
    return left != text and sum(letter.isalpha() for letter in left) < LETTERS_LEAST


def _repeated(text: str) -> bool:
    again = ((text[:length] * len(text))[: len(text)] for length in range(1, UNIT_MOST + 1))
    return len(set(text)) < DIFFERENT_LEAST or text in again


def _in_a_row(text: str) -> bool:
    """Most of it stands in runs of keys, forwards or backwards."""
    ways = [way for row in ROWS for way in (row * 2, (row * 2)[::-1])]
    at = covered = 0
    while at < len(text):
        longest = 1
        while at + longest < len(text) and any(text[at : at + longest + 1] in way for way in ways):
            longest += 1
        covered += longest if longest >= RUN_LEAST else 0
        at += longest
    return bool(text) and covered / len(text) > IN_ROW_MOST
