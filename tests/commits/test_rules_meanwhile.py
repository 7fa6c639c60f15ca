"""What was decided by old rules is not written once there are new ones, whoever of the two came first."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from crm import catalogue
from crm.actions import applications, rulebooks
from crm.errors import Unavailable
from crm.forms import ApplicationForm, ContactForm, OrganisationForm
from crm.store import apply as applying
from tests.commits import lives
from tests.commits.lives import World
from tests.conftest import context_on

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
TURN_SECONDS = 30


class Meanwhile:
    """Holds a function back at its end until somebody says go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        self.there, self.go = asyncio.Event(), asyncio.Event()
        original: Callable[..., Any] = getattr(owner, name)

        async def held(*given: Any, **more: Any) -> Any:
            done = await original(*given, **more)
            self.there.set()
            await self.go.wait()
            return done

        monkeypatch.setattr(owner, name, held)

    async def while_held(self, work: Any, meanwhile: Callable[[], Any]) -> Any:
        """Begin `work`, do something while it is held back, let it go on; what it gave."""
        begun = asyncio.create_task(work)
        await asyncio.wait_for(self.there.wait(), TURN_SECONDS)
        try:
            await meanwhile()
        finally:
            self.go.set()
        return await asyncio.wait_for(begun, TURN_SECONDS)


async def applied(world: World) -> Any:
    """Somebody who applies for the level that the old rules give a linked membership with."""
    organisation = OrganisationForm(name="Imens AS", country="NO", kind="company", employees=40)
    contact = ContactForm(name="Kari Nordby", email="kari@nordby.example")
    form = ApplicationForm("nora-industry-network", "principal", organisation, contact)
    sent = await applications.submit(world.context, world.actor, form)
    world.organisations.append(sent.organisation_id)
    return sent.id


async def test_who_decides_while_rules_are_published_is_sent_back(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with context_on(own_database) as context:
        world = await lives.begin(context)
        wanted = await applied(world)
        published = Meanwhile(monkeypatch, rulebooks.rulebooks, "derive")

        async def approve() -> None:
            with pytest.raises(Unavailable):
                await applications.approve(context, world.actor, wanted, world.today)

        await published.while_held(world.publish(linked=False, existing=True), approve)
        await applications.approve(context, world.actor, wanted, world.today)
        assert await world.wrong() == []
        assert {line[1] for line in await world.lines()} == {await network(world)}  # no link any more


async def test_rules_wait_for_what_is_being_written(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with context_on(own_database) as context:
        world = await lives.begin(context)
        wanted = await applied(world)
        writing = Meanwhile(monkeypatch, applications, "apply")
        publishing: list[asyncio.Task[None]] = []

        async def publish() -> None:
            publishing.append(asyncio.create_task(world.publish(linked=False, existing=True)))
            asked = Meanwhile(monkeypatch, catalogue, "sleep")
            asked.go.set()
            await asyncio.wait_for(asked.there.wait(), TURN_SECONDS)  # it has asked in vain, and asks again

        await writing.while_held(applications.approve(context, world.actor, wanted, world.today), publish)
        await asyncio.wait_for(publishing[0], TURN_SECONDS)
        assert await world.wrong() == []


async def test_without_it_the_old_rules_would_be_written(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same approval, and nobody looks whether the rules are still those."""

    async def nobody(*_: Any) -> None: ...

    monkeypatch.setattr(applying, "decide", nobody)
    async with context_on(own_database) as context:
        world = await lives.begin(context)
        wanted = await applied(world)
        published = Meanwhile(monkeypatch, rulebooks.rulebooks, "derive")
        await published.while_held(
            world.publish(linked=False, existing=True),
            lambda: applications.approve(context, world.actor, wanted, world.today),
        )
        assert await world.wrong() != []


async def network(world: World) -> Any:
    (row,) = await world.read("select id from network where slug = 'nora-industry-network'")
    return row["id"]
