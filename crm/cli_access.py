"""Commands about who gets in: keys of programs, accounts of people."""

import sys
from typing import Annotated, Literal

import typer

from crm import roles
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


@key.command("list")
def list_keys(data_dir: DataDir = None) -> None:
    """Every key that opens something: prefix, name, role, network, scopes, last use, end of the old secret."""
    for each in on_database(data_dir, keys.listed):
        used = each.last_used_at.isoformat(timespec="minutes") if each.last_used_at else "never used"
        ends = (
            f"\told secret until {each.old_secret_until.isoformat(timespec='minutes')}" if each.old_secret_until else ""
        )
        said = (each.prefix, each.name, each.role, each.network or "all networks", " ".join(each.scopes) or "-", used)
        typer.echo("\t".join(said) + ends)


@key.command("rotate")
def rotate_key(
    prefix: Annotated[str, typer.Argument(help="The part between the two first underscores.")],
    old_valid_hours: Annotated[int, typer.Option(help="For so long the key as it was opens, too; 0 to 720.")] = 24,
    data_dir: DataDir = None,
) -> None:
    """Give a key another secret. The whole key is shown once, now; cursors, webhooks and scopes stay."""

    async def rotate(context: Context) -> tuple[str, str]:
        _, text, until = await keys.rotate(context, prefix, old_valid_hours, OPERATOR)
        return text, until.isoformat(timespec="minutes")

    text, until = on_database(data_dir, rotate)
    out.print(text, markup=False)
    typer.echo(f"Keep it now: it is not shown again. The key as it was opens until {until}.", err=True)


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
    network: Annotated[
        list[str] | None, typer.Option(help="A network by slug: for managers, treasurers and viewers. Several times.")
    ] = None,
    host: Annotated[list[str] | None, typer.Option(help="A host by code: for host admins.")] = None,
    organisation: Annotated[
        list[str] | None, typer.Option(help="An organisation by number: for its admins and members.")
    ] = None,
    role: Annotated[roles.Role, typer.Option(help="What the person may do there.")] = "manager",
    language: Annotated[Literal["nb", "en"], typer.Option(help="The language of pages and mails.")] = "nb",
    data_dir: DataDir = None,
) -> None:
    """Make an account. The password is asked for, or read from standard input."""
    given = {"network": network or [], "host": host or [], "organisation": organisation or []}
    kind = roles.PLACES[role]
    if not given[kind] or any(places for each, places in given.items() if each != kind):
        raise typer.BadParameter(f"the role {role} needs --{kind}, and nothing else", param_hint="--role")
    password = _password()

    async def create(context: Context) -> None:
        await accounts.create(context, email, name, password, given[kind], language, OPERATOR, role=role)

    on_database(data_dir, create)
    out.print(f"{email} can sign in.", markup=False)
    if role in roles.STRONG:
        out.print("At the first sign-in a second factor is asked for: a passkey, or an app for codes.", markup=False)


@account.command("list")
def list_accounts(data_dir: DataDir = None) -> None:
    """Everybody who can sign in: address, name, roles, ways to sign in, open sessions."""
    for each in on_database(data_dir, accounts.listed):
        ways = ", ".join(each.ways) or "nothing yet"
        typer.echo(f"{each.email}\t{each.name}\t{' '.join(each.roles) or '-'}\t{ways}\t{each.sessions}")


@account.command("reset")
def reset_account(
    email: Annotated[str, typer.Argument(help="The address the person signs in with.")], data_dir: DataDir = None
) -> None:
    """Take away password, passkeys, app and recovery codes, and end all sessions. Then invite the person anew."""

    async def reset(context: Context) -> None:
        await accounts.reset(context, email, OPERATOR)

    on_database(data_dir, reset)
    out.print(f"{email} has nothing to sign in with any more. `crm account invite` sends a link.", markup=False)


@account.command("invite")
def invite_account(
    email: Annotated[str, typer.Argument(help="The address the person signs in with.")], data_dir: DataDir = None
) -> None:
    """Send somebody who has an account and nothing to sign in with a link, good once, to set it up."""

    async def invite(context: Context) -> None:
        await accounts.invite(context, email, OPERATOR)

    on_database(data_dir, invite)
    out.print(f"A link is on its way to {email}.", markup=False)


@account.command("end-sessions")
def end_sessions(
    email: Annotated[str, typer.Argument(help="The address the person signs in with.")], data_dir: DataDir = None
) -> None:
    """Sign the person out of every browser."""

    async def end(context: Context) -> int:
        return await accounts.end_sessions(context, email, OPERATOR)

    out.print(f"Signed out of {on_database(data_dir, end)} browsers.", markup=False)


def _password() -> str:
    """Never from the command's arguments: other people's process lists show those."""
    if sys.stdin.isatty():
        asked = f"Password (at least {accounts.PASSWORD_MIN} characters)"
        return str(typer.prompt(asked, hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
