"""What happened to a member, in words: notes, edits with what stood before, money, and what partners were told."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.ledger import BEFORE
from crm import audit_words, directory_words, fact_words
from crm.i18n import LANGUAGES, N_, Translator
from crm.reads.timeline import (
    AuditEvent,
    BookingEvent,
    Entry,
    Event,
    FactsEvent,
    InvoiceEvent,
    NoteEvent,
    ReceiptEvent,
    ShareEvent,
)
from crm.web.office import Office

FOLDED_WITHIN = timedelta(minutes=2)  # edits of the same by the same person are one
LONGEST_VALUE = 200
KINDS = {
    "decisions": N_("Decisions"),
    "money": N_("Money"),
    "links": N_("Links"),
    "syncs": N_("Partners"),
    "notes": N_("Notes and tasks"),
    "mails": N_("Mails"),
    "changes": N_("Changes"),
}
_CHANNELS = {
    "web": N_("web page"),
    "api": N_("API"),
    "cli": N_("command line"),
    "job": N_("automatic"),
    "import": N_("import"),
    "member": N_("the member's own page"),
}
NOTES = {
    "note": ("note", N_("Note")),
    "call": ("message", N_("Call")),
    "meeting": ("users", N_("Meeting")),
    "mail": ("mail", N_("Mail written down")),
}
_ICONS = {
    "note_changed": "note",
    "note_deleted": "trash",
    "note_restored": "note",
    "task_added": "checklist",
    "task_changed": "checklist",
    "task_done": "circle-check",
    "task_reopened": "checklist",
    "task_deleted": "trash",
    "task_restored": "checklist",
    "document_added": "paperclip",
    "document_changed": "paperclip",
    "document_deleted": "trash",
    "document_restored": "paperclip",
    "billing_changed": "receipt",
    "contact_added": "user",
    "contact_changed": "user-edit",
    "listing_saved": "world",
    "listing_published": "world",
}
_UNDO = {
    "note_deleted": "{here}/notes/{id}/restore",
    "task_deleted": "{base}/tasks/{id}/restore",
    "document_deleted": "{base}/documents/{id}/restore",
}
FIELDS = {
    "name": N_("Name"),
    "email": N_("E-mail"),
    "role": N_("Role"),
    "language": N_("Language"),
    "main": N_("Main contact"),
    "communication": N_("Gets news and invitations"),
    "buyer_reference": N_("Buyer's reference"),
    "peppol_id": N_("E-invoice address (Peppol)"),
    "street": N_("Street"),
    "postal_code": N_("Postal code"),
    "city": N_("City"),
    "summary": N_("About"),
    "fields": N_("Works with"),
    "offers": N_("Offers"),
    "seeks": N_("Looks for"),
    "languages": N_("Works in"),
    "visibility": N_("Who sees what"),
    "listed": N_("In the directory"),
    "title": N_("Title"),
    "kind": N_("Kind"),
    "signed_on": N_("Signed on"),
    "valid_until": N_("Valid until"),
}
_CODES = {
    "fields": directory_words.FIELDS,
    "offers": directory_words.OFFERS,
    "seeks": directory_words.OFFERS,
    "languages": directory_words.LANGUAGES,
}
_INVOICES = {
    "issued": ("send", "info", N_("%(paper)s %(number)s issued, %(amount)s")),
    "sent": ("mail", "info", N_("%(paper)s %(number)s sent to %(to)s")),
    "accepted": ("circle-check", "success", N_("%(paper)s %(number)s accepted by %(to)s")),
    "rejected": ("alert-triangle", "danger", N_("%(paper)s %(number)s rejected by %(to)s")),
    "failed": ("alert-triangle", "danger", N_("%(paper)s %(number)s could not be sent")),
    "opened": ("eye", "neutral", N_("%(paper)s %(number)s opened by somebody who has its link")),
    "paid": ("check", "success", N_("%(paper)s %(number)s paid")),
    "reopened": ("refresh", "warning", N_("%(paper)s %(number)s unpaid again")),
    "credited": ("receipt-refund", "neutral", N_("%(paper)s %(number)s credited")),
    "written_off": ("ban", "neutral", N_("%(paper)s %(number)s written off")),
    "reminded": ("clock", "warning", N_("Reminder of %(number)s sent")),
    "collection": ("clock", "warning", N_("Collection of %(number)s")),
}
_BOOKINGS = {
    "opened": N_("Opening balance: %(amount)s"),
    "received": N_("Payment: %(amount)s"),
    "refunded": N_("Paid back: %(amount)s"),
    "dispute_opened": N_("Card payment disputed: %(amount)s"),
    "dispute_won": N_("Dispute won: %(amount)s"),
    "dispute_lost": N_("Dispute lost: %(amount)s"),
    "moved": N_("Money placed: %(amount)s"),
    "reversal": N_("Booking taken back: %(amount)s"),
}
_PROVIDERS = {
    "stripe": N_("card"),
    "bank": N_("bank file"),
    "hand": N_("entered by hand"),
    "klynge": N_("entered by hand"),
    "opening": N_("import"),
}


def channel(office: Office, code: str) -> str:
    """By which way something was done."""
    return office.t.gettext(_CHANNELS[code]) if code in _CHANNELS else code


def meta(office: Office, at: datetime, actor: str, way: str) -> str:
    """When, who and by which way: "22 Nov 2026, 14:05, Ingrid Vik (web page)"."""
    by = f" ({channel(office, way)})" if way else ""
    return ", ".join(filter(None, (office.t.datetime(at), actor))) + by


def folded(entries: Sequence[Entry]) -> list[Entry]:
    """Edits of the same thing by the same person within two minutes as one: the first before, the last after."""
    out: list[Entry] = []
    for entry in entries:
        if out and (one := _joined(out[-1], entry)):
            out[-1] = one
        else:
            out.append(entry)
    return out


def _joined(newer: Entry, older: Entry) -> Entry | None:
    new, old = newer.event, older.event
    if not isinstance(new, AuditEvent) or not isinstance(old, AuditEvent) or newer.at - older.at > FOLDED_WITHIN:
        return None
    after, before = new.detail.get("changes"), old.detail.get("changes")
    if (new.action, new.actor, new.channel, new.subject_id) != (old.action, old.actor, old.channel, old.subject_id):
        return None
    if not isinstance(after, dict) or not isinstance(before, dict):
        return None
    both = {name: [pair[0], after[name][1] if name in after else pair[1]] for name, pair in before.items()}
    both |= {name: pair for name, pair in after.items() if name not in before}
    both = {name: pair for name, pair in both.items() if pair[0] != pair[1]}
    return msgspec.structs.replace(newer, event=msgspec.structs.replace(new, detail={**new.detail, "changes": both}))


def told(office: Office, event: Event, here: str) -> dict[str, Any]:
    """One event for the macro `events`; `here` is the member's page, under which things are undone."""
    for kind, say in _SAYS.items():
        if isinstance(event, kind):
            return {"id": "", **say(office, event, here)}
    raise TypeError(type(event).__name__)


