"""Renewal runs on the demo data: previewed, billed once, failures told; the combined bill of two networks (AC-14)."""

from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from bench import filling
from cluster_rules import document_checks
from cluster_rules import renewals as rules
from crm import catalogue
from crm.actions import invoice_deliveries, renewals, verify
from crm.actions.renewals import Wanted
from crm.actor import Actor
from crm.context import Context
from crm.store import bulk_invoices, families

pytestmark = pytest.mark.anyio

NEXT_YEAR = date(2027, 1, 1)
ISSUE = bulk_invoices.issue


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
    assert (found["status"], found["members"], found["total"], found["failed"]) == ("previewed", 24, 24, 1)
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


async def outcome(
    context: Context, actor: Actor, monkeypatch: pytest.MonkeyPatch, fast: bool, network: str
) -> tuple[list[dict[str, Any]], int]:
    """Everything a run writes, and how many of its bills were by pattern; the run itself is rolled back."""
    counted = 0

    async def issue(connection: Any, bills: Any, *given: Any) -> list[str]:
        nonlocal counted
        counted += len(bills)
        return await ISSUE(connection, bills, *given)

    with monkeypatch.context() as patched:
        patched.setattr(bulk_invoices, "issue", issue)
        if not fast:
            patched.setattr(document_checks, "plain", lambda _: False)
        async with context.db.tx() as connection:
            outer = connection.transaction()
            await outer.start()
            try:
                before = await verify.run(context)
                made = await run_of(context, await ran(context, actor, network))
                assert made["status"] == "done"
                assert await verify.run(context) == before
                return [dict(row) for row in await connection.fetch(WHOLE)], counted
            finally:
                await outer.rollback()


