"""`crm renew`: the annual bill from the command line, with a preview first."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
import typer

from crm import catalogue
from crm.actions import renewals
from crm.actions.renewals import Wanted
from crm.actor import Actor
from crm.cli_tools import OPERATOR, DataDir, Told, on_database, out, progress
from crm.context import Context
from crm.i18n import translator
from crm.reads import renewals as reads


def renew(
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day of the membership year to bill.")],
    network: Annotated[list[str] | None, typer.Option(help="Which network; again for more. All when left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be billed.")] = False,
    drafts: Annotated[bool, typer.Option("--drafts", help="Leave drafts instead of issuing invoices.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Bill members for a membership year. Whoever is billed already is not billed again."""
    with progress("renewing") as tell:

        async def work(context: Context) -> list[str]:
            return await _work(context, on.date(), network or [], dry_run, not drafts, tell)

        for line in on_database(data_dir, work):
            out.print(line, markup=False)


async def _work(context: Context, day: date, networks: list[str], dry_run: bool, issue: bool, tell: Told) -> list[str]:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    everything = frozenset(kept.by_id)
    actor = msgspec.structs.replace(OPERATOR, manages=everything, reads=everything)
    chosen = [kept.network(slug).slug for slug in networks] or [n.slug for n in kept.networks]
    lines = []
    for slug in chosen:
        if kept.rulebooks.of(slug):
            run = await _run(context, actor, Wanted(slug, day, False, dry_run, issue), tell)
            lines += await _told(context, slug, run)
    return lines


async def _run(context: Context, actor: Actor, wanted: Wanted, tell: Told) -> UUID:
    """The same run that the worker would do; whichever of us is first does it, the other finds it done."""
    run = await renewals.begin(context, actor, wanted)
    while await renewals.preview(context, run, tell) is not None:
        pass
    await renewals.bill(context, run, tell)
    return run


async def _told(context: Context, slug: str, run: UUID) -> list[str]:
    t = translator("en")
    async with context.db.tx() as connection:
        found = await reads.run(connection, run)
        sums = await reads.sums(connection, run)
        failed = await reads.items(connection, run, "failed", (False, 0), 20)
    assert found is not None
    totals = [f"{s.members} {s.state}" + (f" {t.money(s.net, s.currency)}" if s.currency else "") for s in sums]
    lines = [f"{slug}: {found.status}, {found.invoices} invoices. {'; '.join(totals) or 'Nothing to bill.'}"]
    return lines + [f"  {each.organisation}: {each.problem['code']}" for each in failed if each.problem]
