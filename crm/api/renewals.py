"""Renewal runs: begin one, see how far it is and what it comes to, confirm or cancel it."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from cluster_rules.errors import RuleViolation
from crm import renewal_words as words
from crm.actions import renewals as actions
from crm.actions.renewals import Wanted
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.api.problems import EdgeError
from crm.errors import Forbidden, NotFound
from crm.i18n import N_
from crm.reads import renewals

TAG = N_("Renewals")
ONE = "/renewal-runs/{run_id}"
CURSOR_MAX = 30


class RenewalRunForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bill the members of a network for the membership year that contains `period_start`.

    `dry_run`: only its preview; it can be confirmed then. `all_of_host`: all networks of its host, each member's on
    one invoice. `issue` false leaves drafts.
    """

    network: Annotated[str, Meta(min_length=1, max_length=60)]
    period_start: date
    dry_run: bool
    all_of_host: bool = False
    issue: bool = True


class RenewalConfirmForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bill what was previewed; `issue` false leaves drafts."""

    issue: bool = True


class RenewalTotal(shapes.Answer, frozen=True):
    """How many members of a run are in one state, and what they pay without VAT, with the year before."""

    state: str
    members: int
    changed: int
    net: shapes.Money | None
    before: shapes.Money | None


class RenewalRun(shapes.Answer, frozen=True):
    """One run. `status`: previewing, previewed, running, done, failed or cancelled; `done` of `total` are done."""

    id: UUID
    network: str | None
    period_start: date
    status: str
    issue: bool
    members: int
    total: int
    done: int
    invoices: int
    failed: int
    created_by: str
    created_at: datetime
    confirmed_by: str
    confirmed_at: datetime | None
    finished_at: datetime | None
    totals: list[RenewalTotal]


class RenewalDifference(shapes.Answer, frozen=True):
    """Why the bill differs from the one of the year before: codes, and in words."""

    codes: list[str]
    words: str


class RenewalProblem(shapes.Answer, frozen=True):
    """Why a member could not be billed: a code, the field it is about, and in words."""

    code: str
    field: str
    words: str


class RenewalItem(shapes.Answer, frozen=True):
    """One member of a run. `state`: due, free, waived, ending, held, lapsing, failed, or billed (meanwhile)."""

    organisation_id: UUID
    organisation: str
    membership_id: UUID
    network: str
    tier: str
    state: str
    starts_on: date
    net: shapes.Money | None
    before: int
    differs: RenewalDifference
    problem: RenewalProblem | None
    invoice_id: UUID | None
    number: str


class RenewalItemQuery(msgspec.Struct, frozen=True):
    """Which members: all, or those that changed, failed, are waived, end, cost nothing or are on hold."""

    show: renewals.Show = "all"
    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=CURSOR_MAX, description="From `next_cursor`; opaque.")] | None = None


async def begin(call: Call[Nothing, RenewalRunForm]) -> RenewalRun:
    form = call.body
    wanted = Wanted(form.network, form.period_start, form.all_of_host, form.dry_run, form.issue)
    async with call.context.db.tx() as connection:
        kept = await call.kept(connection)
    network = kept.network(form.network)
    if network.id not in call.actor.sees:
        raise RuleViolation("network_unknown", "network", given=form.network)  # as if there were none
    run = await actions.begin(call.context, call.actor, wanted)
    return await _shown(call, run)


async def show(call: Call[Nothing, None]) -> RenewalRun:
    return await _shown(call, call.id("run_id"))


async def confirm(call: Call[Nothing, RenewalConfirmForm]) -> RenewalRun:
    run = call.id("run_id")
    await actions.confirm(call.context, call.actor, run, call.body.issue)
    return await _shown(call, run)


async def cancel(call: Call[Nothing, None]) -> RenewalRun:
    run = call.id("run_id")
    await actions.cancel(call.context, call.actor, run)
    return await _shown(call, run)


async def items(call: Call[RenewalItemQuery, None]) -> shapes.Page[RenewalItem]:
    run, query = call.id("run_id"), call.query
    after = _after(query.cursor)
    async with call.context.db.reading(call.actor.manages) as connection:
        await _found(call, connection, run)
        rows = list(await renewals.items(connection, run, query.show, after, query.limit + 1))
    shown = rows[: query.limit]
    cursor = f"{int(shown[-1].state != 'failed')}.{shown[-1].row_id}" if len(rows) > len(shown) else None
    if cursor:
        asked = {"show": query.show, "limit": query.limit, "cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}/renewal-runs/{run}/items", asked)
    kept = await call.kept()
    return shapes.Page([_item(call, kept, row) for row in shown], cursor, cursor is not None)


def _after(cursor: str | None) -> tuple[bool, int]:
    if cursor is None:
        return False, 0
    group, _, row = cursor.partition(".")
    if group not in ("0", "1") or not (row.isascii() and row.isdigit()) or len(row) > 18:
        raise EdgeError(422, "cursor", "cursor_invalid")
    return group == "1", int(row)


async def _found(call: Call[Any, Any], connection: Any, run: UUID) -> renewals.Run:
    found = await renewals.run(connection, run)
    if found is None:
        async with call.reading() as seen:
            if await renewals.run(seen, run):
                raise Forbidden
        raise NotFound("run_id", run)
    return found


async def _shown(call: Call[Any, Any], wanted: UUID) -> RenewalRun:
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        run = await _found(call, connection, wanted)
        sums = await renewals.sums(connection, wanted)
    return RenewalRun(
        run.id,
        kept.by_id[run.network_id].slug if run.network_id else None,
        run.period_start,
        run.status,
        run.issue,
        run.members,
        run.total,
        run.done,
        run.invoices,
        run.failed,
        run.created_by,
        run.created_at,
        run.confirmed_by,
        run.confirmed_at,
        run.finished_at,
        [_total(each) for each in sums],
    )


def _total(found: renewals.Sum) -> RenewalTotal:
    def money(amount: int) -> shapes.Money | None:
        return shapes.Money(amount, found.currency) if found.currency else None

    return RenewalTotal(found.state, found.members, found.changed, money(found.net), money(found.before))


def _item(call: Call[Any, Any], kept: Any, row: renewals.Item) -> RenewalItem:
    slug = kept.by_id[row.network_id].slug
    problem = None
    if row.problem:
        said = words.problem(call.t, kept, row.problem)
        problem = RenewalProblem(row.problem["code"], row.problem["field"], said)
    return RenewalItem(
        row.organisation_id,
        row.organisation,
        row.membership_id,
        slug,
        row.tier,
        row.state,
        row.starts_on,
        shapes.Money(row.net, row.currency) if row.currency else None,
        row.before,
        RenewalDifference([step["code"] for step in row.differs], words.differs(call.t, kept, slug, row.differs)),
        problem,
        row.invoice_id,
        row.number,
    )


_EXAMPLE = {"network": "nce-smart-energy-markets", "period_start": "2027-01-01", "dry_run": True}
operations = (
    Operation(
        id="begin_renewal_run",
        method="POST",
        path="/renewal-runs",
        tag=TAG,
        summary=N_("Begin a renewal run"),
        description=N_(
            "A job works out what everybody owes. With `dry_run` it waits for its confirmation, else it bills at once. "
            "Whoever is billed already is not billed again: a second run changes nothing."
        ),
        body=RenewalRunForm,
        answer=RenewalRun,
        status=202,
        location="/renewal-runs/{id}",
        missing=("network",),
        example=_EXAMPLE,
        run=begin,
    ),
    Operation(
        id="show_renewal_run",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("One renewal run: how far it is and what it comes to"),
        answer=RenewalRun,
        run=show,
    ),
    Operation(
        id="list_renewal_items",
        method="GET",
        path=f"{ONE}/items",
        tag=TAG,
        summary=N_("The members of a renewal run"),
        description=N_("Failures first; each with the difference to the year before, its reason and the invoice."),
        query=RenewalItemQuery,
        answer=shapes.Page[RenewalItem],
        listing=True,
        run=items,
    ),
    Operation(
        id="confirm_renewal_run",
        method="POST",
        path=f"{ONE}/confirmation",
        tag=TAG,
        summary=N_("Bill what was previewed"),
        body=RenewalConfirmForm,
        answer=RenewalRun,
        status=202,
        example={"issue": True},
        run=confirm,
    ),
    Operation(
        id="cancel_renewal_run",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("Stop a renewal run"),
        description=N_("What it billed stays billed."),
        answer=RenewalRun,
        run=cancel,
    ),
)
