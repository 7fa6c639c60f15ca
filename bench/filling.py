"""A network filled with as many members as wanted: facts made up, what follows from them derived, all of it copied.

The same number and first id always give the same members. Every one is its own: day of joining, size, level and
history are drawn; every fifth is linked to another network, some have a unit inside, changed level or were suspended.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from cluster_rules import cascades
from cluster_rules.intents import SetTimeline, StartGrant
from cluster_rules.memberships import Decision, Facts
from cluster_rules.networks import Rulebooks
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import FAR, Period
from crm import catalogue
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.context import Context
from crm.database import Connection

NETWORK = "nora-industry-network"
AT_A_TIME = 5_000
TODAY = date(2026, 11, 22)
FIRST = date(2012, 1, 1)
RECORDED = datetime(2026, 1, 1, tzinfo=UTC)
ACTOR = Actor("Bench", "import")
_ROOM = 1000  # ids of one family: what is made for it is numbered within

_STEPS = '[{"code": "fixed", "values": {"amount": 100000}}]'
# What is there is told to partners' feeds, as the engine would have told it.
_TELL = """
select feed_publish(array(select id from membership m
    where not exists (select from feed_member f where f.membership_id = m.id)), '{today}')
"""
Rows = dict[str, list[tuple]]

_COLUMNS = {
    "organisation": "id name family_id created_at",
    "organisation_profile": "id organisation_id name kind country employees parent_id starts_on ends_on recorded_at",
    "contact": "id organisation_id name email created_at",
    "membership": "id organisation_id network_id created_at",
    "membership_decision": "id membership_id kind effective_on until_on tier actor channel recorded_at",
    "membership_grant": "id membership_id network_id organisation_id kind tier starts_on ends_on source_network_id rule"
    " rulebook_version agreement cause_id reason recorded_at",
    "membership_period": "membership_id network_id organisation_id tier status origin starts_on ends_on recorded_at",
    "invoice": "id host_id organisation_id status currency created_at",
    "charge": "id invoice_id membership_id grant_id tier component names starts_on ends_on net vat_code vat_percent vat"
    " currency steps recorded_at",
}


async def fill(context: Context, dsn: str, first: int, last: int) -> None:
    """The members with the numbers `first` to `last` of the network, committed; then the planner's figures anew."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    copying = await asyncpg.connect(dsn)  # without the application's JSON codec, which COPY has no use for
    try:
        # The engine's own answers need no second look by triggers, and a million of them would take very long.
        await copying.execute("set session_replication_role = replica")
        tables = [name for name in _COLUMNS if name != "membership"]  # others look into that one while it is filled
        rebuilding = await without_indexes(copying, tables)
        for at in range(first, last + 1, AT_A_TIME):
            rows: Rows = {table: [] for table in _COLUMNS}
            for number in range(at, min(at + AT_A_TIME, last + 1)):
                _Family(number, kept).write(rows)
            for table, columns in _COLUMNS.items():
                await copying.copy_records_to_table(table, records=rows[table], columns=columns.split())
        for statement in (*rebuilding, "vacuum analyze"):
            await copying.execute(statement)
        await copying.execute(_TELL.format(today=TODAY))
        await copying.execute("vacuum analyze feed, feed_member")
        await copying.execute("checkpoint")
    finally:
        await copying.close()


async def without_indexes(copying: Connection, tables: Sequence[str]) -> list[str]:
    """Drop what is quicker to build once all rows are there; the statements that bring it back as it was."""
    ruled = await copying.fetch(
        "select conrelid::regclass::text as t, quote_ident(conname) as name, pg_get_constraintdef(oid) as definition"
        " from pg_constraint where contype = 'x' and conrelid::regclass::text = any($1)",
        list(tables),
    )
    loose = await copying.fetch(
        "select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition from pg_index i"
        " where i.indrelid::regclass::text = any($1)"
        " and not exists (select from pg_constraint c where c.conindid = i.indexrelid)",
        list(tables),
    )
    for row in ruled:
        await copying.execute(f"alter table {row['t']} drop constraint {row['name']}")
    for row in loose:
        await copying.execute(f"drop index {row['name']}")
    back = [f"alter table {row['t']} add constraint {row['name']} {row['definition']}" for row in ruled]
    return back + [row["definition"] for row in loose]


def entity(number: int) -> UUID:
    """The legal entity of a family; the units inside it have the ids that follow."""
    return UUID(int=(random.Random(number).getrandbits(64) << 64) | (8 << 60) | number * _ROOM)


def other(tier: str) -> str:
    """The level one changes to."""
    return "partner" if tier == "principal" else "principal"


def facts_of(number: int, rulebooks: Rulebooks) -> Facts:
    """What is known of one family: the decisions of the past, and nothing derived."""
    drawn = random.Random(-number - 1)
    root = entity(number)
    members = [Organisation(root, f"Bench {number} AS", (_profile(drawn),))]
    if drawn.random() < 0.05:
        members.append(Organisation(UUID(int=root.int + 1), f"Bench {number} lab", (_profile(drawn, root),)))
    decisions = [d for at, each in enumerate(members) for d in _decisions(drawn, each.id, root.int + 100 + 10 * at)]
    return Facts(tuple(members), rulebooks, tuple(decisions))


