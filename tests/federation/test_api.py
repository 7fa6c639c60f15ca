"""The API for managers: what pages do, with a key; who may and who may not."""

import httpx
import pytest

from crm.app import state_of
from tests.federation.conftest import Two
from tests.federation.two import CLAIRE, NORA, System, organisation, settle

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
AT_A, AT_B = (f"/api/v1/networks/{slug}/federated-agreements" for slug in (NORA, CLAIRE))


def client_of(system: System, key: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=system.application, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {key}"}
    return httpx.AsyncClient(transport=transport, base_url=system.url, headers=headers)


async def call(two: Two, system: System, key: str, method: str, path: str, **body: object) -> httpx.Response:
    system.application.state = state_of(system.context.settings, system.context)
    async with client_of(system, key) as client:
        return await client.request(method, path, json=body or None)


async def test_an_agreement_is_read_and_looked_after_with_a_key(two: Two, manager_key: str) -> None:
    (listed,) = (await call(two, two.b, manager_key, "GET", AT_B)).json()["items"]
    assert (listed["standing"], listed["held"], listed["signed_here"], listed["signed_there"]) == (
        "active",
        3,
        True,
        True,
    )
    found = (await call(two, two.b, manager_key, "GET", f"{AT_B}/{two.code}/memberships")).json()["items"]
    assert [each["held"] for each in found[:3]] == ["alike"] * 3
    assert {each["tier"] for each in found[3:]} == {"member"}
    key, known = found[0]["key"], str(await organisation(two.b, found[0]["name"]))
    at = f"{AT_B}/{two.code}/memberships/{key}/identity"
    pointed = await call(two, two.b, manager_key, "POST", at, organisation_id=known)
    assert (pointed.status_code, pointed.json()["held"]) == (200, 2)
    again = await call(two, two.b, manager_key, "POST", at, organisation_id=known)
    assert again.json()["errors"][0]["rule"] == "nothing_held"
    system = two.b
    system.application.state = state_of(system.context.settings, system.context)
    async with client_of(system, manager_key) as client:
        rotated = await client.post(f"{AT_B}/{two.code}/secrets")
    assert rotated.status_code == 200 and "secret" not in rotated.text.replace("whsec", "")
    suspended = await call(two, two.b, manager_key, "POST", f"{AT_B}/{two.code}/words", word="suspended")
    assert suspended.json()["standing"] == "suspended"
    await settle(two.a, two.b, two.code)
    (there,) = (await call(two, two.a, manager_key, "GET", AT_A)).json()["items"]
    assert there["standing"] == "suspended"


async def test_who_does_not_manage_the_network_is_told_nothing(two: Two, partner_keys: dict[str, str]) -> None:
    for path in (AT_A, f"{AT_A}/{two.code}/memberships"):
        for slug, status in ((NORA, 403), ("nora-startup", 404)):
            assert (await call(two, two.a, partner_keys[slug], "GET", path)).status_code == status
    refused = await call(two, two.a, partner_keys[NORA], "POST", f"{AT_A}/{two.code}/words", word="terminated")
    assert refused.status_code == 403
    assert (await two.a.agreement(two.code)).standing == "active"
