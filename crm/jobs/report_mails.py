"""Saved reports that come by mail: made when their week, month or quarter has begun, once for each of its readers.

A report by mail is a page that nobody has opened: so this job reads what pages read (ADR 0035). Each is reckoned behind
the tenant wall of the networks it is about, in each reader's language.
"""

from uuid import UUID

import structlog

from cluster_rules.errors import RuleViolation
from crm import catalogue, report_words
from crm.actions import report_files as files
from crm.actions import saved_reports as actions
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.i18n import translator
from crm.reads import reports
from crm.reports import Report, of_address
from crm.store.mail import Recipient
from crm.store.saved_reports import Saved

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

log = structlog.get_logger()


async def send_due(context: Context) -> int:
    """Every saved report that is due; how many mails. One that cannot be made is left out and named in the log."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    sent = 0
    for saved in await actions.due(context, kept.by_id):
        try:
            sent += await _send(context, kept, saved)
        except (RuleViolation, KeyError) as error:
            log.warning("report_not_made", report=saved.report, saved=str(saved.id), error=str(error))
    await actions.forget_files(context)
    return sent


async def _send(context: Context, kept: Catalogue, saved: Saved) -> int:
    own = kept.by_id[saved.network_id]
    networks = networks_of(kept, saved)
    to = await actions.readers(context, saved, [row.id for row in networks])
    made = await _made(context, saved, networks)
    listed = [(each, *await _file(context, kept, own, saved, made, each)) for each in to]
    return await actions.deliver(context, saved, own, listed)


def networks_of(kept: Catalogue, saved: Saved) -> list[NetworkRow]:
    """The networks a saved report asks about, its own first."""
    named = [value for name, value in saved.question if name == "network" and value in kept.by_slug]
    ids: list[UUID] = [saved.network_id, *(kept.by_slug[slug].id for slug in named)]
    return [kept.by_id[each] for each in dict.fromkeys(ids)]


async def _made(context: Context, saved: Saved, networks: list[NetworkRow]) -> Report:
    source, own = reports.SOURCES[saved.report], networks[0]
    query = {name: value for name, value in saved.question if name != "network"}
    places = [(row.id, row.host) for row in networks]
    asked = of_address(query, places, context.clock.today(own.zone), own.zone, source.options)
    async with context.db.reading([row.id for row in networks]) as connection:
        return await reports.figures(connection, source, asked)


async def _list(context: Context, reader: files.Reader, saved: Saved, made: Report) -> files.Sheet | None:
    """The list itself, of a report that is one."""
    code = files.LISTS.get(saved.report)
    if code is None:
        return None
    source = reports.SOURCES[saved.report]
    async with context.db.reading(made.asked.networks) as connection:
        rows = [row async for batch in reports.every_row(connection, source, made.asked, code) for row in batch]
    return files.list_sheet(reader, saved.report, reports.columns(source, code), rows)


async def _file(
    context: Context, kept: Catalogue, own: NetworkRow, saved: Saved, made: Report, to: Recipient
) -> tuple[str, str, bytes]:
    """Name, media type and content, in the reader's language."""
    t = translator(to.language)
    reader = files.Reader(t, kept, own)
    name = f"{saved.report}-{own.slug}-{made.asked.as_of.isoformat()}.{saved.file}"
    if saved.file == "xlsx":
        return name, XLSX, files.workbook(context, reader, made, await _list(context, reader, saved, made))
    title = t.gettext(report_words.report(saved.report).title)
    return name, files.PDF, await files.paper(context, reader, title, [(files.whole(made), made)])
