"""The page of partners' systems: how far each has come, keys that change over, a copy beside the list, test data."""

import json
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from crm.actions import keys
from crm.context import Context
from crm.errors import Unauthenticated
from crm.reads import feed_readers
from tests.crm.api import support
from tests.crm.api.sharing import CODE
from tests.crm.api.support import V1
from tests.crm.web.office import CLAIRE_ONLY, NORA, count, other_browser, send, sign_in, text

pytestmark = pytest.mark.anyio
SYNC, COMPARE, REHEARSAL, KEYS = (f"{NORA}/sync{each}" for each in ("", "/compare", "/rehearsal", "/keys"))
FEED = f"{V1}/networks/{support.NORA}"
VIEWER = "leser@klynge.example"


class Partner:
    """A system that follows the network's list, or what an agreement discloses."""

    def __init__(self, client: httpx.AsyncClient, key: str, base: str = FEED) -> None:
        self.client, self.base, self.headers = client, base, {"authorization": f"Bearer {key}"}

    async def ask(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(f"{self.base}/{path}", params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def office(client: httpx.AsyncClient) -> httpx.AsyncClient:
    await sign_in(client)
    return client


async def test_each_system_does_in_one_sentence(
    office: httpx.AsyncClient, context: Context, partner_keys: dict[str, str], manager_headers: dict[str, str]
) -> None:
    ours = Partner(office, partner_keys[support.NORA])
    shown = text(await office.get(SYNC))
    assert "It has never asked." in shown and f"CLAIRE Innovation Network {CODE}" in shown.replace(" · ", " ")
    cursor = (await ours.ask("members", limit=1))["as_of_cursor"]
    cursor = (await ours.ask("changes", after=cursor, limit=1000))["next_cursor"]
    claire = Partner(office, partner_keys[support.CLAIRE], f"{V1}/agreements/{CODE}")
    await claire.ask("changes", limit=1000)
    shown = text(await office.get(SYNC))
    assert shown.count("It has everything, and last asked") == 2 and "CLAIRE Innovation Network: " in shown
    await support.approved(office, manager_headers, starts_on="2026-11-22")
    context.clock.moment += timedelta(minutes=2)  # type: ignore[attr-defined]
    try:
        assert "It is 1 change behind, and last asked 2 minutes ago." in text(await office.get(SYNC))
        context.clock.moment += timedelta(days=2)  # type: ignore[attr-defined]
        await sign_in(office)
        assert "Silent" in text(await office.get(SYNC))
    finally:
        context.clock.moment -= timedelta(days=2, minutes=2)  # type: ignore[attr-defined]
    await sign_in(office, language="nb")
    assert "Det er 1 endring etter, og spurte sist" in text(await office.get(SYNC))


async def test_a_system_that_must_begin_anew_and_one_whose_key_is_revoked_are_said(
    office: httpx.AsyncClient, context: Context, partner_keys: dict[str, str]
) -> None:
    await Partner(office, partner_keys[support.NORA]).ask("changes", limit=1000)
    async with context.db.tx() as connection:
        await connection.execute("update feed_reader set epoch = 'before'")
    assert "it must begin anew with the list" in text(await office.get(SYNC))
    await keys.revoke(context, partner_keys[support.NORA].split("_")[1])
    assert "Stopped: its key is revoked." in text(await office.get(SYNC))


async def test_who_catches_up_is_written_down_seldom_and_who_has_caught_up_at_once(
    client: httpx.AsyncClient, context: Context, partner_keys: dict[str, str]
) -> None:
    ours = Partner(client, partner_keys[support.NORA])

    async def at() -> int:
        async with context.db.tx() as connection:
            network = await connection.fetchval("select id from network where slug = $1", support.NORA)
            return (await feed_readers.of_network(connection, network))[0].behind

    first = await ours.ask("changes", limit=5)
    after_first = await at()
    second = await ours.ask("changes", after=first["next_cursor"], limit=5)
    assert await at() == after_first > 0, "in the middle, within a minute: not written again"
    await ours.ask("changes", after=second["next_cursor"], limit=1000)
    assert await at() == 0
    assert await count(context, "select count(*) from feed_reader") == 1


async def test_a_key_changes_over_with_an_overlap(office: httpx.AsyncClient, context: Context) -> None:
    made, before = await keys.create(context, "Their CRM", "partner", support.NORA)
    assert "Never" in text(await office.get(KEYS))
    changed = await send(office, f"{KEYS}/{made.prefix}/secrets", **{f"hours-{made.prefix}": "168"})
    (after,) = re.findall(rf"kly_{made.prefix}_[\w-]{{43}}", changed.text)
    assert "opens, too, until 29 Nov 2026" in text(changed) and changed.headers["cache-control"] == "no-store"
    assert after != before and after not in (await office.get(KEYS)).text
    assert "The old one has not been used since" in text(await office.get(KEYS))
    assert (await keys.open_with(context, before)).id == (await keys.open_with(context, after)).id == made.id
    assert "The old one was used last" in text(await office.get(KEYS))
    context.clock.moment += timedelta(days=7)  # type: ignore[attr-defined]
    try:
        assert (await keys.open_with(context, after)).id == made.id
        with pytest.raises(Unauthenticated):
            await keys.open_with(context, before)
    finally:
        context.clock.moment -= timedelta(days=7)  # type: ignore[attr-defined]
    again = await send(office, f"{KEYS}/{made.prefix}/secrets", **{f"hours-{made.prefix}": "0"})
    assert "opens, too" not in text(again)
    with pytest.raises(Unauthenticated):
        await keys.open_with(context, after)
    assert await count(context, "select count(*) from audit where action = 'key_secret_changed'") == 2
    await send(office, f"{KEYS}/{made.prefix}/revoke")
    refused = await send(office, f"{KEYS}/{made.prefix}/secrets")
    assert refused.status_code == 409 and "The key is revoked." in text(refused)


async def test_only_who_manages_the_network_changes_its_keys(office: httpx.AsyncClient, context: Context) -> None:
    made, _ = await keys.create(context, "Their CRM", "partner", support.NORA)
    async with other_browser(office, CLAIRE_ONLY) as claire:
        assert (await send(claire, f"/n/{support.CLAIRE}/sync/keys/{made.prefix}/secrets")).status_code == 404
        assert (await send(claire, f"{KEYS}/{made.prefix}/secrets")).status_code == 404
    async with other_browser(office, VIEWER) as reader:
        assert (await reader.get(KEYS)).status_code in (403, 404)
        shown = await reader.get(SYNC)
        assert shown.status_code == 200 and "/sync/keys" not in shown.text
        assert (await send(reader, f"{REHEARSAL}/changes", kind="left")).status_code in (403, 404)


async def test_a_copy_beside_the_list(office: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    listed = (await Partner(office, partner_keys[support.NORA]).ask("members", limit=1000))["items"]
    equal = await send(office, COMPARE, list="\n".join(map(json.dumps, listed)))
    assert f"All {len(listed)} members are the same." in text(equal)
    first, second, *rest = listed
    rows = [{**first, "tier": "guest"}, *rest, {"name": "Nobody"}]
    found = text(await send(office, COMPARE, list=json.dumps(rows)))
    assert "1 differ, 1 are missing, 0 are too many" in found
    assert f"{first['organisation']['name']} tier guest {first['tier']}" in found
    assert second["organisation"]["name"] in found and "names nobody: no id and no number" in found
    nothing = await send(office, COMPARE, list="")
    assert nothing.status_code == 422 and "Paste a list, or choose a file." in text(nothing)
    broken = await send(office, COMPARE, list="name,tier\nx,y")
    assert broken.status_code == 422 and "The list cannot be read: no column of" in text(broken)
    assert (await send(office, COMPARE, list="[]", **{"with": support.CLAIRE})).status_code == 404
    office.cookies.set("lang", "nb")
    norwegian = text(await send(office, COMPARE, list=json.dumps(rows)))
    assert "Sammenlign en liste" in norwegian and "mangler" in norwegian and "missing" not in norwegian


async def test_a_copy_as_a_file_beside_what_an_agreement_discloses(
    office: httpx.AsyncClient, partner_keys: dict[str, str]
) -> None:
    headers = {"authorization": f"Bearer {partner_keys[support.CLAIRE]}", "accept": "text/csv"}
    exported = await office.get(f"{V1}/agreements/{CODE}/members", headers=headers)
    page = (await office.get(COMPARE)).text
    (chosen,) = re.findall(rf'<option value="([^"]+)">{CODE}: of NORA', page)
    token = re.search(r'name="_csrf_token" value="([^"]+)"', page)
    assert token
    sent = {"_csrf_token": token[1], "with": chosen}
    found = await office.post(COMPARE, data=sent, files={"file": ("copy.csv", exported.content, "text/csv")})
    assert "The copy is the list" in text(found)


async def test_test_data_happens_at_a_press(office: httpx.AsyncClient) -> None:
    assert "Made-up members (12)" in text(await office.get(REHEARSAL))
    done = await send(office, f"{REHEARSAL}/changes", kind="left")
    assert done.status_code == 303
    shown = text(await office.get(done.headers["location"]))
    assert "Made-up members (11)" in shown and "remove · left" in shown
    await send(office, f"{REHEARSAL}/changes", kind="begin")
    office.cookies.set("lang", "nb")
    assert "Oppdiktede medlemmer (12)" in text(await office.get(REHEARSAL))
    assert (await send(office, f"{REHEARSAL}/changes", kind="explode")).status_code == 404
