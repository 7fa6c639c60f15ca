"""Roles, owners and employers by API: previewed against the fees to come, recorded, ended, taken back."""

from typing import Any

import httpx
import msgspec
import pytest

from cluster_rules.components import Case, FeeComponent, Fits
from crm import catalogue
from crm.actions import rulebooks
from crm.actor import Actor
from crm.context import Context
from tests.crm.api.support import NORA, V1, approved, verified, wrong

pytestmark = pytest.mark.anyio

Headers = dict[str, str]
NOBODY = "00000000-0000-4000-8000-000000000000"
BY_STANDING = FeeComponent(
    code="service",
    names={"nb": "Serviceavgift", "en": "Service fee"},
    basis="cases",
    vat="standard",
    proration="none",
    cases=(
        Case(amount=5_000_00, when=(Fits(roles=("core",)),)),
        Case(amount=9_000_00, when=(Fits(parent="foreign"),)),
        Case(amount=7_000_00),
    ),
)


@pytest.fixture
async def one(client: httpx.AsyncClient, context: Context, actor: Actor, manager_headers: Headers) -> str:
    """A partner of NORA Industry Network, where partners pay by role and owner from today on."""
    sent, _ = await approved(client, manager_headers, tier="partner")
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    newest = kept.rulebooks.of(NORA)[-1]
    old = newest.tier("partner")
    assert old is not None
    fee = msgspec.structs.replace(BY_STANDING, code=old.fees[0].code)
    tiers = tuple(msgspec.structs.replace(t, fees=(fee,)) if t == old else t for t in newest.tiers)
    today = context.clock.today(kept.network(NORA).zone)
    changed = {"version": newest.version + 1, "tiers": tiers, "effective_from": today}
    await rulebooks.publish(context, actor, msgspec.structs.replace(newest, **changed))
    return sent["organisation_id"]


async def post(client: httpx.AsyncClient, headers: Headers, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"{V1}/organisations/{path}", json=body, headers=headers)


def fees(answer: httpx.Response) -> list[tuple[int, int]]:
    assert answer.status_code in (200, 201), answer.text
    return [(each["before"]["amount"], each["after"]["amount"]) for each in answer.json()["fees"]]


async def test_a_role_is_given_ended_and_taken_back(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers, one: str
) -> None:
    body = {"network": NORA, "role": "core", "starts_on": "2026-01-01", "source": "Board"}
    assert fees(await post(client, manager_headers, f"{one}/roles/preview", **body)) == [(7_000_00, 5_000_00)]
    listed = await client.get(f"{V1}/organisations/{one}/roles", headers=manager_headers)
    assert listed.json()["items"] == [], "only looked"
    given = await post(client, manager_headers, f"{one}/roles", **body)
    assert fees(given) == [(7_000_00, 5_000_00)]
    again = await post(client, manager_headers, f"{one}/roles", **body | {"starts_on": "2027-01-01"})
    assert wrong(again, 409) == [("starts_on", "role_held")]
    where = f"{V1}/organisations/{one}/roles/{given.json()['id']}"
    early = await client.delete(f"{where}?ends_on=2026-01-01", headers=manager_headers)
    assert wrong(early, 422) == [("ends_on", "period_empty")]
    ended = await client.delete(f"{where}?ends_on=2027-06-01", headers=manager_headers)
    assert fees(ended) == [(5_000_00, 7_000_00)]
    listed = await client.get(f"{V1}/organisations/{one}/roles", headers=manager_headers)
    assert [(r["role"], r["ends_on"]) for r in listed.json()["items"]] == [("core", "2027-06-01")]
    gone = await client.delete(f"{V1}/organisations/{one}/roles/{ended.json()['id']}", headers=manager_headers)
    assert gone.status_code == 200 and gone.json()["id"] is None
    assert (await client.delete(where, headers=manager_headers)).status_code == 404
    assert await verified(context) == []


async def test_an_owner_abroad_changes_the_fee(client: httpx.AsyncClient, manager_headers: Headers, one: str) -> None:
    body = {"country": "DE", "as_of": "2026-01-01"}
    assert fees(await post(client, manager_headers, f"{one}/owner/preview", **body)) == [(7_000_00, 9_000_00)]
    assert fees(await post(client, manager_headers, f"{one}/owner", **body)) == [(7_000_00, 9_000_00)]
    assert fees(await post(client, manager_headers, f"{one}/owner", country="", as_of="2026-02-01")) == [
        (9_000_00, 7_000_00)
    ]


async def test_a_person_works_for_an_organisation(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers, one: str
) -> None:
    async with context.db.tx() as connection:
        person = await connection.fetchval(
            "select p.organisation_id from organisation_profile p join membership m using (organisation_id)"
            " where p.kind = 'person' limit 1"
        )
        query = (
            "select count(*) from employer where organisation_id = $1 and employer_id = $2 and superseded_at is null"
        )
        answer = await post(client, manager_headers, f"{person}/employer", employer=one, since="2025-01-01")
        assert answer.status_code == 201, answer.text
        assert await connection.fetchval(query, person, one) == 1
    where = f"{V1}/organisations/{person}/employer/{one}"
    assert (await client.delete(where, headers=manager_headers)).status_code == 200
    assert (await client.delete(where, headers=manager_headers)).status_code == 404
    upside_down = await post(client, manager_headers, f"{one}/employer", employer=str(person))
    assert wrong(upside_down, 422) == [("employer", "employer_wrong")]
    nobody = await post(client, manager_headers, f"{person}/employer", employer=NOBODY)
    assert nobody.status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "expected"),
    [
        ("roles", {"network": NORA, "role": "Core!", "starts_on": "2026-01-01"}, 422, ("role", "pattern_wrong")),
        ("roles", {"network": "nowhere", "role": "core", "starts_on": "2026-01-01"}, 404, ("network", "not_found")),
        (
            "roles",
            {"network": NORA, "role": "core", "starts_on": "1700-01-01"},
            422,
            ("starts_on", "date_out_of_range"),
        ),
        (
            "roles",
            {"network": NORA, "role": "core", "starts_on": "2026-01-01", "ends_on": "2026-01-01"},
            422,
            ("ends_on", "period_empty"),
        ),
        ("owner", {"country": "XX", "as_of": "2026-01-01"}, 422, ("country", "country_unknown")),
        ("owner", {"country": "DE", "as_of": "2399-01-01"}, 422, ("as_of", "date_out_of_range")),
    ],
)
async def test_what_cannot_be_is_refused(
    client: httpx.AsyncClient,
    manager_headers: Headers,
    one: str,
    path: str,
    body: dict[str, Any],
    status: int,
    expected: tuple[str, str],
) -> None:
    assert wrong(await post(client, manager_headers, f"{one}/{path}", **body), status) == [expected]


async def test_a_late_count_of_employees_does_not_overwrite_a_later_one(
    client: httpx.AsyncClient, context: Context, manager_headers: Headers, one: str
) -> None:
    for value, as_of in ((60, "2026-10-01"), (50, "2026-03-01")):
        sizes = [{"basis": "employees", "value": value, "as_of": as_of}]
        assert (await post(client, manager_headers, f"{one}/sizes", sizes=sizes)).status_code == 201
    async with context.db.tx() as connection:
        rows = await connection.fetch(
            "select employees, employees_as_of::text as day from organisation_profile"
            " where organisation_id = $1::uuid and superseded_at is null order by starts_on",
            one,
        )
    assert [(r["employees"], r["day"]) for r in rows][1:3] == [(50, "2026-03-01"), (60, "2026-10-01")]
    assert await verified(context) == []
