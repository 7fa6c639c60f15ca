"""Bad input of every kind: a clear 4xx that names field and rule, and not one row more or less in any table."""

from typing import Any

import httpx
import msgspec
import pytest

from crm.app import BODY_MAX_BYTES
from crm.context import Context
from tests.crm.api.support import CLAIRE, NORA, V1, company, new_orgnr, wrong

pytestmark = pytest.mark.anyio
UNKNOWN = "0b7f2a8e-0000-4000-8000-000000000000"
APPLY = f"{V1}/applications"
APPROVE = f"{V1}/applications/{{application}}/approval"
CHANGE = f"{V1}/memberships/{{membership}}/tier-changes"
END = f"{V1}/memberships/{{membership}}/endings"
SUSPEND = f"{V1}/memberships/{{membership}}/suspensions"
MEMBERS = f"{V1}/networks/{CLAIRE}/members"
HISTORY = f"{V1}/organisations/{{organisation}}/memberships"
DAY = {"starts_on": "2027-03-01"}


class Case(msgspec.Struct, frozen=True):
    """A request and its answer. `json` and `raw` are bodies; `as_` is whose key: manager, a network's, or none."""

    method: str
    path: str
    status: int
    field: str
    rule: str
    json: Any = None
    raw: bytes | None = None
    headers: dict[str, str] = {}
    as_: str = "manager"


def apply(status: int, field: str, rule: str, **changes: Any) -> Case:
    return Case("POST", APPLY, status, field, rule, json=company(**changes))


def raw(status: int, field: str, rule: str, content: bytes, kind: str = "application/json") -> Case:
    return Case("POST", APPLY, status, field, rule, raw=content, headers={"content-type": kind})


def get(path: str, status: int, field: str, rule: str, as_: str = "manager", **headers: str) -> Case:
    return Case("GET", path, status, field, rule, headers=headers, as_=as_)


def post(path: str, status: int, field: str, rule: str, json: Any, as_: str = "manager", **headers: str) -> Case:
    return Case("POST", path, status, field, rule, json=json, headers=headers, as_=as_)


def identifier(scheme: str, value: str) -> list[dict[str, str]]:
    return [{"scheme": scheme, "value": value}]


