"""Many differences from the register answered together by API: look, confirm, see each row's verdict, take back."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
from msgspec import Meta

from crm import forms, register_words, words
from crm.actions import register_bulks as actions
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.catalogue import Catalogue
from crm.errors import Forbidden, NotFound
from crm.i18n import N_
from crm.reads import register_bulks as reads
from crm.register_shapes import Bulk, Row
from crm.store.register_bulks import MOST_ROWS

TAG = N_("Register")
ONE = "/register-bulks/{bulk_id}"
BODY_MAX = 512 * 1024  # bytes; MOST_ROWS ids, and room to spare
Reason = Literal["register_name", "register_employees", "register_moved", "register_headcount"]


class RegisterBulkForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done with differences of one kind: `take_over` (looked at first) or `keep` (at once; needs a note).

    `differences`: these alone; null: all of the kind, 5,000 at most. `effective_on`: the day from which it is so.
    """

    deed: Literal["take_over", "keep"]
    reason: Reason
    differences: Annotated[list[UUID], Meta(min_length=1, max_length=MOST_ROWS)] | None = None
    effective_on: date | None = None
    note: Annotated[str, Meta(max_length=forms.NOTE_MAX)] = ""


class RegisterFeeTotal(shapes.Answer, frozen=True):
    """The fees of the next whole year of `changed` memberships, before and after, without VAT; `unknown` of them are
    not in the sums, since the fee needs something that nobody has told."""

    before: shapes.Money
    after: shapes.Money
    changed: int
    unknown: int


class RegisterBulk(shapes.Answer, frozen=True):
    """Differences of one kind answered together. `status`: looking, looked (waits for its confirmation), doing, done,
    undoing, undone or dropped. `done` of `total` rows of this step. `by_rule`: nobody asked, the host's rule did.
    `follows`, `reviews`: of how many rows something follows by rule, or a membership goes to review."""

    id: UUID
    network: str
    deed: str
    reason: str
    note: str
    starts_on: date
    by_rule: bool
    status: str
    total: int
    done: int
    changed: int
    failed: int
    fees: list[RegisterFeeTotal]
    follows: int
    reviews: int
    actor: str
    created_at: datetime
    confirmed_at: datetime | None
    finished_at: datetime | None


class RegisterBulkFee(shapes.Answer, frozen=True):
    """A membership's fee for the next whole year without VAT, before and after; null where it is not known."""

    network: str
    tier: str
    before: shapes.Money | None
    after: shapes.Money | None


class RegisterBulkRow(shapes.Answer, frozen=True):
    """One of them. `outcome`: empty (waits, or can be), changed, closed (settled meanwhile), failed, undone or stays;
    `words` is that in words, with why."""

    row: int
    difference_id: UUID
    organisation_id: UUID
    organisation: str
    ours: str | int | None
    register: str | int | None
    outcome: str
    words: str
    fees: list[RegisterBulkFee]
    follows: int
    reviews: int
    change_id: UUID | None


class RegisterBulkRowQuery(msgspec.Struct, frozen=True):
    """Rows are in the order in which they are done."""

    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(pattern="^[0-9]{1,18}$", description="From `next_cursor`; opaque.")] | None = None


async def begin(call: Call[Nothing, RegisterBulkForm]) -> RegisterBulk:
    body = call.body
    async with call.context.db.reading(call.actor.sees) as connection:
        network = await call.managed(connection)
    wanted = (body.deed, body.reason, body.differences, uuid4(), body.effective_on, body.note)
    made = await actions.begin(call.context, call.actor, network.slug, *wanted)
    return await _shown(call, made)


async def show(call: Call[Nothing, None]) -> RegisterBulk:
    return await _shown(call, call.id("bulk_id"))


async def confirm(call: Call[Nothing, None]) -> RegisterBulk:
    wanted = call.id("bulk_id")
    await actions.confirm(call.context, call.actor, wanted)
    return await _shown(call, wanted)


async def undo(call: Call[Nothing, None]) -> RegisterBulk:
    wanted = call.id("bulk_id")
    await actions.undo(call.context, call.actor, wanted)
    return await _shown(call, wanted)


async def drop(call: Call[Nothing, None]) -> RegisterBulk:
    wanted = call.id("bulk_id")
    await actions.drop(call.context, call.actor, wanted)
    return await _shown(call, wanted)


