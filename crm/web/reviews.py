"""The work list of members that do not fit their level any more, and what to do with each: keep, change, end."""

from datetime import timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.register import SMALL
from crm import register_words, words
from crm.actions import reviews as actions
from crm.errors import Invalid, NotFound, status_of
from crm.reads import reviews as reads
from crm.reads.reviews import Review
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

FIELDS = {"until": "last_day", "note": "note"}
Errors = list[dict[str, str]]


@get("/reviews", include_in_schema=False)
async def show_reviews(request: Request, office: NamedDependency[Office]) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        waiting = await reads.waiting(connection, [office.network.id], without=SMALL)
        counts = await reads.counts(connection, office.network.id)
    small = counts.pop(SMALL, 0)
    rows = [row(office, each) for each in sorted(waiting, key=lambda r: (r.opened_at, r.organisation))]
    said = next((name for name in ("kept", "stays", "taken") if request.query_params.get(name)), "")
    shown = {"rows": rows, "total": sum(counts.values()), "small": small, "said": said}
    shown["otherwise"] = any(map(register_words.is_difference, counts))
    return await show(request, office, "office/reviews.html", "reviews", **shown)


@get("/reviews/{review:str}", include_in_schema=False)
async def show_review(request: Request, office: NamedDependency[Office], review: FromPath[str]) -> Response:
    found = await _find(office, review)
    if found is None:
        return _back(office)
    if register_words.is_difference(found.reason):
        return Redirect(_where(office, found), status_code=303, headers=NOT_KEPT)
    return await _page(request, office, found, {}, [])


@post("/reviews/{review:str}/keep", include_in_schema=False)
async def keep(request: Request, office: NamedDependency[Office], review: FromPath[str]) -> Response:
    found = await _find(office, review)
    if found is None:  # decided by somebody else meanwhile, or by a second click: it is off the list
        return _back(office)
    typed = await fields_of(request)
    last = day_of(typed.get("last_day", ""))
    if typed.get("last_day") and last is None:
        error = {"field": "last_day", "text": office.t.gettext("Write the day as YYYY-MM-DD.")}
        return await _page(request, office, found, typed, [error], 422)
    try:
        until = last + timedelta(days=1) if last else None
        await actions.keep(office.context, office.actor, found.id, until, typed.get("note", ""))
    except (RuleViolation, Invalid) as refused:
        return await _page(request, office, found, typed, problems(office, refused, FIELDS), status_of(refused))
    return _back(office, "?kept=1")


handlers = [reading(show_reviews), routes(show_review, keep)]


def row(office: Office, review: Review) -> dict[str, Any]:
    """One review as the list shows it: who, at which level, and why in words."""
    member = f"{office.base}/members/{review.organisation_id}"
    return {
        "id": review.id,
        "name": review.organisation,
        "member": member,
        "change": f"{member}/memberships/{review.membership_id}",
        "tier": office.tier(review.tier),
        "why": reason(office, review),
        "opened_at": review.opened_at,
        "href": _where(office, review),
    }


def reason(office: Office, review: Review) -> str:
    """Why the member is to be looked at, in a sentence."""
    values = register_words.values(review.detail)
    if "network_id" in values:
        required = next((n for n in office.kept.networks if str(n.id) == values["network_id"]), None)
        values["network"] = required.slug if required else ""
    return words.refusal(office.t, office.kept, review.reason, values)


def _where(office: Office, review: Review) -> str:
    """The page on which it is answered: what the register says otherwise has one of its own."""
    kind = "register" if register_words.is_difference(review.reason) else "reviews"
    return f"{office.base}/{kind}/{review.id}"


async def _find(office: Office, wanted: str) -> Review | None:
    """The review if it is open, None when it was closed; NotFound when it is no review of this network."""
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, id_of("review", wanted))
    if found is None or found.network_id != office.network.id:
        raise NotFound("review", wanted)
    return None if found.closed_at else found


def _back(office: Office, query: str = "") -> Redirect:
    return Redirect(f"{office.base}/reviews{query}", status_code=303, headers=NOT_KEPT)


async def _page(
    request: Request, office: Office, found: Review, typed: dict[str, str], errors: Errors, code: int = 200
) -> Response[str]:
    at = f"{office.base}/reviews/{found.id}"
    shown = {"row": row(office, found), "typed": typed, "errors": errors, "status_code": code, "at": at}
    return await show(request, office, "office/review.html", "reviews", **shown)
