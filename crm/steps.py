"""The steps of the sign-up: what each asks, from typed text to a part of the ApplicationForm and back.

A draft's answers grow into the form that is sent. Every problem of a step is named at once, by the
name its field has on the page.
"""

import re
from datetime import date
from typing import Any, get_args

import msgspec

from cluster_rules import bases
from cluster_rules.errors import RuleViolation
from cluster_rules.networks import Rulebook, Tier
from cluster_rules.organisations import BASES, MONEY_BASES, Basis, Profile, Scope, Size
from cluster_rules.periods import Period
from crm import forms
from crm.errors import Invalid
from crm.forms import ApplicationForm, ConsentsForm, ContactForm, IdentifierForm, OrganisationForm, Problems

STEPS = ("level", "organisation", "contact", "terms", "check")
HOME = "NO"
ABROAD = "SE"  # stands in for a country that was not chosen, while the rest is checked
EMPLOYEES_DIGITS = 9
# What an applicant can tell; an agreed fee or the value of an index is the network's to enter.
TOLD_BY_APPLICANT = ("size_unknown", "founding_unknown", "band_missing")
SIZE = "size_"  # begins the name of a figure's field
SCOPES: tuple[Scope, ...] = get_args(Scope)
# What the level step has told of the organisation, and the organisation step leaves alone.
FIGURES = ("employees", "sizes", "founded_on", "owner_country")
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
        told = [organisation.get(name) for name in FIGURES]
        return [answers["tier"], *(value for value in told if value or value == 0)] if "tier" in answers else None
    if step == "organisation":
        return {k: v for k, v in organisation.items() if k not in FIGURES} or None
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
    figures = {
        SizeAsked(s["basis"], s["scope"], s["currency"]).name: written(s["basis"], s["value"])
        for s in organisation.get("sizes", [])
    }
    return figures | {
        "founded_on": organisation.get("founded_on", ""),
        "owner_country": organisation.get("owner_country", ""),
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


class SizeAsked(msgspec.Struct, frozen=True):
    """A figure that a level's fee needs. `name` is its field on the page: size_turnover_own_NOK."""

    basis: Basis
    scope: Scope
    currency: str

    @property
    def name(self) -> str:
        """The field's name, which says all there is to say."""
        return f"{SIZE}{self.basis}_{self.scope}_{self.currency}"


def sizes_asked(book: Rulebook, tier: Tier) -> list[SizeAsked]:
    """The figures besides the number of employees that the level's fee needs, no more."""
    found: dict[str, SizeAsked] = {}
    for component in tier.fees:
        needed = set(bases.needed(component))
        for basis in BASES:
            currency = (component.size_currency or book.currency) if basis in MONEY_BASES else ""
            scopes: list[Scope] = [s for s in SCOPES if (basis if s == "own" else f"{basis}_group") in needed]
            asked = [SizeAsked(basis, s, currency) for s in scopes if (basis, s) != ("employees", "own")]
            found |= {each.name: each for each in asked}
    return list(found.values())


def facts_asked(tier: Tier) -> set[str]:
    """Which of `founded_on` and `owner_country` the level's fee looks at."""
    return {fact for c in tier.fees for fact in bases.needed(c)} & {"founded_on", "owner_country"}


def told(organisation: Answers) -> Profile:
    """What the answers tell of the organisation so far; kind and country may still be open."""
    founded = organisation.get("founded_on")
    return Profile(
        Period(date.min),
        organisation.get("kind", ""),
        organisation.get("country", ""),
        organisation.get("employees"),
        founded_on=date.fromisoformat(founded) if founded else None,
        owner_country=organisation.get("owner_country", ""),
        sizes=tuple(
            Size(s["basis"], s["value"], scope=s["scope"], currency=s["currency"])
            for s in organisation.get("sizes", [])
        ),
    )


def field_of(book: Rulebook, tier: Tier, missing: RuleViolation) -> str:
    """The page's field for what a fee misses."""
    if missing.field in ("employees", "founded_on"):
        return missing.field
    basis, of_group = missing.field.removesuffix("_group"), missing.field.endswith("_group")
    scope = "group" if of_group else "own"
    return next((a.name for a in sizes_asked(book, tier) if (a.basis, a.scope) == (basis, scope)), "employees")


def size_matters(book: Rulebook, tier: Tier) -> bool:
    """Does anything about this level depend on the number of employees?"""
    rules = [r.when for r in book.link_rules if tier.code in r.when.tiers]
    return (
        any("employees" in bases.needed(c) for c in tier.fees)
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
    organisation = answers.get("organisation", {}) | {"employees": employees} | _figures(typed, problems)
    _refuse(problems)
    return answers | {"tier": typed["tier"], "organisation": organisation}


def figures(typed: Typed) -> Answers:
    """The figures as they are typed right now; what is no number is not told yet."""
    return _figures(typed, [])


def _figures(typed: Typed, problems: Problems) -> Answers:
    """The figures of the page's fields; what is left open, or was not asked any more, is not told."""
    sizes = []
    for name in typed:
        given = typed[name].strip()
        if name.startswith(SIZE) and given:
            basis, scope, currency = [*name.removeprefix(SIZE).split("_"), "", ""][:3]
            value = value_of(basis, given)
            if basis not in BASES or scope not in SCOPES or value is None:
                problems.append((name, "number_out_of_range", {"least": 0, "most": forms.SIZE_MAX}))
            else:
                sizes.append({"basis": basis, "value": value, "scope": scope, "currency": currency})
    out: Answers = {"sizes": sizes, "owner_country": typed.get("owner_country", "")}
    if out["owner_country"] and out["owner_country"] not in forms.COUNTRIES:
        problems.append(("owner_country", "country_unknown", {"given": out["owner_country"][:10]}))
    if founded := typed.get("founded_on", "").strip():
        try:
            out["founded_on"] = date.fromisoformat(founded).isoformat()
        except ValueError:
            problems.append(("founded_on", "date_out_of_range", {"given": founded[:20]}))
    return out


def value_of(basis: str, text: str) -> int | None:
    """A figure as people write it, in the units of rules: 12 500 000 kr is 1,250,000,000; 3,5 full-time is 350."""
    in_hundredths = basis in MONEY_BASES or basis == "fte"
    bare = re.sub(r"[\s']", "", text)
    found = re.fullmatch(r"(\d{1,13})(?:[.,](\d{1,2}))?" if in_hundredths else r"(\d{1,13})()", bare)
    if found is None:  # 12.500.000 or 12,500,000
        found = re.fullmatch(r"(\d{1,13})()", re.sub(r"[.,](?=\d{3}(?!\d))", "", bare))
    if found is None or not bare.isascii():
        return None
    whole, part = int(found[1]), (found[2] or "").ljust(2, "0")
    return whole * 100 + int(part) if in_hundredths else whole


def written(basis: str, value: int) -> str:
    """The other way: what a field shows again."""
    if basis not in MONEY_BASES and basis != "fte":
        return str(value)
    whole, part = divmod(value, 100)
    return f"{whole}.{part:02}" if part else str(whole)


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
    told = {name: before[name] for name in FIGURES if name in before}
    return answers | {"organisation": kept | {"identifiers": identifiers, "employees": None} | told}


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
