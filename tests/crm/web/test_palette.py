"""The palette over HTTP: go, find and do in one list, and nobody finds what they may not read."""

import re
import time
from html import unescape

import httpx
import pytest

from crm.actor import Actor
from crm.context import Context
from crm.demo import PASSWORD
from tests.crm.billing import bill
from tests.crm.web.rights import LOGINS

pytestmark = pytest.mark.anyio

NORA = "/n/nora-industry-network"
CLAIRE = "/n/claire-innovation-network"
STRANGER = "sindre@klynge.example"  # manages networks of another host
MOST_SECONDS = 0.1  # ux.md rule 16


async def _signed_in(client: httpx.AsyncClient, role: str) -> None:
    client.cookies.clear()
    client.cookies.set("lang", "en")
    await client.post("/sign-in", data={"email": LOGINS.get(role, role), "password": PASSWORD})


async def _found(client: httpx.AsyncClient, text: str, network: str = "nora-industry-network") -> dict[str, list[str]]:
    """Headings and the addresses under them, as the dialog gets them."""
    answer = await client.get("/search", params={"q": text, "network": network}, headers={"hx-request": "true"})
    assert answer.status_code == 200 and "<html" not in answer.text
    parts = re.findall(r'role="group" aria-label="([^"]+)">(.*?)\n</div>', answer.text, re.S)
    return {unescape(name): [unescape(href) for href in re.findall(r'href="([^"]+)"', rest)] for name, rest in parts}


async def test_a_manager_goes_finds_and_does(client: httpx.AsyncClient) -> None:
    await _signed_in(client, "manager")
    empty = await _found(client, "")
    assert list(empty) == ["Do", "Go to"]
    assert re.fullmatch(rf"{NORA}/applications/[0-9a-f-]+", empty["Do"][0])
    assert {NORA, f"{NORA}/members", f"{NORA}/setup/rules", "/account"} <= set(empty["Go to"])
    found = await _found(client, "esmart")
    member, change = found["Members"][0], found["Members"][-1]
    assert "eSmart" in (await client.get(member)).text
    assert change.startswith(f"{member}/memberships/") and (await client.get(change)).status_code == 200
    assert f"{NORA}/members?q=esmart" in found["Search in"]
    assert (await _found(client, "approve next"))["Do"] == empty["Do"][:1]
    assert (await _found(client, "new key"))["Do"] == [f"{NORA}/sync/keys"]


async def test_names_that_begin_so_come_first_and_few_letters_are_beginnings(client: httpx.AsyncClient) -> None:
    await _signed_in(client, "manager")
    titles = [await _titles(client, path) for path in (await _found(client, "no"))["Members"][:-1]]
    assert titles and all(title.casefold().startswith("no") for title in titles)
    inside = [await _titles(client, path) for path in (await _found(client, "systems"))["Members"][:-1]]
    assert inside and all("systems" in title.casefold() for title in inside)
    assert "Members" not in await _found(client, "100%")


async def _titles(client: httpx.AsyncClient, path: str) -> str:
    return unescape(re.search(r"<h1[^>]*>([^<]+)", (await client.get(path)).text)[1]).strip()


async def test_an_invoice_is_found_by_number_kid_and_amount(
    client: httpx.AsyncClient, context: Context, actor: Actor
) -> None:
    made = await bill(context, actor, "Tindeveg Robotics AS")
    await _signed_in(client, "manager")
    whole, exact = f"{made.gross // 100:,}", f"{made.gross / 100:,.2f}"
    norwegian = exact.replace(",", " ").replace(".", ",")
    for text in (f"NORA-{made.number}", str(made.number), made.kid, made.kid[:6], whole, exact, norwegian):
        assert f"{NORA}/invoices/{made.id}" in (await _found(client, text))["Invoices"], text
    await _signed_in(client, STRANGER)
    for text in (f"NORA-{made.number}", made.kid, exact):
        assert "Invoices" not in await _found(client, text, "sin-applied-ai")


async def test_people_and_organisations_are_found_only_where_the_reader_has_a_role(
    client: httpx.AsyncClient, context: Context, actor: Actor
) -> None:
    made = await bill(context, actor, "Tindeveg Robotics AS")
    async with context.db.tx() as connection:
        await connection.execute(
            "update contact set name = 'Ågot Skjelbreid' where organisation_id = $1", made.organisation
        )
    for role in ("manager", "treasurer", "viewer"):
        await _signed_in(client, role)
        assert (await _found(client, "skjelb"))["People"] == [f"{NORA}/members/{made.organisation}"]
        assert f"{NORA}/members/{made.organisation}" in (await _found(client, "tindeveg"))["Members"]
    for role in (STRANGER, "organisation_admin"):
        await _signed_in(client, role)
        for text in ("skjelb", "tindeveg"):
            found = await _found(client, text)
            assert not {"People", "Members", "Applications"} & set(found), (role, text)
            assert not any(str(made.organisation) in link for links in found.values() for link in links)


@pytest.mark.parametrize("role", LOGINS)
async def test_every_place_a_reader_is_shown_opens(client: httpx.AsyncClient, role: str) -> None:
    await _signed_in(client, role)
    places = {link for links in (await _found(client, "")).values() for link in links}
    assert places
    for place in sorted(places):
        answer = await client.get(place, follow_redirects=True)
        assert answer.status_code == 200, place
        assert "/sign-in" not in str(answer.url), place


@pytest.mark.parametrize("role", ["manager", "treasurer", "viewer"])
async def test_every_page_of_the_sidebar_is_in_it(client: httpx.AsyncClient, role: str) -> None:
    await _signed_in(client, role)
    page = (await client.get(NORA)).text
    side = re.search(r'<aside class="side".*?</aside>', page, re.S)[0]
    links = {unescape(link) for link in re.findall(rf'href="({NORA}[^"]*)"', side)}
    assert len(links) > 5
    assert links <= {link for found in (await _found(client, "")).values() for link in found}


async def test_a_page_without_scripts_shows_the_same(client: httpx.AsyncClient) -> None:
    await _signed_in(client, "manager")
    listed = {link for links in (await _found(client, "esmart")).values() for link in links}
    page = (await client.get("/search?q=esmart&network=nora-industry-network")).text
    main = page[page.index("<main") : page.index("</main>")]
    assert {unescape(link) for link in re.findall(r'href="([^"]+)"', main)} == listed
    nothing = (await client.get("/search?q=no-such-thing-anywhere&network=claire-innovation-network")).text
    assert "no-such-thing-anywhere" in nothing


async def test_who_is_not_signed_in_signs_in_first(client: httpx.AsyncClient) -> None:
    answer = await client.get("/search?q=a")
    assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?back=/search")


async def test_it_answers_within_a_tenth_of_a_second(client: httpx.AsyncClient) -> None:
    await _signed_in(client, "manager")
    took = []
    for text in ("es", "esm", "esmart", "nordlys", "12345", "a"):
        begun = time.thread_time()
        await _found(client, text)
        took.append(time.thread_time() - begun)
    assert sorted(took)[len(took) // 2] < MOST_SECONDS
