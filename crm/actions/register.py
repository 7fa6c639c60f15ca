"""Read a file of the register of legal entities: what it says is kept, and what it says otherwise is put on work lists.

Nothing about a member is changed by a read: a person takes a value over (crm/actions/profiles.py), keeps ours
(crm/actions/reviews.py) or decides about the membership. A file is taken whole or not at all, in one transaction.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import date
from typing import Any, BinaryIO
from uuid import UUID

import msgspec

from cluster_rules.register import PERSONAL_FORM, Unit
from crm import catalogue
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import NotFound, Refused
from crm.gateways.register import ALWAYS_PART, Reading, check_day
from crm.i18n import TIME_ZONE
from crm.register_shapes import Read, Wanted
from crm.store import audit, register, register_bulks, register_runs
from crm.store.register import Number

NAME_MAX = 200
STAGED_AT_A_TIME = 5_000
# That so many of our numbers are unknown to the whole register is not believed: the file is a part of it.
MISSING_SHARE, MISSING_LEAST = 0.2, 5
# Bytes read, of how many, units in them.
Tell = Callable[[int, int, int], Awaitable[None]]


class Result(msgspec.Struct, frozen=True):
    """What came of it, for each host; `unchanged`: this very file was read before, and nothing was done."""

    reads: tuple[Read, ...]
    unchanged: bool = False


class _OnlyLooked(Exception):
    """Nobody wanted it done."""


async def _silent(_done: int, _of: int, _units: int) -> None:
    """Nobody is told."""


async def read(
    context: Context, actor: Actor, slug: str, file: BinaryIO, wanted: Wanted, tell: Tell = _silent
) -> Result:
    """Read a file for the host of a network that the actor manages; with no `slug` (the operator) for every host.

    Refused `register_*`: the file is none of the register's, broken at a row, older than the last one, too small to
    be the whole register.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        if slug and slug not in kept.by_slug:
            raise NotFound("network", slug)
        if slug:
            actor.must_manage(kept.by_slug[slug].id)
        hosts = [kept.by_slug[slug].host_id] if slug else await register.hosts(connection)
    today = context.clock.today(TIME_ZONE)
    check_day(wanted.as_of, today)
    size, digest = await asyncio.to_thread(_measured, file)
    name = "".join(filter(str.isprintable, wanted.name)).strip()[:NAME_MAX] or "?"
    told = {"name": name, "sha256": digest, "size": size}
    told |= {"as_of": wanted.as_of, "whole": wanted.keep_all}
    result: Result | None = None
    with suppress(_OnlyLooked):
        async with context.db.tx() as connection:
            await register.lock(connection)
            before = [await register.newest(connection, host) for host in hosts]
            if not wanted.force and (done := _again(before, told, wanted)):
                return Result(done, True)
            _must_be_newer(before, wanted)
            work = _Work(connection, file, wanted, size, tell)
            networks = {host: [n.id for n in kept.networks if n.host_id == host] for host in hosts}
            result = await _take(work, context, actor, kept, networks, told, today)
            if wanted.dry_run:
                raise _OnlyLooked
            await _audit(connection, actor, networks, result)
    assert result is not None
    return result


class _Work(msgspec.Struct):
    """A file on its way into the table it is staged in."""

    connection: Connection
    file: BinaryIO
    wanted: Wanted
    size: int
    tell: Tell


def _measured(file: BinaryIO) -> tuple[int, str]:
    """How long a file is, and its SHA-256; it stands at its beginning again."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    size = file.tell()
    file.seek(0)
    return size, digest


def _again(before: list[Read | None], told: dict[str, Any], wanted: Wanted) -> tuple[Read, ...]:
    """The reads of this very file, when every host's newest one is that."""
    same = tuple(
        each
        for each in before
        if each
        and (each.sha256, each.as_of, each.whole) == (told["sha256"], wanted.as_of, wanted.keep_all)
        and each.part == (wanted.part or each.format in ALWAYS_PART)
    )
    return same if len(same) == len(before) else ()


def _must_be_newer(before: list[Read | None], wanted: Wanted) -> None:
    latest = max((each.as_of for each in before if each), default=None)
    if latest and wanted.as_of < latest and not wanted.force:
        raise Refused("register_older", "as_of", given=wanted.as_of, on=latest)


