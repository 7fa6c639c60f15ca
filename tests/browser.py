"""Chromium for the tests that look at pages: found, started, asked for accessibility and CSP faults.

Use in a test file: `from tests.browser import axe_violations, browser, open_page, serve` (importing `browser`
makes the fixture known there), and mark the file `pytestmark = pytest.mark.browser`.
"""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

VIEWPORTS = {"desktop": {"width": 1440, "height": 1000}, "phone": {"width": 390, "height": 844}}
SCHEMES = ("light", "dark")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Selectors of whatever is right take axe four times as long as the check itself.
_ONLY_FAULTS = {"resultTypes": ["violations"], "preload": False}
START_SECONDS = 10
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """$CHROMIUM, chromium on PATH, Debian's; None leaves it to Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    on_path = shutil.which("chromium") or shutil.which("chromium-browser")
    return on_path or ("/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each test file: while Playwright is up, asyncio.run() does not work in this thread."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_path(), args=_FLAGS)
        yield started
        started.close()


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI app on a free port of 127.0.0.1 from a thread; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="auto"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        _wait(server, thread)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


@contextmanager
def open_page(
    browser: Browser,
    url: str,
    *,
    viewport: str = "desktop",
    scheme: str = "light",
    language: str = "en",
    javascript: bool = True,
) -> Iterator[Page]:
    """A fresh page at `url`; `csp_messages(page)` knows what its console said about the CSP."""
    context = browser.new_context(viewport=VIEWPORTS[viewport], java_script_enabled=javascript)
    origin = "/".join(url.split("/")[:3])
    context.add_cookies(
        [
            {"name": "scheme", "value": scheme, "url": origin},
            {"name": "lang", "value": language, "url": origin},
        ]
    )
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(f"script error: {error}"))
    page.heard = heard  # type: ignore[attr-defined]
    try:
        page.goto(url)
        yield page
    finally:
        context.close()


def axe_violations(page: Page) -> list[str]:
    """One line a fault: rule, help, and the elements it is about."""
    options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, **_ONLY_FAULTS}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']]}" for each in found]


def csp_messages(page: Page) -> list[str]:
    """What the console said about the Content Security Policy, and errors of scripts."""
    heard: list[str] = page.heard  # type: ignore[attr-defined]
    return [text for text in heard if "Content Security Policy" in text or "script error" in text]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    until = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the app did not start")
        time.sleep(0.01)
