"""Told ahead on pages and by API: who would be, who was, who not and why; on the member's timeline; the wall."""

import httpx
import pytest

from crm.context import Context
from tests.crm.actions.test_renewal_notices import NETWORK, with_rules
from tests.crm.api.support import V1
from tests.crm.web.office import CLAIRE_ONLY, send, sign_in, text

pytestmark = pytest.mark.anyio

HERE = f"/n/{NETWORK}/renewals"
OF_NETWORK = f"{V1}/networks/{NETWORK}/renewal-notices"


async def test_seen_first_and_then_told_with_a_place_on_the_timeline(
    client: httpx.AsyncClient, context: Context
) -> None:
    await with_rules(context)
    await sign_in(client)
    assert "Members are told 60 days before a period begins." in text(await client.get(HERE))
    page = text(await client.get(f"{HERE}/notices"))
    assert "Nobody has a new period that near." in page and "Send these mails now" not in page
    seen = text(await client.get(f"{HERE}/notices?look=1"))
    assert "24 members would be told." in seen and "Send these mails now" in seen
    sent = await send(client, f"{HERE}/notices")
    assert (sent.status_code, sent.headers["location"]) == (303, f"{HERE}/notices")
    done = await client.get(f"{HERE}/notices")
    assert "@" in text(done) and "30 Nov 2026" in text(done)
    assert "24 members were told of the next one." in text(await client.get(HERE))
    assert "0 members would be told." in text(await client.get(f"{HERE}/notices?look=1"))
    assert "Members with a new period ahead" in text(await client.get(f"{HERE}/notices?show=told"))
    async with context.db.tx() as connection:
        member = await connection.fetchval("select organisation_id from renewal_notice order by id limit 1")
    timeline = text(await client.get(f"/n/{NETWORK}/members/{member}"))
    assert "your membership from 1 Jan 2027" in timeline or "medlemskapet fra 1. jan. 2027" in timeline


async def test_where_the_rules_tell_nobody_the_page_says_so(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    assert "The rules of this network tell nobody" in text(await client.get(f"{HERE}/notices"))
    refused = await send(client, f"{HERE}/notices")
    assert refused.status_code == 422 and "tell nobody ahead" in text(refused)


async def test_who_manages_another_network_sees_and_tells_nobody(client: httpx.AsyncClient, context: Context) -> None:
    await with_rules(context)
    await sign_in(client, CLAIRE_ONLY)
    assert (await client.get(f"{HERE}/notices")).status_code in (403, 404)
    assert (await send(client, f"{HERE}/notices")).status_code in (403, 404)


async def test_the_api_tells_and_lists_page_by_page(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str], partner_keys: dict[str, str]
) -> None:
    await with_rules(context)
    dry = await client.post(OF_NETWORK, json={"dry_run": True}, headers=manager_headers)
    assert dry.json() == {"network": NETWORK, "dry_run": True, "told": 24, "left_out": {}}
    assert (await client.get(OF_NETWORK, headers=manager_headers)).json()["items"] == []
    done = await client.post(OF_NETWORK, json={"dry_run": False}, headers=manager_headers)
    again = await client.post(OF_NETWORK, json={"dry_run": False}, headers=manager_headers)
    assert (done.json()["told"], again.json()["told"]) == (24, 0)
    listed, cursor = [], ""
    while True:
        page = (await client.get(f"{OF_NETWORK}?limit=10{cursor}", headers=manager_headers)).json()
        listed += page["items"]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len({each["membership_id"] for each in listed}) == len(listed) == 24
    one = listed[0]
    assert (one["state"], one["starts_on"], one["leave_by"]) == ("told", "2027-01-01", "2026-11-30")
    assert one["net"]["currency"] == "NOK" and one["recipient"]
    none = await client.get(f"{OF_NETWORK}?show=not_told", headers=manager_headers)
    assert none.json()["items"] == []
    later = await client.post(OF_NETWORK, json={"dry_run": False, "on": "2026-12-24"}, headers=manager_headers)
    assert (later.status_code, later.json()["errors"][0]["rule"]) == (422, "date_out_of_range")
    partner = {"Authorization": f"Bearer {partner_keys['claire-innovation-network']}"}
    assert (await client.get(OF_NETWORK, headers=partner)).status_code in (403, 404)
