"""The page on which a draft is tried: it unfolds while the network is counted, can be stopped, says when it failed."""

import asyncio
import re
from urllib.parse import urlencode

import pytest

from crm.web import simulation as pages
from tests.crm.web.office import NORA, send, sign_in, text, token

pytestmark = pytest.mark.anyio
RULES = f"{NORA}/setup/rules"


async def _draft(client):
    """The first version, dearer, as the next one for everybody from the next year on."""
    found = (await client.get(f"{RULES}/1/text")).text.replace("version = 1\n", "version = 2\n", 1)
    return found.replace("_existing = 2020-01-01", "_existing = 2027-01-01", 1).replace("15000000", "16000000", 1)


async def _pieces(client, path, fields, leave_at=b"", into=None):
    """The answer to a form piece by piece, as a browser gets it; leaves when a piece holds `leave_at`."""
    body = urlencode({"_csrf_token": await token(client), **fields}).encode()
    cookies = "; ".join(f"{c.name}={c.value}" for c in client.cookies.jar)
    headers = {"host": "klynge.test", "cookie": cookies, "content-type": "application/x-www-form-urlencoded"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        "server": ("klynge.test", 80),
        "client": ("127.0.0.1", 1),
    }
    told, left, pieces = (
        [{"type": "http.request", "body": body, "more_body": False}],
        asyncio.Event(),
        [] if into is None else into,
    )

    async def receive():
        if told:
            return told.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def sent(message):
        pieces.append(message)
        last = message["type"] == "http.response.body" and not message.get("more_body")
        if last or (leave_at and leave_at in message.get("body", b"")):
            left.set()

    await client._transport.app(scope, receive, sent)
    return pieces


@pytest.mark.parametrize(("language", "tried"), [("en", "Every member is tried"), ("nb", "Hvert medlem prøves")])
async def test_what_is_different_is_there_at_once_and_the_outcome_after_it(client, language, tried):
    await sign_in(client, language=language)
    start, *pieces = await _pieces(client, f"{RULES}/preview", {"text": await _draft(client)})
    headers = dict(start["headers"])
    assert (
        start["status"] == 200 and headers[b"x-accel-buffering"] == b"no" and headers[b"cache-control"] == b"no-store"
    )
    first, whole = pieces[0]["body"].decode(), b"".join(p["body"] for p in pieces).decode()
    assert tried in first and "16" in first and 'id="levels"' not in first and "</html>" not in first
    assert len(pieces) > 2 and whole.count("<main") == whole.count("</main>") == whole.count("</html>") == 1
    assert whole.index(tried) < whole.index('id="levels"') < whole.index('id="who"') < whole.index('id="publish"')
    for tag in ("section", "div", "form", "table", "p", "header"):
        assert len(re.findall(rf"<{tag}[\s>]", whole)) == whole.count(f"</{tag}>"), tag


async def test_how_far_it_is_takes_the_place_of_how_far_it_was(client, monkeypatch):
    real, wait = pages.simulate, asyncio.Event()

    async def slow(context, actor, book, tell):
        tell(40, 90)
        await wait.wait()
        return await real(context, actor, book, tell=tell)

    asked = []
    monkeypatch.setattr(pages, "TOLD_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(pages, "simulate", slow)
    monkeypatch.setattr(pages, "fragment", lambda *a, f=pages.fragment, **v: (_seen(asked, wait, a[2]), f(*a, **v))[1])
    await sign_in(client)
    pieces = await _pieces(client, f"{RULES}/preview", {"text": await _draft(client)})
    assert asked == ["begun", *["step"] * (len(asked) - 3), "ended", "outcome"] and len(asked) >= 5
    assert '<progress max="90" value="40"' in b"".join(p.get("body", b"") for p in pieces).decode()


def _seen(asked, wait, block):
    asked.append(block)
    if asked.count("step") == 2:
        wait.set()


async def test_who_leaves_the_page_ends_the_counting(client, monkeypatch):
    ended = asyncio.Event()

    async def endless(context, actor, book, tell):
        tell(3, 9)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(pages, "TOLD_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(pages, "simulate", endless)
    await sign_in(client)
    pieces = await _pieces(client, f"{RULES}/preview", {"text": await _draft(client)}, leave_at=b'value="3"')
    async with asyncio.timeout(20):
        await ended.wait()
    assert b'id="publish"' not in b"".join(p.get("body", b"") for p in pieces)
    await asyncio.sleep(0)
    assert not pages._counting


async def test_a_fault_in_the_middle_is_told_on_the_page_and_not_hidden(client, monkeypatch):
    async def broken(context, actor, book, tell):
        tell(3, 9)
        raise ZeroDivisionError("the middle of it")

    monkeypatch.setattr(pages, "simulate", broken)
    await sign_in(client)
    draft, heard = await _draft(client), []
    with pytest.raises(BaseException) as told:
        await _pieces(client, f"{RULES}/preview", {"text": draft}, into=heard)
    assert "the middle of it" in _all(told.value)
    shown = b"".join(p.get("body", b"") for p in heard).decode()
    assert "This could not be finished" in shown and 'id="levels"' not in shown and shown.count("</html>") == 1


def _all(error):
    """What an error says, with those it was raised from or holds."""
    inside = [*getattr(error, "exceptions", ()), *filter(None, (error.__cause__, error.__context__))]
    return " ".join([str(error), *map(_all, inside)])


@pytest.mark.parametrize("language", ["en", "nb"])
async def test_stopping_leads_back_to_the_text(client, language):
    await sign_in(client, language=language)
    draft = await _draft(client)
    answer = await send(client, f"{RULES}/preview", text=draft, stopped="1")
    assert answer.status_code == 200 and "<progress" not in answer.text and "16000000" in answer.text
    shown = text(await send(client, f"{RULES}/preview", text=draft))
    assert {"en": "Stop", "nb": "Stopp"}[language] in shown
