"""Organisations of the demo networks and what is decided about them, through the actions, on a database of their own.

What is asked after each deed (tests/commits/test_lives.py) is read from the database: `state` is what is derived for
these organisations, `known` what was believed about them at a moment. The clock stands still until it is moved.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from cluster_rules.rulebooks import parse
from crm import catalogue
from crm.actions import applications, days, invoices, memberships, mergers, payments, rulebooks, verify
from crm.actions.memberships import Change
from crm.actions.mergers import Choice, Merger, Split
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.forms import ApplicationForm, ContactForm, OrganisationForm
from crm.reads.known import believed
from crm.store import families
from tests.commits.support import manager
from tests.crm.actions.test_shapes import next_version

INDUSTRY, CLAIRE = "nora-industry-network", "claire-innovation-network"
LEVELS = ((INDUSTRY, "principal"), (INDUSTRY, "partner"), (INDUSTRY, "principal"), (CLAIRE, "member"))
AWARD = {
    "event": "grant_awarded",
    "names": {"nb": "Tilskudd innvilget", "en": "Grant awarded"},
    "to": "principal",
    "lock_in": "event_end",
}
Line = tuple[UUID, UUID, str, str, str, date, date | None]
T = TypeVar("T")

_PERIODS = """
select organisation_id, network_id, tier, status, origin, starts_on, ends_on from membership_period p
where organisation_id = any($1) and {believed} order by 1, 2, 6
"""
_GRANTS = """
select organisation_id, network_id, kind, tier, rule, starts_on, ends_on from membership_grant g
where organisation_id = any($1) and {believed} order by 1, 2, 3, 4, 5, 6
"""
_UNROOTED = """
with recursive rooted as (
    select id from membership_grant where superseded_at is null and kind = 'direct'
    union select g.id from membership_grant g join rooted r on g.cause_id = r.id
    where g.superseded_at is null and g.kind = 'linked')
select g.id from membership_grant g where g.superseded_at is null and g.kind = 'linked' and g.organisation_id = any($1)
    and g.id not in (select id from rooted)
"""
_OPEN = """
select i.id, i.status, i.currency, coalesce(sum(e.amount), 0)::bigint as owed from invoice i
left join ledger_entry e on e.invoice_id = i.id and e.account in ('receivable', 'member_credit')
where i.organisation_id = any($1) and i.kind = 'invoice' group by i.id
order by i.created_at, array_position($1::uuid[], i.organisation_id), i.currency, owed, i.id
"""


def industry(number: int, today: date, linked: bool, existing: bool) -> dict[str, Any]:
    """The industry network's rules as their next version: awards make principal partners; with or without the link."""
    document = next_version(INDUSTRY) | {"version": number, "effective_from": today}
    del document["effective_from_existing"]
    if existing:
        document["effective_from_existing"] = today
    (partner,) = (tier for tier in document["tiers"] if tier["code"] == "partner")
    partner["upgrades"] = [AWARD]
    return document if linked else document | {"link_rules": []}


