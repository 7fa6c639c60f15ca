"""The sign-up's own words: steps, fields, kinds, and what is wrong with an answer, said with what was typed."""

import re
from collections.abc import Sequence
from typing import Any

from babel import Locale

from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Rulebook, Tier
from crm import words
from crm.catalogue import Catalogue
from crm.errors import Invalid
from crm.forms import COUNTRIES
from crm.i18n import N_, Translator
from crm.names import size_name
from crm.steps import HOME, SIZE, STEPS, Typed, sizes_asked

STEP_NAMES = {
    "level": N_("Level"),
    "organisation": N_("Organisation"),
    "contact": N_("Contact"),
    "terms": N_("Invoice and terms"),
    "check": N_("Check and send"),
}
# The field a step's problem is shown at, when the problem is about an answer of another step.
MAIN_FIELD = {"level": "tier", "organisation": "kind", "contact": "contact_name", "terms": "terms", "check": ""}
FIELDS = {
    "tier": N_("Level"),
    "employees": N_("Number of employees"),
    "country": N_("Country"),
    "orgnr": N_("Organisation number"),
    "vat": N_("VAT number (EU)"),
    "name": N_("Registered name"),
    "kind": N_("What kind of organisation is it?"),
    "contact_name": N_("Your name"),
    "email": N_("Your e-mail address"),
    "billing_reference": N_("Reference on the invoice"),
    "terms": N_("Terms"),
    "directory": N_("Public directory"),
    "newsletter": N_("Newsletter"),
    "founded_on": N_("Day of founding"),
    "owner_country": N_("Country of the company that owns it"),
}
NAME = N_("Organisation")  # as a label beside an answer
KIND = N_("Kind of organisation")
FIELDS_OF = {
    "level": ("tier", "employees"),
    "organisation": ("country", "orgnr", "vat", "name", "kind"),
    "contact": ("contact_name", "email"),
    "terms": ("billing_reference", "terms", "directory", "newsletter"),
    "check": (),
}
KINDS = {
    "company": N_("Company"),
    "university": N_("University"),
    "university_college": N_("University college"),
    "research_institute": N_("Research institute"),
    "public_body": N_("Public body"),
    "association": N_("Association or foundation"),
    "network": N_("Network or cluster"),
    "person": N_("Person"),
}
_REQUIRED = {
    "name": N_("Enter the registered name of the organisation."),
    "contact_name": N_("Enter your name."),
    "email": N_("Enter your e-mail address."),
    "answer": N_("Write an answer."),
}
_OWN = {
    "level_missing": N_("Choose a level."),
    "size_missing": N_("Fill this in. The fee of this level depends on it."),
    "employees_missing": N_("Enter the number of employees. This level depends on it."),
    "kind_missing": N_("Choose what kind of organisation it is."),
    "country_missing": N_("Choose the country."),
    "orgnr_missing": N_("Enter the organisation number. It has nine digits."),
    "terms_missing": N_("Tick that you accept the terms."),
    "terms_changed": N_("The terms have changed. Read version %(version)s and tick again."),
    "name_with_address": N_("Enter your name only, without web or mail addresses."),
}
_ORGNR = {
    "identifier_length": N_("Organisation number must have nine digits. You typed %(count)s."),
    "identifier_format": N_("Organisation number has digits only. You typed “%(given)s”."),
    "identifier_checksum": N_("There is no organisation number %(given)s. Look for a digit that is wrong or swapped."),
}
_VAT = N_("“%(given)s” is not a valid VAT number of the EU. Leave it empty if you have none.")
_DIGITS = {
    "en": ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    "nb": ("ingen", "ett", "to", "tre", "fire", "fem", "seks", "sju", "åtte", "ni", "ti", "elleve", "tolv"),
}
LONGEST_GIVEN = 40


def is_figure(field: str) -> bool:
    """Is it a field for what a fee depends on, besides the number of employees?"""
    return field.startswith(SIZE) or field in ("founded_on", "owner_country")


def label(t: Translator, field: str) -> str:
    """What a field asks for: its own words, or those of a figure (turnover in the whole group, NOK)."""
    if not field.startswith(SIZE):
        return t.gettext(FIELDS[field])
    basis, scope, currency = [*field.removeprefix(SIZE).split("_"), "", ""][:3]
    name = size_name(t, f"{basis}_group" if scope == "group" else basis)
    text = name[:1].upper() + name[1:]
    return f"{text}, {currency}" if currency else text


def sizes(t: Translator, book: Rulebook, levels: Sequence[Tier], typed: Typed) -> list[dict[str, str]]:
    """The fields for the figures that the fees of these levels need."""
    asked = {each.name: each for tier in levels for each in sizes_asked(book, tier)}
    return [{"name": name, "label": label(t, name), "value": typed.get(name, "")} for name in asked]


def owners(t: Translator) -> list[dict[str, str]]:
    """Where a company that owns the organisation can be."""
    named = Locale(t.language).territories
    listed = sorted(((named[c], c) for c in COUNTRIES if c != HOME), key=lambda pair: pair[0].casefold())
    return [{"value": HOME, "label": named[HOME]}, *({"value": code, "label": name} for name, code in listed)]


def steps(t: Translator, base: str, furthest: str) -> list[dict[str, str]]:
    """The steps for the `steps` macro; those that may be gone back to are links."""
    reached = STEPS.index(furthest)
    return [
        {"label": t.gettext(STEP_NAMES[step]), "href": f"{base}/{step}" if place <= reached else ""}
        for place, step in enumerate(STEPS)
    ]


def errors(
    t: Translator, kept: Catalogue, step: str, failure: Invalid | RuleViolation, typed: Typed
) -> list[dict[str, str]]:
    """What is wrong, each with the field on this step's page where it can be put right."""
    if isinstance(failure, Invalid):
        listed = failure.problems
    else:
        field = failure.field.removeprefix("organisation.")
        listed = [(field, failure.code, failure.params)]
    found = []
    for field, code, values in listed:
        own = field in FIELDS_OF[step] or field == "answer" or (step == "level" and is_figure(field))
        shown = field if own else MAIN_FIELD[step]
        found.append({"field": shown, "text": sentence(t, kept, field, code, values, typed)})
    order = [*FIELDS_OF[step], *filter(is_figure, typed), MAIN_FIELD[step], "answer"]
    places = {field: place for place, field in reversed(list(enumerate(order)))}
    return sorted(found, key=lambda each: places.get(each["field"], len(order)))


def sentence(t: Translator, kept: Catalogue | None, field: str, code: str, values: dict[str, Any], typed: Typed) -> str:
    """One problem in the words of its question."""
    given = typed.get(field, "").strip()[:LONGEST_GIVEN]
    if code in _OWN:
        return t.gettext(_OWN[code], **values) if values else t.gettext(_OWN[code])
    if code == "required" and field in _REQUIRED:
        return t.gettext(_REQUIRED[field])
    if field == "orgnr" and code in _ORGNR:
        return t.gettext(_ORGNR[code], count=_digits(t, given), given=given)
    if field == "vat" and code.startswith("identifier_"):
        return t.gettext(_VAT, given=given)
    return words.refusal(t, kept, code, values)


def _digits(t: Translator, given: str) -> str:
    count = len(re.findall(r"\d", given))
    names = _DIGITS[t.language]
    return names[count] if count < len(names) else str(count)
