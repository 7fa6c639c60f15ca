"""Contact persons of a member: a new one, and what is told of one now. Forgetting one: crm/web/erasures.py."""

from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import contacts as actions
from crm.actions.contacts import Person
from crm.errors import Invalid, NotFound, status_of
from crm.reads import contacts as reads
from crm.web import member_frame
from crm.web.fields import fields_of, id_of
from crm.web.member_frame import Frame
from crm.web.office import Office, routes
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/members/{member:str}/contacts"


@get(f"{PATH}/new", include_in_schema=False)
async def show_new(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    frame = await member_frame.find(request, office, member)
    person = Person("", "", main=not frame.found.contacts, communication=not frame.found.contacts)
    return await _page(request, office, frame, None, person)


@post(f"{PATH}/new", include_in_schema=False)
async def add(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    frame, person = await member_frame.find(request, office, member), await _typed(request)
    try:
        await actions.add(office.context, office.actor, frame.id, person)
    except (Invalid, RuleViolation) as error:
        return await _page(request, office, frame, None, person, error)
    return _back(office, frame)


@get(f"{PATH}/{{contact:str}}", include_in_schema=False)
async def show_contact(
    request: Request, office: NamedDependency[Office], member: FromPath[str], contact: FromPath[str]
) -> Response[str]:
    frame, wanted = await member_frame.find(request, office, member), id_of("contact", contact)
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, frame.id, wanted)
    if found is None:
        raise NotFound("contact", contact)
    known = {name: getattr(found, name) for name in Person.__struct_fields__}
    return await _page(request, office, frame, wanted, Person(**known))


@post(f"{PATH}/{{contact:str}}", include_in_schema=False)
async def change(
    request: Request, office: NamedDependency[Office], member: FromPath[str], contact: FromPath[str]
) -> Response:
    frame, wanted = await member_frame.find(request, office, member), id_of("contact", contact)
    person = await _typed(request)
    try:
        await actions.change(office.context, office.actor, frame.id, wanted, person)
    except (Invalid, RuleViolation) as error:
        return await _page(request, office, frame, wanted, person, error)
    return _back(office, frame)


handlers = [routes(show_new, add, show_contact, change)]


async def _typed(request: Request) -> Person:
    form = await fields_of(request)
    told = {name: form.get(name, "") for name in ("name", "email", "role")}
    language = "en" if form.get("language") == "en" else "nb"
    return Person(**told, language=language, main="main" in form, communication="communication" in form)


async def _page(
    request: Request,
    office: Office,
    frame: Frame,
    wanted: UUID | None,
    person: Person,
    error: Invalid | RuleViolation | None = None,
) -> Response[str]:
    errors = problems(office, error, {name: name for name in Person.__struct_fields__}) if error else []
    at = f"{office.base}/members/{frame.id}/contacts/{wanted or 'new'}"
    return await member_frame.answer(
        request,
        office,
        frame,
        "people",
        "office/contact.html",
        at if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        typed=msgspec.structs.asdict(person),
        here=at,
        new=wanted is None,
        errors=errors,
        wrong={each["field"]: each["text"] for each in errors},
    )


def _back(office: Office, frame: Frame) -> Redirect:
    where = f"{office.base}/members/{frame.id}/people?done=contact"
    return Redirect(where, status_code=303, headers=NOT_KEPT)
