"""Charts: what is drawn is as high as what it stands for, what people typed stays text, and numbers are said."""

import re
from html import escape
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from crm import charts, graphs
from crm.charts import Series
from crm.i18n import translator

NAUGHTY = "<script>\"{}&'"
SETTINGS = settings(max_examples=40, deadline=None)


def drawn(markup):
    """The wide and the narrow drawing, read as XML."""
    wide, narrow = etree.fromstring(f"<all>{markup}</all>")
    assert (wide.get("class").split()[-1], narrow.get("class").split()[-1]) == ("wide", "narrow")
    return wide, narrow


def points(shape):
    return [tuple(float(n) for n in pair.split(",")) for pair in shape.get("points").split()]


def unit(svg):
    """Pixels a unit takes on the axis, and where zero is."""
    lines = {}
    for line, text in zip(svg.iter("line"), svg.iter("text"), strict=False):
        lines[int(text.text)] = float(line.get("y1"))
    (low, y_low), (high, y_high) = min(lines.items()), max(lines.items())
    return (y_low - y_high) / (high - low), lines[0]


bands = st.lists(st.lists(st.integers(0, 3000), min_size=2, max_size=7), min_size=1, max_size=3)


@SETTINGS
@given(bands.filter(lambda rows: len({len(row) for row in rows}) == 1))
def test_bands_of_an_area_are_as_high_as_their_values_and_reach_the_total(rows):
    series = [Series(f"n{i}", row, "abc"[i]) for i, row in enumerate(rows)]
    for svg in drawn(charts.area("t", [str(i) for i in range(len(rows[0]))], series)):
        px, zero = unit(svg)
        shapes = svg.findall("polygon")
        for band, row in zip(shapes, rows, strict=True):
            over, under = points(band)[: len(row)], points(band)[len(row) :][::-1]
            for (_, top), (_, bottom), value in zip(over, under, row, strict=True):
                assert bottom - top == pytest.approx(value * px, abs=0.11)
        tops = [y for _, y in points(shapes[-1])[: len(rows[0])]]
        assert tops == pytest.approx([zero - sum(column) * px for column in zip(*rows, strict=True)], abs=0.11)


@SETTINGS
@given(st.lists(st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=1, max_size=9))
def test_bars_stand_over_one_another_and_hang_below_zero(columns):
    one, other = zip(*columns, strict=True)
    labels = [str(i) for i in range(len(columns))]
    for svg in drawn(charts.stacked("t", labels, [Series("a", one, "a"), Series("b", other, "owed")])):
        px, zero = unit(svg)
        rects = svg.findall("rect")
        assert sum(float(r.get("height")) for r in rects) == pytest.approx(
            sum(map(abs, one + other)) * px, abs=0.06 * max(len(rects), 1)
        )
        for rect in rects:
            value = int(rect.find("title").text.split()[-1])
            top = float(rect.get("y"))
            assert top <= zero + 0.11 if value > 0 else top >= zero - 0.11


def test_every_chart_says_its_name_and_what_people_typed_stays_text():
    kept = escape(NAUGHTY)
    series = [Series(NAUGHTY, [1, 2], "a")]
    made = [
        charts.area(NAUGHTY, [NAUGHTY, "b"], series, desc=NAUGHTY),
        charts.stacked(NAUGHTY, [NAUGHTY, "b"], series, desc=NAUGHTY),
        charts.hbar(NAUGHTY, [charts.Bar(NAUGHTY, 2, "a", NAUGHTY, NAUGHTY, f'/"{NAUGHTY}')]),
        charts.spark([1, 2], NAUGHTY),
        charts.cohort(NAUGHTY, [NAUGHTY, "n", "0"], [charts.Cohort(NAUGHTY, NAUGHTY, [0.5], [NAUGHTY])]),
        charts.key([(NAUGHTY, "a")]),
        graphs.net_graph(
            NAUGHTY,
            [graphs.Node("a", NAUGHTY, NAUGHTY, NAUGHTY), graphs.Node("b", "B", "1")],
            [graphs.Arrow("a", "b", NAUGHTY)],
            NAUGHTY,
        ),
    ]
    for markup in made:
        assert "<script" not in markup
        assert kept in markup
        assert not re.search(r"\s(style|on\w+)=", markup)
        etree.fromstring(f"<all>{markup}</all>")  # well-formed, attributes closed
    for svg in (*drawn(made[0]), *drawn(made[1]), *drawn(made[6])):
        assert (svg.get("role"), svg.find("title").text, svg.find("desc").text) == ("img", NAUGHTY, NAUGHTY)


@pytest.mark.parametrize(("language", "said"), [("nb", "2\N{NO-BREAK SPACE}000"), ("en", "2,000")])
def test_numbers_are_said_as_the_reader_writes_them(language, said):
    t = translator(language)
    series = [Series(t.gettext("Partner"), [500, 1900], "a")]
    for svg in drawn(charts.area("t", ["1", "2"], series, t.number)):
        assert said in [text.text for text in svg.iter("text")]


