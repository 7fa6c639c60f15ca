"""What forgetting somebody did and what it left, in words: for the organisation, the office and the person."""

from datetime import date
from typing import Any

from crm.actions.erasures import HIMSELF
from crm.i18n import N_, Translator
from crm.reads.erasures import Receipt

DONE = {
    "contacts": N_("Contact, removed"),
    "mails": N_("Mails, without address and text now"),
    "invitations": N_("Invitations, without name and address now"),
    "applications": N_("Applications, without the contact now"),
    "deliveries": N_("Deliveries of invoices, without the address now"),
    "billing": N_("Address for invoices, removed"),
    "consents": N_("Consents, without the name now"),
    "steps": N_("Steps of applications, without the name now"),
    "roles": N_("Roles, removed"),
    "mailings": N_("Taken off mailings to many"),
    "newsletters": N_("Words on newsletters, without the address now"),
    "surveys": N_("Questions of surveys, without name and address now"),
    "survey_texts": N_("What was written in surveys, removed"),
    "notes": N_("Notes, without name and address now"),
    "note_versions": N_("Notes as they stood before, without name and address now"),
    "written": N_("Notes the person wrote, without the name now"),
    "written_before": N_("Notes the person edited, without the name now"),
    "tasks": N_("Tasks, without name and address now"),
    "assigned": N_("Tasks of the person, nobody's now"),
    "imports": N_("Rows of imported files, without name and address now"),
    "audit_addresses": N_("Entries of the audit trail, without the address now"),
}
KEPT = {
    "invoices": N_("Issued invoices stay as they are: the Bookkeeping Act § 13 asks for five years after their year."),
    "audit": N_(
        "The audit trail says who was responsible for what (GDPR 17(3)(b) and (e)): it keeps the name as long as the"
        " host keeps names there, then a pseudonym."
    ),
    "open_applications": N_("Applications that are not decided yet keep their contact until they are."),
}


def receipt_words(t: Translator, each: Receipt) -> dict[str, Any]:
    """A receipt as a page shows it."""
    return {
        "id": each.id,
        "at": each.erased_at,
        "by": t.gettext("the person") if each.actor == HIMSELF else each.actor,
        "reason": each.reason,
        "done": done_words(t, each.done),
        "kept": [kept_words(t, k["what"], k["count"], k["until"]) for k in each.kept],
    }


def done_words(t: Translator, done: dict[str, int]) -> list[dict[str, str]]:
    """What was taken away: words and how much."""
    return [{"label": t.gettext(DONE[kind]), "value": t.number(count)} for kind, count in done.items() if kind in DONE]


def kept_words(t: Translator, what: str, count: int, until: Any) -> str:
    """What stays, why, how many and until when."""
    words = t.gettext(KEPT[what])
    if what != "invoices":
        return words
    last = date.fromisoformat(until) if isinstance(until, str) else until
    return f"{words} {t.gettext('%(n)s of them, until %(day)s.', n=t.number(count), day=t.date(last))}"
