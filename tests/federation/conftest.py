"""Two systems for the tests beside it: copies of the seeded database, the wire between them, an active agreement."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import NamedTuple

import pytest
from litestar import Litestar

from crm.clock import FixedClock
from crm.gateways import outgoing
from tests.conftest import NOW, TEMPLATE
from tests.federation.two import CLAIRE, NORA, A, B, System, Wire, agree, new_application, system_on
from tests.postgres import Server

AGREED = ("klynge_agreed_a", "klynge_agreed_b")
_numbers = count(1)


class Two(NamedTuple):
    """Both systems, the wire between them, and the code of their agreement."""

    a: System
    b: System
    wire: Wire
    code: str


@asynccontextmanager
async def connected(dsns: list[str], applications: tuple[Litestar, Litestar]) -> AsyncIterator[tuple[System, System]]:
    async with (
        system_on(dsns[0], A, NORA, FixedClock(NOW), applications[0]) as a,
        system_on(dsns[1], B, CLAIRE, FixedClock(NOW), applications[1]) as b,
    ):
        yield a, b


@contextmanager
def copies(server: Server, templates: tuple[str, str]) -> Iterator[list[str]]:
    number = next(_numbers)
    names = [f"klynge_fed_{side}_{number}" for side in "ab"]
    yield [server.create_database(name, template) for name, template in zip(names, templates, strict=True)]
    for name in names:
        server.drop_database(name)


@pytest.fixture(scope="session")
def applications() -> tuple[Litestar, Litestar]:
    return new_application(), new_application()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    between = Wire()
    monkeypatch.setattr(outgoing, "call", between.call)
    return between


@pytest.fixture
async def strangers(
    server: Server, seeded: object, applications: tuple[Litestar, Litestar], wire: Wire
) -> AsyncIterator[tuple[System, System, Wire]]:
    """Two systems that do not know each other yet."""
    with copies(server, (TEMPLATE, TEMPLATE)) as dsns:
        async with connected(dsns, applications) as (a, b):
            wire.systems = {A: a, B: b}
            yield a, b, wire


@pytest.fixture(scope="session")
def agreed(server: Server, seeded: object, applications: tuple[Litestar, Litestar]) -> tuple[str, Wire]:
    """Template databases of two systems: principal members of NORA on A are members of CLAIRE on B, at once."""
    dsns = [server.create_database(name, TEMPLATE) for name in AGREED]

    async def make() -> tuple[str, Wire]:
        between = Wire()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outgoing, "call", between.call)
            async with connected(dsns, applications) as (a, b):
                between.systems = {A: a, B: b}
                return await agree(a, b, NOW.date(), (("principal", "member"),)), between

    return asyncio.run(make())


@pytest.fixture
async def two(
    server: Server, agreed: tuple[str, Wire], applications: tuple[Litestar, Litestar], wire: Wire
) -> AsyncIterator[Two]:
    """Two systems under an active agreement; `wire.seen` begins with what it took."""
    code, before = agreed
    with copies(server, AGREED) as dsns:
        async with connected(dsns, applications) as (a, b):
            wire.systems, wire.seen = {A: a, B: b}, list(before.seen)
            yield Two(a, b, wire, code)
