"""Many differences from the register answered with one word: looked at first, done row by row, taken back row by row.

What taking over would do is computed by doing it, and taking that back; what is done then must be what was seen, fees
above all, or the row stays as it is. Who ends by the register's word is decided about one by one, never here.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.register import FACTS
from crm import catalogue, faults, forms
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid, NotFound, Refused
from crm.register_shapes import Bulk, Deed, Looked, Row
from crm.store import audit, register, register_bulks, reviews
from crm.store.register_bulks import Wish

AT_A_TIME = 20
UNDONE = FACTS - {"register_name"}  # what a change of facts tells can be taken back


class Deeds(msgspec.Struct, frozen=True):
    """Use cases for one difference, given by whoever runs the job: `register_differences.take_over`, and
    `profiles.tell` and `profiles.take_back` for the change of facts that it becomes."""

    take_over: Callable[..., Awaitable[Any]]
    tell: Callable[..., Awaitable[Any]]
    take_back: Callable[..., Awaitable[Any]]


class _OnlyLooked(Exception):
    """Nobody wanted it done yet."""


async def begin(
    context: Context,
    actor: Actor,
    slug: str,
    deed: Deed,
    reason: str,
    reviews: Sequence[UUID] | None,
    token: UUID,
    on: date | None = None,
    note: str = "",
) -> UUID:
    """Answer these differences of one kind (None: all of it) together. Keeping begins at once; taking over is looked at
    by a job first, and waits for `confirm`. The same token is the same answer.

    NotFound, Forbidden; Invalid for the note; Refused `register_one_by_one`, `selection_empty`.
    """
    if reason not in FACTS:
        raise Refused("register_one_by_one", "kind")
    problems: forms.Problems = []
    forms.text(problems, "note", note, forms.NOTE_MAX, required=deed == "keep")
    if problems:
        raise Invalid(problems)
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        if slug not in kept.by_slug:
            raise NotFound("network", slug)
        network = kept.by_slug[slug]
        actor.must_manage(network.id)
        if made := await register_bulks.of_token(connection, network.id, token):
            return made
        wish = Wish(deed, reason, on or context.clock.today(network.zone), note.strip())
        made = await register_bulks.begin(connection, network.id, actor, wish, reviews, token, context.clock.now())
        if deed == "keep":
            await _audit(connection, actor, await register_bulks.lock(connection, made), "register_bulk_begun")
        return made


async def confirm(context: Context, actor: Actor, wanted: UUID) -> None:
    """Do what was looked at. Repeating is harmless. NotFound, Forbidden, Refused `register_bulk_status`."""
    async with context.db.tx() as connection:
        bulk = await _own(connection, actor, wanted)
        if bulk.status in ("doing", "done"):
            return
        if bulk.status != "looked":
            raise Refused("register_bulk_status", "status", given=bulk.status)
        await register_bulks.go_on(connection, wanted, "doing", context.clock.now())
        await _audit(connection, actor, bulk, "register_bulk_begun")


async def drop(context: Context, actor: Actor, wanted: UUID) -> None:
    """It is not to be done. Repeating is harmless. NotFound, Forbidden, Refused `register_bulk_status`."""
    async with context.db.tx() as connection:
        bulk = await _own(connection, actor, wanted)
        if bulk.status == "dropped":
            return
        if bulk.status not in ("looking", "looked"):
            raise Refused("register_bulk_status", "status", given=bulk.status)
        await register_bulks.drop(connection, wanted, context.clock.now())


async def undo(context: Context, actor: Actor, wanted: UUID) -> None:
    """Take the values back, row by row, where nothing newer stands. Repeating is harmless. NotFound, Forbidden,
    Refused `register_bulk_status`, `bulk_not_undoable`: names, and what was kept."""
    async with context.db.tx() as connection:
        bulk = await _own(connection, actor, wanted)
        if bulk.status in ("undoing", "undone"):
            return
        if bulk.deed == "keep" or bulk.reason not in UNDONE:
            raise Refused("bulk_not_undoable", "status")
        if bulk.status != "done":
            raise Refused("register_bulk_status", "status", given=bulk.status)
        await register_bulks.go_on(connection, wanted, "undoing", context.clock.now())
        await _audit(connection, actor, bulk, "register_bulk_undone")


async def settle(context: Context, wanted: UUID, deeds: Deeds) -> None:
    """The job: the step that it is at, batch by batch, each in one transaction; begun again it goes on."""
    going = True
    while going:
        async with context.db.tx() as connection:
            bulk = await register_bulks.lock(connection, wanted)
            if bulk.status not in _STEPS:
                return
            step, after = _STEPS[bulk.status]
            listed = await register_bulks.following(connection, bulk, AT_A_TIME)
            if not listed:
                await register_bulks.over(connection, wanted, after, context.clock.now())
            else:
                rows = [await step(context, bulk, each, deeds) for each in listed]
                await register_bulks.settle(connection, wanted, rows)
                faults.point("register_bulk_rows")
            going = bool(listed)


async def _look(context: Context, bulk: Bulk, row: Row, deeds: Deeds) -> Row:
    looked: Looked | None = None
    try:
        with suppress(_OnlyLooked):
            async with context.db.tx():
                looked = (await _take(context, bulk, row, deeds)).looked
                raise _OnlyLooked
    except (RuleViolation, Invalid, NotFound) as why:
        return _refused(row, why)
    return msgspec.structs.replace(row, looked=looked)


async def _do(context: Context, bulk: Bulk, row: Row, deeds: Deeds) -> Row:
    if bulk.deed == "keep":
        return await _keep(context, bulk, row)
    try:
        async with context.db.tx():
            taken = await _take(context, bulk, row, deeds)
            if bulk.by_rule and not taken.looked.quiet:
                raise Refused("register_not_quiet", "status")
            if row.looked and row.looked.fees != taken.looked.fees:
                raise Refused("register_fees_moved", "status")
    except (RuleViolation, Invalid, NotFound) as why:
        return _refused(row, why)
    return msgspec.structs.replace(row, looked=taken.looked, outcome="changed", change_id=taken.change)


async def _keep(context: Context, bulk: Bulk, row: Row) -> Row:
    async with context.db.tx() as connection:
        found = await register.difference(connection, row.review_id)
        said = found.detail
        looked = Looked(said.get("ours"), said.get("register"))
        actor = _actor(bulk)
        if not await reviews.keep(connection, row.review_id, None, bulk.note, actor):
            return _refused(row, Refused("register_closed", "review_id"))
        detail = {"until": None, "note": bulk.note, "bulk": str(bulk.id)}
        await audit.append(
            connection, actor, "review_kept", detail, bulk.network_id, row.organisation_id, row.review_id
        )
    return msgspec.structs.replace(row, looked=looked, outcome="changed")


async def _take_back(context: Context, bulk: Bulk, row: Row, deeds: Deeds) -> Row:
    try:
        async with context.db.tx():
            await deeds.take_back(context, _actor(bulk), row.change_id)
    except (RuleViolation, NotFound) as why:
        return msgspec.structs.replace(row, outcome="stays", problem=_problem(why))
    return msgspec.structs.replace(row, outcome="undone")


_STEPS: dict[str, tuple[Callable[..., Awaitable[Row]], Any]] = {
    "looking": (_look, "looked"),
    "doing": (_do, "done"),
    "undoing": (_take_back, "undone"),
}


async def _take(context: Context, bulk: Bulk, row: Row, deeds: Deeds) -> Any:
    return await deeds.take_over(
        context, _actor(bulk), row.review_id, deeds.tell, on=bulk.starts_on, note=bulk.note, bulk=bulk.id
    )


def _actor(bulk: Bulk) -> Actor:
    """Who wants it, with the networks managed then."""
    manages = frozenset((*bulk.manages, bulk.network_id))
    return Actor(bulk.actor, bulk.channel, manages=manages, id=bulk.actor_id)  # type: ignore[arg-type]


def _refused(row: Row, why: Exception) -> Row:
    problem = _problem(why)
    outcome = "closed" if problem["rule"] == "register_closed" else "failed"
    return msgspec.structs.replace(row, outcome=outcome, problem=problem)


def _problem(why: Exception) -> dict[str, Any]:
    if isinstance(why, RuleViolation):
        return {"rule": why.code, "values": {name: str(value) for name, value in why.params.items()}}
    if isinstance(why, Invalid):
        _, code, values = why.problems[0]
        return {"rule": code, "values": {name: str(value) for name, value in values.items()}}
    return {"rule": "register_closed", "values": {}}


async def _own(connection: Any, actor: Actor, wanted: UUID) -> Bulk:
    bulk = await register_bulks.lock(connection, wanted)
    if bulk.network_id not in actor.sees:
        raise NotFound("bulk_id", wanted)
    actor.must_manage(bulk.network_id)
    return bulk


async def _audit(connection: Any, actor: Actor, bulk: Bulk, action: str) -> None:
    detail = {"deed": bulk.deed, "kind": bulk.reason, "rows": bulk.total, "note": bulk.note}
    await audit.append(connection, actor, action, detail, bulk.network_id, None, bulk.id)
