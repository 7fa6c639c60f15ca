"""The sign-up's pages: what each template is given. Prices and consequences come from the rules, never from here."""

from typing import Any

from babel import Locale
from litestar import Request, Response

from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Tier
from cluster_rules.organisations import Profile
from cluster_rules.register import kind_of, proper_name
from crm import forms, outcome_words, steps
from crm.directory_words import county_name
from crm.errors import Invalid, status_of
from crm.i18n import Translator, translator
from crm.names import country_name
from crm.reads import offers
from crm.reads.drafts import Draft, Sent
from crm.reads.offers import Offer
from crm.reads.register import Known
from crm.steps import HOME, STEPS, Typed, employees_of, size_matters, typed_of
from crm.web import offer_conditions, offer_words, signup_words
from crm.web.language import language_of
from crm.web.public import open_page

Failure = Invalid | RuleViolation | None
Values = dict[str, Any]


async def step(
    request: Request, found: Draft, name: str, typed: Typed, failure: Failure, stale: bool, status: int
) -> Response[str]:
    """One of the five steps."""
    t = translator(language_of(request))
    values = _frame(t, found, name, typed, failure)
    more = {"level": _level, "organisation": _organisation, "contact": _beside, "terms": _terms, "check": _check}
    values |= more[name](t, found, typed)
    return await open_page(request, f"join/{name}.html", status_code=status, stale=stale, **values)


async def filled(request: Request, found: Draft, typed: Typed, known: Known | None) -> Response[str]:
    """The organisation step with what the register says filled in, its source and day beside it."""
    t = translator(language_of(request))
    unit = known.unit if known and known.unit.known else None
    name, kind = (proper_name(unit.name), kind_of(unit)) if unit else ("", "")
    values = _frame(t, found, "organisation", typed, None)
    values |= _organisation(t, found, typed)
    offered = {each["value"] for each in values["kinds"]}
    values["typed"] = typed | ({"name": name} if name else {}) | ({"kind": kind} if kind in offered else {})
    places = (proper_name(unit.municipality), county_name(unit.county)) if unit else ()
    values["filled"] = {
        "known": unit is not None,
        "day": t.date(known.as_of) if known else "",
        "place": ", ".join(part for part in dict.fromkeys(places) if part),
        "employees": unit.employees if unit else None,
        "told": employees_of(typed["employees"]),
    }
    return await open_page(request, "join/organisation.html", status_code=200, stale=False, **values)


async def conflict(request: Request, found: Draft, name: str, typed: Typed) -> Response[str]:
    """Another tab saved other answers to this step: both, side by side, to choose from."""
    t = translator(language_of(request))
    saved = typed_of(found.answers)
    named = [f for f in fields_shown(name, typed) if typed.get(f, "") != saved.get(f, "")]
    rows = [
        {
            "label": signup_words.label(t, f),
            "saved": _shown(t, found, f, saved),
            "typed": _shown(t, found, f, typed),
        }
        for f in named
    ]
    values = _frame(t, found, name, typed, None) | {"rows": rows, "resent": _resent(found, name, typed), "at": name}
    return await open_page(request, "join/conflict.html", status_code=409, **values)


async def known(request: Request, found: Draft, standing: str, typed: Typed, failure: Failure = None) -> Response[str]:
    """The organisation is registered already: ask for access, or carry on without changing what is stored."""
    t = translator(language_of(request))
    values = _frame(t, found, "contact", typed, failure) | {"standing": standing, "next_step": found.missing}
    return await open_page(request, "join/known.html", status_code=status_of(failure) if failure else 200, **values)


async def asked(request: Request, found: Draft) -> Response[str]:
    """The request for access went on to those who can give it."""
    t = translator(language_of(request))
    return await open_page(request, "join/asked.html", **_frame(t, found, "organisation", {}, None))


async def status(request: Request, sent: Sent, typed: Typed | None = None, failure: Failure = None) -> Response[str]:
    """The receipt, and how far the application is."""
    t = translator(language_of(request))
    listed = signup_words.errors(t, None, "check", failure, typed or {}) if failure else []
    values: Values = {
        "sent": sent,
        "base": _status_base(request, t),
        "network_name": t.text(sent.network.names),
        "errors": listed,
        "answer": (typed or {}).get("answer", ""),
        "question": next((e.note for e in reversed(sent.events) if e.kind == "question"), ""),
    }
    return await open_page(request, "join/status.html", status_code=status_of(failure) if failure else 200, **values)


