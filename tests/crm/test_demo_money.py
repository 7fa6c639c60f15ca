"""The demo's money: booked for real, whichever day the demo is started."""

from datetime import UTC, datetime

import msgspec
import pytest

from crm import catalogue, demo_money
from crm.actions import verify
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context

pytestmark = pytest.mark.anyio

SUMS = """
select i.issued_on, i.gross, coalesce(sum(r.amount), 0) as owed from invoice i
left join ledger_entry r on r.invoice_id = i.id and r.account = 'receivable'
where i.number is not null group by i.id, i.issued_on, i.gross
"""


@pytest.mark.parametrize(
    ("moment", "years"), [((2026, 11, 22), {2025, 2026}), ((2027, 1, 1), {2026}), ((2028, 2, 29), {2027})]
)
async def test_two_years_are_billed_and_mostly_paid(
    context: Context, moment: tuple[int, int, int], years: set[int]
) -> None:
    then = msgspec.structs.replace(context, clock=FixedClock(datetime(*moment, 9, tzinfo=UTC)))
    async with context.db.tx() as connection:
        number = await demo_money.load(then, Actor("Demo data", "import"), await catalogue.load(connection))
        rows = await connection.fetch(SUMS)
        waiting = await connection.fetchval("select count(*) from invoice_delivery where status = 'queued'")
    assert len(rows) == number > 80
    assert {row["issued_on"].year for row in rows} == years
    old = [row["owed"] for row in rows if row["issued_on"].year < then.clock.now().year - 1]
    assert set(old) <= {0}
    states = {"paid" if not row["owed"] else "open" if row["owed"] == row["gross"] else "part" for row in rows}
    assert states == ({"paid", "open", "part"} if max(years) == moment[0] else {"paid"})
    assert waiting == 0
    assert await verify.run(context) == []
