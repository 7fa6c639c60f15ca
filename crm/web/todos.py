"""Tasks: one's own and everybody's in a network, ticked off and undone in place."""

from datetime import date
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from crm.actions import todos as actions
from crm.actions.todos import TodoForm
from crm.errors import Invalid, NotFound, status_of
from crm.reads import people as people_reads
from crm.reads import todos as reads
from crm.reads.todos import Todo
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/tasks"
DONE_SHOWN = 100
Typed = dict[str, str]


@get(PATH, include_in_schema=False)
async def show_tasks(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office)


@post(f"{PATH}/new", include_in_schema=False)
async def add_task(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    try:
        await actions.add(office.context, office.actor, office.network.id, _form(typed))
    except Invalid as error:
        return await _page(request, office, error, typed)
    return _back(office, typed)


@get(PATH + "/{task:str}", include_in_schema=False)
async def show_task(request: Request, office: NamedDependency[Office], task: FromPath[str]) -> Response[str]:
    return await _task_page(request, office, await _task(office, task))


@post(PATH + "/{task:str}", include_in_schema=False)
async def change_task(request: Request, office: NamedDependency[Office], task: FromPath[str]) -> Response:
    found, typed = await _task(office, task), await fields_of(request)
    about = {"organisation_id": str(found.organisation_id or "")}
    try:
        await actions.change(office.context, office.actor, found.id, _form(typed | about))
    except Invalid as error:
        return await _task_page(request, office, found, error, typed)
    return _back(office, typed)


@post(PATH + "/{task:str}/{word:str}", include_in_schema=False)
async def move_task(
    request: Request, office: NamedDependency[Office], task: FromPath[str], word: FromPath[str]
) -> Response:
    """Done, to do again, deleted, brought back. Whose task it is may say that it is done."""
    wanted, typed, act = id_of("task", task), await fields_of(request), office.actor
    if word in ("done", "open"):
        await actions.finish(office.context, act, wanted, word == "done")
    elif word in ("delete", "restore"):
        await (actions.delete if word == "delete" else actions.restore)(office.context, act, wanted)
    else:
        raise NotFound("word", word)
    told = {"done": f"ticked={wanted}", "delete": f"removed={wanted}"}.get(word, "")
    return _back(office, typed, told)


# Ticking off is open to whoever has a role here: the action asks whose task it is.
handlers = [reading(show_tasks, move_task), routes(add_task, show_task, change_task)]


async def people_of(office: Office) -> list[dict[str, str]]:
    """The network's people, to give tasks to."""
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await people_reads.of_network(connection, office.network.id, office.network.host_id)
    named = {str(each.account): each.name for each in listed}
    return [{"value": account, "label": name} for account, name in named.items()]


async def undo_of(request: Request, office: Office, here: str) -> dict[str, str] | None:
    """What was just done to a task, and where it is undone; read from what is stored."""
    for name, word, text in (
        ("ticked", "open", office.t.gettext("Done.")),
        ("removed", "restore", office.t.gettext("The task is deleted.")),
    ):
        if wanted := request.query_params.get(name, ""):
            async with office.context.db.reading(office.actor.sees) as connection:
                found = await reads.one(connection, id_of("task", wanted))
            if found and (found.done_at if name == "ticked" else found.deleted_at):
                return {"text": text, "href": f"{office.base}{PATH}/{found.id}/{word}"}
    return None


def _form(typed: Typed) -> TodoForm:
    """The task as actions take it. Invalid where the day is none."""
    due = day_of(typed["due_on"]) if typed.get("due_on") else None
    if typed.get("due_on") and due is None:
        raise Invalid([("due_on", "date_format", {})])
    assignee = id_of("assignee", typed["assignee"]) if typed.get("assignee") else None
    organisation = id_of("organisation", typed["organisation_id"]) if typed.get("organisation_id") else None
    return TodoForm(typed.get("title", ""), due, assignee, organisation)


async def _task(office: Office, wanted: str) -> Todo:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, id_of("task", wanted))
    if found is None or found.network_id != office.network.id or found.deleted_at:
        raise NotFound("task", wanted)
    return found


async def _page(
    request: Request, office: Office, error: Invalid | None = None, typed: Typed | None = None
) -> Response[str]:
    t, asked, me = office.t, request.query_params, office.actor.id
    state = "done" if asked.get("state") == "done" else "open"
    who = "all" if asked.get("who") == "all" else "me"
    async with office.context.db.reading(office.actor.sees) as connection:
        limit = DONE_SHOWN if state == "done" else reads.MOST
        mine = me if who == "me" else None
        tasks = await reads.of_network(connection, office.network.id, mine, state == "done", limit)
    here = f"{office.base}{PATH}"
    errors = problems(office, error, {name: name for name in TodoForm.__struct_fields__}) if error else []
    views = (
        (t.gettext("Mine"), "", "me", "open"),
        (t.gettext("Everybody’s"), "?who=all", "all", "open"),
        (t.gettext("Done"), "?who=all&state=done", "all", "done"),
    )
    return await show(
        request,
        office,
        "office/tasks.html",
        "tasks",
        here if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        groups=_groups(office, tasks, office.today) if state == "open" else [_group(t.gettext("Done"), "done", tasks)],
        state=state,
        views=[{"label": label, "href": here + q, "current": (w, s) == (who, state)} for label, q, w, s in views],
        here=here + next(q for _, q, w, s in views if (w, s) == (who if state == "open" else "all", state)),
        people=await people_of(office),
        typed=typed or {"assignee": str(me or "")},
        errors=errors,
        wrong={each["field"]: each["text"] for each in errors},
        me=me,
        undo=await undo_of(request, office, here),
    )


def _groups(office: Office, tasks: list[Todo], today: date) -> list[dict[str, Any]]:
    t = office.t
    late = [each for each in tasks if each.due_on and each.due_on < today]
    now = [each for each in tasks if each.due_on == today]
    later = [each for each in tasks if each.due_on and each.due_on > today]
    some_day = [each for each in tasks if each.due_on is None]
    return [
        _group(t.gettext("Overdue"), "overdue", late),
        _group(t.gettext("Today"), "today", now),
        _group(t.gettext("Later"), "later", later),
        _group(t.gettext("Without a day"), "some-day", some_day),
    ]


def _group(label: str, name: str, tasks: list[Todo]) -> dict[str, Any]:
    return {"label": label, "id": f"tasks-{name}", "tasks": tasks}


async def _task_page(
    request: Request, office: Office, task: Todo, error: Invalid | None = None, typed: Typed | None = None
) -> Response[str]:
    errors = problems(office, error, {name: name for name in TodoForm.__struct_fields__}) if error else []
    told = {
        "title": task.title,
        "due_on": task.due_on.isoformat() if task.due_on else "",
        "assignee": str(task.assignee_id or ""),
    }
    at = f"{office.base}{PATH}/{task.id}"
    return await show(
        request,
        office,
        "office/task.html",
        "tasks",
        at if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        task=task,
        people=await people_of(office),
        typed=typed or told,
        errors=errors,
        wrong={each["field"]: each["text"] for each in errors},
        back=_safe(office, (typed or {}).get("back") or urlsplit(request.headers.get("referer", "")).path),
    )


def _safe(office: Office, back: str) -> str:
    """A page of this network to go back to."""
    return back if back.startswith(f"{office.base}/") else f"{office.base}{PATH}"


def _back(office: Office, typed: Typed, told: str = "") -> Redirect:
    where = _safe(office, typed.get("back", ""))
    rest = f"{'&' if '?' in where else '?'}{told}" if told else ""
    return Redirect(where + rest, status_code=303, headers=NOT_KEPT)
