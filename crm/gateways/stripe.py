"""Card payments through Stripe: its own package, imported here and nowhere else.

Stripe is a rail and an unreliable narrator: what counts is its *objects*, read again when an event tells of
them (sync_security.md 3.1). Amounts are minor units, currencies ISO 4217 in capitals, moments UTC. Every call
that changes something carries our own idempotency key, stored before the call (M13): after `Unknown`, ask
again with the same key. `stripe` objects are no dicts (since v15); they become structs here.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import stripe

from cluster_rules.cards import Charge, Dispute, Found, Payout, Refund
from cluster_rules.money import share
from crm.settings import Settings

TIMEOUT_SECONDS = 20.0
NETWORK_RETRIES = 2
SIGNATURE_TOLERANCE_SECONDS = 300
PAGE = 100
REASON_LENGTH = 300


class CardError(Exception):
    """A call to the card provider did not succeed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason[:REASON_LENGTH])


class Unknown(CardError):
    """No answer, or none that says what was done (timeout, 429, 5xx; the package has tried again by then).

    It may have been done or not: ask again with the same idempotency key, never with a new one (M13).
    """


class Rejected(CardError):
    """The request is wrong or not allowed; doing it again cannot help. `code` is the provider's."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.code = code


class BadSignature(CardError):
    """A webhook that the provider did not sign with our secret, or longer ago than the tolerance."""


class Order(msgspec.Struct, frozen=True):
    """What is to be paid by card: one invoice, or what is left of it. `reference` is the invoice's id."""

    reference: str
    description: str
    amount: int
    currency: str
    success_url: str
    cancel_url: str
    email: str = ""
    expires_at: datetime | None = None


class Session(msgspec.Struct, frozen=True):
    """A card form: `url` is where the payer goes while it is open; `payment` is there once it is paid."""

    id: str
    status: Literal["open", "complete", "expired"]
    amount: int
    currency: str
    reference: str
    url: str = ""
    payment: str = ""


class BalanceLine(msgspec.Struct, frozen=True):
    """One line of the provider's own books: what the reconciler compares ours with (M12)."""

    id: str
    kind: str
    source: str
    amount: int
    fee: int
    currency: str
    at: datetime


class Event(msgspec.Struct, frozen=True):
    """Something the provider tells of: the kind of event, and which object to read again."""

    id: str
    kind: str
    object: str
    about: str
    at: datetime
    live: bool


