"""The register by API: a file is read, what differs is listed, looked at, taken over or kept."""

from base64 import b64encode
from uuid import UUID

import httpx
import pytest

from crm.actions import register, register_runs
from crm.context import Context
from tests.crm.actions.test_register import NETWORK, Member, member, open_of, told
from tests.register_files import array, context, unit

pytestmark = pytest.mark.anyio
__all__ = ["context", "member"]

READS = f"/api/v1/networks/{NETWORK}/register-reads"
LIST = f"/api/v1/networks/{NETWORK}/register-differences"


def body(content: bytes, **more: object) -> dict:
    """A file as a program sends it."""
    return {"name": "enheter.json", "content": b64encode(content).decode(), "as_of": "2026-11-20", "part": True, **more}


async def run(client: httpx.AsyncClient, context: Context, headers: dict[str, str], sent: dict) -> dict:
    """Upload a file, let the worker read it, and ask what came of it."""
    begun = await client.post(READS, json=sent, headers=headers)
    assert begun.status_code == 202 and begun.json()["status"] == "waiting", begun.text
    await register_runs.settle(context, UUID(begun.json()["id"]), register.read)
    return (await client.get(begun.headers["location"], headers=headers)).json()


async def test_a_file_is_read_and_its_differences_are_answered(
    client: httpx.AsyncClient, context: Context, member: Member, manager_headers: dict[str, str]
) -> None:
    async def post(address: str, **sent: object) -> httpx.Response:
        return await client.post(address, json=sent, headers=manager_headers)

    more = member.employees + 30
    content = array(member.unit(antallAnsatte=more, underAvvikling=True))
    dry = await run(client, context, manager_headers, body(content, dry_run=True))
    assert (dry["status"], dry["counts"]["opened"] > 0, dry["read_id"]) == ("done", True, None)
    assert (await client.get(READS, headers=manager_headers)).json()["items"] == []
    done = await run(client, context, manager_headers, body(content))
    again = await run(client, context, manager_headers, body(content))
    assert (done["unchanged"], again["unchanged"]) == (False, True)
    assert again["read_id"] == done["read_id"] is not None
    assert len((await client.get(READS, headers=manager_headers)).json()["items"]) == 1

    first = (await client.get(LIST, params={"limit": 1}, headers=manager_headers)).json()
    rest = (await client.get(LIST, params={"cursor": first["next_cursor"]}, headers=manager_headers)).json()
    found = {each["reason"]: each for each in (*first["items"], *rest["items"])}
    assert found.keys() == {"register_employees", "register_liquidation"}
    headcount = found["register_employees"]
    assert (headcount["ours"], headcount["register"], headcount["number"]) == (member.employees, more, member.number)
    assert headcount["words"] == f"The register counts {more} employees, we have {member.employees}."

    one = f"/api/v1/register-differences/{headcount['id']}"
    seen = await post(f"{one}/preview")
    assert seen.json()["facts"] == {"employees": more}
    assert (await told(context, member))[1] == member.employees
    taken = await post(f"{one}/take-over", effective_on="2026-11-22")
    assert (taken.status_code, taken.json()["closed"]) == (200, True)
    assert (await told(context, member))[1] == more
    twice = await post(f"{one}/take-over")
    assert (twice.status_code, twice.json()["errors"][0]["rule"]) == (422, "register_closed")
    ending = f"/api/v1/register-differences/{found['register_liquidation']['id']}"
    wrong = await post(f"{ending}/take-over")
    assert (wrong.status_code, wrong.json()["errors"][0]["rule"]) == (422, "register_no_fact")
    await post(f"/api/v1/reviews/{found['register_liquidation']['id']}/keeping", note="Sells its parts")
    assert await open_of(context, member) == {}
    async with context.db.tx() as connection:
        channels = await connection.fetch("select distinct channel from audit where action like 'register%'")
    assert [row["channel"] for row in channels] == ["api"]


async def test_what_is_wrong_with_a_file_names_row_and_field(
    client: httpx.AsyncClient, context: Context, member: Member, manager_headers: dict[str, str]
) -> None:
    content = array(member.unit(), unit("971035855"))
    refused = await run(client, context, manager_headers, body(content))
    assert (refused["status"], refused["problem_code"]) == ("failed", "register_number")
    assert "Unit 2: 971035855 is no organisation number" in refused["problem"]
    assert refused["problem_field"] == "rows.2.organisasjonsnummer"
    nothing = await client.get(READS, headers=manager_headers)
    assert nothing.json()["items"] == []


async def test_a_number_is_looked_up_by_who_manages_and_by_nobody_else(
    client: httpx.AsyncClient,
    context: Context,
    member: Member,
    manager_headers: dict[str, str],
    partner_keys: dict[str, str],
) -> None:
    await run(client, context, manager_headers, body(array(member.unit())))
    known = await client.get(f"/api/v1/register-units/{member.number}", headers=manager_headers)
    assert (known.json()["employees"], known.json()["nace"], known.json()["as_of"]) == (
        member.employees,
        ["06.100"],
        "2026-11-20",
    )
    assert (await client.get("/api/v1/register-units/999999999", headers=manager_headers)).status_code == 404
    stranger = {"authorization": f"Bearer {partner_keys['sin-applied-ai']}"}
    assert (await client.get(f"/api/v1/register-units/{member.number}", headers=stranger)).status_code == 403
    for address in (READS, LIST):
        assert (await client.get(address, headers=stranger)).status_code == 404
    assert (await client.post(READS, json=body(array(member.unit())), headers=stranger)).status_code == 404
