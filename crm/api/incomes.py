"""A network's other income, for programs that manage the network."""

from datetime import date
from uuid import UUID

from crm.actions import incomes as actions
from crm.actions.incomes import IncomeForm
from crm.api import shapes
from crm.api.contributions import TAG
from crm.api.invoice_shapes import Money
from crm.api.operations import Operation
from crm.api.told import Noun, Paging, Reason, TakenBack
from crm.i18n import N_
from crm.reads import incomes as reads

PATH = "/networks/{slug}/other-incomes"


class OtherIncome(shapes.Answer, frozen=True):
    """Money of one payer; `ends_on` half-open. Kinds: public_grant, project, own (the host's), other."""

    id: UUID
    network: str
    kind: str
    sector: str
    payer: str
    what: str
    starts_on: date
    ends_on: date
    amount: Money
    reference: str
    recorded_by: str


def _shown(slug: str, each: reads.Income) -> OtherIncome:
    amount = Money(each.amount, each.currency)
    days = (each.starts_on, each.ends_on)
    return OtherIncome(
        each.id, slug, each.kind, each.sector, each.payer, each.what, *days, amount, each.reference, each.recorded_by
    )


_NOUN = Noun(
    member="income_id",
    after=reads.after,
    one=reads.one,
    shown=_shown,
    add=actions.add,
    withdraw=actions.withdraw,
    restore=actions.restore,
)
operations = (
    Operation(
        id="list_other_incomes",
        method="GET",
        path=PATH,
        tag=TAG,
        summary=N_("Other income of a network"),
        description=N_("Only for keys that manage the network."),
        query=Paging,
        answer=shapes.Page[OtherIncome],
        listing=True,
        run=_NOUN.listing,
    ),
    Operation(
        id="add_other_income",
        method="POST",
        path=PATH,
        tag=TAG,
        summary=N_("Tell of an income"),
        description=N_(
            "Kinds: public_grant, project, own (the host's), other; sector: private or public. `amount` is minor "
            "units, `last_on` the last day of what it is for. The same told twice is refused."
        ),
        body=IncomeForm,
        answer=OtherIncome,
        status=201,
        example={
            "kind": "public_grant",
            "payer": "Innovasjon Norge",
            "starts_on": "2026-01-01",
            "last_on": "2026-12-31",
            "amount": 300000000,
        },
        run=_NOUN.tell,
    ),
    Operation(
        id="withdraw_other_income",
        method="POST",
        path=f"{PATH}/{{income_id}}/withdrawal",
        tag=TAG,
        summary=N_("Take back an income that was told"),
        description=N_("It stays known as it was known then."),
        body=Reason,
        answer=TakenBack,
        example={"reason": "Told twice"},
        run=_NOUN.take_back,
    ),
    Operation(
        id="restore_other_income",
        method="POST",
        path=f"{PATH}/{{income_id}}/restoration",
        tag=TAG,
        summary=N_("Let it count again"),
        answer=OtherIncome,
        run=_NOUN.bring_back,
    ),
)
