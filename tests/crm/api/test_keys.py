"""Keys: made, shown once, checked, revoked; and what each key may see and do in every network."""

import asyncio

import httpx
import pytest

from crm.actions import keys
from crm.api.keys import FRESH_SECONDS
from crm.context import Context
from crm.errors import Invalid, NotFound, Unauthenticated
from crm.reads import keys as key_reads
from tests.crm.api.support import CLAIRE, NORA, V1, applied, approved, problem_of, wrong

pytestmark = pytest.mark.anyio
Headers = dict[str, str]


def bearer(key: str) -> Headers:
    return {"authorization": f"Bearer {key}"}


async def test_only_the_hash_of_a_secret_is_stored(context: Context) -> None:
    row, text = await keys.create(context, "Sync job", "partner", NORA)
    brand, prefix, secret = text.split("_", 2)
    assert (brand, prefix, len(secret) >= 43) == ("kly", row.prefix, True)
    async with context.db.tx() as connection:
        stored = await connection.fetchrow("select * from api_key where prefix = $1", prefix)
        audited = await connection.fetchval(
            "select detail::text from audit where action = 'key_created' and subject_id = $1", row.id
        )
    assert secret not in str(dict(stored)) + audited
    assert (await keys.open_with(context, text)).id == row.id


async def test_a_partner_needs_a_network_and_a_name(context: Context) -> None:
    with pytest.raises(Invalid) as raised:
        await keys.create(context, "", "partner", None)
    named = [(field, code) for field, code, _ in raised.value.problems]
    assert named == [("name", "required"), ("network", "required")]


@pytest.mark.parametrize(
    ("role", "network", "scopes"), [("partner", CLAIRE, ["everything"]), ("manager", None, ["links"])]
)
async def test_only_a_partners_key_has_scopes_and_only_those_there_are(
    context: Context, role: str, network: str | None, scopes: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        await keys.create(context, "CRM", role, network, scopes=scopes)
    assert [(field, code) for field, code, _ in refused.value.problems] == [("scopes", "scope_unknown")]


async def test_what_a_key_may_write_is_stored_and_listed(context: Context) -> None:
    made, text = await keys.create(context, "CRM", "partner", CLAIRE, scopes=["members", "links", "links"])
    assert made.scopes == ["links", "members"]
    assert keys.actor_of(await keys.open_with(context, text)).scopes == {"links", "members"}
    async with context.db.tx() as connection:
        listed = await key_reads.listed(connection, made.networks)
    assert next(row.scopes for row in listed if row.id == made.id) == ["links", "members"]


@pytest.mark.parametrize(
    "change",
    [
        lambda k: k[:-1],
        lambda k: k + "x",
        lambda k: k.replace("kly_", "abc_"),
        lambda k: "",
        lambda k: k.rpartition("_")[0] + "_",
        lambda k: "kly__",
        lambda k: k[:14] + "é",
    ],
)
async def test_a_key_that_is_not_quite_right_opens_nothing(context: Context, manager_key: str, change) -> None:
    with pytest.raises(Unauthenticated):
        await keys.open_with(context, change(manager_key))


async def test_a_revoked_key_is_refused_within_a_moment(client: httpx.AsyncClient, context: Context) -> None:
    row, text = await keys.create(context, "Short-lived", "manager", None)
    assert (await client.get(f"{V1}/networks", headers=bearer(text))).status_code == 200
    await keys.revoke(context, row.prefix)
    await keys.revoke(context, row.prefix)
    await asyncio.sleep(FRESH_SECONDS + 0.1)
    answer = await client.get(f"{V1}/networks", headers=bearer(text))
    assert wrong(answer, 401) == [("authorization", "unauthenticated")]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    with pytest.raises(NotFound):
        await keys.revoke(context, "nosuchkey")


async def test_last_use_is_noted_once_a_minute(context: Context) -> None:
    row, text = await keys.create(context, "Busy", "manager", None)
    used = "update api_key set last_used_at = now() - make_interval(secs => $2) where id = $1 returning last_used_at"
    last = "select last_used_at from api_key where id = $1"
    async with context.db.tx() as connection:
        lately = await connection.fetchval(used, row.id, 59)
        await keys.open_with(context, text)
        assert await connection.fetchval(last, row.id) == lately
        long_ago = await connection.fetchval(used, row.id, 61)
        await keys.open_with(context, text)
        assert await connection.fetchval(last, row.id) > long_ago


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer kly_x_y", "bearer nothing"])
async def test_without_a_key_every_address_of_the_api_is_closed(client: httpx.AsyncClient, header: str | None) -> None:
    document = (await client.get("/api/openapi.json")).json()
    headers = {} if header is None else {"authorization": header}
    asked = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation.get("security") == []:
                continue
            address = path.replace("{slug}", "nora")
            while "{" in address:
                start, end = address.index("{"), address.index("}")
                address = address[:start] + "0b7f2a8e-0000-4000-8000-000000000000" + address[end + 1 :]
            answer = await client.request(method, address, headers=headers, json={} if method == "post" else None)
            assert wrong(answer, 401) == [("authorization", "unauthenticated")], (method, path)
            asked += 1
    assert asked >= 20


# --- what a partner's key sees


async def test_a_partner_reads_its_own_network_in_full_linked_members_included(
    client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str]
) -> None:
    path = f"{V1}/networks/{CLAIRE}/members?limit=1000"
    all_of_it = (await client.get(path, headers=manager_headers)).json()["items"]
    seen = (await client.get(path, headers=bearer(partner_keys[CLAIRE]))).json()["items"]
    assert seen == all_of_it
    assert {m["origin"] for m in seen} >= {"direct", "linked"}


