"""kill -9 while members are told of a renewal, then two at the same time: each is told once."""

import asyncio
import signal
import subprocess
import sys

import pytest

from crm.actions import renewal_notices
from crm.context import Context
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crash import ahead
from tests.crm.actions.test_renewal_notices import with_rules
from tests.crm.billing import NETWORK
from tests.processes import ROOT, environment

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

END_SECONDS = 30
_ONCE = """
select (select count(*) from renewal_notice where state = 'told'), (select count(*) from mail
    where kind = 'renewal_notice'), (select count(distinct organisation_id) from mail where kind = 'renewal_notice')
"""


async def counted(context: Context) -> tuple[int, ...]:
    return tuple(await context.db.pool.fetchrow(_ONCE))


async def killed(dsn: str, point: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", ahead.__name__, dsn),
        cwd=ROOT,
        env=environment(KLYNGE_CRASH_AT=point),
        stderr=subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), END_SECONDS)
    assert process.returncode is not None and process.returncode <= 0, told.decode()
    return process.returncode


async def test_killed_while_telling_and_then_told_twice_at_once(own_database: str) -> None:
    async with context_on(own_database, size=6) as context:
        await with_rules(context)
        assert await killed(own_database, "renewal_told") == -signal.SIGKILL
        assert await counted(context) == (0, 0, 0)  # its batch was one transaction
        actor = await manager(context)
        made = await asyncio.gather(*(renewal_notices.run(context, actor, NETWORK) for _ in range(2)))
        assert sum(each.told for each in made) == 24
        assert await counted(context) == (24, 24, 24)
