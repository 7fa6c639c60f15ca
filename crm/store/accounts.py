"""Accounts of people, the networks they manage, and their signed-in browsers."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection


class Account(msgspec.Struct, frozen=True):
    """A person who signs in."""

    id: UUID
    email: str
    name: str
    password_hash: str
    language: str


class Session(msgspec.Struct, frozen=True):
    """A signed-in browser and who uses it; `manages` are networks by id."""

    token_hash: str
    account: UUID
    email: str
    name: str
    language: str
    csrf: str
    created_at: datetime
    seen_at: datetime
    manages: frozenset[UUID]


async def add(connection: Connection, email: str, name: str, password_hash: str, language: str) -> UUID | None:
    """A new account; None when the address has one already."""
    return await connection.fetchval(
        "insert into account (id, email, name, password_hash, language, created_at)"
        " values ($1, $2, $3, $4, $5, now()) on conflict (email) do nothing returning id",
        uuid4(),
        email,
        name,
        password_hash,
        language,
    )


async def add_roles(connection: Connection, account: UUID, networks: Iterable[UUID], role: str) -> None:
    """Give an account a role in these networks; having it already is fine."""
    await connection.executemany(
        "insert into role (id, account_id, network_id, role) values ($1, $2, $3, $4) on conflict do nothing",
        [(uuid4(), account, network, role) for network in networks],
    )


async def by_email(connection: Connection, email: str) -> Account | None:
    """The account of an address, None when there is none."""
    row = await connection.fetchrow(
        "select id, email, name, password_hash, language from account where email = $1", email
    )
    return Account(**dict(row)) if row else None


async def set_password_hash(connection: Connection, account: UUID, password_hash: str) -> None:
    """Keep a newer hash of the same password."""
    await connection.execute("update account set password_hash = $2 where id = $1", account, password_hash)


async def open_session(connection: Connection, account: UUID, token_hash: str, csrf: str, now: datetime) -> None:
    """Remember a browser that just signed in."""
    await connection.execute(
        "insert into session (token_hash, account_id, csrf, created_at, seen_at) values ($1, $2, $3, $4, $4)",
        token_hash,
        account,
        csrf,
        now,
    )


async def session(
    connection: Connection, token_hash: str, created_after: datetime, seen_after: datetime
) -> Session | None:
    """The session, when it is neither older nor longer unused than that."""
    row = await connection.fetchrow(
        "select s.token_hash, a.id as account, a.email, a.name, a.language, s.csrf, s.created_at, s.seen_at,"
        " array(select r.network_id from role r where r.account_id = a.id and r.role = 'manager') as manages"
        " from session s join account a on a.id = s.account_id"
        " where s.token_hash = $1 and s.created_at > $2 and s.seen_at > $3",
        token_hash,
        created_after,
        seen_after,
    )
    return Session(**{**dict(row), "manages": frozenset(row["manages"])}) if row else None


async def touch_session(connection: Connection, token_hash: str, now: datetime) -> None:
    """The session was used."""
    await connection.execute("update session set seen_at = $2 where token_hash = $1", token_hash, now)


async def close_session(connection: Connection, token_hash: str) -> None:
    """Forget one browser."""
    await connection.execute("delete from session where token_hash = $1", token_hash)


async def close_sessions(connection: Connection, account: UUID) -> int:
    """Forget every browser of an account; how many there were."""
    closed = await connection.fetch("delete from session where account_id = $1 returning 1", account)
    return len(closed)


async def drop_expired(connection: Connection, created_after: datetime, seen_after: datetime) -> None:
    """Sessions past their limits are of no use to anybody."""
    await connection.execute("delete from session where created_at <= $1 or seen_at <= $2", created_after, seen_after)


async def open_sessions(
    connection: Connection, account: UUID, created_after: datetime, seen_after: datetime
) -> list[tuple[str, datetime, datetime]]:
    """(token hash, signed in, last used) of an account's browsers, the one used last first."""
    rows = await connection.fetch(
        "select token_hash, created_at, seen_at from session where account_id = $1 and created_at > $2"
        " and seen_at > $3 order by seen_at desc, token_hash",
        account,
        created_after,
        seen_after,
    )
    return [(r["token_hash"], r["created_at"], r["seen_at"]) for r in rows]
