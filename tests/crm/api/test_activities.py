"""Activities by API: told alone and many at once, who took part, refused by the place in a list, all or nothing."""

from uuid import uuid4

import pytest

from tests.crm.api.support import wrong

pytestmark = pytest.mark.anyio
BASE = "/api/v1/networks/nora-industry-network"
ACTIVITIES = f"{BASE}/activities"
FAIR = {"title": "Autumn fair", "on_day": "2026-10-01", "others": 5}
TELENOR, ESMART = {"member": "Telenor", "people": 3}, {"member": "eSmart Systems"}


async def told(client, headers, **said):
    answer = await client.post(ACTIVITIES, json=FAIR | said, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def listed(client, headers, query=""):
    answer = await client.get(f"{ACTIVITIES}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [each["title"] for each in answer.json()["items"]]


async def test_an_activity_from_the_first_word_to_the_last(client, manager_headers):
    one = await told(client, manager_headers, participants=[TELENOR, ESMART])
    assert (one["members"], one["people"], one["others"], one["kind"]) == (2, 9, 5, "event")
    came = {each["name"]: each for each in one["participants"]}
    assert came["Telenor"]["people"] == 3
    at = f"{ACTIVITIES}/{one['id']}"
    shown = await client.get(at, headers=manager_headers)
    assert shown.json() == one
    body = FAIR | {"title": "Fair", "participants": [{"organisation_id": came["Telenor"]["organisation_id"]}]}
    mine = manager_headers | {"if-match": shown.headers["etag"]}
    changed = await client.post(at, json=body, headers=mine)
    assert changed.status_code == 200, changed.text
    assert [(each["name"], each["people"]) for each in changed.json()["participants"]] == [("Telenor", 1)]
    assert wrong(await client.post(at, json=body, headers=mine), 412) == [("if-match", "version_stale")]
    assert (await client.delete(at, headers=manager_headers)).json() == {"id": one["id"]}
    assert (await client.get(at, headers=manager_headers)).status_code == 404
    assert (await client.post(f"{at}/restoration", headers=manager_headers)).json() == changed.json()


async def test_who_took_part_is_added_to_or_set(client, manager_headers):
    one = await told(client, manager_headers, participants=[TELENOR])

    async def part(*participants, **more):
        body = {"participants": list(participants), **more}
        answer = await client.post(f"{ACTIVITIES}/{one['id']}/participants", json=body, headers=manager_headers)
        return {each["name"]: each["people"] for each in answer.json()["participants"]}

    assert await part(ESMART) == {"Telenor": 3, "eSmart Systems": 1}
    assert await part({"member": "telenor", "people": 7}) == {"Telenor": 7, "eSmart Systems": 1}
    assert await part(ESMART, mode="set") == {"eSmart Systems": 1}
    assert await part(mode="set") == {}


@pytest.mark.parametrize(
    ("participant", "rule"),
    [
        ({"member": "Nobody AS"}, "participant_unknown"),
        ({"member": ""}, "participant_unknown"),
        ({"member": "Tele\x00nor"}, "participant_unknown"),
        ({"organisation_id": str(uuid4())}, "participant_unknown"),
        ({"member": "telenor"}, "participant_twice"),
        ({"member": "eSmart Systems", "people": 0}, "participant_people"),
    ],
)
async def test_a_line_that_cannot_be_refuses_all_by_its_place(client, manager_headers, participant, rule):
    body = FAIR | {"participants": [TELENOR, participant]}
    answer = await client.post(ACTIVITIES, json=body, headers=manager_headers)
    assert wrong(answer, 422) == [("participants.1", rule)]
    assert "Line 2" in answer.json()["detail"] and answer.json()["errors"][0]["pointer"] == "#/participants/1"
    assert await listed(client, manager_headers) == []


async def test_many_at_once_are_all_or_nothing(client, manager_headers):
    group = {"title": "Group", "kind": "working_group", "on_day": "2026-11-03", "participants": [ESMART]}
    bad = [FAIR, group | {"title": " "}, group | {"participants": [ESMART, TELENOR, {"member": "Nobody"}]}]
    answer = await client.post(f"{BASE}/activity-lists", json={"activities": bad}, headers=manager_headers)
    assert wrong(answer, 422) == [
        ("activities.1.title", "required"),
        ("activities.2.participants.2", "participant_unknown"),
    ]
    assert await listed(client, manager_headers) == []
    body, key = {"activities": [FAIR, group]}, {"idempotency-key": "autumn"}
    for _ in range(2):
        answer = await client.post(f"{BASE}/activity-lists", json=body, headers=manager_headers | key)
        assert answer.status_code == 201 and len(answer.json()["ids"]) == 2
    assert await listed(client, manager_headers) == ["Autumn fair", "Group"]
    assert await listed(client, manager_headers, "kind=working_group") == ["Group"]
    assert await listed(client, manager_headers, "from=2026-10-02") == ["Group"]
    assert await listed(client, manager_headers, "to=2026-10-02") == ["Autumn fair"]
    one = (await client.get(f"{ACTIVITIES}/{answer.json()['ids'][1]}", headers=manager_headers)).json()
    asked = f"organisation_id={one['participants'][0]['organisation_id']}"
    assert await listed(client, manager_headers, asked) == ["Group"]
    first = await client.get(f"{ACTIVITIES}?limit=1&from=2026-01-01", headers=manager_headers)
    following = first.headers["link"].partition(">")[0].removeprefix("<")
    assert "from=2026-01-01" in following
    rest = await client.get(following, headers=manager_headers)
    assert [each["title"] for each in rest.json()["items"]] == ["Group"]


async def test_whose_they_are(client, manager_headers, partner_keys):
    one = await told(client, manager_headers)
    at = f"{ACTIVITIES}/{one['id']}"
    for name, status in (("nora-industry-network", 403), ("claire", 404)):
        key = {"authorization": f"Bearer {partner_keys[name]}"}
        assert (await client.get(at, headers=key)).status_code == status
        assert (await client.delete(at, headers=key)).status_code == status
        body = {"participants": [TELENOR]}
        assert (await client.post(f"{at}/participants", json=body, headers=key)).status_code == status
    assert (await client.get(at, headers=manager_headers)).json() == one
