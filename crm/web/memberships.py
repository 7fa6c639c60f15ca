"""Change a membership: another level, an end, a pause, an event. First what follows, then the deed, then a way back."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Rulebook
from crm.actions import memberships as actions
from crm.actions.memberships import Change
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads.memberships import Membership
from crm.web import office_events
from crm.web import office_member as member
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import panel, problems
from crm.web.office_member import Found
from crm.web.session import NOT_KEPT

KINDS = {"tier-change": "tier_change", "ending": "ending", "suspension": "suspension", "event": "event"}
PATH = "/members/{member:str}/memberships/{membership:str}/{change:str}"
# What a rule calls a field, and what the page calls it: people name last days, rules name first days.
FIELDS = {
    "tier-change": {"effective_on": "on", "tier": "tier", "reason": "reason"},
    "ending": {"effective_on": "last_day", "reason": "reason"},
    "suspension": {"effective_on": "on", "until": "last_day", "reason": "reason"},
    "event": {"effective_on": "on", "until": "last_day", "event": "event", "reason": "reason"},
}
PANELS = {
    "tier-change": N_("If you change the level, this happens"),
    "ending": N_("If you end the membership, this happens"),
    "suspension": N_("If you suspend the membership, this happens"),
    "event": N_("If you record the event, this happens"),
}
Typed = Mapping[str, str]
Errors = list[dict[str, str]]


@get(PATH, include_in_schema=False)
async def show_change(
    request: Request,
    office: NamedDependency[Office],
    member: FromPath[str],
    membership: FromPath[str],
    change: FromPath[str],
) -> Response[str]:
    found = await _find(office, member, membership, change)
    typed = {name: request.query_params.get(name, "") for name in ("tier", "event", "on", "last_day")}
    return await _page(request, office, found, change, typed, asked=any(typed.values()))


@post(PATH, include_in_schema=False)
async def make_change(
    request: Request,
    office: NamedDependency[Office],
    member: FromPath[str],
    membership: FromPath[str],
    change: FromPath[str],
) -> Response:
    found = await _find(office, member, membership, change)
    typed = await fields_of(request)
    wanted, errors = change_of(office, change, typed)
    if wanted is None:
        return await _page(request, office, found, change, typed, asked=True, errors=errors)
    try:
        made = await actions.make(office.context, office.actor, found.membership.id, wanted)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, found, change, typed, asked=True, error=error)
    return _back(office, found, f"done={made.decision}")


@post("/members/{member:str}/memberships/{membership:str}/decisions/{decision:str}/take-back", include_in_schema=False)
async def take_back(
    office: NamedDependency[Office], member: FromPath[str], membership: FromPath[str], decision: FromPath[str]
) -> Response:
    found = await _find(office, member, membership, "suspension")
    wanted = id_of("decision", decision)
    try:
        await actions.take_back(office.context, office.actor, found.membership.id, wanted)
    except (RuleViolation, NotFound) as refused:
        if isinstance(refused, RuleViolation) and refused.code == "locked_in":
            return _back(office, found, f"rests={wanted}")
        # Taken back before, by somebody else or by a second click: the timeline shows by whom.
        return _back(office, found, f"taken={wanted}" if found.decision(wanted) else "")
    return _back(office, found, f"taken={wanted}")


handlers = [routes(show_change, make_change, take_back)]


def change_of(office: Office, kind: str, typed: Typed) -> tuple[Change | None, Errors]:
    """What was typed as a change, or what cannot be read of it."""
    t, errors = office.t, []

    def day(field: str, needed: bool = True) -> date | None:
        found = day_of(typed.get(field, ""))
        if found is None and (needed or typed.get(field)):
            errors.append({"field": field, "text": t.gettext("Write the day as YYYY-MM-DD.")})
        return found

    on = day("last_day") if kind == "ending" else day("on")
    until = day("last_day", needed=False) if kind in ("suspension", "event") else None
    tier = typed.get("tier", "") if kind == "tier-change" else ""
    if kind == "tier-change" and not tier:
        errors.append({"field": "tier", "text": t.gettext("Choose a level.")})
    event = typed.get("event", "") if kind == "event" else ""
    if kind == "event" and not event:
        errors.append({"field": "event", "text": t.gettext("Choose an event.")})
    if errors or on is None:
        return None, errors
    reason = typed.get("reason", "").replace("\r\n", "\n")
    first = _after(on) if kind == "ending" else on
    return Change(KINDS[kind], first, tier, reason, _after(until) if until else None, event), []


def _after(day: date) -> date:
    return day + timedelta(days=1) if day < date.max else day


def _back(office: Office, found: Found, query: str) -> Redirect:
    where = f"{office.base}/members/{found.organisation.id}"
    return Redirect(f"{where}?{query}" if query else where, status_code=303, headers=NOT_KEPT)


async def _find(office: Office, organisation: str, membership: str, change: str) -> Found:
    found = await member.find(office, id_of("member", organisation))
    if found.membership.id != id_of("membership", membership) or change not in KINDS:
        raise NotFound("membership", membership)
    return found


async def _page(
    request: Request,
    office: Office,
    found: Found,
    kind: str,
    typed: Typed,
    asked: bool,
    errors: Errors | None = None,
    error: RuleViolation | Invalid | None = None,
) -> Response[str]:
    """The form with what it would do. What cannot be is said once, above the form, and the form is kept."""
    filled = dict(typed) if asked else _proposal(office, found, kind)
    wanted, unread = change_of(office, kind, filled)
    said = list(errors or unread) + (problems(office, error, FIELDS[kind]) if error else [])
    shown: dict[str, Any] | None = None
    if wanted and not said:
        shown, said = await _preview(office, found.membership.id, kind, wanted)
    code = status_of(error) if error else 422 if said and asked else 200
    values = {
        "found": found,
        "kind": kind,
        "typed": filled,
        "panel": shown,
        "levels": _levels(office, found.membership),
        "events": office_events.upgrades(office, found.membership),
    }
    return await show(request, office, "office/change.html", "members", errors=said, status_code=code, **values)


async def _preview(office: Office, membership: UUID, kind: str, wanted: Change) -> tuple[dict[str, Any] | None, Errors]:
    try:
        _, found = await actions.preview(office.context, office.actor, membership, wanted)
    except (RuleViolation, Invalid) as refused:
        return None, problems(office, refused, FIELDS[kind])
    t = office.t
    note = t.gettext("Nothing has changed yet, and nothing is sent before you confirm.")
    return await panel(office, found, wanted.effective_on, t.gettext(PANELS[kind]), note), []


def _book(office: Office, membership: Membership) -> Rulebook:
    book = office.kept.rulebooks.governing(membership.network, membership.starts_on, office.today)
    return book or office.kept.rulebooks.of(membership.network)[-1]


def _levels(office: Office, membership: Membership) -> list[dict[str, str]]:
    """The levels to choose from, the highest first, without the one it has."""
    tiers = sorted(_book(office, membership).tiers, key=lambda tier: -tier.rank)
    return [{"value": x.code, "label": office.t.text(x.names)} for x in tiers if x.code != membership.tier]


def _proposal(office: Office, found: Found, kind: str) -> dict[str, str]:
    """What the form says before anybody typed: the turn of the membership year, the level below."""
    membership = found.membership
    book = _book(office, membership)
    start = max(office.today, membership.starts_on)
    turn = book.period.boundary_on_or_after(start + timedelta(days=1), membership.starts_on) or start
    if kind == "event":
        known = office_events.upgrades(office, membership)
        return {"on": start.isoformat(), "last_day": "", "event": known[0]["value"] if known else ""}
    if kind == "suspension":
        return {"on": start.isoformat(), "last_day": ""}
    if kind == "ending":
        return {"last_day": (turn - timedelta(days=1)).isoformat()}
    ranks = {tier.code: tier.rank for tier in book.tiers}
    mine = ranks.get(membership.tier, 0)
    below = [code for code, rank in sorted(ranks.items(), key=lambda x: -x[1]) if rank < mine]
    above = [code for code, rank in sorted(ranks.items(), key=lambda x: x[1]) if rank > mine]
    return {"on": turn.isoformat(), "tier": (below or above or [""])[0]}
