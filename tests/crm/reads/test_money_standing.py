"""What stands on an invoice: what the ledger says on any day, whatever is booked later; and behind the tenant wall."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from crm.actions import payments
from tests.crm.billing import bill
from tests.crm.books import World
from tests.crm.reads.test_money_reports import DAYS, MONEY, ask, plain

pytestmark = pytest.mark.anyio

LATER = datetime(2030, 1, 1, tzinfo=UTC)
DAY = date(2026, 11, 22)
# Functions that read past the row policies, and one that reads with them: what they are given, and how many rows of it.
READ = {
    "contracted_fees": ("networks", "contracted_fees($1, '2025-12-31', '2026-11-22', null)"),
    "earned_alike": ("networks", "earned_alike($1, '2024-01-01', 'infinity', '2026-11-22', null)"),
    "earned_lines": ("networks", "earned_lines($1, '2024-01-01', 'infinity', '2026-11-22', null)"),
    "invoices_together": ("networks", "invoices_together($1)"),
    "invoice_lines": ("invoices", "invoice_lines($1)"),
    "invoices_open": ("host", "invoices_open($1, '2026-11-22', null)"),
}


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_kept_says_what_the_ledger_says(context, seed):
    async with context.db.tx() as connection:
        world = await World(connection, seed).begin()
        async for _ in world.events():
            pass
        for day in DAYS:
            asked = ask(world.all, day)
            for name in MONEY:
                booked = await plain(connection, name, msgspec.structs.replace(asked, known_at=LATER))
                assert await plain(connection, name, asked) == booked, (name, day)


async def test_days_between_two_bookings_are_one_row_and_a_booking_for_an_earlier_day_divides_it(context, actor):
    mine = await bill(context, actor, "Dagene AS")
    assert await standing(context, mine.id) == []
    await payments.record(context, actor, mine.id, 30_00, "NOK", DAY)
    assert await standing(context, mine.id) == [(DAY, None, mine.gross - 30_00, 30_00, 30_00)]
    earlier = DAY - timedelta(days=2)
    await payments.record(context, actor, mine.id, mine.gross - 30_00, "NOK", earlier)
    assert await standing(context, mine.id) == [
        (earlier, DAY, 30_00, mine.gross - 30_00, mine.gross - 30_00),
        (DAY, None, 0, mine.gross, 30_00),
    ]


async def standing(context, invoice: UUID) -> list[tuple]:
    async with context.db.tx() as connection:
        return [
            tuple(row)
            for row in await connection.fetch(
                "select starts_on, ends_on, balance, paid, by_bank from invoice_standing where invoice_id = $1"
                " order by starts_on",
                invoice,
            )
        ]


async def test_what_reads_past_the_policies_holds_the_wall_itself(context):
    async with context.db.tx() as connection:
        world = await World(connection, 1).begin()
        async for _ in world.events():
            pass
        billed = [row["id"] for row in await connection.fetch("select id from invoice where status = 'issued'")]
        given = {"networks": world.all, "invoices": billed, "host": world.host}
        whole = await _counted(connection, given)
        others = await connection.fetch("select id from network where host_id <> $1", world.host)

    async def seen(networks: list[UUID]) -> dict[str, int]:
        async with context.db.reading(networks) as connection:
            return await _counted(connection, given)

    assert min(whole.values()) > 0
    assert await seen(world.all) == whole
    nothing = dict.fromkeys(READ, 0)
    assert await seen([]) == nothing
    assert await seen([row["id"] for row in others]) == nothing
    one = await seen(world.networks[:1])
    assert 0 < one["contracted_fees"] < whole["contracted_fees"], "of the networks asked for, those of the reader"


async def _counted(connection, given) -> dict[str, int]:
    return {
        name: await connection.fetchval(f"select count(*) from {sql}", given[of]) for name, (of, sql) in READ.items()
    }
