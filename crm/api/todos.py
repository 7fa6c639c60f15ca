"""Tasks of a network's people, for programs of its own office."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm.actions import todos as actions
from crm.actions.todos import TodoForm
from crm.api import edge, shapes
from crm.api.notes import TAG
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import todos as reads


class Task(shapes.Answer, frozen=True):
    """A task; `assignee` is the account of one of the network's people."""

    id: UUID
    network: str
    organisation_id: UUID | None
    title: str
    due_on: date | None
    assignee: UUID | None
    made_by: str
    made_at: datetime
    done_by: str
    done_at: datetime | None


class TasksQuery(msgspec.Struct, frozen=True):
    """All, or those done or not; about everybody, or one member."""

    done: bool | None = None
    organisation_id: UUID | None = None
    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(max_length=36, description="From `next_cursor`; opaque.")] | None = None


async def add(call: Call[Nothing, TodoForm]) -> Task:
    network = await call.managed()
    return await _one(call, await actions.add(call.context, call.actor, network.id, call.body))


async def finish(call: Call[Nothing, None]) -> Task:
    await actions.finish(call.context, call.actor, call.id("task_id"), True)
    return await _one(call, call.id("task_id"))


async def reopen(call: Call[Nothing, None]) -> Task:
    await actions.finish(call.context, call.actor, call.id("task_id"), False)
    return await _one(call, call.id("task_id"))


async def remove(call: Call[Nothing, None]) -> Task:
    await actions.delete(call.context, call.actor, call.id("task_id"))
    return await _one(call, call.id("task_id"))


async def listing(call: Call[TasksQuery, None]) -> shapes.Page[Task]:
    query, after = call.query, edge.cursor_id(call.query.cursor) or reads.FIRST
    async with call.reading() as connection:
        network = await call.managed(connection)
        wanted = (network.id, query.done, query.organisation_id)
        found = await reads.page(connection, *wanted, after, query.limit + 1)
    shown = found[: query.limit]
    cursor = str(shown[-1].id) if len(found) > len(shown) else None
    if cursor:
        done = None if query.done is None else str(query.done).lower()  # "false" is asked for, too
        asked = {"limit": query.limit, "cursor": cursor, "done": done, "organisation_id": query.organisation_id}
        call.headers["link"] = edge.next_link(f"{PREFIX}/networks/{network.slug}/tasks", asked)
    return shapes.Page([_shown(network.slug, each) for each in shown], cursor, cursor is not None)


async def _one(call: Call[Any, Any], wanted: UUID) -> Task:
    async with call.reading() as connection:
        kept = await call.kept(connection)
        found = await reads.one(connection, wanted)
    if found is None:
        raise NotFound("task_id", wanted)
    return _shown(kept.by_id[found.network_id].slug, found)


def _shown(slug: str, row: reads.Todo) -> Task:
    who = (row.assignee_id, row.actor, row.created_at, row.done_by, row.done_at)
    return Task(row.id, slug, row.organisation_id, row.title, row.due_on, *who)


operations = (
    Operation(
        id="add_task",
        method="POST",
        path="/networks/{slug}/tasks",
        tag=TAG,
        summary=N_("Make a task for the network's people"),
        body=TodoForm,
        answer=Task,
        status=201,
        missing=("organisation_id",),
        example={"title": "Send the agreement", "due_on": "2026-12-01"},
        run=add,
    ),
    Operation(
        id="list_tasks",
        method="GET",
        path="/networks/{slug}/tasks",
        tag=TAG,
        summary=N_("Tasks of the network's people"),
        query=TasksQuery,
        answer=shapes.Page[Task],
        listing=True,
        run=listing,
    ),
    Operation(
        id="finish_task",
        method="POST",
        path="/tasks/{task_id}/completion",
        tag=TAG,
        summary=N_("A task is done"),
        answer=Task,
        run=finish,
    ),
    Operation(
        id="reopen_task",
        method="DELETE",
        path="/tasks/{task_id}/completion",
        tag=TAG,
        summary=N_("A task is to do again"),
        answer=Task,
        run=reopen,
    ),
    Operation(
        id="delete_task",
        method="DELETE",
        path="/tasks/{task_id}",
        tag=TAG,
        summary=N_("Delete a task"),
        answer=Task,
        run=remove,
    ),
)
