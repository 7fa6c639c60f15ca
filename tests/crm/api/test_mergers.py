"""Organisations merge, split and are renamed by API: previewed, all or nothing, taken back (item 16)."""

from typing import Any

import httpx
import pytest

from crm.context import Context
from tests.crm.api.support import CLAIRE, NORA, V1, approved, memberships, new_orgnr, verified, wrong

pytestmark = pytest.mark.anyio

DAY = "2027-06-01"
Headers = dict[str, str]


async def member(client: httpx.AsyncClient, headers: Headers, name: str, **changes: Any) -> str:
    """A new member of NORA Industry Network from 1 March 2027; its id."""
    sent, _ = await approved(client, headers, organisation__name=name, **changes)
    return sent["organisation_id"]


async def post(client: httpx.AsyncClient, headers: Headers, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"{V1}{path}", json=body, headers=headers)


async def merge(client: httpx.AsyncClient, headers: Headers, old: str, into: str, **body: Any) -> dict[str, Any]:
    answer = await post(client, headers, f"/organisations/{old}/mergers", into=into, effective_on=DAY, **body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_company_is_taken_over(client: httpx.AsyncClient, context: Context, manager_headers: Headers) -> None:
    number = new_orgnr()
    numbers = [{"scheme": "no-orgnr", "value": number}]
    old = await member(client, manager_headers, "Fjordrobot AS", organisation__identifiers=numbers)
    new = await member(client, manager_headers, "Nordrobot AS", tier="partner", starts_on="2027-04-01")
    body = {"into": new, "effective_on": DAY}
    before = await memberships(client, manager_headers, new)
    seen = await post(client, manager_headers, f"/organisations/{old}/mergers/preview", **body)
    assert seen.status_code == 200, seen.text
    words = [item["words"] for item in seen.json()["consequences"] if item["words"]]
    assert any("Fjordrobot AS stops being" in text for text in words), words
    assert any("Nordrobot AS becomes" in text for text in words), words
    assert await memberships(client, manager_headers, new) == before

    made = await merge(client, manager_headers, old, new)
    assert made["organisation_id"] == new and made["invoices"] == []
    held = await memberships(client, manager_headers, new, as_of=DAY)
    assert {slug: m["tier"] for slug, m in held.items()} == {NORA: "principal", CLAIRE: "member"}
    assert held[NORA]["starts_on"] == "2027-04-01" and held[NORA]["member_since"] == "2027-03-01"
    assert await memberships(client, manager_headers, old, as_of=DAY) == {}
    history = await memberships(client, manager_headers, old, as_of="2027-05-31")
    assert {slug: m["tier"] for slug, m in history.items()} == {NORA: "principal", CLAIRE: "member"}
    shown = (await client.get(f"{V1}/organisations/{old}", headers=manager_headers)).json()
    assert (shown["merged_into"], shown["merged_on"]) == (new, DAY)
    found = await client.get(f"{V1}/organisations?identifier=no-orgnr:{number}", headers=manager_headers)
    assert [o["merged_into"] for o in found.json()["items"]] == [new]
    assert await verified(context) == []

    again = await post(client, manager_headers, f"/organisations/{old}/mergers", into=new, effective_on=DAY)
    assert wrong(again, 409) == [("organisation", "already_merged")]
    back = await client.delete(f"{V1}/mergers/{made['id']}", headers=manager_headers)
    assert back.status_code == 200, back.text
    assert {slug: m["tier"] for slug, m in (await memberships(client, manager_headers, new, as_of=DAY)).items()} == {
        NORA: "partner"
    }
    assert set(await memberships(client, manager_headers, old, as_of=DAY)) == {NORA, CLAIRE}
    assert await verified(context) == []
    assert (await client.delete(f"{V1}/mergers/{made['id']}", headers=manager_headers)).status_code == 404


async def test_what_ends_and_what_moves_is_chosen(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    old = await member(client, manager_headers, "Fjordrobot AS")
    new = await member(client, manager_headers, "Nordrobot AS", tier="partner")
    await merge(client, manager_headers, old, new, memberships=[{"network": NORA, "links": "end"}])
    held = await memberships(client, manager_headers, new, as_of=DAY)
    assert {slug: m["tier"] for slug, m in held.items()} == {NORA: "principal"}
    third = await member(client, manager_headers, "Tredje AS")
    await merge(client, manager_headers, third, new, memberships=[{"network": NORA, "membership": "end"}])
    assert await verified(context) == []


async def test_a_new_company_comes_out_of_another_with_its_membership(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    old = await member(client, manager_headers, "Fjordrobot AS")
    new = {"name": "Avspaltet AS", "country": "NO", "kind": "company", "employees": 12, "identifiers": []}
    body = {"effective_on": DAY, "new": new, "memberships": [{"network": NORA}]}
    seen = await post(client, manager_headers, f"/organisations/{old}/splits/preview", **body)
    assert seen.status_code == 200, seen.text
    answer = await post(client, manager_headers, f"/organisations/{old}/splits", **body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    held = await memberships(client, manager_headers, made["organisation_id"])
    assert {(slug, m["starts_on"], m["member_since"]) for slug, m in held.items()} == {
        (NORA, DAY, "2027-03-01"),
        (CLAIRE, DAY, DAY),
    }
    shown = (await client.get(f"{V1}/organisations/{made['organisation_id']}", headers=manager_headers)).json()
    assert (shown["name"], shown["parent_id"]) == ("Avspaltet AS", None)
    assert await verified(context) == []
    assert (await client.delete(f"{V1}/mergers/{made['id']}", headers=manager_headers)).status_code == 200
    assert set(await memberships(client, manager_headers, old, as_of=DAY)) == {NORA, CLAIRE}
    assert await verified(context) == []


async def test_a_unit_becomes_a_legal_entity(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    old = await member(client, manager_headers, "Fjordrobot AS")
    async with context.db.tx() as connection:
        unit = await connection.fetchval(
            "insert into organisation (id, name, family_id, website, fields, created_at)"
            " select gen_random_uuid(), 'Fjordrobot Lab', $1, '', '[]', now() returning id",
            old,
        )
        await connection.execute(
            "insert into organisation_profile (id, organisation_id, name, kind, country, municipality, county,"
            " parent_id, starts_on, recorded_at) values (gen_random_uuid(), $1, 'Fjordrobot Lab', 'company', 'NO', '',"
            " '', $2, '2020-01-01', now())",
            unit,
            old,
        )
    body = {"effective_on": DAY, "unit": str(unit)}
    taken = await member(client, manager_headers, "Nordrobot AS")
    answer = await post(client, manager_headers, f"/organisations/{taken}/splits", **body)
    assert wrong(answer, 422) == [("unit", "split_unit")]
    made = await merge(client, manager_headers, old, taken)
    assert (await client.get(f"{V1}/organisations/{unit}", headers=manager_headers)).json()["parent_id"] == old
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select starts_on::text, parent_id::text from organisation_profile where organisation_id = $1"
            " and superseded_at is null order by starts_on",
            unit,
        )
    assert [tuple(row) for row in rows] == [("2020-01-01", old), (DAY, taken)]
    assert await verified(context) == []
    assert (await client.delete(f"{V1}/mergers/{made['id']}", headers=manager_headers)).status_code == 200
    answer = await post(client, manager_headers, f"/organisations/{old}/splits", **body)
    assert answer.status_code == 201, answer.text
    assert await verified(context) == []


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"into": "self"}, 422, ("into", "merger_same")),
        ({"into": "nobody"}, 404, ("into", "not_found")),
        ({"effective_on": "2037-06-01"}, 422, ("effective_on", "date_out_of_range")),
        ({"memberships": [{"network": "nora"}]}, 409, ("memberships", "not_a_member")),
        ({"memberships": [{"network": NORA, "tier": "chairman"}]}, 422, ("memberships", "tier_unknown")),
    ],
)
async def test_what_cannot_be_merged(
    client: httpx.AsyncClient, manager_headers: Headers, change: dict[str, Any], status: int, said: tuple[str, str]
) -> None:
    old = await member(client, manager_headers, "Fjordrobot AS")
    new = await member(client, manager_headers, "Nordrobot AS")
    ids = {"self": old, "nobody": "00000000-0000-4000-8000-000000000000"}
    body = {"into": new, "effective_on": DAY} | change
    body["into"] = ids.get(body["into"], body["into"])
    assert wrong(await post(client, manager_headers, f"/organisations/{old}/mergers", **body), status) == [said]


