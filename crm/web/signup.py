"""The sign-up in the browser: five steps that save as they go, under an address that is its own key.

The first visit to a network makes up the secret part of the address; the first saved step makes the
draft behind it. So the back button, a reload and a second tab all lead to the same answers.
"""

import re
import secrets

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import applications, drafts
from crm.actions.drafts import APPLICANT
from crm.context import Context
from crm.errors import Invalid, NotFound, TooMany, status_of
from crm.reads import drafts as shown
from crm.reads import public
from crm.reads import register as register_reads
from crm.reads.drafts import Draft
from crm.steps import STEPS, Typed, form_of, typed_of
from crm.web import origin, signup_views
from crm.web.fields import fields_of
from crm.web.language import language_of
from crm.web.public import in_each_language, open_page
from crm.web.rendering import error_page
from crm.web.signup_words import is_figure

TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
NOT_KEPT = {"cache-control": "no-store"}
LONGEST_VERSION = 9
ASKED = ("tier", "employees", "country")  # what the address of a step may say, beside figures
CLIENT_UNKNOWN = ""


@get(in_each_language("/join"))
async def choose_network(request: Request, context: NamedDependency[Context]) -> Response[str]:
    return await open_page(request, "join/choose.html", listed=await public.networks(context), nav="join")


@get(in_each_language("/join/{network:str}"))
async def begin(
    request: Request, context: NamedDependency[Context], network: FromPath[str], level: FromQuery[str] = ""
) -> Redirect:
    found = await shown.draft(context, network, secrets.token_urlsafe(TOKEN_BYTES))
    known = found.book.tier(level)
    return to(request, f"{network}/{found.token}/level{f'?tier={known.code}' if known else ''}")


@get(in_each_language("/join/{network:str}/{token:str}/{step:str}"))
async def show_step(
    request: Request,
    context: NamedDependency[Context],
    network: FromPath[str],
    token: FromPath[str],
    step: FromPath[str],
) -> Response:
    found = await open_draft(context, network, token)
    if found.status != "draft":
        return to(request, f"status/{token}")
    if step not in STEPS or (found.id is None and step != "level"):
        raise NotFound("step", step)
    if STEPS.index(step) > STEPS.index(found.missing):
        return to(request, f"{network}/{token}/{found.missing}")
    asked = {name: value for name, value in request.query_params.items() if name in ASKED or is_figure(name)}
    return await show(request, found, step, typed_of(found.answers) | asked)


@post(in_each_language("/join/{network:str}/{token:str}/{step:str}"))
async def save_step(
    request: Request,
    context: NamedDependency[Context],
    network: FromPath[str],
    token: FromPath[str],
    step: FromPath[str],
) -> Response:
    if step == "check":
        return await send(request, context, network, token)
    found = await open_draft(context, network, token)
    if step not in STEPS:
        raise NotFound("step", step)
    typed = await fields_of(request)
    if step == "organisation" and typed.get("fill"):
        return await fill(request, context, found, typed_of(found.answers) | _clean(step, typed))
    wanted = drafts.Draft(network, token, language_of(request), address_of(request))
    try:
        saved = await drafts.save(context, wanted, step, typed, version_of(typed))
    except (Invalid, RuleViolation) as failure:
        return await show(request, found, step, typed_of(found.answers) | _clean(step, typed), failure)
    if saved.known:
        return to(request, f"{network}/{token}/known")
    return to(request, f"status/{token}" if saved.next_step == "status" else f"{network}/{token}/{saved.next_step}")


async def send(request: Request, context: Context, network: str, token: str) -> Response:
    """Send the application. A second click, or a click in an older tab, sends nothing twice."""
    found = await open_draft(context, network, token)
    if found.status != "draft":
        return to(request, f"status/{token}")
    if found.id is None or found.missing != "check":
        return to(request, f"{network}/{token}/{found.missing}")
    if version_of(await fields_of(request)) != found.version:
        return await show(request, found, "check", typed_of(found.answers), stale=True)
    try:
        form = form_of(network, language_of(request), found.answers)
        await applications.submit(context, APPLICANT, form, found.id, token)
    except (Invalid, RuleViolation) as failure:
        return await show(request, found, "check", typed_of(found.answers), failure)
    return to(request, f"status/{token}")


