"""The page of late payment: what is due, letters read first, decisions, more time, the collector's file; the wall."""

import re
from datetime import timedelta

import httpx
import pytest

from crm.actions import dunning
from crm.actor import Actor
from crm.app import create_app
from crm.context import Context
from tests.crm.billing import Bill
from tests.crm.dunning import DUE, at, late_bill, steps, value, with_ladder
from tests.crm.web.office import CLAIRE_ONLY, NORA, send, sign_in

pytestmark = pytest.mark.anyio
PAGE = f"{NORA}/dunning"


async def browser_at(context: Context, days: int) -> httpx.AsyncClient:
    then = at(context, days)
    transport = httpx.ASGITransport(app=create_app(then.settings, then), raise_app_exceptions=False)
    opened = httpx.AsyncClient(transport=transport, base_url=then.settings.base_url)
    await sign_in(opened)
    return opened


async def late(context: Context, actor: Actor, until: tuple[int, ...] = ()) -> Bill:
    await with_ladder(context)
    mine = await late_bill(context, actor)
    for day in until:
        await dunning.run(at(context, day), actor, "nora-industry-network")
    return mine


async def test_without_steps_the_page_says_how_to_get_them(client: httpx.AsyncClient, context: Context) -> None:
    await with_ladder(context, ())
    await sign_in(client)
    page = (await client.get(PAGE)).text
    assert "No steps yet." in page and "Read and send" not in page


async def test_what_is_due_is_read_and_sent_once(context: Context, actor: Actor) -> None:
    mine = await late(context, actor)
    client = await browser_at(context, 14)
    page = (await client.get(PAGE)).text
    assert "Sen AS" in page and "Fee for the reminder: NOK" in page
    letters = (await client.get(f"{PAGE}/confirm")).text
    assert "kari@nordby.example" in letters and mine.kid in letters and "Purregebyr: 35" in letters
    assert await steps(context, mine.id) == []
    for _ in range(2):
        sent = await send(client, f"{PAGE}/runs")
        assert sent.status_code == 303
    assert await steps(context, mine.id) == [("reminder-1", "done")]
    assert "Letters sent: 1." in (await client.get(f"{PAGE}?done=sent&letters=1&waiting=0")).text
    assert (await client.get(f"{PAGE}/confirm")).status_code == 303


async def test_another_day_can_be_looked_at(context: Context, actor: Actor) -> None:
    await late(context, actor)
    client = await browser_at(context, 1)
    assert "Nothing is due." in (await client.get(PAGE)).text
    later = (DUE + timedelta(days=14)).isoformat()
    page = (await client.get(f"{PAGE}?on={later}")).text
    assert "Sen AS" in page and "Read and send" not in page


async def test_a_suspension_is_decided_on_the_page(context: Context, actor: Actor) -> None:
    mine = await late(context, actor, (14, 30, 45))
    client = await browser_at(context, 46)
    page = (await client.get(PAGE)).text
    assert "Put the membership of Sen AS on hold?" in page
    step = await value(context, "select id from dunning_step where outcome = 'waiting'")
    answer = await send(client, f"{PAGE}/steps/{step}/carry-out", **{f"note.{step}": "Ring oss"})
    assert answer.status_code == 303, answer.text
    held = await value(
        context,
        "select count(*) from unpaid_suspension u join membership_decision d on d.id = u.decision_id"
        " where u.invoice_id = $1 and d.withdrawn_at is null",
        mine.id,
    )
    assert held == 1
    assert "Ring oss" in await value(context, "select body_text from mail where kind = 'membership_suspended_unpaid'")
    number = await value(context, "select series || '-' || number from invoice where id = $1", mine.id)
    member = (await client.get(f"{NORA}/members/{mine.organisation}")).text
    assert f"On hold: invoice {number} is not paid" in member
    bill = (await client.get(f"{NORA}/invoices/{mine.id}")).text
    assert "Reminder sent" in bill and "Collection notice sent" in bill and "Fee, interest or compensation" in bill
    again = await send(client, f"{PAGE}/steps/{step}/carry-out")
    assert again.status_code == 409 and "decided already" in again.text


