"""The member directory: one page, its files, and a plain page for other sites to show in a frame."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.response import Redirect

from crm import words
from crm.catalogue import Catalogue
from crm.context import Context
from crm.errors import Refused
from crm.i18n import translator
from crm.reads.directory import GROUPS, MOST_CHOICES, SORTS, Asked, Found
from crm.web import directory_views as views
from crm.web.directory_opening import opened
from crm.web.directory_views import Address
from crm.web.headers import CONTENT_SECURITY_POLICY
from crm.web.language import language_of
from crm.web.public import in_each_language, open_page
from crm.web.rendering import error_page, page

VIEWS = ("list", "table")
TEXT_MAX = 500
CODE_MAX = 100


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


@get(in_each_language("/embed/members"))
async def embedded(request: Request, context: NamedDependency[Context]) -> Response[str]:
    """The list alone, in a frame on sites the operator named; not there when none is."""
    sites = context.settings.embed_sites
    if not sites:
        return error_page(request, 404)
    address = asked_of(request)
    async with opened(context) as opening:
        found = await opening.search(address.asked)
    values = page_values(request, opening.kept, address, found)
    framed = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {' '.join(sites)}")
    headers = {"content-security-policy": framed, "cross-origin-opener-policy": "unsafe-none"}
    return page(request, "public/directory_embedded.html", headers=headers, **values)


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
        route_handlers=[choose_language, show_directory, embedded],
        exception_handlers={Refused: refused},
        include_in_schema=False,
        opt={"public": True},
    )
]
