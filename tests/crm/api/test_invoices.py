"""Invoices by API: lists, issuing, the document as a file, crediting, where they go; and what is refused."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from crm.actions import payments
from crm.actor import Actor
from crm.context import Context
from tests.crm.actions.test_invoices import draft

pytestmark = pytest.mark.anyio

__all__ = ["draft"]
BASE = "/api/v1"


@pytest.fixture
async def issued(client: httpx.AsyncClient, manager_headers: dict[str, str], draft: UUID) -> dict[str, Any]:
    answer = await client.post(f"{BASE}/invoices/{draft}/issue", headers=manager_headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_issuing_gives_number_document_and_a_repeat_changes_nothing(
    client: httpx.AsyncClient, manager_headers: dict[str, str], issued: dict[str, Any]
) -> None:
    assert (issued["status"], issued["number"], issued["kind"]) == ("issued", "NORA-1", "invoice")
    assert issued["owed"] == issued["total"]
    assert (issued["issued_on"], issued["due_on"], issued["delivery"]) == ("2026-11-22", "2026-12-22", "queued")
    again = await client.post(f"{BASE}/invoices/{issued['id']}/issue", headers=manager_headers)
    assert again.json() == issued
    shown = await client.get(f"{BASE}/invoices/{issued['id']}", headers=manager_headers)
    assert shown.json() == issued


async def test_the_document_as_pdf_and_as_ehf(
    client: httpx.AsyncClient, manager_headers: dict[str, str], issued: dict[str, Any]
) -> None:
    pdf = await client.get(f"{BASE}/invoices/{issued['id']}.pdf", headers=manager_headers)
    assert (pdf.status_code, pdf.headers["content-type"], pdf.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert pdf.headers["content-disposition"] == 'inline; filename="NORA-1.pdf"'
    xml = await client.get(f"{BASE}/invoices/{issued['id']}.xml", headers=manager_headers)
    assert xml.headers["content-type"].startswith("application/xml")
    assert b"<cbc:ID>NORA-1</cbc:ID>" in xml.content


async def test_a_draft_has_no_document(
    client: httpx.AsyncClient, manager_headers: dict[str, str], draft: UUID, partner_keys: dict[str, str]
) -> None:
    answer = await client.get(f"{BASE}/invoices/{draft}.pdf", headers=manager_headers)
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (409, "not_issued_yet")
    partner = {"authorization": f"Bearer {partner_keys['nora-industry-network']}"}
    for path in (f"{draft}.pdf", f"{draft}"):
        assert (await client.get(f"{BASE}/invoices/{path}", headers=partner)).status_code == 403
    assert (await client.post(f"{BASE}/invoices/{draft}/issue", headers=partner)).status_code == 403
    stranger = {"authorization": f"Bearer {partner_keys['nce-smart-energy-markets']}"}
    assert (await client.post(f"{BASE}/invoices/{draft}/issue", headers=stranger)).status_code == 404


async def test_lists_filter_and_page(
    client: httpx.AsyncClient, manager_headers: dict[str, str], issued: dict[str, Any]
) -> None:
    note = await client.post(
        f"{BASE}/invoices/{issued['id']}/credit-notes",
        headers=manager_headers,
        json={"reason": "Agreed by phone", "amount": 10_000},
    )
    assert note.status_code == 201, note.text
    assert note.headers["location"] == f"{BASE}/invoices/{note.json()['id']}"

    async def listed(**query: Any) -> dict[str, Any]:
        answer = await client.get(f"{BASE}/invoices", headers=manager_headers, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    everything = await listed()
    assert {row["number"] for row in everything["items"]} == {"NORA-1", "NORA-2"}
    first = await listed(limit=1)
    assert first["has_more"]
    second = await listed(limit=1, cursor=first["next_cursor"])
    assert [*first["items"], *second["items"]] == everything["items"]
    assert [row["number"] for row in (await listed(kind="credit_note"))["items"]] == ["NORA-2"]
    (row,) = (await listed(status="open", network="nora-industry-network"))["items"]
    assert row["owed"]["amount"] == issued["total"]["amount"] - 10_000
    assert (await listed(network="nora-startup"))["items"] == []
    assert (await listed(status="overdue"))["items"] == (await listed(undelivered="true"))["items"] == []
    assert len((await listed(organisation=issued["organisation_id"]))["items"]) == 2
    wrong = await client.get(f"{BASE}/invoices?cursor=nonsense", headers=manager_headers)
    assert (wrong.status_code, wrong.json()["errors"][0]["rule"]) == (422, "cursor_invalid")


async def test_what_was_given_up_is_not_called_paid(
    client: httpx.AsyncClient, context: Context, actor: Actor, manager_headers: dict[str, str], issued: dict[str, Any]
) -> None:
    one, two = (msgspec.structs.replace(actor, id=uuid4(), name=name, channel="web") for name in ("Kari", "Ola"))
    wanted, owed = UUID(issued["id"]), issued["owed"]["amount"]
    proposed = await payments.propose_write_off(context, one, wanted, owed, "Bankrupt")
    query = {"status": "written_off"}
    before = await client.get(f"{BASE}/invoices", headers=manager_headers, params=query)
    done = await payments.decide_write_off(context, two, proposed, True)
    after = await client.get(f"{BASE}/invoices", headers=manager_headers, params=query)
    assert (before.json()["items"], [row["number"] for row in after.json()["items"]]) == ([], ["NORA-1"])
    await payments.take_back(context, two, done.transactions[0])
    again = await client.get(f"{BASE}/invoices", headers=manager_headers, params={"status": "open"})
    assert [row["number"] for row in again.json()["items"]] == ["NORA-1"]


@pytest.mark.parametrize(
    ("body", "status", "field", "rule"),
    [
        ({"reason": " "}, 422, "reason", "required"),
        ({"reason": "x", "amount": 10**11}, 422, "amount", "credit_exceeds"),
        ({"reason": "x", "lines": [{"id": str(UUID(int=1))}]}, 422, "lines.0.id", "line_unknown"),
        ({"reason": "x", "amount": 0}, 422, "amount", "number_out_of_range"),
        ({"reason": "x", "amount": 5, "again": True}, 422, "again", "again_not_whole"),
        ({"reason": "x", "sum": 5}, 422, "sum", "field_unknown"),
    ],
)
async def test_what_a_credit_note_refuses(
    client: httpx.AsyncClient,
    manager_headers: dict[str, str],
    issued: dict[str, Any],
    body: dict[str, Any],
    status: int,
    field: str,
    rule: str,
) -> None:
    answer = await client.post(f"{BASE}/invoices/{issued['id']}/credit-notes", headers=manager_headers, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"], answer.json()["errors"][0]["rule"]) == (
        status,
        field,
        rule,
    )


async def test_credited_whole_and_billed_again(
    client: httpx.AsyncClient, manager_headers: dict[str, str], issued: dict[str, Any]
) -> None:
    path = f"{BASE}/invoices/{issued['id']}/credit-notes"
    body = {"reason": "Wrong reference", "again": True}
    note = (await client.post(path, headers=manager_headers, json=body)).json()
    assert (note["kind"], note["credits_id"], note["total"]) == ("credit_note", issued["id"], issued["total"])
    assert note["lines"][0]["charge_id"] == issued["lines"][0]["id"]
    shown = (await client.get(f"{BASE}/invoices/{issued['id']}", headers=manager_headers)).json()
    assert shown["owed"]["amount"] == 0
    twice = await client.post(path, headers=manager_headers, json=body)
    assert (twice.status_code, twice.json()["errors"][0]["rule"]) == (409, "nothing_to_credit")
    drafts = (await client.get(f"{BASE}/invoices?status=draft", headers=manager_headers)).json()["items"]
    assert [row["total"] for row in drafts] == [issued["total"]]
    again = await client.post(f"{BASE}/invoices/{drafts[0]['id']}/issue", headers=manager_headers)
    assert (again.json()["number"], again.json()["total"]) == ("NORA-3", issued["total"])


async def test_billing_details(
    client: httpx.AsyncClient, manager_headers: dict[str, str], partner_keys: dict[str, str], draft: UUID
) -> None:
    row = (await client.get(f"{BASE}/invoices/{draft}", headers=manager_headers)).json()
    path = f"{BASE}/organisations/{row['organisation_id']}/billing"
    wrong = await client.post(path, headers=manager_headers, json={"email": "nobody", "peppol_id": "971035854"})
    assert {(e["field"], e["rule"]) for e in wrong.json()["errors"]} == {
        ("email", "email_format"),
        ("peppol_id", "peppol_id_format"),
    }
    right = {"email": "faktura@straumvik.example", "buyer_reference": "4711", "language": "en"}
    stored = await client.post(path, headers=manager_headers, json=right)
    assert stored.status_code == 200, stored.text
    partner = {"authorization": f"Bearer {partner_keys['nora-industry-network']}"}
    assert (await client.post(path, headers=partner, json=right)).status_code == 403
    stranger = {"authorization": f"Bearer {partner_keys['nce-smart-energy-markets']}"}
    assert (await client.post(path, headers=stranger, json=right)).status_code == 404
    issued = (await client.post(f"{BASE}/invoices/{draft}/issue", headers=manager_headers)).json()
    assert issued["buyer_reference"] == "4711"
