"""Surveys: made, opened by mail, answered by link, reminded, closed; anonymous where that is promised; and reported."""

import re
from datetime import date, timedelta
from io import BytesIO
from uuid import UUID

import msgspec
import pytest
import python_calamine

from crm.actions import erasures, retention, surveys
from crm.actor import SYSTEM
from crm.clock import FixedClock
from crm.reads import own_data
from tests.conftest import NOW
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, count, other_browser, send, sign_in, text
from tests.crm.web.test_activities import made

pytestmark = pytest.mark.anyio
PAGE = f"{NORA}/surveys"
SURVEY = {"title_nb": "Årets spørsmål", "title_en": "This year", "intro_nb": "Til programmet.", "last_on": "2026-12-01"}
QUESTIONS = (
    {"kind": "scale", "text_nb": "Hvor fornøyd?", "text_en": "How content?"},
    {"kind": "number", "text_nb": "Nye stillinger?", "text_en": "New jobs?"},
    {"kind": "yes_no", "text_nb": "Nye relasjoner?", "text_en": "New relations?"},
    {"kind": "choice", "text_nb": "Hvor ofte?", "text_en": "How often?", "choices": "Ofte | Often\nSjelden | Seldom"},
    {"kind": "text", "text_nb": "Noe annet?", "text_en": "Anything else?"},
)


async def opened(client, context, **more):
    """An open survey with every kind of question and its mails written: (its page, ids of questions, links)."""
    await sign_in(client)
    page = (await send(client, f"{PAGE}/new", **SURVEY | more)).headers["location"]
    for each in QUESTIONS:
        assert (await send(client, f"{page}/questions", **each)).status_code == 303
    assert (await send(client, f"{page}/opening")).status_code == 303
    await surveys.work(context, UUID(page.rpartition("/")[2]))
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select id from survey_question where survey_id = $1 and superseded_at is null order by place",
            UUID(page.rpartition("/")[2]),
        )
    return page, [f"q-{row['id']}" for row in rows], await links(context)


async def links(context):
    async with context.db.tx() as connection:
        rows = await connection.fetch("select body_text from mail where kind = 'survey' order by created_at, recipient")
    return [re.search(r"https?://[^/]+(/\S+/survey/\S+)", row["body_text"])[1] for row in rows if row["body_text"]]


async def answer(client, link, questions, *said):
    return await client.post(link, data={name: value for name, value in zip(questions, said, strict=False) if value})


async def test_a_survey_from_the_draft_to_the_report(client, context, actor):
    page, questions, sent = await opened(client, context)
    assert len(sent) == 24 and len(set(sent)) == 24
    shown = text(await client.get(page))
    assert "0 of 24 have answered" in shown and "Open and ask the members" not in shown
    asked = text(await client.get(sent[0].replace("/nb/", "/en/")))
    assert "How content?" in asked and "NORA Industry Network sees your answers." in asked
    first = await answer(client, sent[0], questions, "5", "1 200", "1", "0", "Mer samarbeid")
    assert first.status_code == 200 and "Takk. Svarene er lagret." in text(first)
    assert first.headers["cache-control"] == "no-store"
    again = await client.get(sent[0])
    assert "Dere har svart før." in text(again) and 'value="1200"' in again.text and "Mer samarbeid" in again.text
    await answer(client, sent[0], questions, "3", "100", "0", "1", "Mer samarbeid")
    await answer(client, sent[1], questions, "6", "", "1", "1")
    shown = text(await client.get(page))
    assert "2 of 24 have answered" in shown and "average 4.5" in shown and "sum 100" in shown
    assert await count(context, "select count(*) from survey_response where superseded_at is null") == 2
    assert await count(context, "select count(*) from survey_response") == 3, "what was answered before stays"
    found = await made(context, actor, "surveys")
    said = [found[code] for code in ("asked", "answered", "answers", "scale_mean", "anonymous_answers")]
    assert said == [24, 2, 8, 4.5, 0] and found["response_rate"] == pytest.approx(2 / 24)
    report = text(await client.get(f"{NORA}/reports/surveys"))
    assert "How content?" in report and "Seldom" in report and "Hvor" not in report
    file = (await client.get(f"{page}/answers.csv")).text
    assert "How content?,New jobs?,New relations?" in file and ",3,100,No,Seldom,Mer samarbeid" in file
    sheet = python_calamine.CalamineWorkbook.from_filelike(BytesIO((await client.get(f"{page}/answers.xlsx")).content))
    cells = [cell for row in sheet.get_sheet_by_index(0).to_python() for cell in row]
    assert 100.0 in cells and "Mer samarbeid" in cells, "numbers are numbers"
    async with context.db.tx() as connection:
        await connection.execute("update survey_invitation set asked_at = asked_at - interval '3 days'")
    assert "Reminders are on their way." in text(await after(client, await send(client, f"{page}/reminder")))
    await surveys.work(context, UUID(page.rpartition("/")[2]))
    assert await count(context, "select count(*) from mail where kind = 'survey'") == 24 + 22
    assert "written to lately" in text(await after(client, await send(client, f"{page}/reminder")))
    assert (await send(client, f"{page}/closing")).status_code == 303
    late = await answer(client, sent[2], questions, "1")
    assert late.status_code == 409 and "Undersøkelsen er lukket." in text(late)
    assert await links(context) == [], "the mails forget their links"


