"""Why, and why not, by the API: every rule that could give a membership, and the predicate that failed (AC-2b)."""

from typing import Any

import httpx
import pytest

from tests.crm.api.support import CLAIRE, NORA, V1, applied, approved, wrong

pytestmark = pytest.mark.anyio
Headers = dict[str, str]
RULE = "principal-joins-claire"


async def _rules(client: httpx.AsyncClient, headers: Headers, organisation: str, **query: str) -> dict[str, Any]:
    answer = await client.get(f"{V1}/organisations/{organisation}/link-rules", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return {item["rule"]: item for item in answer.json()["items"]}


async def test_a_rule_that_fired(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent, _ = await approved(client, manager_headers)
    found = (await _rules(client, manager_headers, sent["organisation_id"], as_of="2027-03-01"))[RULE]
    assert (found["network"], found["target"], found["fired"], found["failed"]) == (NORA, CLAIRE, True, [])
    assert found["held_back"] is None
    assert "linked membership in CLAIRE Innovation Network" in found["words"]


@pytest.mark.parametrize(
    ("organisation", "predicate"),
    [
        ({"country": "SE", "identifiers": [{"scheme": "vat", "value": "SE556056625801"}]}, "countries"),
        ({"kind": "public_body"}, "kinds"),
    ],
)
async def test_ac_02b_which_predicate_failed(
    client: httpx.AsyncClient, manager_headers: Headers, organisation: dict[str, Any], predicate: str
) -> None:
    changes = {f"organisation__{name}": value for name, value in organisation.items()}
    sent, _ = await approved(client, manager_headers, **changes)
    found = (await _rules(client, manager_headers, sent["organisation_id"], as_of="2027-03-01"))[RULE]
    assert not found["fired"]
    assert [failed["predicate"] for failed in found["failed"]] == [predicate]


async def test_who_is_no_member_anywhere_is_told_so(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent = await applied(client, manager_headers)
    organisation = sent["organisation_id"]
    assert await _rules(client, manager_headers, organisation) == {}
    found = (await _rules(client, manager_headers, organisation, network=CLAIRE))[RULE]
    assert not found["fired"]
    assert [(f["predicate"], f["wanted"]) for f in found["failed"]] == [("membership", [NORA])]
    norwegian = await client.get(
        f"{V1}/organisations/{organisation}/link-rules",
        params={"network": CLAIRE},
        headers=manager_headers | {"accept-language": "nb"},
    )
    assert "ikke medlem av NORA Industry Network" in norwegian.json()["items"][0]["words"]


async def test_a_wrong_level_on_the_day(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent, made = await approved(client, manager_headers, "2027-03-01")
    path = f"{V1}/memberships/{made['memberships'][0]['id']}/tier-changes"
    change = {"tier": "partner", "effective_on": "2028-01-01"}
    assert (await client.post(path, json=change, headers=manager_headers)).status_code == 201
    before = (await _rules(client, manager_headers, sent["organisation_id"], as_of="2027-12-31"))[RULE]
    after = (await _rules(client, manager_headers, sent["organisation_id"], as_of="2028-01-01"))[RULE]
    assert before["fired"]
    assert [(f["predicate"], f["actual"]) for f in after["failed"]] == [("tiers", "partner")]


async def test_another_networks_partner_learns_nothing_of_the_source(
    client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str]
) -> None:
    sent, _ = await approved(client, manager_headers, "2026-11-22")
    theirs = {"authorization": f"Bearer {partner_keys[CLAIRE]}"}
    assert RULE not in await _rules(client, theirs, sent["organisation_id"], network=CLAIRE)
    ours = {"authorization": f"Bearer {partner_keys[NORA]}"}
    assert RULE in await _rules(client, ours, sent["organisation_id"], network=CLAIRE)


async def test_bad_questions(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent = await applied(client, manager_headers)
    path = f"{V1}/organisations/{sent['organisation_id']}/link-rules"
    asked = await client.get(path, params={"network": "no-such-network"}, headers=manager_headers)
    assert wrong(asked, 422) == [("network", "network_unknown")]
    assert wrong(await client.get(path, params={"as_of": "1066-10-14"}, headers=manager_headers), 422)[0][0] == "as_of"
    nobody = f"{V1}/organisations/{'0' * 8}-0000-4000-8000-{'0' * 12}/link-rules"
    assert wrong(await client.get(nobody, headers=manager_headers), 404)[0][0] == "organisation_id"
