"""Charts as text: SVG written by the server, with classes for its colours, so dark pages and print need no second one.

No clock, no language, no package: labels come translated, numbers are said by the caller's own `say`. Every chart is
drawn twice, wide and narrow (a wide one shrunk to a phone has letters of 6 px); the style sheet shows one of them.
Wrong input (lists of different length, a band below zero) is a ValueError.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import accumulate, zip_longest
from typing import NamedTuple

# Fills the style sheet knows: three shades of one colour, what is owed, what is late.
KINDS = ("a", "b", "c", "owed", "late")
MOST_BANDS = 3
TICKS = 4
# Steps of an axis that people read without counting.
ROUND = (1, 2, 2.5, 5, 10)
# From which share of a cohort the next shade of its cell begins.
SHADES = (0.0, 0.001, 0.6, 0.75, 0.85, 0.95)
LETTER = 6.6  # px a letter of 12 px takes, on average
GAP = 28  # px between two labels of bands: a name and its number
LONGEST = 18  # letters of a label beside a chart
Say = Callable[[float], str]


class Drawing(str):
    """Markup of our own making, which templates print as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


class Series(NamedTuple):
    """One band or one colour of bars: a value for every label of the axis."""

    label: str
    values: Sequence[float]
    kind: str


class Bar(NamedTuple):
    """A row of horizontal bars; `text` says the value, `note` what else is known of it."""

    label: str
    value: float
    kind: str
    text: str
    note: str = ""
    href: str = ""


class Cohort(NamedTuple):
    """Those who came in one year, and the share of them who were there after 0, 1, 2 .. years (None: not known yet)."""

    label: str
    size: str
    shares: Sequence[float | None]
    hrefs: Sequence[str] = ()


class _Frame(NamedTuple):
    """A drawing's size and where its axes run: values from `low` to `high` are drawn from `bottom` to `top`."""

    name: str
    width: int
    height: int
    left: float
    right: float
    low: float
    high: float
    top: int = 12
    bottom: int = 22

    def y(self, value: float) -> float:
        whole = self.height - self.top - self.bottom
        return self.height - self.bottom - (value - self.low) / (self.high - self.low) * whole

    @property
    def across(self) -> float:
        return self.width - self.left - self.right


_SIZES = (("wide", 640, 240), ("narrow", 340, 230))


def area(title: str, labels: Sequence[str], series: Sequence[Series], say: Say = str, desc: str = "") -> Drawing:
    """Bands over each other through time, the first at the bottom, each named at its right end with its last value."""
    _check(labels, series)
    if len(series) > MOST_BANDS or any(v < 0 for each in series for v in each.values):
        raise ValueError("an area chart has at most 3 bands, none below zero")
    columns = zip(*(s.values for s in series), strict=True)
    tops = list(zip(*(accumulate(column) for column in columns), strict=True)) or [()] * len(series)
    ticks = _ticks(0, max((v for line in tops for v in line), default=0))
    ends = [v for s in series for v in s.values[-1:]]
    named = max(_room(text) for text in [*(shortened(s.label) for s in series), *map(say, ends)])
    drawn = (_area(_frame(size, ticks, say, named + 10), labels, series, tops, ticks, say) for size in _SIZES)
    return drawing(drawn, title, desc)


def bars(title: str, labels: Sequence[str], values: Sequence[float], say: Say = str, desc: str = "") -> Drawing:
    """One upright bar for each label."""
    return stacked(title, labels, [Series(title, values, "a")], say, desc)


def stacked(title: str, labels: Sequence[str], series: Sequence[Series], say: Say = str, desc: str = "") -> Drawing:
    """Upright bars, the parts of each over one another; values below zero hang under the axis. Name them by `key`."""
    _check(labels, series)
    columns = list(zip(*(s.values for s in series), strict=True))
    high = max((sum(v for v in column if v > 0) for column in columns), default=0)
    low = min((sum(v for v in column if v < 0) for column in columns), default=0)
    ticks = _ticks(low, high)
    return drawing(
        (_stacked(_frame(size, ticks, say, 4), labels, series, columns, ticks, say) for size in _SIZES), title, desc
    )


def key(series: Iterable[tuple[str, str]]) -> Drawing:
    """What the colours of bars mean: (label, kind) of each, as a line of words with swatches."""
    said = (
        f'<span><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="fill {_kind(kind)}" width="10" height="10"'
        f' rx="2"/></svg>{escape(label)}</span>'
        for label, kind in series
    )
    return Drawing(f'<p class="chart-key">{"".join(said)}</p>')


def hbar(title: str, rows: Sequence[Bar]) -> Drawing:
    """Lying bars with words on both sides; nothing is drawn for a value below zero."""
    most = max((row.value for row in rows), default=0) or 1
    return Drawing(
        f'<ul class="hbars plain" aria-label="{escape(title)}">{"".join(_hbar(row, most) for row in rows)}</ul>'
    )


