"""Two systems in one process: two databases, each behind its own application; a call to the other one's address is
answered by it. Everything but the wire is the product's."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, Literal
from uuid import UUID

import httpx
from litestar import Litestar

from cluster_rules import federation, reconciliation
from cluster_rules.federated_terms import Level, Terms
from cluster_rules.links import derive
from crm import catalogue
from crm.actions import answers
from crm.actions import federation as actions
from crm.actions import federation_exchange as exchange
from crm.actions import memberships as changes
from crm.actor import Actor
from crm.app import create_app, state_of
from crm.context import Context
from crm.database import open_database
from crm.gateways import outgoing
from crm.settings import Settings
from crm.store import families
from crm.store import federation as agreements
from crm.store import federation_registers as registers

NORA, CLAIRE = "nora-industry-network", "claire-innovation-network"
A, B = "https://a.example", "https://b.example"
RULES = outgoing.Rules()
HELVE = "Skagervik kommune"


class System:
    """One of the two: its context, a manager of all its networks, and the application that answers for it."""

    def __init__(self, context: Context, application: Litestar, network: str) -> None:
        self.context = context
        self.network = network
        self.application = application
        self.actor = Actor("Nobody", "web")

    @property
    def url(self) -> str:
        return self.context.settings.base_url

    async def manage(self) -> None:
        async with self.context.db.tx() as connection:
            ids = frozenset(row["id"] for row in await connection.fetch("select id from network where instance = ''"))
        self.actor = Actor("Manager", "web", manages=ids, reads=ids)

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        async with self.context.db.tx() as connection:
            return await connection.fetch(sql, *values)

    async def registers(self, code: str) -> dict[federation.Name, federation.Register]:
        async with self.context.db.tx() as connection:
            found = await agreements.one(connection, code)
            return await registers.of(connection, found.id, code)

    async def agreement(self, code: str) -> agreements.Agreement:
        async with self.context.db.tx() as connection:
            return await agreements.one(connection, code)

    async def digest(self, code: str) -> str:
        return reconciliation.digest((await self.registers(code)).values()).hash

    async def linked(self, code: str) -> dict[str, str]:
        """Who stands here today as a linked member under the agreement, by name: the stored grants, without pauses."""
        today, out = self.context.clock.now().date(), {}
        async with self.context.db.tx() as connection:
            kept = await catalogue.load(connection)
            rows = await connection.fetch(
                "select distinct o.family_id from membership_grant g join organisation o on o.id = g.organisation_id"
                " where g.agreement = $1 and g.superseded_at is null",
                code,
            )
            listed = await families.load_many(connection, kept, [row["family_id"] for row in rows])
        for facts in listed:
            paused = derive(facts).suspended
            for grant in facts.grants:
                away = any(days.covers(today) for days in paused.get(grant.id, ()))
                if grant.agreement == code and grant.period.covers(today) and not away:
                    out[facts.organisation(grant.organisation).name] = grant.tier
        return out

    async def send(self, code: str) -> None:
        found = await self.agreement(code)
        await exchange.send(self.context, found.id, RULES)

    async def book(self, slug: str) -> Any:
        async with self.context.db.tx() as connection:
            return (await catalogue.load(connection)).rulebooks.of(slug)[-1]


class Wire:
    """What lies between them: `lost` questions never arrive, `mute` answers never come back; all of it is kept."""

    def __init__(self) -> None:
        self.systems: dict[str, System] = {}
        self.lost = False
        self.mute = False
        self.seen: list[tuple[str, bytes, bytes]] = []
        self.change: Any = None  # (path, answer) -> answer

    async def call(
        self, _rules: Any, method: str, url: str, headers: Mapping[str, str], content: bytes = b"", **_: Any
    ) -> outgoing.Answer:
        if self.lost:
            raise outgoing.NotReached("connection", "lost")
        system = next(s for address, s in self.systems.items() if url.startswith(address))
        system.application.state = state_of(system.context.settings, system.context)
        transport = httpx.ASGITransport(app=system.application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=system.url) as client:
            found = await client.request(method, url, headers=dict(headers), content=content)
        self.seen.append((url, content, found.content))
        if self.mute:
            raise outgoing.NotReached("time", "the answer was lost")
        body = self.change(url, found.content) if self.change else found.content
        return outgoing.Answer(found.status_code, dict(found.headers), body, True, 1)


@asynccontextmanager
async def system_on(dsn: str, url: str, network: str, clock: Any, application: Litestar) -> AsyncIterator[System]:
    settings = Settings(development=True, base_url=url)
    async with open_database(dsn, 4) as db:
        made = System(Context(db, clock, settings), application, network)
        await made.manage()
        yield made


def new_application() -> Litestar:
    return create_app(Settings(development=True))


async def agree(a: System, b: System, starts_on: date, pairs: tuple[tuple[str, str], ...], **terms: Any) -> str:
    """Invitation, answer, both signatures: the agreement's code."""
    invited = await actions.invite(a.context, a.actor, a.network)
    offer = await actions.look(b.context, b.actor, b.network, invited.link, RULES)
    names = dict(offer.levels)
    target = await b.book(b.network)
    levels = tuple(Level(s, t, names[s], dict(target.tier(t).names)) for s, t in pairs)
    wanted = Terms(levels=levels, starts_on=starts_on, **terms)
    code = await actions.answer(b.context, b.actor, b.network, invited.link, wanted, RULES)
    await b.send(code)
    await actions.say(a.context, a.actor, code, "signed", wanted.hash)
    await settle(a, b, code)
    return code


async def settle(a: System, b: System, code: str) -> None:
    """What waits is sent until nothing waits."""
    for _ in range(4):
        await a.send(code)
        await b.send(code)


async def organisation(system: System, name: str) -> UUID:
    (row,) = await system.fetch("select id from organisation where name = $1", name)
    return row["id"]


def today(system: System) -> date:
    return system.context.clock.now().date()


async def membership(system: System, name: str, network: str) -> UUID:
    (row,) = await system.fetch(
        "select m.id from membership m join organisation o on o.id = m.organisation_id"
        " join network n on n.id = m.network_id where o.name = $1 and n.slug = $2",
        name,
        network,
    )
    return row["id"]


async def end(two: Any, name: str) -> None:
    """The membership in NORA ends today, decided on A."""
    wanted = await membership(two.a, name, NORA)
    await changes.make(two.a.context, two.a.actor, wanted, changes.Change("ending", today(two.a)))


async def decline(two: Any, name: str) -> None:
    """Somebody on B takes the organisation out of CLAIRE."""
    await answer(two, name, "declined")


async def answer(two: Any, name: str, said: Literal["accepted", "declined"]) -> None:
    """Somebody on B answers the link of an organisation, as on the page of links."""
    mirror = (await two.b.fetch("select slug from network where instance <> ''"))[0]["slug"]
    rule = (await two.b.book(mirror)).link_rules[0].code
    word = answers.Word(await organisation(two.b, name), mirror, rule, said, today(two.b))
    await answers.give(two.b.context, two.b.actor, word)