async def test_of_other_networks_a_partner_sees_only_what_its_agreements_disclose(
    client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str]
) -> None:
    """Each direction of nora-claire-2021 has terms of its own (crm/demo_data/agreements.toml)."""
    disclosed = [
        (CLAIRE, NORA, {"name", "country"}, lambda m: m["origin"] in ("linked", "both")),
        (NORA, CLAIRE, {"name", "country", "identifiers", "website"}, lambda m: m["tier"] == "principal"),
    ]
    for network, receiver, fields, in_scope in disclosed:
        path = f"{V1}/networks/{network}/members?limit=1000"
        all_of_it = (await client.get(path, headers=manager_headers)).json()["items"]
        seen = (await client.get(path, headers=bearer(partner_keys[receiver]))).json()["items"]
        assert [m["id"] for m in seen] == [m["id"] for m in all_of_it if in_scope(m)] != []
        assert 0 < len(seen) < len(all_of_it)
        assert {m["agreement"] for m in seen} == {"nora-claire-2021"}
        assert {name for m in seen for name in m["organisation"]} == {"id", *fields}
        for stranger in ("nce-smart-energy-markets", "nora"):
            assert (await client.get(path, headers=bearer(partner_keys[stranger]))).json()["items"] == []


async def test_counts_are_told_of_the_own_network_only(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    listed = (await client.get(f"{V1}/networks", headers=bearer(partner_keys[CLAIRE]))).json()["items"]
    assert [n["slug"] for n in listed if n["counts"]] == [CLAIRE]


async def test_a_partner_is_told_why_without_the_other_networks_data(
    client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str]
) -> None:
    sent, made = await approved(client, manager_headers, "2026-11-22")
    path = f"{V1}/organisations/{sent['organisation_id']}/memberships"
    seen = (await client.get(path, headers=bearer(partner_keys[CLAIRE]))).json()["items"]
    assert [m["network"] for m in seen] == [CLAIRE]
    assert "because it is Principal partner in NORA Industry Network" in seen[0]["why"], "the rule says so"
    own = made["memberships"][0]["id"]
    assert wrong(await client.get(f"{V1}/memberships/{own}", headers=bearer(partner_keys[CLAIRE])), 404)


