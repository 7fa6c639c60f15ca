"""AC-19: fifty issue at once, killed between any two steps: numbers 1..n, none missing, none twice, none changed."""

import asyncio
import signal
from uuid import UUID

import asyncpg
import pytest

from cluster_rules.errors import RuleViolation
from crm.actions import invoices, verify
from crm.actions.invoices import Credit
from crm.actor import Actor
from crm.context import Context
from tests.commits.support import apply_many, manager
from tests.commits.test_parallel_approvals import approve_all
from tests.conftest import context_on
from tests.crash.test_kill_9 import OF_ISSUE, run

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

AT_ONCE = 50
NUMBERS = "select number from invoice where number is not null order by number"
OF_HOST = "where host_id = (select host_id from invoice where id = $1)"
# What must not be possible with an issued invoice, whoever tries; the owner of the tables does.
FORBIDDEN = (
    "update invoice set gross = gross + 1, net = net + 1 where id = $1",
    "update invoice set status = 'draft', number = null where id = $1",
    "update invoice set number = 4711 where id = $1",
    "delete from invoice where id = $1",
    "update charge set net = 1 where invoice_id = $1",
    "delete from charge where invoice_id = $1",
    "insert into charge select gen_random_uuid(), invoice_id, membership_id, gen_random_uuid(), tier, component, names,"
    " starts_on, ends_on, net, vat_code, vat_percent, vat, currency from charge where invoice_id = $1",
    "update invoice_document set document = '{}' where invoice_id = $1",
    "delete from invoice_document where invoice_id = $1",
    "delete from invoice_event where invoice_id = $1",
    f"update invoice_series set last_number = last_number + 1 {OF_HOST}",
    f"update invoice_series set last_number = 0 {OF_HOST}",
    "insert into credit_line (id, invoice_id, charge_id, net, recorded_at) select gen_random_uuid(), $1, id, 1, now()"
    " from charge where invoice_id = $1",
)


async def drafts(context: Context, count: int) -> tuple[Actor, list[UUID]]:
    actor, wanted = await manager(context), await apply_many(context, count)
    return actor, [each.invoices[0] for each in await approve_all(context, actor, wanted)]


async def numbers(context: Context) -> list[int]:
    return [row["number"] for row in await context.db.pool.fetch(NUMBERS)]


async def test_ac_19_fifty_at_once_and_killed_between_steps(own_database: str) -> None:
    async with context_on(own_database, size=12) as context:
        actor, wanted = await drafts(context, AT_ONCE)
        killed, rest = wanted[: len(OF_ISSUE)], wanted[len(OF_ISSUE) :]
        dying = [run(own_database, "issue", each, at) for each, at in zip(killed, OF_ISSUE, strict=True)]
        codes, *_ = await asyncio.gather(
            asyncio.gather(*dying), *(invoices.issue(context, actor, each) for each in [*rest, *rest[:10]])
        )
        assert codes == [-signal.SIGKILL] * len(OF_ISSUE)
        assert len(OF_ISSUE) >= 5
        survived = len(rest) + 1  # killed after the commit is issued
        assert await numbers(context) == list(range(1, survived + 1))
        assert await verify.run(context) == []
        await asyncio.gather(*(invoices.issue(context, actor, each) for each in wanted))
        assert await numbers(context) == list(range(1, AT_ONCE + 1))
        assert await verify.run(context) == []


async def test_ac_19_the_database_refuses_to_change_what_is_issued(own_database: str) -> None:
    async with context_on(own_database, size=2) as context:
        actor, (wanted,) = await drafts(context, 1)
        await invoices.issue(context, actor, wanted)
        for statement in FORBIDDEN:
            with pytest.raises(asyncpg.RestrictViolationError):
                await context.db.pool.execute(statement, wanted)
        await context.db.pool.execute(
            "update invoice set id = id where id = $1 and status = 'draft'", wanted
        )  # control
        assert await verify.run(context) == []


async def test_ac_19_credit_notes_at_once_never_exceed_their_invoice(own_database: str) -> None:
    async with context_on(own_database, size=8) as context:
        actor, (wanted,) = await drafts(context, 1)
        await invoices.issue(context, actor, wanted)
        net = await context.db.pool.fetchval("select net from invoice where id = $1", wanted)
        part = Credit("Agreed by phone", "amount", amount=net // 3)
        answers = await asyncio.gather(
            *(invoices.credit(context, actor, wanted, part) for _ in range(8)), return_exceptions=True
        )
        refused = [each for each in answers if isinstance(each, RuleViolation)]
        made = [each for each in answers if not isinstance(each, BaseException)]
        assert (len(made), len(refused)) == (3, 5), answers
        assert {each.code for each in refused} <= {"credit_exceeds", "nothing_to_credit"}
        credited = await context.db.pool.fetchval("select sum(net) from invoice where credits_id = $1", wanted)
        assert 0 <= net - credited < 3
        assert await numbers(context) == [1, 2, 3, 4]
        assert await verify.run(context) == []
