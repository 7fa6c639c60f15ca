"""Something to see on every page of tests/flows/pages.py: invoices in many states, queues, runs, differences, and what
only the holder of a link gets to see."""

from datetime import date

from crm.actions import activities, days, invoices, labels, member_imports, payments, renewal_notices, renewals
from crm.actions.activities import ActivityForm, Came
from crm.actions.invoices import Credit
from crm.actions.labels import LabelForm
from crm.actions.renewals import Wanted
from crm.actor import Actor
from crm.context import Context
from crm.store import cards as card_rows
from crm.store import invoice_links
from tests.broken_files import FIRST, HEAD, SECOND, changed, csv
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crm.actions.test_exchange_rates import euro_draft
from tests.crm.actions.test_fee_shares import shared
from tests.crm.actions.test_places import joins, limit_link
from tests.crm.actions.test_renewal_notices import with_rules
from tests.crm.actions.test_reviews import joined
from tests.crm.billing import bill, draft
from tests.flows.page_desk import prepare_desk
from tests.flows.page_funding import prepare_funding
from tests.flows.page_links import prepare_links
from tests.flows.page_register import prepare_register
from tests.flows.pages import DRAFT, RULES
from tests.flows.site import Site


def begin_draft(site: Site) -> None:
    """NORA's rulebook gets a draft, as a manager begins one."""
    client = site.client("manager")
    token = client.get(RULES).text.split('name="_csrf_token" value="')[1].split('"')[0]
    client.post(DRAFT, data={"_csrf_token": token}).raise_for_status()


async def prepare_all(dsn: str) -> None:
    """Something to see on every page there is."""
    await prepare(dsn)
    async with context_on(dsn, size=2) as context:
        await prepare_desk(context, await manager(context))
        await prepare_links(context)


async def prepare(dsn: str) -> None:
    """What most pages show: invoices in many states, queues, runs, differences."""
    async with context_on(dsn, size=2) as context:
        actor = await manager(context)
        await joined(context, "company", "company", 3, date(2020, 1, 1))
        await days.review(context)
        await prepare_register(context, actor)
        await limit_link(context, actor, 0)
        for name in ("Vindkast", "Nordlys"):
            await joins(context, actor, name)
        await _invoices(context, actor)
        await _facts(context, actor)
        await prepare_funding(context, actor)
        await with_rules(context)
        await renewal_notices.run(context, actor, "nora-industry-network")
        for year in (2027, 2026):
            run = await renewals.begin(context, actor, Wanted("nora-industry-network", date(year, 1, 1)))
            await renewals.preview(context, run)
        file = csv((*FIRST, "1500", "01.03.2026"), changed(2, "Gull"), SECOND, head=(*HEAD, "Saldo", "Forfall"))
        wanted = await member_imports.upload(context, actor, "nora-industry-network", "medlemmer.csv", file)
        await member_imports.map_columns(context, actor, wanted, None)
        await member_imports.check(context, wanted)
        await shared(context, actor)
        await euro_draft(context, actor)


async def _facts(context: Context, actor: Actor) -> None:
    async with context.db.tx() as connection:
        network = await connection.fetchval("select id from network where slug = 'nora-industry-network'")
    gold = LabelForm("ESCA", level="Gold", issuer="EUCLES", issued_on=date(2025, 3, 1), last_on=date(2027, 2, 28))
    await labels.add(context, actor, network, gold)
    came = (Came("participants", 1, "Telenor", people=3),)
    fair = ActivityForm("Fair", on_day=date(2026, 10, 1), international=True, others=40, came=came)
    await activities.add(context, actor, network, fair)


async def _invoices(context: Context, actor: Actor) -> None:
    part = await bill(context, actor, "Tindeveg Robotics AS")
    day = date(2026, 11, 19)
    await payments.record(context, actor, part.id, 100_000, "NOK", day, "Bilag 12")
    await payments.propose_write_off(context, actor, part.id, 150, "Øreavrunding")
    gone = await bill(context, actor, "Strandlinje Data AS")
    await payments.record(context, actor, gone.id, gone.gross + 1, "NOK", day, "Bilag 13")
    note = await invoices.credit(context, actor, gone.id, Credit("Feil nivå"))
    await draft(context, actor, "Havnes kommune", kind="public_body")
    await draft(context, actor, "Bregne Analyse AS")
    async with context.db.tx() as connection:
        await invoice_links.add(connection, "an-invoice", part.id)
        await invoice_links.add(connection, "a-credit-note", note.id)
        found = [card_rows.Difference("received", "ch_3QxB7unknown", day, 250_000, None, "NOK", part.host)]
        await card_rows.note_differences(connection, "nora", day, day, found, context.clock.now())
