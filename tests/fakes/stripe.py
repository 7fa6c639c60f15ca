"""A fake Stripe on loopback: the endpoints we call, idempotency, signed webhooks, and faults on demand.

It is not Stripe and says so on its card form. Run it by hand with `python -m tests.fakes.stripe --port 12111
--webhook http://127.0.0.1:8000/webhooks/stripe --secret whsec_...`; tests drive it through `Fake`.
"""

import argparse
import asyncio
import hmac
import html
import json
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

import httpx
import uvicorn

from tests.fakes.stripe_state import Object, Refused, State, shown

LIMIT = 100
SECRET = "whsec_fake"
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Faults:
    """What goes wrong next. Counts go down as they are used."""

    def __init__(self) -> None:
        self.statuses: list[int] = []  # answer these to the next requests, before anything is done
        self.hang_after: list[float] = []  # do it, then keep the answer for so many seconds
        self.duplicates = 0  # deliver each event so many times more
        self.hold = False  # keep events back until `release`
        self.bad_signature = False
        self.age = 0  # how old the signature's time stamp says it is


class Fake:
    """The service as an ASGI application."""

    def __init__(self, webhook: str = "", secret: str = SECRET, base: str = "", key: str = "") -> None:
        self.webhook, self.secret, self.base, self.key = webhook, secret, base, key
        self.faults = Faults()
        self.state = State(self._now, self._told)
        self.held: list[Object] = []
        self.requests: list[tuple[str, str, str]] = []  # method, path, idempotency key
        self.answers: list[tuple[str, int]] = []  # what the receiver of events answered: event id, status
        self._kept: dict[str, tuple[str, int, Object]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # who asked was killed before all of it was said: nothing was asked
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path, query = scope["path"], nested(scope["query_string"].decode())
        if path.startswith("/pay/"):
            await self._card_form(scope["method"], path.removeprefix("/pay/"), body, send)
            return
        status, answer = await self._answer(scope["method"], path, query, body, headers)
        await respond(send, status, json.dumps(answer).encode(), "application/json")

    async def _answer(
        self, method: str, path: str, query: Object, body: bytes, headers: dict[str, str]
    ) -> tuple[int, Object]:
        """One API call, with idempotency as Stripe has it: the same key, the same answer; other contents, refused."""
        key = headers.get("idempotency-key", "")
        self.requests.append((method, path, key))
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
        if self.faults.statuses:
            status = self.faults.statuses.pop(0)
            code = {"code": "rate_limit"} if status == 429 else {}
            return status, {"error": {"type": "api_error", "message": f"fault {status}", **code}}
        status, answer = self._once(method, path, query, body, key)
        if self.faults.hang_after and method == "POST":
            await asyncio.sleep(self.faults.hang_after.pop(0))
        return status, answer

    def _once(self, method: str, path: str, query: Object, body: bytes, key: str) -> tuple[int, Object]:
        fingerprint = f"{method} {path} {body!r}"
        if key in self._kept and method == "POST":
            before, status, answer = self._kept[key]
            if before != fingerprint:
                message = "Keys for idempotent requests can only be used with the same parameters"
                return 400, {"error": {"type": "idempotency_error", "message": message}}
            return status, answer
        try:
            status, answer = 200, json.loads(json.dumps(shown(self._do(method, path, query, nested(body.decode())))))
        except Refused as error:
            status, answer = error.status, error.body
        if method == "POST" and key:
            self._kept[key] = fingerprint, status, answer
        return status, answer

    def _do(self, method: str, path: str, query: Object, given: Object) -> Object:
        match method, path.removeprefix("/v1/").split("/"):
            case "POST", ["checkout", "sessions"]:
                return self.state.create_session(given, self.base)
            case "GET", ["checkout", "sessions", wanted]:
                return self.state.find("checkout.session", wanted)
            case "POST", ["checkout", "sessions", wanted, "expire"]:
                return self.state.expire_session(self.state.find("checkout.session", wanted))
            case "GET", ["payment_intents", wanted]:
                return self.state.find("payment_intent", wanted)
            case "GET", ["charges", wanted]:
                return self.state.find("charge", wanted)
            case "POST", ["refunds"]:
                return self.state.refund(given)
            case "GET", ["refunds", wanted]:
                return self.state.find("refund", wanted)
            case "GET", ["refunds"]:
                charge = query.get("charge")
                found = [o for o in self.state.objects.values() if o["object"] == "refund"]
                return page([o for o in found if charge in (None, o["charge"])], query)
            case "GET", ["disputes", wanted]:
                return self.state.find("dispute", wanted)
            case "GET", ["payouts", wanted]:
                return self.state.find("payout", wanted)
            case "GET", ["events"]:
                return page(self.state.events, query)
            case "GET", ["balance_transactions"]:
                payout = query.get("payout")
                return page([t for t in self.state.ledger if payout in (None, t["payout"])], query)
        raise Refused(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path})")

    # The card form

    async def _card_form(self, method: str, session: str, body: bytes, send: Send) -> None:
        found = self.state.objects.get(session)
        if found is None:
            await respond(send, 404, b"No such session", "text/plain")
            return
        if method == "POST":
            declined = b"decline" in body
            self.state.pay(found, declined)
            target = found["cancel_url"] if declined else found["success_url"]
            await respond(send, 303, b"", "text/plain", (target or "/").replace("{CHECKOUT_SESSION_ID}", session))
            return
        amount = f"{found['amount_total'] / 100:,.2f} {found['currency'].upper()}"
        text = (
            "<!doctype html><html lang=en><title>Fake card form</title><h1>This is not Stripe</h1>"
            f"<p>A pretend card form for tests and demos. Amount: {html.escape(amount)}</p>"
            "<form method=post><button name=do value=pay>Pay</button> "
            "<button name=do value=decline>Decline</button></form>"
        )
        await respond(send, 200, text.encode(), "text/html; charset=utf-8")

    # Webhooks

    def _now(self) -> int:
        return int(time.time())

    def _told(self, event: Object) -> None:
        if self.faults.hold:
            self.held.append(event)
        elif self.webhook:
            self._later(self._deliver(event, 1 + self.faults.duplicates))

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _deliver(self, event: Object, times: int = 1) -> None:
        async with httpx.AsyncClient(timeout=10) as client:
            for _ in range(times):
                payload, header = self.signed(event)
                answer = await client.post(self.webhook, content=payload, headers={"stripe-signature": header})
                self.answers.append((event["id"], answer.status_code))

    def signed(self, event: Object) -> tuple[bytes, str]:
        """The event as it is sent, with its signature header; wrong or old when a fault says so."""
        payload = json.dumps(event, indent=2).encode()
        stamp = self._now() - self.faults.age
        mac = hmac.new(self.secret.encode(), f"{stamp}.".encode() + payload, sha256).hexdigest()
        if self.faults.bad_signature:
            mac = mac[::-1]
        return payload, f"t={stamp},v1={mac}"

    async def release(self, order: Callable[[list[Object]], list[Object]] = list, times: int = 1) -> None:
        """Deliver what was held back, in the order wanted (out of order: `reversed`)."""
        waiting, self.held = list(order(self.held)), []
        for event in waiting:
            await self._deliver(event, times)

    async def quiet(self) -> None:
        """Wait until everything that was to be delivered is."""
        while self._sending:
            await asyncio.gather(*self._sending)


