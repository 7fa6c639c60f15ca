"""Saved reports: kept with their questions, shared, sent by mail on the network's own days, stopped, removed."""

import io
import re
from datetime import UTC, datetime
from uuid import UUID

import httpx
import msgspec
import pytest
from python_calamine import CalamineWorkbook

from cluster_rules.errors import RuleViolation
from crm.actions import saved_reports as actions
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.errors import Forbidden, NotFound
from crm.jobs import report_mails
from crm.store import saved_reports as store
from tests.crm.web.office import NORA, send, sign_in, text

pytestmark = pytest.mark.anyio
QUESTION = "period=last_month&compare=year"


async def test_a_report_is_kept_and_opened_with_its_questions(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    page = (await client.get(f"{NORA}/reports/movements?{QUESTION}")).text
    assert "/reports/saved?report=movements&amp;question=period%3Dlast_month" in page
    form = await client.get(f"{NORA}/reports/saved?report=movements&question=period%3Dlast_month%26compare%3Dyear")
    assert "Save “Movements” with these questions" in text(form)
    typed = {"report": "movements", "question": QUESTION, "title": "Last month’s movements", "shared": "yes"}
    answer = await send(client, f"{NORA}/reports/saved", **typed)
    assert answer.status_code == 303
    listed = await client.get(answer.headers["location"])
    assert "The report is saved." in text(listed) and "Last month’s movements" in text(listed)
    assert f'href="{NORA}/reports/movements?period=last_month&amp;compare=year"' in listed.text
    wrong = await send(client, f"{NORA}/reports/saved", **typed | {"title": " ", "every": "day"})
    assert wrong.status_code == 422 and "Last month’s movements" in text(wrong)


@pytest.fixture
async def mine(context: Context) -> tuple[Actor, UUID]:
    """Somebody who manages the network, and the network."""
    async with context.db.tx() as connection:
        network = await connection.fetchval("select id from network where slug = 'nora-industry-network'")
        account = await connection.fetchval(
            "select account_id from role where network_id = $1 and role = 'manager' order by 1 limit 1", network
        )
    return Actor("Manager", "web", manages=frozenset({network}), reads=frozenset({network}), id=account), network


def at(context: Context, *moment: int) -> Context:
    return msgspec.structs.replace(context, clock=FixedClock(datetime(*moment, tzinfo=UTC)))  # type: ignore[arg-type]


async def keep(context: Context, mine: tuple[Actor, UUID], every: str, file: str = "xlsx") -> UUID:
    actor, network = mine
    wanted = actions.Wanted("members", "Members", [("period", "last_month")], True, every, file, [actor.id])
    return await actions.save(context, actor, network, wanted, [network])


@pytest.mark.parametrize(("file", "begins"), [("xlsx", b"PK"), ("pdf", b"%PDF")])
async def test_it_comes_by_mail_once_when_the_month_has_begun(
    context: Context, mine: tuple[Actor, UUID], file: str, begins: bytes
) -> None:
    saved = await keep(context, mine, "month", file)
    assert await report_mails.send_due(at(context, 2026, 11, 30, 22, 30)) == 0, "in Oslo it is November yet"
    assert await report_mails.send_due(at(context, 2026, 12, 1, 4, 59)) == 0, "before six in the morning"
    assert await report_mails.send_due(at(context, 2026, 12, 1, 5, 0)) == 1
    assert await report_mails.send_due(at(context, 2026, 12, 1, 6, 0)) == 0, "once a month"
    async with context.db.tx() as connection:
        mail = await connection.fetchrow("select id, subject, body_text from mail where kind = 'report_sent'")
        kept = await store.file_of(connection, mail["id"])
    assert "/reports/saved" in mail["body_text"] and kept["content"].startswith(begins)
    if file == "xlsx":
        book = CalamineWorkbook.from_filelike(io.BytesIO(kept["content"]))
        assert len(book.get_sheet_by_index(0).to_python()) == 25, "the list itself"
        assert book.get_sheet_by_index(1).to_python()[1][1] == 24
    await actions.stop(context, mine[0], mine[1], saved)
    assert await report_mails.send_due(at(context, 2027, 1, 2, 0, 0)) == 0, "who stopped it gets it no more"
    await actions.remove(context, mine[0], mine[1], saved)
    with pytest.raises(NotFound):
        await actions.remove(context, mine[0], mine[1], saved)


async def test_weeks_begin_at_six_by_the_networks_own_clock_in_summer_too(
    context: Context, mine: tuple[Actor, UUID]
) -> None:
    """29 March 2027 is the Monday after clocks went forward: six in Oslo is four in UTC, five the week before."""
    spring = at(context, 2027, 3, 19, 12, 0)
    await keep(spring, mine, "week")
    assert await report_mails.send_due(at(context, 2027, 3, 22, 4, 30)) == 0
    assert await report_mails.send_due(at(context, 2027, 3, 22, 5, 0)) == 1
    assert await report_mails.send_due(at(context, 2027, 3, 29, 3, 59)) == 0
    assert await report_mails.send_due(at(context, 2027, 3, 29, 4, 0)) == 1


async def test_only_people_with_a_role_in_every_network_get_it(context: Context, mine: tuple[Actor, UUID]) -> None:
    actor, network = mine
    async with context.db.tx() as connection:
        stranger = await connection.fetchval(
            "select a.id from account a where not exists (select from role r where r.account_id = a.id"
            " and (r.network_id = $1 or r.host_id is not null)) limit 1",
            network,
        )
    wanted = actions.Wanted("members", "Members", [], True, "month", "xlsx", [stranger])
    with pytest.raises(RuleViolation, match="report_reader"):
        await actions.save(context, actor, network, wanted, [network])
    saved = await keep(context, mine, "month")
    async with context.db.tx() as connection:
        await connection.execute("delete from role where account_id = $1", actor.id)
    assert await report_mails.send_due(at(context, 2026, 12, 1, 9, 0)) == 0, "the right was lost meanwhile"
    reader = Actor("Viewer", "web", reads=frozenset({network}), id=stranger)
    with pytest.raises(Forbidden):
        await actions.remove(context, reader, network, saved)
    with pytest.raises(NotFound):
        await actions.remove(context, Actor("Nobody", "web", id=stranger), network, saved)


async def test_a_kept_report_is_changed_and_not_sent_at_once(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    typed = {"report": "movements", "question": QUESTION, "title": "Movements", "every": "never", "shared": "yes"}
    await send(client, f"{NORA}/reports/saved", **typed)
    listed = await client.get(f"{NORA}/reports/saved")
    where = re.search(rf"{NORA}/reports/saved\?change=([0-9a-f-]+)", listed.text)
    form = await client.get(where[0])
    assert "Change how “Movements” is kept" in text(form) and 'value="Movements"' in form.text
    async with context.db.tx() as connection:
        me = await connection.fetchval("select account_id from saved_report where id = $1", UUID(where[1]))
    new = {"title": "Moves", "every": "month", "file": "pdf", "readers": str(me)}
    there = f"{NORA}/reports/saved/{where[1]}"
    assert (await send(client, there, **new)).status_code == 303
    async with context.db.tx() as connection:
        row = await store.lock(connection, UUID(where[1]))
        assert list(await store.readers(connection, row.id)) == [me]
    assert (row.title, row.every, row.file, row.shared) == ("Moves", "month", "pdf", False)
    assert row.question == [["period", "last_month"], ["compare", "year"]] and row.sent_for is not None
    wrong = await send(client, there, **new | {"title": " ", "every": "day"})
    assert wrong.status_code == 422 and "Change how" in text(wrong)
    stranger = await send(client, there, **new | {"readers": "00000000-0000-4000-8000-000000000000"})
    assert stranger.status_code == 422 and "needs a role" in text(stranger)
    await sign_in(client, "leser@klynge.example")
    assert (await client.get(where[0])).status_code == 404, "it is not shared any more"
    assert (await send(client, there, **new)).status_code == 404