CASES = {
    # bytes that are no JSON
    "no body": raw(400, "body", "body_malformed", b""),
    "half a body": raw(400, "body", "body_malformed", b'{"network": "nora"'),
    "two bodies": raw(400, "body", "body_malformed", msgspec.json.encode(company()) + b"{}"),
    "not JSON": raw(400, "body", "body_malformed", b"network=nora"),
    "not UTF-8": raw(400, "body", "body_malformed", b'{"network": "\xff\xfe"}'),
    "half a surrogate": raw(400, "body", "body_malformed", b'{"network": "\\ud800"}'),
    "a byte order mark": raw(400, "body", "body_malformed", b"\xef\xbb\xbf{}"),
    "nested without end": raw(422, "body", "type_wrong", b"[" * 60_000),
    "nested objects": raw(422, "organisation.a", "field_unknown", b'{"organisation":' + b'{"a":' * 9_000),
    "too large": raw(413, "body", "body_too_large", b'"' + b"x" * BODY_MAX_BYTES + b'"'),
    "a list": raw(422, "body", "type_wrong", b"[]"),
    "a number": raw(422, "body", "type_wrong", b"7"),
    "null": raw(422, "body", "type_wrong", b"null"),
    "a form": raw(415, "content-type", "unsupported_media_type", b"network=nora", "application/x-www-form-urlencoded"),
    "text": raw(415, "content-type", "unsupported_media_type", b"{}", "text/plain"),
    "another charset": raw(415, "content-type", "unsupported_media_type", b"{}", "application/json; charset=latin-1"),
    "no content type": raw(415, "content-type", "unsupported_media_type", b"{}", ""),
    # fields and types
    "empty object": raw(422, "network", "field_missing", b"{}"),
    "unknown field": apply(422, "colour", "field_unknown", colour="red"),
    "unknown field inside": apply(422, "organisation.turnover", "field_unknown", organisation__turnover=5),
    "name missing": raw(
        422,
        "organisation.name",
        "field_missing",
        b'{"network":"nora","tier":"x","organisation":{"country":"NO","kind":"company"},"contact":{}}',
    ),
    "name a number": apply(422, "organisation.name", "type_wrong", organisation__name=7),
    "name null": apply(422, "organisation.name", "type_wrong", organisation__name=None),
    "employees a text": apply(422, "organisation.employees", "type_wrong", organisation__employees="42"),
    "employees a fraction": apply(422, "organisation.employees", "type_wrong", organisation__employees=1.5),
    "employees true": apply(422, "organisation.employees", "type_wrong", organisation__employees=True),
    "contact a list": apply(422, "contact", "type_wrong", contact=[]),
    "identifiers an object": apply(422, "organisation.identifiers", "type_wrong", organisation__identifiers={}),
    "kind unknown": apply(422, "organisation.kind", "value_unknown", organisation__kind="startup"),
    "language unknown": apply(422, "language", "value_unknown", language="nn"),
    # texts and numbers
    "name empty": apply(422, "organisation.name", "required", organisation__name="   "),
    "name too long": apply(422, "organisation.name", "too_long", organisation__name="x" * 201),
    "NUL in a name": apply(422, "organisation.name", "control_characters", organisation__name="a\x00b"),
    "a line separator in a name": apply(422, "contact.name", "control_characters", contact__name="a\u2028b"),
    "employees negative": apply(422, "organisation.employees", "number_out_of_range", organisation__employees=-1),
    "employees huge": apply(422, "organisation.employees", "number_out_of_range", organisation__employees=2**63),
    "a number beyond everything": raw(
        422, "tier", "number_out_of_range", b'{"network":"nora","tier":' + b"9" * 6_000 + b"}"
    ),
    "e-mail without an at": apply(422, "contact.email", "email_format", contact__email="kari.example.no"),
    "e-mail of two lines": apply(422, "contact.email", "email_format", contact__email="a@b.no\nBcc: c@d.no"),
    "country of three letters": apply(422, "organisation.country", "country_unknown", organisation__country="NOR"),
    "country that is not": apply(422, "organisation.country", "country_unknown", organisation__country="ZZ"),
    "website a script": apply(
        422, "organisation.website", "website_format", organisation__website="javascript:alert(1)"
    ),
    "founded in the future": apply(
        422, "organisation.founded_on", "date_out_of_range", organisation__founded_on="2207-01-01"
    ),
    "founded on no day": apply(422, "organisation.founded_on", "date_format", organisation__founded_on="2023-02-30"),
    "terms of the future": apply(422, "consents.terms_version", "terms_changed", consents={"terms_version": 2**70}),
    # identifiers
    "wrong checksum": apply(
        422,
        "organisation.identifiers.0.value",
        "identifier_checksum",
        organisation__identifiers=identifier("no-orgnr", "923609017"),
    ),
    "eight digits": apply(
        422,
        "organisation.identifiers.0.value",
        "identifier_length",
        organisation__identifiers=identifier("no-orgnr", "92360901"),
    ),
    "letters in a number": apply(
        422,
        "organisation.identifiers.0.value",
        "identifier_format",
        organisation__identifiers=identifier("no-orgnr", "92360901X"),
    ),
    "wrong LEI": apply(
        422,
        "organisation.identifiers.0.value",
        "identifier_checksum",
        organisation__identifiers=identifier("lei", "213800KUD8LAJWSQ9D14"),
    ),
    "scheme unknown": apply(
        422,
        "organisation.identifiers.0.scheme",
        "value_unknown",
        organisation__identifiers=identifier("duns", "123456789"),
    ),
    "two of one scheme": apply(
        422,
        "organisation.identifiers.1.value",
        "scheme_twice",
        organisation__identifiers=[*identifier("no-orgnr", new_orgnr()), *identifier("no-orgnr", new_orgnr())],
    ),
    "six identifiers": apply(
        422, "organisation.identifiers", "too_many", organisation__identifiers=identifier("pic", "123456789") * 6
    ),
    # what rules refuse
    "network unknown": apply(422, "network", "network_unknown", network="no-such-network"),
    "level unknown": apply(422, "tier", "tier_unknown", tier="platinum"),
    "level not for universities": apply(422, "organisation.kind", "kind_not_open", organisation__kind="university"),
    "too large for the level": apply(
        422, "organisation.employees", "too_many_employees", tier="startup", organisation__employees=20
    ),
    "too old for the level": apply(
        422,
        "organisation.founded_on",
        "too_old",
        tier="startup",
        organisation__employees=5,
        organisation__founded_on="2001-01-01",
    ),
    # approving
    "start in 2207": post(APPROVE, 422, "starts_on", "start_out_of_range", {"starts_on": "2207-01-01"}),
    "start before the network": post(APPROVE, 422, "starts_on", "start_out_of_range", {"starts_on": "1999-12-31"}),
    "start on no day": post(APPROVE, 422, "starts_on", "date_format", {"starts_on": "2027-13-01"}),
    "start a moment": post(APPROVE, 422, "starts_on", "date_format", {"starts_on": "2027-03-01T00:00:00Z"}),
    "start missing": post(APPROVE, 422, "starts_on", "field_missing", {}),
    "approve with more": post(APPROVE, 422, "note", "field_unknown", DAY | {"note": "x"}),
    "approve nothing": post(f"{V1}/applications/{UNKNOWN}/approval", 404, "application_id", "not_found", DAY),
    "approve no id": post(f"{V1}/applications/17/approval", 404, "application_id", "uuid_format", DAY),
    "approve by injection": post(f"{V1}/applications/' or 1=1 --/approval", 404, "application_id", "uuid_format", DAY),
    "preview in 2207": get(
        f"{V1}/applications/{{application}}/consequences?starts_on=2207-01-01", 422, "starts_on", "start_out_of_range"
    ),
    "ask nothing": post(
        f"{V1}/applications/{{application}}/questions", 422, "question", "length_out_of_range", {"question": ""}
    ),
    "ask spaces": post(f"{V1}/applications/{{application}}/questions", 422, "question", "required", {"question": "  "}),
    "decline without end": post(
        f"{V1}/applications/{{application}}/declines", 422, "reason", "length_out_of_range", {"reason": "x" * 2001}
    ),
    "decline with NUL": post(
        f"{V1}/applications/{{application}}/declines", 422, "reason", "control_characters", {"reason": "a\x00"}
    ),
    # changing
    "change in 2207": post(
        CHANGE, 422, "effective_on", "date_out_of_range", {"tier": "partner", "effective_on": "2207-01-01"}
    ),
    "change to the same level": post(
        CHANGE, 409, "tier", "tier_same", {"tier": "principal", "effective_on": "2027-01-01"}
    ),
    "change to no level": post(CHANGE, 422, "tier", "tier_unknown", {"tier": "x", "effective_on": "2027-01-01"}),
    "change before membership": post(
        CHANGE, 409, "effective_on", "not_a_member", {"tier": "partner", "effective_on": "2017-01-01"}
    ),
    "level with NUL": post(CHANGE, 422, "tier", "tier_unknown", {"tier": "\x00", "effective_on": "2027-01-01"}),
    "preview in the year nought": post(
        f"{CHANGE}/preview", 422, "effective_on", "date_format", {"tier": "partner", "effective_on": "0000-01-01"}
    ),
    "end with a wrong word": post(END, 422, "when", "field_unknown", {"effective_on": "2027-01-01", "when": "now"}),
    "end with NUL": post(END, 422, "reason", "control_characters", {"effective_on": "2027-01-01", "reason": "\x00"}),
    "suspend in 2207": post(SUSPEND, 422, "from", "date_out_of_range", {"from": "2207-01-01"}),
    "suspend backwards": post(SUSPEND, 422, "until", "period_empty", {"from": "2027-02-01", "until": "2027-01-01"}),
    "suspend without from": post(SUSPEND, 422, "from", "field_missing", {"reason": "Unpaid"}),
    "take back nothing": Case("DELETE", f"{END}/{UNKNOWN}", 404, "decision_id", "not_found"),
    "take back a joining": Case("DELETE", f"{END}/{{decision}}", 404, "decision_id", "not_found"),
    "take back with a body": Case("DELETE", f"{END}/{UNKNOWN}", 400, "body", "body_unexpected", raw=b"{}"),
    "lift nothing": Case("DELETE", SUSPEND, 404, "suspension", "not_found"),
    # asking
    "limit nought": get(f"{MEMBERS}?limit=0", 422, "limit", "number_out_of_range"),
    "limit too high": get(f"{MEMBERS}?limit=1001", 422, "limit", "number_out_of_range"),
    "limit a word": get(f"{MEMBERS}?limit=all", 422, "limit", "type_wrong"),
    "limit huge": get(f"{MEMBERS}?limit={'9' * 400}", 422, "limit", "number_out_of_range"),
    "cursor made up": get(f"{MEMBERS}?cursor=abc", 422, "cursor", "cursor_invalid"),
    "cursor not ASCII": get(f"{MEMBERS}?cursor=%C3%A6", 422, "cursor", "cursor_invalid"),
    "cursor without end": get(f"{MEMBERS}?cursor={'A' * 201}", 422, "cursor", "length_out_of_range"),
    "cursor of networks made up": get(f"{V1}/networks?cursor=%ff", 400, "query", "query_malformed"),
    "origin unknown": get(f"{MEMBERS}?origin=bought", 422, "origin", "value_unknown"),
    "as of 2207": get(f"{MEMBERS}?as_of=2207-01-01", 422, "as_of", "date_out_of_range"),
    "as of no day": get(f"{MEMBERS}?as_of=today", 422, "as_of", "date_format"),
    "parameter misspelt": get(f"{MEMBERS}?as_off=2026-01-01", 422, "as_off", "parameter_unknown"),
    "parameter twice": get(f"{MEMBERS}?limit=1&limit=2", 422, "limit", "parameter_twice"),
    "parameter on an address without": get(f"{V1}/networks/{NORA}?x=1", 422, "x", "parameter_unknown"),
    "thirty parameters": get(f"{MEMBERS}?{'&'.join(f'a{i}=1' for i in range(30))}", 400, "query", "query_malformed"),
    "known in 2207": get(f"{HISTORY}?known_at=2207-01-01", 422, "known_at", "date_out_of_range"),
    "known without a zone": get(f"{HISTORY}?known_at=2026-11-22T09:00:00", 422, "known_at", "moment_format"),
    "known some time": get(f"{HISTORY}?known_at=yesterday", 422, "known_at", "moment_format"),
    "as of 2207 of one": get(f"{HISTORY}?as_of=2207-01-01", 422, "as_of", "date_out_of_range"),
    "identifier missing": get(f"{V1}/organisations", 422, "identifier", "field_missing"),
    "identifier without scheme": get(f"{V1}/organisations?identifier=923609016", 422, "identifier", "pattern_wrong"),
    "identifier with wrong digits": get(
        f"{V1}/organisations?identifier=no-orgnr:923609017", 422, "identifier", "identifier_checksum"
    ),
    "identifier with NUL": get(
        f"{V1}/organisations?identifier=pic:%0012345678", 422, "identifier", "identifier_format"
    ),
    "organisation no id": get(f"{V1}/organisations/923609016", 404, "organisation_id", "uuid_format"),
    "organisation unknown": get(f"{V1}/organisations/{UNKNOWN}", 404, "organisation_id", "not_found"),
    "network not there": get(f"{V1}/networks/no-such-network", 404, "slug", "not_found"),
    "members of no network": get(f"{V1}/networks/%00/members", 404, "slug", "not_found"),
    "invoice unknown": get(f"{V1}/invoices/{UNKNOWN}", 404, "invoice_id", "not_found"),
    "membership unknown": get(f"{V1}/memberships/{UNKNOWN}", 404, "membership_id", "not_found"),
    "address unknown": get(f"{V1}/members", 404, "path", "not_found"),
    # methods, headers, keys
    "put": Case("PUT", APPLY, 405, "method", "method_not_allowed", json={}),
    "patch": Case("PATCH", f"{V1}/networks/{NORA}", 405, "method", "method_not_allowed", json={}),
    "delete a network": Case("DELETE", f"{V1}/networks/{NORA}", 405, "method", "method_not_allowed"),
    "get an approval": get(APPROVE, 405, "method", "method_not_allowed"),
    "if-match unquoted": post(APPROVE, 412, "if-match", "header_format", DAY, **{"if-match": "abc"}),
    "if-match stale": post(APPROVE, 412, "if-match", "version_stale", DAY, **{"if-match": '"abc"'}),
    "if-match where there is nothing": Case(
        "POST", APPLY, 400, "if-match", "header_format", json=company(), headers={"if-match": '"abc"'}
    ),
    "idempotency key empty": post(APPROVE, 400, "idempotency-key", "header_format", DAY, **{"idempotency-key": ""}),
    "idempotency key too long": post(
        APPROVE, 400, "idempotency-key", "header_format", DAY, **{"idempotency-key": "k" * 256}
    ),
    "idempotency key of tabs": post(
        APPROVE, 400, "idempotency-key", "header_format", DAY, **{"idempotency-key": "a\tb"}
    ),
    "no key": post(APPROVE, 401, "authorization", "unauthenticated", DAY, as_="nobody"),
    "a made-up key": post(
        APPROVE, 401, "authorization", "unauthenticated", DAY, as_="nobody", authorization="Bearer kly_a_b"
    ),
    "a foreign network's application": post(APPROVE, 404, "application_id", "not_found", DAY, as_="nora-startup"),
    "a partner approves": post(APPROVE, 403, "authorization", "forbidden", DAY, as_=NORA),
    "a partner applies": Case("POST", APPLY, 403, "authorization", "forbidden", json=company(), as_=NORA),
    "a foreign network's membership": post(
        END, 404, "membership_id", "not_found", {"effective_on": "2027-01-01"}, as_=CLAIRE
    ),
}


