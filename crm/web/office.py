"""The back office of one network: the frame every page stands in, and the linked memberships."""

from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery
from litestar.response import Redirect
from litestar.types import Guard

from crm import names
from crm.actions import answers
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.errors import Unauthenticated
from crm.i18n import Translator, translator
from crm.reads import link_receipts, saved_views
from crm.reads import office as reads
from crm.store.accounts import Session
from crm.web import session
from crm.web.language import language_of
from crm.web.rendering import page

OLDEST_WAITING = 5


class Office(msgspec.Struct, frozen=True):
    """What every page of the office knows: who reads, which network is open, which day it is there."""

    context: Context
    session: Session
    actor: Actor
    kept: Catalogue
    network: NetworkRow
    today: date
    t: Translator

    @property
    def base(self) -> str:
        """The address under which this network's pages are."""
        return f"/n/{self.network.slug}"

    @property
    def may_manage(self) -> bool:
        """Does the reader decide about members here?"""
        return self.network.id in self.session.manages

    @property
    def may_keep_books(self) -> bool:
        """Does the reader decide about money here?"""
        return self.may_manage or self.network.id in self.session.books

    @property
    def now(self) -> datetime:
        """The moment."""
        return self.context.clock.now()

    def last_day(self, ends_on: date) -> str:
        """The last day of what ends half-open on `ends_on`."""
        return names.last_day(self.t, ends_on)

    def tiers(self) -> list[str]:
        """Codes of all levels any version of the rulebook knows, from the highest down."""
        ranks = {t.code: t.rank for book in self.kept.rulebooks.of(self.network.slug) for t in book.tiers}
        return sorted(ranks, key=lambda code: (-ranks[code], code))

    def tier(self, code: str, slug: str = "") -> str:
        """A level's name."""
        return names.tier_name(self.t, self.kept, slug or self.network.slug, code)

    def inside(self, code: str) -> str:
        """A level's name in the middle of a sentence."""
        return names.tier_inside(self.t, self.kept, self.network.slug, code)

    def kind(self, code: str) -> str:
        """What kind of organisation, as it stands alone."""
        return _capital(names.kind_name(self.t, code))

    def country(self, code: str) -> str:
        """A country's name."""
        return names.country_name(self.t, code)

    def scheme(self, code: str) -> str:
        """What kind of number, as it stands alone."""
        return _capital(names.scheme_name(self.t, code))

    def day_words(self, day: str) -> str:
        """A day of an address or a field, as people write it."""
        return self.t.date(date.fromisoformat(day))

    def face(self, network: NetworkRow) -> dict[str, Any]:
        """A network as macros show it."""
        return _face(self.t, network)


def faces(t: Translator, kept: Catalogue, who: Session) -> list[dict[str, Any]]:
    """The networks somebody may open, by name, as the layout and macros show them."""
    return sorted((_face(t, n) for n in kept.networks if n.id in who.sees), key=lambda face: face["name"])


def _face(t: Translator, network: NetworkRow) -> dict[str, Any]:
    shown = {"name": t.text(network.names), "short": t.text(network.short)}
    return {"slug": network.slug, "colour": network.colour, **shown}


def provide_office(request: Request, context: NamedDependency[Context]) -> Office:
    """The open network, on a route under /n/{slug}."""
    who = session.session_of(request)
    kept, network = session.network_of(request)
    today = context.clock.today(network.zone)
    return Office(context, who, session.office_actor(request), kept, network, today, translator(language_of(request)))


def routes(*handlers: Any, rule: Guard = session.manages_network) -> Router:
    """Routes under /n/{slug}, and for whom they are: who manages that network, where nothing else is said."""
    return Router(
        path="/n/{slug:str}",
        guards=[rule],
        dependencies={"office": Provide(provide_office, sync_to_thread=False)},
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=list(handlers),
    )


def reading(*handlers: Any) -> Router:
    """Routes under /n/{slug} that show something: for everybody with a role in that network."""
    return routes(*handlers, rule=session.reads_network)


def reading_money(*handlers: Any) -> Router:
    """Routes under /n/{slug} that show money: for everybody with a role in that network."""
    return routes(*handlers, rule=session.reads_books)


def money(*handlers: Any) -> Router:
    """Routes under /n/{slug} about money: for who keeps that network's books, and who manages it."""
    return routes(*handlers, rule=session.keeps_books)


