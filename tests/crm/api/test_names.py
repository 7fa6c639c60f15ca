"""A network's offices and names over time: CLAIRE becomes CAIRNE, and its id stays (AC-5)."""

from datetime import date, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from cluster_rules.offices import Office, serving
from crm import catalogue
from crm.actions import days
from crm.clock import FixedClock
from crm.context import Context
from crm.store.documents import marks
from tests.conftest import NOW
from tests.crm.api.support import V1, wrong

pytestmark = pytest.mark.anyio

Headers = dict[str, str]


class Billed:
    """As much of an invoice's line as is asked for."""

    network = "claire"


async def get(client: httpx.AsyncClient, headers: Headers, path: str, **query: str) -> Any:
    answer = await client.get(f"{V1}{path}", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def rename(client: httpx.AsyncClient, headers: Headers, on: str, name: str = "CAIRNE") -> httpx.Response:
    body = {"names": {"nb": name, "en": name}, "short": {"nb": name, "en": name}, "from": on}
    return await client.post(f"{V1}/networks/claire/names", json=body, headers=headers)


async def offices(client: httpx.AsyncClient, headers: Headers, **query: str) -> list[str]:
    return [each["city"] for each in (await get(client, headers, "/networks/claire/offices", **query))["items"]]


async def test_ac_05_offices_as_of_a_day_and_a_uk_lab_is_served_by_oslo(
    client: httpx.AsyncClient, manager_headers: Headers
) -> None:
    assert len(await offices(client, manager_headers, as_of="2021-01-01")) == 4
    assert len(await offices(client, manager_headers, as_of="2021-12-31")) == 8
    assert await offices(client, manager_headers, country="GB") == ["Oslo"]
    assert await offices(client, manager_headers, country="GB", as_of="2021-01-01") == []
    assert await offices(client, manager_headers, country="US") == ["Brussels"]
    assert serving([Office("Oslo", serves=("NO",))], "US") == []


async def test_ac_05_claire_becomes_cairne_and_every_name_is_found(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    before = await get(client, manager_headers, "/networks/claire")
    answer = await rename(client, manager_headers, "2025-03-01")
    assert answer.status_code == 201, answer.text
    now = await get(client, manager_headers, "/networks/claire")
    assert (now["slug"], now["name"]) == ("claire", "CAIRNE")
    assert now["former_names"] == [{"name": before["name"], "until": "2025-03-01"}]
    then = await get(client, manager_headers, "/networks/claire", as_of="2025-02-28")
    assert then["name"] == before["name"]
    for text in ("cairne", "Confederation of Laboratories"):
        found = await get(client, manager_headers, "/networks", q=text)
        assert [n["slug"] for n in found["items"]] == ["claire"], text
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    row = kept.network("claire")
    assert row.on(NOW.date()).names["en"] == "CAIRNE" and row.on(NOW.date()).short["en"] == "CAIRNE"
    assert row.on(NOW.date() - timedelta(days=3650)).short["en"] == "CLAIRE"
    old, new = (marks(kept, [Billed()], day)[0].names["en"] for day in (date(2025, 2, 28), date(2025, 3, 1)))
    assert (old, new) == (before["name"], "CAIRNE")  # what stands on an invoice of the day


async def test_a_name_that_begins_later_is_the_name_when_its_day_comes(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    before = await get(client, manager_headers, "/networks/claire")
    assert (await rename(client, manager_headers, "2026-12-24")).json()["name"] == before["name"]
    await days.turn(msgspec.structs.replace(context, clock=FixedClock(NOW + timedelta(days=32))))
    assert (await get(client, manager_headers, "/networks/claire"))["name"] == "CAIRNE"
    # Changed one's mind: the name of that very day is replaced.
    assert (await rename(client, manager_headers, "2026-12-24", "CAIRN")).status_code == 201
    await days.turn(msgspec.structs.replace(context, clock=FixedClock(NOW + timedelta(days=32))))
    assert (await get(client, manager_headers, "/networks/claire"))["name"] == "CAIRN"


async def test_only_its_managers_rename_a_network(
    client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str]
) -> None:
    partner = {"authorization": f"Bearer {partner_keys['claire']}"}
    assert (await rename(client, partner, "2025-03-01")).status_code == 403
    assert wrong(await rename(client, manager_headers, "2037-03-01"), 422) == [("from", "date_out_of_range")]
