"""Changes of memberships through the API: AC-2c and AC-2d, preview, taking back, suspending and lifting."""

import httpx
import pytest

from crm.context import Context
from tests.crm.api.support import CLAIRE, NORA, V1, approved, memberships, wrong

pytestmark = pytest.mark.anyio
Headers = dict[str, str]


async def _post(client: httpx.AsyncClient, headers: Headers, path: str, body: dict) -> httpx.Response:
    return await client.post(f"{V1}{path}", json=body, headers=headers)


async def test_ac_02c_an_own_membership_stands_beside_the_linked_one(
    client: httpx.AsyncClient, manager_headers: Headers
) -> None:
    counts = f"{V1}/networks/{CLAIRE}"
    before = (await client.get(counts, headers=manager_headers)).json()["counts"]
    own, _ = await approved(client, manager_headers, "2026-11-22", network=CLAIRE, tier="member")
    number = (await client.get(f"{V1}/organisations/{own['organisation_id']}", headers=manager_headers)).json()[
        "identifiers"
    ]
    _, made = await approved(client, manager_headers, "2026-11-22", organisation__identifiers=number)
    found = await memberships(client, manager_headers, own["organisation_id"])
    assert found[CLAIRE]["origin"] == "both"
    assert sorted(g["kind"] for g in found[CLAIRE]["grants"]) == ["direct", "linked"]
    after = (await client.get(counts, headers=manager_headers)).json()["counts"]
    assert after["members"] == before["members"] + 1, "one member, whatever the number of its grants"
    assert after["direct"] == before["direct"] + 1
    nora = next(m for m in made["memberships"] if m["network"] == NORA)
    ended = await _post(
        client, manager_headers, f"/memberships/{nora['id']}/endings", {"effective_on": "2027-01-01", "reason": "Sold"}
    )
    assert ended.status_code == 201
    later = await memberships(client, manager_headers, own["organisation_id"], as_of="2027-01-01")
    assert set(later) == {CLAIRE}
    assert (later[CLAIRE]["origin"], later[CLAIRE]["ends_on"]) == ("direct", None)


