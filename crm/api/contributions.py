"""What members give in kind, for programs that manage the network."""

from datetime import date
from uuid import UUID

import msgspec

from crm.actions import contributions as actions
from crm.actions.contributions import ContributionForm
from crm.api import shapes
from crm.api.invoice_shapes import Money
from crm.api.operations import Call, Nothing, Operation
from crm.api.told import Noun, Paging, Reason, TakenBack
from crm.i18n import N_
from crm.reads import contributions as reads

TAG = N_("Financing")
PATH = "/networks/{slug}/contributions"
RATES = "/networks/{slug}/in-kind-rates"


class Contribution(shapes.Answer, frozen=True):
    """One; `ends_on` half-open, `hours` hundredths, `rate` of an hour: both null for what was told as an amount."""

    id: UUID
    network: str
    organisation_id: UUID
    what: str
    starts_on: date
    ends_on: date
    hours: int | None
    rate: Money | None
    amount: Money
    reference: str
    recorded_by: str


class RateForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an hour counts as from a day: minor units of the network's currency."""

    starts_on: date
    amount: int


class Rate(shapes.Answer, frozen=True):
    """What an hour counts as from a day until the next rate's."""

    id: UUID
    starts_on: date
    amount: Money


class Rates(shapes.Answer, frozen=True):
    """From the newest day down."""

    items: list[Rate]


async def rates(call: Call[Nothing, None]) -> Rates:
    async with call.reading() as connection:
        network = await call.managed(connection)
        listed = await reads.rates(connection, network.id)
    return Rates([Rate(each.id, each.starts_on, Money(each.amount, each.currency)) for each in listed])


async def add_rate(call: Call[Nothing, RateForm]) -> Rates:
    network = await call.managed()
    await actions.add_rate(call.context, call.actor, network.id, call.body.starts_on, call.body.amount)
    return await rates(call)


async def withdraw_rate(call: Call[Nothing, Reason]) -> TakenBack:
    network, wanted = (await call.managed()).id, call.id("rate_id")
    await actions.withdraw_rate(call.context, call.actor, network, wanted, call.body.reason)
    return TakenBack(wanted)


def _shown(slug: str, each: reads.Contribution) -> Contribution:
    return Contribution(
        each.id,
        slug,
        each.organisation_id,
        each.what,
        each.starts_on,
        each.ends_on,
        each.hours,
        None if each.rate is None else Money(each.rate, each.currency),
        Money(each.amount, each.currency),
        each.reference,
        each.recorded_by,
    )


_NOUN = Noun(
    member="contribution_id",
    after=reads.after,
    one=reads.one,
    shown=_shown,
    add=actions.add,
    withdraw=actions.withdraw,
    restore=actions.restore,
)
operations = (
    Operation(
        id="list_contributions",
        method="GET",
        path=PATH,
        tag=TAG,
        summary=N_("What members gave in kind"),
        description=N_("Only for keys that manage the network."),
        query=Paging,
        answer=shapes.Page[Contribution],
        listing=True,
        run=_NOUN.listing,
    ),
    Operation(
        id="add_contribution",
        method="POST",
        path=PATH,
        tag=TAG,
        summary=N_("Tell what a member gave in kind"),
        description=N_(
            "`hours` are hundredths, `rate` and `amount` minor units: either hours (at the usual rate of the first day "
            "or at `rate`) or an amount. `last_on` is the last day. The same told twice is refused."
        ),
        body=ContributionForm,
        answer=Contribution,
        status=201,
        missing=("organisation_id",),
        example={"member": "974760673", "what": "Project work", "starts_on": "2026-03-02", "hours": 750},
        run=_NOUN.tell,
    ),
    Operation(
        id="withdraw_contribution",
        method="POST",
        path=f"{PATH}/{{contribution_id}}/withdrawal",
        tag=TAG,
        summary=N_("Take back what was told of a member"),
        description=N_("It stays known as it was known then."),
        body=Reason,
        answer=TakenBack,
        example={"reason": "Told twice"},
        run=_NOUN.take_back,
    ),
    Operation(
        id="restore_contribution",
        method="POST",
        path=f"{PATH}/{{contribution_id}}/restoration",
        tag=TAG,
        summary=N_("Let it count again"),
        answer=Contribution,
        run=_NOUN.bring_back,
    ),
    Operation(
        id="list_in_kind_rates",
        method="GET",
        path=RATES,
        tag=TAG,
        summary=N_("What an hour in kind counts as"),
        answer=Rates,
        run=rates,
    ),
    Operation(
        id="add_in_kind_rate",
        method="POST",
        path=RATES,
        tag=TAG,
        summary=N_("Set what an hour counts as from a day"),
        description=N_("For what is told from now on; what is told already stays as it is."),
        body=RateForm,
        answer=Rates,
        status=201,
        example={"starts_on": "2026-01-01", "amount": 70000},
        run=add_rate,
    ),
    Operation(
        id="withdraw_in_kind_rate",
        method="POST",
        path=f"{RATES}/{{rate_id}}/withdrawal",
        tag=TAG,
        summary=N_("Take back a rate"),
        body=Reason,
        answer=TakenBack,
        example={"reason": "A slip"},
        run=withdraw_rate,
    ),
)
