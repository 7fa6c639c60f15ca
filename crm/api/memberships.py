"""Change a membership: another level, an end, a suspension, an event. See first what follows; take it back."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import memberships as actions
from crm.actions.memberships import Change
from crm.api import answers, shapes
from crm.api.applications import outcome
from crm.api.operations import Call, Nothing, Operation, encoded, tag
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import N_, TIME_ZONE
from crm.reads import memberships
from crm.store import decisions, families

TAG = N_("Memberships")
ONE = "/memberships/{membership_id}"
TIER_MAX = 60
Reason = Annotated[str, Meta(max_length=forms.NOTE_MAX)]


class TierChangeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another level from a day on."""

    tier: Annotated[str, Meta(min_length=1, max_length=TIER_MAX)]
    effective_on: date

    def change(self) -> Change:
        """As the action takes it."""
        return Change("tier_change", self.effective_on, tier=self.tier)


class EndingForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The end; `effective_on` is the first day without membership."""

    effective_on: date
    reason: Reason = ""

    def change(self) -> Change:
        """As the action takes it."""
        return Change("ending", self.effective_on, reason=self.reason)


class SuspensionForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pause; `until` is the first day after it, null while nobody knows."""

    from_: date = msgspec.field(name="from")
    reason: Reason = ""
    until: date | None = None

    def change(self) -> Change:
        """As the action takes it."""
        return Change("suspension", self.from_, reason=self.reason, until=self.until)


class EventForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that happened and that the level reacts to; `until` is its own end (the first day after it)."""

    event: Annotated[str, Meta(min_length=1, max_length=TIER_MAX)]
    effective_on: date
    until: date | None = None
    reason: Reason = ""

    def change(self) -> Change:
        """As the action takes it."""
        return Change("event", self.effective_on, reason=self.reason, until=self.until, event=self.event)


async def show(call: Call[Nothing, Any]) -> shapes.Membership:
    wanted = call.id("membership_id")
    async with call.reading() as connection:
        kept = await call.kept(connection)
        rows = await memberships.some(connection, kept, call.context.clock, [wanted])
    if not rows:
        raise NotFound("membership_id", wanted)
    return answers.membership(call.t, kept, rows[0])


async def locked(call: Call[Nothing, Any], connection: Connection) -> str:
    """Hold the family until the transaction ends, and tell the membership's ETag."""
    kept = await call.kept(connection)
    organisation, _ = await decisions.membership(connection, kept, call.id("membership_id"))
    await families.lock(connection, organisation)
    return tag(encoded(await show(call)))


async def preview(call: Call[Nothing, Any]) -> shapes.Consequences:
    kept, found = await actions.preview(call.context, call.actor, call.id("membership_id"), call.body.change())
    async with call.reading() as connection:
        return await answers.consequences(call.t, kept, found, connection)


async def make(call: Call[Nothing, Any]) -> shapes.Changed:
    made = await actions.make(call.context, call.actor, call.id("membership_id"), call.body.change())
    return await _changed(call, made)


async def _changed(call: Call[Nothing, Any], made: actions.Changed) -> shapes.Changed:
    shown = await outcome(call, list(made.memberships), list(made.invoices))
    return shapes.Changed(made.decision, *shown)


def _take_back(kind: str) -> Callable[[Call[Nothing, Any]], Any]:
    """Take back one decision of this kind; the address must name the right kind."""

    async def take_back(call: Call[Nothing, Any]) -> shapes.Changed:
        membership, decision = call.id("membership_id"), call.id("decision_id")
        await _must_be(call, membership, decision, kind)
        return await _changed(call, await actions.take_back(call.context, call.actor, membership, decision))

    return take_back


async def _must_be(call: Call[Nothing, Any], membership: UUID, decision: UUID, kind: str) -> None:
    async with call.reading() as connection:
        stored = await memberships.decision_kind(connection, membership, decision)
    if stored != kind:
        raise NotFound("decision_id", decision)


async def lift(call: Call[Nothing, Any]) -> shapes.Changed:
    """Take back the suspension that is in force, or the next one."""
    membership = call.id("membership_id")
    today = call.context.clock.now().astimezone(TIME_ZONE).date()
    async with call.reading() as connection:
        decision = await memberships.open_suspension(connection, membership, today)
    if decision is None:
        raise NotFound("suspension", membership)
    return await _changed(call, await actions.take_back(call.context, call.actor, membership, decision))


def _family(
    noun: str,
    kind: str,
    form: type[msgspec.Struct],
    said: tuple[str, str, str],
    example: dict[str, Any],
    renames: dict[str, str],
) -> tuple[Operation, ...]:
    """The three calls every kind of change has: preview, make, take back; `said` has their summaries."""
    path = f"{ONE}/{noun}"
    common: dict[str, Any] = {"tag": TAG, "precondition": locked, "renames": renames}
    return (
        Operation(
            id=f"preview_{kind}",
            method="POST",
            path=f"{path}/preview",
            summary=said[0],
            description=N_("Computed by the rules that the change itself uses; nothing is stored."),
            body=form,
            answer=shapes.Consequences,
            example=example,
            run=preview,
            **common,
        ),
        Operation(
            id=f"make_{kind}",
            method="POST",
            path=path,
            summary=said[1],
            description=N_(
                "The change and everything that follows from it, linked memberships too, in one transaction."
            ),
            body=form,
            answer=shapes.Changed,
            status=201,
            example=example,
            run=make,
            **common,
        ),
        Operation(
            id=f"take_back_{kind}",
            method="DELETE",
            path=f"{path}/{{decision_id}}",
            summary=said[2],
            description=N_("What followed from the decision is undone; the history keeps both."),
            answer=shapes.Changed,
            run=_take_back(kind),
            **common,
        ),
    )


operations = (
    Operation(
        id="show_membership",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("One membership, and why"),
        answer=shapes.Membership,
        etag=True,
        run=show,
    ),
    *_family(
        "tier-changes",
        "tier_change",
        TierChangeForm,
        (N_("What a change of level would do"), N_("Change the level"), N_("Take back a change of level")),
        {"tier": "partner", "effective_on": "2028-01-01"},
        {},
    ),
    *_family(
        "endings",
        "ending",
        EndingForm,
        (N_("What an end would do"), N_("End a membership"), N_("Take back an end")),
        {"effective_on": "2028-01-01", "reason": "Merged with another company"},
        {},
    ),
    *_family(
        "suspensions",
        "suspension",
        SuspensionForm,
        (N_("What a suspension would do"), N_("Suspend a membership"), N_("Take back a suspension")),
        {"from": "2027-06-01", "reason": "Unpaid since March"},
        {"effective_on": "from"},
    ),
    *_family(
        "events",
        "event",
        EventForm,
        (N_("What an event would do"), N_("Record an event"), N_("Take back an event")),
        {"event": "grant_awarded", "effective_on": "2027-06-01", "until": "2030-01-01", "reason": "Awarded in call 2"},
        {},
    ),
    Operation(
        id="lift_suspension",
        method="DELETE",
        path=f"{ONE}/suspensions",
        tag=TAG,
        summary=N_("Lift the suspension in force, or the next one"),
        answer=shapes.Changed,
        precondition=locked,
        missing=("suspension",),
        run=lift,
    ),
)