async def rows(call: Call[RegisterBulkRowQuery, None]) -> shapes.Page[RegisterBulkRow]:
    wanted, query = call.id("bulk_id"), call.query
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        bulk = await _found(call, connection, wanted)
        found = await reads.rows(connection, wanted, int(query.cursor or 0), query.limit + 1)
    shown = found[: query.limit]
    cursor = str(shown[-1].row_id) if len(found) > len(shown) else None
    if cursor:
        asked = {"limit": query.limit, "cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}/register-bulks/{wanted}/rows", asked)
    return shapes.Page([_row(call, kept, bulk, each) for each in shown], cursor, cursor is not None)


async def _found(call: Call[Any, Any], connection: Any, wanted: UUID) -> Bulk:
    found = await reads.one(connection, wanted)
    if found is None:
        async with call.reading() as seen:
            if await reads.one(seen, wanted):
                raise Forbidden
        raise NotFound("bulk_id", wanted)
    return found


async def _shown(call: Call[Any, Any], wanted: UUID) -> RegisterBulk:
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        bulk = await _found(call, connection, wanted)
    told = {name: getattr(bulk, name) for name in RegisterBulk.__struct_fields__ if hasattr(bulk, name)}
    fees = [
        RegisterFeeTotal(
            shapes.Money(each["before"], currency),
            shapes.Money(each["after"], currency),
            each["changed"],
            each["unknown"],
        )
        for currency, each in bulk.fees_in(_own(call, kept)).items()
    ]
    counts = {name: bulk.totals.get(name, 0) for name in ("follows", "reviews")}
    return RegisterBulk(**told | counts | {"network": kept.by_id[bulk.network_id].slug, "fees": fees})


def _row(call: Call[Any, Any], kept: Any, bulk: Bulk, row: Row) -> RegisterBulkRow:
    why = words.refusal(call.t, kept, row.problem["rule"], row.problem["values"]) if row.problem else ""
    looked = row.looked
    fees = [
        RegisterBulkFee(each.network, each.tier, _money(each.before, each.currency), _money(each.after, each.currency))
        for each in (looked.fees if looked else ())
        if each.network in _own(call, kept)
    ]
    return RegisterBulkRow(
        row.row_id,
        row.review_id,
        row.organisation_id,
        row.organisation,
        looked.ours if looked else None,
        looked.register if looked else None,
        row.outcome,
        register_words.verdict(call.t, bulk.deed, row, why),
        fees,
        looked.follows if looked else 0,
        looked.reviews if looked else 0,
        row.change_id,
    )


def _own(call: Call[Any, Any], kept: Catalogue) -> list[str]:
    """The networks whose fees the key may see: whoever looked may manage more."""
    return [each.slug for each in kept.networks if each.id in call.actor.manages]


def _money(amount: int | None, currency: str) -> shapes.Money | None:
    return None if amount is None else shapes.Money(amount, currency)


operations = (
    Operation(
        id="begin_register_bulk",
        method="POST",
        path="/networks/{slug}/register-bulks",
        tag=TAG,
        summary=N_("Answer differences of one kind together"),
        description=N_(
            "Taking over is looked at by a job first and does nothing before it is confirmed; keeping begins at once. "
            "Who ends by the register's word is decided about one by one."
        ),
        body=RegisterBulkForm,
        answer=RegisterBulk,
        status=202,
        max_body=BODY_MAX,
        location="/register-bulks/{id}",
        example={"deed": "take_over", "reason": "register_headcount", "note": "Checked in the autumn round"},
        run=begin,
    ),
    Operation(
        id="show_register_bulk",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("Differences answered together: how far they are and what they come to"),
        answer=RegisterBulk,
        run=show,
    ),
    Operation(
        id="list_register_bulk_rows",
        method="GET",
        path=f"{ONE}/rows",
        tag=TAG,
        summary=N_("The verdict on each of them"),
        query=RegisterBulkRowQuery,
        answer=shapes.Page[RegisterBulkRow],
        listing=True,
        run=rows,
    ),
    Operation(
        id="confirm_register_bulk",
        method="POST",
        path=f"{ONE}/confirmation",
        tag=TAG,
        summary=N_("Take over what was looked at"),
        description=N_(
            "By a job, row by row: where the fee would be another than was shown, nothing happens and the row says so. "
            "Repeating is harmless."
        ),
        answer=RegisterBulk,
        run=confirm,
    ),
    Operation(
        id="drop_register_bulk",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("Drop what was only looked at"),
        answer=RegisterBulk,
        run=drop,
    ),
    Operation(
        id="undo_register_bulk",
        method="POST",
        path=f"{ONE}/undo",
        tag=TAG,
        summary=N_("Take values that were taken over back"),
        description=N_("Row by row, where nothing newer stands; the rows say what stays and why. Not for names."),
        answer=RegisterBulk,
        run=undo,
    ),
)
