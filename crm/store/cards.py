"""Card forms, refunds asked for, the inbox of events, and named differences. Where money stands is the ledger's word.

Every id made here is the idempotency key of one call to the provider, stored before the call (M13). Amounts are
minor units, moments timestamptz. Everything is the caller's transaction.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection
from crm.store import jobs

HANDLE_TASK = "handle_card_event"
REFUND_TASK = "ask_card_refund"
SWEEP_LIMIT = 500


class Form(msgspec.Struct, frozen=True):
    """A card form as stored; `object_id` and `url` are empty until the provider has answered."""

    id: UUID
    invoice_id: UUID
    amount: int
    currency: str
    status: str
    object_id: str
    url: str
    expires_at: datetime


class Refund(msgspec.Struct, frozen=True):
    """A refund that was asked for; `charge` is the provider's object of its payment."""

    id: UUID
    host_id: UUID
    payment_id: UUID
    charge: str
    amount: int
    currency: str
    status: str
    actor: str


class Waiting(msgspec.Struct, frozen=True):
    """An event of the inbox."""

    id: str
    account: str
    kind: str
    about: str
    status: str
    attempts: int


class Difference(msgspec.Struct, frozen=True):
    """The provider's books and ours on one object; None where one of them does not know it."""

    kind: str
    object_id: str
    on: date
    theirs: int | None
    ours: int | None
    currency: str
    host: UUID | None = None


class Listed(msgspec.Struct, frozen=True):
    """A difference as people look at it: what the provider says and what we booked, both as the fact's amount."""

    id: UUID
    kind: str
    object_id: str
    on_date: date
    theirs: int | None
    ours: int | None
    currency: str
    note: str
    is_open: bool
    found_at: datetime
    closed_at: datetime | None
    closed_by: str


class Held(msgspec.Struct, frozen=True):
    """An event that could not be read in all its tries."""

    id: str
    kind: str
    about: str
    last_error: str
    received_at: datetime


CLOSED_SHOWN = 20
_FORM = "id, invoice_id, amount, currency, status, object_id, url, expires_at"


async def host_code(connection: Connection, host: UUID) -> str:
    """A host's code: the name of its card account in the settings."""
    return await connection.fetchval("select code from host where id = $1", host)


async def host_of_invoice(connection: Connection, invoice: UUID) -> str | None:
    """The code of the host that issued an invoice; None for what nobody has to pay."""
    return await connection.fetchval(
        "select h.code from invoice i join host h on h.id = i.host_id"
        " where i.id = $1 and i.status = 'issued' and i.kind = 'invoice'",
        invoice,
    )


async def open_form(connection: Connection, invoice: UUID) -> Form | None:
    """The form of an invoice that may still be paid."""
    row = await connection.fetchrow(
        f"select {_FORM} from card_session where invoice_id = $1 and status in ('asked', 'open')", invoice
    )
    return Form(**dict(row)) if row else None


async def ask_form(
    connection: Connection, host: UUID, invoice: UUID, amount: int, currency: str, now: datetime, until: datetime
) -> Form | None:
    """Store that a form is wanted; None when somebody else asked at the same moment."""
    row = await connection.fetchrow(
        "insert into card_session (id, host_id, invoice_id, amount, currency, created_at, expires_at)"
        " values ($1, $2, $3, $4, $5, $6, $7) on conflict (invoice_id) where status in ('asked', 'open') do nothing"
        f" returning {_FORM}",
        uuid4(),
        host,
        invoice,
        amount,
        currency,
        now,
        until,
    )
    return Form(**dict(row)) if row else None


async def note_form(
    connection: Connection, form: UUID, status: str, object_id: str = "", url: str = "", error: str = ""
) -> None:
    """What became of a form; its address is kept only while it is open."""
    await connection.execute(
        "update card_session set status = $2, object_id = case when $3 = '' then object_id else $3 end, url = $4,"
        " last_error = $5 where id = $1",
        form,
        status,
        object_id,
        url,
        error,
    )


