"""The page of one invoice with a card button: to the form and back, over HTTP; where a browser may be led."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from crm.actor import Actor
from crm.app import create_app
from crm.context import Context
from crm.store import invoice_links
from tests.crm.billing import Bill, bill
from tests.crm.cards import provider
from tests.fakes.stripe import Fake

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(context: Context, actor: Actor) -> AsyncIterator[tuple[httpx.AsyncClient, Fake, Context, Bill, str]]:
    """A client of an application that takes cards, and the address of an invoice."""
    async with provider(context) as (fake, _, own):
        app = create_app(own.settings, own)
        mine = await bill(context, actor, "Kort AS")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=own.settings.base_url) as client:
            yield client, fake, own, mine, f"/en/pay/{await _token(own, mine.id)}"
        await app.state.cards.close()


async def _token(context: Context, invoice: UUID) -> str:
    async with context.db.tx() as connection:
        await invoice_links.add(connection, "token-of-a-test", invoice)
    return "token-of-a-test"


async def test_to_the_form_and_back(place) -> None:
    client, fake, _, _, address = place
    page = await client.get(address)
    action = re.search(r'<form method="post" action="([^"]+/card)"', page.text)
    assert action and "Pay by card" in page.text
    policy = page.headers["content-security-policy"]
    assert f"form-action 'self' https://checkout.stripe.com {fake.base};" in policy
    assert "script-src 'self';" in policy
    led = await client.post(action[1])
    assert (led.status_code, led.headers["location"].startswith(fake.base)) == (303, True)
    assert (await client.post(action[1])).headers["location"] == led.headers["location"]
    session = fake.state.find("checkout.session", led.headers["location"].rsplit("/", 1)[1])
    left = await client.get(session["cancel_url"])
    assert "Nothing was taken from the card" in left.text
    fake.state.pay(session)
    back = await client.get(session["success_url"])
    assert "Nothing is left to pay." in back.text and "Pay by card" not in back.text
    assert (await client.post(action[1])).status_code == 409


async def test_while_the_provider_is_away_the_page_says_so_and_the_bank_works(place) -> None:
    client, fake, _, mine, address = place
    fake.faults.statuses = [500] * 9
    answer = await client.post(f"{address}/card")
    assert answer.status_code == 409
    assert "does not answer just now" in answer.text and mine.kid in answer.text


async def test_a_host_without_cards_offers_none(client: httpx.AsyncClient, context: Context, actor: Actor) -> None:
    mine = await bill(context, actor, "Kort AS")
    address = f"/en/pay/{await _token(context, mine.id)}"
    page = await client.get(address)
    assert page.status_code == 200 and "Pay by card" not in page.text
    assert "stripe" not in page.headers["content-security-policy"]
    assert (await client.post(f"{address}/card")).status_code == 409


async def test_another_site_cannot_make_a_browser_pay(place) -> None:
    client, fake, _, _, address = place
    answer = await client.post(f"{address}/card", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert not fake.state.objects


async def test_the_webhook_keeps_what_is_signed_and_refuses_the_rest(place) -> None:
    client, fake, context, _, address = place
    led = await client.post(f"{address}/card")
    fake.state.pay(fake.state.find("checkout.session", led.headers["location"].rsplit("/", 1)[1]))
    (completed,) = [e for e in fake.held if e["type"] == "checkout.session.completed"]
    payload, signature = fake.signed(completed)
    wrong = await client.post("/webhooks/stripe", content=payload, headers={"stripe-signature": "t=1,v1=00"})
    assert wrong.status_code == 400
    assert wrong.headers["content-type"] == "application/problem+json"
    assert wrong.json()["errors"][0]["field"] == "stripe-signature"
    for _ in range(5):
        kept = await client.post("/webhooks/stripe", content=payload, headers={"stripe-signature": signature})
        assert kept.status_code == 200
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from card_event") == 1
        jobs = await connection.fetchval("select count(*) from pgqueuer where entrypoint = 'handle_card_event'")
    assert jobs == 1
    assert (await client.get("/webhooks/stripe")).status_code in (404, 405)
