"""The office's side of the directory: new texts to read, who is not in it, what is seen where nobody said otherwise."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from cluster_rules import listings as rules
from cluster_rules.errors import RuleViolation
from crm.actions import listings as actions
from crm.errors import status_of
from crm.i18n import N_
from crm.reads import listings as reads
from crm.reads import people as people_reads
from crm.reads.listings import Policy, Waiting
from crm.web import entry_views
from crm.web.entry_views import FIELDS, LEVELS, Words
from crm.web.fields import fields_of, id_of
from crm.web.office import Office, reading, routes, show
from crm.web.session import NOT_KEPT

PATH = "/setup/directory"
# As the office says it, of members.
LABELS = FIELDS | {
    "membership": N_("That it is a member"),
    "fields": N_("Works with"),
    "offers": N_("Offers and looks for"),
}
DONE = ("saved", "published", "declined")


@get(PATH, include_in_schema=False)
async def show_directory(request: Request, office: NamedDependency[Office], done: FromQuery[str] = "") -> Response[str]:
    return await _page(request, office, done=done if done in DONE else "")


@post(f"{PATH}/policy", include_in_schema=False)
async def save_policy(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    seen = {field: typed[f"see-{field}"] for field in rules.FIELDS if typed.get(f"see-{field}")}
    moderated = typed.get("moderated") == "yes"
    try:
        await actions.set_policy(office.context, office.actor, office.network.id, moderated, seen)
    except RuleViolation as error:
        return await _page(request, office, error, Policy(moderated, {}))
    return _back(office, "saved")


@post(f"{PATH}/changes/{{change:str}}", include_in_schema=False)
async def decide(request: Request, office: NamedDependency[Office], change: FromPath[str]) -> Response:
    typed = await fields_of(request)
    approve = typed.get("answer") == "publish"
    try:
        await actions.decide(
            office.context, office.actor, id_of("listing_change", change), approve, typed.get("reason", "")
        )
    except RuleViolation as error:
        return await _page(request, office, error, at=change)
    return _back(office, "published" if approve else "declined")


handlers = [reading(show_directory), routes(save_policy, decide)]


async def _page(
    request: Request, office: Office, error: Any = None, policy: Policy | None = None, at: str = "", done: str = ""
) -> Response[str]:
    say = Words(office.t, office.kept)
    waiting = await reads.waiting(office.context, office.actor, office.network.id)
    async with office.context.db.reading(office.actor.sees) as connection:
        stored = await reads.policy(connection, office.network.id)
        out = await reads.out(connection, office.network.id)
        claimed = await people_reads.claims_of_network(connection, office.network.id)
    shown = policy or stored
    return await show(
        request,
        office,
        "office/directory.html",
        "directory",
        f"{office.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        errors=entry_views.mistakes(say, error),
        wrong_at=at,
        done=done,
        now=office.now,
        changes=[await _change(office, say, each) for each in waiting],
        out=out,
        claimed=claimed,
        policy=shown,
        stored=stored,
        fields=[_field(office, field, shown) for field in rules.FIELDS],
        levels=[{"value": code, "label": office.t.gettext(label)} for code, label in LEVELS.items()],
    )


async def _change(office: Office, say: Words, each: Waiting) -> dict[str, Any]:
    """New texts beside those before: only what differs."""
    own = await reads.of_member(office.context, office.actor, each.organisation_id)
    t = office.t
    before, after = (reads.seen_by_itself(facts) for facts in (own.facts, reads.changed(own.facts, each.body)))
    rows = [
        {"label": label, "before": old, "after": new}
        for (label, old), (_, new) in zip(entry_views.told(t, before), entry_views.told(t, after), strict=True)
        if old != new
    ]
    for language, label in (("nb", t.gettext("In Norwegian")), ("en", t.gettext("In English"))):
        old, new = (texts["summary"].get(language, "") for texts in (before, after))
        if old != new and not any(old == row["before"] and new == row["after"] for row in rows):
            rows.append({"label": label, "before": old, "after": new})
    rows += _levels(office, own.facts.visibility, each.body.get("visibility", own.facts.visibility))
    logo = each.body.get("logo", own.facts.logo)
    return {
        "id": each.id,
        "organisation_id": each.organisation_id,
        "name": each.name,
        "actor": each.actor,
        "recorded_at": each.recorded_at,
        "rows": rows,
        "logo": bool(logo) and logo != own.facts.logo,
    }


def _levels(office: Office, before: rules.Said, after: rules.Said) -> list[dict[str, str]]:
    """Who would see what, where that changes in this network."""
    slug, t = office.network.slug, office.t
    words = {"": t.gettext("as the network says")} | {code: t.gettext(label) for code, label in LEVELS.items()}
    rows = []
    for field in rules.FIELDS:
        old, new = before.get(slug, {}).get(field, ""), after.get(slug, {}).get(field, "")
        if old != new:
            label = t.gettext("Who sees: %(field)s", field=t.gettext(LABELS[field]))
            rows.append({"label": label, "before": words[old], "after": words[new]})
    return rows


def _field(office: Office, field: str, policy: Policy) -> dict[str, str]:
    t = office.t
    usual = t.gettext("As usual: %(level)s", level=t.gettext(LEVELS[rules.DEFAULTS[field]]))
    value = policy.visibility.get(field, "")
    return {"id": f"see-{field}", "label": t.gettext(LABELS[field]), "value": value, "empty": usual}


def _back(office: Office, done: str) -> Redirect:
    return Redirect(f"{office.base}{PATH}?done={done}", status_code=303, headers=NOT_KEPT)
