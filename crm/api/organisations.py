"""Organisations by id or strong identifier, and their memberships: on a day, as known at a moment, and why."""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from crm.actions import outcomes
from crm.api import answers, edge, shapes
from crm.api.operations import Call, Nothing, Operation
from crm.api.problems import EdgeError
from crm.errors import NotFound
from crm.i18n import N_, TIME_ZONE
from crm.identifiers import SCHEMES, normalise
from crm.reads import memberships, organisations
from crm.reads.memberships import Asked

TAG = N_("Organisations")
ONE = "/organisations/{organisation_id}"
IDENTIFIER_MAX = 100


class Search(msgspec.Struct, frozen=True):
    """By which identifier."""

    identifier: Annotated[
        str,
        Meta(
            max_length=IDENTIFIER_MAX,
            pattern=f"^({'|'.join(SCHEMES)}):.+$",
            description="scheme:value, such as no-orgnr:971035854.",
            examples=["no-orgnr:971035854"],
        ),
    ]


class When(msgspec.Struct, frozen=True):
    """When, on both clocks."""

    as_of: Annotated[date, Meta(description="Only what stands on this day; all of it when left out.")] | None = None
    known_at: edge.KnownAt | None = None


class WhyNot(msgspec.Struct, frozen=True):
    """On which day, and towards which network."""

    as_of: Annotated[date, Meta(description="The day; today when left out.")] | None = None
    network: (
        Annotated[
            str,
            Meta(
                max_length=60,
                description="Only rules that give membership in this network, also those of networks the organisation "
                "is not a member of.",
                examples=["claire-innovation-network"],
            ),
        ]
        | None
    ) = None


def _today(call: Call[msgspec.Struct, None]) -> date:
    return call.context.clock.now().astimezone(TIME_ZONE).date()


async def search(call: Call[Search, None]) -> shapes.Page[shapes.Organisation]:
    scheme, _, given = call.query.identifier.partition(":")
    value = normalise(scheme, given, "identifier")
    async with call.reading() as connection:
        found = await organisations.by_identifier(connection, scheme, value, _today(call), bool(call.actor.manages))
    return shapes.Page([answers.organisation(each) for each in found], None, False)


async def show(call: Call[Nothing, None]) -> shapes.Organisation:
    wanted = call.id("organisation_id")
    async with call.reading() as connection:
        found = await organisations.one(connection, wanted, _today(call), bool(call.actor.manages))
    if found is None:
        raise NotFound("organisation_id", wanted)
    return answers.organisation(found)


async def list_memberships(call: Call[When, None]) -> shapes.Page[shapes.Membership]:
    wanted, query = call.id("organisation_id"), call.query
    today = _today(call)
    if query.as_of is not None:
        edge.day(query.as_of, "as_of", today)
    asked = Asked(query.as_of, edge.moment(query.known_at, "known_at", call.context.clock.now()))
    async with call.reading() as connection:
        kept = await call.kept(connection)
        if await organisations.one(connection, wanted, today, bool(call.actor.manages)) is None:
            raise NotFound("organisation_id", wanted)
        rows = await memberships.of_organisation(connection, kept, call.context.clock, wanted, asked)
    return shapes.Page(answers.all_memberships(call.t, kept, rows), None, False)


async def list_link_rules(call: Call[WhyNot, None]) -> shapes.Page[shapes.RuleOutcome]:
    wanted, query = call.id("organisation_id"), call.query
    today = _today(call)
    if query.as_of is not None:
        edge.day(query.as_of, "as_of", today)
    async with call.reading() as connection:
        kept = await call.kept(connection)
        if await organisations.one(connection, wanted, today, bool(call.actor.manages)) is None:
            raise NotFound("organisation_id", wanted)
    if query.network and query.network not in kept.by_slug:
        raise EdgeError(422, "network", "network_unknown", given=query.network)
    found = await outcomes.of_day(call.context, call.actor, wanted, query.as_of or today, query.network or "")
    return shapes.Page([answers.rule_outcome(call.t, kept, each) for each in found], None, False)


operations = (
    Operation(
        id="find_organisations",
        method="GET",
        path="/organisations",
        tag=TAG,
        summary=N_("Find an organisation by its register number"),
        description=N_("One organisation or none: an identifier belongs to one organisation only."),
        query=Search,
        answer=shapes.Page[shapes.Organisation],
        listing=True,
        run=search,
    ),
    Operation(
        id="show_organisation",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("One organisation"),
        answer=shapes.Organisation,
        etag=True,
        run=show,
    ),
    Operation(
        id="list_memberships",
        method="GET",
        path=f"{ONE}/memberships",
        tag=TAG,
        summary=N_("An organisation's memberships, and why"),
        description=N_(
            "Each with the grants it stands on and, in the language asked for, why. `status` is `pending` before the "
            "first day and `ended` after the last."
        ),
        query=When,
        answer=shapes.Page[shapes.Membership],
        listing=True,
        run=list_memberships,
    ),
    Operation(
        id="list_link_rules",
        method="GET",
        path=f"{ONE}/link-rules",
        tag=TAG,
        summary=N_("Why, and why not: what each link rule does for an organisation"),
        description=N_(
            "Every link rule of the networks it is a member of on the day, whether it gives a membership, and if not "
            "which predicate failed. Only rules of networks that the key may read."
        ),
        query=WhyNot,
        answer=shapes.Page[shapes.RuleOutcome],
        listing=True,
        run=list_link_rules,
    ),
)
