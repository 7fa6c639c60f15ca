"""One list in every form: native pages, JSON lines, CSV, XLSX, JSON-LD and SCIM say the same of the same members."""

import asyncio
import csv
import io
import json
from datetime import date
from typing import Any

import httpx
import pytest
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st

from crm import formulas
from crm.actions import shares as share_actions
from crm.actor import Actor
from crm.context import Context
from crm.gateways import linked_data, member_files, sheets
from crm.gateways.sheets import About, Column
from tests.conftest import NOW
from tests.crm.api.scim import V2, Json, bearer, native
from tests.crm.api.support import V1, wrong
from tests.crm.api.test_scim import AGREEMENT, TERMS

pytestmark = pytest.mark.anyio
NETWORK = "nora-industry-network"
DAY = "2026-11-22"
MEDIA = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonld": "application/ld+json",
}
FIELDS = {"organisation_id": "id", "name": "name", "kind": "kind", "country": "country", "website": "website"}
TOP = ("id", "network", "tier", "status", "origin", "starts_on", "ends_on", "version", "agreement")
SCHEMES = ("no-orgnr", "vat", "lei", "ror", "pic")


# --- each form read back into what the native list says, by other means than it was written


def of_table(rows: list[dict[str, Any]]) -> list[Json]:
    """Rows of CSV or of a spreadsheet as native members, of what they can tell apart: empty is null or left out."""
    out = []
    for row in rows:
        told = {name: _plain(value) for name, value in row.items() if value not in ("", None)}
        numbers = [
            {"scheme": scheme, "value": value} for scheme in SCHEMES for value in str(told.get(scheme, "")).split()
        ]
        who = {field: told[name] for name, field in FIELDS.items() if name in told}
        member = {name: told[name] for name in TOP if name in told}
        member["version"] = int(member["version"])
        contact = {name: told[f"contact_{name}"] for name in ("name", "email") if f"contact_{name}" in told}
        out.append(
            member | {"organisation": who | {"identifiers": numbers}} | ({"contact": contact} if contact else {})
        )
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value[1:] if isinstance(value, str) and value[:1] == "'" and formulas.guarded(value[1:]) == value else value


def of_csv(content: bytes) -> list[Json]:
    return of_table(list(csv.DictReader(io.StringIO(content.decode(), newline=""))))


def of_xlsx(content: bytes) -> list[Json]:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    heading, *rows = book.get_sheet_by_index(0).to_python()
    return of_table([dict(zip(map(str, heading), row, strict=True)) for row in rows])


def of_json_ld(content: bytes) -> list[Json]:
    document = json.loads(content)
    assert document["@context"]["@vocab"] == "https://schema.org/"
    out = []
    for each in document["@graph"]:
        assert each["@type"] == "ProgramMembership"
        assert each["@id"] == f"urn:uuid:{each['membershipNumber']}"
        own = {name.removeprefix("klynge:"): value for name, value in each.items() if name.startswith("klynge:")}
        who = each["member"]
        organisation = {
            "id": who["@id"].removeprefix("urn:uuid:"),
            "name": who.get("name"),
            "kind": who.get("klynge:kind"),
            "country": who.get("address", {}).get("addressCountry"),
            "website": who.get("url"),
            "identifiers": [{"scheme": i["propertyID"], "value": i["value"]} for i in who.get("identifier", ())],
        }
        out.append(
            {
                "id": each["membershipNumber"],
                "network": each["hostingOrganization"]["identifier"],
                "organisation": organisation,
                "starts_on": own.pop("startsOn", None),
                "ends_on": own.pop("endsOn", None),
                **own,
            }
        )
    return out


def told(member: Json) -> Json:
    """A native member without what is null, empty or left out."""
    who = {name: value for name, value in member["organisation"].items() if value not in (None, "", [])}
    if "identifiers" in who:
        who["identifiers"] = sorted(who["identifiers"], key=lambda i: (SCHEMES.index(i["scheme"]), i["value"]))
    return {name: value for name, value in member.items() if value is not None} | {"organisation": who}


READERS = {
    "ndjson": lambda content: [json.loads(line) for line in content.splitlines()],
    "csv": of_csv,
    "xlsx": of_xlsx,
    "jsonld": of_json_ld,
}


def alike(found: list[Json], members: list[Json]) -> None:
    def by_id(listed: list[Json]) -> list[Json]:
        return sorted(map(told, listed), key=lambda m: m["id"])

    assert by_id(found) == by_id(members)


