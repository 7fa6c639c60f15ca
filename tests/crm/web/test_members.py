"""The member list, the page of a member, and every change of a membership, over HTTP."""

import re

import pytest

from crm.reads import member_search as reads
from tests.crm.web.office import CLAIRE, NORA, count, member, other_browser, send, sign_in, text

pytestmark = pytest.mark.anyio


def names(answer) -> list[str]:
    return re.findall(r'/members/[0-9a-f-]{36}[^"]*">([^<]+)</a></span>', answer.text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 24),
        ("?tier=principal", 8),
        ("?tier=principal&tier=partner", 17),
        ("?origin=linked", 0),
        ("?state=ended", 3),
        ("?q=lysverk", 1),
        ("?q=317 236 573", 1),
        ("?q=%25", 0),
        ("?q=_", 0),
        ("?q=\\", 0),
        ("?tier=principal&q=e&state=active", None),
        ("?tier=nonsense&origin=x&state=y&sort=z&page=abc", 24),
        ("?as_of=2020-07-01", 3),
        ("?as_of=2019-01-01", None),
        ("?as_of=not-a-day", 24),
        ("?page=99999999999999999999", None),
    ],
)
async def test_the_list_shows_what_its_address_says(client, query, found):
    await sign_in(client)
    answer = await client.get(f"{NORA}/members{query}")
    assert answer.status_code == 200
    if found:
        assert len(names(answer)) == found and f"{found} member" in text(answer)
    elif found == 0:
        assert "No member fits." in text(answer)


async def test_the_list_and_a_member_as_they_were_known(client, context):
    """The demo data was recorded when it was loaded: the day before, nobody knew of anybody."""
    await sign_in(client)
    before = await client.get(f"{NORA}/members?known=2026-11-21&tier=principal")
    assert before.status_code == 200
    assert names(before) == []
    assert "as known on 21 Nov 2026" in text(before)
    assert 'name="known" type="date" value="2026-11-21"' in before.text
    assert "known=2026-11-21" in before.text.split('class="chips"')[-1]
    today = await client.get(f"{NORA}/members?known=2026-11-22&tier=principal")
    assert len(names(today)) == 8, "a day that is not over is known as it is now"
    assert "as known" not in text(today).replace("As known", "")
    somebody = re.search(r'href="([^"]*/members/[0-9a-f-]{36})"', today.text)
    page = await client.get(f"{somebody[1]}?as_of=2026-11-20&known=2026-11-21")
    assert page.status_code == 200
    assert "as they were known on 21 Nov 2026" in text(page)
    now = await client.get(somebody[1])
    assert "Principal partner" in text(now) and 'id="why-' in now.text
    assert 'id="why-' not in page.text


async def test_every_figure_of_a_filter_is_what_the_filter_gives(client):
    """Each count beside a box is the number of rows one gets by ticking only that box."""
    await sign_in(client)
    page = await client.get(f"{CLAIRE}/members")
    facets = re.findall(r'name="(\w+)" value="(\w+)"><span>[^<]+</span><span class="count">(\d+)', page.text)
    assert len(facets) >= 9
    for name, value, figure in facets:
        answer = await client.get(f"{CLAIRE}/members?{name}={value}")
        assert len(names(answer)) == int(figure), (name, value)


async def test_members_by_the_industry_that_the_register_says(client, context):
    await sign_in(client)
    page = await client.get(f"{NORA}/members")
    assert 'name="nace"' not in page.text, "nobody's is known: nothing to choose"
    async with context.db.tx() as connection:
        ids = await connection.fetch(
            "select m.organisation_id as id from membership m join network n on n.id = m.network_id"
            " join organisation o on o.id = m.organisation_id where n.slug = 'nora-industry-network'"
            " and not exists (select from identifier i where i.organisation_id = o.id and i.scheme = 'no-orgnr')"
            " order by o.sort_name limit 3"
        )
        for n, row in enumerate(ids):
            await connection.execute(
                "insert into identifier (id, organisation_id, scheme, value)"
                " values (gen_random_uuid(), $1, 'no-orgnr', $2)",
                *(row["id"], f"89999999{n}"),
            )
            await connection.execute(
                "insert into register_unit (number, nace, as_of) values ($1, $2, '2026-11-01')",
                *(f"89999999{n}", [["62.100"], ["62.200", "25.110"], ["25.120"]][n]),
            )
    page = await client.get(f"{NORA}/members")
    facet = re.findall(r'name="nace" value="(\w+)"><span>([^<]+)</span><span class="count">(\d+)', page.text)
    assert facet == [
        ("C", "C Manufacturing", "2"),
        ("25", "C25 Fabricated metal products", "2"),
        ("K", "K Telecom, computing and information", "2"),
        ("62", "K62 Programming and IT consultancy", "2"),
    ]
    both = await client.get(f"{NORA}/members?nace=62&nace=C")
    assert len(names(both)) == 3 and "Industry (NACE): K62 Programming" in text(both)
    assert len(names(await client.get(f"{NORA}/members?nace=62"))) == 2
    assert names(await client.get(f"{NORA}/members?nace=99")) == []
    answer = await send(client, f"{NORA}/views", name="IT", query="nace=62")
    kept = re.search(rf'href="({NORA}/views/[0-9a-f-]{{36}})"', (await client.get(f"{NORA}/members")).text)[1]
    assert answer.status_code == 303 and "nace=62" in (await client.get(kept)).headers["location"]


