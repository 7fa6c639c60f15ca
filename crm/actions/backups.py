"""Backup and restore of a whole system (`crm backup`, `crm restore`)."""

from collections.abc import Callable, Collection
from pathlib import Path

from crm.actor import Actor
from crm.context import Context
from crm.gateways import postgres_backup
from crm.gateways.postgres_backup import BackupError
from crm.store import audit, backups
from crm.store.backups import State

Told = Callable[[int, int], None]


async def back_up(context: Context, place: Path, tell: Told) -> int:
    """Write one snapshot of the database into the new file `place`, while everything goes on; its size in bytes."""
    async with context.db.pool.acquire() as connection:
        tables = await backups.count_tables(connection)
    return postgres_backup.write(context.settings.database_url, place, tables, tell)


def look_at(place: Path, known: Collection[str]) -> None:
    """BackupError when the file is none of ours, damaged, or made by a version with migrations that are not `known`."""
    if newer := sorted(postgres_backup.contents(place).migrations - set(known)):
        raise BackupError(f"{place} was made by a newer Klynge (its {newer[-1]} is not known here): install that one.")


async def put_back(context: Context, place: Path, send_waiting: bool) -> None:
    """Put a backup into the context's empty database: all of it in one transaction, or nothing.

    BackupError when the database is not empty, or the file turns out to be damaged.
    """
    async with context.db.pool.acquire() as connection:
        if await backups.count_tables(connection):
            raise BackupError("The database is not empty. A backup is put back into a new one: name another.")
    postgres_backup.put_back(context.settings.database_url, place, backups.BEFORE, backups.after(send_waiting))


async def settled(context: Context, actor: Actor, place: Path) -> State:
    """Write down that it was put back, and say what an operator has to think of now."""
    made = postgres_backup.contents(place).made
    async with context.db.tx() as connection:
        state = await backups.state(connection)
        await audit.append(connection, actor, "restored", {"made": made, "withheld": state.withheld})
    return state
