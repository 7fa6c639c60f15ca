"""Commands about who gets in: keys of programs, accounts of people."""

import sys
from typing import Annotated, Literal

import typer

from crm.actions import accounts, keys
from crm.cli_tools import OPERATOR, DataDir, on_database, out
from crm.context import Context

key = typer.Typer(no_args_is_help=True, help="Keys of programs.")
account = typer.Typer(no_args_is_help=True, help="Accounts of people.")


@key.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for; it is shown in lists and in the audit trail.")],
    role: Annotated[
        Literal["manager", "partner"], typer.Option(help="A manager decides, a partner reads its network.")
    ],
    network: Annotated[
        str | None, typer.Option(help="The network's slug. A manager's key without one is for all networks.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What a partner's key may write: links, profiles, members; may be given several times."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is shown once, now; only its hash is kept."""

    async def create(context: Context) -> tuple[str, str]:
        made, text = await keys.create(context, name, role, network, OPERATOR, scope or ())
        return made.prefix, text

    prefix, text = on_database(data_dir, create)
    out.print(text, markup=False)
    typer.echo(f"Keep it now: it is not shown again. Revoke it with `crm key revoke {prefix}`.", err=True)


@key.command("revoke")
def revoke_key(
    prefix: Annotated[str, typer.Argument(help="The part between the two first underscores.")],
    data_dir: DataDir = None,
) -> None:
    """Make a key open nothing any more."""

    async def revoke(context: Context) -> None:
        await keys.revoke(context, prefix, OPERATOR)

    on_database(data_dir, revoke)
    out.print(f"The key {prefix} opens nothing any more.", markup=False)


@account.command("create")
def create_account(
    email: Annotated[str, typer.Argument(help="The address to sign in with.")],
    name: Annotated[str, typer.Option(help="The person's name.")],
    network: Annotated[list[str], typer.Option(help="A network to manage, by slug; may be given several times.")],
    language: Annotated[Literal["nb", "en"], typer.Option(help="The language of pages and mails.")] = "nb",
    data_dir: DataDir = None,
) -> None:
    """Make an account of a manager. The password is asked for, or read from standard input."""
    password = _password()

    async def create(context: Context) -> None:
        await accounts.create(context, email, name, password, network, language, OPERATOR)

    on_database(data_dir, create)
    out.print(f"{email} can sign in.", markup=False)


def _password() -> str:
    """Never from the command's arguments: other people's process lists show those."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
