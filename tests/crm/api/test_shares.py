"""AC-12, AC-24: another network gets what the terms say and nothing else through any door; changes of them tell."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from litestar import Litestar

from crm import client as partner
from crm.actions import days
from tests.crm.api import sharing
from tests.crm.api.sharing import CODE, FIELDS, MARKS, NDJSON, OURS, SHARED, Doors, later, opened, shown, terms
from tests.crm.api.support import CLAIRE, NORA, V1, wrong
from tests.seed import Keys

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
ROUNDS = 14
SEED = 20261122
PARTNER = """
insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin, starts_on, recorded_at)
select id, network_id, organisation_id, 'partner', 'active', 'direct', '2025-01-01', now() from membership where id = $1
"""


@pytest.fixture
async def doors(own_database: str, application: Litestar, seeded: Keys) -> AsyncIterator[Doors]:
    async with opened(own_database, application, seeded) as found:
        yield found


@pytest.fixture
async def db(own_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(own_database)
    yield connection
    await connection.close()


def drawn(chance: random.Random, levels: list[str]) -> dict[str, Any]:
    """Any terms that are allowed."""
    fields = [each for each in FIELDS if chance.random() < 0.45]
    persons = chance.choice(["", "notice", "consent"])
    if not persons:
        fields = [each for each in fields if not each.startswith("contact_")]
    tiers = chance.sample(levels, chance.randint(0, 2))
    return terms(
        fields=fields,
        tiers=tiers,
        persons_basis=persons,
        legal_basis=chance.choice(["contract", "legitimate_interest"]),
    )


async def expected(doors: Doors, db: asyncpg.Connection, given: dict[str, Any]) -> list[dict[str, Any]]:
    """What those terms allow, by the second opinion. Nobody has consented, so only notice lets contacts through."""
    people = {
        str(row["organisation_id"]): {"contact_name": row["name"], "contact_email": row["email"]}
        for row in await db.fetch("select organisation_id, name, email from contact where main")
    }
    own = (await doors.ok(f"{OURS}/members", doors.own, limit=1000))["items"]
    named = given["persons_basis"] == "notice"
    found = [shown(m, given, people.get(m["organisation"]["id"]) if named else None) for m in own]
    return sorted((m for m in found if m), key=lambda m: m["id"])


def leaks(said: bytes, given: dict[str, Any]) -> list[str]:
    """The fields whose marks are in the bytes and not in the terms."""
    allowed = set(given["fields"])
    if given["persons_basis"] != "notice":
        allowed -= {"contact_name", "contact_email"}
    return [field for field, mark in MARKS.items() if field not in allowed and mark.encode() in said]


async def test_ac_12_for_any_terms_nothing_outside_them_leaves_by_any_door(
    doors: Doors, db: asyncpg.Connection
) -> None:
    await sharing.marked(db)
    levels = [r["tier"] for r in await db.fetch("select distinct body::json ->> 'tier' as tier from feed_member"
                                                " where listed and network_id = (select id from network where"
                                                " slug = $1)", NORA)]  # fmt: skip
    chance, sizes, cursor = random.Random(SEED), set(), (await doors.changes())[1]
    held = {m["id"]: m for m in await doors.members()}
    for _ in range(ROUNDS):
        given = drawn(chance, levels)
        assert (await doors.set_terms(**given)).status_code == 201
        members = await doors.members()
        assert sharing.unversioned(members) == await expected(doors, db, given), given
        assert leaks(await doors.everything(), given) == [], given
        items, cursor = await doors.changes(cursor)
        for item in items:
            assert (item["op"] == "remove") == (item["member"] is None)
            held.pop(item["id"], None) if item["op"] == "remove" else held.update({item["id"]: item["member"]})
        assert sorted(held.values(), key=lambda m: m["id"]) == members, "the changes of a scope are the scope"
        sizes.add(len(members))
    assert len(sizes) > 2, "the terms drawn differ"


async def test_ac_12_control_a_share_that_leaks_is_caught(doors: Doors, db: asyncpg.Connection) -> None:
    await sharing.marked(db)
    await db.execute(
        "create or replace function share_body(p_body json, p_fields jsonb, p_agreement text, p_contact text)"
        " returns text language sql immutable as $$ select left(p_body::text, -1) || ',\"contact\":' ||"
        " coalesce(p_contact, 'null') || '}' $$"
    )
    given = terms(fields=["country"], persons_basis="")
    assert (await doors.set_terms(**given)).status_code == 201
    assert {"name", "website", "identifiers"} <= set(leaks(await doors.everything(), given))
    assert sharing.unversioned(await doors.members()) != await expected(doors, db, given)


async def test_ac_24_persons_leave_on_their_consent_only_and_are_gone_with_it(
    doors: Doors, db: asyncpg.Connection
) -> None:
    await sharing.marked(db)
    everything = terms(fields=list(FIELDS), persons_basis="consent")
    assert (await doors.set_terms(**everything)).status_code == 201
    silent = await doors.everything()
    assert b"PERSONMARK" not in silent and b"mailmark" not in silent
    members, cursor = await doors.members(), (await doors.changes())[1]
    one = members[0]["organisation"]["id"]
    choices = f"{V1}/organisations/{one}/disclosures/choices"
    said = {"agreement": CODE, "network": NORA, "choice": "consents", "contact": True}
    assert (await doors.client.post(choices, json=said, headers=doors.manager)).json() == {"changed": True}
    assert (await doors.client.post(choices, json=said, headers=doors.manager)).json() == {"changed": False}
    (item,), cursor = await doors.changes(cursor)
    assert item["member"]["contact"] == {
        "email": f"mailmark-{one[:8]}@person.example", "name": f"PERSONMARK {one[:8]}",
    }  # fmt: skip
    # The consent is the person's, not the post's: somebody else in it has given none.
    await db.execute("update contact set main = false where organisation_id = $1", UUID(one))
    (item,), cursor = await doors.changes(cursor)
    assert (item["op"], "contact" in item["member"]) == ("upsert", False)
    await db.execute("update contact set main = true where organisation_id = $1", UUID(one))
    (item,), cursor = await doors.changes(cursor)
    assert "contact" in item["member"]
    taken = {name: value for name, value in said.items() if name != "choice"}
    answer = await doors.client.request("DELETE", choices, params=taken | {"contact": "true"}, headers=doors.manager)
    assert answer.json() == {"changed": True}
    (item,), cursor = await doors.changes(cursor)
    assert (item["reason"], "contact" in item["member"]) == ("changed", False)
    assert b"PERSONMARK" not in await doors.everything(), "nor what it was before"


async def test_consent_of_the_organisation_withdrawn_is_a_tombstone(doors: Doors) -> None:
    assert (await doors.set_terms(legal_basis="consent")).json()["disclosed"] == 0
    own = (await doors.ok(f"{OURS}/members", doors.own, limit=1000))["items"]
    one, _, cursor = own[0]["organisation"]["id"], None, (await doors.changes())[1]
    choices = f"{V1}/organisations/{one}/disclosures/choices"
    for choice, op, reason in (
        ("consents", "upsert", "shared"),
        ("objects", "remove", "revoked"),
        ("consents", "upsert", "shared"),
        ("erased", "remove", "erased"),
    ):
        body = {"agreement": CODE, "network": NORA, "choice": choice, "reason": "Asked for by letter"}
        answer = await doors.client.post(choices, json=body, headers=doors.manager)
        assert answer.status_code == 200, answer.text
        (item,), cursor = await doors.changes(cursor)
        assert (item["id"], item["op"], item["reason"]) == (own[0]["id"], op, reason)
    body |= {"choice": "consents"}
    assert (await doors.client.post(choices, json=body, headers=doors.manager)).json() == {"changed": False}
    assert await doors.members() == [], "an erasure stays"


# --- what makes a member leave, and why


async def test_each_way_out_has_its_reason(doors: Doors, db: asyncpg.Connection) -> None:
    cursor, before = (await doors.changes())[1], await doors.members()
    first, second, third = before[:3]
    body = {"agreement": CODE, "network": NORA, "choice": "objects"}
    path = f"{V1}/organisations/{first['organisation']['id']}/disclosures/choices"
    assert (await doors.client.post(path, json=body, headers=doors.manager)).json() == {"changed": True}
    for one in (second, third):
        await db.execute("update membership_period set superseded_at = now() where membership_id = $1", one["id"])
        if one is second:
            await db.execute(PARTNER, one["id"])
        await db.execute("select feed_publish($1, '2026-11-22')", [one["id"]])
    items, cursor = await doors.changes(cursor)
    assert [(i["id"], i["op"], i["reason"], i["member"]) for i in items] == [
        (first["id"], "remove", "revoked", None),
        (second["id"], "remove", "out_of_scope", None),
        (third["id"], "remove", "left", None),
    ]
    assert (await doors.set_terms(fields=[])).json()["gone"] == len(before) - 3
    items, _ = await doors.changes(cursor)
    assert {i["reason"] for i in items} == {"revoked"}
    assert await doors.members() == []


async def test_the_end_of_the_agreement_revokes_everybody_on_its_day(
    own_database: str, application: Litestar, seeded: Keys, doors: Doors
) -> None:
    cursor, before = (await doors.changes())[1], await doors.members()
    body = {"ends_on": "2026-12-01", "on_end": "grandfather", "reason": "By letter", "mutual": True}
    answer = await doors.client.post(f"{SHARED}/endings", json=body, headers=doors.manager)
    assert answer.status_code == 200, answer.text
    assert (await doors.members(), (await doors.changes(cursor))[0]) == (before, [])
    async with opened(own_database, application, seeded, later(2026, 12, 1)) as then:
        items, cursor = await then.changes(cursor)
        assert {(i["op"], i["reason"]) for i in items} == {("remove", "revoked")}
        assert {i["id"] for i in items} == {m["id"] for m in before}
        assert (await then.members(), (await then.ok(f"{OURS}/members"))["items"]) == ([], [])
        assert wrong(await then.set_terms(starts_on="2026-12-02"), 409) == [("code", "agreement_ended")]


async def test_terms_of_a_later_day_wait_for_it(
    own_database: str, application: Litestar, seeded: Keys, doors: Doors, db: asyncpg.Connection
) -> None:
    before = await doors.members()
    made = (await doors.set_terms(starts_on="2026-12-01", fields=["country"], tiers=["principal"])).json()
    assert (made["version"], made["disclosed"], made["told"], made["gone"]) == (2, len(before), 0, 0)
    assert await doors.members() == before
    again = (await doors.set_terms(starts_on="2026-12-01", fields=["country"], tiers=["principal"])).json()
    assert again["version"] == 2, "the same terms again are no new version"
    async with opened(own_database, application, seeded, later(2026, 12, 1)) as then:
        await days.turn(then.context)
        assert {tuple(m["organisation"]) for m in await then.members()} == {("country", "id")}
        versions = (await then.ok(f"{SHARED}/terms"))["items"]
        assert [(v["version"], v["in_force"]) for v in versions] == [(2, True), (1, False)]
        assert await db.fetchval("select shared_fields::text from agreement") == '["country"]', "what applicants read"


# --- the protocol


async def test_pages_lines_changes_and_digest_are_one_list(doors: Doors, db: asyncpg.Connection) -> None:
    sizes = await doors.set_terms(fields=list(FIELDS[:10]))
    assert sizes.json()["disclosed"] > 10
    members = await doors.members()
    lines = await doors.client.get(f"{SHARED}/members", headers=doors.api | NDJSON)
    assert sorted((json.loads(each) for each in lines.text.splitlines()), key=lambda m: m["id"]) == members
    replayed = {i["id"]: i["member"] for i in (await doors.changes())[0] if i["op"] == "upsert"}
    assert sorted(replayed.values(), key=lambda m: m["id"]) == members
    told = await doors.ok(f"{SHARED}/digest")
    assert {b["bucket"]: b["hash"] for b in told["buckets"]} == partner.digests(members)
    assert (told["count"], told["settled"], told["as_of_cursor"]) == (len(members), True, (await doors.changes())[1])
    bucket = await doors.ok(f"{SHARED}/digest/{told['buckets'][0]['bucket']}")
    assert partner.digests(bucket["items"]) == {bucket["bucket"]: bucket["hash"]}
    assert lines.headers["klynge-as-of-cursor"] == told["as_of_cursor"]
    for path in ("members", "changes", "digest"):  # the network's address is the same list
        assert await doors.ok(f"{OURS}/{path}", limit=50) if path != "digest" else await doors.ok(f"{OURS}/{path}")
    assert (await doors.ok(f"{OURS}/digest")) == told
    versions = {m["id"]: m["version"] for m in members}
    await db.execute("update organisation set sort_name = default")
    assert {m["id"]: m["version"] for m in await doors.members()} == versions, "nothing seen, nothing told"


async def test_a_list_one_has_is_not_sent_nor_logged_again(doors: Doors, db: asyncpg.Connection) -> None:
    count = "select count(*) from share_reading"
    for headers in ({}, NDJSON):
        first = await doors.client.get(f"{SHARED}/members", headers=doors.api | headers)
        kept = await db.fetchval(count)
        again = await doors.client.get(
            f"{SHARED}/members", headers=doors.api | headers | {"if-none-match": first.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        assert (await doors.client.head(f"{SHARED}/members", headers=doors.api | headers)).status_code == 200
        assert await db.fetchval(count) == kept
    assert (await doors.set_terms(fields=["name"])).json()["told"] > 0
    stale = {"if-none-match": first.headers["etag"]}
    assert (await doors.client.get(f"{SHARED}/members", headers=doors.api | NDJSON | stale)).status_code == 200


async def test_cursors_are_of_one_key_and_one_direction(doors: Doors, db: asyncpg.Connection) -> None:
    _, cursor = await doors.changes()
    page = await doors.ok(f"{SHARED}/members", limit=1)
    back = {"network": CLAIRE}
    for key, query in ((doors.own, {"network": NORA}), (doors.manager, {"network": NORA}), (doors.api, back)):
        assert wrong(await doors.get(f"{SHARED}/changes", key, after=cursor, **query), 422) == [
            ("after", "cursor_foreign")
        ]
    wrongly = await doors.get(f"{SHARED}/members", doors.own, cursor=page["next_cursor"])
    assert wrong(wrongly, 422) == [("cursor", "cursor_invalid")]
    assert wrong(await doors.get(f"{OURS}/changes", doors.own, after=cursor), 422) == [("after", "cursor_foreign")]
    await db.execute("update feed_epoch set epoch = 'other'")
    gone = await doors.get(f"{SHARED}/changes", after=cursor)
    assert wrong(gone, 410) == [("after", "cursor-expired")]
    assert gone.links["start"]["url"] == f"{SHARED}/members"


async def test_who_may_read_which_direction(doors: Doors, seeded: Keys) -> None:
    stranger = {"authorization": f"Bearer {seeded.partner_keys['nora-startup']}"}
    for path in ("members", "changes", "digest", "terms", "readings", "versions"):
        assert wrong(await doors.get(f"{SHARED}/{path}", stranger), 404) == [("code", "not_found")], path
        assert wrong(await doors.get(f"{V1}/agreements/no-such/{path}"), 404) == [("code", "not_found")]
        assert wrong(await doors.get(f"{SHARED}/{path}", doors.manager), 422) == [("network", "required")]
    assert wrong(await doors.get(f"{SHARED}/members", network="nora"), 404) == [("code", "not_found")]
    back = await doors.ok(f"{SHARED}/members", doors.own, limit=1000)
    assert {m["network"] for m in back["items"]} == {CLAIRE}
    assert back["items"] == (await doors.ok(f"{V1}/networks/{CLAIRE}/members", doors.own, limit=1000))["items"]
    assert {m["network"] for m in (await doors.ok(f"{SHARED}/members", doors.own, network=NORA))["items"]} == {NORA}
    for query in ({"as_of": "2026-06-01"}, {"known_at": "2026-11-01"}):
        assert wrong(await doors.get(f"{OURS}/members", **query), 422) == [(next(iter(query)), "day_not_kept")]


async def test_two_agreements_are_never_put_together(doors: Doors, db: asyncpg.Connection) -> None:
    _, cursor = await doors.changes()
    await db.execute(
        'insert into agreement select (jsonb_populate_record(a, \'{"id": "0190c000-0000-7000-8000-000000000000",'
        ' "code": "second"}\'::jsonb)).* from agreement a'
    )
    answer = await doors.client.post(
        f"{V1}/agreements/second/terms", json=terms(fields=["country"]), headers=doors.manager
    )
    assert answer.status_code == 201, answer.text
    refused = await doors.get(f"{OURS}/members")
    assert wrong(refused, 422) == [("slug", "agreement_choose")]
    assert f"{SHARED}/members" in refused.text and f"{V1}/agreements/second/members" in refused.text
    assert (await doors.ok(f"{OURS}/changes", after=cursor))["items"] == [], "who follows one goes on with it"
    second = (await doors.ok(f"{V1}/agreements/second/members", limit=1000))["items"]
    assert {tuple(m["organisation"]) for m in second} == {("country", "id")}
    assert {"name" in m["organisation"] for m in await doors.members()} == {True}
