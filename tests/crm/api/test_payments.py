"""Payments by API: recorded, placed, refunded, taken back; the account; a bank's file; who may not."""

from base64 import b64encode
from typing import Any
from uuid import uuid4

import httpx
import pytest

from crm.actor import Actor
from crm.context import Context
from tests.crm.actions.test_payments import rewritten
from tests.crm.billing import NETWORK, Bill, bill, entry, kroner, notification

pytestmark = pytest.mark.anyio


@pytest.fixture
async def mine(context: Context, actor: Actor) -> Bill:
    return await bill(context, actor, "Betaler AS")


@pytest.fixture
def post(client: httpx.AsyncClient, manager_headers: dict[str, str]) -> Any:
    async def send(path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = {**manager_headers, "idempotency-key": str(uuid4()), **headers}
        return await client.post(f"/api/v1{path}", json=body, headers=given)

    return send


def paying(amount: int, currency: str = "NOK", on: str = "2026-11-20") -> dict[str, Any]:
    return {"amount": {"amount": amount, "currency": currency}, "received_on": on}


async def account(client: httpx.AsyncClient, headers: dict[str, str], about: Bill, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"/api/v1/organisations/{about.organisation}/ledger{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_paid_undone_and_on_the_account(
    client: httpx.AsyncClient, manager_headers: dict[str, str], post: Any, mine: Bill
) -> None:
    one = await post(f"/invoices/{mine.id}/payments", paying(mine.gross + 100))
    assert one.status_code == 201, one.text
    assert one.json()["paid"] == [str(mine.id)]
    found = await account(client, manager_headers, mine)
    assert [(row["kind"], row["amount"]["amount"]) for row in found["items"]] == [
        ("issued", mine.gross),
        ("received", -mine.gross - 100),
    ]
    assert found["items"][-1]["balance"] == {"amount": -100, "currency": "NOK"}
    zero = {"amount": 0, "currency": "NOK"}
    assert found["balances"] == [{"host": "nora", "owed": zero, "credit": {"amount": 100, "currency": "NOK"}}]
    shown = await client.get(f"/api/v1/invoices/{mine.id}", headers=manager_headers)
    assert shown.json()["owed"]["amount"] == -100

    (booking,) = one.json()["transactions"]
    back = await post(f"/bookings/{booking}/reversals")
    assert back.json()["reopened"] == [str(mine.id)]
    found = await account(client, manager_headers, mine)
    assert found["items"][1]["reversed"] is True
    assert found["items"][2]["reverses"] == booking
    assert found["balances"][0]["owed"]["amount"] == mine.gross
    pages, cursor = [], ""
    while True:
        part = await account(client, manager_headers, mine, f"?limit=1{cursor}")
        pages += part["items"]
        if not part["has_more"]:
            break
        cursor = f"&cursor={part['next_cursor']}"
    assert pages == found["items"]


async def test_repeated_with_its_key_it_is_booked_once(
    client: httpx.AsyncClient, manager_headers: dict[str, str], post: Any, mine: Bill
) -> None:
    for _ in range(2):
        answer = await post(f"/invoices/{mine.id}/payments", paying(100), **{"idempotency-key": "the same"})
        assert answer.status_code == 201
    found = await account(client, manager_headers, mine)
    assert found["balances"][0]["owed"]["amount"] == mine.gross - 100


async def test_a_file_its_suspense_and_where_it_belongs(
    client: httpx.AsyncClient, manager_headers: dict[str, str], post: Any, mine: Bill
) -> None:
    file = notification(entry("A1", "10.00", mine.kid), entry("A2", kroner(mine.gross), text="Kontingent"))
    body = {"name": "camt054.xml", "content": b64encode(file).decode()}
    done = await post(f"/networks/{NETWORK}/bank-files", body)
    assert done.status_code == 201, done.text
    assert {name: done.json()[name] for name in ("lines", "known", "matched", "suspense")} == {
        "lines": 2,
        "known": 0,
        "matched": 1,
        "suspense": 1,
    }
    waiting = await client.get(f"/api/v1/networks/{NETWORK}/suspense", headers=manager_headers)
    (loose,) = waiting.json()["items"]
    assert (loose["left"]["amount"], loose["text"]) == (mine.gross, "Kontingent")
    shares = [
        {"amount": mine.gross - 1000, "invoice": str(mine.id)},
        {"amount": 1000, "organisation": str(mine.organisation)},
    ]
    placed = await post(f"/payments/{loose['payment_id']}/placements", {"shares": shares, "note": "Ringte"})
    assert (placed.status_code, placed.json()["paid"]) == (201, [str(mine.id)])
    found = await account(client, manager_headers, mine)
    assert (found["balances"][0]["owed"]["amount"], found["balances"][0]["credit"]["amount"]) == (0, 1000)
    refund = {"amount": 1000, "paid_on": "2026-11-22", "reason": "Betalt for mye"}
    assert (await post(f"/payments/{loose['payment_id']}/refunds", refund)).status_code == 201
    found = await account(client, manager_headers, mine)
    assert (found["balances"][0]["owed"]["amount"], found["balances"][0]["credit"]["amount"]) == (0, 0)
    again = await post(f"/networks/{NETWORK}/bank-files", body)
    assert (again.json()["known"], again.json()["matched"]) == (2, 0)


@pytest.mark.parametrize(
    ("body", "status", "rule", "field"),
    [
        (paying(0), 422, "number_out_of_range", "amount.amount"),
        (paying(100, "kr"), 422, "pattern_wrong", "amount.currency"),
        (paying(100, "EUR"), 422, "currency_mixed", "currency"),
        (paying(100, on="2026-11-23"), 422, "date_out_of_range", "received_on"),
        ({**paying(100), "vat": 1}, 422, "field_unknown", "vat"),
    ],
)
async def test_what_is_wrong_is_refused_by_field(
    post: Any, mine: Bill, body: dict[str, Any], status: int, rule: str, field: str
) -> None:
    answer = await post(f"/invoices/{mine.id}/payments", body)
    assert answer.status_code == status, answer.text
    (error,) = answer.json()["errors"]
    assert (error["rule"], error["field"]) == (rule, field)


async def test_a_wrong_file_is_refused_and_nothing_is_stored(
    client: httpx.AsyncClient, manager_headers: dict[str, str], post: Any, mine: Bill
) -> None:
    for content, code in ((b"<x", "bank_file_unreadable"), (b"<Document/>", "bank_file_kind")):
        body = {"name": "x.xml", "content": b64encode(content).decode()}
        answer = await post(f"/networks/{NETWORK}/bank-files", body)
        assert answer.status_code == 422
        assert code in answer.text
    waiting = await client.get(f"/api/v1/networks/{NETWORK}/suspense", headers=manager_headers)
    assert waiting.json()["items"] == []


async def test_another_networks_key_sees_and_books_nothing(
    client: httpx.AsyncClient, partner_keys: dict[str, str], post: Any, mine: Bill
) -> None:
    stranger = {"authorization": f"Bearer {partner_keys['sin-applied-ai']}"}
    answer = await post(f"/invoices/{mine.id}/payments", paying(100), **stranger)
    assert answer.status_code == 404
    assert (await account(client, stranger, mine))["items"] == []
    assert (await client.get(f"/api/v1/networks/{NETWORK}/suspense", headers=stranger)).status_code in (403, 404)


async def test_the_statement_between_networks_from_both_sides(
    client: httpx.AsyncClient, context: Context, actor: Actor, manager_headers: dict[str, str], post: Any
) -> None:
    await rewritten(context, fee={"share_percent": 10, "share_vat": "standard"})
    mine = await bill(context, actor, "Deler AS", tier="principal")
    paid = await post(f"/invoices/{mine.id}/payments", paying(mine.gross))
    assert paid.status_code == 201
    found = []
    for slug in (NETWORK, "claire-innovation-network"):
        answer = await client.get(
            f"/api/v1/networks/{slug}/shares?from=2026-11-01&to=2026-11-30", headers=manager_headers
        )
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
    (leg,) = found[0]
    assert found[1] == [leg]
    assert (leg["source"], leg["target"]) == (NETWORK, "claire-innovation-network")
    assert leg["net"]["amount"] > 0
    assert abs(leg["vat"]["amount"] * 4 - leg["net"]["amount"]) <= 2
    wrong = await client.get(
        f"/api/v1/networks/{NETWORK}/shares?from=2026-11-02&to=2026-11-01", headers=manager_headers
    )
    assert wrong.status_code == 422
