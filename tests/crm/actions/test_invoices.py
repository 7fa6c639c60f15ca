"""Invoices from draft to issued, and credit notes: numbers, what stays as it is, what a person may take back."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest

from cluster_rules.documents import Document
from cluster_rules.errors import RuleViolation
from crm.actions import applications, invoices, memberships, verify
from crm.actions.invoices import Credit
from crm.actions.memberships import Change
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


async def member(context: Context, draft: UUID) -> UUID:
    async with context.db.tx() as connection:
        return await connection.fetchval("select membership_id from charge where invoice_id = $1", draft)


async def giving_back(context: Context, network: str) -> None:
    """The network's rules as if they gave money back to those who leave."""
    async with context.db.tx() as connection:
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(
            "update rulebook set body = jsonb_set(body, '{refund}', '\"credit\"'), published_at = now()"
            " where network_id = (select id from network where slug = $1)",
            network,
        )
        await connection.execute("set local session_replication_role = origin")


async def test_who_leaves_gets_a_credit_note_on_the_invoice_that_billed_it(
    context: Context, actor: Actor, draft: UUID
) -> None:
    await giving_back(context, "nora-industry-network")
    await invoices.issue(context, actor, draft)
    billed = await row(context, draft)
    made = await memberships.make(context, actor, await member(context, draft), Change("ending", date(2026, 12, 16)))
    (note,) = made.invoices
    waiting = await row(context, note)
    assert (waiting["kind"], waiting["status"], waiting["credits_id"]) == ("credit_note", "draft", draft)
    shown = await invoices.preview(context, actor, note)
    assert shown.credits.number == "NORA-1"
    await invoices.issue(context, actor, note)
    stored, paper = await row(context, note), await document(context, note)
    assert (stored["number"], paper.number, paper.kind, paper.kid) == (2, "NORA-2", "credit_note", "")
    assert billed["net"] - stored["net"] == round(15_000_000 * 15 / 365)  # fifteen days were used
    assert paper.lines[0].explanation
    assert await verify.run(context) == []


async def test_what_is_still_a_draft_is_netted_there(context: Context, actor: Actor, draft: UUID) -> None:
    await giving_back(context, "nora-industry-network")
    made = await memberships.make(context, actor, await member(context, draft), Change("ending", date(2026, 12, 16)))
    assert made.invoices == (draft,)
    await invoices.issue(context, actor, draft)
    assert (await row(context, draft))["net"] == round(15_000_000 * 15 / 365)
    assert await verify.run(context) == []


async def test_what_a_person_credited_is_not_given_back_twice(context: Context, actor: Actor, draft: UUID) -> None:
    await giving_back(context, "nora-industry-network")
    await invoices.issue(context, actor, draft)
    await invoices.credit(context, actor, draft, Credit("Goodwill"))
    made = await memberships.make(context, actor, await member(context, draft), Change("ending", date(2026, 12, 16)))
    assert made.invoices == ()
    assert await verify.run(context) == []


async def test_moving_down_credits_the_old_and_bills_the_new(context: Context, actor: Actor, draft: UUID) -> None:
    await giving_back(context, "nora-industry-network")
    await invoices.issue(context, actor, draft)
    change = Change("tier_change", date(2026, 12, 16), tier="partner")
    made = await memberships.make(context, actor, await member(context, draft), change)
    kinds = {(await row(context, each))["kind"]: each for each in made.invoices}
    assert set(kinds) == {"invoice", "credit_note"}
    issued, unfit = await invoices.issue_many(context, actor, list(made.invoices))
    assert (len(issued), unfit) == (2, [])
    credited, billed = [(await row(context, kinds[k]))["net"] for k in ("credit_note", "invoice")]
    assert credited == round(15_000_000 * 16 / 365)
    assert 0 < billed < credited
    assert await verify.run(context) == []


async def test_an_included_membership_stands_on_the_invoice_for_nothing(
    context: Context, actor: Actor, draft: UUID
) -> None:
    shown = await invoices.preview(context, actor, draft)
    assert [line.net for line in shown.lines][1:] == [0]
    included = shown.lines[1]
    assert included.names["en"].endswith("CLAIRE Innovation Network, included")
    assert included.explanation[0]["en"] == "Included by NORA Industry Network"


async def test_drafts_that_cannot_be_issued_say_why(context: Context, actor: Actor, draft: UUID) -> None:
    async def refused(change: str) -> str:
        async with context.db.tx() as connection:
            sheet = connection.transaction()
            await sheet.start()
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(change, draft)
            await connection.execute("set local session_replication_role = origin")
            try:
                await invoices.issue(context, actor, draft)
            except RuleViolation as why:
                return why.code
            finally:
                await sheet.rollback()
        return "issued"

    of_payer = "organisation_id = (select organisation_id from invoice where id = $1)"
    of_host = "id = (select host_id from invoice where id = $1)"
    assert await refused("select $1::uuid") == "issued"  # control
    public = f"update organisation_profile set kind = 'public_body' where {of_payer}"
    assert await refused(public) == "issued"  # its application names a reference
    silent = f"with gone as (update application set answers = answers - 'billing_reference' where {of_payer}) {public}"
    assert await refused(silent) == "buyer_reference_missing"
    assert await refused(f"update host set vat_number = '' where {of_host}") == "seller_number_missing"
    assert await refused(f"update host set bank_account = '' where {of_host}") == "document_incomplete"
    assert await refused("update charge set net = 0 where invoice_id = $1") == "nothing_to_issue"
