"""How the system's mails are worded in a network: the list, one mail in one language, a preview, earlier versions."""

from typing import Literal, cast

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm import mail_samples
from crm.actions import mail_texts as actions
from crm.actions.mail_texts import TextForm
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import LANGUAGES, N_
from crm.reads import mail_texts as reads
from crm.web.fields import LONGEST_FIELD
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/setup/mails"
ONE = PATH + "/{kind:str}/{language:str}"
MODES = {
    "standard": N_("The standard text"),
    "around": N_("The standard text with paragraphs of our own"),
    "whole": N_("A text of our own"),
}


@get(PATH, include_in_schema=False)
async def show_texts(request: Request, office: NamedDependency[Office]) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        known = await reads.of_network(connection, office.network.id)
    rows = [
        {"kind": kind, "label": office.t.gettext(word), "own": {each: known.get((kind, each)) for each in LANGUAGES}}
        for kind, word in mail_samples.KINDS.items()
    ]
    return await show(request, office, "office/mail_texts.html", "mail-texts", rows=rows, modes=_modes(office))


@get(ONE, include_in_schema=False)
async def show_text(
    request: Request, office: NamedDependency[Office], kind: FromPath[str], language: FromPath[str]
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        held = await reads.versions(connection, office.network.id, kind, language)
    form = TextForm("standard")
    if held:
        now = held[0]
        mode = cast(Literal["standard", "around", "whole"], now.mode)
        form = TextForm(mode, now.subject, now.top, now.bottom, now.text)
    return await _page(request, office, kind, language, form)


@post(ONE, include_in_schema=False)
async def change(
    request: Request, office: NamedDependency[Office], kind: FromPath[str], language: FromPath[str]
) -> Response:
    """Saved, or only looked at."""
    form = await request.form()
    told = {n: str(form.get(n, ""))[:LONGEST_FIELD] for n in ("mode", "subject", "top", "bottom", "text")}
    if told["mode"] not in MODES:
        raise NotFound("mode", told["mode"])
    wanted = TextForm(cast(Literal["standard", "around", "whole"], told.pop("mode")), **told)
    if form.get("look"):
        return await _page(request, office, kind, language, wanted)
    try:
        await actions.change(office.context, office.actor, office.network.id, kind, language, wanted)
    except Invalid:
        return await _page(request, office, kind, language, wanted)
    return Redirect(f"{office.base}{PATH}/{kind}/{language}?done=saved", status_code=303, headers=NOT_KEPT)


handlers = [reading(show_texts), routes(show_text, change)]


def _modes(office: Office) -> dict[str, str]:
    return {mode: office.t.gettext(word) for mode, word in MODES.items()}


async def _page(request: Request, office: Office, kind: str, language: str, form: TextForm) -> Response[str]:
    if kind not in mail_samples.KINDS or language not in LANGUAGES:
        raise NotFound("mail", kind)
    named = office.network.names.get(language, "")
    error = None
    try:
        letter = actions.preview(named, kind, language, form)
    except Invalid as wrong:
        error, letter = wrong, actions.preview(named, kind, language, TextForm("standard"))
    errors = problems(office, error, {name: name for name in TextForm.__struct_fields__}) if error else []
    async with office.context.db.reading(office.actor.sees) as connection:
        held = await reads.versions(connection, office.network.id, kind, language)
    at = f"{office.base}{PATH}/{kind}/{language}"
    return await show(
        request,
        office,
        "office/mail_text.html",
        "mail-texts",
        at if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        label=office.t.gettext(mail_samples.KINDS[kind]),
        language=language,
        here=at,
        form_now=form,
        letter=letter,
        versions=held,
        fields=[f"{{{each}}}" for each in mail_samples.fields(kind)],
        modes=_modes(office),
        errors=errors,
        wrong={each["field"]: each["text"] for each in errors},
        saved=request.query_params.get("done") == "saved",
    )
