"""A network's own colour as the theme has its own: sixteen steps for light and sixteen for dark, from one #rrggbb.

Contrast (WCAG 2.2, 1.4.3 and 1.4.11) is between luminances. So each step is the given hue at the luminance that the
same step of the theme's own blue has, and has its contrasts; only the base keeps the colour as it was given, with
black or white on it, whichever can be read.
"""

import colorsys
from collections.abc import Iterable

STEPS = (
    *("background-default", "background-tinted", "surface-default", "surface-tinted", "surface-hover"),
    *("surface-active", "border-subtle", "border-default", "border-strong", "text-subtle", "text-default"),
)
BASES = ("base-default", "base-hover", "base-active", "base-contrast-subtle", "base-contrast-default")
# The theme's blue (templates/static/vendor/theme), whose luminances are taken.
_LIGHT = ["ffffff", "eff4fa", "ffffff", "e0e9f5", "cddbef", "b7cce8", "a3bee2", "437ac4", "1c5cb1", "1c5cb1", "0d2b53"]
_DARK = ["0e1827", "122034", "172841", "1a2e4b", "1f3657", "27436d", "2e5082", "6283b3", "93a9cb", "93a9cb", "e8edf4"]
_DARK_BASE = ("6290ce", "81a5d7", "9ebae1")
READABLE = 4.5
_TRIES = 30


def css(colours: Iterable[str]) -> str:
    """The style sheet of these colours, each for what has data-color="#rrggbb"."""
    rules = []
    for colour in sorted({*colours}):
        light, dark = palette(colour)
        lines = "".join(f"--ds-color-{step}:light-dark({light[step]},{dark[step]});" for step in light)
        rules.append(f'[data-color="{colour}"],[data-color-scheme][data-color="{colour}"]{{{lines}}}')
    return f"@layer ds.theme.color{{{''.join(rules)}}}\n" if rules else ""


def palette(colour: str) -> tuple[dict[str, str], dict[str, str]]:
    """{step: #rrggbb} for light and for dark."""
    light = {step: at(colour, luminance(like)) for step, like in zip(STEPS, _LIGHT, strict=True)}
    dark = {step: at(colour, luminance(like)) for step, like in zip(STEPS, _DARK, strict=True)}
    light |= _base(colour, [luminance(colour) * share for share in (1, 0.65, 0.4)])
    dark |= _base(at(colour, luminance(_DARK_BASE[0])), [luminance(like) for like in _DARK_BASE])
    return light, dark


def _base(colour: str, luminances: list[float]) -> dict[str, str]:
    """The colour itself, the same under a pointer and pressed, and what is written on it.

    White where that can be read, and then it grows darker; else black, and then it grows lighter.
    """
    given = luminance(colour)
    white = contrast(given, 1.0) >= READABLE
    if not white:
        luminances = [given, given + (1 - given) * 0.3, given + (1 - given) * 0.5]
    shades = [colour, *(at(colour, each) for each in luminances[1:])]
    written = "#ffffff" if white else "#000000"
    subtle = at(colour, 0.8 if white else 0.008)
    least = min(contrast(luminance(subtle), luminance(each)) for each in shades)
    made = (*shades, subtle if least >= READABLE else written, written)
    return dict(zip(BASES, made, strict=True))


def at(colour: str, wanted: float) -> str:
    """The hue of `colour` at a luminance of 0 (black) to 1 (white); what is nearly grey stays nearly grey."""
    hue, _, saturation = colorsys.rgb_to_hls(*_channels(colour))
    low, high = 0.0, 1.0
    for _ in range(_TRIES):  # luminance grows with lightness
        middle = (low + high) / 2
        if luminance(_written(colorsys.hls_to_rgb(hue, middle, saturation))) < wanted:
            low = middle
        else:
            high = middle
    return _written(colorsys.hls_to_rgb(hue, high, saturation))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: float, other: float) -> float:
    """The contrast of two luminances, 1 to 21."""
    light, dark = max(one, other), min(one, other)
    return (light + 0.05) / (dark + 0.05)


def _channels(colour: str) -> tuple[float, float, float]:
    plain = colour.removeprefix("#")
    return tuple(int(plain[at : at + 2], 16) / 255 for at in (0, 2, 4))  # type: ignore[return-value]


def _written(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(each * 255):02x}" for each in channels)
