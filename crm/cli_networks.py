"""Commands about networks: let several become one; and about what registers say of organisations."""

import csv
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from crm import catalogue
from crm.actions import matching, network_mergers
from crm.actions.network_mergers import Outcome
from crm.catalogue import Catalogue
from crm.cli_tools import OPERATOR, DataDir, on_database, out, progress
from crm.context import Context
from crm.folder import FolderError
from crm.gateways import merger_file
from crm.i18n import translator
from crm.names import network_name, tier_name

MOVES_SHOWN = 200

network = typer.Typer(no_args_is_help=True, help="Networks: new ones, and those that become one.")


@network.command("merge")
def merge(
    file: Annotated[Path, typer.Argument(help="The plan; an example is in crm/demo_data/examples/network-merger.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and store nothing.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Let members of several networks be members of one from a day on: all of them, or none."""
    plan = merger_file.read(file)
    with progress("merging families") as tell:

        async def run(context: Context) -> tuple[Catalogue, Outcome]:
            async with context.db.tx() as connection:
                kept = await catalogue.load(connection)
            manager = msgspec.structs.replace(OPERATOR, manages=frozenset(n.id for n in kept.networks))
            return kept, await network_mergers.run(context, manager, plan, dry_run, tell)

        kept, found = on_database(data_dir, run)
    _tell(kept, plan.into, found)
    out.print("Nothing was stored: this was a dry run." if dry_run else "Done.")


@network.command("main-units")
def main_units(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns sub_unit and main_unit.")],
    data_dir: DataDir = None,
) -> None:
    """Say which sub-unit's number belongs to which main unit, so that duplicates are found."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            units = {row["sub_unit"]: row["main_unit"] for row in csv.DictReader(opened)}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FolderError(file.name, 0, "file", str(error)) from error
    except KeyError as error:
        raise FolderError(file.name, 1, str(error).strip("'"), "this column is missing") from error

    async def run(context: Context) -> int:
        return await matching.know_main_units(context, OPERATOR, units)

    out.print(f"{on_database(data_dir, run)} of {len(units)} sub-units are new or belong to another main unit now.")


def _tell(kept: Catalogue, into: str, found: Outcome) -> None:
    t = translator("en")
    table = Table("Who", "Was", "Is", "Member since", box=None, pad_edge=False)
    for move in found.moves[:MOVES_SHOWN]:
        was = f"{tier_name(t, kept, move.network, move.tier)}, {network_name(t, kept, move.network)}"
        table.add_row(move.name, was, tier_name(t, kept, into, move.into), move.since.isoformat())
    if found.moves:
        out.print(table)
    if len(found.moves) > MOVES_SHOWN:
        out.print(f"... and {len(found.moves) - MOVES_SHOWN} more.")
    out.print(f"{len(found.moves)} memberships move, {found.memberships} timelines change.")
    for slug, version in found.rulebooks:
        out.print(f"Rulebook of {slug}: version {version} is published.")
    for code in found.agreements:
        out.print(f"Agreement {code} ends.")
    for currency, amount in found.credited.items():
        out.print(f"Given back for prepaid days: {t.money(-amount, currency)}")
    for currency, amount in found.billed.items():
        out.print(f"Billed by {network_name(t, kept, into)}: {t.money(amount, currency)}")
