"""Managers hear ahead of labels, programmes and agreements of their network that end: once at each distance."""

from datetime import date, timedelta

from crm import catalogue
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.database import Connection
from crm.i18n import translator
from crm.store import endings, mail
from crm.store.endings import Ending
from crm.store.mail import Outgoing, Recipient

DAYS_BEFORE = (90, 30, 7)  # the last day, at most so many days ahead


async def tell(context: Context) -> int:
    """A mail to everybody in charge of a network with an end that is near and was not told so yet; how many mails.

    A network is a transaction: what is noted as told and the mails are stored together, or neither.
    """
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    sent = 0
    for network in kept.networks:
        async with context.db.tx() as connection:
            sent += await _of_network(context, connection, kept, network)
    return sent


async def _of_network(context: Context, connection: Connection, kept: Catalogue, network: NetworkRow) -> int:
    today = context.clock.today(network.zone)
    until = today + timedelta(days=max(DAYS_BEFORE) + 1)
    found = [
        (each, distance(each.ends_on, today)) for each in await endings.ending(connection, network.id, today, until)
    ]
    people = await endings.in_charge(connection, network.id) if found else []
    if not people:
        return 0  # whoever takes charge of it later is told then
    new = [each for each, _ in await endings.tell(connection, network.id, found, context.clock.now())]
    if new:
        await mail.queue(connection, [_letter(context, network, to, new, today) for to in people])
    return len(people) if new else 0


def distance(ends_on: date, today: date) -> int:
    """Which of the distances is reached: 90 from 90 days before the last day on, 30 from 30 on, and so on."""
    left = (ends_on - timedelta(days=1) - today).days
    return min(days for days in DAYS_BEFORE if left <= days)


def _letter(context: Context, network: NetworkRow, to: Recipient, found: list[Ending], today: date) -> Outgoing:
    t = translator(to.language)
    base = f"{context.settings.base_url}/n/{network.slug}/setup"
    told = [
        {
            "name": t.text(each.names),
            "day": t.date(each.ends_on - timedelta(days=1)),
            "days": (each.ends_on - timedelta(days=1) - today).days,
            "link": f"{base}/{'labels' if each.kind == 'label' else 'agreements'}",
        }
        for each in found
    ]
    return Outgoing("ending_soon", to, {"network": t.text(network.names), "endings": told}, network.id)
