"""Who was told ahead of the next period and who was not, and telling those who would be now."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.renewal_notices import furthest
from crm import renewal_words as words
from crm.actions import renewal_notices as actions
from crm.errors import status_of
from crm.reads import renewal_notices as reads
from crm.reads.renewal_notices import Notice
from crm.store.renewal_notices import Notice as Planned
from crm.web.fields import id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PAGE = 50


@get("/renewals/notices", include_in_schema=False)
async def show_notices(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, [])


@post("/renewals/notices", include_in_schema=False)
async def tell(request: Request, office: NamedDependency[Office]) -> Response:
    try:
        await actions.run(office.context, office.actor, office.network.slug)
    except RuleViolation as refused:
        return await _page(request, office, problems(office, refused, {}), status_of(refused))
    return Redirect(f"{office.base}/renewals/notices", status_code=303, headers=NOT_KEPT)


handlers = [routes(show_notices, tell)]


def days_of(office: Office) -> int:
    """So many days before a period members are told, by the rules that tell earliest; 0 = nobody is."""
    return furthest(office.kept.rulebooks, office.network.slug)


def figures(office: Office, sums: dict[str, int]) -> dict[str, Any]:
    """How many were told, and in words who was not and why."""
    left = {state: n for state, n in sums.items() if state != "told"}
    said = [f"{words.notice(office.t, state)}: {office.t.number(n)}" for state, n in left.items()]
    return {"told": sums.get("told", 0), "left": sum(left.values()), "why": said}


async def _page(request: Request, office: Office, errors: list[dict[str, str]], code: int = 200) -> Response[str]:
    wanted, after = request.query_params.get("show", ""), request.query_params.get("after", "")
    chosen = wanted if wanted in ("told", "not_told") else ""
    last = id_of("renewal_notice", after) if after else None
    async with office.context.db.reading(office.actor.sees) as connection:
        sums = await reads.sums(connection, office.network.id, office.today)
        found = list(await reads.items(connection, office.network.id, office.today, chosen, last, PAGE + 1))
    days, here = days_of(office), f"{office.base}/renewals/notices"
    planned: tuple[actions.Ran, list[Planned]] | None = None
    if days and request.query_params.get("look"):
        total, listed, _ = await actions.preview(office.context, office.actor, office.network.slug)
        planned = total, [each for each in listed if each.letter][:PAGE]
    shown = {
        "days": days,
        "figures": figures(office, sums),
        "filters": _filters(office, sums, chosen, here),
        "rows": [_row(office, each) for each in found[:PAGE]],
        "more": f"{here}?show={chosen}&after={found[PAGE - 1].id}" if len(found) > PAGE else "",
        "planned": _planned(office, *planned) if planned else None,
        "errors": errors,
        "here": here,
        "status_code": code,
    }
    return await show(request, office, "office/renewal_notices.html", "renewals", at=here, **shown)


def _filters(office: Office, sums: dict[str, int], chosen: str, here: str) -> list[dict[str, Any]]:
    t = office.t
    told = sums.get("told", 0)
    listed = (("", t.gettext("All"), sum(sums.values())), ("told", t.gettext("Told"), told))
    left = ("not_told", t.gettext("Not told"), sum(sums.values()) - told)
    return [
        {"label": name, "count": n, "href": f"{here}?show={key}", "current": key == chosen}
        for key, name, n in (*listed, left)
    ]


def _row(office: Office, each: Notice) -> dict[str, Any]:
    t = office.t
    why = words.problem(t, office.kept, each.problem) if each.problem else words.notice(t, each.state)
    return {
        "name": each.organisation,
        "href": f"{office.base}/members/{each.organisation_id}",
        "tier": office.tier(each.tier, office.network.slug),
        "starts_on": each.starts_on,
        "net": t.money(each.net, each.currency) if each.net else "–",
        "leave_by": each.leave_by,
        "told": each.state == "told",
        "why": each.recipient if each.state == "told" else why,
        "moment": each.looked_at,
    }


def _planned(office: Office, total: actions.Ran, listed: list[Planned]) -> dict[str, Any]:
    t = office.t
    return figures(office, total.left_out | {"told": total.told}) | {
        "rows": [
            {
                "name": each.organisation,
                "href": f"{office.base}/members/{each.row.organisation_id}",
                "address": each.letter.recipient.email if each.letter else "",
                "starts_on": each.renewal.year.start,
                "net": t.money(each.renewal.net, each.renewal.currency),
            }
            for each in listed
        ]
    }
