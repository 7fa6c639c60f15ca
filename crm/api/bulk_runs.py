"""One thing done to many members: tags, an answer, who looks after them, one charge more; watched and taken back."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
from msgspec import Meta

from cluster_rules.components import VatCode
from crm import forms, words
from crm.actions import bulk_runs as actions
from crm.actions.bulk_runs import Extra, Wanted
from crm.api import shapes
from crm.api.invoice_shapes import Money
from crm.api.operations import Call, Nothing, Operation
from crm.api.tags import TAG
from crm.errors import Invalid, NotFound, Refused
from crm.i18n import N_
from crm.reads import bulk_runs as reads
from crm.reads import custom_fields, member_search

PATH = "/networks/{slug}/bulk-runs"
ONE = "/networks/{slug}/bulk-runs/{run_id}"
MEMBERS_MAX = 10_000
BODY_MAX = 1024 * 1024  # bytes
Text = Annotated[str, Meta(max_length=actions.TEXT_MAX)]
Members = Annotated[list[UUID], Meta(min_length=1, max_length=MEMBERS_MAX)]


class BulkForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done to these memberships, by `what`: tag and untag take `tag`, an id; field takes `field`, a code, and
    `value`, an answer or null; responsible takes `account`, null for nobody; charge takes `name_nb`, `name_en`,
    `amount` (minor units without VAT) and `vat_code`.
    """

    what: Literal["tag", "untag", "field", "responsible", "charge"]
    memberships: Members
    tag: UUID | None = None
    field: Annotated[str, Meta(max_length=forms.SHORT_MAX)] = ""
    value: Any = None
    account: UUID | None = None
    name_nb: Text = ""
    name_en: Text = ""
    amount: int = 0
    vat_code: VatCode = "standard"


class BulkChargeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A charge to look at first, as it is sent with `what` charge."""

    memberships: Members
    name_nb: Text
    name_en: Text
    amount: int
    vat_code: VatCode = "standard"


class BulkCharge(shapes.Answer, frozen=True):
    """What it comes to: members charged and who pays, and how many cannot be, by the code of why."""

    members: int
    payers: int
    net: Money
    vat: Money
    problems: dict[str, int]


class BulkProblem(shapes.Answer, frozen=True):
    """A member it could not be done to, and why: a stable code, and in words."""

    membership_id: UUID
    organisation_id: UUID
    name: str
    rule: str
    words: str


class BulkRun(shapes.Answer, frozen=True):
    """`status`: running or done; `same`: were so already; `undoes` and `undone_by`: runs. Over 200: by a worker."""

    id: UUID
    network: str
    what: str
    status: str
    total: int
    done: int
    changed: int
    same: int
    failed: int
    undoes: UUID | None
    undone_by: UUID | None
    begun_by: str
    begun_at: datetime
    finished_at: datetime | None


class BulkRunDetail(BulkRun, frozen=True):
    """A run with those it could not be done to, the first 500 by name."""

    problems: list[BulkProblem]


class BulkRuns(shapes.Answer, frozen=True):
    """The newest 50, the newest first."""

    items: list[BulkRun]


async def begin(call: Call[Nothing, BulkForm]) -> BulkRunDetail:
    body, network = call.body, await call.managed()
    async with call.reading() as connection:
        await _known(connection, network.id, body.memberships)
        fields = {each.code: each.id for each in await custom_fields.of_network(connection, network.id)}
    wanted = Wanted(body.what, tag=body.tag, account=body.account)
    if body.what == "field":
        if body.field not in fields:
            raise Refused("field_unknown_code", "field", given=body.field[:40])
        wanted = Wanted(body.what, field=fields[body.field], value=body.value)
    if body.what == "charge":
        wanted = Wanted(body.what, extra=_extra(body))
    run = await actions.begin(call.context, call.actor, network.id, wanted, body.memberships, uuid4())
    return await _one(call, run)


async def charge(call: Call[Nothing, BulkChargeForm]) -> BulkCharge:
    body, network = call.body, await call.managed()
    async with call.reading() as connection:
        await _known(connection, network.id, body.memberships)
    bill = await actions.bill(call.context, call.actor, network.id, _extra(body), body.memberships)
    net, vat = Money(bill.net, bill.currency), Money(bill.vat, bill.currency)
    return BulkCharge(bill.members, bill.payers, net, vat, bill.problems)


async def listing(call: Call[Nothing, None]) -> BulkRuns:
    async with call.reading() as connection:
        network = await call.managed(connection)
        runs = await reads.of_network(connection, network.id)
    return BulkRuns([BulkRun(**_told(network.slug, each)) for each in runs])


async def show(call: Call[Any, Any]) -> BulkRunDetail:
    return await _one(call, call.id("run_id"))


async def undo(call: Call[Nothing, Any]) -> BulkRunDetail:
    before = await show(call)
    return await _one(call, await actions.undo(call.context, call.actor, before.id))


async def _known(connection: Any, network: UUID, memberships: list[UUID]) -> None:
    """Invalid with the place of each that is none of the network's."""
    own = set(await member_search.of_network(connection, network, memberships))
    strangers = [(n, each) for n, each in enumerate(memberships) if each not in own]
    if strangers:
        raise Invalid([(f"memberships.{n}", "member_of_none", {"given": str(each)}) for n, each in strangers[:200]])