# --- the matrix: every key, on its own and on another network's things


async def _things(client: httpx.AsyncClient, headers: Headers) -> dict[str, str]:
    waiting = await applied(client, headers)
    sent, made = await approved(client, headers, "2026-11-22", tier="partner")
    return {
        "application": f"{V1}/applications/{waiting['id']}",
        "membership": f"{V1}/memberships/{made['memberships'][0]['id']}",
        "invoice": f"{V1}/invoices/{made['invoices'][0]['id']}",
        "organisation": f"{V1}/organisations/{sent['organisation_id']}",
    }


_CHANGES = [
    ("application", "POST", "/approval", {"starts_on": "2027-03-01"}),
    ("application", "POST", "/questions", {"question": "Who?"}),
    ("application", "POST", "/declines", {"reason": "No."}),
    ("application", "GET", "/consequences?starts_on=2027-03-01", None),
    ("application", "GET", "", None),
    ("membership", "POST", "/tier-changes", {"tier": "principal", "effective_on": "2027-03-01"}),
    ("membership", "POST", "/tier-changes/preview", {"tier": "principal", "effective_on": "2027-03-01"}),
    ("membership", "POST", "/endings", {"effective_on": "2027-03-01"}),
    ("membership", "POST", "/endings/preview", {"effective_on": "2027-03-01"}),
    ("membership", "POST", "/suspensions", {"from": "2027-03-01"}),
    ("membership", "POST", "/suspensions/preview", {"from": "2027-03-01"}),
    ("invoice", "GET", "", None),
]


@pytest.mark.parametrize(("thing", "method", "path", "body"), _CHANGES)
async def test_on_another_network_nothing_is_there_and_on_its_own_a_partner_may_not(
    client: httpx.AsyncClient,
    manager_headers: Headers,
    partner_keys: dict[str, str],
    thing: str,
    method: str,
    path: str,
    body: dict | None,
) -> None:
    address = (await _things(client, manager_headers))[thing] + path
    foreign = await client.request(method, address, json=body, headers=bearer(partner_keys["nce-smart-energy-markets"]))
    assert problem_of(foreign, 404)["type"] == "/problems/not_found"
    own = await client.request(method, address, json=body, headers=bearer(partner_keys[NORA]))
    assert wrong(own, 403) == [("authorization", "forbidden")]
    done = await client.request(method, address, json=body, headers=manager_headers)
    assert done.status_code in (200, 201), "the manager may, so the refusals above are about the key"


async def test_reading_is_open_on_the_own_and_closed_on_another_network(
    client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str]
) -> None:
    things = await _things(client, manager_headers)
    for thing in ("membership", "organisation"):
        assert (await client.get(things[thing], headers=bearer(partner_keys[NORA]))).status_code == 200
        closed = await client.get(things[thing], headers=bearer(partner_keys["nce-smart-energy-markets"]))
        assert problem_of(closed, 404)
    closed = await client.get(
        things["organisation"] + "/memberships", headers=bearer(partner_keys["nce-smart-energy-markets"])
    )
    assert problem_of(closed, 404)


async def test_a_manager_of_one_network_is_a_stranger_in_another(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    _, text = await keys.create(context, "NCE office", "manager", "nce-smart-energy-markets")
    things = await _things(client, manager_headers)
    for thing, method, path, body in _CHANGES:
        answer = await client.request(method, things[thing] + path, json=body, headers=bearer(text))
        assert problem_of(answer, 404), (thing, path)
    sent = await client.post(f"{V1}/applications", json=_application(), headers=bearer(text))
    assert wrong(sent, 403) == [("authorization", "forbidden")]


def _application() -> dict:
    return {
        "network": NORA,
        "tier": "principal",
        "organisation": {"name": "X AS", "country": "NO", "kind": "company", "employees": 3},
        "contact": {"name": "Y", "email": "y@x.example"},
    }