def spark(values: Sequence[float], title: str = "") -> Drawing:
    """A line without words for beside a figure: decoration unless it has a title. Nothing for less than two values."""
    if len(values) < 2:
        return Drawing("")
    low, high = min(values), max(values)
    span = (high - low) or 1
    step = 96 / (len(values) - 1)
    line = " ".join(f"{px(2 + i * step)},{px(27 - (v - low) / span * 24)}" for i, v in enumerate(values))
    said = f'role="img" aria-label="{escape(title)}"' if title else 'aria-hidden="true"'
    return Drawing(
        f'<svg class="spark" viewBox="0 0 100 30" preserveAspectRatio="none" {said}>'
        f'<polygon points="{line} 98,30 2,30"/><polyline points="{line}"/></svg>'
    )


def cohort(title: str, head: Sequence[str], rows: Sequence[Cohort], say: Say = str) -> Drawing:
    """A table of shares, darker for more. `head`: joined, members, and a word for every column of shares."""
    width = len(head) - 2
    if any(len(row.shares) > width for row in rows):
        raise ValueError("a cohort has more shares than there are columns")
    names = "".join(f'<th scope="col">{escape(word)}</th>' for word in head)
    body = "".join(_cohort_row(row, width, say) for row in rows)
    return Drawing(
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(title)}"><table class="cohort">'
        f'<caption class="sr">{escape(title)}</caption><thead><tr>{names}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def folded(series: Sequence[Series], rest: str) -> list[Series]:
    """At most three bands: the first two stay, all others become one called `rest`; kinds are given anew."""
    kept = list(series) if len(series) <= MOST_BANDS else list(series[: MOST_BANDS - 1])
    if len(kept) < len(series):
        others = [s.values for s in series[MOST_BANDS - 1 :]]
        kept.append(Series(rest, [sum(column) for column in zip(*others, strict=True)], ""))
    return [Series(s.label, s.values, kind) for s, kind in zip(kept, KINDS, strict=False)]


def shade(share: float) -> int:
    """Which of the six shades a share of a cohort has, 0 the lightest."""
    return max(place for place, least in enumerate(SHADES) if share >= least)


def drawing(drawn: Iterable[str], title: str, desc: str) -> Drawing:
    """The drawings of all sizes in one, each with its name and description where it has {}."""
    said = f"<title>{escape(title)}</title>" + (f"<desc>{escape(desc)}</desc>" if desc else "")
    # The place is the first {} of each: what people typed comes after it and is never filled.
    return Drawing("".join(each.replace("{}", said, 1) for each in drawn))


def px(value: float) -> str:
    """A length as short as it can be written."""
    return f"{value:.1f}".removesuffix(".0")