async def close_form(connection: Connection, object_id: str, status: str) -> None:
    """The provider says that a form was paid or has expired."""
    await connection.execute(
        "update card_session set status = $2, url = '' where object_id = $1 and status in ('asked', 'open')",
        object_id,
        status,
    )


async def ask_refund(
    connection: Connection,
    host: UUID,
    payment: UUID,
    amount: int,
    currency: str,
    reason: str,
    actor: str,
    now: datetime,
) -> UUID:
    """Store a refund to ask for, and a job that asks again should this process die before there is an answer."""
    made = uuid4()
    await connection.execute(
        "insert into card_refund (id, host_id, payment_id, amount, currency, reason, actor, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8)",
        made,
        host,
        payment,
        amount,
        currency,
        reason,
        actor,
        now,
    )
    await jobs.enqueue(connection, REFUND_TASK, [({"refund": str(made)}, now)], now)
    return made


async def refund(connection: Connection, wanted: UUID) -> Refund:
    """A refund that was asked for, locked until the transaction ends."""
    row = await connection.fetchrow(
        "select r.id, r.host_id, r.payment_id, p.object_id as charge, r.amount, r.currency, r.status, r.actor"
        " from card_refund r join payment p on p.id = r.payment_id where r.id = $1 for update of r",
        wanted,
    )
    return Refund(**dict(row))


async def refunds_under_way(connection: Connection, payment: UUID) -> int:
    """What was asked back of a payment and has no answer yet."""
    return await connection.fetchval(
        "select coalesce(sum(amount), 0)::bigint from card_refund where payment_id = $1 and status = 'asked'", payment
    )


async def note_refund(connection: Connection, wanted: UUID, status: str, object_id: str = "", error: str = "") -> None:
    """What became of a refund."""
    await connection.execute(
        "update card_refund set status = $2, object_id = $3, last_error = $4 where id = $1",
        wanted,
        status,
        object_id,
        error,
    )


# The inbox


async def keep_event(connection: Connection, account: str, event: Any, now: datetime) -> bool:
    """Store an event whose signature was right, with a job to handle it; False when it is known."""
    row = await connection.fetchval(
        "insert into card_event (id, account, kind, object, about, happened_at, received_at)"
        " values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning id",
        event.id,
        account,
        event.kind,
        event.object,
        event.about,
        event.at,
        now,
    )
    if row:
        await jobs.enqueue(connection, HANDLE_TASK, [({"event": event.id}, None)], now)
    return row is not None


async def event(connection: Connection, wanted: str) -> Waiting | None:
    """An event of the inbox."""
    row = await connection.fetchrow(
        "select id, account, kind, about, status, attempts from card_event where id = $1", wanted
    )
    return Waiting(**dict(row)) if row else None


async def note_event(connection: Connection, wanted: str, status: str, now: datetime, error: str = "") -> None:
    """What became of an event; `waiting` counts one more try."""
    await connection.execute(
        "update card_event set status = $2::text, attempts = attempts + 1, last_error = $3,"
        " handled_at = case when $2::text = 'waiting' then null else $4::timestamptz end"
        " where id = $1 and status = 'waiting'",
        wanted,
        status,
        error,
        now,
    )


async def requeue_stranded(connection: Connection, before: datetime, now: datetime) -> list[str]:
    """Give events that wait since before a moment, and have no job, another one; which ones."""
    rows = await connection.fetch(
        "select e.id from card_event e where e.status = 'waiting' and e.received_at < $1"
        " and not exists (select from pgqueuer q where q.entrypoint = $2"
        "   and convert_from(q.payload, 'UTF8')::jsonb ->> 'event' = e.id) order by e.received_at limit $3",
        before,
        HANDLE_TASK,
        SWEEP_LIMIT,
    )
    found = [row["id"] for row in rows]
    await jobs.enqueue(connection, HANDLE_TASK, [({"event": each}, None) for each in found], now)
    return found


# The provider's books beside ours


async def booked(connection: Connection, provider: str, objects: Collection[str]) -> dict[tuple[str, str], int]:
    """(object, phase) -> the amount of the fact as booked, of these objects."""
    rows = await connection.fetch(
        "select object_id, phase, (fact ->> 'amount')::bigint as amount from ledger_transaction"
        " where provider = $1 and object_id = any($2)",
        provider,
        list(objects),
    )
    return {(row["object_id"], row["phase"]): row["amount"] for row in rows}