@pytest.fixture
async def world(context: Context) -> dict[str, str]:
    """An application that waits, a principal partner's membership and its decision."""
    async with context.db.tx() as connection:
        row = await connection.fetchrow(
            "select (select a.id from application a join network n on n.id = a.network_id where n.slug = $1"
            "        and a.status = 'sent' and a.tier = 'principal' order by a.submitted_at limit 1) as application,"
            " m.id as membership, m.organisation_id as organisation, d.id as decision"
            " from membership m join network n on n.id = m.network_id"
            " join membership_decision d on d.membership_id = m.id"
            " join membership_period p on p.membership_id = m.id and p.superseded_at is null and p.ends_on is null"
            "  and p.tier = 'principal' and p.starts_on < '2026-01-01'"
            " where n.slug = $1 order by m.id limit 1",
            NORA,
        )
    return {name: str(value) for name, value in dict(row).items()}


async def _rows(context: Context) -> dict[str, int]:
    """How many rows every table has."""
    async with context.db.tx() as connection:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public' order by 1")
        counting = " union all ".join(f"select '{t[0]}', count(*) from {t[0]}" for t in tables)
        return {row[0]: row[1] for row in await connection.fetch(counting)}


def _key(case: Case, manager_key: str, partner_keys: dict[str, str]) -> dict[str, str]:
    if case.as_ == "nobody":
        return {}
    return {"authorization": f"Bearer {manager_key if case.as_ == 'manager' else partner_keys[case.as_]}"}


