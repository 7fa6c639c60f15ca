"""Partners' systems that are told of changes: how each does in one sentence, the log, another secret, stop, try again.

`rows_of` and templates/office/webhook_parts.html are for other pages about partners, too.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import webhooks as actions
from crm.errors import Invalid, NotFound, status_of
from crm.i18n import N_
from crm.reads import keys
from crm.reads import webhooks as reads
from crm.web import sync
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/sync"
HOOKS = PATH + "/webhooks"
LOG_PAGE = 25
SKEW_ALERT_SECONDS = 120
MINUTE = 60
FIELDS = {"url": "url", "name": "name", "networks": "key", "old_valid_hours": "hours"}
OVERLAPS = {
    "0": N_("It ends at once"),
    "24": N_("For one day"),
    "168": N_("For a week"),
    "720": N_("For 30 days"),
}
DONE = {
    "paused": N_("Nothing more is sent."),
    "tried": N_("A first message is on its way. When it is answered, messages go on."),
    "again": N_("The message is on its way again."),
    "removed": N_("The webhook is removed."),
}
COLOURS = {"enabled": "success", "unverified": "warning", "disabled": "neutral"}
STATUS = {"enabled": N_("Enabled"), "unverified": N_("Not verified"), "disabled": N_("Stopped")}
SILENT = N_("Does not answer")
STOPPED = {
    "paused": N_("Stopped by a person."),
    "gone": N_("Stopped: its address says that nothing is wanted there any more."),
    "failing": N_("Stopped: it took no message for three days."),
    "key_revoked": N_("Stopped: its key is revoked."),
}
KINDS = {"members.changed": N_("News of changes"), "heartbeat": N_("Heartbeat"), "ping": N_("First message")}
ENDS = {
    "queued": ("warning", N_("Waiting")),
    "sending": ("info", N_("Being sent")),
    "delivered": ("success", N_("Taken")),
    "failed": ("danger", N_("Not taken")),
    "cancelled": ("neutral", N_("Dropped")),
}
WHY = {
    "address": N_("the address may not be called"),
    "name": N_("the name was not found"),
    "connection": N_("nobody answers there"),
    "certificate": N_("its certificate is not valid for the name"),
    "time": N_("no answer in time"),
    "protocol": N_("the answer could not be read"),
    "interrupted": N_("we were interrupted"),
}
Typed = Mapping[str, str]
Errors = RuleViolation | Invalid | None


@get(PATH, include_in_schema=False)
async def show_sync(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _list(request, office, {})


@post(HOOKS, include_in_schema=False)
async def create(request: Request, office: NamedDependency[Office]) -> Response[str]:
    typed = await fields_of(request)
    try:
        key = id_of("key", typed.get("key", ""))
        wanted = actions.Wanted(typed.get("url", "").strip(), typed.get("name", ""), [office.network.slug])
        made = await actions.create(office.context, office.actor, key, wanted)
    except (RuleViolation, Invalid) as error:
        return await _list(request, office, typed, error)
    return await _page(request, office, made.id, made.secret)


@get(HOOKS + "/{webhook:str}", include_in_schema=False)
async def show_webhook(request: Request, office: NamedDependency[Office], webhook: FromPath[str]) -> Response[str]:
    return await _page(request, office, id_of("webhook", webhook))


@post(HOOKS + "/{webhook:str}/secrets", include_in_schema=False)
async def rotate(request: Request, office: NamedDependency[Office], webhook: FromPath[str]) -> Response[str]:
    wanted, hours = id_of("webhook", webhook), (await fields_of(request)).get("hours", "")
    known = int(hours) if hours in OVERLAPS else actions.OLD_SECRET_HOURS
    made = await actions.rotate(office.context, office.actor, wanted, known)
    return await _page(request, office, wanted, made.secret)


@post(HOOKS + "/{webhook:str}/pause", include_in_schema=False)
async def pause(request: Request, office: NamedDependency[Office], webhook: FromPath[str]) -> Redirect:
    wanted = id_of("webhook", webhook)
    await actions.pause(office.context, office.actor, wanted)
    return _back(office, f"/{wanted}", "paused")


@post(HOOKS + "/{webhook:str}/resume", include_in_schema=False)
async def resume(request: Request, office: NamedDependency[Office], webhook: FromPath[str]) -> Response:
    wanted = id_of("webhook", webhook)
    try:
        await actions.go_on(office.context, office.actor, wanted)
    except RuleViolation as error:
        return await _page(request, office, wanted, error=error)
    return _back(office, f"/{wanted}", "tried")


@post(HOOKS + "/{webhook:str}/removal", include_in_schema=False)
async def remove(request: Request, office: NamedDependency[Office], webhook: FromPath[str]) -> Redirect:
    await actions.remove(office.context, office.actor, id_of("webhook", webhook))
    return Redirect(f"{office.base}{PATH}?done=removed", status_code=303, headers=NOT_KEPT)


@post(HOOKS + "/{webhook:str}/deliveries/{delivery:str}/retries", include_in_schema=False)
async def send_again(
    request: Request, office: NamedDependency[Office], webhook: FromPath[str], delivery: FromPath[str]
) -> Response:
    wanted = id_of("webhook", webhook)
    try:
        await actions.send_again(office.context, office.actor, wanted, id_of("delivery", delivery))
    except RuleViolation as error:
        return await _page(request, office, wanted, error=error)
    return _back(office, f"/{wanted}", "again")


handlers = [reading(show_sync, show_webhook), routes(create, rotate, pause, resume, remove, send_again)]


async def rows_of(office: Office) -> list[dict[str, Any]]:
    """The network's webhooks as the macros of webhook_parts.html show them."""
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.of_network(connection, office.network.id)
    named = {row.id: row.name for row in await _keys(office)}
    return [_row(office, row, named) for row in found]


