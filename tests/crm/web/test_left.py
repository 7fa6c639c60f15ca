"""A reader who goes to another page while a form is on its way: nothing happened that is ours to log."""

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from crm.context import Context
from tests.crm.web.office import NORA, sign_in

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", [f"{NORA}/invoices/issue", "/sign-out", "/sign-in"])
async def test_leaving_while_a_form_is_sent_is_no_failure(client: httpx.AsyncClient, path: str) -> None:
    await sign_in(client)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"klynge.test"),
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"content-length", b"10"),
            (b"cookie", cookie.encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    with capture_logs() as logs:
        await client._transport.app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert [log["event"] for log in logs] == ["left"]


async def test_what_is_ours_is_still_logged(client: httpx.AsyncClient, context: Context, monkeypatch: Any) -> None:
    monkeypatch.setattr("crm.web.invoice_list.asked_of", lambda *_: 1 // 0)
    await sign_in(client)
    with capture_logs() as logs:
        answer = await client.get(f"{NORA}/invoices")
    assert answer.status_code == 500
    assert [log["event"] for log in logs] == ["failed"]
