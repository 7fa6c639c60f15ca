"""Limited places of a network and their queues, for those who manage it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from crm.actions import places as actions
from crm.api import shapes
from crm.api.operations import Call, Nothing, Operation
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import places
from crm.store.places import places_of

TAG = N_("Places")


class Waiting(shapes.Answer, frozen=True):
    """One who waits; `number` 1 gets the next place."""

    id: UUID
    number: int
    organisation_id: UUID
    organisation: str
    asked_at: datetime


class Pool(shapes.Answer, frozen=True):
    """A limited level, or link rule (the other is null). `places` null: the limit was lifted."""

    network: str
    rule: str | None
    tier: str | None
    places: int | None
    taken: int
    queue: list[Waiting]


class Pools(shapes.Answer, frozen=True):
    """All of a network's."""

    items: list[Pool]


class Removed(shapes.Answer, frozen=True):
    """`removed` false: it did not wait any more."""

    id: UUID
    removed: bool


async def show(call: Call[Nothing, None]) -> Pools:
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        network = await call.managed(connection)
        taken, queues = await places.queues(connection, network.id)
    today = call.context.clock.today(network.zone)
    book = kept.rulebooks.governing(network.slug, today, today)
    limited = {("", tier.code) for tier in book.tiers if tier.places} if book else set()
    limited |= {(rule.code, "") for rule in book.link_rules if rule.places} if book else set()
    return Pools(
        [
            Pool(
                network.slug,
                rule or None,
                tier or None,
                places_of(kept, (network.slug, rule, tier), today) or None,
                taken.get((rule, tier), 0),
                [
                    Waiting(w.id, w.number, w.organisation_id, w.organisation, w.asked_at)
                    for w in queues.get((rule, tier), [])
                ],
            )
            for rule, tier in sorted(limited | {*taken, *queues})
        ]
    )


async def remove(call: Call[Nothing, Any]) -> Removed:
    wanted = call.id("place_id")
    async with call.context.db.reading(call.actor.manages) as connection:
        if await places.network_of(connection, wanted) is None:
            raise NotFound("place_id", wanted)
    return Removed(wanted, await actions.remove(call.context, call.actor, wanted))


operations = (
    Operation(
        id="list_places",
        method="GET",
        path="/networks/{slug}/places",
        tag=TAG,
        summary=N_("Limited places and who waits"),
        description=N_("Only for keys that manage the network. A place that becomes free goes to number 1 by itself."),
        answer=Pools,
        run=show,
    ),
    Operation(
        id="remove_from_queue",
        method="DELETE",
        path="/places/{place_id}",
        tag=TAG,
        summary=N_("Take somebody off the queue"),
        answer=Removed,
        run=remove,
    ),
)
