"""A member's directory entry as its network's office looks after it: texts, logo, taking it out and letting it in."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import listings as actions
from crm.actions.listings import ListingForm
from crm.errors import Invalid, status_of
from crm.reads import consents as consent_reads
from crm.reads import listings as reads
from crm.web import entry_views, logos
from crm.web.entry_views import Words
from crm.web.fields import fields_of, id_of, when_of
from crm.web.my_sharing import consent_row
from crm.web.office import Office, reading, routes, show
from crm.web.office_member import find
from crm.web.session import NOT_KEPT

PATH = "/members/{member:str}/entry"
DONE = ("published", "waiting", "restricted", "unrestricted", "logo", "logo-waits", "no-logo")


@get(PATH, include_in_schema=False)
async def show_entry(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[str]:
    return await _page(request, office, id_of("member", member))


@get(f"{PATH}/picture", include_in_schema=False)
async def show_logo(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response[bytes]:
    own = await reads.of_member(office.context, office.actor, id_of("member", member))
    return await logos.own(office.context, request, own)


@post(f"{PATH}/texts", include_in_schema=False)
async def save(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    wanted, typed = id_of("member", member), await fields_of(request)
    own = await reads.of_member(office.context, office.actor, wanted)
    form = entry_views.form_of(own.facts, typed)
    if typed.get("step") == "look":
        return await _page(request, office, wanted, form)
    try:
        state = await actions.save(office.context, office.actor, wanted, form)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, wanted, form, error)
    return _back(office, wanted, state)


@post(f"{PATH}/logo", include_in_schema=False, request_max_body_size=logos.REQUEST_MOST)
async def save_logo(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    wanted = id_of("member", member)
    try:
        content = await logos.sent(request)
        state = await actions.set_logo(office.context, office.actor, wanted, content)
    except RuleViolation as error:
        return await _page(request, office, wanted, error=error)
    return _back(office, wanted, logos.word(content, state))


@post(f"{PATH}/restriction", include_in_schema=False)
async def restrict(request: Request, office: NamedDependency[Office], member: FromPath[str]) -> Response:
    """Out of the directory and its counts, with a reason; or in again."""
    wanted, typed = id_of("member", member), await fields_of(request)
    out = typed.get("word") == "out"
    try:
        await actions.restrict(office.context, office.actor, wanted, typed.get("reason", "") if out else None)
    except RuleViolation as error:
        return await _page(request, office, wanted, error=error)
    return _back(office, wanted, "restricted" if out else "unrestricted")


handlers = [reading(show_entry, show_logo), routes(save, save_logo, restrict)]


async def _page(
    request: Request, office: Office, member: UUID, form: ListingForm | None = None, error: Any = None
) -> Response[str]:
    found = await find(office, member, when_of(request, office.today))
    own = await reads.of_member(office.context, office.actor, member)
    async with office.context.db.reading(office.actor.sees) as connection:
        consents = await consent_reads.of_organisation(connection, member)
    say = Words(office.t, office.kept)
    ours = frozenset(each.slug for each in office.kept.networks if each.id in office.actor.manages)
    said = request.query_params.get("done", "")
    here = f"{office.base}/members/{member}"
    return await show(
        request,
        office,
        "office/entry.html",
        "members",
        f"{here}/entry" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        errors=entry_views.mistakes(say, error),
        organisation=found.organisation,
        here=here,
        most=actions.SUMMARY_MAX,
        done=said if said in DONE else "",
        entry_at=f"{here}/entry",
        may_edit=office.may_manage,
        consents=[consent_row(office.t, office.kept, each) for each in consents],
        **entry_views.values_of(say, own, form or entry_views.texts_of(own), ours),
    )


def _back(office: Office, member: UUID, done: str) -> Redirect:
    where = f"{office.base}/members/{member}/entry?done={done}"
    return Redirect(where, status_code=303, headers=NOT_KEPT)
