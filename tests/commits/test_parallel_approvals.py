"""However often and from wherever an approval is asked for at once, there is exactly one of everything."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

import httpx
import pytest

from crm.actions import applications, verify
from crm.actor import Actor
from crm.context import Context
from tests.commits.support import (
    ONE_OF_EVERYTHING,
    STARTS,
    apply_as_family,
    apply_many,
    made_by,
    mails_about,
    manager,
    waiting,
)
from tests.conftest import context_on
from tests.processes import Running
from tests.seed import Keys

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

AT_ONCE = 20
POOL = 10


async def approve_all(context: Context, actor: Actor, wanted: list[UUID]) -> list[applications.Approval]:
    return list(await asyncio.gather(*(applications.approve(context, actor, each, STARTS) for each in wanted)))


async def test_the_same_application_twenty_times_at_once(own_database: str) -> None:
    async with context_on(own_database, size=POOL) as context:
        actor, wanted = await manager(context), await waiting(context)
        before = await mails_about(context, wanted)
        answers = await approve_all(context, actor, [wanted] * AT_ONCE)
        assert len(set(answers)) == 1
        assert await made_by(context, wanted) == ONE_OF_EVERYTHING
        mails = await mails_about(context, wanted)
        assert {kind for kind, _ in mails.keys() - before.keys()} == {
            "membership_approved",
            "linked_membership_started",
        }
        assert set(mails.values()) == {1}  # nobody gets two of one kind
        assert await verify.run(context) == []
        await approve_all(context, actor, [wanted] * 3)  # and later again
        assert await made_by(context, wanted) == ONE_OF_EVERYTHING
        assert await mails_about(context, wanted) == mails


async def test_twenty_applications_of_different_organisations_at_once(own_database: str) -> None:
    async with context_on(own_database, size=POOL) as context:
        actor, wanted = await manager(context), await apply_many(context, AT_ONCE)
        answers = await approve_all(context, actor, wanted)
        assert len({each.memberships[0] for each in answers}) == AT_ONCE
        assert len({each.invoices[0] for each in answers}) == AT_ONCE
        for each in wanted:
            assert await made_by(context, each) == ONE_OF_EVERYTHING
        assert await verify.run(context) == []


async def test_twenty_applications_of_one_family_at_once(own_database: str) -> None:
    async with context_on(own_database, size=POOL) as context:
        actor, wanted = await manager(context), await apply_as_family(context, AT_ONCE)
        answers = await approve_all(context, actor, wanted)
        assert len({each.memberships[0] for each in answers}) == AT_ONCE
        assert len({each.invoices for each in answers}) == 1  # all on the one draft of the company
        of_units = {**ONE_OF_EVERYTHING, "linked_grants": 0, "feed_entries": 1, "memberships": 1, "periods": 1}
        for each in wanted:  # the agreement is about legal entities: units bring no linked membership
            assert await made_by(context, each) == of_units
        assert await verify.run(context) == []


async def test_approved_and_declined_at_once(own_database: str) -> None:
    """One of the two wins, whole; the other is told."""
    async with context_on(own_database, size=POOL) as context:
        actor, wanted = await manager(context), await apply_many(context, AT_ONCE // 2)
        tries = [applications.approve(context, actor, each, STARTS) for each in wanted]
        tries += [applications.decline(context, actor, each, "No room") for each in wanted]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        failures = [each for each in answers if isinstance(each, Exception)]
        assert len(failures) == len(wanted)
        assert {getattr(each, "code", repr(each)) for each in failures} == {"already_decided"}
        assert await verify.run(context) == []


@contextmanager
def two_servers(dsn: str) -> Iterator[list[str]]:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(Running("serve", "--port", 0, ready="Serving on", DATABASE_URL=dsn)) for _ in range(2)
        ]
        yield [each.shown.split("Serving on ")[1].split()[0] for each in servers]


async def test_over_http_with_two_processes(own_database: str, seeded: Keys) -> None:
    async with context_on(own_database) as context:
        wanted = await waiting(context)
        with two_servers(own_database) as addresses:
            async with httpx.AsyncClient(
                headers={"authorization": f"Bearer {seeded.manager_key}"}, timeout=30
            ) as client:

                async def approve(number: int, key: str) -> httpx.Response:
                    return await client.post(
                        f"{addresses[number % 2]}/api/v1/applications/{wanted}/approval",
                        json={"starts_on": STARTS.isoformat()},
                        headers={"idempotency-key": key},
                    )

                same = await asyncio.gather(*(approve(n, "one-click") for n in range(AT_ONCE // 2)))
                other = await asyncio.gather(*(approve(n, f"click-{n}") for n in range(AT_ONCE // 2)))
                replay = await approve(1, "one-click")
        assert {each.status_code for each in same} <= {201, 409}
        assert {each.status_code for each in other} == {201}
        bodies = {each.text for each in [*same, *other, replay] if each.status_code == 201}
        assert len(bodies) == 1
        assert replay.status_code == 201
        assert await made_by(context, wanted) == ONE_OF_EVERYTHING
        assert await verify.run(context) == []
