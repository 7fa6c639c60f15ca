"""Lists that the network's own system has pushed, and the rows of which a person says whom they mean."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from cluster_rules.errors import RuleViolation
from cluster_rules.matching import Reason
from crm import words
from crm.actions import member_lists as actions
from crm.errors import NotFound, status_of
from crm.i18n import N_
from crm.reads import member_lists as reads
from crm.reads import organisations
from crm.store import member_identities
from crm.web.fields import fields_of, id_of
from crm.web.mergers import reason_words
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.partner_writes import NAV, back

MOST_ROWS = 200
VERDICTS = {
    "": N_("waits"),
    "created": N_("new member"),
    "updated": N_("changed"),
    "unchanged": N_("as it was"),
    "ended": N_("ended"),
    "held": N_("waits for a person"),
    "refused": N_("refused"),
}
_FIRST: tuple[reads.Verdict, ...] = ("refused", "held", "ended", "created", "updated")  # what there is to look at


@get("/from-partners/lists/{member_list:str}", include_in_schema=False)
async def show_list(request: Request, office: NamedDependency[Office], member_list: FromPath[str]) -> Response[str]:
    wanted = id_of("list", member_list)
    async with office.context.db.reading(office.actor.sees) as connection:
        run = await reads.run(connection, wanted)
        if run is None or run.network_id != office.network.id:
            raise NotFound("list", member_list)
        rows = [row for verdict in _FIRST for row in await reads.rows(connection, wanted, verdict, 0, MOST_ROWS)]
        named = await organisations.names(connection, {r.organisation_id for r in rows if r.organisation_id})
    shown = {
        "run": run,
        "sums": [(office.t.gettext(VERDICTS[v]), n) for v, n in run.counts.items()],
        "problem": _said(office, run.problem) if run.problem else "",
        "rows": [_row(office, row, named) for row in rows[:MOST_ROWS]],
    }
    return await show(request, office, "office/member_list.html", NAV, **shown)


@get("/from-partners/rows/{held:str}", include_in_schema=False)
async def show_row(request: Request, office: NamedDependency[Office], held: FromPath[str]) -> Response:
    found = await _find(office, held)
    return back(office) if found.closed_at else await _page(request, office, found, "", [])


@post("/from-partners/rows/{held:str}", include_in_schema=False)
async def say(request: Request, office: NamedDependency[Office], held: FromPath[str]) -> Response:
    found = await _find(office, held)
    if found.closed_at:  # by somebody else meanwhile, or by a second click
        return back(office)
    chosen = (await fields_of(request)).get("whom", "")
    if not chosen:
        error = {"field": "whom", "text": office.t.gettext("This must be filled in.")}
        return await _page(request, office, found, chosen, [error], 422)
    organisation = None if chosen in ("make", "refuse") else id_of("organisation", chosen)
    try:
        await actions.say(office.context, office.actor, found.id, organisation, chosen == "make")
    except RuleViolation as refused:
        return await _page(request, office, found, chosen, problems(office, refused, {}), status_of(refused))
    return back(office, "refused" if chosen == "refuse" else "row")


handlers = [routes(show_list, show_row, say)]


async def _find(office: Office, held: str) -> reads.Held:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one_held(connection, id_of("row", held))
    if found is None or found.network_id != office.network.id:
        raise NotFound("row", held)
    return found


async def _page(
    request: Request, office: Office, found: reads.Held, chosen: str, errors: list[dict[str, str]], code: int = 200
) -> Response[str]:
    among = [UUID(each["organisation"]) for each in found.candidates]
    async with office.context.db.reading(office.actor.sees) as connection:
        known = await member_identities.known(connection, among)
    candidates = [
        {
            "id": each["organisation"],
            "identity": known[UUID(each["organisation"])].identity,
            "reasons": [reason_words(office, Reason(**reason)) for reason in each["reasons"]],
        }
        for each in found.candidates
        if UUID(each["organisation"]) in known
    ]
    shown = {
        "found": found,
        "why": words.refusal(office.t, None, f"held_{found.why}", {}),
        "candidates": candidates,
        "chosen": chosen,
        "errors": errors,
        "at": f"{office.base}/from-partners/rows/{found.id}",
    }
    return await show(request, office, "office/held_row.html", NAV, status_code=code, **shown)


def _row(office: Office, row: reads.Row, named: dict[UUID, str]) -> dict[str, Any]:
    body = row.body or {}
    return {
        "number": row.number,
        "external_id": row.external_id,
        "name": body.get("name") or named.get(row.organisation_id or UUID(int=0), ""),
        "organisation": row.organisation_id if row.organisation_id in named else None,
        "verdict": row.verdict,
        "said": office.t.gettext(VERDICTS[row.verdict]),
        "problems": [f"{each['field']}: {_said(office, each)}" for each in row.problems],
    }


def _said(office: Office, problem: dict[str, Any]) -> str:
    return words.refusal(office.t, office.kept, problem["rule"], problem["values"])
