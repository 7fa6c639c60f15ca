"""What the types of rows cannot say: keys exist and are unique, days and texts are sane.

Pure: what the database knows already is handed in. Every mistake is a FolderError with file, row and field.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from cluster_rules.organisations import BASES, MONEY_BASES
from crm import forms
from crm.errors import Refused
from crm.folder import AgreementRow, DisclosureRow, Folder, FolderError, NameRow, OrganisationRow
from crm.i18n import LANGUAGES
from crm.identifiers import normalise
from crm.share_sentences import BASES as BASES_OF_LAW
from crm.share_sentences import FIELDS, PERSONS

CODE_MAX = 60
SERIES_MAX = 20
OLDEST_DAY = date(1900, 1, 1)
LATEST_DAY = date(2100, 1, 1)
ON_END = ("end_links", "period_end", "grandfather")
SCHEMES = (("orgnr", "no-orgnr"), ("vat", "vat"), ("lei", "lei"), ("ror", "ror"))
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Known(msgspec.Struct, frozen=True):
    """What is stored: codes of hosts, slugs of networks, and whose an identifier (scheme, value) is."""

    hosts: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    identifiers: dict[tuple[str, str], UUID] = {}


def check(folder: Folder, known: Known) -> None:
    """FolderError on the first row that cannot be stored."""
    for file, rows in _files(folder):
        for place, row in rows:
            _texts(file, place, row)
    _hosts(folder)
    networks = _networks(folder, known)
    _agreements(folder, networks)
    _rulebooks(folder, networks)
    _organisations(folder)
    _memberships(folder, networks)
    _contacts(folder)
    _sizes(folder)
    _of_networks("agreed_fees.csv", folder.agreed_fees, "component", folder, networks)
    _of_networks("roles.csv", folder.roles, "role", folder, networks)
    for place, row in enumerate(folder.agreed_fees, 2):
        if not 0 <= row.amount <= forms.SIZE_MAX:
            raise FolderError("agreed_fees.csv", place, "amount", f"not 0 to {forms.SIZE_MAX}")
        if not row.source.strip():
            raise FolderError("agreed_fees.csv", place, "source", "is empty")


def identifiers_of(place: int, row: OrganisationRow) -> dict[str, str]:
    """A row's strong identifiers by scheme, each in its one written form."""
    out: dict[str, str] = {}
    for column, scheme in SCHEMES:
        if value := getattr(row, column):
            try:
                out[scheme] = normalise(scheme, value, column)
            except Refused as refusal:
                raise FolderError("organisations.csv", place, column, f"{refusal.code}: {value}") from refusal
    return out


def check_owners(rows: Iterable[tuple[int, UUID, dict[str, str]]], known: Known) -> None:
    """An identifier belongs to one organisation, in the folder and in the database together."""
    owners = dict(known.identifiers)
    for place, organisation, identifiers in rows:
        for scheme, value in identifiers.items():
            if owners.setdefault((scheme, value), organisation) != organisation:
                column = next(c for c, s in SCHEMES if s == scheme)
                raise FolderError("organisations.csv", place, column, f"{value} is another organisation's already")


def _files(folder: Folder) -> tuple[tuple[str, Iterable[tuple[int, Any]]], ...]:
    """Files with (row number, row): a CSV file's first row is its head."""
    return (
        ("hosts.toml", enumerate(folder.hosts, 1)),
        ("networks.toml", enumerate(folder.networks, 1)),
        ("agreements.toml", enumerate(folder.agreements, 1)),
        ("organisations.csv", enumerate(folder.organisations, 2)),
        ("memberships.csv", enumerate(folder.memberships, 2)),
        ("contacts.csv", enumerate(folder.contacts, 2)),
        ("sizes.csv", enumerate(folder.sizes, 2)),
        ("agreed_fees.csv", enumerate(folder.agreed_fees, 2)),
        ("roles.csv", enumerate(folder.roles, 2)),
    )


def _texts(file: str, place: int, row: msgspec.Struct) -> None:
    """Texts that a database cannot hold or a page cannot show, and days nobody can mean."""
    for field, value in msgspec.structs.asdict(row).items():
        for each in value.values() if isinstance(value, dict) else [value]:
            if isinstance(each, str):
                problems: forms.Problems = []
                forms.text(problems, field, each, forms.NOTE_MAX, required=False)
                if problems:
                    raise FolderError(file, place, field, problems[0][1])
            elif isinstance(each, date) and field != "founded_on" and not OLDEST_DAY <= each <= LATEST_DAY:
                raise FolderError(file, place, field, f"{each} is not between {OLDEST_DAY} and {LATEST_DAY}")


def _code(file: str, place: int, field: str, value: str, seen: set[str], longest: int = CODE_MAX) -> None:
    if not _CODE.fullmatch(value) or len(value) > longest:
        raise FolderError(file, place, field, f"{value!r} is not a code: a-z, 0-9 and hyphens, at most {longest}")
    if value in seen:
        raise FolderError(file, place, field, f"{value} stands there twice")
    seen.add(value)


