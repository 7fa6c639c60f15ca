"""Much at once by API: tag, field, who looks after them, one charge more; refused by the place, taken back."""

from uuid import uuid4

import pytest

from tests.crm.api.support import wrong

pytestmark = pytest.mark.anyio
BASE = "/api/v1/networks/nora-industry-network"
RUNS = f"{BASE}/bulk-runs"
CHARGE = {"name_nb": "Konferanse", "name_en": "Conference", "amount": 150000}


@pytest.fixture
async def three(context):
    """Memberships in their own right."""
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select distinct p.membership_id as id from membership_period p join network n on n.id = p.network_id"
            " where n.slug = 'nora-industry-network' and p.origin = 'direct' and p.superseded_at is null"
            " and p.ends_on is null order by 1 limit 3"
        )
    return [str(row["id"]) for row in rows]


async def test_many_are_tagged_and_it_is_taken_back(client, manager_headers, three):
    tag = (await client.post(f"{BASE}/tags", json={"name": "Bulk"}, headers=manager_headers)).json()["id"]
    body, key = {"what": "tag", "memberships": three, "tag": tag}, {"idempotency-key": "bulk-1"}
    run = await client.post(RUNS, json=body, headers=manager_headers | key)
    assert run.status_code == 201, run.text
    assert [run.json()[each] for each in ("status", "total", "changed", "same", "failed")] == ["done", 3, 3, 0, 0]
    again = await client.post(RUNS, json=body, headers=manager_headers | key)
    assert again.json() == run.json()
    other = await client.post(RUNS, json=body, headers=manager_headers)
    assert other.json()["same"] == 3
    at = f"{RUNS}/{run.json()['id']}"
    back = await client.post(f"{at}/undo", headers=manager_headers)
    assert back.json()["undoes"] == run.json()["id"] and back.json()["changed"] == 3
    assert (await client.post(f"{at}/undo", headers=manager_headers)).json()["id"] == back.json()["id"]
    assert (await client.get(at, headers=manager_headers)).json()["undone_by"] == back.json()["id"]
    listed = (await client.get(RUNS, headers=manager_headers)).json()["items"]
    assert {each["what"] for each in listed} == {"tag", "untag"} and len(listed) == 3
    assert wrong(await client.post(f"{RUNS}/{uuid4()}/undo", headers=manager_headers), 404)


async def test_one_charge_more_is_looked_at_and_put_on_drafts(client, manager_headers, three, context):
    seen = await client.post(f"{RUNS}/preview", json=CHARGE | {"memberships": three}, headers=manager_headers)
    assert seen.status_code == 200, seen.text
    assert seen.json()["members"] == 3 and seen.json()["net"] == {"amount": 450000, "currency": "NOK"}
    body = CHARGE | {"what": "charge", "memberships": three}
    run = await client.post(RUNS, json=body, headers=manager_headers)
    assert run.json()["changed"] == 3, run.text
    async with context.db.tx() as connection:
        drafts = "select count(*) from charge c join invoice i on i.id = c.invoice_id where i.status = 'draft'"
        assert await connection.fetchval(f"{drafts} and c.net = 150000") == 3
    undone = await client.post(f"{RUNS}/{run.json()['id']}/undo", headers=manager_headers)
    assert undone.json()["errors"][0]["rule"] == "bulk_not_undoable"


@pytest.mark.parametrize(
    ("said", "field", "rule"),
    [
        ({"what": "tag", "tag": str(uuid4())}, "tag", "tag_unknown"),
        ({"what": "tag"}, "tag", "tag_unknown"),
        ({"what": "field", "field": "nothing"}, "field", "field_unknown_code"),
        ({"what": "responsible", "account": str(uuid4())}, "account", "responsible_unknown"),
        ({"what": "charge", **CHARGE, "amount": 0}, "amount", "field_money"),
        ({"what": "charge", **CHARGE, "name_en": ""}, "name_en", "required"),
        ({"what": "marry"}, "what", "value_unknown"),
    ],
)
async def test_what_cannot_be_is_named_and_nothing_is_done(client, manager_headers, three, said, field, rule):
    answer = await client.post(RUNS, json={"memberships": three, **said}, headers=manager_headers)
    assert wrong(answer, 422) == [(field, rule)]
    assert (await client.get(RUNS, headers=manager_headers)).json()["items"] == []


async def test_a_stranger_refuses_all_by_its_place(client, manager_headers, partner_keys, three):
    body = {"what": "responsible", "memberships": [*three, str(uuid4())]}
    answer = await client.post(RUNS, json=body, headers=manager_headers)
    assert wrong(answer, 422) == [("memberships.3", "member_of_none")]
    assert (await client.get(RUNS, headers=manager_headers)).json()["items"] == []
    for name, status in (("nora-industry-network", 403), ("claire", 404)):
        key = {"authorization": f"Bearer {partner_keys[name]}"}
        assert (await client.post(RUNS, json=body, headers=key)).status_code == status
        assert (await client.get(RUNS, headers=key)).status_code == status