async def test_the_figures_of_the_overview_lead_to_as_many_rows(client):
    await sign_in(client)
    for base in (NORA, CLAIRE, "/n/sin-applied-ai"):
        page = (await client.get(base)).text.replace("&amp;", "&")
        links = re.findall(r'<a href="([^"]*/members\?[^"]*)">(\d+)</a>', page)
        assert links
        for href, figure in links:
            found = text(await client.get(href))
            assert re.search(rf"\b{figure} members? as of", found), (href, figure)
        total = re.search(r"Active members (\d+)", text(await client.get(base)))[1]
        assert f"{total} members as of" in text(await client.get(f"{base}/members?state=active&state=ending"))


async def test_pages_follow_each_other_without_a_gap(client, monkeypatch):
    monkeypatch.setattr(reads, "PAGE", 10)
    await sign_in(client)
    seen = []
    href = f"{NORA}/members?sort=since"
    for _ in range(3):
        answer = await client.get(href)
        seen += names(answer)
        onward = re.search(r'<a href="([^"]+)" rel="next"', answer.text)
        href = onward[1].replace("&amp;", "&") if onward else ""
    assert not href and len(seen) == len(set(seen)) == 24
    assert "21–24 of 24" in text(answer)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            [
                "Why is eSmart Systems in CLAIRE Innovation Network?",
                "Because Principal partner in NORA Industry Network",
                "This rule applied Principal partners join CLAIRE Innovation Network",
                "So we created Member in CLAIRE Innovation Network",
                "It ends when eSmart Systems is no longer principal partner in NORA Industry Network.",
                "NOK 150,000",
                "EUR 0",
                "decided by Demo data (import)",
            ],
        ),
        (
            "nb",
            [
                "Hvorfor er eSmart Systems med i CLAIRE Innovation Network?",
                "Fordi Hovedpartner i NORA Industry Network",
                "Denne regelen gjelder Hovedpartnere blir med i CLAIRE Innovation Network",
                "Derfor opprettet vi Medlem i CLAIRE Innovation Network",
                "150 000 kr",
                "0 EUR",
                "bestemt av Demo data (import)",
            ],
        ),
    ],
)
async def test_the_page_of_a_member_says_why(client, context, language, words):
    await sign_in(client, language=language)
    organisation, _ = await member(context, "eSmart Systems")
    shown = text(await client.get(f"{NORA}/members/{organisation}")).lower()
    for word in words:
        assert word.lower() in shown, word
    assert shown.index(words[0].lower()) < shown.index("2016")  # the reason stands above the history


async def test_the_timeline_links_a_linked_membership_to_its_cause(client, context):
    await sign_in(client)
    organisation, _ = await member(context, "eSmart Systems")
    page = (await client.get(f"{NORA}/members/{organisation}")).text
    causes = re.findall(r'href="#(decision-[0-9a-f-]+)">the cause', page)
    assert causes and all(f'id="{cause}"' in page for cause in causes)


async def test_memberships_can_be_seen_as_of_a_day(client, context):
    await sign_in(client)
    organisation, _ = await member(context, "Lysverk Industrier")
    path = f"{NORA}/members/{organisation}"
    past, future = (
        text(await client.get(f"{path}?as_of=2022-03-31")),
        text(await client.get(f"{path}?as_of=2027-01-01")),
    )
    assert "Memberships as they were on 31 Mar 2022" in past and "No membership on this day." in past
    assert "Memberships as they will be on 1 Jan 2027" in future and "Why is Lysverk" not in future
    table = future[future.index("Memberships as of 1 Jan 2027") :]
    assert "Partner NOK 45,000" in table


