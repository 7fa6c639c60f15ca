"""Book what a card provider told of, and what follows from it, in the caller's transaction.

A fact is known by the provider's object and phase: whoever hears of it first books it, everybody else finds it
known (M3). Amounts are minor units.
"""

from datetime import datetime

from cluster_rules import cards
from cluster_rules.cards import Found, Payout
from cluster_rules.ledger import Place
from cluster_rules.money_facts import MoneyFact, Received, waits_for
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound
from crm.store import audit, ledger, payments, settlement
from crm.store.ledger import Booked
from crm.store.payments import Told

NOTHING_TOLD = Told()
SAID_BY = "Stripe"


async def book_found(connection: Connection, kept: Catalogue, account: str, found: Found, now: datetime) -> bool:
    """Book what an object says; False when it is none of ours, or says nothing yet.

    `account` is the host whose card account it is ("": one for several hosts; what that pays out a person divides).
    """
    if isinstance(found.object, Payout):
        host = next((n.host_id for n in kept.networks if n.host == account), None)
        place, currency, told = Place(), found.object.currency, NOTHING_TOLD
    else:
        reference = found.reference
        try:
            billed = await payments.billed(connection, reference) if reference else None
        except NotFound:
            billed = None
        host = billed.host if billed else None
        place = Place(billed.organisation, billed.id) if billed else Place()
        currency, told = (billed.currency, Told(reference=billed.kid)) if billed else ("", NOTHING_TOLD)
    if host is None:
        return False
    zone = next(n.zone for n in kept.networks if n.host_id == host)
    fact = cards.fact(found, host, found.object.at.astimezone(zone).date(), place, currency)
    if fact:
        await book(connection, kept, fact, SAID_BY, now, told)
    return fact is not None


async def book(
    connection: Connection, kept: Catalogue, fact: MoneyFact, actor: str, now: datetime, told: Told = NOTHING_TOLD
) -> Booked:
    """Lock whom the money is about, book the fact, and carry out what a paid or reopened invoice sets going."""
    payment = waits_for(fact)
    there = await ledger.held(connection, payment) if payment else ()
    parts = fact.parts if isinstance(fact, Received) else ()
    about = {item.organisation for item, _ in there} | {part.place.organisation for part in parts}
    await settlement.lock(connection, [organisation for organisation in about if organisation])
    if isinstance(fact, Received):
        booked = await payments.receive(connection, fact, told, actor)
    else:
        booked = await ledger.post(connection, fact, actor)
    if booked.state == "booked":
        who = Actor(actor, "job")
        networks = [n for n in kept.networks if n.host_id == fact.host]
        settled = await settlement.settle(connection, kept, booked, who, now, now.astimezone(networks[0].zone).date())
        detail = {
            "transactions": [str(posting.id) for posting in booked.postings],
            "paid": [str(invoice) for invoice in settled.paid],
            "reopened": [str(invoice) for invoice in settled.reopened],
        }
        one = next(iter(about)) if len(about) == 1 else None
        await audit.append(connection, who, booked.postings[0].kind, detail, networks[0].id, one, payment)
    return booked
