"""The member directory: one page, its files, and a plain page for other sites to show in a frame."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.response import Redirect

from crm import catalogue, words
from crm.actions import listings as actions
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Refused
from crm.i18n import TIME_ZONE, Translator, translator
from crm.reads import directory, directory_index
from crm.reads.directory import GROUPS, MOST_CHOICES, SORTS, Asked, Found
from crm.reads.directory_index import Index
from crm.web import directory_views as views
from crm.web.directory_views import Address
from crm.web.language import language_of
from crm.web.pages import in_each_language, open_page
from crm.web.rendering import error_page

VIEWS = ("list", "table")
TEXT_MAX = 500
CODE_MAX = 100


class Open(msgspec.Struct, frozen=True):
    """The directory of this moment, ready to be asked."""

    connection: Connection
    index: Index
    kept: Catalogue
    names: Sequence[tuple[str, str]]
    today: date

    async def search(self, asked: Asked) -> Found:
        """A page of it."""
        return await directory.search(self.connection, self.index, asked, self.names)

    def every(self, asked: Asked) -> AsyncIterator[tuple[directory.Row, ...]]:
        """All of it, for a file."""
        return directory.every(self.connection, self.index, asked, self.names)


@asynccontextmanager
async def opened(context: Context) -> AsyncIterator[Open]:
    """The directory as of now; when a day has come since it was last asked, it is brought to that day first."""
    today = context.clock.today(TIME_ZONE)
    async with context.db.reading([]) as connection:
        kept = await catalogue.load(connection)
        index, next_on = await directory_index.current(connection, context.db.several)
        late = next_on is not None and next_on <= today
        if not late:
            yield Open(connection, index, kept, views.searched_names(kept), today)
            return
    await actions.turn(context, today)
    async with context.db.reading([]) as connection:
        index, _ = await directory_index.current(connection, context.db.several)
        yield Open(connection, index, kept, views.searched_names(kept), today)


def asked_of(request: Request) -> Address:
    """The question in an address. Refused when it is none: an order or a view there is not, or far too long."""
    query = request.query_params
    text = query.get("q", "").replace("\0", "")
    if len(text) > TEXT_MAX:
        raise Refused("directory_question", "q")
    sort, view = query.get("sort", "name"), query.get("view", "list")
    if sort not in SORTS:
        raise Refused("directory_question", "sort")
    if view not in VIEWS:
        raise Refused("directory_question", "view")
    chosen = {group: tuple(dict.fromkeys(query.getall(group, []))) for group in GROUPS}
    for group, codes in chosen.items():
        if len(codes) > MOST_CHOICES or any(len(code) > CODE_MAX or "\0" in code for code in codes):
            raise Refused("directory_question", group)
    asked = Asked(" ".join(text.split()), {g: c for g, c in chosen.items() if c}, sort, query.get("after", ""))
    return Address(f"/{language_of(request)}/members", asked, view)


async def shared(context: Context, network: str, t: Translator) -> list[dict[str, Any]]:
    """The networks that have members in common with one: how many, and where they are listed."""
    async with opened(context) as opening:
        counts, kept = directory.shared(opening.index, network), opening.kept
    path = f"/{t.language}/members"
    return [
        {
            "network": {"name": t.text(n.names), "short": t.text(n.short), "colour": n.colour},
            "count": counts[n.slug],
            "href": Address(path, Asked(chosen={"network": (network,), "with": (n.slug,)})).to(),
        }
        for n in sorted(kept.networks, key=lambda n: -counts.get(n.slug, 0))
        if n.slug in counts
    ]


@get("/members", sync_to_thread=False)
def choose_language(request: Request) -> Redirect:
    query = request.url.query
    path = f"/{language_of(request)}/members" + (f"?{query}" if query else "")
    return Redirect(path, status_code=302, headers={"cache-control": "no-store", "vary": "Cookie, Accept-Language"})


@get(in_each_language("/members"))
async def show_directory(request: Request, context: NamedDependency[Context]) -> Response[str]:
    address = asked_of(request)
    async with opened(context) as opening:
        found = await opening.search(address.asked)
    values = page_values(request, opening.kept, address, found)
    return await open_page(request, "public/directory.html", nav="members", **values)


def page_values(request: Request, kept: Catalogue, address: Address, found: Found) -> dict[str, Any]:
    """Everything the page shows."""
    t = translator(language_of(request))
    chosen = address.asked.chosen.get("network", ())
    network = chosen[0] if chosen else ""
    shown: Sequence[Any] = (
        views.rows(t.language, kept, found.rows, network)
        if address.view == "list"
        else [{"name": r.name, "slug": r.slug, **views.card(t, kept, r.body, network)} for r in found.rows]
    )
    return {
        "address": address,
        "found": found,
        "rows": shown,
        "groups": views.groups(t, kept, address, found),
        "chips": views.chips(t, kept, address),
        "map": views.county_map(t, address, found),
        "files": [(name, f"{address.path}.{kind}?{address.query()}") for name, kind in FILES],
        "first": found.before + 1,
        "last": found.before + len(found.rows),
        "networks": [n for n in kept.networks if not n.instance],
    }


FILES = (("CSV", "csv"), ("Excel", "xlsx"), ("JSON", "json"), ("Atom", "atom"))


def refused(request: Request, error: Refused) -> Response[str]:
    said = words.refusal(translator(language_of(request)), None, error.code, error.params)
    return error_page(request, 422, detail=f"{error.field}: {said}")


handlers = [
    Router(
        path="/",
        route_handlers=[choose_language, show_directory],
        exception_handlers={Refused: refused},
        include_in_schema=False,
        opt={"public": True},
    )
]
