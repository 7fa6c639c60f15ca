"""The overview in words, addresses and drawings."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec

from crm import charts, graphs, report_words
from crm.reads import office as office_reads
from crm.reads import overview as reads
from crm.reports import Cell, Report
from crm.web.office import Office

COHORT_YEARS, COHORT_WIDTH = 6, 6
MOST_NETWORKS = 6
THOUSAND = 1000
MONTHS = 12  # that each have a place in a picture, also without invoices
# Age of the report -> how the list of invoices calls it; what is over 90 days late is one there.
BUCKETS = {
    "not_due": "open",
    "d001_030": "late30",
    "d031_060": "late60",
    "d061_090": "late90",
    "d091_120": "late",
    "d121": "late",
}
SHADES = {"open": "b", "late30": "owed", "late60": "owed", "late90": "late", "late": "late"}


class Page(msgspec.Struct, frozen=True):
    """Whose page, and the period as reports are asked for it."""

    office: Office
    query: str
    day: date

    def report(self, name: str) -> str:
        """The address of a report over the same period."""
        return f"{self.office.base}/reports/{name}?{self.query}"

    def rows(self, name: str, figure: str) -> str:
        """The address of the rows behind one of its figures."""
        return f"{self.office.base}/reports/{name}/rows?{self.query}&figure={quote(figure, safe='')}"


def levels(office: Office, cube: Mapping[tuple[str, str, str], int]) -> list[dict[str, Any]]:
    """Active members of each level today, with those who come by rule alone or by both ways."""
    out = []
    for code in office.tiers():
        counted = dict.fromkeys(("direct", "linked", "both"), 0)
        for (tier, origin, state), n in cube.items():
            if tier == code and state in ("active", "ending"):
                counted[origin] += n
        out.append({"code": code, "name": office.tier(code), "total": sum(counted.values()), **counted})
    return out


def growth(office: Office, days: Sequence[date], grown: Mapping[str, Sequence[int]]) -> charts.Drawing:
    """Members by level through time, the highest level at the bottom; more than three are drawn as three."""
    t = office.t
    known = [code for code in office.tiers() if code in grown]
    series = [charts.Series(office.tier(code), grown[code], "a") for code in [*known, *(set(grown) - set(known))]]
    if not series:
        series = [charts.Series(t.gettext("Members"), [0] * len(days), "a")]
    bands = charts.folded(series, t.gettext("Other levels"))
    said = t.gettext("From %(first)s to %(last)s.", first=t.date(days[0]), last=t.date(days[-1]))
    return charts.area(t.gettext("Members by level"), axis(office, days), bands, t.number, said)


def axis(office: Office, days: Sequence[date]) -> list[str]:
    """A word for each day that is drawn: months; years where the days span several."""
    if days[-1].year - days[0].year > 2:
        return [str(day.year) if day.month == 12 else "" for day in days]
    return [office.t.short_month(day) for day in days]


def members(page: Page, span: Any, grown: Mapping[str, Sequence[int]], moves: Report) -> dict[str, Any]:
    """How many members, and how many more or fewer than before the period; both lead to who they are."""
    office, t = page.office, page.office.t
    totals = [sum(column) for column in zip(*grown.values(), strict=True)] or [0] * len(span.days)
    # An organisation counts as it stands on a day, so a suspended one is no active member and has not left.
    joined = moves.figure("new").value + moves.figure("reinstated").value
    lapsed = moves.figure("lapsed").value
    net, change = joined - lapsed, totals[-1] - totals[0]
    listed = f"{office.base}/members?state=active&state=ending"
    current = span.day == office.today
    return {
        "total": totals[-1],
        "change": _signed(t, change),
        "rose": _good(change),
        "spark": charts.spark(totals),
        "href": listed if current else page.rows("members", "members") + f"&as_of={span.day.isoformat()}",
        "net": _signed(t, net),
        "net_rose": _good(net),
        "net_said": t.gettext("%(new)s came, %(left)s left", new=t.number(joined), left=t.number(lapsed)),
        "net_spark": charts.spark([after - before for before, after in pairwise(totals)]),
        "net_href": page.report("movements"),
    }


def money(page: Page, found: Any, days: Sequence[date]) -> dict[str, Any]:
    """Fees paid and outstanding: figures, months and ages of the currency that most is invoiced in."""
    office, t = page.office, page.office.t
    aging, collected = found.aging, found.collected
    currency = _currency(collected, aging)
    received = _values(collected, "received")
    overdue, owed = _values(aging, "overdue"), _values(aging, "open")
    late = aging.figure("overdue_invoices").value
    rate = next((f.value for f in collected.figures if f.code == f"collection_rate/currency={currency}"), None)
    months = [row for row in collected.table("by_month").rows if row[1].value == currency]
    by_month = {
        row[0].value: row[2].value for row in collected.table("received_by_month").rows if row[1].value == currency
    }
    return {
        "currency": currency,
        "received": _sums(office, received),
        "received_href": page.rows("collected", f"received/currency={currency}" if received else "received"),
        "received_said": t.gettext("%(rate)s of what fell due", rate=t.percent(rate)) if rate is not None
        else t.gettext("nothing fell due"),
        "received_spark": charts.spark([by_month.get(month, 0) for month in _months(days)]),
        "overdue": _sums(office, overdue),
        "late": late,
        "late_said": t.ngettext("%(n)s invoice", "%(n)s invoices", late) if late else t.gettext("nothing is overdue"),
        "owed_said": t.gettext("of %(amount)s outstanding", amount=_sums(office, owed)),
        "owed_spark": charts.spark(found.owed.get(currency, [0] * len(days))),
        "fees": _fees(office, months, _months(days)),
        "fees_rows": _fee_rows(page, months),
        "ages": ages(office, aging, currency, page.day),
        "unit": t.gettext("Thousand %(currency)s", currency=currency),
        "key": charts.key([(t.gettext("Paid"), "a"), (t.gettext("Still owed"), "owed")]),
    }  # fmt: skip


def ages(office: Office, aging: Report, currency: str, day: date) -> charts.Drawing:
    """What is outstanding by how late it is, each a link to these invoices."""
    t = office.t
    sums = dict.fromkeys(SHADES, (0, 0))
    for age, of, amount, count in (tuple(cell.value for cell in row) for row in aging.table("by_age").rows):
        if of == currency:
            bucket = BUCKETS[age]
            sums[bucket] = sums[bucket][0] + amount, sums[bucket][1] + count
    names = [*(report_words.code(t, office.kept, "age", age) for age in list(BUCKETS)[:4]), t.gettext("Over 90 days")]
    on = "" if day == office.today else f"&as_of={day.isoformat()}"
    bars = [
        charts.Bar(name, amount, SHADES[bucket], t.money(amount, currency),
                   t.ngettext("%(n)s invoice", "%(n)s invoices", count), f"{office.base}/invoices?state={bucket}{on}")
        for name, (bucket, (amount, count)) in zip(names, sums.items(), strict=True)
    ]  # fmt: skip
    return charts.hbar(t.gettext("Outstanding by age"), bars)


def _fees(office: Office, months: Sequence[Sequence[Cell]], drawn: Sequence[str]) -> charts.Drawing:
    """What the invoices of each month came to, without what was credited and given up: paid, and still owed.

    Of a year every month that is drawn has its place, of longer those in which something was invoiced.
    """
    t = office.t
    sums = {row[0].value: (row[3].value, max(row[6].value, 0)) for row in months}
    listed = drawn if len(drawn) <= MONTHS and sums.keys() <= set(drawn) else list(sums)
    days = [date.fromisoformat(f"{month}-01") for month in listed]
    several = len({day.year for day in days}) > 1
    names = [f"{t.short_month(day)} {day:%y}" if several else t.short_month(day) for day in days]
    both = [sums.get(month, (0, 0)) for month in listed]
    paid = charts.Series(t.gettext("Paid"), [one / 100 / THOUSAND for one, _ in both], "a")
    owed = charts.Series(t.gettext("Still owed"), [one / 100 / THOUSAND for _, one in both], "owed")
    return charts.stacked(t.gettext("Fees invoiced by month"), names, [paid, owed], lambda n: t.number(round(n)))


def _fee_rows(page: Page, months: Sequence[Sequence[Cell]]) -> list[list[Any]]:
    """The numbers behind: month, invoiced, paid, still owed; each leads to its invoices."""
    t = page.office.t
    out = []
    for row in months:
        cells: list[Any] = [t.month(date.fromisoformat(f"{row[0].value}-01"))]
        for at in (2, 3, 6):
            amount = t.money(row[at].value, row[1].value)
            cells.append({"text": amount, "href": page.rows("collected", row[at].figure)})
        out.append(cells)
    return out


def cohorts(office: Office, rows: Sequence[Sequence[Cell]]) -> charts.Drawing | None:
    """Of those who joined in a year, the share that was there at the end of that year and of those after."""
    t = office.t
    shown = rows[-COHORT_YEARS:]
    wide = max((len(_known(row)) for row in shown), default=0)
    if not wide:
        return None
    head = [t.gettext("Joined"), t.gettext("Members"), t.gettext("Same year")]
    head += [t.gettext("Year %(n)s", n=n) for n in range(1, min(wide, COHORT_WIDTH))]
    base = f"{office.base}/reports/cohorts/rows?figure="
    listed = [
        charts.Cohort(row[0].value, t.number(row[1].value), [cell.value for cell in _known(row)],
                      [base + quote(cell.figure, safe="") for cell in _known(row)])
        for row in shown
    ]  # fmt: skip
    return charts.cohort(t.gettext("Share of each year’s joiners still members"), head, listed, t.percent)


def graph(
    office: Office, members: int, near: Mapping[UUID, reads.Neighbour], links: Sequence[office_reads.LinkedRow]
) -> charts.Drawing | None:
    """The network, those it is linked with by rules, and those it shares members with."""
    t, own = office.t, office.network
    given: dict[tuple[UUID, UUID], set[UUID]] = {}
    for row in links:
        if row.starts_on <= office.today:
            given.setdefault((row.source_network_id, row.network_id), set()).add(row.membership_id)
    weight = {one: near[one].both for one in near if near[one].both}
    for (source, target), there in given.items():
        other = target if source == own.id else source
        weight[other] = weight.get(other, 0) + THOUSAND * len(there)
    others = sorted(weight, key=lambda each: (-weight[each], office.kept.by_id[each].slug))[:MOST_NETWORKS]
    if not others:
        return None
    nodes = [_node(office, own.id, members)]
    nodes += [_node(office, each, near[each].members if each in near else None) for each in others]
    arrows = [
        graphs.Arrow(str(source), str(target), t.ngettext("%(n)s linked by rule", "%(n)s linked by rule", len(there)))
        for (source, target), there in sorted(given.items())
        if {source, target} <= {own.id, *others}
    ]
    arrows += [
        graphs.Arrow(str(own.id), str(each), t.ngettext("%(n)s in both", "%(n)s in both", near[each].both), "both")
        for each in others
        if each in near and near[each].both
    ]
    said = " ".join(f"{_short(office, UUID(a.source))}, {_short(office, UUID(a.target))}: {a.text}." for a in arrows)
    return graphs.net_graph(t.gettext("How networks connect"), nodes, arrows, said)


def todo(office: Office, unanswered: int, found: Any, renewing: int) -> list[dict[str, Any]]:
    """What waits besides applications: money first, then links, then what comes."""
    t, base, out = office.t, office.base, []
    if found is not None:
        late = found.aging.figure("overdue_invoices").value
        if late:
            text = t.ngettext("Remind of %(n)s overdue invoice", "Remind of %(n)s overdue invoices", late)
            amount = _sums(office, _values(found.aging, "overdue"))
            out.append(
                _thing("receipt", "danger", text, f"{base}/dunning", t.gettext("%(amount)s overdue", amount=amount))
            )
        if found.waiting.loose:
            n = found.waiting.loose
            text = t.ngettext("Place %(n)s payment", "Place %(n)s payments", n)
            out.append(
                _thing(
                    "inbox", "warning", text, f"{base}/invoices/suspense", t.gettext("Nobody knows yet what it is for")
                )
            )
        if found.waiting.lost:
            n = found.waiting.lost
            text = t.ngettext("%(n)s invoice did not arrive", "%(n)s invoices did not arrive", n)
            out.append(_thing("mail", "danger", text, f"{base}/invoices?undelivered=yes", ""))
    if unanswered:
        text = t.ngettext(
            "%(n)s linked membership waits for your answer", "%(n)s linked memberships wait for your answer", unanswered
        )
        out.append(_thing("link", "info", text, f"{base}/links", ""))
    year = _turn(office)
    if year is not None and renewing and found is not None:
        text = t.gettext("The next membership year begins %(day)s", day=t.date(year))
        detail = t.ngettext("%(n)s membership to renew", "%(n)s memberships to renew", renewing)
        out.append(_thing("calendar", "info", text, f"{base}/renewals", detail))
    return out


def _turn(office: Office) -> date | None:
    """The first day of the next membership year, where all members have the same."""
    book = office.kept.rulebooks.governing(office.network.slug, office.today, office.today)
    if book is None or book.period.kind not in ("calendar_year", "window"):
        return None
    return book.period.containing(office.today, office.today).end


def _thing(icon: str, colour: str, text: str, href: str, detail: str) -> dict[str, Any]:
    return {"icon": icon, "color": colour, "text": text, "href": href, "detail": detail}


def _node(office: Office, network: UUID, members: int | None) -> graphs.Node:
    """A network with how many members it has, where the reader may know."""
    row = office.kept.by_id[network]
    said = "" if members is None else office.t.number(members)
    return graphs.Node(str(network), _short(office, network), said, row.colour or "neutral")


def _short(office: Office, network: UUID) -> str:
    return office.t.text(office.kept.by_id[network].short)


def _known(row: Sequence[Cell]) -> list[Cell]:
    """The shares of a cohort that are known, the first few years."""
    return [cell for cell in row[2 : 2 + COHORT_WIDTH] if cell.value is not None]


def _values(report: Report, code: str) -> list[tuple[int, str]]:
    """A figure of money in each currency."""
    return [(int(f.value or 0), f.currency) for f in report.figures if f.measure == code and f.currency]


def _sums(office: Office, values: Sequence[tuple[int, str]]) -> str:
    """Amounts in words, what is nothing left out; a currency each, never added."""
    return " + ".join(office.t.money(amount, currency) for amount, currency in values if amount) or "0"


def _currency(*found: Report) -> str:
    """The currency of most that is invoiced or owed."""
    values = [pair for report, code in zip(found, ("invoiced", "open"), strict=True) for pair in _values(report, code)]
    return max(values, default=(0, "NOK"))[1]


def _months(days: Sequence[date]) -> list[str]:
    """The months that are drawn, as reports call them."""
    return list(dict.fromkeys(day.strftime("%Y-%m") for day in days[1:]))


def _signed(t: Any, value: int) -> str:
    return ("+" if value > 0 else "") + t.number(value)


def _good(value: int) -> bool | None:
    return value > 0 if value else None
