"""The queue and one application over HTTP: what is shown is what then happens; every answer in both languages."""

import re
from uuid import uuid4

import pytest

from tests.crm.web.office import (
    CLAIRE,
    CLAIRE_ONLY,
    NORA,
    application,
    count,
    member,
    other_browser,
    send,
    sign_in,
    text,
)

pytestmark = pytest.mark.anyio
COMPANY, MUNICIPALITY = "Straumvik Havenergi AS", "Hvalnes kommune"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["4 applications", "Straumvik Havenergi AS", "Principal partner", "Waiting 4", "Approved 0"]),
        ("nb", ["4 søknader", "Straumvik Havenergi AS", "Hovedpartner", "Venter 4", "Godkjent 0"]),
    ],
)
async def test_the_queue_shows_who_waits_the_longest_first(client, language, words):
    await sign_in(client, language=language)
    answer = await client.get(f"{NORA}/applications")
    for word in words:
        assert word in text(answer), word
    names = re.findall(r'applications/[0-9a-f-]{36}">([^<]+)<', answer.text)
    assert names == [COMPANY, "Grindvoll Matindustri AS", "Ugleblikk AS", MUNICIPALITY]


async def test_an_empty_queue_says_why(client):
    await sign_in(client)
    assert "No applications wait. An application that is sent to" in text(await client.get(f"{CLAIRE}/applications"))
    declined = text(await client.get(f"{NORA}/applications?status=declined"))
    assert "No applications with this status. 4 wait for an answer. Show those that wait" in declined
    assert "4 applications" in text(await client.get(f"{NORA}/applications?status=nonsense&page=-1"))


@pytest.mark.parametrize("language", ["en", "nb"])
async def test_one_application_shows_the_answers_the_register_and_what_approving_does(client, context, language):
    await sign_in(client, language=language)
    shown = text(await client.get(f"{NORA}/applications/{await application(context, COMPANY)}?starts_on=2027-03-01"))
    for word in ("364 085 834", "240", "sunniva.krokholmen@straumvik-havenergi.example", "Bestilling 4500"):
        assert word in shown, word
    expected = {
        "en": (
            "becomes principal partner in NORA Industry Network from 1 Mar 2027",
            "Linked membership in CLAIRE Innovation Network from 1 Mar 2027, no fee",
            "306 of 365 days",
            "Not known before this application.",
        ),
        "nb": (
            "blir hovedpartner i NORA Industry Network fra 1. mars 2027",
            "Koblet medlemskap i CLAIRE Innovation Network fra 1. mars 2027, uten kontingent",
            "306 av 365 dager",
            "Ikke kjent før denne søknaden.",
        ),
    }
    for words in expected[language]:
        assert words.lower() in shown.lower(), words


async def test_ac_02_what_the_page_promised_is_what_approving_made(client, context):
    """AC-2 through the pages: one POST makes both memberships, the invoice, the mails; the page then says why."""
    await sign_in(client)
    wanted = await application(context, COMPANY)
    path = f"{NORA}/applications/{wanted}"
    promised = text(await client.get(f"{path}?starts_on=2027-03-01"))
    mails = await count(context, "select count(*) from mail")
    answer = await send(client, f"{path}/approval", starts_on="2027-03-01")
    organisation, _ = await member(context, COMPANY)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{NORA}/members/{organisation}?done=approved&application={wanted}"
    page = await client.get(answer.headers["location"])
    shown = text(page)
    assert f"{COMPANY} is approved." in shown
    assert f"Why is {COMPANY} in CLAIRE Innovation Network?" in shown
    assert "Principal partners join CLAIRE Innovation Network" in shown and "Starts 1 Mar 2027" in shown
    amount = re.search(r"On the draft invoice, no VAT (NOK [\d,.]+)", promised)[1]
    assert f"Total {amount}" in shown
    linked = (
        "select count(*) from membership_grant g join network n on n.id = g.network_id where g.organisation_id = $1"
        " and g.kind = 'linked' and n.slug = 'claire-innovation-network' and g.superseded_at is null"
        " and g.starts_on = '2027-03-01'"
    )
    assert await count(context, linked, organisation) == 1
    feed = (
        "select count(*) from feed f join network n on n.id = f.network_id where n.slug = $2 and f.organisation_id = $1"
    )
    assert await count(context, feed, organisation, "claire-innovation-network") == 1
    assert await count(context, "select count(*) from mail") > mails
    claire, _ = await member(context, COMPANY, "claire-innovation-network")
    assert claire == organisation


async def test_approving_again_from_another_tab_changes_nothing_and_says_so(client, context):
    await sign_in(client)
    wanted = await application(context, COMPANY)
    path = f"{NORA}/applications/{wanted}"
    await send(client, f"{path}/approval", starts_on="2027-03-01")
    before = [await count(context, f"select count(*) from {table}") for table in ("membership_grant", "charge", "mail")]
    answer = await send(client, f"{path}/approval", starts_on="2027-04-01")
    assert answer.status_code == 303 and "done=approved-before" in answer.headers["location"]
    said = text(await client.get(answer.headers["location"]))
    assert re.search(r"Approved already by Demo Manager on \d{1,2} \w{3} 20\d\d", said), "the server's own day"
    after = [await count(context, f"select count(*) from {table}") for table in ("membership_grant", "charge", "mail")]
    assert before == after
    decided = text(await client.get(path))  # the back button
    assert "Approved by Demo Manager" in decided and "Open the member" in decided and "If you approve" not in decided