async def in_every_form(client: httpx.AsyncClient, key: str, folder: str, scim: str) -> int:
    headers = bearer(key)
    page = (await client.get(f"{V1}/{folder}/members", params={"limit": 1000}, headers=headers)).json()
    assert not page["has_more"]
    members = page["items"]
    for kind, media in MEDIA.items():
        answer = await client.get(f"{V1}/{folder}/members", headers={**headers, "accept": media})
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media)
        alike(READERS[kind](answer.content), members)
    answer = await client.get(f"{V2}{scim}/Memberships", params={"count": 1000}, headers=headers)
    alike([native_of(each) for each in answer.json()["Resources"]], members)
    return len(members)


def native_of(resource: Json) -> Json:
    """As tests.crm.api.scim.native, of a resource from which something may be left out."""
    empty = {"tier": None, "origin": None, "status": None, "startsOn": None, "identifiers": []}
    member = native({**empty, **resource, "organisation": dict.fromkeys(FIELDS.values()) | resource["organisation"]})
    return member | {name: resource[name] for name in ("agreement", "contact") if name in resource}


async def test_every_form_of_every_network_says_the_same(
    client: httpx.AsyncClient, partner_keys: dict[str, str]
) -> None:
    counted = [await in_every_form(client, key, f"networks/{slug}", "") for slug, key in partner_keys.items()]
    assert sum(counted) > 100


async def test_every_form_says_the_same_to_a_partner(
    client: httpx.AsyncClient, context: Context, actor: Actor, partner_keys: dict[str, str]
) -> None:
    await share_actions.set_terms(context, actor, AGREEMENT, NETWORK, TERMS)
    folder, scim = f"agreements/{AGREEMENT}", f"/agreements/{AGREEMENT}"
    assert await in_every_form(client, partner_keys["claire-innovation-network"], folder, scim) > 3
    async with context.db.tx() as connection:
        log = await connection.fetch("select distinct kind from share_reading")
    assert {row["kind"] for row in log} == {"list", "stream", "csv", "xlsx", "json_ld", "scim"}


# --- generated members, straight through the writers


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(lambda t: t[0] != "'")
RISKY = st.sampled_from(
    ["=1+1", "+47 22", "-2", "@SUM(A1)", '=HYPERLINK("x")', 'a"b', "a,b", "a;b", "0123", "1e5", " x "]
)
DAYS = st.dates(date(1950, 1, 1), date(2090, 1, 1)).map(date.isoformat)
MEMBERS = st.fixed_dictionaries(
    {
        "ends_on": st.none() | DAYS,
        "id": st.uuids().map(str),
        "network": st.just(NETWORK),
        "organisation": st.fixed_dictionaries(
            {
                "country": st.sampled_from(["NO", "SE"]),
                "id": st.uuids().map(str),
                "identifiers": st.lists(
                    st.fixed_dictionaries(
                        {
                            "scheme": st.sampled_from(SCHEMES),
                            "value": st.text("0123456789ABC", min_size=1, max_size=9),
                        }
                    ),
                    max_size=3,
                    unique_by=lambda i: (i["scheme"], i["value"]),
                ),
                "kind": st.sampled_from(["company", "person"]),
                "name": TEXT | RISKY,
                "website": st.just("") | TEXT,
            }
        ),
        "origin": st.sampled_from(["direct", "linked", "both"]),
        "starts_on": DAYS,
        "status": st.sampled_from(["active", "suspended"]),
        "tier": st.sampled_from(["partner", "-odd"]),
        "version": st.integers(1, 10**9),
    }
)


async def _pieces(content: bytes, size: int) -> Any:
    for at in range(0, len(content), size):
        yield content[at : at + size]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonld"])
@settings(max_examples=30)
@given(members=st.lists(MEMBERS, max_size=5, unique_by=lambda m: m["id"]), size=st.integers(1, 400))
def test_generated_members_come_back_as_they_were(kind: str, members: list[Json], size: int) -> None:
    lines = "".join(json.dumps(each) + "\n" for each in members).encode()

    async def written() -> bytes:
        about = About("Members", "Klynge", NOW)
        body = member_files.written(kind, _pieces(lines, size), about, {NETWORK: "N"})  # type: ignore[arg-type]
        return b"".join([piece async for piece in body])

    alike(READERS[kind](asyncio.run(written())), members)


async def _batches(rows: list[list[Any]]) -> Any:
    yield rows


