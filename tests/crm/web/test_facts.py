"""The office: facts about a member changed from a day, with what follows; sizes, agreed fees, roles, owners."""

import re

import httpx
import pytest

from crm.context import Context
from tests.crm.api.support import CLAIRE, approved, memberships
from tests.crm.api.support import NORA as SLUG
from tests.crm.web.office import CLAIRE_ONLY, NORA, send, sign_in, text

pytestmark = pytest.mark.anyio

Headers = dict[str, str]


@pytest.fixture
async def one(client: httpx.AsyncClient, manager_headers: Headers) -> str:
    """A principal partner of NORA Industry Network since January, linked to CLAIRE."""
    sent, _ = await approved(client, manager_headers, starts_on="2026-01-01")
    return sent["organisation_id"]


async def test_item_15_a_move_is_seen_made_and_taken_back_on_pages(
    client: httpx.AsyncClient, manager_headers: Headers, one: str
) -> None:
    await sign_in(client)
    here = f"{NORA}/members/{one}/facts"
    assert f'href="{here}"' in (await client.get(f"{NORA}/members/{one}")).text
    page = await client.get(here)
    assert page.status_code == 200 and "If these facts change" not in text(page)
    page = await client.get(here, params={"on": "2026-12-01", "country": "SE", "kind": "company"})
    seen = text(page).partition("If these facts change, this happens")[2]
    assert "CLAIRE" in seen and "30 Nov 2026" in seen, seen
    assert set(await memberships(client, manager_headers, one, as_of="2027-01-01")) == {SLUG, CLAIRE}
    answer = await send(client, here, on="2026-12-01", country="SE", reason="Moved")
    assert answer.status_code == 303, text(answer)
    assert set(await memberships(client, manager_headers, one, as_of="2027-01-01")) == {SLUG}
    page = await client.get(here)
    assert "Sweden" in text(page) and "Moved" in text(page)
    found = re.search(rf'action="({here}/[0-9a-f-]+/take-back)"', page.text)
    assert found
    assert (await send(client, found[1])).status_code == 303
    assert "taken back" in text(await client.get(here))
    assert set(await memberships(client, manager_headers, one, as_of="2027-01-01")) == {SLUG, CLAIRE}
    shown = text(await client.get(f"{NORA}/members/{one}/changes"))
    assert "Facts about it changed" in shown and "taken back by" in shown


async def test_bad_facts_are_named_at_their_fields(client: httpx.AsyncClient, one: str) -> None:
    await sign_in(client)
    here = f"{NORA}/members/{one}/facts"
    for typed, said in (
        ({"on": "soon", "county": "46"}, 'id="on-error"'),
        ({"on": "2026-12-01", "employees": "many"}, 'id="employees-error"'),
        ({"on": "2026-12-01", "website": "nowhere"}, 'id="website-error"'),
        ({"on": "2026-12-01", "parent": one}, 'id="parent-error"'),
        ({"on": "1900-01-01", "county": "46"}, 'id="on-error"'),
    ):
        answer = await send(client, here, **typed)
        assert answer.status_code in (409, 422) and said in answer.text, (typed, text(answer))
    answer = await client.get(here, params={"q": "equinor"})
    assert "Equinor" in text(answer)


async def test_the_page_speaks_norwegian_and_is_not_for_others(client: httpx.AsyncClient, one: str) -> None:
    await sign_in(client, language="nb")
    page = text(await client.get(f"{NORA}/members/{one}/facts", params={"on": "2026-12-01", "country": "SE"}))
    assert "Hvis opplysningene endres, skjer dette" in page
    await sign_in(client, CLAIRE_ONLY)
    assert (await client.get(f"{NORA}/members/{one}/facts")).status_code in (403, 404)


async def test_a_level_that_does_not_fit_is_shown_before_it_is_on_the_work_list(
    client: httpx.AsyncClient, manager_headers: Headers
) -> None:
    small = {"organisation__founded_on": "2025-01-01", "organisation__employees": 9, "tier": "startup"}
    sent, _ = await approved(client, manager_headers, starts_on="2026-01-01", **small)
    await sign_in(client)
    here = f"{NORA}/members/{sent['organisation_id']}/facts"
    page = text(await client.get(here, params={"on": "2026-11-01", "kind": "public_body"}))
    assert "goes to the work list" in page and "not open to organisations of the kind" in page


