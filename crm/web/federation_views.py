"""Agreements with other systems in words: health in one sentence, terms, what each side says of an organisation."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cluster_rules.federated_terms import Terms
from cluster_rules.federation import Register, stretches
from crm.federation_sentences import HELD, STANDINGS, STATES
from crm.i18n import N_
from crm.names import country_name, kind_name
from crm.reads.federation import Linked, Listed
from crm.web.office import Office

COLOURS = {
    "draft": ("neutral", "pencil"),
    "proposed": ("warning", "clock"),
    "active": ("success", "circle-check"),
    "suspended": ("danger", "player-pause"),
    "terminated": ("neutral", "circle-minus"),
}
FIELDS = {
    "name": N_("name"),
    "country": N_("country"),
    "kind": N_("kind of organisation"),
    "website": N_("website"),
    "identifiers": N_("organisation number"),
}


def agreement(office: Office, row: Listed, now: datetime) -> dict[str, Any]:
    """One agreement as pages show it."""
    t = office.t
    color, icon = COLOURS[row.standing]
    terms = row.terms
    other = "receiving" if row.side == "granting" else "granting"
    return {
        "code": row.code,
        "side": row.side,
        "standing": row.standing,
        "badge": {"text": t.gettext(STANDINGS[row.standing]), "color": color, "icon": icon},
        "name": t.text(row.peer_network["names"]) if row.peer_network else t.gettext("Not answered yet"),
        "system": urlsplit(row.peer_url).netloc,
        "sentence": sentence(office, row, now),
        "levels": levels(office, row.side, terms) if terms else [],
        "fields": ", ".join(t.gettext(FIELDS[field]) for field in terms.fields) if terms else "",
        "terms": terms.hash if terms else "",
        "starts_on": terms.starts_on if terms else None,
        "lease_days": terms.lease_days if terms else 0,
        "automatic": terms is None or terms.acceptance == "automatic",
        "free": terms is None or terms.fee.policy == "waived",
        "purpose": terms.purpose if terms else "",
        "legal_basis": terms.legal_basis if terms else "",
        "signed_here": _signed(row, row.side),
        "signed_there": _signed(row, other),
        "offered": row.offered,
        "attention": row.held + row.refused + row.disputed,
        "held": row.held,
        "reasserted": row.reasserted,
        "skew": abs(row.skew_seconds or 0) > 120,
        "heard_at": row.heard_at,
        "matched_at": row.matched_at,
    }


def sentence(office: Office, row: Listed, now: datetime) -> str:
    """How it is, in one sentence: first what a person must do, then what goes on by itself."""
    t = office.t
    if row.standing == "draft":
        until = row.invite_expires_at
        if until and until <= now:
            return t.gettext("The invitation has expired without an answer.")
        return (
            t.gettext("Waits for an answer to the invitation, until %(when)s.", when=t.datetime(until)) if until else ""
        )
    if row.standing == "proposed":
        if not _signed(row, row.side):
            return t.gettext("Waits for your signature.")
        return t.gettext("Signed here; waits for the other network's signature.")
    if row.standing == "terminated":
        return t.gettext("Ended on %(day)s, for good.", day=t.date(row.ended_on)) if row.ended_on else ""
    if row.standing == "suspended":
        return t.gettext("Suspended: its linked memberships are on hold until both networks have resumed it.")
    return _health(office, row, now)


def _health(office: Office, row: Listed, now: datetime) -> str:
    t = office.t
    if row.failing_since:
        since = t.ago(row.failing_since, now)
        return t.gettext(
            "The other system has not answered as it should since %(since)s. We go on trying.", since=since
        )
    if row.held:
        return t.gettext("%(n)s organisations wait for you to say who they are.", n=t.number(row.held))
    if row.refused or row.disputed:
        n = t.number(row.refused + row.disputed)
        return t.gettext("%(n)s records differ in a way that a person must look at.", n=n)
    if row.waiting:
        return t.gettext("%(n)s changes are on their way to the other system.", n=t.number(row.waiting))
    if row.matched_at:
        return t.gettext("Both systems have the same records, compared %(ago)s.", ago=t.ago(row.matched_at, now))
    return t.gettext("In use; the records have not been compared yet.")


def levels(office: Office, side: str, terms: Terms) -> list[str]:
    """What each level gives."""
    t = office.t
    said = [(t.text(each.source_names), t.text(each.target_names)) for each in terms.levels]
    return [f"{source} → {target}" for source, target in said]


def organisation(office: Office, row: Linked, listed: Listed) -> dict[str, Any]:
    """One organisation under the agreement: what each side says, and what that adds up to."""
    t = office.t
    tier = row.effective
    names = next((e.target_names for e in listed.terms.levels if e.target == tier), {}) if listed.terms else {}
    return {
        "key": row.key,
        "name": row.name,
        "member": str(row.organisation_id) if row.organisation_id else "",
        "tier": (t.text(names) or tier) if tier else "",
        "offer": _said(office, row.offer),
        "decision": _said(office, row.decision),
        "held": t.gettext(HELD[row.held]) if row.held in HELD else row.held,
        "state": _state(row),
        "refused": row.refused,
    }


def _state(row: Linked) -> str:
    if row.held:
        return "held"
    if row.refused or row.disputed:
        return "differs"
    if row.waiting:
        return "waiting"
    return "stale" if row.stale else "same"


def _said(office: Office, register: Register | None) -> dict[str, Any] | None:
    """A register in words; None when nothing was said."""
    if register is None:
        return None
    t = office.t
    profile = register.body.get("profile", {})
    days = stretches(register) or ()
    return {
        "state": t.gettext(STATES[register.state]),
        "version": register.version,
        "grant_no": register.grant_no,
        "reason": str(register.body.get("reason", "")),
        "days": [
            t.gettext("from %(day)s", day=t.date(each.starts_on))
            if each.ends_on is None
            else t.gettext("%(first)s to %(last)s", first=t.date(each.starts_on), last=office.last_day(each.ends_on))
            for each in days
        ],
        "profile": _profile(office, profile) if profile else [],
    }


def _profile(office: Office, profile: dict[str, Any]) -> list[dict[str, str]]:
    t = office.t
    numbers = ", ".join(f"{office.scheme(i['scheme'])} {i['value']}" for i in profile.get("identifiers", ()))
    told = {
        "name": profile.get("name", ""),
        "country": country_name(t, profile.get("country", "")),
        "kind": kind_name(t, profile.get("kind", "")),
        "website": profile.get("website", ""),
        "identifiers": numbers,
    }
    return [{"label": t.gettext(FIELDS[name]).capitalize(), "value": value} for name, value in told.items() if value]


def _signed(row: Listed, side: str) -> bool:
    word = row.words.get(f"{side}_word")
    return bool(word and row.terms and word.state != "terminated" and word.body.get("terms") == row.terms.hash)
