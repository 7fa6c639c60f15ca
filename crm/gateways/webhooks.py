"""One signed message to a partner's webhook, as Standard Webhooks 1.0 says: three headers, HMAC-SHA256, thin body.

While a secret is being changed both sign, so that either one verifies (`v1,... v1,...`).
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import msgspec
from standardwebhooks import Webhook

from crm.gateways import outgoing
from crm.gateways.outgoing import AddressRefused, Answer, NotReached, Rules

SECRET_BYTES = 32  # 24 to 64 by the standard
SECRET_PREFIX = "whsec_"  # noqa: S105
ANSWER_SHOWN = 500  # characters of an answer that the log keeps
RETRY_AFTER_CAP = timedelta(hours=24)
GONE = 410


class Result(msgspec.Struct, frozen=True):
    """How one try went. `status` None: no answer, and `why` says so in a word (outgoing.Why).

    `answer`: the beginning of what was said, or the reason in words. `retry_after`: what the other side asked for, at
    most a day. `skew_seconds`: how far its clock (the Date header) is ahead of ours.
    """

    status: int | None
    why: str = ""
    answer: str = ""
    took_ms: int | None = None
    retry_after: timedelta | None = None
    skew_seconds: int | None = None

    @property
    def taken(self) -> bool:
        """Any 2xx is a receipt; a redirect is not."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """410: nothing is wanted here any more."""
        return self.status == GONE


def new_secret() -> str:
    """As the standard writes it: whsec_ and base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed(keys: Sequence[str], message: UUID, at: datetime, body: str) -> dict[str, str]:
    """The headers of a message sent at a moment, signed with every secret that is valid then."""
    moment = at.astimezone(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": str(message),
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(str(message), moment, body) for key in keys),
    }


async def deliver(rules: Rules, url: str, keys: Sequence[str], message: UUID, at: datetime, body: str) -> Result:
    """One try. Whatever happens is a result; nothing is raised for what the other side does."""
    try:
        answer = await outgoing.call(rules, "POST", url, signed(keys, message, at, body), body.encode())
    except AddressRefused as error:
        return Result(None, "address", str(error))
    except NotReached as error:
        return Result(None, error.why, str(error))
    return Result(
        answer.status,
        "",
        _shown(answer.body),
        answer.took_ms,
        _retry_after(answer, at),
        _skew(answer, at + timedelta(milliseconds=answer.took_ms)),
    )


def _shown(body: bytes) -> str:
    """One line without control characters: it goes on a page and into an answer."""
    text = body.decode("utf-8", "replace")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:ANSWER_SHOWN]


def _retry_after(answer: Answer, at: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110 10.2.3); what cannot be read was not said."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        wait = timedelta(seconds=min(int(said[:9]), int(RETRY_AFTER_CAP.total_seconds())))
    elif moment := _moment(said):
        wait = moment - at
    else:
        return None
    return max(timedelta(0), min(wait, RETRY_AFTER_CAP))


def _skew(answer: Answer, at: datetime) -> int | None:
    moment = _moment(answer.headers.get("date", ""))
    return round((moment - at).total_seconds()) if moment else None


def _moment(said: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
