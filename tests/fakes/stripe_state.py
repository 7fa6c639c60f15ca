"""What a card provider knows: sessions, payments, refunds, disputes, payouts, and the events that tell of them.

A fake, not Stripe: the objects have the fields we read, named and shaped as in Stripe's API version
2026-10-28.endive, and follow each other as there. The real `stripe` package parses what comes of it.
"""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

API_VERSION = "2026-10-28.endive"
FEE_PER_MILLE, FEE_FIXED = 24, 200  # 2.4 % and NOK 2, as a card payment in Norway costs
Object = dict[str, Any]


class Refused(Exception):
    """An answer as Stripe gives it when a request is wrong."""

    def __init__(self, status: int, kind: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **more}}


class State:
    """Everything, in memory. `told` is called with each event, in the order things happen."""

    def __init__(self, clock: Callable[[], int], told: Callable[[Object], None]) -> None:
        self.clock = clock
        self.told = told
        self.objects: dict[str, Object] = {}
        self.events: list[Object] = []
        self.ledger: list[Object] = []
        self._numbers = count(1)

    def find(self, kind: str, wanted: str) -> Object:
        """One object; 404 as Stripe answers."""
        found = self.objects.get(wanted)
        if found is None or found["object"] != kind:
            raise Refused(
                404, "invalid_request_error", f"No such {kind}: '{wanted}'", code="resource_missing", param="id"
            )
        return found

    def create_session(self, given: Object, base: str) -> Object:
        """POST /v1/checkout/sessions, `mode=payment` only."""
        if given.get("mode") != "payment":
            raise Refused(400, "invalid_request_error", "Only mode=payment is known here.", param="mode")
        try:
            prices = [(item["price_data"], int(item.get("quantity", 1))) for item in given["line_items"]]
            total = sum(int(price["unit_amount"]) * quantity for price, quantity in prices)
            (currency,) = {price["currency"].lower() for price, _ in prices}
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(
                400, "invalid_request_error", "line_items are missing or wrong.", param="line_items"
            ) from error
        if total <= 0:
            raise Refused(400, "invalid_request_error", "The amount must be positive.", param="line_items")
        made = self._make("checkout.session", "cs_test")
        made |= {
            "amount_total": total,
            "currency": currency,
            "cancel_url": given.get("cancel_url"),
            "client_reference_id": given.get("client_reference_id"),
            "customer_email": given.get("customer_email"),
            "expires_at": int(given.get("expires_at", self.clock() + 86_400)),
            "metadata": given.get("metadata", {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": given.get("success_url"),
            "url": f"{base}/pay/{made['id']}",
            "payment_intent_metadata": given.get("payment_intent_data", {}).get("metadata", {}),
        }
        return made

    def expire_session(self, session: Object) -> Object:
        """POST /v1/checkout/sessions/{id}/expire."""
        if session["status"] != "open":
            raise Refused(400, "invalid_request_error", "Only open sessions can be expired.", code="resource_invalid")
        session |= {"status": "expired", "url": None}
        self._tell("checkout.session.expired", session)
        return session

    def pay(self, session: Object, declined: bool = False) -> Object:
        """What the person at the card form does: the payment and, when it succeeds, its charge. Twice is once."""
        if session["status"] != "open":
            return session
        intent = self._make("payment_intent", "pi")
        intent |= {
            "amount": session["amount_total"],
            "amount_received": 0,
            "currency": session["currency"],
            "latest_charge": None,
            "metadata": session["payment_intent_metadata"],
            "status": "requires_payment_method",
        }
        if declined:
            self._tell("payment_intent.payment_failed", intent)
            return session
        charge = self._charge(intent)
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"]}
        session |= {"status": "complete", "payment_status": "paid", "payment_intent": intent["id"], "url": None}
        self._tell("charge.succeeded", charge)
        self._tell("payment_intent.succeeded", intent)
        self._tell("checkout.session.completed", session)
        return session

    def _charge(self, intent: Object) -> Object:
        charge = self._make("charge", "ch")
        charge |= {
            "amount": intent["amount"],
            "amount_captured": intent["amount"],
            "amount_refunded": 0,
            "currency": intent["currency"],
            "disputed": False,
            "metadata": intent["metadata"],
            "paid": True,
            "payment_intent": intent["id"],
            "refunded": False,
            "status": "succeeded",
        }
        fee = intent["amount"] * FEE_PER_MILLE // 1000 + FEE_FIXED
        charge["balance_transaction"] = self._book(intent["amount"], fee, "charge", charge)
        return charge

    def refund(self, given: Object) -> Object:
        """POST /v1/refunds by charge or payment_intent; no more than was paid (M7)."""
        charge = self._charge_of(given)
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(given.get("amount", left))
        if charge["disputed"]:
            raise Refused(400, "invalid_request_error", "Disputed.", code="charge_disputed")
        if not 0 < amount <= left:
            message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise Refused(400, "invalid_request_error", message, param="amount", code="charge_already_refunded")
        made = self._make("refund", "re")
        made |= {
            "amount": amount,
            "charge": charge["id"],
            "currency": charge["currency"],
            "metadata": given.get("metadata", {}),
            "payment_intent": charge["payment_intent"],
            "reason": given.get("reason"),
            "status": "succeeded",
        }
        made["balance_transaction"] = self._book(-amount, 0, "refund", made)
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._tell("charge.refunded", charge)
        self._tell("refund.created", made)
        return made

    def _charge_of(self, given: Object) -> Object:
        if given.get("charge"):
            return self.find("charge", given["charge"])
        intent = self.find("payment_intent", given.get("payment_intent", ""))
        return self.find("charge", intent["latest_charge"])

    def dispute(self, charge: Object, amount: int = 0) -> Object:
        """The cardholder's bank takes the money until it is decided."""
        made = self._make("dispute", "du")
        made |= {
            "amount": amount or charge["amount"] - charge["amount_refunded"],
            "charge": charge["id"],
            "currency": charge["currency"],
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": "fraudulent",
            "status": "needs_response",
        }
        charge["disputed"] = True
        self._book(-made["amount"], 15_000, "adjustment", made, "dispute")
        self._tell("charge.dispute.created", made)
        self._tell("charge.dispute.funds_withdrawn", made)
        return made

    def close_dispute(self, dispute: Object, won: bool) -> Object:
        """It is decided; when won, the money comes back."""
        if dispute["status"] in ("won", "lost"):
            return dispute
        dispute["status"] = "won" if won else "lost"
        if won:
            self._book(dispute["amount"], 0, "adjustment", dispute, "dispute_reversal")
            self._tell("charge.dispute.funds_reinstated", dispute)
        self._tell("charge.dispute.closed", dispute)
        return dispute

    def pay_out(self, currency: str = "nok") -> Object:
        """Everything that is on the balance goes to the bank."""
        settled = [t for t in self.ledger if t["currency"] == currency and not t["payout"]]
        amount = sum(t["net"] for t in settled)
        made = self._make("payout", "po")
        made |= {"amount": amount, "arrival_date": self.clock(), "currency": currency, "status": "paid"}
        made["balance_transaction"] = self._book(-amount, 0, "payout", made)
        for line in [*settled, self.ledger[-1]]:
            line["payout"] = made["id"]
        self._tell("payout.paid", made)
        return made

    def _book(self, amount: int, fee: int, kind: str, source: Object, category: str = "") -> str:
        made = self._make("balance_transaction", "txn")
        made |= {
            "amount": amount,
            "available_on": self.clock(),
            "currency": source["currency"],
            "fee": fee,
            "net": amount - fee,
            "payout": "",
            "reporting_category": category or kind,
            "source": source["id"],
            "status": "available",
            "type": kind,
        }
        self.ledger.append(made)
        return made["id"]

    def _make(self, kind: str, prefix: str) -> Object:
        number = f"{prefix}_{next(self._numbers):016d}"
        made: Object = {"id": number, "object": kind, "created": self.clock(), "livemode": False}
        self.objects[number] = made
        return made

    def _tell(self, kind: str, about: Object) -> None:
        event = {
            "id": f"evt_{next(self._numbers):016d}",
            "object": "event",
            "api_version": API_VERSION,
            "created": self.clock(),
            "data": {"object": json.loads(json.dumps(shown(about)))},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        self.events.append(event)
        self.told(event)


def shown(found: Object) -> Object:
    """The object as it is answered, without what only the fake needs."""
    return {name: value for name, value in found.items() if name not in ("payment_intent_metadata", "payout")}