@pytest.mark.parametrize("network", ["nora-industry-network", "nce-smart-energy-markets", "claire-innovation-network"])
async def test_bills_by_pattern_are_those_made_one_by_one(
    context: Context, actor: Actor, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_pattern, patterns = await outcome(context, actor, monkeypatch, True, network)
    one_by_one, none = await outcome(context, actor, monkeypatch, False, network)
    assert patterns >= 5 and none == 0
    assert by_pattern == one_by_one


@pytest.mark.parametrize(("invoicing", "papers"), [("combined", 1), ("separate", 2)])
async def test_ac_14_a_run_over_both_networks_gives_nine_members_one_invoice(
    context: Context, actor: Actor, invoicing: str, papers: int
) -> None:
    async with context.db.tx() as connection:
        await connection.execute("update host set invoicing = $1 where code = 'smart-innovation-norway'", invoicing)
    run = await run_of(context, await ran(context, actor, "sin-applied-ai", all_of_host=True))
    assert (run["status"], run["network_id"]) == ("done", None)
    async with context.db.tx() as connection:
        both = await connection.fetch(
            "select m.organisation_id, (select count(distinct c.invoice_id) from charge c join membership b"
            " on b.id = c.membership_id where b.organisation_id = m.organisation_id) as invoices,"
            " (select count(distinct b.network_id) from charge c join membership b"
            " on b.id = c.membership_id where b.organisation_id = m.organisation_id) as billed"
            " from membership m join network n on n.id = m.network_id join host h on h.id = n.host_id"
            " join membership_grant g on g.membership_id = m.id and g.superseded_at is null and g.kind = 'direct'"
            " where h.code = 'smart-innovation-norway' and (g.ends_on is null or g.ends_on > '2027-01-01')"
            " group by 1 having count(distinct m.network_id) = 2"
        )
        numbers = await connection.fetch("select number from invoice where number is not null order by number")
    assert len(both) == 9
    assert [row["billed"] for row in both].count(2) == 8, "one of them is at a level that costs nothing"
    assert all(row["invoices"] == (papers if row["billed"] == 2 else 1) for row in both)
    assert [row["number"] for row in numbers] == list(range(1, len(numbers) + 1))
    assert await verify.run(context) == []


async def test_drafts_by_choice_are_left_to_be_issued(context: Context, actor: Actor) -> None:
    run = await run_of(context, await ran(context, actor, "nora-industry-network", issue=False))
    assert (run["status"], run["invoices"], run["failed"]) == ("done", 24, 0)
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from invoice where status = 'draft'") == 24
        assert await connection.fetchval("select count(*) from invoice_series") == 0
    again = await run_of(context, await ran(context, actor, "nora-industry-network"))
    assert (again["total"], again["invoices"]) == (0, 0), "what stands on a draft is billed"


async def test_a_member_with_an_open_draft_gets_everything_on_one_invoice(context: Context, actor: Actor) -> None:
    async with context.db.tx() as connection:
        wanted = await connection.fetchrow(
            "select m.organisation_id, n.host_id from membership_grant g join membership m on m.id = g.membership_id"
            " join network n on n.id = m.network_id where n.slug = 'nora-industry-network' and g.tier = 'partner'"
            " and g.superseded_at is null order by m.id limit 1"
        )
        draft = await connection.fetchval(
            "insert into invoice (id, host_id, organisation_id, currency, created_at)"
            " values (gen_random_uuid(), $1, $2, 'NOK', now()) returning id",
            wanted["host_id"],
            wanted["organisation_id"],
        )
    await ran(context, actor, "nora-industry-network")
    async with context.db.tx() as connection:
        assert await connection.fetchval("select status from invoice where id = $1", draft) == "issued"
        assert await connection.fetchval("select count(*) from charge where invoice_id = $1", draft) == 1


async def test_an_issued_invoice_still_takes_no_more_lines(context: Context, actor: Actor) -> None:
    await ran(context, actor, "nora-industry-network")
    copied = (
        "insert into charge select gen_random_uuid(), invoice_id, membership_id, gen_random_uuid(), tier, component,"
        " names, starts_on, ends_on, net, vat_code, vat_percent, vat, currency from charge limit 1"
    )
    async with context.db.tx() as connection:
        with pytest.raises(asyncpg.RestrictViolationError, match="takes no more lines"):
            async with connection.transaction():
                await connection.execute(copied)


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_members_are_billed_alike_both_ways(
    context: Context, actor: Actor, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made-up families: links, units, changes of level, suspensions, those who left, buyers of all kinds."""
    await made_up(context, seed, 60)
    by_pattern, patterns = await outcome(context, actor, monkeypatch, True, "nora-industry-network")
    one_by_one, none = await outcome(context, actor, monkeypatch, False, "nora-industry-network")
    assert patterns > 40 and none == 0
    assert by_pattern == one_by_one
    rules = await by_the_rules(context, "nora-industry-network")
    assert {row["name"]: row["net"] for row in by_pattern if row["name"] in rules} == rules


async def made_up(context: Context, seed: int, count: int) -> None:
    """Families of `bench.filling` in this test's transaction, with billing details of their own."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        rows: filling.Rows = {table: [] for table in filling._COLUMNS}
        for number in range(seed * 10_000, seed * 10_000 + count):
            filling._Family(number, kept).write(rows)
        del rows["invoice"][:], rows["charge"][:]
        for table, columns in filling._COLUMNS.items():
            role = "origin" if table == "feed" else "replica"
            await connection.execute(f"set local session_replication_role = {role}")
            listed = ", ".join(columns.split())
            places = ", ".join(f"${n}" for n in range(1, len(columns.split()) + 1))
            texts = [n for n, name in enumerate(columns.split()) if name in ("reason",) and table == "membership_grant"]
            told = [
                tuple(msgspec.json.decode(v) if n in texts else v for n, v in enumerate(row)) for row in rows[table]
            ]
            await connection.executemany(f"insert into {table} ({listed}) values ({places})", told)
        await connection.execute("set local session_replication_role = origin")
        await connection.execute(
            "insert into billing (organisation_id, email, name, language, buyer_reference, street, updated_at)"
            " select id, case when n % 3 = 0 then 'faktura@' || n || '.example' else '' end, 'Øk. avdeling',"
            " case n % 3 when 0 then 'en' when 1 then 'nb' else '' end,"
            " case when n % 4 = 0 then 'PO ' || n else '' end,"
            " case when n % 7 = 0 then E'tab\\there' else 'Gate ' || n end, now()"
            " from (select id, row_number() over (order by id) as n from organisation where name like 'Bench %') o"
        )


async def by_the_rules(context: Context, network: str) -> dict[str, int]:
    """What the rules alone say that each payer without units owes."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        wanted = await connection.fetch(
            "select family_id from organisation group by 1 having count(*) = 1 and min(name) like 'Bench %'"
        )
        facts = await families.load_many(connection, kept, [row["family_id"] for row in wanted])
    found = ((each.organisations[0].name, rules.due(each, network, NEXT_YEAR)) for each in facts)
    return {name: owed[0].net for name, owed in found if owed and owed[0].state == "due"}


async def test_a_reference_that_came_after_the_preview_is_on_the_invoice(context: Context, actor: Actor) -> None:
    run = await renewals.begin(context, actor, Wanted("nora-industry-network", NEXT_YEAR))
    await renewals.preview(context, run)
    (failed,) = (each for each in await items(context, run) if each["state"] == "failed")
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into billing (organisation_id, buyer_reference, updated_at) values ($1, 'PO 4711', now())"
            " on conflict (organisation_id) do update set buyer_reference = excluded.buyer_reference",
            failed["organisation_id"],
        )
    await renewals.confirm(context, actor, run)
    await renewals.bill(context, run)
    found = await run_of(context, run)
    assert (found["status"], found["invoices"], found["failed"]) == ("done", 24, 0)
    assert {each["state"] for each in await items(context, run)} == {"due"}


async def test_the_jobs_of_a_run_bring_every_invoice_to_its_buyer(context: Context, actor: Actor) -> None:
    await ran(context, actor, "nora-industry-network")
    async with context.db.tx() as connection:
        jobs = await connection.fetch("select payload from pgqueuer where entrypoint like 'deliver_invoice%'")
    payloads = [msgspec.json.decode(job["payload"]) for job in jobs]
    told = [each for job in payloads for each in job.get("deliveries", job.get("delivery")).split(",")]
    for delivery in told:
        await invoice_deliveries.deliver_one_of_many(context, None, UUID(delivery))
    async with context.db.tx() as connection:
        sent = await connection.fetchval("select count(*) from mail where kind = 'invoice_issued'")
        addressed = await connection.fetchval("select count(*) from invoice_delivery where recipient <> ''")
    assert len(told) == sent == addressed > 20
