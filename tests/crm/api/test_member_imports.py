"""Imports of members by API: upload, poll, rows, confirm, undo; and the fifty of the documentation."""

import base64
import csv as files
from pathlib import Path

import httpx
import pytest

from crm.actions import member_imports, verify
from crm.context import Context
from tests.broken_files import FIRST, SECOND, changed, csv

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "docs" / "examples" / "members.csv"
UPLOAD = "/api/v1/networks/nora-industry-network/member-imports"


def body(content: bytes, **more: object) -> dict[str, object]:
    return {"name": "members.csv", "content": base64.b64encode(content).decode(), **more}


async def test_uploaded_polled_confirmed_and_taken_back(
    client: httpx.AsyncClient, manager_headers: dict[str, str], context: Context
) -> None:
    made = await client.post(UPLOAD, json=body(csv(FIRST, SECOND)), headers=manager_headers)
    assert made.status_code == 201, made.text
    one = f"/api/v1/member-imports/{made.json()['id']}"
    assert (made.json()["status"], made.json()["columns"]["orgnr"]) == ("checking", "Org.nr.")
    early = await client.post(f"{one}/confirmation", headers=manager_headers)
    assert (early.status_code, early.json()["errors"][0]["rule"]) == (409, "import_status")
    await member_imports.check(context, made.json()["id"])
    seen = (await client.get(one, headers=manager_headers)).json()
    assert (seen["status"], seen["counts"]["verdicts"], seen["total"]) == ("checked", {"new": 2}, 2)
    rows = await client.get(f"{one}/rows?limit=1", headers=manager_headers)
    assert rows.json()["has_more"] and rows.json()["items"][0]["number"] == 2 and "link" in rows.headers
    rest = await client.get(f"{one}/rows?cursor={rows.json()['next_cursor']}", headers=manager_headers)
    assert [row["number"] for row in rest.json()["items"]] == [3]
    assert (await client.post(f"{one}/confirmation", headers=manager_headers)).json()["status"] == "loading"
    await member_imports.load(context, made.json()["id"])
    assert (await client.get(one, headers=manager_headers)).json()["status"] == "done"
    assert (await client.post(f"{one}/undo", headers=manager_headers)).json()["status"] == "undoing"
    await member_imports.take_back(context, made.json()["id"])
    stays = await client.get(f"{one}/rows?show=stays", headers=manager_headers)
    assert [row["stays"] for row in stays.json()["items"]] == [["known"]]
    assert await verify.run(context) == []


async def test_refusals_name_field_and_row_in_the_readers_language(
    client: httpx.AsyncClient, manager_headers: dict[str, str], context: Context
) -> None:
    broken = await client.post(UPLOAD, json=body(b"<html></html>"), headers=manager_headers)
    assert (broken.status_code, broken.json()["errors"][0]["rule"]) == (422, "file_is_html")
    wrong = {"columns": {"name": "Navnet", "level": "Nivå"}}
    unknown = await client.post(UPLOAD, json=body(csv(FIRST), mapping=wrong), headers=manager_headers)
    assert (unknown.status_code, unknown.json()["errors"][0]["rule"]) == (422, "column_not_there")
    made = await client.post(UPLOAD, json=body(csv(changed(3, "01.03.2207"))), headers=manager_headers)
    await member_imports.check(context, made.json()["id"])
    one = f"/api/v1/member-imports/{made.json()['id']}"
    row = (await client.get(f"{one}/rows", headers={**manager_headers, "accept-language": "nb"})).json()["items"][0]
    assert (row["verdict"], row["problems"][0]["field"], row["problems"][0]["code"]) == (
        "refused",
        "joined",
        "date_out_of_range",
    )
    assert row["problems"][0]["words"].startswith("Medlem siden: 2207-03-01")
    refused = await client.post(f"{one}/confirmation", headers=manager_headers)
    assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (409, "import_refused_rows")
    assert (await client.delete(one, headers=manager_headers)).json()["status"] == "dropped"


async def test_a_partner_sees_no_import(
    client: httpx.AsyncClient, manager_headers: dict[str, str], partner_keys: dict[str, str]
) -> None:
    made = await client.post(UPLOAD, json=body(csv(FIRST)), headers=manager_headers)
    theirs = {"authorization": f"Bearer {partner_keys['claire-innovation-network']}"}
    for path in ("", "/rows"):
        hidden = await client.get(f"/api/v1/member-imports/{made.json()['id']}{path}", headers=theirs)
        assert hidden.status_code in (403, 404)
    assert (await client.post(UPLOAD, json=body(csv(FIRST)), headers=theirs)).status_code in (403, 404)


async def test_the_fifty_of_the_documentation(
    client: httpx.AsyncClient, manager_headers: dict[str, str], context: Context
) -> None:
    """A newcomer's first hour: all fifty, what they owe, and the rule's linked memberships."""
    made = await client.post(UPLOAD, json=body(SAMPLE.read_bytes()), headers=manager_headers)
    await member_imports.check(context, made.json()["id"])
    seen = (await client.get(f"/api/v1/member-imports/{made.json()['id']}", headers=manager_headers)).json()
    assert seen["counts"]["verdicts"] == {"new": 50}
    with SAMPLE.open(encoding="utf-8-sig") as lines:
        owed = [row["Inngående saldo"] for row in files.DictReader(lines, delimiter=";")]
    total = sum(round(float(each.replace(",", ".")) * 100) for each in owed if each)
    assert seen["counts"]["money"]["file"] == total == 7670050, "as docs/imports.md says"
    assert sum(seen["counts"]["links"].values()) == 7
    await client.post(f"/api/v1/member-imports/{seen['id']}/confirmation", headers=manager_headers)
    await member_imports.load(context, seen["id"])
    done = (await client.get(f"/api/v1/member-imports/{seen['id']}", headers=manager_headers)).json()
    assert (done["status"], done["counts"]["stored"], done["counts"]["booked"]) == ("done", 50, total)
    assert await verify.run(context) == []
