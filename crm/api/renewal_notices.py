"""Notices ahead of a renewal: who was told of the next period and who not, and telling them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import renewal_words as words
from crm.actions import renewal_notices as actions
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.api.renewals import TAG, RenewalProblem
from crm.i18n import N_
from crm.reads import renewal_notices

OF_NETWORK = "/networks/{slug}/renewal-notices"


class RenewalNotice(shapes.Answer, frozen=True):
    """One member and its next period, [starts_on, ends_on), as of the last look.

    `state`: told, no_address, or why it owes nothing: failed, free, waived, ending, held, lapsing. `net` and `vat` are
    what it was told; `leave_by` is the last day to give notice before the period.
    """

    organisation_id: UUID
    organisation: str
    membership_id: UUID
    tier: str
    starts_on: date
    ends_on: date | None
    state: str
    words: str
    net: shapes.Money | None
    vat: shapes.Money | None
    leave_by: date
    problem: RenewalProblem | None
    recipient: str
    mail_status: str
    looked_at: datetime


class RenewalNoticeQuery(msgspec.Struct, frozen=True):
    """Of periods that have not begun: everybody, who was told, or who was not."""

    show: Literal["all", "told", "not_told"] = "all"
    limit: shapes.Limit = 100
    cursor: Annotated[UUID, Meta(description="From `next_cursor`; opaque.")] | None = None


class RenewalNoticeForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tell those whose next period is near enough `on` a day: today, or an earlier one that was missed.

    `dry_run` only counts, and may look at a day to come.
    """

    dry_run: bool
    on: date | None = None


class RenewalNoticesRun(shapes.Answer, frozen=True):
    """How many were told (or would be), and how many were not, by state."""

    network: str
    dry_run: bool
    told: int
    left_out: dict[str, int]


async def show(call: Call[RenewalNoticeQuery, None]) -> shapes.Page[RenewalNotice]:
    query = call.query
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        network = await call.managed(connection)
        today = call.context.clock.today(network.zone)
        wanted = "" if query.show == "all" else query.show
        rows = list(await renewal_notices.items(connection, network.id, today, wanted, query.cursor, query.limit + 1))
    shown = rows[: query.limit]
    cursor = str(shown[-1].id) if len(rows) > len(shown) else None
    if cursor:
        asked = {"show": query.show, "limit": query.limit, "cursor": cursor}
        address = OF_NETWORK.replace("{slug}", network.slug)
        call.headers["link"] = edge.next_link(f"{PREFIX}{address}", asked)
    return shapes.Page([_shown(call, kept, row) for row in shown], cursor, cursor is not None)


def _shown(call: Call[Any, Any], kept: Any, row: renewal_notices.Notice) -> RenewalNotice:
    problem = None
    if row.problem:
        said = words.problem(call.t, kept, row.problem)
        problem = RenewalProblem(row.problem["code"], row.problem["field"], said)
    return RenewalNotice(
        row.organisation_id,
        row.organisation,
        row.membership_id,
        row.tier,
        row.starts_on,
        row.ends_on,
        row.state,
        words.notice(call.t, row.state),
        shapes.Money(row.net, row.currency) if row.currency else None,
        shapes.Money(row.vat, row.currency) if row.currency else None,
        row.leave_by,
        problem,
        row.recipient,
        row.mail_status,
        row.looked_at,
    )


async def run(call: Call[Nothing, RenewalNoticeForm]) -> RenewalNoticesRun:
    network, form = await call.managed(), call.body
    if form.dry_run:
        found, _, _ = await actions.preview(call.context, call.actor, network.slug, form.on)
    else:
        found = await actions.run(call.context, call.actor, network.slug, form.on)
    return RenewalNoticesRun(network.slug, form.dry_run, found.told, found.left_out)


operations = (
    Operation(
        id="list_renewal_notices",
        method="GET",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("Who was told of the next period, and who was not and why"),
        description=N_("Those not told first. Only for keys that manage the network."),
        query=RenewalNoticeQuery,
        answer=shapes.Page[RenewalNotice],
        listing=True,
        run=show,
    ),
    Operation(
        id="send_renewal_notices",
        method="POST",
        path=OF_NETWORK,
        tag=TAG,
        summary=N_("Tell members of their next period"),
        description=N_(
            "Each morning this happens by itself. A member is told once of a period: repeating is harmless. "
            "With `dry_run` nobody is told."
        ),
        body=RenewalNoticeForm,
        answer=RenewalNoticesRun,
        example={"dry_run": True, "on": "2026-12-01"},
        run=run,
    ),
)
