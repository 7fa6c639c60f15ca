"""An organisation's entry in the directory: its texts, who sees what, how each reader would see it, who is named."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from cluster_rules.errors import RuleViolation
from crm import directory_words
from crm.actions import listings as actions
from crm.actions.listings import ListingForm
from crm.errors import Invalid, status_of
from crm.reads import listings as reads
from crm.web import entry_views, logos
from crm.web.entry_views import Words
from crm.web.fields import fields_of, id_of
from crm.web.my import My, done, reading, routes, show

PATH = "/entry"
DONE = ("published", "waiting", "out", "in", "agreed", "withdrawn", "logo", "logo-waits", "no-logo")


@get(PATH, include_in_schema=False)
async def show_entry(request: Request, my: NamedDependency[My]) -> Response[str]:
    return await _page(request, my)


@get(f"{PATH}/picture", include_in_schema=False)
async def show_logo(request: Request, my: NamedDependency[My]) -> Response[bytes]:
    """The logo as it would be shown: also while it waits, and while the member is not listed."""
    own = await reads.own(my.context, my.actor, my.organisation.id)
    return await logos.own(my.context, request, own)


@post("/entry/texts", include_in_schema=False)
async def save(request: Request, my: NamedDependency[My]) -> Response:
    """Publish, or only look: the preview stands beside the form either way."""
    own = await reads.own(my.context, my.actor, my.organisation.id)
    typed = await fields_of(request)
    form = entry_views.form_of(own.facts, typed)
    if typed.get("step") == "look":
        return await _page(request, my, form=form)
    try:
        state = await actions.save(my.context, my.actor, my.organisation.id, form)
    except (RuleViolation, Invalid) as error:
        return await _page(request, my, form=form, error=error)
    return done(my, PATH, state)


@post("/entry/logo", include_in_schema=False, request_max_body_size=logos.REQUEST_MOST)
async def save_logo(request: Request, my: NamedDependency[My]) -> Response:
    try:
        content = await logos.sent(request)
        state = await actions.set_logo(my.context, my.actor, my.organisation.id, content)
    except RuleViolation as error:
        return await _page(request, my, error=error)
    return done(my, PATH, logos.word(content, state))


@post("/entry/listed", include_in_schema=False)
async def set_listed(request: Request, my: NamedDependency[My]) -> Response:
    listed = (await fields_of(request)).get("listed") == "yes"
    await actions.set_listed(my.context, my.actor, my.organisation.id, listed)
    return done(my, PATH, "in" if listed else "out")


@post("/entry/people/{contact:str}/{word:str}", include_in_schema=False)
async def name_person(my: NamedDependency[My], contact: FromPath[str], word: FromPath[str]) -> Response:
    """A contact agrees to be named, or not any more."""
    wanted = id_of("contact", contact)
    if word == "agree":
        await actions.agree(my.context, my.actor, my.organisation.id, wanted)
    else:
        await actions.withdraw(my.context, my.actor, my.organisation.id, wanted)
    return done(my, PATH, "agreed" if word == "agree" else "withdrawn")


handlers = [reading(show_entry, show_logo), routes(save, save_logo, set_listed, name_person)]


async def _page(request: Request, my: My, form: ListingForm | None = None, error: Any = None) -> Response[str]:
    own = await reads.own(my.context, my.actor, my.organisation.id)
    say = Words(my.t, my.kept)
    said = request.query_params.get("done", "")
    return show(
        request,
        my,
        "my/entry.html",
        "entry",
        f"{my.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        errors=entry_views.mistakes(say, error),
        most=actions.SUMMARY_MAX,
        consent=my.t.gettext(directory_words.CONSENTS[actions.CONSENT_VERSION]),
        done=said if said in DONE else "",
        entry_at=f"{my.base}{PATH}",
        may_edit=my.runs,
        **entry_views.values_of(say, own, form or entry_views.texts_of(own)),
    )
