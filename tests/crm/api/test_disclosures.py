"""Terms of disclosure, the disclosure log, who sees what about a member: through the API."""

from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar

from crm.context import Context
from crm.store import shares
from tests.crm.api.sharing import CODE, NDJSON, OURS, SHARED, opened, terms
from tests.crm.api.support import CLAIRE, NORA, V1, verified, wrong
from tests.seed import Keys

pytestmark = pytest.mark.anyio
HERE = f"{V1}/agreements/{CODE}/terms"
LONG = "x" * 2001

MISTAKES = [
    ({"fields": ["phone"]}, "fields", "value_unknown"),
    ({"fields": "name"}, "fields", "type_wrong"),
    ({"tiers": ["no-such"]}, "tiers", "value_unknown"),
    ({"legal_basis": "because"}, "legal_basis", "value_unknown"),
    ({"persons_basis": "always"}, "persons_basis", "value_unknown"),
    ({"fields": ["contact_name"]}, "persons_basis", "persons_basis_missing"),
    ({"fields": ["contact_email"], "persons_basis": ""}, "persons_basis", "persons_basis_missing"),
    ({"purpose": {}}, "purpose.en", "required"),
    ({"purpose": {"en": "x", "nb": " "}}, "purpose.nb", "required"),
    ({"legal_words": {"en": LONG}}, "legal_words.en", "length_out_of_range"),
    ({"retention_days": -1}, "retention_days", "number_out_of_range"),
    ({"retention_days": 3661}, "retention_days", "number_out_of_range"),
    ({"starts_on": "2026-11-21"}, "starts_on", "date_out_of_range"),
    ({"starts_on": "2030-01-01"}, "starts_on", "date_out_of_range"),
    ({"starts_on": "soon"}, "starts_on", "date_format"),
    ({"reason": LONG}, "reason", "length_out_of_range"),
    ({"secret": 1}, "secret", "field_unknown"),
    ({"purpose": {"en": "x", "nb": "\x07"}}, "purpose.nb", "control_characters"),
]


async def stored(context: Context) -> tuple[int, int, int]:
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select (select count(*) from disclosure_terms), (select count(*) from share_version),"
            " (select count(*) from audit)"
        )
    return tuple(row)


@pytest.mark.parametrize(("change", "field", "rule"), MISTAKES, ids=[f"{n}-{m[1]}" for n, m in enumerate(MISTAKES)])
async def test_terms_that_cannot_be_name_field_and_rule(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str], change: dict, field: str, rule: str
) -> None:
    before = await stored(context)
    answer = await client.post(HERE, json=terms(**change), headers=manager_headers)
    found = wrong(answer, 400 if answer.status_code == 400 else 422)
    assert any(said.startswith(field.split(".")[0]) and code == rule for said, code in found), found
    assert await stored(context) == before, "nothing is half stored"


async def test_only_the_network_whose_members_they_are_sets_terms(
    client: httpx.AsyncClient, manager_headers: dict[str, str], partner_keys: dict[str, str]
) -> None:
    for slug, status in ((CLAIRE, 403), (NORA, 403), ("nora-startup", 404)):
        key = {"authorization": f"Bearer {partner_keys[slug]}"}
        assert wrong(await client.post(HERE, json=terms(), headers=key), status), slug
    elsewhere = await client.post(HERE, json=terms(network="nora"), headers=manager_headers)
    assert wrong(elsewhere, 404) == [("code", "not_found")]


async def test_new_terms_are_told_to_both_networks_audit_trails_and_verify_holds(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str]
) -> None:
    given = terms(fields=["tier", "name", "name"], tiers=["principal"], reason="Board of 20 November")
    made = await client.post(HERE, json=given, headers=manager_headers)
    assert made.status_code == 201, made.text
    assert {k: v for k, v in made.json().items() if k in ("version", "gone", "starts_on")} == {
        "version": 2, "gone": 0, "starts_on": "2026-11-22",
    }  # fmt: skip
    versions = (await client.get(HERE, params={"network": NORA}, headers=manager_headers)).json()["items"]
    assert [v["version"] for v in versions] == [2, 1]
    assert (versions[0]["fields"], versions[0]["in_force"], versions[0]["reason"]) == (
        ["name", "tier"], True, "Board of 20 November",
    )  # fmt: skip
    async with context.db.tx() as connection:
        told = await connection.fetch("select detail from audit where action = 'disclosure_terms'")
    assert len(told) == 2
    assert told[0]["detail"]["fields"] == ["name", "tier"]
    assert await verified(context) == []


async def test_a_choice_needs_a_basis_that_leaves_one(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str], partner_keys: dict[str, str]
) -> None:
    async with context.db.tx() as connection:
        member, stranger = [
            await connection.fetchval(
                "select o.id from organisation o where exists (select from membership m join network n on"
                " n.id = m.network_id where m.organisation_id = o.id and n.slug = $1) = $2 order by o.id limit 1",
                NORA, here,
            )
            for here in (True, False)
        ]  # fmt: skip
    path = f"{V1}/organisations/{member}/disclosures/choices"
    said: dict[str, Any] = {"agreement": CODE, "network": NORA, "choice": "consents"}
    assert wrong(await client.post(path, json=said, headers=manager_headers), 422) == [("choice", "choice_not_open")]
    assert (await client.post(HERE, json=terms(legal_basis="contract"), headers=manager_headers)).status_code == 201
    said["choice"] = "objects"
    assert wrong(await client.post(path, json=said, headers=manager_headers), 422) == [("choice", "choice_not_open")]
    said |= {"choice": "erased", "contact": True}
    assert wrong(await client.post(path, json=said, headers=manager_headers), 422) == [("choice", "choice_not_open")]
    said |= {"choice": "erased", "contact": False}
    other = path.replace(str(member), str(stranger))
    assert wrong(await client.post(other, json=said, headers=manager_headers), 404) == [
        ("organisation_id", "not_found")
    ]
    for slug, status in ((NORA, 403), (CLAIRE, 404)):
        key = {"authorization": f"Bearer {partner_keys[slug]}"}
        assert wrong(await client.post(path, json=said, headers=key), status), slug
    assert (await client.post(path, json=said, headers=manager_headers)).json() == {"changed": True}
    nothing = {"agreement": CODE, "network": NORA}
    assert (await client.delete(path, params=nothing, headers=manager_headers)).json() == {"changed": False}


