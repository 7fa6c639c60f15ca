"""What can be asked for: the shapes that pages, API and imports hand to actions, checked field by field.

`check` collects every problem of a form at once (a page shows them all); a single rule's refusal
later names its own field.
"""

import re
from datetime import date
from typing import Any, Literal

import msgspec
from babel import Locale

from cluster_rules.organisations import KINDS, MONEY_BASES, Basis, Scope, Size
from crm.errors import Invalid, Refused
from crm.identifiers import SCHEMES, normalise

NAME_MAX = 200
SHORT_MAX = 100
URL_MAX = 300
EMAIL_MAX = 254
NOTE_MAX = 2000
EMPLOYEES_MAX = 5_000_000
IDENTIFIERS_MAX = 5
SIZES_MAX = 20
SIZE_MAX = 10**15
OLDEST_FOUNDED = date(1000, 1, 1)
COUNTRIES = frozenset(c for c in Locale("en").territories if re.fullmatch("[A-Z]{2}", c)) - {
    "EU",
    "EZ",
    "UN",
    "ZZ",
    "QO",
    "XA",
    "XB",
}
_EMAIL = re.compile(r"^[^\s@<>\",;:\\()\[\]]+@[^\s@<>\",;:\\()\[\].]+(\.[^\s@<>\",;:\\()\[\].]+)+$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")

