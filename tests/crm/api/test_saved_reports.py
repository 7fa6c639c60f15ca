"""Saved reports by the API: kept for somebody, changed, removed; what is refused, and the wall between networks."""

from typing import Any

import httpx
import pytest

from crm.actions import keys

pytestmark = pytest.mark.anyio
OWN, OTHER = "nora-industry-network", "claire-innovation-network"
PATH = f"/networks/{OWN}/saved-reports"
INGRID, LARS = "ingrid@klynge.example", "leser@klynge.example"
KEPT = {"title": "Members by month", "every": "month", "file": "pdf", "readers": [LARS]}
MADE = {**KEPT, "report": "members", "owner": INGRID, "questions": [["period", "last_month"]]}


@pytest.fixture
async def ask(client: httpx.AsyncClient, context: Any) -> Any:
    """Ask with a key of OWN (or another network, or one that only reads)."""
    secrets = {slug: (await keys.create(context, "Test", "manager", slug))[1] for slug in (OWN, OTHER)}
    secrets["partner"] = (await keys.create(context, "Test", "partner", OWN))[1]

    async def send(method: str, path: str = PATH, body: Any = None, key: str = OWN) -> httpx.Response:
        headers = {"authorization": f"Bearer {secrets[key]}"}
        more = {} if body is None else {"json": body}
        return await client.request(method, f"/api/v1{path}", headers=headers, **more)

    return send


async def test_a_saved_reports_life(ask):
    made = await ask("POST", body=MADE)
    assert made.status_code == 201, made.text
    told = made.json()
    assert told["owner"] == INGRID and told["readers"] == [LARS] and told["questions"] == [["period", "last_month"]]
    assert (await ask("GET")).json()["items"] == [told]
    one = f"{PATH}/{told['id']}"
    changed = await ask("POST", one, {"title": "Members", "every": "quarter", "readers": [INGRID.upper()]})
    assert changed.status_code == 200, changed.text
    assert {**told, "title": "Members", "every": "quarter", "file": "xlsx", "readers": [INGRID]} == {
        **changed.json(),
        "sent_for": told["sent_for"],
    }
    assert (await ask("DELETE", one)).json() == {"id": told["id"]}
    assert (await ask("DELETE", one)).status_code == 404 and (await ask("GET")).json()["items"] == []


@pytest.mark.parametrize(
    ("changed", "field", "rule"),
    [
        ({"title": "  "}, "title", "required"),
        ({"title": "x" * 81}, "title", "too_long"),
        ({"report": "gold"}, "report", "value_unknown"),
        ({"owner": "nobody@klynge.example"}, "owner", "report_reader"),
        ({"readers": ["nobody@klynge.example"]}, "readers", "report_reader"),
        ({"readers": []}, "readers", "required"),
        ({"every": "day"}, "every", None),
        ({"file": "doc"}, "file", None),
        ({"questions": [["period"]]}, "questions", None),
        ({"shared": False}, None, None),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_kept(ask, changed, field, rule):
    answer = await ask("POST", body={**MADE, **changed})
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert field is None or error["field"].startswith(field)
    assert rule is None or error["rule"] == rule
    assert (await ask("GET")).json()["items"] == []


async def test_other_networks_and_readers_have_no_way_in(ask):
    told = (await ask("POST", body=MADE)).json()
    for key, status in ((OTHER, 404), ("partner", 403)):
        for method, path, body in (
            ("GET", PATH, None),
            ("POST", PATH, MADE),
            ("POST", f"{PATH}/{told['id']}", KEPT),
            ("DELETE", f"{PATH}/{told['id']}", None),
        ):
            assert (await ask(method, path, body, key)).status_code == status, (key, method, path)
    elsewhere = f"/networks/{OTHER}/saved-reports/{told['id']}"
    assert (await ask("POST", elsewhere, KEPT, OTHER)).status_code in (404, 422)
    assert (await ask("GET")).json()["items"] == [told]