def _profile(drawn: random.Random, parent: UUID | None = None) -> Profile:
    size = min(int(drawn.paretovariate(0.7) * 3), 20_000)
    country = drawn.choice(("NO", "NO", "NO", "SE"))
    return Profile(Period(FIRST), "company", country, employees=size, parent=parent)


def _decisions(drawn: random.Random, who: UUID, ids: int) -> Iterator[Decision]:
    day = FIRST + timedelta(days=drawn.randrange(4500))
    tier = drawn.choices(("principal", "partner"), (1, 4))[0]
    made = [("joining", day, tier, None)]
    if drawn.random() < 0.10:
        made.append(("tier_change", day + timedelta(days=drawn.randrange(30, 500)), other(tier), None))
    if drawn.random() < 0.05:
        paused = day + timedelta(days=drawn.randrange(30, 900))
        made.append(("suspension", paused, "", paused + timedelta(days=drawn.randrange(10, 200))))
    if drawn.random() < 0.03:
        made.append(("ending", day + timedelta(days=drawn.randrange(900, 2000)), "", None))
    for at, (kind, on, level, until) in enumerate(made):
        recorded = RECORDED + timedelta(seconds=at)
        yield Decision(UUID(int=ids + at), who, NETWORK, kind, on, recorded, level, until)


class _Family:
    """One family with all that is derived, as rows of every table."""

    def __init__(self, number: int, kept: Catalogue) -> None:
        self.kept = kept
        self.facts = facts_of(number, kept.rulebooks)
        self.root = self.facts.organisations[0].id
        self.next = self.root.int + 200
        self.memberships: dict[tuple[UUID, str], UUID] = {}
        self.draft: UUID | None = None

    def write(self, rows: Rows) -> None:
        for each in self.facts.organisations:
            self._organisation(rows, each)
        for d in self.facts.decisions:
            held = self._membership(rows, d.organisation, d.network)
            rows["membership_decision"].append(
                (d.id, held, d.kind, d.effective_on, d.until, d.tier, "Bench", "import", d.recorded_at)
            )
        for intent in cascades.repair(self.facts, TODAY):
            if isinstance(intent, StartGrant):
                self._grant(rows, intent)
            elif isinstance(intent, SetTimeline):
                self._timeline(rows, intent)

    def _new(self) -> UUID:
        self.next += 1
        return UUID(int=self.next)

    def _organisation(self, rows: Rows, each: Organisation) -> None:
        (known,) = each.profiles
        rows["organisation"].append((each.id, each.name, self.root, RECORDED))
        told = (each.name, known.kind, known.country, known.employees, known.parent)
        rows["organisation_profile"].append((self._new(), each.id, *told, known.period.start, None, RECORDED))
        rows["contact"].append((self._new(), each.id, "Person", f"person{each.id.int}@bench.example", RECORDED))

    def _membership(self, rows: Rows, organisation: UUID, network: str) -> UUID:
        key = (organisation, network)
        if key not in self.memberships:
            self.memberships[key] = self._new()
            there = self.kept.network(network).id
            rows["membership"].append((self.memberships[key], organisation, there, RECORDED))
        return self.memberships[key]

    def _grant(self, rows: Rows, intent: StartGrant) -> None:
        g = intent.grant
        held = self._membership(rows, g.organisation, g.network)
        source = self.kept.network(g.source).id if g.source else None
        why = msgspec.json.encode(intent.reason).decode()
        told = (g.organisation, g.kind, g.tier, g.period.start, g.period.end)
        came = (source, g.rule, g.version, g.agreement, g.cause, why, RECORDED)
        rows["membership_grant"].append((g.id, held, self.kept.network(g.network).id, *told, *came))
        if g.kind == "direct" and g.period.covers(TODAY):
            self._billed(rows, g.id, held, g.network, g.tier)

    def _billed(self, rows: Rows, grant: UUID, held: UUID, network: str, tier: str) -> None:
        """This year's fee, on the family's draft."""
        if self.draft is None:
            self.draft = self._new()
            rows["invoice"].append(
                (self.draft, self.kept.network(network).host_id, self.root, "draft", "NOK", RECORDED)
            )
        amount = ("fee", '{"en": "Fee"}', date(TODAY.year, 1, 1), date(TODAY.year + 1, 1, 1), 1_000_00)
        charge = (self._new(), self.draft, held, grant, tier, *amount, "outside", 0, 0, "NOK", _STEPS, RECORDED)
        rows["charge"].append(charge)

    def _timeline(self, rows: Rows, intent: SetTimeline) -> None:
        held = self._membership(rows, intent.organisation, intent.network)
        there = self.kept.network(intent.network).id
        for s in intent.segments:
            end = None if s.period.end_or_far == FAR else s.period.end
            told = (s.tier, s.status, s.origin, s.period.start, end)
            rows["membership_period"].append((held, there, intent.organisation, *told, RECORDED))
