"""Carries out stories of the plan through the API and the card actions, as often as it takes, and tells what is done.

Every step is one request that may be repeated: the API's by its Idempotency-Key, the card provider's by ours. What was
answered is told at once (`tell`), and then counts: nothing of it may be missing after a crash.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

import httpx
import msgspec

from cluster_rules.errors import RuleViolation
from crm.actions import card_events, cards
from crm.actor import Actor
from crm.context import Context
from crm.errors import Unavailable
from crm.gateways.stripe import Accounts, CardError
from tests.crash.plan import LOOSE_MORE, Invoice, Story
from tests.crm.api.support import NORA, V1
from tests.crm.billing import entry, kroner, notification
from tests.crm.cards import KEY
from tests.fakes.stripe import Fake

BACK = "https://klynge.example/en/pay/token"
AGAIN_SECONDS = 0.01
NEWEST = 6  # events of the provider that are brought over, whosever they are
ON = "2026-11-20"
ASKED_AGAIN = 0.2  # so many steps that are known to be done are done again, with their old key
COMES_BACK = 0.5  # so many payers come back to our page; the others close the card form's
Tell = Callable[[dict[str, Any]], None]
Has = dict[str, Any]
Known = dict[int, dict[str, Has]]  # story -> step -> what was told of it

_OF_INVOICE = "select distinct payment_id from ledger_entry where invoice_id = $1 and payment_id is not null"
_OF_LINE = "select payment_id from bank_line where servicer_reference = $1"
_REFUND = "select id, status from card_refund where payment_id = $1"


class Teller(msgspec.Struct, frozen=True):
    """What the steps are done with. `client` is the application's, `outside` reaches the card provider."""

    context: Context
    actor: Actor
    accounts: Accounts
    client: httpx.AsyncClient
    outside: httpx.AsyncClient
    provider: str
    headers: dict[str, str]
    tell: Tell
    chance: Random
    known: Known

    async def live(self, story: Story) -> None:
        """The whole story, from the first step."""
        invoice = await self._bill(story)
        if story.pays == "card":
            await self._card(story, invoice)
        elif story.pays in ("bank", "loose"):
            await self._bank(story, invoice)
        else:
            await self._hand(story, invoice)
        self.tell({"finished": story.number})

    async def _bill(self, story: Story) -> Invoice:
        sent = await self._post(story, "apply", "/applications", story.application, lambda a: {"sent": a["id"]})
        has = await self._post(
            story,
            "approve",
            f"/applications/{sent['sent']}/approval",
            {"starts_on": "2026-12-01"},
            lambda a: {**sent, "membership": a["memberships"][0]["id"], "draft": a["invoices"][0]["id"]},
        )
        issued = await self._post(
            story,
            "issue",
            f"/invoices/{has['draft']}/issue",
            None,
            lambda a: {
                "application": sent["sent"],
                "invoice": a["id"],
                "number": a["number"],
                "organisation": a["organisation_id"],
                "kid": a["kid"],
                "net": a["net"]["amount"],
                "gross": a["total"]["amount"],
            },
        )
        ids = UUID(issued["invoice"]), UUID(issued["organisation"])
        return Invoice(*ids, issued["kid"], issued["net"], issued["gross"])

    async def _hand(self, story: Story, invoice: Invoice) -> None:
        booked = []
        for place, amount in enumerate(story.payments(invoice.gross)):
            body = {"amount": {"amount": amount, "currency": "NOK"}, "received_on": ON, "reference": story.name}
            path = f"/invoices/{invoice.id}/payments"
            booked.append(await self._post(story, f"pay-{place}", path, body, _booked))
        if story.then == "reversal":
            path = f"/bookings/{booked[0]['transaction']}/reversals"
            await self._post(story, "reverse", path, None, lambda a: {"transaction": a["transactions"][0]})
        await self._afterwards(story, invoice, UUID(booked[0]["payment"]), UUID(booked[-1]["payment"]))

    async def _bank(self, story: Story, invoice: Invoice) -> None:
        """The bank tells twice: the second file has the line again, beside one that is no payment."""
        (amount,) = story.payments(invoice.gross)
        known = {"kid": invoice.kid} if story.pays == "bank" else {"text": story.name}
        name = f"P{story.key}"
        line, fee = entry(name, kroner(amount), **known), entry(f"C{story.key}", "1.00", debit=True)
        for place, lines in enumerate(([line], [fee, line])):
            file = {"name": f"{story.key}.xml", "content": notification(*lines, message=f"M{story.key}.{place}")}
            body, path = msgspec.to_builtins(file), f"/networks/{NORA}/bank-files"
            await self._post(story, f"bank-{place}", path, body, lambda a: {"bank_file": a["id"], "line": name})
        payment = await self._found(_OF_LINE, name)
        if story.pays == "loose":
            shares = [
                {"amount": invoice.gross, "invoice": str(invoice.id)},
                {"amount": LOOSE_MORE, "organisation": str(invoice.organisation)},
            ]
            path = f"/payments/{payment}/placements"
            await self._post(story, "split", path, {"shares": shares}, _booked)
        await self._afterwards(story, invoice, payment, payment)

    async def _card(self, story: Story, invoice: Invoice) -> None:
        while "paid" not in self.known.get(story.number, {}):
            try:
                url = await cards.open_form(self.context, self.accounts, invoice.id, BACK, "Invoice")
                if url.startswith(self.provider):
                    await self.outside.post(url, data={"do": "pay"})
                elif self.chance.random() < COMES_BACK:
                    await card_events.look(self.context, self.accounts, invoice.id)
            except RuleViolation as refusal:
                if refusal.code == "invoice_paid":
                    break
                if refusal.code != "card_busy":
                    raise
            except Unavailable:
                self.tell({"status": 503})
            await self._events()
            await asyncio.sleep(AGAIN_SECONDS)
        payment = await self._found(_OF_INVOICE, invoice.id)
        self._told(story, "paid", {"payment": str(payment)})
        if story.then == "refund":
            await self._card_refund(story, payment, invoice.gross)
        else:
            await self._afterwards(story, invoice, payment, payment)

    async def _card_refund(self, story: Story, payment: UUID, amount: int) -> None:
        """The whole of it: whoever asks for it a second time is told that nothing is left."""
        while True:
            try:
                row = await self._row(_REFUND, payment)
                if row and row["status"] == "done":
                    break
                if row:
                    await cards.ask_refund(self.context, self.accounts, row["id"])
                else:
                    await cards.refund(self.context, self.accounts, self.actor, payment, amount, story.name)
            except RuleViolation as refusal:
                if refusal.code != "refund_exceeds":  # a dying process was faster
                    raise
            except Unavailable:
                self.tell({"status": 503})
            await self._events()
        self._told(story, "card-refund", {"card_refund": str(row["id"])})

    async def _events(self) -> None:
        """What the provider has told of lately, in any order, whether it was told before or not."""
        answer = await self.outside.get(
            f"{self.provider}/v1/events", params={"limit": NEWEST}, headers={"authorization": f"Bearer {KEY}"}
        )
        events = answer.json()["data"]
        for event in self.chance.sample(events, len(events)):
            payload, signature = Fake().signed(event)
            kept = await self.client.post("/webhooks/stripe", content=payload, headers={"stripe-signature": signature})
            self.tell({"status": kept.status_code})
            try:
                await card_events.handle(self.context, self.accounts, event["id"])
            except (Unavailable, CardError):
                self.tell({"status": 503})

    async def _afterwards(self, story: Story, invoice: Invoice, first: UUID, last: UUID) -> None:
        if story.then == "credit":
            body, path = {"reason": story.name, "amount": invoice.net // 4}, f"/invoices/{invoice.id}/credit-notes"
            await self._post(story, "credit", path, body, lambda a: {"invoice": a["id"], "number": a["number"]})
        elif story.then == "refund":
            for place, (payment, amount) in enumerate(zip((first, last), _spread(story, invoice.gross), strict=True)):
                if amount:
                    body = {"amount": amount, "paid_on": ON, "reason": story.name}
                    await self._post(story, f"refund-{place}", f"/payments/{payment}/refunds", body, _booked)

    async def _post(self, story: Story, step: str, path: str, body: Any, keep: Callable[[Any], Has]) -> Has:
        """One step, until it is done; what to keep of its answer. Anything unexpected ends the story.

        What was told before is mostly taken as it was, as by a client that writes down what it is answered.
        """
        before = self.known.get(story.number, {}).get(step)
        if before and self.chance.random() > ASKED_AGAIN:
            return before
        headers = self.headers | {"idempotency-key": f"{story.key}-{step}"}
        while True:
            answer = await self.client.post(V1 + path, json=body, headers=headers)
            self.tell({"status": answer.status_code})
            if answer.status_code < 300:
                return self._told(story, step, keep(answer.json()))
            if answer.status_code != 503 and answer.json()["errors"][0]["rule"] != "idempotency_in_progress":
                raise AssertionError(f"{step} of {story.name}: {answer.status_code} {answer.text}")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _found(self, query: str, wanted: object) -> UUID:
        row = await self._row(query, wanted)
        if row is None:
            raise AssertionError(f"{wanted} is not there")
        return UUID(str(row[0]))

    async def _row(self, query: str, wanted: object) -> Any:
        while True:
            try:
                async with self.context.db.tx() as connection:
                    return await connection.fetchrow(query, wanted)
            except Unavailable:
                await asyncio.sleep(AGAIN_SECONDS)

    def _told(self, story: Story, step: str, has: Has) -> Has:
        self.tell({"story": story.number, "step": step, "has": has})
        return has


def _booked(answer: Any) -> Has:
    return {"payment": answer["payment_id"], "transaction": answer["transactions"][0]}


def _spread(story: Story, gross: int) -> tuple[int, int]:
    """What goes back of the first and of the last payment."""
    whole = story.back(gross)
    if story.pays != "parts":
        return whole, 0
    return min(whole, story.payments(gross)[0]), whole - min(whole, story.payments(gross)[0])