def words(x: float, y: float, text: str, anchor: str = "middle", name: str = "") -> str:
    """A text of a drawing; `name`: its class."""
    said = f' class="{name}"' if name else ""
    return f'<text{said} x="{px(x)}" y="{px(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def shortened(text: str) -> str:
    """A label that fits beside a chart."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def _area(
    frame: _Frame,
    labels: Sequence[str],
    series: Sequence[Series],
    tops: Sequence[Sequence[float]],
    ticks: Sequence[int],
    say: Say,
) -> str:
    steps = max(len(labels) - 1, 1)
    places = [frame.left + i * frame.across / steps for i in range(len(labels))]
    if len(labels) == 1:  # a single day is drawn as a level, not as nothing
        places, labels = [frame.left, frame.left + frame.across], ["", *labels]
        tops = [[line[0], line[0]] for line in tops]
    if not labels:
        return _svg(frame, _grid(frame, ticks, say))
    shapes, under = [], [0.0] * len(places)
    for each, line in zip(series, tops, strict=True):
        over = _points(frame, places, line)
        shapes.append(
            f'<polygon class="fill {_kind(each.kind)}" points="{over} {_points(frame, places[::-1], under[::-1])}">'
            f"<title>{escape(each.label)}: {escape(say(each.values[-1]))}</title></polygon>"
            f'<polyline class="edge" points="{over}"/>'
        )
        under = list(line)
    lasts = [line[-1] for line in tops]
    middles = [frame.y((last + below) / 2) for last, below in zip(lasts, [0.0, *lasts[:-1]], strict=True)]
    ends = _apart(middles, frame)
    x = frame.width - frame.right + 8
    names = (
        words(x, y, shortened(s.label), "start", "name") + words(x, y + 13, say(s.values[-1]), "start")
        for s, y in zip(series, ends, strict=True)
    )
    return _svg(frame, _grid(frame, ticks, say) + "".join(shapes) + _axis(frame, labels, places) + "".join(names))


def _stacked(
    frame: _Frame,
    labels: Sequence[str],
    series: Sequence[Series],
    columns: Sequence[Sequence[float]],
    ticks: Sequence[int],
    say: Say,
) -> str:
    slot = frame.across / max(len(labels), 1)
    wide = min(slot * 0.64, 44)
    shapes, places = [], []
    for i, (label, column) in enumerate(zip(labels, columns, strict=True)):
        middle = frame.left + (i + 0.5) * slot
        places.append(middle)
        up = down = 0.0
        for each, value in zip(series, column, strict=True):
            start = up if value > 0 else down
            y, height = frame.y(max(start, start + value)), abs(frame.y(start) - frame.y(start + value))
            up, down = (up + value, down) if value > 0 else (up, down + value)
            if value:
                said = escape(f"{label}: {each.label} {say(value)}")
                shapes.append(
                    f'<rect class="fill {_kind(each.kind)}" x="{px(middle - wide / 2)}" y="{px(y)}" width="{px(wide)}"'
                    f' height="{px(height)}"><title>{said}</title></rect>'
                )
    return _svg(frame, _grid(frame, ticks, say) + "".join(shapes) + _axis(frame, labels, places))


def _hbar(row: Bar, most: float) -> str:
    said = f'<a href="{escape(row.href)}">{escape(row.text)}</a>' if row.href else escape(row.text)
    note = f'<span class="xs muted">{escape(row.note)}</span>' if row.note else ""
    wide = max(row.value, 0) / most * 100
    return (
        f'<li><span>{escape(row.label)}</span><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="10"/><rect class="fill {_kind(row.kind)}" width="{px(wide)}"'
        f' height="10"/></svg><span class="num">{said}{note}</span></li>'
    )


def _cohort_row(row: Cohort, width: int, say: Say) -> str:
    cells = []
    for share, href in zip_longest(row.shares, row.hrefs[: len(row.shares)], fillvalue=""):
        if share is None or share == "":
            cells.append("<td></td>")
            continue
        text = escape(say(float(share)))
        said = f'<a href="{escape(href)}">{text}</a>' if href else text
        cells.append(f'<td class="heat-{shade(float(share))}">{said}</td>')
    cells += ["<td></td>"] * (width - len(cells))
    return f'<tr><th scope="row">{escape(row.label)}</th><td class="num">{escape(row.size)}</td>{"".join(cells)}</tr>'


def _check(labels: Sequence[str], series: Sequence[Series]) -> None:
    if not series or any(len(each.values) != len(labels) for each in series):
        raise ValueError("every series has one value for every label")


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no fill of a chart")
    return kind


def _ticks(low: float, high: float) -> list[int]:
    """Round whole values from at or below `low` to at or above `high`, zero among them."""
    span = max(high - low, 1)
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    step = math.ceil(next(power * r for r in ROUND if power * r * TICKS >= span))
    first, last = math.floor(low / step), max(math.ceil(high / step), 1 if low >= 0 else 0)
    return [step * i for i in range(first, last + 1)]


def _frame(size: tuple[str, int, int], ticks: Sequence[int], say: Say, right: float) -> _Frame:
    name, width, height = size
    left = max(_room(say(tick)) for tick in ticks) + 8
    return _Frame(name, width, height, left, right, ticks[0], ticks[-1])


def _room(text: str) -> float:
    return len(text) * LETTER


def _apart(middles: Sequence[float], frame: _Frame) -> list[float]:
    """Where labels stand: at their bands' middles (given from the lowest band up), none over another."""
    lowest = frame.height - frame.bottom - 12.0
    out: list[float] = []
    for y in middles:
        out.append(min(y, lowest))
        lowest = out[-1] - GAP
    # Pushed over the top, all of them move down together.
    over = max(frame.top - out[-1], 0)
    return [y + over for y in out]


def _points(frame: _Frame, places: Sequence[float], values: Sequence[float]) -> str:
    return " ".join(f"{px(x)},{px(frame.y(v))}" for x, v in zip(places, values, strict=True))


def _grid(frame: _Frame, ticks: Sequence[int], say: Say) -> str:
    x1, x2 = px(frame.left), px(frame.left + frame.across)
    out = []
    for tick in ticks:
        y = px(frame.y(tick))
        out.append(f'<line class="{"axis" if tick == 0 else "rung"}" x1="{x1}" x2="{x2}" y1="{y}" y2="{y}"/>')
        out.append(words(frame.left - 8, frame.y(tick) + 4, say(tick), "end"))
    return "".join(out)


def _axis(frame: _Frame, labels: Sequence[str], places: Sequence[float]) -> str:
    """Labels under the chart, as many as there is room for; an empty one is none."""
    named = [(label, x) for label, x in zip(labels, places, strict=True) if label]
    widest = max((_room(label) for label, _ in named), default=0) + 10
    every = max(math.ceil(widest * len(named) / max(frame.across, 1)), 1)
    # Counted from the end: the newest is the one people look for.
    shown = [pair for i, pair in enumerate(reversed(named)) if i % every == 0]
    return "".join(words(x, frame.height - 5, label) for label, x in reversed(shown))


def _svg(frame: _Frame, inside: str) -> str:
    return f'<svg class="chart {frame.name}" viewBox="0 0 {frame.width} {frame.height}" role="img">{{}}{inside}</svg>'
