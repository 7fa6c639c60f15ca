"""After sending: a question is answered, an application withdrawn, and what became of it is told."""

import pytest

from crm.actions import applications
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
