"""Agreements with networks on other systems, as they are stored: who the other side is, secrets, words, health."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules.federated_terms import Terms
from cluster_rules.federation import Kind, Side, Standing
from cluster_rules.periods import Period, between
from crm.actor import Actor
from crm.database import Connection, vault_of
from crm.errors import NotFound
from crm.store.seals import AGREEMENTS, BY_NAME, sealed_for
from crm.vault import Vault

_SECRETS = BY_NAME[AGREEMENTS].columns
OVERLAP = timedelta(days=2)  # how long a replaced secret still counts


class PeerNetwork(msgspec.Struct, frozen=True):
    """The other network as its system tells of it; texts are {nb, en}."""

    slug: str
    names: dict[str, str]
    short: dict[str, str]
    host: str
    website: str = ""
    time_zone: str = "Europe/Oslo"


class Agreement(msgspec.Struct, frozen=True):
    """One agreement as this side has it (crm/tables/federation.py says what each field is)."""

    id: UUID
    code: str
    side: Side
    network_id: UUID
    mirror_id: UUID | None
    standing: Standing
    terms: Terms | None
    terms_version: int
    peer_instance: str
    peer_url: str
    peer_network: PeerNetwork | None
    secret: str
    old_secret: str
    old_secret_until: datetime | None
    peer_secret: str
    old_peer_secret: str
    old_peer_secret_until: datetime | None
    invite_hash: str
    invite_expires_at: datetime | None
    pauses: tuple[tuple[date, date | None], ...]
    ended_on: date | None
    matched_on: date | None
    matched_at: datetime | None
    heard_at: datetime | None
    failing_since: datetime | None
    failure: str
    attempts: int
    next_try_at: datetime | None
    skew_seconds: int | None
    reasserted: int
    created_at: datetime
    created_by: str

    @property
    def word(self) -> Kind:
        """Our own word's register."""
        return "granting_word" if self.side == "granting" else "receiving_word"

    @property
    def other(self) -> Side:
        """The side that they are."""
        return "receiving" if self.side == "granting" else "granting"

    @property
    def agreed(self) -> Terms:
        """The terms; only a draft that nobody has answered has none."""
        if self.terms is None:
            raise NotFound("terms", self.code)
        return self.terms

    @property
    def paused(self) -> tuple[Period, ...]:
        """The days it was suspended; a suspension that was over on its first day is none."""
        found = (between(start, end or date.max) for start, end in self.pauses)
        return tuple(each for each in found if each)

    def keys(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign what we send now: both, until the other side has the new one and some time after."""
        old = self.old_secret and (self.old_secret_until is None or now < self.old_secret_until)
        return (self.secret, self.old_secret) if old else (self.secret,)

    def peer_keys(self, now: datetime) -> tuple[str, ...]:
        """The secrets with which what they send may be signed now."""
        old = self.old_peer_secret and self.old_peer_secret_until and now < self.old_peer_secret_until
        listed = (self.peer_secret, self.old_peer_secret) if old else (self.peer_secret,)
        return tuple(each for each in listed if each)

    @property
    def actor(self) -> Actor:
        """Who does what the other system says, for the audit trail."""
        name = self.peer_network.names.get("en", "") if self.peer_network else ""
        return Actor(f"{name or self.code} ({self.peer_url})", "api")


async def instance(connection: Connection) -> str:
    """What this system calls itself; made at the first use, and kept through backups."""
    made = await connection.fetchval(
        "insert into federation_instance (id, instance) values (1, $1) on conflict (id) do nothing returning instance",
        str(uuid4()),
    )
    return made or await connection.fetchval("select instance from federation_instance")


async def find(connection: Connection, code: str, lock: bool = False) -> Agreement | None:
    """The agreement with this code; `lock` holds back everybody else who changes it."""
    row = await connection.fetchrow(
        "select * from federated_agreement where code = $1" + (" for no key update" if lock else ""), code
    )
    return _agreement(row, vault_of(connection)) if row else None


async def one(connection: Connection, code: str, lock: bool = False) -> Agreement:
    """The same; NotFound."""
    found = await find(connection, code, lock)
    if found is None:
        raise NotFound("code", code)
    return found


async def invited(connection: Connection, token: str, lock: bool = False) -> Agreement | None:
    """The draft that an invitation's token belongs to, whether or not it has expired."""
    row = await connection.fetchrow(
        "select * from federated_agreement where invite_hash = $1" + (" for no key update" if lock else ""),
        hash_of(token),
    )
    return _agreement(row, vault_of(connection)) if row else None


async def listed(connection: Connection, standings: Collection[str] = (), side: str = "") -> list[Agreement]:
    """Agreements in these standings (none: all), of one side or both, in the order they were made."""
    rows = await connection.fetch(
        "select * from federated_agreement where (cardinality($1::text[]) = 0 or standing = any($1))"
        " and ($2 = '' or side = $2) order by created_at, id",
        list(standings),
        side,
    )
    vault = vault_of(connection)
    return [_agreement(row, vault) for row in rows]


async def add(connection: Connection, agreement: dict[str, Any]) -> UUID:
    """A new one; its id."""
    made = uuid4()
    names = ["id", *agreement]
    marks = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    await connection.execute(
        f"insert into federated_agreement ({', '.join(names)}, created_at) values ({marks}, now())",
        made,
        *_stored(connection, made, agreement),
    )
    return made


async def change(connection: Connection, agreement: UUID, **values: Any) -> None:
    """Set columns; the caller holds the row's lock where it matters."""
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(values, 2))
    await connection.execute(
        f"update federated_agreement set {sets} where id = $1", agreement, *_stored(connection, agreement, values)
    )


def hash_of(token: str) -> str:
    """How an invitation's token is stored."""
    return sha256(token.encode()).hexdigest()


def failing(now: datetime, agreement: Agreement, failure: str, next_try: datetime | None) -> dict[str, Any]:
    """What is kept when the other system did not answer as it should."""
    return {
        "failing_since": agreement.failing_since or now,
        "failure": failure[:500],
        "attempts": agreement.attempts + 1,
        "next_try_at": next_try,
    }


def heard(now: datetime, skew: int | None = None) -> dict[str, Any]:
    """What is kept when it did."""
    values: dict[str, Any] = {
        "heard_at": now,
        "failing_since": None,
        "failure": "",
        "attempts": 0,
        "next_try_at": None,
    }
    return values if skew is None else values | {"skew_seconds": skew}


def _stored(connection: Connection, agreement: UUID, values: dict[str, Any]) -> list[Any]:
    """Values as they are stored: structs as JSON, secrets sealed."""
    vault, out = vault_of(connection), []
    for name, value in values.items():
        if name in _SECRETS:
            value = vault.seal_text(sealed_for(AGREEMENTS, name, agreement), value)
        out.append(msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value)
    return out


def _agreement(row: Any, vault: Vault) -> Agreement:
    values = dict(row)
    for name in _SECRETS:
        values[name] = vault.open_text(sealed_for(AGREEMENTS, name, row["id"]), row[name])
    values["terms"] = msgspec.convert(row["terms"], Terms) if row["terms"] else None
    values["peer_network"] = msgspec.convert(row["peer_network"], PeerNetwork) if row["peer_network"] else None
    values["pauses"] = msgspec.convert(row["pauses"], tuple[tuple[date, date | None], ...])
    return Agreement(**values)
