"""What partners' systems have written and a person has to answer: objections, suggested corrections, held rows."""

import json
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import fact_words, words
from crm.actions import link_receipts, profiles
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads import link_receipts as receipt_reads
from crm.reads import member_lists as list_reads
from crm.reads import suggestions as reads
from crm.reads.suggestions import Suggestion
from crm.store import suggestions as store
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import panel, problems
from crm.web.session import NOT_KEPT

NAV = "partners"
NEWEST_LISTS = 10
DONE = {
    "declined": N_("The link is declined, with everything that follows."),
    "dismissed": N_("The objection is dismissed. Its sender reads why."),
    "suggestion": N_("The suggestion is answered. Its sender reads what became of it."),
    "row": N_("The row is carried out."),
    "refused": N_("The row is refused. Its sender reads it."),
}
_LABELS = {"name": N_("Name"), **fact_words.FACTS}
_FIELDS = {"effective_on": "on", "note": "note", "reason": "note"}
Errors = list[dict[str, str]]


@get("/from-partners", include_in_schema=False)
async def show_all(request: Request, office: NamedDependency[Office]) -> Response[str]:
    network = office.network.id
    async with office.context.db.reading(office.actor.sees) as connection:
        objections = await receipt_reads.to_decide(connection, network)
        corrections = await reads.to_decide(connection, network)
        held = await list_reads.held(connection, network)
        runs = await list_reads.runs(connection, network, NEWEST_LISTS)
    shown = {
        "objections": [(each, _rule(office, each)) for each in objections],
        "suggestions": [(each, _fields(office, each, {})) for each in corrections],
        "held": [(each, words.refusal(office.t, None, f"held_{each.why}", {})) for each in held],
        "runs": runs,
        "done": office.t.gettext(DONE[done]) if (done := request.query_params.get("done", "")) in DONE else "",
    }
    return await show(request, office, "office/from_partners.html", NAV, **shown)


# --- objections


@get("/from-partners/objections/{receipt:str}", include_in_schema=False)
async def show_objection(request: Request, office: NamedDependency[Office], receipt: FromPath[str]) -> Response:
    found = await _objection(office, receipt)
    return back(office) if found.outcome else await _objection_page(request, office, found, {}, [])


@post("/from-partners/objections/{receipt:str}", include_in_schema=False)
async def decide_objection(request: Request, office: NamedDependency[Office], receipt: FromPath[str]) -> Response:
    found = await _objection(office, receipt)
    if found.outcome:  # decided by somebody else meanwhile, or by a second click
        return back(office)
    typed = await fields_of(request)
    outcome = typed.get("outcome", "")
    if outcome not in ("declined", "dismissed"):
        raise NotFound("outcome", outcome)
    try:
        await link_receipts.decide(office.context, office.actor, found.id, outcome == "declined", typed.get("note", ""))
    except (RuleViolation, Invalid) as refused:
        wrong = problems(office, refused, _FIELDS)
        return await _objection_page(request, office, found, typed, wrong, status_of(refused))
    return back(office, outcome)


async def _objection(office: Office, receipt: str) -> receipt_reads.Receipt:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await receipt_reads.one(connection, id_of("objection", receipt))
    if found is None or found.network_id != office.network.id or found.word != "objected":
        raise NotFound("objection", receipt)
    return found


async def _objection_page(
    request: Request,
    office: Office,
    found: receipt_reads.Receipt,
    typed: dict[str, str],
    errors: Errors,
    code: int = 200,
) -> Response[str]:
    _, consequences, _ = await link_receipts.preview(office.context, office.actor, found.id)
    title = office.t.gettext("If you decline the link, this happens")
    shown = {
        "found": found,
        "rule": _rule(office, found),
        "source": office.face(office.kept.by_id[found.source_network_id]),
        "panel": await panel(office, consequences, found.on_date, title),
        "typed": typed,
        "errors": errors,
        "at": f"{office.base}/from-partners/objections/{found.id}",
    }
    return await show(request, office, "office/objection.html", NAV, status_code=code, **shown)


def _rule(office: Office, found: receipt_reads.Receipt) -> str:
    books = reversed(office.kept.rulebooks.of(office.kept.by_id[found.source_network_id].slug))
    rule = next((r for book in books if (r := book.link_rule(found.rule))), None)
    return office.t.text(rule.names) if rule else found.rule


