"""The timeline of a member in words: each event has a day, a sentence, who and how, and a link to its cause."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from crm import names
from crm.i18n import N_
from crm.reads.timeline import ApplicationStep, DecisionEvent, Entry, GrantEvent, MailEvent
from crm.web import timeline_words
from crm.web.office import Office
from crm.web.timeline_words import channel

TAKE_BACK_WITHIN = timedelta(days=1)  # after it was made, even when it counts already

_DECISIONS = {
    "joining": ("success", "check", N_("Joined %(network)s as %(tier)s")),
    "tier_change": ("info", "selector", N_("Level in %(network)s changed to %(tier)s")),
    "ending": ("warning", "logout", N_("Membership in %(network)s ended")),
    "suspension": ("danger", "player-pause", N_("Membership in %(network)s suspended")),
    "event": ("success", "circle-check", N_("%(event)s, recorded in %(network)s")),
}
_AHEAD = {
    "joining": N_("Joins %(network)s as %(tier)s"),
    "tier_change": N_("Level in %(network)s changes to %(tier)s"),
    "ending": N_("Membership in %(network)s ends"),
    "suspension": N_("Membership in %(network)s is suspended"),
    "event": N_("%(event)s, recorded in %(network)s"),
}
_STEPS = {
    "sent": ("info", "send", N_("Application %(reference)s to %(network)s sent")),
    "question": ("warning", "message", N_("Question about application %(reference)s")),
    "answer": ("info", "message", N_("Answer about application %(reference)s")),
    "payment_due": ("warning", "receipt", N_("Application %(reference)s approved, waiting for payment")),
    "payment_credited": ("warning", "receipt", N_("Invoice of application %(reference)s credited: decide again")),
    "approved": ("success", "circle-check", N_("Application %(reference)s approved")),
    "declined": ("danger", "circle-x", N_("Application %(reference)s declined")),
    "withdrawn": ("neutral", "arrow-back-up", N_("Application %(reference)s withdrawn")),
}
_MAILS = {
    "queued": N_("Mail waits to be sent: %(subject)s"),
    "sending": N_("Mail is being sent: %(subject)s"),
    "sent": N_("Mail sent: %(subject)s"),
    "failed": N_("Mail could not be sent: %(subject)s"),
    "cancelled": N_("Mail cancelled: %(subject)s"),
}


def timeline(
    office: Office, entries: Sequence[Entry], decisions: Mapping[UUID, DecisionEvent], here: str
) -> list[dict[str, Any]]:
    """The entries in words, in their order, edits that follow each other closely as one; `here`: the member's page.

    `decisions` are all of the member's: what a linked grant rests on need not be among the entries.
    """
    on_page = {e.event.id for e in entries if isinstance(e.event, DecisionEvent)}
    shown = []
    for entry in timeline_words.folded(entries):
        event = entry.event
        if isinstance(event, DecisionEvent):
            told = _decision(office, event)
        elif isinstance(event, GrantEvent):
            told = _grant(
                office, event, decisions, "" if event.cause_id in on_page else f"{here}/changes?kind=decisions"
            )
        elif isinstance(event, ApplicationStep):
            told = _step(office, event)
        elif isinstance(event, MailEvent):
            told = _mail(office, event)
        else:
            told = timeline_words.told(office, event, here)
        shown.append({"on": entry.on, "at": entry.at, **told})
    return shown


def may_take_back(office: Office, decision: DecisionEvent) -> bool:
    """A decision about a membership of ours that lies ahead, or was made just now."""
    if decision.kind == "joining" or decision.withdrawn_at or decision.network_id not in office.session.manages:
        return False
    if decision.channel == "import":  # entered today, but made long ago
        return decision.effective_on > office.today
    return decision.effective_on > office.today or office.now - decision.recorded_at < TAKE_BACK_WITHIN


def _day(office: Office, at: datetime) -> date:
    return at.astimezone(office.network.zone).date()


def _named(office: Office, network: UUID) -> str:
    return office.t.text(office.kept.by_id[network].names)


def said(office: Office, event: DecisionEvent) -> str:
    """A decision in a sentence with its day: "Level in NORA changes to partner, 1 Jan 2027"."""
    on = event.effective_on
    day = names.last_day(office.t, on) if event.kind == "ending" else office.t.date(on)
    label = N_("%(what)s, last day %(day)s") if event.kind == "ending" else N_("%(what)s, %(day)s")
    return office.t.gettext(label, what=_what(office, event), day=day)


def _what(office: Office, event: DecisionEvent) -> str:
    t = office.t
    slug = office.kept.by_id[event.network_id].slug
    values = {"network": _named(office, event.network_id)}
    if event.tier:
        values["tier"] = names.tier_inside(t, office.kept, slug, event.tier)
    if event.event:
        values["event"] = t.text(office.kept.rulebooks.event_names(slug, event.event)) or event.event
    text = _AHEAD[event.kind] if event.effective_on > office.today else _DECISIONS[event.kind][2]
    what = t.gettext(text, **values)
    if event.until_on:
        return t.gettext("%(what)s until %(day)s", what=what, day=names.last_day(t, event.until_on))
    return what


def _decision(office: Office, event: DecisionEvent) -> dict[str, Any]:
    t = office.t
    colour, drawing, _ = _DECISIONS[event.kind]
    slug = office.kept.by_id[event.network_id].slug
    meta = t.gettext(
        "%(day)s, decided by %(who)s (%(channel)s)",
        day=names.last_day(t, event.effective_on) if event.kind == "ending" else t.date(event.effective_on),
        who=event.actor,
        channel=channel(office, event.channel),
    )
    if _day(office, event.recorded_at) != event.effective_on:
        meta += t.gettext(", entered %(day)s", day=t.date(event.recorded_at))
    if event.audit:
        meta += t.gettext(", audit no. %(n)s", n=t.number(event.audit))
    if event.withdrawn_at:
        meta += t.gettext(
            ", taken back by %(who)s on %(day)s", who=event.withdrawn_by or "", day=t.date(event.withdrawn_at)
        )
    shown = {
        "id": f"decision-{event.id}",
        "icon": drawing,
        "colour": "neutral" if event.withdrawn_at else colour,
        "text": _what(office, event),
        "meta": meta,
        "note": event.reason,
        "undone": event.withdrawn_at is not None,
    }
    if may_take_back(office, event):
        shown["take_back"] = {"membership": event.membership_id, "decision": event.id}
    if event.application_id:
        href = f"/n/{slug}/applications/{event.application_id}"
        shown["cause"] = {"text": t.gettext("the application"), "href": href}
    return shown


def _grant(
    office: Office, event: GrantEvent, decisions: Mapping[UUID, DecisionEvent], elsewhere: str
) -> dict[str, Any]:
    """A linked grant as it was recorded: begun, or changed (old and new end), or taken back."""
    t = office.t
    network = office.kept.by_id[event.network_id]
    named = t.text(network.names)
    gone = event.superseded_at is not None and not event.replaced
    text = (
        N_("Linked membership in %(network)s changed by rule")
        if event.again
        else N_("Linked membership in %(network)s made by rule")
    )
    on = _day(office, event.recorded_at) if event.again else event.starts_on
    shown: dict[str, Any] = {
        "id": f"grant-{event.row_id}",
        "icon": "link",
        "colour": "neutral" if gone else network.colour,
        "text": t.gettext(text, network=named),
        "undone": gone,
    }
    if event.again and event.ended_before != event.ends_on:
        shown |= {"old": _end(office, event.ended_before), "new": _end(office, event.ends_on)}
    rule = _rule_name(office, event)
    shown["meta"] = t.gettext(
        "%(day)s, rule “%(rule)s”, version %(version)s", day=t.date(on), rule=rule, version=str(event.version)
    )
    if gone:
        shown["meta"] += t.gettext(", no longer so since %(day)s", day=t.date(event.superseded_at))
    if event.cause_id in decisions:
        shown["cause"] = {"text": t.gettext("the cause"), "href": f"{elsewhere}#decision-{event.cause_id}"}
    return shown


def _end(office: Office, ends_on: date | None) -> str:
    t = office.t
    return t.gettext("last day %(day)s", day=names.last_day(t, ends_on)) if ends_on else t.gettext("no end date")


def _rule_name(office: Office, event: GrantEvent) -> str:
    source = office.kept.by_id[event.source_network_id].slug
    found = next((r for b in reversed(office.kept.rulebooks.of(source)) if (r := b.link_rule(event.rule))), None)
    return office.t.text(found.names) if found else event.rule


def _step(office: Office, event: ApplicationStep) -> dict[str, Any]:
    t = office.t
    colour, drawing, text = _STEPS[event.kind]
    network = office.kept.by_id[event.network_id]
    values = {"reference": event.reference}
    if event.kind == "sent":
        values["network"] = t.text(network.names)
    return {
        "id": "",
        "icon": drawing,
        "colour": colour,
        "text": t.gettext(text, **values),
        "href": f"/n/{network.slug}/applications/{event.application_id}",
        "note": event.note,
        "meta": timeline_words.meta(office, event.recorded_at, event.actor, event.channel),
    }


def _mail(office: Office, event: MailEvent) -> dict[str, Any]:
    t = office.t
    at = event.sent_at or (event.send_after if event.status == "queued" else event.created_at)
    own = event.mailing_id and event.network_id == office.network.id
    shown = {
        "id": "",
        "icon": "mail",
        "colour": "danger" if event.status == "failed" else "neutral",
        "text": t.gettext(_MAILS[event.status], subject=event.subject),
        "href": f"/dev/mailbox/{event.id}" if office.context.settings.development else "",
        "note": event.last_error if event.status == "failed" else "",
        "undone": event.status == "cancelled",
        "meta": t.gettext("%(when)s, to %(who)s", when=t.datetime(at), who=event.recipient),
    }
    if event.mailing:
        shown["meta"] += t.gettext(", mailing by %(who)s", who=event.actor)
        if own:
            shown["cause"] = {"text": event.mailing, "href": f"{office.base}/mailings/{event.mailing_id}"}
    else:
        shown["meta"] += f" ({channel(office, 'job')})"
    return shown