async def test_ac_02d_leaving_the_level_ends_the_linked_membership_and_taking_it_back_revives_it(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent, made = await approved(client, manager_headers)
    path = f"/memberships/{made['memberships'][0]['id']}/tier-changes"
    change = {"tier": "partner", "effective_on": "2028-01-01"}
    seen = await _post(client, manager_headers, f"{path}/preview", change)
    assert seen.status_code == 200
    assert "Linked membership in CLAIRE Innovation Network ends; the last day is 31 Dec 2027" in seen.json()["words"]
    untouched = await memberships(client, manager_headers, sent["organisation_id"])
    assert untouched[CLAIRE]["ends_on"] is None, "a preview stores nothing"

    done = await _post(client, manager_headers, path, change)
    assert done.status_code == 201
    changed = {m["network"]: m for m in done.json()["memberships"]}
    assert (changed[CLAIRE]["ends_on"], changed[NORA]["ends_on"]) == ("2028-01-01", None)
    on_last_day = await memberships(client, manager_headers, sent["organisation_id"], as_of="2027-12-31")
    day_after = await memberships(client, manager_headers, sent["organisation_id"], as_of="2028-01-01")
    assert (set(on_last_day), set(day_after)) == ({NORA, CLAIRE}, {NORA})
    assert (on_last_day[NORA]["tier"], day_after[NORA]["tier"]) == ("principal", "partner")
    async with context.db.tx() as connection:
        waiting = await connection.fetchval(
            "select (send_after at time zone 'Europe/Oslo')::date::text from mail where organisation_id = $1"
            " and kind = 'linked_membership_ending' and status = 'queued' and send_after > now()",
            sent["organisation_id"],
        )
    assert waiting == "2027-10-03", "told ninety days before"

    taken = await client.delete(f"{V1}{path}/{done.json()['id']}", headers=manager_headers)
    assert taken.status_code == 200
    revived = await memberships(client, manager_headers, sent["organisation_id"], as_of="2028-06-01")
    assert (revived[CLAIRE]["ends_on"], revived[NORA]["tier"]) == (None, "principal")
    async with context.db.tx() as connection:
        left = await connection.fetchval(
            "select count(*) from mail where organisation_id = $1 and kind = 'linked_membership_ending'"
            " and status = 'queued' and send_after > now()",
            sent["organisation_id"],
        )
    assert left == 0
    again = await client.delete(f"{V1}{path}/{done.json()['id']}", headers=manager_headers)
    assert again.status_code in (404, 409), "taken back already"


async def test_a_suspension_follows_into_the_linked_membership_and_is_lifted(
    client: httpx.AsyncClient, manager_headers: Headers
) -> None:
    sent, made = await approved(client, manager_headers, "2026-11-22")
    path = f"/memberships/{made['memberships'][0]['id']}/suspensions"
    body = {"from": "2026-11-22", "reason": "Unpaid"}
    seen = await _post(client, manager_headers, f"{path}/preview", body)
    assert "Membership in CLAIRE Innovation Network is suspended from 22 Nov 2026" in seen.json()["words"]
    assert (await _post(client, manager_headers, path, body)).status_code == 201
    found = await memberships(client, manager_headers, sent["organisation_id"])
    assert {n: m["status"] for n, m in found.items()} == {NORA: "suspended", CLAIRE: "suspended"}
    lifted = await client.delete(f"{V1}{path}", headers=manager_headers)
    assert lifted.status_code == 200
    found = await memberships(client, manager_headers, sent["organisation_id"])
    assert {n: m["status"] for n, m in found.items()} == {NORA: "active", CLAIRE: "active"}
    assert wrong(await client.delete(f"{V1}{path}", headers=manager_headers), 404) == [("suspension", "not_found")]


async def test_a_decision_is_taken_back_only_under_its_own_name(
    client: httpx.AsyncClient, manager_headers: Headers
) -> None:
    _, made = await approved(client, manager_headers, "2026-11-22")
    path = f"{V1}/memberships/{made['memberships'][0]['id']}"
    ended = await client.post(f"{path}/endings", json={"effective_on": "2027-01-01"}, headers=manager_headers)
    decision = ended.json()["id"]
    answer = await client.delete(f"{path}/tier-changes/{decision}", headers=manager_headers)
    assert wrong(answer, 404) == [("decision_id", "not_found")]
    assert (await client.delete(f"{path}/endings/{decision}", headers=manager_headers)).status_code == 200


async def test_if_match_holds_a_change_back(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    _, made = await approved(client, manager_headers, "2026-11-22")
    path = f"{V1}/memberships/{made['memberships'][0]['id']}"
    tag = (await client.get(path, headers=manager_headers)).headers["etag"]
    ending = {"effective_on": "2027-06-01"}
    first = await client.post(f"{path}/endings", json=ending, headers=manager_headers | {"if-match": tag})
    assert first.status_code == 201
    second = await client.post(
        f"{path}/suspensions", json={"from": "2026-12-01"}, headers=manager_headers | {"if-match": tag}
    )
    assert wrong(second, 412) == [("if-match", "version_stale")]
    third = await client.post(
        f"{path}/suspensions", json={"from": "2026-12-01"}, headers=manager_headers | {"if-match": "*"}
    )
    assert third.status_code == 201


async def test_a_membership_by_id_says_why(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    _, made = await approved(client, manager_headers)
    linked = made["memberships"][1]
    shown = await client.get(f"{V1}/memberships/{linked['id']}", headers=manager_headers)
    assert shown.json() == linked
    assert shown.headers["content-language"] == "en"


async def test_an_invoice_has_its_lines_and_how_they_came_about(
    client: httpx.AsyncClient, manager_headers: Headers
) -> None:
    sent, made = await approved(client, manager_headers)
    answer = await client.get(f"{V1}/invoices/{made['invoices'][0]['id']}", headers=manager_headers)
    invoice = answer.json()
    assert invoice == made["invoices"][0]
    assert (invoice["status"], invoice["organisation_id"]) == ("draft", sent["organisation_id"])
    (line,) = invoice["lines"]
    assert (line["name"], line["vat_percent"], line["vat"]) == ("Membership fee", 0, {"amount": 0, "currency": "NOK"})
    assert [step["code"] for step in line["steps"]] == ["fixed", "prorated_days"]
    assert answer.headers["etag"]
