"""Every page of tests/flows/pages.py in Chromium: accessible on a desk in the light and on a phone in the dark, within
the screen and within the policy. And that each judge sees a fault when there is one.

(Norwegian: test_norwegian_browser.py.)
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page

from tests.browser import browser, dark_desk_faults, faults, open_page
from tests.flows.page_data import begin_draft, prepare_all
from tests.flows.pages import PAGES, SETTINGS, WIDE, address
from tests.flows.site import Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
WHOLE = """<!doctype html><html lang="en" data-color-scheme="light">
<head><title>Control</title><style>{style}</style></head>
<body><main><h1>Control</h1>{inside}</main></body></html>"""
# What is put in a faultless page, and how its fault begins; each is to be seen in one view and in no other.
CONTROLS = {
    "a picture without words": (
        "",
        "<svg role='img' width='9' height='9'></svg>",
        {"desktop: svg-img-alt", "dark phone: svg-img-alt"},
    ),
    "grey on grey in the dark": (
        "[data-color-scheme=dark] p { color: #444; background: #333 }",
        "<p>Grey</p>",
        {"dark phone: color-contrast", "dark desktop: color-contrast"},
    ),
    "a link told by its colour in the dark": (
        "a { color: #00e } [data-color-scheme=dark] a { color: #222; text-decoration: none }",
        "<p>Words with <a href='/'>a link</a> in them.</p>",
        {"dark phone: link-in-text-block", "dark desktop: link-in-text-block"},
    ),
    "a button without a name on a phone": (
        "button { display: none; width: 44px; height: 44px } @media (max-width: 500px) { button { display: block } }",
        "<button></button>",
        {"dark phone: button-name"},
    ),
    "grey on grey in the dark on a desk alone": (
        "[data-color-scheme=dark] p { color: #444; background: #333 }"
        " @media (max-width: 500px) { p { display: none } }",
        "<p>Grey</p>",
        {"dark desktop: color-contrast"},
    ),
    "too wide for a phone": ("p { width: 800px }", "<p>Wide</p>", {"dark phone: "}),
    "a script in the page": ("", "<script>1</script>", {"script"}),
}


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    with site_on(server, "klynge_pages_browser", prepare_all, settings=SETTINGS) as served:
        begin_draft(served)
        yield served


@pytest.mark.parametrize("who", PAGES)
def test_every_page_is_accessible_fits_and_keeps_to_the_policy(site: Site, browser, who: str) -> None:
    found = []
    with site.page(browser, "/healthz", who) as page:
        for entry in PAGES[who]:
            answer = page.goto(site.address + address(site, who, entry))
            assert answer.status == (404 if "no-such" in entry else 200), entry
            found += [f"{who} {entry}: {fault}" for fault in faults(page)]
            page.heard.clear()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("who", WIDE)
def test_what_a_desk_alone_shows_has_its_colours_in_the_dark(site: Site, browser, who: str) -> None:
    found = []
    with site.page(browser, "/healthz", who) as page:
        for entry in WIDE[who]:
            assert entry in PAGES[who]
            page.goto(site.address + address(site, who, entry))
            found += [f"{who} {entry}: {fault}" for fault in dark_desk_faults(page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("control", CONTROLS)
def test_a_fault_is_seen_where_it_is(browser, control: str) -> None:
    style, inside, expected = CONTROLS[control]
    with _served(browser, WHOLE.format(style=style, inside=inside)) as page:
        found = faults(page) + dark_desk_faults(page)
    seen = {next((start for start in expected if start in fault), fault) for fault in found}
    assert seen == expected


def test_a_page_without_faults_has_none(browser) -> None:
    with _served(browser, WHOLE.format(style="", inside="<p>Nothing is wrong.</p>")) as page:
        assert faults(page) + dark_desk_faults(page) == []


@contextmanager
def _served(browser, html: str) -> Iterator[Page]:
    """A page that comes with a policy, and from no server."""
    with open_page(browser, "about:blank", origin="http://control.test") as page:
        headers = {"content-type": "text/html", "content-security-policy": POLICY}
        page.route("**/*", lambda route: route.fulfill(body=html, headers=headers))
        page.goto("http://control.test/")
        yield page
