"""/my: where a person who acts for organisations begins, and the frame of one organisation's pages."""

from datetime import date
from typing import Any
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.response import Redirect
from litestar.types import Guard

from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.errors import NotFound, Unauthenticated
from crm.i18n import TIME_ZONE, Translator, translator
from crm.reads import organisations as organisation_reads
from crm.reads import people as reads
from crm.reads.organisations import Organisation
from crm.role_words import role_may, role_name
from crm.store.accounts import Session
from crm.web import session
from crm.web.fields import id_of
from crm.web.language import language_of
from crm.web.rendering import page

ZONE = ZoneInfo(str(TIME_ZONE))


class My(msgspec.Struct, frozen=True):
    """What every page of an organisation knows: who reads, for which organisation, which day it is."""

    context: Context
    session: Session
    actor: Actor
    kept: Catalogue
    organisation: Organisation
    today: date
    t: Translator
    others: tuple[tuple[UUID, str], ...]  # the person's organisations, this one among them

    @property
    def base(self) -> str:
        """The address under which this organisation's pages are."""
        return f"/my/{self.organisation.id}"

    @property
    def runs(self) -> bool:
        """Does the reader decide for the organisation?"""
        return self.organisation.id in self.actor.runs

    def face(self, network: NetworkRow) -> dict[str, Any]:
        """A network as macros show it."""
        shown = {"name": self.t.text(network.names), "short": self.t.text(network.short)}
        return {"slug": network.slug, "colour": network.colour, **shown}


async def provide_my(request: Request, context: NamedDependency[Context]) -> My:
    """The open organisation, on a route under /my/{organisation}."""
    who, wanted = session.session_of(request), id_of("organisation", request.path_params["organisation"])
    kept, today = await session.load_catalogue(context), context.clock.today(ZONE)
    async with context.db.reading_own([wanted]) as connection:
        found = await organisation_reads.one(connection, wanted, today, True)
        named = await organisation_reads.names(connection, who.acts_for)
    if found is None:
        raise NotFound("organisation", wanted)
    t, actor = translator(language_of(request)), session.actor_of(who).as_member()
    return My(context, who, actor, kept, found, today, t, tuple(sorted(named.items(), key=lambda each: each[1])))


def routes(*handlers: Any, rule: Guard = session.runs) -> Router:
    """Routes under /my/{organisation}, and for whom they are: its administrators, where nothing else is said."""
    return Router(
        path="/my/{organisation:str}",
        guards=[rule],
        dependencies={"my": Provide(provide_my)},
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=list(handlers),
    )


def reading(*handlers: Any) -> Router:
    """Routes that show something: for everybody who acts for the organisation."""
    return routes(*handlers, rule=session.acts_for)


def show(request: Request, my: My, template: str, nav: str, at: str = "", **values: Any) -> Response[str]:
    """A page of the organisation in its frame. `at`: where it can be read again, as in the office."""
    if at:
        values["url_lang"] = lambda language: f"/language/{language}?back={quote(at)}"
        values["url_scheme"] = lambda scheme: f"/theme/{scheme}?back={quote(at)}"
    return page(
        request,
        template,
        nav=nav,
        my=my,
        organisation=my.organisation,
        own=[{"id": each, "name": name} for each, name in my.others],
        user={"name": my.session.name, "email": my.session.email, "acts": True},
        office=bool(my.session.sees),
        home=my.base,
        runs=my.runs,
        today=my.today,
        **values,
    )


def done(my: My, path: str, word: str = "") -> Redirect:
    """On to a page of the organisation, which says what was done."""
    where = f"{my.base}{path}"
    return Redirect(f"{where}?done={word}" if word else where, status_code=303, headers=session.NOT_KEPT)


@get("/my", include_in_schema=False)
async def show_my(request: Request, context: NamedDependency[Context]) -> Response:
    """The person's organisations, and the networks whose office they may open."""
    who, t = session.session_of(request), translator(language_of(request))
    async with context.db.tx() as connection:
        held = await reads.of_account(connection, who.account)
        claimed = await reads.claims_of_account(connection, who.account)
    mine = [each for each in held if each.kind == "organisation"]
    if not mine and not claimed and held:
        return Redirect("/n", status_code=303, headers=session.NOT_KEPT)
    organisations = [
        {"id": each.place, "name": t.text(each.names), "role": role_name(t, each.role), "may": role_may(t, each.role)}
        for each in mine
    ]
    user = {"name": who.name, "email": who.email, "acts": True}
    return page(
        request, "my/start.html", user=user, organisations=organisations, claimed=claimed, office=bool(who.sees)
    )


handlers = [
    Router(
        path="/",
        guards=[session.signed_in],
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=[show_my],
    ),
]
