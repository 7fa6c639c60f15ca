"""Idempotency-Key: the same answer for the same request, once; and two at the same moment make one of everything."""

import asyncio
from typing import Any

import httpx
import pytest

from crm.app import create_app
from crm.context import Context
from tests.conftest import SETTINGS, context_on
from tests.crm.api.support import V1, applied, company, wrong

pytestmark = pytest.mark.anyio
Headers = dict[str, str]


async def _applications(context: Context) -> int:
    async with context.db.tx() as connection:
        return await connection.fetchval("select count(*) from application")


async def test_a_repeat_gets_the_first_answer_and_does_nothing(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    headers, body = manager_headers | {"idempotency-key": "apply-1"}, company()
    first = await client.post(f"{V1}/applications", json=body, headers=headers)
    count = await _applications(context)
    again = await client.post(f"{V1}/applications", json=body, headers=headers)
    assert (first.status_code, first.headers.get("idempotent-replayed")) == (201, None)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert await _applications(context) == count


async def test_how_the_json_is_spaced_makes_no_difference(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent = await applied(client, manager_headers)
    path = f"{V1}/applications/{sent['id']}/approval"
    headers = manager_headers | {"idempotency-key": "approve-1", "content-type": "application/json"}
    first = await client.post(path, content=b'{"starts_on":"2027-03-01"}', headers=headers)
    again = await client.post(path, content=b'{ "starts_on" : "2027-03-01" }\n', headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_key_used_for_something_else_is_refused(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    headers = manager_headers | {"idempotency-key": "apply-2"}
    assert (await client.post(f"{V1}/applications", json=company(), headers=headers)).status_code == 201
    count = await _applications(context)
    other = await client.post(f"{V1}/applications", json=company(), headers=headers)
    assert wrong(other, 422) == [("idempotency-key", "idempotency_key_reused")]
    assert await _applications(context) == count


async def test_keys_belong_to_who_sends_them(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into idempotency_key (owner, key, fingerprint, status_code, body, created_at)"
            " values ('somebody else', 'mine', 'x', 201, '{}', now())"
        )
    headers = manager_headers | {"idempotency-key": "mine"}
    assert (await client.post(f"{V1}/applications", json=company(), headers=headers)).status_code == 201


async def test_what_was_refused_is_not_kept(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    headers, body = manager_headers | {"idempotency-key": "apply-3"}, company(organisation__employees=None)
    body["network"], body["tier"] = "nce-smart-energy-markets", "no-such-level"
    assert (await client.post(f"{V1}/applications", json=body, headers=headers)).status_code == 422
    good = await client.post(f"{V1}/applications", json=company(), headers=headers)
    assert good.status_code == 201
    assert "idempotent-replayed" not in good.headers


async def test_an_old_key_is_forgotten(client: httpx.AsyncClient, manager_headers: Headers, context: Context) -> None:
    headers = manager_headers | {"idempotency-key": "apply-4"}
    assert (await client.post(f"{V1}/applications", json=company(), headers=headers)).status_code == 201
    async with context.db.tx() as connection:
        await connection.execute("update idempotency_key set created_at = created_at - interval '31 days'")
    assert (await client.post(f"{V1}/applications", json=company(), headers=headers)).status_code == 201


@pytest.mark.commits
async def test_twenty_at_once_make_one(own_database: str, manager_headers: Headers) -> None:
    body, headers = company(), manager_headers | {"idempotency-key": "race"}
    async with context_on(own_database, size=20) as context:
        transport = httpx.ASGITransport(app=create_app(SETTINGS, context), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url) as client:
            before = await _applications(context)
            send: Any = lambda: client.post(f"{V1}/applications", json=body, headers=headers)  # noqa: E731
            answers = await asyncio.gather(*(send() for _ in range(20)))
            done = [a for a in answers if a.status_code == 201]
            assert await _applications(context) == before + 1
            assert len({a.content for a in done}) == 1
            assert sum("idempotent-replayed" not in a.headers for a in done) == 1
            for answer in answers:
                if answer.status_code != 201:
                    assert wrong(answer, 409) == [("idempotency-key", "idempotency_in_progress")]
            assert (await send()).headers["idempotent-replayed"] == "true"


@pytest.mark.commits
async def test_while_it_is_being_worked_on_a_repeat_waits_outside(own_database: str, manager_headers: Headers) -> None:
    async with context_on(own_database) as context:
        transport = httpx.ASGITransport(app=create_app(SETTINGS, context), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=SETTINGS.base_url) as client:
            async with context.db.pool.acquire() as other, other.transaction():
                owner = await other.fetchval("select id from api_key where role = 'manager' and network_id is null")
                await other.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{owner} held")
                headers = manager_headers | {"idempotency-key": "held"}
                answer = await client.post(f"{V1}/applications", json=company(), headers=headers)
                assert wrong(answer, 409) == [("idempotency-key", "idempotency_in_progress")]
            assert (await client.post(f"{V1}/applications", json=company(), headers=headers)).status_code == 201
