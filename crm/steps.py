"""The steps of the sign-up: what each asks, from typed text to a part of the ApplicationForm and back.

A draft's answers grow into the form that is sent. Every problem of a step is named at once, by the
name its field has on the page.
"""

import re
from typing import Any

import msgspec

from cluster_rules.networks import Rulebook, Tier
from crm import forms
from crm.errors import Invalid
from crm.forms import ApplicationForm, ConsentsForm, ContactForm, IdentifierForm, OrganisationForm, Problems

STEPS = ("level", "organisation", "contact", "terms", "check")
HOME = "NO"
ABROAD = "SE"  # stands in for a country that was not chosen, while the rest is checked
EMPLOYEES_DIGITS = 9
# Kept with a draft's answers and not part of them: e-mail addresses the link went to, and those that asked for access.
MAILED, ASKED = "_mailed", "_asked"
Answers = dict[str, Any]
Typed = dict[str, str]

# Everything in order, so that only what a step asked can be wrong with a form made from it.
_SAMPLE = ApplicationForm("-", "-", OrganisationForm("-", HOME, "company"), ContactForm("-", "name@company.no"))
# The form's names of what the pages call otherwise.
_FIELDS = {
    "organisation.name": "name",
    "organisation.country": "country",
    "organisation.employees": "employees",
    "contact.name": "contact_name",
    "contact.email": "email",
}


def read(step: str, typed: Typed, answers: Answers, tier: Tier | None, terms_version: int) -> Answers:
    """The answers with this step's in them. Invalid lists every problem of the step."""
    if step == "level":
        return _level(typed, answers)
    if step == "organisation":
        return _organisation(typed, answers, tier)
    if step == "contact":
        return _contact(typed, answers)
    return _terms(typed, answers, terms_version)


def part_of(step: str, answers: Answers) -> Any:
    """What a step has in the answers, to compare; None when it was not answered yet."""
    organisation = answers.get("organisation", {})
    if step == "level":
        return [answers["tier"], organisation.get("employees")] if "tier" in answers else None
    if step == "organisation":
        return {k: v for k, v in organisation.items() if k != "employees"} or None
    if step == "contact":
        return answers.get("contact")
    return [answers["consents"], answers.get("billing_reference", "")] if "consents" in answers else None


def first_missing(answers: Answers, terms_version: int) -> str:
    """The first step still to answer; "check" when all are."""
    for step in STEPS[:-1]:
        if part_of(step, answers) is None:
            return step
    return "check" if answers["consents"]["terms_version"] == terms_version else "terms"


def typed_of(answers: Answers) -> Typed:
    """The answers as somebody would type them: what the fields of all pages show."""
    organisation, contact = answers.get("organisation", {}), answers.get("contact", {})
    consents = answers.get("consents", {})
    given = {i["scheme"]: i["value"] for i in organisation.get("identifiers", [])}
    employees = organisation.get("employees")
    return {
        "tier": answers.get("tier", ""),
        "employees": "" if employees is None else str(employees),
        "country": organisation.get("country", HOME),
        "orgnr": given.get("no-orgnr", ""),
        "vat": given.get("vat", ""),
        "name": organisation.get("name", ""),
        "kind": organisation.get("kind", ""),
        "contact_name": contact.get("name", ""),
        "email": contact.get("email", ""),
        "billing_reference": answers.get("billing_reference", ""),
        "terms": "yes" if consents else "",
        "directory": "yes" if consents.get("directory") else "",
        "newsletter": "yes" if consents.get("newsletter") else "",
    }


def form_of(network: str, language: str, answers: Answers) -> ApplicationForm:
    """The whole form, ready to send, of a draft in which nothing is missing."""
    given = {key: value for key, value in answers.items() if key not in (MAILED, ASKED)}
    return msgspec.convert({**given, "network": network, "language": language}, ApplicationForm)


def size_matters(book: Rulebook, tier: Tier) -> bool:
    """Does anything about this level depend on the number of employees?"""
    rules = [r.when for r in book.link_rules if tier.code in r.when.tiers]
    return (
        any(c.basis == "employees" for c in tier.fees)
        or tier.open_to.max_employees > 0
        or any(w.min_employees or w.max_employees for w in rules)
    )


