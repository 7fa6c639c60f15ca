"""`crm register`: read a file of the register of legal entities, see what it says otherwise."""

from collections import Counter
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import msgspec
import typer

from cluster_rules.register import FACTS, REASONS
from crm import catalogue, names, register_words, words
from crm.actions import profiles, register, register_differences, register_runs
from crm.actions import register_bulks as bulks
from crm.actions.register import Result
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.cli_tools import OPERATOR, DataDir, on_database, out, progress
from crm.context import Context
from crm.i18n import Translator, translator
from crm.reads import register as reads
from crm.reads import register_bulks as bulk_reads
from crm.register_shapes import Row, Wanted

SHOWN_MOST = 500

KINDS = {reason.removeprefix("register_"): reason for reason in REASONS if reason in FACTS}
DEEDS = bulks.Deeds(register_differences.take_over, profiles.tell, profiles.take_back)
_Kind = Enum("_Kind", {name: name for name in KINDS})  # type: ignore[misc]
Kind = Annotated[_Kind, typer.Option(help="headcount: of the same class of size; employees: of another.")]

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
            actor = await _operator(context)
            return await register.read(context, actor, network, content, wanted, told)

        async def told(done: int, of: int, _units: int) -> None:
            tell(done, of)

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
    if total["by_rule"]:
        out.print(f"  {total['by_rule']} headcounts of the same class of size are taken over by rule.", markup=False)
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


@app.command("take-over")
def take_over(
    kind: Kind,
    network: Annotated[str, typer.Option(help="Only of this network; of every network when left out.")] = "",
    note: Annotated[str, typer.Option(help="Why; it stands in the history of each member.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Take over all that the register says otherwise of one kind; what it does to fees is told first."""
    t = translator("en")

    async def work(context: Context) -> list[str]:
        actor, said = await _operator(context), []
        for slug in await _wanted(context, network):
            if not await _waits(context, slug, kind):  # one network's word may have settled another's
                continue
            bulk = await bulks.begin(context, actor, slug, "take_over", KINDS[kind.value], None, uuid4(), None, note)
            await bulks.settle(context, bulk, DEEDS)
            said.append(f"{slug}: {await _told(context, bulk, t)}")
            if dry_run:
                await bulks.drop(context, actor, bulk)
                continue
            await bulks.confirm(context, actor, bulk)
            await bulks.settle(context, bulk, DEEDS)
            said += await _outcomes(context, bulk, t)
        return said

    _print(on_database(data_dir, work))
    if dry_run:
        out.print("Nothing was stored.", markup=False)


@app.command("keep")
def keep(
    kind: Kind,
    note: Annotated[str, typer.Option(help="Why; it stands in the history of each member.")],
    network: Annotated[str, typer.Option(help="Only of this network; of every network when left out.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Keep ours in all that the register says otherwise of one kind, until it says something else again."""
    t = translator("en")

    async def work(context: Context) -> list[str]:
        actor, said = await _operator(context), []
        for slug in await _wanted(context, network):
            if not await _waits(context, slug, kind):
                continue
            bulk = await bulks.begin(context, actor, slug, "keep", KINDS[kind.value], None, uuid4(), None, note)
            await bulks.settle(context, bulk, DEEDS)
            said += [f"{slug}:", *await _outcomes(context, bulk, t)]
        return said

    _print(on_database(data_dir, work))


@app.command("small")
def small(
    network: Annotated[str, typer.Argument(help="A network of the host.")],
    by_itself: Annotated[
        bool, typer.Option("--by-itself/--listed", help="Take over small differences of headcount by themselves.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Say what becomes of headcounts that change no class of size: taken over with each file, or listed."""

    async def work(context: Context) -> None:
        await register_runs.rule(context, await _operator(context), network, by_itself)

    on_database(data_dir, work)
    out.print("They are taken over by themselves." if by_itself else "They are listed.", markup=False)


async def _operator(context: Context) -> Actor:
    async with context.db.tx() as connection:
        everything = frozenset((await catalogue.load(connection)).by_id)
    return msgspec.structs.replace(OPERATOR, manages=everything, reads=everything)


async def _wanted(context: Context, network: str) -> list[str]:
    """This network, or every one."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    return [kept.network(network).slug] if network else [each.slug for each in kept.networks]


async def _waits(context: Context, slug: str, kind: "_Kind") -> bool:
    """Does something of the kind wait in the network?"""
    async with context.db.tx() as connection:
        found = await reads.waiting(connection, (await catalogue.load(connection)).network(slug).id)
    return KINDS[kind.value] in found


async def _told(context: Context, bulk: UUID, t: Translator) -> str:
    async with context.db.tx() as connection:
        kept, found = await catalogue.load(connection), await bulk_reads.one(connection, bulk)
    assert found is not None
    return register_words.totals(t, found, kept.by_slug)


async def _outcomes(context: Context, bulk: UUID, t: Translator) -> list[str]:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        found = await bulk_reads.one(connection, bulk)
        rows = await bulk_reads.rows(connection, bulk, 0, SHOWN_MOST)
    assert found is not None
    return [f"  {row.organisation}: {_verdict(t, kept, found.deed, row)}" for row in rows]


def _verdict(t: Translator, kept: Catalogue, deed: str, row: Row) -> str:
    why = words.refusal(t, kept, row.problem["rule"], row.problem["values"]) if row.problem else ""
    return register_words.verdict(t, deed, row, why)


def _print(lines: list[str]) -> None:
    for line in lines or ["The register says nothing otherwise."]:
        out.print(line, markup=False)


def _day(said: str, file: Path) -> date:
    """The day that was said, else the one on which the file was written."""
    if not said:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise typer.BadParameter(f"{said} is no day like 2026-11-20.") from error
