"""Asking another system (docs/federation.md): signed questions, signed answers, both by the rules of Standard Webhooks.

An answer carries the id of its question, so an old one cannot stand for a new one. What is not signed is no answer.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import msgspec

from crm.gateways import outgoing
from crm.gateways.outgoing import AddressRefused, NotReached, Rules
from crm.gateways.webhooks import SECRET_PREFIX, signed

PATH = "/api/v1/federation"
TOLERANCE = timedelta(minutes=5)
ANSWER_BYTES = 16 * 1024 * 1024
GONE = 410


class PeerFailed(Exception):
    """The other system did not answer as it should. `code` is a stable word, `status` its answer's, if it had one."""

    def __init__(self, code: str, why: str, status: int = 0, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.status = status
        self.retry_after = retry_after


class Heard(msgspec.Struct, frozen=True):
    """A signed answer, and how many seconds the other clock is ahead."""

    body: dict[str, Any]
    skew_seconds: int


def headers_of(keys: Sequence[str], message: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a question or an answer, signed with every secret that is valid."""
    return signed(keys, message, at, body.decode())  # type: ignore[arg-type]


def genuine(keys: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Is it signed with one of these secrets, and of these minutes? A replay within them changes nothing (F12)."""
    message, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message or not (moment.isascii() and moment.isdigit()) or len(moment) > 12:
        return False
    if abs(now - datetime.fromtimestamp(int(moment), UTC)) > TOLERANCE:
        return False
    said = f"{message}.{moment}.".encode() + body
    given = [
        each.removeprefix("v1,") for each in headers.get("webhook-signature", "").split() if each.startswith("v1,")
    ]
    wanted = [base64.b64encode(hmac.digest(secret_of(key), said, "sha256")).decode() for key in keys]
    return any(hmac.compare_digest(one, other) for one in given for other in wanted)


def secret_of(key: str) -> bytes:
    """The bytes of a secret as the standard writes it; ValueError when it is none."""
    try:
        return base64.b64decode(key.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


async def ask(
    rules: Rules,
    url: str,
    code: str,
    call: str,
    body: dict[str, Any],
    keys: Sequence[str],
    peer_keys: Sequence[str],
    now: datetime,
) -> Heard:
    """One question about an agreement. PeerFailed says what was wrong; nothing is retried here."""
    sent = msgspec.json.encode(body | {"agreement": code, "call": call})
    message = str(uuid4())
    answer = await _call(
        rules, "POST", f"{url}{PATH}/agreements/{code}/{call}", headers_of(keys, message, now, sent), sent, now
    )
    if answer.headers.get("webhook-id") != message or not genuine(
        peer_keys, answer.headers, answer.body, now + timedelta(milliseconds=answer.took_ms)
    ):
        raise PeerFailed("unsigned", "the answer is not signed by the other system")
    skew = int(answer.headers["webhook-timestamp"]) - int(now.timestamp())
    return Heard(_json(answer.body), skew)


async def ask_openly(rules: Rules, url: str, path: str, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A question that a token in its body answers for: an invitation looked at or accepted."""
    sent = msgspec.json.encode(body)
    answer = await _call(rules, "POST", f"{url}{PATH}{path}", {"content-type": "application/json"}, sent, now)
    return _json(answer.body)


async def _call(
    rules: Rules, method: str, url: str, headers: dict[str, str], content: bytes, now: datetime
) -> outgoing.Answer:
    try:
        answer = await outgoing.call(rules, method, url, headers, content, answer_bytes=ANSWER_BYTES)
    except AddressRefused as error:
        raise PeerFailed("address", str(error)) from error
    except NotReached as error:
        raise PeerFailed("unreachable", str(error)) from error
    if answer.status >= 300:
        why = f"answered {answer.status} {_detail(answer.body)}"
        raise PeerFailed("refused", why, answer.status, _retry_after(answer.headers.get("retry-after", ""), now))
    if not answer.whole:
        raise PeerFailed("cut", "the answer was too long")
    return answer


def _json(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise PeerFailed("unreadable", "the answer is not JSON") from error


def _detail(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, Any]).get("detail", ""))[:200]
    except msgspec.MsgspecError:
        return ""


def _retry_after(said: str, now: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110 10.2.3), at most a day."""
    if said.isascii() and said.isdigit():
        return timedelta(seconds=min(int(said[:9]), 86_400))
    try:
        moment = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError):
        return None
    wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return max(timedelta(0), min(wait, timedelta(days=1)))