def _extra(body: BulkForm | BulkChargeForm) -> Extra:
    return Extra({"nb": body.name_nb, "en": body.name_en}, body.amount, body.vat_code)


async def _one(call: Call[Any, Any], wanted: UUID) -> BulkRunDetail:
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await reads.one(connection, network.id, wanted)
        failed = await reads.failed(connection, wanted)
        kept = await call.kept(connection)
    if found is None:
        raise NotFound("run_id", wanted)
    problems = [
        BulkProblem(
            each.membership_id,
            each.organisation_id,
            each.name,
            each.problem["rule"],
            words.refusal(call.t, kept, each.problem["rule"], each.problem["values"]),
        )
        for each in failed
    ]
    return BulkRunDetail(**_told(network.slug, found), problems=problems)


def _told(slug: str, run: reads.Run) -> dict[str, Any]:
    alike = ("id", "what", "status", "total", "done", "changed", "same", "failed", "finished_at")
    own = {name: getattr(run, name) for name in alike}
    runs = {"undoes": run.undoes_id, "undone_by": run.undone}
    return own | runs | {"network": slug, "begun_by": run.actor, "begun_at": run.created_at}


_NOBODYS = "00000000-0000-4000-8000-000000000000"
_CHARGE = {"name_nb": "Konferanse", "name_en": "Conference", "amount": 150000, "vat_code": "standard"}

operations = (
    Operation(
        id="begin_bulk_run",
        method="POST",
        path=PATH,
        tag=TAG,
        summary=N_("Do one thing to many members"),
        description=N_(
            "Tag them or take a tag away, answer a field, say who looks after them, or put one charge more on the "
            "draft of who pays for each. One that is no member refuses all, by its place."
        ),
        body=BulkForm,
        answer=BulkRunDetail,
        status=201,
        max_body=BODY_MAX,
        example={"what": "charge", "memberships": [_NOBODYS], **_CHARGE},
        run=begin,
    ),
    Operation(
        id="preview_bulk_charge",
        method="POST",
        path=f"{PATH}/preview",
        tag=TAG,
        summary=N_("What a charge for many would come to"),
        description=N_("Nothing is stored."),
        body=BulkChargeForm,
        answer=BulkCharge,
        max_body=BODY_MAX,
        example={"memberships": [_NOBODYS], **_CHARGE},
        run=charge,
    ),
    Operation(
        id="list_bulk_runs",
        method="GET",
        path=PATH,
        tag=TAG,
        summary=N_("What was done to many members"),
        answer=BulkRuns,
        run=listing,
    ),
    Operation(
        id="show_bulk_run",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("How far it is, and for whom it was not possible"),
        answer=BulkRunDetail,
        run=show,
    ),
    Operation(
        id="undo_bulk_run",
        method="POST",
        path=f"{ONE}/undo",
        tag=TAG,
        summary=N_("Take it back"),
        description=N_("For those whom nobody has changed since; the run that does it. A charge is credited instead."),
        answer=BulkRunDetail,
        missing=("run",),
        run=undo,
    ),
)
