"""The back office in Chromium: approve in three clicks, change and take back, with and without scripts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from crm.demo import PASSWORD
from tests.browser import browser, csp_messages, faults, onward, open_page, overflow
from tests.flows.site import LOGINS, NORA, Site, hrefs, member, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    with site_on(server, "klynge_office_browser") as served:
        yield served


@pytest.mark.parametrize("language", ["nb", "en"])
def test_a_wrong_password_is_said_accessibly(site, browser, language):
    with site.page(browser, "/sign-in", language=language) as page:
        page.fill("#email", "somebody@klynge.example")
        page.fill("#password", "wrong")
        page.press("#password", "Enter")
        expect(page.locator(".error-summary")).to_be_focused()
        expect(page.locator("#email")).to_have_value("somebody@klynge.example")
        assert faults(page) == []


def test_signing_in_with_the_keyboard_leads_to_the_office_and_out_again(site, browser):
    with open_page(browser, f"{site.address}{NORA}/links") as page:
        page.focus("#email")
        page.keyboard.type(LOGINS["manager"])
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site.address}{NORA}/links")
        page.click("summary.account")
        page.click("text=Sign out >> visible=true")
        page.wait_for_url("**/sign-in?out=here")
        page.goto(site.address + NORA)
        assert "/sign-in?back=" in page.url


@pytest.mark.parametrize("javascript", [True, False])
def test_an_application_is_approved_from_what_there_is_to_do(site, browser, javascript):
    """What it made is on the page one arrives at."""
    name = "Straumvik Havenergi AS" if javascript else "Grindvoll Matindustri AS"
    with site.page(browser, NORA, "manager", javascript=javascript) as page:
        clicks = [f"main >> text={name}", "main button:has-text('Approve')"]
        for selector in clicks:
            onward(page, selector)
        expect(page.locator("h1")).to_have_text(name)
        expect(page.locator("[role=status]")).to_contain_text("is approved")
        if javascript:
            expect(page.locator(".why h2")).to_have_text(f"Why is {name} in CLAIRE Innovation Network?")
            assert faults(page) == []
        page.go_back()
        page.go_back()  # a form that was sent is not sent again by going back
        assert csp_messages(page) == []


def test_the_start_date_changes_the_preview_without_a_script(site, browser):
    wanted = hrefs(site, f"{NORA}/applications", rf"{NORA}/applications/[0-9a-f-]{{36}}")[-1]
    with site.page(browser, wanted, "manager", javascript=False) as page:
        page.fill("#starts_on", "2027-07-01")
        page.click("main form[method=get] button")
        expect(page.locator(".consequences")).to_contain_text("from 1 Jul 2027")
        expect(page.locator("[name=starts_on][type=hidden]")).to_have_value("2027-07-01")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_level_is_changed_and_taken_back(site, browser, javascript):
    path = member(site, "Telenor" if javascript else "Havlinje")
    with site.page(browser, path, "manager", javascript=javascript) as page:
        page.click("text=Change level")
        expect(page.locator(".consequences")).to_contain_text("Linked membership in CLAIRE Innovation Network ends")
        page.fill("#on", "2028-01-01")
        page.click("text=See what follows")
        expect(page.locator(".consequences")).to_contain_text("the last day is 31 Dec 2027")
        page.fill("#reason", "Smaller budget")
        onward(page, "main form[method=post] button")
        expect(page.locator("[role=status]")).to_contain_text("1 Jan 2028")
        expect(page.locator("main table")).to_contain_text("Ends 31 Dec 2027")
        assert not javascript or faults(page) == []
        onward(page, "[role=status] button")
        expect(page.locator("[role=status]")).to_contain_text("Taken back")
        expect(page.locator("main table")).not_to_contain_text("Ends")
        assert csp_messages(page) == []


def test_a_double_click_ends_a_membership_once(site, browser):
    path = member(site, "Cyviz")
    with site.page(browser, path, "manager") as page:
        page.click("summary:has-text('More')")
        page.click("text=End membership")
        page.dblclick("main form[method=post] button")
        page.wait_for_url("**done=**")
        said = re.compile(r"^\s*Membership in NORA Industry Network ends\s*$")
        assert page.locator(".timeline p").filter(has_text=said).count() == 1


def test_filters_stand_in_the_address_and_come_back(site, browser):
    with site.page(browser, f"{NORA}/members", "manager") as page:
        page.check("input[value=principal]")
        onward(page, "text=Apply filters")
        assert "tier=principal" in page.url
        figure = page.locator("#found").inner_text()
        onward(page, "main table tbody a")
        page.go_back()
        expect(page.locator("#found")).to_have_text(figure)
        page.click(".chip")
        expect(page.locator("#found")).not_to_have_text(figure)


def test_on_a_phone_filters_fold_away_and_the_menu_opens_without_a_script(site, browser):
    with site.page(browser, f"{NORA}/members", "manager", viewport="phone", javascript=False) as page:
        assert not page.locator("input[value=principal]").is_visible()
        page.click(".filters > summary")
        assert page.locator("input[value=principal]").is_visible()
        page.click(".phone-bar summary")
        onward(page, ".phone-bar >> text=Linked memberships")
        assert page.url.endswith("/links")


def test_the_sidebar_holds_in_a_window_of_1000_pixels(site, browser):
    with site.page(browser, NORA, "manager") as page:
        account = page.locator(".side summary.account").bounding_box()
        assert account["y"] + account["height"] <= 1000
        assert page.locator(".side a.jump").bounding_box()["height"] < 40  # on one line
        page.locator(".side summary.switch").click()
        expect(page.get_by_role("navigation", name="Networks").get_by_role("link").last).to_be_visible()
        last = page.locator(".side > nav > a").last
        last.focus()
        seen, around = last.bounding_box(), page.locator(".side > nav").bounding_box()
        assert around["y"] <= seen["y"] and seen["y"] + seen["height"] <= around["y"] + around["height"] + 1


PAPER = {  # how many sheets at most, for whom, where
    "overview": (3, "manager", NORA),
    "member": (3, "manager", ""),
    "members": (3, "manager", f"{NORA}/members"),
    "own pages": (3, "member", "/my"),
    "directory": (9, "public", "/en/members?network=nora-industry-network"),
}
CONTROLS = ".side, .phone-bar, .day-box, .filters, .facets, .searchbar, .ds-button, .toast, .tabs"


@pytest.mark.parametrize("page_of", PAPER)
def test_paper_has_no_controls_one_column_and_few_sheets(site, browser, page_of):
    most, who, path = PAPER[page_of]
    with site.page(browser, path or member(site, "eSmart"), who, scheme="dark") as page:
        if who == "member":
            onward(page, page.get_by_role("main").get_by_role("link", name="Fjordsyn"))
        paper = page.pdf(format="A4")
        assert 1 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= most
        page.set_viewport_size({"width": 675, "height": 954})  # what A4 leaves between its margins
        page.emulate_media(media="print")
        assert [each.inner_text() for each in page.locator(CONTROLS).all() if each.is_visible()] == []
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert overflow(page) == 0
