"""Mails to many members: write, look who gets it, try it on oneself, send, and watch it go."""

from typing import Any, cast
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import mailings as actions
from crm.actions.mailings import MailingForm
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import LANGUAGES, N_
from crm.reads import mailings as reads
from crm.reads.mailings import Mailing
from crm.store.mailings import ContactRole, Purpose
from crm.web import selections
from crm.web.fields import LONGEST_FIELD, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/mailings"
PURPOSES = {
    "information": (N_("Information to members"), N_("Part of the membership: goes to every chosen contact.")),
    "newsletter": (N_("Newsletter"), N_("Only to those who agreed to it; each mail can end it with one click.")),
}
ROLES = {
    "primary": N_("The main contact"),
    "billing": N_("Where invoices go"),
    "communication": N_("Contacts for news and invitations"),
}
REASONS = {
    "ended": N_("No membership any more"),
    "no_contact": N_("Nobody to write to"),
    "no_consent": N_("Has not agreed to the newsletter, or ended it"),
    "same_address": N_("The same address as another member's"),
}
DONE = {"tried": N_("A mail to you is on its way."), "template": N_("The template is kept."), "saved": N_("Saved.")}
Typed = dict[str, str]


@get(PATH, include_in_schema=False)
async def show_mailings(request: Request, office: NamedDependency[Office]) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_network(connection, office.network.id)
        templates = await reads.templates(connection, office.network.id)
    return await show(request, office, "office/mailings.html", "mailings", mailings=listed, templates=templates)


@get(f"{PATH}/new", include_in_schema=False)
async def show_new(
    request: Request, office: NamedDependency[Office], selection: FromQuery[str] = "", template: FromQuery[str] = ""
) -> Response[str]:
    typed: Typed = {"selection": selection, "purpose": "information", "contact_role": "primary"}
    if template:
        async with office.context.db.reading(office.actor.sees) as connection:
            kept = await reads.templates(connection, office.network.id)
        found = next((each for each in kept if str(each.id) == template), None)
        if found:
            typed |= {"name": found.name, **_texts(found.subject, found.text)}
    return await _form_page(request, office, typed)


@post(f"{PATH}/new", include_in_schema=False)
async def make(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await _typed(request)
    try:
        members = await _members(office, typed.get("selection", ""))
        new = await actions.make(office.context, office.actor, office.network.id, _form(typed, members))
    except (Invalid, RuleViolation) as error:
        return await _form_page(request, office, typed, error)
    return _to(office, new)


@get(f"{PATH}/{{mailing:str}}", include_in_schema=False)
async def show_mailing(
    request: Request, office: NamedDependency[Office], mailing: FromPath[str], member: FromQuery[str] = ""
) -> Response[str]:
    return await _page(request, office, await _mailing(office, mailing), member=member)


@get(f"{PATH}/{{mailing:str}}/text", include_in_schema=False)
async def show_text(request: Request, office: NamedDependency[Office], mailing: FromPath[str]) -> Response[str]:
    found = await _mailing(office, mailing)
    told = {"name": found.name, "purpose": found.purpose, "contact_role": found.contact_role}
    return await _form_page(request, office, told | _texts(found.subject, found.text), mailing=found)


@post(f"{PATH}/{{mailing:str}}/text", include_in_schema=False)
async def change(request: Request, office: NamedDependency[Office], mailing: FromPath[str]) -> Response:
    found, typed = await _mailing(office, mailing), await _typed(request)
    try:
        await actions.change(office.context, office.actor, found.id, _form(typed, []))
    except (Invalid, RuleViolation) as error:
        return await _form_page(request, office, typed, error, found)
    return _to(office, found.id, "saved")


@post(f"{PATH}/{{mailing:str}}/{{word:str}}", include_in_schema=False)
async def act(
    request: Request, office: NamedDependency[Office], mailing: FromPath[str], word: FromPath[str]
) -> Response:
    """Tried on oneself, sent, stopped, kept as a template."""
    found, context, actor = await _mailing(office, mailing), office.context, office.actor
    typed = await _typed(request)
    try:
        if word == "test":
            await actions.try_it(context, actor, found.id, office.session.email, office.t.language)
            return _to(office, found.id, "tried")
        if word == "send":
            seen = typed.get("count", "")
            await actions.send(context, actor, found.id, int(seen) if seen.isdecimal() else 0)
        elif word == "stop":
            await actions.stop(context, actor, found.id)
        elif word == "template":
            form = MailingForm(found.name, found.subject, found.text)
            await actions.save_template(context, actor, office.network.id, form)
            return _to(office, found.id, "template")
        else:
            raise NotFound("word", word)
    except (Invalid, RuleViolation) as error:
        return await _page(request, office, found, error)
    return _to(office, found.id)


@post("/mail-templates/{template:str}/delete", include_in_schema=False)
async def drop_template(office: NamedDependency[Office], template: FromPath[str]) -> Redirect:
    await actions.drop_template(office.context, office.actor, office.network.id, id_of("template", template))
    return Redirect(f"{office.base}{PATH}", status_code=303, headers=NOT_KEPT)


handlers = [
    reading(show_mailings),
    routes(show_new, make, show_mailing, show_text, change, act, drop_template),
]


async def _typed(request: Request) -> Typed:
    form = await request.form()
    return {name: value[:LONGEST_FIELD] for name, value in form.items() if isinstance(value, str)}


def _texts(subject: dict[str, str], text: dict[str, str]) -> Typed:
    told = {f"subject.{each}": subject.get(each, "") for each in LANGUAGES}
    return told | {f"text.{each}": text.get(each, "") for each in LANGUAGES}


def _form(typed: Typed, members: list[UUID]) -> MailingForm:
    """The mailing as actions take it. Invalid for what cannot be chosen on the page."""
    purpose, role = typed.get("purpose", ""), typed.get("contact_role", "")
    for field, value, known in (("purpose", purpose, PURPOSES), ("contact_role", role, ROLES)):
        if value not in known:
            raise Invalid([(field, "value_unknown", {"message": value[:30]})])
    return MailingForm(
        typed.get("name", ""),
        {each: typed.get(f"subject.{each}", "") for each in LANGUAGES},
        {each: typed.get(f"text.{each}", "") for each in LANGUAGES},
        members,
        cast(Purpose, purpose),
        cast(ContactRole, role),
    )


async def _members(office: Office, selection: str) -> list[UUID]:
    """The memberships of a selection of the list; without one everybody who is a member today."""
    if selection:
        return await selections.members_of(office, selections.read(selection))
    async with office.context.db.reading(office.actor.sees) as connection:
        return await reads.everybody(connection, office.network.id, office.today)


async def _mailing(office: Office, wanted: str) -> Mailing:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, id_of("mailing", wanted))
    if found is None or found.network_id != office.network.id:
        raise NotFound("mailing", wanted)
    return found


