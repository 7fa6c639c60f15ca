"""The timetable: what runs by itself, in UTC. However many workers there are, each run happens once."""

from collections.abc import Awaitable, Callable

import structlog

from crm.actions import days, invoice_deliveries, mail, places
from crm.jobs.tasks import Tools
from crm.store import job_tables

KEPT_DAYS = 30  # of finished jobs' log

log = structlog.get_logger()


async def sweep_mails(tools: Tools) -> None:
    """A mail whose job was lost gets another."""
    stranded = await mail.sweep(tools.context, tools.policy)
    if stranded:
        log.warning("mails_without_job", count=len(stranded))


async def sweep_deliveries(tools: Tools) -> None:
    """An invoice whose sending was lost gets another try."""
    stranded = await invoice_deliveries.sweep(tools.context)
    if stranded:
        log.warning("deliveries_without_job", count=len(stranded))


async def turn_the_day(tools: Tools) -> None:
    """Every hour, since networks' days begin at different moments: who left by yesterday is told to partners."""
    await days.turn(tools.context)
    await places.turn(tools.context)


async def forget_finished_jobs(tools: Tools) -> None:
    """The queue's log would grow for ever."""
    async with tools.context.db.tx() as connection:
        await job_tables.forget_finished(connection, KEPT_DAYS)


TIMETABLE: tuple[tuple[str, Callable[[Tools], Awaitable[None]]], ...] = (
    ("* * * * *", sweep_mails),
    ("2 * * * *", sweep_deliveries),
    ("5 * * * *", turn_the_day),
    ("15 3 * * *", forget_finished_jobs),
)
