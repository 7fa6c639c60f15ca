"""Sizes of a member and fees agreed with it: what a new figure would change, and its recording."""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from cluster_rules import next_fees
from cluster_rules.organisations import AgreedFee
from cluster_rules.periods import Period
from crm import forms
from crm.actions import sizes as actions
from crm.api.operations import Call, Nothing, Operation
from crm.api.shapes import Answer, Money
from crm.forms import SizeForm
from crm.i18n import N_

TAG = N_("Organisations")
ONE = "/organisations/{organisation_id}"


class SizesForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures that fees depend on, each with the day it is of and who says so."""

    sizes: Annotated[list[SizeForm], Meta(min_length=1, max_length=forms.SIZES_MAX)]


class AgreedFeeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A yearly amount, without VAT, signed with this member for a component of the network's fees; days half-open."""

    network: Annotated[str, Meta(min_length=1, max_length=60)]
    component: Annotated[str, Meta(min_length=1, max_length=60)]
    amount: Money
    starts_on: date
    source: Annotated[str, Meta(min_length=1, max_length=forms.NAME_MAX)]
    ends_on: date | None = None


class FeeChange(Answer, frozen=True):
    """A membership's fee for its next whole year, without VAT; null where it needs something nobody has told."""

    network: str
    tier: str
    before: Money | None
    after: Money | None


class FeeChanges(Answer, frozen=True):
    """What figures change, membership by membership; what was billed stays."""

    fees: list[FeeChange]


class Agreed(Answer, frozen=True):
    """The amount as it was recorded."""

    network: str
    component: str
    amount: Money
    starts_on: date
    ends_on: date | None
    source: str


async def preview(call: Call[Nothing, SizesForm]) -> FeeChanges:
    return FeeChanges(
        told(await actions.preview(call.context, call.actor, call.id("organisation_id"), call.body.sizes))
    )


async def record(call: Call[Nothing, SizesForm]) -> FeeChanges:
    return FeeChanges(told(await actions.record(call.context, call.actor, call.id("organisation_id"), call.body.sizes)))


async def agree(call: Call[Nothing, AgreedFeeForm]) -> Agreed:
    body = call.body
    days = Period(body.starts_on, body.ends_on)
    fee = AgreedFee(body.network, body.component, body.amount.amount, body.amount.currency, days, body.source)
    await actions.agree(call.context, call.actor, call.id("organisation_id"), fee)
    return Agreed(body.network, body.component, body.amount, body.starts_on, body.ends_on, body.source)


def told(changes: list[next_fees.FeeChange]) -> list[FeeChange]:
    """The same with amounts as the API writes them."""

    def money(amount: int | None, currency: str) -> Money | None:
        return None if amount is None else Money(amount, currency)

    return [FeeChange(c.network, c.tier, money(c.before, c.currency), money(c.after, c.currency)) for c in changes]


_SIZES = {"sizes": [{"basis": "turnover", "value": 1_250_000_000, "currency": "NOK", "as_of": "2025-12-31"}]}
_FEE = {
    "network": "nora",
    "component": "service",
    "amount": {"amount": 9_000_000, "currency": "NOK"},
    "starts_on": "2027-01-01",
    "source": "Contract of 3 November 2026",
}

operations = (
    Operation(
        id="preview_sizes",
        method="POST",
        path=f"{ONE}/sizes/preview",
        tag=TAG,
        summary=N_("What new sizes would change"),
        description=N_("Computed by the rules that price a fee; nothing is stored."),
        body=SizesForm,
        answer=FeeChanges,
        example=_SIZES,
        missing=("organisation",),
        run=preview,
    ),
    Operation(
        id="record_sizes",
        method="POST",
        path=f"{ONE}/sizes",
        tag=TAG,
        summary=N_("Record sizes of a member"),
        description=N_("A figure supersedes the one of the same day; history stays. What was billed stays."),
        body=SizesForm,
        answer=FeeChanges,
        status=201,
        example=_SIZES,
        missing=("organisation",),
        run=record,
    ),
    Operation(
        id="agree_fee",
        method="POST",
        path=f"{ONE}/agreed-fees",
        tag=TAG,
        summary=N_("Record a fee agreed with a member"),
        description=N_("For a component whose amount the rulebook leaves to an agreement with each member."),
        body=AgreedFeeForm,
        answer=Agreed,
        status=201,
        example=_FEE,
        missing=("organisation", "network"),
        run=agree,
    ),
)