class StripeCards:
    """Stripe by its own client. `base` replaces the address of its API in tests and demos."""

    def __init__(
        self, key: str, webhook_secrets: tuple[str, ...] = (), base: str = "", timeout: float = TIMEOUT_SECONDS
    ) -> None:
        self._secrets = webhook_secrets
        self._http = stripe.HTTPXClient(timeout=timeout)
        self._client = stripe.StripeClient(
            key,
            base_addresses={"api": base} if base else None,
            http_client=self._http,
            max_network_retries=NETWORK_RETRIES,
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close_async()

    async def open_session(self, order: Order, key: str) -> Session:
        """A card form for one order; the same `key` gives the same form."""
        about = {"invoice": order.reference}
        price = {
            "currency": order.currency.lower(),
            "unit_amount": order.amount * _units(order.currency),
            "product_data": {"name": order.description},
        }
        params: dict[str, Any] = {
            "mode": "payment",
            "client_reference_id": order.reference,
            "line_items": [{"quantity": 1, "price_data": price}],
            "metadata": about,
            "payment_intent_data": {"metadata": about, "description": order.description},
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
        }
        if order.email:
            params["customer_email"] = order.email
        if order.expires_at:
            params["expires_at"] = int(order.expires_at.timestamp())
        return _session(await _asked(self._client.v1.checkout.sessions.create_async(params, {"idempotency_key": key})))

    async def session(self, wanted: str) -> Session:
        """A card form as it now is."""
        return _session(await _asked(self._client.v1.checkout.sessions.retrieve_async(wanted)))

    async def expire_session(self, wanted: str, key: str) -> Session:
        """Close a card form nobody shall pay by any more. Rejected when it is not open."""
        options = {"idempotency_key": key}
        return _session(await _asked(self._client.v1.checkout.sessions.expire_async(wanted, options=options)))

    async def charge(self, wanted: str) -> Charge:
        """A charge as it now is."""
        return _charge(await _asked(self._client.v1.charges.retrieve_async(wanted)))

    async def charge_of_payment(self, payment: str) -> Charge | None:
        """The charge a payment ended in; None while there is none."""
        found = await _asked(self._client.v1.payment_intents.retrieve_async(payment))
        latest = _id(found.get("latest_charge"))
        return await self.charge(latest) if latest else None

    async def refund(self, charge: str, amount: int, currency: str, reference: str, key: str) -> Refund:
        """Give `amount` of a charge, in its currency, back. Rejected when there is not so much left of it (M7)."""
        params = {"charge": charge, "amount": amount * _units(currency), "metadata": {"refund": reference}}
        return _refund(await _asked(self._client.v1.refunds.create_async(params, {"idempotency_key": key})))

    async def refund_by_id(self, wanted: str) -> Refund:
        """A refund as it now is."""
        return _refund(await _asked(self._client.v1.refunds.retrieve_async(wanted)))

    async def refunds_of(self, charge: str) -> AsyncIterator[Refund]:
        """Every refund of a charge."""
        async for found in _pages(self._client.v1.refunds.list_async, {"charge": charge}):
            yield _refund(found)

    async def dispute(self, wanted: str) -> Dispute:
        """A dispute as it now is."""
        return _dispute(await _asked(self._client.v1.disputes.retrieve_async(wanted)))

    async def payout(self, wanted: str) -> Payout:
        """A payout as it now is."""
        found = await _asked(self._client.v1.payouts.retrieve_async(wanted))
        return Payout(
            found["id"], _minor(found, "amount"), _currency(found), found["status"], _at(found["arrival_date"])
        )

    async def balance(self, start: datetime, end: datetime) -> AsyncIterator[BalanceLine]:
        """The provider's own books from `start` until before `end`, the newest first."""
        created = {"gte": int(start.timestamp()), "lt": int(end.timestamp())}
        async for found in _pages(self._client.v1.balance_transactions.list_async, {"created": created}):
            yield _line(found)

    async def payout_lines(self, payout: str) -> AsyncIterator[BalanceLine]:
        """What a payout paid out: the lines of the books it settled, its own among them."""
        async for found in _pages(self._client.v1.balance_transactions.list_async, {"payout": payout}):
            yield _line(found)

    async def about(self, kind: str, object_id: str) -> AsyncIterator[Found]:
        """The objects whose facts an event of this kind, about this object, may have changed."""
        match kind.split("."):
            case ["checkout", "session", *_]:
                session = await self.session(object_id)
                charge = await self.charge_of_payment(session.payment) if session.payment else None
                if charge:
                    yield Found(charge)
            case ["payment_intent", *_]:
                charge = await self.charge_of_payment(object_id)
                if charge:
                    yield Found(charge)
            case ["charge", "dispute", *_]:
                dispute = await self.dispute(object_id)
                yield Found(dispute, await self.charge(dispute.charge))
            case ["charge", "refunded"]:
                charge = await self.charge(object_id)
                async for refund in self.refunds_of(object_id):
                    yield Found(refund, charge)
            case ["charge", *_]:
                yield Found(await self.charge(object_id))
            case ["refund", *_]:
                refund = await self.refund_by_id(object_id)
                yield Found(refund, await self.charge(refund.charge))
            case ["payout", *_]:
                cost = sum([line.fee async for line in self.payout_lines(object_id)])
                yield Found(await self.payout(object_id), cost=cost)

    def read_event(self, payload: bytes, signature: str) -> Event:
        """An event, if the provider signed it with one of our secrets within the tolerance. BadSignature."""
        for secret in self._secrets:
            try:
                found = self._client.construct_event(payload, signature, secret, SIGNATURE_TOLERANCE_SECONDS)
            except (stripe.SignatureVerificationError, ValueError):
                continue
            event = found.to_dict()
            about = event["data"]["object"]
            return Event(
                event["id"], event["type"], about["object"], about["id"], _at(event["created"]), event["livemode"]
            )
        raise BadSignature("the signature does not fit, or is too old")


class Accounts:
    """The card account of each host, by the host's code; "" is that of every host without one of its own."""

    def __init__(self, settings: Settings) -> None:
        self._cards = {
            host: StripeCards(key, settings.stripe_secrets[host], settings.stripe_url)
            for host, key in settings.stripe_keys.items()
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self._cards)

    def name_of(self, host: str) -> str | None:
        """Which account takes card payments for a host; None when nobody does."""
        return host if host in self._cards else "" if "" in self._cards else None

    def named(self, account: str) -> StripeCards:
        """The account of this name; KeyError."""
        return self._cards[account]

    def read_event(self, payload: bytes, signature: str) -> tuple[str, Event]:
        """The account that an event was signed for, and the event. BadSignature."""
        for account, cards in self._cards.items():
            with suppress(BadSignature):
                return account, cards.read_event(payload, signature)
        raise BadSignature("no account's secret fits the signature, or it is too old")

    async def close(self) -> None:
        """Give all connections back."""
        for cards in self._cards.values():
            await cards.close()


async def _asked(call: Any) -> dict[str, Any]:
    """The answer as plain data; the package's errors as ours."""
    try:
        return (await call).to_dict()
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        raise Unknown(str(error)) from error
    except stripe.StripeError as error:
        if (error.http_status or 500) >= 500:
            raise Unknown(str(error)) from error
        raise Rejected(str(error), error.code or "") from error


async def _pages(listed: Any, params: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
    after: dict[str, str] = {}
    while True:
        found = await _asked(listed({**params, "limit": PAGE, **after}))
        for each in found["data"]:
            yield each
        if not found["has_more"]:
            return
        after = {"starting_after": found["data"][-1]["id"]}


def _session(found: dict[str, Any]) -> Session:
    return Session(
        found["id"],
        found["status"],
        _minor(found, "amount_total"),
        _currency(found),
        found.get("client_reference_id") or "",
        found.get("url") or "",
        _id(found.get("payment_intent")) if found["payment_status"] == "paid" else "",
    )


def _charge(found: dict[str, Any]) -> Charge:
    return Charge(
        found["id"],
        _id(found.get("payment_intent")),
        _minor(found, "amount_captured"),
        _currency(found),
        bool(found["paid"]) and found["status"] == "succeeded",
        _at(found["created"]),
        (found.get("metadata") or {}).get("invoice", ""),
    )


def _refund(found: dict[str, Any]) -> Refund:
    return Refund(
        found["id"],
        _id(found.get("charge")),
        _minor(found, "amount"),
        _currency(found),
        found["status"],
        _at(found["created"]),
        (found.get("metadata") or {}).get("refund", ""),
    )


def _dispute(found: dict[str, Any]) -> Dispute:
    phase: Literal["opened", "won", "lost"] = found["status"] if found["status"] in ("won", "lost") else "opened"
    return Dispute(
        found["id"], _id(found["charge"]), _minor(found, "amount"), _currency(found), phase, _at(found["created"])
    )


def _line(found: dict[str, Any]) -> BalanceLine:
    return BalanceLine(
        found["id"],
        found["reporting_category"],
        _id(found.get("source")),
        _minor(found, "amount"),
        _minor(found, "fee"),
        _currency(found),
        _at(found["created"]),
    )


def _id(value: Any) -> str:
    """An object's id, whether Stripe gave the id or the whole object."""
    return (value.get("id", "") if isinstance(value, dict) else value) or ""


def _units(currency: str) -> int:
    """What Stripe counts one minor unit as: a króna has no aurar any more, but Stripe's amounts still do."""
    return 100 if currency == "ISK" else 1


def _minor(found: dict[str, Any], name: str) -> int:
    """An amount of Stripe's in minor units of its currency."""
    return share(found[name], 1, _units(_currency(found)))


def _currency(found: dict[str, Any]) -> str:
    return str(found["currency"]).upper()


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