async def withdrawal(request: Request, sent: Sent) -> Response[str]:
    """What withdrawing means, before it is done."""
    t = translator(language_of(request))
    values = {"sent": sent, "network_name": t.text(sent.network.names), "base": _status_base(request, t)}
    return await open_page(request, "join/withdraw.html", **values)


def _status_base(request: Request, t: Translator) -> str:
    return f"/{t.language}/join/status/{request.path_params['token']}"


def gone(request: Request) -> str:
    """What to do about a link that leads nowhere."""
    return translator(language_of(request)).gettext(
        "If you came by a link to an application, check that all of it came along. Nothing is saved before the"
        " first step is."
    )


def fields_shown(name: str, typed: Typed) -> list[str]:
    """The fields of a step that this form had: a number in Norway, a country and a VAT number abroad."""
    hidden = {"orgnr"} if typed.get("abroad") else {"country", "vat"}
    if name == "level":
        return [*signup_words.FIELDS_OF[name], *(n for n in typed if signup_words.is_figure(n))]
    return [f for f in signup_words.FIELDS_OF[name] if name != "organisation" or f not in hidden]


def _frame(t: Translator, found: Draft, name: str, typed: Typed, failure: Failure) -> Values:
    """What every page of the sign-up is given."""
    listed = signup_words.errors(t, found.kept, name, failure, typed) if failure else []
    base = f"/{t.language}/join/{found.network.slug}/{found.token}"
    tier = _tier(found)
    return {
        "base": base,
        "network": offer_words.badge(t, found.network),
        "network_name": t.text(found.network.names),
        "tier_name": t.text(tier.names) if tier else "",
        "typed": typed,
        "errors": listed,
        "wrong": {each["field"]: each["text"] for each in reversed(listed)},
        "steps": signup_words.steps(t, base, found.missing),
        "step": STEPS.index(name) + 1,
        "version": found.version,
    }


def _tier(found: Draft) -> Tier | None:
    return found.book.tier(found.answers.get("tier", ""))


def _level(t: Translator, found: Draft, typed: Typed) -> Values:
    told = _told(found, typed)
    listed = offers.of_network(found.kept, found.network.slug, told, found.today)
    chosen = typed["tier"] or (listed[0].tier.code if len(listed) == 1 else "")
    asking = [o.tier for o in listed if chosen in ("", o.tier.code)]
    return {
        "choices": offer_conditions.on_cards(t, found.kept, listed, offer_words.cards(t, listed)),
        "invoices": [
            {"code": o.tier.code, "name": t.text(o.tier.names)} | offer_words.invoice(t, found.network, o)
            for o in listed
        ],
        "chosen": chosen,
        "asks_size": any(size_matters(found.book, o.tier) for o in listed),
        "sizes": signup_words.sizes(t, found.book, asking, typed),
        "asks": {fact for tier in asking for fact in steps.facts_asked(tier)},
        "owners": signup_words.owners(t),
        "example": any(o.example for o in listed),
    }


def _beside(t: Translator, found: Draft, typed: Typed) -> Values:
    """The first invoice at the level chosen, for the organisation as far as it is known."""
    offer = _offer(found)
    return {"offer": offer, "invoice": offer_words.invoice(t, found.network, offer), "example": offer.example}


def _offer(found: Draft) -> Offer:
    tier, profile = _level_and_profile(found)
    return offers.of_tier(found.kept, found.book, tier, profile, found.today)


def _level_and_profile(found: Draft) -> tuple[Tier, Profile]:
    tier = _tier(found)
    assert tier is not None  # a step after the first has a level
    return tier, offers.typical(tier, steps.told(found.answers["organisation"]), found.today)


def _told(found: Draft, typed: Typed) -> Profile:
    """What is saved of the organisation, with the figures as they are typed right now."""
    organisation = found.answers.get("organisation", {})
    typed_now = steps.figures(typed) | {"employees": employees_of(typed["employees"])}
    return steps.told(organisation | typed_now)