async def test_a_figure_is_tried_and_saved(client: httpx.AsyncClient, one: str) -> None:
    await sign_in(client)
    here = f"{NORA}/members/{one}/sizes"
    figure = {
        "basis": "turnover",
        "value": "12,500,000",
        "currency": "nok",
        "as_of": "2025-12-31",
        "source": "Accounts",
    }
    page = text(await client.get(here, params=figure | {"look": "size"}))
    assert "No fee changes" in page and "Nobody has told" in page
    assert (await send(client, here, **figure)).status_code == 303
    page = text(await client.get(here))
    assert "Turnover" in page and "12,500,000" in page and "Accounts" in page
    for typed, said in (
        (figure | {"value": "much"}, 'id="value-error"'),
        (figure | {"currency": ""}, 'id="currency-error"'),
        (figure | {"as_of": ""}, 'id="as_of-error"'),
        (figure | {"basis": "colour"}, 'id="basis-error"'),
    ):
        answer = await send(client, here, **typed)
        assert answer.status_code == 422 and said in answer.text, text(answer)
    refused = await send(client, f"{NORA}/members/{one}/agreed-fees", component="x", amount="5", starts_on="2027-01-01")
    assert refused.status_code == 422
    shown = text(await client.get(f"{NORA}/members/{one}"))
    assert "Sizes recorded" in shown


async def test_a_role_is_given_and_ended_on_pages(client: httpx.AsyncClient, one: str) -> None:
    await sign_in(client)
    here = f"{NORA}/members/{one}/roles"
    role = {"role": "core", "starts_on": "2026-02-01", "source": "Board"}
    assert "No fee changes" in text(await client.get(here, params=role | {"look": "role"}))
    assert "It has no role here" in text(await client.get(here))
    assert (await send(client, here, **role)).status_code == 303
    page = await client.get(here)
    assert "Core partner" in text(page) and "Board" in text(page)
    again = await send(client, here, **role)
    assert again.status_code == 409 and 'id="starts_on-error"' in again.text
    found = re.search(rf'action="({here}/[0-9a-f-]+)"', page.text)
    assert found
    assert (await send(client, found[1], ends_on="soon")).status_code == 422
    assert (await send(client, found[1], ends_on="2026-06-01")).status_code == 303
    page = await client.get(here)
    assert "31 May 2026" in text(page)
    found = re.search(rf'action="({here}/[0-9a-f-]+)"', page.text)
    assert found and (await send(client, found[1], wrong="yes")).status_code == 303
    assert "It has no role here" in text(await client.get(here))
    owner = await send(client, f"{NORA}/members/{one}/owner", country="DE", as_of="2026-01-01", owner_source="Accounts")
    assert owner.status_code == 303 and "Germany" in text(await client.get(here))
    shown = text(await client.get(f"{NORA}/members/{one}"))
    assert "Role given" in shown and "Owner recorded" in shown


async def test_a_persons_employer_is_found_and_saved(client: httpx.AsyncClient, context: Context, one: str) -> None:
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select p.organisation_id as id, n.slug from organisation_profile p"
            " join membership m using (organisation_id) join network n on n.id = m.network_id"
            " where p.kind = 'person' limit 1"
        )
    await sign_in(client)
    home = f"/n/{row['slug']}/members/{row['id']}"
    assert 'name="employer"' in (await client.get(f"{home}/roles", params={"q": "Fjellheim"})).text
    assert (await send(client, f"{home}/employer", employer=one)).status_code == 303
    assert "Fjellheim Robotikk AS" in text(await client.get(f"{home}/roles"))
    assert (await send(client, f"{home}/employer", employer=one, leave="yes")).status_code == 303


async def test_ac_5_the_page_shows_the_facts_of_a_day_as_they_were_known(
    client: httpx.AsyncClient, context: Context
) -> None:
    async with context.db.tx() as connection:
        one = await connection.fetchval("select id from organisation where name = 'eSmart Systems'")
        await connection.execute(
            "update organisation_profile set superseded_at = '2026-11-10' where organisation_id = $1", one
        )
        await connection.execute(
            "insert into organisation_profile select (jsonb_populate_record(p, jsonb_build_object("
            "'id', gen_random_uuid(), 'country', v.country, 'recorded_at', recorded, 'superseded_at', till))).*"
            " from organisation_profile p,"
            " (values ('SE', '2026-01-01'::timestamptz, '2026-11-10'::timestamptz), ('DK', '2026-11-10', null))"
            " as v (country, recorded, till) where p.organisation_id = $1",
            one,
        )
    await sign_in(client)
    here = f"{NORA}/members/{one}"
    assert "Denmark" in text(await client.get(here))
    page = text(await client.get(here, params={"known": "2026-11-05"}))
    assert "Sweden" in page and "Denmark" not in page
