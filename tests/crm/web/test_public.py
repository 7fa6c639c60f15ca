"""Pages anybody may read: both languages, figures that agree with the data, rules and prices in words."""

import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from crm.i18n import LANGUAGES

pytestmark = pytest.mark.anyio

NETWORKS = (
    "nora",
    "nora-industry-network",
    "claire",
    "claire-innovation-network",
    "nora-startup",
    "sin-applied-ai",
    "nce-smart-energy-markets",
)
PATHS = ["/", "/networks", "/privacy", "/accessibility", "/join", *(f"/networks/{slug}" for slug in NETWORKS)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PATHS)
async def test_a_page_is_there_in_its_language(client, path, language):
    answer = await client.get(f"/{language}{path}")
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.text
    assert answer.text.count("<h1") == 1
    assert "http" not in re.sub(r'href="https?://[^"]+" rel="noopener"', "", answer.text.split("<main")[1])


@pytest.mark.parametrize("path", ["/fr/", "/en/networks/nope", "/en/join/nope", "/en/networks/%00", "/nb/join/%F0%9F"])
async def test_what_is_not_there_is_not_found(client, path):
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("path", "accepted", "to"),
    [("/", "en", "/en/"), ("/", "nn,en;q=0.5", "/nb/"), ("/networks", "en", "/en/networks"), ("/join", "", "/nb/join")],
)
async def test_a_short_address_leads_to_the_readers_language(client, path, accepted, to):
    answer = await client.get(path, headers={"accept-language": accepted})
    assert (answer.status_code, answer.headers["location"]) == (302, to)
    assert "accept-language" in answer.headers["vary"].lower()


async def test_the_figures_count_each_organisation_once(client, context):
    async with context.db.tx() as connection:
        organisations = await connection.fetchval(
            "select count(distinct organisation_id) from membership_period where superseded_at is null"
            " and status = 'active' and starts_on <= '2026-11-22' and (ends_on is null or ends_on > '2026-11-22')"
        )
    text = (await client.get("/en/")).text
    figures = re.findall(r'<dd class="tn">([\d,]+)</dd>', text)
    assert figures == ["7", str(organisations), "5"]  # five linked memberships: crm/demo_data/README.md


async def test_persons_and_those_who_said_no_are_not_named(client, context):
    shown = await _newest(client)
    assert shown
    async with context.db.tx() as connection:
        first = await connection.fetchrow("select id from organisation where name = $1", shown[0])
        await connection.execute(
            "insert into consent (id, organisation_id, application_id, purpose, text_version, given,"
            " actor, recorded_at) select $1, $2, id, 'directory', 1, false, 'test', $3 from application limit 1",
            uuid4(),
            first["id"],
            datetime(2026, 11, 22, tzinfo=UTC),
        )
        persons = {
            r["name"]
            for r in await connection.fetch(
                "select o.name from organisation o join organisation_profile p on p.organisation_id = o.id"
                " where p.kind = 'person'"
            )
        }
    after = await _newest(client)
    assert shown[0] not in after and len(after) == len(shown)
    assert persons and not persons & set(after)


async def _newest(client):
    return re.findall(r'<div><p class="strong">(.*?)</p>', (await client.get("/en/")).text)


async def test_a_network_tells_levels_price_last_and_what_comes_with_it(client):
    text = (await client.get("/en/networks/nora-industry-network")).text
    table = text[text.index('<table class="compare"') : text.index("</table>")]
    heads = re.findall(r'<th scope="row">(.*?)</th>', table)
    assert heads == ["For whom", "What you get", "Votes", "You also get", "Fee"]
    assert "NOK\xa0150,000" in table and "Example fees" in text
    assert "The level Principal partner here also gives membership in CLAIRE Innovation Network" in text
    assert "For companies in Norway." in text
    assert "Name, organisation number, country, level, website. Nothing about contact persons." in text
    assert "Collaboration agreement between NORA and CLAIRE, 2021" in text


async def test_the_rule_is_told_from_both_sides_and_only_while_it_holds(client, context):
    assert "gives membership here too" in (await client.get("/en/networks/claire-innovation-network")).text
    async with context.db.tx() as connection:
        await connection.execute("update agreement set ends_on = '2026-11-22' where code = 'nora-claire-2021'")
    assert "gives membership here too" not in (await client.get("/en/networks/claire-innovation-network")).text
    nora = (await client.get("/en/networks/nora-industry-network")).text
    table = nora[nora.index('<table class="compare"') : nora.index("</table>")]
    assert "CLAIRE Innovation" not in table and "also gives membership in" not in nora


async def test_prices_that_depend_on_size_say_so(client):
    text = (await client.get("/nb/networks/sin-applied-ai")).text
    assert "8\xa0000–48\xa0000\xa0kr" in text and "etter antall ansatte, mva. kommer i tillegg" in text
    assert "Initiativtaker" not in text  # a level nobody can apply for


async def test_the_privacy_page_names_the_cookies_there_are(client):
    answer = await client.get("/en/privacy")
    assert set(client.cookies) <= {"lang"}
    assert "no tracing" in answer.text
