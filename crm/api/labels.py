"""A network's labels and programmes, for programs that manage it."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from crm.actions import labels as actions
from crm.actions.labels import LabelForm
from crm.api import shapes
from crm.api.operations import Call, Nothing, Operation, encoded, tag
from crm.api.told import Paging, TakenBack, paged
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import labels as reads
from crm.store import told

TAG = N_("Labels and activities")
PATH = "/networks/{slug}/labels"
ONE = "/networks/{slug}/labels/{label_id}"
Standing = Literal["coming", "held", "expiring", "expired"]


class Label(shapes.Answer, frozen=True):
    """What the network holds. `ends_on` half-open, null for no end; `standing` today, `expiring` within six months."""

    id: UUID
    network: str
    kind: str
    name: str
    level: str
    issuer: str
    issued_on: date
    ends_on: date | None
    note: str
    standing: Standing
    recorded_by: str


class LabelsQuery(Paging, frozen=True):
    """All, or those of a kind, as they stand today, or that end before a day."""

    kind: Literal["label", "programme"] | None = None
    standing: Standing | None = None
    ends_before: Annotated[date, Meta(description="Has an end, and it is before this day.")] | None = None


async def listing(call: Call[LabelsQuery, None]) -> shapes.Page[Label]:
    query = call.query
    async with call.reading() as connection:
        network = await call.managed(connection)
        day, wanted = call.context.clock.today(network.zone), (query.kind, query.standing, query.ends_before)
        found = await reads.after(connection, network.id, day, wanted, query.after, query.limit + 1)
    shown, cursor = paged(call, network, found)
    return shapes.Page([_shown(network.slug, each) for each in shown], cursor, cursor is not None)


async def show(call: Call[Any, Any]) -> Label:
    wanted = call.id("label_id")
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await reads.one(connection, network.id, wanted, call.context.clock.today(network.zone))
    if found is None:
        raise NotFound("label_id", wanted)
    return _shown(network.slug, found)


async def locked(call: Call[Any, Any], connection: Connection) -> str:
    """The ETag of the label, while nobody else tells of the network."""
    await told.hold(connection, (await call.managed()).id)
    return tag(encoded(await show(call)))


async def add(call: Call[Nothing, LabelForm]) -> Label:
    network = await call.managed()
    new = await actions.add(call.context, call.actor, network.id, call.body)
    async with call.reading() as connection:
        found = await reads.one(connection, network.id, new, call.context.clock.today(network.zone))
    assert found is not None
    return _shown(network.slug, found)


async def change(call: Call[Nothing, LabelForm]) -> Label:
    network, wanted = (await call.managed()).id, call.id("label_id")
    await actions.change(call.context, call.actor, network, wanted, call.body)
    return await show(call)


async def withdraw(call: Call[Nothing, Any]) -> TakenBack:
    network, wanted = (await call.managed()).id, call.id("label_id")
    await actions.withdraw(call.context, call.actor, network, wanted)
    return TakenBack(wanted)


async def restore(call: Call[Nothing, Any]) -> Label:
    network, wanted = (await call.managed()).id, call.id("label_id")
    await actions.restore(call.context, call.actor, network, wanted)
    return await show(call)


def _shown(slug: str, each: reads.Label) -> Label:
    said = (each.kind, each.name, each.level, each.issuer, each.issued_on, each.expires_on, each.note)
    return Label(each.id, slug, *said, each.standing, each.recorded_by)


_EXAMPLE = {"name": "ESCA", "level": "Gold", "issuer": "EUCLES", "issued_on": "2025-03-01", "last_on": "2027-02-28"}

operations = (
    Operation(
        id="list_labels",
        method="GET",
        path=PATH,
        tag=TAG,
        summary=N_("Labels and programmes of a network"),
        description=N_("Only for keys that manage the network; in the order they were told."),
        query=LabelsQuery,
        answer=shapes.Page[Label],
        listing=True,
        run=listing,
    ),
    Operation(
        id="add_label",
        method="POST",
        path=PATH,
        tag=TAG,
        summary=N_("Tell of a label or programme"),
        description=N_("`kind`: label or programme. `last_on` is the last day it holds, null for no end."),
        body=LabelForm,
        answer=Label,
        status=201,
        example=_EXAMPLE,
        run=add,
    ),
    Operation(
        id="show_label",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("A label or programme"),
        answer=Label,
        etag=True,
        run=show,
    ),
    Operation(
        id="change_label",
        method="POST",
        path=ONE,
        tag=TAG,
        summary=N_("Tell it otherwise"),
        description=N_("All of it: what is left out is as for a new one. What was told before stays known."),
        body=LabelForm,
        answer=Label,
        precondition=locked,
        example=_EXAMPLE,
        run=change,
    ),
    Operation(
        id="withdraw_label",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("It was told by mistake"),
        description=N_("It can be brought back. Twice is once."),
        answer=TakenBack,
        run=withdraw,
    ),
    Operation(
        id="restore_label",
        method="POST",
        path=f"{ONE}/restoration",
        tag=TAG,
        summary=N_("Bring it back"),
        answer=Label,
        run=restore,
    ),
)
