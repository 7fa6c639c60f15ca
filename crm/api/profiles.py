"""What is told of an organisation, changed from a day: see first what follows, do it, take it back."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cluster_rules.organisations import Kind
from crm import fact_words, forms
from crm.actions import profiles as actions
from crm.api import answers, organisations, shapes, sizes
from crm.api.applications import outcome
from crm.api.operations import Call, Nothing, Operation, encoded, tag
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import organisations as organisation_reads
from crm.reads import profiles as reads
from crm.store import families
from crm.words import refusal

TAG = N_("Organisations")
ONE = "/organisations/{organisation_id}"
Short = Annotated[str, Meta(max_length=forms.SHORT_MAX)]


class ProfileForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts that are others from `effective_on`; what is left out stays. `parent` null: no unit any more."""

    effective_on: date
    country: Annotated[str, Meta(min_length=2, max_length=2)] | UnsetType = UNSET
    kind: Kind | UnsetType = UNSET
    municipality: Short | UnsetType = UNSET
    county: Short | UnsetType = UNSET
    employees: Annotated[int, Meta(ge=0, le=forms.EMPLOYEES_MAX)] | UnsetType | None = UNSET
    founded_on: date | UnsetType | None = UNSET
    website: Annotated[str, Meta(max_length=forms.URL_MAX)] | UnsetType = UNSET
    parent: UUID | UnsetType | None = UNSET
    reason: Annotated[str, Meta(max_length=forms.NOTE_MAX)] = ""


class Fact(shapes.Answer, frozen=True):
    """One fact that changed, in words."""

    fact: str
    label: str
    old: str
    new: str


class ProfileReview(shapes.Answer, frozen=True):
    """A membership that goes to review: `rule` is what its level asks and the organisation is not any more."""

    network: str
    tier: str
    rule: str
    message: str


class ProfilePreview(shapes.Answer, frozen=True):
    """What a change of facts would do: by rule, to the fees of the next whole year, and to the work lists."""

    words: list[str]
    consequences: list[shapes.Consequence]
    fees: list[sizes.FeeChange]
    reviews: list[ProfileReview]


class ProfileChanged(shapes.Answer, frozen=True):
    """A change that was made; `id` is to take it back with."""

    id: UUID
    organisation_id: UUID
    memberships: list[shapes.Membership]
    invoices: list[shapes.Invoice]
    fees: list[sizes.FeeChange]
    reviews: list[ProfileReview]


class ProfileChange(shapes.Answer, frozen=True):
    """A change as it was told; `withdrawn_at` when it was taken back."""

    id: UUID
    effective_on: date
    facts: list[Fact]
    reason: str
    actor: str
    recorded_at: str
    withdrawn_at: str | None


def _form(call: Call[Nothing, Any]) -> actions.ProfileForm:
    return actions.ProfileForm(**msgspec.structs.asdict(call.body))


async def locked(call: Call[Nothing, Any], connection: Connection) -> str:
    """The ETag of the organisation, with its family locked."""
    wanted = call.id("organisation_id")
    await families.lock(connection, wanted)
    return tag(encoded(await organisations.show(call)))


async def preview(call: Call[Nothing, Any]) -> ProfilePreview:
    seen = await actions.preview(call.context, call.actor, call.id("organisation_id"), _form(call))
    async with call.reading() as connection:
        found = await answers.consequences(call.t, seen.kept, seen.consequences, connection)
    return ProfilePreview(found.words, found.consequences, sizes.told(list(seen.fees)), _reviews(call, seen))


async def change(call: Call[Nothing, Any]) -> ProfileChanged:
    return await _told(call, await actions.make(call.context, call.actor, call.id("organisation_id"), _form(call)))


async def take_back(call: Call[Nothing, Any]) -> ProfileChanged:
    return await _told(call, await actions.take_back(call.context, call.actor, call.id("change_id")))


async def list_changes(call: Call[Nothing, Any]) -> shapes.Page[ProfileChange]:
    wanted = call.id("organisation_id")
    today = call.context.clock.now().date()
    async with call.reading() as connection:
        if await organisation_reads.one(connection, wanted, today, bool(call.actor.manages)) is None:
            raise NotFound("organisation_id", wanted)
        rows = await reads.changes(connection, wanted)
        parents = {one for row in rows for one in fact_words.parents(row.facts)}
        named = await organisation_reads.names(connection, parents)
    items = []
    for row in rows:
        facts = [Fact(**each) for each in fact_words.shown(call.t, row.facts, named)]
        undone = row.withdrawn_at.isoformat() if row.withdrawn_at else None
        recorded = row.recorded_at.isoformat()
        items.append(ProfileChange(row.id, row.effective_on, facts, row.reason, row.actor, recorded, undone))
    return shapes.Page(items, None, False)


async def _told(call: Call[Nothing, Any], done: actions.Done) -> ProfileChanged:
    memberships, invoices = await outcome(call, list(done.memberships), list(done.invoices))
    fees, reviews = sizes.told(list(done.seen.fees)), _reviews(call, done.seen)
    return ProfileChanged(done.id, done.organisation, memberships, invoices, fees, reviews)


def _reviews(call: Call[Nothing, Any], seen: actions.Seen) -> list[ProfileReview]:
    out = []
    for each in seen.reviews:
        message = refusal(call.t, seen.kept, each.reason, each.detail)
        out.append(ProfileReview(each.network, each.tier, each.reason, message))
    return out


_MOVE = {"effective_on": "2027-01-01", "country": "SE", "municipality": "Göteborg", "reason": "Moved its seat"}

operations = (
    Operation(
        id="preview_profile",
        method="POST",
        path=f"{ONE}/profiles/preview",
        tag=TAG,
        summary=N_("What other facts would change"),
        description=N_("Computed by the rules that the change itself uses; nothing is stored."),
        body=ProfileForm,
        answer=ProfilePreview,
        example=_MOVE,
        missing=("organisation", "parent"),
        run=preview,
    ),
    Operation(
        id="change_profile",
        method="POST",
        path=f"{ONE}/profiles",
        tag=TAG,
        summary=N_("Change what is told of an organisation, from a day on"),
        description=N_(
            "It moves, becomes a public body, gets another parent: links start and end by their rules, levels that do"
            " not fit any more go to review or end, as their rulebook says. History stays, and so does what was billed."
        ),
        body=ProfileForm,
        answer=ProfileChanged,
        status=201,
        precondition=locked,
        example=_MOVE,
        missing=("organisation", "parent"),
        run=change,
    ),
    Operation(
        id="list_profile_changes",
        method="GET",
        path=f"{ONE}/profiles",
        tag=TAG,
        summary=N_("Changes of what is told of an organisation"),
        answer=shapes.Page[ProfileChange],
        listing=True,
        run=list_changes,
    ),
    Operation(
        id="take_back_profile",
        method="DELETE",
        path="/profile-changes/{change_id}",
        tag=TAG,
        summary=N_("Take back a change of facts"),
        description=N_("The facts are what they were, and so is what follows from them; the history keeps both."),
        answer=ProfileChanged,
        missing=("change", "organisation"),
        run=take_back,
    ),
)
