"""Pages for what partners' systems write: objections, suggested corrections and held rows, answered by a person."""

import re
from typing import Any

import httpx
import pytest

from crm.actions import keys
from crm.context import Context
from crm.errors import Unauthenticated
from tests.crm.api.support import V1, approved, memberships, verified
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, NORA_ONLY, other_browser, send, sign_in, text

pytestmark = pytest.mark.anyio
Headers = dict[str, str]


async def key(context: Context, network: str, scope: str) -> Headers:
    _, made = await keys.create(context, "Their system", "partner", network, scopes=[scope])
    return {"authorization": f"Bearer {made}"}


async def post(client: httpx.AsyncClient, path: str, headers: Headers, **body: Any) -> dict[str, Any]:
    answer = await client.post(V1 + path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


def link(page: httpx.Response, kind: str) -> str:
    found = re.search(rf'href="([^"]+/from-partners/{kind}/[^"]+)"', page.text)
    assert found, f"no link to {kind}"
    return found[1]


async def test_an_objection_is_looked_at_and_upheld(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent, _ = await approved(client, manager_headers, "2026-11-22")
    stands = await memberships(client, manager_headers, sent["organisation_id"])
    membership = stands["claire-innovation-network"]["id"]
    theirs = await key(context, "claire-innovation-network", "links")
    await post(client, f"/memberships/{membership}/objections", theirs, reason="A rival of ours", on="2026-12-01")
    await sign_in(client, CLAIRE_ONLY)
    assert "1 thing from partners waits" in text(await client.get(CLAIRE))
    assert "objection waits" in text(await client.get(f"{CLAIRE}/links"))
    where = link(await client.get(f"{CLAIRE}/from-partners"), "objections")
    page = await client.get(where)
    assert "A rival of ours" in text(page) and "If you decline the link, this happens" in text(page)
    missing = await send(client, where, outcome="dismissed")
    assert missing.status_code == 422 and "This must be filled in." in text(missing)
    async with other_browser(client, NORA_ONLY) as other:
        assert (await other.get(where.replace(CLAIRE, NORA))).status_code == 404, "only the link's own network answers"
        assert "objection waits" in text(await other.get(f"{NORA}/links")), "both sides see it"
    done = await send(client, where, outcome="declined")
    assert done.status_code == 303
    assert "The link is declined" in text(await client.get(done.headers["location"]))
    after = await memberships(client, manager_headers, sent["organisation_id"])
    assert after["claire-innovation-network"]["ends_on"] == "2026-12-01"
    assert (await send(client, where, outcome="declined")).status_code == 303, "a second click changes nothing"
    assert await verified(context) == []


async def test_a_suggestion_is_answered_field_by_field(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent, _ = await approved(client, manager_headers, "2026-11-22")
    organisation = sent["organisation_id"]
    theirs = await key(context, "claire-innovation-network", "profiles")
    values = {"website": "https://new.example", "country": "SE"}
    body = {"organisation_id": organisation, "values": values, "reason": "Their own page says so"}
    await post(client, "/networks/claire-innovation-network/suggestions", theirs, **body)
    await sign_in(client, NORA_ONLY, "nb")
    where = link(await client.get(f"{NORA}/from-partners"), "suggestions")
    page = await client.get(where)
    assert "Their own page says so" in text(page) and "https://new.example" in text(page) and "Sverige" in text(page)
    seen = {f"seen_{name}": value for name, value in _seen(page).items()}
    looked = await send(client, where, accept_country="yes", on="2026-11-22", look="1", **seen)
    assert looked.status_code == 200 and "Hvis du godtar, skjer dette" in text(looked)
    change = {"effective_on": "2026-11-22", "website": "https://other.example"}
    await post(client, f"/organisations/{organisation}/profiles", manager_headers, **change)
    stale = await send(client, where, accept_website="yes", on="2026-11-22", **seen)
    assert stale.status_code == 409 and "endret siden" in text(stale)
    again = {f"seen_{name}": value for name, value in _seen(stale).items()}
    done = await send(client, where, accept_website="yes", on="2026-11-22", note="Takk", **again)
    assert done.status_code == 303, done.text
    told = (await client.get(f"{V1}/organisations/{organisation}", headers=manager_headers)).json()
    assert (told["website"], told["country"]) == ("https://new.example", "NO")
    assert await verified(context) == []


def _seen(page: httpx.Response) -> dict[str, str]:
    found = re.findall(r'name="seen_(\w+)" value="([^"]*)"', page.text)
    return {name: value.replace("&#34;", '"').replace("&quot;", '"') for name, value in found}


async def test_a_held_row_is_taken_for_one_that_is_known_and_the_list_has_a_page(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    await approved(client, manager_headers, "2026-11-22")
    own = await key(context, "nora-industry-network", "members")
    row = {"external_id": "C-1", "name": "Fjellheim Robotikk", "country": "NO", "tier": "partner"}
    run = await post(client, "/networks/nora-industry-network/member-lists", own, members=[row])
    assert run["counts"] == {"held": 1}
    await sign_in(client, NORA_ONLY)
    waiting = await client.get(f"{NORA}/from-partners")
    listed = await client.get(link(waiting, "lists"))
    assert "waits for a person" in text(listed) and "C-1" in text(listed)
    where = link(waiting, "rows")
    page = await client.get(where)
    assert "The same name in the same country" in text(page)
    assert (await send(client, where)).status_code == 422
    known = re.search(r'name="whom" value="([0-9a-f-]{36})"', page.text)
    assert known
    done = await send(client, where, whom=known[1])
    assert done.status_code == 303
    assert "Nothing waits for an answer." in text(await client.get(f"{NORA}/from-partners"))
    second = await post(client, "/networks/nora-industry-network/member-lists", own, members=[row])
    assert second["counts"] == {"unchanged": 1}
    assert await verified(context) == []


async def test_a_key_is_made_shown_once_and_revoked(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    await sign_in(client, NORA_ONLY)
    where = f"{NORA}/sync/keys"
    assert (await send(client, where, name=" ")).status_code == 422
    made = await send(client, where, name="Our CRM", scope_members="yes")
    found = re.search(r"kly_([a-z0-9]+)_[\w-]+", made.text)
    assert made.status_code == 200 and found and made.headers["cache-control"] == "no-store"
    page = await client.get(where)
    assert found[0] not in page.text and "Push the list of its own system" in text(page)
    headers = {"authorization": f"Bearer {found[0]}"}
    rows = {"members": [{"external_id": "C-1", "name": "Ny AS", "country": "NO", "tier": "partner"}]}
    path = f"{V1}/networks/nora-industry-network/member-lists"
    assert (await client.post(path, json=rows, headers=headers)).status_code == 201
    async with other_browser(client, CLAIRE_ONLY) as other:
        stranger = await send(other, f"{CLAIRE}/sync/keys/{found[1]}/revoke")
        assert stranger.status_code == 404, "another network's key is not there"
    assert "Push the list of its own system" in text(await client.get(f"{where}/{found[1]}/revoke"))
    assert (await send(client, f"{where}/{found[1]}/revoke")).status_code == 303
    assert (await client.get(f"{where}/{found[1]}/revoke")).status_code == 404
    with pytest.raises(Unauthenticated):
        await keys.open_with(context, found[0])
