"""A row of a list that a partner's system pushes: its shape, its limits, and what two rows of one list may not share.

What cannot be read or is wrong is told row by row; the other rows are not held up by it.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Literal
from uuid import UUID

import msgspec

from cluster_rules import matching
from cluster_rules.matching import Identity
from cluster_rules.organisations import Kind
from crm import forms
from crm.errors import Invalid
from crm.forms import IdentifierForm, OrganisationForm, Problems

EXTERNAL_ID_MAX = 100
TIER_MAX = 60
MOST_ROWS = 20_000
EARLIEST, LATEST = date(1900, 1, 1), date(2100, 1, 1)
# What an organisation is known by: when these are the same, what a person said about the row still holds.
IDENTITY = ("name", "country", "website", "identifiers", "parent_external_id")
_NOBODY = UUID(int=0)
FACTS = ("country", "kind", "employees", "municipality", "county", "website")


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One member as the partner's system has it. What is left out is not told, and stays as it is here.

    `starts_on` counts when the membership is made (left out: today); `ends_on` is the first day without it.
    `origin` as in member lists: "direct" or "both" says that it has a membership of its own, not only by a link rule.
    `parent_external_id`: it is a unit of that organisation.
    """

    external_id: str
    name: str
    country: str
    tier: str
    kind: Kind | None = None
    employees: int | None = None
    municipality: str | None = None
    county: str | None = None
    website: str | None = None
    identifiers: list[IdentifierForm] = []
    starts_on: date | None = None
    ends_on: date | None = None
    origin: Literal["direct", "linked", "both"] | None = None
    parent_external_id: str = ""

    @property
    def is_own(self) -> bool:
        """Does the row say that it has a membership of its own?"""
        return self.origin in ("direct", "both")

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Its numbers as (scheme, value)."""
        return frozenset((i.scheme, i.value) for i in self.identifiers)


class Sent(msgspec.Struct, frozen=True):
    """A row as it arrived: readable, or the problems why not. `external_id` as far as it could be made out."""

    external_id: str
    row: Listed | None
    problems: Problems = []


def refused(external_id: str, problems: Problems) -> Sent:
    """A row that is not taken. What it quotes of the row is without NUL, for which the database has no text."""
    told: Problems = [
        (_kept(field), rule, {name: _kept(v) if isinstance(v, str) else v for name, v in values.items()})
        for field, rule, values in problems
    ]
    return Sent(_kept(external_id)[:EXTERNAL_ID_MAX], None, told)


def check(row: Listed) -> Sent:
    """The row tidied and its numbers normalised, or everything that is wrong with it."""
    problems: Problems = []
    external = row.external_id.strip()
    forms.text(problems, "external_id", row.external_id, EXTERNAL_ID_MAX)
    forms.text(problems, "parent_external_id", row.parent_external_id, EXTERNAL_ID_MAX, required=False)
    forms.text(problems, "tier", row.tier, TIER_MAX)
    for field in ("municipality", "county"):
        forms.text(problems, field, getattr(row, field) or "", forms.SHORT_MAX, required=False)
    for field in ("starts_on", "ends_on"):
        day = getattr(row, field)
        if day is not None and not EARLIEST <= day <= LATEST:
            problems.append((field, "date_out_of_range", {"given": day.isoformat()}))
    if row.starts_on and row.ends_on and row.ends_on <= row.starts_on:
        days = {"starts_on": row.starts_on.isoformat(), "ends_on": row.ends_on.isoformat()}
        problems.append(("ends_on", "period_empty", days))
    if external and row.parent_external_id.strip() == external:
        problems.append(("parent_external_id", "parent_unknown", {"given": external}))
    form = OrganisationForm(
        row.name,
        row.country,
        row.kind or "company",
        row.employees,
        row.identifiers,
        website=row.website or "",
    )
    try:
        form = forms.organisation(form)
    except Invalid as invalid:
        problems += [(field.removeprefix("organisation."), code, told) for field, code, told in invalid.problems]
    if problems:
        return refused(external, problems)
    tidy = msgspec.structs.replace(
        row,
        external_id=external,
        parent_external_id=row.parent_external_id.strip(),
        name=form.name,
        identifiers=sorted(form.identifiers, key=lambda i: (i.scheme, i.value)),
        website=None if row.website is None else form.website,
        municipality=_tidy(row.municipality),
        county=_tidy(row.county),
    )
    return Sent(external, tidy)


def checked(rows: Iterable[Sent]) -> list[Sent]:
    """All rows, those refused that share an id or a number with another (nobody knows which of them is right), or that
    are a unit of a unit."""
    listed = list(rows)
    by_id: dict[str, list[int]] = {}
    by_number: dict[tuple[str, str, str], list[int]] = {}
    for place, sent in enumerate(listed):
        if sent.external_id:
            by_id.setdefault(sent.external_id, []).append(place)
        if sent.row:
            for scheme, value in _keys(sent.row):
                by_number.setdefault((sent.row.parent_external_id, scheme, value), []).append(place)
    units = {s.external_id: s.row.name for s in listed if s.row and s.row.parent_external_id}
    twice = _with_others("external_id", by_id.values()) | _with_others("identifiers", by_number.values())
    for place, (field, others) in twice.items():
        sent = listed[place]
        if sent.row:
            told: Problems = [(field, "row_twice", {"rows": ", ".join(str(n + 1) for n in others[:5])})]
            listed[place] = refused(sent.external_id, told)
    for place, sent in enumerate(listed):
        if sent.row and sent.row.parent_external_id in units:
            wrong: Problems = [("parent_external_id", "parent_wrong", {"name": units[sent.row.parent_external_id]})]
            listed[place] = refused(sent.external_id, wrong)
    return listed


def identity_of(body: dict[str, Any]) -> list[Any]:
    """What of a stored row says who it is, to compare with a later one."""
    return [body.get(name) for name in IDENTITY]


def _keys(row: Listed) -> frozenset[tuple[str, str]]:
    return matching.keys(Identity(_NOBODY, row.name, row.country, row.pairs), {})


def _with_others(field: str, places: Iterable[Sequence[int]]) -> dict[int, tuple[str, list[int]]]:
    """Place -> (field, the other places) of every place that is not alone."""
    return {
        place: (field, [other for other in group if other != place])
        for group in places
        if len(set(group)) > 1
        for place in group
    }


def _kept(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _tidy(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())
