"""The register of legal entities on pages: a file is uploaded, a job reads it, and what came of it is shown."""

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm import register_words, words
from crm.actions import register_runs as actions
from crm.errors import NotFound, status_of
from crm.reads import register as reads
from crm.reads import register_bulks as bulk_reads
from crm.reads import register_runs as run_reads
from crm.register_shapes import RUN_AT_WORK, Read, Run, Wanted
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.register_bulks import head
from crm.web.session import NOT_KEPT

PATH = "/setup/register"
BODY_MAX = actions.UPLOAD_MAX + 64 * 1024
REFRESH_SECONDS = "2"
FIELDS = {"as_of": "as_of", "part": "part"}
TOKENS = {
    "waiting": ("info", "clock"),
    "reading": ("info", "refresh"),
    "done": ("success", "circle-check"),
    "failed": ("danger", "circle-x"),
    "stopped": ("neutral", "ban"),
}
Errors = list[dict[str, str]]


class Typed(msgspec.Struct, frozen=True):
    """What was typed into the form of a file, and what is wrong with it."""

    values: dict[str, str]
    errors: Errors = []
    code: int = 200
    older: bool = False


@get(PATH, include_in_schema=False)
async def show_register(request: Request, office: NamedDependency[Office]) -> Response[str]:
    again = {name: "yes" for name in ("part", "force") if name in request.query_params}
    as_of = day_of(request.query_params.get("as_of", "")) or office.today
    return await _page(request, office, Typed({"as_of": as_of.isoformat()} | again, older="force" in again))


@post(PATH, include_in_schema=False, request_max_body_size=BODY_MAX)
async def upload(request: Request, office: NamedDependency[Office]) -> Response:
    form = await request.form()
    typed = {name: str(form[name])[:100] for name in ("as_of", "part", "force") if isinstance(form.get(name), str)}
    file, as_of = form.get("file"), day_of(typed.get("as_of", ""))
    errors = []
    if not isinstance(file, UploadFile) or not file.filename:
        errors.append({"field": "file", "text": office.t.gettext("Choose a file.")})
    if as_of is None:
        errors.append({"field": "as_of", "text": office.t.gettext("Write the day as YYYY-MM-DD.")})
    if errors or as_of is None or not isinstance(file, UploadFile):
        return await _page(request, office, Typed(typed, errors, 422, "force" in typed))
    wanted = Wanted(file.filename, as_of, part="part" in typed, force="force" in typed)
    try:
        made = await actions.upload(office.context, office.actor, office.network.slug, file.file, wanted)
    except RuleViolation as refused:
        told = problems(office, refused, {refused.field: FIELDS.get(refused.field, "file")})
        return await _page(request, office, Typed(typed, told, status_of(refused), "force" in typed))
    return _to(office, f"{PATH}/files/{made}")


@get(f"{PATH}/files/{{run:str}}", include_in_schema=False)
async def show_run(request: Request, office: NamedDependency[Office], run: FromPath[str]) -> Response[str]:
    found = await _find(office, run)
    colour, icon = TOKENS[found.status]
    at_work = found.status in RUN_AT_WORK
    again = f"{office.base}{PATH}?as_of={found.as_of.isoformat()}" + ("&part=yes" if found.part else "")
    async with office.context.db.reading(office.actor.sees) as connection:
        waiting = await reads.waiting(connection, office.network.id)
    values = {
        "run": found,
        "status": office.t.gettext(register_words.STATUSES[found.status]),
        "colour": colour,
        "mark": icon,
        "at_work": at_work,
        "why": why(office, found),
        "again": again + ("&force=yes" if found.problem and found.problem["code"] == "register_older" else ""),
        "here": f"{office.base}{PATH}/files/{found.id}",
        "kinds": [
            {"label": register_words.reason_name(office.t, reason), "count": found.counts[reason]}
            for reason in register_words.REASONS
            if found.counts.get(reason)
        ],
        "waiting": sum(waiting.values()),
        "headers": {"refresh": REFRESH_SECONDS} if at_work else {},
    }
    return await show(request, office, "office/register_run.html", "setup", **values)


@post(f"{PATH}/files/{{run:str}}/stop", include_in_schema=False)
async def stop(office: NamedDependency[Office], run: FromPath[str]) -> Response:
    found = await _find(office, run)
    await actions.stop(office.context, office.actor, found.id)
    return _to(office, f"{PATH}/files/{found.id}")


@post(f"{PATH}/rule", include_in_schema=False)
async def rule(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    await actions.rule(office.context, office.actor, office.network.slug, "take_small" in typed)
    return _to(office, f"{PATH}?said=rule")


handlers = [routes(show_register, upload, show_run, stop, rule)]


def why(office: Office, run: Run) -> str:
    """Why a file came to nothing, with its row; "" when it did not."""
    if not run.problem:
        return ""
    return words.refusal(office.t, office.kept, run.problem["code"], register_words.values(run.problem["params"]))


async def _find(office: Office, wanted: str) -> Run:
    """A file of this network's host; NotFound."""
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await run_reads.one(connection, id_of("run", wanted))
    if found is None or found.host_id != office.network.host_id:
        raise NotFound("run", wanted)
    return found


async def _page(request: Request, office: Office, typed: Typed) -> Response[str]:
    host, network = office.network.host_id, office.network.id
    async with office.context.db.reading(office.actor.sees) as connection:
        done = await reads.of_host(connection, host)
        waiting = await reads.waiting(connection, network)
        running = await run_reads.at_work(connection, host)
        failed = await run_reads.failed_last(connection, host)
        takes_small = await run_reads.takes_small(connection, host)
        bulks = await bulk_reads.newest(connection, network)
    values = {
        "reads": [_row(office, each) for each in done],
        "newest": done[0] if done else None,
        "unanswered": [
            {
                "label": register_words.reason_name(office.t, reason),
                "count": count,
                "href": f"{office.base}{PATH}/differences?kind={reason}",
            }
            for reason, count in waiting.items()
        ],
        "running": running,
        "failed": failed,
        "failure": why(office, failed) if failed else "",
        "takes_small": takes_small,
        "bulks": [head(office, each) for each in bulks],
        "typed": typed.values,
        "errors": typed.errors,
        "older": typed.older,
        "most": actions.UPLOAD_MAX // 1024**2,
        "said": request.query_params.get("said", ""),
        "status_code": typed.code,
    }
    at = f"{office.base}{PATH}" if request.method == "POST" else ""
    return await show(request, office, "office/register.html", "setup", at, **values)


def _row(office: Office, each: Read) -> dict[str, object]:
    t = office.t
    return {
        "name": each.name,
        "as_of": each.as_of,
        "kind": t.gettext("part of the register") if each.part else t.gettext("whole register"),
        **{name: each.counts.get(name, 0) for name in ("units", "found", "ours", "opened", "settled")},
        "by": each.read_by,
        "at": each.read_at,
    }


def _to(office: Office, path: str) -> Redirect:
    return Redirect(f"{office.base}{path}", status_code=303, headers=NOT_KEPT)
