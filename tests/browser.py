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
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

VIEWPORTS = {"desktop": {"width": 1440, "height": 1000}, "phone": {"width": 390, "height": 844}}
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules that colours decide: all that the other scheme of a page can break.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
# Selectors of whatever is right take axe four times as long as the check itself.
_ONLY_FAULTS = {"resultTypes": ["violations"], "preload": False}
# Waits end when what they wait for is there; these are for machines with much else to do.
START_SECONDS = 60
WAIT_MS = 60_000
expect.set_options(timeout=WAIT_MS)
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
    origin: str = "",
) -> Iterator[Page]:
    """A fresh page at `url`; `csp_messages(page)` knows what its console said about the CSP.

    `origin` is whose cookies are set, when `url` is not of it.
    """
    context = browser.new_context(viewport=VIEWPORTS[viewport], java_script_enabled=javascript, reduced_motion="reduce")
    origin = origin or "/".join(url.split("/")[:3])
    context.add_cookies(
        [
            {"name": "scheme", "value": scheme, "url": origin},
            {"name": "lang", "value": language, "url": origin},
        ]
    )
    context.set_default_timeout(WAIT_MS)
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


@contextmanager
def leaving(page: Page) -> Iterator[None]:
    """What is done inside leads to another page, or to the same one anew: goes on when all of that is there.

    A click alone may be over before the browser has begun to leave: what comes next would still meet the old page. The
    new page's load is waited for, as a "navigation" is also an entry that htmx puts in the history.
    """
    page.wait_for_load_state()
    with page.expect_event("load"):
        yield


def onward(page: Page, what: str | Locator) -> None:
    """A click that leads to another page."""
    with leaving(page):
        (page.locator(what) if isinstance(what, str) else what).first.click()


def faults(page: Page) -> list[str]:
    """What is wrong with a loaded page on a desk in the light and on a phone in the dark, and with its policy.

    The page is not loaded again: only its colours and its width change. It is left as it was. Two looks and not four:
    colours do not depend on the width but where something is shown on a desk alone (`dark_desk_faults`).
    """
    found = [f"desktop: {fault}" for fault in [*axe_violations(page), *_too_wide(page)]]
    before = page.viewport_size
    page.set_viewport_size(VIEWPORTS["phone"])  # type: ignore[arg-type]
    with _dark(page):
        found += [f"dark phone: {fault}" for fault in [*axe_violations(page), *_too_wide(page)]]
    page.set_viewport_size(before)  # type: ignore[arg-type]
    return found + csp_messages(page)


def dark_desk_faults(page: Page) -> list[str]:
    """What is wrong with the colours of a loaded page on a desk in the dark."""
    with _dark(page):
        return [f"dark desktop: {fault}" for fault in axe_violations(page, COLOUR_RULES)]


def axe_violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """One line a fault: rule, help, and the elements it is about. Without `rules`, all of AXE_TAGS."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": AXE_TAGS}
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    asked = "options => axe.run(options).then(found => found.violations)"
    found = page.evaluate(asked, {"runOnly": only, **_ONLY_FAULTS})
    return [f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']]}" for each in found]


def csp_messages(page: Page) -> list[str]:
    """What the console said about the Content Security Policy, and errors of scripts."""
    heard: list[str] = page.heard  # type: ignore[attr-defined]
    return [text for text in heard if "Content Security Policy" in text or "script error" in text]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@contextmanager
def _dark(page: Page) -> Iterator[None]:
    change = "scheme => { document.documentElement.dataset.colorScheme = scheme }"
    before = page.locator("html").get_attribute("data-color-scheme") or "light"
    page.evaluate(change, "dark")
    yield
    page.evaluate(change, before)


def _too_wide(page: Page) -> list[str]:
    wide = overflow(page)
    return [f"{wide} px wider than the screen"] if wide > 0 else []


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    until = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the app did not start")
        time.sleep(0.01)
