"""Accounts of people, what they may do where, and their signed-in browsers."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec

from crm import roles
from crm.actor import Actor
from crm.database import Connection
from crm.store import audit

TOKEN_BYTES = 32
IDLE_LIMIT = timedelta(hours=8)
ABSOLUTE_LIMIT = timedelta(days=7)
BROWSER_MAX = 200
Method = Literal["password", "passkey", "code", "link", "invitation", "oidc"]
Place = Literal["host", "network", "organisation"]


class Account(msgspec.Struct, frozen=True):
    """A person who signs in; without a password, `password_hash` is None."""

    id: UUID
    email: str
    name: str
    password_hash: str | None
    language: str
    demo: bool


class Held(msgspec.Struct, frozen=True):
    """A role somebody has in a place."""

    role: str
    place: UUID


class Session(msgspec.Struct, frozen=True):
    """A signed-in browser, who uses it, and what they may do; everything by id.

    `must_secure`: the person has a role that asks for a second factor, and this session was opened without one;
    then such roles are left out of the sets.
    """

    token_hash: str
    id: UUID
    account: UUID
    email: str
    name: str
    language: str
    csrf: str
    created_at: datetime
    seen_at: datetime
    confirmed_at: datetime
    method: str
    strong: bool
    demo: bool
    manages: frozenset[UUID] = frozenset()
    books: frozenset[UUID] = frozenset()
    views: frozenset[UUID] = frozenset()
    hosts: frozenset[UUID] = frozenset()
    runs: frozenset[UUID] = frozenset()
    acts_for: frozenset[UUID] = frozenset()
    must_secure: bool = False

    @property
    def sees(self) -> frozenset[UUID]:
        """Networks whose office the person may open."""
        return self.manages | self.books | self.views


class SessionRow(msgspec.Struct, frozen=True):
    """A signed-in browser in the list of an account."""

    id: UUID
    token_hash: str
    method: str
    browser: str
    created_at: datetime
    seen_at: datetime


def secret_hash(text: str) -> str:
    """What is stored of a random id or code."""
    return sha256(text.encode()).hexdigest()


async def add(
    connection: Connection, email: str, name: str, password_hash: str | None, language: str, demo: bool = False
) -> UUID | None:
    """A new account; None when the address has one already."""
    return await connection.fetchval(
        "insert into account (id, email, name, password_hash, language, demo, created_at)"
        " values ($1, $2, $3, $4, $5, $6, now()) on conflict (email) do nothing returning id",
        uuid4(),
        email,
        name,
        password_hash,
        language,
        demo,
    )


async def give_role(connection: Connection, account: UUID, role: str, place: UUID, by: str) -> str | None:
    """The account has this role in that place from now on, instead of any other it had there; which one that was."""
    column = f"{roles.PLACES[role]}_id"
    before = await connection.fetchval(
        f"select role from role where account_id = $1 and {column} = $2 for update", account, place
    )
    await connection.execute(
        f"insert into role (id, account_id, {column}, role, given_by, given_at) values ($1, $2, $3, $4, $5, now())"
        " on conflict (account_id, network_id, host_id, organisation_id)"
        " do update set role = excluded.role, given_by = excluded.given_by, given_at = excluded.given_at",
        uuid4(),
        account,
        place,
        role,
        by,
    )
    return before


async def add_roles(connection: Connection, account: UUID, places: Iterable[UUID], role: str, by: str = "") -> None:
    """Give an account a role in these places; having it already is fine."""
    for place in places:
        await give_role(connection, account, role, place, by)


async def take_role(connection: Connection, account: UUID, place: Place, where: UUID) -> str | None:
    """The account has no role there any more; which one it had."""
    return await connection.fetchval(
        f"delete from role where account_id = $1 and {place}_id = $2 returning role", account, where
    )


async def held(connection: Connection, account: UUID) -> list[Held]:
    """Every role of an account."""
    rows = await connection.fetch(
        "select role, coalesce(network_id, host_id, organisation_id) as place from role where account_id = $1", account
    )
    return [Held(**row) for row in rows]


async def needs_strong(connection: Connection, account: UUID) -> bool:
    """Has the account a role that asks for a second factor?"""
    return bool(
        await connection.fetchval(
            "select exists (select from role where account_id = $1 and role = any($2))", account, sorted(roles.STRONG)
        )
    )


_ACCOUNT = "select id, email, name, password_hash, language, demo from account"


async def by_email(connection: Connection, email: str) -> Account | None:
    """The account of an address, None when there is none."""
    return _account(await connection.fetchrow(f"{_ACCOUNT} where email = $1", email))


async def get(connection: Connection, account: UUID) -> Account | None:
    """The account with this id, None when there is none."""
    return _account(await connection.fetchrow(f"{_ACCOUNT} where id = $1", account))


def _account(row: Any) -> Account | None:
    return Account(**dict(row)) if row else None


async def everybody(connection: Connection) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...], int]]:
    """(address, name, roles as role@place, ways to sign in, open sessions) of every account, by address."""
    rows = await connection.fetch(
        "select a.email, a.name, array(select r.role || '@' || coalesce(n.slug, h.code, o.name) from role r"
        " left join network n on n.id = r.network_id left join host h on h.id = r.host_id"
        " left join organisation o on o.id = r.organisation_id where r.account_id = a.id order by 1) as roles,"
        " array_remove(array[case when a.password_hash is not null then 'password' end,"
        " case when exists (select from authenticator x where x.account_id = a.id) then 'app' end,"
        " case when exists (select from passkey x where x.account_id = a.id) then 'passkey' end,"
        " case when exists (select from identity x where x.account_id = a.id) then 'oidc' end], null) as ways,"
        " (select count(*) from session x where x.account_id = a.id) as sessions from account a order by a.email"
    )
    return [(r["email"], r["name"], tuple(r["roles"]), tuple(r["ways"]), r["sessions"]) for r in rows]


async def lock(connection: Connection, account: UUID) -> None:
    """Nobody else changes how this account signs in until the transaction ends."""
    await connection.execute("select from account where id = $1 for update", account)


async def set_password_hash(connection: Connection, account: UUID, password_hash: str | None) -> None:
    """Another password, a newer hash of the same one, or none."""
    await connection.execute("update account set password_hash = $2 where id = $1", account, password_hash)


# --- signed-in browsers


async def open_session(
    connection: Connection,
    account: Account,
    method: Method,
    strong: bool,
    now: datetime,
    browser: str = "",
    old_token: str = "",
) -> str:
    """Sign a browser in: a new random id, given back this once. The session it had before is over."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    if old_token:
        await close_session(connection, secret_hash(old_token))
    await drop_expired(connection, now - ABSOLUTE_LIMIT, now - IDLE_LIMIT)
    await connection.execute(
        "insert into session (token_hash, public_id, account_id, csrf, created_at, seen_at, confirmed_at, method,"
        " strong, browser) values ($1, $2, $3, $4, $5, $5, $5, $6, $7, $8)",
        secret_hash(token),
        uuid4(),
        account.id,
        secrets.token_urlsafe(TOKEN_BYTES),
        now,
        method,
        strong,
        browser[:BROWSER_MAX],
    )
    detail = {"method": method, "strong": strong}
    await audit.append(connection, Actor(account.name, "web"), "signed_in", detail, subject=account.id)
    return token


