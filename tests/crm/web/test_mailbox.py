"""The development mailbox: shows what was queued, lets nothing in a mail run, and exists in development only."""

import re

import httpx
import msgspec
import pytest

from crm.app import create_app
from tests.crm.web.office import NORA, application, count, send, sign_in, text

pytestmark = pytest.mark.anyio


async def _newest(client) -> str:
    return re.search(r'href="(/dev/mailbox/[0-9a-f-]{36})"', (await client.get("/dev/mailbox")).text)[1]


@pytest.mark.parametrize("language", ["en", "nb"])
async def test_the_mails_are_listed_with_their_state(client, context, language):
    client.cookies.set("lang", language)
    shown = text(await client.get("/dev/mailbox"))
    total = await count(context, "select count(*) from mail")
    assert f"{total} {'mails' if language == 'en' else 'e-poster'}" in shown
    assert ("Queued" if language == "en" else "I kø") in shown and "sunniva.krokholmen@" in shown


async def test_one_mail_shows_its_envelope_and_text(client, context):
    await sign_in(client)
    path = f"{NORA}/applications/{await application(context, 'Straumvik Havenergi AS')}"
    await send(client, f"{path}/question", note="Which <script>alert(1)</script> project?")
    href = await _newest(client)
    page = await client.get(href)
    assert "Sunniva Krokholmen" in text(page) and "application_question" in text(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text and "<script>alert" not in page.text
    html = await client.get(f"{href}/html")
    assert html.status_code == 200 and "<script>alert" not in html.text
    policy = html.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "script-src" not in policy


@pytest.mark.parametrize("path", ["x", "00000000-0000-0000-0000-000000000000", "x/html"])
async def test_an_unknown_mail_is_not_found(client, path):
    assert (await client.get(f"/dev/mailbox/{path}")).status_code == 404


async def test_outside_development_there_is_no_mailbox(client, context):
    href = await _newest(client)
    settings = msgspec.structs.replace(context.settings, development=False)
    app = create_app(settings, msgspec.structs.replace(context, settings=settings))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://klynge.test") as live:
        for path in ("/dev/mailbox", href, f"{href}/html"):
            assert (await live.get(path)).status_code == 404
        await sign_in(live)
        assert (await live.get("/dev/mailbox")).status_code == 404


async def test_an_empty_mailbox_says_what_to_do(client, context):
    client.cookies.set("lang", "en")
    async with context.db.tx() as connection:
        await connection.execute("delete from mail")
    assert "No mails yet." in text(await client.get("/dev/mailbox"))