class World:
    """A few organisations, a manager of everything, and the day it is."""

    def __init__(self, context: Context, actor: Actor, clock: FixedClock) -> None:
        self.context, self.actor, self.clock = context, actor, clock
        self.organisations: list[UUID] = []
        self.decisions: list[tuple[UUID, UUID, date]] = []  # membership, decision, the day it counts from
        self.mergers: list[UUID] = []
        self.versions = 1

    @property
    def today(self) -> date:
        return self.clock.moment.date()

    def read(self, query: str, *given: Any) -> Coroutine[Any, Any, list[Any]]:
        return self._read(query, given)

    async def _read(self, query: str, given: tuple[Any, ...]) -> list[Any]:
        async with self.context.db.tx() as connection:
            return await connection.fetch(query, *given)

    # Deeds: each is one action

    async def time_passes(self, number: int) -> None:
        self.clock.moment += timedelta(days=number)
        await days.turn(self.context)

    async def join(self, network: str, tier: str, starts_on: date) -> UUID:
        """A new organisation applies and is approved; its application."""
        name = f"Livsløp {len(self.organisations)} AS"
        form = ApplicationForm(
            network=network,
            tier=tier,
            organisation=OrganisationForm(name=name, country="NO", kind="company", employees=40),
            contact=ContactForm(name="Kari Nordby", email="kari@nordby.example"),
        )
        sent = await applications.submit(self.context, self.actor, form)
        self.organisations.append(sent.organisation_id)
        await applications.approve(self.context, self.actor, sent.id, starts_on)
        return sent.id

    async def change(self, membership: UUID, change: Change) -> None:
        made = await memberships.make(self.context, self.actor, membership, change)
        self.decisions.append((membership, made.decision, change.effective_on))

    async def publish(self, linked: bool, existing: bool) -> None:
        book = parse(industry(self.versions + 1, self.today, linked, existing))
        await rulebooks.publish(self.context, self.actor, book)
        self.versions += 1

    async def merge(self, gone: UUID, into: UUID, on: date) -> None:
        self.mergers.append((await mergers.make(self.context, self.actor, Merger(gone, into, on))).id)

    async def split(self, organisation: UUID, network: str, on: date) -> None:
        new = OrganisationForm(name=f"Utskilt {len(self.organisations)} AS", country="NO", kind="company", employees=9)
        done = await mergers.make(
            self.context, self.actor, Split(organisation, on, new=new, memberships=(Choice(network),))
        )
        self.organisations.append(done.organisation)
        self.mergers.append(done.id)

    async def pay(self, pick: int, percent: int) -> None:
        """Issue one of their drafts, or pay some of what was issued."""
        found = await self.read(_OPEN, self.organisations)
        if not found:
            return
        row = found[pick % len(found)]
        if row["status"] == "draft":
            await invoices.issue(self.context, self.actor, row["id"])
        elif row["owed"] > 0:
            amount = max(1, row["owed"] * percent // 100)
            await payments.record(self.context, self.actor, row["id"], amount, row["currency"], self.today)

    # What is asked

    async def memberships(self) -> list[UUID]:
        """Not in the order of random ids: so a life can be lived again."""
        rows = await self.read(
            "select m.id from membership m join network n on n.id = m.network_id where m.organisation_id = any($1)"
            " order by array_position($1::uuid[], m.organisation_id), n.slug",
            self.organisations,
        )
        return [row["id"] for row in rows]

    async def state(self) -> tuple[list[Line], list[Line], list[tuple[Any, ...]]]:
        """All that is derived: timelines, grants, charges."""
        return (
            await self.lines(),
            [
                tuple(row)
                for row in await self.read(_GRANTS.format(believed=believed("g", "$2")), self.organisations, None)
            ],
            [
                tuple(row)
                for row in await self.read(
                    "select c.membership_id, c.component, c.starts_on, c.net from charge c join membership m on"
                    " m.id = c.membership_id where m.organisation_id = any($1) order by 1, 2, 3, 4, c.id",
                    self.organisations,
                )
            ],
        )

    async def lines(self, known_at: datetime | None = None) -> list[Line]:
        """The timelines, as they were known at a moment."""
        query = _PERIODS.format(believed=believed("p", "$2"))
        return [tuple(row) for row in await self.read(query, self.organisations, known_at)]

    async def moment(self) -> datetime:
        """The database's own clock: what is committed later is recorded later."""
        (row,) = await self.read("select clock_timestamp() as now")
        return row["now"]

    async def wrong(self) -> list[Any]:
        """What `crm verify` finds in the families of these organisations."""
        async with self.context.db.tx() as connection:
            kept = await catalogue.load(connection)
            rows = await connection.fetch(
                "select distinct family_id from organisation where id = any($1)", self.organisations
            )
            loaded = await families.load_many(connection, kept, [row["family_id"] for row in rows])
        return [found for facts in loaded for found in verify._family(facts, self.today)]

    async def unrooted(self) -> list[UUID]:
        return [row["id"] for row in await self.read(_UNROOTED, self.organisations)]


async def begin(context: Context, moment: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)) -> World:
    """The world before anybody has joined: awards upgrade partners, and a clock of its own."""
    clock = FixedClock(moment)
    own = msgspec.structs.replace(context, clock=clock)
    world = World(own, await manager(own), clock)
    await world.publish(linked=True, existing=True)
    return world


Deed = Callable[[], Coroutine[Any, Any, None]]
