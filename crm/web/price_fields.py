"""The fields of the price tester: only the figures that some fee looks at; and the company that was typed into them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from cluster_rules.networks import Rulebook, Tier
from cluster_rules.organisations import KINDS, AgreedFee, Profile, Role
from cluster_rules.periods import Period
from crm import names, steps
from crm.forms import COUNTRIES
from crm.web import figures
from crm.web import rulebook_choices as choices
from crm.web.fields import day_of
from crm.web.office import Office
from crm.web.signup_words import label

AGREED = "agreed."
MEMBER, ROLE = "member_of", "role"
Typed = Mapping[str, str]
Many = Mapping[str, tuple[str, ...]]


def tester(
    office: Office,
    book: Rulebook,
    typed: Typed,
    many: Many | None = None,
    books: Iterable[Rulebook] = (),
) -> dict[str, Any]:
    """What the form of the tester shows: a field for every figure that some fee looks at, and no other."""
    t = office.t
    tiers = [tier for each in (books or [book]) for tier in each.tiers]
    sizes = {each.name: each for each in (s for tier in tiers for s in steps.sizes_asked(book, tier))}
    facts = {fact for tier in tiers for fact in steps.facts_asked(tier)}
    return {
        "levels": choices.own_levels(office, book),
        "kinds": choices.kinds(office),
        "countries": [each for group in choices.countries(office, []) for each in group],
        "employees": any(steps.size_matters(book, tier) for tier in tiers),
        "sizes": [{"name": name, "label": label(t, name)} for name in sizes],
        "facts": facts,
        "agreed": _agreed(office, tiers),
        MEMBER: elsewhere(office, tiers),
        ROLE: [{"value": code, "label": code} for code in _roles(tiers)],
        "typed": dict(typed),
        "many": dict(many or {}),
        "day": typed.get("starts_on") or office.today.isoformat(),
        "wrong": {},
    }


def profile(office: Office, book: Rulebook, typed: Typed, many: Many, day: date) -> tuple[Profile, dict[str, str]]:
    """The company as it was typed; what cannot be read is named."""
    wrong: dict[str, str] = {}
    no_number = office.t.gettext("Write a number.")
    told = steps.told({"kind": typed.get("kind", ""), "country": typed.get("country", "")})
    for field, known in (("kind", KINDS), ("country", COUNTRIES), ("owner_country", COUNTRIES)):
        if typed.get(field) and typed[field] not in known:
            wrong[field] = office.t.gettext("Choose one of the list.")
    if given := typed.get("employees", "").strip():
        told = msgspec.structs.replace(told, employees=steps.employees_of(given))
        if told.employees is None:
            wrong["employees"] = no_number
    founded = typed.get("founded_on", "").strip()
    if founded and day_of(founded) is None:
        wrong["founded_on"] = office.t.gettext("Write a day.")
    sizes = {name: value for name, value in typed.items() if name.startswith(steps.SIZE)}
    for name, value in sizes.items():
        if value.strip() and steps.value_of(name.split("_")[1], value) is None:
            wrong[name] = no_number
    figures_told = steps.figures(sizes | {"founded_on": "" if wrong else founded, "owner_country": ""})
    figures_told["owner_country"] = typed.get("owner_country", "")
    sized = steps.told(figures_told)
    told = msgspec.structs.replace(
        told, sizes=sized.sizes, founded_on=sized.founded_on, owner_country=sized.owner_country
    )
    roles = tuple(Role(office.network.slug, code, Period(day)) for code in many.get(ROLE, ()))
    return msgspec.structs.replace(told, roles=roles, agreed=tuple(_signed(office, book, typed, wrong))), wrong


def _signed(office: Office, book: Rulebook, typed: Typed, wrong: dict[str, str]) -> Iterable[AgreedFee]:
    for name, value in typed.items():
        if name.startswith(AGREED) and value.strip():
            amount = figures.read(office.t.language, value, 2)
            if amount is None:
                wrong[name] = office.t.gettext("Write a number.")
            else:
                code = name.removeprefix(AGREED)
                yield AgreedFee(book.network, code, amount, book.currency, Period(date.min), "")


def _agreed(office: Office, tiers: Iterable[Tier]) -> list[dict[str, str]]:
    found = {c.code: c for tier in tiers for c in tier.fees if c.basis == "agreed"}
    return [{"name": AGREED + code, "label": office.t.text(c.names)} for code, c in found.items()]


def elsewhere(office: Office, tiers: Iterable[Tier]) -> list[dict[str, str]]:
    """The memberships that some discount asks about."""
    found: dict[str, str] = {}
    for less in (less for tier in tiers for c in tier.fees for less in c.discounts):
        for slug in less.networks or ((less.network,) if less.network else ()):
            name = names.network_name(office.t, office.kept, slug)
            for level in choices.levels_of(office, slug):
                if level["value"] in (less.tiers or (level["value"],)):
                    said = office.t.gettext("%(network)s, %(level)s", network=name, level=level["label"])
                    found[f"{slug}/{level['value']}"] = said
    return [{"value": value, "label": said} for value, said in found.items()]


def _roles(tiers: Iterable[Tier]) -> list[str]:
    asked = [f for tier in tiers for c in tier.fees for case in c.cases for f in case.when]
    asked += [less.fits for tier in tiers for c in tier.fees for less in c.discounts]
    return sorted({role for each in asked for role in each.roles})
