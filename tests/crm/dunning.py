"""A network with steps for late payers, invoices that are late, and days that pass; for tests of dunning."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.dunning import DunningStep
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from tests.crm.billing import NETWORK, Bill, bill

LADDER = (
    DunningStep("reminder", 14, fee=35_00),
    DunningStep("collection_notice", 30),
    DunningStep("suspension", 45),
    DunningStep("export", 60),
)
DUE = date(2026, 12, 22)  # of what is issued on 22 November


async def with_ladder(context: Context, ladder: tuple[DunningStep, ...] = LADDER, network: str = NETWORK) -> None:
    """From now on the network's rulebook, as it stands, has these steps."""
    async with context.db.tx() as connection:
        await connection.execute("alter table rulebook disable trigger no_change")
        await connection.execute(
            "update rulebook r set published_at = now() + make_interval(secs => random()),"
            " body = r.body || jsonb_build_object('dunning', $2::jsonb) from network n"
            " where n.id = r.network_id and n.slug = $1",
            network,
            msgspec.to_builtins(ladder),
        )
        await connection.execute("alter table rulebook enable trigger no_change")


def at(context: Context, days: int) -> Context:
    """So many days after the due date."""
    moment = datetime.combine(DUE + timedelta(days=days), datetime.min.time(), UTC) + timedelta(hours=9)
    return Context(context.db, FixedClock(moment), context.settings)


async def late_bill(context: Context, actor: Actor, name: str = "Sen AS", tier: str = "principal") -> Bill:
    """An issued invoice due on 22 December 2026."""
    return await bill(context, actor, name, tier)


async def steps(context: Context, invoice: UUID) -> list[tuple[str, str]]:
    """(step, outcome) in the order taken."""
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select key, outcome from dunning_step where invoice_id = $1 order by after_days", invoice
        )
    return [tuple(row) for row in rows]


async def value(context: Context, statement: str, *given: Any) -> Any:
    """One value of the database."""
    async with context.db.tx() as connection:
        return await connection.fetchval(statement, *given)
