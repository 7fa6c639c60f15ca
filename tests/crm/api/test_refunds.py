"""Refunds by API: by bank recorded, by card asked for once, whatever is repeated, refused or left unanswered."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from cluster_rules.money_facts import payment_id
from crm.actions import cards
from crm.actor import Actor
from crm.context import Context
from crm.gateways.stripe import Accounts
from tests.crm.actions.test_bank import owed
from tests.crm.billing import Bill, bill
from tests.crm.cards import bring, provider
from tests.fakes.stripe import Fake

pytestmark = pytest.mark.anyio
BACK = "https://klynge.example/en/pay/token"


class Paid:
    """An invoice paid by card, the fake provider, and how to ask for refunds of it."""

    def __init__(self, fake: Fake, accounts: Accounts, context: Context, mine: Bill, charge: Any) -> None:
        self.fake, self.accounts, self.context, self.mine, self.charge = fake, accounts, context, mine, charge
        self.payment = payment_id("stripe", charge["id"])


@pytest.fixture
async def paid(context: Context, actor: Actor, client: httpx.AsyncClient) -> AsyncIterator[Paid]:
    async with provider(context) as (fake, accounts, own):
        client._transport.app.state.cards = accounts
        mine = await bill(context, actor, "Kortbetaler AS")
        url = await cards.open_form(own, accounts, mine.id, BACK, "Invoice")
        session = fake.state.pay(fake.state.find("checkout.session", url.rsplit("/", 1)[1]))
        intent = fake.state.find("payment_intent", session["payment_intent"])
        await bring(own, accounts, fake, list(fake.held))
        yield Paid(fake, accounts, own, mine, fake.state.find("charge", intent["latest_charge"]))


@pytest.fixture
def ask(client: httpx.AsyncClient, manager_headers: dict[str, str]) -> Any:
    async def send(payment: UUID, key: str = "", **body: Any) -> httpx.Response:
        headers = {**manager_headers, "idempotency-key": key or str(uuid4())}
        return await client.post(f"/api/v1/payments/{payment}/refunds", json=body, headers=headers)

    return send


def asked(paid: Paid) -> int:
    return sum(path == "/v1/refunds" for _, path, _ in paid.fake.requests)


async def test_a_card_refund_is_asked_for_once_and_booked(paid: Paid, ask: Any) -> None:
    key = str(uuid4())
    first = await ask(paid.payment, key, amount=500_00, reason="Too much")
    assert first.status_code == 201, first.text
    told = first.json()
    assert told["status"] == "booked"
    assert told["reopened"] == [str(paid.mine.id)]
    assert len(told["transactions"]) == 1
    assert (await owed(paid.context, paid.mine), paid.charge["amount_refunded"]) == (500_00, 500_00)
    again = await ask(paid.payment, key, amount=500_00, reason="Too much")
    assert (again.status_code, again.json()) == (201, told)
    assert again.headers["idempotent-replayed"] == "true"
    assert asked(paid) == 1
    more = await ask(paid.payment, amount=paid.mine.gross, reason="All of it")
    assert (more.status_code, more.json()["errors"][0]["rule"]) == (422, "refund_exceeds")
    assert asked(paid) == 1


async def test_what_the_provider_refuses_is_not_kept(paid: Paid, ask: Any) -> None:
    key = str(uuid4())
    paid.charge["amount_refunded"] = paid.mine.gross  # paid back at the provider, and we have not heard of it
    refused = await ask(paid.payment, key, amount=500_00, reason="Too much")
    assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (422, "card_refused")
    assert await owed(paid.context, paid.mine) == 0
    paid.charge["amount_refunded"] = 0
    again = await ask(paid.payment, key, amount=500_00, reason="Too much")
    assert (again.status_code, again.json()["status"]) == (201, "booked")
    assert "idempotent-replayed" not in again.headers


async def test_no_answer_is_asked_and_the_job_goes_on(paid: Paid, ask: Any) -> None:
    paid.fake.faults.statuses = [500] * 5
    waiting = await ask(paid.payment, amount=500_00, reason="Too much")
    assert (waiting.status_code, waiting.json()["status"]) == (201, "asked")
    assert await owed(paid.context, paid.mine) == 0
    paid.fake.faults.statuses = []
    assert await cards.ask_refund(paid.context, paid.accounts, UUID(waiting.json()["refund_id"])) is None
    assert await owed(paid.context, paid.mine) == 500_00


async def test_each_way_has_its_own_fields(
    paid: Paid, ask: Any, client: httpx.AsyncClient, manager_headers: Any
) -> None:
    for body, field, rule in (
        ({"amount": 100, "reason": "x", "paid_on": "2026-11-20"}, "paid_on", "card_paid_on"),
        ({"amount": 100}, "reason", "required"),
        ({"amount": 0, "reason": "x"}, "amount", "number_out_of_range"),
    ):
        wrong = await ask(paid.payment, **body)
        assert wrong.status_code == 422, wrong.text
        assert (wrong.json()["errors"][0]["field"], wrong.json()["errors"][0]["rule"]) == (field, rule)
    assert asked(paid) == 0
    money = {"amount": {"amount": 1000, "currency": "NOK"}, "received_on": "2026-11-20"}
    headers = {**manager_headers, "idempotency-key": str(uuid4())}
    hand = (await client.post(f"/api/v1/invoices/{paid.mine.id}/payments", json=money, headers=headers)).json()
    missing = await ask(hand["payment_id"], amount=1000)
    assert (missing.status_code, missing.json()["errors"][0]["field"]) == (422, "paid_on")
    done = await ask(hand["payment_id"], amount=1000, paid_on="2026-11-22")
    assert (done.status_code, done.json()["status"], done.json()["refund_id"]) == (201, "booked", None)
    assert (await ask(uuid4(), amount=1, reason="x")).status_code == 404


async def test_another_network_cannot(paid: Paid, client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    headers = {"authorization": f"Bearer {partner_keys['claire-innovation-network']}", "idempotency-key": str(uuid4())}
    answer = await client.post(
        f"/api/v1/payments/{paid.payment}/refunds", json={"amount": 1, "reason": "x"}, headers=headers
    )
    assert answer.status_code in (403, 404)
    assert asked(paid) == 0
