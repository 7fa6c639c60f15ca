"""The people of one member, as its network's office sees and helps them: who acts for it, and who is invited to."""

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from crm import roles
from crm.actions import people
from crm.errors import Invalid, Refused, TooMany, status_of
from crm.reads import contacts as contact_reads
from crm.reads import erasures as erasure_reads
from crm.reads import people as reads
from crm.role_words import role_may, role_name
from crm.web import member_frame, sign_in
from crm.web.erasure_views import receipt_words
from crm.web.fields import fields_of, id_of
from crm.web.member_frame import Frame
from crm.web.office import Office, reading, routes
from crm.web.session import NOT_KEPT

PATH = "/members/{member:str}/people"
DONE = ("invited", "resent", "revoked", "removed", "erased", "contact")


@get(PATH, include_in_schema=False)
async def show_people(
    request: Request, office: NamedDependency[Office], member: FromPath[str], done: FromQuery[str] = ""
) -> Response[str]:
    return await _page(request, office, await _member(request, office, member), done=done if done in DONE else "")


@post(f"{PATH}/invitations", include_in_schema=False)
async def invite(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    frame, typed = await _member(request, office, member), await fields_of(request)
    place, language = frame.id, typed.get("language", "nb")
    wanted = people.Wanted(typed.get("email", ""), typed.get("name", ""), typed.get("role", ""), place, language)
    try:
        if wanted.role not in roles.of("organisation"):
            known = ", ".join(roles.of("organisation"))
            raise Invalid([("role", "role_unknown", {"given": wanted.role[:30], "known": known})])
        await people.invite(office.context, office.actor, wanted)
    except (Invalid, Refused, TooMany) as error:
        return await _page(request, office, frame, error, typed)
    return _back(office, frame, "invited")


@post(f"{PATH}/invitations/{{invitation:str}}/{{word:str}}", include_in_schema=False)
async def change_invitation(
    request: Request,
    office: NamedDependency[Office],
    member: FromPath[str],
    invitation: FromPath[str],
    word: FromPath[str],
) -> Response:
    frame, wanted = await _member(request, office, member), id_of("invitation", invitation)
    act = {"resend": people.resend, "revoke": people.revoke}.get(word)
    if act is None:
        return _back(office, frame, "")
    try:
        await act(office.context, office.actor, wanted)
    except (Refused, TooMany) as error:
        return await _page(request, office, frame, error)
    return _back(office, frame, "resent" if word == "resend" else "revoked")


@post(f"{PATH}/{{person:str}}/removal", include_in_schema=False)
async def remove(
    request: Request, office: NamedDependency[Office], member: FromPath[str], person: FromPath[str]
) -> Response:
    frame = await _member(request, office, member)
    wanted = id_of("person", person)
    await people.remove(office.context, office.actor, wanted, "organisation", frame.id)
    return _back(office, frame, "removed")


handlers = [reading(show_people), routes(invite, change_invitation, remove)]


async def _member(request: Request, office: Office, member: str) -> Frame:
    return await member_frame.find(request, office, member)


async def _page(
    request: Request,
    office: Office,
    frame: Frame,
    error: Exception | None = None,
    typed: dict[str, str] | None = None,
    done: str = "",
) -> Response[str]:
    place, t = frame.id, office.t
    here = f"{office.base}/members/{place}"
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_organisation(connection, place)
        invited = await reads.invited(connection, "organisation", place)
        contacts = await contact_reads.of_organisation(connection, place)
        receipts = await erasure_reads.of_organisation(connection, place)
    errors, headers = sign_in.told(request, error) if error else ([], {})
    offered = roles.of("organisation")
    return await member_frame.answer(
        request,
        office,
        frame,
        "people",
        "office/member_people.html",
        f"{here}/people" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        headers=headers,
        errors=errors,
        done=done,
        typed=typed or {},
        here=here,
        listed=listed,
        invited=invited,
        contacts=contacts,
        receipts=[receipt_words(t, each) for each in receipts],
        receipt=request.query_params.get("receipt", ""),
        now=office.now,
        roles={role: role_name(t, role) for role in offered},
        offered=[{"value": role, "label": role_name(t, role)} for role in offered],
        may_words=[(role_name(t, role), role_may(t, role)) for role in offered],
    )


def _back(office: Office, frame: Frame, done: str) -> Redirect:
    where = f"{office.base}/members/{frame.id}/people?done={done}"
    return Redirect(where, status_code=303, headers=NOT_KEPT)
