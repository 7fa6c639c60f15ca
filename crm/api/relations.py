"""How an organisation stands to others: its role in a network, who owns it, for whom a person works."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from cluster_rules.errors import RuleViolation
from cluster_rules.organisations import Role
from cluster_rules.periods import Period
from crm import forms
from crm.actions import relations as actions
from crm.api import organisations, shapes, sizes
from crm.api.operations import Call, Nothing, Operation
from crm.i18n import N_
from crm.reads import relations as reads

TAG = N_("Organisations")
ONE = "/organisations/{organisation_id}"
Source = Annotated[str, Meta(max_length=forms.NAME_MAX)]


class RoleForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role in a network, such as core, initiator or award_winner; days half-open, `source` says who says so."""

    network: Annotated[str, Meta(min_length=1, max_length=60)]
    role: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,59}$")]
    starts_on: date
    ends_on: date | None = None
    source: Source = ""


class OwnerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the company that owns it is, from a day on; empty: nobody owns it."""

    country: Annotated[str, Meta(max_length=2)]
    as_of: date
    source: Source = ""


class EmployerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For whom a person works."""

    employer: UUID
    since: date | None = None


class Until(msgspec.Struct, frozen=True):
    """When a role ends."""

    ends_on: Annotated[date, Meta(description="The first day without it; left out, it was told wrongly.")] | None = None


class RoleGiven(shapes.Answer, frozen=True):
    """What was recorded, with the fees to come that it changes. `id` is null when nothing is left of the role."""

    id: UUID | None
    fees: list[sizes.FeeChange]


class HeldRole(shapes.Answer, frozen=True):
    """A role as it stands."""

    id: UUID
    network: str
    role: str
    starts_on: date
    ends_on: date | None
    source: str


def _role(body: RoleForm) -> Role:
    if body.ends_on is not None and body.ends_on <= body.starts_on:
        raise RuleViolation("period_empty", "ends_on", starts_on=body.starts_on, ends_on=body.ends_on)
    return Role(body.network, body.role, Period(body.starts_on, body.ends_on))


async def preview_role(call: Call[Nothing, RoleForm]) -> sizes.FeeChanges:
    wanted = call.id("organisation_id")
    found = await actions.give_role(call.context, call.actor, wanted, _role(call.body), call.body.source, look=True)
    return sizes.FeeChanges(sizes.told(list(found.fees)))


async def give_role(call: Call[Nothing, RoleForm]) -> RoleGiven:
    wanted = call.id("organisation_id")
    return _given(await actions.give_role(call.context, call.actor, wanted, _role(call.body), call.body.source))


async def end_role(call: Call[Until, None]) -> RoleGiven:
    wanted, role = call.id("organisation_id"), call.id("role_id")
    return _given(await actions.end_role(call.context, call.actor, wanted, role, call.query.ends_on))


async def list_roles(call: Call[Nothing, None]) -> shapes.Page[HeldRole]:
    await organisations.show(call)
    async with call.reading() as connection:
        rows = await reads.roles(connection, call.id("organisation_id"))
    return shapes.Page([msgspec.convert(row, HeldRole, from_attributes=True) for row in rows], None, False)


async def preview_owner(call: Call[Nothing, OwnerForm]) -> sizes.FeeChanges:
    body, wanted = call.body, call.id("organisation_id")
    found = await actions.own(call.context, call.actor, wanted, body.country, body.as_of, body.source, look=True)
    return sizes.FeeChanges(sizes.told(list(found.fees)))


async def own(call: Call[Nothing, OwnerForm]) -> sizes.FeeChanges:
    body, wanted = call.body, call.id("organisation_id")
    found = await actions.own(call.context, call.actor, wanted, body.country, body.as_of, body.source)
    return sizes.FeeChanges(sizes.told(list(found.fees)))


async def employ(call: Call[Nothing, EmployerForm]) -> shapes.Organisation:
    body = call.body
    await actions.employ(call.context, call.actor, call.id("organisation_id"), body.employer, body.since)
    return await organisations.show(call)


async def leave(call: Call[Nothing, Any]) -> shapes.Organisation:
    await actions.leave(call.context, call.actor, call.id("organisation_id"), call.id("employer_id"))
    return await organisations.show(call)


def _given(found: actions.Recorded) -> RoleGiven:
    return RoleGiven(found.id, sizes.told(list(found.fees)))


_ROLE = {"network": "nora", "role": "core", "starts_on": "2027-01-01", "source": "Board meeting of 3 November 2026"}
_OWNER = {"country": "DE", "as_of": "2027-01-01", "source": "Annual accounts of 2026"}
_PREVIEW = N_("Computed by the rules that price a fee; nothing is stored.")

operations = (
    Operation(
        id="preview_role",
        method="POST",
        path=f"{ONE}/roles/preview",
        tag=TAG,
        summary=N_("What a role would change"),
        description=_PREVIEW,
        body=RoleForm,
        answer=sizes.FeeChanges,
        example=_ROLE,
        missing=("organisation", "network"),
        run=preview_role,
    ),
    Operation(
        id="give_role",
        method="POST",
        path=f"{ONE}/roles",
        tag=TAG,
        summary=N_("Give a role in a network"),
        description=N_("Fees and discounts can look at it. What was billed stays."),
        body=RoleForm,
        answer=RoleGiven,
        status=201,
        example=_ROLE,
        missing=("organisation", "network"),
        run=give_role,
    ),
    Operation(
        id="list_roles",
        method="GET",
        path=f"{ONE}/roles",
        tag=TAG,
        summary=N_("Roles of an organisation"),
        description=N_("In the networks that the key may read."),
        answer=shapes.Page[HeldRole],
        listing=True,
        run=list_roles,
    ),
    Operation(
        id="end_role",
        method="DELETE",
        path=f"{ONE}/roles/{{role_id}}",
        tag=TAG,
        summary=N_("End a role, or take it back"),
        query=Until,
        answer=RoleGiven,
        missing=("organisation", "role"),
        run=end_role,
    ),
    Operation(
        id="preview_owner",
        method="POST",
        path=f"{ONE}/owner/preview",
        tag=TAG,
        summary=N_("What another owner would change"),
        description=_PREVIEW,
        body=OwnerForm,
        answer=sizes.FeeChanges,
        example=_OWNER,
        missing=("organisation",),
        run=preview_owner,
    ),
    Operation(
        id="record_owner",
        method="POST",
        path=f"{ONE}/owner",
        tag=TAG,
        summary=N_("Record where the owner is"),
        description=N_("From a day on; an empty country says that nobody owns it. What was billed stays."),
        body=OwnerForm,
        answer=sizes.FeeChanges,
        status=201,
        example=_OWNER,
        missing=("organisation",),
        run=own,
    ),
    Operation(
        id="record_employer",
        method="POST",
        path=f"{ONE}/employer",
        tag=TAG,
        summary=N_("Record for whom a person works"),
        description=N_("It is shown and counted, and gives nobody a membership."),
        body=EmployerForm,
        answer=shapes.Organisation,
        status=201,
        example={"employer": "0198f7a2-5d1e-7c37-9d61-0a53c9a4c1b0"},
        missing=("organisation", "employer"),
        run=employ,
    ),
    Operation(
        id="end_employer",
        method="DELETE",
        path=f"{ONE}/employer/{{employer_id}}",
        tag=TAG,
        summary=N_("A person does not work there any more"),
        answer=shapes.Organisation,
        missing=("organisation", "employer"),
        run=leave,
    ),
)
