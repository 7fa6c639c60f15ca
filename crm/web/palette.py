"""The palette: go, find and do in one list (Ctrl+K), and the same list as a page for who has no scripts.

Only what the reader may see is in it: rows come through the wall of the database, places by role.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from crm import names
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.errors import Unauthenticated
from crm.i18n import N_, Translator, translator
from crm.reads import organisations as organisation_reads
from crm.reads import palette as reads
from crm.store.accounts import Session
from crm.web import amounts, palette_places, session
from crm.web.language import language_of
from crm.web.palette_places import Need, Place
from crm.web.rendering import environment_for, fragment, is_htmx, page

LONGEST = 100  # letters that are looked for


class Entry(msgspec.Struct, frozen=True):
    """One line: what it is called, what is told beside it, where it leads; a drawing, or a tile for `name`."""

    label: str
    href: str
    note: str = ""
    drawing: str = ""


class Group(msgspec.Struct, frozen=True):
    """Lines under a heading."""

    heading: str
    entries: list[Entry]


class Asked(msgspec.Struct, frozen=True):
    """Who asks for what: the text, the network whose office is open, the organisation whose own pages are."""

    context: Context
    who: Session
    kept: Catalogue
    t: Translator
    text: str
    network: NetworkRow | None
    organisations: dict[UUID, str]

    @property
    def visible(self) -> list[NetworkRow]:
        """Networks the reader has a role in, the open one first."""
        mine = [each for each in self.kept.networks if each.id in self.who.sees]
        return sorted(mine, key=lambda each: (each != self.network, self.t.text(each.names)))

    def may(self, network: NetworkRow) -> tuple[Need, ...]:
        """What the reader may do there."""
        manages = network.id in self.who.manages
        books = manages or network.id in self.who.books
        return ("read", *(("books",) if books else ()), *(("manage",) if manages else ()))  # type: ignore[return-value]

    def at(self, network: UUID, path: str = "") -> str:
        """An address in that network's office."""
        return f"/n/{self.kept.by_id[network].slug}{path}"

    def told(self, network: UUID, *words: str) -> str:
        """What stands beside a name; the network only when it is not the open one."""
        here = self.network is not None and self.network.id == network
        place = [] if here else [self.t.text(self.kept.by_id[network].short)]
        return ", ".join(each for each in (*words, *place) if each)


@get("/search", include_in_schema=False)
async def search(
    request: Request,
    context: NamedDependency[Context],
    q: FromQuery[str] = "",
    network: FromQuery[str] = "",
) -> Response[str]:
    asked = await _asked(request, context, q, network)
    groups = [group for group in await _groups(asked) if group.entries]
    values: dict[str, Any] = {"groups": groups, "q": asked.text, "at": asked.network.slug if asked.network else ""}
    if is_htmx(request):
        return fragment(request, "office/palette_found.html", "found", **values)
    user = {"name": asked.who.name, "email": asked.who.email, "acts": bool(asked.who.acts_for)}
    return page(request, "office/palette.html", user=user, **values)


async def _asked(request: Request, context: Context, q: str, network: str) -> Asked:
    who = session.session_of(request)
    if who.must_secure:
        raise session.SecureFirst
    kept = await session.load_catalogue(context)
    open_one = kept.by_slug.get(network)
    if open_one is None or open_one.id not in who.sees:
        open_one = next((each for each in kept.networks if each.id in who.sees), None)
    own: dict[UUID, str] = {}
    if who.acts_for:
        async with context.db.reading_own(who.acts_for) as connection:
            own = await organisation_reads.names(connection, who.acts_for)
    text = " ".join(q.split())[:LONGEST]
    return Asked(context, who, kept, translator(language_of(request)), text, open_one, own)


async def _groups(asked: Asked) -> list[Group]:
    """Without a text what one may do and where one may go; with one what is found first, then the same narrowed."""
    t = asked.t
    go = Group(t.gettext("Go to"), _pages(asked))
    if asked.network is None:
        return [go]
    async with asked.context.db.reading(asked.who.sees) as connection:
        acts = Group(t.gettext("Do"), await _acts(asked, connection))
        if not asked.text:
            return [acts, go]
        found = await _members(asked, connection)
        invoices = await _invoices(asked, connection)
        people = await _people(asked, connection)
        applications = await _applications(asked, connection)
    return [found, applications, invoices, people, acts, go, Group(t.gettext("Search in"), _lists(asked))]


def _pages(asked: Asked) -> list[Entry]:
    """Pages of the open network, the reader's other networks, the pages of their organisations, their account."""
    t, text, entries = asked.t, asked.text, []
    if asked.network is not None:
        found = palette_places.fitting(palette_places.OFFICE, t, text, asked.may(asked.network))
        entries += _sidebar(asked, asked.network) + _entries(asked, found, asked.at(asked.network.id), "")
    for network in asked.visible:
        name = t.text(network.names)
        if network is not asked.network and text.casefold() in name.casefold():
            entries.append(Entry(name, asked.at(network.id), t.gettext("Network"), "network"))
    for organisation, name in asked.organisations.items():
        found = palette_places.fitting(palette_places.MY, t, text, ("read",))
        entries += _entries(asked, found, f"/my/{organisation}", name)
    return entries + _entries(asked, palette_places.fitting(palette_places.ANYWHERE, t, text, ("read",)), "", "")