# --- suggested corrections


@get("/from-partners/suggestions/{suggestion:str}", include_in_schema=False)
async def show_suggestion(request: Request, office: NamedDependency[Office], suggestion: FromPath[str]) -> Response:
    found = await _suggestion(office, suggestion)
    return back(office) if found.status != "open" else await _suggestion_page(request, office, found, {}, [])


@post("/from-partners/suggestions/{suggestion:str}", include_in_schema=False)
async def answer_suggestion(request: Request, office: NamedDependency[Office], suggestion: FromPath[str]) -> Response:
    found = await _suggestion(office, suggestion)
    if found.status != "open":
        return back(office)
    typed = await fields_of(request)
    answer, errors = _answer(office, found, typed)
    if answer is None:
        return await _suggestion_page(request, office, found, typed, errors, 422)
    if typed.get("look"):
        return await _suggestion_page(request, office, found, typed, [], answer=answer)
    try:
        await profiles.answer_suggestion(office.context, office.actor, found.id, answer)
    except (RuleViolation, Invalid) as refused:
        wrong = problems(office, refused, _FIELDS)
        return await _suggestion_page(request, office, found, typed, wrong, status_of(refused))
    return back(office, "suggestion")


def _answer(office: Office, found: Suggestion, typed: dict[str, str]) -> tuple[profiles.Answer | None, Errors]:
    """The answer as it was typed; `seen` is what the page showed as told now."""
    day = day_of(typed["on"]) if typed.get("on") else office.today
    if day is None:
        return None, [{"field": "on", "text": office.t.gettext("Write the day as YYYY-MM-DD.")}]
    accept = frozenset(name for name in found.fields if typed.get(f"accept_{name}"))
    seen = {name: value for name in found.fields if (value := _seen(typed.get(f"seen_{name}", ""))) is not _UNREADABLE}
    return profiles.Answer(accept, day, typed.get("note", ""), seen), []


_UNREADABLE = object()


def _seen(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return _UNREADABLE


async def _suggestion(office: Office, suggestion: str) -> Suggestion:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, id_of("suggestion", suggestion))
    if found is None or found.owner_network_id != office.network.id:
        raise NotFound("suggestion", suggestion)
    return found


async def _suggestion_page(
    request: Request,
    office: Office,
    found: Suggestion,
    typed: dict[str, str],
    errors: Errors,
    code: int = 200,
    answer: profiles.Answer | None = None,
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        now = await store.values(connection, found.organisation_id)
    looked = None
    if answer:
        try:
            seen = await profiles.preview_suggestion(office.context, office.actor, found.id, answer)
            if seen:
                title = office.t.gettext("If you accept, this happens")
                looked = await panel(office, seen.consequences, answer.effective_on or office.today, title)
        except (RuleViolation, Invalid) as refused:
            errors, code = problems(office, refused, _FIELDS), status_of(refused)
    shown = {
        "found": found,
        "fields": _fields(office, found, now),
        "suggester": office.face(office.kept.by_id[found.network_id]),
        "typed": {**typed, "on": typed.get("on", office.today.isoformat())},
        "looked": looked,
        "errors": errors,
        "at": f"{office.base}/from-partners/suggestions/{found.id}",
    }
    return await show(request, office, "office/suggestion.html", NAV, status_code=code, **shown)


def _fields(office: Office, found: Suggestion, now: dict[str, Any]) -> list[dict[str, Any]]:
    """Each field with its values in words; stale when something else is told now than when it was suggested."""

    def said(name: str, value: Any) -> str:
        return fact_words.value(office.t, name, value, {})

    return [
        {
            "name": name,
            "label": office.t.gettext(_LABELS[name]),
            "then": said(name, each["then"]),
            "wanted": said(name, each["wanted"]),
            "now": said(name, now.get(name)) if now else "",
            "seen": json.dumps(now.get(name)) if now else "",
            "stale": bool(now) and now.get(name) != each["then"],
        }
        for name, each in found.fields.items()
    ]


def back(office: Office, done: str = "") -> Redirect:
    """To what waits."""
    query = f"?done={done}" if done else ""
    return Redirect(f"{office.base}/from-partners{query}", status_code=303, headers=NOT_KEPT)


handlers = [routes(show_all, show_objection, decide_objection, show_suggestion, answer_suggestion)]