Problems = list[tuple[str, str, dict[str, Any]]]


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every form: unknown fields are refused."""


class IdentifierForm(_Form, frozen=True):
    """A strong identifier as given."""

    scheme: Literal["no-orgnr", "vat", "lei", "ror", "pic"]
    value: str


class SizeForm(_Form, frozen=True):
    """A figure that a fee depends on; `currency` for turnover and balance, `as_of` the day it is of (none: today).

    Units: minor units of money, hundredths of full-time equivalents, whole numbers otherwise.
    """

    basis: Basis
    value: int
    scope: Scope = "own"
    currency: str = ""
    as_of: date | None = None
    source: str = ""


class OrganisationForm(_Form, frozen=True):
    """The organisation that applies. `owner_country`: where the company that owns it is; empty = nobody does."""

    name: str
    country: str
    kind: Literal[
        "company",
        "university",
        "university_college",
        "research_institute",
        "public_body",
        "association",
        "network",
        "person",
    ]
    employees: int | None = None
    identifiers: list[IdentifierForm] = []
    founded_on: date | None = None
    website: str = ""
    sizes: list[SizeForm] = []
    owner_country: str = ""

    @property
    def profile_sizes(self) -> tuple[Size, ...]:
        """The figures as rules know them."""
        return tuple(Size(s.basis, s.value, s.as_of, s.source, s.scope, s.currency) for s in self.sizes)


class ContactForm(_Form, frozen=True):
    """The person who applies for it."""

    name: str
    email: str
    role: str = ""


class ConsentsForm(_Form, frozen=True):
    """What was agreed to: `terms_version` must be the current one; the others are free choices."""

    terms_version: int = 1
    directory: bool = False
    newsletter: bool = False


class ApplicationForm(_Form, frozen=True):
    """A whole application."""

    network: str
    tier: str
    organisation: OrganisationForm
    contact: ContactForm
    billing_reference: str = ""
    language: Literal["nb", "en"] = "nb"
    consents: ConsentsForm = ConsentsForm()


def check(form: ApplicationForm) -> ApplicationForm:
    """The form with identifiers normalised and texts trimmed; Invalid lists all that is wrong."""
    problems: Problems = []
    organisation = _organisation(problems, form.organisation)
    text(problems, "contact.name", form.contact.name, NAME_MAX)
    email(problems, "contact.email", form.contact.email)
    text(problems, "contact.role", form.contact.role, SHORT_MAX, required=False)
    text(problems, "billing_reference", form.billing_reference, SHORT_MAX, required=False)
    if problems:
        raise Invalid(problems)
    return msgspec.structs.replace(
        form,
        organisation=organisation,
        contact=msgspec.structs.replace(
            form.contact, name=_tidy(form.contact.name), email=form.contact.email.strip().lower()
        ),
        billing_reference=_tidy(form.billing_reference),
    )


def organisation(form: OrganisationForm) -> OrganisationForm:
    """The same for an organisation alone."""
    problems: Problems = []
    checked = _organisation(problems, form)
    if problems:
        raise Invalid(problems)
    return checked


def facts(told: dict[str, Any], reason: str) -> None:
    """Facts about an organisation, by name, as somebody wants them changed; Invalid lists all that is wrong."""
    problems: Problems = []
    if "kind" in told and told["kind"] not in KINDS:
        problems.append(("kind", "value_unknown", {"message": str(told["kind"])[:30]}))
    if "country" in told and told["country"] not in COUNTRIES:
        problems.append(("country", "country_unknown", {"given": str(told["country"])[:10]}))
    for field in ("municipality", "county"):
        if field in told:
            text(problems, field, told[field], SHORT_MAX, required=False)
    _number(problems, "employees", told.get("employees"))
    _founded(problems, told.get("founded_on"))
    _website(problems, told.get("website", ""))
    text(problems, "reason", reason, NOTE_MAX, required=False)
    if problems:
        raise Invalid([(field.removeprefix("organisation."), code, params) for field, code, params in problems])


def _organisation(problems: Problems, form: OrganisationForm) -> OrganisationForm:
    text(problems, "organisation.name", form.name, NAME_MAX)
    _country(problems, form.country)
    _number(problems, "organisation.employees", form.employees)
    _founded(problems, form.founded_on)
    _website(problems, form.website)
    sizes(problems, "organisation.sizes", form.sizes)
    if form.owner_country and form.owner_country not in COUNTRIES:
        problems.append(("organisation.owner_country", "country_unknown", {"given": form.owner_country[:10]}))
    identifiers = _identifiers(problems, form.identifiers)
    return msgspec.structs.replace(form, name=_tidy(form.name), website=form.website.strip(), identifiers=identifiers)


def _tidy(text: str) -> str:
    return " ".join(text.split())


def text(problems: Problems, field: str, value: str, longest: int, required: bool = True) -> None:
    if required and not value.strip():
        problems.append((field, "required", {}))
    elif len(value) > longest:
        problems.append((field, "too_long", {"limit": longest, "length": len(value)}))
    elif _CONTROL.search(value):
        problems.append((field, "control_characters", {}))


def _country(problems: Problems, value: str) -> None:
    if value not in COUNTRIES:
        problems.append(("organisation.country", "country_unknown", {"given": value[:10]}))


def _number(problems: Problems, field: str, value: int | None) -> None:
    if value is not None and not 0 <= value <= EMPLOYEES_MAX:
        problems.append((field, "number_out_of_range", {"least": 0, "most": EMPLOYEES_MAX}))


def sizes(problems: Problems, field: str, given: list[SizeForm]) -> None:
    """Each figure is possible, told once, and in a currency exactly when it is money."""
    if len(given) > SIZES_MAX:
        problems.append((field, "too_many", {"limit": SIZES_MAX}))
        return
    seen: set[tuple[object, ...]] = set()
    for place, size in enumerate(given):
        at = f"{field}.{place}"
        if not 0 <= size.value <= SIZE_MAX:
            problems.append((f"{at}.value", "number_out_of_range", {"least": 0, "most": SIZE_MAX}))
        if (size.basis in MONEY_BASES) != bool(re.fullmatch("[A-Z]{3}", size.currency)):
            problems.append((f"{at}.currency", "size_currency_wrong", {}))
        if size.as_of is not None and not OLDEST_FOUNDED <= size.as_of <= date.today():  # noqa: DTZ011 - a bound only
            problems.append((f"{at}.as_of", "date_out_of_range", {"given": size.as_of.isoformat()}))
        text(problems, f"{at}.source", size.source, SHORT_MAX, required=False)
        key = (size.basis, size.scope, size.currency, size.as_of)
        if key in seen:
            problems.append((f"{at}.basis", "size_twice", {}))
        seen.add(key)


def _founded(problems: Problems, value: date | None) -> None:
    if value is not None and not OLDEST_FOUNDED <= value <= date.today():  # noqa: DTZ011 - a sanity bound only
        problems.append(("organisation.founded_on", "date_out_of_range", {"given": value.isoformat()}))


def _website(problems: Problems, value: str) -> None:
    if not value:
        return
    if len(value) > URL_MAX:
        problems.append(("organisation.website", "too_long", {"limit": URL_MAX, "length": len(value)}))
    elif not re.fullmatch(r"https?://[^\s<>\"'\\]+\.[^\s<>\"'\\]+", value.strip()):
        problems.append(("organisation.website", "website_format", {"given": value[:80]}))


def email(problems: Problems, field: str, value: str) -> None:
    if not value.strip():
        problems.append((field, "required", {}))
    elif len(value) > EMAIL_MAX or _CONTROL.search(value) or not _EMAIL.match(value.strip()):
        problems.append((field, "email_format", {"given": value[:80]}))


def _identifiers(problems: Problems, given: list[IdentifierForm]) -> list[IdentifierForm]:
    if len(given) > IDENTIFIERS_MAX:
        problems.append(("organisation.identifiers", "too_many", {"limit": IDENTIFIERS_MAX}))
        return []
    out: list[IdentifierForm] = []
    for place, identifier in enumerate(given):
        field = f"organisation.identifiers.{place}.value"
        try:
            value = normalise(identifier.scheme, identifier.value, field)
        except Refused as refusal:
            problems.append((field, refusal.code, refusal.params))
            continue
        if any(i.scheme == identifier.scheme for i in out):
            problems.append((field, "scheme_twice", {"scheme": identifier.scheme}))
        out.append(IdentifierForm(identifier.scheme, value))
    return out


__all__ = [
    "KINDS",
    "SCHEMES",
    "ApplicationForm",
    "ConsentsForm",
    "ContactForm",
    "IdentifierForm",
    "OrganisationForm",
    "check",
    "organisation",
]
