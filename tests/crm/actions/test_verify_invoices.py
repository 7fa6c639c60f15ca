"""`crm verify` on issued invoices: each kind of damage is inflicted here, and named by the check for it."""

from typing import Any
from uuid import UUID

import pytest

from crm.actions import invoices, verify
from crm.actions.invoices import Credit
from crm.actor import Actor
from crm.context import Context
from crm.store.verify_invoices import CHECKS
from tests.crm.actions.test_invoices import draft
from tests.crm.actions.test_verify import damage

pytestmark = pytest.mark.anyio

__all__ = ["draft"]
ID = "where id = '{invoice}'"
OF = "where invoice_id = '{invoice}'"
DOCUMENT = "update invoice_document set document = "
# (check that must speak, what it must name, the damage)
DAMAGES = [
    ("invoice_empty", "{note}", "delete from credit_line where invoice_id = '{note}'"),
    ("invoice_second_draft", "2 drafts", "drop index invoice_one_draft; insert into invoice (id, host_id,"
     " organisation_id, currency, created_at) select gen_random_uuid(), host_id, organisation_id, currency, now()"
     f" from invoice, generate_series(1, 2) {ID}"),
    ("invoice_number", "2 to 3", f"update invoice set number = 3 {ID}"),
    ("invoice_number", "counter says 3", "update invoice_series set last_number = 3 where series = 'NORA'"),
    ("invoice_number", "2 to 2", f"delete from invoice {ID}"),
    ("invoice_document", "no document", f"delete from invoice_document {OF}"),
    ("invoice_document", "has a document", f"update invoice set status = 'draft', number = null, series = null {ID}"),
    ("invoice_document", "NORA-9", DOCUMENT + f"jsonb_set(document, '{{{{number}}}}', '\"NORA-9\"') {OF}"),
    ("invoice_document", "is not what", f"update invoice set net = net + 1, gross = gross + 1 {ID}"),
    ("invoice_sum", "its lines are", f"update invoice set net = net + 1, gross = gross + 1 {ID}"),
    ("invoice_sum", "{note}", "update credit_line set net = net - 1 where invoice_id = '{note}'"),
    ("invoice_line", "on line 1", DOCUMENT + f"jsonb_set(document, '{{{{lines,0,price}}}}', '5') {OF}"),
    ("invoice_line", "nothing", f"delete from charge {OF}"),
    ("credit_exceeds", "charge", "update credit_line set net = net * 1000 where invoice_id = '{note}'"),
    (
        "credit_exceeds",
        "invoice {invoice}",
        "update invoice set net = net * 9999, gross = net * 9999 where id = '{note}'",
    ),
    ("credit_elsewhere", "{note}", "update invoice set credits_id = id where id = '{note}'"),
    ("invoice_history", "0 times", f"delete from invoice_event {OF}"),
    ("delivery_missing", "{invoice}", f"delete from invoice_delivery {OF}"),
    ("invoice_day", "issued were", "update invoice_day set documents = documents + 1"),
    ("delivery_without_job", "queued", "delete from pgqueuer"),
]  # fmt: skip


@pytest.fixture
async def issued(context: Context, actor: Actor, draft: UUID) -> dict[str, Any]:
    """An issued invoice and a credit note on part of it."""
    await invoices.issue(context, actor, draft)
    note = await invoices.credit(context, actor, draft, Credit("Agreed by phone", "amount", amount=10_000))
    return {"invoice": draft, "note": note.id}


async def test_what_is_issued_and_credited_leaves_nothing_to_find(context: Context, issued: dict[str, Any]) -> None:
    assert await verify.run(context) == []


@pytest.mark.parametrize(("check", "named", "sql"), DAMAGES, ids=[f"{n}-{d[0]}" for n, d in enumerate(DAMAGES)])
async def test_damage_is_named(context: Context, issued: dict[str, Any], check: str, named: str, sql: str) -> None:
    await damage(context, sql.format(**issued))
    found = await verify.run(context)
    told = [f"{each.row} {each.why}" for each in found if each.check == check]
    assert any(named.format(**issued) in each for each in told), found


def test_every_check_has_its_damage() -> None:
    assert {each[0] for each in DAMAGES} == {*CHECKS}
