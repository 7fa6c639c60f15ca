"""A member's own page in the directory, how to write to it, and what stands where somebody is a member no more."""

from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm import words
from crm.actions import listings as actions
from crm.actions.listings import LetterForm
from crm.context import Context
from crm.errors import Invalid, NotFound, TooMany
from crm.i18n import TIME_ZONE, Translator, translator
from crm.reads import custom_fields, listings, similar
from crm.web import custom_words, origin, session
from crm.web import directory_views as views
from crm.web.directory_opening import opened
from crm.web.fields import fields_of
from crm.web.language import language_of
from crm.web.public import in_each_language, open_page
from crm.web.rendering import error_page

CONTACT = "/members/{slug:str}/contact"


@get("/members/{slug:str}", sync_to_thread=False)
def choose_language(request: Request, slug: FromPath[str]) -> Redirect:
    headers = {"cache-control": "no-store", "vary": "Cookie, Accept-Language"}
    return Redirect(f"/{language_of(request)}/members/{slug}", status_code=302, headers=headers)


@get(in_each_language("/members/{slug:str}"))
async def show_member(request: Request, context: NamedDependency[Context], slug: FromPath[str]) -> Response[Any]:
    return await _member(request, context, slug, {})


@get(in_each_language(CONTACT))
async def show_contact(request: Request, context: NamedDependency[Context], slug: FromPath[str]) -> Response[Any]:
    return await _member(request, context, slug, {}, writing=True)


@post(in_each_language(CONTACT), status_code=200)
async def write(request: Request, context: NamedDependency[Context], slug: FromPath[str]) -> Response[Any]:
    """The letter is on its way, or the form again with what is wrong."""
    origin.check(request)
    given = await fields_of(request)
    address = request.client.host if request.client else ""
    form = LetterForm(given.get("name", ""), given.get("email", ""), given.get("text", ""))
    try:
        name = await actions.write(context, slug, form, address)
    except (Invalid, TooMany) as error:
        return await _member(request, context, slug, given, error, writing=True)
    return await open_page(request, "public/member_written.html", nav="members", name=name, slug=slug)


async def _member(
    request: Request,
    context: Context,
    slug: str,
    given: dict[str, str],
    error: Invalid | TooMany | None = None,
    writing: bool = False,
) -> Response[Any]:
    lang = language_of(request)
    t = translator(lang)
    reader = await session.session_or_none(request)
    async with opened(context) as opening:
        known = await listings.resolve(opening.connection, slug)
        kept = opening.kept
    if known is None:
        raise NotFound("organisation", slug)
    if not known.shown:
        return await open_page(request, "public/member_gone.html", nav="members", status_code=410)
    if known.slug != slug:
        return Redirect(f"/{lang}/members/{known.slug}", status_code=301)
    viewer = await listings.viewer(context, session.actor_of(reader) if reader else None)
    profile = await listings.profile(context, known.organisation_id, viewer)
    card = views.card(t, kept, profile.body)
    async with context.db.tx() as connection:
        alike = [] if writing else await similar.of(connection, profile.id, profile.body)
        day = context.clock.today(TIME_ZONE)
        asked = await custom_fields.open_answers(connection, profile.id, ["directory"], day)
    shown = {each["network"] for each in profile.body["memberships"]}
    answers = [fact for _, network, fact in custom_words.told(t, kept, asked) if network in shown]
    status = 200 if error is None else 429 if isinstance(error, TooMany) else 422
    return await open_page(
        request,
        "public/member_contact.html" if writing else "public/member.html",
        nav="members",
        status_code=status,
        profile=profile,
        told=card,
        alike=[{"slug": each.slug, "name": each.name, **views.card(t, kept, each.body)} for each in alike],
        stories=[views.story(t, kept, profile.name, m, card["memberships"]) for m in card["memberships"] if m["via"]],
        answers=answers,
        given=given,
        errors=_errors(t, error),
    )


def _errors(t: Translator, error: Invalid | TooMany | None) -> list[dict[str, str]]:
    if isinstance(error, TooMany):
        return [{"field": "text", "text": t.gettext("Too many messages from here. Try again in an hour.")}]
    problems = error.problems if error else []
    return [{"field": field, "text": words.refusal(t, None, code, told)} for field, code, told in problems]


def _not_found(request: Request, _: NotFound) -> Response[str]:
    return error_page(request, 404)


handlers = [
    Router(
        path="/",
        route_handlers=[choose_language, show_member, show_contact, write],
        exception_handlers={NotFound: _not_found},
        include_in_schema=False,
        opt={"public": True},
    )
]