async def after(client, answered):
    return await client.get(answered.headers["location"])


async def test_an_anonymous_survey_keeps_no_way_from_an_answer_to_who_gave_it(client, context, actor):
    page, questions, sent = await opened(client, context, anonymous="yes")
    sent = [link.replace("/nb/", "/en/") for link in sent]
    assert "The survey is anonymous" in text(await client.get(sent[0]))
    for place, link in enumerate(sent[:5]):
        few = "1" if place < 4 else ""
        assert (await answer(client, link, questions, str(place + 2), "", few, "", f"Ord {place}")).status_code == 200
    await answer(client, sent[0], questions, "6", "", "1", "", "Ord null")
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select r.*, s.opened_at from survey_response r join survey s on s.id = r.survey_id"
        )
        stored = {row["token_hash"] for row in await connection.fetch("select token_hash from survey_link")}
    assert len(rows) == 6 and all(row["organisation_id"] is None for row in rows)
    assert {row["recorded_at"] for row in rows} == {rows[0]["opened_at"]}, "no moment tells who it was"
    assert not {row["key_hash"] for row in rows} & stored
    assert await count(context, "select count(*) from audit where action like 'survey%' and channel <> 'web'") == 0
    shown = text(await client.get(page))
    assert "5 of 24 have answered" in shown and "shown when it is closed" in shown and "average" not in shown
    assert "Ord" not in (await client.get(f"{page}/answers.csv")).text
    assert (await made(context, actor, "surveys"))["anonymous_answers"] == 0
    await send(client, f"{page}/closing")
    shown = text(await client.get(page))
    assert "average 4.8" in shown and "Ord null" in shown and "Ord 0" not in shown
    assert shown.count("Fewer than 5 answers: not shown") == 3, "also the question that four have answered"
    file = (await client.get(f"{page}/answers.csv")).text
    assert "How content?,6,2" in file and "New relations?,Fewer than 5 answers" in file and "Telenor" not in file
    found = await made(context, actor, "surveys")
    assert (found["answered"], found["answers"], found["anonymous_answers"]) == (5, 0, 10)


async def test_two_links_of_one_member_are_one_answer(client, context):
    page, questions, sent = await opened(client, context, anonymous="yes")
    survey = UUID(page.rpartition("/")[2])
    async with context.db.tx() as connection:
        await connection.execute("update survey_invitation set asked_at = asked_at - interval '3 days'")
    await send(client, f"{page}/reminder")
    await surveys.work(context, survey)
    async with context.db.tx() as connection:
        rows = await connection.fetch("select body_text from mail where kind = 'survey' and recipient ="
                                      " (select min(recipient) from mail where kind = 'survey')")  # fmt: skip
    mine = [re.search(r"https?://[^/]+(/\S+/survey/\S+)", row["body_text"])[1] for row in rows]
    assert (await answer(client, mine[0], questions, "4")).status_code == 200
    assert "ble besvart med en annen lenke" in text(await client.get(mine[-1]))
    refused = await answer(client, mine[-1], questions, "4")
    assert refused.status_code == 409
    assert await count(context, "select count(*) from survey_response") == 1
    assert sent


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (("7",), "Skriv et tall fra 1 til 6."),
        (("", "mange"), "Skriv et tall fra"),
        (("", "", "2"), "Skriv et tall fra 0 til 1."),
        (("", "", "", "2"), "Skriv et tall fra 0 til 1."),
        (("", "", "", "", "x" * 2001), "2"),
        ((), "Svar på minst ett spørsmål."),
    ],
)
async def test_an_answer_that_cannot_be_is_refused_and_nothing_is_kept(client, context, said, wrong):
    _, questions, sent = await opened(client, context)
    answered = await answer(client, sent[0], questions, *said)
    assert answered.status_code == 422 and wrong in text(answered), text(answered)
    assert await count(context, "select count(*) from survey_response") == 0
    assert (await client.get(f"{sent[0]}x")).status_code == 404


