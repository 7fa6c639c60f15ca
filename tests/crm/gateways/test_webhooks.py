"""Messages as they arrive, before two libraries that know nothing of us; each control is refused by both."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from crm.gateways import webhooks as gateway
from crm.gateways.outgoing import Rules
from tests.judges import node
from tests.receiver import NEAR, Heard, receiving

pytestmark = pytest.mark.anyio

JAVASCRIPT = Path(node.__file__).with_name("webhooks.cjs")
MESSAGE = UUID("0190a000-0000-7000-8000-000000000000")
BODY = '{"type":"members.changed","data":{"network":"blåbær – «ø»"}}'
TOLERANCE = timedelta(minutes=5)


def in_python(cases: list[tuple[str, Heard]]) -> list[bool]:
    """Which of them the Python library takes."""
    out = []
    for secret, heard in cases:
        try:
            Webhook(secret).verify(heard.body, heard.headers)
            out.append(True)
        except WebhookVerificationError:
            out.append(False)
    return out


def in_javascript(cases: list[tuple[str, Heard]]) -> list[bool]:
    """And which the JavaScript one."""
    plain = [{"secret": secret, "headers": each.headers, "body": each.body.decode()} for secret, each in cases]
    return [said == "" for said in node.judged(JAVASCRIPT, plain)]


async def test_two_libraries_take_what_we_send_and_refuse_what_is_changed() -> None:
    now, old, new, other = datetime.now(UTC), gateway.new_secret(), gateway.new_secret(), gateway.new_secret()
    async with receiving() as receiver:
        sent = [
            ([new], now),
            ([new, old], now),
            ([new], now - TOLERANCE - timedelta(seconds=10)),
            ([new], now + TOLERANCE + timedelta(minutes=1)),
        ]
        for keys, at in sent:
            result = await gateway.deliver(NEAR, receiver.url, keys, MESSAGE, at, BODY)
            assert result.taken and result.took_ms is not None
        one, both, stale, early = receiver.heard
    assert one.body.decode() == BODY
    changed = Heard(one.headers, one.body.replace(b"changed", b"chanted"))
    renamed = Heard({**one.headers, "webhook-id": str(UUID(int=1))}, one.body)
    unsigned = Heard({**one.headers, "webhook-signature": "v1,"}, one.body)
    genuine = [(new, one), (new, both), (old, both)]
    controls = [(new, changed), (new, renamed), (new, unsigned), (new, stale), (new, early), (other, both), (old, one)]
    expected = [True] * len(genuine) + [False] * len(controls)
    assert in_python(genuine + controls) == expected
    assert in_javascript(genuine + controls) == expected


def test_secrets_are_as_the_standard_writes_them() -> None:
    secrets = {gateway.new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert all(each.startswith("whsec_") and len(each) == 50 for each in secrets)


async def test_what_is_said_is_kept_in_short_and_on_one_line() -> None:
    result = gateway._shown(("no\r\n\x00\x1b[31m" + "x" * 9999).encode() + b"\xff")
    assert result.startswith("no [31mxxx") and len(result) == gateway.ANSWER_SHOWN and result.isprintable()


@pytest.mark.parametrize("url", ["https://127.1/", "http://partner.example/", "https://intranet/"])
async def test_an_address_inside_is_a_result_and_nobody_is_called(url: str) -> None:
    result = await gateway.deliver(Rules(), url, [gateway.new_secret()], MESSAGE, datetime.now(UTC), BODY)
    assert (result.status, result.why, result.taken) == (None, "address", False)


def test_the_lock_has_hashes_and_no_addresses() -> None:
    lock = msgspec.json.decode((node.HERE / "package-lock.json").read_bytes())
    packages = [each for name, each in lock["packages"].items() if name]
    assert packages and all(each["integrity"].startswith("sha512-") and "resolved" not in each for each in packages)