async def _send(client: httpx.AsyncClient, case: Case, world: dict[str, str], key: dict[str, str]) -> httpx.Response:
    path = case.path
    for name, value in world.items():
        path = path.replace(f"{{{name}}}", value)
    body = {"content": case.raw} if case.raw is not None else {"json": case.json} if case.json is not None else {}
    return await client.request(case.method, path, headers=key | case.headers, **body)


async def test_bad_input_is_refused_and_nothing_is_stored(
    subtests: pytest.Subtests,
    client: httpx.AsyncClient,
    context: Context,
    world: dict[str, str],
    manager_key: str,
    partner_keys: dict[str, str],
) -> None:
    before = await _rows(context)
    for name, case in CASES.items():
        with subtests.test(name):
            answer = await _send(client, case, world, _key(case, manager_key, partner_keys))
            assert wrong(answer, case.status) == [(case.field, case.rule)]
            assert await _rows(context) == before


async def test_what_is_not_there_and_what_is_anothers_look_the_same(
    client: httpx.AsyncClient, world: dict[str, str], partner_keys: dict[str, str]
) -> None:
    """Or the answer would tell that the id exists."""
    stranger = {"authorization": f"Bearer {partner_keys['nora-startup']}"}
    for thing, path, body in (
        ("application", "/approval", DAY),
        ("application", "/declines", {"reason": "x"}),
        ("membership", "/endings", {"effective_on": "2027-01-01"}),
        ("membership", "/suspensions/preview", {"from": "2027-01-01"}),
    ):
        said = []
        for wanted in (world[thing], UNKNOWN):
            answer = await client.post(f"{V1}/{thing}s/{wanted}{path}", json=body, headers=stranger)
            said.append(answer.text.split("instance")[0] + answer.text.split("errors")[1])
        assert said[0] == said[1]


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 100
    assert {c.status for c in CASES.values()} == {400, 401, 403, 404, 405, 409, 412, 413, 415, 422}


async def test_counting_rows_would_notice_one(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str]
) -> None:
    """The control: a good request moves the counts this test looks at."""
    before = await _rows(context)
    assert (await client.post(APPLY, json=company(), headers=manager_headers)).status_code == 201
    moved = {table for table, count in (await _rows(context)).items() if count != before[table]}
    assert {"application", "organisation", "identifier", "contact", "consent", "mail", "audit"} <= moved


async def test_several_problems_are_told_at_once_in_either_language(
    client: httpx.AsyncClient, manager_headers: dict[str, str]
) -> None:
    body = company(organisation__name="", organisation__country="XX", contact__email="x")
    for language, said in (("en", "This must be filled in."), ("nb", "Dette må fylles ut.")):
        answer = await client.post(APPLY, json=body, headers=manager_headers | {"accept-language": language})
        fields = [field for field, _ in wrong(answer, 422)]
        assert fields == ["organisation.name", "organisation.country", "contact.email"]
        assert answer.json()["type"] == "/problems/invalid"
        assert answer.json()["errors"][0]["message"] == said
        assert answer.json()["errors"][0]["pointer"] == "#/organisation/name"
