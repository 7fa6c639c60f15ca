"""Limited places of a network: how many are taken, who waits, and taking somebody off the queue."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import places as actions
from crm.errors import NotFound
from crm.reads import places as reads
from crm.store.places import places_of
from crm.web.fields import id_of
from crm.web.office import Office, reading, routes, show
from crm.web.session import NOT_KEPT


@get("/places", include_in_schema=False)
async def show_places(request: Request, office: NamedDependency[Office]) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        taken, queues = await reads.queues(connection, office.network.id)
    pools = [_pool(office, *pool, taken, queues) for pool in _pools(office, {*taken, *queues})]
    done = {name: request.query_params.get(name, "") for name in ("removed", "waits")}
    return await show(request, office, "office/places.html", "places", pools=pools, done=done)


@post("/places/{place:str}/remove", include_in_schema=False)
async def remove(office: NamedDependency[Office], place: FromPath[str]) -> Redirect:
    wanted = id_of("place", place)
    async with office.context.db.reading(office.actor.sees) as connection:
        if await reads.network_of(connection, wanted) != office.network.id:
            raise NotFound("place", place)
    done = await actions.remove(office.context, office.actor, wanted)
    query = "?removed=1" if done else ""  # else it got its place meanwhile, or a second click
    return Redirect(f"{office.base}/places{query}", status_code=303, headers=NOT_KEPT)


handlers = [reading(show_places), routes(remove)]


def _pools(office: Office, open_ones: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Every limited level and rule of the version in force, and whatever else somebody holds or waits for."""
    slug = office.network.slug
    book = office.kept.rulebooks.governing(slug, office.today, office.today)
    limited = {("", tier.code) for tier in book.tiers if tier.places} if book else set()
    limited |= {(rule.code, "") for rule in book.link_rules if rule.places} if book else set()
    return sorted(limited | open_ones)


def _pool(
    office: Office,
    rule: str,
    tier: str,
    taken: dict[tuple[str, str], int],
    queues: dict[tuple[str, str], list[reads.Waiting]],
) -> dict[str, Any]:
    books = reversed(office.kept.rulebooks.of(office.network.slug))
    found = next((r for book in books if (r := book.link_rule(rule))), None) if rule else None
    return {
        "name": office.t.text(found.names) if found else office.tier(tier) if tier else rule,
        "rule": bool(rule),
        "places": places_of(office.kept, (office.network.slug, rule, tier), office.today),
        "taken": taken.get((rule, tier), 0),
        "queue": queues.get((rule, tier), []),
    }