def test_labels_of_bands_never_stand_over_one_another_nor_outside():
    tiny = [Series("a", [1, 1], "a"), Series("b", [1, 1], "b"), Series("c", [900, 1], "c")]
    for svg in drawn(charts.area("t", ["1", "2"], tiny)):
        ys = sorted(float(text.get("y")) for text in svg.iter("text") if text.get("class") == "name")
        assert all(b - a >= charts.GAP - 0.2 for a, b in pairwise(ys))
        assert ys[0] >= 0
        assert ys[-1] + 13 <= float(svg.get("viewBox").split()[3])


def test_an_axis_of_many_days_names_as_many_as_there_is_room_for_and_always_the_last():
    days = [f"2026-01-{n:02d}" for n in range(1, 32)]
    for svg in drawn(charts.bars("t", days, [1] * 31)):
        said = [text for text in svg.iter("text") if (text.text or "").startswith("2026")]
        assert 2 <= len(said) < 12
        assert said[-1].text == days[-1]


@pytest.mark.parametrize("values", [[], [0], [0, 0], [5]])
def test_little_or_nothing_can_be_drawn(values):
    labels = [str(i) for i in range(len(values))]
    for markup in (charts.area("t", labels, [Series("a", values, "a")]), charts.bars("t", labels, values)):
        assert len(drawn(markup)) == 2
    assert charts.spark(values[:1]) == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda: charts.area("t", ["1"], []),
        lambda: charts.area("t", ["1"], [Series("a", [1, 2], "a")]),
        lambda: charts.area("t", ["1"], [Series("a", [-1], "a")]),
        lambda: charts.area("t", ["1"], [Series("a", [1], "a")] * 4),
        lambda: charts.bars("t", ["1"], []),
        lambda: charts.stacked("t", ["1"], [Series("a", [1], "red")]),
        lambda: charts.cohort("t", ["a", "b"], [charts.Cohort("1", "2", [0.5])]),
        lambda: graphs.net_graph("t", [graphs.Node("a", "A", "1")], [graphs.Arrow("a", "b", "1")]),
        lambda: graphs.net_graph("t", [graphs.Node("a", "A", "1")] * 2, []),
    ],
)
def test_figures_that_do_not_fit_are_refused(make):
    with pytest.raises(ValueError, match=r"\w"):
        make()


def test_more_than_three_bands_become_three_with_the_same_total():
    made = charts.folded([Series(str(i), [i, 10 * i], "") for i in range(6)], "Other")
    assert [s.label for s in made] == ["0", "1", "Other"]
    assert [s.kind for s in made] == ["a", "b", "c"]
    assert [sum(column) for column in zip(*(s.values for s in made), strict=True)] == [15, 150]


def test_cohorts_say_every_share_and_are_darker_for_more():
    rows = [charts.Cohort("2024", "9", [1.0, 0.8, None]), charts.Cohort("2025", "4", [1.0])]
    table = etree.fromstring(charts.cohort("Who stays", ["Joined", "n", "0", "1", "2"], rows, "{:.0%}".format))
    cells = [(cell.text, cell.get("class")) for cell in table.iter("td")]
    assert cells[:4] == [("9", "num"), ("100%", "heat-5"), ("80%", "heat-3"), (None, None)]
    assert [charts.shade(n / 100) for n in (0, 1, 60, 75, 85, 95, 100)] == [0, 1, 2, 3, 4, 5, 5]


def test_lying_bars_are_as_long_as_their_share_of_the_longest():
    rows = [charts.Bar("a", 50, "b", "50"), charts.Bar("b", 25, "owed", "25"), charts.Bar("c", -5, "late", "-5")]
    listed = etree.fromstring(charts.hbar("t", rows))
    fills = [r.get("width") for r in listed.iter("rect") if r.get("class") != "track"]
    assert fills == ["100", "50", "0"]


def test_circles_of_networks_stand_apart():
    for n in (2, 3, 8):
        nodes = [graphs.Node(str(i), f"Network {i}", "9") for i in range(n)]
        arrows = [graphs.Arrow("0", str(i), "1") for i in range(1, n)] + [graphs.Arrow("1", "0", "2", "both")]
        for svg in drawn(graphs.net_graph("t", nodes, arrows)):
            at = [(float(c.get("cx")), float(c.get("cy"))) for c in svg.iter("circle")]
            gaps = [abs(x1 - x2) + abs(y1 - y2) for i, (x1, y1) in enumerate(at) for x2, y2 in at[:i]]
            assert min(gaps) > 2 * graphs.RADIUS + 20
            assert len(svg.findall("polygon")) == n - 1  # heads only on what a rule gives
