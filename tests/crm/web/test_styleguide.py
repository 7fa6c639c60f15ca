"""The style guide in a real browser: accessible, within the CSP, never wider than a phone, usable without a script."""

import pytest
from litestar import Litestar, MediaType, get
from playwright.sync_api import expect

from crm.web import assets, headers, language, styleguide
from tests.browser import axe_violations, browser, csp_messages, faults, open_page, overflow, serve

pytestmark = pytest.mark.browser
__all__ = ["browser"]

PATHS = ["", "/public", "/office", "/charts", "/wizard", "/wizard-errors", "/404"]


@get("/faulty", media_type=MediaType.HTML, sync_to_thread=False)
def faulty() -> str:
    """A page with one fault of each kind the helpers must see."""
    return (
        "<!doctype html><html lang=en><title>x</title><main><h1>x</h1><img src='data:,'>"
        "<p style='width:3000px'>wide</p><svg width=2000 height=9></svg></main>"
        "<script>document.title = 'ran'</script></html>"
    )


@pytest.fixture(scope="module")
def base():
    handlers = [*assets.handlers, *language.handlers, *styleguide.handlers, faulty]
    app = Litestar(handlers, before_send=[headers.add_security_headers], openapi_config=None)
    with serve(app) as address:
        yield address


@pytest.mark.parametrize("path", PATHS)
def test_accessible_within_the_csp_and_within_the_screen(browser, base, path):
    with open_page(browser, f"{base}/_styleguide{path}") as page:
        assert faults(page) == []


@pytest.mark.parametrize("path", PATHS)
def test_norwegian_fits_a_phone_too(browser, base, path):
    with open_page(browser, f"{base}/_styleguide{path}", viewport="phone", language="nb") as page:
        assert page.locator("html").get_attribute("lang") == "nb"
        assert overflow(page) == 0
        page.set_viewport_size({"width": 320, "height": 700})  # WCAG 1.4.10: also 400 % zoom on a desktop
        assert overflow(page) == 0


def test_the_helpers_see_a_fault_when_there_is_one(browser, base):
    with open_page(browser, f"{base}/faulty", viewport="phone") as page:
        assert any(each.startswith("image-alt:") for each in axe_violations(page))
        assert len(csp_messages(page)) >= 2
        assert overflow(page) > 0
        assert page.title() == "x"


@pytest.mark.parametrize("javascript", [True, False])
def test_the_menu_of_the_phone_opens(browser, base, javascript):
    with open_page(browser, f"{base}/_styleguide", viewport="phone", javascript=javascript) as page:
        link = page.locator(".phone-bar .sheet").get_by_text("Applications")
        assert not link.is_visible()
        page.locator(".phone-bar summary").click()
        assert link.is_visible()
        if javascript:
            assert axe_violations(page) == []
            page.keyboard.press("Escape")
            assert not link.is_visible()
            assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_double_click_sends_a_form_once(browser, base):
    with open_page(browser, f"{base}/_styleguide") as page:
        page.route("**/nowhere", lambda route: route.fulfill(status=204))
        page.evaluate("document.querySelector('main form[method=post]').action = '/nowhere'")
        sent = []
        page.on("request", lambda request: sent.append(request.method))
        button = page.get_by_role("button", name="Save and continue")
        button.dblclick()
        expect(button).to_be_disabled()
        assert sent == ["POST"]
        assert button.get_attribute("aria-busy") == "true"


def test_the_colours_come_from_the_server_and_can_be_changed(browser, base):
    with open_page(browser, f"{base}/_styleguide/public") as page:
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("link", name="Use dark colours").click()
        assert page.url == f"{base}/_styleguide/public"
        assert page.locator("html").get_attribute("data-color-scheme") == "dark"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_automatic_colours_are_those_of_the_device(browser, base):
    seen = {}
    for scheme, device in (("light", "dark"), ("dark", "light"), ("auto", "light"), ("auto", "dark")):
        with open_page(browser, f"{base}/_styleguide/public", scheme=scheme) as page:
            page.emulate_media(color_scheme=device)
            style = "(e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color])(document.body)"
            seen[scheme, device] = page.evaluate(style)
            is_dark = scheme == "dark" or (scheme, device) == ("auto", "dark")
            assert page.locator(".to-light").is_visible() == is_dark
            assert page.locator(".to-dark").is_visible() != is_dark
    assert seen["auto", "light"] == seen["light", "dark"]
    assert seen["auto", "dark"] == seen["dark", "light"]
    assert seen["auto", "light"] != seen["auto", "dark"]


def test_focus_is_visible_and_the_skip_link_is_first(browser, base):
    with open_page(browser, f"{base}/_styleguide") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "ds-skip-link"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert width == "3px"


def test_the_title_of_a_page_with_errors_says_so_and_the_summary_leads_to_the_fields(browser, base):
    with open_page(browser, f"{base}/_styleguide/wizard-errors") as page:
        assert page.title().startswith("Error:")
        assert page.evaluate("document.activeElement.className") == "error-summary"
        for link in page.locator(".error-summary a").all():
            assert page.locator(link.get_attribute("href")).count() == 1


def test_a_dialog_opens_and_gives_focus_back(browser, base):
    with open_page(browser, f"{base}/_styleguide") as page:
        opener = page.get_by_role("button", name="Show the rule")
        opener.click()
        assert page.get_by_role("dialog").is_visible()
        assert axe_violations(page) == []
        page.keyboard.press("Escape")
        assert page.get_by_role("dialog").count() == 0
        assert page.evaluate("document.activeElement.textContent") == "Show the rule"
