"""`crm import`: a folder of data files, or `crm import members FILE`: members of one network by file."""

import tomllib
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
import typer

from crm import catalogue, import_words
from crm.actions import member_imports
from crm.actor import Actor
from crm.cli_data import import_folder
from crm.cli_tools import OPERATOR, DataDir, Told, on_database, out, progress
from crm.context import Context
from crm.i18n import translator
from crm.import_columns import ColumnMapping
from crm.reads import member_imports as reads

MEMBERS = "members"
ROWS_SHOWN = 50


def import_data(
    place: Annotated[
        str, typer.Argument(metavar="DIR|members", help="A folder (crm/demo_data/README.md), or the word members.")
    ],
    file: Annotated[Path | None, typer.Argument(help="After `members`: a CSV, XLSX, XLS or ODS file.")] = None,
    network: Annotated[str, typer.Option(help="After `members`: whose members they are.")] = "",
    map_file: Annotated[
        Path | None, typer.Option("--map", help="What is what in the file, as TOML (docs/imports.md).")
    ] = None,
    sheet: Annotated[str, typer.Option(help="Which sheet of a workbook; the first one when left out.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what every row would do.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Load a folder of networks, rulebooks, organisations and memberships, or a file of members: all, or nothing."""
    if place != MEMBERS:
        if file or network or map_file:
            raise typer.BadParameter("A file, --network and --map go with `crm import members FILE`.")
        import_folder(Path(place), data_dir)
        return
    if file is None or not network:
        raise typer.BadParameter("Say `crm import members FILE --network SLUG`.")
    content, mapping = file.read_bytes(), _mapping(map_file) if map_file else None
    with progress("rows") as tell:

        async def work(context: Context) -> tuple[list[str], bool]:
            return await _work(context, network, file.name, content, sheet, mapping, dry_run, tell)

        lines, good = on_database(data_dir, work)
    for line in lines:
        out.print(line, markup=False)
    if not good:
        raise typer.Exit(1)


def _mapping(file: Path) -> ColumnMapping:
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), ColumnMapping)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise typer.BadParameter(f"{file}: {error}") from error


async def _work(
    context: Context,
    slug: str,
    name: str,
    content: bytes,
    sheet: str,
    mapping: ColumnMapping | None,
    dry_run: bool,
    tell: Told,
) -> tuple[list[str], bool]:
    """The same import that the page would do; whichever of us and the worker is first does it."""
    async with context.db.tx() as connection:
        everything = frozenset((await catalogue.load(connection)).by_id)
    actor = msgspec.structs.replace(OPERATOR, manages=everything, reads=everything)
    wanted = await member_imports.upload(context, actor, slug, name, content, sheet)
    if mapping:
        mapping = msgspec.structs.replace(mapping, sheet=sheet)
    await member_imports.map_columns(context, actor, wanted, mapping)
    await member_imports.check(context, wanted, tell)
    found, lines = await _told(context, wanted)
    fit = found.status == "checked" and not found.verdicts.get("refused")
    if dry_run or not fit:
        await _forget(context, actor, wanted, lines)
        return lines, fit
    if found.verdicts.get("new") or found.verdicts.get("change"):
        await member_imports.confirm(context, actor, wanted)
        await member_imports.load(context, wanted, tell)
        found, lines = await _told(context, wanted)
        return lines, found.status == "done"
    await _forget(context, actor, wanted, lines)
    return lines, True


async def _forget(context: Context, actor: Actor, wanted: UUID, lines: list[str]) -> None:
    await member_imports.drop(context, actor, wanted)
    lines.append("Nothing was stored.")


async def _told(context: Context, wanted: UUID) -> tuple[reads.Import, list[str]]:
    t = translator("en")
    async with context.db.tx() as connection:
        found = await reads.one(connection, wanted)
        rows = await reads.rows(connection, wanted, "refused", 0, ROWS_SHOWN)
    assert found is not None
    counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(found.verdicts.items()))
    lines = [f"{found.name}: {found.status}. {counted or 'No rows'}."]
    if found.problem:
        lines.append(import_words.failure(t, found.problem))
    for row in rows:
        lines += [f"row {row.number}: {import_words.problem(t, each)}" for each in row.detail.problems]
    if money := found.counts.get("money"):
        new, of = t.money(money["new"], money["currency"]), t.money(money["file"], money["currency"])
        lines.append(f"Opening balances: {new} of {of} in the file.")
    if credits := found.counts.get("credits"):
        new, of = t.money(credits["new"], credits["currency"]), t.money(credits["file"], credits["currency"])
        lines.append(f"Opening credits: {new} of {of} in the file.")
    lines += [f"Follows by rule: {count} x {link}" for link, count in sorted(found.counts.get("links", {}).items())]
    return found, lines
