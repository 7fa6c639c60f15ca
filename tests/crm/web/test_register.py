"""The register on pages: a file is uploaded, what it says otherwise is on the work list, and is answered there."""

import httpx
import pytest

from crm.actions import register
from crm.actor import Actor
from crm.context import Context
from tests.crm.actions.test_register import NETWORK, Member, member, open_of, read, told
from tests.crm.web.office import send, sign_in, text
from tests.register_files import array, packed

pytestmark = pytest.mark.anyio
__all__ = ["member"]

BASE = f"/n/{NETWORK}"
HERE = f"{BASE}/setup/register"


async def upload(client: httpx.AsyncClient, content: bytes, **fields: str) -> httpx.Response:
    """The form as a browser sends it."""
    page = await client.get(HERE)
    token = page.text.split('name="_csrf_token" value="')[1].split('"')[0]
    data = {"_csrf_token": token, "as_of": "2026-11-20", **fields}
    return await client.post(HERE, data=data, files={"file": ("enheter_alle.json.gz", content)})


async def test_a_file_is_read_and_its_differences_are_answered_one_by_one(
    client: httpx.AsyncClient, context: Context, member: Member
) -> None:
    await sign_in(client)
    assert "No file was read yet." in text(await client.get(HERE))
    more = member.employees + 30
    content = packed(member.unit(antallAnsatte=more, konkurs=True, konkursdato="2026-10-01"))
    done = await upload(client, content, part="yes")
    assert (done.status_code, done.headers["location"]) == (303, f"{HERE}?read=done")
    page = text(await client.get(done.headers["location"]))
    assert "The file is read." in page and "enheter_alle.json.gz" in page and "Bankrupt" in page
    again = await upload(client, content, part="yes")
    assert "This file was read before." in text(await client.get(again.headers["location"]))

    overview = await client.get(f"{BASE}")
    assert "1 member is ending by the register" in text(overview)
    found = await open_of(context, member)
    bankrupt, headcount = (f"{BASE}/register/{found[f'register_{name}'][0]}" for name in ("bankrupt", "employees"))
    listed = await client.get(f"{BASE}/reviews")
    assert bankrupt in listed.text and "has been bankrupt since 1 Oct 2026" in text(listed)
    moved_on = await client.get(bankrupt.replace("/register/", "/reviews/"))
    assert moved_on.headers["location"] == bankrupt

    page = await client.get(headcount)
    assert "If you take it over, this happens" in text(page) and "06.100" in text(page)
    wrong = await send(client, f"{headcount}/take-over", on="soon")
    assert wrong.status_code == 422 and "Write the day as YYYY-MM-DD." in text(wrong)
    taken = await send(client, f"{headcount}/take-over", on="2026-11-22")
    assert "Taken over from the register." in text(await client.get(taken.headers["location"]))
    assert (await told(context, member))[1] == more
    assert (await client.get(headcount)).status_code == 303

    page = await client.get(bankrupt)
    assert f"/memberships/{member.membership}/ending" in page.text and "Take over" not in text(page)
    kept = await send(client, f"{bankrupt}/keep", note="The estate goes on")
    assert "Kept as it is here." in text(await client.get(kept.headers["location"]))
    assert await open_of(context, member) == {}
    assert "06.100" in text(await client.get(f"{BASE}/members/{member.id}"))


async def test_a_file_that_cannot_be_read_says_where_and_why(
    client: httpx.AsyncClient, context: Context, actor: Actor, member: Member
) -> None:
    await sign_in(client)
    twice = await upload(client, array(member.unit(), member.unit()), part="yes")
    assert twice.status_code == 422 and f"Unit 2: {member.number} stands in the file twice." in text(twice)
    nothing = await upload(client, b"name;employees\nNORA;3\n")
    assert "This is no file of the register" in text(nothing)
    soon = await upload(client, array(member.unit()), as_of="2026-11-23")
    assert "A file cannot be of 23 Nov 2026" in text(soon)
    small = await upload(client, array(member.unit()))
    assert "it is not the whole register" in text(small)
    await read(context, actor, array(member.unit(navn="NYTT AS")))
    older = await upload(client, array(member.unit()), part="yes", as_of="2026-11-19")
    assert older.status_code == 422 and "Read it although a newer one was read" in text(older)
    forced = await upload(client, array(member.unit()), part="yes", as_of="2026-11-19", force="yes")
    assert forced.status_code == 303


async def test_who_may_only_read_the_network_does_not_come_here(client: httpx.AsyncClient) -> None:
    await sign_in(client, "leser@klynge.example")
    assert (await client.get(HERE)).status_code == 403
    assert register.NAME_MAX == 200
