"""Agreements with other networks: what rests on each, giving notice after a look at who loses what, taking it back."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import agreements as actions
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads import agreements as reads
from crm.web.fields import day_of, fields_of
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/setup/agreements"
ROWS_SHOWN = 200
FIELDS = {"ends_on": "last_day", "on_end": "on_end", "reason": "reason", "mutual": "mutual"}
# What the end of an agreement does to the links it carried.
ENDS = {
    "end_links": N_("Linked memberships end the same day"),
    "period_end": N_("Linked memberships end with the membership year"),
    "grandfather": N_("Linked memberships that stand stay"),
}
Typed = Mapping[str, str]
Errors = RuleViolation | Invalid | None


@get(PATH, include_in_schema=False)
async def show_agreements(request: Request, office: NamedDependency[Office]) -> Response[str]:
    done = request.query_params.get("done", "")
    rows = await _rows(office)
    code = request.query_params.get("code", "")
    ending = next((row["code"] for row in rows if row["code"] == code), "")
    return await show(request, office, "office/agreements.html", "rules", rows=rows, done=done, ending=ending)


@get(PATH + "/{code:str}", include_in_schema=False)
async def show_ending(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response[str]:
    return await _page(request, office, code, dict(request.query_params))


@post(PATH + "/{code:str}", include_in_schema=False)
async def end(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response:
    typed = await fields_of(request)
    try:
        wanted = _wanted(code, typed)
        await _one(office, code)
        await actions.end(office.context, office.actor, wanted)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, code, typed, error)
    return _back(office, f"ending&code={code}")


@post(PATH + "/{code:str}/take-back", include_in_schema=False)
async def take_back(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response:
    typed = await fields_of(request)
    reason, mutual = typed.get("reason", "").replace("\r\n", "\n"), bool(typed.get("mutual"))
    try:
        await _one(office, code)
        await actions.take_back(office.context, office.actor, code, reason, mutual)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, code, typed, error)
    return _back(office, "taken_back")


handlers = [reading(show_agreements), routes(show_ending, end, take_back)]


def _back(office: Office, done: str) -> Redirect:
    return Redirect(f"{office.base}{PATH}?done={done}", status_code=303, headers=NOT_KEPT)


def _wanted(code: str, typed: Typed) -> actions.Wanted:
    """What was typed; people name the last day, the rules the day after it."""
    last = day_of(typed.get("last_day", ""))
    if last is None or last == date.max:
        raise Invalid([("ends_on", "date_format", {"message": typed.get("last_day", "")[:30]})])
    reason = typed.get("reason", "").replace("\r\n", "\n")
    return actions.Wanted(code, last + timedelta(days=1), typed.get("on_end", ""), reason, bool(typed.get("mutual")))


async def _rows(office: Office) -> list[dict[str, Any]]:
    async with office.context.db.reading(office.actor.sees) as connection:
        rows = await reads.of_network(connection, office.network.id, office.today)
    return [_row(office, row) for row in rows]


async def _one(office: Office, code: str) -> dict[str, Any]:
    found = next((row for row in await _rows(office) if row["code"] == code), None)
    if found is None:
        raise NotFound("agreement", code)
    return found


def _row(office: Office, row: reads.Listed) -> dict[str, Any]:
    t, by_id = office.t, office.kept.by_id
    rules = [
        rule
        for books in (office.kept.rulebooks.of(by_id[row.source_network_id].slug),)
        for rule in (books[-1].link_rules if books else ())
        if rule.agreement == row.code
    ]
    return {
        "code": row.code,
        "name": t.text(row.names),
        "purpose": t.text(row.purpose) if row.purpose else "",
        "source": office.face(by_id[row.source_network_id]),
        "target": office.face(by_id[row.target_network_id]),
        "starts_on": row.starts_on,
        "ends_on": row.ends_on,
        "over": row.ends_on is not None and row.ends_on <= office.today,
        "on_end": row.on_end,
        "on_end_words": t.gettext(ENDS[row.on_end]),
        "notice_days": row.notice_days,
        "signed": "; ".join(
            t.gettext(
                "%(name)s for %(network)s on %(day)s",
                name=each["name"] + (f" ({each['role']})" if each["role"] else ""),
                network=office.face(office.kept.by_slug[each["network"]])["name"],
                day=t.date(date.fromisoformat(each["on"])),
            )
            for each in row.signatures
        ),
        "linked": row.linked,
        "ahead": row.ahead,
        "rules": [t.text(rule.names) for rule in rules],
        "elsewhere": any(by_id[n].instance for n in (row.source_network_id, row.target_network_id)),
        "both": {row.source_network_id, row.target_network_id} <= office.actor.manages,
    }


async def _page(request: Request, office: Office, code: str, typed: Typed, error: Errors = None) -> Response[str]:
    row = await _one(office, code)
    looked: actions.Outcome | None = None
    if error is None and typed.get("last_day"):
        try:
            looked = await actions.preview(office.context, office.actor, _wanted(code, typed))
        except (RuleViolation, Invalid) as refused:
            error = refused
    first = office.today + timedelta(days=0 if row["both"] else max(row["notice_days"] - 1, 0))
    blank = {"last_day": first.isoformat(), "on_end": row["on_end"], "reason": "", "mutual": ""}
    values: dict[str, Any] = {
        "row": row,
        "typed": blank | dict(typed),
        "choices": [{"value": each, "label": office.t.gettext(label)} for each, label in ENDS.items()],
        "look": _look(office, looked) if looked else None,
        "errors": problems(office, error, FIELDS) if error else [],
        "status_code": status_of(error) if error else 200,
    }
    at = f"{office.base}{PATH}/{code}" if request.method == "POST" else ""
    return await show(request, office, "office/agreement.html", "rules", at, **values)


def _look(office: Office, found: actions.Outcome) -> dict[str, Any]:
    """What would happen, in the words of the page."""
    by_slug = office.kept.by_slug
    networks = [
        {"name": office.face(by_slug[slug])["name"], "ending": found.ending.get(slug, 0), "changed": n}
        for slug, n in sorted(found.changed.items())
    ]
    rows = [
        {"name": each.name, "network": office.face(by_slug[each.network])["name"], "ends_on": each.ends_on}
        for each in found.reached[:ROWS_SHOWN]
        if by_slug[each.network].id in office.actor.sees or each.network in _parties(office, found.code)
    ]
    return {"networks": networks, "rows": rows, "total": sum(found.changed.values()), "ends_on": found.ends_on}


def _parties(office: Office, code: str) -> set[str]:
    agreement = office.kept.rulebooks.agreement(code)
    return {agreement.source, agreement.target} if agreement else set()
