"""The timetable: what runs by itself, in UTC. However many workers there are, each run happens once."""

from collections.abc import Awaitable, Callable

import structlog

from crm.actions import (
    card_books,
    card_events,
    days,
    dunning,
    endings,
    federation_exchange,
    invoice_deliveries,
    mail,
    member_imports,
    member_lists,
    notes,
    places,
    register_runs,
    renewal_lapses,
    renewal_notices,
    retention,
    surveys,
    todos,
)
from crm.actions import webhook_deliveries as webhooks
from crm.actor import SYSTEM
from crm.jobs import report_mails
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


async def sweep_card_events(tools: Tools) -> None:
    """An event of the card provider whose job was lost gets another try."""
    stranded = await card_events.sweep(tools.context)
    if stranded:
        log.warning("card_events_without_job", count=len(stranded))


async def tell_webhooks(tools: Tools) -> None:
    """What rang while nobody listened, heartbeats, and messages whose job was lost."""
    await webhooks.tell(tools.context, tools.webhooks)
    stranded = await webhooks.sweep(tools.context, tools.webhooks)
    if stranded:
        log.warning("webhooks_without_job", count=len(stranded))


async def drop_old_imports(tools: Tools) -> None:
    """A file of members that nobody has stored for a month is not kept."""
    await member_imports.drop_old(tools.context)


async def forget_register_files(tools: Tools) -> None:
    """A file of the register that no run needs is not kept: what a crash between upload and run left behind."""
    await register_runs.forget_files(tools.context)


async def forget_webhook_messages(tools: Tools) -> None:
    """The log of what was sent to partners' systems is kept for a month."""
    await webhooks.forget(tools.context)


async def compare_card_books(tools: Tools) -> None:
    """Each night what the card provider has in its books and we have not is booked; what differs is named (M12)."""
    for each in await card_books.nightly(tools.context, tools.cards):
        if each.repaired or each.found:
            log.warning("card_books_differed", account=each.account, booked=each.repaired, differences=each.found)


async def turn_the_day(tools: Tools) -> None:
    """Every hour, since networks' days begin at different moments: who left by yesterday is told to partners."""
    await renewal_lapses.turn(tools.context, SYSTEM)
    await days.turn(tools.context)
    await places.turn(tools.context)
    await surveys.close_over(tools.context, SYSTEM)


async def remind(tools: Tools) -> None:
    """Each morning the steps of the rulebooks for invoices that are not paid; a step is taken once for an invoice."""
    done = await dunning.run_all(tools.context, SYSTEM)
    if done.steps or done.blocked:
        log.info("dunning", letters=done.letters, waiting=done.waiting, by_rule=done.by_rule, blocked=done.blocked)


async def tell_renewals(tools: Tools) -> None:
    """Each morning members whose next period is near enough are told of it; once for a membership and period."""
    done = await renewal_notices.run_all(tools.context, SYSTEM)
    if done.told or done.left_out:
        log.info("renewal_notices", told=done.told, left_out=done.left_out)


async def remind_of_tasks(tools: Tools) -> None:
    """Each morning whose tasks are due today; once for a task and its day."""
    sent = await todos.remind(tools.context)
    if sent:
        log.info("tasks_due", mails=sent)


async def tell_endings(tools: Tools) -> None:
    """Each morning labels and agreements that end are told ahead to who is in charge; once at each distance."""
    sent = await endings.tell(tools.context)
    if sent:
        log.info("endings_told", mails=sent)


async def forget_hidden(tools: Tools) -> None:
    """Notes, tasks and documents that were deleted go for good when nobody has brought them back."""
    await notes.forget_hidden(tools.context)


async def drop_old_changes(tools: Tools) -> None:
    """Partners' feeds are kept as long as promised (docs/sync.md), not for ever."""
    await days.prune_feed(tools.context)


async def drop_old_lists(tools: Tools) -> None:
    """Lists that partners' systems pushed are kept for a while, for whoever asks what became of a row."""
    await member_lists.forget_old(tools.context)


async def take_what_is_due(tools: Tools) -> None:
    """Each night what names people and has stood long enough goes (ADR 0033)."""
    for going in await retention.run_all(tools.context, SYSTEM):
        if going.done:
            log.info("retention", host=going.host.code if going.host else "", **going.done)


async def forget_finished_jobs(tools: Tools) -> None:
    """The queue's log would grow for ever."""
    async with tools.context.db.tx() as connection:
        await job_tables.forget_finished(connection, KEPT_DAYS)


async def sweep_federation(tools: Tools) -> None:
    """What another system has not confirmed is sent, also when its job was lost."""
    await federation_exchange.sweep_outboxes(tools.context)


async def check_federation(tools: Tools) -> None:
    """Every hour each agreement with another system is compared, not all of them at the same moment."""
    await federation_exchange.plan_visits(tools.context)


async def turn_federation(tools: Tools) -> None:
    """Each night what is over is withdrawn, and who was not heard of for too long ends."""
    for code in await federation_exchange.live(tools.context):
        await federation_exchange.turn(tools.context, code)


async def send_reports(tools: Tools) -> None:
    """Every hour, since networks' days begin at different moments: saved reports whose week, month or quarter began."""
    sent = await report_mails.send_due(tools.context)
    if sent:
        log.info("reports_sent", mails=sent)


TIMETABLE: tuple[tuple[str, Callable[[Tools], Awaitable[None]]], ...] = (
    ("* * * * *", sweep_mails),
    ("2 * * * *", sweep_deliveries),
    ("* * * * *", sweep_card_events),
    ("* * * * *", tell_webhooks),
    ("5 * * * *", turn_the_day),
    ("25 * * * *", send_reports),
    ("0 7 * * *", remind),
    ("20 7 * * *", tell_renewals),
    ("10 6 * * *", remind_of_tasks),
    ("15 6 * * *", tell_endings),
    ("50 3 * * *", forget_hidden),
    ("45 3 * * *", compare_card_books),
    ("55 3 * * *", take_what_is_due),
    ("15 3 * * *", forget_finished_jobs),
    ("25 3 * * *", drop_old_changes),
    ("35 3 * * *", drop_old_lists),
    ("35 3 * * *", drop_old_imports),
    ("35 3 * * *", forget_webhook_messages),
    ("35 3 * * *", forget_register_files),
    ("* * * * *", sweep_federation),
    ("40 * * * *", check_federation),
    ("10 0 * * *", turn_federation),
)
