"""Activities of a network: the list of them, and the form they are told and changed with."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import activities as actions
from crm.actions.activities import KINDS, ActivityForm, Came
from crm.errors import Invalid, NotFound, status_of
from crm.reads import activities as reads
from crm.reads.activities import Activity, Participant
from crm.report_activity_words import VALUES
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/activities"
KIND_WORDS = VALUES["activity_kind"]
LAST_PAGE = 10_000
PARTICIPANTS_MAX = 9_999  # letters; less than a field of a page is read to
Typed = dict[str, str]
_FIELDS = {name: name for name in (*ActivityForm.__struct_fields__, "participants")}


@get(PATH, include_in_schema=False)
async def show_activities(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, {}, None)


@get(PATH + "/{activity:str}", include_in_schema=False)
async def show_activity(request: Request, office: NamedDependency[Office], activity: FromPath[str]) -> Response[str]:
    found, came = await _one(office, activity)
    return await _one_page(request, office, found, came, {}, None)


@post(f"{PATH}/new", include_in_schema=False)
async def add(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    try:
        await actions.add(office.context, office.actor, office.network.id, _form(typed))
    except Invalid as error:
        return await _page(request, office, typed, error)
    return _back(office)


@post(PATH + "/{activity:str}/change", include_in_schema=False)
async def change(request: Request, office: NamedDependency[Office], activity: FromPath[str]) -> Response:
    typed = await fields_of(request)
    found, came = await _one(office, activity)
    try:
        await actions.change(office.context, office.actor, office.network.id, found.id, _form(typed))
    except Invalid as error:
        return await _one_page(request, office, found, came, typed, error)
    return _back(office, f"/{found.id}")


@post(PATH + "/{activity:str}/withdraw", include_in_schema=False)
async def withdraw(office: NamedDependency[Office], activity: FromPath[str]) -> Response:
    wanted = id_of("activity", activity)
    await actions.withdraw(office.context, office.actor, office.network.id, wanted)
    return _back(office, f"?withdrawn={wanted}")


@post(PATH + "/{activity:str}/restore", include_in_schema=False)
async def restore(office: NamedDependency[Office], activity: FromPath[str]) -> Response:
    await actions.restore(office.context, office.actor, office.network.id, id_of("activity", activity))
    return _back(office)


handlers = [reading(show_activities, show_activity), routes(add, change, withdraw, restore)]


def _form(typed: Typed) -> ActivityForm:
    """The activity as actions take it. Invalid where the day is none, or more is typed than is read."""
    day = day_of(typed["on_day"]) if typed.get("on_day") else None
    if typed.get("on_day") and day is None:
        raise Invalid([("on_day", "date_format", {})])
    lines = typed.get("participants", "")
    if len(lines) > PARTICIPANTS_MAX:
        raise Invalid([("participants", "too_long", {"limit": PARTICIPANTS_MAX, "length": len(lines)})])
    said = {name: typed.get(name, "") for name in ("title", "kind", "partner_countries")}
    return ActivityForm(
        on_day=day,
        international=typed.get("international") == "yes",
        others=actions.number(typed.get("others") or "0"),
        came=tuple(_came(place, line) for place, line in enumerate(lines.splitlines(), 1) if line.strip()),
        **said,
    )


def _came(place: int, line: str) -> Came:
    """A line: who, and how many people as it was written; one where nothing is."""
    who, sign, many = line.rpartition(";")
    if not sign:
        return Came("participants", place, " ".join(line.split()))
    return Came("participants", place, " ".join(who.split()), people=actions.number(many.strip() or "1"))


def _back(office: Office, rest: str = "") -> Redirect:
    return Redirect(f"{office.base}{PATH}{rest}", status_code=303, headers=NOT_KEPT)


async def _one(office: Office, activity: str) -> tuple[Activity, list[Participant]]:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, office.network.id, id_of("activity", activity))
    if found is None:
        raise NotFound("activity", activity)
    return found


async def _page(request: Request, office: Office, typed: Typed, error: Invalid | None) -> Response[str]:
    asked = request.query_params
    page = min(int(asked["page"]), LAST_PAGE) if asked.get("page", "").isdecimal() else 1
    async with office.context.db.reading(office.actor.sees) as connection:
        listed, total = await reads.of_network(connection, office.network.id, max(page, 1))
        gone = _id(asked.get("withdrawn", ""))
        title = await reads.withdrawn(connection, office.network.id, gone) if gone else ""
    first = (max(page, 1) - 1) * reads.PAGE
    return await _shown(
        request,
        office,
        "office/activities.html",
        typed,
        error,
        activities=[_row(office, each) for each in listed],
        total=total,
        first=first + 1,
        last=first + len(listed),
        page=max(page, 1),
        withdrawn={"id": gone, "title": title} if title else None,
    )


async def _one_page(
    request: Request, office: Office, found: Activity, came: list[Participant], typed: Typed, error: Invalid | None
) -> Response[str]:
    told = {
        "title": found.title,
        "kind": found.kind,
        "on_day": found.on_day.isoformat(),
        "international": "yes" if found.international else "",
        "partner_countries": found.partner_countries,
        "others": str(found.others),
        "participants": "\n".join(f"{each.number or each.name}; {each.people}" for each in came),
    }
    shown = {"activity": _row(office, found), "came": came}
    return await _shown(request, office, "office/activity.html", typed or told, error, f"/{found.id}", **shown)


async def _shown(
    request: Request, office: Office, template: str, typed: Typed, error: Invalid | None, at: str = "", **values: Any
) -> Response[str]:
    errors = problems(office, error, _FIELDS) if error else []
    return await show(
        request,
        office,
        template,
        "activities",
        f"{office.base}{PATH}{at}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        typed=defaultdict(str, typed),
        kinds=[{"value": each, "label": office.t.gettext(KIND_WORDS[each])} for each in KINDS],
        errors=errors,
        **values,
    )


def _row(office: Office, activity: Activity) -> dict[str, Any]:
    """One as pages show it."""
    t = office.t
    return {
        "id": activity.id,
        "title": activity.title,
        "kind": t.gettext(KIND_WORDS[activity.kind]),
        "on_day": activity.on_day,
        "international": activity.international,
        "countries": activity.partner_countries,
        "members": activity.members,
        "people": activity.people,
        "others": activity.others,
    }


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