@get(in_each_language("/join/{network:str}/{token:str}/known"))
async def show_known(
    request: Request, context: NamedDependency[Context], network: FromPath[str], token: FromPath[str]
) -> Response:
    found = await open_draft(context, network, token)
    standing = await shown.standing(context, found) if found.status == "draft" else ""
    if not standing:
        return to(request, f"resume/{token}")
    return await signup_views.known(request, found, standing, typed_of(found.answers))


@post(in_each_language("/join/{network:str}/{token:str}/known"))
async def ask_access(
    request: Request, context: NamedDependency[Context], network: FromPath[str], token: FromPath[str]
) -> Response:
    found = await open_draft(context, network, token)
    typed = await fields_of(request)
    wanted = drafts.Draft(network, token, language_of(request), address_of(request))
    name, email = typed.get("contact_name", ""), typed.get("email", "")
    try:
        await drafts.ask_access(context, wanted, name, email)
    except Invalid as failure:
        given = typed_of(found.answers) | {"contact_name": name, "email": email}
        return await signup_views.known(request, found, await shown.standing(context, found), given, failure)
    return to(request, f"{network}/{token}/asked")


@get(in_each_language("/join/{network:str}/{token:str}/asked"))
async def show_asked(
    request: Request, context: NamedDependency[Context], network: FromPath[str], token: FromPath[str]
) -> Response:
    found = await open_draft(context, network, token)
    if not found.asked:
        return to(request, f"resume/{token}")
    return await signup_views.asked(request, found)


@get(in_each_language("/join/resume/{token:str}"))
async def resume(request: Request, context: NamedDependency[Context], token: FromPath[str]) -> Redirect:
    network, status = await shown.place(context, token)
    if status != "draft":
        return to(request, f"status/{token}")
    found = await open_draft(context, network, token)
    return to(request, f"{network}/{token}/{found.missing}")


async def fill(request: Request, context: Context, found: Draft, typed: Typed) -> Response[str]:
    """The step with what the register says of the number, to be changed before it is saved; nothing is saved by it."""
    async with context.db.tx() as connection:
        known = await register_reads.by_number(connection, "".join(filter(str.isdecimal, typed["orgnr"]))[:9])
    return await signup_views.filled(request, found, typed, known)


async def open_draft(context: Context, network: str, token: str) -> Draft:
    """The draft in the address. NotFound for a secret we never made."""
    if not _TOKEN.fullmatch(token):
        raise NotFound("application", "token")
    return await shown.draft(context, network, token)


async def show(
    request: Request,
    found: Draft,
    step: str,
    typed: Typed,
    failure: Invalid | RuleViolation | None = None,
    stale: bool = False,
) -> Response[str]:
    """One step, with what is wrong with it; or both answers, when another tab has saved others meanwhile."""
    if isinstance(failure, RuleViolation) and failure.code == "version_stale":
        return await signup_views.conflict(request, found, step, typed)
    status = 409 if stale else status_of(failure) if failure else 200
    return await signup_views.step(request, found, step, typed, failure, stale, status)


def to(request: Request, place: str) -> Redirect:
    """On to another page of the sign-up, by GET."""
    return Redirect(f"/{language_of(request)}/join/{place}", status_code=303, headers=NOT_KEPT)


def version_of(typed: Typed) -> int:
    """Which version of the draft the form was made from; -1 for none we ever gave out."""
    text = typed.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_VERSION else -1


def address_of(request: Request) -> str:
    """Where the request comes from, for counting."""
    return request.client.host if request.client else CLIENT_UNKNOWN


def too_many(request: Request, failure: TooMany) -> Response[str]:
    """Wait, and for how long."""
    answer = error_page(request, 429)
    answer.headers["retry-after"] = str(failure.seconds)
    return answer


def not_found(request: Request, _: NotFound) -> Response[str]:
    """A link that leads nowhere: cut off on its way, or of a draft that was never saved."""
    return error_page(request, 404, detail=signup_views.gone(request))


def _clean(step: str, typed: Typed) -> Typed:
    """What was typed in this step: boxes left open are answers, too."""
    return {name: typed.get(name, "") for name in signup_views.fields_shown(step, typed)}


handlers = [
    Router(
        path="/",
        route_handlers=[
            choose_network,
            begin,
            show_step,
            save_step,
            show_known,
            ask_access,
            show_asked,
            resume,
        ],
        guards=[origin.same_origin],
        exception_handlers={TooMany: too_many, NotFound: not_found},
        include_in_schema=False,
        opt={"public": True},
    )
]