async def booked_between(
    connection: Connection, provider: str, hosts: Collection[UUID], first: date, last: date
) -> list[Difference]:
    """What we booked of the provider from `first` to `last`, as if the provider did not know it."""
    rows = await connection.fetch(
        "select object_id, phase, on_date, (fact ->> 'amount')::bigint as amount, currency, host_id"
        " from ledger_transaction where provider = $1 and host_id = any($2) and on_date between $3 and $4",
        provider,
        list(hosts),
        first,
        last,
    )
    return [
        Difference(r["phase"], r["object_id"], r["on_date"], None, r["amount"], r["currency"], r["host_id"])
        for r in rows
    ]


async def note_differences(
    connection: Connection, account: str, first: date, last: date, found: list[Difference], now: datetime
) -> tuple[int, int]:
    """Store the open items of these days; those that are none any more are closed. (new, closed)."""
    keys = [f"{each.kind}/{each.object_id}" for each in found]
    closed = await connection.fetch(
        "update card_difference set is_open = false, closed_at = $5, closed_by = 'Klynge'"
        " where is_open and account = $1 and on_date between $2 and $3"
        " and not (kind || '/' || object_id = any($4)) returning id",
        account,
        first,
        last,
        keys,
        now,
    )
    made = 0
    for each in found:
        made += bool(
            await connection.fetchval(
                "insert into card_difference (id, host_id, account, on_date, kind, object_id, theirs, ours, currency,"
                " found_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
                " on conflict (account, kind, object_id) where is_open do nothing returning true",
                uuid4(),
                each.host,
                account,
                each.on,
                each.kind,
                each.object_id,
                each.theirs,
                each.ours,
                each.currency,
                now,
            )
        )
    return made, len(closed)


async def open_differences(connection: Connection) -> list[Difference]:
    """Everything that does not agree and nobody has explained, the oldest first."""
    rows = await connection.fetch(
        "select kind, object_id, on_date, theirs, ours, currency, host_id from card_difference where is_open"
        " order by on_date, object_id"
    )
    return [Difference(*row) for row in rows]


async def differences(connection: Connection, host: UUID, account: str) -> list[Listed]:
    """A host's open items, the oldest first, and those closed lately; with what its account shares with other hosts."""
    rows = await connection.fetch(
        "select id, kind, object_id, on_date, theirs, ours, currency, note, is_open, found_at, closed_at, closed_by"
        " from ((select * from card_difference where is_open and (host_id = $1 or host_id is null and account = $2))"
        " union all (select * from card_difference where not is_open"
        "   and (host_id = $1 or host_id is null and account = $2) order by closed_at desc limit $3)) found"
        " order by is_open desc, case when is_open then on_date end, closed_at desc, object_id",
        host,
        account,
        CLOSED_SHOWN,
    )
    return [Listed(**dict(row)) for row in rows]


async def held_events(connection: Connection, account: str, since: datetime) -> list[Held]:
    """Events of an account that came since a moment and that nobody could read, the oldest first."""
    rows = await connection.fetch(
        "select id, kind, about, last_error, received_at from card_event where account = $1 and status = 'held'"
        " and received_at >= $2 order by received_at, id limit $3",
        account,
        since,
        SWEEP_LIMIT,
    )
    return [Held(**dict(row)) for row in rows]


async def difference_host(connection: Connection, wanted: UUID) -> tuple[UUID | None, bool] | None:
    """(host, whether it is open) of a difference, locked; None when there is none."""
    row = await connection.fetchrow("select host_id, is_open from card_difference where id = $1 for update", wanted)
    return tuple(row) if row else None


async def close_difference(connection: Connection, wanted: UUID, note: str, actor: str, now: datetime) -> None:
    """A person looked at a difference and says what it is."""
    await connection.execute(
        "update card_difference set is_open = false, note = $2, closed_at = $3, closed_by = $4 where id = $1",
        wanted,
        note,
        now,
        actor,
    )
