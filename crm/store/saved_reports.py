"""Saved reports as they are stored, and who gets one by mail."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection
from crm.errors import NotFound
from crm.store.mail import Recipient


class Saved(msgspec.Struct, frozen=True):
    """A report with its questions, as pairs of an address; `every`: never, week, month or quarter."""

    id: UUID
    network_id: UUID
    account_id: UUID
    report: str
    title: str
    question: list[list[str]]
    shared: bool
    every: str
    file: str
    sent_for: date | None = None


_COLUMNS = ", ".join(Saved.__struct_fields__)


async def save(connection: Connection, saved: Saved) -> None:
    """A new one, or its new state."""
    await connection.execute(
        f"insert into saved_report ({_COLUMNS}, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())"
        " on conflict (id) do update set title = excluded.title, shared = excluded.shared, every = excluded.every,"
        " file = excluded.file, sent_for = excluded.sent_for",
        *(getattr(saved, name) for name in Saved.__struct_fields__),
    )


async def lock(connection: Connection, wanted: UUID) -> Saved:
    """The report, held until the transaction ends. NotFound."""
    row = await connection.fetchrow(f"select {_COLUMNS} from saved_report where id = $1 for update", wanted)
    if row is None:
        raise NotFound("saved_report", wanted)
    return Saved(**dict(row))


async def delete(connection: Connection, wanted: UUID) -> None:
    """Away with it, and with who gets it."""
    await connection.execute("delete from saved_report where id = $1", wanted)


async def count(connection: Connection, network: UUID, account: UUID) -> int:
    """How many somebody keeps in a network."""
    return await connection.fetchval(
        "select count(*) from saved_report where network_id = $1 and account_id = $2", network, account
    )


async def set_readers(connection: Connection, wanted: UUID, accounts: Sequence[UUID]) -> None:
    """Exactly these people get it by mail."""
    await connection.execute(
        "delete from saved_report_reader where saved_id = $1 and not account_id = any($2)", wanted, list(accounts)
    )
    await connection.executemany(
        "insert into saved_report_reader (id, saved_id, account_id, added_at) values ($1, $2, $3, now())"
        " on conflict (saved_id, account_id) do nothing",
        [(uuid4(), wanted, account) for account in accounts],
    )


async def drop_reader(connection: Connection, wanted: UUID, account: UUID) -> None:
    """Somebody does not want it any more."""
    await connection.execute("delete from saved_report_reader where saved_id = $1 and account_id = $2", wanted, account)


async def with_roles(connection: Connection, accounts: Sequence[UUID], networks: Sequence[UUID]) -> set[UUID]:
    """Those of these people who have a role in every one of the networks, or run its host."""
    rows = await connection.fetch(
        "select a.id from account a where a.id = any($1) and not exists (select from unnest($2::uuid[]) n (id)"
        " join network w on w.id = n.id where not exists (select from role r where r.account_id = a.id"
        " and (r.network_id = w.id or r.host_id = w.host_id)))",
        list(accounts),
        list(networks),
    )
    return {row["id"] for row in rows}


async def scheduled(connection: Connection) -> list[Saved]:
    """All that come by mail."""
    rows = await connection.fetch(f"select {_COLUMNS} from saved_report where every <> 'never' order by id")
    return [Saved(**dict(row)) for row in rows]


async def readers(connection: Connection, wanted: UUID) -> dict[UUID, Recipient]:
    """Who gets it, by account."""
    rows = await connection.fetch(
        "select a.id, a.email, a.name, a.language from saved_report_reader r join account a on a.id = r.account_id"
        " where r.saved_id = $1 order by a.email",
        wanted,
    )
    return {row["id"]: Recipient(row["email"], row["name"], row["language"]) for row in rows}


async def keep_file(connection: Connection, mail: UUID, name: str, media_type: str, content: bytes) -> None:
    """A file that goes with a mail."""
    await connection.execute(
        "insert into mail_file (mail_id, name, media_type, content) values ($1, $2, $3, $4)",
        mail,
        name,
        media_type,
        content,
    )


async def file_of(connection: Connection, mail: UUID) -> Any:
    """The file that goes with a mail: name, media_type, content; None when there is none."""
    return await connection.fetchrow("select name, media_type, content from mail_file where mail_id = $1", mail)


async def forget_files(connection: Connection, days: int) -> None:
    """Files of mails that were sent, or given up, so many days ago."""
    await connection.execute(
        "delete from mail_file f using mail m where m.id = f.mail_id and m.status in ('sent', 'failed', 'cancelled')"
        " and m.created_at < now() - make_interval(days => $1)",
        days,
    )
