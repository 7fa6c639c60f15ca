"""For who looks after partners' systems: a copy beside the list, and made-up members that anything can happen to."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.response import Redirect

from crm import comparison
from crm.actions import days
from crm.actions import rehearsals as actions
from crm.cursors import rehearsal_scope
from crm.errors import NotFound
from crm.i18n import N_
from crm.reads import feed, rehearsals, shares
from crm.web.fields import fields_of
from crm.web.office import Office, reading, routes, show
from crm.web.session import NOT_KEPT
from crm.web.webhooks import PATH

COMPARE, REHEARSAL = f"{PATH}/compare", f"{PATH}/rehearsal"
PAGE = 1000
ENTRIES_SHOWN = 15
_FIRST = UUID(int=0)
KINDS = {
    "planned": N_("Somebody is announced"),
    "joined": N_("Somebody joins"),
    "changed": N_("Level and name change"),
    "left": N_("Somebody leaves"),
    "lapsed": N_("A time runs out"),
    "link_ended": N_("A link ends"),
    "merged": N_("Two become one"),
    "withdrawn": N_("A membership is taken back"),
}
OTHERS = {"cursor_expired": N_("Make cursors too old"), "begin": N_("Begin anew with twelve")}
UNREAD = {
    "no_id": N_("Row %(row)s names nobody: no id and no number."),
    "unknown_number": N_("Row %(row)s has numbers that nobody in the list has, or that lead to several."),
    "twice": N_("Row %(row)s names somebody a second time."),
    "no_object": N_("Row %(row)s is no member."),
}


@get(COMPARE, include_in_schema=False)
async def show_compare(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _compare(request, office, "", None)


@post(COMPARE, include_in_schema=False, request_max_body_size=comparison.MOST_BYTES)
async def compare(request: Request, office: NamedDependency[Office]) -> Response[str]:
    """Nothing is stored."""
    form = await request.form()
    file, pasted, chosen = form.get("file"), form.get("list"), str(form.get("with") or "")
    text = pasted if isinstance(pasted, str) else ""
    try:
        if isinstance(file, UploadFile) and (content := await file.read()):
            text = content.decode("utf-8-sig")
        rows = comparison.read(text)
    except (comparison.Unreadable, UnicodeDecodeError) as error:
        said = office.t.gettext("The list cannot be read: %(message)s.", message=str(error)[:120])
        wrong = {"field": "list", "text": office.t.gettext("Paste a list, or choose a file.") if not text else said}
        return await _compare(request, office, chosen, None, [wrong], text[: comparison.MOST_SHOWN * 20])
    return await _compare(request, office, chosen, comparison.compare(rows, await _members(office, chosen)))


@get(REHEARSAL, include_in_schema=False)
async def show_rehearsal(request: Request, office: NamedDependency[Office]) -> Response[str]:
    await actions.begin(office.context, office.network.id)
    async with office.context.db.reading(office.actor.sees) as connection:
        head = await rehearsals.head(connection, rehearsal_scope(office.network.id), office.now)
        rows, _ = await rehearsals.listed(connection, rehearsal_scope(office.network.id), None, _FIRST, PAGE)
        changes = await rehearsals.newest(connection, office.network.id, ENTRIES_SHOWN)
    done = request.query_params.get("done", "")
    return await show(
        request,
        office,
        "office/rehearsal.html",
        "sync",
        members=[comparison.flat(msgspec.json.decode(each)) for each in rows],
        changes=[_change(office, each) for each in changes],
        position=head.position.seq if head else 0,
        kinds=[(code, office.t.gettext(said)) for code, said in KINDS.items()],
        resets=[(code, office.t.gettext(said)) for code, said in OTHERS.items()],
        address=f"{office.context.settings.base_url.rstrip('/')}/api/v1/networks/{office.network.slug}/rehearsal",
        done=office.t.gettext((KINDS | OTHERS)[done]) if done in KINDS | OTHERS else "",
    )


@post(REHEARSAL + "/changes", include_in_schema=False)
async def happen(request: Request, office: NamedDependency[Office]) -> Redirect:
    kind = (await fields_of(request)).get("kind", "")
    if kind not in KINDS | OTHERS:
        raise NotFound("kind", kind)
    await actions.happen(office.context, office.actor, office.network.slug, kind)
    return Redirect(f"{office.base}{REHEARSAL}?done={kind}", status_code=303, headers=NOT_KEPT)


handlers = [reading(show_rehearsal), routes(show_compare, compare, happen)]


async def _members(office: Office, chosen: str) -> list[Any]:
    """The list to compare with: the network's own, or one direction of an agreement. NotFound."""
    out: list[Any] = []
    async with office.context.db.reading(office.actor.sees) as connection:
        if not chosen:
            reads, scope = feed, office.network.id
        else:
            found = [each for each in await shares.find(connection, [office.network.id]) if str(each.id) == chosen]
            if not found:
                raise NotFound("agreement", chosen)
            reads, scope = shares, found[0].id  # type: ignore[assignment]
    await days.turn_feed(office.context, office.network.id)
    after: UUID | None = _FIRST
    async with office.context.db.reading(office.actor.sees) as connection:
        while after is not None:
            items, after = await reads.listed(connection, scope, None, after, PAGE)
            out += [msgspec.json.decode(each) for each in items]
    return out


async def _compare(
    request: Request,
    office: Office,
    chosen: str,
    found: comparison.Compared | None,
    errors: list[dict[str, str]] | None = None,
    text: str = "",
) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        told = await shares.find(connection, [office.network.id])
    name = {n.id: office.face(n)["name"] for n in office.kept.networks}
    lists = [{"value": "", "label": office.t.gettext("Members of %(network)s", network=name[office.network.id])}]
    lists += [
        {
            "value": str(each.id),
            "label": office.t.gettext(
                "%(agreement)s: of %(from)s, told to %(to)s",
                **{"agreement": each.agreement, "from": name[each.network_id], "to": name[each.to_network_id]},
            ),
        }
        for each in told
        if each.in_force
    ]
    said = [office.t.gettext(UNREAD[each.why], row=office.t.number(each.row)) for each in found.unread] if found else []
    at = f"{office.base}{COMPARE}" if request.method == "POST" else ""
    shown = {"lists": lists, "chosen": chosen, "found": found, "unread": said, "errors": errors or [], "text": text}
    status = 422 if errors else 200
    return await show(request, office, "office/compare.html", "sync", at, status_code=status, **shown)


def _change(office: Office, row: rehearsals.Shown) -> dict[str, Any]:
    name = comparison.flat(msgspec.json.decode(row.body)).get("name", "") if row.body else str(row.membership_id)
    said = office.t.gettext(KINDS[row.reason])
    return {"seq": row.seq, "said": said, "reason": row.reason, "op": row.op, "name": name, "version": row.version}
