"""Forgetting a person, by the office: what is stored of them, what would go and what stays, then the deed."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import erasures as actions
from crm.actions.erasures import Looked
from crm.errors import Invalid, NotFound, Refused, status_of
from crm.reads import own_data
from crm.web import archives, sign_in
from crm.web.erasure_views import done_words, kept_words
from crm.web.fields import fields_of, id_of, when_of
from crm.web.office import Office, routes, show
from crm.web.office_member import find
from crm.web.session import NOT_KEPT

CONTACT = "/members/{member:str}/people/contacts/{contact:str}"
PERSON = "/people/{person:str}/erase"


@get(f"{CONTACT}/erase", include_in_schema=False)
async def show_contact(
    request: Request, office: NamedDependency[Office], member: FromPath[str], contact: FromPath[str]
) -> Response[str]:
    """What forgetting a contact would do; nothing has happened yet."""
    return await _contact(request, office, id_of("member", member), id_of("contact", contact))


@get(f"{CONTACT}/export", include_in_schema=False)
async def export_contact(
    office: NamedDependency[Office], member: FromPath[str], contact: FromPath[str]
) -> Response[bytes]:
    """What this office has stored of the person (GDPR 15), for the manager to hand over."""
    organisation, wanted = id_of("member", member), id_of("contact", contact)
    found = await actions.look(office.context, office.actor, organisation, wanted)  # says no to who may not
    async with office.context.db.tx() as connection:
        sections = await own_data.of_contact(connection, organisation, wanted, office.actor.manages)
    if sections is None:
        raise NotFound("contact", wanted)
    title = office.t.gettext("Everything Klynge has stored about %(name)s", name=found.name)
    return archives.answer(office.t, "klynge-person", title, sections, office.now)


@post(f"{CONTACT}/erase", include_in_schema=False)
async def erase_contact(
    request: Request, office: NamedDependency[Office], member: FromPath[str], contact: FromPath[str]
) -> Response:
    organisation, wanted = id_of("member", member), id_of("contact", contact)
    reason = (await fields_of(request)).get("reason", "")
    try:
        if not reason.strip():
            raise Invalid([("reason", "required", {})])
        new = await actions.erase_contact(office.context, office.actor, organisation, wanted, reason)
    except Invalid as error:
        return await _contact(request, office, organisation, wanted, error, reason)
    there = f"{office.base}/members/{organisation}/people?done=erased&receipt={new}"
    return Redirect(there, status_code=303, headers=NOT_KEPT)


@get(PERSON, include_in_schema=False)
async def show_person(request: Request, office: NamedDependency[Office], person: FromPath[str]) -> Response[str]:
    return await _person(request, office, id_of("person", person))


@post(PERSON, include_in_schema=False)
async def erase_person(request: Request, office: NamedDependency[Office], person: FromPath[str]) -> Response:
    wanted, reason = id_of("person", person), (await fields_of(request)).get("reason", "")
    try:
        await actions.erase_person(office.context, office.actor, wanted, reason)
    except (Invalid, Refused) as error:
        return await _person(request, office, wanted, error, reason)
    return Redirect(f"{office.base}/people?done=erased", status_code=303, headers=NOT_KEPT)


handlers = [routes(show_contact, export_contact, erase_contact, show_person, erase_person)]


async def _contact(
    request: Request, office: Office, organisation: UUID, contact: UUID, error: Any = None, reason: str = ""
) -> Response[str]:
    member = await find(office, organisation, when_of(request, office.today))
    found = await actions.look(office.context, office.actor, organisation, contact)
    async with office.context.db.tx() as connection:
        sections = await own_data.of_contact(connection, organisation, contact, office.actor.manages) or {}
    here = f"{office.base}/members/{organisation}"
    people = {"label": office.t.gettext("People"), "href": f"{here}/people"}
    crumbs = [
        {"label": office.t.gettext("Members"), "href": f"{office.base}/members"},
        {"label": member.organisation.name, "href": here},
        people,
    ]
    at = f"{here}/people/contacts/{contact}"
    return await _page(
        request,
        office,
        found,
        error,
        nav="members",
        crumbs=crumbs,
        here=f"{at}/erase",
        back=people["href"],
        export=f"{at}/export",
        sections=archives.described(office.t, sections),
        reason=reason,
    )


async def _person(request: Request, office: Office, person: UUID, error: Any = None, reason: str = "") -> Response[str]:
    found = await actions.look_account(office.context, office.actor, person)
    back = f"{office.base}/people"
    return await _page(
        request,
        office,
        found,
        error,
        nav="people",
        crumbs=[{"label": office.t.gettext("People"), "href": back}],
        here=f"{back}/{person}/erase",
        back=back,
        export="",
        sections=[],
        reason=reason,
    )


async def _page(request: Request, office: Office, found: Looked, error: Any, nav: str, **values: Any) -> Response[str]:
    errors, _ = sign_in.told(request, error) if error else ([], {})
    return await show(
        request,
        office,
        "office/erase.html",
        nav,
        values["here"] if error else "",
        status_code=status_of(error) if error else 200,
        errors=errors,
        found=found,
        done_rows=done_words(office.t, found.done),
        kept=[kept_words(office.t, k.what, k.count, k.until) for k in found.kept],
        **values,
    )