async def test_a_sheet_has_figures_days_and_text(anyio_backend: Any) -> None:
    columns = [Column("id"), Column("day", "day"), Column("n", "number"), Column("name")]
    rows = [["007", date(2026, 1, 31), 42, "=1+1"], ["1e5", "2026-02-01", 1.5, None]]
    about = About("T", "K", NOW)
    content = b"".join([piece async for piece in sheets.as_xlsx(columns, _batches(rows), about)])
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    assert sheet.to_python() == [
        ["id", "day", "n", "name"],
        ["007", date(2026, 1, 31), 42.0, "=1+1"],
        ["1e5", date(2026, 2, 1), 1.5, ""],
    ]
    text = b"".join([piece async for piece in sheets.as_csv(columns, _batches(rows))])
    assert text == b"id,day,n,name\r\n007,2026-01-31,42,'=1+1\r\n1e5,2026-02-01,1.5,\r\n"


async def test_more_rows_than_a_sheet_has_go_on_in_a_further_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_ROWS", 2)
    rows = [[str(n)] for n in range(5)]
    body = sheets.as_xlsx([Column("n")], _batches(rows), About("T", "K", NOW))
    content = b"".join([piece async for piece in body])
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert [book.get_sheet_by_index(n).to_python() for n in range(3)] == [
        [["n"], ["0"], ["1"]], [["n"], ["2"], ["3"]], [["n"], ["4"]],
    ]  # fmt: skip


# --- by API


async def test_a_file_by_its_address_has_the_networks_and_the_days_name(
    client: httpx.AsyncClient, partner_keys: dict[str, str]
) -> None:
    headers = bearer(partner_keys[NETWORK])
    for kind in ("csv", "xlsx", "jsonld"):
        answer = await client.get(f"{V1}/networks/{NETWORK}/members.{kind}", headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"] == f'attachment; filename="{NETWORK}-{DAY}.{kind}"'
        assert answer.headers["content-type"].partition(";")[0] == MEDIA[kind]
        again = await client.get(
            f"{V1}/networks/{NETWORK}/members.{kind}", headers={**headers, "if-none-match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        only = await client.get(f"{V1}/networks/{NETWORK}/members.{kind}", params={"origin": "linked"}, headers=headers)
        assert {each["origin"] for each in READERS[kind](only.content)} <= {"linked"}
        other = await client.get(f"{V1}/networks/claire/members.{kind}", headers=bearer(partner_keys["nora"]))
        assert not READERS[kind](other.content) if other.status_code == 200 else other.status_code == 404


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("text/csv", "text/csv"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("text/csv;q=0.5, application/ld+json;q=0.9", "application/ld+json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("text/csv;q=x", "application/json"),
    ],
)
async def test_what_is_accepted_best(
    client: httpx.AsyncClient, partner_keys: dict[str, str], accept: str, media: str
) -> None:
    headers = {**bearer(partner_keys[NETWORK]), "accept": accept}
    answer = await client.get(f"{V1}/networks/{NETWORK}/members", headers=headers)
    assert answer.headers["content-type"].partition(";")[0] == media


async def test_a_file_is_of_today_and_whole(client: httpx.AsyncClient, partner_keys: dict[str, str]) -> None:
    headers = {**bearer(partner_keys[NETWORK]), "accept": "text/csv"}
    answer = await client.get(f"{V1}/networks/{NETWORK}/members", params={"as_of": DAY}, headers=headers)
    assert wrong(answer, 422) == [("accept", "stream_whole")]


async def test_a_file_that_broke_is_not_taken_for_a_whole_one() -> None:
    async def broken() -> Any:
        yield b'{"id":"1","network":"n","organisation":{"id":"2"},"version":1}\n'
        raise ConnectionError

    got = b""
    with pytest.raises(ConnectionError):
        async for piece in member_files.written("jsonld", broken(), About("T", "K", NOW), {}):
            got += piece
    with pytest.raises(json.JSONDecodeError):
        json.loads(got)
    with pytest.raises(ConnectionError):
        async for _ in member_files.written("xlsx", broken(), About("T", "K", NOW), {}):
            raise AssertionError("nothing of a spreadsheet is sent before it is whole")


async def test_what_schema_org_knows_it_is_told() -> None:
    who = {
        "id": "2", "name": "Ada", "kind": "person", "country": "SE", "website": "https://ada.example",
        "identifiers": [{"scheme": "vat", "value": "SE1"}, {"scheme": "lei", "value": "L"}],
    }  # fmt: skip
    contact = {"name": "Bo", "email": "bo@ada.example"}
    member = {"id": "1", "network": "n", "organisation": who, "contact": contact}
    told = linked_data.described(member, {"n": "The Network"})
    assert (told["programName"], told["hostingOrganization"]["name"]) == ("The Network", "The Network")
    person = told["member"]
    assert (person["@type"], person["vatID"], person["leiCode"]) == ("Person", "SE1", "L")
    assert person["contactPoint"] == {"@type": "ContactPoint", **contact}