async def test_more_time_and_back(context: Context, actor: Actor) -> None:
    mine = await late(context, actor)
    client = await browser_at(context, 14)
    path = f"{PAGE}/invoices/{mine.id}"
    wrong = await send(client, f"{path}/pause", **{f"reason.{mine.id}": "", f"last_day.{mine.id}": "2027-02-01"})
    assert wrong.status_code == 422 and f"reason.{mine.id}" in wrong.text
    wrong = await send(client, f"{path}/pause", **{f"reason.{mine.id}": "Avtalt", f"last_day.{mine.id}": "snart"})
    assert wrong.status_code == 422 and "YYYY-MM-DD" in wrong.text
    given = {f"reason.{mine.id}": "Avtalt med Kari", f"last_day.{mine.id}": "2027-02-01"}
    assert (await send(client, f"{path}/pause", **given)).status_code == 303
    page = (await client.get(PAGE)).text
    assert "Avtalt med Kari" in page and "1 Feb 2027" in page and "Nothing is due." in page
    assert (await send(client, f"{path}/resume")).status_code == 303
    assert (await send(client, f"{path}/resume")).status_code == 409
    assert "Nothing is due." not in (await client.get(PAGE)).text


async def test_the_collectors_file(context: Context, actor: Actor) -> None:
    await late(context, actor, (14, 30, 45))
    step = await value(context, "select id from dunning_step where outcome = 'waiting'")
    await dunning.decide(at(context, 45), actor, step, "decline")
    await dunning.run(at(context, 61), actor, "nora-industry-network")
    step = await value(context, "select id from dunning_step where outcome = 'waiting'")
    client = await browser_at(context, 61)
    assert "Send the claim on Sen AS to a collector?" in (await client.get(PAGE)).text
    assert (await send(client, f"{PAGE}/steps/{step}/carry-out")).status_code == 303
    file = await client.get(f"{PAGE}/collector.csv")
    head, row = file.content.decode("utf-8-sig").splitlines()
    assert head.startswith("Invoice,Organisation,") and "Sen AS" in row and "kari@nordby.example" in row
    assert "For the collector (1)" in (await client.get(PAGE)).text


async def test_in_norwegian(context: Context, actor: Actor) -> None:
    await late(context, actor)
    client = await browser_at(context, 14)
    client.cookies.set("lang", "nb")
    assert "Skal sendes i dag" in (await client.get(PAGE)).text
    assert "Send nå" in (await client.get(f"{PAGE}/confirm")).text


async def test_another_networks_manager_finds_nothing(client: httpx.AsyncClient) -> None:
    await sign_in(client, CLAIRE_ONLY)
    for path in (PAGE, f"{PAGE}/confirm", f"{PAGE}/collector.csv"):
        assert (await client.get(path)).status_code == 404


async def test_journey_6_all_that_are_shown_are_chosen_read_and_reminded(context: Context, actor: Actor) -> None:
    """Overdue figure -> Select all shown -> Send reminders -> Send now."""
    mine = await late(context, actor)
    other = await late_bill(context, actor, "Treg AS")
    client = await browser_at(context, 14)
    overview = (await client.get(NORA)).text
    assert f'<a class="card kpi" href="{PAGE}">' in overview and "Overdue" in overview
    page = (await client.get(PAGE)).text
    box = 'form="pick" name="invoice"'
    assert page.count(box) == 2 and not re.search(f"{box}[^>]* checked", page)
    assert f'href="{PAGE}?chosen=all"' in page and "Select all 2 shown" in page
    page = (await client.get(f"{PAGE}?chosen=all")).text
    assert len(re.findall(f"{box}[^>]* checked", page)) == 2
    nothing = await send(client, f"{PAGE}/confirm")
    assert nothing.status_code == 303, "nobody was chosen"
    letters = (await send(client, f"{PAGE}/confirm", invoice=str(other.id))).text
    assert "Treg AS" in letters and "Sen AS" not in letters
    assert f'type="hidden" name="invoice" value="{other.id}"' in letters
    assert await steps(context, other.id) == []
    await send(client, f"{PAGE}/runs", invoice=str(other.id))
    assert await steps(context, other.id) == [("reminder-1", "done")]
    assert await steps(context, mine.id) == [], "the other one was not chosen"
    assert (await send(client, f"{PAGE}/confirm", invoice="nonsense")).status_code == 404
