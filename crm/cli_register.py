"""`crm register`: read a file of the register of legal entities, see what it says otherwise."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from crm import catalogue, names, register_words, words
from crm.actions import register
from crm.actions.register import Result, Wanted
from crm.cli_tools import OPERATOR, DataDir, on_database, out, progress
from crm.context import Context
from crm.i18n import translator
from crm.reads import register as reads

SHOWN_MOST = 500

app = typer.Typer(no_args_is_help=True, help="The register of legal entities (docs/register.md).")


@app.command("read")
def read_file(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The download of units: JSON or CSV, packed or not.")
    ],
    as_of: Annotated[
        str, typer.Option(help="The day it was fetched (YYYY-MM-DD); the day of the file when left out.")
    ] = "",
    part: Annotated[bool, typer.Option("--part", help="It is not the whole register.")] = False,
    keep_all: Annotated[
        bool, typer.Option("--all", help="Keep all of its units, to fill in sign-ups; sole traders are left out.")
    ] = False,
    network: Annotated[str, typer.Option(help="Only for the host of this network; for every host when left out.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Although a newer file was read: that one was wrong.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Take over what the register says of members and applicants; what it says otherwise comes to the work lists."""
    wanted = Wanted(file.name, _day(as_of, file), part, keep_all, force, dry_run)
    with file.open("rb") as content, progress("bytes") as tell:

        async def work(context: Context) -> Result:
            async with context.db.tx() as connection:
                everything = frozenset((await catalogue.load(connection)).by_id)
            actor = msgspec.structs.replace(OPERATOR, manages=everything, reads=everything)
            return await register.read(context, actor, network, content, wanted, tell)

        done = on_database(data_dir, work)
    if done.unchanged:
        out.print("This file was read before. Nothing has changed.", markup=False)
        return
    total: Counter[str] = Counter()
    for each in done.reads:
        total.update(each.counts)
    counts = done.reads[0].counts
    out.print(
        f"{counts['units']} units as of {wanted.as_of}: {total['found']} of {total['ours']} organisation numbers of"
        f" ours, {total['unknown']} of them unknown to the register; {counts['known']} units are known."
        f" {total['opened']} differences are new, {total['settled']} are settled.",
        markup=False,
    )
    for reason in register_words.REASONS:
        if total[reason]:
            out.print(f"  {total[reason]} x {register_words.REASONS[reason]}", markup=False)
    if dry_run:
        out.print("Nothing was stored.", markup=False)


@app.command("differences")
def show_differences(
    network: Annotated[str, typer.Option(help="Only of this network.")] = "", data_dir: DataDir = None
) -> None:
    """What the register says otherwise, and nobody has answered yet."""
    t = translator("en")

    async def work(context: Context) -> list[str]:
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
            wanted = [kept.network(network).id] if network else sorted(kept.by_id)
            rows = await reads.differences(connection, wanted, limit=SHOWN_MOST)
        return [
            f"{names.network_name(t, kept, kept.by_id[row.network_id].slug)}: {row.organisation} ({row.number}): "
            + words.refusal(t, kept, row.reason, register_words.values(row.detail))
            for row in rows
        ]

    lines = on_database(data_dir, work)
    for line in sorted(lines):
        out.print(line, markup=False)
    out.print(f"{len(lines)} differences." if lines else "The register says nothing otherwise.", markup=False)


def _day(said: str, file: Path) -> date:
    """The day that was said, else the one on which the file was written."""
    if not said:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise typer.BadParameter(f"{said} is no day like 2026-11-20.") from error
