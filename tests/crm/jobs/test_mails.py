"""Mails are sent once, or visibly again: with their decision or not at all, at their time, whatever gets killed."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from crm.actions import mail as actions
from crm.gateways.mail import NotSent
from crm.jobs.worker import working
from tests.crm.jobs.helpers import (
    IMPATIENT,
    QUICK,
    FakeMailer,
    WorkerProcess,
    all_sent,
    context_on,
    postbox,
    queue_empty,
    queue_mail,
    row,
    until,
    write_mails,
)

pytestmark = [pytest.mark.anyio, pytest.mark.commits]


async def test_a_mail_exists_with_its_job_or_not_at_all(own_database: str) -> None:
    async with context_on(own_database) as context:
        with pytest.raises(LookupError):
            async with context.db.tx() as connection:
                await write_mails(connection, 3)
                raise LookupError
        assert await queue_empty(context) and await all_sent(context)
        mailer = FakeMailer()
        async with working(context, mailer, QUICK):
            [mail] = await queue_mail(context)
            seconds = await until(lambda: all_sent(context))
            await until(lambda: queue_empty(context))
        found = await row(context, mail)
        assert (found["attempts"], found["last_error"]) == (1, "") and found["sent_at"]
        assert found["message_id"] == mailer.message_id(mail)
        assert [sent.recipient for sent in mailer.tried] == ["kari@firma.example"]
        print(f"from commit to sent: {seconds * 1000:.0f} ms")


async def test_a_mail_waits_for_its_time(own_database: str) -> None:
    async with context_on(own_database) as context:
        later = datetime.now(UTC) + timedelta(seconds=1)
        [mail] = await queue_mail(context, send_after=later)
        async with working(context, FakeMailer(), QUICK):
            await until(lambda: all_sent(context))
        assert (await row(context, mail))["sent_at"] >= later


async def test_failures_are_retried_and_seen(own_database: str) -> None:
    greylisted, gone = NotSent("450 greylisted"), NotSent("550 no such mailbox", final=True)
    async with context_on(own_database) as context:
        [mail] = await queue_mail(context)
        wait = await actions.send(context, FakeMailer(greylisted), mail, IMPATIENT)
        found = await row(context, mail)
        assert wait == IMPATIENT.retry_after[0]
        assert (found["status"], found["attempts"], found["last_error"]) == ("queued", 1, "450 greylisted")
        async with working(context, FakeMailer(greylisted), QUICK, IMPATIENT):
            await until(lambda: all_sent(context))
        assert (await row(context, mail))["attempts"] == 3

        for failures, attempts in (([gone], 1), ([greylisted] * 3, 3)):
            [mail] = await queue_mail(context)
            mailer = FakeMailer(*failures)
            async with working(context, mailer, QUICK, IMPATIENT):
                await until(lambda: queue_empty(context))
            found = await row(context, mail)
            assert (found["status"], found["attempts"]) == ("failed", attempts) and len(mailer.tried) == attempts
            assert found["last_error"] == str(failures[-1])


@pytest.mark.parametrize(
    ("point", "arrived", "attempts"),
    [("mail_claimed", 1, 2), ("mail_accepted", 2, 2), ("mail_marked", 1, 1)],
)
async def test_kill_9_at_every_step(own_database: str, point: str, arrived: int, attempts: int) -> None:
    """Only a kill between the server's "accepted" and our note of it sends twice, and the row shows it."""
    async with context_on(own_database) as context, postbox() as box:
        first = WorkerProcess(own_database, box.url, crash_at=point)
        [mail] = await queue_mail(context)
        assert await first.ended() == -signal.SIGKILL
        assert not await queue_empty(context)
        second = await WorkerProcess(own_database, box.url).up()
        try:
            seconds = await until(lambda: queue_empty(context))
        finally:
            second.kill()
        found = await row(context, mail)
        assert (found["status"], found["attempts"], len(box.accepted)) == ("sent", attempts, arrived)
        assert set(box.accepted) == {found["message_id"]}, "both copies are recognisably one mail"
        print(f"killed at {point}: taken over and settled after {seconds:.1f} s")


