"""Tasks of a network's people: made and changed by who manages it, done by them or by whose task it is."""

from datetime import date, timedelta
from uuid import UUID

import msgspec

from crm import catalogue, forms
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import Invalid, NotFound
from crm.forms import Problems
from crm.i18n import translator
from crm.store import audit, mail, notes, todos
from crm.store.mail import Outgoing
from crm.store.todos import Stored, Words

TITLE_MAX = 300
EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)
# A reminder is late rather than lost when no worker ran that morning.
LATE_AT_MOST = timedelta(days=3)


class TodoForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task as it is asked for; `assignee` is the account of one of the network's people."""

    title: str
    due_on: date | None = None
    assignee: UUID | None = None
    organisation_id: UUID | None = None


async def add(context: Context, actor: Actor, network: UUID, form: TodoForm) -> UUID:
    """Make a task; its id. Forbidden; NotFound; Invalid names what is wrong."""
    actor.must_manage(network)
    async with context.db.tx() as connection:
        words = await _checked(connection, network, form)
        new = await todos.add(connection, network, words, actor)
        await audit.append(connection, actor, "task_added", {}, network, words.organisation, new)
    return new


async def change(context: Context, actor: Actor, wanted: UUID, form: TodoForm) -> None:
    """Let it say something else. NotFound also for a deleted one."""
    async with context.db.tx() as connection:
        task = await _seen(connection, actor, wanted)
        actor.must_manage(task.network_id)
        if task.deleted_at:
            raise NotFound("task_id", wanted)
        words = await _checked(connection, task.network_id, form)
        if words != task.words:
            await todos.change(connection, wanted, words)
            fields = [n for n in Words.__struct_fields__ if getattr(words, n) != getattr(task.words, n)]
            await audit.append(
                connection, actor, "task_changed", {"changed": fields}, task.network_id, words.organisation, wanted
            )


async def finish(context: Context, actor: Actor, wanted: UUID, done: bool) -> None:
    """Done, or to do again after all. By who manages the network, or whose task it is; twice is once."""
    async with context.db.tx() as connection:
        task = await _seen(connection, actor, wanted)
        if actor.id is None or task.words.assignee != actor.id:
            actor.must_manage(task.network_id)
        if task.deleted_at:
            raise NotFound("task_id", wanted)
        if done != (task.done_at is not None):
            await todos.finish(connection, wanted, actor.name if done else "")
            await _tell(connection, actor, "task_done" if done else "task_reopened", task)


async def delete(context: Context, actor: Actor, wanted: UUID) -> None:
    """Hide it; it can be brought back for a while. Twice is once."""
    async with context.db.tx() as connection:
        task = await _seen(connection, actor, wanted)
        actor.must_manage(task.network_id)
        if task.deleted_at is None:
            await todos.hide(connection, wanted, actor.name)
            await _tell(connection, actor, "task_deleted", task)


async def restore(context: Context, actor: Actor, wanted: UUID) -> None:
    """Bring it back. NotFound when it is gone for good."""
    async with context.db.tx() as connection:
        task = await _seen(connection, actor, wanted)
        actor.must_manage(task.network_id)
        if task.deleted_at is not None:
            await todos.hide(connection, wanted, "")
            await _tell(connection, actor, "task_restored", task)


async def remind(context: Context) -> int:
    """One mail to everybody with tasks due today, in each network; how many mails. A task is told once for its day."""
    sent = 0
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
        for network in kept.networks:
            today = context.clock.today(network.zone)
            for _, person, due in await todos.to_remind(connection, network.id, today, today - LATE_AT_MOST):
                t = translator(person.language)
                told = [{"title": e.title, "organisation": e.organisation, "due": t.date(e.due_on)} for e in due]
                link = f"{context.settings.base_url}/n/{network.slug}/tasks"
                values = {"network": t.text(network.names), "tasks": told, "link": link}
                await mail.queue(connection, [Outgoing("tasks_due", person, values, network.id)])
                await todos.reminded(connection, [each.id for each in due])
                sent += 1
    return sent


async def _seen(connection: Connection, actor: Actor, wanted: UUID) -> Stored:
    task = await todos.lock(connection, wanted)
    if task is None or task.network_id not in actor.sees:
        raise NotFound("task_id", wanted)
    return task


async def _tell(connection: Connection, actor: Actor, action: str, task: Stored) -> None:
    await audit.append(connection, actor, action, {}, task.network_id, task.words.organisation, task.id)


async def _checked(connection: Connection, network: UUID, form: TodoForm) -> Words:
    problems: Problems = []
    title = " ".join(form.title.split())
    forms.text(problems, "title", title, TITLE_MAX)
    if form.due_on and not EARLIEST <= form.due_on <= LATEST:
        told = {"given": form.due_on.isoformat(), "earliest": EARLIEST.isoformat(), "latest": LATEST.isoformat()}
        problems.append(("due_on", "date_out_of_range", told))
    if form.assignee and not await todos.has_role(connection, network, form.assignee):
        problems.append(("assignee", "assignee_unknown", {}))
    if problems:
        raise Invalid(problems)
    if form.organisation_id and not await notes.is_member(connection, network, form.organisation_id):
        raise NotFound("organisation_id", form.organisation_id)
    return Words(title, form.due_on, form.assignee, form.organisation_id)
