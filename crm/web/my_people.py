"""Who acts for an organisation, and who speaks for it: invited, given another role, removed, forgotten."""

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from crm import roles
from crm.actions import claims, people
from crm.errors import Invalid, Refused, TooMany, status_of
from crm.reads import contacts as contact_reads
from crm.reads import people as reads
from crm.role_words import role_may, role_name
from crm.web import my as frame
from crm.web import sign_in
from crm.web.fields import fields_of, id_of
from crm.web.my import My, reading, routes, show

PATH = "/people"
DONE = ("invited", "resent", "revoked", "changed", "removed", "approved", "declined", "erased")


@get(PATH, include_in_schema=False)
async def show_people(request: Request, my: NamedDependency[My], done: FromQuery[str] = "") -> Response[str]:
    return await _page(request, my, done=done if done in DONE else "")


@post("/people/invitations", include_in_schema=False)
async def invite(request: Request, my: NamedDependency[My]) -> Response:
    typed = await fields_of(request)
    role, language = typed.get("role", ""), typed.get("language", "nb")
    wanted = people.Wanted(typed.get("email", ""), typed.get("name", ""), role, my.organisation.id, language)
    try:
        _must_be_ours(role)
        await people.invite(my.context, my.actor, wanted)
    except (Invalid, Refused, TooMany) as error:
        return await _page(request, my, error, typed)
    return _back(my, "invited")


@post("/people/invitations/{invitation:str}/{word:str}", include_in_schema=False)
async def change_invitation(
    request: Request, my: NamedDependency[My], invitation: FromPath[str], word: FromPath[str]
) -> Response:
    wanted = id_of("invitation", invitation)
    act = {"resend": people.resend, "revoke": people.revoke}.get(word)
    if act is None:
        return _back(my, "")
    try:
        await act(my.context, my.actor, wanted)
    except (Refused, TooMany) as error:
        return await _page(request, my, error)
    return _back(my, "resent" if word == "resend" else "revoked")


@post("/people/{person:str}/role", include_in_schema=False)
async def change_role(request: Request, my: NamedDependency[My], person: FromPath[str]) -> Response:
    role = (await fields_of(request)).get("role", "")
    try:
        _must_be_ours(role)
        await people.change_role(my.context, my.actor, id_of("person", person), my.organisation.id, role)
    except (Invalid, Refused) as error:
        return await _page(request, my, error)
    return _back(my, "changed")


@post("/people/{person:str}/removal", include_in_schema=False)
async def remove(request: Request, my: NamedDependency[My], person: FromPath[str]) -> Response:
    try:
        await people.remove(my.context, my.actor, id_of("person", person), "organisation", my.organisation.id)
    except Refused as error:
        return await _page(request, my, error)
    return _back(my, "removed")


@post("/people/claims/{claim:str}", include_in_schema=False)
async def decide(request: Request, my: NamedDependency[My], claim: FromPath[str]) -> Response:
    typed = await fields_of(request)
    approved = typed.get("answer") == "approve"
    role = typed.get("role", "") if approved else ""
    try:
        await claims.decide(my.context, my.actor, id_of("claim", claim), approved, role)
    except (Invalid, Refused) as error:
        return await _page(request, my, error)
    return _back(my, "approved" if approved else "declined")


handlers = [reading(show_people), routes(invite, change_invitation, change_role, remove, decide)]


def _must_be_ours(role: str) -> None:
    """Invalid `role_unknown` for a role of another kind of place."""
    ours = roles.of("organisation")
    if role not in ours:
        raise Invalid([("role", "role_unknown", {"given": role[:30], "known": ", ".join(ours)})])


async def _page(
    request: Request,
    my: My,
    error: Exception | None = None,
    typed: dict[str, str] | None = None,
    done: str = "",
) -> Response[str]:
    wanted, t = my.organisation.id, my.t
    async with my.context.db.reading_own([wanted]) as connection:
        listed = await reads.of_organisation(connection, wanted)
        invited = await reads.invited(connection, "organisation", wanted)
        claimed = await reads.claims_of_organisation(connection, wanted)
        contacts = await contact_reads.of_organisation(connection, wanted)
    errors, headers = sign_in.told(request, error) if error else ([], {})
    offered = roles.of("organisation")
    return show(
        request,
        my,
        "my/people.html",
        "people",
        f"{my.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        headers=headers,
        errors=errors,
        done=done,
        typed=typed or {},
        listed=listed,
        invited=invited if my.runs else [],
        claimed=claimed if my.runs else [],
        contacts=contacts,
        mine=my.session.account,
        now=my.context.clock.now(),
        roles={role: role_name(t, role) for role in roles.PLACES},
        offered=[{"value": role, "label": role_name(t, role)} for role in offered],
        may_words=[(role_name(t, role), role_may(t, role)) for role in offered],
    )


def _back(my: My, word: str) -> Redirect:
    return frame.done(my, PATH, word)