_SESSION = """
select s.token_hash, s.public_id as id, a.id as account, a.email, a.name, a.language, s.csrf, s.created_at, s.seen_at,
    s.confirmed_at, s.method, s.strong, a.demo, held.*
from session s join account a on a.id = s.account_id
cross join lateral (
    select
        coalesce(array_agg(n.id) filter (where r.role in ('manager', 'host_admin')), '{}') as manages,
        coalesce(array_agg(n.id) filter (where r.role = 'treasurer'), '{}') as books,
        coalesce(array_agg(n.id) filter (where r.role = 'viewer'), '{}') as views,
        coalesce(array_agg(r.host_id) filter (where r.role = 'host_admin'), '{}') as hosts,
        coalesce(array_agg(r.organisation_id) filter (where r.role = 'organisation_admin'), '{}') as runs,
        coalesce(array_agg(r.organisation_id) filter (where r.organisation_id is not null), '{}') as acts_for
    from role r left join network n on n.id = r.network_id or n.host_id = r.host_id
    where r.account_id = a.id
) held
where s.token_hash = $1 and s.created_at > $2 and s.seen_at > $3
"""
_SETS = ("manages", "books", "views", "hosts", "runs", "acts_for")


async def session(connection: Connection, token: str, now: datetime) -> Session | None:
    """The session with this id, when it is neither too old nor too long unused."""
    row = await connection.fetchrow(_SESSION, secret_hash(token), now - ABSOLUTE_LIMIT, now - IDLE_LIMIT)
    if row is None:
        return None
    # A host without networks leaves a null among the networks, and is one host however many it runs.
    sets = {name: frozenset(each for each in row[name] if each) for name in _SETS}
    found = Session(**{**dict(row), **sets})
    if found.strong or not (found.manages or found.books or found.hosts):
        return found
    bare: frozenset[UUID] = frozenset()
    return msgspec.structs.replace(found, manages=bare, books=bare, hosts=bare, must_secure=True)


async def touch_session(connection: Connection, token_hash: str, now: datetime) -> None:
    """The session was used."""
    await connection.execute("update session set seen_at = $2 where token_hash = $1", token_hash, now)


async def close_session(connection: Connection, token_hash: str) -> None:
    """Forget one browser."""
    await connection.execute("delete from session where token_hash = $1", token_hash)


async def close_one(connection: Connection, account: UUID, wanted: UUID) -> bool:
    """Forget one browser of an account, by its id; was there one?"""
    return bool(
        await connection.fetchval(
            "delete from session where account_id = $1 and public_id = $2 returning 1", account, wanted
        )
    )


async def close_sessions(connection: Connection, account: UUID, but: str = "") -> int:
    """Forget every browser of an account, but for the one with this hash; how many there were."""
    closed = await connection.fetch(
        "delete from session where account_id = $1 and token_hash <> $2 returning 1", account, but
    )
    return len(closed)


async def drop_expired(connection: Connection, created_after: datetime, seen_after: datetime) -> None:
    """Sessions past their limits are of no use to anybody."""
    await connection.execute("delete from session where created_at <= $1 or seen_at <= $2", created_after, seen_after)


async def open_sessions(connection: Connection, account: UUID, now: datetime) -> list[SessionRow]:
    """An account's browsers, the one used last first."""
    rows = await connection.fetch(
        "select public_id as id, token_hash, method, browser, created_at, seen_at from session where account_id = $1"
        " and created_at > $2 and seen_at > $3 order by seen_at desc, token_hash",
        account,
        now - ABSOLUTE_LIMIT,
        now - IDLE_LIMIT,
    )
    return [SessionRow(**row) for row in rows]
