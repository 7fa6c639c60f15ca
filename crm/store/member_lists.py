"""Pushed lists as they are stored: a run, its rows and verdicts, and the rows that wait for a person."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm.actor import Actor
from crm.database import Connection
from crm.errors import NotFound
from crm.listed import Listed, Sent
from crm.store import jobs

TASK = "settle_member_list"
KEPT_DAYS = 90  # of lists with their rows; what they changed is in the audit trail


class Run(msgspec.Struct, frozen=True):
    """One push; `actor` and `channel` are who sent it."""

    id: UUID
    network_id: UUID
    status: str
    dry_run: bool
    complete: bool
    ends_on: date | None
    confirm: int | None
    total: int
    done: int
    absent: int | None
    actor: str
    actor_id: UUID | None
    channel: str

    @property
    def by(self) -> Actor:
        """Who it was, for the audit trail."""
        reads = frozenset({self.network_id})
        return Actor(self.actor, self.channel, reads=reads, id=self.actor_id)  # type: ignore[arg-type]


class Row(msgspec.Struct, frozen=True):
    """A row that waits: what it says, or None when it is a member that is not on the list and is to end."""

    number: int
    external_id: str
    row: Listed | None
    organisation: UUID | None = None


class Settled(msgspec.Struct, frozen=True):
    """What became of a row. `problems`: [(field, rule, values)]; `why` and `candidates` when it is held."""

    number: int
    external_id: str
    verdict: str
    organisation: UUID | None = None
    membership: UUID | None = None
    problems: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    changes: tuple[str, ...] = ()
    why: str = ""
    candidates: tuple[Any, ...] = ()
    row: Listed | None = None


class Held(msgspec.Struct, frozen=True):
    """A row that waits for a person."""

    id: UUID
    network_id: UUID
    external_id: str
    row: Listed
    why: str
    candidates: list[dict[str, Any]]
    closed_at: datetime | None


async def begin(
    connection: Connection,
    network: UUID,
    actor: Actor,
    options: dict[str, Any],
    batches: Sequence[tuple[int, int, Sent]],
    now: datetime,
) -> UUID:
    """Store a push: rows as (number, batch, what arrived); those that cannot be read are refused at once."""
    made = uuid4()
    wrong = sum(sent.row is None for _, _, sent in batches)
    await connection.execute(
        "insert into member_list (id, network_id, status, dry_run, complete, ends_on, confirm, total, done, counts,"
        " actor, actor_id, channel, created_at)"
        " values ($1, $2, 'waiting', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        made,
        network,
        options["dry_run"],
        options["complete"],
        options["ends_on"],
        options["confirm"],
        len(batches),
        wrong,
        {"refused": wrong} if wrong else {},
        actor.name,
        actor.id,
        actor.channel,
        now,
    )
    await connection.execute(
        "insert into member_list_row (list_id, network_id, number, batch, external_id, body, verdict, problems,"
        " changes) select $1, $2, number, batch, external_id, body::jsonb,"
        " case when body is null then 'refused' else '' end,"
        " problems::jsonb, '[]' from unnest($3::int[], $4::int[], $5::text[], $6::text[], $7::text[])"
        " as r (number, batch, external_id, body, problems)",
        made,
        network,
        [number for number, _, _ in batches],
        [batch for _, batch, _ in batches],
        [sent.external_id for _, _, sent in batches],
        [msgspec.json.encode(sent.row).decode() if sent.row else None for _, _, sent in batches],
        [msgspec.json.encode(_problems(sent.problems)).decode() for _, _, sent in batches],
    )
    return made


async def enqueue(connection: Connection, run: UUID, now: datetime) -> None:
    """A worker settles the rest."""
    await jobs.enqueue(connection, TASK, [({"list": str(run)}, None)], now)


async def lock(connection: Connection, run: UUID) -> Run:
    """The run, held until the transaction ends. NotFound."""
    row = await connection.fetchrow(
        f"select {', '.join(Run.__struct_fields__)} from member_list where id = $1 for update", run
    )
    if row is None:
        raise NotFound("list_id", run)
    return Run(**dict(row))


async def following(connection: Connection, run: UUID) -> list[Row]:
    """The rows of the next batch that waits."""
    rows = await connection.fetch(
        "select number, external_id, body, organisation_id from member_list_row where list_id = $1 and verdict = ''"
        " and batch = (select min(batch) from member_list_row where list_id = $1 and verdict = '') order by number",
        run,
    )
    return [
        Row(r["number"], r["external_id"], _listed(r["body"]) if r["body"] else None, r["organisation_id"])
        for r in rows
    ]


async def settle(connection: Connection, run: Run, settled: Sequence[Settled]) -> None:
    """Write what became of these rows, and how far the run is."""
    await connection.execute(
        "update member_list_row r set verdict = s.verdict, organisation_id = s.organisation_id,"
        " membership_id = s.membership_id, problems = s.problems::jsonb, changes = s.changes::jsonb"
        " from unnest($2::int[], $3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::text[])"
        " as s (number, verdict, organisation_id, membership_id, problems, changes)"
        " where r.list_id = $1 and r.number = s.number",
        run.id,
        [s.number for s in settled],
        [s.verdict for s in settled],
        [s.organisation for s in settled],
        [s.membership for s in settled],
        [msgspec.json.encode(_problems(s.problems)).decode() for s in settled],
        [msgspec.json.encode(s.changes).decode() for s in settled],
    )
    await connection.execute(
        "update member_list set status = 'running', done = done + $2, counts = coalesce((select jsonb_object_agg("
        " verdict, n) from (select verdict, count(*) as n from member_list_row where list_id = $1 and verdict <> ''"
        " group by 1) c), '{}') where id = $1",
        run.id,
        len(settled),
    )


async def hold(connection: Connection, run: Run, settled: Sequence[Settled]) -> None:
    """Rows that wait for a person; a row of the same id that waits already is brought up to date."""
    await connection.executemany(
        "insert into held_row (id, network_id, list_id, number, external_id, body, why, candidates, opened_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, now()) on conflict (network_id, external_id) where closed_at is null"
        " do update set list_id = excluded.list_id, number = excluded.number, body = excluded.body, why = excluded.why,"
        " candidates = excluded.candidates",
        [
            (
                *(uuid4(), run.network_id, run.id, s.number, s.external_id, msgspec.to_builtins(s.row), s.why),
                msgspec.to_builtins(s.candidates),
            )
            for s in settled
        ],
    )


async def held(connection: Connection, wanted: UUID) -> Held:
    """One row that waits, or waited, held until the transaction ends. NotFound."""
    row = await connection.fetchrow(
        "select id, network_id, external_id, body, why, candidates, closed_at from held_row where id = $1 for update",
        wanted,
    )
    if row is None:
        raise NotFound("held_id", wanted)
    told = dict(row)
    return Held(row=_listed(told.pop("body")), **told)


async def close(connection: Connection, wanted: UUID, outcome: str, organisation: UUID | None, actor: Actor) -> None:
    """A person has said whom the row means."""
    await connection.execute(
        "update held_row set closed_at = now(), closed_by = $2, outcome = $3, organisation_id = $4 where id = $1",
        wanted,
        actor.name,
        outcome,
        organisation,
    )


async def settle_open(connection: Connection, network: UUID, certain: Sequence[tuple[str, UUID]]) -> None:
    """Rows that waited and mean somebody for certain now (the partner has put them right) wait no more."""
    await connection.execute(
        "update held_row h set closed_at = now(), outcome = 'taken', organisation_id = c.organisation_id"
        " from unnest($2::text[], $3::uuid[]) as c (external_id, organisation_id) where h.network_id = $1"
        " and h.external_id = c.external_id and h.closed_at is null",
        network,
        [name for name, _ in certain],
        [organisation for _, organisation in certain],
    )


async def absent(connection: Connection, run: Run) -> tuple[list[tuple[UUID, str]], int]:
    """Own members on the day of the end who are in no row, as (organisation, the partner's id); and how many in all."""
    rows = await connection.fetch(
        "select g.organisation_id, coalesce((select min(e.external_id) from external_ref e where e.network_id = $2"
        "  and e.organisation_id = g.organisation_id), '') as external_id, exists (select from member_list_row r"
        "  where r.list_id = $1 and r.organisation_id = g.organisation_id) as listed"
        " from (select distinct organisation_id from membership_grant where network_id = $2 and kind = 'direct'"
        "  and superseded_at is null and starts_on < $3 and (ends_on is null or ends_on > $3)) g order by 1",
        run.id,
        run.network_id,
        run.ends_on,
    )
    return [(r["organisation_id"], r["external_id"]) for r in rows if not r["listed"]], len(rows)


async def unsettled(connection: Connection, run: UUID) -> int:
    """Rows of which nobody knows whom they mean."""
    return await connection.fetchval(
        "select count(*) from member_list_row where list_id = $1 and verdict in ('held', 'refused')", run
    )


async def looked(
    connection: Connection, run: Run, gone: Sequence[tuple[UUID, str]], absent: int, problem: dict[str, Any] | None
) -> None:
    """How many are absent, and the rows of those to end (none when there is a problem)."""
    await connection.execute(
        "update member_list set absent = $2, problem = $3, total = total + $4 where id = $1",
        run.id,
        absent,
        problem,
        len(gone),
    )
    last = await connection.fetchrow(
        "select coalesce(max(number), 0) as number, coalesce(max(batch), 0) as batch from member_list_row"
        " where list_id = $1",
        run.id,
    )
    await connection.executemany(
        "insert into member_list_row (list_id, network_id, number, batch, external_id, organisation_id, verdict,"
        " problems, changes) values ($1, $2, $3, $4, $5, $6, '', '[]', '[]')",
        [
            (run.id, run.network_id, last["number"] + n, last["batch"] + 1 + n // 200, external, organisation)
            for n, (organisation, external) in enumerate(gone, 1)
        ],
    )


async def finish(connection: Connection, run: UUID, now: datetime) -> None:
    """Nothing of it is left."""
    await connection.execute("update member_list set status = 'done', finished_at = $2 where id = $1", run, now)


async def forget(connection: Connection, now: datetime) -> int:
    """Lists that were done long ago are dropped with their rows; how many. Rows that wait for a person stay."""
    done = await connection.execute(
        "delete from member_list where finished_at < $1::timestamptz - make_interval(days => $2)", now, KEPT_DAYS
    )
    return int(done.split()[-1])


def _problems(problems: Sequence[tuple[str, str, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [{"field": f, "rule": rule, "values": msgspec.to_builtins(values)} for f, rule, values in problems]


def _listed(body: dict[str, Any]) -> Listed:
    return msgspec.convert(body, Listed)


async def standing(connection: Connection, settled: Sequence[Settled]) -> set[UUID]:
    """The organisations and memberships of these rows that are there."""
    rows = await connection.fetch(
        "select id from organisation where id = any($1) union select id from membership where id = any($2)",
        [each.organisation for each in settled if each.organisation],
        [each.membership for each in settled if each.membership],
    )
    return {row["id"] for row in rows}
