"""What can be taken back says so at once and in the page (ux.md, rule 18): the button beside the words works."""

import re
from html import unescape

import httpx
import pytest

from crm.actor import Actor
from crm.context import Context
from crm.demo import PASSWORD
from tests.crm.actions.test_fee_shares import DAYS, FIRST, LAST, OTHER, shared
from tests.crm.billing import NETWORK
from tests.crm.dunning import late_bill, with_ladder
from tests.crm.web.rights import LOGINS

pytestmark = pytest.mark.anyio

BASE = f"/n/{NETWORK}"


async def _send(client: httpx.AsyncClient, page: str, path: str, **fields: str) -> httpx.Response:
    token = re.search(r'name="_csrf_token" value="([^"]+)"', (await client.get(page)).text)[1]
    return await client.post(path, data={"_csrf_token": token, **fields}, follow_redirects=True)


async def _undo(client: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    """Press the button in the message that something was done."""
    toast = re.search(r'<div class="toast[^"]*" role="status" data-leaves>(.*?)</div>', answer.text, re.S)
    assert toast, "nothing is said to be done"
    where = re.search(r'action="([^"]+)"', toast[1])
    assert where, toast[1]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', toast[1]))
    fields.pop("_csrf_token")
    return await _send(client, str(answer.url), unescape(where[1]), **fields)


@pytest.fixture
async def manager(client: httpx.AsyncClient) -> httpx.AsyncClient:
    client.cookies.set("lang", "en")
    await client.post("/sign-in", data={"email": LOGINS["manager"], "password": PASSWORD})
    return client


async def test_more_time_for_an_invoice(manager: httpx.AsyncClient, context: Context, actor: Actor) -> None:
    await with_ladder(context)
    made = await late_bill(context, actor, "Tindeveg Robotics AS")
    path = f"{BASE}/dunning/invoices/{made.id}"
    given = await _send(manager, f"{BASE}/dunning", f"{path}/pause", **{f"reason.{made.id}": "Kari calls them"})
    assert "More time given." in given.text and "Kari calls them" in given.text
    after = await _undo(manager, given)
    assert "The steps go on." in after.text and "Kari calls them" not in after.text
    elsewhere = await manager.get(f"{BASE}/dunning?done=paused&invoice={made.id}")
    assert "/resume" not in elsewhere.text  # an address cannot claim what did not happen


async def test_a_settlement_of_shared_fees(manager: httpx.AsyncClient, context: Context, actor: Actor) -> None:
    await shared(context, actor)
    form = {"source": NETWORK, "target": OTHER, "currency": "NOK", "from": FIRST, "to": LAST, "reference": "14"}
    page = f"{BASE}/shares?{DAYS}"
    settled = await _send(manager, page, f"{BASE}/shares/settlements", **{k: str(v) for k, v in form.items()})
    assert "Not settled" not in settled.text
    await _undo(manager, settled)
    assert "Not settled" in (await manager.get(page)).text


async def test_a_change_of_level_and_in_the_timeline(manager: httpx.AsyncClient) -> None:
    found = await manager.get(f"{BASE}/members?q=Telenor")
    member = re.search(rf'href="({BASE}/members/[0-9a-f-]{{36}})"', found.text)[1]
    change = re.search(rf'href="({member}/memberships/[0-9a-f-]+/ending)"', (await manager.get(member)).text)[1]
    ended = await _send(manager, change, change, last_day="2027-12-31", reason="Budget")
    assert ended.text.count("/take-back") >= 2  # in the message and in the page
    assert "Taken back" in (await _undo(manager, ended)).text


async def _member(manager: httpx.AsyncClient, name: str) -> str:
    return re.search(rf'href="({BASE}/members/[0-9a-f-]{{36}})"', (await manager.get(f"{BASE}/members?q={name}")).text)[
        1
    ]


async def test_facts_of_a_member(manager: httpx.AsyncClient) -> None:
    member = await _member(manager, "Telenor")
    page = f"{member}/facts"
    changed = await _send(manager, page, page, on="2026-12-01", municipality="Bardu", reason="Moved")
    assert "The facts are changed." in changed.text, changed.url
    after = await _undo(manager, changed)
    assert after.status_code == 200 and "The facts are changed." not in (await manager.get(str(changed.url))).text


async def test_a_role_is_changed_back(manager: httpx.AsyncClient, context: Context) -> None:
    people = f"{BASE}/people"
    async with context.db.tx() as connection:
        account = await connection.fetchval("select id from account where email = $1", LOGINS["viewer"])
    changed = await _send(manager, people, f"{people}/{account}/role", role="treasurer")
    assert "Lars Lesar is Treasurer now." in changed.text
    await _undo(manager, changed)
    async with context.db.tx() as connection:
        assert await connection.fetchval("select role from role where account_id = $1", account) == "viewer"
    for claimed in (f"person={account}&before=king", "person=nobody&before=viewer", f"person={account}&before=viewer"):
        assert "data-leaves" not in (await manager.get(f"{people}?done=changed&{claimed}")).text
