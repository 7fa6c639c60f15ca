"""The demo's part of the register: two differences on a work list, and it is the register's own shape."""

import pytest

from crm import demo
from crm.context import Context
from crm.gateways.register import Reading

pytestmark = pytest.mark.anyio


async def test_the_demo_has_a_bankruptcy_and_another_headcount_to_look_at(context: Context) -> None:
    await demo.read_register(context)
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select o.name, r.reason, n.slug from membership_review r join organisation o on o.id = r.organisation_id"
            " join network n on n.id = r.network_id where r.reason like 'register%' and r.closed_at is null"
        )
    found = {(row["name"], row["reason"]) for row in rows}
    assert found == {("Stålvinge Droner", "register_employees"), ("Kveldsyn Medisin", "register_bankrupt")}
    with demo.REGISTER.open("rb") as file:
        reading = Reading(file, context.clock.now().date())
        assert sum(len(piece) for piece in reading.units()) == reading.count == 6
