"""Small drawings made by the server: the icons in use, and a tile with initials where there is no logo."""

import re
from functools import lru_cache
from zlib import crc32

from markupsafe import Markup

from crm.paths import TEMPLATES

# The hues of the theme that a network or a tile may have; one table for rows, pages and the theme's JSON.
HUES = ("accent", "nora", "claire", "sin", "nce", "rose", "moss")

_SVG = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_ICON = Markup(
    '<svg class="ico" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round"'
    ' stroke-linejoin="round" {label}>{shape}</svg>'
)
_TILE = Markup(
    '<svg class="tile {size}" viewBox="0 0 40 40" data-color="{hue}" aria-hidden="true" focusable="false">'
    '<rect width="40" height="40"/>{shape}<text x="20" y="25.5" text-anchor="middle">{initials}</text></svg>'
)
_SHAPES = (
    Markup('<circle cx="33" cy="7" r="9"/>'),
    Markup('<path d="M0 40L40 18V40Z"/>'),
    Markup('<rect x="22" y="-6" width="26" height="26" rx="6" transform="rotate(30 30 10)"/>'),
)


def icon(name: str, label: str = "") -> Markup:
    """A drawing from templates/static/vendor/icons; without a label it is decoration."""
    described = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return _ICON.format(label=described, shape=_shape(name))


def logo(name: str, size: str = "", hue: str = "") -> Markup:
    """A tile with the initials of an organisation or person; the same name always looks the same.

    size: "" (40 px), "s" (28 px) or "lg" (60 px); hue: one of HUES, else chosen by the name.
    """
    seed = crc32(name.encode())
    return _TILE.format(
        size=size,
        hue=hue or HUES[seed % len(HUES)],
        shape=_SHAPES[(seed >> 8) % len(_SHAPES)],
        initials=_initials(name),
    )


@lru_cache
def _shape(name: str) -> Markup:
    source = (TEMPLATES / "static/vendor/icons" / f"{name}.svg").read_text("utf-8")
    found = _SVG.search(source)
    if found is None:
        raise ValueError(f"{name}.svg is not a drawing")
    # The files are ours and pinned by hash (VENDOR.toml), so their markup is trusted.
    return Markup(found[1].strip())  # noqa: S704


def _initials(name: str) -> str:
    words = re.findall(r"\w+", name)
    if not words:
        return "?"
    first, second = words[0], words[1] if len(words) > 1 else words[0][1:]
    return (first[:1] + second[:1]).upper()
