"""`crm dunning`: what is due for unpaid invoices, and taking the steps."""

from datetime import datetime
from typing import Annotated

import msgspec
import typer

from crm import catalogue, dunning_words
from crm.actions import dunning
from crm.actions.dunning import Planned, Ran
from crm.cli_tools import OPERATOR, DataDir, on_database, out
from crm.context import Context
from crm.i18n import translator
from crm.store import dunning as store
from crm.words import refusal


def run_dunning(
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The steps due on this day; today when left out.")
    ] = None,
    network: Annotated[str, typer.Option(help="Only this network, by its slug.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go out, and send nothing.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Take the steps due for invoices that are not paid. Doing it twice changes nothing."""
    day = on.date() if on else None

    async def work(context: Context) -> list[tuple[str, list[Planned] | Ran]]:
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
        if network:
            kept.network(network)
        actor = msgspec.structs.replace(OPERATOR, manages=frozenset(n.id for n in kept.networks))
        made: list[tuple[str, list[Planned] | Ran]] = []
        for each in kept.networks:
            steps = store.ladders(kept, [each.id], day or context.clock.today(each.zone))
            if each.slug == network or (not network and steps):
                if dry_run:
                    planned, _ = await dunning.preview(context, actor, each.slug, day)
                    made.append((each.slug, planned))
                else:
                    made.append((each.slug, await dunning.run(context, actor, each.slug, day)))
        return made

    found = on_database(data_dir, work)
    for slug, done in found:
        _tell(slug, done)
    if not found:
        out.print("No rulebook has steps for invoices that are not paid.")


def _tell(slug: str, done: list[Planned] | Ran) -> None:
    if isinstance(done, Ran):
        letters = ", ".join(f"{n} {kind}" for kind, n in sorted(done.letters.items())) or "no letters"
        out.print(
            f"{slug}: {letters}, {done.waiting} wait for a person, {done.by_rule} by the rulebook, "
            f"{done.blocked} cannot go out.",
            markup=False,
        )
        return
    t = translator("en")
    out.print(f"{slug}: {len(done)} due. Nothing was sent: this was a dry run.", markup=False)
    for each in done:
        step, row = dunning_words.step_name(t, each.found.step.kind), each.row
        why = f" Cannot go out: {refusal(t, None, each.blocked.code, each.blocked.params)}" if each.blocked else ""
        total = t.money(each.total, row.currency)
        out.print(f"  {row.number} {row.organisation}, due {row.due_on}: {step}, {total}.{why}", markup=False)
