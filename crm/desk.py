"""Who works on the books of which host: the money actions' first tenant wall.

Books are the host's, not a network's: whoever manages one of its networks works on them.
"""

from datetime import date, timedelta
from uuid import UUID

import msgspec

from cluster_rules.errors import RuleViolation
from crm import catalogue, forms
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection
from crm.errors import Forbidden, Invalid, NotFound

LONGEST_BACKDATING_DAYS = 3660
MOST_AMOUNT = 10_000_000_000_00


class Desk(msgspec.Struct, frozen=True):
    """The host, the networks of it that the actor manages, and what day it is there."""

    context: Context
    actor: Actor
    kept: Catalogue
    host: UUID
    networks: tuple[UUID, ...]
    today: date

    def check(self, amount: int, on: date, text: str, required: bool = False) -> None:
        """What is typed about money: Invalid, or RuleViolation `amount_invalid` or `date_out_of_range`."""
        problems: forms.Problems = []
        forms.text(problems, "reason", text, forms.NOTE_MAX, required=required)
        if problems:
            raise Invalid(problems)
        if not 0 < amount <= MOST_AMOUNT:
            raise RuleViolation("amount_invalid", "amount", given=amount)
        earliest = self.today - timedelta(days=LONGEST_BACKDATING_DAYS)
        if not earliest <= on <= self.today:
            raise RuleViolation("date_out_of_range", "received_on", given=on, earliest=earliest, latest=self.today)


async def at(connection: Connection, context: Context, actor: Actor, host: UUID) -> Desk:
    """The actor's desk at this host. Forbidden when it only reads there, NotFound when it may not know of it."""
    kept = await catalogue.load(connection)
    own = [n for n in kept.networks if n.host_id == host]
    managed = [n for n in own if n.id in actor.manages]
    if not managed:
        if any(n.id in actor.reads for n in own):
            raise Forbidden
        raise NotFound("host", host)
    today = context.clock.today(managed[0].zone)
    return Desk(context, actor, kept, host, tuple(n.id for n in managed), today)
