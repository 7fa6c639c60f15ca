"""Notes, tasks and mailings by the API: for keys that manage the network, and nobody else's."""

from datetime import date

import httpx
import pytest

from crm.context import Context
from tests.crm.api.support import NORA, V1
from tests.crm.web.office import member

pytestmark = pytest.mark.anyio
Headers = dict[str, str]
HERE = f"{V1}/networks/{NORA}"


async def test_notes(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers, partner_keys: dict[str, str]
) -> None:
    organisation, _ = await member(context, "eSmart Systems")
    body = {"organisation_id": str(organisation), "text": "Called.", "kind": "call", "on": "2026-11-20"}
    made = await client.post(f"{HERE}/notes", json=body, headers=manager_headers)
    assert made.status_code == 201 and made.json()["on"] == "2026-11-20", made.text
    listed = await client.get(f"{HERE}/notes?organisation_id={organisation}", headers=manager_headers)
    assert [each["id"] for each in listed.json()["items"]] == [made.json()["id"]]
    partner = {"authorization": f"Bearer {partner_keys[NORA]}"}
    assert (await client.get(f"{HERE}/notes", headers=partner)).status_code == 403
    assert (await client.post(f"{HERE}/notes", json=body, headers=partner)).status_code == 403
    wrong = await client.post(f"{HERE}/notes", json=body | {"on": "2027-01-01"}, headers=manager_headers)
    assert wrong.status_code == 422
    gone = await client.delete(f"{V1}/notes/{made.json()['id']}", headers=manager_headers)
    assert gone.status_code == 200
    assert (await client.get(f"{HERE}/notes", headers=manager_headers)).json()["items"] == []


async def test_tasks(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    body = {"title": "Send the agreement", "due_on": "2026-12-01"}
    made = (await client.post(f"{HERE}/tasks", json=body, headers=manager_headers)).json()
    done = await client.post(f"{V1}/tasks/{made['id']}/completion", headers=manager_headers)
    assert done.json()["done_at"]
    items = (await client.get(f"{HERE}/tasks?done=true", headers=manager_headers)).json()["items"]
    assert [each["id"] for each in items] == [made["id"]]
    again = await client.delete(f"{V1}/tasks/{made['id']}/completion", headers=manager_headers)
    assert again.json()["done_at"] is None and date.fromisoformat(again.json()["due_on"]) == date(2026, 12, 1)
    assert (await client.delete(f"{V1}/tasks/{made['id']}", headers=manager_headers)).status_code == 200
    assert (await client.get(f"{HERE}/tasks", headers=manager_headers)).json()["items"] == []


async def test_mailings(client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str]) -> None:
    body = {"name": "Autumn", "subject": {"en": "For {organisation}"}, "text": {"en": "Dear {contact}, come."}}
    made = await client.post(f"{HERE}/mailings", json=body, headers=manager_headers)
    assert made.status_code == 201, made.text
    at = f"{V1}/mailings/{made.json()['id']}"
    looked = (await client.get(f"{at}/preview", headers=manager_headers)).json()
    assert looked["recipients"] > 3 and "For " in looked["subject"] and "{" not in looked["text"]
    wrong = await client.post(f"{at}/sending", json={"recipients": 1}, headers=manager_headers)
    assert wrong.status_code == 409
    sent = await client.post(f"{at}/sending", json={"recipients": looked["recipients"]}, headers=manager_headers)
    assert sent.json()["status"] == "sending" and sent.json()["recipients"] == looked["recipients"]
    assert (await client.post(f"{at}/sending", json={}, headers=manager_headers)).status_code == 409
    partner = {"authorization": f"Bearer {partner_keys[NORA]}"}
    assert (await client.get(at, headers=partner)).status_code in (403, 404)
    unknown = await client.post(f"{HERE}/mailings", json=body | {"text": {"en": "{x}"}}, headers=manager_headers)
    assert unknown.status_code == 422 and "{x}" in unknown.text