def _back(office: Office, where: str, done: str) -> Redirect:
    return Redirect(f"{office.base}{HOOKS}{where}?done={done}", status_code=303, headers=NOT_KEPT)


async def _keys(office: Office) -> list[keys.KeyRow]:
    async with office.context.db.tx() as connection:
        return list(await keys.listed(connection, [office.network.id]))


async def _list(request: Request, office: Office, typed: Typed, error: Errors = None) -> Response[str]:
    own = [key for key in await _keys(office) if key.network_id == office.network.id and not key.revoked_at]
    return await show(
        request,
        office,
        "office/sync.html",
        "sync",
        at=f"{office.base}{PATH}" if error else "",
        hooks=f"{office.base}{HOOKS}",
        rows=await rows_of(office),
        systems=await sync.health(office),
        keys=[{"value": str(key.id), "label": f"{key.name} ({key.prefix})"} for key in own],
        typed={"url": "", "name": "", "key": "", **typed},
        done=_done(office, request),
        errors=problems(office, error, FIELDS) if error else [],
        status_code=status_of(error) if error else 200,
    )


async def _page(
    request: Request, office: Office, webhook: UUID, secret: str = "", error: Errors = None
) -> Response[str]:
    """One webhook. With a secret it is shown this once, and the page is nothing to keep."""
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, None, office.actor.sees, webhook)
        if found is None or office.network.id not in found.readers:
            raise NotFound("webhook", webhook)
        log = await reads.deliveries(connection, webhook, None, LOG_PAGE) or []
    named = {row.id: row.name for row in await _keys(office)}
    here = f"{office.base}{HOOKS}/{webhook}"
    return await show(
        request,
        office,
        "office/webhook.html",
        "sync",
        at=here if request.method == "POST" else "",
        here=here,
        row=_row(office, found, named),
        log=[_told(office, each) for each in log[:LOG_PAGE]],
        more=len(log) > LOG_PAGE,
        overlaps=[{"value": value, "label": office.t.gettext(label)} for value, label in OVERLAPS.items()],
        secret=secret,
        done=_done(office, request),
        paused=request.query_params.get("done") == "paused",
        errors=problems(office, error, FIELDS) if error else [],
        status_code=status_of(error) if error else 200,
        headers=NOT_KEPT,
    )


