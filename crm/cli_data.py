"""Commands about data: import, rulebooks, verify."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cluster_rules.differences import compare
from cluster_rules.errors import RulebookError, RuleViolation
from cluster_rules.networks import Rulebook
from crm import catalogue, cli_backup, rulebook_words
from crm import rulebook_mistakes as mistakes
from crm.actions import imports, instances, rulebooks, seals, simulation, verify
from crm.actions.imports import Imported
from crm.actions.rulebooks import Published
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.cli_tools import OPERATOR, DataDir, on_database, out, progress
from crm.context import Context
from crm.errors import NotFound
from crm.folder import Folder, FolderError
from crm.gateways import folder, rulebook_text
from crm.i18n import translator
from crm.names import tier_name
from crm.simulation import Simulation
from crm.store.verify import Difference

FOUND_SHOWN = 200
_KINDS = {
    "starts": "starts",
    "ends": "ends",
    "level": "other level",
    "days": "other days or reason",
    "fee": "other fee",
}
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}

rulebook = typer.Typer(no_args_is_help=True, help="Rulebooks as TOML files.")


def import_folder(
    place: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder as in crm/demo_data/README.md, or one of `crm export`.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Load a folder of networks, rulebooks, organisations and memberships, or a whole instance: all, or nothing."""
    if instances.is_one(place):
        cli_backup.import_instance(place, data_dir)
        return
    rows = folder.read(place)
    _tell(_load(rows, data_dir))
    if rows.applications:
        out.print(f"{len(rows.applications)} applications in the folder were left alone: only the demo sends them.")


def check_rulebook(file: Annotated[Path, typer.Argument(help="The rulebook.")]) -> None:
    """Say whether a rulebook can be used, and if not, which line and field is wrong.

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
    """Publish the next version of a rulebook, and bring every membership it touches in line with it.

    As on the page of the rules: only the next number is taken. The same text again is no mistake.
    """
    book, _ = folder.read_rulebook(file)
    with progress("deriving memberships") as tell:

        async def run(context: Context) -> Published:
            manager = _manager_of(await _catalogue(context), book.network)
            return await rulebooks.publish(context, manager, book, tell)

        try:
            made = on_database(data_dir, run)
        except RulebookError as error:
            line = rulebooks.line(file.read_text(encoding="utf-8-sig"), error)
            why = mistakes.why(translator("en"), None, error)
            raise FolderError(f"{file.name}, line {line}", 0, error.field, why) from error
    if made.new:
        out.print(f"{book.network} version {made.version} is published: {made.changed} memberships changed.")
    else:
        out.print(f"{book.network} version {made.version} is published already, with this text. Nothing was changed.")


def diff_rulebook(
    file: Annotated[Path, typer.Argument(help="The rulebook.")],
    data_dir: DataDir = None,
) -> None:
    """Say what a rulebook would change against the newest published version of its network."""
    book, _ = folder.read_rulebook(file)
    kept = on_database(data_dir, _catalogue)
    newest = _version(kept, book.network, None)
    t = translator("en")
    found = rulebook_words.differences(t, kept, compare(newest, book), newest, book)
    out.print(f"{book.network}: version {newest.version} is published, the file says version {book.version}.")
    for each in found:
        out.print(f"{_SIGNS[each.kind]} {each.text}", markup=False)
    if not found:
        out.print("Nothing is different.")


def simulate_rulebook(
    file: Annotated[Path, typer.Argument(help="The rulebook.")],
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day to look at; the first day it holds.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Say what the whole network would look like with a rulebook; nothing is stored."""
    book, _ = folder.read_rulebook(file)
    with progress("simulating families") as tell:

        async def run(context: Context) -> tuple[Catalogue, Simulation]:
            kept = await _catalogue(context)
            manager = _manager_of(kept, book.network)
            day = on.date() if on else None
            return kept, await simulation.simulate(context, manager, book, day, tell)

        kept, found = on_database(data_dir, run)
    _tell_simulation(rulebook_words.with_draft(kept, book), found)


def _tell_simulation(kept: Catalogue, found: Simulation) -> None:
    t = translator("en")
    table = Table("Level", "Members", "then", "Fees a year", "then", box=None, pad_edge=False)
    levels = [(tier_name(t, kept, found.network, code), level) for code, level in sorted(found.levels.items())]
    for name, level in [*levels, ("All levels", found.total)]:
        before = t.money(level.fees_before, found.currency_before)
        after = t.money(level.fees_after, found.currency_after)
        table.add_row(name, t.number(level.members_before), t.number(level.members_after), before, after)
    out.print(f"{found.network} on {found.on}, before and after; nothing is stored:")
    out.print(table)
    for each in found.affected[:FOUND_SHOWN]:
        levels_then = [tier_name(t, kept, each.network, code) if code else "-" for code in (each.old, each.new)]
        currency = kept.rulebooks.of(each.network)[-1].currency
        fees = ["?" if fee is None else t.money(fee, currency) for fee in (each.fee_before, each.fee_after)]
        said = f"{' -> '.join(levels_then)}, fee {' -> '.join(fees)}"
        out.print(f"{_KINDS[each.kind]}: {each.name} in {each.network}: {said}", markup=False)
    if found.changed > FOUND_SHOWN:
        out.print(f"... and {found.changed - FOUND_SHOWN} more")
    out.print(f"{found.changed} memberships change; {found.unsized} fees depend on a size that is not known.")


def export_rulebook(
    network: Annotated[str, typer.Argument(help="The network, as in its address: nora-industry-network.")],
    version: Annotated[int | None, typer.Option(help="Which version; the newest when left out.", min=1)] = None,
    data_dir: DataDir = None,
) -> None:
    """Write a published rulebook as TOML to standard output."""
    book = _version(on_database(data_dir, _catalogue), network, version)
    typer.echo(rulebook_text.write(book), nl=False)


def _manager_of(kept: Catalogue, slug: str) -> Actor:
    """The operator as one who manages this network. RuleViolation `network_unknown`."""
    return msgspec.structs.replace(OPERATOR, manages=frozenset({kept.network(slug).id}))


async def _catalogue(context: Context) -> Catalogue:
    async with context.db.tx() as connection:
        return await catalogue.load(connection)


def _version(kept: Catalogue, slug: str, version: int | None) -> Rulebook:
    """A published version. RuleViolation `network_unknown`, `rulebook_missing`; NotFound for another number."""
    books = kept.rulebooks.of(kept.network(slug).slug)
    if not books:
        raise RuleViolation("rulebook_missing", "network", network=slug)
    found = books[-1] if version is None else kept.rulebooks.version(slug, version)
    if found is None:
        raise NotFound(f"version of the rulebook of {slug} with number", version)
    return found


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

        async def run(context: Context) -> tuple[list[Difference], int]:
            return await verify.run(context, tell), (await seals.kept(context)).clear

        found, clear = on_database(data_dir, run)
    if clear:
        out.print(f"{clear} secrets are stored in clear: `crm secrets seal` seals them (KLYNGE_DATA_KEYS).")
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
rulebook.command("diff")(diff_rulebook)
rulebook.command("simulate")(simulate_rulebook)
rulebook.command("export")(export_rulebook)
rulebook.command("apply")(apply_rulebook)
