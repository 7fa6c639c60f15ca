"""A network's own colour: every hue there is gets the contrasts of the theme's own."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm import hues
from crm.hues import contrast, luminance, palette

THEME = Path(__file__).parents[2] / "templates/static/vendor/theme/klynge.css"
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
# Text and lines, what they stand on, and how much there must be between them (WCAG 1.4.3, 1.4.11).
PAIRS = (
    *(("text-default", on, 7.0) for on in ("background-default", "background-tinted", "surface-tinted")),
    *(("text-subtle", on, 4.5) for on in ("background-default", "background-tinted", "surface-tinted")),
    *(("border-default", on, 3.0) for on in ("background-default",)),
    *(("base-contrast-default", on, 4.5) for on in ("base-default", "base-hover", "base-active")),
    *(("base-contrast-subtle", on, 4.5) for on in ("base-default", "base-hover", "base-active")),
)


@settings(max_examples=60, deadline=None)
@given(COLOURS)
def test_every_colour_can_be_read_in_light_and_dark(colour: str) -> None:
    for made in palette(colour):
        assert set(made) == {*hues.STEPS, *hues.BASES}
        for text, on, least in PAIRS:
            found = contrast(luminance(made[text]), luminance(made[on]))
            assert found >= least - 0.1, (colour, text, on, found)
    assert palette(colour)[0]["base-default"] == colour, "what was given is what is seen"


def test_the_luminances_are_those_of_the_theme() -> None:
    theme = THEME.read_text("utf-8")
    for like in (*hues._LIGHT, *hues._DARK, *hues._DARK_BASE):
        assert re.search(rf"--ds-color-nora-[\w-]+: #{like};", theme, re.IGNORECASE), like


@pytest.mark.parametrize("colour", ["#ffff00", "#000000", "#ffffff", "#777777"])
def test_hard_colours(colour: str) -> None:
    light, dark = palette(colour)
    assert contrast(luminance(light["base-contrast-default"]), luminance(light["base-default"])) >= 4.5
    assert light["base-contrast-default"] == (
        "#000000"
        if colour in ("#ffff00", "#ffffff")
        else "#ffffff"
        if colour == "#000000"
        else light["base-contrast-default"]
    )
    assert dark["background-default"] != light["background-default"]


def test_the_sheet_names_each_colour_once() -> None:
    sheet = hues.css(["#aa0000", "#aa0000", "#00aa00"])
    assert sheet.count('[data-color="#aa0000"],') == 1 and "light-dark(#" in sheet
    assert hues.css([]) == ""
