"""Notes and tasks about a member over HTTP: written, edited with what stood before, pinned, deleted and undone."""

import re
from typing import Any

import httpx
import pytest

from crm.context import Context
from tests.crm.web.office import CLAIRE, NORA, NORA_ONLY, count, member, send, sign_in, text

pytestmark = pytest.mark.anyio


@pytest.fixture
async def page(client: httpx.AsyncClient, context: Context) -> str:
    """The address of a member's notes, for somebody who is signed in."""
    await sign_in(client, NORA_ONLY)
    organisation, _ = await member(context, "eSmart Systems")
    return f"{NORA}/members/{organisation}/notes"


async def note(client: httpx.AsyncClient, page: str, **fields: Any) -> str:
    """Write a note; its id."""
    sent = {"text": "Wants two master students in 2027.", "kind": "call", "on": "2026-11-20", **fields}
    answer = await send(client, f"{page}/new", **sent)
    assert answer.status_code == 303, text(answer)
    found = re.findall(r'id="note-([0-9a-f-]{36})"', (await client.get(page)).text)
    assert found
    return found[0]


async def test_a_note_is_written_edited_and_keeps_what_it_said(client: httpx.AsyncClient, page: str) -> None:
    wanted = await note(client, page)
    shown = await client.get(page)
    assert "Wants two master students in 2027." in text(shown) and "Call" in text(shown)
    assert "Last contact 20 Nov 2026: a call" in text(shown)
    answer = await send(client, f"{page}/{wanted}", text="Wants three.", kind="meeting", on="2026-11-21")
    assert answer.status_code == 303
    edited = await client.get(f"{page}/{wanted}")
    assert "Wants three." in text(edited) and "Wants two master students in 2027." in text(edited)
    assert "What it said before" in text(edited)


async def test_deleting_can_be_undone_from_the_toast_and_from_the_timeline(
    client: httpx.AsyncClient, page: str
) -> None:
    wanted = await note(client, page)
    answer = await send(client, f"{page}/{wanted}/delete")
    gone = await client.get(answer.headers["location"])
    assert "The note is deleted." in text(gone) and f"{page}/{wanted}/restore" in gone.text
    assert "master students" not in text(gone)
    changes = await client.get(page.replace("/notes", "/changes?kind=notes"))
    assert f"{page}/{wanted}/restore" in changes.text
    await send(client, f"{page}/{wanted}/restore")
    assert "master students" in text(await client.get(page))
    assert f"{page}/{wanted}/restore" not in (await client.get(page.replace("/notes", "/changes"))).text


async def test_a_pinned_note_stands_on_the_first_page(client: httpx.AsyncClient, page: str) -> None:
    wanted = await note(client, page)
    assert "Pinned notes" not in text(await client.get(page.replace("/notes", "")))
    await send(client, f"{page}/{wanted}/pin")
    assert "Pinned notes" in text(await client.get(page.replace("/notes", "")))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": " "}, "This must be filled in."),
        ({"text": "x" * 8001}, "the limit is 8,000"),
        ({"on": "2026-11-23"}, "outside the days"),
        ({"on": "22.11.2026"}, "Write the day as YYYY-MM-DD."),
        ({"kind": "rumour"}, "not one of those"),
    ],
)
async def test_what_is_wrong_is_said_and_kept(
    client: httpx.AsyncClient, page: str, context: Context, fields: dict[str, str], said: str
) -> None:
    sent = {"text": "Kept.", "kind": "note", "on": "2026-11-20", **fields}
    answer = await send(client, f"{page}/new", **sent)
    assert answer.status_code == 422 and said in text(answer)
    assert sent["text"].strip()[:10] in answer.text
    assert await count(context, "select count(*) from note") == 0


async def test_another_network_reads_no_note(client: httpx.AsyncClient, page: str) -> None:
    """eSmart is a member of CLAIRE, too: its office sees the member and none of NORA's notes."""
    wanted = await note(client, page)
    await sign_in(client, "claire@klynge.example")
    theirs = page.replace(NORA, CLAIRE)
    assert (await client.get(page)).status_code == 404
    assert "master students" not in text(await client.get(theirs))
    assert (await client.get(f"{theirs}/{wanted}")).status_code == 404
    assert (await send(client, f"{theirs}/{wanted}/delete")).status_code == 404


async def test_a_task_is_ticked_off_and_undone(client: httpx.AsyncClient, page: str, context: Context) -> None:
    me = await count(context, "select id from account where email = $1", NORA_ONLY)
    organisation = page.split("/")[-2]
    fields = {"title": "Send the agreement", "due_on": "2026-11-20", "assignee": str(me), "back": page}
    await send(client, f"{NORA}/tasks/new", organisation_id=organisation, **fields)
    assert "Send the agreement" in text(await client.get(page))
    mine = await client.get(f"{NORA}/tasks")
    assert "Overdue, 20 Nov 2026" in text(mine) and "eSmart Systems" in text(mine)
    entry = re.search(r'/tasks" aria-current="page">.*?</a>', mine.text, re.S)
    assert entry and '<span class="count">1</span>' in entry[0]
    (task,) = re.findall(r'id="task-([0-9a-f-]{36})"', mine.text)
    answer = await send(client, f"{NORA}/tasks/{task}/done", back=page)
    toast = await client.get(answer.headers["location"])
    assert "Done." in text(toast) and f"{NORA}/tasks/{task}/open" in toast.text
    assert "Send the agreement" in text(await client.get(f"{NORA}/tasks?who=all&state=done"))
    await send(client, f"{NORA}/tasks/{task}/open")
    assert "Overdue" in text(await client.get(f"{NORA}/tasks"))
    answer = await send(client, f"{NORA}/tasks/{task}/delete")
    assert "The task is deleted." in text(await client.get(answer.headers["location"]))
    await send(client, f"{NORA}/tasks/{task}/restore")
    answer = await send(client, f"{NORA}/tasks/{task}", title="Send it", due_on="2026-12-01", assignee=str(me))
    assert answer.status_code == 303
    shown = text(await client.get(f"{NORA}/tasks"))
    assert "Send it" in shown and "Overdue" not in shown
    answer = await send(client, f"{NORA}/tasks/{task}", title="", due_on="1/12", assignee="")
    assert answer.status_code == 422


async def test_a_viewer_ticks_off_only_their_own_tasks(client: httpx.AsyncClient, page: str, context: Context) -> None:
    viewer = await count(context, "select id from account where email = 'leser@klynge.example'")
    for title, who in (("Mine", viewer), ("Not mine", "")):
        await send(client, f"{NORA}/tasks/new", title=title, due_on="", assignee=str(who))
    tasks = {}
    for title in ("Mine", "Not mine"):
        tasks[title] = await count(context, "select id from todo where title = $1", title)
    await sign_in(client, "leser@klynge.example")
    assert (await send(client, f"{NORA}/tasks/{tasks['Not mine']}/done")).status_code == 403
    assert (await send(client, f"{NORA}/tasks/{tasks['Mine']}/done")).status_code == 303
    assert await count(context, "select count(*) from todo where done_at is not null") == 1
    assert (await send(client, f"{page}/new", text="x")).status_code == 403
