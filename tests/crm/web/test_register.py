"""The register on pages: a file is uploaded, what it says otherwise is on the work list, and is answered there."""

from uuid import UUID

import httpx
import pytest

from crm.actions import register, register_runs
from crm.actor import Actor
from crm.context import Context
from crm.gateways import register_files
from tests.crm.actions.test_register import NETWORK, Member, member, open_of, read, told
from tests.crm.actions.test_register_bulks import answered, members_of
from tests.crm.web.office import send, sign_in, text
from tests.register_files import array, context, packed

pytestmark = pytest.mark.anyio
__all__ = ["context", "member"]

BASE = f"/n/{NETWORK}"
HERE = f"{BASE}/setup/register"


async def upload(client: httpx.AsyncClient, content: bytes, **fields: str) -> httpx.Response:
    """The form as a browser sends it."""
    page = await client.get(HERE)
    token = page.text.split('name="_csrf_token" value="')[1].split('"')[0]
    data = {"_csrf_token": token, "as_of": "2026-11-20", **fields}
    return await client.post(HERE, data=data, files={"file": ("enheter_alle.json.gz", content)})


async def worked(context: Context, sent: httpx.Response) -> str:
    """The job of the file that was uploaded; the address of its page."""
    place = sent.headers["location"]
    assert sent.status_code == 303 and place.startswith(f"{HERE}/files/"), text(sent)
    await register_runs.settle(context, UUID(place.rsplit("/", 1)[1]), register.read)
    return place


async def test_a_file_is_read_and_its_differences_are_answered_one_by_one(
    client: httpx.AsyncClient, context: Context, member: Member
) -> None:
    await sign_in(client)
    assert "No file was read yet." in text(await client.get(HERE))
    more = member.employees + 30
    content = packed(member.unit(antallAnsatte=more, konkurs=True, konkursdato="2026-10-01"))
    sent = await upload(client, content, part="yes")
    waiting = await client.get(sent.headers["location"])
    assert "Waits" in text(waiting) and waiting.headers["refresh"] == "2"
    page = text(await client.get(await worked(context, sent)))
    assert "The file is read" in page and "enheter_alle.json.gz" in page and "Bankrupt" in page
    assert "enheter_alle.json.gz" in text(await client.get(HERE))
    again = await worked(context, await upload(client, content, part="yes"))
    assert "This file was read before" in text(await client.get(again))

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
    client: httpx.AsyncClient, context: Context, member: Member
) -> None:
    await sign_in(client)

    async def failed(content: bytes, **fields: str) -> httpx.Response:
        place = await worked(context, await upload(client, content, **fields))
        page = await client.get(place)
        assert "Nothing was stored" in text(page) and "refresh" not in page.headers
        return page

    await failed(array(member.unit(), member.unit()), part="yes")
    page = text(await client.get(HERE))
    assert "enheter_alle.json.gz was not read" in page and f"Unit 2: {member.number} stands in the file twice." in page
    assert "This is no file of the register" in text(await failed(b"name;employees\nNORA;3\n"))
    assert "it is not the whole register" in text(await failed(array(member.unit())))
    nothing = await client.get(f"{BASE}/reviews")
    assert "/register/" not in nothing.text and "was not read" in text(await client.get(HERE))
    await worked(context, await upload(client, array(member.unit(navn="NYTT AS")), part="yes"))
    older = await failed(array(member.unit()), part="yes", as_of="2026-11-19")
    again = older.text.split('href="')
    link = next(each.split('"')[0] for each in again if "force=yes" in each.split('"')[0]).replace("&amp;", "&")
    assert "Read it although a newer one was read" in text(await client.get(link))
    forced = await worked(
        context, await upload(client, array(member.unit()), part="yes", as_of="2026-11-19", force="yes")
    )
    assert "The file is read" in text(await client.get(forced))
    assert not list((context.settings.data_dir / register_files.FOLDER).iterdir())


