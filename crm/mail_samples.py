"""Which mails a network may word itself, and sample values to try a wording with (templates/mail/*.txt)."""

from functools import cache
from typing import Any

from crm.i18n import N_, Translator
from crm.letters import fields_of

# Kind -> what it is. Mails about a person's own account, to partners' systems and to the network's own people are not a
# network's to word.
KINDS = {
    "application_received": N_("Application received"),
    "application_question": N_("Question about an application"),
    "application_declined": N_("Application declined"),
    "application_withdrawn": N_("Application withdrawn"),
    "membership_approved": N_("Membership approved"),
    "membership_ending": N_("Membership ends"),
    "membership_event": N_("Event recorded"),
    "membership_suspended": N_("Membership suspended"),
    "membership_suspended_unpaid": N_("Membership on hold: not paid"),
    "suspension_lifted": N_("Suspension lifted"),
    "tier_changed": N_("Level changed"),
    "decision_withdrawn": N_("Decision taken back"),
    "linked_membership_started": N_("Linked membership begins"),
    "linked_membership_continues": N_("Linked membership goes on"),
    "linked_membership_ending": N_("Linked membership ends"),
    "linked_membership_accepted": N_("Linked membership accepted"),
    "place_given": N_("Place given"),
    "place_waiting": N_("Waits for a place"),
    "renewal_notice": N_("Told ahead of the next period"),
    "invoice_issued": N_("Invoice"),
    "invoice_reminder": N_("Reminder"),
    "collection_notice": N_("Notice of collection"),
    "credit_note_issued": N_("Credit note"),
    "invitation": N_("Invitation to a role"),
}
# Without these a mail is of no use: the way to pay, to answer, to sign in.
NEEDED = {"invitation": ("link",), "invoice_reminder": ("number", "total"), "collection_notice": ("number", "total")}
NEEDED |= {"invoice_issued": ("number", "amount"), "renewal_notice": ("total",)}
_NOT_FIELDS = ("recipient_name", "to", "taken_back", "first", "late", "linked", "lines", "claims", "facts")
# `first` is a day in one mail and a choice in the others.
_DAYS = {"renewal_notice": ("first",)}


def fields(kind: str) -> tuple[str, ...]:
    """The merge fields of a mail: what its template is given as text."""
    used = fields_of(kind)
    out = {name for name in used if name in sample_texts() and name not in _NOT_FIELDS}
    return tuple(sorted(out | {"contact"} | set(_DAYS.get(kind, ()))))


def texts(kind: str, values: dict[str, Any]) -> dict[str, str]:
    """A mail's values by merge field, as they are filled in."""
    given = {name: values.get(name) for name in fields(kind)} | {"contact": values.get("recipient_name")}
    return {name: str(value) if isinstance(value, str | int) else "" for name, value in given.items()}


@cache
def sample_texts() -> dict[str, str]:
    """Every merge field that any mail has, with something to show in it."""
    return {
        "organisation": "Fjord & Data AS",
        "network": "NORA",
        "contact": "Kari Nordby",
        "tier": "Partner",
        "reference": "BXD9Z7FF",
        "link": "https://klynge.example/x",
        "note": "…",
        "on": "2027-01-01",
        "starts_on": "2027-01-01",
        "ends_on": "2027-12-31",
        "event": "…",
        "locked_until": "2027-12-31",
        "reason": "…",
        "source": "NORA",
        "number": "NORA-17",
        "amount": "12 345 kr",
        "due_on": "2027-01-31",
        "kid": "0000001000000172",
        "account": "9999 00 00014",
        "credits": "NORA-16",
        "before": "35 kr",
        "pay_by": "2027-02-14",
        "total": "12 415 kr",
        "days": "14",
        "place": "NORA",
        "role": "…",
        "inviter": "Ingrid Vik",
        "first": "2027-01-01",
        "last": "2027-12-31",
        "vat": "0 kr",
        "differs": "…",
        "leave_by": "2026-11-30",
    }


def sample(t: Translator, network: str) -> dict[str, Any]:
    """Values as a template is given them, for a preview."""
    line = {"name": t.gettext("Annual fee"), "amount": "12 345 kr", "why": ""}
    linked = {"network": network, "tier": "Partner", "starts_on": "2027-01-01"}
    return {
        **sample_texts(),
        "network": network,
        "recipient_name": "Kari Nordby",
        "to": "member",
        "taken_back": False,
        "late": False,
        "status_page": True,
        "linked": [linked],
        "lines": [line],
        "claims": [],
        "facts": [],
    }
