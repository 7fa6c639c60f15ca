"""The register by API: a file is read, what differs is listed, looked at, taken over or kept."""

from base64 import b64encode
from uuid import UUID

import httpx
import pytest

from crm.actions import register, register_runs
from crm.actor import Actor
from crm.context import Context
from tests.crm.actions.test_register import NETWORK, Member, member, open_of, read, told
from tests.crm.actions.test_register_bulks import answered, members_of
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


async def test_several_are_answered_together_and_what_happens_by_itself_is_said(
    client: httpx.AsyncClient, context: Context, actor: Actor, member: Member, manager_headers: dict[str, str]
) -> None:
    chosen = [each for each in await members_of(context) if each.employees < 40][:3]
    await read(context, actor, array(*(each.unit(antallAnsatte=5_000) for each in chosen)))
    bulks = f"/api/v1/networks/{NETWORK}/register-bulks"

    async def ask(method: str, address: str, **sent: object) -> httpx.Response:
        return await client.request(method, address, json=sent or None, headers=manager_headers)

    ends = await ask("POST", bulks, deed="take_over", reason="register_bankrupt")
    assert ends.status_code == 422
    begun = await ask("POST", bulks, deed="take_over", reason="register_employees", note="Autumn")
    one = begun.headers["location"]
    assert (begun.status_code, begun.json()["status"], begun.json()["total"]) == (202, "looking", 3)
    early = await ask("POST", f"{one}/confirmation")
    assert (early.status_code, early.json()["errors"][0]["rule"]) == (409, "register_bulk_status")
    await answered(context, UUID(begun.json()["id"]))
    looked = (await ask("GET", one)).json()
    assert (looked["status"], looked["done"], looked["failed"]) == ("looked", 3, 0)
    assert (await ask("POST", f"{one}/confirmation")).json()["status"] == "doing"
    await answered(context, UUID(begun.json()["id"]))
    first = (await ask("GET", f"{one}/rows?limit=2")).json()
    rest = (await ask("GET", f"{one}/rows?limit=2&cursor={first['next_cursor']}")).json()
    rows = [*first["items"], *rest["items"]]
    assert [(row["outcome"], row["words"], row["register"]) for row in rows] == [("changed", "Taken over", 5_000)] * 3
    assert {row["organisation_id"] for row in rows} == {str(each.id) for each in chosen}
    assert (await ask("POST", f"{one}/undo")).json()["status"] == "undoing"
    await answered(context, UUID(begun.json()["id"]))
    assert (await ask("GET", one)).json()["status"] == "undone"
    dropped = await ask("POST", bulks, deed="take_over", reason="register_employees")
    gone = await client.delete(dropped.headers["location"], headers=manager_headers)
    assert gone.json()["status"] == "dropped"

    rule = f"/api/v1/networks/{NETWORK}/register-rule"
    assert (await ask("GET", rule)).json() == {"take_small": False}
    assert (await ask("POST", rule, take_small=True)).json() == {"take_small": True}
    assert (await ask("GET", rule)).json() == {"take_small": True}


async def test_one_file_at_a_time_and_one_can_be_stopped(
    client: httpx.AsyncClient,
    context: Context,
    member: Member,
    manager_headers: dict[str, str],
    partner_keys: dict[str, str],
) -> None:
    first = await client.post(READS, json=body(array(member.unit())), headers=manager_headers)
    second = await client.post(READS, json=body(array(member.unit())), headers=manager_headers)
    assert (second.status_code, second.json()["errors"][0]["rule"]) == (409, "register_running")
    place = first.headers["location"]
    stranger = {"authorization": f"Bearer {partner_keys['sin-applied-ai']}"}
    assert (await client.get(place, headers=stranger)).status_code == 404
    assert (await client.delete(place, headers=stranger)).status_code == 404
    stopped = await client.delete(place, headers=manager_headers)
    assert (stopped.status_code, stopped.json()["status"]) == (200, "stopped")
    third = await client.post(READS, json=body(array(member.unit())), headers=manager_headers)
    assert third.status_code == 202