async def test_what_may_be_changed_and_when(client, context):
    await sign_in(client)
    for wrong in (
        {"title_nb": "", "title_en": ""},
        {"last_on": "2026-11-21"},
        {"last_on": "2028-01-01"},
        {"last_on": ""},
    ):
        assert (await send(client, f"{PAGE}/new", **SURVEY | wrong)).status_code == 422
    page = (await send(client, f"{PAGE}/new", **SURVEY)).headers["location"]
    assert "Delete the draft?" in text(await client.get(page))
    assert (await send(client, f"{page}/removal")).headers["location"] == PAGE
    assert (await client.get(page)).status_code == 404
    page = (await send(client, f"{PAGE}/new", **SURVEY)).headers["location"]
    empty = await send(client, f"{page}/opening")
    assert empty.status_code == 422 and "Add a question first." in text(empty)
    few = await send(client, f"{page}/questions", kind="choice", text_nb="Hva?", choices="Bare ett")
    assert few.status_code == 422 and "Write 2 to 12 choices" in text(few)
    await send(client, f"{page}/questions", kind="text", text_nb="Bort?")
    gone = re.search(r'action="([^"]+/remove)"', (await client.get(page)).text)[1]
    await send(client, gone)
    assert await count(context, "select count(*) from survey_question") == 0
    await send(client, f"{page}/questions", kind="scale", text_nb="Fornøyd?")
    await send(client, f"{page}/opening")
    own = await count(context, "select id from survey_question")
    assert (await send(client, gone)).status_code == 409, "somebody may have answered"
    assert (await send(client, f"{page}/removal")).status_code == 409
    worded = {"question": str(own), "kind": "scale", "text_nb": "Hvor fornøyd?", "text_en": "How content?"}
    assert (await send(client, f"{page}/questions", **worded)).status_code == 303
    assert (await send(client, f"{page}/questions", **worded | {"kind": "number"})).status_code == 409
    assert (await send(client, f"{page}/questions", kind="text", text_nb="Ny?")).status_code == 409
    assert await count(context, "select count(*) from survey_question") == 2, "both wordings are known"
    assert (await send(client, f"{page}/change", **SURVEY | {"anonymous": "yes"})).status_code == 303
    assert await count(context, "select count(*) from survey where anonymous") == 0, "what was promised stays"
    assert (await send(client, f"{page}/opening")).status_code == 409
    await send(client, f"{page}/closing")
    assert (await send(client, f"{page}/change", **SURVEY)).status_code == 409


async def test_it_closes_by_itself_and_the_overview_reminds_before(client, context):
    page, _, _ = await opened(client, context, last_on="2026-11-25")
    assert "This year closes 25 Nov 2026: 24 have not answered" in text(await client.get(NORA))
    assert await surveys.close_over(context, SYSTEM) == 0
    later = msgspec.structs.replace(context, clock=FixedClock(NOW + timedelta(days=4)))
    assert await surveys.close_over(later, SYSTEM) == 1
    assert "Closed" in text(await client.get(page))


async def test_a_person_finds_their_answers_and_is_forgotten_in_them(client, context, actor):
    _, questions, sent = await opened(client, context)
    await answer(client, sent[0], questions, "5", "", "", "", "Ring meg, hilsen Kari")
    async with context.db.tx() as connection:
        who = await connection.fetchrow(
            "select c.id, c.organisation_id, i.email from survey_invitation i join contact c"
            " on c.organisation_id = i.organisation_id and lower(c.email) = i.email where i.answered"
        )
        found = await own_data.of_contact(connection, who["organisation_id"], who["id"], list(actor.manages))
        mine = await own_data.of_organisation(connection, who["organisation_id"])
    assert found and found["surveys"][0]["answers"]["Noe annet?"] == "Ring meg, hilsen Kari"
    assert mine["surveys"][0]["answers"]["Hvor fornøyd?"] == "5"
    await erasures.erase_contact(context, actor, who["organisation_id"], who["id"])
    assert await count(context, "select count(*) from survey_invitation where email = $1", who["email"]) == 0
    assert await count(context, "select count(*) from survey_answer where text <> ''") == 0
    assert await count(context, "select count(*) from survey_answer where number = 5") == 1, "the member's answer stays"


async def test_who_may(client, context):
    page, _, _ = await opened(client, context)
    async with other_browser(client, "leser@klynge.example") as reader:
        assert "How content?" in text(await reader.get(page))
        assert (await send(reader, f"{page}/closing")).status_code == 403
    async with other_browser(client, CLAIRE_ONLY) as other:
        assert (await other.get(page.replace(NORA, CLAIRE))).status_code == 404
        assert (await send(other, f"{page}/closing".replace(NORA, CLAIRE))).status_code == 404
    assert await count(context, "select count(*) from survey where status = 'open'") == 1


async def test_names_go_when_their_time_is_over(context, client):
    page, questions, sent = await opened(client, context)
    await answer(client, sent[0], questions, "5", "", "", "", "Ord")
    await send(client, f"{page}/closing")
    await retention.run(context, SYSTEM, date(2030, 3, 1))
    assert await count(context, "select count(*) from survey_invitation where email <> '' or name <> ''") == 0
    assert await count(context, "select count(*) from survey_answer where text <> ''") == 0
