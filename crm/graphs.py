"""How networks connect, as text: circles and arrows drawn as SVG, wide and narrow (crm/charts.py says how and why)."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from crm.charts import Drawing, drawing, px, shortened, words

SIZES = (("wide", 560), ("narrow", 340))
RADIUS = 30
ROW = 96  # px from one network to the next one under it
NEARER = 0.62
LOWEST = 200  # px a graph of two is high


Place = tuple[float, float]


class Node(NamedTuple):
    """A network: what stands in it and under it. The first of a graph stands alone at its left."""

    key: str
    label: str
    text: str
    hue: str = "neutral"


class Arrow(NamedTuple):
    """From one node to another; `drawn`: "rule" (a full line with a head) or "both" (a dashed one without)."""

    source: str
    target: str
    text: str
    drawn: str = "rule"


def net_graph(title: str, nodes: Sequence[Node], arrows: Sequence[Arrow], desc: str = "") -> Drawing:
    """Networks as circles, the first opposite all others; arrows say how many memberships a rule gives."""
    known = {node.key for node in nodes}
    if len(known) != len(nodes) or any({a.source, a.target} - known or a.source == a.target for a in arrows):
        raise ValueError("an arrow leads from one node to another one")
    return drawing((_graph(size, nodes, arrows) for size in SIZES), title, desc)


def _graph(size: tuple[str, int], nodes: Sequence[Node], arrows: Sequence[Arrow]) -> str:
    name, width = size
    height = max(ROW * (len(nodes) - 1), LOWEST)
    places = _places(width, height, len(nodes))
    at = {node.key: place for node, place in zip(nodes, places, strict=True)}
    between = Counter(frozenset((a.source, a.target)) for a in arrows)
    ways = [_arrow(a, at, between[frozenset((a.source, a.target))] > 1) for a in arrows]
    lines = "".join([line for line, _ in ways] + [said for _, said in ways])  # no line over a word
    circles = "".join(
        f'<g data-color="{escape(node.hue)}"><circle class="node" cx="{px(x)}" cy="{px(y)}" r="{RADIUS}"/>'
        + words(x, y + 6, node.text, name="count")
        + words(x, y + RADIUS + 15, shortened(node.label), name="name")
        + "</g>"
        for node, (x, y) in zip(nodes, places, strict=True)
    )
    return f'<svg class="chart graph {name}" viewBox="0 0 {width} {height}" role="img">{{}}{lines}{circles}</svg>'


def _places(width: int, height: int, n: int) -> list[Place]:
    """The first at the left, all others under one another at the right."""
    side = RADIUS + width // 14
    rows = height / max(n - 1, 1)
    right = [(width - side * 1.0, rows * (i + 0.5) - 8) for i in range(n - 1)]
    return [(side * 1.0, height / 2 - 8), *right][:n]


def _arrow(arrow: Arrow, at: Mapping[str, Place], several: bool) -> tuple[str, str]:
    """A bent line from edge to edge of two circles, and its words; where there are several, rules bend to one side."""
    (x1, y1), (x2, y2) = at[arrow.source], at[arrow.target]
    long = math.hypot(x2 - x1, y2 - y1)
    across = (y2 - y1) / long, -(x2 - x1) / long
    middle = (x1 + x2) / 2, (y1 + y2) / 2
    bend = min(long * 0.25, 44) if several or x1 == x2 else min(long * 0.12, 24)
    if several and arrow.drawn == "both":
        across = -across[0], -across[1]
    bent = _along(middle, across, bend)
    start, tip = _towards((x1, y1), bent, RADIUS + 4), _towards((x2, y2), bent, RADIUS + 2)
    end = _towards((x2, y2), bent, RADIUS + 11)
    side = (tip[1] - end[1]) * 0.6, (end[0] - tip[0]) * 0.6
    corners = (tip, _along(end, side, 1), _along(end, side, -1))
    head = " ".join(f"{px(x)},{px(y)}" for x, y in corners)
    path = f"M{px(start[0])},{px(start[1])}Q{px(bent[0])},{px(bent[1])} {px(end[0])},{px(end[1])}"
    drawn = arrow.drawn if arrow.drawn in ("rule", "both") else "rule"
    point = f'<polygon class="head" points="{head}"/>' if drawn == "rule" else ""
    # Beside the line, on the side it bends to, and nearer to the right: there the lines are apart.
    at_right = 0.5 if x1 == x2 else NEARER if x2 > x1 else 1 - NEARER
    on_line = x1 + (x2 - x1) * at_right, y1 + (y2 - y1) * at_right
    x, y = _along(on_line, across, bend * 2 * at_right * (1 - at_right) + 14)
    return f'<path class="way {drawn}" d="{path}"/>{point}', words(x, y + 4, arrow.text, name="said")


def _towards(start: Place, end: Place, far: float) -> Place:
    long = math.hypot(end[0] - start[0], end[1] - start[1]) or 1
    return _along(start, ((end[0] - start[0]) / long, (end[1] - start[1]) / long), far)


def _along(start: Place, way: Place, far: float) -> Place:
    return start[0] + way[0] * far, start[1] + way[1] * far
