"""Tasks are mailed once on their morning; what was deleted goes for good after a while; the timeline pages by place."""

from datetime import date, timedelta

import msgspec
import pytest

from crm.actions import notes, todos
from crm.actions.notes import NoteForm
from crm.actions.todos import TodoForm
from crm.actor import Actor
from crm.clock import FixedClock
from crm.context import Context
from crm.errors import Invalid, NotFound
from crm.reads import timeline
from crm.reads.timeline import Asked
from crm.store.notes import HIDDEN_FOR
from tests.conftest import NOW
from tests.crm.web.office import NORA_ONLY, count, member

pytestmark = pytest.mark.anyio
MAILS = "select count(*) from mail where kind = 'tasks_due'"


async def test_whose_task_it_is_hears_of_it_once_on_its_morning(context: Context, actor: Actor) -> None:
    network = await count(context, "select id from network where slug = 'nora-industry-network'")
    me = await count(context, "select id from account where email = $1", NORA_ONLY)
    for title, day in (("Today", date(2026, 11, 22)), ("Also", date(2026, 11, 22)), ("Later", date(2026, 11, 23))):
        await todos.add(context, actor, network, TodoForm(title, day, me))
    await todos.add(context, actor, network, TodoForm("Nobody's", date(2026, 11, 22)))
    assert await todos.remind(context) == 1
    assert await todos.remind(context) == 0, "told once"
    said = await count(context, "select body_text from mail where kind = 'tasks_due' and recipient = $1", NORA_ONLY)
    assert "Today" in said and "Also" in said and "Later" not in said and "Nobody's" not in said
    tomorrow = msgspec.structs.replace(context, clock=FixedClock(NOW + timedelta(days=1)))
    assert await todos.remind(tomorrow) == 1 and await count(context, MAILS) == 2


async def test_a_task_is_given_only_to_the_networks_people(context: Context, actor: Actor) -> None:
    network = await count(context, "select id from network where slug = 'nora-industry-network'")
    stranger = await count(context, "select id from account where email = 'claire@klynge.example'")
    with pytest.raises(Invalid) as refused:
        await todos.add(context, actor, network, TodoForm("x", None, stranger))
    assert [(f, c) for f, c, _ in refused.value.problems] == [("assignee", "assignee_unknown")]


async def test_what_was_deleted_comes_back_or_goes_for_good(context: Context, actor: Actor) -> None:
    organisation, _ = await member(context, "eSmart Systems")
    network = await count(context, "select id from network where slug = 'nora-industry-network'")
    made = await notes.add(context, actor, network, organisation, NoteForm("x"))
    await notes.delete(context, actor, made)
    deleted = await count(context, "select deleted_at from note where id = $1", made)
    early, late = (
        msgspec.structs.replace(context, clock=FixedClock(deleted + HIDDEN_FOR + timedelta(seconds=seconds)))
        for seconds in (-1, 1)
    )
    assert (await notes.forget_hidden(early))["note"] == 0
    assert (await notes.forget_hidden(late))["note"] == 1
    with pytest.raises(NotFound):
        await notes.restore(context, actor, made)


async def test_the_timeline_by_pages_is_the_timeline(context: Context, actor: Actor) -> None:
    organisation, _ = await member(context, "eSmart Systems")
    network = await count(context, "select id from network where slug = 'nora-industry-network'")
    for day in range(1, 8):
        await notes.add(context, actor, network, organisation, NoteForm(f"Note {day}", on=date(2026, 11, day // 2 + 1)))
    networks = sorted(actor.sees)
    async with context.db.reading(actor.sees) as connection:
        whole = await timeline.page(connection, organisation, networks, Asked("Europe/Oslo", limit=1000))
        found, after = [], None
        while some := await timeline.page(connection, organisation, networks, Asked("Europe/Oslo", (), after, 3)):
            found += some
            after = some[-1].place
        only = await timeline.page(connection, organisation, networks, Asked("Europe/Oslo", ("notes",), limit=1000))
    assert [entry.place for entry in found] == [entry.place for entry in whole]
    assert len({entry.place for entry in whole}) == len(whole) > 9
    assert 0 < len(only) < len(whole)