def _organisation(t: Translator, found: Draft, typed: Typed) -> Values:
    tier = _tier(found)
    kinds = (tier.open_to.kinds if tier else ()) or forms.KINDS
    countries = (tier.open_to.countries if tier else ()) or tuple(forms.COUNTRIES)
    abroad = bool(typed.get("abroad")) or typed["country"] != HOME
    named = Locale(t.language).territories
    listed = sorted(((named[c], c) for c in countries if c != HOME), key=lambda pair: pair[0].casefold())
    return _beside(t, found, typed) | {
        "kinds": [{"value": k, "label": t.gettext(signup_words.KINDS[k])} for k in kinds],
        "person": tuple(kinds) == ("person",),
        "fills": found.fills,
        "filled": None,
        "abroad": abroad,
        "abroad_possible": len(listed) > 0,
        "home_possible": HOME in countries,
        "countries": [{"value": code, "label": name} for name, code in listed],
    }


def _terms(t: Translator, found: Draft, typed: Typed) -> Values:
    return _beside(t, found, typed) | {
        "terms": offer_words.terms(t, found.network, found.terms),
        "terms_body": t.text(found.terms.body),
        "terms_version": found.terms.version,
        "effective": found.terms.book.effective_from,
    }


def _check(t: Translator, found: Draft, typed: Typed) -> Values:
    offer = _offer(found)
    looked_at = offers.outcomes(found.kept, found.book, *_level_and_profile(found), found.today)
    return _beside(t, found, typed) | {
        "rows": _answers(t, found, typed),
        "also": [offer_words.also(t, each) for each in offer.included if each.fires],
        "not_also": [
            outcome_words.sentence(t, found.kept, each)
            for each in looked_at
            if not each.fired and all(f.predicate != "tiers" for f in each.failed)
        ],
    }


def _answers(t: Translator, found: Draft, typed: Typed) -> list[dict[str, str]]:
    """Every answer with the step where it can be changed."""
    base = f"/{t.language}/join/{found.network.slug}/{found.token}"
    home = typed["country"] == HOME
    listed = [
        ("level", "tier", True),
        ("level", "employees", bool(typed["employees"])),
        *(("level", name, True) for name in typed if signup_words.is_figure(name) and typed[name]),
        ("organisation", "name", True),
        ("organisation", "orgnr", home and bool(typed["orgnr"])),
        ("organisation", "country", not home),
        ("organisation", "vat", not home),
        ("organisation", "kind", True),
        ("contact", "contact_name", True),
        ("contact", "email", True),
        ("terms", "billing_reference", True),
        ("terms", "directory", True),
        ("terms", "newsletter", True),
    ]
    labels = signup_words.FIELDS | {"kind": signup_words.KIND, "name": signup_words.NAME}
    return [
        {
            "label": t.gettext(labels[field]) if field in labels else signup_words.label(t, field),
            "value": _shown(t, found, field, typed) or t.gettext("None given"),
            "href": f"{base}/{at}",
        }
        for at, field, wanted in listed
        if wanted
    ]


def _shown(t: Translator, found: Draft, field: str, typed: Typed) -> str:
    """An answer in words."""
    value = typed.get(field, "")
    if field == "tier":
        tier = found.book.tier(value)
        return t.text(tier.names) if tier else value
    if field == "kind":
        return t.gettext(signup_words.KINDS[value]) if value in signup_words.KINDS else value
    if field in ("country", "owner_country"):
        return country_name(t, value)
    if field == "orgnr" and len(value) == 9:
        return f"{value[:3]} {value[3:6]} {value[6:]}"
    if field in ("directory", "newsletter", "terms"):
        return t.gettext("Yes") if value == "yes" else t.gettext("No")
    return value


def _resent(found: Draft, name: str, typed: Typed) -> Typed:
    """Hidden fields that send what was typed once more, now knowing what is saved."""
    names = [*fields_shown(name, typed), *(n for n in ("abroad", "terms_version") if typed.get(n))]
    return {n: typed[n] for n in names if typed.get(n)} | {"version": str(found.version)}
