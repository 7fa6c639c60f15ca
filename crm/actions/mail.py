"""Send one mail, at least once and visibly so.

Three steps: claim the row (a short transaction), talk to the mail server (outside any transaction), write
down how it went (a short transaction). Killed between the last two, the mail is sent again when its lease
ends: then `attempts` says 2, and both copies carry the same Message-ID.
"""

import re
from datetime import timedelta
from uuid import UUID

import msgspec

from crm import faults
from crm.context import Context
from crm.gateways import invoice_files
from crm.gateways.mail import SEND_TIMEOUT_SECONDS, Attachment, Mailer, Message, NotSent
from crm.store import documents, invoice_deliveries, mailing, saved_reports

# Waits between the tries: about a day in all, then a person must look.
RETRY_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
)
LEASE = timedelta(seconds=SEND_TIMEOUT_SECONDS + 15)
OVERDUE = timedelta(minutes=2)
PAY_LINK = re.compile(r"https?://\S+/pay/[A-Za-z0-9_-]+")


class Policy(msgspec.Struct, frozen=True):
    """How patient sending is; tests are less so."""

    retry_after: tuple[timedelta, ...] = RETRY_AFTER
    lease: timedelta = LEASE
    overdue: timedelta = OVERDUE


POLICY = Policy()


async def send(context: Context, mailer: Mailer, mail: UUID, policy: Policy = POLICY) -> timedelta | None:
    """Try to send the mail once; how long to wait before the next try, None when there is no more to do."""
    async with context.db.tx() as connection:
        claimed = await mailing.claim(connection, mail, mailer.message_id(mail), policy.lease)
    if not isinstance(claimed, mailing.Claimed):
        return claimed
    faults.point("mail_claimed")
    try:
        if claimed.attempt > len(policy.retry_after) + 1:  # every try ended in a killed process
            raise NotSent("no try came to an end", final=True)
        attachments = await _attachments(context, claimed)
        await mailer.send(
            Message(
                id=claimed.id,
                recipient=claimed.recipient,
                recipient_name=claimed.recipient_name,
                language=claimed.language,
                subject=claimed.subject,
                text=claimed.body_text,
                html=claimed.body_html,
                attachments=attachments,
                unsubscribe=claimed.unsubscribe,
            )
        )
    except NotSent as error:
        return await _failed(context, claimed, error, policy)
    faults.point("mail_accepted")
    async with context.db.tx() as connection:
        await mailing.sent(connection, claimed)
        await invoice_deliveries.mailed(connection, claimed.id, claimed.recipient)
    faults.point("mail_marked")
    return None


async def sweep(context: Context, policy: Policy = POLICY) -> list[UUID]:
    """Give every overdue mail without a job a new one; which ones that were."""
    async with context.db.tx() as connection:
        return await mailing.requeue_stranded(connection, policy.overdue)


async def _attachments(context: Context, claimed: mailing.Claimed) -> tuple[Attachment, ...]:
    """The PDF of the invoice or credit note that a mail is about, or the file that was kept for it."""
    async with context.db.tx() as connection:
        invoice = await invoice_deliveries.of_mail(connection, claimed.id)
        if invoice is None:
            kept = await saved_reports.file_of(connection, claimed.id)
            return (Attachment(kept["name"], kept["media_type"], kept["content"]),) if kept else ()
        document = await documents.stored(connection, invoice)
    found = PAY_LINK.search(claimed.body_text)
    paper = await invoice_files.paper(document, found.group() if found else "")
    return (Attachment(f"{document.number}.pdf", "application/pdf", paper),)


async def _failed(context: Context, mail: mailing.Claimed, error: NotSent, policy: Policy) -> timedelta | None:
    async with context.db.tx() as connection:
        if error.final or mail.attempt > len(policy.retry_after):
            await mailing.give_up(connection, mail, str(error))
            await invoice_deliveries.not_mailed(connection, mail.id, str(error))
            return None
        wait = policy.retry_after[mail.attempt - 1]
        await mailing.put_back(connection, mail, str(error), wait)
        return wait
