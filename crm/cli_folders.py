"""`crm document`, `crm label`, `crm activity`: what a network keeps, holds and does."""

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID

import msgspec
import typer

from crm import catalogue
from crm.actions import activities, labels
from crm.actions import member_documents as documents
from crm.actions.labels import LabelForm
from crm.actions.member_documents import About, DocumentForm
from crm.actor import Actor
from crm.catalogue import NetworkRow
from crm.cli_tools import OPERATOR, DataDir, on_database, out
from crm.context import Context
from crm.errors import NotFound
from crm.reads import activities as activity_reads
from crm.reads import labels as label_reads
from crm.reads import member_documents as document_reads
from crm.store import known_members
from crm.store.member_documents import Kind

SHOWN_MOST = 1_000
T = TypeVar("T")
Work = Callable[[Context, Actor, NetworkRow], Awaitable[T]]
Network = Annotated[str, typer.Option(help="Whose: the network's slug.")]
Id = Annotated[str, typer.Argument(help="The id, as `list` prints it.")]
Day = Annotated[str, typer.Option(help="YYYY-MM-DD.")]

document = typer.Typer(no_args_is_help=True, help="Documents on members and agreements.")
label = typer.Typer(no_args_is_help=True, help="Labels and programmes of a network.")
activity = typer.Typer(no_args_is_help=True, help="Activities of a network, and who took part.")


@document.command("list")
def list_documents(network: Network, data_dir: DataDir = None) -> None:
    """Id, last valid day, size and title of each."""

    async def work(context: Context, _: Actor, row: NetworkRow) -> list[str]:
        async with context.db.tx() as connection:
            wanted = document_reads.Wanted()
            found = await document_reads.after(connection, row.id, wanted, document_reads.FIRST, SHOWN_MOST)
        return [f"{each.id}  {each.valid_until or '-'!s:10}  {each.size:>9}  {each.title}" for each in found]

    _print(_run(network, data_dir, work))


@document.command("add")
def add_document(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")],
    network: Network,
    member: Annotated[str, typer.Option(help="About this member: organisation number or exact name.")] = "",
    agreement: Annotated[str, typer.Option(help="Or about this agreement: its code.")] = "",
    title: Annotated[str, typer.Option(help="As the file is called when left out.")] = "",
    kind: Annotated[str, typer.Option(help="agreement, minutes, letter, proof or other.")] = "other",
    signed_on: Day = "",
    valid_until: Day = "",
    data_dir: DataDir = None,
) -> None:
    """Keep a file on a member or an agreement; prints its id."""
    if kind not in msgspec.json.schema(Kind)["enum"]:
        raise typer.BadParameter(f"{kind} is no kind of document.")
    form = DocumentForm(title, cast(Kind, kind), _day(signed_on), _day(valid_until))

    async def work(context: Context, actor: Actor, row: NetworkRow) -> UUID:
        about = About(await _member(context, row, member) if member else None, agreement)
        return await documents.add(context, actor, row.id, about, form, file.name, file.read_bytes())

    out.print(str(_run(network, data_dir, work)))


@document.command("save")
def save_document(
    document: Id,
    to: Annotated[Path, typer.Argument(help="Where to write it; a folder takes it under its own name.")],
    network: Network,
    data_dir: DataDir = None,
) -> None:
    """Write the file as it came; never over another."""

    async def work(context: Context, _: Actor, row: NetworkRow) -> Path:
        async with context.db.tx() as connection:
            found = await document_reads.one(connection, _id(document))
            if found is None or found.network_id != row.id or found.deleted_at:
                raise NotFound("document", document)
            place = to / found.file_name if to.is_dir() else to
            if place.exists():
                raise typer.BadParameter(f"{place} exists.")
            with place.open("xb") as written:
                for at in range(0, found.size, document_reads.PIECE_BYTES):
                    written.write(await document_reads.piece(connection, found.id, at))
        return place

    out.print(str(_run(network, data_dir, work)), markup=False)


@document.command("delete")
def delete_document(document: Id, network: Network, data_dir: DataDir = None) -> None:
    """Hide it; `restore` brings it back within 30 days."""
    _move(documents.delete, document, network, data_dir)


@document.command("restore")
def restore_document(document: Id, network: Network, data_dir: DataDir = None) -> None:
    """Bring back what was deleted."""
    _move(documents.restore, document, network, data_dir)


@label.command("list")
def list_labels(network: Network, data_dir: DataDir = None) -> None:
    """Id, how it stands today, last day and name of each, what ends first on top."""

    async def work(context: Context, _: Actor, row: NetworkRow) -> list[str]:
        async with context.db.tx() as connection:
            found = await label_reads.of_network(connection, row.id, context.clock.today(row.zone))
        return [f"{e.id}  {e.standing:8}  {e.expires_on or '-'!s:10}  {e.name} {e.level}".rstrip() for e in found]

    _print(_run(network, data_dir, work))