def _done(office: Office, request: Request) -> str:
    said = DONE.get(request.query_params.get("done", ""))
    return office.t.gettext(said) if said else ""


def _row(office: Office, row: reads.WebhookRow, named: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "url": row.url,
        "key": named.get(row.key_id, ""),
        "status": row.status,
        "badge": _badge(office, row),
        "sentence": sentence(office, row),
        "clock": _clock(office, row),
        "networks": [office.face(office.kept.by_slug[slug])["name"] for slug in row.networks],
        "agreements": row.agreements,
        "created_at": row.created_at,
        "old_secret_until": row.old_secret_until
        if row.old_secret_until and row.old_secret_until > office.now
        else None,
        "open": set(row.readers) <= office.actor.sees,
        "may": set(row.readers) <= office.actor.manages,
        "lost_key": row.reason == "key_revoked",
    }


def _badge(office: Office, row: reads.WebhookRow) -> dict[str, str]:
    silent = row.failing_since is not None and row.status != "disabled"
    bad = silent or row.reason in ("gone", "failing", "key_revoked")
    text = office.t.gettext(SILENT if silent else STATUS[row.status])
    return {"text": text, "color": "danger" if bad else COLOURS[row.status]}


def sentence(office: Office, row: reads.WebhookRow) -> str:
    """How a webhook does, in one sentence."""
    t = office.t
    if row.status == "disabled":
        return t.gettext(STOPPED[row.reason])
    if row.status == "unverified" and row.failing_since:
        return t.gettext("It has not answered its first message yet; until it does, it is told nothing.")
    if row.status == "unverified":
        return t.gettext("Its first message is on its way; until it is answered, it is told nothing.")
    if row.failing_since:
        return t.gettext("It has taken no message since %(when)s; we go on trying.", when=t.datetime(row.failing_since))
    if row.delivered_at:
        return t.gettext("It answers; the last message was taken %(when)s.", when=t.ago(row.delivered_at, office.now))
    return t.gettext("It answers.")


def _clock(office: Office, row: reads.WebhookRow) -> str:
    """A clock that is far off makes the other side refuse our signatures."""
    skew = row.skew_seconds or 0
    if abs(skew) <= SKEW_ALERT_SECONDS:
        return ""
    n = round(abs(skew) / MINUTE)
    if skew > 0:
        return office.t.ngettext("Its clock is %(n)s minute ahead.", "Its clock is %(n)s minutes ahead.", n)
    return office.t.ngettext("Its clock is %(n)s minute behind.", "Its clock is %(n)s minutes behind.", n)


def _told(office: Office, row: reads.DeliveryRow) -> dict[str, Any]:
    """A message of the log: what it was, what became of it, and each try in words."""
    t, (colour, word) = office.t, ENDS[row.status]
    tries = [
        {
            "at": each.started_at,
            "said": str(each.status) if each.status else t.gettext(WHY[each.why]),
            "took": t.gettext("%(n)s ms", n=t.number(each.took_ms)) if each.took_ms is not None else "",
            "answer": each.answer if each.status else "",
        }
        for each in row.attempts
    ]
    return {
        "id": row.id,
        "kind": t.gettext(KINDS[row.kind]),
        "about": row.agreement or (office.face(office.kept.by_slug[row.network])["name"] if row.network else ""),
        "badge": {"text": t.gettext(word), "color": colour},
        "created_at": row.created_at,
        "next_try_at": row.next_try_at,
        "tries": tries,
        "body": row.body,
        "waits": row.status in ("queued", "sending"),
    }
