"""A partner's own system pushes its list: stored, settled row by row in batches, asked back where a person must say.

A short list is settled at once, in the transaction it comes with; a long one by a worker, batch by batch, each in one
transaction, so that a worker that is killed goes on after its last whole batch. A dry run does the same and undoes it.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date
from uuid import UUID

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.member_lists import too_many
from crm import catalogue, faults, forms, listed
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound, Refused
from crm.listed import Sent
from crm.store import audit, member_lists, member_rows
from crm.store.member_lists import Row, Run, Settled

SCOPE = "members"
ROWS_AT_A_TIME = 200
AT_ONCE = 200  # rows of a list that is settled while the caller waits
GUARD_PERCENT = 10  # more of the own members absent than that: the number has to be confirmed
GUARD_LEAST = 3  # so few may always go
TRIES = 3  # when somebody else registers the same number at the same moment


class Options(msgspec.Struct, frozen=True):
    """`complete`: own members that are in no row end on `ends_on`; `confirm`: so many, when they are many."""

    dry_run: bool = False
    complete: bool = False
    ends_on: date | None = None
    confirm: int | None = None


class _OnlyLooked(Exception):
    """It is a dry run."""


async def begin(context: Context, actor: Actor, slug: str, rows: Iterable[Sent], options: Options) -> UUID:
    """Take in a list; its id. NotFound `slug`; ScopeMissing; Invalid: options or the number of rows."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        if slug not in kept.by_slug:
            raise NotFound("slug", slug)
        network = kept.by_slug[slug]
        actor.must_write(network.id, SCOPE)
        arrived = listed.checked(rows)
        _check(options, len(arrived), context.clock.today(network.zone))
        run = await member_lists.begin(
            connection, network.id, actor, msgspec.structs.asdict(options), _batches(arrived), context.clock.now()
        )
        if not options.dry_run:
            detail = {"list": str(run), "rows": len(arrived), "complete": options.complete}
            await audit.append(connection, actor, "member_list_sent", detail, network.id, None, run)
        if len(arrived) > AT_ONCE:
            await member_lists.enqueue(connection, run, context.clock.now())
        else:
            while await _turn(context, connection, run):
                pass
        return run


async def settle(context: Context, run: UUID) -> None:
    """The job of a long list: batch by batch, until nothing of it is left."""
    going = True
    while going:
        async with context.db.tx() as connection:
            going = await _turn(context, connection, run)
            faults.point("member_list_before_commit")
        faults.point("member_list_committed")


async def forget_old(context: Context) -> int:
    """Lists that nobody asks for any more; how many were dropped."""
    async with context.db.tx() as connection:
        return await member_lists.forget(connection, context.clock.now())


async def say(context: Context, actor: Actor, held: UUID, organisation: UUID | None, make: bool = False) -> Settled:
    """A person says whom a held row means: one of its candidates, a new organisation (`make`), or nobody (refused).

    The row is carried out then. NotFound; Refused `already_said`, `not_a_candidate`, and what the row's own rules say.
    """
    async with context.db.tx() as connection:
        found = await member_lists.held(connection, held)
        actor.must_manage(found.network_id)
        if found.closed_at is not None:
            raise Refused("already_said", "held_id")
        among = {UUID(each["organisation"]) for each in found.candidates}
        if organisation is not None and organisation not in among:
            raise Refused("not_a_candidate", "organisation")
        if organisation is None and not make:
            await member_lists.close(connection, held, "refused", None, actor)
            await _said(connection, actor, found, "refused", None)
            return Settled(0, found.external_id, "refused")
        kept = await catalogue.load(connection)
        run = _as_said(found, actor)
        row = Row(0, found.external_id, found.row)
        await member_lists.close(connection, held, "taken" if organisation else "made", organisation, actor)
        forced = {0: organisation or member_rows.MAKE}
        (settled,) = await member_rows.settle(connection, kept, run, [row], context.clock.now(), forced)
        if settled.problems:
            field, rule, values = settled.problems[0]
            raise RuleViolation(rule, field, **values)
        if make:
            await member_lists.close(connection, held, "made", settled.organisation, actor)
        await _said(connection, actor, found, "taken" if organisation else "made", settled.organisation)
        return settled


