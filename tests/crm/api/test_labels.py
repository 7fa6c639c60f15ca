"""Labels and programmes by API: told, listed and filtered, told otherwise, withdrawn and back; refused by field."""

import pytest

from tests.crm.api.support import wrong

pytestmark = pytest.mark.anyio
LABELS = "/api/v1/networks/nora-industry-network/labels"
GOLD = {"name": "ESCA", "level": "Gold", "issuer": "EUCLES", "issued_on": "2025-03-01", "last_on": "2027-02-28"}
ARENA = {"name": "Arena", "kind": "programme", "issued_on": "2024-01-01"}


async def test_a_label_from_the_first_word_to_the_last(client, manager_headers):
    told = await client.post(LABELS, json=GOLD, headers=manager_headers | {"idempotency-key": "gold-1"})
    assert told.status_code == 201, told.text
    again = await client.post(LABELS, json=GOLD, headers=manager_headers | {"idempotency-key": "gold-1"})
    assert again.json() == told.json() and again.headers["idempotent-replayed"] == "true"
    one = told.json()
    assert (one["ends_on"], one["standing"], one["network"]) == ("2027-03-01", "expiring", "nora-industry-network")
    at = f"{LABELS}/{one['id']}"
    shown = await client.get(at, headers=manager_headers)
    assert shown.json() == one
    mine = manager_headers | {"if-match": shown.headers["etag"]}
    later = await client.post(at, json=GOLD | {"last_on": "2029-02-28"}, headers=mine)
    assert later.json()["standing"] == "held" and later.json()["id"] == one["id"]
    assert wrong(await client.post(at, json=GOLD, headers=mine), 412) == [("if-match", "version_stale")]
    for _ in range(2):
        assert (await client.delete(at, headers=manager_headers)).json() == {"id": one["id"]}
    assert (await client.get(at, headers=manager_headers)).status_code == 404
    assert (await client.post(at, json=GOLD, headers=manager_headers)).status_code == 404
    assert (await client.post(f"{at}/restoration", headers=manager_headers)).json() == later.json()


async def test_pages_and_filters(client, manager_headers):
    for label in (GOLD, ARENA, GOLD | {"level": "Bronze", "last_on": "2026-01-01"}):
        assert (await client.post(LABELS, json=label, headers=manager_headers)).status_code == 201

    async def found(query):
        answer = await client.get(f"{LABELS}?{query}", headers=manager_headers)
        return [each["name"] + each["level"] for each in answer.json()["items"]], answer

    assert (await found(""))[0] == ["ESCAGold", "Arena", "ESCABronze"]
    assert (await found("kind=programme"))[0] == ["Arena"]
    assert (await found("standing=expired"))[0] == ["ESCABronze"]
    assert (await found("ends_before=2027-03-02"))[0] == ["ESCAGold", "ESCABronze"]
    first, answer = await found("kind=label&limit=1")
    assert first == ["ESCAGold"] and answer.json()["has_more"]
    following = answer.headers["link"].partition(">")[0].removeprefix("<")
    assert "kind=label" in following
    rest = (await client.get(following, headers=manager_headers)).json()
    assert [each["level"] for each in rest["items"]] == ["Bronze"] and not rest["has_more"]


@pytest.mark.parametrize(
    ("said", "field", "rule"),
    [
        ({"name": " "}, "name", "required"),
        ({"kind": "medal"}, "kind", "value_unknown"),
        ({"issued_on": None}, "issued_on", "required"),
        ({"last_on": "2025-02-28"}, "last_on", "label_days"),
        ({"issued_on": "1.3.2025"}, "issued_on", "date_format"),
        ({"colour": "gold"}, "colour", "field_unknown"),
    ],
)
async def test_what_cannot_be_is_named(client, manager_headers, said, field, rule):
    assert wrong(await client.post(LABELS, json=GOLD | said, headers=manager_headers), 422) == [(field, rule)]
    assert (await client.get(LABELS, headers=manager_headers)).json()["items"] == []


async def test_whose_they_are(client, manager_headers, partner_keys):
    one = (await client.post(LABELS, json=GOLD, headers=manager_headers)).json()
    for name, status in (("nora-industry-network", 403), ("claire", 404)):
        key = {"authorization": f"Bearer {partner_keys[name]}"}
        assert (await client.get(LABELS, headers=key)).status_code == status
        assert (await client.post(LABELS, json=GOLD, headers=key)).status_code == status
        assert (await client.delete(f"{LABELS}/{one['id']}", headers=key)).status_code == status
    assert (await client.get(f"{LABELS}/{one['id']}", headers=manager_headers)).json() == one
