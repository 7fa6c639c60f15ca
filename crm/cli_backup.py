"""`crm backup` and `crm restore`: a whole system into one file and back; `crm export`: as files anything can read."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from crm import migrate, serving
from crm.actions import backups, instances, verify
from crm.cli_tools import OPERATOR, DataDir, err, on_database, out, progress, settings_for
from crm.context import Context
from crm.settings import Settings
from crm.store.backups import State
from crm.store.verify import Difference

File = Annotated[Path, typer.Argument(metavar="FILE")]


def back_up(file: File, data_dir: DataDir = None) -> None:
    """Write everything into one file, as it is at this moment; the system may run meanwhile.

    The file is readable by its owner alone and not encrypted: it holds people's data.
    """
    with progress("tables") as tell:
        size = on_database(data_dir, lambda context: backups.back_up(context, file, tell))
    out.print(
        f"{file} holds everything, {size / 1_000_000:.1f} MB. Try it now and then: crm restore {file} --data-dir NEW"
    )


def restore(
    file: File,
    data_dir: DataDir = None,
    send_waiting: Annotated[
        bool, typer.Option("--send-waiting", help="Also send the mails that waited when the backup was made.")
    ] = False,
) -> None:
    """Put a backup into a new data directory, or into the empty database of DATABASE_URL: all of it, or nothing.

    Partners recover by themselves: their cursors are answered 410, and they read the list anew.
    """
    backups.look_at(file, migrate.known())
    with serving.database(settings_for(data_dir), create=True) as settings:
        asyncio.run(_put_back(settings, file, send_waiting))
        asyncio.run(migrate.migrate(settings.database_url))
        state, differences = asyncio.run(_look(settings, file))
    _tell(state, file)
    _differ(differences)


def export(
    place: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    data_dir: DataDir = None,
) -> None:
    """Write everything into a folder of CSV files, one for each table; `crm import` takes it into an empty instance.

    They hold people's data and hashes of passwords: for the owner's eyes only. To come back to it, make a backup.
    """
    with progress("tables") as tell:

        async def work(context: Context) -> int:
            made = await instances.write(context, OPERATOR, place, migrate.known(), tell)
            return sum(table.rows for table in made.tables.values())

        rows = on_database(data_dir, work)
    out.print(f"{place} holds everything: {rows} rows. README.txt there says how to read it.")


def import_instance(place: Path, data_dir: Path | None) -> None:
    """Put a folder of `crm export` into an empty instance, and verify it."""

    async def work(context: Context) -> list[Difference]:
        with progress("tables") as tell:
            await instances.load(context, OPERATOR, place, migrate.known(), tell)
        with progress("verifying families") as tell:
            return await verify.run(context, tell)

    differences = on_database(data_dir, work)
    out.print(f"{place} is in. Everybody signs in anew, partners read their lists again by themselves.")
    _differ(differences)


def _differ(differences: list[Difference]) -> None:
    for each in differences:
        err.print(f"{each.check}: {each.row}: {each.why}", markup=False)
    if differences:
        raise typer.Exit(1)


async def _put_back(settings: Settings, file: Path, send_waiting: bool) -> None:
    async with serving.opened(settings, migrated=False) as context:
        await backups.put_back(context, file, send_waiting)


async def _look(settings: Settings, file: Path) -> tuple[State, list[Difference]]:
    async with serving.opened(settings) as context:
        state = await backups.settled(context, OPERATOR, file)
        with progress("verifying families") as tell:
            return state, await verify.run(context, tell)


def _tell(state: State, file: Path) -> None:
    out.print(f"{file} is put back: {state.networks} networks, {state.organisations} organisations,", end=" ")
    out.print(f"{state.invoices} invoices.")
    for each in state.numbers:
        out.print(f"  {each.host}, series {each.series}: the last number is {each.last}.", end=" ")
        out.print("Were later ones issued since? Then see docs/operations.md before you issue another.")
    if state.withheld:
        out.print(
            f"  {state.withheld} mails and deliveries waited and are withheld: they have probably been sent since."
        )
    out.print(f"  {state.keys} API keys open as they did then: revoke again what was revoked since.")
    out.print("  Everybody signs in anew. Partners are told to read their lists again, by themselves.")
