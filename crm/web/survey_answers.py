"""A survey as whoever holds the link in a mail answers it, without signing in; until its last day also once more.

The address is the secret, so the pages are kept nowhere, and the form needs no other token.
"""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from cluster_rules.errors import RuleViolation
from crm import names, words
from crm.actions import surveys as actions
from crm.actions.surveys import SCALE
from crm.context import Context
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import translator
from crm.store.surveys import Question
from crm.web.fields import fields_of
from crm.web.language import language_of
from crm.web.origin import same_origin
from crm.web.public import in_each_language
from crm.web.rendering import error_page, page
from crm.web.told import Refusal, Typed

PRIVATE = {"x-robots-tag": "noindex, nofollow", "referrer-policy": "no-referrer", "cache-control": "no-store"}
TOKEN_MAX = 100


@get(in_each_language("/survey/{token:str}"))
async def show_survey(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Response[str]:
    return await _page(request, context, token[:TOKEN_MAX])


@post(in_each_language("/survey/{token:str}"), guards=[same_origin], status_code=200)
async def answer(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Response[str]:
    typed = {name.removeprefix("q-"): text for name, text in (await fields_of(request)).items()}
    try:
        await actions.answer(context, token[:TOKEN_MAX], typed)
    except (Invalid, RuleViolation) as error:
        return await _page(request, context, token[:TOKEN_MAX], typed, error)
    return await _page(request, context, token[:TOKEN_MAX], done=True)


async def _page(
    request: Request,
    context: Context,
    token: str,
    typed: Typed | None = None,
    error: Refusal | None = None,
    done: bool = False,
) -> Response[str]:
    t = translator(language_of(request))
    found = await actions.open_link(context, token)
    survey = found.opened.survey
    listed = error.problems if isinstance(error, Invalid) else []
    errors = [{"field": f"q-{field}", "text": words.refusal(t, None, code, given)} for field, code, given in listed]
    if isinstance(error, RuleViolation):
        errors = [{"field": "", "text": words.refusal(t, None, error.code, error.params)}]
    given = found.typed if typed is None else typed
    return page(
        request,
        "public/survey.html",
        headers=PRIVATE,
        status_code=status_of(error) if error else 200,
        network_name=t.text(found.network.names),
        title=t.text(survey.title),
        intro=t.text(survey.intro) if any(survey.intro.values()) else "",
        anonymous=survey.anonymous,
        last_day=names.last_day(t, survey.closes_on),
        state="done" if done else "closed" if found.closed else "elsewhere" if found.elsewhere else "asked",
        again=found.opened.asked.answered,
        questions=[_shown(t, each, given.get(str(each.id), "")) for each in found.questions],
        here=f"/{t.language}/survey/{token}",
        errors=errors,
    )


def _shown(t: Any, each: Question, typed: str) -> dict[str, Any]:
    values = {
        "scale": [(str(value), str(value)) for value in SCALE],
        "yes_no": [("1", t.gettext("Yes")), ("0", t.gettext("No"))],
        "choice": [(str(place), t.text(choice)) for place, choice in enumerate(each.choices)],
    }.get(each.kind, [])
    return {
        "name": f"q-{each.id}",
        "kind": each.kind,
        "text": t.text(each.text),
        "values": [{"value": value, "label": label} for value, label in values],
        "typed": typed,
    }


def _not_found(request: Request, _: NotFound) -> Response[str]:
    return error_page(request, 404)


handlers = [
    Router(
        path="/",
        route_handlers=[show_survey, answer],
        exception_handlers={NotFound: _not_found},
        include_in_schema=False,
        opt={"public": True},
    )
]
