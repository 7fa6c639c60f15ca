"""Organisations by id or strong identifier, and their memberships: on a day, as known at a moment, and why."""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from crm.api import answers, edge, shapes
from crm.api.operations import Call, Nothing, Operation
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
    known_at: (
        Annotated[
            str,
            Meta(
                max_length=40,
                description="As it was known at this moment (RFC 3339), or at the end of this day in Oslo.",
                examples=["2026-11-22", "2026-11-22T09:00:00Z"],
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
)
