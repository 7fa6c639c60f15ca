"""In-kind contributions, their rates and other income by API: told, paged through, taken back, refused by field."""

import pytest

pytestmark = pytest.mark.anyio
BASE = "/api/v1/networks/nora-industry-network"
WORK = {"member": "Telenor", "what": "Work", "starts_on": "2026-03-02", "hours": 750}


async def test_in_kind_from_the_rate_to_the_report(client, manager_headers):
    async def post(path, body):
        return await client.post(BASE + path, json=body, headers=manager_headers)

    missing = await post("/contributions", WORK)
    assert missing.status_code == 422 and missing.json()["errors"][0]["field"] == "hours"
    rates = await post("/in-kind-rates", {"starts_on": "2026-01-01", "amount": 70000})
    assert rates.status_code == 201 and rates.json()["items"][0]["amount"] == {"amount": 70000, "currency": "NOK"}
    told = await post("/contributions", WORK)
    assert told.status_code == 201, told.text
    one = told.json()
    assert one["amount"] == {"amount": 525000, "currency": "NOK"} and one["ends_on"] == "2026-03-03"
    assert (await post("/contributions", WORK | {"what": "More", "hours": 10})).status_code == 201
    page = (await client.get(f"{BASE}/contributions?limit=1", headers=manager_headers)).json()
    assert page["items"] == [one] and page["has_more"]
    rest = await client.get(f"{BASE}/contributions?limit=1&cursor={page['next_cursor']}", headers=manager_headers)
    assert [each["what"] for each in rest.json()["items"]] == ["More"] and not rest.json()["has_more"]
    gone = await post(f"/contributions/{one['id']}/withdrawal", {"reason": "Told twice"})
    assert gone.status_code == 200
    report = await client.get(
        "/api/v1/reports/finance?network=nora-industry-network&from=2026-01-01&to=2027-01-01", headers=manager_headers
    )
    figures = {each["code"].partition("/")[0]: each["value"] for each in report.json()["figures"]}
    assert figures["in_kind"] == 7000
    back = await client.post(f"{BASE}/contributions/{one['id']}/restoration", headers=manager_headers)
    assert back.json()["id"] == one["id"]
    rate = rates.json()["items"][0]["id"]
    assert (await post(f"/in-kind-rates/{rate}/withdrawal", {"reason": ""})).status_code == 422
    assert (await post(f"/in-kind-rates/{rate}/withdrawal", {"reason": "A slip"})).status_code == 200
    assert (await client.get(f"{BASE}/in-kind-rates", headers=manager_headers)).json() == {"items": []}


async def test_other_income_and_who_may(client, manager_headers, partner_keys):
    grant = {"kind": "public_grant", "payer": "Siva", "starts_on": "2026-01-01", "amount": 100}
    told = await client.post(f"{BASE}/other-incomes", json=grant, headers=manager_headers)
    assert told.status_code == 201 and told.json()["sector"] == "public", told.text
    wrong = await client.post(f"{BASE}/other-incomes", json=grant | {"kind": "x", "amount": 0}, headers=manager_headers)
    assert wrong.status_code == 422 and [each["field"] for each in wrong.json()["errors"]] == [
        "kind",
        "sector",
        "amount",
    ]
    listed = await client.get(f"{BASE}/other-incomes", headers=manager_headers)
    assert listed.json()["items"] == [told.json()]
    at = f"{BASE}/other-incomes/{told.json()['id']}"
    for name, status in (("nora-industry-network", 403), ("claire", 404)):
        key = {"authorization": f"Bearer {partner_keys[name]}"}
        assert (await client.get(f"{BASE}/other-incomes", headers=key)).status_code == status
        assert (await client.post(f"{at}/withdrawal", json={"reason": "No"}, headers=key)).status_code == status
    assert (await client.post(f"{at}/withdrawal", json={"reason": "Sum"}, headers=manager_headers)).status_code == 200
    assert (await client.get(f"{BASE}/other-incomes", headers=manager_headers)).json()["items"] == []
    assert (await client.post(f"{at}/restoration", headers=manager_headers)).json()["id"] == told.json()["id"]


@pytest.mark.parametrize("member", ["Tele\x00nor", "x" * 201, " "])
async def test_a_name_that_can_be_nobodys_is_refused_at_its_field(client, manager_headers, member):
    body = WORK | {"member": member, "rate": 70000}
    answer = await client.post(f"{BASE}/contributions", json=body, headers=manager_headers)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "member"
