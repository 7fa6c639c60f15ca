"""`crm verify` finds a renewal that was tampered with: each check is made to speak."""

from datetime import date

import pytest

from crm.actions import verify
from crm.actor import Actor
from crm.context import Context
from tests.crm.actions.test_renewals import ran

pytestmark = pytest.mark.anyio

COPY = (
    "insert into charge select gen_random_uuid(), invoice_id, membership_id, grant_id, tier, component, names,"
    " starts_on + 1, ends_on, net, vat_code, vat_percent, vat, currency, example, steps, reason from charge"
    " where reason ->> 'code' = 'renewal' order by id limit 1"
)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (COPY, {"renewal_twice", "renewal_id"}),
        ("update renewal_run set failed = 7", {"renewal_counts"}),
        ("update renewal_item set starts_on = '2030-01-01' where state = 'due'", {"renewal_forgotten"}),
    ],
)
async def test_what_was_tampered_with_is_found(context: Context, actor: Actor, change: str, found: set[str]) -> None:
    await ran(context, actor, "nora-industry-network", on=date(2027, 1, 1))
    async with context.db.tx() as connection:
        await connection.execute("set local session_replication_role = replica")
        await connection.execute(change)
        await connection.execute("set local session_replication_role = origin")
    assert found <= {each.check for each in await verify.run(context)}
