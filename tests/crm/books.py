"""A made-up network with years of invoices and money, for reports: booked by the ledger's own writer, day after day.

The same seed always gives the same world. Amounts are minor units. Rows of invoices are written beside the actions
(which issue on today's day only), so what guards them is off while they are; the ledger's own guards stay on.
"""

import random
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID, uuid5

import msgspec

from cluster_rules.ledger import NAMESPACE, Part, Place
from cluster_rules.money_facts import (
    Claimed,
    Credited,
    Issued,
    MoneyFact,
    Received,
    Refunded,
    Sold,
    WrittenOff,
    payment_id,
)
from crm import catalogue
from crm.database import Connection
from crm.store import ledger, payments

NETWORKS = ("nora-industry-network", "nora-startup")
YEARS = (2024, 2025, 2026)
FEES = {"principal": 150_000_00, "partner": 45_000_33}
_INVOICE = """
insert into invoice (id, host_id, organisation_id, status, currency, payment_days, network_id, kind, credits_id, series,
    number, issued_on, due_on, net, vat, gross, created_at)
values ($1, $2, $3, 'issued', $4, 30, $5, $6::varchar, $7, 'T', $8, $9,
    case when $6::varchar = 'invoice' then $9::date + 30 end, $10, $11, $12, now())
"""
_CHARGE = """
insert into charge (id, invoice_id, membership_id, grant_id, tier, component, names, starts_on, ends_on, net, vat_code,
    vat_percent, vat, currency, steps, reason, recorded_at)
values ($1, $2, $3, $4, $5, 'membership', '{}', $6, $7, $8, 'standard', 25, $9, $10, $11, '{}', now())
"""
# What the triggers make of what is issued, which are asleep while these rows are written.
_DAYS = """
insert into invoice_day (host_id, issued_on, kind, currency, networks, documents, gross) select * from invoice_days()
on conflict (host_id, issued_on, kind, currency, networks) do update
    set documents = excluded.documents, gross = excluded.gross
"""
_UNTOUCHED = """
insert into invoice_untouched (invoice_id, host_id, organisation_id, tier, network, networks, currency, issued_on,
    due_on, net, gross) select * from invoices_untouched() u where u.invoice_id = $1
"""


class Bill(msgspec.Struct):
    """An invoice of the world: what is left to credit of its one line for each network."""

    id: UUID
    organisation: UUID
    currency: str
    on: date
    lines: list[tuple[UUID, UUID, int, int]]  # charge, network, net, vat
    credited: bool = False

    @property
    def gross(self) -> int:
        """With VAT."""
        return sum(net + vat for _, _, net, vat in self.lines)


