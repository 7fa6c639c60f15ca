"""Agreements with networks on other systems: invite, answer, sign; how each is doing; who waits; its end."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.federated_terms import FIELDS, Terms
from crm.actions import federation as actions
from crm.actions import federation_exchange as exchange
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads import federation as reads
from crm.web import federation_views as views
from crm.web.fields import day_of, fields_of
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.public import open_page
from crm.web.session import NOT_KEPT

PATH = "/setup/systems"
ROWS_SHOWN = 200
DONE = {
    "answered": N_("The terms are sent and signed here. The other network signs last."),
    "signed": N_("Signed. The other system is told at once."),
    "suspended": N_("Suspended. The other system is told at once."),
    "terminated": N_("The agreement has ended, and its linked memberships with it."),
    "compared": N_("Compared: both systems have the same records."),
    "differs": N_("Compared: something still differs. It is listed below."),
    "rotated": N_("There is a new secret. The one before counts for two more days."),
    "pointed": N_("The organisation is known now."),
}
_FIELD = {"link": "link", "levels": "levels", "starts_on": "starts_on", "organisation": "organisation"}


@get(PATH, include_in_schema=False)
async def show_systems(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _list(request, office)


@post(PATH + "/invitations", include_in_schema=False, status_code=200)
async def invite(request: Request, office: NamedDependency[Office]) -> Response[str]:
    made = await actions.invite(office.context, office.actor, office.network.slug)
    return await _list(request, office, link=made.link)


@get(PATH + "/answer", include_in_schema=False)
async def look(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _answer(request, office, dict(request.query_params))


@post(PATH + "/answer", include_in_schema=False)
async def answer(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    try:
        offer = await actions.look(office.context, office.actor, office.network.slug, typed.get("link", ""))
        terms = _terms(office, offer, typed)
        code = await actions.answer(office.context, office.actor, office.network.slug, typed.get("link", ""), terms)
    except (RuleViolation, Invalid) as error:
        return await _answer(request, office, typed, error)
    return _back(office, code, "answered")


@get(PATH + "/{code:str}", include_in_schema=False)
async def show_system(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response[str]:
    return await _one(request, office, code)


@post(PATH + "/{code:str}/words", include_in_schema=False)
async def say(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response:
    typed = await fields_of(request)
    word: Any = typed.get("word", "")
    if word not in ("signed", "suspended", "terminated"):
        raise NotFound("word", word)
    try:
        await _row(office, code)
        await actions.say(office.context, office.actor, code, word, typed.get("terms", ""))
    except RuleViolation as error:
        return await _one(request, office, code, error)
    return _back(office, code, word)


@post(PATH + "/{code:str}/comparisons", include_in_schema=False)
async def compare(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response:
    try:
        await _row(office, code)
        found = await exchange.compare(office.context, code)
    except RuleViolation as error:
        return await _one(request, office, code, error)
    return _back(office, code, "compared" if found.matched else "differs")


@post(PATH + "/{code:str}/secrets", include_in_schema=False)
async def rotate(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response:
    try:
        await _row(office, code)
        await exchange.rotate(office.context, office.actor, code)
    except RuleViolation as error:
        return await _one(request, office, code, error)
    return _back(office, code, "rotated")


@get(PATH + "/{code:str}/organisations/{key:str}", include_in_schema=False)
async def show_organisation(
    request: Request, office: NamedDependency[Office], code: FromPath[str], key: FromPath[str]
) -> Response[str]:
    return await _organisation(request, office, code, key)


@post(PATH + "/{code:str}/organisations/{key:str}", include_in_schema=False)
async def point(request: Request, office: NamedDependency[Office], code: FromPath[str], key: FromPath[str]) -> Response:
    typed = await fields_of(request)
    try:
        await _row(office, code)
        chosen = _chosen(typed.get("organisation", ""))
        await actions.point(office.context, office.actor, code, key, chosen)
    except RuleViolation as error:
        return await _organisation(request, office, code, key, error)
    return _back(office, code, "pointed")


@get("/federation/invitations/{token:str}", include_in_schema=False, opt={"public": True})
async def show_invitation(request: Request, token: FromPath[str]) -> Response[str]:
    """Whoever opens an invitation's link in a browser is told where it belongs; whether it is one is not said."""
    return await open_page(request, "public/federation_invitation.html", token=token[:100])


handlers = [
    show_invitation,
    reading(show_systems, show_system),
    routes(invite, look, answer, say, compare, rotate, show_organisation, point),
]


def _back(office: Office, code: str, done: str) -> Redirect:
    return Redirect(f"{office.base}{PATH}/{code}?done={done}", status_code=303, headers=NOT_KEPT)


async def _rows(office: Office) -> list[reads.Listed]:
    async with office.context.db.reading(office.actor.sees) as connection:
        return await reads.of_network(connection, office.network.id)


async def _row(office: Office, code: str) -> reads.Listed:
    found = next((row for row in await _rows(office) if row.code == code), None)
    if found is None:
        raise NotFound("code", code)
    return found


