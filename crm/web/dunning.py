"""Late payment: what goes out next and the letters to be read first, what waits for a person, pauses, a collector.

Every act is a form that works without a script. Sending is two steps: the page of letters, then the word.
"""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.dunning import DunningStep
from cluster_rules.errors import RuleViolation
from crm import dunning_words, words
from crm.actions import dunning as actions
from crm.actions.dunning import Planned
from crm.errors import Invalid, NotFound, Refused, status_of
from crm.letters import compose
from crm.reads import dunning as reads
from crm.store import dunning as store
from crm.web import amounts, csv_files
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, money, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/dunning"
LETTERS_SHOWN = 20
DONE = ("sent", "carried_out", "declined", "paused", "resumed")
Errors = list[dict[str, str]]


@get(PATH, include_in_schema=False)
async def show_dunning(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office)


@get(f"{PATH}/confirm", include_in_schema=False)
async def show_letters(request: Request, office: NamedDependency[Office]) -> Response:
    """The letters that would go out today, in full, before anything is sent."""
    return await _letters(request, office, None)


@post(f"{PATH}/confirm", include_in_schema=False)
async def show_chosen_letters(request: Request, office: NamedDependency[Office]) -> Response:
    """The same of the invoices that were ticked; nothing is sent yet."""
    return await _letters(request, office, await _chosen(request))


async def _letters(request: Request, office: Office, chosen: frozenset[UUID] | None) -> Response:
    planned, day = await actions.preview(office.context, office.actor, office.network.slug)
    ready = [each for each in planned if not each.blocked and (chosen is None or each.row.id in chosen)]
    if not ready:
        return _back(office)
    letters = []
    for each in [each for each in ready if each.found.step.writes][:LETTERS_SHOWN]:
        out = actions.draft(office.context, each, day)
        values = {"recipient_name": out.recipient.name, **out.values}
        letters.append(
            {
                "to": out.recipient.email,
                "organisation": each.row.organisation,
                "language": out.recipient.language,
                "letter": compose(out.kind, out.recipient.language, values),
            }
        )
    counts: dict[str, int] = {}
    for each in ready:
        counts[each.found.step.kind] = counts.get(each.found.step.kind, 0) + 1
    shown = {
        "letters": letters,
        "rows": [_due(office, each) for each in ready],
        "kinds": counts,
        "step": _step(office),
        "chosen": [] if chosen is None else [each.row.id for each in ready],
        "at": f"{office.base}{PATH}" if chosen is not None else "",
    }
    return await show(request, office, "office/dunning_confirm.html", "dunning", **shown)


@post(f"{PATH}/runs", include_in_schema=False)
async def run(request: Request, office: NamedDependency[Office]) -> Response:
    only = await _chosen(request) or None

    async def deed() -> str:
        done = await actions.run(office.context, office.actor, office.network.slug, only=only)
        return f"sent&letters={sum(done.letters.values())}&waiting={done.waiting + done.by_rule}"

    return await _do(request, office, deed)


@post(PATH + "/steps/{step:str}/{word:str}", include_in_schema=False)
async def decide(
    request: Request, office: NamedDependency[Office], step: FromPath[str], word: FromPath[str]
) -> Response:
    wanted, typed = id_of("dunning_step", step), await fields_of(request)
    if word not in ("carry-out", "decline"):
        raise NotFound("page", word)

    async def deed() -> str:
        note = typed.get(f"note.{step}", "").strip()
        await actions.decide(
            office.context, office.actor, wanted, "carry_out" if word == "carry-out" else "decline", note
        )
        return "carried_out" if word == "carry-out" else "declined"

    return await _do(request, office, deed, {"note": f"note.{step}"})


