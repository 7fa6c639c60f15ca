"""kill -9 at every named point: afterwards nothing is half done, and doing it again completes it."""

import asyncio
import signal
import subprocess
import sys
from uuid import UUID

import pytest

from crm import faults
from crm.actions import applications, verify
from crm.context import Context
from tests.commits.support import ONE_OF_EVERYTHING, STARTS, made_by, manager, waiting
from tests.conftest import context_on
from tests.crash import decide
from tests.crm.jobs.helpers import WorkerProcess, postbox, until
from tests.processes import ROOT, environment

pytestmark = [pytest.mark.anyio, pytest.mark.commits]

END_SECONDS = 20
OF_APPROVAL = tuple(p for p in faults.POINTS if p.startswith(("approval_", "apply_")))
OF_ISSUE = tuple(p for p in faults.POINTS if p.startswith("issue_"))  # tests/crash/test_issuing.py
OF_MAIL = tuple(p for p in faults.POINTS if p.startswith("mail_"))
# Everything that a decision may write to, the queue and the head of the audit chain included.
STATE = """
    select (select count(*) from membership), (select count(*) from membership_decision),
        (select count(*) from membership_grant), (select count(*) from membership_period),
        (select count(*) from charge), (select count(*) from invoice), (select count(*) from fee_waiver),
        (select count(*) from feed), (select count(*) from mail), (select count(*) from pgqueuer),
        (select count(*) from application_event), (select seq from audit_head), (select count(*) from audit),
        (select count(*) from application where status = 'approved')
"""
# Being sent, or to be sent within a day.
UNSENT = "select count(*) from mail where status = 'sending' or status = 'queued' and send_after < now() + '1 day'"


async def run(dsn: str, what: str, subject: UUID, crash_at: str = "") -> int:
    """The decision in a process of its own; its exit code."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", decide.__name__, dsn, what, str(subject)),
        cwd=ROOT,
        env=environment(KLYNGE_CRASH_AT=crash_at),
        stderr=subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), END_SECONDS)
    assert process.returncode is not None
    assert process.returncode <= 0, told.decode()
    return process.returncode


async def state(context: Context) -> tuple[int, ...]:
    return tuple(await context.db.pool.fetchrow(STATE))


MONEY = ("card_", "dunning_", "payment_", "bank_", "renewal_")


def test_there_are_at_least_ten_points_and_each_is_tested() -> None:
    assert len(OF_APPROVAL) + len(OF_MAIL) >= 10
    elsewhere = (*MONEY, "import_", "webhook_", "member_list_", "federation_", "register_")  # in files of their own
    others = {p for p in faults.POINTS if not p.startswith(elsewhere)}
    assert others == {*OF_APPROVAL, *OF_MAIL, *OF_ISSUE, "change_recorded"}


@pytest.mark.parametrize("point", OF_APPROVAL)
async def test_an_approval_is_done_or_not(own_database: str, point: str) -> None:
    async with context_on(own_database, size=2) as context:
        wanted = await waiting(context)
        before = await state(context)
        assert await run(own_database, "approve", wanted, point) == -signal.SIGKILL
        after = await state(context)
        assert await verify.run(context) == []
        if point == "approval_committed":
            assert await made_by(context, wanted) == ONE_OF_EVERYTHING
        else:
            assert after == before
        await applications.approve(context, await manager(context), wanted, STARTS)
        assert await made_by(context, wanted) == ONE_OF_EVERYTHING
        assert await verify.run(context) == []
        if point == "approval_committed":
            assert await state(context) == after


async def test_control_without_a_crash_the_same_process_approves(own_database: str) -> None:
    async with context_on(own_database, size=2) as context:
        wanted = await waiting(context)
        assert await run(own_database, "approve", wanted) == 0
        assert await made_by(context, wanted) == ONE_OF_EVERYTHING


async def test_an_ending_is_done_or_not(own_database: str) -> None:
    async with context_on(own_database, size=2) as context:
        made = await applications.approve(context, await manager(context), await waiting(context), STARTS)
        before = await state(context)
        assert await run(own_database, "end", made.memberships[0], "change_recorded") == -signal.SIGKILL
        assert await state(context) == before
        assert await verify.run(context) == []
        assert await run(own_database, "end", made.memberships[0]) == 0
        ends = await context.db.pool.fetch(
            "select ends_on from membership_period where membership_id = any($1) and superseded_at is null",
            list(made.memberships),
        )
        assert [row["ends_on"] for row in ends] == [decide.CHANGES] * 2
        assert await verify.run(context) == []


@pytest.mark.parametrize("point", OF_MAIL)
async def test_the_mails_of_an_approval_are_sent_once_or_visibly_again(own_database: str, point: str) -> None:
    async with context_on(own_database, size=2) as context, postbox() as box:
        await applications.approve(context, await manager(context), await waiting(context), STARTS)
        dying = WorkerProcess(own_database, box.url, crash_at=point)
        try:
            assert await dying.ended() == -signal.SIGKILL
        finally:
            dying.kill()
        assert await verify.run(context) == []  # what is not sent still has its job
        second = WorkerProcess(own_database, box.url)
        try:

            async def all_sent() -> bool:
                return not await context.db.pool.fetchval(UNSENT)

            await until(all_sent)
        finally:
            second.kill()
        rows = await context.db.pool.fetch("select message_id, attempts, status from mail where attempts > 0")
        assert len(rows) > 10
        assert {row["status"] for row in rows} == {"sent"}
        for row in rows:
            times = box.accepted.count(row["message_id"])
            assert times == 1 or (times, row["attempts"]) == (2, 2)
        assert await verify.run(context) == []
