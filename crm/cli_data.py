"""Commands about data: import, rulebooks, verify."""

from pathlib import Path
from typing import Annotated

import typer

from crm.actions import imports, verify
from crm.actions.imports import Imported
from crm.cli_tools import OPERATOR, DataDir, on_database, out, progress
from crm.context import Context
from crm.folder import Folder
from crm.gateways import folder
from crm.store.verify import Difference

FOUND_SHOWN = 200

rulebook = typer.Typer(no_args_is_help=True, help="Rulebooks as TOML files.")


def import_folder(
    place: Annotated[Path, typer.Argument(metavar="DIR", help="A folder as described in crm/demo_data/README.md.")],
    data_dir: DataDir = None,
) -> None:
    """Load a folder of networks, rulebooks, organisations and memberships: all of it, or nothing."""
    rows = folder.read(place)
    _tell(_load(rows, data_dir))
    if rows.applications:
        out.print(f"{len(rows.applications)} applications in the folder were left alone: only the demo sends them.")


def check_rulebook(file: Annotated[Path, typer.Argument(help="The rulebook.")]) -> None:
    """Say whether a rulebook can be used, and if not, which field is wrong.

    Needs no database: whether the networks its link rules name exist is looked at by `apply`.
    """
    book, _ = folder.read_rulebook(file)
    tiers = ", ".join(tier.code for tier in book.tiers)
    out.print(f"{book.network} version {book.version}, from {book.effective_from}: tiers {tiers};", end=" ")
    out.print(f"{len(book.link_rules)} link rules. Nothing is wrong with it.")


def apply_rulebook(
    file: Annotated[Path, typer.Argument(help="The rulebook.")],
    data_dir: DataDir = None,
) -> None:
    """Publish a rulebook version, and bring every membership it touches in line with it."""
    read = folder.read_rulebook(file)
    _tell(_load(Folder([], [], [], [read], [], [], [], []), data_dir))


def _load(rows: Folder, data_dir: Path | None) -> Imported:
    with progress("deriving memberships") as tell:

        async def load(context: Context) -> Imported:
            return await imports.load(context, OPERATOR, rows, tell)

        return on_database(data_dir, load)


def _tell(new: Imported) -> None:
    out.print(
        f"New: {new.rulebooks} rulebook versions, {new.organisations} organisations,"
        f" {new.decisions} decisions about memberships."
    )


def verify_all(data_dir: DataDir = None) -> None:
    """Recompute everything from the facts and list what is stored otherwise; exit code 1 when something is."""
    with progress("recomputing families") as tell:

        async def run(context: Context) -> list[Difference]:
            return await verify.run(context, tell)

        found = on_database(data_dir, run)
    if not found:
        out.print("Everything stored is what the facts give.")
        return
    for each in found[:FOUND_SHOWN]:
        out.print(f"{each.check}: {each.row}: {each.why}", markup=False)
    if len(found) > FOUND_SHOWN:
        out.print(f"... and {len(found) - FOUND_SHOWN} more")
    out.print(f"{len(found)} differences.")
    raise typer.Exit(1)


rulebook.command("check")(check_rulebook)
rulebook.command("apply")(apply_rulebook)
