"""The overview of a network: what waits for the reader first, four figures, and how they came about.

Figures are those of the reports, by the same questions, and lead to their rows. Money is shown to those who keep the
network's books or manage it; a reader of members alone sees what waits and who is linked in its place.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from crm.actions import answers
from crm.i18n import N_
from crm.reads import applications as application_reads
from crm.reads import endings as ending_reads
from crm.reads import member_search, reports
from crm.reads import office as office_reads
from crm.reads import overview as reads
from crm.reads import register as register_reads
from crm.reads import renewals as renewal_reads
from crm.reads import surveys as survey_reads
from crm.reads.reports import cohorts
from crm.reports import Asked, Report, later, period
from crm.store import hosts
from crm.web import endings, register, setup_words, surveys
from crm.web import overview_views as views
from crm.web.office import Office, reading, rules_of, show

PERIODS = {
    "this_year": N_("This year so far"),
    "last_year": N_("Last year"),
    "months_12": N_("The last 12 months"),
    "years_5": N_("The last five years"),
}


class Span(msgspec.Struct, frozen=True):
    """What is looked at: the period, half-open, the last day of it that has come, and the days that are drawn."""

    name: str
    start: date
    end: date
    day: date
    days: tuple[date, ...]

    @property
    def query(self) -> str:
        """The same period in the address of a report."""
        if period(self.name, self.day) is not None:
            return f"period={self.name}"
        return f"period=own&from={self.start.isoformat()}&until={(self.end - timedelta(days=1)).isoformat()}"


def span_of(name: str, today: date) -> Span:
    """The period of this name, this year's for any other. Drawn are the day before it and the last of each part."""
    months = 1
    known = period(name, today) if name in PERIODS else None
    if name == "months_12":
        end = later(date(today.year, today.month, 1), 1)
        known = later(end, -12), end
    elif name == "years_5":
        known, months = (date(today.year - 4, 1, 1), date(today.year + 1, 1, 1)), 3
    if known is None:
        name, known = "this_year", (date(today.year, 1, 1), date(today.year + 1, 1, 1))
    start, end = known
    day = min(today, end - timedelta(days=1))
    turns = [start]
    while turns[-1] < end:
        turns.append(later(start, months * len(turns)))
    days = [turn - timedelta(days=1) for turn in turns if turn - timedelta(days=1) <= day]
    return Span(name, start, end, day, tuple(days if days[-1] == day else [*days, day]))


class Money(msgspec.Struct, frozen=True):
    """The reports of money that are shown, and what was owed on the days that are drawn, by currency."""

    aging: Report
    collected: Report
    owed: dict[str, list[int]]
    waiting: reads.Waiting


@get("/", include_in_schema=False)
async def show_overview(request: Request, office: NamedDependency[Office]) -> Response[str]:
    """One page: the period is ?period=, everything else follows from it."""
    span = span_of(request.query_params.get("period", "this_year"), office.today)
    network, today, tiers = office.network.id, office.today, office.tiers()
    money: Money | None = None
    async with office.context.db.reading(office.actor.sees) as connection:
        grown = await reads.growth(connection, network, span.days)
        cube = await member_search.cube(connection, member_search.today(office.network, today, tiers))
        waiting = await application_reads.queue(connection, network, ["sent", "info_needed"])
        ahead = await office_reads.ahead(connection, network, today)
        newest = await office_reads.newest(connection, network, today, tiers)
        links = await office_reads.linked(connection, network, today)
        near = await reads.neighbours(connection, network, sorted(office.session.sees - {network}), today)
        moves = await _report(connection, office, span, "movements")
        joined = await _cohorts(connection, office)
        renewing = await renewal_reads.standing(connection, network, today)
        ending = await ending_reads.near(connection, network, today)
        closing = await survey_reads.ending(connection, network, today, surveys.CLOSES_SOON_DAYS)
        otherwise = await register_reads.waiting(connection, network)
        host = await hosts.one(connection, office.network.host_id) if office.may_manage else None
        if office.may_keep_books:
            money = await _money(connection, office, span)
    rules = rules_of(office, links)
    levels = views.levels(office, cube)
    page = views.Page(office, span.query, span.day)
    shown = {
        "span": span,
        "periods": [{"code": code, "label": office.t.gettext(said)} for code, said in PERIODS.items()],
        "levels": levels,
        "growth": views.growth(office, span.days, grown),
        "applications": waiting,
        "ahead": ahead,
        "newest": newest,
        "rules": rules,
        "graph": views.graph(office, sum(each["total"] for each in levels), near, links),
        "members": views.members(page, span, grown, moves),
        "money": views.money(page, money, span.days) if money else None,
        "cohorts": views.cohorts(office, joined),
        "todo": [
            *(setup_words.first_steps(office, host, sum(each["total"] for each in levels)) if host else []),
            *views.todo(office, await _unanswered(office), money, renewing),
            *register.to_look(office, otherwise),
            *endings.to_renew(office, ending),
            *surveys.to_remind(office, closing),
        ],
    }
    return await show(request, office, "office/overview.html", "overview", **shown)


handlers = [reading(show_overview)]


async def _money(connection: Any, office: Office, span: Span) -> Money:
    host = office.network.host_id
    return Money(
        await _report(connection, office, span, "aging"),
        await _report(connection, office, span, "collected"),
        await reads.outstanding(connection, office.network.id, host, span.days),
        await reads.waiting(connection, office.network.id, host),
    )


async def _report(connection: Any, office: Office, span: Span, name: str) -> Report:
    """A report as its own page would make it."""
    source = reports.SOURCES[name]
    return await reports.figures(connection, source, _asked(office, span.start, span.end, span.day, source))


async def _cohorts(connection: Any, office: Office) -> Sequence[Any]:
    """The table of joining years alone: the rest of that report is not shown here."""
    today = office.today
    asked = _asked(office, date(today.year, 1, 1), date(today.year + 1, 1, 1), today, cohorts.TABLE)
    return (await reports.figures(connection, cohorts.TABLE, asked)).table("cohorts").rows


def _asked(office: Office, start: date, end: date, day: date, source: reports.Source) -> Asked:
    options = {each.code: each.default for each in source.options}
    return Asked((office.network.id,), start, end, day, options=options)


async def _unanswered(office: Office) -> int:
    """Links that wait for this network's word, for those who give it."""
    if not office.may_manage:
        return 0
    return len(await answers.waiting(office.context, office.actor, office.network.id))