async def _said(
    connection: Connection, actor: Actor, held: member_lists.Held, outcome: str, organisation: UUID | None
) -> None:
    detail = {"external_id": held.external_id, "outcome": outcome, "why": held.why}
    await audit.append(connection, actor, "held_row_said", detail, held.network_id, organisation, held.id)


def _as_said(held: member_lists.Held, actor: Actor) -> Run:
    """A run of one row, by the person who has said whom it means; it is not stored."""
    return Run(
        held.id, held.network_id, "running", False, False, None, None, 1, 0, None, actor.name, actor.id, actor.channel
    )


def _check(options: Options, rows: int, today: date) -> None:
    problems: forms.Problems = []
    if rows > listed.MOST_ROWS:
        problems.append(("members", "too_many", {"limit": listed.MOST_ROWS}))
    if options.complete and options.ends_on is None:
        problems.append(("ends_on", "required", {}))
    if not options.complete and (options.ends_on is not None or options.confirm is not None):
        field = "ends_on" if options.ends_on is not None else "confirm"
        problems.append((field, "only_complete", {}))
    if options.complete and options.ends_on is not None and abs((options.ends_on - today).days) > 366:
        problems.append(("ends_on", "date_out_of_range", {"given": options.ends_on.isoformat()}))
    if options.complete and not rows:
        problems.append(("members", "list_empty", {}))
    if problems:
        raise Invalid(problems)


def _batches(rows: Sequence[Sent]) -> list[tuple[int, int, Sent]]:
    """(number, batch, row): so many at a time, units in the batch of the organisation that they belong to."""
    out: dict[str, int] = {}
    top = [n for n, s in enumerate(rows) if not (s.row and s.row.parent_external_id)]
    for place, n in enumerate(top):
        out[rows[n].external_id] = place // ROWS_AT_A_TIME
    of_top = {n: place // ROWS_AT_A_TIME for place, n in enumerate(top)}
    last = len(top) // ROWS_AT_A_TIME

    def batch(n: int, sent: Sent) -> int:
        return of_top[n] if n in of_top else out.get(sent.row.parent_external_id if sent.row else "", last)

    return [(n + 1, batch(n, sent), sent) for n, sent in enumerate(rows)]


async def _turn(context: Context, connection: Connection, wanted: UUID) -> bool:
    """The next batch of a run, or who is absent, or its end; False when it is over."""
    run = await member_lists.lock(connection, wanted)
    if run.status in ("done", "failed"):
        return False
    rows = await member_lists.following(connection, wanted)
    if rows:
        kept = await catalogue.load(connection)
        await member_lists.settle(connection, run, await _tried(context, connection, kept, run, rows))
        return True
    if run.complete and run.absent is None:
        await _look_for_absent(connection, run)
        return True
    await member_lists.finish(connection, wanted, context.clock.now())
    return False


async def _tried(
    context: Context, connection: Connection, kept: Catalogue, run: Run, rows: Sequence[Row]
) -> Sequence[Settled]:
    for left in reversed(range(TRIES)):
        settled: Sequence[Settled] = ()
        try:
            with suppress(_OnlyLooked):
                async with context.db.tx():
                    settled = await member_rows.settle(connection, kept, run, rows, context.clock.now())
                    if run.dry_run:
                        raise _OnlyLooked
            return _without_new(settled, await member_lists.standing(connection, settled)) if run.dry_run else settled
        except member_rows.Raced:
            if not left:
                raise
    raise AssertionError("unreachable")


def _without_new(settled: Iterable[Settled], standing: set[UUID]) -> list[Settled]:
    """What a dry run has made is not there: its ids would lead nowhere."""
    return [
        msgspec.structs.replace(
            s,
            organisation=s.organisation if s.organisation in standing else None,
            membership=s.membership if s.membership in standing else None,
        )
        for s in settled
    ]


async def _look_for_absent(connection: Connection, run: Run) -> None:
    """Who is to end for not being on a complete list; nobody while rows are open, or when they are too many."""
    gone, standing = await member_lists.absent(connection, run)
    problem = None
    if unsettled := await member_lists.unsettled(connection, run.id):
        problem = {"rule": "rows_unsettled", "values": {"count": unsettled}}
    elif too_many(len(gone), standing, GUARD_PERCENT, GUARD_LEAST, run.confirm):
        problem = {"rule": "too_many_absent", "values": {"count": len(gone), "of": standing, "percent": GUARD_PERCENT}}
    await member_lists.looked(connection, run, [] if problem else gone, len(gone), problem)
