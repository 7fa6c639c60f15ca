"""The sign-up in Chromium: without scripts, by keyboard, and no page of it has a fault."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import browser, faults, leaving, onward, open_page
from tests.crm.web.wizard import EQUINOR
from tests.flows.site import site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

MOST_TABS = 60
SAVE = "form[method=post] button:not([formmethod])"
# Valid check digits, one for each visitor of this file.
_numbers = iter(["399000009", "399000017", "399000025", "399000033", "399000041", "399000068"])


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[str]:
    with site_on(server, "klynge_signup_browser") as served:
        yield served.address


def test_the_journey_works_without_scripts(site, browser):
    with open_page(browser, f"{site}/nb/join/nora-industry-network", language="nb", javascript=False) as page:
        page.fill("#employees", "25")
        page.check("input[value=principal]")
        page.click("button[formmethod=get]")
        expect(page.locator("input[value=startup]")).to_be_disabled()
        expect(page.locator("input[value=principal]")).to_be_checked()
        expect(page.locator("#employees")).to_have_value("25")
        _answer_all(page, employees="")
        expect(page.locator("h1")).to_have_text("Søknaden er sendt")


def _answer_all(page: Page, employees: str = "25") -> None:
    """All five steps; only buttons are clicked, fields are filled."""
    page.check("input[value=principal]")
    if employees:
        page.fill("#employees", employees)
    onward(page, SAVE)
    page.fill("#orgnr", next(_numbers))
    page.fill("#name", "Fjordlys Data AS")
    page.select_option("#kind", "company")
    onward(page, SAVE)
    page.fill("#contact_name", "Kari Nordby")
    page.fill("#email", "kari@fjordlys.example")
    onward(page, SAVE)
    page.check("#terms")
    onward(page, SAVE)
    onward(page, SAVE)


def test_the_journey_works_by_keyboard_alone(site, browser):
    with open_page(browser, f"{site}/en/join/nora-industry-network") as page:
        _tab_to(page, "#employees")
        page.keyboard.type("25")
        _tab_to(page, "input[value=principal]")
        page.keyboard.press("Space")
        _press(page)
        _type(page, {"#orgnr": next(_numbers), "#name": "Tastatur AS", "#kind": "C"})
        _press(page)
        _type(page, {"#contact_name": "Kari Nordby", "#email": "kari@tastatur.example"})
        _press(page)
        _tab_to(page, "#terms")
        page.keyboard.press("Space")
        _press(page)
        _press(page)
        expect(page.locator("h1")).to_have_text("The application is sent")


def _type(page: Page, answers: dict[str, str]) -> None:
    for selector, answer in answers.items():
        _tab_to(page, selector)
        page.keyboard.type(answer)


def _press(page: Page) -> None:
    _tab_to(page, SAVE)
    with leaving(page):
        page.keyboard.press("Enter")


def _tab_to(page: Page, selector: str) -> None:
    page.wait_for_selector(selector)
    for _ in range(MOST_TABS):
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached by Tab")


def test_no_page_of_the_sign_up_has_a_fault(site, browser):
    with open_page(browser, f"{site}/nb/join", language="nb") as page:
        onward(page, "main a >> text=NORA Industry Network")
        _faultless(page)
        for fill in (_level, _organisation, _contact, _terms):
            page.click(SAVE)  # nothing answered: the page that says what is wrong
            expect(page.locator(".error-summary")).to_be_focused()
            _faultless(page)
            fill(page)
            onward(page, SAVE)
            _faultless(page)
        onward(page, SAVE)
        _faultless(page)
        onward(page, "a[href$='/withdraw']")
        _faultless(page)


def _level(page: Page) -> None:
    page.fill("#employees", "25")
    page.check("input[value=principal]")
    page.wait_for_load_state("networkidle")  # the level asks for its own figures, and prices them


def _organisation(page: Page) -> None:
    """A number that is known first: what the page about it looks like, and the way back."""
    page.fill("#orgnr", EQUINOR)
    page.fill("#name", "Equinor")
    page.select_option("#kind", "company")
    onward(page, SAVE)
    _faultless(page)
    onward(page, "a[href$='/organisation']:not(.steps a)")
    page.fill("#orgnr", next(_numbers))


def _contact(page: Page) -> None:
    page.fill("#contact_name", "Kari Nordby")
    page.fill("#email", "kari@fjordlys.example")


def _terms(page: Page) -> None:
    page.check("#terms")


def _faultless(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    assert faults(page) == [], page.title()


def test_the_first_invoice_follows_the_choice_without_a_reload(site, browser):
    with open_page(browser, f"{site}/en/join/nora-industry-network") as page:
        shown = page.locator(".offers > div:visible")
        expect(shown).to_contain_text("Choose a level to see")
        for level, name in (("principal", "Principal partner"), ("partner", "Partner")):
            page.check(f"input[value={level}]")
            expect(shown).to_have_count(1)
            expect(shown).to_contain_text(name)
        page.evaluate("window.same = true")
        page.fill("#employees", "400")
        page.locator("#employees").blur()
        expect(page.locator("input[value=startup]")).to_be_disabled()
        expect(page.locator("input[value=partner]")).to_be_checked()
        assert page.evaluate("window.same") is True


def test_a_level_chosen_while_prices_are_on_their_way_stays_chosen(site, browser):
    with open_page(browser, f"{site}/en/join/nora-industry-network") as page:
        held: list[Route] = []
        page.route("**/level?*", lambda route: held.append(route))
        page.fill("#employees", "400")
        with page.expect_request("**/level?*"):
            page.locator("#employees").blur()
        page.check("input[value=principal]")
        for route in held:
            route.continue_()
        expect(page.locator("input[value=startup]")).to_be_disabled()
        expect(page.locator("input[value=principal]")).to_be_checked()


def test_who_is_at_a_level_by_keyboard_stays_there_while_prices_come_in(site, browser):
    with open_page(browser, f"{site}/en/join/nora-industry-network") as page:
        held: list[Route] = []
        page.route("**/level?*", lambda route: held.append(route))
        page.fill("#employees", "400")
        with page.expect_request("**/level?*"):
            page.focus("input[value=principal]")  # leaving the field asks for prices
        page.evaluate("document.activeElement.here = true")
        for route in held:
            route.continue_()
        expect(page.locator("input[value=startup]")).to_be_disabled()
        assert page.evaluate("document.activeElement.here") is True  # the field itself, not one like it
        page.keyboard.press("Space")
        expect(page.locator("input[value=principal]")).to_be_checked()


def test_back_from_a_step_after_a_wrong_answer_asks_nobody_to_send_again(site, browser):
    with open_page(browser, f"{site}/en/join/nora-industry-network") as page:
        page.click(SAVE)
        expect(page.locator(".error-summary")).to_be_visible()
        _level(page)
        page.click(SAVE)
        expect(page.locator("#orgnr")).to_be_visible()
        page.go_back()
        expect(page.locator("#employees")).to_have_value("25")
        expect(page.locator("input[value=principal]")).to_be_checked()
        page.click(SAVE)
        expect(page.locator("#orgnr")).to_be_visible()


def test_a_double_click_sends_one_form(site, browser):
    with open_page(browser, f"{site}/en/join/nora-industry-network") as page:
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        _level(page)
        page.dblclick(SAVE)
        expect(page.locator("#orgnr")).to_be_visible()
        assert len(sent) == 1


def test_a_page_on_paper_is_one_column_without_controls(site, browser):
    with open_page(browser, f"{site}/en/networks/nora-industry-network", scheme="dark") as page:
        page.emulate_media(media="print")
        assert page.locator(".ds-button:visible").count() == 0
        assert page.pdf(format="A4").count(b"/Type /Page\n") <= 2
