"""Files of the register by API: upload one, see how far it is read, stop it; and what happens by itself."""

import io
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import register_words, words
from crm.actions import register_runs as actions
from crm.api import shapes
from crm.api.operations import Call, Nothing, Operation
from crm.errors import Forbidden, NotFound
from crm.i18n import N_
from crm.reads import register_runs as reads
from crm.register_shapes import Wanted

TAG = N_("Register")
ONE = "/register-runs/{run_id}"
RULE = "/networks/{slug}/register-rule"
FILE_MAX = 64 * 1024**2  # bytes; the whole register is uploaded on the page or read by `crm register read`


class RegisterFileForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the register in base64: JSON or CSV, packed with gzip or not, or a single unit as its API answers.

    `as_of`: the day it was fetched. `part`: it is not the whole register, so a number that is not in it says nothing.
    """

    name: Annotated[str, Meta(min_length=1, max_length=actions.NAME_MAX)]
    content: Annotated[bytes, Meta(max_length=FILE_MAX)]
    as_of: date
    part: bool = False
    force: bool = False
    dry_run: bool = False


class RegisterRun(shapes.Answer, frozen=True):
    """A file that was uploaded, read by a job. `status`: waiting, reading, done, failed or stopped; `done` of `size`
    bytes, `units` so far; `problem` in words and `problem_code` why nothing was stored. `unchanged`: this very file was
    read before. `counts`: as of a read; `read_id` is null for a rehearsal."""

    id: UUID
    network: str
    name: str
    as_of: date
    part: bool
    dry_run: bool
    status: str
    size: int
    done: int
    units: int
    unchanged: bool
    counts: dict[str, int]
    read_id: UUID | None
    problem: str
    problem_code: str
    problem_field: str
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None


class RegisterRule(shapes.Answer, frozen=True):
    """What happens by itself for a network's host. `take_small`: a headcount that changes no class of size is taken
    over with each file, as long as nothing else follows from it."""

    take_small: bool


class RegisterRuleForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to happen by itself."""

    take_small: bool


async def upload(call: Call[Nothing, RegisterFileForm]) -> RegisterRun:
    body = call.body
    async with call.context.db.reading(call.actor.sees) as connection:
        network = await call.managed(connection)
    said = Wanted(body.name, body.as_of, part=body.part, force=body.force, dry_run=body.dry_run)
    made = await actions.upload(call.context, call.actor, network.slug, io.BytesIO(body.content), said)
    return await _shown(call, made)


async def show(call: Call[Nothing, None]) -> RegisterRun:
    return await _shown(call, call.id("run_id"))


async def stop(call: Call[Nothing, None]) -> RegisterRun:
    wanted = call.id("run_id")
    await actions.stop(call.context, call.actor, wanted)
    return await _shown(call, wanted)


async def show_rule(call: Call[Nothing, None]) -> RegisterRule:
    async with call.context.db.reading(call.actor.manages) as connection:
        network = await call.managed(connection)
        return RegisterRule(await reads.takes_small(connection, network.host_id))


async def set_rule(call: Call[Nothing, RegisterRuleForm]) -> RegisterRule:
    async with call.context.db.reading(call.actor.sees) as connection:
        network = await call.managed(connection)
    await actions.rule(call.context, call.actor, network.slug, call.body.take_small)
    return RegisterRule(call.body.take_small)


async def _shown(call: Call[Any, Any], wanted: UUID) -> RegisterRun:
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        run = await reads.one(connection, wanted)
    if run is None:
        async with call.reading() as seen:
            if await reads.one(seen, wanted):
                raise Forbidden
        raise NotFound("run_id", wanted)
    problem = run.problem or {"code": "", "field": ""}
    why = words.refusal(call.t, None, problem["code"], register_words.values(problem["params"])) if run.problem else ""
    told = {name: getattr(run, name) for name in RegisterRun.__struct_fields__ if hasattr(run, name)}
    return RegisterRun(
        **told
        | {
            "network": kept.by_id[run.network_id].slug,
            "problem": why,
            "problem_code": problem["code"],
            "problem_field": problem["field"],
        }
    )


_FILE = {
    "name": "enheter.json",
    "content": "eyJvcmdhbmlzYXNqb25zbnVtbWVyIjoiOTIzNjA5MDE2IiwibmF2biI6IkVRVUlOT1IgQVNBIn0=",
    "as_of": "2026-11-20",
    "part": True,
}

operations = (
    Operation(
        id="read_register_file",
        method="POST",
        path="/networks/{slug}/register-reads",
        tag=TAG,
        summary=N_("Read a file of the register"),
        description=N_(
            "For the network's host, by a job: what the file says of members and applicants is kept, and what it says "
            "otherwise comes to the work lists. All of it or nothing; the same file again changes nothing. One file "
            "at a time for a host: 409 `register_running` while another one is read."
        ),
        body=RegisterFileForm,
        answer=RegisterRun,
        status=202,
        location="/register-runs/{id}",
        max_body=FILE_MAX * 3 // 2,
        example=_FILE,
        run=upload,
    ),
    Operation(
        id="show_register_run",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("A file of the register on its way"),
        description=N_("How far it is, what came of it, or why nothing was stored."),
        answer=RegisterRun,
        run=show,
    ),
    Operation(
        id="stop_register_run",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("Stop reading a file of the register"),
        description=N_("Nothing of it is stored. Repeating is harmless, and so is stopping what is done."),
        answer=RegisterRun,
        run=stop,
    ),
    Operation(
        id="show_register_rule",
        method="GET",
        path=RULE,
        tag=TAG,
        summary=N_("What happens by itself with the register"),
        answer=RegisterRule,
        run=show_rule,
    ),
    Operation(
        id="set_register_rule",
        method="POST",
        path=RULE,
        tag=TAG,
        summary=N_("Say what happens by itself with the register"),
        description=N_(
            "For the network's host. A headcount that changes a fee, a level or a link is never taken over by itself."
        ),
        body=RegisterRuleForm,
        answer=RegisterRule,
        example={"take_small": True},
        run=set_rule,
    ),
)
