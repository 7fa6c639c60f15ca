"""Renewal runs by API: 202 with a job, progress, members by keyset with reasons, confirmation, stopping, walls."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from crm.actions import renewals
from crm.context import Context

pytestmark = pytest.mark.anyio

RUNS = "/api/v1/renewal-runs"
FORM = {"network": "nora-industry-network", "period_start": "2027-01-01", "dry_run": True}


async def begun(client: httpx.AsyncClient, headers: dict[str, str], **given: Any) -> dict[str, Any]:
    made = await client.post(RUNS, json=FORM | given, headers=headers)
    assert made.status_code == 202, made.text
    assert made.headers["location"] == f"{RUNS}/{made.json()['id']}"
    return made.json()


async def test_a_dry_run_waits_for_its_confirmation(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str]
) -> None:
    run = await begun(client, manager_headers)
    assert (run["status"], run["network"]) == ("previewing", "nora-industry-network")
    early = await client.post(f"{RUNS}/{run['id']}/confirmation", json={}, headers=manager_headers)
    assert early.status_code == 409 and early.json()["errors"][0]["rule"] == "renewal_not_previewed"
    await renewals.preview(context, UUID(run["id"]))
    shown = (await client.get(f"{RUNS}/{run['id']}", headers=manager_headers)).json()
    assert (shown["status"], shown["total"]) == ("previewed", 24)
    assert [(each["state"], each["members"], each["net"]) for each in shown["totals"]] == [
        ("due", 23, {"amount": 139_200_000, "currency": "NOK"}),
        ("failed", 1, {"amount": 15_000_000, "currency": "NOK"}),
    ]
    seen, cursor = [], None
    while True:
        asked = {"limit": 10} | ({"cursor": cursor} if cursor else {})
        page = await client.get(f"{RUNS}/{run['id']}/items", params=asked, headers=manager_headers)
        seen += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if not cursor:
            break
    assert len(seen) == len({each["membership_id"] for each in seen}) == 24
    assert (seen[0]["state"], seen[0]["problem"]["code"]) == ("failed", "buyer_reference_missing")
    assert seen[1]["differs"] == {"codes": ["first_bill"], "words": "nothing was billed for the year before"}
    confirmed = await client.post(f"{RUNS}/{run['id']}/confirmation", json={}, headers=manager_headers)
    assert confirmed.status_code == 202 and confirmed.json()["status"] == "running"
    await renewals.bill(context, UUID(run["id"]))
    done = (await client.get(f"{RUNS}/{run['id']}", headers=manager_headers)).json()
    assert (done["status"], done["done"], done["invoices"], done["failed"]) == ("done", 24, 23, 1)
    listed = (await client.get(f"{RUNS}/{run['id']}/items", headers=manager_headers)).json()["items"]
    assert listed[0]["problem"]["code"] == "buyer_reference_missing"
    assert all(each["number"].startswith("NORA-") for each in listed[1:])
    over = await client.delete(f"{RUNS}/{run['id']}", headers=manager_headers)
    assert over.status_code == 409 and over.json()["errors"][0]["rule"] == "renewal_over"


async def test_without_dry_run_it_bills_at_once_and_a_second_one_finds_nothing(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str]
) -> None:
    totals = []
    for _ in range(2):
        run = await begun(client, manager_headers, dry_run=False)
        await renewals.preview(context, UUID(run["id"]))
        await renewals.bill(context, UUID(run["id"]))
        done = (await client.get(f"{RUNS}/{run['id']}", headers=manager_headers)).json()
        totals.append((done["status"], done["members"], done["total"], done["invoices"]))
    assert totals == [("done", 24, 24, 23), ("done", 24, 0, 0)]


async def test_it_can_be_stopped(client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str]) -> None:
    run = await begun(client, manager_headers)
    for _ in range(2):
        stopped = await client.delete(f"{RUNS}/{run['id']}", headers=manager_headers)
        assert (stopped.status_code, stopped.json()["status"]) == (200, "cancelled")
    await renewals.preview(context, UUID(run["id"]))
    shown = (await client.get(f"{RUNS}/{run['id']}", headers=manager_headers)).json()
    assert (shown["status"], shown["total"]) == ("cancelled", 0)


async def test_walls_and_bad_input(
    client: httpx.AsyncClient, manager_headers: dict[str, str], partner_keys: dict[str, str]
) -> None:
    own = {"authorization": f"Bearer {partner_keys['claire']}"}
    unseen = await client.post(RUNS, json=FORM, headers=own)
    assert unseen.status_code in (404, 422)
    run = await begun(client, manager_headers)
    assert (await client.get(f"{RUNS}/{run['id']}", headers=own)).status_code == 404
    assert (await client.get(f"{RUNS}/{run['id']}/items", headers=own)).status_code == 404
    assert (await client.delete(f"{RUNS}/{run['id']}", headers=own)).status_code == 404
    far = await client.post(RUNS, json=FORM | {"period_start": "2099-01-01"}, headers=manager_headers)
    assert (far.status_code, far.json()["errors"][0]["rule"]) == (422, "renewal_day")
    for bad in ({"network": "nowhere"}, {"period_start": "soon"}, {"more": 1}):
        assert (await client.post(RUNS, json=FORM | bad, headers=manager_headers)).status_code == 422
    wrong = await client.get(f"{RUNS}/{run['id']}/items", params={"cursor": "x.y"}, headers=manager_headers)
    assert wrong.status_code == 422
