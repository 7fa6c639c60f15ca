"""The queue of limited places, on pages and by API."""

from uuid import UUID

import httpx
import pytest

from crm.actions import applications
from crm.actor import Actor
from crm.context import Context
from tests.crm.actions.test_places import INDUSTRY, STARTUP, TODAY, applied, joins, limit_link
from tests.crm.actions.test_shapes import next_version, publish
from tests.crm.web.office import count, send, sign_in, text

pytestmark = pytest.mark.anyio

HERE = f"/n/{INDUSTRY}/places"
API = f"/api/v1/networks/{INDUSTRY}/places"


async def place_of(context: Context, name: str) -> UUID:
    async with context.db.tx() as connection:
        return await connection.fetchval(
            "select p.id from place p join organisation o on o.id = p.organisation_id where o.name = $1", name
        )


async def test_the_page_shows_the_queue_and_takes_somebody_off(
    client: httpx.AsyncClient, context: Context, actor: Actor
) -> None:
    await sign_in(client)
    assert "No limited places." in text(await client.get(HERE))
    standing = await limit_link(context, actor, 0)
    assert "Nobody waits." in text(await client.get(HERE))
    for name in ("Alfa", "Bravo"):
        await joins(context, actor, name)
    page = text(await client.get(HERE))
    assert f"{standing} of {standing} places taken" in page
    assert page.index("Alfa") < page.index("Bravo")
    alfa = await place_of(context, "Alfa")
    sent = await send(client, f"{HERE}/{alfa}/remove")
    assert sent.status_code == 303
    shown = text(await client.get(sent.headers["location"]))
    assert "Taken off the queue." in shown and "Alfa" not in shown and "Bravo" in shown
    elsewhere = await send(client, f"/n/nora/places/{await place_of(context, 'Bravo')}/remove")
    assert elsewhere.status_code == 404
    assert (await send(client, f"{HERE}/{alfa}/remove")).headers["location"] == HERE, "a second click finds it done"


async def test_an_approval_that_waits_leads_to_the_queue(
    client: httpx.AsyncClient, context: Context, actor: Actor, manager_headers: dict[str, str]
) -> None:
    document = next_version(STARTUP)
    document["tiers"][0]["places"] = 1
    await publish(context, actor, document)
    wanted = await applied(context, actor, "Alfa", STARTUP, "company")
    await sign_in(client)
    shown = text(await client.get(f"/n/{STARTUP}/applications/{wanted}"))
    assert "All places are taken: Alfa waits for one in NORA.startup, with number 1" in shown
    sent = await send(client, f"/n/{STARTUP}/applications/{wanted}/approval", starts_on=TODAY.isoformat())
    assert sent.headers["location"] == f"/n/{STARTUP}/places?waits=1"
    assert "All places are taken" in text(await client.get(sent.headers["location"]))
    again = await applications.approve(context, actor, wanted, TODAY)
    assert again.number == 1
    answer = await client.post(
        f"/api/v1/applications/{wanted}/approval", json={"starts_on": TODAY.isoformat()}, headers=manager_headers
    )
    assert (answer.status_code, answer.json()["queue_number"], answer.json()["memberships"]) == (201, 1, [])


async def test_by_api(
    client: httpx.AsyncClient,
    context: Context,
    actor: Actor,
    manager_headers: dict[str, str],
    partner_keys: dict[str, str],
) -> None:
    standing = await limit_link(context, actor, 0)
    await joins(context, actor, "Alfa")
    (pool,) = (await client.get(API, headers=manager_headers)).json()["items"]
    assert (pool["rule"], pool["tier"], pool["places"]) == ("principal-joins-claire", None, standing)
    assert [(w["number"], w["organisation"]) for w in pool["queue"]] == [(1, "Alfa")]
    here = f"/api/v1/places/{pool['queue'][0]['id']}"
    for key in partner_keys.values():
        headers = {"authorization": f"Bearer {key}"}
        assert (await client.get(API, headers=headers)).status_code in (403, 404)
        assert (await client.delete(here, headers=headers)).status_code == 404
    assert (await client.delete(here, headers=manager_headers)).json()["removed"] is True
    assert (await client.delete(here, headers=manager_headers)).json()["removed"] is False
    assert await count(context, "select count(*) from place where status = 'waiting'") == 0