async def test_a_decision_by_somebody_else_meanwhile_is_told_plainly(client, context):
    await sign_in(client)
    path = f"{NORA}/applications/{await application(context, COMPANY)}"
    async with other_browser(client, "ingrid@klynge.example") as ingrid:
        assert (await send(ingrid, f"{path}/decline", note="Not now.")).status_code == 303
    answer = await send(client, f"{path}/approval", starts_on="2027-03-01")
    assert answer.status_code == 409
    assert "This application has been decided already" in text(answer)
    assert "Declined by Ingrid Vik" in text(answer)
    assert await count(context, "select count(*) from membership_decision where channel = 'web'") == 0


@pytest.mark.parametrize("name", ["Mälarglimt", MUNICIPALITY])
async def test_ac_02b_the_page_says_which_predicate_failed(client, context, name):
    """AC-2b through the pages: a municipality's application, and a Swedish company that is a member."""
    await sign_in(client)
    if name == MUNICIPALITY:
        wanted = await application(context, name)
        shown = text(await client.get(f"{NORA}/applications/{wanted}"))
        assert "does not apply. It is of the kind public body, and the rule wants company." in shown
        assert "Linked membership in CLAIRE" not in shown
        answer = await send(client, f"{NORA}/applications/{wanted}/approval", starts_on="2027-01-01")
        member_page = text(await client.get(answer.headers["location"]))
        assert "Why no linked membership" in member_page and "the rule wants company" in member_page
        organisation, _ = await member(context, name)
    else:
        organisation, _ = await member(context, "Mälarglimt Industri")
        member_page = text(await client.get(f"{NORA}/members/{organisation}"))
        assert "Why no linked membership" in member_page
        assert "Sweden" in member_page and "the rule wants Norway" in member_page
    assert "Why is" not in member_page
    linked = "select count(*) from membership_grant where organisation_id = $1 and kind = 'linked'"
    assert await count(context, linked, organisation) == 0


@pytest.mark.parametrize("language", ["en", "nb"])
@pytest.mark.parametrize("day", ["2207-01-01", "tomorrow", "2026-13-01", "1999-01-01"])
async def test_a_day_that_cannot_be_keeps_the_form_and_names_the_field(client, context, day, language):
    await sign_in(client, language=language)
    path = f"{NORA}/applications/{await application(context, COMPANY)}"
    for answer in (await client.get(f"{path}?starts_on={day}"), await send(client, f"{path}/approval", starts_on=day)):
        assert answer.status_code == 422
        assert 'href="#starts_on"' in answer.text and 'aria-invalid="true"' in answer.text
        assert re.search(r"<title>\s*(Error|Feil):", answer.text)
        assert "/approval" not in answer.text  # nothing to approve before it is right
    assert await count(context, "select count(*) from membership_decision where channel = 'web'") == 0


async def test_asking_needs_a_question_sends_it_and_waits(client, context):
    await sign_in(client)
    path = f"{NORA}/applications/{await application(context, COMPANY)}"
    empty = await send(client, f"{path}/question", note="  ")
    assert empty.status_code == 422 and 'href="#note"' in empty.text and 'id="note"' in empty.text
    long = await send(client, f"{path}/question", note="x" * 2001)
    assert long.status_code == 422 and "x" * 2001 in long.text
    answer = await send(client, f"{path}/question", note="Which <b>project</b>?")
    assert answer.headers["location"] == f"{path}?done=question"
    page = await client.get(answer.headers["location"])
    assert "Your question is sent." in text(page) and "Question asked" in text(page)
    assert "Which &lt;b&gt;project&lt;/b&gt;?" in page.text
    asked = "select count(*) from mail where kind = 'application_question' and body_text not like '%tatus%'"
    assert await count(context, asked) == 1  # the demo's applicants filled in no page: they have no status page
    assert "Approve" in text(page)


async def test_declining_needs_a_reason_and_happens_once(client, context):
    await sign_in(client)
    path = f"{NORA}/applications/{await application(context, COMPANY)}"
    assert (await send(client, f"{path}/decline", note="")).status_code == 422
    assert (await send(client, f"{path}/decline", note="Full this year.")).status_code == 303
    assert (await send(client, f"{path}/decline", note="Full this year.")).status_code == 303
    assert "Declined by Demo Manager" in text(await client.get(path))
    assert await count(context, "select count(*) from mail where kind = 'application_declined'") == 1
    answer = await send(client, f"{path}/question", note="And?")
    assert answer.status_code == 409 and "decided already" in text(answer)


async def test_the_same_name_under_another_number_is_suggested(client, context):
    await sign_in(client)
    wanted = await application(context, COMPANY)
    async with context.db.tx() as connection:
        other, owner = (
            uuid4(),
            await connection.fetchval("select organisation_id from application where id = $1", wanted),
        )
        await connection.execute(
            "insert into organisation (id, name, family_id, created_at)"
            " values ($1, 'STRAUMVIK Hav-energi A/S', $1, now())",
            other,
        )
        await connection.execute(
            "insert into organisation_profile (id, organisation_id, name, kind, country, starts_on, recorded_at)"
            " select $1, $2, name, kind, country, starts_on, recorded_at from organisation_profile"
            " where organisation_id = $3",
            uuid4(),
            other,
            owner,
        )
    shown = text(await client.get(f"{NORA}/applications/{wanted}"))
    assert "This may be somebody you know already STRAUMVIK Hav-energi A/S" in shown


async def test_another_networks_application_is_not_found(client, context):
    await sign_in(client, CLAIRE_ONLY)
    wanted = await application(context, COMPANY)
    assert (await client.get(f"{NORA}/applications/{wanted}")).status_code == 404
    assert (await client.get(f"{CLAIRE}/applications/{wanted}")).status_code == 404