@post(PATH + "/invoices/{invoice:str}/pause", include_in_schema=False)
async def pause(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    wanted, typed = id_of("invoice_id", invoice), await fields_of(request)
    last, names = typed.get(f"last_day.{invoice}", ""), {"until": f"last_day.{invoice}", "reason": f"reason.{invoice}"}
    day = day_of(last)
    if last and day is None:
        text = office.t.gettext("Write the day as YYYY-MM-DD.")
        return await _wrong(request, office, [{"field": names["until"], "text": text}])

    async def deed() -> str:
        until = day + timedelta(days=1) if day else None
        await actions.pause(office.context, office.actor, wanted, until, typed.get(names["reason"], ""))
        return f"paused&invoice={wanted}"

    return await _do(request, office, deed, names)


@post(PATH + "/invoices/{invoice:str}/resume", include_in_schema=False)
async def resume(request: Request, office: NamedDependency[Office], invoice: FromPath[str]) -> Response:
    wanted = id_of("invoice_id", invoice)

    async def deed() -> str:
        await actions.resume(office.context, office.actor, wanted)
        return "resumed"

    return await _do(request, office, deed)


@get(f"{PATH}/collector.csv", include_in_schema=False)
async def collector(office: NamedDependency[Office]) -> Response[bytes]:
    """The claims for a collector as a file."""
    t = office.t
    async with office.context.db.reading(office.actor.sees) as connection:
        rows = await reads.exported(connection, office.network.id)
    head = [
        t.gettext("Invoice"),
        t.gettext("Organisation"),
        t.gettext("Organisation number"),
        t.gettext("E-mail"),
        t.gettext("Issued"),
        t.gettext("Due"),
        t.gettext("Currency"),
        t.gettext("Billed"),
        t.gettext("Fees and interest"),
        t.gettext("To pay"),
        t.gettext("KID"),
        t.gettext("Collection notice sent"),
        t.gettext("Pay by"),
    ]
    table = [
        (
            row.number,
            row.organisation,
            row.organisation_number,
            row.email,
            row.issued_on,
            row.due_on,
            row.currency,
            *(amounts.decimal(amount, row.currency) for amount in (row.gross, row.claims, row.owed)),
            row.kid,
            row.notice_on,
            row.notice_until,
        )
        for row in rows
    ]
    return csv_files.answer(t, f"{office.network.slug}-collector-{office.today.isoformat()}", head, table)


handlers = [money(show_dunning, show_letters, show_chosen_letters, run, decide, pause, resume, collector)]


async def _chosen(request: Request) -> frozenset[UUID]:
    """The invoices that were ticked."""
    form = await request.form()
    return frozenset(id_of("invoice_id", str(each)) for each in form.getall("invoice", []))


async def _page(request: Request, office: Office, errors: Errors | None = None, **values: Any) -> Response[str]:
    day = day_of(request.query_params.get("on", "")) or office.today
    ladder = _ladder(office, day)
    planned: list[Planned] = []
    if ladder:
        try:
            planned, _ = await actions.preview(office.context, office.actor, office.network.slug, day)
        except Refused as refused:  # the operator's table of rates cannot be read
            errors = [*(errors or []), *problems(office, refused, {})]
    async with office.context.db.reading(office.actor.sees) as connection:
        shown = {
            "asked": await reads.waiting(connection, office.network.id),
            "paused": await reads.paused(connection, [office.network.id], office.today),
            "sent": await reads.sent(connection, office.network.id),
            "exported": len(await reads.exported(connection, office.network.id)),
        }
    query = request.query_params
    done = query.get("done", "")
    counted = {name: int(n) for name in ("letters", "waiting") if (n := query.get(name, "")).isdigit() and len(n) < 7}
    return await show(
        request,
        office,
        "office/dunning.html",
        "dunning",
        ladder=[dunning_words.step(office.t, each, _currency(office, day)) for each in ladder],
        due=[_due(office, each) for each in planned],
        day=day,
        step=_step(office),
        done=done if done in DONE else "",
        all_chosen=query.get("chosen") == "all",
        counted=counted,
        later=next((each.invoice_id for each in shown["paused"] if str(each.invoice_id) == query.get("invoice")), None),
        errors=errors or [],
        **shown,
        **values,
    )


def _due(office: Office, each: Planned) -> dict[str, Any]:
    """One step that is due, in words."""
    row, why = each.row, each.blocked
    return {
        "invoice": row.id,
        "number": row.number,
        "organisation": row.organisation,
        "organisation_id": row.organisation_id,
        "due_on": row.due_on,
        "late": (office.today - row.due_on).days,
        "kind": each.found.step.kind,
        "currency": row.currency,
        "total": each.total,
        "claims": dunning_words.claims(office.t, each.claims, row.currency),
        "blocked": words.refusal(office.t, office.kept, why.code, why.params) if why else "",
    }


def _step(office: Office) -> Callable[[str], str]:
    return lambda kind: dunning_words.step_name(office.t, kind)


def _ladder(office: Office, day: date) -> tuple[DunningStep, ...]:
    return store.ladders(office.kept, [office.network.id], day).get(office.network.id, ())


def _currency(office: Office, day: date) -> str:
    return office.kept.book(office.network.slug, day).currency


def _back(office: Office, query: str = "") -> Redirect:
    return Redirect(f"{office.base}{PATH}{query}", status_code=303, headers=NOT_KEPT)


async def _do(
    request: Request, office: Office, deed: Callable[[], Awaitable[str]], fields: dict[str, str] | None = None
) -> Response:
    try:
        said = await deed()
    except (RuleViolation, Invalid) as refused:
        return await _wrong(request, office, problems(office, refused, fields or {}), status_of(refused))
    return _back(office, f"?done={said}")


async def _wrong(request: Request, office: Office, errors: Errors, status: int = 422) -> Response[str]:
    return await _page(request, office, errors=errors, status_code=status, at=f"{office.base}{PATH}")
