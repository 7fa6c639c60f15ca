"""Statements between networks whose rules share fees: what is owed for some days, line by line, and what was paid."""

from datetime import date, timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import fee_shares as actions
from crm.catalogue import Catalogue
from crm.errors import status_of
from crm.store.fee_share_statements import Line, Settlement, Statement, Sum
from crm.web import amounts, csv_files
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

Errors = list[dict[str, str]]


@get("/shares", include_in_schema=False)
async def show_statement(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, [])


@get("/shares.csv", include_in_schema=False)
async def download(request: Request, office: NamedDependency[Office]) -> Response[bytes]:
    first, last = _days(office, request.query_params.get("from", ""), request.query_params.get("to", ""))
    kept, found = await actions.statement(office.context, office.actor, office.network.slug, first, last)
    t = office.t
    head = [
        *(t.gettext("Owes"), t.gettext("Is owed"), t.gettext("Members"), t.gettext("Link rule"), t.gettext("Version")),
        *(
            t.gettext("Agreement"),
            t.gettext("Percent"),
            t.gettext("VAT"),
            t.gettext("Currency"),
            t.gettext("Without VAT"),
        ),
    ]
    rows = [
        (
            kept.by_id[line.source].slug,
            kept.by_id[line.target].slug,
            line.members,
            line.rule,
            line.version,
            line.agreement,
            line.percent,
            line.treatment,
            line.currency,
            amounts.decimal(line.net, line.currency),
        )
        for line in found.lines
    ]
    return csv_files.answer(t, f"shares-{office.network.slug}-{first}-{last}", head, rows)


@post("/shares/settlements", include_in_schema=False)
async def settle(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    first, last = _days(office, typed.get("from", ""), typed.get("to", ""))
    try:
        settled = await actions.settle(
            office.context,
            office.actor,
            office.network.slug,
            typed.get("source", ""),
            typed.get("target", ""),
            typed.get("currency", ""),
            first,
            last,
            typed.get("reference", ""),
        )
    except RuleViolation as refused:
        return await _page(request, office, problems(office, refused, {}), status_of(refused), (first, last))
    return _to(office, first, last, f"&settled={settled}")


@post("/shares/settlements/{settlement:str}/undo", include_in_schema=False)
async def undo(request: Request, office: NamedDependency[Office], settlement: FromPath[str]) -> Response:
    typed = await fields_of(request)
    await actions.undo(office.context, office.actor, id_of("settlement_id", settlement))
    return _to(office, *_days(office, typed.get("from", ""), typed.get("to", "")))


handlers = [routes(show_statement, download, settle, undo)]


async def _page(
    request: Request, office: Office, errors: Errors, code: int = 200, days: tuple[date, date] | None = None
) -> Response[str]:
    asked = request.query_params
    first, last = days or _days(office, asked.get("from", ""), asked.get("to", ""))
    try:
        kept, found = await actions.statement(office.context, office.actor, office.network.slug, first, last)
    except RuleViolation as refused:
        errors, code = problems(office, refused, {}), status_of(refused)
        first, last = _days(office, "", "")
        kept, found = await actions.statement(office.context, office.actor, office.network.slug, first, last)
    here = f"{office.base}/shares"
    shown = {
        "first": first,
        "last": last,
        "sums": [_sum(office, kept, found, each) for each in found.sums],
        "rows": [_line(office, kept, each) for each in found.lines],
        "settlements": [_settlement(office, kept, found, each) for each in found.settlements],
        "csv": f"{here}.csv?from={first}&to={last}",
        "here": here,
        "settled": next((each.id for each in found.settlements if str(each.id) == asked.get("settled")), None),
        "errors": errors,
        "status_code": code,
    }
    return await show(request, office, "office/fee_shares.html", "payments", at=here if code != 200 else "", **shown)


def _days(office: Office, first: str, last: str) -> tuple[date, date]:
    """The days asked for, both included; this year so far when nothing (or nothing readable) was asked."""
    start, end = day_of(first), day_of(last)
    return start or date(office.today.year, 1, 1), end or office.today


def _sum(office: Office, kept: Catalogue, found: Statement, each: Sum) -> dict[str, Any]:
    t = office.t
    same = [s for s in found.settlements if _pair(s) == _pair(each)]
    whole = next((s for s in same if (s.first, s.after) == (found.first, found.after)), None)
    return {
        "source": office.face(kept.by_id[each.source]),
        "target": office.face(kept.by_id[each.target]),
        "source_slug": kept.by_id[each.source].slug,
        "target_slug": kept.by_id[each.target].slug,
        "currency": each.currency,
        "net": t.money(each.net, each.currency),
        "vat": t.money(each.vat, each.currency),
        "gross": t.money(each.net + each.vat, each.currency),
        "settled": whole is not None,
        "partly": bool(same) and whole is None,
        "payable": not same and each.net > 0,
        "key": f"{kept.by_id[each.source].slug}-{kept.by_id[each.target].slug}-{each.currency}",
    }


def _line(office: Office, kept: Catalogue, line: Line) -> dict[str, Any]:
    source = kept.by_id[line.source]
    book = kept.rulebooks.version(source.slug, line.version)
    rule = book.link_rule(line.rule) if book else None
    return {
        "source": office.face(source),
        "target": office.face(kept.by_id[line.target]),
        "members": line.members or "–",
        "rule": office.t.text(rule.names) if rule else line.rule,
        "agreement": line.agreement or "–",
        "percent": office.t.percent(line.percent / 100),
        "net": office.t.money(line.net, line.currency),
    }


def _settlement(office: Office, kept: Catalogue, found: Statement, each: Settlement) -> dict[str, Any]:
    t = office.t
    now = next((s for s in found.sums if _pair(s) == _pair(each)), None)
    same_days = (each.first, each.after) == (found.first, found.after)
    return {
        "id": each.id,
        "source": office.face(kept.by_id[each.source]),
        "target": office.face(kept.by_id[each.target]),
        "days": t.date_range(each.first, each.after - timedelta(days=1)),
        "gross": t.money(each.net + each.vat, each.currency),
        "reference": each.reference or "–",
        "by": each.actor,
        "on": each.recorded_at,
        "changed": same_days and (now is None or (now.net, now.vat) != (each.net, each.vat)),
    }


def _pair(each: Sum | Settlement) -> tuple[object, ...]:
    return each.source, each.target, each.currency


def _to(office: Office, first: date, last: date, told: str = "") -> Redirect:
    at = f"{office.base}/shares?from={first}&to={last}{told}"
    return Redirect(at, status_code=303, headers=NOT_KEPT)