async def test_a_member_of_another_network_shows_only_what_the_reader_may_see(client, context):
    """Claire's managers see the linked membership and the rule, and neither NORA's fee nor NORA's decisions."""
    await sign_in(client, "claire@klynge.example")
    organisation, _ = await member(context, "eSmart Systems")
    shown = text(await client.get(f"{CLAIRE}/members/{organisation}"))
    assert "Why is eSmart Systems in CLAIRE Innovation Network?" in shown
    assert "NOK 150,000" not in shown and "Demo data (import)" not in shown and "NCE" not in shown
    assert "Try a change" not in shown


async def test_a_linked_membership_cannot_be_changed_by_hand(client, context):
    await sign_in(client)
    organisation, membership = await member(context, "eSmart Systems", "claire-innovation-network")
    home = f"{CLAIRE}/members/{organisation}"
    assert "End membership" not in text(await client.get(home))
    form = await client.get(f"{home}/memberships/{membership}/ending")
    assert form.status_code == 200 and "not a member in its own right" in text(form)
    answer = await send(client, f"{home}/memberships/{membership}/ending", last_day="2026-12-31")
    assert answer.status_code == 409 and "not a member in its own right" in text(answer)


async def test_ac_02d_a_drop_ends_the_linked_membership_and_taking_it_back_revives_it(client, context):
    """AC-2d through the pages: preview, the drop, the toast with its way back, and all as it was."""
    await sign_in(client)
    organisation, membership = await member(context, "eSmart Systems")
    home = f"{NORA}/members/{organisation}"
    form = f"{home}/memberships/{membership}/tier-change"
    linked = (
        "select count(*) from membership_grant where organisation_id = $1 and kind = 'linked'"
        " and superseded_at is null and ends_on is not distinct from $2::date"
    )
    before = text(await client.get(f"{form}?tier=partner&on=2028-01-01"))
    assert "Linked membership in CLAIRE Innovation Network ends; the last day is 31 Dec 2027" in before
    assert "eSmart Systems, on 3 Oct 2027" in before or "eSmart Systems, on 2 Oct 2027" in before
    assert await count(context, linked, organisation, None) == 1  # a preview stores nothing

    answer = await send(client, form, tier="partner", on="2028-01-01", reason="Smaller budget")
    assert answer.status_code == 303 and answer.headers["location"].startswith(f"{home}?done=")
    page = await client.get(answer.headers["location"])
    assert "Level in NORA Industry Network changes to Partner, 1 Jan 2028".lower() in text(page).lower()
    assert "Smaller budget" in text(page) and "Ends 31 Dec 2027" in text(page)
    from_day = (await client.get(f"{home}?as_of=2028-01-01")).text
    assert "CLAIRE Innovation" not in re.search(r"(?s)<tbody>.*?</tbody>", from_day)[0]
    back = re.search(r'role="status".*?action="([^"]+/take-back)"', page.text, re.DOTALL)[1]

    answer = await send(client, back)
    assert answer.status_code == 303 and "taken=" in answer.headers["location"]
    shown = text(await client.get(answer.headers["location"]))
    assert "Taken back: Level in NORA Industry Network" in shown and "taken back by Demo Manager" in shown
    assert await count(context, linked, organisation, None) == 1
    assert (await send(client, back)).status_code == 303  # twice is harmless
    assert await count(context, linked, organisation, None) == 1


async def test_an_address_cannot_claim_what_did_not_happen(client, context):
    await sign_in(client)
    organisation, _ = await member(context, "eSmart Systems")
    for query in ("done=approved", "done=x", "taken=00000000-0000-0000-0000-000000000000", "done=%3Cb%3E"):
        assert 'class="toast' not in (await client.get(f"{NORA}/members/{organisation}?{query}")).text