async def _form_page(
    request: Request,
    office: Office,
    typed: Typed,
    error: Invalid | RuleViolation | None = None,
    mailing: Mailing | None = None,
) -> Response[str]:
    fields = ("name", "purpose", "contact_role", "members", *_texts({}, {}))
    errors = problems(office, error, {name: name for name in fields}) if error else []
    at = f"{office.base}{PATH}/{mailing.id}/text" if mailing else f"{office.base}{PATH}/new"
    t, count = office.t, 0
    if mailing is None:
        try:
            count = len(await _members(office, typed.get("selection", "")))
        except RuleViolation as refused:
            errors = errors or problems(office, refused, {})
    else:
        count = len(mailing.selection["members"])
    return await show(
        request,
        office,
        "office/mailing_form.html",
        "mailings",
        at if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        typed=typed,
        here=at,
        count=count,
        mailing=mailing,
        fields=[f"{{{each}}}" for each in actions.FIELDS],
        purposes=[{"value": c, "label": t.gettext(w), "hint": t.gettext(h)} for c, (w, h) in PURPOSES.items()],
        roles=[{"value": code, "label": t.gettext(word)} for code, word in ROLES.items()],
        errors=errors,
        wrong={each["field"]: each["text"] for each in errors},
    )


async def _page(
    request: Request,
    office: Office,
    found: Mailing,
    error: Invalid | RuleViolation | None = None,
    member: str = "",
) -> Response[str]:
    t, done = office.t, request.query_params.get("done", "")
    looked = failed = None
    if found.status == "draft":
        reader = id_of("member", member) if member else None
        looked = await actions.look(office.context, office.actor, found.id, reader)
    else:
        async with office.context.db.reading(office.actor.sees) as connection:
            failed = await reads.failed(connection, found.id)
    values: dict[str, Any] = {
        "mailing": found,
        "looked": looked,
        "failed": failed or [],
        "reasons": {code: t.gettext(word) for code, word in REASONS.items()},
        "purpose": t.gettext(PURPOSES[found.purpose][0]),
        "role": t.gettext(ROLES[found.contact_role]),
        "errors": problems(office, error, {}) if error else [],
        "done": t.gettext(DONE[done]) if done in DONE else "",
        "unsent": found.recipients - found.sent - found.failed - found.cancelled,
    }
    at = f"{office.base}{PATH}/{found.id}"
    sent = at if request.method == "POST" else ""
    code = status_of(error) if error else 200
    return await show(request, office, "office/mailing.html", "mailings", sent, status_code=code, here=at, **values)


def _to(office: Office, wanted: UUID, done: str = "") -> Redirect:
    told = f"?done={done}" if done else ""
    return Redirect(f"{office.base}{PATH}/{wanted}{told}", status_code=303, headers=NOT_KEPT)
