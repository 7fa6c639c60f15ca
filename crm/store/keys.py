"""Keys of programs: of a key only the SHA-256 of its secret is stored, so a stolen table opens nothing."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection
from crm.errors import NotFound

# What a partner's key may write for its network, when it was made for it: words on linked memberships, suggested
# corrections, the list of its own system. A manager's key may do all of it.
SCOPES = ("links", "profiles", "members")
USED_EVERY_SECONDS = 60  # how exact "last used" is


class Key(msgspec.Struct, frozen=True):
    """A key as stored; `networks` are those it is for (all of them when it is for none in particular).

    The secret before this one opens, too, until `old_secret_until` (UTC; None: there is none).
    """

    id: UUID
    prefix: str
    secret_hash: str
    name: str
    role: str
    networks: list[UUID]
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    network_id: UUID | None = None
    old_secret_hash: str | None = None
    old_secret_until: datetime | None = None
    scopes: list[str] = []


class Listed(msgspec.Struct, frozen=True):
    """A key as an operator is shown it; `network` None: all of them."""

    prefix: str
    name: str
    role: str
    network: str | None
    last_used_at: datetime | None
    old_secret_until: datetime | None
    scopes: list[str]


_KEY = """
select id, prefix, secret_hash, name, role,
       case when network_id is null then array(select n.id from network n) else array[network_id] end as networks,
       created_at, revoked_at, last_used_at, network_id, old_secret_hash, old_secret_until,
       array(select s.scope from key_scope s where s.key_id = api_key.id order by 1) as scopes
from api_key
"""


def secret_hash(secret: str) -> str:
    """What is stored of a secret. It has 256 random bits, so a slow hash would add nothing."""
    return sha256(secret.encode()).hexdigest()


async def add(
    connection: Connection,
    prefix: str,
    secret: str,
    name: str,
    role: str,
    network: UUID | None,
    scopes: Sequence[str] = (),
) -> Key:
    """Store a new key, with what it may write."""
    made = uuid4()
    await connection.execute(
        "insert into api_key (id, prefix, secret_hash, name, role, network_id, created_at)"
        " values ($1, $2, $3, $4, $5, $6, now())",
        made,
        prefix,
        secret_hash(secret),
        name,
        role,
        network,
    )
    await connection.executemany(
        "insert into key_scope (id, key_id, scope) values ($1, $2, $3)",
        [(uuid4(), made, scope) for scope in sorted(set(scopes))],
    )
    return await get(connection, prefix)


async def find(connection: Connection, prefix: str) -> Key | None:
    """The key with this prefix, revoked or not; None when there is none."""
    row = await connection.fetchrow(f"{_KEY} where prefix = $1", prefix)
    return Key(**dict(row)) if row else None


async def get(connection: Connection, prefix: str) -> Key:
    """As `find`; NotFound."""
    found = await find(connection, prefix)
    if found is None:
        raise NotFound("key", prefix)
    return found


async def all_open(connection: Connection) -> list[Listed]:
    """Every key that is not revoked, the oldest first, with what an operator is shown of it."""
    rows = await connection.fetch(
        "select k.prefix, k.name, k.role, n.slug as network, k.last_used_at, k.old_secret_until,"
        " array(select s.scope from key_scope s where s.key_id = k.id order by 1) as scopes"
        " from api_key k left join network n on n.id = k.network_id where k.revoked_at is null"
        " order by k.created_at, k.prefix"
    )
    return [Listed(**dict(row)) for row in rows]


async def revoke(connection: Connection, prefix: str) -> bool:
    """From now on the key opens nothing. False when it was revoked already."""
    done = await connection.execute(
        "update api_key set revoked_at = now() where prefix = $1 and revoked_at is null", prefix
    )
    return done == "UPDATE 1"


async def rotate(connection: Connection, key: UUID, secret: str, old_until: datetime) -> None:
    """Another secret; the one until now opens beside it until a moment. An even older one ends at once."""
    await connection.execute(
        "update api_key set old_secret_hash = secret_hash, old_secret_until = $3, old_used_at = null,"
        " secret_hash = $2 where id = $1",
        key,
        secret_hash(secret),
        old_until,
    )


async def mark_used(connection: Connection, key: UUID, old: bool = False) -> None:
    """Note that the key is in use, at most once a minute: a row written on every request would be a queue.

    `old`: with the secret before this one, so that people see who has not changed over yet.
    """
    used, noted = ("old_used_at", "old_used_at = now(), ") if old else ("last_used_at", "")
    await connection.execute(
        f"update api_key set {noted}last_used_at = now() where id = $1"
        f" and ({used} is null or {used} < now() - make_interval(secs => $2))",
        key,
        USED_EVERY_SECONDS,
    )
