"""What is done to many members at once: from the list to a page that asks what exactly, and the run's own page."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import words
from crm.actions import bulk_runs as actions
from crm.actions.bulk_runs import Bill, Extra, Wanted
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads import bulk_runs as reads
from crm.web import amounts, custom_words, member_filters, selections
from crm.web.fields import fields_of, id_of
from crm.web.member_filters import Marks
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.selections import Selection
from crm.web.session import NOT_KEPT

ASK = ("tag", "untag", "field", "responsible", "charge")
ELSEWHERE = {"mail": "/mailings/new", "export": "/members/export.xlsx"}
TITLES = {
    "tag": N_("Tag members"),
    "untag": N_("Remove a tag from members"),
    "field": N_("Set a field of members"),
    "responsible": N_("Who looks after members"),
    "charge": N_("One charge more for members"),
}
SAID = {
    "tag": N_("Tagged: %(name)s"),
    "untag": N_("Tag removed: %(name)s"),
    "field": N_("%(name)s set to %(value)s"),
    "responsible": N_("Looked after by %(name)s"),
    "charge": N_("Charged: %(name)s"),
}
VAT = {
    "standard": N_("Ordinary VAT"),
    "exempt_3_13": N_("Exempt: membership fee (section 3-13)"),
    "outside": N_("Seller not registered for VAT"),
    "zero": N_("Zero rate"),
    "reverse_charge": N_("Reverse charge"),
    "foreign": N_("Service to a buyer abroad"),
}
_FIELDS = ("tag", "account", "field", "value", "amount", "name_nb", "name_en", "vat_code")
_PLACES = {name: name for name in _FIELDS}


@post("/members/selected", include_in_schema=False)
async def choose(request: Request, office: NamedDependency[Office]) -> Response:
    """From the list on to what shall be done; nothing is done here."""
    form = await request.form()
    what = str(form.get("what", ""))
    if what not in (*ASK, *ELSEWHERE):
        raise NotFound("page", what)
    try:
        selection = await selections.of_form(request)
    except RuleViolation as refused:
        return await _refused(request, office, refused)
    path = ELSEWHERE.get(what) or f"/members/selected/{what}"
    where = f"{office.base}{path}?{urlencode({'selection': selection.text})}"
    return Redirect(where, status_code=303, headers=NOT_KEPT)


@get("/members/selected/{what:str}", include_in_schema=False)
async def ask(
    request: Request, office: NamedDependency[Office], what: FromPath[str], selection: FromQuery[str] = ""
) -> Response[str]:
    return await _asking(request, office, what, selection, {}, None)


@post("/members/selected/{what:str}", include_in_schema=False)
async def do(request: Request, office: NamedDependency[Office], what: FromPath[str]) -> Response:
    """Do it; money is shown first, with what it comes to, and done when that was confirmed."""
    form, typed = await request.form(), await fields_of(request)
    chosen = typed.get("selection", "")
    try:
        token = UUID(typed.get("token", ""))
    except ValueError:
        raise NotFound("page", what) from None
    try:
        selection = selections.read(chosen)
        members = await selections.members_of(office, selection)
        texts = [value for value in form.getall("value", []) if isinstance(value, str)]
        wanted = await _wanted(office, what, typed, texts)
        if what == "charge" and wanted.extra:
            bill = await actions.bill(office.context, office.actor, office.network.id, wanted.extra, members)
            if typed.get("confirmed") != _seal(bill):
                return await _asking(request, office, what, chosen, typed, None, bill)
        run = await actions.begin(office.context, office.actor, office.network.id, wanted, members, token)
    except (RuleViolation, Invalid) as error:
        return await _asking(request, office, what, chosen, typed, error)
    return Redirect(f"{office.base}/bulk-runs/{run}", status_code=303, headers=NOT_KEPT)


@get("/bulk-runs", include_in_schema=False)
async def show_runs(request: Request, office: NamedDependency[Office]) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        runs = await reads.of_network(connection, office.network.id)
        known = await member_filters.marks(connection, office)
    rows = [{"run": run, "said": said(office, run, known)} for run in runs]
    return await show(request, office, "office/bulk_runs.html", "members", rows=rows)


@get("/bulk-runs/{run:str}", include_in_schema=False)
async def show_run(request: Request, office: NamedDependency[Office], run: FromPath[str]) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, office.network.id, id_of("run", run))
        if found is None:
            raise NotFound("run", run)
        failed = await reads.failed(connection, found.id)
        known = await member_filters.marks(connection, office)
    rows = [
        {
            "name": each.name,
            "href": f"{office.base}/members/{each.organisation_id}",
            "why": words.refusal(office.t, office.kept, each.problem["rule"], each.problem["values"]),
        }
        for each in failed
    ]
    undoable = found.what in actions.UNDONE and not found.undoes_id and not found.undone and found.status == "done"
    shown = {"run": found, "said": said(office, found, known), "failed": rows, "undoable": undoable}
    headers = {"refresh": "2"} if found.status != "done" else {}
    return await show(request, office, "office/bulk_run.html", "members", headers=headers, **shown)


@post("/bulk-runs/{run:str}/undo", include_in_schema=False)
async def undo(request: Request, office: NamedDependency[Office], run: FromPath[str]) -> Response:
    wanted = id_of("run", run)
    async with office.context.db.reading(office.actor.sees) as connection:
        if await reads.one(connection, office.network.id, wanted) is None:
            raise NotFound("run", run)
    made = await actions.undo(office.context, office.actor, wanted)
    return Redirect(f"{office.base}/bulk-runs/{made}", status_code=303, headers=NOT_KEPT)


handlers = [routes(choose, ask, do, undo), reading(show_runs, show_run)]


def said(office: Office, run: reads.Run, known: Marks) -> str:
    """What a run does, in words."""
    t, wanted = office.t, run.wanted
    if run.what == "charge":
        return t.gettext(SAID[run.what], name=t.text(wanted["extra"]["names"]))
    if run.what == "field":
        field = known.field(wanted["code"])
        if run.undoes_id:
            return t.gettext("%(name)s set back", name=t.text(field.names) if field else wanted["code"])
        value = custom_words.answer(t, field, wanted["value"], custom_words.currency(office)) if field else ""
        named = t.text(field.names) if field else wanted["code"]
        return t.gettext(SAID[run.what], name=named, value=value or t.gettext("no answer"))
    if run.what == "responsible":
        if run.undoes_id:
            return t.gettext("Looked after by whoever did before")
        return t.gettext(SAID[run.what], name=wanted["name"] or t.gettext("nobody"))
    return t.gettext(SAID[run.what], name=wanted["name"])


def _seal(bill: Bill) -> str:
    """What was seen and confirmed: the same members and sums, or it is shown again."""
    return f"{bill.members}-{bill.net}-{bill.vat}"


async def _wanted(office: Office, what: str, typed: Mapping[str, str], texts: list[str]) -> Wanted:
    if what in ("tag", "untag"):
        return Wanted(what, tag=_id(typed.get("tag", ""), "tag"))
    if what == "responsible":
        chosen = typed.get("account", "")
        return Wanted(what, account=None if chosen == "none" else _id(chosen, "account"))
    money = custom_words.currency(office)
    if what == "field":
        async with office.context.db.reading(office.actor.sees) as connection:
            known = await member_filters.marks(connection, office)
        field = known.field(typed.get("field", ""))
        if field is None:
            raise Invalid([("field", "required", {})])
        return Wanted(what, field=field.id, value=custom_words.given(field, texts, money))
    if what == "charge":
        amount = amounts.read(typed.get("amount", ""), money)
        names = {"nb": typed.get("name_nb", ""), "en": typed.get("name_en", "")}
        return Wanted(what, extra=Extra(names, amount or 0, typed.get("vat_code", "")))  # type: ignore[arg-type]
    raise NotFound("page", what)


def _id(text: str, field: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid([(field, "required", {})]) from None


async def _asking(
    request: Request,
    office: Office,
    what: str,
    chosen: str,
    typed: Mapping[str, str],
    error: RuleViolation | Invalid | None,
    bill: Bill | None = None,
) -> Response[str]:
    """The page that asks; with what is wrong, or with what a charge comes to."""
    if what not in ASK:
        raise NotFound("page", what)
    try:
        selection = selections.read(chosen)
        members = await selections.members_of(office, selection)
    except RuleViolation as refused:
        return await _refused(request, office, refused)
    async with office.context.db.reading(office.actor.sees) as connection:
        known = await member_filters.marks(connection, office)
    t = office.t
    field = known.field(typed.get("field", "") or request.query_params.get("field", ""))
    shown: dict[str, Any] = {
        "what": what,
        "title": t.gettext(TITLES[what]),
        "count": len(members),
        "selection": chosen,
        "back": _back(office, selection),
        "known": known,
        "field": field,
        "field_view": custom_words.view(office, field, None) if field else None,
        "fields": [{"value": each.code, "label": t.text(each.names)} for each in known.fields],
        "people": [{"value": "none", "label": t.gettext("Nobody")}]
        + [{"value": str(each.account), "label": each.name} for each in known.people],
        "vats": [{"value": code, "label": t.gettext(name)} for code, name in VAT.items()],
        "currency": custom_words.currency(office),
        "typed": defaultdict(str, typed),
        "token": typed.get("token") or str(uuid4()),
        "bill": bill,
        "seal": _seal(bill) if bill else "",
        "bill_problems": [
            (words.refusal(t, office.kept, code, {"country": ""}), n)
            for code, n in (bill.problems.items() if bill else ())
        ],
        "errors": problems(office, error, _PLACES) if error else [],
    }
    code = status_of(error) if error else 200
    at = f"{office.base}/members/selected/{what}?{urlencode({'selection': chosen})}"
    return await show(request, office, "office/bulk_ask.html", "members", at, status_code=code, **shown)


def _back(office: Office, selection: Selection) -> str:
    return f"{office.base}/members" + (f"?{selection.query}" if selection.query else "")


async def _refused(request: Request, office: Office, refused: RuleViolation) -> Response[str]:
    """Nothing can be asked of no selection: why, and the way back to the list."""
    why = words.refusal(office.t, office.kept, refused.code, refused.params)
    return await show(
        request,
        office,
        "office/bulk_refused.html",
        "members",
        f"{office.base}/members",
        status_code=status_of(refused),
        why=why,
    )


__all__ = ["handlers", "said"]
