"""The work list of members that do not fit their level any more, on pages and by API."""

from datetime import date
from uuid import UUID

import httpx
import pytest

from crm.actions import days
from crm.context import Context
from tests.crm.actions.test_reviews import joined
from tests.crm.web.office import count, member, send, sign_in, text

pytestmark = pytest.mark.anyio

HERE = "/n/nora-startup/reviews"
API = "/api/v1/networks/nora-startup/reviews"
OPEN = "select id from membership_review where membership_id = $1 and closed_at is null"


@pytest.fixture
async def old(context: Context) -> tuple[UUID, UUID]:
    """A company that is too old for its level, on the work list: (membership, review)."""
    (one,) = await joined(context, "company", "company", 1, date(2020, 1, 1))
    await days.review(context)
    async with context.db.tx() as connection:
        return one, await connection.fetchval(OPEN, one)


async def test_the_list_says_why_and_leads_to_the_decision(
    client: httpx.AsyncClient, context: Context, old: tuple[UUID, UUID]
) -> None:
    await sign_in(client)
    shown = await client.get(HERE)
    assert "This level is for organisations younger than 5 years." in text(shown)
    assert f"{HERE}/{old[1]}" in shown.text
    page = await client.get(f"{HERE}/{old[1]}")
    assert "Keep it at its level" in text(page) and f"/memberships/{old[0]}/ending" in page.text
    wrong = await send(client, f"{HERE}/{old[1]}/keep", last_day="soon")
    assert wrong.status_code == 422 and "Write the day as YYYY-MM-DD." in text(wrong)
    past = await send(client, f"{HERE}/{old[1]}/keep", last_day="2026-11-01")
    assert past.status_code == 422 and "is not a day to come" in text(past)
    kept = await send(client, f"{HERE}/{old[1]}/keep", last_day="2027-05-31", note="Sold in spring")
    assert kept.status_code == 303
    assert "Kept at its level." in text(await client.get(kept.headers["location"]))
    until = "select count(*) from membership_review where id = $1 and keep_until = '2027-06-01' and outcome = 'kept'"
    assert await count(context, until, old[1]) == 1
    again = await send(client, f"{HERE}/{old[1]}/keep")
    assert again.status_code == 303, "a second click finds it done"
    assert (await client.get(f"{HERE}/{UUID(int=7)}")).status_code == 404
    assert (await client.get(f"/n/nora/reviews/{old[1]}")).status_code == 404


async def test_an_empty_list_says_what_comes_here(client: httpx.AsyncClient) -> None:
    await sign_in(client, language="nb")
    assert "Ingen å se på." in text(await client.get("/n/nora/reviews"))


async def test_by_api(
    client: httpx.AsyncClient,
    manager_headers: dict[str, str],
    partner_keys: dict[str, str],
    old: tuple[UUID, UUID],
) -> None:
    first = (await client.get(API, params={"limit": 1}, headers=manager_headers)).json()
    assert len(first["items"]) == 1
    found = first["items"]
    while first["has_more"]:
        query = {"limit": 1, "cursor": first["next_cursor"]}
        first = (await client.get(API, params=query, headers=manager_headers)).json()
        found += first["items"]
    (mine,) = (each for each in found if each["id"] == str(old[1]))
    assert (mine["reason"], mine["tier"], mine["closed"]) == ("too_old", "company", False)
    here = f"/api/v1/reviews/{old[1]}"
    wrong = await client.post(f"{here}/keeping", json={"until": "2020-01-01"}, headers=manager_headers)
    assert (wrong.status_code, wrong.json()["errors"][0]["rule"]) == (422, "until_past")
    kept = await client.post(f"{here}/keeping", json={"until": "2027-06-01"}, headers=manager_headers)
    assert kept.status_code == 200 and kept.json()["closed"]
    bad = await client.get(API, params={"cursor": "x"}, headers=manager_headers)
    assert (bad.status_code, bad.json()["errors"][0]["rule"]) == (422, "cursor_invalid")
    for key in partner_keys.values():
        headers = {"authorization": f"Bearer {key}"}
        assert (await client.get(API, headers=headers)).status_code in (403, 404)
        assert (await client.get(here, headers=headers)).status_code == 404


async def test_ac_03_a_researchers_page_names_the_employer(client: httpx.AsyncClient, context: Context) -> None:
    """The employer is shown with the researcher, and is no member by it."""
    who, _ = await member(context, "Solveig Tensorstad", "nora-startup")
    await sign_in(client)
    page = text(await client.get(f"/n/nora-startup/members/{who}"))
    assert "Employer Norges miljø- og biovitenskapelige universitet" in page
    listed = text(await client.get("/n/nora-startup/members?q=biovitenskapelige"))
    assert "No member fits." in listed
