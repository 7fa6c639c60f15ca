"""What the page of one invoice shows: the document, where it stands, its money, what happened and what can be done."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response

from cluster_rules.documents import Document
from crm.actions import invoices as actions
from crm.actions.invoices import Draft
from crm.document_mistakes import mistake
from crm.errors import NotFound
from crm.reads import invoice_money
from crm.reads import invoices as reads
from crm.reads.invoice_list import LATE, UNPAID, Bucket
from crm.reads.invoice_money import Money
from crm.reads.invoices import Delivery, Event, Invoice
from crm.web import amounts, invoice_paper
from crm.web.office import Office, show
from crm.web.office_consequences import refusal

Errors = Sequence[Mapping[str, str]]


class Found(msgspec.Struct, frozen=True):
    """One invoice as read; `document` only when the reader may see all of it, `draft` only on a draft."""

    invoice: Invoice
    money: Money
    events: tuple[Event, ...]
    deliveries: tuple[Delivery, ...]
    document: Document | None
    draft: Draft | None
    member: bool

    @property
    def owed(self) -> int:
        """What is left to pay, never below zero."""
        return max(0, self.invoice.owed or 0)


async def find(office: Office, wanted: UUID) -> Found:
    """An invoice of the open network's host, as far as the reader manages its networks. NotFound.

    What an opening balance is has no lines of ours, but a document.
    """
    async with office.context.db.reading(office.actor.sees) as connection:
        some = await reads.some(connection, office.kept, [wanted])
        host = await reads.host_of(connection, wanted)
        stored = await reads.document(connection, wanted)
        if not some or host != office.network.host_id or not (some[0].lines or stored):
            raise NotFound("invoice", wanted)
        (invoice,) = some
        money = await invoice_money.of_invoice(connection, wanted)
        events = await reads.events(connection, wanted)
        deliveries = await reads.deliveries(connection, wanted)
        member = await reads.is_member(connection, invoice.organisation_id, office.network.id)
    whole = office.actor.manages >= {office.kept.by_slug[line.network].id for line in invoice.lines}
    draft = await actions.look(office.context, office.actor, wanted) if invoice.status == "draft" and whole else None
    document = msgspec.convert(stored, Document) if stored else draft.document if draft else None
    return Found(invoice, money, tuple(events), tuple(deliveries), document, draft, member)


async def answer(
    request: Request,
    office: Office,
    wanted: UUID,
    errors: Errors = (),
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    """The page; with errors it is the answer to a form, and keeps what was typed."""
    found = await find(office, wanted)
    here = f"{office.base}/invoices/{wanted}"
    issued = found.invoice.status == "issued"
    if found.document:
        paper = invoice_paper.of_document(office, found.document, issued)
    else:
        paper = invoice_paper.of_lines(office, found.invoice)
    return await show(
        request,
        office,
        "office/invoice.html",
        "invoices",
        at=here if errors else "",
        found=found,
        here=here,
        paper=paper,
        bucket=bucket_of(office, found),
        obstacles=obstacles(office, found),
        paper_only=[mistake(office.t, rule) for rule in found.draft.paper_only] if found.draft else [],
        events=timeline(office, found.events),
        postings=postings(office, found.money),
        can=possible(office, found),
        errors=list(errors),
        wrong={each["field"]: each["text"] for each in errors},
        typed=dict(typed or {}),
        owed_typed=amounts.write(office.t.language, found.owed, found.invoice.currency),
        said=said(office, found, request),
        status_code=status,
    )


def bucket_of(office: Office, found: Found) -> Bucket:
    """Where it stands today, as the list says it."""
    invoice, money = found.invoice, found.money
    if invoice.status == "draft":
        return "draft"
    if invoice.kind == "credit_note":
        return "credit_note"
    if not found.owed:
        billed = sum(p.amount for p in money.postings if p.kind == "issued")
        if any(p.kind == "opened" and p.reversed for p in money.postings):
            return "credited"
        if sum(n.gross or 0 for n in money.notes if n.status == "issued") >= billed and money.notes:
            return "credited"
        return "written_off" if any(p.kind == "writtenoff" and not p.reversed for p in money.postings) else "paid"
    late = (office.today - (invoice.due_on or office.today)).days
    ends = (0, 30, 60, 90)
    return (UNPAID[0], *LATE)[sum(late > end for end in ends)]


def obstacles(office: Office, found: Found) -> list[str]:
    """What stands in the way of issuing a draft, a sentence each."""
    if found.invoice.status != "draft":
        return []
    if found.draft is None:
        t = office.t
        return [t.gettext("It has lines of networks that others manage. Whoever manages all of them issues it.")]
    return [refusal(office, each) for each in found.draft.obstacles]


def possible(office: Office, found: Found) -> dict[str, bool]:
    """Which actions make sense now, for somebody who may do them."""
    invoice, money = found.invoice, found.money
    draft = invoice.status == "draft"
    bill = invoice.kind == "invoice" and not draft
    whole = bool(found.document) and not draft
    billed = sum(p.amount for p in money.postings if p.kind == "issued")
    credited = sum(n.gross or 0 for n in money.notes)
    if not office.may_keep_books:
        return {"files": whole}
    return {
        "issue": draft and found.draft is not None and found.draft.document is not None,
        "refer": draft and found.draft is not None,
        "exchange": draft and invoice.kind == "invoice" and _needs_rate(found),
        "send": whole,
        "credit": whole and bill and credited < billed,
        "pay": bill,
        "use_credit": bill and found.owed > 0 and money.credit > 0,
        "write_off": bill and found.owed > 0 and not any(not w.decision for w in money.write_offs),
        "files": whole,
    }


def _needs_rate(found: Found) -> bool:
    """Is the VAT of this draft to be told in another currency, too, or is it already?"""
    if found.draft is None:
        return False
    missing = any(each.code.startswith("exchange_rate_") for each in found.draft.obstacles)
    return missing or bool(found.document and found.document.local)


EVENTS: dict[str, tuple[str, str]] = {
    "issued": ("send", "info"),
    "queued": ("mail", "neutral"),
    "sent": ("mail", "info"),
    "accepted": ("circle-check", "success"),
    "rejected": ("alert-triangle", "danger"),
    "failed": ("alert-triangle", "danger"),
    "opened": ("external-link", "neutral"),
    "paid": ("check", "success"),
    "reopened": ("refresh", "warning"),
    "credited": ("receipt-refund", "neutral"),
    "written_off": ("ban", "neutral"),
    "reminded": ("clock", "warning"),
    "collection": ("clock", "warning"),
}


def timeline(office: Office, events: Sequence[Event]) -> list[dict[str, Any]]:
    """What happened, the newest first, in sentences."""
    return [_event(office, each) for each in reversed(events)]


def _event(office: Office, event: Event) -> dict[str, Any]:
    t = office.t
    detail = {name: str(value) for name, value in event.detail.items()}
    to, why = detail.get("to", ""), detail.get("reason", "")
    drawing, colour = EVENTS.get(event.kind, ("history", "neutral"))
    words = {
        "issued": t.gettext("Issued as %(number)s", number=detail.get("number", "")),
        "queued": t.gettext("Mail to %(to)s written", to=to),
        "sent": t.gettext("Sent to %(to)s", to=to),
        "accepted": t.gettext("Accepted by %(to)s", to=to),
        "rejected": t.gettext("Rejected by %(to)s", to=to),
        "failed": t.gettext("Could not be sent"),
        "opened": t.gettext("Opened by somebody who has its link"),
        "paid": t.gettext("Paid"),
        "reopened": t.gettext("Unpaid again"),
        "credited": t.gettext("Credited by %(number)s", number=detail.get("number", "")),
        "written_off": t.gettext("Written off"),
        "reminded": t.gettext("Reminder sent"),
        "collection": t.gettext("Sent to a collector")
        if detail.get("step", "").startswith("export")
        else t.gettext("Collection notice sent"),
    }
    return {
        "on": event.recorded_at,
        "icon": drawing,
        "colour": colour,
        "text": words.get(event.kind) or t.gettext(event.kind),
        "note": why,
        "meta": ", ".join(filter(None, (t.datetime(event.recorded_at), _by(event)))),
    }


def _by(event: Event) -> str:
    """Who did it; whoever holds a link has no name."""
    return "" if event.kind == "opened" else event.actor


def postings(office: Office, money: Money) -> list[dict[str, Any]]:
    """The bookings with what was owed after each."""
    t, owed, out = office.t, 0, []
    words = {
        "issued": t.gettext("Issued"),
        "opened": t.gettext("Opening balance"),
        "credited": t.gettext("Credited"),
        "received": t.gettext("Payment"),
        "refunded": t.gettext("Paid back"),
        "dispute_opened": t.gettext("Card payment disputed"),
        "dispute_won": t.gettext("Dispute won"),
        "dispute_lost": t.gettext("Dispute lost"),
        "moved": t.gettext("Money placed"),
        "writtenoff": t.gettext("Written off"),
        "claimed": t.gettext("Fee, interest or compensation"),
        "reversal": t.gettext("Taken back"),
    }
    for each in money.postings:
        owed += each.amount
        out.append({"posted": each, "what": words.get(each.kind, each.kind), "owed": owed})
    return out


def said(office: Office, found: Found, request: Request) -> dict[str, Any]:
    """What the reader just did, and the booking it can be undone by; an address cannot claim what did not happen."""
    t = office.t
    words = {
        "issued": t.gettext("Issued, and on its way to the buyer."),
        "referred": t.gettext("Reference saved."),
        "rated": t.gettext("Exchange rate saved."),
        "sent": t.gettext("It will be sent again in a moment."),
        "recorded": t.gettext("Payment recorded."),
        "credit-used": t.gettext("Credit used."),
        "refunded": t.gettext("Refund recorded."),
        "refund-asked": t.gettext("The card provider has been asked to pay it back."),
        "proposed": t.gettext("Write-off proposed. Somebody else has to approve it."),
        "approved": t.gettext("Written off."),
        "declined": t.gettext("Declined: the invoice stands."),
        "undone": t.gettext("Taken back."),
        "credited": t.gettext("Credit note issued."),
        "billing": t.gettext("Billing details saved."),
    }
    text = words.get(request.query_params.get("done", ""), "")
    booking = request.query_params.get("booking", "")
    own = next((p for p in found.money.postings if str(p.id) == booking and p.by_hand and not p.reversed), None)
    return {"text": text, "booking": own.id if own else None}
