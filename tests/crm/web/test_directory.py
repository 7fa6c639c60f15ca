"""The directory's pages and files over HTTP: the same rows everywhere, neutral words for who is gone, nothing leaks."""

import csv
import io
import re

import msgspec
import pytest
from lxml import etree
from python_calamine import CalamineWorkbook

from crm.actions import listings
from crm.actor import Actor
from crm.context import Context

pytestmark = pytest.mark.anyio
QUESTIONS = [
    "",
    "?network=nora-industry-network",
    "?q=energi&county=31",
    "?sort=joined&kind=company&size=10-49",
    "?q=zzzzqq",
]


def slugs(page: str) -> list[str]:
    return re.findall(r'<h3><a href="/en/members/([^"]+)">', page)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_files_hold_what_the_page_shows(client, question: str) -> None:
    pages, address = [], f"/en/members{question}"
    while address:
        answer = await client.get(address)
        assert answer.status_code == 200
        pages += slugs(answer.text)
        following = re.search(r'<a href="([^"]+)" rel="next"', answer.text)
        address = following[1].replace("&amp;", "&") if following else ""
    items = (await client.get(f"/en/members.json{question}")).json()["items"]
    assert [each["url"].rsplit("/", 1)[1] for each in items] == pages
    table = list(csv.reader(io.StringIO((await client.get(f"/en/members.csv{question}")).content.decode("utf-8-sig"))))
    assert [row[-1].rsplit("/", 1)[1] for row in table[1:]] == pages
    book = (await client.get(f"/en/members.xlsx{question}")).content
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    assert [str(row[-1]).rsplit("/", 1)[1] for row in sheet[1:]] == pages
    said = re.search(r"<h2>([\d,]+) members?</h2>", (await client.get(f"/en/members{question}")).text)
    assert int(said[1]) == len(pages)


async def test_the_feed_of_new_members(client) -> None:
    answer = await client.get("/nb/members.atom?network=nora")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = etree.fromstring(answer.content)
    entries = feed.findall("{*}entry")
    dates = [each.findtext("{*}updated") for each in entries]
    assert len(entries) > 5
    assert dates == sorted(dates, reverse=True)
    assert feed.findtext("{*}updated") == dates[0]


async def test_the_table_shows_the_same_members(client) -> None:
    listed = slugs((await client.get("/en/members?q=oslo")).text)
    table = (await client.get("/en/members?q=oslo&view=table")).text
    assert re.findall(r'<td><a href="/en/members/([^"]+)">', table) == listed


async def test_chips_take_one_choice_away(client) -> None:
    page = (await client.get("/en/members?q=ener&network=nora&network=nora-startup&county=03")).text
    chips = re.findall(r'<a class="chip" href="([^"]+)">', page)
    assert [c.replace("&amp;", "&") for c in chips] == [
        "/en/members?network=nora&network=nora-startup&county=03",
        "/en/members?q=ener&network=nora-startup&county=03",
        "/en/members?q=ener&network=nora&county=03",
        "/en/members?q=ener&network=nora&network=nora-startup",
    ]


@pytest.mark.parametrize(
    "question",
    ["?sort=age", "?view=map", "?q=" + "x" * 501, "?network=" + "x" * 101, "?county=%00",
     "?" + "&".join(f"field=f{n}" for n in range(31))],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["", ".csv", ".json"])
async def test_what_cannot_be_asked_is_a_clear_422(client, question: str, kind: str) -> None:
    answer = await client.get(f"/nb/members{kind}{question}")
    assert answer.status_code == 422
    assert question[1:].split("=")[0] in answer.text


@pytest.mark.parametrize(
    "question", ["?network=ghost", "?q=%00", "?q=<script>alert(1)</script>", "?unknown=1", "?q=%F0%9F%98%80"]
)
async def test_strange_questions_are_answered_safely(client, question: str) -> None:
    answer = await client.get(f"/en/members{question}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


async def test_a_page_that_never_was_is_a_422_and_files_have_no_pages(client) -> None:
    assert (await client.get("/en/members?after=x")).status_code == 422
    assert (await client.get("/en/members.csv?after=x")).status_code == 200


async def test_short_addresses_choose_a_language_and_keep_the_question(client) -> None:
    answer = await client.get("/members?q=ab", headers={"accept-language": "en"})
    assert (answer.status_code, answer.headers["location"]) == (302, "/en/members?q=ab")
    answer = await client.get("/members/esmart-systems", headers={"accept-language": "nb"})
    assert answer.headers["location"] == "/nb/members/esmart-systems"


async def test_a_profile_says_why_it_is_linked_and_shows_no_address(client, context: Context) -> None:
    page = (await client.get("/en/members/esmart-systems")).text
    assert (
        "eSmart Systems is in CLAIRE Innovation Network because it is Principal partner in NORA Industry Network"
        in page
    )
    assert 'itemtype="https://schema.org/Organization"' in page
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select c.name, c.email from contact c join organisation o on o.id = c.organisation_id"
            " where o.name = 'eSmart Systems'"
        )
    assert rows
    for row in rows:
        assert row["email"] not in page
        assert row["name"] not in page


