"""A partner's system pushes its list: verdicts row by row, twice is once, doubts wait for a person, guards hold."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from crm.actions import keys, member_lists
from crm.context import Context
from tests.crm.api.support import CLAIRE, NORA, V1, approved, memberships, new_orgnr, problem_of, verified, wrong

pytestmark = pytest.mark.anyio
Headers = dict[str, str]
PATH = f"{V1}/networks/{NORA}/member-lists"


@pytest.fixture
async def headers(context: Context) -> Headers:
    """The key of the network's own system."""
    _, text = await keys.create(context, "Own system", "partner", NORA, scopes=["members"])
    return {"authorization": f"Bearer {text}"}


def member(number: int, **changes: Any) -> dict[str, Any]:
    """A row of a company nobody knows."""
    return {
        "external_id": f"C-{number}",
        "name": f"Utenfor Allfarvei {number} AS",
        "country": "NO",
        "tier": "partner",
        "identifiers": [{"scheme": "no-orgnr", "value": new_orgnr()}],
        **changes,
    }


async def pushed(client: httpx.AsyncClient, headers: Headers, rows: list[Any], query: str = "") -> dict[str, Any]:
    answer = await client.post(PATH + query, json={"members": rows}, headers=headers)
    assert answer.status_code == 201, answer.text
    run: dict[str, Any] = answer.json()
    assert run["status"] == "done"
    return run


async def verdicts(client: httpx.AsyncClient, headers: Headers, run: dict[str, Any]) -> list[str]:
    return [row["verdict"] for row in await rows_of(client, headers, run)]