def _one_of(file: str, place: int, field: str, value: str, known: Iterable[str]) -> None:
    listed = sorted(known)
    if value not in listed:
        shown = ", ".join(listed) if len(listed) <= len(LANGUAGES) + len(forms.KINDS) else "a known one"
        raise FolderError(file, place, field, f"{value!r} is not {shown or 'known'}")


def _zone(file: str, place: int, value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FolderError(file, place, "time_zone", f"{value!r} is no time zone") from error


def _period(file: str, place: int, starts: date, ends: date | None) -> None:
    if ends is not None and ends <= starts:
        raise FolderError(file, place, "ends_on", "not after starts_on")


def _hosts(folder: Folder) -> None:
    seen: set[str] = set()
    for place, row in enumerate(folder.hosts, 1):
        _code("hosts.toml", place, "code", row.code, seen)
        _one_of("hosts.toml", place, "country", row.country, forms.COUNTRIES)
        _one_of("hosts.toml", place, "language", row.language, LANGUAGES)
        _zone("hosts.toml", place, row.time_zone)
        if not row.name.strip():
            raise FolderError("hosts.toml", place, "name", "is empty")
        if not 1 <= len(row.invoice_series) <= SERIES_MAX:
            raise FolderError("hosts.toml", place, "invoice_series", f"not 1 to {SERIES_MAX} characters")


def _networks(folder: Folder, known: Known) -> set[str]:
    seen: set[str] = set()
    hosts = known.hosts | {row.code for row in folder.hosts}
    for place, row in enumerate(folder.networks, 1):
        _one_of("networks.toml", place, "host", row.host, hosts)
        if row.parent is not None:  # a parent comes before its children
            _one_of("networks.toml", place, "parent", row.parent, known.networks | seen)
        _code("networks.toml", place, "slug", row.slug, seen)
        _zone("networks.toml", place, row.time_zone)
        for field in ("names", "short", "summary"):
            if missing := set(LANGUAGES) - getattr(row, field).keys():
                raise FolderError("networks.toml", place, field, f"{', '.join(sorted(missing))} is missing")
        for field, longest in (("kind", 30), ("colour", 20)):
            if len(getattr(row, field)) > longest:
                raise FolderError("networks.toml", place, field, f"longer than {longest} characters")
        _names_history(place, row.names_history)
    return seen | known.networks


def _names_history(place: int, names: Sequence[NameRow]) -> None:
    for each in names:
        if missing := set(LANGUAGES) - each.names.keys():
            raise FolderError("networks.toml", place, "names_history", f"{', '.join(sorted(missing))} is missing")
    days = [each.until for each in names]
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise FolderError("networks.toml", place, "names_history", "the days do not follow each other")


def _sizes(folder: Folder) -> None:
    file, keys = "sizes.csv", {row.key for row in folder.organisations}
    seen: set[tuple[object, ...]] = set()
    for place, row in enumerate(folder.sizes, 2):
        if row.organisation_key not in keys:
            raise FolderError(file, place, "organisation_key", f"no organisation {row.organisation_key}")
        _one_of(file, place, "basis", row.basis, BASES)
        _one_of(file, place, "scope", row.scope, ("own", "group"))
        if (row.basis, row.scope) == ("employees", "own"):
            raise FolderError(file, place, "basis", "own employees stand in organisations.csv")
        if not 0 <= row.value <= forms.SIZE_MAX:
            raise FolderError(file, place, "value", f"not 0 to {forms.SIZE_MAX}")
        if (row.basis in MONEY_BASES) != bool(_CURRENCY.fullmatch(row.currency)):
            raise FolderError(file, place, "currency", "turnover and balance have one such as NOK, and nothing else")
        key = (row.organisation_key, row.basis, row.scope, row.currency, row.as_of)
        if key in seen:
            raise FolderError(file, place, "as_of", "the same figure stands there twice for the day")
        seen.add(key)


def _of_networks(file: str, rows: Sequence[Any], what: str, folder: Folder, networks: set[str]) -> None:
    """Rows about an organisation in a network, of which those about the same thing (`what`) never overlap."""
    keys = {row.key for row in folder.organisations}
    about: dict[tuple[str, ...], list[tuple[date, date]]] = {}
    for place, row in enumerate(rows, 2):
        if row.organisation_key not in keys:
            raise FolderError(file, place, "organisation_key", f"no organisation {row.organisation_key}")
        if row.network not in networks:
            raise FolderError(file, place, "network", f"no network {row.network}")
        if not _NAME.fullmatch(getattr(row, what)):
            raise FolderError(file, place, what, f"{getattr(row, what)!r} is not a code: a-z, 0-9, _ and hyphens")
        _period(file, place, row.starts_on, row.ends_on)
        days = (row.starts_on, row.ends_on or date.max)
        others = about.setdefault((row.network, row.organisation_key, getattr(row, what)), [])
        if any(days[0] < end and start < days[1] for start, end in others):
            raise FolderError(file, place, "starts_on", "overlaps a row before")
        others.append(days)


def _agreements(folder: Folder, networks: set[str]) -> None:
    seen: set[str] = set()
    for place, row in enumerate(folder.agreements, 1):
        _code("agreements.toml", place, "code", row.code, seen)
        _one_of("agreements.toml", place, "source", row.source, networks)
        _one_of("agreements.toml", place, "target", row.target, networks - {row.source})
        _one_of("agreements.toml", place, "on_end", row.on_end, ON_END)
        _period("agreements.toml", place, row.starts_on, row.ends_on)
        if not 0 <= row.notice_days <= 3660:
            raise FolderError("agreements.toml", place, "notice_days", "not 0 to 3660")
        for each in row.disclosures:
            _disclosure(place, row, each, folder)


def _disclosure(place: int, row: AgreementRow, said: DisclosureRow, folder: Folder) -> None:
    file = "agreements.toml"
    _texts(file, place, said)
    _one_of(file, place, "disclosures.network", said.network, {row.source, row.target})
    if sum(each.network == said.network for each in row.disclosures) > 1:
        raise FolderError(file, place, "disclosures.network", f"{said.network} stands there twice")
    levels = {tier.code for book, _ in folder.rulebooks if book.network == said.network for tier in book.tiers}
    for field, given, known in (
        ("fields", said.fields, FIELDS),
        ("tiers", said.tiers, levels),
        ("legal_basis", [said.legal_basis], BASES_OF_LAW),
        ("persons_basis", [said.persons_basis], PERSONS),
    ):
        for each in given:
            _one_of(file, place, f"disclosures.{field}", each, known)
    if not said.persons_basis and any(each.startswith("contact_") for each in said.fields):
        raise FolderError(file, place, "disclosures.persons_basis", "contacts are disclosed on a stated basis only")
    if not 0 <= said.retention_days <= 3660:
        raise FolderError(file, place, "disclosures.retention_days", "not 0 to 3660")


def _rulebooks(folder: Folder, networks: set[str]) -> None:
    seen: set[tuple[str, int]] = set()
    for book, _ in folder.rulebooks:
        file = f"rulebook of {book.network} version {book.version}"
        _one_of(file, 0, "network", book.network, networks)
        if (book.network, book.version) in seen:
            raise FolderError(file, 0, "version", "stands there twice")
        seen.add((book.network, book.version))


def _organisations(folder: Folder) -> None:
    file = "organisations.csv"
    seen: set[str] = set()
    for place, row in enumerate(folder.organisations, 2):
        if row.parent_key and row.parent_key not in seen:
            raise FolderError(file, place, "parent_key", f"no organisation {row.parent_key} in a row above")
        _code(file, place, "key", row.key, seen)
        if not row.name.strip() or len(row.name) > forms.NAME_MAX:
            raise FolderError(file, place, "name", f"not 1 to {forms.NAME_MAX} characters")
        _one_of(file, place, "kind", row.kind, forms.KINDS)
        _one_of(file, place, "country", row.country, forms.COUNTRIES)
        if row.employees is not None and not 0 <= row.employees <= forms.EMPLOYEES_MAX:
            raise FolderError(file, place, "employees", f"not 0 to {forms.EMPLOYEES_MAX}")


def _memberships(folder: Folder, networks: set[str]) -> None:
    keys = {row.key for row in folder.organisations}
    for place, row in enumerate(folder.memberships, 2):
        if row.organisation_key not in keys:
            raise FolderError("memberships.csv", place, "organisation_key", f"no organisation {row.organisation_key}")
        if row.network not in networks:
            raise FolderError("memberships.csv", place, "network", f"no network {row.network}")
        _period("memberships.csv", place, row.starts_on, row.ends_on)


def _contacts(folder: Folder) -> None:
    keys = {row.key for row in folder.organisations}
    for place, row in enumerate(folder.contacts, 2):
        if row.organisation_key not in keys:
            raise FolderError("contacts.csv", place, "organisation_key", f"no organisation {row.organisation_key}")
        problems: forms.Problems = []
        forms.text(problems, "name", row.name, forms.NAME_MAX)
        forms.email(problems, "email", row.email)
        if problems:
            raise FolderError("contacts.csv", place, problems[0][0], problems[0][1])
        _one_of("contacts.csv", place, "language", row.language, LANGUAGES)


def by_membership(rows: Sequence[Any]) -> dict[tuple[str, str], list[tuple[int, Any]]]:
    """(row number, row) of each membership, in order of days; FolderError when two overlap."""
    out: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for place, row in enumerate(rows, 2):
        out.setdefault((row.network, row.organisation_key), []).append((place, row))
    for of_one in out.values():
        of_one.sort(key=lambda each: each[1].starts_on)
        for (_, before), (place, row) in pairwise(of_one):
            if before.ends_on is None or row.starts_on < before.ends_on:
                raise FolderError("memberships.csv", place, "starts_on", "overlaps the row before")
    return out
