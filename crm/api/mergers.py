"""Organisations merge, split and get other names; networks get other names. See first what follows; take it back."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import forms
from crm.actions import mergers as actions
from crm.actions import names as name_actions
from crm.actions.mergers import Choice, Merger, Split
from crm.actions.names import NetworkNames
from crm.api import answers, networks, organisations, shapes
from crm.api.applications import outcome
from crm.api.operations import Call, Nothing, Operation
from crm.forms import OrganisationForm
from crm.i18n import N_

TAG = N_("Organisations")
ONE = "/organisations/{organisation_id}"
TIER_MAX = 60
MOST_CHOICES = 50
Name = Annotated[str, Meta(min_length=1, max_length=forms.NAME_MAX)]
Reason = Annotated[str, Meta(max_length=forms.NOTE_MAX)]
Fate = Literal["move", "end"]


class MovedMembershipForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of one membership, and of the linked ones that follow from it; `tier` when it is to be another."""

    network: Annotated[str, Meta(min_length=1, max_length=60)]
    membership: Fate = "move"
    links: Fate = "move"
    tier: Annotated[str, Meta(max_length=TIER_MAX)] = ""


Choices = Annotated[list[MovedMembershipForm], Meta(max_length=MOST_CHOICES)]


class MergerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This organisation becomes part of `into` on a day; memberships that are not named move as they are."""

    into: UUID
    effective_on: date
    memberships: Choices = []
    reason: Reason = ""


class SplitForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `unit` of this organisation, or a part that is `new` in the register, stands alone from a day on."""

    effective_on: date
    unit: UUID | None = None
    new: OrganisationForm | None = None
    memberships: Choices = []
    reason: Reason = ""


class OrganisationNameForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name from a day on."""

    name: Name
    from_: date = msgspec.field(name="from")


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text in both languages."""

    nb: Name
    en: Name


class NetworkNameForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name from a day on; `short` stays as it is when it is left out."""

    names: Texts
    from_: date = msgspec.field(name="from")
    short: Texts | None = None


class Restructured(shapes.Answer, frozen=True):
    """A merger or split that was made; `id` is to take it back with, `organisation_id` has it all now."""

    id: UUID
    organisation_id: UUID
    memberships: list[shapes.Membership]
    invoices: list[shapes.Invoice]


def _merger(call: Call[Nothing, Any]) -> Merger:
    body: MergerForm = call.body
    return Merger(call.id("organisation_id"), body.into, body.effective_on, _choices(body.memberships), body.reason)


def _split(call: Call[Nothing, Any]) -> Split:
    body: SplitForm = call.body
    new = forms.organisation(body.new) if body.new else None
    chosen = _choices(body.memberships)
    return Split(call.id("organisation_id"), body.effective_on, body.unit, new, chosen, body.reason)


def _choices(listed: list[MovedMembershipForm]) -> tuple[Choice, ...]:
    return tuple(Choice(each.network, each.membership, each.links, each.tier) for each in listed)


async def preview_merger(call: Call[Nothing, Any]) -> shapes.Consequences:
    return await _shown(call, _merger(call))


async def preview_split(call: Call[Nothing, Any]) -> shapes.Consequences:
    return await _shown(call, _split(call))


async def _shown(call: Call[Nothing, Any], wanted: Merger | Split) -> shapes.Consequences:
    kept, found = await actions.preview(call.context, call.actor, wanted)
    async with call.reading() as connection:
        return await answers.consequences(call.t, kept, found, connection)


async def merge(call: Call[Nothing, Any]) -> Restructured:
    return await _told(call, await actions.make(call.context, call.actor, _merger(call)))


async def split(call: Call[Nothing, Any]) -> Restructured:
    return await _told(call, await actions.make(call.context, call.actor, _split(call)))


async def take_back(call: Call[Nothing, Any]) -> Restructured:
    return await _told(call, await actions.take_back(call.context, call.actor, call.id("merger_id")))


async def _told(call: Call[Nothing, Any], done: actions.Done) -> Restructured:
    memberships, invoices = await outcome(call, list(done.memberships), list(done.invoices))
    return Restructured(done.id, done.organisation, memberships, invoices)


async def name_organisation(call: Call[Nothing, Any]) -> shapes.Organisation:
    body: OrganisationNameForm = call.body
    wanted = call.id("organisation_id")
    await name_actions.rename_organisation(call.context, call.actor, wanted, body.name, body.from_)
    return await organisations.show(call)


async def name_network(call: Call[Nothing, Any]) -> shapes.Network:
    body: NetworkNameForm = call.body
    short = (body.short.nb, body.short.en) if body.short else ("", "")
    names = NetworkNames(body.names.nb, body.names.en, *short)
    await name_actions.rename_network(call.context, call.actor, call.slug(), names, body.from_)
    call.query = networks.NetworkWhen()
    return await networks.show_network(call)


_INTO = "0198f7a2-5d1e-7c37-9d61-0a53c9a4c1b0"
_MERGER = {"into": _INTO, "effective_on": "2027-01-01", "memberships": [{"network": "nora", "links": "end"}]}
_SPLIT = {"effective_on": "2027-01-01", "unit": _INTO, "memberships": [{"network": "nora"}]}
_NEW = ("name", "country", "employees", "founded_on", "website", "identifiers")
_RENAMES = {f"organisation.{field}": f"new.{field}" for field in _NEW} | {
    f"organisation.identifiers.{place}.value": f"new.identifiers.{place}.value"
    for place in range(forms.IDENTIFIERS_MAX)
}
_PREVIEW = N_("Computed by the rules that the change itself uses; nothing is stored.")

operations = (
    Operation(
        id="preview_merger",
        method="POST",
        path=f"{ONE}/mergers/preview",
        tag=TAG,
        summary=N_("What a merger would do"),
        description=_PREVIEW,
        body=MergerForm,
        answer=shapes.Consequences,
        example=_MERGER,
        missing=("organisation", "into", "network"),
        run=preview_merger,
    ),
    Operation(
        id="make_merger",
        method="POST",
        path=f"{ONE}/mergers",
        tag=TAG,
        summary=N_("Let an organisation become part of another"),
        description=N_(
            "Its memberships count for the other from that day, the higher level where both had one, and keep the"
            " earliest day of membership. Its own history stays, and its id leads to the other in `merged_into`."
        ),
        body=MergerForm,
        answer=Restructured,
        status=201,
        example=_MERGER,
        missing=("organisation", "into", "network"),
        run=merge,
    ),
    Operation(
        id="preview_split",
        method="POST",
        path=f"{ONE}/splits/preview",
        tag=TAG,
        summary=N_("What a split would do"),
        description=_PREVIEW,
        body=SplitForm,
        answer=shapes.Consequences,
        example=_SPLIT,
        renames=_RENAMES,
        missing=("organisation", "unit", "network"),
        run=preview_split,
    ),
    Operation(
        id="make_split",
        method="POST",
        path=f"{ONE}/splits",
        tag=TAG,
        summary=N_("Let a unit or a part stand alone"),
        description=N_("The memberships that are named go with it; the others stay."),
        body=SplitForm,
        answer=Restructured,
        status=201,
        example=_SPLIT,
        renames=_RENAMES,
        missing=("organisation", "unit", "network"),
        run=split,
    ),
    Operation(
        id="take_back_merger",
        method="DELETE",
        path="/mergers/{merger_id}",
        tag=TAG,
        summary=N_("Take back a merger or a split"),
        description=N_("Every membership is again what it would be without it; the history keeps both."),
        answer=Restructured,
        missing=("merger", "organisation"),
        run=take_back,
    ),
    Operation(
        id="name_organisation",
        method="POST",
        path=f"{ONE}/names",
        tag=TAG,
        summary=N_("Another name from a day on"),
        description=N_("Older names are in `former_names`; the id never changes."),
        body=OrganisationNameForm,
        answer=shapes.Organisation,
        status=201,
        example={"name": "Equinor ASA", "from": "2018-05-16"},
        missing=("organisation",),
        run=name_organisation,
    ),
    Operation(
        id="name_network",
        method="POST",
        path="/networks/{slug}/names",
        tag=networks.TAG,
        summary=N_("Another name for a network from a day on"),
        description=N_("Older names are in `former_names`; the slug never changes."),
        body=NetworkNameForm,
        answer=shapes.Network,
        status=201,
        example={"names": {"nb": "CAIRNE", "en": "CAIRNE"}, "from": "2025-01-01"},
        missing=("network",),
        run=name_network,
    ),
)
