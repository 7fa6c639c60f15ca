"""What a network does with its members, and who took part, for programs that manage it."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm.actions import activities as actions
from crm.actions.activities import ActivityForm, Came
from crm.api import shapes
from crm.api.labels import TAG
from crm.api.operations import Call, Nothing, Operation, encoded, tag
from crm.api.told import Paging, TakenBack, paged
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import activities as reads
from crm.store import told

PATH = "/networks/{slug}/activities"
ONE = "/networks/{slug}/activities/{activity_id}"
LIST = "/networks/{slug}/activity-lists"
BODY_MAX = 2 * 1024 * 1024  # bytes; what a full list of who took part comes to
Kind = Literal["event", "working_group", "meeting", "mobility", "project"]


class ParticipantForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member that took part: `organisation_id`, or `member` (organisation number or exact name); `people`: how many.

    People themselves are not named: they are counted.
    """

    organisation_id: UUID | None = None
    member: str = ""
    people: int = 1


Participants = Annotated[list[ParticipantForm], Meta(max_length=actions.PARTICIPANTS_MAX)]


class ActivityBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An activity of a day. `others`: how many people came from elsewhere than members."""

    title: str
    on_day: date
    kind: Kind = "event"
    international: bool = False
    partner_countries: str = ""
    others: int = 0
    participants: Participants = []


class ActivityList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Activities that are told together."""

    activities: Annotated[list[ActivityBody], Meta(min_length=1, max_length=actions.TOGETHER_MAX)]


class ParticipantsForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who took part. `mode` set: they alone; add: beside those told before, the newer number of people counts."""

    participants: Participants
    mode: Literal["add", "set"] = "add"


class Participant(shapes.Answer, frozen=True):
    """A member that took part; `number`: its organisation number, empty where none is known."""

    organisation_id: UUID
    name: str
    number: str
    people: int


class Activity(shapes.Answer, frozen=True):
    """One. `people`: of members and from elsewhere together; `others`: only these."""

    id: UUID
    network: str
    kind: str
    title: str
    on_day: date
    international: bool
    partner_countries: str
    members: int
    people: int
    others: int


class ActivityDetail(Activity, frozen=True):
    """One with who took part, by name."""

    participants: list[Participant]


class ToldTogether(shapes.Answer, frozen=True):
    """What was told, in the order it was sent."""

    ids: list[UUID]


class ActivitiesQuery(Paging, frozen=True, rename={"first": "from", "before": "to"}):
    """All, or those of a kind, from a day until before another, or in which a member took part."""

    kind: Kind | None = None
    first: date | None = None
    before: Annotated[date, Meta(description="The first day that does not count.")] | None = None
    organisation_id: UUID | None = None


async def listing(call: Call[ActivitiesQuery, None]) -> shapes.Page[Activity]:
    query = call.query
    wanted = reads.Wanted(query.kind, query.first, query.before, query.organisation_id)
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await reads.after(connection, network.id, wanted, query.after, query.limit + 1)
    shown, cursor = paged(call, network, found)
    return shapes.Page([Activity(**_told(network.slug, each)) for each in shown], cursor, cursor is not None)


async def show(call: Call[Any, Any]) -> ActivityDetail:
    return await _one(call, call.id("activity_id"))


async def locked(call: Call[Any, Any], connection: Connection) -> str:
    """The ETag of the activity, while nobody else tells of the network."""
    await told.hold(connection, (await call.managed()).id)
    return tag(encoded(await show(call)))


async def add(call: Call[Nothing, ActivityBody]) -> ActivityDetail:
    network = await call.managed()
    return await _one(call, await actions.add(call.context, call.actor, network.id, _form(call.body)))


async def add_list(call: Call[Nothing, ActivityList]) -> ToldTogether:
    network = await call.managed()
    listed = enumerate(call.body.activities)
    asked = [(_form(each, f"activities.{place}."), f"activities.{place}.") for place, each in listed]
    return ToldTogether(await actions.add_many(call.context, call.actor, network.id, asked))


async def change(call: Call[Nothing, ActivityBody]) -> ActivityDetail:
    network, wanted = (await call.managed()).id, call.id("activity_id")
    await actions.change(call.context, call.actor, network, wanted, _form(call.body))
    return await show(call)


async def take_part(call: Call[Nothing, ParticipantsForm]) -> ActivityDetail:
    network, wanted = (await call.managed()).id, call.id("activity_id")
    came, keep = _came(call.body.participants), call.body.mode == "add"
    await actions.take_part(call.context, call.actor, network, wanted, came, keep)
    return await show(call)


async def withdraw(call: Call[Nothing, Any]) -> TakenBack:
    network, wanted = (await call.managed()).id, call.id("activity_id")
    await actions.withdraw(call.context, call.actor, network, wanted)
    return TakenBack(wanted)


async def restore(call: Call[Nothing, Any]) -> ActivityDetail:
    network, wanted = (await call.managed()).id, call.id("activity_id")
    await actions.restore(call.context, call.actor, network, wanted)
    return await show(call)


def _form(body: ActivityBody, at: str = "") -> ActivityForm:
    said = {name: getattr(body, name) for name in body.__struct_fields__ if name != "participants"}
    return ActivityForm(came=_came(body.participants, at), **said)


def _came(listed: list[ParticipantForm], at: str = "") -> tuple[Came, ...]:
    """Each as actions take it: a refusal names its place in the list, and its line from 1."""
    return tuple(
        Came(f"{at}participants.{place}", place + 1, " ".join(each.member.split()), each.organisation_id, each.people)
        for place, each in enumerate(listed)
    )


async def _one(call: Call[Any, Any], wanted: UUID) -> ActivityDetail:
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await reads.one(connection, network.id, wanted)
    if found is None:
        raise NotFound("activity_id", wanted)
    activity, came = found
    who = [Participant(each.organisation_id, each.name, each.number, each.people) for each in came]
    return ActivityDetail(**_told(network.slug, activity), participants=who)


def _told(slug: str, each: reads.Activity) -> dict[str, Any]:
    own = {name: getattr(each, name) for name in Activity.__struct_fields__ if name != "network"}
    return own | {"network": slug}


_EXAMPLE = {
    "title": "Autumn fair",
    "kind": "event",
    "on_day": "2026-10-01",
    "participants": [{"member": "974760673", "people": 3}],
    "others": 5,
}

operations = (
    Operation(
        id="list_activities",
        method="GET",
        path=PATH,
        tag=TAG,
        summary=N_("Activities of a network"),
        description=N_("Only for keys that manage the network; in the order they were told."),
        query=ActivitiesQuery,
        answer=shapes.Page[Activity],
        listing=True,
        run=listing,
    ),
    Operation(
        id="add_activity",
        method="POST",
        path=PATH,
        tag=TAG,
        summary=N_("Tell of an activity"),
        description=N_("With who took part: members, now or before. One that is unknown refuses all, by its place."),
        body=ActivityBody,
        answer=ActivityDetail,
        status=201,
        max_body=BODY_MAX,
        example=_EXAMPLE,
        run=add,
    ),
    Operation(
        id="add_activity_list",
        method="POST",
        path=LIST,
        tag=TAG,
        summary=N_("Tell of many activities at once"),
        description=N_("All of them or none: what is wrong is named as `activities.<n>.<field>`."),
        body=ActivityList,
        answer=ToldTogether,
        status=201,
        max_body=BODY_MAX,
        example={"activities": [_EXAMPLE]},
        run=add_list,
    ),
    Operation(
        id="show_activity",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("An activity with who took part"),
        answer=ActivityDetail,
        etag=True,
        run=show,
    ),
    Operation(
        id="change_activity",
        method="POST",
        path=ONE,
        tag=TAG,
        summary=N_("Tell an activity otherwise"),
        description=N_("All of it, who took part among that. What was told before stays known."),
        body=ActivityBody,
        answer=ActivityDetail,
        precondition=locked,
        max_body=BODY_MAX,
        example=_EXAMPLE,
        run=change,
    ),
    Operation(
        id="add_participants",
        method="POST",
        path=f"{ONE}/participants",
        tag=TAG,
        summary=N_("Tell who took part"),
        description=N_("A whole list or nothing: what is wrong is named as `participants.<n>`."),
        body=ParticipantsForm,
        answer=ActivityDetail,
        precondition=locked,
        max_body=BODY_MAX,
        example={"participants": [{"member": "974760673", "people": 3}], "mode": "add"},
        run=take_part,
    ),
    Operation(
        id="withdraw_activity",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("The activity was told by mistake"),
        description=N_("It can be brought back. Twice is once."),
        answer=TakenBack,
        run=withdraw,
    ),
    Operation(
        id="restore_activity",
        method="POST",
        path=f"{ONE}/restoration",
        tag=TAG,
        summary=N_("Bring the activity back"),
        answer=ActivityDetail,
        run=restore,
    ),
)
