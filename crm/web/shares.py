"""What an agreement discloses, in both directions: the terms in force, who is told of, the log; and new terms."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from crm.actions import shares as actions
from crm.errors import Invalid, NotFound, status_of
from crm.reads import shares as reads
from crm.share_sentences import BASES, FIELDS, PERSONS
from crm.store.shares import Terms
from crm.web import share_words
from crm.web.agreements import PATH
from crm.web.fields import day_of, fields_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

HERE = PATH + "/{code:str}/shares"
LOG_SHOWN = 20
RETENTION = "30"
# A rule's names for what the page calls otherwise.
NAMES = {
    "fields": "field_name",
    "purpose.nb": "purpose_nb",
    "purpose.en": "purpose_en",
    "legal_words.nb": "legal_nb",
    "legal_words.en": "legal_en",
    "tiers": "tier_name",
}
NAMES |= {each: each for each in ("starts_on", "legal_basis", "persons_basis", "retention_days", "reason")}
Typed = Mapping[str, str]
Errors = RuleViolation | Invalid | None


@get(HERE, include_in_schema=False)
async def show_shares(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response[str]:
    return await _page(request, office, code, None)


@post(HERE, include_in_schema=False)
async def set_terms(request: Request, office: NamedDependency[Office], code: FromPath[str]) -> Response:
    typed = await fields_of(request)
    slug, step = office.network.slug, typed.get("step", "")
    try:
        wanted = _wanted(office, typed)
        reason = typed.get("reason", "").replace("\r\n", "\n")
        if step != "set":
            looked = await actions.preview(office.context, office.actor, code, slug, wanted, reason)
            return await _page(request, office, code, typed, looked=looked)
        await actions.set_terms(office.context, office.actor, code, slug, wanted, reason)
    except (RuleViolation, Invalid) as error:
        return await _page(request, office, code, typed, error)
    return Redirect(f"{office.base}{PATH}/{code}/shares?done=set", status_code=303, headers=NOT_KEPT)


handlers = [routes(show_shares, set_terms)]


def _wanted(office: Office, typed: Typed) -> Terms:
    """What was typed. Invalid, where it is no day or no number."""
    starts_on, days = day_of(typed.get("starts_on", "")), typed.get("retention_days", "").strip()
    if starts_on is None:
        raise Invalid([("starts_on", "date_format", {})])
    if not (days.isascii() and days.isdigit() and len(days) < 6):
        raise Invalid([("retention_days", "number_out_of_range", {"least": 0, "most": actions.RETENTION_DAYS_MAX})])
    text = {name: typed.get(name, "").replace("\r\n", "\n") for name in ("purpose", "legal")}
    text |= {name: typed.get(name, "").replace("\r\n", "\n") for name in NAMES.values()}
    return Terms(
        starts_on,
        tuple(each for each in FIELDS if typed.get(f"field_{each}")),
        tuple(each for each in office.tiers() if typed.get(f"tier_{each}")),
        bool(typed.get("only_linked")),
        {"nb": text["purpose_nb"], "en": text["purpose_en"]},
        typed.get("legal_basis", ""),
        {"nb": text["legal_nb"], "en": text["legal_en"]},
        typed.get("persons_basis", ""),
        int(days),
    )


def _typed(office: Office, terms: reads.Terms | None) -> dict[str, str]:
    """The newest terms as the form has them, from today."""
    out = {"starts_on": office.today.isoformat(), "reason": "", "retention_days": RETENTION, "persons_basis": ""}
    out |= dict.fromkeys(("purpose_nb", "purpose_en", "legal_nb", "legal_en", "legal_basis", "only_linked"), "")
    if terms is None:
        return out | {"legal_basis": "legitimate_interest"}
    out |= {f"field_{each}": "yes" for each in terms.fields} | {f"tier_{each}": "yes" for each in terms.tiers}
    out |= {"purpose_nb": terms.purpose.get("nb", ""), "purpose_en": terms.purpose.get("en", "")}
    out |= {"legal_nb": terms.legal_words.get("nb", ""), "legal_en": terms.legal_words.get("en", "")}
    out |= {"legal_basis": terms.legal_basis, "persons_basis": terms.persons_basis}
    return out | {"retention_days": str(terms.retention_days), "only_linked": "yes" if terms.only_linked else ""}


async def _page(
    request: Request,
    office: Office,
    code: str,
    typed: Typed | None,
    error: Errors = None,
    looked: actions.Outcome | None = None,
) -> Response[str]:
    t, kept = office.t, office.kept
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.find(connection, [office.network.id], code)
        if not found:
            raise NotFound("agreement", code)
        ways = []
        for each in sorted(found, key=lambda d: d.network_id != office.network.id):
            terms = await reads.terms(connection, each.id)
            log = await reads.readings(connection, each.id, limit=LOG_SHOWN)
            count = await reads.count(connection, each.id)
            ways.append(_way(office, each, terms, count) | {"log": share_words.readings(t, office.network.zone, log)})
            if each.network_id == office.network.id:
                own = _typed(office, terms[0] if terms else None)
    agreement = kept.rulebooks.agreement(code)
    values: dict[str, Any] = {
        "code": code,
        "name": t.text(agreement.names) if agreement else code,
        "ways": ways,
        "typed": {**dict.fromkeys(own, ""), **typed} if typed is not None else own,
        "look": looked,
        "fields": _choices(office, FIELDS),
        "levels": [{"value": each, "label": office.tier(each)} for each in office.tiers()],
        "bases": _choices(office, BASES),
        "persons": _choices(office, PERSONS),
        "done": request.query_params.get("done", ""),
        "errors": problems(office, error, NAMES) if error else [],
        "status_code": status_of(error) if error else 200,
    }
    at = f"{office.base}{PATH}/{code}/shares" if request.method == "POST" else ""
    return await show(request, office, "office/shares.html", "rules", at, **values)


def _choices(office: Office, words: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"value": each, "label": share_words.capital(office.t.gettext(said))} for each, said in words.items()]


def _way(office: Office, found: reads.Found, terms: list[reads.Terms], count: int) -> dict[str, Any]:
    """One direction: whose members, told to whom, how many now, and all versions of the terms, the newest first."""
    network, partner = office.kept.by_id[found.network_id], office.kept.by_id[found.to_network_id]
    return {
        "network": office.face(network),
        "partner": office.face(partner),
        "own": found.network_id == office.network.id,
        "count": count,
        "versions": [_version(office, each, network.slug, found.in_force) for each in terms],
    }


def _version(office: Office, terms: reads.Terms, slug: str, in_force: int) -> dict[str, Any]:
    t = office.t
    levels = ", ".join(office.tier(each, slug) for each in terms.tiers) or t.gettext("every level")
    linked = t.gettext("only members by this agreement's links") if terms.only_linked else ""
    return {
        "version": terms.version,
        "in_force": terms.version == in_force,
        "ahead": terms.starts_on > office.today,
        "starts_on": terms.starts_on,
        "fields": share_words.capital(", ".join(t.gettext(FIELDS[each]) for each in terms.fields)),
        "who": share_words.capital(", ".join(each for each in (levels, linked) if each)),
        "purpose": t.text(terms.purpose) if terms.purpose else "",
        "basis": share_words.basis_words(t, terms.legal_basis, terms.legal_words),
        "persons": t.gettext(PERSONS[terms.persons_basis]),
        "retention_days": terms.retention_days,
        "reason": terms.reason,
        "by": terms.recorded_by,
        "on": _day(office, terms),
    }


def _day(office: Office, terms: reads.Terms) -> date:
    return terms.recorded_at.astimezone(office.network.zone).date()
