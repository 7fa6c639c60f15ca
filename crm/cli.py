"""`crm` on the command line. A mistake of whoever types it is told in a sentence; a traceback is our mistake."""

import asyncio
import sys
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from cluster_rules.errors import RuleViolation
from crm import (
    cli_access,
    cli_audit,
    cli_backup,
    cli_bank,
    cli_cards,
    cli_data,
    cli_dunning,
    cli_folders,
    cli_imports,
    cli_networks,
    cli_register,
    cli_renewals,
    cli_retention,
    cli_secrets,
    cli_setup,
    demo,
    migrate,
    serving,
)
from crm.cli_tools import DataDir, err, on_database, out, settings_for
from crm.context import Context
from crm.demo import Demo, DemoError
from crm.errors import Invalid, NotFound, Refused
from crm.folder import FolderError
from crm.gateways.mail import mailer_from
from crm.gateways.postgres import PostgresError
from crm.i18n import translator
from crm.jobs.worker import work_until_signalled
from crm.migrate import MigrationError
from crm.serving import OperatorError
from crm.settings import Settings, SettingsError
from crm.words import refusal

DEMO_HOST = "127.0.0.1"
MAILBOX = "/dev/mailbox"
TOLD = (OperatorError, DemoError, SettingsError, MigrationError, PostgresError, FolderError)
ASKED_WRONG = (RuleViolation, Refused, Invalid, NotFound)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Klynge: the membership CRM of industry clusters and innovation networks.",
)
app.add_typer(cli_data.rulebook, name="rulebook")
app.add_typer(cli_networks.network, name="network")
app.add_typer(cli_setup.host, name="host")
app.command("dunning")(cli_dunning.run_dunning)
app.command("retention")(cli_retention.run_retention)
app.add_typer(cli_cards.card, name="card")
app.add_typer(cli_bank.app, name="bank")
app.add_typer(cli_register.app, name="register")
app.add_typer(cli_folders.document, name="document")
app.add_typer(cli_folders.label, name="label")
app.add_typer(cli_folders.activity, name="activity")
app.add_typer(cli_access.key, name="key")
app.add_typer(cli_access.account, name="account")
app.add_typer(cli_audit.app, name="audit")
app.add_typer(cli_secrets.app, name="secrets")

Port = Annotated[int, typer.Option(help="The port to serve on; 0 takes any free one.", min=0, max=65535)]


def main() -> None:
    """The entry point."""
    try:
        app()
    except TOLD as error:
        _fail(str(error))
    except ASKED_WRONG as error:
        _fail("\n".join(_sentences(error)))


@app.command("demo")
def run_demo(port: Port = 8000, data_dir: DataDir = None) -> None:
    """Start the demo: database, seed networks, web pages, API and worker, on this machine only."""
    settings = settings_for(data_dir)
    with serving.listening(DEMO_HOST, port) as listener:
        address = serving.address_of(listener)
        # Mails stay in the mailbox page; webhooks may be tried with a receiver on this machine.
        own = {"development": True, "smtp_url": "", "outgoing_loopback": True}
        settings = msgspec.structs.replace(settings, base_url=address, **own)
        with serving.database(settings, create=True) as ready:
            made = asyncio.run(_prepare(ready))
            serving.serve(
                ready, listener, with_worker=True, started=lambda: _welcome(ready, made, ready is not settings)
            )
    out.print("Stopped. `crm demo` with the same data directory goes on from here.")


async def _prepare(settings: Settings) -> Demo:
    await serving.reach(settings.database_url)
    await migrate.migrate(settings.database_url)
    async with serving.opened(settings) as context:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return await demo.prepare(context, settings.data_dir)


def _welcome(settings: Settings, made: Demo, embedded: bool) -> None:
    if embedded:
        serving.settle(settings.database_url)
    # No column of passwords: with one, the names of the networks break in a window of 80 columns.
    logins = Table("Sign in as", "Role in", box=None, pad_edge=False)
    for each in made.logins:
        everything = each["email"] == demo.EVERYTHING[0]
        places = "all networks" if everything else each["networks"].replace(" ", ", ")
        role = each.get("role", "manager").replace("_", " ")
        logins.add_row(each["email"], places if role == "manager" else f"{role}: {places}")
    out.print(f"\nKlynge is ready:    [bold]{settings.base_url}[/bold]")
    out.print(f"Mails it sends:     {settings.base_url}{MAILBOX}")
    out.print(f"Keys of the API:    {settings.data_dir / demo.FILE}\n")
    out.print(logins)
    out.print(f"\nThe password of all: [bold]{demo.PASSWORD}[/bold]")
    out.print("\nCtrl-C stops it.")


@app.command("serve")
def run_web(
    host: Annotated[str, typer.Option(help="The address to serve on.")] = "127.0.0.1",
    port: Port = 8000,
    data_dir: DataDir = None,
) -> None:
    """Serve web pages and API. Mails are sent by `crm worker`."""
    settings = settings_for(data_dir)
    with serving.listening(host, port) as listener, serving.database(settings) as ready:
        asyncio.run(_check(ready))
        address = serving.address_of(listener)
        serving.serve(ready, listener, with_worker=False, started=lambda: out.print(f"Serving on {address}"))


async def _check(settings: Settings) -> None:
    async with serving.opened(settings):
        pass


@app.command("worker")
def run_worker(data_dir: DataDir = None) -> None:
    """Do what is queued (send mails) and what the timetable asks for, until stopped."""
    mailer_from(settings_for(data_dir))

    async def work(context: Context) -> None:
        # Said by the loop once we wait, that is, when a signal ends us in good order.
        asyncio.get_running_loop().call_soon(out.print, "Working.")
        await work_until_signalled(context, mailer_from(context.settings))

    on_database(data_dir, work)


@app.command("migrate")
def run_migrations(data_dir: DataDir = None) -> None:
    """Bring the database to the newest schema, making it when there is none. Harmless to repeat."""

    async def run(dsn: str) -> None:
        await serving.reach(dsn)
        await migrate.migrate(dsn)

    with serving.database(settings_for(data_dir), create=True) as settings:
        asyncio.run(run(settings.database_url))
    out.print("The database has the newest schema.")


app.command("import")(cli_imports.import_data)
app.command("verify")(cli_data.verify_all)
app.command("backup")(cli_backup.back_up)
app.command("restore")(cli_backup.restore)
app.command("export")(cli_backup.export)
app.command("renew")(cli_renewals.renew)


def _sentences(error: Exception) -> list[str]:
    t = translator("en")
    if isinstance(error, Invalid):
        return [f"{field}: {refusal(t, None, code, params)}" for field, code, params in error.problems]
    if isinstance(error, RuleViolation):
        return [f"{error.field}: {refusal(t, None, error.code, error.params)}".removeprefix(": ")]
    return [f"There is no {error}."]


def _fail(text: str) -> None:
    err.print(f"crm: {text}", markup=False)
    sys.exit(1)
