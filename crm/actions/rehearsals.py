"""Made-up members for partners to try their system with: twelve to begin, and every kind of change at a press.

They are in no list, count, invoice or mail of the network: only the rehearsal's own tables know them (ADR 0030).
"""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from crm import catalogue
from crm.actor import Actor
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.cursors import rehearsal_scope
from crm.database import Connection
from crm.errors import NotFound
from crm.store import rehearsals as store
from crm.store.rehearsals import Entry, Place

GONE = ("left", "lapsed", "link_ended", "merged", "withdrawn")
CHANGES = ("planned", "joined", "changed", *GONE)
KINDS = (*CHANGES, "cursor_expired", "begin")  # the last two: old cursors get 410; all anew
_BRANCHES = (
    *("Aquaculture", "Robotics", "Optics", "Maritime", "Sensors", "Software"),
    *("Timber", "Battery", "Biotech", "Logistics", "Energy", "Health"),
)
_COUNTRIES = ("NO", "NO", "SE", "NO", "DE", "NO")
_KINDS = ("company", "company", "university", "company", "research_institute")
_LINKED_EVERY = 4  # so many-th member is linked
_SPACE = UUID("7c5b1d4e-6a52-4d0b-9f0e-2a3d1e6b8f01")
Member = dict[str, Any]


async def begin(context: Context, network: UUID) -> None:
    """The twelve, if nobody has begun. For who reads them first."""
    async with context.db.tx() as connection:
        kept, row = await _network(connection, network)
        place = await store.locked(connection, network)
        if place.seq == 0:
            await _fill(connection, context, kept, row, place)


async def happen(context: Context, actor: Actor, slug: str, kind: str) -> int:
    """Let something happen to a made-up member: one of KINDS; how many changes that made. NotFound `slug`.

    Where nobody is there to whom it could happen, somebody joins first, so it always happens.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        if slug not in kept.by_slug or kept.by_slug[slug].id not in actor.sees:
            raise NotFound("slug", slug)
        row = kept.by_slug[slug]
        scope, today = rehearsal_scope(row.id), context.clock.today(row.zone)
        place = await store.locked(connection, row.id)
        if place.seq == 0:
            place = await _fill(connection, context, kept, row, place)
        if kind == "begin":
            place = await store.restart(connection, row.id)
            return (await _fill(connection, context, kept, row, place)).seq
        if kind == "cursor_expired":
            await store.write(connection, row.id, scope, place, [])
            await store.prune(connection, row.id, place.seq)
            return 0
        there = await store.members(connection, row.id)
        entries = _entries(kind, there, _maker(kept, row, today, place), _tiers(kept, row))
        await store.write(connection, row.id, scope, place, entries)
        return len(entries)


def _entries(kind: str, there: list[Member], made: Any, tiers: Sequence[str]) -> list[Entry]:
    """The changes that one kind of happening makes."""
    active = [m for m in there if m["status"] == "active"]
    pending = [m for m in there if m["status"] == "pending"]
    if kind == "planned":
        return [_told(made(0, pending=True), "planned")]
    if kind == "joined":
        found = {**pending[0], "status": "active", "version": pending[0]["version"] + 1} if pending else made(0)
        return [_told(found, "joined")]
    wanted = [m for m in active if (m["origin"] == "linked") == (kind == "link_ended")]
    first, before = (wanted[0], []) if wanted else _joined(made(0, linked=kind == "link_ended"))
    if kind == "changed":
        other = next((code for code in tiers if code != first["tier"]), first["tier"])
        named = {**first["organisation"], "name": first["organisation"]["name"].removesuffix(" AS") + " AS"}
        return [*before, _told({**first, "tier": other, "organisation": named, "version": first["version"] + 1}, kind)]
    return [*before, _gone(first, kind)]


def _joined(member: Member) -> tuple[Member, list[Entry]]:
    return member, [_told(member, "joined")]


async def _fill(connection: Connection, context: Context, kept: Catalogue, row: NetworkRow, place: Place) -> Place:
    made = _maker(kept, row, context.clock.today(row.zone), place)
    entries = [_told(made(n, linked=n % _LINKED_EVERY == _LINKED_EVERY - 1), "joined") for n in range(len(_BRANCHES))]
    return await store.write(connection, row.id, rehearsal_scope(row.id), place, entries)


async def _network(connection: Connection, network: UUID) -> tuple[Catalogue, NetworkRow]:
    kept = await catalogue.load(connection)
    return kept, kept.by_id[network]


def _tiers(kept: Catalogue, row: NetworkRow) -> list[str]:
    """The codes of today's levels, the highest first; a network without a rulebook has one made-up level."""
    books = kept.rulebooks.of(row.slug)
    ranked = sorted(books[-1].tiers, key=lambda t: (-t.rank, t.code)) if books else []
    return [tier.code for tier in ranked] or ["member"]


def _maker(kept: Catalogue, row: NetworkRow, today: date, place: Place) -> Any:
    """Makes the n-th new member after a place; everything about it follows from network, place and n."""
    tiers = _tiers(kept, row)

    def made(n: int, linked: bool = False, pending: bool = False) -> Member:
        number = place.seq + n
        named = f"{row.id}/{place.run}/{number}"
        name = f"Example {_BRANCHES[number % len(_BRANCHES)]}"
        again = number // len(_BRANCHES)
        day = today + timedelta(days=30) if pending else today
        return {
            "id": str(uuid5(_SPACE, f"membership {named}")),
            "organisation": {
                "id": str(uuid5(_SPACE, f"organisation {named}")),
                "name": f"{name} {again + 1}" if again else name,
                "country": _COUNTRIES[number % len(_COUNTRIES)],
                "kind": _KINDS[number % len(_KINDS)],
                "website": "https://www.example.com",
                "identifiers": [{"scheme": "pic", "value": f"{number + 1:09d}"}],
            },
            "network": row.slug,
            "tier": tiers[number % len(tiers)],
            "status": "pending" if pending else "active",
            "origin": "linked" if linked else "direct",
            "starts_on": day.isoformat(),
            "ends_on": None,
            "version": 1,
        }

    return made


def _told(member: Member, reason: str) -> Entry:
    body = json.dumps(member, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest, listed = sha256(body.encode()).digest(), member["status"] != "pending"
    return _entry(member, "upsert", reason, member["version"], listed, body, digest)


def _gone(member: Member, reason: str) -> Entry:
    return _entry(member, "remove", reason, member["version"] + 1, False, None, None)


def _entry(
    member: Member, op: str, reason: str, version: int, listed: bool, body: str | None, digest: bytes | None
) -> Entry:
    membership, organisation = UUID(member["id"]), UUID(member["organisation"]["id"])
    bucket = sha256(member["id"].encode()).digest()[0]
    return Entry(membership, organisation, op, reason, version, listed, member["origin"], bucket, body, digest)
