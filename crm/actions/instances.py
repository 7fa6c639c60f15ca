"""A whole instance as files that anything can read, and into an empty instance again (`crm export`, `crm import`)."""

from collections.abc import Callable
from pathlib import Path

from crm.actor import Actor
from crm.context import Context
from crm.folder import FolderError
from crm.gateways import instance_folder
from crm.gateways.instance_folder import FORMAT, Manifest
from crm.store import audit, backups, instances

Told = Callable[[int, int], None]
is_one = instance_folder.is_one


async def write(context: Context, actor: Actor, place: Path, known: frozenset[str], tell: Told) -> Manifest:
    """Write one snapshot of everything into the new folder `place`, while everything goes on.

    FolderError when the folder is there already. That it was taken along stands in the audit trail after it.
    """
    instance_folder.begin(place)
    made = {}
    async with context.db.tx(isolation="repeatable_read", readonly=True) as connection:
        await instances.take_time(connection)
        found = await instances.tables(connection)
        for done, (table, columns) in enumerate(found.items(), 1):
            rows = await instances.copy_out(connection, table, columns, instance_folder.file_of(place, table))
            made[table] = instance_folder.sealed(place, table, columns, rows)
            tell(done, len(found))
    manifest = Manifest("Klynge", FORMAT, context.clock.now().isoformat(), sorted(known), made)
    instance_folder.finish(place, manifest)
    async with context.db.tx() as connection:
        await audit.append(connection, actor, "instance_exported", {"tables": len(made)})
    return manifest


async def load(context: Context, actor: Actor, place: Path, known: frozenset[str], tell: Told) -> Manifest:
    """Put an exported folder into this empty instance: all of it in one transaction, or nothing.

    FolderError names what is wrong with which file, or that the instance is not empty. Partners' positions begin
    anew, nobody is signed in, and what waited to be sent is withheld, as after `crm restore`.
    """
    async with context.db.tx() as connection:
        await instances.take_time(connection)
        if not await instances.is_empty(connection):
            raise FolderError(str(place), 0, "folder", "goes into an empty instance only: name a new --data-dir")
        found = await instances.tables(connection)
        manifest = instance_folder.read(place, known, found)
        async with instances.unguarded(connection, list(found)):
            for done, (table, told) in enumerate(manifest.tables.items(), 1):
                file = instance_folder.file_of(place, table)
                rows = await instances.copy_in(connection, table, told.columns, file)
                if rows != told.rows:
                    raise FolderError(f"{table}.csv", 0, "rows", f"are {rows}, not {told.rows}")
                tell(done, len(found))
        await connection.execute(backups.after(send_waiting=False))
        detail = {"made": manifest.made_at, "tables": len(found)}
        await audit.append(connection, actor, "instance_imported", detail)
        return manifest
