"""Which stored secrets there are, with which keys they are sealed, and sealing them anew (ADR 0050).

Everything else that lets somebody in is stored as a hash only: passwords, keys, sessions, links, recovery codes.
"""

from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection, vault_of
from crm.vault import FINGERPRINT_LENGTH, MARK, SealBroken

APPS, WEBHOOKS, AGREEMENTS = "apps", "webhooks", "agreements"


class Place(msgspec.Struct, frozen=True):
    """A table with secrets: its key, and of each column what its secrets are sealed for (`<that>:<key>`)."""

    name: str
    table: str
    key: str
    columns: dict[str, str]
    binary: bool = False


PLACES = (
    Place(APPS, "authenticator", "account_id", {"secret": "authenticator"}, binary=True),
    Place(WEBHOOKS, "webhook", "id", {"secret": "webhook", "old_secret": "webhook"}),
    Place(
        AGREEMENTS,
        "federated_agreement",
        "id",
        {
            "secret": "agreement-ours",
            "old_secret": "agreement-ours",
            "peer_secret": "agreement-theirs",
            "old_peer_secret": "agreement-theirs",
        },
    ),
)
BY_NAME = {place.name: place for place in PLACES}


def sealed_for(name: str, column: str, key: UUID) -> str:
    """What a secret is bound to."""
    return f"{BY_NAME[name].columns[column]}:{key}"


async def counts(connection: Connection) -> dict[str, dict[str, int]]:
    """Secrets by place and the fingerprint of the key that sealed them; "" are those in clear."""
    out: dict[str, dict[str, int]] = {}
    for place in PLACES:
        found: dict[str, int] = {}
        for column in place.columns:
            by = f"case when {_is_sealed(place, column)} then {_sealed_by(place, column)} else '' end"
            there = f"length({column}) > 0"
            rows = await connection.fetch(f"select {by} as by, count(*) from {place.table} where {there} group by 1")
            for row in rows:
                found[row["by"]] = found.get(row["by"], 0) + row["count"]
        out[place.name] = found
    return out


async def unknown(connection: Connection) -> dict[str, int]:
    """How many secrets are sealed with keys that we do not have, by fingerprint."""
    known = {"", *vault_of(connection).known}
    out: dict[str, int] = {}
    for found in (await counts(connection)).values():
        for by, count in found.items():
            if by not in known:
                out[by] = out.get(by, 0) + count
    return out


async def broken(connection: Connection) -> list[tuple[str, str]]:
    """(row, why) of every sealed secret that does not open."""
    vault, out = vault_of(connection), []
    for place in PLACES:
        names = ", ".join(place.columns)
        async for row in connection.cursor(f"select {place.key} as key, {names} from {place.table} order by 1"):
            for column in place.columns:
                try:
                    vault.open(sealed_for(place.name, column, row["key"]), _raw(place, row[column]))
                except SealBroken as error:
                    out.append((f"{place.table} {row['key']}", str(error)))
    return out


async def lost(connection: Connection) -> list[tuple[Place, UUID]]:
    """Rows with a secret that is sealed with a key we do not have, locked."""
    known, out = list(vault_of(connection).known), []
    for place in PLACES:
        by = {name: _sealed_by(place, name) for name in place.columns}
        sealed = " or ".join(f"{_is_sealed(place, name)} and {by[name]} <> all($1::text[])" for name in by)
        rows = await connection.fetch(
            f"select {place.key} as key from {place.table} where {sealed} order by 1 for update", known
        )
        out += [(place, row["key"]) for row in rows]
    return out


async def seal_some(connection: Connection, place: Place, after: UUID, most: int) -> tuple[UUID | None, int, list[str]]:
    """Seal the next rows' secrets with the first key: (the last row looked at, secrets sealed, those that do not open).

    Rows are taken in the order of their keys, those after `after`; None when there are no more.
    """
    vault = vault_of(connection)
    old = " or ".join(f"length({column}) > 0 and not {_is_sealed(place, column, '$2')}" for column in place.columns)
    rows = await connection.fetch(
        f"select {place.key} as key, {', '.join(place.columns)} from {place.table} where {place.key} > $1 and ({old})"
        f" order by {place.key} limit $3 for update",
        after,
        f"{MARK}{vault.seals_with}:",
        most,
    )
    done, broken = 0, []
    for row in rows:
        for column in place.columns:
            try:
                done += await _seal(connection, place, row, column)
            except SealBroken as error:
                broken.append(str(error))
    return (rows[-1]["key"] if rows else None), done, broken


async def _seal(connection: Connection, place: Place, row: Any, column: str) -> int:
    vault, raw = vault_of(connection), _raw(place, row[column])
    if not raw or raw.startswith(f"{MARK}{vault.seals_with}:".encode()):
        return 0
    of = sealed_for(place.name, column, row["key"])
    sealed = vault.seal(of, vault.open(of, raw))
    await connection.execute(
        f"update {place.table} set {column} = $2 where {place.key} = $1",
        row["key"],
        sealed if place.binary else sealed.decode(),
    )
    return 1


def _raw(place: Place, stored: Any) -> bytes:
    raw: bytes = stored if place.binary else stored.encode()
    return raw


def _text(place: Place, column: str) -> str:
    return f"encode({column}, 'escape')" if place.binary else column


def _is_sealed(place: Place, column: str, start: str = f"'{MARK}'") -> str:
    return f"starts_with({_text(place, column)}, {start}::text)"


def _sealed_by(place: Place, column: str) -> str:
    return f"substr({_text(place, column)}, {len(MARK) + 1}, {FINGERPRINT_LENGTH})"
