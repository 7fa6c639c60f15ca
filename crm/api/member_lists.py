"""A partner's own system pushes its list of members; a person says whom a held row means."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import words
from crm.actions import member_lists as actions
from crm.actions.member_lists import Options
from crm.api import edge, list_bodies, shapes
from crm.api.list_bodies import MemberListForm
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.api.problems import EdgeError
from crm.api.reviews import Paging
from crm.catalogue import Catalogue
from crm.errors import Forbidden, NotFound
from crm.i18n import N_
from crm.listed import Listed, Sent
from crm.reads import member_lists as reads
from crm.store.member_changes import SUGGESTED

TAG = N_("Partner writes")
ONE = "/member-lists/{list_id}"
CURSOR_MAX = 10


class MemberListQuery(msgspec.Struct, frozen=True):
    """How the list is meant."""

    dry_run: Annotated[bool, Meta(description="Say what would become of each row, and store nothing of it.")] = False
    complete: Annotated[bool, Meta(description="Own members that are in no row end on `ends_on`.")] = False
    ends_on: Annotated[date, Meta(description="With `complete`: the first day without membership.")] | None = None
    confirm: (
        Annotated[int, Meta(ge=0, le=1_000_000, description="With `complete`: so many are to end, when they are many.")]
        | None
    ) = None


class MemberListsQuery(msgspec.Struct, frozen=True):
    """How many, the newest first."""

    limit: Annotated[int, Meta(ge=1, le=100, description="How many items at most.")] = 20


class RowsQuery(msgspec.Struct, frozen=True):
    """Which rows."""

    verdict: Annotated[reads.Verdict, Meta(description="Only rows with this verdict.")] | None = None
    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=CURSOR_MAX, description="From `next_cursor`; opaque.")] | None = None


class Pushed(msgspec.Struct, frozen=True):
    """What was sent: how it is meant, and the rows."""

    options: Options
    rows: list[Sent]


class MemberListProblem(shapes.Answer, frozen=True):
    """A rule, and in words; `field` is empty when it is about the whole list."""

    field: str
    rule: str
    message: str


class MemberListRun(shapes.Answer, frozen=True):
    """One push. `status` waiting, running, done or failed; `done` of `total` rows are settled, `counts` by verdict.

    With `complete`: `absent` own members were in no row, and `problem` says why they were not ended.
    """

    id: UUID
    network: str
    status: Literal["waiting", "running", "done", "failed"]
    dry_run: bool
    complete: bool
    ends_on: date | None
    total: int
    done: int
    counts: dict[str, int]
    absent: int | None
    problem: MemberListProblem | None
    sent_by: str
    created_at: datetime
    finished_at: datetime | None


class MemberListEntry(shapes.Answer, frozen=True):
    """A member as the sender's own system has it. What is left out is not told."""

    external_id: str
    name: str
    country: str
    tier: str
    kind: str | None = None
    employees: int | None = None
    municipality: str | None = None
    county: str | None = None
    website: str | None = None
    identifiers: list[shapes.Identifier] = []  # noqa: RUF012 - a Struct copies it
    starts_on: date | None = None
    ends_on: date | None = None
    origin: shapes.Origin | None = None
    parent_external_id: str = ""


class MemberListRow(shapes.Answer, frozen=True):
    """What became of a row: `changed` names what it changed, `suggested` what was suggested to the home network."""

    number: int
    external_id: str
    verdict: reads.Verdict
    organisation_id: UUID | None
    membership_id: UUID | None
    changed: list[str]
    suggested: list[str]
    problems: list[MemberListProblem]
    row: MemberListEntry | None


class HeldCandidate(shapes.Answer, frozen=True):
    """An organisation that the row may mean, and the codes of what speaks for or against it."""

    organisation_id: UUID
    reasons: list[str]


class HeldRow(shapes.Answer, frozen=True):
    """A row of which it is not certain whom it means."""

    id: UUID
    external_id: str
    why: str
    words: str
    row: MemberListEntry
    candidates: list[HeldCandidate]
    opened_at: datetime
    closed: bool


class HeldRowForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the row means: one of its candidates (`take`), nobody we know (`make`), or it is not taken in (`refuse`)."""

    outcome: Literal["take", "make", "refuse"]
    organisation_id: UUID | None = None


async def receive(call: Call[MemberListQuery, Any]) -> Pushed:
    """The body, once it is clear that this key may push a list."""
    kept, slug = await call.kept(), call.slug()
    if slug not in kept.by_slug or kept.by_slug[slug].id not in call.actor.sees:
        raise NotFound("slug", slug)
    call.actor.must_write(kept.by_slug[slug].id, actions.SCOPE)
    query = call.query
    options = Options(query.dry_run, query.complete, query.ends_on, query.confirm)
    return Pushed(options, await list_bodies.read(call.request))


async def push(call: Call[MemberListQuery, Pushed]) -> MemberListRun:
    run = await actions.begin(call.context, call.actor, call.slug(), call.body.rows, call.body.options)
    return await _shown(call, run)


async def show(call: Call[Nothing, None]) -> MemberListRun:
    return await _shown(call, call.id("list_id"))


async def listing(call: Call[MemberListsQuery, None]) -> shapes.Page[MemberListRun]:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        network = kept.by_slug.get(call.slug())
        if network is None or network.id not in call.actor.sees:
            raise NotFound("slug", call.slug())
        found = await reads.runs(connection, network.id, call.query.limit)
    return shapes.Page([_run(call, kept, each) for each in found], None, False)


async def rows(call: Call[RowsQuery, None]) -> shapes.Page[MemberListRow]:
    query, wanted = call.query, call.id("list_id")
    if query.cursor is not None and not (query.cursor.isascii() and query.cursor.isdigit()):
        raise EdgeError(422, "cursor", "cursor_invalid")
    async with call.reading() as connection:
        kept = await call.kept(connection)
        await _found(call, connection, wanted)
        after = min(int(query.cursor or 0), 2**31 - 1)
        found = await reads.rows(connection, wanted, query.verdict, after, query.limit + 1)
    shown = found[: query.limit]
    cursor = str(shown[-1].number) if len(found) > len(shown) else None
    if cursor:
        asked = {"limit": query.limit, "cursor": cursor, "verdict": query.verdict}
        call.headers["link"] = edge.next_link(f"{PREFIX}/member-lists/{wanted}/rows", asked)
    return shapes.Page([_row(call, kept, each) for each in shown], cursor, cursor is not None)


async def list_held(call: Call[Paging, None]) -> shapes.Page[HeldRow]:
    after = edge.cursor_id(call.query.cursor) or reads.FIRST
    async with call.reading() as connection:
        network = await call.managed(connection)
        found = await reads.held(connection, network.id, after, call.query.limit + 1)
    shown = found[: call.query.limit]
    cursor = str(shown[-1].id) if len(found) > len(shown) else None
    if cursor:
        asked = {"limit": call.query.limit, "cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}/networks/{network.slug}/held-rows", asked)
    return shapes.Page([_held(call, each) for each in shown], cursor, cursor is not None)


async def say(call: Call[Nothing, HeldRowForm]) -> HeldRow:
    """Saying it twice is refused: the row was carried out by the first."""
    form, wanted = call.body, call.id("held_id")
    if (form.outcome == "take") != (form.organisation_id is not None):
        raise EdgeError(422, "organisation_id", "only_to_take")
    async with call.reading() as connection:
        found = await reads.one_held(connection, wanted)
    if found is None:
        raise NotFound("held_id", wanted)
    if found.network_id not in call.actor.manages:
        raise Forbidden
    await actions.say(call.context, call.actor, wanted, form.organisation_id, form.outcome == "make")
    async with call.reading() as connection:
        closed = await reads.one_held(connection, wanted)
    assert closed is not None
    return _held(call, closed)


async def _found(call: Call[Any, Any], connection: Any, wanted: UUID) -> reads.Run:
    found = await reads.run(connection, wanted)
    if found is None:
        raise NotFound("list_id", wanted)
    return found


async def _shown(call: Call[Any, Any], wanted: UUID) -> MemberListRun:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        return _run(call, kept, await _found(call, connection, wanted))


def _run(call: Call[Any, Any], kept: Catalogue, run: reads.Run) -> MemberListRun:
    return MemberListRun(
        run.id,
        kept.by_id[run.network_id].slug,
        run.status,
        run.dry_run,
        run.complete,
        run.ends_on,
        run.total,
        run.done,
        run.counts,
        run.absent,
        _problem(call, kept, {"field": "", **run.problem}) if run.problem else None,
        run.actor,
        run.created_at,
        run.finished_at,
    )


def _problem(call: Call[Any, Any], kept: Catalogue, found: dict[str, Any]) -> MemberListProblem:
    message = words.refusal(call.t, kept, found["rule"], found["values"])
    return MemberListProblem(found["field"], found["rule"], message)


def _row(call: Call[Any, Any], kept: Catalogue, row: reads.Row) -> MemberListRow:
    return MemberListRow(
        row.number,
        row.external_id,
        row.verdict or "waiting",
        row.organisation_id,
        row.membership_id,
        [name for name in row.changes if not name.startswith(SUGGESTED)],
        [name.removeprefix(SUGGESTED) for name in row.changes if name.startswith(SUGGESTED)],
        [_problem(call, kept, each) for each in row.problems],
        _entry(row.body) if row.body else None,
    )


def _entry(body: dict[str, Any]) -> MemberListEntry:
    return msgspec.convert(msgspec.to_builtins(msgspec.convert(body, Listed)), MemberListEntry)


def _held(call: Call[Any, Any], row: reads.Held) -> HeldRow:
    return HeldRow(
        row.id,
        row.external_id,
        row.why,
        words.refusal(call.t, None, f"held_{row.why}", {}),
        _entry(row.body),
        [HeldCandidate(c["organisation"], [r["code"] for r in c["reasons"]]) for c in row.candidates],
        row.opened_at,
        row.closed_at is not None,
    )


_EXAMPLE = {
    "members": [
        {
            "external_id": "C-1001",
            "name": "Example AS",
            "country": "NO",
            "tier": "partner",
            "identifiers": [{"scheme": "no-orgnr", "value": "310004715"}],
        }
    ]
}
operations = (
    Operation(
        id="push_member_list",
        method="POST",
        path="/networks/{slug}/member-lists",
        tag=TAG,
        summary=N_("Push the list of members of the network's own system"),
        description=N_(
            "JSON, NDJSON (one member a line) or CSV. Each row has its own verdict; the same list twice changes "
            "nothing. Up to 200 rows are settled at once, more by a worker: follow the list until it is done. Nobody "
            "ends by not being in a row, unless `complete` says so. Takes the scope `members`."
        ),
        query=MemberListQuery,
        body=MemberListForm,
        reader=receive,
        takes=(list_bodies.NDJSON, list_bodies.CSV),
        answer=MemberListRun,
        status=201,
        location="/member-lists/{id}",
        max_body=list_bodies.MAX_BODY,
        example=_EXAMPLE,
        run=push,
    ),
    Operation(
        id="list_member_lists",
        method="GET",
        path="/networks/{slug}/member-lists",
        tag=TAG,
        summary=N_("The newest lists that were pushed"),
        query=MemberListsQuery,
        answer=shapes.Page[MemberListRun],
        run=listing,
    ),
    Operation(
        id="show_member_list",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("One list that was pushed: how far it is and what came of it"),
        answer=MemberListRun,
        run=show,
    ),
    Operation(
        id="list_member_list_rows",
        method="GET",
        path=f"{ONE}/rows",
        tag=TAG,
        summary=N_("What became of its rows"),
        query=RowsQuery,
        answer=shapes.Page[MemberListRow],
        listing=True,
        run=rows,
    ),
    Operation(
        id="list_held_rows",
        method="GET",
        path="/networks/{slug}/held-rows",
        tag=TAG,
        summary=N_("Rows of which it is not certain whom they mean"),
        description=N_("For keys that manage the network."),
        query=Paging,
        answer=shapes.Page[HeldRow],
        listing=True,
        run=list_held,
    ),
    Operation(
        id="say_held_row",
        method="POST",
        path="/held-rows/{held_id}/decision",
        tag=TAG,
        summary=N_("Say whom a held row means"),
        description=N_("The row is carried out then, and the next list with the same row needs no person."),
        body=HeldRowForm,
        answer=HeldRow,
        example={"outcome": "make"},
        renames={"organisation": "organisation_id"},
        run=say,
    ),
)