async def test_gone_is_said_in_the_same_words_whatever_the_reason(client, context: Context, actor: Actor) -> None:
    texts = set()
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select organisation_id as id, slug from directory_entry where shown order by name limit 3"
        )
    own = Actor("Own", "web", runs=frozenset(r["id"] for r in rows), acts_for=frozenset(r["id"] for r in rows))
    await listings.set_listed(context, own, rows[0]["id"], False)
    await listings.restrict(context, actor, rows[1]["id"], "defence")
    async with context.db.tx() as connection:
        await connection.execute(
            "update membership_period set superseded_at = now() where organisation_id = $1", rows[2]["id"]
        )
        await connection.execute("set constraints all immediate")
    for row in rows:
        answer = await client.get(f"/en/members/{row['slug']}")
        assert answer.status_code == 410
        texts.add(re.sub(r"/members/[a-z0-9-]+|members%2F[a-z0-9-]+", "", answer.text))
        assert (await client.get(f"/en/members/{row['slug']}/contact")).status_code == 410
    assert len(texts) == 1
    assert (await client.get("/en/members/nobody-was-ever-here")).status_code == 404


async def test_a_new_name_leaves_a_redirect(client, context: Context) -> None:
    async with context.db.tx() as connection:
        await connection.execute("update organisation set name = 'Helt Nytt Navn' where name = 'eSmart Systems'")
        await connection.execute("set constraints all immediate")
    answer = await client.get("/nb/members/esmart-systems")
    assert (answer.status_code, answer.headers["location"]) == (301, "/nb/members/helt-nytt-navn")


async def test_writing_to_a_member(client) -> None:
    path = "/en/members/esmart-systems/contact"
    wrong = await client.post(path, data={"name": "", "email": "nonsense", "text": "Hello"})
    assert wrong.status_code == 422
    assert "<title>Error:" in wrong.text
    assert 'value="nonsense"' in wrong.text
    sent = await client.post(path, data={"name": "Ola", "email": "ola@spor.example", "text": "Hello"})
    assert sent.status_code == 200
    assert "on its way" in sent.text
    other = {"sec-fetch-site": "cross-site"}
    assert (await client.post(path, data={"name": "Ola"}, headers=other)).status_code == 403


async def test_persons_without_consent_are_nowhere(client, context: Context) -> None:
    async with context.db.tx() as connection:
        names = [
            row["name"]
            for row in await connection.fetch(
                "select o.name from organisation o join organisation_profile f on f.organisation_id = o.id"
                " where f.kind = 'person' and f.superseded_at is null"
            )
        ]
    body = msgspec.json.encode((await client.get("/en/members.json")).json()).decode()
    assert [name for name in names if f'"{name}"' in body] == []


async def test_a_frame_only_on_sites_that_were_named(client, context: Context, application) -> None:
    assert (await client.get("/en/embed/members")).status_code == 404
    before = application.state.context
    sites = msgspec.structs.replace(context.settings, embed_sites=("https://www.cluster.example",))
    application.state.context = msgspec.structs.replace(before, settings=sites)
    try:
        answer = await client.get("/en/embed/members?q=oslo")
    finally:
        application.state.context = before
    assert answer.status_code == 200
    assert "frame-ancestors https://www.cluster.example" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in (await client.get("/en/members")).headers["content-security-policy"]
    assert slugs(answer.text) == slugs((await client.get("/en/members?q=oslo")).text)


async def test_networks_tell_how_many_members_they_share(client) -> None:
    page = (await client.get("/en/networks/nora-industry-network")).text
    rows = re.findall(r'<a href="(/en/members\?network=nora-industry-network[^"]*with=[^"]+)">([\d,]+) shared', page)
    assert len(rows) >= 3
    for href, count in rows:
        listed = (await client.get(href.replace("&amp;", "&"))).text
        assert re.search(r"<h2>([\d,]+) members?</h2>", listed)[1] == count
