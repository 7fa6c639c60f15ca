"""The overview, the linked memberships, the frame, in both languages."""

import re

import pytest

from tests.crm.web.office import CLAIRE, NORA, count, member, send, sign_in, text

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["Active members 24", "Came and left", "Fees paid", "Overdue", "Answer Straumvik Havenergi AS"],
        ),
        ("nb", ["Oversikt", "Kom og gikk", "Innbetalt kontingent", "Forfalt", "Svar Straumvik Havenergi AS"]),
    ],
)
async def test_the_overview_shows_the_figures_and_what_waits(client, language, words):
    await sign_in(client, language=language)
    shown = text(await client.get(NORA))
    for word in words:
        assert word in shown, word
    assert "Lysverk Industrier" in shown  # becomes a partner on 1 January: a change ahead


async def test_the_parts_of_the_overview_add_up(client):
    await sign_in(client)
    for base, network in ((NORA, 24), (CLAIRE, 11)):
        page = (await client.get(base)).text
        table = re.search(r"(?s)Members by level</caption>.*?</table>", page)[0]
        totals = re.findall(r'<td class="num">(?:<a [^>]*>)?(\d+)', table)
        parts = re.findall(r'<td class="num only-wide">(?:<a [^>]*>|<span [^>]*>)?(\d+)', table)
        assert sum(map(int, totals)) == sum(map(int, parts)) == network


async def test_a_linked_and_own_member_counts_once(client, context):
    """AC-2c: Fjordsyn Helse pays for CLAIRE itself and is linked too; it is one of the eleven, once."""
    await sign_in(client)
    shown = text(await client.get(f"{CLAIRE}/members?origin=both"))
    assert "1 member as of" in shown and "Fjordsyn Helse" in shown and "Own and by rule" in shown
    organisation, _ = await member(context, "Fjordsyn Helse", "claire-innovation-network")
    page = text(await client.get(f"{CLAIRE}/members/{organisation}"))
    assert "EUR 1,500" in page and "Why is Fjordsyn Helse in CLAIRE Innovation Network?" in page


@pytest.mark.parametrize("language", ["en", "nb"])
async def test_the_list_of_links_names_cause_rule_version_and_end(client, context, language):
    await sign_in(client, language=language)
    shown = text(await client.get(f"{NORA}/links"))
    rows = await count(
        context,
        "select count(*) from membership_grant where kind = 'linked' and superseded_at is null and ends_on is null",
    )
    assert shown.count("With its cause" if language == "en" else "Sammen med årsaken") == rows
    last = {"en": "31 Dec 2026", "nb": "31. des. 2026"}[language]
    assert last in shown and "Lysverk Industrier" in shown
    assert text(await client.get(f"{CLAIRE}/links")).count("Lysverk Industrier") == 1
    only = await client.get(f"{NORA}/links?rule=principal-joins-claire")
    assert only.status_code == 200 and "Lysverk Industrier" in text(only)


async def test_a_network_without_rules_says_so(client):
    await sign_in(client)
    assert "No linked memberships." in text(await client.get("/n/nora-startup/links"))
    empty = text(await client.get("/n/nora-startup/applications"))
    assert "No applications wait." in empty
    assert "Nothing waits for you." in text(await client.get("/n/nora-startup"))


async def test_the_frame_names_the_networks_the_reader_manages_and_no_other(client):
    await sign_in(client, "claire@klynge.example")
    page = (await client.get(CLAIRE)).text
    assert set(re.findall(r'href="/n/([a-z-]+)"', page)) == {"claire", "claire-innovation-network"}
    assert 'aria-current="page"' in page and "Claire Dubois" in page


async def test_pages_are_not_kept_by_anybody(client):
    await sign_in(client)
    for path in (NORA, f"{NORA}/members", f"{NORA}/applications", f"{NORA}/links", "/account"):
        answer = await client.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_change_of_language_after_a_refused_form_leads_to_a_page(client, context):
    await sign_in(client)
    wanted = await count(context, "select id from application order by submitted_at limit 1")
    path = f"{NORA}/applications/{wanted}"
    refused = await send(client, f"{path}/question", note="")
    assert refused.status_code == 422
    href = re.search(r'href="(/language/nb\?back=[^"]+)"', refused.text)[1]
    back = (await client.get(href)).headers["location"]
    assert back == path and (await client.get(back)).status_code == 200


async def test_a_page_that_is_not_there_leads_back_to_where_one_came_from(client):
    await sign_in(client)
    lost = await client.get(f"{NORA}/nothing")
    assert lost.status_code == 404 and 'href="/n"' in lost.text and "Back to the office" in text(lost)
    assert 'href="/my"' in (await client.get("/my/nothing/here")).text
    assert 'href="/n"' not in (await client.get("/en/nothing")).text