def _note(office: Office, event: NoteEvent, here: str) -> dict[str, Any]:
    t = office.t
    icon, label = NOTES[event.kind]
    who = t.gettext("%(kind)s with %(people)s", kind=t.gettext(label), people=", ".join(event.people))
    day = t.date(event.on_date)
    written = t.gettext(
        "%(day)s, by %(who)s (%(channel)s)", day=day, who=event.actor, channel=channel(office, event.channel)
    )
    if event.edited_at:
        written += t.gettext(", edited %(day)s", day=t.date(event.edited_at))
    text = who if event.people else t.gettext(label)
    return {
        "icon": icon,
        "colour": "info",
        "text": text,
        "href": f"{here}/notes#note-{event.id}",
        "note": event.text,
        "meta": written,
    }


def _facts(office: Office, event: FactsEvent, here: str) -> dict[str, Any]:
    t = office.t
    listed = fact_words.shown(t, event.facts, {})
    said = meta(office, event.recorded_at, event.actor, event.channel)
    said += t.gettext(", counts from %(day)s", day=t.date(event.effective_on))
    if event.withdrawn_at:
        said += t.gettext(
            ", taken back by %(who)s on %(day)s", who=event.withdrawn_by or "", day=t.date(event.withdrawn_at)
        )
    out = {
        "icon": "pencil",
        "colour": "neutral",
        "text": t.gettext("Facts about it changed"),
        "changes": [{"label": each["label"], "old": each["old"], "new": each["new"]} for each in listed],
        "note": event.reason,
        "meta": said,
        "undone": event.withdrawn_at is not None,
    }
    if office.may_manage and not event.withdrawn_at:
        out["undo"] = f"{here}/facts/{event.id}/take-back"
    return out


def _audit(office: Office, event: AuditEvent, here: str) -> dict[str, Any]:
    t, changes = office.t, event.detail.get("changes")
    said = meta(office, event.recorded_at, event.actor, event.channel)
    title = event.detail.get("title") or event.detail.get("who") or ""
    text = audit_words.sentence(t, event.action)
    out: dict[str, Any] = {
        "icon": _ICONS.get(event.action, "shield-check"),
        "colour": "neutral",
        "text": t.gettext("%(what)s: %(which)s", what=text, which=title) if title else text,
        "meta": said + t.gettext(", log no. %(n)s", n=t.number(event.seq)),
        "note": event.detail.get("reason") if isinstance(event.detail.get("reason"), str) else "",
    }
    if isinstance(changes, Mapping):
        out["changes"] = [_change(t, name, pair) for name, pair in changes.items() if len(pair) == 2]
    if event.undoable and office.may_manage and event.network_id == office.network.id:
        out["undo"] = _UNDO[event.action].format(here=here, base=office.base, id=event.subject_id)
    return out


