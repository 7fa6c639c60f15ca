"""`crm retention`: what names people and has stood long enough is taken away, with a dry run first."""

from datetime import datetime
from typing import Annotated

import typer

from crm.actions import retention
from crm.cli_tools import OPERATOR, DataDir, on_database, out
from crm.context import Context
from crm.i18n import TIME_ZONE


def run_retention(
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As due on this day; today when left out.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Take away what names people and has stood long enough. The worker does the same every night."""

    async def work(context: Context) -> list[retention.Going]:
        day = on.date() if on else context.clock.today(TIME_ZONE)
        if dry_run:
            return await retention.preview(context, day)
        return await retention.run(context, OPERATOR, day)

    for going in on_database(data_dir, work):
        what = ", ".join(f"{count} {kind}" for kind, count in going.done.items()) or "nothing"
        place = going.host.code if going.host else "of no host"
        out.print(f"{place}: {what} {'would go' if dry_run else 'taken away'}.", markup=False)
