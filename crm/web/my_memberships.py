"""An organisation's memberships, with why; another level and leaving: first what follows, then the deed, then undo."""

from datetime import date, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import names
from crm.actions import memberships as actions
from crm.actions.memberships import Change, Choices
from crm.catalogue import Catalogue, NetworkRow
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_, Translator
from crm.reads import custom_fields, organisations, own_invoices, renewal_notices
from crm.reads import timeline as timeline_reads
from crm.reads.memberships import Membership
from crm.reads.timeline import DecisionEvent
from crm.web import custom_words, my_words
from crm.web.fields import day_of, fields_of, id_of
from crm.web.my import My, done, reading, routes, show
from crm.web.office_consequences import organisations_of, problems, told

PATH = "/memberships/{membership:str}/{change:str}"
KINDS = {"tier-change": "tier_change", "ending": "ending"}
FIELDS = {"effective_on": "on", "tier": "tier", "reason": "reason"}
PANELS = {
    "tier-change": N_("If you change the level, this happens"),
    "ending": N_("If you leave, this happens"),
}
NEWS = 6
Errors = list[dict[str, str]]


class Reader(msgspec.Struct, frozen=True):
    """As consequences are told: to this organisation, about this network."""

    t: Translator
    kept: Catalogue
    network: NetworkRow


@get("/", include_in_schema=False)
async def show_memberships(request: Request, my: NamedDependency[My]) -> Response[str]:
    """What is held and why, what is owed, what waits, and what was decided lately."""
    found = await my_words.memberships(my)
    cards = [my_words.card(my, m) for m in sorted(found, key=lambda m: (m.status == "ended", m.network))]
    async with my.context.db.tx() as connection:  # the guard has seen to it that the reader acts for it
        owed = [row for row in await own_invoices.of_organisation(connection, my.organisation.id, my.today) if row.owed]
        told_ahead = await renewal_notices.told_to(connection, my.organisation.id, my.today)
    events = await _decisions(my, found)
    async with my.context.db.reading_own([my.organisation.id]) as connection:
        seen = await custom_fields.open_answers(connection, my.organisation.id, ["member", "directory"], my.today)
    wanted = request.query_params
    return show(
        request,
        my,
        "my/memberships.html",
        "memberships",
        cards=[each for each in cards if not each["over"]],
        former=[each for each in cards if each["over"]],
        answers=[(membership, fact) for membership, _, fact in custom_words.told(my.t, my.kept, seen)],
        owed=owed,
        told_ahead=told_ahead,
        todo=_todo(my, owed),
        events=[_event(my, each) for each in events[:NEWS]],
        done=next((_event(my, each) for each in events if str(each.id) == wanted.get("done")), None),
        taken=bool(wanted.get("taken")),
        said=wanted.get("said", ""),
    )


@get(PATH, include_in_schema=False)
async def show_change(
    request: Request, my: NamedDependency[My], membership: FromPath[str], change: FromPath[str]
) -> Response[str]:
    found = await _find(my, membership, change)
    typed = {name: request.query_params.get(name, "") for name in ("tier", "on")}
    return await _page(request, my, found, change, typed)


@post(PATH, include_in_schema=False)
async def make_change(
    request: Request, my: NamedDependency[My], membership: FromPath[str], change: FromPath[str]
) -> Response:
    found, typed = await _find(my, membership, change), await fields_of(request)
    wanted, errors = _change_of(my, change, typed)
    if wanted is None:
        return await _page(request, my, found, change, typed, errors)
    try:
        made = await actions.make(my.context, my.actor, found.id, wanted)
    except (RuleViolation, Invalid) as error:
        said = problems(_reader(my, found), error, FIELDS)
        return await _page(request, my, found, change, typed, said, status_of(error))
    return done(my, "", str(made.decision))


@post("/memberships/{membership:str}/decisions/{decision:str}/take-back", include_in_schema=False)
async def take_back(my: NamedDependency[My], membership: FromPath[str], decision: FromPath[str]) -> Response:
    found = await _find(my, membership, "ending")
    try:
        await actions.take_back(my.context, my.actor, found.id, id_of("decision", decision))
    except RuleViolation as refused:
        if refused.code not in ("not_yours_to_undo", "locked_in", "joining_not_withdrawable"):
            raise
        return Redirect(f"{my.base}?said=rests", status_code=303)
    return Redirect(f"{my.base}?taken=yes", status_code=303)


handlers = [reading(show_memberships), routes(show_change, make_change, take_back)]


async def _find(my: My, membership: str, change: str) -> Membership:
    found = my_words.by_id(await my_words.memberships(my), id_of("membership", membership))
    if found is None or change not in KINDS:
        raise NotFound("membership", membership)
    return found


def _reader(my: My, found: Membership) -> Reader:
    return Reader(my.t, my.kept, my.kept.by_slug[found.network])


def _change_of(my: My, kind: str, typed: dict[str, str]) -> tuple[Change | None, Errors]:
    """What was typed; who leaves names the last day, a rule the first day after it."""
    errors: Errors = []
    on = day_of(typed.get("on", ""))
    if on is None:
        errors.append({"field": "on", "text": my.t.gettext("Write the day as YYYY-MM-DD.")})
    tier = typed.get("tier", "") if kind == "tier-change" else ""
    if kind == "tier-change" and not tier:
        errors.append({"field": "tier", "text": my.t.gettext("Choose a level.")})
    if on is None or errors:
        return None, errors
    first = on + timedelta(days=1) if kind == "ending" and on < date.max else on
    return Change(KINDS[kind], first, tier, typed.get("reason", "").replace("\r\n", "\n")), []


