"""Decline a linked membership, or accept one that waits for this network's word: what follows first, then the word."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import answers as actions
from crm.actions.answers import Word
from crm.errors import NotFound, status_of
from crm.i18n import N_
from crm.reads import organisations
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import panel, problems
from crm.web.session import NOT_KEPT

PANELS = {
    "accepted": N_("If you accept, this happens"),
    "declined": N_("If you decline, this happens"),
}
FIELDS = {"on": "on", "answer": ""}


@get("/links/answer", include_in_schema=False)
async def show_answer(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, dict(request.query_params))


@post("/links/answer", include_in_schema=False)
async def give_answer(request: Request, office: NamedDependency[Office]) -> Response[str] | Redirect:
    typed = await fields_of(request)
    word = _word(office, typed)
    if word is None:
        return await _page(request, office, typed)
    try:
        made = await actions.give(office.context, office.actor, word)
    except RuleViolation as error:
        return await _page(request, office, typed, error)
    return Redirect(f"{office.base}/links?answered={made.id}", status_code=303, headers=NOT_KEPT)


@post("/links/answers/{answer:str}/take-back", include_in_schema=False)
async def take_back(office: NamedDependency[Office], answer: FromPath[str]) -> Redirect:
    with suppress(NotFound):  # taken back before, by a second click or by somebody else
        await actions.take_back(office.context, office.actor, id_of("answer", answer))
    return Redirect(f"{office.base}/links?taken=1", status_code=303, headers=NOT_KEPT)


handlers = [routes(show_answer, give_answer, take_back)]


def _word(office: Office, typed: Mapping[str, str]) -> Word | None:
    """The word as typed; None when its day is not one. NotFound for what is no organisation, rule or answer."""
    answer = typed.get("answer", "")
    if answer not in PANELS:
        raise NotFound("answer", answer)
    organisation = id_of("organisation", typed.get("organisation", ""))
    day = day_of(typed["on"]) if "on" in typed else office.today
    return Word(organisation, typed.get("network", ""), typed.get("rule", ""), answer, day) if day else None


async def _page(
    request: Request, office: Office, typed: dict[str, str], error: RuleViolation | None = None
) -> Response[str]:
    word, errors, shown = _word(office, typed), [], None
    if word is None:
        errors = [{"field": "on", "text": office.t.gettext("Write the day as YYYY-MM-DD.")}]
    elif error is None:
        try:
            _, found = await actions.preview(office.context, office.actor, word)
            shown = await panel(office, found, word.on, office.t.gettext(PANELS[word.answer]))
        except RuleViolation as refused:
            error = refused
    if error:
        errors = problems(office, error, FIELDS)
    organisation = id_of("organisation", typed.get("organisation", ""))
    async with office.context.db.reading(office.actor.sees) as connection:
        named = await organisations.names(connection, {organisation})
    if organisation not in named:
        raise NotFound("organisation", organisation)
    values: dict[str, Any] = {
        "typed": {**typed, "on": typed.get("on", office.today.isoformat())},
        "name": named[organisation],
        "rule_name": _rule_name(office, typed),
        "panel": shown,
        "errors": errors,
    }
    code = status_of(error) if error else 422 if errors else 200
    return await show(request, office, "office/link_answer.html", "links", status_code=code, **values)


def _rule_name(office: Office, typed: Mapping[str, str]) -> str:
    books = reversed(office.kept.rulebooks.of(typed.get("network", "")))
    rule = next((r for book in books if (r := book.link_rule(typed.get("rule", "")))), None)
    if rule is None:
        raise NotFound("rule", typed.get("rule", ""))
    return office.t.text(rule.names)
