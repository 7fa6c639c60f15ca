"""After sending: a question is answered, an application withdrawn, and what became of it is told."""

import pytest

from crm.actions import applications
from tests.crm.web.office import NORA_ONLY, other_browser, send
from tests.crm.web.wizard import Visitor, application_of

pytestmark = pytest.mark.anyio


async def test_a_question_is_answered_on_the_status_page(client, context, actor):
    visitor = await Visitor(client).until("check")
    wanted = await application_of(context, visitor)
    await applications.ask(context, actor, wanted, "What will <b>you</b> bring?")
    status = f"/en/join/status/{visitor.token}"
    visitor.page = await client.get(status)
    assert "What will <b>you</b> bring?" in visitor.text
    visitor.page = empty = await client.post(status, data={"answer": " "})
    assert empty.status_code == 422 and visitor.errors == [("answer", "Write an answer.")]
    assert (await client.post(status, data={"answer": "Two theses."})).status_code == 303
    visitor.page = await client.get(status)
    assert "Two theses." in visitor.text and "The application is sent" in visitor.title


async def test_withdrawing_asks_first_and_is_told(client, context):
    visitor = await Visitor(client).until("check")
    status = f"/en/join/status/{visitor.token}"
    assert "Nothing is created and nothing is invoiced" in (await client.get(f"{status}/withdraw")).text
    for _ in range(2):
        assert (await client.post(f"{status}/withdraw")).headers["location"] == status
    visitor.page = await client.get(status)
    assert "The application is withdrawn" in visitor.title
    assert "nothing to withdraw" in (await client.get(f"{status}/withdraw")).text
    again = await Visitor(client).until("check")  # the way is free for a new one
    assert "The application is sent" in again.title


async def test_an_approved_application_shows_what_it_made_and_why(client, context, actor):
    visitor = await Visitor(client).until("check")
    await applications.approve(context, actor, await application_of(context, visitor), context.clock.now().date())
    visitor.page = await client.get(f"/en/join/status/{visitor.token}")
    assert "The application is approved" in visitor.title
    assert "CLAIRE Innovation Network · Member" in visitor.text
    assert "linked membership, because you are a member of NORA Industry Network" in visitor.text


async def test_a_declined_application_shows_the_reason(client, context, actor):
    visitor = await Visitor(client).until("check")
    await applications.decline(context, actor, await application_of(context, visitor), "We are full until spring.")
    visitor.page = await client.get(f"/en/join/status/{visitor.token}")
    assert "We are full until spring." in visitor.text and "Start a new application" in visitor.text


async def test_the_manager_reads_asks_and_approves_what_the_browser_sent(client, context):
    visitor = await Visitor(client).until("check")
    wanted = await application_of(context, visitor)
    async with other_browser(client, NORA_ONLY) as office:
        path = f"/n/nora-industry-network/applications/{wanted}"
        page = await office.get(path)
        assert page.status_code == 200 and "Fjordlys Data AS" in page.text
        assert (await send(office, f"{path}/question", note="What will you bring?")).status_code == 303
        await client.post(f"/en/join/status/{visitor.token}", data={"answer": "Two theses."})
        assert "Two theses." in (await office.get(path)).text
        assert (await send(office, f"{path}/approval", starts_on="2026-11-22")).status_code == 303
    visitor.page = await client.get(f"/en/join/status/{visitor.token}")
    assert "The application is approved" in visitor.title and "CLAIRE Innovation Network" in visitor.text


async def test_a_reader_who_is_signed_in_finds_the_way_to_the_back_office(client):
    async with other_browser(client, NORA_ONLY) as office:
        page = (await office.get("/en/")).text
        assert 'href="/n"' in page and "Back office" in page and 'href="/sign-in"' not in page