def nested(text: str) -> Object:
    """`a[b][0][c]=1` as Stripe's clients write it, as dicts and lists."""
    out: Object = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = name.replace("]", "").split("[")
        at = out
        for part, following in zip([first, *rest], rest, strict=False):
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                raise Refused(400, "invalid_request_error", "Invalid hash", param=following)
        at[rest[-1] if rest else first] = value
    return {name: _lists(value) for name, value in out.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(each) for name, each in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def page(rows: list[Object], query: Object) -> Object:
    """A list as Stripe pages it: the newest first, `starting_after`, `created` from and to."""
    created = query.get("created", {})
    found = [
        shown(row)
        for row in reversed(rows)
        if int(created.get("gte", 0)) <= row["created"] < int(created.get("lt", 2**62))
    ]
    if query.get("starting_after"):
        ids = [row["id"] for row in found]
        found = found[ids.index(query["starting_after"]) + 1 :]
    limit = min(int(query.get("limit", 10)), LIMIT)
    return {"object": "list", "url": "", "data": found[:limit], "has_more": len(found) > limit}


async def respond(send: Send, status: int, body: bytes, media: str, location: str = "") -> None:
    """One whole HTTP answer."""
    headers = [(b"content-type", media.encode()), (b"request-id", b"req_fake")]
    if location:
        headers.append((b"location", location.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve it until it is stopped."""
    parser = argparse.ArgumentParser(description="A fake Stripe for tests and demos; no card is ever charged.")
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--webhook", default="")
    parser.add_argument("--secret", default=SECRET)
    given = parser.parse_args()
    app = Fake(given.webhook, given.secret, f"http://127.0.0.1:{given.port}")
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