class World:
    """`host`, `networks` and everything that was billed; `events` go on booking, in the order of days."""

    def __init__(self, connection: Connection, seed: int, members: int = 6) -> None:
        self.connection = connection
        self.drawn = random.Random(seed)
        self.members = members
        self.made = 0
        self.bills: list[Bill] = []

    async def begin(self) -> "World":
        """Find the memberships that are billed: own ones that stand in the host's networks."""
        kept = await catalogue.load(self.connection)
        self.networks = [kept.network(slug).id for slug in NETWORKS]
        self.host = kept.network(NETWORKS[0]).host_id
        self.all = [n.id for n in kept.networks if n.host_id == self.host]
        self.own = await self.connection.fetch(
            "select g.membership_id, g.organisation_id, g.network_id, g.id as grant_id, g.tier from membership_grant g"
            " where g.network_id = any($1) and g.kind = 'direct' and g.superseded_at is null and g.starts_on < $2"
            " and g.ends_on is null order by g.membership_id limit $3",
            self.networks, date(YEARS[0], 1, 1), self.members,
        )  # fmt: skip
        return self

    async def events(self) -> AsyncIterator[date]:
        """Bill and book all years; gives each day that something happens on, before it does."""
        planned: list[tuple[date, int, object]] = []
        for year in YEARS:
            for n, row in enumerate(self.own):
                planned.append((date(year, 1, 5) + timedelta(days=self.drawn.randrange(60)), n, row))
        planned.sort(key=lambda each: each[:2])
        later: list[tuple[date, int, MoneyFact]] = []
        while planned or later:
            day = min([*(each[0] for each in planned[:1]), *(each[0] for each in later)])
            yield day
            for _, n, row in [each for each in planned if each[0] == day]:
                later += [(on, at, fact) for at, (on, fact) in enumerate(await self._bill(row, day, n), 1000 * n)]
            planned = [each for each in planned if each[0] > day]
            for _, _, fact in sorted((each for each in later if each[0] <= day), key=lambda each: each[:2]):
                await self.book(fact)
            later = [each for each in later if each[0] > day]

    async def book(self, fact: MoneyFact) -> None:
        """As whoever tells of it books it."""
        if isinstance(fact, Received):
            await payments.receive(self.connection, fact, payments.Told(payer_name="Payer"), "Test")
        else:
            await ledger.post(self.connection, fact, "Test")

    async def _bill(self, row: object, day: date, n: int) -> list[tuple[date, MoneyFact]]:
        """One invoice for a calendar year, or what is left of it; what will happen to it."""
        currency = "EUR" if n == 1 else "NOK"
        year = (date(day.year, 1, 1), date(day.year + 1, 1, 1))
        starts = day if self.drawn.random() < 0.3 else year[0]
        fee = FEES.get(row["tier"], 5_000_00) + 100 * (day.year - YEARS[0])
        steps = [{"code": "fixed", "values": {"amount": fee}}]
        part, whole = (year[1] - starts).days, (year[1] - year[0]).days
        if part < whole:
            steps.append({"code": "prorated_days", "values": {"part": part, "whole": whole}})
        net = (2 * fee * part + whole) // (2 * whole)
        vat = net // 4 if n % 2 else 0
        made = Bill(self._id("invoice"), row["organisation_id"], currency, day, [])
        made.lines.append((self._id("charge"), row["network_id"], net, vat))
        await self._row(made, "invoice", None, row["network_id"] if n % 3 else None, day, net, vat)
        await self._unguarded(_CHARGE, made.lines[0][0], made.id, row["membership_id"], row["grant_id"], row["tier"],
                              starts, year[1], net, vat, currency, steps)  # fmt: skip
        await self.connection.execute(_UNTOUCHED, made.id)
        await self.connection.execute(_DAYS)
        sold = Sold(row["network_id"], net, vat, "standard")
        fact = Issued(host=self.host, currency=currency, on=day, invoice=made.id, organisation=made.organisation,
                      lines=(sold,))  # fmt: skip
        await ledger.post_many(self.connection, [fact], "Test")
        self.bills.append(made)
        return [event async for event in self._future(made, sold)]

    async def _future(self, made: Bill, sold: Sold) -> AsyncIterator[tuple[date, MoneyFact]]:
        """What happens to an invoice, drawn: paid, paid in part, too much, late, credited, given up, paid back."""
        drawn, place = self.drawn, Place(made.organisation, made.id)
        about = {"organisation": made.organisation, "invoice": made.id}
        told = {"host": self.host, "currency": made.currency}
        what = drawn.choice(("paid", "paid", "part", "much", "late", "credited", "given_up", "back", "never"))
        on = made.on + timedelta(days=drawn.randrange(1, 25))
        share = {"part": 0.4, "much": 1.2}.get(what, 1.0)
        if what == "late":
            on = made.on + timedelta(days=drawn.randrange(31, 170))
            yield on - timedelta(days=1), Claimed(**told, on=on - timedelta(days=1), claim=self._id("claim"), **about,
                                                  network=sold.network, what="reminder_fee", amount=35_00)  # fmt: skip
        if what == "credited":
            part = msgspec.structs.replace(sold, net=sold.net // 3, vat=sold.vat // 3)
            note = await self._credit(made, on, part)
            yield on, Credited(**told, on=on, credit_note=note, **about, lines=(part,))
        elif what == "given_up":
            on += timedelta(days=120)
            yield on, WrittenOff(**told, on=on, write_off=self._id("write-off"), **about, amount=made.gross)
        elif what != "never":
            amount = int(made.gross * share)
            name = str(self._id("payment"))
            loose = (Part(500_00, Place(made.organisation)),) if what == "much" else ()
            told |= {"on": on, "provider": "bank", "rail": "bank"}
            parts = (Part(amount, place), *loose)
            yield on, Received(**told, object=name, amount=sum(p.amount for p in parts), parts=parts)
            if what == "back":
                back = {"object": f"r{name}", "payment": payment_id("bank", name), "amount": amount // 2}
                told["on"] = on + timedelta(days=40)
                yield told["on"], Refunded(**told, **back)

    async def _credit(self, made: Bill, on: date, part: Sold) -> UUID:
        note = Bill(self._id("note"), made.organisation, made.currency, on, [])
        await self._row(note, "credit_note", made.id, None, on, part.net, part.vat)
        await self._unguarded(
            "insert into credit_line (id, invoice_id, charge_id, net, recorded_at) values ($1, $2, $3, $4, now())",
            self._id("credit"), note.id, made.lines[0][0], part.net,
        )  # fmt: skip
        await self.connection.execute(_DAYS)
        return note.id

    async def _row(
        self, made: Bill, kind: str, credits: UUID | None, network: UUID | None, day: date, net: int, vat: int
    ) -> None:
        self.made += 1
        row = (made.id, self.host, made.organisation, made.currency, network, kind, credits, self.made, day)
        await self._unguarded(_INVOICE, *row, net, vat, net + vat)

    async def _unguarded(self, statement: str, *values: object) -> None:
        await self.connection.execute("set local session_replication_role = replica")
        await self.connection.execute(statement, *values)
        await self.connection.execute("set local session_replication_role = origin")

    def _id(self, what: str) -> UUID:
        self.made += 1
        return uuid5(NAMESPACE, f"world/{what}/{self.made}/{self.drawn.random()}")
