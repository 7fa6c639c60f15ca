"""Webhooks by API: made by a partner's key, seen by it and who manages, a secret shown once, the log in pages."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from crm.actions import webhook_deliveries, webhooks
from crm.context import Context
from crm.settings import Settings
from tests.crm.api.support import CLAIRE, NORA, V1, wrong
from tests.receiver import PATIENT, receiving

pytestmark = pytest.mark.anyio

HOOKS = f"{V1}/webhooks"
URL = "https://crm.partner.example/hooks"
NOBODY = "00000000-0000-4000-8000-000000000000"
Headers = dict[str, str]


@pytest.fixture
def own(partner_keys: dict[str, str]) -> Headers:
    return {"authorization": f"Bearer {partner_keys[NORA]}"}


@pytest.fixture
def foreign(partner_keys: dict[str, str]) -> Headers:
    return {"authorization": f"Bearer {partner_keys[CLAIRE]}"}


async def made(client: httpx.AsyncClient, headers: Headers, **body: Any) -> dict[str, Any]:
    answer = await client.post(HOOKS, json={"url": URL, **body}, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{HOOKS}/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


async def test_a_partner_sets_up_a_webhook_and_sees_its_secret_once(client: httpx.AsyncClient, own: Headers) -> None:
    found = await made(client, own, name="Our CRM")
    secret = found.pop("secret")
    assert secret.startswith("whsec_")
    assert found == {
        **{"id": found["id"], "url": URL, "name": "Our CRM", "networks": [NORA], "agreements": []},
        **{"status": "unverified", "reason": None, "created_at": found["created_at"], "delivered_at": None},
        **{"failing_since": None, "clock_skew_seconds": None, "old_secret_until": None},
    }
    shown = await client.get(f"{HOOKS}/{found['id']}", headers=own)
    assert shown.json() == found
    listed = await client.get(HOOKS, headers=own)
    assert listed.json() == {"items": [found], "next_cursor": None, "has_more": False}
    log = await client.get(f"{HOOKS}/{found['id']}/deliveries", headers=own)
    (ping,) = log.json()["items"]
    assert (ping["type"], ping["status"], ping["attempts"]) == ("ping", "queued", [])
    everything = shown.text + listed.text + log.text
    assert secret not in everything and "whsec_" not in everything


async def test_its_host_is_its_name_when_it_has_none(client: httpx.AsyncClient, own: Headers) -> None:
    assert (await made(client, own))["name"] == "crm.partner.example"


async def test_another_networks_key_knows_of_nothing(
    client: httpx.AsyncClient, own: Headers, foreign: Headers, manager_headers: Headers
) -> None:
    found = await made(client, own)
    place = f"{HOOKS}/{found['id']}"
    calls = [("GET", place), ("DELETE", place), ("GET", f"{place}/deliveries"), ("POST", f"{place}/pause")]
    calls += [("DELETE", f"{place}/pause"), ("POST", f"{place}/deliveries/{NOBODY}/retries")]
    for method, path in calls:
        theirs = await client.request(method, path, headers=foreign)
        unknown = await client.request(method, path.replace(found["id"], NOBODY), headers=foreign)
        assert theirs.status_code == 404
        assert theirs.json()["errors"] == unknown.json()["errors"], "the two must look the same"
    assert (await client.get(HOOKS, headers=foreign)).json()["items"] == []
    assert (await client.get(HOOKS, headers=manager_headers)).json()["items"] != []
    assert (await client.get(place, headers=manager_headers)).status_code == 200


async def test_pause_another_secret_and_removal(client: httpx.AsyncClient, own: Headers) -> None:
    found = await made(client, own)
    place = f"{HOOKS}/{found['id']}"
    paused = (await client.post(f"{place}/pause", headers=own)).json()
    assert (paused["status"], paused["reason"]) == ("disabled", "paused")
    assert (await client.request("DELETE", f"{place}/pause", headers=own)).json()["status"] == "unverified"
    changed = await client.post(f"{place}/secrets", json={"old_valid_hours": 1}, headers=own)
    assert changed.status_code == 201 and changed.json()["old_secret_until"]
    assert changed.json()["secret"] != found["secret"]
    assert (await client.request("DELETE", place, headers=own)).status_code == 200
    assert (await client.get(place, headers=own)).status_code == 404


async def test_a_message_is_sent_again(client: httpx.AsyncClient, context: Context, own: Headers) -> None:
    async with receiving() as receiver:
        near = Context(context.db, context.clock, Settings(development=True, outgoing_loopback=True))
        found = await made(client, own)
        place = f"{HOOKS}/{found['id']}"
        async with near.db.tx() as connection:
            await connection.execute("update webhook set url = $1", receiver.url)
        for _ in range(2):
            context.clock.moment += timedelta(seconds=1)  # type: ignore[attr-defined]
            log = (await client.get(f"{place}/deliveries", headers=own)).json()["items"]
            await webhook_deliveries.send(near, UUID(log[0]["id"]), PATIENT)
        log = (await client.get(f"{place}/deliveries?limit=1", headers=own)).json()
        assert log["has_more"] and log["items"][0]["type"] == "members.changed"
        rest = (await client.get(f"{place}/deliveries?cursor={log['next_cursor']}", headers=own)).json()
        assert [each["type"] for each in rest["items"]] == ["ping"] and not rest["has_more"]
        (tried,) = rest["items"][0]["attempts"]
        assert (tried["number"], tried["status"], tried["error"], tried["answer"]) == (1, 204, None, "")
        again = await client.post(f"{place}/deliveries/{log['items'][0]['id']}/retries", headers=own)
        assert (again.status_code, again.json()["status"]) == (202, "queued")
        assert again.json()["id"] == log["items"][0]["id"]
        missing = await client.post(f"{place}/deliveries/{NOBODY}/retries", headers=own)
        assert missing.status_code == 404
        await client.post(f"{place}/pause", headers=own)
        refused = await client.post(f"{place}/deliveries/{log['items'][0]['id']}/retries", headers=own)
        assert wrong(refused, 409) == [("webhook_id", "webhook_not_enabled")]


@pytest.mark.parametrize(
    ("body", "status", "errors"),
    [
        ({"url": "http://crm.partner.example/"}, 422, {"url": "address_scheme"}),
        ({"url": "https://169.254.169.254/latest"}, 422, {"url": "address_not_public"}),
        ({"url": "https://0x7f.1/"}, 422, {"url": "address_not_public"}),
        ({"url": "https://crm.partner.example:22/"}, 422, {"url": "address_port"}),
        ({"url": "https://user@crm.partner.example/"}, 422, {"url": "address_login"}),
        ({"url": "crm.partner.example"}, 422, {"url": "address_form"}),
        ({"url": URL, "networks": ["nowhere"]}, 422, {"networks": "network_unknown"}),
        ({"url": URL, "networks": [CLAIRE]}, 422, {"networks": "network_unknown"}),
        ({"url": URL, "agreements": ["none"]}, 422, {"agreements": "agreement_unknown"}),
        ({"url": URL, "secret": "mine"}, 422, {"secret": "field_unknown"}),
        ({"name": "x"}, 422, {"url": "field_missing"}),
    ],
)
async def test_what_cannot_be_is_named(
    client: httpx.AsyncClient, own: Headers, body: dict[str, Any], status: int, errors: dict[str, str]
) -> None:
    answer = await client.post(HOOKS, json=body, headers=own)
    assert dict(wrong(answer, status)) == errors
    assert (await client.get(HOOKS, headers=own)).json()["items"] == []


async def test_bad_cursors_and_hours(client: httpx.AsyncClient, own: Headers) -> None:
    place = f"{HOOKS}/{(await made(client, own))['id']}"
    for cursor in ("x", NOBODY):
        answer = await client.get(f"{place}/deliveries?cursor={cursor}", headers=own)
        assert wrong(answer, 422) == [("cursor", "cursor_invalid")]
    for hours in (-1, webhooks.LONGEST_OVERLAP_HOURS + 1):
        answer = await client.post(f"{place}/secrets", json={"old_valid_hours": hours}, headers=own)
        assert wrong(answer, 422) == [("old_valid_hours", "number_out_of_range")]


async def test_what_an_agreement_discloses_is_heard_of_too(
    client: httpx.AsyncClient, context: Context, partner_keys: dict[str, str]
) -> None:
    """A cursor in the message goes on exactly where the disclosure's changes are."""
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select a.code, n.slug as source, m.slug as reader from disclosure d join agreement a"
            " on a.id = d.agreement_id join network n on n.id = d.network_id join network m on m.id = d.to_network_id"
            " where d.in_force > 0 and m.slug = any($1) order by a.code limit 1",
            list(partner_keys),
        )
    headers = {"authorization": f"Bearer {partner_keys[row['reader']]}"}
    found = await made(client, headers, agreements=[row["code"]])
    assert (found["networks"], found["agreements"]) == ([], [row["code"]])
    async with receiving() as receiver:
        near = Context(context.db, context.clock, Settings(development=True, outgoing_loopback=True))
        async with context.db.tx() as connection:
            await connection.execute("update webhook set url = $1", receiver.url)
        for _ in range(2):
            context.clock.moment += timedelta(seconds=1)  # type: ignore[attr-defined]
            log = (await client.get(f"{HOOKS}/{found['id']}/deliveries", headers=headers)).json()["items"]
            await webhook_deliveries.send(near, UUID(log[0]["id"]), PATIENT)
        said = receiver.heard[1].said["data"]
    assert isinstance(said, dict)
    assert (said["agreement"], said["network"]) == (row["code"], row["source"])
    address = said["changes"].removeprefix(context.settings.base_url)
    answer = await client.get(f"{address}&after={said['head_cursor']}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"] == []
