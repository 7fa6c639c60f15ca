"""Apply, preview, approve, ask, decline through the API: the acceptance scenarios AC-2, AC-2b and AC-6."""

import httpx
import pytest

from crm.context import Context
from tests.crm.api.support import CLAIRE, NORA, V1, applied, approved, company, memberships, problem_of, wrong

pytestmark = pytest.mark.anyio
Headers = dict[str, str]


async def _count(context: Context, table: str) -> int:
    async with context.db.tx() as connection:
        return await connection.fetchval(f"select count(*) from {table}")


async def test_an_application_is_sent_and_read(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    answer = await client.post(f"{V1}/applications", json=company(), headers=manager_headers)
    sent = answer.json()
    assert set(sent) == {"id", "reference", "status", "organisation_id"}
    assert sent["status"] == "sent"
    assert answer.headers["location"] == f"{V1}/applications/{sent['id']}"
    read = (await client.get(answer.headers["location"], headers=manager_headers)).json()
    assert read["network"] == NORA
    assert read["contact"] == {"name": "Kari Nordmann", "email": "kari@fjellheim.example", "role": ""}
    assert [event["kind"] for event in read["events"]] == ["sent"]


async def test_ac_02_principal_partner_is_in_claire_too(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent, made = await approved(client, manager_headers)
    assert [(m["network"], m["origin"], m["status"]) for m in made["memberships"]] == [
        (NORA, "direct", "pending"),
        (CLAIRE, "linked", "pending"),
    ]
    found = await memberships(client, manager_headers, sent["organisation_id"], as_of="2027-03-01")
    assert set(found) == {NORA, CLAIRE}
    linked = found[CLAIRE]
    assert (linked["starts_on"], linked["ends_on"], linked["status"]) == ("2027-03-01", None, "active")
    (grant,) = linked["grants"]
    assert grant["kind"] == "linked"
    assert grant["cause_grant_id"] == found[NORA]["grants"][0]["id"]
    assert (grant["rule"], grant["rulebook_version"], grant["agreement"], grant["source"]) == (
        "principal-joins-claire",
        1,
        "nora-claire-2021",
        NORA,
    )
    assert "because it is Principal partner in NORA Industry Network" in linked["why"]
    (invoice,) = made["invoices"]
    assert [line["network"] for line in invoice["lines"]] == [NORA], "the linked membership has no fee"
    assert invoice["total"] == {"amount": 12575342, "currency": "NOK"}


async def test_ac_02_why_in_norwegian(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent, _ = await approved(client, manager_headers)
    norwegian = manager_headers | {"accept-language": "nb-NO,nb;q=0.9,en;q=0.5"}
    found = await memberships(client, norwegian, sent["organisation_id"])
    assert (
        "er med i CLAIRE Innovation Network fordi den er hovedpartner i NORA Industry Network" in found[CLAIRE]["why"]
    )


async def test_ac_02_approving_again_makes_nothing_new(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent, made = await approved(client, manager_headers)
    tables = ("membership", "membership_decision", "membership_grant", "charge", "invoice", "feed", "mail")
    before = {table: await _count(context, table) for table in tables}
    for starts_on in ("2027-03-01", "2027-06-01"):
        again = await client.post(
            f"{V1}/applications/{sent['id']}/approval", json={"starts_on": starts_on}, headers=manager_headers
        )
        assert again.status_code == 201
        assert again.json() == made
    assert {table: await _count(context, table) for table in tables} == before


async def test_ac_02_the_feed_of_claire_has_it_once(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent, _ = await approved(client, manager_headers)
    async with context.db.tx() as connection:
        entries = await connection.fetch(
            "select op, version from feed f join network n on n.id = f.network_id"
            " where n.slug = $1 and f.organisation_id = $2",
            CLAIRE,
            sent["organisation_id"],
        )
    assert [tuple(e) for e in entries] == [("upsert", 1)]


@pytest.mark.parametrize(
    ("changes", "predicate", "actual"),
    [
        ({"organisation__country": "SE", "organisation__identifiers": []}, "countries", "SE"),
        ({"organisation__kind": "public_body"}, "kinds", "public_body"),
    ],
)
async def test_ac_02b_no_linked_membership_and_the_failed_predicate_is_named(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context, changes: dict, predicate: str, actual: str
) -> None:
    sent = await applied(client, manager_headers, **changes)
    path = f"{V1}/applications/{sent['id']}"
    seen = await client.get(f"{path}/consequences", params={"starts_on": "2027-03-01"}, headers=manager_headers)
    (rule,) = seen.json()["rules"]
    assert rule["fired"] is False
    assert [(f["predicate"], f["actual"]) for f in rule["failed"]] == [(predicate, actual)]
    assert "does not apply" in rule["words"]
    made = await client.post(f"{path}/approval", json={"starts_on": "2027-03-01"}, headers=manager_headers)
    assert [m["network"] for m in made.json()["memberships"]] == [NORA]
    async with context.db.tx() as connection:
        logged = await connection.fetchval(
            "select detail -> 'rules' -> 0 -> 'failed' -> 0 ->> 'predicate' from audit"
            " where action = 'application_approved' and organisation_id = $1",
            sent["organisation_id"],
        )
    assert logged == predicate


async def test_ac_06_a_units_membership_and_its_companys_are_two_and_the_rule_asks_for_the_legal_entity(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select u.organisation_id as unit, u.parent_id as parent from organisation_profile u"
            " join organisation o on o.id = u.organisation_id"
            " where u.parent_id is not null and u.superseded_at is null"
            " and exists (select 1 from membership m join network n on n.id = m.network_id"
            "             where m.organisation_id = u.organisation_id and n.slug = $1) order by o.name limit 1",
            CLAIRE,
        )
    unit, parent = (str(row["unit"]), str(row["parent"]))
    of_unit, of_parent = [await memberships(client, manager_headers, each) for each in (unit, parent)]
    assert of_unit[CLAIRE]["origin"] == "direct"
    assert of_parent[CLAIRE]["origin"] == "linked", "the rule gives to the legal entity, not to the unit"
    assert of_unit[CLAIRE]["id"] != of_parent[CLAIRE]["id"]
    shown = (await client.get(f"{V1}/organisations/{unit}", headers=manager_headers)).json()
    assert (shown["parent_id"], shown["identifiers"]) == (parent, []), "no number of its own"


async def test_the_preview_says_what_the_approval_then_does(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent = await applied(client, manager_headers)
    path = f"{V1}/applications/{sent['id']}"
    before = await _count(context, "membership_grant")
    seen = await client.get(f"{path}/consequences", params={"starts_on": "2027-03-01"}, headers=manager_headers)
    assert await _count(context, "membership_grant") == before
    body = seen.json()
    assert body["words"][0] == (
        "Fjellheim Robotikk AS becomes Principal partner in NORA Industry Network from 1 Mar 2027"
    )
    assert body["words"][1] == "Linked membership in CLAIRE Innovation Network from 1 Mar 2027, no fee"
    foreseen = {
        (c["network"], c["kind"], c["tier"], c["starts_on"]) for c in body["consequences"] if c["type"] == "start_grant"
    }
    charged = [c["net"] for c in body["consequences"] if c["type"] == "charge"]
    made = (await client.post(f"{path}/approval", json={"starts_on": "2027-03-01"}, headers=manager_headers)).json()
    done = {(m["network"], g["kind"], g["tier"], g["starts_on"]) for m in made["memberships"] for g in m["grants"]}
    assert foreseen == done
    assert charged == [line["net"] for invoice in made["invoices"] for line in invoice["lines"]]


async def test_asking_and_declining_tell_the_applicant(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent = await applied(client, manager_headers)
    path = f"{V1}/applications/{sent['id']}"
    asked = await client.post(f"{path}/questions", json={"question": "Who works with AI?"}, headers=manager_headers)
    assert (asked.status_code, asked.json()["status"]) == (201, "info_needed")
    declined = await client.post(f"{path}/declines", json={"reason": "Not this year."}, headers=manager_headers)
    assert declined.json()["status"] == "declined"
    assert [e["note"] for e in declined.json()["events"] if e["note"]] == ["Who works with AI?", "Not this year."]
    mails = await _count(context, "mail")
    again = await client.post(f"{path}/declines", json={"reason": "Not this year."}, headers=manager_headers)
    assert again.json() == declined.json()
    assert await _count(context, "mail") == mails
    late = await client.post(f"{path}/approval", json={"starts_on": "2027-03-01"}, headers=manager_headers)
    assert wrong(late, 409) == [("status", "already_decided")]


async def test_a_known_organisation_is_taken_as_it_is_stored(
    client: httpx.AsyncClient, manager_headers: Headers
) -> None:
    sent = await applied(client, manager_headers)
    number = (await client.get(f"{V1}/organisations/{sent['organisation_id']}", headers=manager_headers)).json()[
        "identifiers"
    ]
    again = await applied(
        client,
        manager_headers,
        network="sin-applied-ai",
        tier="member",
        organisation__name="Another Name AS",
        organisation__identifiers=number,
        organisation__employees=7,
    )
    assert again["organisation_id"] == sent["organisation_id"]
    read = (await client.get(f"{V1}/organisations/{sent['organisation_id']}", headers=manager_headers)).json()
    assert (read["name"], read["employees"]) == ("Fjellheim Robotikk AS", 42)


async def test_a_second_open_application_is_refused(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    body = company()
    assert (await client.post(f"{V1}/applications", json=body, headers=manager_headers)).status_code == 201
    again = await client.post(f"{V1}/applications", json=body, headers=manager_headers)
    found = problem_of(again, 409)
    assert found["type"] == "/problems/application_open"
    assert found["errors"][0]["message"] == "The organisation has an open application to NORA Industry Network already."


async def test_a_stale_if_match_decides_nothing(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent = await applied(client, manager_headers)
    path = f"{V1}/applications/{sent['id']}"
    for language in ("en", "nb"):
        headers = manager_headers | {"accept-language": language}
        first = (await client.get(path, headers=headers)).headers["etag"]
        asked = await client.post(
            f"{path}/questions", json={"question": "Who?"}, headers=manager_headers | {"if-match": first}
        )
        assert asked.status_code == 201, "the tag in either language fits"
        stale = await client.post(
            f"{path}/approval", json={"starts_on": "2027-03-01"}, headers=manager_headers | {"if-match": first}
        )
        assert wrong(stale, 412) == [("if-match", "version_stale")]
    newest = (await client.get(path, headers=manager_headers)).headers["etag"]
    good = await client.post(
        f"{path}/approval", json={"starts_on": "2027-03-01"}, headers=manager_headers | {"if-match": newest}
    )
    assert good.status_code == 201


async def test_if_none_match_saves_the_body(client: httpx.AsyncClient, manager_headers: Headers) -> None:
    sent = await applied(client, manager_headers)
    path = f"{V1}/applications/{sent['id']}"
    tag = (await client.get(path, headers=manager_headers)).headers["etag"]
    same = await client.get(path, headers=manager_headers | {"if-none-match": f'"other", W/{tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    other = await client.get(path, headers=manager_headers | {"if-none-match": '"other"'})
    assert other.status_code == 200
