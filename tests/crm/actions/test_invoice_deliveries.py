"""An issued invoice reaches its buyer: by mail with PDF and pay link, or as e-invoice; and what fails is seen."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from crm.actions import invoice_deliveries, invoices, mail, verify
from crm.actions.invoice_deliveries import Patience
from crm.actions.invoices import Credit
from crm.actor import Actor
from crm.context import Context
from crm.gateways.ehf import NotDelivered, State
from crm.gateways.mail import NotSent, compose
from tests.crm.actions.test_invoices import draft
from tests.crm.jobs.helpers import IMPATIENT, FakeMailer

pytestmark = pytest.mark.anyio

__all__ = ["draft"]
QUICK = Patience(retry_after=(timedelta(0), timedelta(0)), lease=timedelta(0), ask_again=timedelta(0))
PEPPOL = "0192:310004715"


class FakeSender:
    """Takes what it is given, after the failures it is told; keeps every key it saw."""

    def __init__(self, *failures: NotDelivered, then: tuple[State, ...] = ()) -> None:
        self.failures, self.later = list(failures), list(then)
        self.sent: dict[str, bytes] = {}
        self.keys: list[str] = []

    async def send(self, key: str, recipient: str, xml: bytes) -> State:
        self.keys.append(key)
        if self.failures:
            raise self.failures.pop(0)
        self.sent[key] = xml
        return State(f"their-{len(self.sent)}", "sent")

    async def state(self, wanted: str) -> State:
        return self.later.pop(0) if self.later else State(wanted, "sent")


async def one(context: Context, invoice: UUID) -> dict[str, Any]:
    async with context.db.tx() as connection:
        return dict(
            await connection.fetchrow(
                "select * from invoice_delivery where invoice_id = $1 order by created_at desc limit 1", invoice
            )
        )


async def told(context: Context, invoice: UUID) -> list[str]:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select kind from invoice_event where invoice_id = $1 order by row_id", invoice)
    return [row["kind"] for row in rows]


async def by_ehf(context: Context, actor: Actor, draft: UUID) -> tuple[Context, UUID]:
    """The draft issued to a buyer who takes e-invoices, on a system that has a sender; the delivery."""
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into billing (organisation_id, peppol_id, buyer_reference, updated_at)"
            " select organisation_id, $2, '4711', now() from invoice where id = $1",
            draft,
            PEPPOL,
        )
    with_ehf = msgspec.structs.replace(
        context, settings=msgspec.structs.replace(context.settings, ehf_url="folder:/nowhere")
    )
    await invoices.issue(with_ehf, actor, draft)
    found = await one(context, draft)
    assert (found["channel"], found["recipient"], found["status"]) == ("ehf", PEPPOL, "queued")
    return with_ehf, found["id"]


async def test_a_mail_with_the_pdf_and_a_link_that_opens_it(
    context: Context, actor: Actor, draft: UUID, client: httpx.AsyncClient
) -> None:
    await invoices.issue(context, actor, draft)
    delivery = await one(context, draft)
    assert (delivery["channel"], delivery["status"]) == ("email", "queued")
    assert await invoice_deliveries.deliver(context, None, delivery["id"]) is None
    assert await invoice_deliveries.deliver(context, None, delivery["id"], QUICK) is not None  # leased: not twice
    mailer = FakeMailer()
    assert await mail.send(context, mailer, delivery["id"]) is None
    (sent,) = mailer.tried
    assert sent.id == delivery["id"]
    assert sent.subject == "NORA: faktura NORA-1"
    (attached,) = sent.attachments
    assert (attached.name, attached.content[:5]) == ("NORA-1.pdf", b"%PDF-")
    parts = [part.get_filename() for part in compose(sent, "Klynge <post@klynge.example>", "<1@x>").iter_attachments()]
    assert parts == ["NORA-1.pdf"]
    assert (await one(context, draft))["status"] == "sent"
    assert await told(context, draft) == ["issued", "queued", "sent"]
    assert await verify.run(context) == []

    (link,) = re.findall(r"http://klynge.test(/nb/pay/\S+)", sent.text)
    page = await client.get(link)
    assert page.status_code == 200
    assert page.headers["referrer-policy"] == "no-referrer"
    for said in ("Faktura NORA-1", "9999 00 00014", "Medlemskontingent, Hovedpartner", "Å betale"):
        assert said in page.text, said
    pdf = await client.get(f"{link}/pdf")
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert "Invoice NORA-1" in (await client.get(link.replace("/nb/", "/en/"))).text
    assert await told(context, draft) == ["issued", "queued", "sent", "opened"]
    assert (await client.get(link + "x")).status_code == (await client.get("/nb/pay/" + "x" * 200)).status_code == 404


async def test_a_credit_note_is_mailed_too(
    context: Context, actor: Actor, draft: UUID, client: httpx.AsyncClient
) -> None:
    await invoices.issue(context, actor, draft)
    note = await invoices.credit(context, actor, draft, Credit("Feil nivå"))
    delivery = await one(context, note.id)
    await invoice_deliveries.deliver(context, None, delivery["id"])
    mailer = FakeMailer()
    await mail.send(context, mailer, delivery["id"])
    assert mailer.tried[0].subject == "NORA: kreditnota NORA-2"
    (link,) = re.findall(r"http://klynge.test(/nb/pay/\S+)", mailer.tried[0].text)
    page = (await client.get(link)).text
    assert "Kreditnota NORA-2" in page
    assert "NORA-1" in page
    assert "Å betale" not in page


async def test_a_mail_that_cannot_be_sent_is_work_for_a_person(context: Context, actor: Actor, draft: UUID) -> None:
    await invoices.issue(context, actor, draft)
    delivery = (await one(context, draft))["id"]
    await invoice_deliveries.deliver(context, None, delivery)
    await mail.send(context, FakeMailer(NotSent("550 no such mailbox", final=True)), delivery, IMPATIENT)
    found = await one(context, draft)
    assert (found["status"], found["last_error"]) == ("failed", "550 no such mailbox")
    assert await told(context, draft) == ["issued", "queued", "failed"]
    again = await invoice_deliveries.again(context, actor, draft, "faktura@straumvik.example")
    await invoice_deliveries.deliver(context, None, again)
    mailer = FakeMailer()
    await mail.send(context, mailer, again)
    assert mailer.tried[0].recipient == "faktura@straumvik.example"
    assert await verify.run(context) == []


async def test_an_e_invoice_is_sent_once_and_its_state_comes_back(context: Context, actor: Actor, draft: UUID) -> None:
    context, delivery = await by_ehf(context, actor, draft)
    sender = FakeSender(NotDelivered("503 later"), then=(State("their-1", "sent"), State("their-1", "accepted")))
    for expected in ("queued", "sent", "sent", "accepted"):
        await invoice_deliveries.deliver(context, sender, delivery, QUICK)
        assert (await one(context, draft))["status"] == expected
    assert await invoice_deliveries.deliver(context, sender, delivery, QUICK) is None
    assert sender.keys == [str(delivery)] * 2  # the same key at every try
    assert b"<cbc:ID>NORA-1</cbc:ID>" in sender.sent[str(delivery)]
    assert await told(context, draft) == ["issued", "sent", "accepted"]


@pytest.mark.parametrize(
    ("sender", "status", "why", "events"),
    [
        (FakeSender(then=(State("their-1", "rejected", "unknown reference"),)), "rejected", "unknown reference",
         ["issued", "sent", "rejected"]),
        (FakeSender(NotDelivered("400 not an invoice", final=True)), "failed", "400 not an invoice",
         ["issued", "failed"]),
        (FakeSender(*[NotDelivered("503 later")] * 3), "failed", "503 later", ["issued", "failed"]),
        (None, "failed", "no sender is set up (KLYNGE_EHF_URL)", ["issued", "failed"]),
    ],
)  # fmt: skip
async def test_what_is_not_delivered_is_seen(
    context: Context, actor: Actor, draft: UUID, sender: Any, status: str, why: str, events: list[str]
) -> None:
    context, delivery = await by_ehf(context, actor, draft)
    for _ in range(3):
        await invoice_deliveries.deliver(context, sender, delivery, QUICK)
    found = await one(context, draft)
    assert (found["status"], found["last_error"]) == (status, why)
    assert await told(context, draft) == events
