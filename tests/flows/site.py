"""The whole application served for browser tests, on a copy of the demo data and on the day it is about."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

import httpx
import msgspec
from litestar import Litestar
from playwright.sync_api import Browser, Locator, Page

from crm.app import create_app
from crm.clock import FixedClock
from crm.demo import PASSWORD
from crm.settings import Settings
from tests.browser import open_page, serve
from tests.conftest import NOW, TEMPLATE
from tests.postgres import Server

# Who signs in, by what they may do; "public" is nobody.
LOGINS = {
    "manager": "demo@klynge.example",
    "books": "kasserer@klynge.example",
    "viewer": "leser@klynge.example",
    "host": "vert@klynge.example",
    "member": "medlem@klynge.example",
    "colleague": "ansatt@klynge.example",
    "account": "ingrid@klynge.example",
}
SIGN_IN_SECONDS = 60
NORA = "/n/nora-industry-network"
CLAIRE = "/n/claire-innovation-network"


class Site:
    """Where the application is served, and who is signed in there: each once, when first asked for."""

    def __init__(self, address: str, dsn: str) -> None:
        self.address, self.dsn = address, dsn
        self._sessions: dict[str, str] = {}
        self._clients: dict[tuple[str, str], httpx.Client] = {}

    def session(self, who: str) -> str:
        """The cookie of somebody in LOGINS."""
        if who not in self._sessions:
            given = {"email": LOGINS[who], "password": PASSWORD}
            answer = httpx.post(f"{self.address}/sign-in", data=given, timeout=SIGN_IN_SECONDS)
            self._sessions[who] = answer.cookies["session"]
        return self._sessions[who]

    def client(self, who: str = "public", language: str = "en") -> httpx.Client:
        """Plain HTTP as that person: pages as they are without a browser. One for each, closed with the site."""
        if (who, language) not in self._clients:
            cookies = {"lang": language} | ({} if who == "public" else {"session": self.session(who)})
            self._clients[who, language] = httpx.Client(
                base_url=self.address, cookies=cookies, timeout=SIGN_IN_SECONDS, follow_redirects=True
            )
        return self._clients[who, language]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    @contextmanager
    def page(self, browser: Browser, path: str, who: str = "public", **options: object) -> Iterator[Page]:
        """A page in the browser as that person; options as open_page has them."""
        with open_page(browser, "about:blank", origin=self.address, **options) as page:  # type: ignore[arg-type]
            if who != "public":
                page.context.add_cookies([{"name": "session", "value": self.session(who), "url": self.address}])
            page.goto(self.address + path)
            yield page


class Clicks:
    """Clicks that count themselves."""

    def __init__(self, page: Page) -> None:
        self.page, self.made = page, 0

    def __call__(self, what: str | Locator) -> None:
        self.made += 1
        place = self.page.locator(what) if isinstance(what, str) else what
        place.first.click()
        self.page.wait_for_load_state()


@contextmanager
def site_on(
    server: Server,
    database: str,
    prepare: Callable[[str], Awaitable[object]] | None = None,
    now: datetime = NOW,
    settings: Settings | None = None,
    host: str = "127.0.0.1",
    template: str = TEMPLATE,
) -> Iterator[Site]:
    """A copy of the demo data, made ready by `prepare(dsn)`, and the application on it.

    The application knows its own address: what it writes in mails can be opened.
    """
    dsn = server.create_database(database, template)
    if prepare:
        with ThreadPoolExecutor(max_workers=1) as thread:  # Playwright may have the loop of this one
            thread.submit(asyncio.run, prepare(dsn)).result()  # type: ignore[arg-type]

    @asynccontextmanager
    async def on_the_day(app: Litestar) -> AsyncIterator[None]:
        app.state.context = msgspec.structs.replace(app.state.context, clock=FixedClock(now))
        yield

    known = msgspec.structs.replace(settings or Settings(development=True), database_url=dsn)
    app = create_app(known, None, on_the_day)
    try:
        with serve(app) as numeric:
            address = numeric.replace("127.0.0.1", host)
            context = app.state.context
            there = msgspec.structs.replace(context.settings, base_url=address)
            app.state.context = msgspec.structs.replace(context, settings=there)
            site = Site(address, dsn)
            yield site
            site.close()
    finally:
        server.drop_database(database)


def hrefs(site: Site, path: str, pattern: str) -> list[str]:
    """Addresses on a manager's page, in order."""
    page = site.client("manager").get(path)
    return list(dict.fromkeys(re.findall(rf'href="({pattern})"', page.text)))


def member(site: Site, name: str, base: str = NORA) -> str:
    """The page of a member, found as a reader finds it."""
    return hrefs(site, f"{base}/members?q={name}", rf"{base}/members/[0-9a-f-]{{36}}")[0]