def _sidebar(asked: Asked, network: NetworkRow) -> list[Entry]:
    """What the sidebar of a network's office shows this reader."""
    t, may = asked.t, asked.may(network)
    given = {"base": asked.at(network.id), "may": {"manage": "manage" in may, "books": "books" in may}}
    shown: Any = environment_for(t.language).get_template("layouts/places.html").make_module(given)
    places = [each for _, under in shown.places for each in under if each[0] not in shown.hidden]
    return [
        Entry(label, href, "", drawing)
        for key, href, drawing, label in places
        if palette_places.fits(t, asked.text, label, palette_places.ALSO.get(key, ""))
    ]


def _entries(asked: Asked, places: Iterable[Place], base: str, note: str) -> list[Entry]:
    return [Entry(asked.t.gettext(each.label), base + each.path, note, each.drawing) for each in places]


async def _acts(asked: Asked, connection: Connection) -> list[Entry]:
    """Acts of the open network; the application that waits longest is one click away."""
    network, t = asked.network, asked.t
    assert network is not None
    may = asked.may(network)
    acts = _entries(asked, palette_places.fitting(palette_places.ACTS, t, asked.text, may), asked.at(network.id), "")
    label = t.gettext("Approve the next application")
    if "manage" in may and palette_places.fits(t, asked.text, label):
        for each in await reads.applications(connection, "", [network.id], 1):
            path = asked.at(network.id, f"/applications/{each.id}")
            acts.insert(0, Entry(label, path, each.name, "circle-check"))
    return acts


async def _members(asked: Asked, connection: Connection) -> Group:
    """Members; about one that stands alone, what can be done with it, too."""
    here = asked.network.id if asked.network else None
    ids = [each.id for each in asked.visible]
    rows = await reads.members(connection, asked.text, ids, here)
    entries = []
    for row in rows:
        tier = names.tier_name(asked.t, asked.kept, asked.kept.by_id[row.network_id].slug, row.tier)
        path = asked.at(row.network_id, f"/members/{row.organisation_id}")
        entries.append(Entry(row.name, path, asked.told(row.network_id, tier)))
    if rows and "manage" in asked.may(asked.kept.by_id[rows[0].network_id]):
        first, path = rows[0], entries[0].href
        label = asked.t.gettext("Change level of %(name)s", name=first.name)
        entries.append(Entry(label, f"{path}/memberships/{first.membership_id}/tier-change", "", "arrow-up"))
    return Group(asked.t.gettext("Members"), entries)


async def _people(asked: Asked, connection: Connection) -> Group:
    rows = await reads.people(connection, asked.text)
    entries = [
        Entry(row.name, asked.at(row.network_id, f"/members/{row.organisation_id}"),
              asked.told(row.network_id, row.role, row.organisation), "user")
        for row in rows
    ]  # fmt: skip
    return Group(asked.t.gettext("People"), entries)


async def _applications(asked: Asked, connection: Connection) -> Group:
    rows = await reads.applications(connection, asked.text, [each.id for each in asked.visible])
    entries = [
        Entry(row.name, asked.at(row.network_id, f"/applications/{row.id}"),
              asked.told(row.network_id, row.reference), "inbox")
        for row in rows
    ]  # fmt: skip
    return Group(asked.t.gettext("Applications"), entries)


async def _invoices(asked: Asked, connection: Connection) -> Group:
    """By number (with or without its series), KID or amount: text without a digit is none of them."""
    entries: list[Entry] = []
    if any(letter.isdigit() for letter in asked.text):
        networks = asked.visible
        number = asked.text.rpartition("-")[2].replace(" ", "").replace("\u00a0", "")
        hosts = {each.host_id for each in networks}
        rows = await reads.invoices(connection, list(hosts), _ids(networks), number, _amount(asked.text))
        kinds = {"invoice": N_("Invoice %(number)s"), "credit_note": N_("Credit note %(number)s")}
        entries = [
            Entry(asked.t.gettext(kinds[row.kind], number=row.number), asked.at(row.network_id, f"/invoices/{row.id}"),
                  asked.told(row.network_id, row.organisation, asked.t.money(row.gross, row.currency)), "file-text")
            for row in rows
        ]  # fmt: skip
    return Group(asked.t.gettext("Invoices"), entries)


def _amount(text: str) -> tuple[int, int] | None:
    """What was typed as an amount of two decimals; without decimals, whatever begins so: 3,821 is also 3,821.92."""
    amount = amounts.read(text, "NOK")
    if amount is None:
        amount = amounts.read(text.replace(",", ""), "NOK")
    if amount is None:
        return None
    return amount, amount if amount % 100 else amount + 99


def _ids(networks: Sequence[NetworkRow]) -> list[UUID]:
    return [each.id for each in networks]


def _lists(asked: Asked) -> list[Entry]:
    """The same text as a filter of the lists, for more than a few."""
    assert asked.network is not None
    text, base = asked.text, asked.at(asked.network.id)
    return [
        Entry(asked.t.gettext("Members with “%(wanted)s”", wanted=text), _with(f"{base}/members", text), "", "search"),
        Entry(
            asked.t.gettext("Invoices with “%(wanted)s”", wanted=text), _with(f"{base}/invoices", text), "", "search"
        ),
    ]


def _with(path: str, text: str) -> str:
    return f"{path}?{urlencode({'q': text})}"


handlers = [
    Router(
        path="/",
        guards=[session.signed_in],
        exception_handlers={Unauthenticated: session.to_sign_in},
        route_handlers=[search],
    ),
]
