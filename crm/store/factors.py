"""What people sign in with besides a password, and the steps of sign-ins that are under way."""

import secrets
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection, vault_of
from crm.errors import Refused
from crm.store.accounts import TOKEN_BYTES, Session, secret_hash
from crm.store.seals import APPS, sealed_for

Kind = Literal["passkey", "new_passkey", "second", "new_app", "link", "oidc", "claim", "known"]


class Passkey(msgspec.Struct, frozen=True):
    """A passkey as stored; `credential_id` and `public_key` are what the device gave."""

    id: UUID
    account_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    name: str
    created_at: datetime
    last_used_at: datetime | None


class Authenticator(msgspec.Struct, frozen=True):
    """The secret an app makes codes of; codes of steps up to `last_step` are spent."""

    secret: bytes
    last_step: int


class Step(msgspec.Struct, frozen=True):
    """Something a browser was asked; `data` is for whoever asked."""

    token_hash: str
    kind: str
    account: UUID | None
    data: dict[str, Any]
    tries: int
    expires_at: datetime


class Ways(msgspec.Struct, frozen=True):
    """With what an account signs in."""

    passkeys: int
    has_app: bool
    has_password: bool
    recovery_codes: int
    identities: int


# --- steps


async def open_step(
    connection: Connection,
    kind: Kind,
    data: dict[str, Any],
    now: datetime,
    lasts: timedelta,
    account: UUID | None = None,
    secret: str = "",
) -> str:
    """Remember what this browser was asked; the random id for its cookie. `secret`: what a mail's link carries."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await connection.execute("delete from sign_in_step where expires_at <= $1", now)
    await connection.execute(
        "insert into sign_in_step (token_hash, kind, account_id, secret_hash, data, tries, created_at, expires_at)"
        " values ($1, $2, $3, $4, $5, 0, $6, $7)",
        secret_hash(token),
        kind,
        account,
        secret_hash(secret) if secret else None,
        data,
        now,
        now + lasts,
    )
    return token


_STEP = "select token_hash, kind, account_id as account, data, tries, expires_at from sign_in_step"


async def step(connection: Connection, kind: Kind, token: str, now: datetime) -> Step | None:
    """What this browser was asked, if it still may answer; nobody else answers meanwhile."""
    row = await connection.fetchrow(
        f"{_STEP} where token_hash = $1 and kind = $2 and expires_at > $3 for update", secret_hash(token), kind, now
    )
    return Step(**dict(row)) if row else None


async def step_of_secret(connection: Connection, kind: Kind, secret: str, now: datetime) -> Step | None:
    """The step whose link somebody followed."""
    row = await connection.fetchrow(
        f"{_STEP} where secret_hash = $1 and kind = $2 and expires_at > $3 for update", secret_hash(secret), kind, now
    )
    return Step(**dict(row)) if row else None


async def close_step(connection: Connection, token_hash: str) -> None:
    """Answered, or given up: it cannot be answered again."""
    await connection.execute("delete from sign_in_step where token_hash = $1", token_hash)


async def close_steps(connection: Connection, kind: Kind, account: UUID) -> None:
    """Whatever of this kind the account was asked, in any browser."""
    await connection.execute("delete from sign_in_step where kind = $1 and account_id = $2", kind, account)


async def tried_step(connection: Connection, token_hash: str) -> None:
    """A wrong answer."""
    await connection.execute("update sign_in_step set tries = tries + 1 where token_hash = $1", token_hash)


# --- passkeys

_PASSKEY = (
    "select id, account_id, credential_id, public_key, sign_count, transports, name, created_at, last_used_at"
    " from passkey"
)


async def passkeys(connection: Connection, account: UUID) -> list[Passkey]:
    """An account's passkeys, the oldest first."""
    rows = await connection.fetch(f"{_PASSKEY} where account_id = $1 order by created_at, id", account)
    return [msgspec.convert(dict(row), Passkey) for row in rows]


async def passkey(connection: Connection, credential_id: bytes) -> Passkey | None:
    """The passkey with this credential id; it is not used elsewhere until the transaction ends."""
    row = await connection.fetchrow(f"{_PASSKEY} where credential_id = $1 for update", credential_id)
    return msgspec.convert(dict(row), Passkey) if row else None


async def add_passkey(
    connection: Connection,
    account: UUID,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
    transports: list[str],
    name: str,
    now: datetime,
) -> UUID | None:
    """A new passkey; None when the device has registered this one before."""
    return await connection.fetchval(
        "insert into passkey (id, account_id, credential_id, public_key, sign_count, transports, name, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (credential_id) do nothing returning id",
        uuid4(),
        account,
        credential_id,
        public_key,
        sign_count,
        transports,
        name,
        now,
    )


