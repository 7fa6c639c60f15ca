"""Invoices from draft to issued, and credit notes: numbers, what stays as it is, what a person may take back."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest

from cluster_rules.documents import Document
from crm.actions import applications, invoices, verify
from crm.actor import Actor
from crm.context import Context
from tests.commits.support import STARTS

pytestmark = pytest.mark.anyio


@pytest.fixture
async def draft(context: Context, actor: Actor) -> UUID:
    """The draft invoice of an approved principal partner: one exempt line, 31 of 365 days."""
    async with context.db.tx() as connection:
        wanted = await connection.fetchval(
            "select a.id from application a join network n on n.id = a.network_id"
            " where n.slug = 'nora-industry-network' and a.tier = 'principal' and a.status = 'sent'"
        )
    return (await applications.approve(context, actor, wanted, STARTS)).invoices[0]


async def row(context: Context, invoice: UUID) -> dict[str, Any]:
    async with context.db.tx() as connection:
        return dict(await connection.fetchrow("select * from invoice where id = $1", invoice))


async def document(context: Context, invoice: UUID) -> Document:
    async with context.db.tx() as connection:
        stored = await connection.fetchval("select document from invoice_document where invoice_id = $1", invoice)
    return msgspec.convert(stored, Document)


async def test_a_draft_becomes_an_invoice(context: Context, actor: Actor, draft: UUID) -> None:
    before = await invoices.preview(context, actor, draft)
    await invoices.issue(context, actor, draft)
    stored, paper = await row(context, draft), await document(context, draft)
    assert (stored["status"], stored["number"], stored["series"]) == ("issued", 1, "NORA")
    assert (stored["issued_on"], stored["due_on"]) == (date(2026, 11, 22), date(2026, 12, 22))
    assert stored["net"] == stored["gross"] == paper.totals.gross > 0
    assert (paper.number, paper.kid) == ("NORA-1", stored["kid"])
    assert msgspec.structs.replace(paper, number="-", kid="") == before
    assert paper.lines[0].names["nb"] == "Medlemskontingent, Hovedpartner"
    assert await verify.run(context) == []
    await invoices.issue(context, actor, draft)
    assert (await row(context, draft))["number"] == 1