@pytest.mark.parametrize("language", ["en", "nb"])
@pytest.mark.parametrize(
    ("change", "fields", "status", "field"),
    [
        ("tier-change", {"tier": "partner", "on": ""}, 422, "on"),
        ("tier-change", {"tier": "", "on": "2027-01-01"}, 422, "tier"),
        ("tier-change", {"tier": "no-such", "on": "2027-01-01"}, 422, "tier"),
        ("tier-change", {"tier": "principal", "on": "2027-01-01"}, 409, "tier"),
        ("tier-change", {"tier": "partner", "on": "2207-01-01"}, 422, "on"),
        ("tier-change", {"tier": "partner", "on": "1.1.2027"}, 422, "on"),
        ("ending", {"last_day": "9999-12-31"}, 422, "last_day"),
        ("ending", {"last_day": "2010-01-01"}, 422, "last_day"),
        ("ending", {"last_day": "2026-12-31", "reason": "x" * 2001}, 422, "reason"),
        ("ending", {"last_day": "2026-12-31", "reason": "a\x07b"}, 422, "reason"),
        ("suspension", {"on": "2026-12-01", "last_day": "2026-11-01"}, 422, "last_day"),
        ("suspension", {"on": "2026-12-01", "last_day": "soon"}, 422, "last_day"),
    ],
)
async def test_a_change_that_cannot_be_keeps_the_form_and_names_the_field(
    client, context, change, fields, status, field, language
):
    await sign_in(client, language=language)
    organisation, membership = await member(context, "eSmart Systems")
    before = await count(context, "select count(*) from membership_decision")
    answer = await send(client, f"{NORA}/members/{organisation}/memberships/{membership}/{change}", **fields)
    assert answer.status_code == status, text(answer)
    assert re.search(r"<title>\s*(Error|Feil):", answer.text)
    assert f'href="#{field}"' in answer.text
    if field != "reason":
        assert f'id="{field}"' in answer.text
    for value in fields.values():
        shown = value not in ("", "principal") and len(value) < 100 and "\x07" not in value
        assert not shown or value in answer.text  # the level it has is no choice
    assert await count(context, "select count(*) from membership_decision") == before


async def test_ending_and_suspending_show_what_follows_and_do_it(client, context):
    await sign_in(client)
    organisation, membership = await member(context, "Telenor")
    home = f"{NORA}/members/{organisation}"
    path = f"{home}/memberships/{membership}"
    preview = text(await client.get(f"{path}/suspension?on=2026-12-01"))
    assert "Membership in NORA Industry Network is suspended from 1 Dec 2026" in preview
    assert "Membership in CLAIRE Innovation Network is suspended from 1 Dec 2026" in preview
    assert preview.index("NORA Industry Network is suspended") < preview.index("CLAIRE Innovation Network is suspended")
    assert "Mails to Telenor; the managers of NORA Industry Network" in preview
    answer = await send(client, f"{path}/suspension", on="2026-12-01", last_day="")
    page = await client.get(answer.headers["location"])
    assert "Lift the suspension" in text(page)
    assert "Suspended" in text(await client.get(f"{home}?as_of=2026-12-02"))
    lift = re.search(r'action="([^"]+/take-back)">.*?Lift the suspension', page.text, re.DOTALL)[1]
    assert (await send(client, lift)).status_code == 303
    assert "Lift the suspension" not in text(await client.get(home))

    answer = await send(client, f"{path}/ending", last_day="2026-12-31", reason="Moved abroad")
    shown = text(await client.get(answer.headers["location"]))
    assert "Membership in NORA Industry Network ends, last day 31 Dec 2026" in shown and "Moved abroad" in shown
    assert "1 member " in text(await client.get(f"{NORA}/members?state=ending"))
    again = await send(client, f"{path}/ending", last_day="2026-12-31")
    assert again.status_code == 409 and "ends on that day already" in text(again)


async def test_a_decision_taken_back_by_somebody_else_is_shown_as_theirs(client, context):
    await sign_in(client)
    organisation, membership = await member(context, "Telenor")
    path = f"{NORA}/members/{organisation}/memberships/{membership}"
    answer = await send(client, f"{path}/ending", last_day="2026-12-31")
    decision = answer.headers["location"].split("done=")[1]
    async with other_browser(client, "ingrid@klynge.example") as ingrid:
        await send(ingrid, f"{path}/decisions/{decision}/take-back")
    answer = await send(client, f"{path}/decisions/{decision}/take-back")
    assert "taken back by Ingrid Vik" in text(await client.get(answer.headers["location"]))


@pytest.mark.parametrize("path", ["ending2", "decisions/x/take-back", "tier_change"])
async def test_an_unknown_change_is_not_found(client, context, path):
    await sign_in(client)
    organisation, membership = await member(context, "Telenor")
    answer = await send(client, f"{NORA}/members/{organisation}/memberships/{membership}/{path}")
    assert answer.status_code == 404


async def test_on_paper_every_head_stands_over_its_column(client):
    await sign_in(client)
    table = (await client.get(f"{NORA}/members")).text.split("<table")[1].split("</table>")[0]
    heads, (row, *_) = table.split("</thead>")[0].split("<th ")[1:], table.split("</thead>")[1].split("<tr>")[1:]
    cells = row.split("<td")[1:]
    assert ["no-print" in head.split(">")[0] for head in heads] == ["no-print" in cell.split(">")[0] for cell in cells]
    assert "no-print" in heads[0], "boxes to tick are of the screen"