@label.command("add")
def add_label(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    network: Network,
    issued_on: Day,
    last_on: Annotated[str, typer.Option(help="The last day it holds, YYYY-MM-DD; without an end when left out.")] = "",
    kind: Annotated[str, typer.Option(help="label or programme.")] = "label",
    level: str = "",
    issuer: str = "",
    note: str = "",
    instead: Annotated[str, typer.Option(help="The id of one that this is what is told of from now on.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Tell of a label or programme, or tell of one otherwise; prints its id."""
    form = LabelForm(name, kind, level, issuer, _day(issued_on), _day(last_on), note)

    async def work(context: Context, actor: Actor, row: NetworkRow) -> UUID:
        if not instead:
            return await labels.add(context, actor, row.id, form)
        await labels.change(context, actor, row.id, _id(instead), form)
        return _id(instead)

    out.print(str(_run(network, data_dir, work)))


@label.command("withdraw")
def withdraw_label(label: Id, network: Network, data_dir: DataDir = None) -> None:
    """It was told by mistake; `restore` brings it back."""
    _tell(labels.withdraw, label, network, data_dir)


@label.command("restore")
def restore_label(label: Id, network: Network, data_dir: DataDir = None) -> None:
    """Bring back what was withdrawn."""
    _tell(labels.restore, label, network, data_dir)


@activity.command("list")
def list_activities(network: Network, data_dir: DataDir = None) -> None:
    """Id, day, how many members and people, and title of each, in the order they were told."""

    async def work(context: Context, _: Actor, row: NetworkRow) -> list[str]:
        async with context.db.tx() as connection:
            found = await activity_reads.after(connection, row.id, activity_reads.Wanted(), 0, SHOWN_MOST)
        return [f"{each.id}  {each.on_day}  {each.members:>4}  {each.people:>5}  {each.title}" for each in found]

    _print(_run(network, data_dir, work))


@activity.command("import")
def import_activities(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="CSV or XLSX: a row for each who took part.")
    ],
    network: Network,
    data_dir: DataDir = None,
) -> None:
    """Tell of activities and who took part, all of a file or nothing (docs/office.md names the columns)."""

    async def work(context: Context, actor: Actor, row: NetworkRow) -> int:
        return await activities.add_file(context, actor, row.id, file.read_bytes())

    out.print(f"{_run(network, data_dir, work)} activities told.")


@activity.command("withdraw")
def withdraw_activity(activity: Id, network: Network, data_dir: DataDir = None) -> None:
    """It was told by mistake; `restore` brings it back."""
    _tell(activities.withdraw, activity, network, data_dir)


@activity.command("restore")
def restore_activity(activity: Id, network: Network, data_dir: DataDir = None) -> None:
    """Bring back what was withdrawn."""
    _tell(activities.restore, activity, network, data_dir)


def _run(network: str, data_dir: Path | None, work: Work[T]) -> T:
    """The work, by an operator who manages everything, in a network."""

    async def done(context: Context) -> T:
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
        everything = frozenset(kept.by_id)
        actor = msgspec.structs.replace(OPERATOR, manages=everything, reads=everything)
        return await work(context, actor, kept.network(network))

    return on_database(data_dir, done)


def _tell(act: Callable[..., Awaitable[None]], wanted: str, network: str, data_dir: Path | None) -> None:
    async def work(context: Context, actor: Actor, row: NetworkRow) -> None:
        await act(context, actor, row.id, _id(wanted))

    _run(network, data_dir, work)


def _move(act: Callable[..., Awaitable[Any]], wanted: str, network: str, data_dir: Path | None) -> None:
    async def work(context: Context, actor: Actor, row: NetworkRow) -> None:
        own = msgspec.structs.replace(actor, manages=frozenset({row.id}), reads=frozenset({row.id}))
        await act(context, own, _id(wanted))

    _run(network, data_dir, work)


async def _member(context: Context, row: NetworkRow, said: str) -> UUID:
    """The one member that is meant. NotFound also where several are called so."""
    async with context.db.tx() as connection:
        fits = (await known_members.by_name(connection, row.id, [said]))[said]
    if len(fits) != 1:
        raise NotFound("member", said)
    return next(iter(fits))


def _print(lines: list[str]) -> None:
    for line in lines:
        out.print(line, markup=False)


def _id(said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError as error:
        raise typer.BadParameter(f"{said} is no id.") from error


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError as error:
        raise typer.BadParameter(f"{said} is no day like 2026-11-20.") from error