async def rows_of(client: httpx.AsyncClient, headers: Headers, run: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await client.get(f"{V1}/member-lists/{run['id']}/rows?limit=1000", headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_list_is_taken_in_and_the_second_time_nothing_changes(
    client: httpx.AsyncClient, headers: Headers, context: Context
) -> None:
    rows = [member(1), member(2, tier="principal", starts_on="2024-03-01"), member(3, employees=7)]
    looked = await pushed(client, headers, rows, "?dry_run=true")
    assert looked["counts"] == {"created": 3}
    assert [r["organisation_id"] for r in await rows_of(client, headers, looked)] == [None] * 3
    first = await pushed(client, headers, rows)
    assert first["counts"] == {"created": 3}
    second = await pushed(client, headers, list(reversed(rows)))
    assert second["counts"] == {"unchanged": 3}
    stored = await rows_of(client, headers, first)
    listed = await client.get(f"{V1}/networks/{NORA}/members?limit=1000", headers=headers)
    members = {m["id"]: m for m in listed.json()["items"]}
    assert [members[r["membership_id"]]["tier"] for r in stored] == ["partner", "principal", "partner"]
    links = await client.get(f"{V1}/organisations/{stored[1]['organisation_id']}/memberships", headers=headers)
    assert {m["network"] for m in links.json()["items"]} == {NORA, "claire-innovation-network"}
    assert await verified(context) == []


async def test_every_kind_of_verdict_and_nothing_of_a_refused_row_is_stored(
    client: httpx.AsyncClient, headers: Headers, context: Context
) -> None:
    known = member(1)
    await pushed(client, headers, [known])
    number = new_orgnr()
    rows = [
        known | {"tier": "principal"},
        member(2, tier="gold"),
        member(3, country="XX"),
        member(4, identifiers=[{"scheme": "no-orgnr", "value": "123456789"}]),
        member(5, starts_on="2026-12-01", ends_on="2026-12-01"),
        member(6, colour="red"),
        member(7, employees="many"),
        member(8, identifiers=[{"scheme": "no-orgnr", "value": number}]),
        member(9, identifiers=[{"scheme": "no-orgnr", "value": number}]),
        member(10, parent_external_id="C-none"),
        "no object",
    ]
    run = await pushed(client, headers, rows)
    told = await rows_of(client, headers, run)
    assert [(r["verdict"], [(p["field"], p["rule"]) for p in r["problems"]]) for r in told] == [
        ("updated", []),
        ("refused", [("tier", "tier_unknown")]),
        ("refused", [("country", "country_unknown")]),
        ("refused", [("identifiers.0.value", "identifier_checksum")]),
        ("refused", [("ends_on", "period_empty")]),
        ("refused", [("colour", "field_unknown")]),
        ("refused", [("employees", "type_wrong")]),
        ("refused", [("identifiers", "row_twice")]),
        ("refused", [("identifiers", "row_twice")]),
        ("refused", [("parent_external_id", "parent_unknown")]),
        ("refused", [("body", "type_wrong")]),
    ]
    assert told[0]["changed"] == ["tier"] and told[5]["external_id"] == "C-6"
    assert all(p["message"].endswith(".") for r in told for p in r["problems"])
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from organisation where name like 'Utenfor%'") == 1
    only = await client.get(f"{V1}/member-lists/{run['id']}/rows?verdict=refused&limit=4", headers=headers)
    assert [r["number"] for r in only.json()["items"]] == [2, 3, 4, 5] and only.json()["next_cursor"] == "5"


async def test_lines_and_csv_say_the_same_as_json(client: httpx.AsyncClient, headers: Headers) -> None:
    first, second = member(1, employees=12), member(2, name="Fjøs; og «Låve»", website="https://fjos.example")
    await pushed(client, headers, [first, second])
    lines = "\n".join(json.dumps(r) for r in (first, second)) + "\n\n{oops\n"
    cells = [
        "external_id;name;country;tier;employees;website;no-orgnr",
        *(
            f'{r["external_id"]};"{r["name"]}";NO;partner;{r.get("employees", "")};{r.get("website", "")};'
            f"{r['identifiers'][0]['value']}"
            for r in (first, second)
        ),
        "C-3;a;b;c;d;e;f;g;h",
    ]
    for media, body, wrong_row in (
        ("application/x-ndjson", lines, ("row", "body_malformed")),
        ("text/csv; charset=utf-8", "\ufeff" + "\r\n".join(cells), ("row", "cells_too_many")),
    ):
        answer = await client.post(PATH, content=body.encode(), headers=headers | {"content-type": media})
        assert answer.status_code == 201, answer.text
        told = await rows_of(client, headers, answer.json())
        assert [r["verdict"] for r in told] == ["unchanged", "unchanged", "refused"], media
        assert [(p["field"], p["rule"]) for p in told[2]["problems"]] == [wrong_row]


async def test_bodies_that_cannot_be_read_are_refused(client: httpx.AsyncClient, headers: Headers) -> None:
    for media, body, status, said in (
        ("application/json", b"[]", 422, ("body", "type_wrong")),
        ("application/json", b'{"members": [], "x": 1}', 422, ("x", "field_unknown")),
        ("application/json", b"{", 400, ("body", "body_malformed")),
        ("text/plain", b"x", 415, ("content-type", "unsupported_media_type")),
        ("text/csv", b"", 422, ("body", "csv_unreadable")),
        ("text/csv", b"external_id,colour\n1,red\n", 422, ("colour", "column_unknown")),
        ("text/csv", b"\xff\xfe\n", 422, ("body", "csv_unreadable")),
        ("application/x-ndjson", b"x" * 20_000, 422, ("members.0", "line_too_long")),
    ):
        answer = await client.post(PATH, content=body, headers=headers | {"content-type": media})
        assert wrong(answer, status) == [said], body
    rows = {"members": [member(1)]}
    for query, said in (
        ("?complete=true", ("ends_on", "required")),
        ("?ends_on=2026-12-01", ("ends_on", "only_complete")),
        ("?confirm=3", ("confirm", "only_complete")),
        ("?complete=true&ends_on=2036-01-01", ("ends_on", "date_out_of_range")),
        ("?dry_run=perhaps", ("dry_run", "type_wrong")),
    ):
        assert wrong(await client.post(PATH + query, json=rows, headers=headers), 422) == [said], query
    empty = await client.post(f"{PATH}?complete=true&ends_on=2026-12-01", json={"members": []}, headers=headers)
    assert wrong(empty, 422) == [("members", "list_empty")]


async def test_a_row_that_cannot_be_read_or_kept_is_refused_and_the_next_is_taken(
    client: httpx.AsyncClient, headers: Headers
) -> None:
    """NUL has no text in the database; a decoder stops at the first wrong field and says nothing about the rest."""
    deep = b'{"colour": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    nul = member(1, external_id="a\0b", parent_external_id="a\0b", municipality="\0")
    number = member(1, external_id="N", identifiers=[{"scheme": "pic", "value": "9\0"}])
    for row, said in (
        (b'{"colour": 1, "na', ("", "row", "body_malformed")),
        (b'{"colour": 1, "external_id": "\xff"}', ("", "row", "body_malformed")),
        (deep, ("", "row", "body_malformed")),
        (b'{"external_id": "a\\u0000b", "name": 1}', ("a\ufffdb", "name", "type_wrong")),
        (b'{"a\\u0000b": "c"}', ("", "a\ufffdb", "field_unknown")),
        (json.dumps(nul).encode(), ("a\ufffdb", "external_id", "control_characters")),
        (json.dumps(number).encode(), ("N", "identifiers.0.value", "identifier_length")),
    ):
        body = row + b"\n" + json.dumps(member(2)).encode()
        sent = headers | {"content-type": "application/x-ndjson"}
        answer = await client.post(f"{PATH}?dry_run=true", content=body, headers=sent)
        assert answer.status_code == 201, (row[:40], answer.text)
        wrong_row, good = await rows_of(client, headers, answer.json())
        problem = wrong_row["problems"][0]
        assert (wrong_row["external_id"], problem["field"], problem["rule"]) == said
        assert (wrong_row["verdict"], good["verdict"]) == ("refused", "created")
    cells = b"external_id,name,country,tier,employees\na\0b,N,NO,partner,many\n"
    answer = await client.post(f"{PATH}?dry_run=true", content=cells, headers=headers | {"content-type": "text/csv"})
    (row,) = await rows_of(client, headers, answer.json())
    assert (row["external_id"], [p["field"] for p in row["problems"]]) == ("a\ufffdb", ["employees"])


async def test_only_the_own_network_and_only_with_the_scope(
    client: httpx.AsyncClient, headers: Headers, partner_keys: dict[str, str]
) -> None:
    rows = {"members": [member(1)]}
    without = {"authorization": f"Bearer {partner_keys[NORA]}"}
    problem = problem_of(await client.post(PATH, json=rows, headers=without), 403)
    assert [e["rule"] for e in problem["errors"]] == ["scope_missing"] and "members" in problem["detail"]
    other = f"{V1}/networks/claire-innovation-network/member-lists"
    assert wrong(await client.post(other, json=rows, headers=headers), 404) == [("slug", "not_found")]
    run = await pushed(client, headers, rows["members"])
    stranger = {"authorization": f"Bearer {partner_keys['sin-applied-ai']}"}
    for path in (f"/member-lists/{run['id']}", f"/member-lists/{run['id']}/rows"):
        assert (await client.get(V1 + path, headers=stranger)).status_code == 404
    listed = await client.get(PATH, headers=headers)
    assert [item["id"] for item in listed.json()["items"]] == [run["id"]]


async def test_absent_members_end_only_on_a_complete_list_and_many_only_confirmed(
    client: httpx.AsyncClient, headers: Headers, context: Context
) -> None:
    listed = (await client.get(f"{V1}/networks/{NORA}/members?limit=1000", headers=headers)).json()["items"]
    own = [m for m in listed if m["origin"] != "linked"]
    rows = [
        {
            "external_id": m["id"],
            "name": m["organisation"]["name"],
            "country": m["organisation"]["country"],
            "tier": m["tier"],
            "identifiers": m["organisation"]["identifiers"],
        }
        for m in own
        if m["organisation"]["identifiers"]
    ]
    assert len(rows) > 15
    first = await pushed(client, headers, rows)
    assert set(first["counts"]) == {"unchanged"} and first["absent"] is None
    query = "?complete=true&ends_on=2026-12-31"
    few = rows[: len(rows) // 2]
    stopped = await pushed(client, headers, few, query)
    missing = len(own) - len(few)
    assert stopped["absent"] == missing and stopped["problem"]["rule"] == "too_many_absent"
    assert f"confirm={missing}" in stopped["problem"]["message"] and "ended" not in stopped["counts"]
    held = await pushed(client, headers, [*few, member(1, tier="gold")], f"{query}&confirm={missing}")
    assert held["problem"]["rule"] == "rows_unsettled"
    looked = await pushed(client, headers, few, f"{query}&confirm={missing}&dry_run=true")
    done = await pushed(client, headers, few, f"{query}&confirm={missing}")
    assert looked["counts"] == done["counts"] == {"unchanged": len(few), "ended": missing}
    again = await pushed(client, headers, few, query)
    assert (again["counts"], again["absent"]) == ({"unchanged": len(few)}, 0)
    after = (await client.get(f"{V1}/networks/{NORA}/members?limit=1000&as_of=2026-12-31", headers=headers)).json()
    assert len([m for m in after["items"] if m["origin"] != "linked"]) == len(few)
    assert await verified(context) == []


async def test_what_was_ended_here_is_held_and_comes_back_when_a_person_says_so(
    client: httpx.AsyncClient, headers: Headers, manager_headers: Headers, context: Context
) -> None:
    row = member(1, starts_on="2024-01-01")
    (made,) = await rows_of(client, headers, await pushed(client, headers, [row]))
    ending = {"effective_on": "2026-11-01", "reason": "Told us"}
    path = f"{V1}/memberships/{made['membership_id']}/endings"
    assert (await client.post(path, json=ending, headers=manager_headers)).status_code == 201
    assert (await pushed(client, headers, [row]))["counts"] == {"held": 1}
    assert (await pushed(client, headers, [row]))["counts"] == {"held": 1}
    waiting = await client.get(f"{V1}/networks/{NORA}/held-rows", headers=manager_headers)
    (held,) = waiting.json()["items"]
    assert (held["why"], held["candidates"][0]["organisation_id"]) == ("ended_here", made["organisation_id"])
    assert (await client.get(f"{V1}/networks/{NORA}/held-rows", headers=headers)).status_code == 403
    say = f"{V1}/held-rows/{held['id']}/decision"
    take = {"outcome": "take", "organisation_id": made["organisation_id"]}
    assert (await client.post(say, json=take, headers=headers)).status_code == 403
    assert wrong(await client.post(say, json={"outcome": "take"}, headers=manager_headers), 422) == [
        ("organisation_id", "only_to_take")
    ]
    nobody = {"outcome": "take", "organisation_id": made["membership_id"]}
    assert wrong(await client.post(say, json=nobody, headers=manager_headers), 422) == [
        ("organisation_id", "not_a_candidate")
    ]
    assert (await client.post(say, json=take, headers=manager_headers)).json()["closed"] is True
    assert wrong(await client.post(say, json=take, headers=manager_headers), 409) == [("held_id", "already_said")]
    assert (await pushed(client, headers, [row]))["counts"] == {"unchanged": 1}
    assert await verified(context) == []


async def test_a_person_refuses_a_row_until_it_says_who_it_is(
    client: httpx.AsyncClient, headers: Headers, manager_headers: Headers
) -> None:
    number = new_orgnr()
    await pushed(client, headers, [member(1, name="Tvilen AS", identifiers=[{"scheme": "no-orgnr", "value": number}])])
    row = member(2, name="Tvilen AS", identifiers=[])
    assert (await pushed(client, headers, [row]))["counts"] == {"created": 1}, "their own system knows both"
    doubtful = row | {"external_id": "C-3", "name": "Universitetet i Oslo"}
    assert (await pushed(client, headers, [doubtful]))["counts"] == {"held": 1}
    (held,) = (await client.get(f"{V1}/networks/{NORA}/held-rows", headers=manager_headers)).json()["items"]
    refuse = await client.post(
        f"{V1}/held-rows/{held['id']}/decision", json={"outcome": "refuse"}, headers=manager_headers
    )
    assert refuse.status_code == 200
    (told,) = await rows_of(client, headers, await pushed(client, headers, [doubtful | {"employees": 9}]))
    assert [(p["field"], p["rule"]) for p in told["problems"]] == [("external_id", "refused_here")]
    better = doubtful | {"identifiers": [{"scheme": "no-orgnr", "value": "971035854"}]}
    (told,) = await rows_of(client, headers, await pushed(client, headers, [better]))
    assert told["verdict"] == "created", "the number says whom it means"


async def test_a_unit_is_never_folded_into_its_parent(
    client: httpx.AsyncClient, headers: Headers, context: Context
) -> None:
    number = [{"scheme": "no-orgnr", "value": new_orgnr()}]
    parent = member(1, name="Storfirmaet ASA", identifiers=number, starts_on="2025-01-01")
    unit = member(2, name="Storfirmaet ASA", identifiers=number, parent_external_id="C-1")
    for rows in ([unit, parent], [parent, unit]):
        run = await pushed(client, headers, rows, "?dry_run=true")
        assert run["counts"] == {"created": 2}
    first = await rows_of(client, headers, await pushed(client, headers, [unit, parent]))
    assert first[0]["organisation_id"] != first[1]["organisation_id"]
    shown = await client.get(f"{V1}/organisations/{first[0]['organisation_id']}", headers=headers)
    assert shown.json()["parent_id"] == first[1]["organisation_id"] and shown.json()["identifiers"] == []
    assert (await pushed(client, headers, [parent, unit]))["counts"] == {"unchanged": 2}
    assert await verified(context) == []


async def test_what_another_network_owns_is_suggested_and_what_is_linked_stays_linked(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent, _ = await approved(client, manager_headers, "2026-11-22")
    organisation = (await client.get(f"{V1}/organisations/{sent['organisation_id']}", headers=manager_headers)).json()
    _, text = await keys.create(context, "CLAIRE's system", "partner", CLAIRE, scopes=["members"])
    theirs = {"authorization": f"Bearer {text}"}
    row = {
        "external_id": "X-1",
        "name": organisation["name"],
        "country": "NO",
        "tier": "member",
        "identifiers": organisation["identifiers"],
        "website": "https://fjellheim.example",
    }
    path = f"{V1}/networks/{CLAIRE}/member-lists"
    for _ in range(2):
        run = (await client.post(path, json={"members": [row]}, headers=theirs)).json()
        (told,) = await rows_of(client, theirs, run)
        assert (told["verdict"], told["changed"], told["suggested"]) == ("unchanged", [], ["website"])
    suggested = await client.get(f"{V1}/networks/{CLAIRE}/suggestions", headers=theirs)
    assert [(s["owner"], s["status"]) for s in suggested.json()["items"]] == [(NORA, "open")]
    stands = await memberships(client, manager_headers, sent["organisation_id"])
    assert stands[CLAIRE]["origin"] == "linked"
    own = row | {"origin": "direct"}
    run = (await client.post(path, json={"members": [own]}, headers=theirs)).json()
    assert run["counts"] == {"created": 1}
    stands = await memberships(client, manager_headers, sent["organisation_id"])
    assert stands[CLAIRE]["origin"] == "both"
    assert await verified(context) == []


async def test_a_long_list_is_settled_by_a_worker_and_tells_how_far_it_is(
    client: httpx.AsyncClient, headers: Headers, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_lists, "AT_ONCE", 2)
    monkeypatch.setattr(member_lists, "ROWS_AT_A_TIME", 2)
    rows = [member(n) for n in range(5)]
    repeated = headers | {"idempotency-key": "list-1"}
    answer = await client.post(PATH, json={"members": rows}, headers=repeated)
    run = answer.json()
    assert (run["status"], run["done"], run["total"]) == ("waiting", 0, 5)
    same = await client.post(PATH, json={"members": rows}, headers=repeated)
    assert same.json() == run and same.headers["idempotent-replayed"] == "true"
    other = await client.post(f"{PATH}?dry_run=true", json={"members": rows}, headers=repeated)
    assert wrong(other, 422) == [("idempotency-key", "idempotency_key_reused")]
    assert answer.headers["location"] == f"{V1}/member-lists/{run['id']}"
    async with context.db.tx() as connection:
        queued = await connection.fetch("select payload from pgqueuer where entrypoint = 'settle_member_list'")
    assert [json.loads(row["payload"]) for row in queued] == [{"list": run["id"]}]
    await member_lists.settle(context, UUID(run["id"]))
    done = (await client.get(answer.headers["location"], headers=headers)).json()
    assert (done["status"], done["done"], done["counts"]) == ("done", 5, {"created": 5})
