"""Renewal runs on the demo data: previewed, billed once, failures told; the combined bill of two networks (AC-14)."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from cluster_rules import document_checks
from crm.actions import renewals, verify
from crm.actions.renewals import Wanted
from crm.actor import Actor
from crm.context import Context

pytestmark = pytest.mark.anyio

NEXT_YEAR = date(2027, 1, 1)


async def run_of(context: Context, run: UUID) -> dict[str, Any]:
    async with context.db.tx() as connection:
        return dict(await connection.fetchrow("select * from renewal_run where id = $1", run))


async def items(context: Context, run: UUID) -> list[dict[str, Any]]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select * from renewal_item where run_id = $1 order by row_id", run)
    return [dict(row) for row in rows]


async def ran(context: Context, actor: Actor, network: str, **given: Any) -> UUID:
    """A run from its beginning to its end."""
    wanted = Wanted(network, given.pop("on", NEXT_YEAR), **{"dry_run": False} | given)
    run = await renewals.begin(context, actor, wanted)
    await renewals.preview(context, run)
    await renewals.bill(context, run)
    return run


async def test_a_preview_says_what_everybody_owes_and_bills_nobody(context: Context, actor: Actor) -> None:
    run = await renewals.begin(context, actor, Wanted("nora-industry-network", NEXT_YEAR))
    await renewals.preview(context, run)
    await renewals.bill(context, run)
    found = await run_of(context, run)
    listed = await items(context, run)
    assert (found["status"], found["members"], found["total"], found["failed"]) == ("previewed", 24, 24, 0)
    assert {(each["tier"], each["net"]) for each in listed} == {
        ("principal", 150_000_00),
        ("partner", 45_000_00),
        ("startup", 6_000_00),
    }
    assert {each["differs"][0]["code"] for each in listed} == {"first_bill"}
    async with context.db.tx() as connection:
        assert not await connection.fetchval("select count(*) from charge where reason ->> 'code' = 'renewal'")


async def test_a_run_bills_everybody_once_and_a_second_one_changes_nothing(context: Context, actor: Actor) -> None:
    first = await run_of(context, await ran(context, actor, "nora-industry-network"))
    assert (first["status"], first["done"], first["invoices"], first["failed"]) == ("done", 24, 23, 1)
    (failed,) = (each for each in await items(context, first["id"]) if each["state"] == "failed")
    assert failed["problem"]["code"] == "buyer_reference_missing"  # a public body: its draft waits for a person
    async with context.db.tx() as connection:
        before = await connection.fetch("select id, xmin::text from invoice order by id")
        numbers = await connection.fetch("select number from invoice where status = 'issued' order by number")
    assert [row["number"] for row in numbers] == list(range(1, 24))
    assert await verify.run(context) == []
    second = await run_of(context, await ran(context, actor, "nora-industry-network"))
    assert (second["status"], second["members"], second["total"], second["invoices"]) == ("done", 24, 0, 0)
    async with context.db.tx() as connection:
        assert await connection.fetch("select id, xmin::text from invoice order by id") == before


WHOLE = """
select o.name, i.kind, i.status, i.currency, i.payment_days, i.network_id, i.series, i.issued_on, i.due_on, i.starts_on,
    i.ends_on, i.net, i.vat, i.gross, i.language, i.buyer_reference, d.network_ids,
    d.document - '{number,kid}'::text[] as document,
    (select jsonb_agg(to_jsonb(c) - '{invoice_id,recorded_at}'::text[] order by c.id) from charge c
        where c.invoice_id = i.id) as charges, cardinality(d.charge_ids) as lines,
    (select jsonb_agg(to_jsonb(e) - '{row_id,transaction_id,invoice_id}'::text[] order by e.row_id)
        from ledger_entry e where e.invoice_id = i.id or e.transaction_id = t.id) as entries,
    t.fact - 'invoice' as fact, t.kind as booked, t.provider, t.phase,
    (select jsonb_agg(jsonb_build_array(v.channel, v.recipient, v.status)) from invoice_delivery v
        where v.invoice_id = i.id) as deliveries,
    (select jsonb_agg(jsonb_build_array(v.kind, v.actor)) from invoice_event v where v.invoice_id = i.id) as events
from invoice i join organisation o on o.id = i.organisation_id join invoice_document d on d.invoice_id = i.id
join ledger_transaction t on t.object_id = i.id::text and t.phase = 'issued' order by o.name
"""


@pytest.mark.parametrize("network", ["nora-industry-network", "nce-smart-energy-markets", "claire-innovation-network"])
async def test_bills_by_pattern_are_those_made_one_by_one(
    context: Context, actor: Actor, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def outcome(fast: bool) -> list[dict[str, Any]]:
        async with context.db.tx() as connection:
            outer = connection.transaction()
            await outer.start()
            try:
                if not fast:
                    monkeypatch.setattr(document_checks, "plain", lambda _: False)
                made = await run_of(context, await ran(context, actor, network))
                assert made["status"] == "done"
                return [dict(row) for row in await connection.fetch(WHOLE)]
            finally:
                await outer.rollback()

    by_pattern, one_by_one = await outcome(True), await outcome(False)
    assert len(by_pattern) > 5
    assert by_pattern == one_by_one