async def show(request: Request, office: Office, template: str, nav: str, at: str = "", **values: Any) -> Response[str]:
    """A page of the office in its frame. `status_code` and `headers` go to the answer.

    `at` is where the page can be read again, when it is the answer to a form sent elsewhere: the links
    to another language or other colours then lead there.
    """
    if at:
        values["url_lang"] = lambda language: f"/language/{language}?back={quote(at)}"
        values["url_scheme"] = lambda scheme: f"/theme/{scheme}?back={quote(at)}"
    async with office.context.db.reading(office.actor.sees) as connection:
        counts = await reads.counts(connection, office.network.id, office.today, office.session.account)
        kept_views = await saved_views.of_reader(connection, office.network.id, office.session.account)
    return page(
        request,
        template,
        nav=nav,
        networks=faces(office.t, office.kept, office.session),
        network=office.face(office.network) | {"members": counts.members},
        counts=msgspec.structs.asdict(counts),
        user={"name": office.session.name, "email": office.session.email, "acts": bool(office.session.acts_for)},
        kept_views=kept_views,
        may=may_of(office),
        office=office,
        base=office.base,
        today=office.today,
        **values,
    )


def may_of(office: Office) -> dict[str, Any]:
    """What the reader may do in the open network, for templates: `manage`, `books`, `waived` (a demo's sign-in)."""
    waived = office.session.demo and office.session.method == "password"
    return {"manage": office.may_manage, "books": office.may_keep_books, "waived": waived}


@get("/n", include_in_schema=False)
async def open_office(request: Request, context: NamedDependency[Context]) -> Redirect:
    """To the network in which most applications wait, else the first one; to the account when there is none."""
    who = session.session_of(request)
    kept = await session.load_catalogue(context)
    if who.must_secure:
        raise session.SecureFirst
    async with context.db.reading(who.sees) as connection:
        busiest = await reads.busiest(connection, sorted(who.sees))
    wanted = busiest or next((n.id for n in kept.networks if n.id in who.sees), None)
    where = f"/n/{kept.by_id[wanted].slug}" if wanted else "/my" if who.acts_for else "/account"
    return Redirect(where, status_code=303, headers=session.NOT_KEPT)


@get("/links", include_in_schema=False)
async def show_links(request: Request, office: NamedDependency[Office], rule: FromQuery[str] = "") -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        rows = await reads.linked(connection, office.network.id, office.today)
        receipts = await link_receipts.newest(connection, [row.grant_id for row in rows])
    groups = rules_of(office, rows)
    values = {
        "groups": [g for g in groups if not rule or g["code"] == rule],
        "all_groups": groups,
        "rule": rule,
        "receipts": receipts,
        "unanswered": await _unanswered(office),
        "answered": request.query_params.get("answered", ""),
        "taken": request.query_params.get("taken", ""),
    }
    return await show(request, office, "office/links.html", "links", **values)


async def _unanswered(office: Office) -> list[answers.Waiting]:
    """Links that wait for this network's word, for those who give it."""
    if not office.may_manage:
        return []
    return await answers.waiting(office.context, office.actor, office.network.id)


handlers = [
    Router(
        path="/",
        guards=[session.signed_in],
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=[open_office],
    ),
    reading(show_links),
]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def rules_of(office: Office, rows: list[reads.LinkedRow]) -> list[dict[str, Any]]:
    """Linked memberships gathered by the rule that gives them, every rule of this network among them."""
    slug, by_id = office.network.slug, office.kept.by_id
    found: dict[tuple[str, str], list[reads.LinkedRow]] = {
        (slug, rule.code): [] for book in office.kept.rulebooks.of(slug) for rule in book.link_rules
    }
    for row in rows:
        found.setdefault((by_id[row.source_network_id].slug, row.rule), []).append(row)
    return [_group(office, source, code, listed) for (source, code), listed in found.items()]


def _group(office: Office, source: str, code: str, rows: list[reads.LinkedRow]) -> dict[str, Any]:
    books = [b for b in office.kept.rulebooks.of(source) if b.link_rule(code)]
    rule = books[-1].link_rule(code)
    agreement = office.kept.rulebooks.agreement(rule.agreement)
    return {
        "code": code,
        "name": office.t.text(rule.names),
        "version": books[-1].version,
        "agreement": office.t.text(agreement.names) if agreement else rule.agreement,
        "source": office.face(office.kept.by_slug[source]),
        "target": office.face(office.kept.by_slug[rule.grants.network]),
        "ours": source == office.network.slug,
        "rows": rows,
        "count": len({row.membership_id for row in rows}),
        "standing": len({r.membership_id for r in rows if r.starts_on <= office.today}),
    }