async def _take(
    work: _Work,
    context: Context,
    actor: Actor,
    kept: Catalogue,
    networks: dict[UUID, list[UUID]],
    told: dict[str, Any],
    today: date,
) -> Result:
    """The file, for each host with its networks."""
    connection, wanted, hosts = work.connection, work.wanted, list(networks)
    await register.begin(connection)
    ours = {host: await register.ours(connection, [host], today) for host in hosts}
    numbers = frozenset(each.number for listed in ours.values() for each in listed)
    reading = Reading(work.file, wanted.as_of)
    found = await _stage(work, reading, numbers)
    if reading.newest and reading.newest > wanted.as_of:
        raise Refused("register_day_early", "as_of", given=wanted.as_of, newest=reading.newest)
    part = wanted.part or reading.part
    if part and wanted.keep_all:
        raise Refused("register_part_kept", "part")
    unknown = {} if part else await _unknown(work, reading, ours, found)
    known = await register.take(connection, wanted.as_of, wanted.keep_all, wanted.force)
    organisations = sorted({each.organisation_id for listed in ours.values() for each in listed})
    opened, settled = await register.turn(connection, kept, today, context.clock.now(), organisations)
    ruled = await _by_rule(work, context, actor, networks, today)
    reads = []
    for host in hosts:
        reasons: Counter[str] = Counter()
        for (network, reason), count in opened.items():
            reasons[reason] += count if network in networks[host] else 0
        counts = {
            "units": reading.count,
            "ours": len(ours[host]),
            "found": sum(each.number in found for each in ours[host]),
            "unknown": sum(each.number in unknown for each in ours[host]),
            "known": known,
            "opened": reasons.total(),
            "settled": sum(settled[network] for network in networks[host]),
            "by_rule": ruled[host],
            **+reasons,
        }
        more = told | {"format": reading.format, "part": part, "counts": counts}
        reads.append(register.new_read(host, more, actor, context.clock.now()))
    for each in reads:
        await register.record(connection, each)
    return Result(tuple(reads))


async def _by_rule(
    work: _Work, context: Context, actor: Actor, networks: dict[UUID, list[UUID]], today: date
) -> Counter[UUID]:
    """Headcounts that change no class of size, of hosts that let them be taken over: a job does, row by row. How many
    of each host."""
    counts: Counter[UUID] = Counter()
    for host in await register_runs.takes_small(work.connection, list(networks)):
        for network in networks[host]:
            counts[host] += await register_bulks.begin_by_rule(
                work.connection, network, actor, today, context.clock.now()
            )
    return counts


async def _stage(work: _Work, reading: Reading, numbers: frozenset[str]) -> set[str]:
    """The units of ours, and all of them where they are kept, into the staged table; the numbers of ours found.

    A file is decoded beside the event loop. Sole traders are people, and kept only where they are members.
    """
    pieces: Iterator[list[Unit]] = reading.units(None if work.wanted.keep_all else numbers)
    found: set[str] = set()
    waiting: list[Unit] = []
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        found.update(unit.number for unit in piece if unit.number in numbers)
        waiting += (unit for unit in piece if unit.form != PERSONAL_FORM or unit.number in numbers)
        if len(waiting) >= STAGED_AT_A_TIME:
            await register.stage(work.connection, waiting, work.wanted.as_of, work.wanted.keep_all)
            waiting = []
        await work.tell(reading.done, work.size, reading.count)
    await register.stage(work.connection, waiting, work.wanted.as_of, work.wanted.keep_all)
    return found


async def _unknown(work: _Work, reading: Reading, ours: dict[UUID, list[Number]], found: set[str]) -> dict[str, Unit]:
    """Numbers of ours that the whole register does not have, staged as such. Units inside legal entities stand in a
    file of their own. Refused `register_too_small` where that would be so many that the file must be a part."""
    asked = {n.number for listed in ours.values() for n in listed if n.branch == reading.of_branches}
    missing = sorted(asked - found)
    if len(missing) > max(MISSING_LEAST, MISSING_SHARE * len(asked)):
        raise Refused("register_too_small", "part", missing=len(missing), ours=len(asked))
    units = {number: Unit(number, known=False) for number in missing}
    await register.stage(work.connection, units.values(), work.wanted.as_of, work.wanted.keep_all)
    return units


async def _audit(connection: Connection, actor: Actor, networks: dict[UUID, list[UUID]], result: Result) -> None:
    entries: list[tuple[str, UUID, UUID | None, UUID | None, dict[str, Any]]] = []
    for each in result.reads:
        detail = {
            "file": each.name,
            "sha256": each.sha256,
            "as_of": each.as_of.isoformat(),
            "part": each.part,
            "kept_all": each.whole,
            "counts": each.counts,
        }
        entries += [("register_read", network, None, each.id, detail) for network in networks[each.host_id]]
    await audit.append_many(connection, actor, entries)