async def _list(request: Request, office: Office, link: str = "") -> Response[str]:
    rows = [views.agreement(office, row, office.now) for row in await _rows(office)]
    at = f"{office.base}{PATH}" if request.method == "POST" else ""
    return await show(request, office, "office/systems.html", "rules", at, rows=rows, link=link)


async def _one(request: Request, office: Office, code: str, error: RuleViolation | None = None) -> Response[str]:
    row = await _row(office, code)
    async with office.context.db.reading(office.actor.sees) as connection:
        linked = await reads.linked(connection, row, office.today, ROWS_SHOWN + 1)
    done = DONE.get(request.query_params.get("done", ""), "")
    values: dict[str, Any] = {
        "row": views.agreement(office, row, office.now),
        "organisations": [views.organisation(office, each, row) for each in linked[:ROWS_SHOWN]],
        "more": len(linked) > ROWS_SHOWN,
        "done": office.t.gettext(done) if done and not error else "",
        "errors": problems(office, error, _FIELD) if error else [],
        "status_code": status_of(error) if error else 200,
    }
    at = f"{office.base}{PATH}/{code}" if request.method == "POST" else ""
    return await show(request, office, "office/system.html", "rules", at, **values)


async def _organisation(
    request: Request, office: Office, code: str, key: str, error: RuleViolation | None = None
) -> Response[str]:
    row = await _row(office, code)
    async with office.context.db.reading(office.actor.sees) as connection:
        linked = await reads.linked(connection, row, office.today, 100_000)
    found = next((each for each in linked if each.key == key), None)
    if found is None:
        raise NotFound("key", key)
    alike = await actions.candidates(office.context, office.actor, code, key) if found.held else []
    values: dict[str, Any] = {
        "row": views.agreement(office, row, office.now),
        "each": views.organisation(office, found, row),
        "candidates": [
            {
                "id": str(one.id),
                "name": one.name,
                "country": office.country(one.country) if one.country else "",
                "numbers": ", ".join(f"{office.scheme(scheme)} {value}" for scheme, value in sorted(one.identifiers)),
            }
            for one in alike
        ],
        "errors": problems(office, error, _FIELD) if error else [],
        "status_code": status_of(error) if error else 200,
    }
    at = f"{office.base}{PATH}/{code}/organisations/{key}" if request.method == "POST" else ""
    return await show(request, office, "office/system_organisation.html", "rules", at, **values)


async def _answer(
    request: Request, office: Office, typed: dict[str, str], error: RuleViolation | Invalid | None = None
) -> Response[str]:
    """The terms to choose, once the other system has said what the invitation is about; else the link again."""
    offer: actions.Offer | None = None
    try:
        offer = await actions.look(office.context, office.actor, office.network.slug, typed.get("link", ""))
    except RuleViolation as refused:
        error = error or refused
    book = office.kept.book(office.network.slug, office.today)
    t = office.t
    blank = {"link": "", "purpose": "", "legal_basis": "", "acceptance": "automatic"}
    blank |= {f"level_{code}": "" for code, _ in offer.levels} if offer else {}
    values: dict[str, Any] = {
        "typed": blank | {"starts_on": office.today.isoformat()} | typed,
        "offer": offer,
        "peer": t.text(offer.network.names) if offer else "",
        "levels": [{"code": code, "name": t.text(names)} for code, names in offer.levels] if offer else [],
        "targets": [{"value": tier.code, "label": t.text(tier.names)} for tier in book.tiers],
        "acceptances": [
            {"value": "automatic", "label": t.gettext("At once, by itself")},
            {"value": "target_decides", "label": t.gettext("When somebody here has accepted each one")},
        ],
        "errors": problems(office, error, _FIELD) if error else [],
        "status_code": status_of(error) if error else 200,
    }
    at = f"{office.base}{PATH}" if request.method == "POST" else ""
    return await show(request, office, "office/system_answer.html", "rules", at, **values)


def _terms(office: Office, offer: actions.Offer, typed: dict[str, str]) -> Terms:
    """What was chosen: a level of theirs without one of ours gives nothing."""
    names = dict(offer.levels)
    levels = [
        {
            "source": code,
            "target": target,
            "source_names": names[code],
            "target_names": dict(office.kept.tier_names(office.network.slug, target)),
        }
        for code in names
        if (target := typed.get(f"level_{code}", ""))
    ]
    starts_on = day_of(typed.get("starts_on", ""))
    if starts_on is None:
        raise Invalid([("starts_on", "date_format", {"message": typed.get("starts_on", "")[:30]})])
    told = {
        "levels": levels,
        "starts_on": starts_on,
        "acceptance": "target_decides" if typed.get("acceptance") == "target_decides" else "automatic",
        "fields": list(FIELDS),
        "purpose": typed.get("purpose", "")[:500],
        "legal_basis": typed.get("legal_basis", "")[:500],
    }
    return msgspec.convert(told, Terms)


def _chosen(text: str) -> UUID | None:
    if text == "new":
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound("organisation", text) from error