async def test_kill_9_in_the_middle_of_conversations(own_database: str) -> None:
    """One of two workers dies with mails in its hands: all arrive, the interrupted ones are marked."""
    async with context_on(own_database) as context, postbox() as box:
        box.delay = 0.3
        doomed = await WorkerProcess(own_database, box.url).up()
        mails = await queue_mail(context, 8)
        await until(lambda: context.db.pool.fetchval("select true from mail where status = 'sending'"))
        doomed.kill()
        other = await WorkerProcess(own_database, box.url).up()
        try:
            await until(lambda: queue_empty(context))
        finally:
            other.kill()
        assert await all_sent(context)
        tries = await context.db.pool.fetch("select attempts, count(*) as mails from mail group by 1")
        assert {found["attempts"] for found in tries} <= {1, 2}
        again = sum(found["mails"] for found in tries if found["attempts"] == 2)
        assert again >= 1 and len(mails) <= len(box.accepted) <= len(mails) + again
        assert len(set(box.accepted)) == len(mails)


async def test_two_workers_send_every_mail_once(own_database: str) -> None:
    async with context_on(own_database) as context, postbox() as box:
        workers = [await WorkerProcess(own_database, box.url, calm=True).up() for _ in range(2)]
        mails = await queue_mail(context, 200)
        seconds = await until(lambda: queue_empty(context))
        assert len(box.accepted) == len(set(box.accepted)) == len(mails)
        assert await context.db.pool.fetchval("select bool_and(attempts = 1 and status = 'sent') from mail")
        for worker in workers:
            worker.process.send_signal(signal.SIGTERM)
        assert [await worker.ended() for worker in workers] == [0, 0]
        print(f"two workers: {len(mails) / seconds:.0f} mails/s")


async def test_two_jobs_for_one_mail_send_it_once(own_database: str) -> None:
    async with context_on(own_database) as context:
        [mail] = await queue_mail(context)
        mailer = FakeMailer(seconds=0.3)
        first, second = await asyncio.gather(
            actions.send(context, mailer, mail, IMPATIENT), actions.send(context, mailer, mail, IMPATIENT)
        )
        assert {first is None, second is None} == {True, False}, "one sends, the other is told to come back"
        assert await actions.send(context, mailer, mail, IMPATIENT) is None
        assert len(mailer.tried) == 1


async def test_a_cancelled_mail_is_not_sent(own_database: str) -> None:
    async with context_on(own_database) as context:
        [mail] = await queue_mail(context)
        await context.db.pool.execute("update mail set status = 'cancelled' where id = $1", mail)
        mailer = FakeMailer()
        async with working(context, mailer, QUICK):
            await until(lambda: queue_empty(context))
        assert mailer.tried == []


async def test_a_mail_that_kills_every_worker_is_given_up(own_database: str) -> None:
    """Tries that never come to an end count too, or such a mail would go round for ever."""
    async with context_on(own_database) as context:
        [mail] = await queue_mail(context)
        tries = len(IMPATIENT.retry_after) + 1
        await context.db.pool.execute("update mail set status = 'sending', attempts = $2 where id = $1", mail, tries)
        mailer = FakeMailer()
        assert await actions.send(context, mailer, mail, IMPATIENT) is None
        found = await row(context, mail)
        assert (found["status"], found["last_error"], mailer.tried) == ("failed", "no try came to an end", [])


async def test_mails_that_lost_their_job_get_another(own_database: str) -> None:
    async with context_on(own_database) as context:
        [lost] = await queue_mail(context, with_job=False)
        [dead] = await queue_mail(context, with_job=False)
        await context.db.pool.execute("update mail set status = 'sending', attempts = 1 where id = $1", dead)
        [fine] = await queue_mail(context)
        later = datetime.now(UTC) + timedelta(hours=1)
        [waiting] = await queue_mail(context, send_after=later, with_job=False)
        assert await actions.sweep(context, IMPATIENT) == []
        await asyncio.sleep(IMPATIENT.overdue.total_seconds())
        found = await asyncio.gather(actions.sweep(context, IMPATIENT), actions.sweep(context, IMPATIENT))
        assert sorted(chain(*found)) == sorted([lost, dead])
        assert await actions.sweep(context, IMPATIENT) == []
        async with working(context, FakeMailer(), QUICK, IMPATIENT):
            await until(lambda: queue_empty(context))
        states = [(await row(context, mail))["status"] for mail in (lost, dead, fine, waiting)]
        assert states == ["sent", "sent", "sent", "queued"]
