"""Industry codes (NACE Rev. 2.1, SN2025) as people filter by them: a section's letter, a division's two digits."""

import tomllib
from functools import cache
from pathlib import Path

_KEPT: dict[str, dict[str, dict[str, str]]] = tomllib.loads(
    (Path(__file__).parent / "nace.toml").read_text(encoding="utf-8")
)
_SECTIONS = {division: letter for letter, own in _KEPT.items() for division in own if division != "name"}


@cache
def marks(codes: tuple[str, ...]) -> tuple[str, ...]:
    """Sections and divisions of codes such as 62.100 or 25.11, each once; a code of no known division has none."""
    divisions = {code.strip()[:2] for code in codes} & _SECTIONS.keys()
    return tuple(sorted({*divisions, *(_SECTIONS[division] for division in divisions)}))


def names(mark: str) -> tuple[str, dict[str, str]] | None:
    """(how it is written: C, or C25; its name by language); None for what is neither section nor division."""
    if mark in _KEPT:
        return mark, _KEPT[mark]["name"]
    letter = _SECTIONS.get(mark)
    return (letter + mark, _KEPT[letter][mark]) if letter else None
