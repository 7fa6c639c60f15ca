"""Commands about banks' files."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from crm.actions import bank
from crm.actions.bank import Imported
from crm.cli_tools import OPERATOR, DataDir, on_database, out
from crm.context import Context

app = typer.Typer(no_args_is_help=True, help="Banks' files.")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A camt.053 or camt.054 file.")],
    host: Annotated[str, typer.Option(help="The host's code; found by the account in the file when left out.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Book what is new in a bank's file. The same file again changes nothing."""
    content = file.read_bytes()

    async def work(context: Context) -> Imported:
        found, networks = await bank.host_of(context, host, content)
        actor = msgspec.structs.replace(OPERATOR, manages=networks, reads=networks)
        return await bank.import_file(context, actor, found, file.name, content)

    done = on_database(data_dir, work)
    out.print(
        f"{done.lines} lines, {done.known} known before. New: {done.matched} on invoices, {done.suspense} in suspense, "
        f"{done.returned + done.unknown_returns} taken back ({done.unknown_returns} of them nobody can place), "
        f"{done.outgoing} outgoing (not ours), {done.waiting} sums without details. "
        f"{len(done.settled.paid)} invoices are paid now, {len(done.settled.reopened)} are owed again.",
        markup=False,
    )
