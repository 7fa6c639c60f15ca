"""On which line of a TOML text each key stands. `tomllib` reads the values and forgets where they were.

The text has been read by `tomllib` before, so it is well-formed; only places are looked for here.
"""

import re
import tomllib
from bisect import bisect_right
from typing import Any

Path = tuple[str | int, ...]

_STEP = re.compile(r"\[(\d+|\.\.\.)\]|([^.\[\]]+)")
_BETWEEN = re.compile(r"(?:[\s,]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?!")' + r"|'''.*?'''(?!')" + r'|"(?:\\.|[^"\\])*"' + r"|'[^']*'", re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}#\n]*")


def places(text: str) -> dict[Path, int]:
    """The line of every key, table and element; the first one when a table is written in several places."""
    return _Places(text).run()


def line_of(found: dict[Path, int], document: dict[str, Any], field: str) -> int:
    """The line of a field such as `tiers[0].rank` or `tiers.principal.fees`: by place or by code.

    Of a field that is not there, the line of what should hold it; 1 when nothing of it is there.
    """
    return next((found[path] for path in reversed(_trail(document, field)) if path in found), 1)


def _trail(document: dict[str, Any], field: str) -> list[Path]:
    """The field's path, step by step, as far as the document goes."""
    node: Any = document
    path: Path = ()
    out: list[Path] = []
    for place, name in _STEP.findall(field):
        step: str | int | None = int(place) if place.isdigit() else name or None
        if isinstance(node, list) and isinstance(step, str):
            step = next((n for n, each in enumerate(node) if isinstance(each, dict) and each.get("code") == step), None)
        inside = (isinstance(node, dict) and step in node) or (
            isinstance(node, list) and isinstance(step, int) and step < len(node)
        )
        if not inside or step is None:
            break
        node, path = node[step], (*path, step)
        out.append(path)
    return out


class _Places:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.ends = [m.start() for m in re.finditer("\n", text)]
        self.found: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}  # arrays of tables: how many there are so far

    def run(self) -> dict[Path, int]:
        base: Path = ()
        while self._next():
            if self._peek() == "[":
                base = self._header()
            else:
                self._pair(base)
        return self.found

    def _header(self) -> Path:
        start = self.at
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        *outer, last = self._keys()
        self.at += 2 if array else 1
        path: Path = ()
        for key in outer:
            path = self._inside((*path, key))
        path = (*path, last)
        self._note(path, start)
        if not array:
            return path
        self.tables[path] = self.tables.get(path, 0) + 1
        path = self._inside(path)
        self._note(path, start)
        return path

    def _inside(self, path: Path) -> Path:
        return (*path, self.tables[path] - 1) if path in self.tables else path

    def _pair(self, base: Path) -> None:
        start = self.at
        path = base
        for key in self._keys():
            path = (*path, key)
            self._note(path, start)
        self.at += 1  # the sign between key and value
        self._next()
        self._value(path)

    def _keys(self) -> list[str]:
        out = []
        while True:
            self._next()
            key = self._take(_KEY)
            out.append(tomllib.loads(f"k = {key}")["k"] if key[0] in "\"'" else key)
            self._next()
            if self._peek() != ".":
                return out
            self.at += 1

    def _value(self, path: Path) -> None:
        opened = self._peek()
        if opened in "\"'":
            self._take(_STRING)
        elif opened == "[":
            self._items(path)
        elif opened == "{":
            self.at += 1
            while self._next() and self._peek() != "}":
                self._pair(path)
            self.at += 1
        else:
            self._take(_PLAIN)

    def _items(self, path: Path) -> None:
        self.at += 1
        place = 0
        while self._next() and self._peek() != "]":
            self._note((*path, place), self.at)
            self._value((*path, place))
            place += 1
        self.at += 1

    def _next(self) -> bool:
        """Over spaces, line ends, commas and comments; False at the end of the text."""
        self._take(_BETWEEN)
        return self.at < len(self.text)

    def _peek(self) -> str:
        return self.text[self.at]

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"no TOML at character {self.at}")
        self.at = found.end()
        return found[0]

    def _note(self, path: Path, at: int) -> None:
        self.found.setdefault(path, bisect_right(self.ends, at - 1) + 1)