async def test_what_cannot_be_uploaded_is_said_at_once(
    client: httpx.AsyncClient, context: Context, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_in(client)
    soon = await upload(client, array(member.unit()), as_of="2026-11-23")
    assert soon.status_code == 422 and "A file cannot be of 23 Nov 2026" in text(soon)
    empty = await upload(client, b"")
    assert empty.status_code == 422 and "There is no unit in the file." in text(empty)
    monkeypatch.setattr(register_files, "UPLOAD_MAX", 1024)
    large = await upload(client, b"[" + b" " * 2048)
    assert large.status_code == 422 and "The file is larger than 0 MB." in text(large)
    assert not list((context.settings.data_dir / register_files.FOLDER).iterdir())
    first = await upload(client, array(member.unit()), part="yes")
    second = await upload(client, array(member.unit()), part="yes")
    assert second.status_code == 409 and "A file of the register is being read." in text(second)
    page = await client.get(HERE)
    assert "A file is being read" in text(page) and 'name="file"' not in page.text
    place = first.headers["location"]
    assert "Nothing of it is stored." in text(
        await client.get((await send(client, f"{place}/stop")).headers["location"])
    )
    assert 'name="file"' in (await client.get(HERE)).text
    await register_runs.settle(context, UUID(place.rsplit("/", 1)[1]), register.read)
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from register_read") == 0
    assert not list((context.settings.data_dir / register_files.FOLDER).iterdir())


async def test_who_may_only_read_the_network_does_not_come_here(client: httpx.AsyncClient) -> None:
    await sign_in(client, "leser@klynge.example")
    assert (await client.get(HERE)).status_code == 403
    assert (await client.get(f"{HERE}/differences")).status_code == 403


async def test_several_are_taken_over_together_with_their_fees_shown_first(
    client: httpx.AsyncClient, context: Context, actor: Actor, member: Member
) -> None:
    chosen = [each for each in await members_of(context) if each.employees < 40][:3]
    await read(context, actor, array(*(each.unit(antallAnsatte=each.employees * 10 + 50) for each in chosen)))
    await sign_in(client)
    place = f"{HERE}/differences?kind=register_employees"
    page = await client.get(place)
    assert page.text.count('name="difference"') == 3 and "One by one" not in text(page)
    token = page.text.split('name="token" value="')[1].split('"')[0]
    sent = {"kind": "register_employees", "token": token, "on": "2026-11-22", "deed": "take_over"}
    nobody = await send(client, f"{HERE}/differences", **sent)
    assert nobody.status_code == 422
    begun = await send(client, f"{HERE}/differences", **sent, all="yes")
    again = await send(client, f"{HERE}/differences", **sent, all="yes")
    bulk = begun.headers["location"]
    assert bulk.startswith(f"{HERE}/together/") and again.headers["location"] == bulk
    waiting = await client.get(bulk)
    assert waiting.headers["refresh"] == "2" and "Is looked at" in text(waiting)
    await answered(context, UUID(bulk.rsplit("/", 1)[1]))
    looked = text(await client.get(bulk))
    assert "Nothing is done yet" in looked and "Take over 3" in looked and "Can be taken over 3" in looked
    await send(client, f"{bulk}/confirmation")
    await answered(context, UUID(bulk.rsplit("/", 1)[1]))
    done = text(await client.get(bulk))
    assert "Taken over 3" in done and f"{chosen[0].employees} → {chosen[0].employees * 10 + 50}" in done
    assert "Taken over from the register: Another headcount" in text(await client.get(HERE))
    await send(client, f"{bulk}/undo")
    await answered(context, UUID(bulk.rsplit("/", 1)[1]))
    assert "Taken back 3" in text(await client.get(bulk))
    assert [(await told(context, each))[1] for each in chosen] == [each.employees for each in chosen]


async def test_small_differences_are_one_line_and_who_ends_is_decided_about_one_by_one(
    client: httpx.AsyncClient, context: Context, actor: Actor, member: Member
) -> None:
    content = array(member.unit(antallAnsatte=member.employees + 1, konkurs=True))
    await read(context, actor, content)
    await sign_in(client)
    page = await client.get(f"{BASE}/reviews")
    assert "1 member has another headcount in the register, of the same class of size" in text(page)
    assert "1 matter to look at" in text(page) and f"counts {member.employees + 1}" not in text(page)
    assert "1 headcount of the same class of size" in text(await client.get(BASE))
    ends = await client.get(f"{HERE}/differences?kind=register_bankrupt")
    assert "decided about one by one" in text(ends) and 'name="difference"' not in ends.text
    small = await client.get(f"{HERE}/differences?kind=register_headcount")
    token = small.text.split('name="token" value="')[1].split('"')[0]
    chosen = small.text.split('name="difference" value="')[1].split('"')[0]
    sent = {"kind": "register_headcount", "token": token, "deed": "keep", "difference": chosen}
    refused = await send(client, f"{HERE}/differences", **sent)
    assert refused.status_code == 422
    kept = await send(client, f"{HERE}/differences", **sent, note="They count trainees")
    await answered(context, UUID(kept.headers["location"].rsplit("/", 1)[1]))
    assert "They count trainees" in text(await client.get(kept.headers["location"]))
    assert (await open_of(context, member)).keys() == {"register_bankrupt"}
    await send(client, f"{HERE}/rule", take_small="yes")
    assert 'value="yes" checked' in (await client.get(HERE)).text
