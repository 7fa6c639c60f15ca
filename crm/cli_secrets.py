"""`crm secrets`: a key for KLYNGE_DATA_KEYS, how stored secrets are kept, sealing them, giving up what no key opens."""

from typing import Annotated

import typer

from crm import vault
from crm.actions import seals
from crm.actions.seals import Kept, Sealed
from crm.cli_tools import OPERATOR, DataDir, err, on_database, out
from crm.context import Context

app = typer.Typer(no_args_is_help=True, help="Secrets at rest.")


@app.command("key")
def make_key() -> None:
    """Print a new key for KLYNGE_DATA_KEYS. It is stored nowhere: keep it apart from the backups."""
    typer.echo(vault.new_key())


@app.command("state")
def show_state(data_dir: DataDir = None) -> None:
    """Say how many secrets are sealed with which key, and how many stand in clear."""
    kept = on_database(data_dir, seals.kept, keys=False)
    out.print(_told(kept))


@app.command("seal")
def seal(data_dir: DataDir = None) -> None:
    """Seal every stored secret with the first key of KLYNGE_DATA_KEYS. Harmless to repeat."""

    async def work(context: Context) -> Sealed:
        return await seals.seal(context, OPERATOR)

    sealed = on_database(data_dir, work)
    kinds = ", ".join(f"{kind} {count}" for kind, count in sealed.done.items())
    out.print(f"Sealed anew: {kinds}.")
    for each in sealed.broken:
        err.print(f"Not sealed: {each}", markup=False)
    if sealed.broken:
        raise typer.Exit(1)


@app.command("forget-lost")
def forget_lost(
    data_dir: DataDir = None,
    sure: Annotated[bool, typer.Option("--yes", help="Do it; without it is only said what would be given up.")] = False,
) -> None:
    """Give up the secrets whose key is lost: apps for codes are gone, webhooks paused, agreements made anew."""

    async def work(context: Context) -> dict[str, int]:
        return await seals.forget_lost(context, OPERATOR)

    if not sure:
        kept = on_database(data_dir, seals.kept, keys=False)
        out.print(f"{kept.lost} secrets are sealed with a key that is not here. With --yes they are given up.")
        return
    done = on_database(data_dir, work, keys=False)
    out.print(f"Given up: {', '.join(f'{kind} {count}' for kind, count in done.items()) or 'nothing'}.")


def _told(kept: Kept) -> str:
    named = f" (key {kept.key})" if kept.key else ""
    rest = f"With older keys: {kept.older}. In clear: {kept.clear}. Key lost: {kept.lost}."
    return f"Sealed{named}: {kept.sealed}. {rest}"
