"""A file of the register uploaded, and read by a job: all of it or nothing, and once, whoever is killed meanwhile.

The file lies in the data directory until it is read or has failed. What a read stores and that it is done is one
transaction: a job that begins again finds either nothing or all of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from cluster_rules.errors import RuleViolation
from crm import catalogue, faults
from crm.actor import Actor
from crm.context import Context
from crm.errors import NotFound, Refused
from crm.gateways import register_files as files
from crm.gateways.register import check_day
from crm.i18n import TIME_ZONE
from crm.register_shapes import RUN_AT_WORK, Run, Wanted
from crm.store import audit, register, register_runs

NAME_MAX = 200
UPLOAD_MAX = files.UPLOAD_MAX
TELL_EVERY = 8  # pieces of the file: somebody looks at its page every second
# Reads a file within the transaction that is open: `crm.actions.register.read`, given by whoever runs the job.
Read = Callable[..., Awaitable[Any]]


class _Stopped(Exception):
    """Somebody has stopped it while it was read."""


async def upload(context: Context, actor: Actor, slug: str, file: BinaryIO, said: Wanted) -> UUID:
    """Take a file for the host of a network that the actor manages; the run.

    Refused `register_running` (one at a time for a host), `register_day_ahead`, `register_upload_large`,
    `register_empty`, `register_no_room`.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        if slug not in kept.by_slug:
            raise NotFound("network", slug)
        network = kept.by_slug[slug]
        actor.must_manage(network.id)
        check_day(said.as_of, context.clock.today(TIME_ZONE))
        await register_runs.must_be_free(connection, network.host_id)
    new, now = uuid4(), context.clock.now()
    size = await asyncio.to_thread(files.store, context.settings.data_dir, new, file)
    try:
        async with context.db.tx() as connection:
            told = {name: getattr(said, name) for name in ("as_of", "part", "force", "dry_run")}
            told |= {"name": "".join(filter(str.isprintable, said.name)).strip()[:NAME_MAX] or "?", "size": size}
            told |= {"asked_by": actor.name, "asked_by_id": actor.id, "channel": actor.channel, "asked_at": now}
            await register_runs.add(connection, _new(new, network.host_id, network.id, told))
            detail = {"file": told["name"], "bytes": size, "as_of": said.as_of.isoformat(), "part": said.part}
            await audit.append(connection, actor, "register_uploaded", detail, network.id, None, new)
    except BaseException:
        files.forget(context.settings.data_dir, new)
        raise
    return new


async def settle(context: Context, wanted: UUID, read: Read) -> None:
    """The job of a run: read its file. Run again it begins from nothing, or finds that it is done."""
    place = files.path(context.settings.data_dir, wanted)
    try:
        async with context.db.tx() as connection:
            await register.lock(connection)
            run = await register_runs.get(connection, wanted)
            if run.status in RUN_AT_WORK:
                await _read(context, run, read)
                faults.point("register_before_commit")
        faults.point("register_committed")
    except _Stopped:
        pass
    except RuleViolation as refused:
        async with context.db.tx() as connection:
            await register_runs.fail(connection, wanted, _told(refused), context.clock.now())
    await asyncio.to_thread(place.unlink, True)


async def stop(context: Context, actor: Actor, wanted: UUID) -> None:
    """Nobody wants it any more: nothing of it is stored. Repeating is harmless. NotFound, Forbidden."""
    async with context.db.tx() as connection:
        run = await register_runs.get(connection, wanted)
        kept = await catalogue.load(connection)
        must_manage_host(kept, actor, run.host_id, wanted)
        if await register_runs.stop(connection, wanted, context.clock.now()):
            await audit.append(connection, actor, "register_stopped", {"file": run.name}, run.network_id, None, wanted)


async def rule(context: Context, actor: Actor, slug: str, take_small: bool) -> None:
    """Say whether headcounts that change no class of size are taken over by themselves for a network's host."""
    async with context.db.tx() as connection:
        network = (await catalogue.load(connection)).network(slug)
        actor.must_manage(network.id)
        if await register_runs.rule(connection, network.host_id, take_small, actor, context.clock.now()):
            detail = {"take_small": take_small}
            await audit.append(connection, actor, "register_rule", detail, network.id, None, network.host_id)


async def forget_files(context: Context) -> int:
    """Files that no run needs and that nobody took away, as when the power went: how many."""
    async with context.db.tx() as connection:
        wanted = await register_runs.at_work(connection)
    return await asyncio.to_thread(files.forget_others, context.settings.data_dir, wanted)


def must_manage_host(kept: catalogue.Catalogue, actor: Actor, host: UUID, wanted: UUID) -> None:
    """A host's files are for whoever manages one of its networks. NotFound when nothing of it is seen."""
    own = [network.id for network in kept.networks if network.host_id == host]
    if any(each in actor.manages for each in own):
        return
    if not any(each in actor.sees for each in own):
        raise NotFound("run_id", wanted)
    actor.must_manage(own[0])


async def _read(context: Context, run: Run, read: Read) -> None:
    kept_slug = await _slug(context, run)
    actor = Actor(run.asked_by, run.channel, manages=frozenset({run.network_id}), id=run.asked_by_id)  # type: ignore[arg-type]
    pieces = 0

    async def tell(done: int, _of: int, units: int) -> None:
        nonlocal pieces
        pieces += 1
        if pieces % TELL_EVERY == 1 and context.db.pool.get_max_size() > 1:
            async with context.db.aside() as connection:
                await register_runs.told(connection, run.id, done, units)

    wanted = Wanted(run.name, run.as_of, run.part, force=run.force, dry_run=run.dry_run)
    try:
        file = files.path(context.settings.data_dir, run.id).open("rb")
    except FileNotFoundError:
        raise Refused("register_file_gone", "file") from None
    with file:
        done = await read(context, actor, kept_slug, file, wanted, tell)
    made = done.reads[0]
    async with context.db.tx() as connection:
        told = None if run.dry_run else made.id
        if not await register_runs.finish(connection, run.id, told, made.counts, done.unchanged, context.clock.now()):
            raise _Stopped


async def _slug(context: Context, run: Run) -> str:
    async with context.db.tx() as connection:
        return (await catalogue.load(connection)).by_id[run.network_id].slug


def _new(new: UUID, host: UUID, network: UUID, told: dict[str, Any]) -> Run:
    return Run(
        id=new,
        host_id=host,
        network_id=network,
        status="waiting",
        done=0,
        units=0,
        unchanged=False,
        counts={},
        read_id=None,
        problem=None,
        finished_at=None,
        **told,
    )


def _told(refused: RuleViolation) -> dict[str, Any]:
    params = {name: value if isinstance(value, int) else str(value) for name, value in refused.params.items()}
    return {"code": refused.code, "field": refused.field, "params": params}