async def used_passkey(connection: Connection, wanted: UUID, sign_count: int, now: datetime) -> None:
    """It signed somebody in; its counter stands here now."""
    await connection.execute(
        "update passkey set sign_count = $2, last_used_at = $3 where id = $1", wanted, sign_count, now
    )


async def rename_passkey(connection: Connection, account: UUID, wanted: UUID, name: str) -> bool:
    """What the person calls it; is it theirs?"""
    return bool(
        await connection.fetchval(
            "update passkey set name = $3 where account_id = $1 and id = $2 returning 1", account, wanted, name
        )
    )


async def remove_passkey(connection: Connection, account: UUID, wanted: UUID) -> str | None:
    """It signs nobody in any more; its name, None when it is not theirs."""
    return await connection.fetchval(
        "delete from passkey where account_id = $1 and id = $2 returning name", account, wanted
    )


# --- codes of an app, and the codes for the day it is lost


async def authenticator(connection: Connection, account: UUID) -> Authenticator | None:
    """The account's app; nobody else uses a code of it until the transaction ends."""
    row = await connection.fetchrow(
        "select secret, last_step from authenticator where account_id = $1 for update", account
    )
    if row is None:
        return None
    secret = vault_of(connection).open(sealed_for(APPS, "secret", account), row["secret"])
    return Authenticator(secret, row["last_step"])


async def set_authenticator(connection: Connection, account: UUID, secret: bytes, step: int, now: datetime) -> None:
    """The account's app from now on; the code it was shown with is spent."""
    await connection.execute(
        "insert into authenticator (account_id, secret, last_step, created_at) values ($1, $2, $3, $4)"
        " on conflict (account_id) do update set secret = excluded.secret, last_step = excluded.last_step,"
        " created_at = excluded.created_at",
        account,
        vault_of(connection).seal(sealed_for(APPS, "secret", account), secret),
        step,
        now,
    )


async def spent_step(connection: Connection, account: UUID, step: int) -> None:
    """Codes up to this step are not taken again."""
    await connection.execute("update authenticator set last_step = $2 where account_id = $1", account, step)


async def remove_authenticator(connection: Connection, account: UUID) -> bool:
    """Neither the app nor recovery codes sign in any more; was there an app?"""
    await connection.execute("delete from recovery_code where account_id = $1", account)
    return bool(await connection.fetchval("delete from authenticator where account_id = $1 returning 1", account))


async def set_recovery_codes(connection: Connection, account: UUID, codes: list[str]) -> None:
    """These, and none from before."""
    await connection.execute("delete from recovery_code where account_id = $1", account)
    await connection.executemany(
        "insert into recovery_code (code_hash, account_id) values ($1, $2)",
        [(secret_hash(f"{account}:{code}"), account) for code in codes],
    )


async def use_recovery_code(connection: Connection, account: UUID, code: str, now: datetime) -> bool:
    """Is it one of the account's, and not used before? It is now."""
    return bool(
        await connection.fetchval(
            "update recovery_code set used_at = $3 where code_hash = $1 and account_id = $2 and used_at is null"
            " returning 1",
            secret_hash(f"{account}:{code}"),
            account,
            now,
        )
    )


async def forget(connection: Connection, account: UUID) -> None:
    """Nothing of this signs the account in any more: passkeys, app, codes, other services, steps under way."""
    for table in ("passkey", "authenticator", "recovery_code", "identity", "sign_in_step"):
        await connection.execute(f"delete from {table} where account_id = $1", account)


# --- somebody else's sign-in


async def identity(connection: Connection, issuer: str, subject: str) -> UUID | None:
    """Whose account it is that this service knows by this subject."""
    return await connection.fetchval(
        "select account_id from identity where issuer = $1 and subject = $2", issuer, subject
    )


async def add_identity(connection: Connection, account: UUID, issuer: str, subject: str, now: datetime) -> None:
    """From now on the service's subject is this account."""
    await connection.execute(
        "insert into identity (id, account_id, issuer, subject, created_at) values ($1, $2, $3, $4, $5)",
        uuid4(),
        account,
        issuer,
        subject,
        now,
    )


async def must_be_as_strong(connection: Connection, session: Session) -> None:
    """Who changes how an account signs in has shown its second factor, if it has one. Refused `stronger_first`."""
    have = await ways(connection, session.account)
    if (have.passkeys or have.has_app) and not session.strong:
        raise Refused("stronger_first", "code")


async def ways(connection: Connection, account: UUID) -> Ways:
    """With what an account can sign in now."""
    row = await connection.fetchrow(
        "select (select count(*) from passkey where account_id = a.id) as passkeys,"
        " exists (select from authenticator where account_id = a.id) as has_app,"
        " a.password_hash is not null as has_password,"
        " (select count(*) from recovery_code where account_id = a.id and used_at is null) as recovery_codes,"
        " (select count(*) from identity where account_id = a.id) as identities"
        " from account a where a.id = $1",
        account,
    )
    return Ways(**dict(row))