def _change(t: Translator, name: str, pair: Sequence[Any]) -> dict[str, str]:
    label = t.gettext(FIELDS[name]) if name in FIELDS else name
    return {"label": label, "old": value(t, name, pair[0]), "new": value(t, name, pair[1]) or "–"}


def value(t: Translator, name: str, given: Any) -> str:
    """One value of an edit as people read it, cut where it is long."""
    if isinstance(given, bool):
        return t.gettext("Yes") if given else t.gettext("No")
    if given in (None, "", [], {}):
        return ""
    if isinstance(given, list):
        known = _CODES.get(name, {})
        text = ", ".join(t.gettext(known[each]) if each in known else str(each) for each in given)
    elif isinstance(given, Mapping) and set(given) <= set(LANGUAGES):
        text = " / ".join(str(given[language]) for language in LANGUAGES if given.get(language))
    elif isinstance(given, Mapping):
        text = "; ".join(
            f"{key}: {', '.join(map(str, each.values())) if isinstance(each, Mapping) else each}"
            for key, each in given.items()
        )
    else:
        text = _day(t, str(given))
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _day(t: Translator, text: str) -> str:
    try:
        return t.date(date.fromisoformat(text)) if len(text) == len("2026-11-22") else text
    except ValueError:
        return text


def _invoice(office: Office, event: InvoiceEvent, _: str) -> dict[str, Any]:
    t = office.t
    icon, colour, text = _INVOICES.get(event.kind, ("file-text", "neutral", N_("%(paper)s %(number)s")))
    paper = t.gettext("Credit note") if event.paper == "credit_note" else t.gettext("Invoice")
    amount = t.money(event.gross or 0, event.currency)
    words = {"paper": paper, "number": event.number, "amount": amount, "to": event.detail.get("to", "")}
    used = {name: given for name, given in words.items() if f"%({name})s" in text}
    reason = event.detail.get("reason", "")
    return {
        "icon": icon,
        "colour": colour,
        "text": t.gettext(text, **used),
        "href": f"{office.base}/invoices/{event.id}",
        "note": reason if isinstance(reason, str) else "",
        "meta": meta(office, event.recorded_at, "" if event.kind == "opened" else event.actor, event.channel or "job"),
    }


def _booking(office: Office, event: BookingEvent, _: str) -> dict[str, Any]:
    t = office.t
    before = event.kind == "received" and event.provider == BEFORE
    text = N_("Opening credit: %(amount)s") if before else _BOOKINGS.get(event.kind, N_("Booking: %(amount)s"))
    amount = -event.amount if event.kind in ("refunded", "opened") else event.amount
    provider = BEFORE if event.kind == "opened" else event.provider
    way = t.gettext(_PROVIDERS[provider]) if provider in _PROVIDERS else provider
    said = t.gettext("%(day)s, by %(who)s (%(channel)s)", day=t.date(event.on_date), who=event.actor, channel=way)
    return {
        "icon": "receipt-refund" if event.kind == "refunded" else "receipt",
        "colour": "success" if event.kind == "received" else "neutral",
        "text": t.gettext(text, amount=t.money(amount, event.currency)),
        "meta": said,
        "undone": event.reversed,
    }


def _receipt(office: Office, event: ReceiptEvent, _: str) -> dict[str, Any]:
    t = office.t
    network = _named(office, event.network_id)
    objected = event.word == "objected"
    text = (
        N_("%(network)s objected to the linked membership")
        if objected
        else N_("%(network)s acknowledged the linked membership")
    )
    return {
        "icon": "alert-circle" if objected else "circle-check",
        "colour": "warning" if objected else "success",
        "text": t.gettext(text, network=network),
        "note": event.reason,
        "meta": meta(office, event.recorded_at, event.actor, "api"),
    }


def _share(office: Office, event: ShareEvent, _: str) -> dict[str, Any]:
    t = office.t
    text = (
        N_("%(network)s is told of it no more") if event.op == "remove" else N_("%(network)s is told what is new of it")
    )
    by = t.gettext("agreement “%(agreement)s”", agreement=t.text(event.agreement))
    return {
        "icon": "refresh",
        "colour": office.kept.by_id[event.to_network_id].colour,
        "text": t.gettext(text, network=_named(office, event.to_network_id)),
        "meta": f"{t.datetime(event.recorded_at)}, {by} ({channel(office, 'job')})",
    }


def _named(office: Office, network: UUID) -> str:
    return office.t.text(office.kept.by_id[network].names)


_SAYS: dict[type, Any] = {
    NoteEvent: _note,
    FactsEvent: _facts,
    AuditEvent: _audit,
    InvoiceEvent: _invoice,
    BookingEvent: _booking,
    ReceiptEvent: _receipt,
    ShareEvent: _share,
}
