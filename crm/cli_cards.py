"""Commands about card payments: compare the provider's books with ours, and what does not agree."""

from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from crm.actions import card_books
from crm.actions.card_books import Compared
from crm.actions.cards import Accounts
from crm.cli_tools import DataDir, on_database, out
from crm.context import Context
from crm.gateways.stripe import CardError
from crm.i18n import TIME_ZONE, translator
from crm.serving import OperatorError
from crm.store import cards
from crm.store.cards import Difference

MOST_DAYS = 370

card = typer.Typer(no_args_is_help=True, help="Card payments (Stripe).")
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@card.command("compare")
def compare(first: Day = None, last: Day = None, data_dir: DataDir = None) -> None:
    """Book what the provider has and we have not, and name what differs. Without days: yesterday and today."""

    async def run(context: Context) -> list[Compared]:
        today = context.clock.today(TIME_ZONE)
        start, end = first.date() if first else today - timedelta(days=1), last.date() if last else today
        if not start <= end <= start + timedelta(days=MOST_DAYS):
            raise OperatorError(f"--first must be before --last, and at most {MOST_DAYS} days before")
        accounts = Accounts(context.settings)
        try:
            return await card_books.compare(context, accounts, start, end)
        except CardError as error:
            raise OperatorError(f"The card provider did not answer as it should: {error}") from error
        finally:
            await accounts.close()

    found = on_database(data_dir, run)
    if not found:
        out.print("No card account is set up: KLYNGE_STRIPE_KEY is empty.")
    for each in found:
        out.print(
            f"{each.account or 'all hosts'}: {each.lines} lines, {each.repaired} booked now,"
            f" {each.found} new differences, {each.closed} closed"
        )


@card.command("differences")
def differences(data_dir: DataDir = None) -> None:
    """What does not agree with the provider's books and nobody has explained; exit code 1 when there is any."""

    async def run(context: Context) -> list[Difference]:
        async with context.db.tx() as connection:
            return await cards.open_differences(connection)

    found = on_database(data_dir, run)
    if not found:
        out.print("Nothing: both books agree.")
        return
    t = translator("en")
    table = Table("day", "what", "object", "theirs", "ours")
    for each in found:
        amounts = ("unknown" if n is None else t.money(n, each.currency) for n in (each.theirs, each.ours))
        table.add_row(each.on.isoformat(), each.kind, each.object_id, *amounts)
    out.print(table)
    raise typer.Exit(1)