async def _page(
    request: Request,
    my: My,
    found: Membership,
    kind: str,
    typed: dict[str, str],
    errors: Errors | None = None,
    code: int = 0,
) -> Response[str]:
    """The form with what it would do; what cannot be is said above it, and the form is kept."""
    choices = await actions.choices(my.context, my.actor, found.id)
    filled = _filled(choices, kind, typed)
    wanted, unread = _change_of(my, kind, filled) if choices else (None, [])
    said, panel = errors or (unread if any(typed.values()) else []), None
    if wanted and not said:
        try:
            _, follows = await actions.preview(my.context, my.actor, found.id, wanted)
        except (RuleViolation, Invalid) as refused:
            said, code = problems(_reader(my, found), refused, FIELDS), status_of(refused)
        else:
            async with my.context.db.reading_own([my.organisation.id]) as connection:
                named = await organisations.names(connection, organisations_of(follows.intents))
            note = my.t.gettext("Nothing has changed yet, and nothing is sent before you confirm.")
            title = my.t.gettext(PANELS[kind])
            panel = told(_reader(my, found), follows, wanted.effective_on, named, title, note)
    return show(
        request,
        my,
        "my/change.html",
        "memberships",
        f"{my.base}/memberships/{found.id}/{kind}" if request.method == "POST" else "",
        status_code=code or (422 if said else 200),
        kind=kind,
        found=my_words.card(my, found),
        typed=filled,
        errors=said,
        panel=panel,
        choices=_shown(my, found, choices),
    )


def _filled(choices: Choices | None, kind: str, typed: dict[str, str]) -> dict[str, str]:
    """What the form says before anybody typed: the level next to the one it has, the first day it may begin."""
    out = {"tier": "", "on": "", "reason": ""} | typed
    if choices is None:
        return out
    days = dict(choices.levels)
    if kind == "tier-change" and not out["tier"] and days:
        out["tier"] = min(days, key=lambda code: days[code])
    if not out["on"]:
        first = days.get(out["tier"]) if kind == "tier-change" else choices.leave_on - timedelta(days=1)
        out["on"] = first.isoformat() if first else ""
    return out


def _shown(my: My, found: Membership, choices: Choices | None) -> dict[str, Any] | None:
    if choices is None:
        return None
    levels = []
    for code, day in choices.levels:
        label = names.tier_name(my.t, my.kept, found.network, code)
        when = my.t.gettext("from today") if day <= my.today else my.t.gettext("from %(day)s", day=my.t.date(day))
        levels.append({"value": code, "label": f"{label} – {when}"})
    return {"levels": levels, "leave_by": names.last_day(my.t, choices.leave_on), "leave_on": choices.leave_on}


async def _decisions(my: My, found: list[Membership]) -> list[DecisionEvent]:
    """What people decided about the organisation's memberships, the newest first."""
    networks = [my.kept.by_slug[m.network].id for m in found]
    async with my.context.db.tx() as connection:
        listed = await timeline_reads.decisions(connection, my.organisation.id, networks)
    return sorted(listed, key=lambda each: each.recorded_at, reverse=True)


_SAID = {
    "joining": N_("Joined %(network)s"),
    "tier_change": N_("Level in %(network)s: %(tier)s"),
    "ending": N_("Left %(network)s, last day %(last)s"),
    "suspension": N_("On hold in %(network)s"),
    "event": N_("Recorded by %(network)s"),
}


def _event(my: My, each: DecisionEvent) -> dict[str, Any]:
    t, network = my.t, my.kept.by_id[each.network_id]
    values = {"network": t.text(network.names), "last": names.last_day(t, each.effective_on)}
    values["tier"] = names.tier_name(t, my.kept, network.slug, each.tier) if each.tier else ""
    young = my.context.clock.now() - each.recorded_at < actions.UNDO_WITHIN
    undo = each.channel == "member" and not each.withdrawn_at and (each.effective_on > my.today or young)
    return {
        "id": each.id,
        "membership": each.membership_id,
        "text": t.gettext(_SAID[each.kind], **values),
        "on": each.effective_on,
        "who": each.actor,
        "at": each.recorded_at,
        "withdrawn": each.withdrawn_at,
        "undo": undo and my.runs,
    }


def _todo(my: My, owed: list[own_invoices.Own]) -> list[dict[str, str]]:
    """What waits for the reader."""
    out = []
    for row in owed:
        late = row.due_on is not None and row.due_on < my.today
        amount, due = my.t.money(row.owed, row.currency), my.t.date(row.due_on) if row.due_on else ""
        out.append(
            {
                "icon": "alert-triangle" if late else "receipt",
                "color": "danger" if late else "info",
                "text": my.t.gettext("Pay %(amount)s, invoice %(number)s", amount=amount, number=row.number),
                "href": f"{my.base}/invoices",
                "detail": my.t.gettext("%(host)s, due %(day)s", host=row.host, day=due),
            }
        )
    return out
