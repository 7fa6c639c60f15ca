"""What agreements disclose, in words: fields, grounds, and "who sees what" as the macro `shares.seen` shows it.

For the office's page of a member, the agreement's page, and the member's own page alike.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from crm import names
from crm.catalogue import Catalogue, NetworkRow
from crm.i18n import N_, Translator
from crm.reads.shares import Reading, Seen
from crm.share_sentences import BASES, CHOICES, FIELDS, PERSONS, READINGS

STATUSES = {"active": N_("active"), "suspended": N_("on hold")}
ORIGINS = {"direct": N_("direct"), "linked": N_("linked"), "both": N_("direct and linked")}
ABOUT = {"organisation": N_("The organisation %(choice)s"), "contact": N_("The contact %(choice)s")}


def seen(t: Translator, kept: Catalogue, rows: Sequence[Seen]) -> list[dict[str, Any]]:
    """One entry for each partner: whose members, to whom, which fields with values, on what grounds, since when."""
    return [_entry(t, kept, row) for row in rows]


def _entry(t: Translator, kept: Catalogue, row: Seen) -> dict[str, Any]:
    network, partner = kept.by_id[row.network_id], kept.by_id[row.to_network_id]
    zone = network.zone
    return {
        "agreement": row.agreement,
        "agreement_name": t.text(row.agreement_names),
        "network": face(t, network),
        "partner": face(t, partner),
        "fields": [
            {
                "label": capital(t.gettext(FIELDS[name])),
                "value": value_words(t, kept, network.slug, name, row.values[name]),
            }
            for name in FIELDS
            if name in row.values
        ],
        "purpose": t.text(row.purpose) if row.purpose else "",
        "basis": basis_words(t, row.legal_basis, row.legal_words),
        "persons": t.gettext(PERSONS[row.persons_basis]) if row.persons_basis else "",
        "retention_days": row.retention_days,
        "since": row.since.astimezone(zone).date() if row.since else None,
        "fetched": row.fetched_at.astimezone(zone) if row.fetched_at else None,
        "choices": [
            t.gettext(ABOUT[each.about], choice=t.gettext(CHOICES[each.choice]))
            + f" ({t.date(each.on.astimezone(zone).date())})"
            for each in row.choices
        ],
    }


def face(t: Translator, network: NetworkRow) -> dict[str, Any]:
    """A network as macros show it."""
    shown = {"name": t.text(network.names), "short": t.text(network.short)}
    return {"slug": network.slug, "colour": network.colour, **shown}


def basis_words(t: Translator, basis: str, words: dict[str, str]) -> str:
    """The legal basis, and what was said about it."""
    if not basis:
        return ""
    said = t.text(words) if words else ""
    return f"{t.gettext(BASES[basis])}. {said}" if said else t.gettext(BASES[basis])


def value_words(t: Translator, kept: Catalogue, slug: str, field: str, value: Any) -> str:
    """One disclosed value as people read it; "" is said as nothing."""
    if field in ("starts_on", "ends_on"):
        return t.date(date.fromisoformat(value)) if value else "–"
    words = {
        "identifiers": lambda: ", ".join(each["value"] for each in value),
        "country": lambda: names.country_name(t, value),
        "kind": lambda: names.kind_name(t, value),
        "tier": lambda: names.tier_name(t, kept, slug, value),
        "status": lambda: t.gettext(STATUSES[value]),
        "origin": lambda: t.gettext(ORIGINS[value]),
    }
    return str(words[field]() if field in words else value) or "–"


def capital(text: str) -> str:
    """As it stands alone."""
    return text[:1].upper() + text[1:]


def readings(t: Translator, zone: ZoneInfo, rows: Sequence[Reading]) -> list[dict[str, Any]]:
    """The disclosure log for a table."""
    return [
        {
            "at": row.recorded_at.astimezone(zone),
            "reader": row.reader,
            "kind": t.gettext(READINGS[row.kind]) if row.kind in READINGS else row.kind,
            "members": row.members,
            "version": row.terms_version,
        }
        for row in rows
    ]
