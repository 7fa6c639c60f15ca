"""Who sees what about an organisation, on what grounds; what it says to that; and what it has agreed to before."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from cluster_rules.errors import RuleViolation
from crm import words
from crm.actions import shares as actions
from crm.catalogue import Catalogue
from crm.errors import Invalid, status_of
from crm.i18n import N_, Translator
from crm.reads import consents as consent_reads
from crm.reads import shares as reads
from crm.reads.consents import Consent
from crm.reads.shares import Seen
from crm.web import share_words
from crm.web.fields import fields_of
from crm.web.my import My, done, reading, routes, show

PATH = "/sharing"
PURPOSES = {
    "terms": N_("The terms of membership"),
    "directory": N_("To be shown in the public directory"),
    "newsletter": N_("To get the newsletter"),
}
DONE = ("said", "taken", "same")


@get(PATH, include_in_schema=False)
async def show_sharing(request: Request, my: NamedDependency[My]) -> Response[str]:
    return await _page(request, my)


@post(f"{PATH}/answers", include_in_schema=False)
async def say(request: Request, my: NamedDependency[My]) -> Response:
    """Consent, object, or take back what was said: about the organisation, or about its contact."""
    typed = await fields_of(request)
    where = (typed.get("agreement", "")[:200], typed.get("network", "")[:200], my.organisation.id)
    contact, word = typed.get("about") == "contact", typed.get("word", "")
    try:
        if word == "take_back":
            changed = await actions.take_back(my.context, my.actor, *where, contact)
        elif word in ("consents", "objects"):
            reason = typed.get("reason", "").replace("\r\n", "\n")
            changed = await actions.choose(my.context, my.actor, *where, word, contact, reason)
        else:
            raise Invalid([("word", "value_unknown", {"message": word[:40]})])
    except (RuleViolation, Invalid) as error:
        return await _page(request, my, error)
    return done(my, PATH, "same" if not changed else "taken" if word == "take_back" else "said")


handlers = [reading(show_sharing), routes(say)]


async def _page(request: Request, my: My, error: RuleViolation | Invalid | None = None) -> Response[str]:
    wanted = my.organisation.id
    async with my.context.db.reading_own([wanted]) as connection:
        rows = await reads.of_organisation(connection, wanted)
        consents = await consent_reads.of_organisation(connection, wanted)
    said = request.query_params.get("done", "")
    return show(
        request,
        my,
        "my/sharing.html",
        "sharing",
        f"{my.base}{PATH}" if request.method == "POST" else "",
        status_code=status_of(error) if error else 200,
        errors=[{"field": "", "text": text} for text in _mistakes(my, error)],
        rows=share_words.seen(my.t, my.kept, rows),
        choices=[_choice(my, row, about) for row in rows for about in _abouts(row)],
        consents=[consent_row(my.t, my.kept, each) for each in consents],
        done=said if said in DONE else "",
    )


def _mistakes(my: My, error: RuleViolation | Invalid | None) -> list[str]:
    if error is None:
        return []
    listed = error.problems if isinstance(error, Invalid) else [(error.field, error.code, error.params)]
    return [words.refusal(my.t, my.kept, code, params) for _, code, params in listed]


def _abouts(row: Seen) -> list[str]:
    """About whom something may be said: the organisation, and its contact where persons are told of."""
    told_of_persons = row.persons_basis or any(c.about == "contact" for c in row.choices)
    return ["organisation", *(["contact"] if told_of_persons else [])]


def _choice(my: My, row: Seen, about: str) -> dict[str, Any]:
    """What was said about it, and what may be: as `actions.shares` takes it."""
    said = next((c.choice for c in row.choices if c.about == about), "")
    basis = row.legal_basis
    offered = []
    if not said and (about == "contact" or basis == "consent"):
        offered = ["consents", "objects"]
    elif not said and basis in actions.OBJECTABLE:
        offered = ["objects"]
    elif said and said != "erased":
        offered = ["take_back"]
    return {
        "agreement": row.agreement,
        "network": my.kept.by_id[row.network_id].slug,
        "partner": my.t.text(my.kept.by_id[row.to_network_id].names),
        "name": my.t.text(my.kept.by_id[row.network_id].names),
        "about": about,
        "said": said,
        "offered": offered,
    }


def consent_row(t: Translator, kept: Catalogue, each: Consent) -> dict[str, Any]:
    """An answer as a table shows it, here and in the office."""
    network = kept.by_id.get(each.network_id) if each.network_id else None
    return {
        "purpose": t.gettext(PURPOSES[each.purpose]) if each.purpose in PURPOSES else each.purpose,
        "network": t.text(network.names) if network else "",
        "version": each.text_version,
        "given": each.given,
        "actor": each.actor,
        "at": each.recorded_at,
        "newest": each.newest,
    }
