"""Task name -> use case. A task answers with how long to wait before it is to run again, or None when done.

Every task may be run twice: a worker that is killed leaves its job to the next one.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from crm.actions import (
    bulk_runs,
    card_events,
    cards,
    federation_exchange,
    invoice_deliveries,
    mail,
    mailings,
    member_imports,
    member_lists,
    profiles,
    register,
    register_bulks,
    register_differences,
    register_runs,
    renewals,
    surveys,
    webhook_deliveries,
)
from crm.actions.federation_exchange import CHECK_TASK
from crm.context import Context
from crm.gateways.ehf import sender_from
from crm.gateways.mail import Mailer
from crm.gateways.stripe import Accounts
from crm.store.bulk_runs import TASK as BULK_TASK
from crm.store.cards import HANDLE_TASK, REFUND_TASK
from crm.store.federation_registers import SEND_TASK as FEDERATION_TASK
from crm.store.invoice_deliveries import DELIVER_MANY_TASK, DELIVER_TASK
from crm.store.mail import SEND_TASK
from crm.store.mailings import TASK as MAILING_TASK
from crm.store.member_imports import CHECK_TASK as CHECK_IMPORT_TASK
from crm.store.member_imports import LOAD_TASK, UNDO_TASK
from crm.store.member_lists import TASK as LIST_TASK
from crm.store.register_bulks import TASK as REGISTER_BULK_TASK
from crm.store.register_runs import TASK as REGISTER_FILE_TASK
from crm.store.renewals import BILL_TASK, PREVIEW_TASK
from crm.store.surveys import TASK as SURVEY_TASK
from crm.store.webhook_deliveries import SEND_TASK as WEBHOOK_TASK


class Tools(msgspec.Struct, frozen=True):
    """What tasks are given to work with."""

    context: Context
    mailer: Mailer
    cards: Accounts
    policy: mail.Policy = mail.POLICY
    webhooks: webhook_deliveries.Policy = webhook_deliveries.POLICY


Task = Callable[[Tools, dict[str, Any]], Awaitable[timedelta | None]]


async def send_mail(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """One try at one mail."""
    return await mail.send(tools.context, tools.mailer, UUID(payload["mail"]), tools.policy)


async def send_webhook(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """One try at one message to a partner's webhook."""
    return await webhook_deliveries.send(tools.context, UUID(payload["delivery"]), tools.webhooks)


async def handle_card_event(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """One try at one event of the card provider."""
    return await card_events.handle(tools.context, tools.cards, payload["event"])


async def ask_card_refund(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """One try at one refund that has no answer yet."""
    return await cards.ask_refund(tools.context, tools.cards, UUID(payload["refund"]))


async def deliver_invoice(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """One step of one delivery."""
    sender = sender_from(tools.context.settings)
    return await invoice_deliveries.deliver(tools.context, sender, UUID(payload["delivery"]))


async def deliver_invoices(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """One step of each delivery of a run; what is not done then has a job of its own."""
    sender = sender_from(tools.context.settings)
    for delivery in payload["deliveries"].split(","):
        await invoice_deliveries.deliver_one_of_many(tools.context, sender, UUID(delivery))
    return None


async def preview_renewals(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """What a renewal run would bill."""
    return await renewals.preview(tools.context, UUID(payload["run"]))


async def bill_renewals(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """The bills of a renewal run, to its end."""
    return await renewals.bill(tools.context, UUID(payload["run"]))


async def settle_member_list(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """A list that a partner's system has pushed, to its end."""
    await member_lists.settle(tools.context, UUID(payload["list"]))
    return None


async def check_member_import(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """What every row of a members' file would do."""
    await member_imports.check(tools.context, UUID(payload["import"]))
    return None


async def load_member_import(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """A members' file that was confirmed, stored whole."""
    await member_imports.load(tools.context, UUID(payload["import"]))
    return None


async def undo_member_import(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """A members' file taken back."""
    await member_imports.take_back(tools.context, UUID(payload["import"]))
    return None


async def settle_bulk_run(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """What is done to many members, to its end."""
    await bulk_runs.settle(tools.context, UUID(payload["run"]))
    return None


async def read_register_file(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """A file of the register that was uploaded."""
    await register_runs.settle(tools.context, UUID(payload["run"]), register.read)
    return None


async def answer_register_bulk(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """Differences from the register that are answered together, to the end of their step."""
    deeds = register_bulks.Deeds(register_differences.take_over, profiles.tell, profiles.take_back)
    await register_bulks.settle(tools.context, UUID(payload["bulk"]), deeds)
    return None


async def send_federation(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """What waits for another system."""
    return await federation_exchange.send(tools.context, UUID(payload["agreement"]))


async def check_federation(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """A heartbeat to another system, and what differs put right; what fails is on the agreement's page."""
    await federation_exchange.visit(tools.context, payload["code"])
    return None


async def send_mailing(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """The mails of a mailing, each once."""
    await mailings.work(tools.context, UUID(payload["mailing"]))
    return None


async def send_survey(tools: Tools, payload: dict[str, Any]) -> timedelta | None:
    """The mails of a survey, each once."""
    await surveys.work(tools.context, UUID(payload["survey"]))
    return None


TASKS: dict[str, Task] = {
    SEND_TASK: send_mail,
    MAILING_TASK: send_mailing,
    SURVEY_TASK: send_survey,
    DELIVER_TASK: deliver_invoice,
    DELIVER_MANY_TASK: deliver_invoices,
    PREVIEW_TASK: preview_renewals,
    BILL_TASK: bill_renewals,
    LIST_TASK: settle_member_list,
    BULK_TASK: settle_bulk_run,
    CHECK_IMPORT_TASK: check_member_import,
    LOAD_TASK: load_member_import,
    UNDO_TASK: undo_member_import,
    REGISTER_FILE_TASK: read_register_file,
    REGISTER_BULK_TASK: answer_register_bulk,
    HANDLE_TASK: handle_card_event,
    REFUND_TASK: ask_card_refund,
    WEBHOOK_TASK: send_webhook,
    FEDERATION_TASK: send_federation,
    CHECK_TASK: check_federation,
}