async def test_a_partner_may_not_merge(
    client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str]
) -> None:
    old = await member(client, manager_headers, "Fjordrobot AS")
    new = await member(client, manager_headers, "Nordrobot AS")
    partner = {"authorization": f"Bearer {partner_keys[NORA]}"}
    answer = await post(client, partner, f"/organisations/{old}/mergers", into=new, effective_on=DAY)
    assert answer.status_code == 403


async def test_an_organisation_keeps_its_old_names(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    wanted = await member(client, manager_headers, "Statoil Robotikk AS")
    path = f"/organisations/{wanted}/names"
    answer = await post(client, manager_headers, path, name="Equinor Robotikk AS", **{"from": "2026-05-16"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "Equinor Robotikk AS"
    assert answer.json()["former_names"] == [{"name": "Statoil Robotikk AS", "until": "2026-05-16"}]
    later = await post(client, manager_headers, path, name="Fremtid AS", **{"from": "2027-05-16"})
    assert later.json()["name"] == "Equinor Robotikk AS"
    assert wrong(await post(client, manager_headers, path, name=" ", **{"from": DAY}), 422) == [("name", "required")]
    assert await verified(context) == []


async def test_mergers_splits_and_names_are_told_once_to_each(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers
) -> None:
    async def told(kind: str) -> set[tuple[str, str]]:
        async with context.db.tx() as connection:
            rows = await connection.fetch("select subject, recipient from mail where kind = $1", kind)
        subjects = [(row["subject"].partition(": ")[2], row["recipient"]) for row in rows]
        networks = [(row["subject"].partition(": ")[0], row["recipient"]) for row in rows]
        assert len(networks) == len(set(networks)), "nobody hears of it twice from one network"
        return set(subjects)

    one = {"contact__email": "en@fjord.example", "contact__name": "En Fjord"}
    other = {"contact__email": "to@nord.example", "contact__name": "To Nord"}
    old = await member(client, manager_headers, "Fjordrobot AS", **one)
    new = await member(client, manager_headers, "Nordrobot AS", tier="partner", **other)
    await post(client, manager_headers, f"/organisations/{old}/mergers/preview", into=new, effective_on=DAY)
    assert await told("organisation_merged") == set()
    made = await merge(client, manager_headers, old, new)
    mails = await told("organisation_merged")
    assert {to for _, to in mails} >= {"en@fjord.example", "to@nord.example", "ingrid@klynge.example"}
    assert {what for what, _ in mails} <= {
        "Fjordrobot AS blir del av Nordrobot AS",
        "Fjordrobot AS becomes part of Nordrobot AS",
    }
    await client.delete(f"{V1}/mergers/{made['id']}", headers=manager_headers)
    body = {"name": "Nordhavn AS", "from": "2026-11-22"}
    answer = await client.post(f"{V1}/organisations/{new}/names", json=body, headers=manager_headers)
    assert answer.status_code == 201, answer.text
    mails = await told("organisation_renamed")
    assert {to for _, to in mails} >= {"to@nord.example", "ingrid@klynge.example"}
    assert {what for what, _ in mails} <= {"Nordrobot AS heter Nordhavn AS", "Nordrobot AS is called Nordhavn AS"}
    again = await client.post(f"{V1}/organisations/{new}/names", json=body, headers=manager_headers)
    assert again.status_code == 201 and await told("organisation_renamed") == mails, "the same name is no news"
    part = {"name": "Avspaltet AS", "country": "NO", "kind": "company", "employees": 12, "identifiers": []}
    split = {"effective_on": DAY, "new": part, "memberships": [{"network": NORA}]}
    assert (await post(client, manager_headers, f"/organisations/{old}/splits", **split)).status_code == 201
    assert "en@fjord.example" in {to for _, to in await told("organisation_split")}
