"""A new agreement with another network of this system: what was agreed, who signed it, and what comes next."""

from datetime import timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import agreement_making as actions
from crm.actions.agreement_making import Signature, Wanted
from crm.errors import Invalid, NotFound, Refused, status_of
from crm.web.agreements import ENDS
from crm.web.fields import day_of, fields_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PATH = "/setup/new-agreement"
FIELDS = {
    "code": "code",
    "target": "other",
    "names.nb": "names_nb",
    "names.en": "names_en",
    "purpose.nb": "purpose_nb",
    "purpose.en": "purpose_en",
    "starts_on": "starts_on",
    "ends_on": "last_day",
    "on_end": "on_end",
    "notice_days": "notice_days",
    "signatures": "signature-1-name",
    "mutual": "mutual",
    **{f"signature-{n}-{part}": f"signature-{n}-{part}" for n in (1, 2) for part in ("name", "role", "on")},
}


@get(PATH, include_in_schema=False)
async def show_form(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _page(request, office, {"starts_on": office.today.isoformat(), "direction": "gives"})


@post(PATH, include_in_schema=False)
async def make(request: Request, office: NamedDependency[Office]) -> Response:
    typed = await fields_of(request)
    try:
        wanted = _wanted(office, typed)
        await actions.create(office.context, office.actor, wanted)
    except (RuleViolation, Invalid, Refused) as refused:
        return await _page(request, office, typed, problems(office, refused, FIELDS), status_of(refused))
    except NotFound:
        text = office.t.gettext("Choose a network.")
        return await _page(request, office, typed, [{"field": "other", "text": text}], 422)
    where = f"{office.base}/setup/agreements?done=made"
    return Redirect(where, status_code=303, headers=NOT_KEPT)


handlers = [routes(show_form, make)]


def _wanted(office: Office, typed: dict[str, str]) -> Wanted:
    """What was typed. People name the last day, the rules the day after it; days that are none are told together."""
    wrong: list[tuple[str, str, dict[str, Any]]] = []
    days = {}
    for field in ("starts_on", "last_day", "signature-1-on", "signature-2-on"):
        days[field] = day_of(typed.get(field, ""))
        if days[field] is None and (typed.get(field) or field != "last_day"):
            told = {"last_day": "ends_on"}.get(field, field)
            wrong.append((told, "date_format", {"message": typed.get(field, "")[:30]}))
    notice = typed.get("notice_days", "").strip() or "0"
    if not (notice.isascii() and notice.isdigit() and len(notice) < 6):
        wrong.append(("notice_days", "number_out_of_range", {"least": 0, "most": actions.MOST_NOTICE}))
    if wrong:
        raise Invalid(wrong)
    own, other = office.network.slug, typed.get("other", "")
    source, target = (own, other) if typed.get("direction") != "gets" else (other, own)
    last = days["last_day"]
    signed = [
        Signature(slug, typed.get(f"signature-{n}-name", "").strip(), typed.get(f"signature-{n}-role", "").strip(), on)
        for n, slug in ((1, own), (2, other))
        if (on := days[f"signature-{n}-on"])
    ]
    start = days["starts_on"]
    assert start
    return Wanted(
        typed.get("code", "").strip(),
        source,
        target,
        {code: typed.get(f"names_{code}", "").strip() for code in ("nb", "en")},
        start,
        last + timedelta(days=1) if last else None,
        typed.get("on_end", ""),
        int(notice),
        {code: typed.get(f"purpose_{code}", "").strip() for code in ("nb", "en")},
        signed,
        "mutual" in typed,
    )


async def _page(
    request: Request,
    office: Office,
    typed: dict[str, str],
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
) -> Response[str]:
    here = [n for n in office.kept.networks if n.id != office.network.id and not n.instance]
    others = [{"value": n.slug, "label": office.face(n)["name"]} for n in here]
    return await show(
        request,
        office,
        "office/agreement_new.html",
        "setup",
        typed={name: typed.get(name, "") for name in (*FIELDS.values(), "direction")},
        choices=sorted(others, key=lambda choice: choice["label"]),
        ends=[{"value": each, "label": office.t.gettext(label)} for each, label in ENDS.items()],
        errors=errors or [],
        wrong={each["field"]: each["text"] for each in errors or []},
        status_code=status,
    )
