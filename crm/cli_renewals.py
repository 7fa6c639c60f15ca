"""`crm renew`: the annual bill from the command line, with a preview first; `--notices`: members told ahead of it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
import typer

from cluster_rules.renewal_notices import furthest
from crm import catalogue
from crm.actions import renewal_notices, renewals
from crm.actions.renewals import Wanted
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.cli_tools import OPERATOR, DataDir, Told, on_database, out, progress
from crm.context import Context
from crm.i18n import translator
from crm.reads import renewals as reads


def renew(
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day of the membership year to bill.")],
    network: Annotated[list[str] | None, typer.Option(help="Which network; again for more. All when left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be billed.")] = False,
    drafts: Annotated[bool, typer.Option("--drafts", help="Leave drafts instead of issuing invoices.")] = False,
    notices: Annotated[
        bool, typer.Option("--notices", help="Bill nobody: tell members of their next period, as due on this day.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Bill members for a membership year. Whoever is billed already is not billed again."""
    with progress("renewing") as tell:

        async def work(context: Context) -> list[str]:
            if notices:
                return await _notices(context, on.date(), network or [], dry_run)
            return await _work(context, on.date(), network or [], dry_run, not drafts, tell)

        for line in on_database(data_dir, work):
            out.print(line, markup=False)


async def _chosen(context: Context, networks: list[str]) -> tuple[Catalogue, Actor, list[str]]:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    everything = frozenset(kept.by_id)
    actor = msgspec.structs.replace(OPERATOR, manages=everything, reads=everything)
    return kept, actor, [kept.network(slug).slug for slug in networks] or [n.slug for n in kept.networks]


async def _notices(context: Context, day: date, networks: list[str], dry_run: bool) -> list[str]:
    """Networks whose rules tell nobody are left out, unless they were asked for: then they are refused."""
    kept, actor, chosen = await _chosen(context, networks)
    t = translator("en")
    lines = []
    for slug in chosen:
        if not networks and not furthest(kept.rulebooks, slug):
            continue
        if dry_run:
            found, listed, _ = await renewal_notices.preview(context, actor, slug, day)
        else:
            found, listed = await renewal_notices.run(context, actor, slug, day), []
        left = "".join(f", {n} {state}" for state, n in found.left_out.items())
        lines.append(f"{slug}: {found.told} {'would be ' if dry_run else ''}told{left}.")
        for each in listed:
            fee = t.money(each.renewal.net, each.renewal.currency) if each.renewal.currency else ""
            lines.append(f"  {each.organisation}: {each.state}, from {each.renewal.year.start} {fee}".rstrip())
    return lines or ["No rulebook tells members ahead of a period."]


async def _work(context: Context, day: date, networks: list[str], dry_run: bool, issue: bool, tell: Told) -> list[str]:
    kept, actor, chosen = await _chosen(context, networks)
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