def employees_of(text: str) -> int | None:
    """A number of employees as people write it ("1 200"); None when it is not one."""
    digits = re.sub(r"[\s.,']", "", text)
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= EMPLOYEES_DIGITS else None


def _level(typed: Typed, answers: Answers) -> Answers:
    problems: Problems = []
    if not typed.get("tier"):
        problems.append(("tier", "level_missing", {}))
    given = typed.get("employees", "").strip()
    employees = employees_of(given)
    if given and (employees is None or employees > forms.EMPLOYEES_MAX):
        problems.append(("employees", "number_out_of_range", {"least": 0, "most": forms.EMPLOYEES_MAX}))
    _refuse(problems)
    organisation = answers.get("organisation", {}) | {"employees": employees}
    return answers | {"tier": typed["tier"], "organisation": organisation}


def _organisation(typed: Typed, answers: Answers, tier: Tier | None) -> Answers:
    problems: Problems = []
    kinds = tier.open_to.kinds if tier and tier.open_to.kinds else forms.KINDS
    kind = kinds[0] if len(kinds) == 1 else typed.get("kind", "")
    if kind not in forms.KINDS:
        problems.append(("kind", "kind_missing", {}))
        kind = "company"
    country = typed.get("country") or ("" if typed.get("abroad") else HOME)
    if not country:
        problems.append(("country", "country_missing", {}))
        country = ABROAD
    scheme, field = ("no-orgnr", "orgnr") if country == HOME else ("vat", "vat")
    value = "" if kind == "person" else _bare(scheme, typed.get(field, ""))
    if not value and scheme == "no-orgnr" and kind != "person":
        problems.append((field, "orgnr_missing", {}))
    form = OrganisationForm(
        name=typed.get("name", ""),
        country=country,
        kind=kind,  # type: ignore[arg-type]
        identifiers=[IdentifierForm(scheme, value)] if value else [],  # type: ignore[arg-type]
    )
    checked = _checked(problems, field, organisation=form).organisation
    kept = {"name": checked.name, "country": country, "kind": kind}
    identifiers = [msgspec.to_builtins(i) for i in checked.identifiers]
    before = answers.get("organisation", {})
    return answers | {"organisation": kept | {"identifiers": identifiers, "employees": before.get("employees")}}


def _bare(scheme: str, given: str) -> str:
    """A register number may be copied from an invoice: NO 923 609 016 MVA."""
    text = given.strip()
    return re.sub(r"(?i)^NO|MVA$", "", text).strip() if scheme == "no-orgnr" else text


def _contact(typed: Typed, answers: Answers) -> Answers:
    form = ContactForm(name=typed.get("contact_name", ""), email=typed.get("email", ""))
    checked = _checked([], contact=form).contact
    return answers | {"contact": msgspec.to_builtins(checked)}


def _terms(typed: Typed, answers: Answers, terms_version: int) -> Answers:
    problems: Problems = []
    if typed.get("terms") != "yes":
        problems.append(("terms", "terms_missing", {}))
    elif typed.get("terms_version", "") != str(terms_version):
        problems.append(("terms", "terms_changed", {"version": terms_version}))
    checked = _checked(problems, billing_reference=typed.get("billing_reference", ""))
    consents = ConsentsForm(terms_version, typed.get("directory") == "yes", typed.get("newsletter") == "yes")
    return answers | {"billing_reference": checked.billing_reference, "consents": msgspec.to_builtins(consents)}


def _checked(problems: Problems, identifier: str = "", **parts: Any) -> ApplicationForm:
    """The sample with these parts in it, checked and tidied; Invalid with all problems, by the pages' names."""
    try:
        checked = forms.check(msgspec.structs.replace(_SAMPLE, **parts))
    except Invalid as invalid:
        problems = problems + [(_field(f, identifier), code, values) for f, code, values in invalid.problems]
        checked = _SAMPLE
    _refuse(problems)
    return checked


def _field(name: str, identifier: str) -> str:
    return identifier if name.startswith("organisation.identifiers") else _FIELDS.get(name, name)


def _refuse(problems: Problems) -> None:
    if problems:
        raise Invalid(problems)
