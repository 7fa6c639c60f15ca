"""Contrast of the colours we really use, computed from the style sheets (WCAG: 4.5 text, 3 borders)."""

import re

import pytest

from crm.paths import TEMPLATES
from crm.web.pictures import HUES

THEME = (TEMPLATES / "static/vendor/theme/klynge.css").read_text("utf-8")
TOKENS = (TEMPLATES / "static/css/tokens.css").read_text("utf-8")
SCHEMES = ("light", "dark")
STATES = ("success", "warning", "danger", "info", "neutral")
TEXT, BORDER = 4.5, 3.0


def theme_colours(scheme: str) -> dict[str, str]:
    layer = THEME[THEME.index(f"@layer ds.theme.color-scheme.{scheme} {{") :]
    block = layer[layer.index("{", layer.index(f'[data-color-scheme="{scheme}"]')) :]
    block = block[: block.index("}")]
    return dict(re.findall(r"--ds-color-([\w-]+): (#[0-9a-fA-F]{6})", block))


def tokens(scheme: str) -> dict[str, str]:
    """Our own names, down to their colour in one scheme."""
    theme = theme_colours(scheme)
    found = {}
    for name, value in re.findall(r"--([\w-]+): ([^;]+);", TOKENS):
        if pair := re.fullmatch(r"light-dark\((.+), (.+)\)", value):
            value = pair[1 if scheme == "light" else 2]
        if reference := re.fullmatch(r"var\(--ds-color-([\w-]+)\)", value):
            value = theme[reference[1]]
        if re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            found[name] = value
    return found


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_itself():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("surface", ["bg", "bg-tint", "card", "sunk", "hover"])
@pytest.mark.parametrize("ink", ["ink", "ink-2", "brand-ink", "good", "bad"])
def test_every_ink_on_every_surface(scheme, surface, ink):
    found = tokens(scheme)
    assert contrast(found[ink], found[surface]) >= TEXT


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("surface", ["bg", "bg-tint", "card"])
def test_borders_of_fields(scheme, surface):
    found = tokens(scheme)
    assert contrast(found["line-strong"], found[surface]) >= BORDER


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_toast(scheme):
    found = tokens(scheme)
    assert contrast(found["overlay-ink"], found["overlay"]) >= TEXT
    assert contrast(found["overlay-link"], found["overlay"]) >= TEXT


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("hue", [*HUES, *STATES])
def test_badges_buttons_and_tiles_of_every_hue(scheme, hue):
    colour = theme_colours(scheme)
    tint = colour[f"{hue}-surface-tinted"]
    assert contrast(colour[f"{hue}-text-default"], tint) >= TEXT, "badge text"
    assert contrast(colour[f"{hue}-text-subtle"], tint) >= TEXT, "badge icon and tile initials"
    assert contrast(colour[f"{hue}-base-contrast-default"], colour[f"{hue}-base-default"]) >= TEXT, "button"
    assert contrast(colour[f"{hue}-border-default"], tokens(scheme)["card"]) >= BORDER, "error border"


def test_a_chart_of_values_we_promise_holds():
    """ux.md section 5 measured these; a theme rebuilt with other colours must not fall below."""
    light, dark = tokens("light"), tokens("dark")
    assert contrast(light["ink"], light["bg"]) >= 14
    assert contrast(dark["ink"], dark["bg"]) >= 15
    assert contrast(light["ink-2"], light["card"]) >= 6.5
    assert contrast(dark["ink-2"], dark["card"]) >= 6.1


def test_dark_colours_are_for_screens_only():
    """A page printed from a dark screen is dark ink on white paper."""
    dark = THEME[THEME.index("@layer ds.theme.color-scheme.dark {") :]
    assert dark.index("@media screen {") < dark.index('[data-color-scheme="dark"]')
    assert "@media (prefers-color-scheme: dark)" not in THEME


def test_phone_rules_are_for_screens_only() -> None:
    """A4 is narrower than the breakpoint: a plain max-width rule would print the phone's layout (ux.md, rule 24)."""
    plain = re.compile(r"@media(?![^{]*\bscreen\b)[^{]*\b(?:max-width|min-width|width)\b[^{]*{")
    own = sorted((TEMPLATES / "static/css").glob("*.css"))
    assert len(own) > 10
    assert plain.search("@media (max-width: 56rem) {") and not plain.search("@media screen and (max-width: 56rem) {")
    found = {path.name: plain.findall(path.read_text("utf-8")) for path in own}
    assert {name: rules for name, rules in found.items() if rules} == {}
