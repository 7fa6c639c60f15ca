"""Agreements on the office's pages: the list, the look before the end, the end, and the way back; by API too."""

from typing import Any

import httpx
import pytest

from crm.context import Context
from tests.crm.actions.test_agreements import CODE, links
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, NORA_ONLY, send, sign_in, text

pytestmark = pytest.mark.anyio
HERE = f"{NORA}/setup/agreements"
API = f"/api/v1/agreements/{CODE}/endings"
NAME = "Collaboration agreement between NORA and CLAIRE, 2021"


async def test_ac_02e_a_manager_of_both_looks_ends_and_takes_back(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    before = await links(context)
    assert f"{NORA}/setup/agreements" in (await client.get(f"{NORA}/setup/rules")).text
    assert NAME in text(await client.get(HERE)) and NAME in text(await client.get(f"{CLAIRE}/setup/agreements"))
    assert "No agreements." in text(await client.get("/n/nora-startup/setup/agreements"))
    typed = {"last_day": "2026-11-30", "on_end": "end_links", "reason": "Both boards met", "mutual": ""}
    looked = text(await client.get(f"{HERE}/{CODE}", params=typed))
    assert "this happens" in looked and "memberships end" in looked and "30 Nov 2026" in looked
    assert await links(context) == before
    sent = await send(client, f"{HERE}/{CODE}", **typed)
    assert sent.status_code == 303
    shown = text(await client.get(sent.headers["location"]))
    assert "The agreement ends" in shown and "30 Nov 2026" in shown
    assert await links(context) != before
    back = await send(client, f"{HERE}/{CODE}/take-back")
    assert back.status_code == 303 and "The end is taken back" in text(await client.get(back.headers["location"]))
    assert await links(context) == before
    assert (await send(client, f"{HERE}/{CODE}/take-back")).status_code == 409, "a second click changes nothing"


@pytest.mark.parametrize(("email", "here"), [(NORA_ONLY, NORA), (CLAIRE_ONLY, CLAIRE)])
async def test_one_side_is_told_the_earliest_day(
    client: httpx.AsyncClient, context: Context, email: str, here: str
) -> None:
    await sign_in(client, email)
    at, before = f"{here}/setup/agreements/{CODE}", await links(context)
    short = await send(client, at, last_day="2026-12-31", on_end="period_end")
    assert short.status_code == 422 and "180 days of notice" in text(short) and "21 May 2027" in text(short)
    assert (await send(client, at, last_day="soon")).status_code == 422
    assert (await send(client, at, last_day="9999-12-31")).status_code == 422
    assert await links(context) == before
    assert (await send(client, at, last_day="2027-05-20", on_end="period_end")).status_code == 303
    assert await links(context) != before
    assert (await send(client, f"{at}/take-back")).status_code == 422
    assert (await send(client, f"{at}/take-back", mutual="yes", reason="By letter")).status_code == 303
    assert await links(context) == before


async def test_another_networks_agreement_is_not_found(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    for path in (f"/n/nora-startup/setup/agreements/{CODE}", f"{HERE}/none"):
        assert (await client.get(path)).status_code == 404
        assert (await send(client, path, last_day="2026-11-30", on_end="end_links")).status_code == 404
        assert (await send(client, f"{path}/take-back")).status_code == 404
    await sign_in(client, CLAIRE_ONLY)
    assert (await client.get(f"{HERE}/{CODE}")).status_code == 404


async def test_ac_02e_by_api(client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str]) -> None:
    before = await links(context)
    listed = await client.get("/api/v1/networks/nora-industry-network/agreements", headers=manager_headers)
    assert listed.status_code == 200
    (item,) = listed.json()["items"]
    assert (item["code"], item["on_end"], item["notice_days"], item["ends_on"]) == (CODE, "period_end", 180, None)
    assert item["linked"] > 1
    body = {"ends_on": "2026-12-01", "on_end": "end_links"}
    looked = await client.post(f"{API}/preview", json=body, headers=manager_headers)
    assert looked.status_code == 200, looked.text
    assert await links(context) == before
    ended = await client.post(API, json=body, headers=manager_headers)
    assert ended.status_code == 200 and ended.json() == looked.json()
    assert ended.json()["changed"] == {"claire-innovation-network": item["linked"]}
    off = await client.delete(API, headers=manager_headers)
    assert off.status_code == 200 and off.json()["ends_on"] is None
    assert await links(context) == before


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({}, "ends_on", "field_missing"),
        ({"ends_on": "soon"}, "ends_on", "date_format"),
        ({"ends_on": "2020-01-01"}, "ends_on", "date_out_of_range"),
        ({"ends_on": "2026-12-01", "on_end": "explode"}, "on_end", "value_unknown"),
        ({"ends_on": "2026-12-01", "mutual": True}, "reason", "required"),
    ],
)
async def test_what_cannot_be_is_named_and_not_stored(
    client: httpx.AsyncClient,
    context: Context,
    manager_headers: dict[str, str],
    body: dict[str, Any],
    field: str,
    rule: str,
) -> None:
    before = await links(context)
    for path in (API, f"{API}/preview"):
        answer = await client.post(path, json=body, headers=manager_headers)
        assert answer.status_code == 422, answer.text
        assert [(e["field"], e["rule"]) for e in answer.json()["errors"]] == [(field, rule)]
    assert await links(context) == before


async def test_another_tenant_gets_404_by_api(
    client: httpx.AsyncClient, manager_headers: dict[str, str], partner_keys: dict[str, str]
) -> None:
    body = {"ends_on": "2026-12-01"}
    for code in ("none", "NOT-A-CODE", "%00"):
        path = f"/api/v1/agreements/{code}/endings"
        assert (await client.post(path, json=body, headers=manager_headers)).status_code == 404
        assert (await client.delete(path, headers=manager_headers)).status_code == 404
    for slug, key in partner_keys.items():
        headers = {"authorization": f"Bearer {key}"}
        party = slug in ("nora-industry-network", "claire-innovation-network")
        expected = 403 if party else 404
        assert (await client.post(API, json=body, headers=headers)).status_code == expected
        listed = await client.get("/api/v1/networks/nora-industry-network/agreements", headers=headers)
        assert listed.status_code == (403 if slug == "nora-industry-network" else 404)