async def test_persons_who_are_members_are_not_told_of_without_a_basis_for_persons(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str]
) -> None:
    async with context.db.tx() as connection:
        who = await connection.fetchrow(
            "select s.membership_id, s.organisation_id from share s join disclosure d on d.id = s.disclosure_id"
            " join network n on n.id = d.network_id where n.slug = $1 and s.op = 'upsert' order by 1 limit 1",
            NORA,
        )
        assert who
        profile = "update organisation_profile set superseded_at = now() where organisation_id = $1"
        made = (
            "insert into organisation_profile (id, organisation_id, name, kind, country, starts_on, recorded_at)"
            " values (gen_random_uuid(), $1, 'A person', 'person', 'NO', '2020-01-01', now())"
        )
        for statement in (profile, made):
            await connection.execute(statement, who["organisation_id"])
        await connection.execute("set constraints all immediate; set constraints all deferred")
        seen = "select op, reason from share where membership_id = $1"
        assert tuple(await connection.fetchrow(seen, who["membership_id"])) == ("remove", "out_of_scope")
    answer = await client.post(HERE, json=terms(persons_basis="notice"), headers=manager_headers)
    assert answer.status_code == 201, answer.text
    async with context.db.tx() as connection:
        assert tuple(await connection.fetchrow(seen, who["membership_id"])) == ("upsert", "shared")


# --- the log, and the member's view


@pytest.mark.commits
async def test_each_answer_to_the_other_network_is_one_row_and_the_member_sees_when(
    own_database: str, application: Litestar, seeded: Keys
) -> None:
    async with opened(own_database, application, seeded) as doors:
        members, (changes, _) = await doors.members(), await doors.changes()
        one = members[0]["organisation"]
        seen = f"{V1}/organisations/{one['id']}/disclosures"
        before = [s for s in (await doors.ok(seen, doors.manager))["items"] if s["network"] == NORA]
        await doors.client.get(f"{OURS}/members", headers=doors.api | NDJSON)
        await doors.get(f"{SHARED}/changes", after=(await doors.changes())[1])  # nothing new, nothing disclosed
        await doors.get(f"{SHARED}/members", doors.own, network=NORA)  # its own members
        await doors.get(f"{SHARED}/digest")
        log = (await doors.ok(f"{SHARED}/readings", doors.own, network=NORA, limit=1000))["items"]
        pages = -(-len(members) // 3)
        assert [r["kind"] for r in log].count("list") == pages
        assert [(r["kind"], r["members"]) for r in log if r["kind"] == "stream"] == [("stream", len(members))]
        given = [r for r in log if r["kind"] == "changes"]
        assert sum(r["members"] for r in given) == 2 * len(changes)
        assert {r["reader"] for r in log} == {log[0]["reader"]} and "claire" in log[0]["reader"].lower()
        assert given[-1]["from_position"] == "0.0" != given[-1]["to_position"]
        paged = await doors.ok(f"{SHARED}/readings", network=NORA, limit=2)
        rest = await doors.ok(f"{SHARED}/readings", network=NORA, limit=1000, cursor=paged["next_cursor"])
        assert paged["items"] + rest["items"] == log, "both networks read the same log"
        versions = (await doors.ok(f"{SHARED}/versions", limit=1000))["items"]
        assert {v["organisation_id"] for v in versions} == {m["organisation"]["id"] for m in members}
        assert {(v["op"], v["reason"], v["version"]) for v in versions} == {("upsert", "shared", 1)}
        after = [s for s in (await doors.ok(seen, doors.manager))["items"] if s["network"] == NORA]
        (told,) = after
        assert (told["to_network"], told["legal_basis"], told["retention_days"]) == (CLAIRE, "legitimate_interest", 30)
        assert told["values"]["name"] == one["name"]
        assert set(told["values"]) == {"name", "identifiers", "country", "tier", "website"}
        assert told["since"] == before[0]["since"] <= told["fetched_at"]
        assert told["purpose"].startswith("To receive the principal partners")
        async with doors.context.db.pool.acquire() as db:
            with pytest.raises(asyncpg.RestrictViolationError):
                await db.execute("delete from share_reading")
            assert await shares.publish(db, []) == 0


@pytest.mark.commits
async def test_to_be_told_that_members_are_gone_discloses_nobody(
    own_database: str, application: Litestar, seeded: Keys
) -> None:
    async with opened(own_database, application, seeded) as doors:
        _, cursor = await doors.changes()
        assert (await doors.set_terms(tiers=["principal"], fields=["name"])).status_code == 201
        narrower, cursor = await doors.changes(cursor)
        members = await doors.members()
        assert (await doors.set_terms(fields=[])).status_code == 201
        log = (await doors.ok(f"{SHARED}/readings", limit=1000))["items"]
        gone, _ = await doors.changes(cursor)
        assert {c["op"] for c in narrower} == {"upsert"} and {c["op"] for c in gone} == {"remove"}
        assert len(gone) == len(members) > 0
        assert (await doors.ok(f"{SHARED}/readings", limit=1000))["items"] == log
