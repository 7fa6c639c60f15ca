"""`crm audit`: what the chain of the audit trail ends with, whether it is whole, and its entries as a file."""

from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from crm import catalogue
from crm.actions import audit
from crm.actions.audit import Anchor, Chain
from crm.actor import Actor
from crm.cli_tools import OPERATOR, DataDir, err, on_database, out
from crm.context import Context
from crm.reads import audit as reads
from crm.serving import OperatorError

app = typer.Typer(no_args_is_help=True, help="The audit trail.")


@app.command("head")
def show_head(data_dir: DataDir = None) -> None:
    """Print number and hash of the newest entry, to be kept elsewhere."""
    chain = on_database(data_dir, audit.head)
    out.print(f"{chain.seq}:{chain.hash}")


@app.command("check")
def check_chain(
    anchor: Annotated[
        str, typer.Option("--head", metavar="NUMBER:HASH", help="What `crm audit head` said once: must still be there.")
    ] = "",
    data_dir: DataDir = None,
) -> None:
    """Compute every hash anew; exit 1 when an entry is not what was written."""
    number, _, told = anchor.partition(":")
    if anchor and not (number.isdigit() and told):
        raise OperatorError(f"--head is NUMBER:HASH, as `crm audit head` prints it; {anchor!r} is not.")

    async def work(context: Context) -> Chain:
        return await audit.check(context, Anchor(int(number), told) if anchor else None)

    chain = on_database(data_dir, work)
    if chain.broken:
        err.print(f"Not what was written: {', '.join(map(str, chain.broken))}")
        raise typer.Exit(1)
    out.print(f"The chain is whole up to number {chain.seq}.")


@app.command("export")
def export(
    network: Annotated[str, typer.Argument(help="Whose entries.")],
    file: Annotated[Path, typer.Argument(help="A new file: one JSON object a line, the newest first.")],
    data_dir: DataDir = None,
) -> None:
    """Write a network's entries into a file."""

    async def work(context: Context) -> int:
        async with context.db.tx() as connection:
            found = (await catalogue.load(connection)).network(network)
        actor = Actor(OPERATOR.name, OPERATOR.channel, manages=frozenset({found.id}), reads=frozenset({found.id}))
        await audit.taken(context, actor, found.id, "ndjson", {})
        number = 0
        with file.open("xb") as written:
            async with (
                context.db.reading([found.id]) as connection,
                aclosing(reads.every(connection, reads.Wanted(found.id))) as batches,
            ):
                async for batch in batches:
                    written.writelines(msgspec.json.encode(entry) + b"\n" for entry in batch)
                    number += len(batch)
        return number

    try:
        number = on_database(data_dir, work)
    except OSError as error:
        raise OperatorError(f"{file} cannot be written: {error.strerror}") from error
    out.print(f"{file}: {number} entries.")
