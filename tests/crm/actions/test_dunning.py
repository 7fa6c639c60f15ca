"""Runs of dunning on the real database: once, in order; claims are facts; AC-2f by its real path."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
import pytest

from cluster_rules.dunning import DunningStep, Next
from cluster_rules.errors import RuleViolation
from crm import catalogue
from crm.actions import days, dunning, invoices, memberships, payments, verify
from crm.actions.invoices import Credit
from crm.actions.memberships import Change
from crm.actor import SYSTEM, Actor
from crm.context import Context
from crm.errors import Invalid, NotFound, Refused
from crm.i18n import TIME_ZONE
from crm.store import dunning as store
from crm.store import ledger
from crm.store.verify import Difference
from tests.crm.billing import NETWORK, Bill
from tests.crm.dunning import DUE, LADDER, at, late_bill, steps, value, with_ladder

pytestmark = pytest.mark.anyio


async def ran(context: Context, actor: Actor, days: int) -> dunning.Ran:
    return await dunning.run(at(context, days), actor, NETWORK)


async def paid(context: Context, actor: Actor, about: Bill, amount: int, days: int) -> payments.Done:
    on = DUE + timedelta(days=days)
    return await payments.record(at(context, days), actor, about.id, amount, "NOK", on, "Sett i nettbanken")


async def owed(context: Context, about: Bill) -> tuple[int, int]:
    async with context.db.tx() as connection:
        with_claims = await ledger.owed(connection, [about.id])
        return with_claims[about.id], (await ledger.principal(connection, [about.id]))[about.id]


async def standings(context: Context, about: Bill, on: date) -> dict[str, str]:
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select n.slug, p.status from membership_period p join network n on n.id = p.network_id"
            " where p.organisation_id = $1 and p.superseded_at is null and p.starts_on <= $2"
            " and (p.ends_on is null or p.ends_on > $2)",
            about.organisation,
            on,
        )
    return {row[0]: row[1] for row in rows}


async def wrong(then: Context) -> list[Difference]:
    """What verify finds on that day, after the turn of the day."""
    await days.turn(then)
    return await verify.run(then)


async def test_a_network_without_steps_sends_nothing(context: Context, actor: Actor) -> None:
    await with_ladder(context, ())
    await late_bill(context, actor)
    with pytest.raises(Refused, match="dunning_missing"):
        await ran(context, actor, 100)
    assert (await dunning.run_all(at(context, 100), SYSTEM)).steps == 0


async def test_the_first_reminder_goes_out_once_with_its_fee(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    assert (await ran(context, actor, 13)).steps == 0
    assert (await ran(context, actor, 14)).letters == {"reminder": 1}
    assert (await ran(context, actor, 14)).steps == 0
    assert await steps(context, mine.id) == [("reminder-1", "done")]
    assert await owed(context, mine) == (mine.gross + 35_00, mine.gross)
    mail = await value(context, "select row_to_json(m) from mail m where kind = 'invoice_reminder'")
    assert "kari@nordby.example" in str(mail) and mine.kid in str(mail)
    told = "select count(*) from invoice_event where invoice_id = $1 and kind = 'reminded'"
    assert await value(context, told, mine.id) == 1
    assert await wrong(at(context, 14)) == []


async def test_a_preview_stores_nothing_and_shows_the_letter(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    planned, day = await dunning.preview(context, actor, NETWORK, DUE + timedelta(days=14))
    assert [(each.row.id, each.found.key, each.total) for each in planned] == [
        (mine.id, "reminder-1", mine.gross + 35_00)
    ]
    shown = await dunning.letter(context, actor, NETWORK, mine.id, day)
    assert (shown.kind, shown.values["number"]) == ("invoice_reminder", planned[0].row.number)
    assert await steps(context, mine.id) == []
    with pytest.raises(NotFound):
        await dunning.letter(context, actor, NETWORK, mine.id)


async def test_a_part_payment_changes_what_is_left_and_paying_all_ends_it(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    await ran(context, actor, 14)
    await paid(context, actor, mine, 10_000_00, 15)
    assert (await ran(context, actor, 30)).letters == {"collection_notice": 1}
    left = await value(context, "select principal from dunning_step where kind = 'collection_notice'")
    assert left == mine.gross - 10_000_00
    await paid(context, actor, mine, mine.gross - 10_000_00, 31)
    assert await owed(context, mine) == (35_00, 0)  # the fee alone is nobody's step
    assert (await ran(context, actor, 400)).steps == 0
    assert await wrong(at(context, 31)) == []


async def test_a_claim_can_be_taken_back(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    await ran(context, actor, 14)
    booking = await value(context, "select id from ledger_transaction where kind = 'claimed'")
    done = await payments.take_back(at(context, 15), actor, booking)
    assert await owed(context, mine) == (mine.gross, mine.gross)
    assert done.settled.paid == () and done.settled.reopened == ()
    assert await wrong(at(context, 15)) == []


async def test_a_pause_and_its_end(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    with pytest.raises(Invalid):
        await dunning.pause(at(context, 1), actor, mine.id, None, " ")
    with pytest.raises(RuleViolation, match="date_out_of_range"):
        await dunning.pause(at(context, 1), actor, mine.id, DUE, "Avtalt")
    await dunning.pause(at(context, 1), actor, mine.id, DUE + timedelta(days=20), "Avtalt på telefon")
    assert (await ran(context, actor, 19)).steps == 0
    assert (await ran(context, actor, 20)).steps == 1
    await dunning.pause(at(context, 21), actor, mine.id, None, "Bestridt")
    assert (await ran(context, actor, 200)).steps == 0
    await dunning.resume(at(context, 200), actor, mine.id)
    with pytest.raises(Refused, match="not_paused"):
        await dunning.resume(at(context, 200), actor, mine.id)
    assert (await ran(context, actor, 200)).letters == {"collection_notice": 1}


async def test_another_network_pauses_nothing_here(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    other = msgspec.structs.replace(actor, manages=frozenset(), reads=frozenset())
    for refused in (
        dunning.pause(context, other, mine.id, None, "Nei"),
        dunning.resume(context, other, mine.id),
        dunning.run(context, other, NETWORK),
        dunning.preview(context, other, NETWORK),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_without_an_address_it_waits_and_says_so(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    await value(context, "delete from contact where organisation_id = $1 returning true", mine.organisation)
    assert await ran(context, actor, 14) == dunning.Ran(blocked=1)
    (planned,), _ = await dunning.preview(at(context, 14), actor, NETWORK)
    assert planned.blocked and planned.blocked.code == "no_address"
    assert await steps(context, mine.id) == []


async def test_interest_is_not_guessed_for_a_half_year_without_a_rate(context: Context, actor: Actor) -> None:
    await with_ladder(context, (DunningStep("collection_notice", 14, interest=True, compensation=True),))
    mine = await late_bill(context, actor)
    assert await ran(context, actor, 14) == dunning.Ran(blocked=1)
    (planned,), _ = await dunning.preview(at(context, 14), actor, NETWORK)
    assert planned.blocked and planned.blocked.code == "rate_missing"
    assert await owed(context, mine) == (mine.gross, mine.gross)


async def test_interest_and_compensation_with_rates(context: Context, actor: Actor, tmp_path) -> None:
    table = tmp_path / "rates.toml"
    table.write_text(
        "".join(
            f'[[rates]]\ncurrency = "NOK"\nfrom = {start}\nuntil = {end}\nbasis_points = 1200\n'
            'compensation = 46000\nsource = "test"\n'
            for start, end in (("2026-07-01", "2027-01-01"), ("2027-01-01", "2027-07-01"))
        )
    )
    rated = msgspec.structs.replace(
        context, settings=msgspec.structs.replace(context.settings, late_interest=str(table))
    )
    await with_ladder(context, (LADDER[0], DunningStep("collection_notice", 30, interest=True, compensation=True)))
    mine = await late_bill(context, actor)
    await ran(rated, actor, 14)
    await ran(rated, actor, 30)
    claims = await value(context, "select claims from dunning_step where kind = 'collection_notice'")
    interest = sum(line["amount"] for line in claims[0]["lines"])
    assert [each["what"] for each in claims] == ["late_interest", "compensation"]
    assert [(line["start"], line["end"]) for line in claims[0]["lines"]] == [
        ("2026-12-23", "2027-01-01"),
        ("2027-01-01", "2027-01-22"),
    ]
    assert abs(interest - mine.gross * 12 * 30 / 36500) <= 1
    assert claims[1]["amount"] == 460_00 - 35_00
    assert await owed(context, mine) == (mine.gross + 35_00 + interest + 425_00, mine.gross)
    kinds = (
        "select array_agg(distinct e.account order by e.account) from ledger_entry e"
        " join ledger_transaction t on t.id = e.transaction_id where t.kind = 'claimed'"
    )
    assert await value(context, kinds) == ["income", "receivable"]  # outside VAT
    assert await wrong(at(rated, 30)) == []


async def test_a_suspension_waits_for_a_person_and_the_ladder_waits_with_it(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    for day in (14, 30, 45):
        await ran(context, actor, day)
    assert (await steps(context, mine.id))[-1] == ("suspension-1", "waiting")
    assert set((await standings(context, mine, DUE + timedelta(days=46))).values()) == {"active"}
    assert (await ran(context, actor, 300)).steps == 0
    step = await value(context, "select id from dunning_step where outcome = 'waiting'")
    await dunning.decide(at(context, 300), actor, step, "decline", "Vi venter")
    with pytest.raises(Refused, match="dunning_decided"):
        await dunning.decide(at(context, 300), actor, step, "carry_out")
    await ran(context, actor, 315)
    assert (await steps(context, mine.id))[-1] == ("export-1", "waiting")
    assert await wrong(at(context, 315)) == []


async def test_ac_02f_suspended_for_an_unpaid_invoice_and_paid(context: Context, actor: Actor) -> None:
    """Overdue, a person suspends, the linked membership follows; paid by bank: both count again, the days stay."""
    await with_ladder(context)
    mine = await late_bill(context, actor)
    for day in (14, 30, 45):
        await ran(context, actor, day)
    step = await value(context, "select id from dunning_step where outcome = 'waiting'")
    await dunning.decide(at(context, 46), actor, step, "carry_out", "Etter tre påminnelser")
    then = DUE + timedelta(days=47)
    assert await standings(context, mine, then) == {
        NETWORK: "suspended",
        "claire-innovation-network": "suspended",
    }
    assert await value(context, "select count(*) from mail where kind = 'membership_suspended_unpaid'") == 1
    done = await paid(context, actor, mine, mine.gross, 50)
    assert len(done.settled.lifted) == 1
    assert set((await standings(context, mine, DUE + timedelta(days=50))).values()) == {"active"}
    assert set((await standings(context, mine, then)).values()) == {"suspended"}  # the days stay what they were
    assert await owed(context, mine) == (35_00, 0)
    assert await wrong(at(context, 50)) == []


async def test_a_rulebook_may_suspend_by_itself_and_paying_lifts_it(context: Context, actor: Actor) -> None:
    await with_ladder(context, (LADDER[0], DunningStep("suspension", 45, by="rule")))
    mine = await late_bill(context, actor)
    await ran(context, actor, 14)
    assert (await dunning.run_all(at(context, 45), SYSTEM)).by_rule == 1
    assert set((await standings(context, mine, DUE + timedelta(days=45))).values()) == {"suspended"}
    assert (await dunning.run_all(at(context, 45), SYSTEM)).steps == 0
    await paid(context, actor, mine, mine.gross, 46)
    assert set((await standings(context, mine, DUE + timedelta(days=46))).values()) == {"active"}
    assert await wrong(at(context, 46)) == []


async def test_crediting_the_whole_invoice_lifts_what_it_held_and_says_nothing_of_money(
    context: Context, actor: Actor
) -> None:
    await with_ladder(context, (LADDER[0], DunningStep("suspension", 45, by="rule")))
    mine = await late_bill(context, actor)
    await ran(context, actor, 14)
    assert (await ran(context, actor, 45)).by_rule == 1
    then = at(context, 60)
    await invoices.credit(then, actor, mine.id, Credit("It was sent in error"))
    assert set((await standings(context, mine, DUE + timedelta(days=60))).values()) == {"active"}
    kinds = "select array_agg(kind order by row_id) from invoice_event where invoice_id = $1"
    assert (await value(context, kinds, mine.id))[-1] == "credited"
    assert await wrong(then) == []


async def test_what_the_rule_may_not_suspend_waits_for_a_person(context: Context, actor: Actor) -> None:
    await with_ladder(context, (DunningStep("suspension", 45, by="rule"),))
    mine = await late_bill(context, actor)
    membership = await value(
        context,
        "select m.id from membership m join network n on n.id = m.network_id"
        " where m.organisation_id = $1 and n.slug = $2",
        mine.organisation,
        NETWORK,
    )
    await memberships.make(at(context, 1), actor, membership, Change("ending", DUE + timedelta(days=10)))
    assert (await ran(context, actor, 45)).by_rule == 1
    assert await steps(context, mine.id) == [("suspension-1", "waiting")]


async def test_verify_finds_a_claim_that_is_not_booked(context: Context, actor: Actor) -> None:
    """The control of every "verify finds nothing" above."""
    await with_ladder(context)
    mine = await late_bill(context, actor)
    await ran(context, actor, 14)
    async with context.db.tx() as connection:
        await connection.execute("alter table dunning_step disable trigger user")
        await connection.execute(
            "update dunning_step set claims = '[]', kind = 'suspension', pay_by = null where invoice_id = $1", mine.id
        )
    found = {each.check for each in await wrong(at(context, 14))}
    assert found == {"dunning_claim", "dunning_suspension"}


async def test_a_paid_invoice_is_neither_suspended_nor_exported(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    for day in (14, 30, 45):
        await ran(context, actor, day)
    step = await value(context, "select id from dunning_step where outcome = 'waiting'")
    await paid(context, actor, mine, mine.gross, 46)
    with pytest.raises(Refused, match="not_overdue"):
        await dunning.decide(at(context, 46), actor, step, "carry_out")
    assert set((await standings(context, mine, DUE + timedelta(days=46))).values()) == {"active"}


async def test_a_credited_invoice_is_left_alone(context: Context, actor: Actor) -> None:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    await ran(context, actor, 14)
    await invoices.credit(at(context, 15), actor, mine.id, Credit("Feil"))
    assert (await ran(context, actor, 300)).steps == 0


async def test_money_that_goes_back_ends_nothing_and_waits_anew(context: Context, actor: Actor) -> None:
    """M9: a payment is taken back (a card dispute that was lost is booked the same way): owed again, nothing else."""
    await with_ladder(context)
    mine = await late_bill(context, actor)
    done = await paid(context, actor, mine, mine.gross, 1)
    await payments.refund(
        at(context, 100), actor, done.payment, mine.gross, DUE + timedelta(days=100), "Banken tok det"
    )
    again = await value(
        context, "select recorded_at from invoice_event where invoice_id = $1 and kind = 'reopened'", mine.id
    )
    assert again and set((await standings(context, mine, DUE + timedelta(days=100))).values()) == {"active"}
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        ladder = store.ladders(kept, [kept.by_slug[NETWORK].id], DUE + timedelta(days=100))
        (row,) = await store.facts(connection, ladder, DUE + timedelta(days=100), [mine.id], store.FIRST, 1)
    assert row.about.owed_again_on == again.astimezone(TIME_ZONE).date() and row.principal == mine.gross


async def test_the_statement_picks_what_the_rule_says(context: Context, actor: Actor) -> None:
    """The set-based query and the pure rule agree on every invoice, day after day."""
    await with_ladder(context)
    bills = [await late_bill(context, actor, f"Sen {n} AS", "partner") for n in range(4)]
    await dunning.pause(at(context, 0), actor, bills[1].id, DUE + timedelta(days=20), "Avtalt")
    await paid(context, actor, bills[2], bills[2].gross, 3)
    await paid(context, actor, bills[3], 1_00, 3)
    seen: set[UUID] = set()
    for day in (1, 13, 14, 17, 20, 29, 30, 37, 45, 46, 60, 75):
        async with context.db.tx() as connection:
            kept = await catalogue.load(connection)
            ladder = store.ladders(kept, [kept.by_slug[NETWORK].id], DUE)
            on = DUE + timedelta(days=day)
            picked = await store.due(connection, ladder, on, store.FIRST, 100)
            rows = await store.facts(connection, ladder, on, None, store.FIRST, 100)
            assert picked == [row.id for row in rows if isinstance(store.next_of(ladder, row, on), Next)]
            seen |= set(picked)
        if day % 2 == 0:
            await ran(context, actor, day)
    assert seen == {bills[0].id, bills[1].id, bills[3].id}
