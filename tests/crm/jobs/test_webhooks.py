"""From a decision to a partner's system through the worker: at once, once, and also what nobody heard ringing."""

from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from crm.actions import applications, webhooks
from crm.clock import FixedClock, SystemClock
from crm.context import Context
from crm.cursors import Seal
from crm.jobs import schedule
from crm.jobs.tasks import Tools
from crm.jobs.worker import working
from crm.settings import Settings
from tests.commits.support import NETWORK, STARTS, manager, waiting
from tests.conftest import context_on
from tests.crm.jobs.helpers import QUICK, FakeMailer, until
from tests.judges import node
from tests.receiver import PATIENT, Receiver, receiving

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

JAVASCRIPT = Path(node.__file__).with_name("webhooks.cjs")
_KEY = "select k.id from api_key k join network n on n.id = k.network_id where n.slug = $1"
_HEAD = """
select x.xid::text::bigint, x.seq from feed x join network n on n.id = x.network_id
where n.slug = $1 order by x.xid desc, x.seq desc limit 1
"""


async def created(context: Context, receiver: Receiver) -> webhooks.Made:
    key = await context.db.pool.fetchval(_KEY, NETWORK)
    wanted = webhooks.Wanted(receiver.url, "CRM", [NETWORK])
    return await webhooks.create(context, await manager(context), key, wanted)


async def decided(context: Context) -> None:
    """Somebody joins: the feed moves."""
    then = Context(context.db, FixedClock(datetime(2026, 11, 22, 9, tzinfo=UTC)), context.settings)
    await applications.approve(then, await manager(context), await waiting(context), STARTS)


async def settled(context: Context) -> bool:
    return not await context.db.pool.fetchval(
        "select count(*) from webhook_delivery where status in ('queued', 'sending')"
    )


async def test_a_decision_reaches_the_partner_and_both_libraries_take_it(own_database: str) -> None:
    """While an older transaction is open the change is not readable, and not told; when it ends it is, by itself."""
    async with context_on(own_database, SystemClock()) as plain, receiving() as receiver:
        context = Context(plain.db, plain.clock, Settings(development=True, outgoing_loopback=True))
        pool = context.db.pool
        await pool.execute("delete from mail; delete from pgqueuer")
        async with working(context, FakeMailer(), QUICK, webhooks=PATIENT):
            made = await created(context, receiver)
            ping, first = await receiver.until(2)
            assert [ping.said["type"], first.said["type"]] == ["ping", "members.changed"]
            await until(lambda: settled(context))
            async with pool.acquire() as other:
                holding = other.transaction()
                await holding.start()
                await other.execute("select pg_current_xact_id()")
                await decided(context)
                assert len(receiver.heard) == 2
                await holding.rollback()
            began = monotonic()
            await receiver.until(3)
            print(f"from readable to told: {(monotonic() - began) * 1000:.0f} ms")
            await until(lambda: settled(context))
        said = Webhook(made.secret).verify(receiver.heard[2].body, receiver.heard[2].headers)
        cases = [{"secret": made.secret, "headers": h.headers, "body": h.body.decode()} for h in receiver.heard]
        assert node.judged(JAVASCRIPT, cases) == [""] * len(cases)
        epoch = await pool.fetchrow("select * from feed_epoch")
        network = await pool.fetchval("select id from network where slug = $1", NETWORK)
        key: UUID = await pool.fetchval(_KEY, NETWORK)
        position = Seal(epoch["secret"], epoch["epoch"], network, key).read(said["data"]["head_cursor"])
        assert position and (position.xid, position.seq) == tuple(await pool.fetchrow(_HEAD, NETWORK))


async def test_what_changed_while_nobody_worked_is_told_by_the_next_worker_or_the_timetable(own_database: str) -> None:
    async with context_on(own_database, SystemClock()) as plain, receiving() as receiver:
        context = Context(plain.db, plain.clock, Settings(development=True, outgoing_loopback=True))
        await context.db.pool.execute("delete from mail; delete from pgqueuer")
        async with working(context, FakeMailer(), QUICK, webhooks=PATIENT):
            await created(context, receiver)
            await receiver.until(2)
            await until(lambda: settled(context))
        await decided(context)
        tools = Tools(context, FakeMailer(), None, webhooks=PATIENT)  # type: ignore[arg-type]
        await schedule.tell_webhooks(tools)
        assert not await settled(context)
        await context.db.pool.execute("delete from webhook_delivery; update webhook_feed set xid = 0, seq = 0")
        async with working(context, FakeMailer(), QUICK, webhooks=PATIENT):
            await receiver.until(3)
            await until(lambda: settled(context))
        assert [heard.said["type"] for heard in receiver.heard] == ["ping", "members.changed", "members.changed"]
        await schedule.tell_webhooks(tools)
        assert await settled(context)
