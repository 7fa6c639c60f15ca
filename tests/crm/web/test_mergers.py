"""The office: who may be registered twice (AC-18), mergers with their preview, other names of members and networks."""

import re
from typing import Any

import httpx
import pytest

from crm.actions import matching
from crm.actor import Actor
from crm.context import Context
from tests.crm.api.support import NORA as SLUG
from tests.crm.api.support import approved, memberships, new_orgnr
from tests.crm.web.office import NORA, send, sign_in, text

pytestmark = pytest.mark.anyio

Headers = dict[str, str]
DAY = "2027-06-01"


async def member(client: httpx.AsyncClient, headers: Headers, name: str, number: str = "", **changes: Any) -> str:
    numbers = [{"scheme": "no-orgnr", "value": number}] if number else []
    sent, _ = await approved(
        client, headers, organisation__name=name, organisation__identifiers=numbers, **{"tier": "partner"} | changes
    )
    return sent["organisation_id"]


async def test_ac_18_a_sub_unit_is_proposed_and_a_no_is_remembered(
    client: httpx.AsyncClient, context: Context, actor: Actor, manager_headers: Headers
) -> None:
    main, sub = new_orgnr(), new_orgnr()
    one = await member(client, manager_headers, "Havolje ASA", main)
    other = await member(client, manager_headers, "HAVOLJE ENERGY", sub)
    for number in (new_orgnr(), new_orgnr()):
        await member(client, manager_headers, "Smart Consulting AS", number)
    await sign_in(client)
    page = await client.get(f"{NORA}/duplicates")
    assert "HAVOLJE" not in text(page) and "Smart Consulting" not in text(page)
    assert await matching.know_main_units(context, actor, {sub: main}) == 1
    page = await client.get(f"{NORA}/duplicates")
    assert f"One has the number of a sub-unit whose main unit is {main}" in text(page)
    assert "The same by its numbers" in text(page) and "Smart Consulting" not in text(page)
    answer = await send(client, f"{NORA}/duplicates", one=one, other=other)
    assert answer.status_code == 303
    assert "HAVOLJE" not in text(await client.get(f"{NORA}/duplicates"))


async def test_a_likely_duplicate_stands_on_the_application(
    client: httpx.AsyncClient, manager_headers: Headers
) -> None:
    await member(client, manager_headers, "Havolje ASA", new_orgnr())
    body = {
        "network": SLUG,
        "tier": "partner",
        "organisation": {"name": "Havolje", "country": "NO", "kind": "company", "employees": 4, "identifiers": []},
        "contact": {"name": "Kari Nordmann", "email": "kari@havolje.example"},
    }
    sent = await client.post("/api/v1/applications", json=body, headers=manager_headers)
    await sign_in(client)
    page = text(await client.get(f"{NORA}/applications/{sent.json()['id']}"))
    assert "It may be registered twice" in page and "Maybe the same. The same name in the same country." in page


async def test_merge_on_pages(client: httpx.AsyncClient, context: Context, manager_headers: Headers) -> None:
    old = await member(client, manager_headers, "Fjordrobot AS", tier="principal")
    new = await member(client, manager_headers, "Nordrobot AS")
    await sign_in(client)
    here = f"{NORA}/members/{old}/merger"
    page = await client.get(here, params={"q": "nordrobot"})
    assert re.search(rf'<option value="{new}"', page.text), page.text
    page = await client.get(here, params={"q": "nordrobot", "into": new, "on": DAY})
    assert "If they merge, this happens" in text(page)
    seen = text(page).partition("If they merge, this happens")[2]
    assert "Nordrobot AS" in seen and "principal partner" in seen.lower(), seen
    refused = await send(client, here, into=old, on=DAY)
    assert refused.status_code == 422 and "cannot become part of itself" in text(refused)
    answer = await send(client, here, into=new, on=DAY, **{f"links-{SLUG}": "end"})
    assert answer.status_code == 303, text(answer)
    assert set(await memberships(client, manager_headers, new, as_of=DAY)) == {SLUG}
    shown = await client.get(f"{NORA}/members/{old}")
    assert "Part of Nordrobot AS from 1 Jun 2027" in text(shown)
    assert "Took over Fjordrobot AS on 1 Jun 2027" in text(await client.get(f"{NORA}/members/{new}"))
    found = re.search(r'action="([^"]+/mergers/[^"]+/take-back)"', shown.text)
    assert found
    assert (await send(client, found[1])).status_code == 303
    assert "Part of Nordrobot" not in text(await client.get(f"{NORA}/members/{old}"))


async def test_a_member_has_another_name_and_both_find_it(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    wanted = await member(client, manager_headers, "Statrobot AS")
    await sign_in(client)
    here = f"{NORA}/members/{wanted}/name"
    assert (await send(client, here, name="", on=DAY)).status_code == 422
    assert (await send(client, here, name="X", on="1 June")).status_code == 422
    assert (await send(client, here, name="Equirobot AS", on="2026-11-01")).status_code == 303
    await client.post(
        f"/api/v1/organisations/{wanted}/names",
        json={"name": "Framrobot AS", "from": "2027-05-01"},
        headers=manager_headers,
    )
    for day, name in (("2027-04-30", "Equirobot AS"), ("2027-05-01", "Framrobot AS")):
        listed = await client.get(f"/api/v1/networks/{SLUG}/members?as_of={day}&limit=1000", headers=manager_headers)
        assert name in [each["organisation"]["name"] for each in listed.json()["items"]], day
        assert name in text(await client.get(f"{NORA}/members", params={"as_of": day, "q": "robot"})), day
    page = text(await client.get(f"{NORA}/members/{wanted}"))
    assert "Equirobot AS" in page and "Called Statrobot AS until 31 Oct 2026" in page
    for name in ("statrobot", "equirobot"):
        found = await client.get(f"{NORA}/members", params={"q": name, "state": "pending"})
        assert "Equirobot AS" in text(found), name


async def test_a_network_has_another_name(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    names = {"name_nb": "NORA Industri", "name_en": "NORA Industry", "short_nb": "NORA I", "short_en": "NORA I"}
    assert (await send(client, f"{NORA}/name", **names | {"name_nb": ""}, on="2026-11-01")).status_code == 422
    assert (await send(client, f"{NORA}/name", **names, on="2026-11-01")).status_code == 303
    page = text(await client.get(f"{NORA}/name"))
    assert "Another name for NORA Industry" in page and "NORA Industry Network until 31 Oct 2026" in page


async def test_split_on_pages(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    old = await member(client, manager_headers, "Fjordrobot AS", tier="principal")
    await sign_in(client)
    here = f"{NORA}/members/{old}/split"
    assert "A part that is new in the register" in text(await client.get(here))
    wrong = await client.get(here, params={"unit": "new", "name": "", "orgnr": "123", "on": DAY})
    assert wrong.status_code == 422 and "This must be filled in" in text(wrong)
    asked = {"unit": "new", "name": "Avspaltet AS", "on": DAY, f"goes-{SLUG}": "yes"}
    assert "If it stands alone, this happens" in text(await client.get(here, params=asked))
    assert (await send(client, here, **asked)).status_code == 303
    page = text(await client.get(f"{NORA}/members/{old}"))
    assert "Avspaltet AS came out of it on 1 Jun 2027" in page
    assert await memberships(client, manager_headers, old, as_of=DAY) == {}
