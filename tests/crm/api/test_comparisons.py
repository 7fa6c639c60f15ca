"""A copy beside the list: found by id or number, field by field, in every format; and only what the key may see."""

import csv
import io
import json
from typing import Any

import httpx
import pytest

from crm import comparison
from tests.crm.api.sharing import CODE
from tests.crm.api.support import CLAIRE, NORA, V1, wrong

pytestmark = pytest.mark.anyio
HERE = f"{V1}/networks/{NORA}"
LINES = {"content-type": "application/x-ndjson"}


class Partner:
    def __init__(self, client: httpx.AsyncClient, key: str, base: str) -> None:
        self.client, self.base, self.headers = client, base, {"authorization": f"Bearer {key}"}

    async def list(self, accept: str = "application/x-ndjson") -> str:
        answer = await self.client.get(f"{self.base}/members", headers=self.headers | {"accept": accept})
        assert answer.status_code == 200, answer.text
        return answer.text

    async def send(self, content: str, kind: str = "application/x-ndjson") -> httpx.Response:
        headers = self.headers | {"content-type": kind}
        return await self.client.post(f"{self.base}/comparisons", content=content.encode(), headers=headers)

    async def compared(self, content: str, kind: str = "application/x-ndjson") -> dict[str, Any]:
        answer = await self.send(content, kind)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def own(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> Partner:
    return Partner(client, partner_keys[NORA], HERE)


@pytest.fixture
def told(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> Partner:
    return Partner(client, partner_keys[CLAIRE], f"{V1}/agreements/{CODE}")


@pytest.mark.parametrize("mine", [True, False])
async def test_what_was_exported_is_the_same(mine: bool, own: Partner, told: Partner) -> None:
    partner = own if mine else told
    for kind in ("application/x-ndjson", "text/csv"):
        found = await partner.compared(await partner.list(kind), kind)
        assert found["equal"] and found["same"] == found["members"] == found["rows"] > 3, found
    items = [json.loads(line) for line in (await partner.list()).splitlines()]
    assert (await partner.compared(json.dumps({"members": items}), "application/json"))["equal"]


async def test_each_difference_is_named(own: Partner) -> None:
    members = [json.loads(line) for line in (await own.list()).split("\n")[:-1]]
    first, second, *rest = members
    changed = {**first, "tier": "guest", "organisation": {**first["organisation"], "name": "Other AS"}}
    stranger = {**first, "id": "00000000-0000-4000-8000-000000000000"}
    rows = [changed, *rest, stranger, changed, {"name": "Nobody"}, "no object"]
    found = await own.compared("\n".join(map(json.dumps, rows)))
    name = first["organisation"]["name"]
    assert found["differing"] == [
        {
            "id": first["id"],
            "name": name,
            "fields": [
                {"field": "name", "yours": "Other AS", "ours": name},
                {"field": "tier", "yours": "guest", "ours": first["tier"]},
            ],
        }
    ]
    assert [each["id"] for each in found["missing"]] == [second["id"]]
    assert [each["id"] for each in found["extra"]] == [stranger["id"]]
    at = len(rest) + 2
    assert found["unread"] == [
        {"row": at + 1, "why": "twice"},
        {"row": at + 2, "why": "no_id"},
        {"row": at + 3, "why": "no_object"},
    ]
    assert (found["same"], found["equal"]) == (len(rest), False)


async def test_a_few_columns_by_number_are_enough(own: Partner) -> None:
    rows = list(csv.DictReader(io.StringIO(await own.list("text/csv"))))
    known = [row for row in rows if row["no-orgnr"] and "'" not in row["no-orgnr"]]
    text = "no-orgnr;tier\n" + "".join(f"{row['no-orgnr']};{row['tier']}\n" for row in known)
    found = await own.compared(text, "text/csv")
    assert (found["same"], found["differing"], found["extra"]) == (len(known), [], [])
    assert found["missing_count"] == len(rows) - len(known)
    wronged = await own.compared(text.replace(f";{known[0]['tier']}", ";nothing", 1), "text/csv")
    assert [f["field"] for f in wronged["differing"][0]["fields"]] == ["tier"]


@pytest.mark.parametrize(
    ("content", "kind", "status", "rule"),
    [
        ("name,tier\nA,b\n", "text/csv", 422, "list_unreadable"),
        ("", "text/csv", 422, "list_unreadable"),
        ('{"id": 1}\n{broken', "application/x-ndjson", 422, "list_unreadable"),
        ("{}", "text/plain", 415, "unsupported_media_type"),
    ],
)
async def test_what_is_no_list_is_refused(own: Partner, content: str, kind: str, status: int, rule: str) -> None:
    assert wrong(await own.send(content, kind), status)[0][1] == rule


async def test_a_partner_is_shown_only_what_is_disclosed_and_it_is_logged(
    told: Partner, client: httpx.AsyncClient, partner_keys: dict[str, str]
) -> None:
    found = await told.compared(json.dumps({"id": "nobody", "website": "x"}))
    shown = {json.loads(line)["id"] for line in (await told.list()).splitlines()}
    assert {each["id"] for each in found["missing"]} == shown
    row = json.loads((await told.list()).splitlines()[0])
    secret = await told.compared(json.dumps({"id": row["id"], "contact_email": "?"}))
    fields = [f for each in secret["differing"] for f in each["fields"]]
    assert fields == [{"field": "contact_email", "yours": "?", "ours": ""}]
    owner = {"authorization": f"Bearer {partner_keys[NORA]}"}
    log = await client.get(f"{V1}/agreements/{CODE}/readings?network={NORA}", headers=owner)
    assert '"compare"' in log.text


def test_more_rows_than_may_be_are_refused() -> None:
    with pytest.raises(comparison.Unreadable):
        comparison.read("{}\n" * (comparison.MOST_ROWS + 1))
