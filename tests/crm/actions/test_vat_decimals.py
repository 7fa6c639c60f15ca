"""A rate that is no whole percent, from the rulebook to the ledger: stored, issued, in a run, on pages and by API."""

from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from crm.actions import invoices, verify
from crm.actions.invoices import Credit
from crm.actor import Actor
from crm.context import Context
from crm.gateways import document_view, invoice_files
from crm.store import documents
from tests.crm.actions.test_renewals import ran
from tests.crm.api.support import V1
from tests.crm.billing import NETWORK, draft
from tests.crm.web.office import sign_in, text

pytestmark = pytest.mark.anyio


async def in_finland(context: Context) -> None:
    """From now on the network's fees bear the ordinary rate of Finland."""
    async with context.db.tx() as connection:
        await connection.execute("alter table rulebook disable trigger no_change")
        rows = await connection.fetch(
            "select r.id, r.body from rulebook r join network n on n.id = r.network_id where n.slug = $1", NETWORK
        )
        for row in rows:
            body: Any = row["body"] | {"vat": {"country": "FI"}}
            for tier in body["tiers"]:
                for fee in tier["fees"]:
                    fee["vat"] = "standard"
            await connection.execute(
                "update rulebook set body = $2, published_at = now() + make_interval(secs => random()) where id = $1",
                row["id"],
                body,
            )
        await connection.execute("alter table rulebook enable trigger no_change")


async def test_one_invoice_from_draft_to_credit_note(
    client: httpx.AsyncClient, context: Context, actor: Actor, manager_headers: dict[str, str]
) -> None:
    await in_finland(context)
    wanted = await draft(context, actor, "Saari Oy")
    answer = (await client.get(f"{V1}/invoices/{wanted}", headers=manager_headers)).json()
    assert [line["vat_percent"] for line in answer["lines"]] == [25.5]
    await sign_in(client)
    assert "25.5%" in text(await client.get(f"/n/{NETWORK}/invoices/{wanted}"))
    await invoices.issue(context, actor, wanted)
    async with context.db.tx() as connection:
        paper = await documents.stored(connection, wanted)
        assert await connection.fetchval("select vat_percent from charge where invoice_id = $1", wanted) == Decimal(
            "25.5"
        )
    (row,) = paper.breakdown
    assert (row.percent, row.vat) == (25.5, (row.net * 255 + 500) // 1000)
    assert b"<cbc:Percent>25.5</cbc:Percent>" in invoice_files.xml(paper)
    assert "25,5" in str(document_view.shown(paper, "nb"))
    half = paper.totals.net // 3
    await invoices.credit(context, actor, wanted, Credit("Del", "amount", amount=half))
    await invoices.credit(context, actor, wanted, Credit("Resten"))
    async with context.db.tx() as connection:
        left = (
            "select sum(case kind when 'invoice' then vat else -vat end) from invoice where id = $1 or credits_id = $1"
        )
        assert await connection.fetchval(left, wanted) == 0
    assert await verify.run(context) == []


async def test_a_run_by_pattern_bills_it_as_well(context: Context, actor: Actor) -> None:
    await in_finland(context)
    await ran(context, actor, NETWORK, on=date(2027, 1, 1))
    async with context.db.tx() as connection:
        found = await connection.fetch(
            "select distinct vat_percent, vat = round(net * 25.5 / 100) as right from charge"
            " where reason ->> 'code' = 'renewal'"
        )
    assert [tuple(row) for row in found] == [(Decimal("25.5"), True)]
    assert [each for each in await verify.run(context) if each.check.startswith("charge")] == []
