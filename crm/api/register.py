"""The register of legal entities: files that were read, what it says otherwise of members, taking its word over."""

import re
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms, register_words, words
from crm.actions import profiles, register_differences
from crm.api import answers, edge, shapes, sizes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import Forbidden, NotFound
from crm.i18n import N_
from crm.reads import register as reads

TAG = N_("Register")
ONE = "/register-differences/{review_id}"
_NUMBER = re.compile("[0-9]{9}")


class RegisterRead(shapes.Answer, frozen=True):
    """A file that was read. `counts`: units in it, our numbers, those found and unknown, units known now, differences
    opened (also by reason) and settled."""

    id: UUID
    name: str
    format: str
    as_of: date
    part: bool
    counts: dict[str, int]
    read_by: str
    read_at: datetime


class RegisterDifference(shapes.Answer, frozen=True):
    """One thing the register says otherwise of a member; closed once it is answered. `ours` and `register` are values,
    null where there is none; `facts` what taking over tells, by name, and empty where it is a decision."""

    id: UUID
    membership_id: UUID
    organisation_id: UUID
    organisation: str
    number: str
    network: str
    tier: str
    reason: str
    words: str
    ours: str | int | None
    register: str | int | None
    as_of: date | None
    opened_at: datetime
    closed: bool


class RegisterUnit(shapes.Answer, frozen=True):
    """What the register says of an organisation number, as of a day."""

    number: str
    name: str
    form: str
    employees: int | None
    municipality: str
    county: str
    country: str
    nace: list[str]
    website: str
    founded_on: date | None
    bankrupt: bool
    liquidation: bool
    dissolution: bool
    deleted_on: date | None
    as_of: date


class RegisterPreview(shapes.Answer, frozen=True):
    """What taking the register's word over would do: by rule, and to the fees of the next whole year."""

    facts: dict[str, str | int | None]
    words: list[str]
    consequences: list[shapes.Consequence]
    fees: list[sizes.FeeChange]


class TakeOverForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The day from which it is so (null: today); `name` how a new name is written."""

    effective_on: date | None = None
    name: Annotated[str, Meta(max_length=forms.NAME_MAX)] = ""


class DifferencePaging(msgspec.Struct, frozen=True):
    """The list is in the order of ids; `cursor` is the last id that was given."""

    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=36, description="From `next_cursor`; opaque.")] | None = None


async def list_reads(call: Call[Nothing, None]) -> shapes.Page[RegisterRead]:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await call.managed(connection)
        rows = await reads.of_host(connection, network.host_id)
    return shapes.Page([_read(row) for row in rows], None, False)


async def show_unit(call: Call[Nothing, None]) -> RegisterUnit:
    if not call.actor.manages:
        raise Forbidden
    number = call.text("number")
    if not _NUMBER.fullmatch(number):
        raise NotFound("number", number)
    async with call.reading() as connection:
        known = await reads.by_number(connection, number)
    if known is None or not known.unit.known:
        raise NotFound("number", number)
    unit = known.unit
    told = {name: getattr(unit, name) for name in RegisterUnit.__struct_fields__ if name not in ("as_of", "nace")}
    return RegisterUnit(**told, nace=list(unit.nace), as_of=known.as_of)


async def waiting(call: Call[DifferencePaging, None]) -> shapes.Page[RegisterDifference]:
    after = edge.cursor_id(call.query.cursor) or reads.FIRST
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        network = await call.managed(connection)
        rows = await reads.differences(connection, [network.id], after, call.query.limit + 1)
    shown = rows[: call.query.limit]
    cursor = str(shown[-1].id) if len(rows) > len(shown) else None
    if cursor:
        address = call.operation.path.replace("{slug}", network.slug)
        call.headers["link"] = edge.next_link(f"{PREFIX}{address}", {"limit": call.query.limit, "cursor": cursor})
    return shapes.Page([_shown(call, kept, row) for row in shown], cursor, cursor is not None)


async def show(call: Call[Nothing, Any]) -> RegisterDifference:
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        row = await _one(call, connection)
    return _shown(call, kept, row)


async def preview(call: Call[Nothing, TakeOverForm]) -> RegisterPreview:
    await show(call)
    offered = await register_differences.offered(call.context, call.actor, call.id("review_id"))
    kept = await call.kept()
    today = call.context.clock.today(kept.by_id[offered.network_id].zone)
    facts = dict(offered.facts)
    if "name" in facts or not facts:
        return RegisterPreview(facts | ({"name": call.body.name} if call.body.name and facts else {}), [], [], [])
    form = profiles.of_values(facts, call.body.effective_on or today, offered.source)
    seen = await profiles.preview(call.context, call.actor, offered.organisation_id, form)
    async with call.reading() as connection:
        found = await answers.consequences(call.t, seen.kept, seen.consequences, connection)
    return RegisterPreview(facts, found.words, found.consequences, sizes.told(list(seen.fees)))


async def take_over(call: Call[Nothing, TakeOverForm]) -> RegisterDifference:
    await show(call)
    body, wanted = call.body, call.id("review_id")
    await register_differences.take_over(call.context, call.actor, wanted, profiles.tell, body.name, body.effective_on)
    return await show(call)


async def _one(call: Call[Any, Any], connection: Connection) -> reads.Difference:
    wanted = call.id("review_id")
    row = await reads.one(connection, wanted)
    if row is None:
        raise NotFound("review_id", wanted)
    return row


def _read(row: Any) -> RegisterRead:
    return RegisterRead(row.id, row.name, row.format, row.as_of, row.part, row.counts, row.read_by, row.read_at)


def _shown(call: Call[Any, Any], kept: Catalogue, row: reads.Difference) -> RegisterDifference:
    return RegisterDifference(
        row.id,
        row.membership_id,
        row.organisation_id,
        row.organisation,
        row.number,
        kept.by_id[row.network_id].slug,
        row.tier,
        row.reason,
        words.refusal(call.t, kept, row.reason, register_words.values(row.detail)),
        row.detail.get("ours"),
        row.detail.get("register"),
        row.as_of,
        row.opened_at,
        row.closed_at is not None,
    )


operations = (
    Operation(
        id="list_register_reads",
        method="GET",
        path="/networks/{slug}/register-reads",
        tag=TAG,
        summary=N_("Files of the register that were read"),
        description=N_("For the network's host, the newest first."),
        answer=shapes.Page[RegisterRead],
        listing=True,
        run=list_reads,
    ),
    Operation(
        id="list_register_differences",
        method="GET",
        path="/networks/{slug}/register-differences",
        tag=TAG,
        summary=N_("What the register says otherwise"),
        description=N_(
            "What waits for an answer: take the value over, keep ours (keeping of the review with this id), or decide "
            "about the membership."
        ),
        query=DifferencePaging,
        answer=shapes.Page[RegisterDifference],
        listing=True,
        run=waiting,
    ),
    Operation(
        id="show_register_difference",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("One thing the register says otherwise"),
        answer=RegisterDifference,
        run=show,
    ),
    Operation(
        id="preview_register_value",
        method="POST",
        path=f"{ONE}/preview",
        tag=TAG,
        summary=N_("What taking over the register's value would do"),
        description=N_("Computed by doing it and taking that back; nothing is stored."),
        body=TakeOverForm,
        answer=RegisterPreview,
        missing=("review",),
        example={"effective_on": "2026-11-22"},
        run=preview,
    ),
    Operation(
        id="take_over_register_value",
        method="POST",
        path=f"{ONE}/take-over",
        tag=TAG,
        summary=N_("Take over the register's value"),
        description=N_(
            "A headcount, a name or a place, from a day on, with everything that follows by rule; in the audit trail "
            "with the register as its source. What was billed stays."
        ),
        body=TakeOverForm,
        answer=RegisterDifference,
        missing=("review",),
        example={"effective_on": "2026-11-22"},
        run=take_over,
    ),
    Operation(
        id="show_register_unit",
        method="GET",
        path="/register-units/{number}",
        tag=TAG,
        summary=N_("What the register says of an organisation number"),
        description=N_("As far as a file that was read had it; for keys that manage a network."),
        answer=RegisterUnit,
        run=show_unit,
    ),
)
