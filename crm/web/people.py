"""People and roles of a network: who is in, who is invited, and who says they act for a member."""

from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from crm import roles
from crm.actions import claims, people
from crm.errors import Invalid, Refused, TooMany, status_of
from crm.reads import people as reads
from crm.role_words import role_may, role_name
from crm.web import sign_in
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.session import NOT_KEPT

PATH = "/people"
DONE = ("invited", "resent", "revoked", "changed", "removed", "approved", "declined", "erased")


@get(PATH, include_in_schema=False)
async def show_people(
    request: Request,
    office: NamedDependency[Office],
    done: FromQuery[str] = "",
    person: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Response[str]:
    return await _page(request, office, done=done if done in DONE else "", undo=(person, before))


@post("/people/invitations", include_in_schema=False)
async def invite(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    role, language = typed.get("role", ""), typed.get("language", "nb")
    place = office.network.host_id if role == roles.HOST_ADMIN else office.network.id
    wanted = people.Wanted(typed.get("email", ""), typed.get("name", ""), role, place, language)
    try:
        await people.invite(office.context, office.actor, wanted)
    except (Invalid, Refused, TooMany) as error:
        return await _page(request, office, error, typed)
    return _back(office, "invited")


@post("/people/invitations/{invitation:str}/{word:str}", include_in_schema=False)
async def change_invitation(
    request: Request, office: NamedDependency[Office], invitation: FromPath[str], word: FromPath[str]
) -> Response:
    wanted = id_of("invitation", invitation)
    act = {"resend": people.resend, "revoke": people.revoke}.get(word)
    if act is None:
        return _back(office, "")
    try:
        await act(office.context, office.actor, wanted)
    except (Refused, TooMany) as error:
        return await _page(request, office, error)
    return _back(office, "resent" if word == "resend" else "revoked")


@post("/people/{person:str}/role", include_in_schema=False)
async def change_role(request: Request, office: NamedDependency[Office], person: FromPath[str]) -> Response:
    role, wanted, before = (await fields_of(request)).get("role", ""), id_of("person", person), ""
    try:
        if role not in roles.of("network"):
            raise Invalid([("role", "role_unknown", {"given": role[:30], "known": ", ".join(roles.of("network"))})])
        before = await people.change_role(office.context, office.actor, wanted, office.network.id, role)
    except (Invalid, Refused) as error:
        return await _page(request, office, error)
    return _back(office, "changed", f"&person={wanted}&before={before}" if before != role else "")


@post("/people/{person:str}/removal", include_in_schema=False)
async def remove(request: Request, office: NamedDependency[Office], person: FromPath[str]) -> Response:
    try:
        wanted = id_of("person", person)
        await people.remove(office.context, office.actor, wanted, "network", office.network.id)
    except Refused as error:
        return await _page(request, office, error)
    return _back(office, "removed")


@post("/people/claims/{claim:str}", include_in_schema=False)
async def decide(request: Request, office: NamedDependency[Office], claim: FromPath[str]) -> Response:
    typed = await fields_of(request)
    approved = typed.get("answer") == "approve"
    try:
        await claims.decide(
            office.context, office.actor, id_of("claim", claim), approved, typed.get("role", "") if approved else ""
        )
    except (Invalid, Refused) as error:
        return await _page(request, office, error)
    return _back(office, "approved" if approved else "declined")


handlers = [reading(show_people), routes(invite, change_invitation, change_role, remove, decide)]


async def _page(
    request: Request,
    office: Office,
    error: Exception | None = None,
    typed: dict[str, str] | None = None,
    done: str = "",
    undo: tuple[str, str] = ("", ""),
) -> Response[str]:
    network, t = office.network, office.t
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.of_network(connection, network.id, network.host_id)
        waiting = await reads.invited(connection, "network", network.id)
        hosts = await reads.invited(connection, "host", network.host_id)
        claimed = await reads.claims_of_network(connection, network.id)
    errors, headers = sign_in.told(request, error) if error else ([], {})
    mine: UUID = office.session.account
    offered = [*roles.of("network"), *(roles.of("host") if network.host_id in office.actor.hosts else ())]
    return await show(
        request,
        office,
        "office/people.html",
        "people",
        f"{office.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        headers=headers,
        errors=errors,
        done="" if done == "changed" and undo[0] else done,
        before=_before(listed, *undo) if done == "changed" else None,
        typed=typed or {},
        listed=listed,
        invited=[*waiting, *hosts],
        claimed=claimed,
        mine=mine,
        now=office.now,
        roles={role: role_name(t, role) for role in roles.PLACES},
        offered=[{"value": role, "label": role_name(t, role)} for role in offered],
        changeable=[{"value": role, "label": role_name(t, role)} for role in roles.of("network")],
        of_organisation=[{"value": role, "label": role_name(t, role)} for role in roles.of("organisation")],
        may_words=[(role_name(t, role), role_may(t, role)) for role in offered],
    )


def _before(listed: list[reads.Person], person: str, role: str) -> dict[str, str] | None:
    """Whose role was changed, from which; None when no one on the page has another one now."""
    found = next((each for each in listed if str(each.account) == person and each.kind == "network"), None)
    if found is None or role not in roles.of("network") or found.role == role:
        return None
    return {"account": person, "name": found.name, "role": role, "now": found.role}


def _back(office: Office, done: str, more: str = "") -> Redirect:
    return Redirect(f"{office.base}{PATH}?done={done}{more}", status_code=303, headers=NOT_KEPT)
