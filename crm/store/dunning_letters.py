"""The letters of dunning, composed with the step that sends them: in the payer's language, with PDF and pay link."""

import secrets
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from cluster_rules.dunning import Next
from cluster_rules.late_interest import Claim
from crm import dunning_words
from crm.database import Connection
from crm.i18n import N_, translator
from crm.store import invoice_links, mail
from crm.store.dunning import Row
from crm.store.mail import Outgoing, Recipient

TOKEN_BYTES = 24
KINDS = {"reminder": "invoice_reminder", "collection_notice": "collection_notice"}
_REASON = N_("Invoice %(number)s, due %(due_on)s, is not paid.")


def letter(
    row: Row, found: Next, claims: Sequence[Claim], today: date, link: str, step: UUID | None = None
) -> Outgoing:
    """The letter of a step; its id is the step's, by which sending finds the invoice to attach."""
    t = translator(row.language)
    total = row.owed + sum(claim.amount for claim in claims)
    pay_by = today + timedelta(days=found.step.notice_days)
    values = _values(row, link) | {
        "first": found.key == "reminder-1",
        "claims": dunning_words.claims(t, claims, row.currency),
        "before": t.money(row.owed - row.principal, row.currency) if row.owed > row.principal else "",
        "pay_by": t.date(pay_by),
        "total": t.money(total, row.currency),
    }
    return Outgoing(KINDS[found.step.kind], _recipient(row), values, organisation=row.organisation_id, id=step)


def suspended(row: Row, note: str, link: str) -> Outgoing:
    """What the payer hears when its memberships are on hold because of this invoice."""
    t = translator(row.language)
    values = _values(row, link) | {"note": note, "total": t.money(row.owed, row.currency)}
    return Outgoing("membership_suspended_unpaid", _recipient(row), values, organisation=row.organisation_id)


def reason(row: Row, note: str) -> str:
    """Why a membership is on hold, as it stands with the decision; in the payer's language."""
    t = translator(row.language)
    said = t.gettext(_REASON, number=row.number, due_on=t.date(row.due_on))
    return f"{said} {note}".strip()


async def link(connection: Connection, invoice: UUID, base: str) -> str:
    """An address that opens the invoice without signing in."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    await invoice_links.add(connection, token, invoice)
    return base + token


async def queue(connection: Connection, letters: Sequence[Outgoing]) -> None:
    """Put the letters into the mail queue."""
    await mail.queue(connection, letters)


def _recipient(row: Row) -> Recipient:
    return Recipient(row.email, row.recipient, row.language)


def _values(row: Row, link: str) -> dict[str, Any]:
    t = translator(row.language)
    return {
        "network": row.seller["name"],
        "organisation": row.organisation,
        "number": row.number,
        "amount": t.money(row.principal, row.currency),
        "due_on": t.date(row.due_on),
        "kid": row.kid,
        "account": row.seller.get("account") or row.seller.get("iban") or "",
        "link": link,
    }
