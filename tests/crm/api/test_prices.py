"""Prices by API: the amounts of an approval, by key for every level that applicants can choose; bad input named."""

import pytest

from tests.crm.api.support import CLAIRE, NORA, V1, applied

pytestmark = pytest.mark.anyio
HIDDEN = "initiator"  # a level of sin-applied-ai that applicants cannot choose
PRICES = f"{V1}/networks/{NORA}/prices"


async def ask(client, headers, path=PRICES, **body):
    return await client.post(path, json={"tier": "principal"} | body, headers=headers)


async def test_a_price_is_told_line_by_line_and_is_what_an_approval_bills(client, manager_headers):
    company = {"kind": "company", "country": "NO", "employees": 42}
    answer = await ask(client, manager_headers, organisation=company, starts_on="2027-03-01")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    sent = await applied(client, manager_headers)
    path = f"{V1}/applications/{sent['id']}/consequences"
    seen = await client.get(path, params={"starts_on": "2027-03-01"}, headers=manager_headers)
    billed = [c for c in seen.json()["consequences"] if c["type"] == "charge"]
    assert billed
    assert [(line["net"], line["vat"]) for line in told["first"]["lines"]] == [(c["net"], c["vat"]) for c in billed]
    assert told["first"]["net"]["amount"] == 12_575_342  # 306 of 365 days of NOK 150,000
    assert told["year"]["total"] == {"amount": 15_000_000, "currency": "NOK"}
    line = told["first"]["lines"][0]
    assert "306 of 365 days" in line["words"] and "3-13" in line["vat_reason"]
    assert (told["missing"], told["refusal"]) == (None, None)


async def test_a_partner_asks_about_public_levels_of_any_network_and_no_other(client, manager_headers, partner_keys):
    headers = {"authorization": f"Bearer {partner_keys[CLAIRE]}"}
    assert (await ask(client, headers)).status_code == 200
    hidden = {"path": f"{V1}/networks/sin-applied-ai/prices", "tier": HIDDEN}
    assert (await ask(client, manager_headers, **hidden)).status_code == 200
    assert (await ask(client, headers, **hidden)).status_code == 404


@pytest.mark.parametrize(
    ("body", "field", "status"),
    [
        ({"tier": "king"}, "tier", 404),
        ({"organisation": {"country": "XX"}}, "organisation.country", 422),
        ({"organisation": {"employees": -1}}, "organisation.employees", 422),
        ({"organisation": {"sizes": [{"basis": "turnover", "value": 5}]}}, "organisation.sizes.0.currency", 422),
        (
            {"organisation": {"member_of": [{"network": "nowhere", "tier": "x"}]}},
            "organisation.member_of.0.network",
            422,
        ),
        ({"organisation": {"member_of": [{"network": CLAIRE, "tier": "x"}]}}, "organisation.member_of.0.tier", 422),
        ({"starts_on": "2500-01-01"}, "starts_on", 422),
        ({"surprise": 1}, "surprise", 422),
    ],
)
async def test_what_cannot_be_priced_is_named(client, manager_headers, body, field, status):
    answer = await ask(client, manager_headers, **body)
    assert answer.status_code == status, answer.text
    assert [e["field"] for e in answer.json()["errors"]] == [field]


async def test_no_key_no_network(client, manager_headers):
    assert (await ask(client, {})).status_code == 401
    answer = await ask(client, manager_headers, path=f"{V1}/networks/nowhere/prices")
    assert answer.status_code == 404
