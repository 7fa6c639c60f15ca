"""Reference data every decision needs: networks, hosts, rulebooks and agreements, kept in memory.

Rulebooks are versioned and agreements few, so they are read again only when their stamp
(count and newest change) has moved. Both `store` and `reads` stand on this floor.
"""

from asyncio import sleep
from datetime import date
from time import monotonic
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Agreement, Rulebook, Rulebooks
from cluster_rules.offices import Office
from cluster_rules.periods import Period
from crm.database import Connection
from crm.errors import Unavailable

RULES_LOCK = 7_151_993_001
RULE_SECONDS = 20.0
PAUSE = 0.02

_STAMP = """
select (select count(*) || '/' || coalesce(max(published_at)::text, '') from rulebook) || ' ' ||
       (select coalesce(string_agg(code || coalesce(ends_on::text, '') || on_end, ',' order by code), '')
        from agreement) || ' ' ||
       (select string_agg(id::text || xmin::text, ',' order by slug) from network)
"""


class FormerName(msgspec.Struct, frozen=True):
    """What a network was called until a day (the first day it was not)."""

    names: dict[str, str]
    short: dict[str, str]
    until: date


class NetworkRow(msgspec.Struct, frozen=True):
    """A network as pages and the API show it; texts are {nb, en}."""

    id: UUID
    slug: str
    host: str
    host_id: UUID
    host_name: str
    kind: str
    colour: str
    names: dict[str, str]
    short: dict[str, str]
    summary: dict[str, str]
    website: str
    time_zone: str
    founded: date | None
    former_names: tuple[FormerName, ...] = ()
    aliases: tuple[str, ...] = ()
    offices: tuple[Office, ...] = ()
    instance: str = ""  # the address of the other system that runs it (docs/federation.md)

    def on(self, day: date) -> "NetworkRow":
        """The network as it was called on a day."""
        then = next((each for each in self.former_names if day < each.until), None)
        return msgspec.structs.replace(self, names=then.names, short=then.short) if then else self

    def is_called(self, text: str) -> bool:
        """Does a name of now or of earlier have this text in it? Capitals do not matter."""
        former = [name for each in self.former_names for name in (*each.names.values(), *each.short.values())]
        listed = (self.slug, *self.names.values(), *self.short.values(), *self.aliases, *former)
        return any(text.casefold() in name.casefold() for name in listed)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the network's days begin."""
        return ZoneInfo(self.time_zone)


class Catalogue(msgspec.Struct, frozen=True):
    """All networks and rules at one moment."""

    networks: tuple[NetworkRow, ...]
    rulebooks: Rulebooks
    by_slug: dict[str, NetworkRow]
    by_id: dict[UUID, NetworkRow]
    stamp: str = ""

    def network(self, slug: str) -> NetworkRow:
        """The network with this slug; RuleViolation `network_unknown`."""
        if slug not in self.by_slug:
            raise RuleViolation("network_unknown", "network", given=slug)
        return self.by_slug[slug]

    def book(self, slug: str, day: date) -> Rulebook:
        """The rulebook for somebody who joins on `day`; RuleViolation `rulebook_missing`."""
        book = self.rulebooks.governing(slug, day, day)
        if book is None:
            raise RuleViolation("rulebook_missing", "network", network=slug)
        return book

    def tier_names(self, slug: str, code: str) -> dict[str, str]:
        """A tier's names in the newest version that knows it; the code itself when none does."""
        for book in reversed(self.rulebooks.of(slug)):
            if tier := book.tier(code):
                return tier.names
        return {"nb": code, "en": code}


_kept: dict[str, Catalogue] = {}


async def load(connection: Connection) -> Catalogue:
    """The catalogue as it is now, from memory when nothing changed since."""
    stamp = await connection.fetchval(_STAMP) or ""
    if stamp not in _kept:
        fresh = await _read(connection, stamp)
        _kept.clear()
        _kept[stamp] = fresh
    return _kept[stamp]


async def rule(connection: Connection) -> None:
    """Until the transaction ends, nobody else writes what rules decide: for who changes rules or agreements.

    It is asked for again and again, not queued for: who waits in a queue would hold up everybody behind it.
    Unavailable when others leave no moment free.
    """
    until = monotonic() + RULE_SECONDS
    while not await connection.fetchval("select pg_try_advisory_xact_lock($1)", RULES_LOCK):
        if monotonic() > until:
            raise Unavailable
        await sleep(PAUSE)


async def decide(connection: Connection, kept: Catalogue) -> None:
    """Until the transaction ends the rules stay those of `kept`: for who writes what they decided.

    Unavailable when somebody is changing them, or has changed them since `kept` was loaded: what was decided by the
    old ones must not be written, and to wait here for who may wait for us would be a circle.
    """
    free = await connection.fetchval("select pg_try_advisory_xact_lock_shared($1)", RULES_LOCK)
    if not free or await connection.fetchval(_STAMP) != kept.stamp:
        raise Unavailable


async def _read(connection: Connection, stamp: str) -> Catalogue:
    rows = await connection.fetch(
        "select n.id, n.slug, h.code as host, n.host_id, h.name as host_name, n.kind, n.colour, n.names,"
        " n.short, n.summary, n.website, n.time_zone, n.founded, n.aliases, n.offices, n.instance"
        " from network n join host h on h.id = n.host_id order by n.slug"
    )
    former = await _former_names(connection)
    networks = tuple(msgspec.convert({**row, "former_names": former.get(row["id"], ())}, NetworkRow) for row in rows)
    by_id = {n.id: n for n in networks}
    books = await connection.fetch("select body from rulebook order by network_id, version")
    agreements = await connection.fetch("select * from agreement order by code")
    return Catalogue(
        networks,
        Rulebooks(
            tuple(msgspec.convert(row["body"], Rulebook) for row in books),
            tuple(_agreement(row, by_id) for row in agreements),
        ),
        {n.slug: n for n in networks},
        by_id,
        stamp,
    )


async def _former_names(connection: Connection) -> dict[UUID, tuple[FormerName, ...]]:
    rows = await connection.fetch(
        "select * from (select network_id, names, short, lead(starts_on) over (partition by network_id"
        " order by starts_on nulls first) as until from known_name where network_id is not null"
        " and withdrawn_at is null) told where until <= current_date order by until"
    )
    out: dict[UUID, tuple[FormerName, ...]] = {}
    for row in rows:
        out[row["network_id"]] = (*out.get(row["network_id"], ()), FormerName(row["names"], row["short"], row["until"]))
    return out


def _agreement(row: Any, by_id: dict[UUID, NetworkRow]) -> Agreement:
    return Agreement(
        code=row["code"],
        source=by_id[row["source_network_id"]].slug,
        target=by_id[row["target_network_id"]].slug,
        period=Period(row["starts_on"], row["ends_on"]),
        on_end=row["on_end"],
        names=row["names"],
        shared_fields=tuple(row["shared_fields"]),
    )
