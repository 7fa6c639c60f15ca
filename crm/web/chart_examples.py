"""The charts of the style guide, drawn from example figures in the words of whoever reads it."""

from typing import Any

from crm import charts, graphs
from crm.i18n import Translator

_YEARS = ("2022", "", "2023", "", "2024", "", "2025", "", "2026")
_LEVELS = ((4, 6, 7, 8, 9, 11, 12, 13, 14), (13, 18, 23, 26, 30, 36, 40, 43, 46), (5, 7, 8, 12, 14, 18, 21, 24, 26))
_MONTHS = (1480, 820, 390, 210, 160, 150, 40, 180, 160)
_OWED = (0, 0, 10, 0, 45, 0, 0, 90, 140)
_MOVED = (120, 60, -80, 20, -10, 140, 0, -60, 30)
_AGES = ((312_000_00, 3, "b"), (135_000_00, 4, "owed"), (90_000_00, 3, "owed"), (45_000_00, 1, "late"), (0, 0, "late"))
_COHORTS = (("2023", 22, (1.0, 0.91, 0.82, 0.55)), ("2024", 18, (1.0, 0.89, 0.78)), ("2025", 0, ()))


def examples(t: Translator) -> dict[str, Any]:
    """Everything templates/styleguide_charts.html shows."""
    say = t.number
    names = (t.gettext("Principal partner"), t.gettext("Partner"), t.gettext("Start-up"))
    levels = [charts.Series(name, values, kind) for name, values, kind in zip(names, _LEVELS, "abc", strict=True)]
    ages = t.gettext("Not due"), "1\N{EN DASH}30", "31\N{EN DASH}60", "61\N{EN DASH}90", "91+"
    bars = [
        charts.Bar(age, value, kind, t.money(value, "NOK"), t.ngettext("%(n)s invoice", "%(n)s invoices", n), "#aging")
        for age, (value, n, kind) in zip(ages, _AGES, strict=True)
    ]
    paid, owed = t.gettext("Paid"), t.gettext("Outstanding")
    fees = [charts.Series(paid, _MONTHS, "a"), charts.Series(owed, _OWED, "owed")]
    head = [t.gettext("Joined"), t.gettext("Members"), t.gettext("Start"), *(say(n) for n in (1, 2, 3))]
    cohorts = [charts.Cohort(year, say(n), shares, ["#cohorts"] * len(shares)) for year, n, shares in _COHORTS]
    return {
        "area": charts.area(t.gettext("Members by level"), _YEARS, levels, say),
        "numbers": [[year, *map(say, row)] for year, *row in zip(_YEARS, *_LEVELS, strict=True) if year],
        "levels": names,
        "fees": charts.stacked(t.gettext("Fees invoiced"), _YEARS, fees, say),
        "key": charts.key([(paid, "a"), (owed, "owed")]),
        "moves": charts.bars(t.gettext("Net change"), _YEARS, _MOVED, say),
        "ages": charts.hbar(t.gettext("Outstanding by age"), bars),
        "cohorts": charts.cohort(t.gettext("Who stays"), head, cohorts, t.percent),
        "spark": charts.spark(_LEVELS[1]),
        "graph": graphs.net_graph(t.gettext("How networks connect"), _NODES, _arrows(t)),
        "pair": graphs.net_graph(t.gettext("How networks connect"), _NODES[:2], _arrows(t)[:1]),
    }


_NODES = (
    graphs.Node("nora", "NORA", "86", "nora"),
    graphs.Node("claire", "CLAIRE", "61", "claire"),
    graphs.Node("sin", "SIN AI", "58", "sin"),
    graphs.Node("nce", "NCE SEM", "71", "nce"),
)


def _arrows(t: Translator) -> list[graphs.Arrow]:
    by_rule = t.ngettext("%(n)s linked by rule", "%(n)s linked by rule", 14)
    return [
        graphs.Arrow("nora", "claire", by_rule),
        graphs.Arrow("claire", "nora", t.ngettext("%(n)s linked by rule", "%(n)s linked by rule", 3)),
        graphs.Arrow("nora", "sin", t.ngettext("%(n)s in both", "%(n)s in both", 9), "both"),
    ]
