"""The journeys people make, and how many clicks each may take: links and buttons count, fields do not.

Journey 6 (who is late is reminded) is in test_dunning_browser.py: it needs another day.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from crm.settings import Settings
from tests.browser import browser, csp_messages, serve
from tests.crm.cards import HOST, KEY
from tests.fakes.stripe import SECRET, Fake
from tests.flows.page_data import prepare
from tests.flows.site import NORA, Clicks, Site, member, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

CHANGES = "/networks/nora-industry-network/changes"
SAVE = "form[method=post] button:not([formmethod])"


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """With the fake card provider beside it."""
    fake = Fake(key=KEY)
    with serve(fake) as provider:
        fake.base = provider
        settings = Settings(
            development=True, stripe_keys={HOST: KEY}, stripe_secrets={HOST: (SECRET,)}, stripe_url=provider
        )
        with site_on(server, "klynge_journeys_browser", prepare, settings=settings) as served:
            yield served


def test_journey_01_a_company_applies_in_seven_clicks(site: Site, browser: Browser) -> None:
    with site.page(browser, "/en") as page:
        click = Clicks(page)
        click("nav.links >> text=Become a member")
        click("main a >> text=NORA Industry Network")
        page.check("input[value=principal]")
        page.fill("#employees", "25")
        click(SAVE)
        page.fill("#orgnr", "399000084")
        page.fill("#name", "Fjordlys Data AS")
        page.select_option("#kind", "company")
        click(SAVE)
        page.fill("#contact_name", "Kari Nordby")
        page.fill("#email", "kari@fjordlys.example")
        click(SAVE)
        page.check("#terms")
        click(SAVE)
        click(SAVE)
        expect(page.locator("h1")).to_have_text("The application is sent")
        assert click.made <= 7
        assert csp_messages(page) == []


def test_journey_02_why_a_member_is_in_another_network_is_on_the_page(site: Site, browser: Browser) -> None:
    with site.page(browser, "/my", "member") as page:
        click = Clicks(page)
        click(page.get_by_role("main").get_by_role("link", name="Fjordsyn"))
        why = page.get_by_role("heading", name="Why is Fjordsyn Helse in CLAIRE Innovation Network?")
        expect(why).to_be_visible()
        assert click.made <= 1


def test_journey_03_an_invoice_is_paid_one_click_from_its_mail(site: Site, browser: Browser) -> None:
    with site.page(browser, "/en/pay/an-invoice") as page:
        click = Clicks(page)
        click(page.get_by_role("button", name="Pay by card"))
        expect(page.get_by_role("heading", level=1)).to_have_text("This is not Stripe")
        assert click.made <= 1


def test_journey_04_a_directory_entry_is_published_in_two_clicks(site: Site, browser: Browser) -> None:
    with site.page(browser, "/my", "member") as page:
        page.get_by_role("main").get_by_role("link", name="Fjordsyn").first.click()
        click = Clicks(page)
        click(page.get_by_role("link", name="Directory entry"))
        page.get_by_label("Presentation in English").fill("We look at images of hearts.")
        click(page.get_by_role("button", name="Publish"))
        expect(page.get_by_text("We look at images of hearts.").last).to_be_visible()
        assert click.made <= 2


def test_journey_05_an_application_is_approved_in_three_clicks(site: Site, browser: Browser) -> None:
    with site.page(browser, NORA, "manager") as page:
        click = Clicks(page)
        click(page.get_by_role("link", name=re.compile("application", re.I)).filter(has_text=re.compile(r"\d")))
        click("main table a >> text=Straumvik Havenergi AS")
        expect(page.locator(".consequences")).to_contain_text("CLAIRE Innovation Network")
        click("main button:has-text('Approve')")
        expect(page.locator("[role=status]").first).to_contain_text("is approved")
        assert click.made <= 3


def test_journey_07_the_board_report_is_on_paper_in_two_clicks(site: Site, browser: Browser) -> None:
    with site.page(browser, NORA, "manager") as page:
        click = Clicks(page)
        click(page.get_by_role("link", name="Board report"))
        expect(page.locator("h1")).to_be_visible()
        with page.expect_response(re.compile(r"board\.pdf")) as paper:
            click(page.get_by_role("link", name="PDF"))
        assert paper.value.status == 200 and paper.value.headers["content-type"] == "application/pdf"
        assert click.made <= 2


def test_journey_08_a_link_is_answered_in_three_clicks(site: Site, browser: Browser) -> None:
    with site.page(browser, NORA, "manager") as page:
        click = Clicks(page)
        click(page.locator(".side").get_by_role("link", name="Linked memberships"))
        click(page.get_by_role("link", name="Decline").last)
        expect(page.get_by_text("If you decline, this happens")).to_be_visible()
        click("main form[method=post] button")
        expect(page.get_by_role("status").first).to_contain_text("The answer is stored")
        assert click.made <= 3


def test_journey_09_what_a_lower_level_would_end_is_seen_in_three_clicks(site: Site, browser: Browser) -> None:
    with site.page(browser, member(site, "eSmart"), "manager") as page:
        click = Clicks(page)
        click("text=Change level")
        expect(page.locator(".consequences")).to_contain_text("Linked membership in CLAIRE Innovation Network ends")
        assert click.made <= 3


def test_journey_09_by_keyboard_alone(site: Site, browser: Browser) -> None:
    with site.page(browser, NORA, "manager") as page:
        page.keyboard.press("Control+k")
        page.keyboard.type("esmart")
        expect(page.get_by_role("option").nth(1)).to_contain_text("Change level of eSmart")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator(".consequences")).to_contain_text("Linked membership in CLAIRE Innovation Network ends")


def test_journey_10_a_new_key_and_its_first_call_take_six_clicks(site: Site, browser: Browser) -> None:
    with site.page(browser, f"{NORA}/sync", "manager") as page:
        click = Clicks(page)
        click("main a[href$='/sync/keys']")
        page.get_by_label("What the key is for").fill("First steps")
        click(page.get_by_role("button", name="Make the key"))
        secret = page.locator("code.mono.break").inner_text().strip()
        headers = {"authorization": f"Bearer {secret}"}
        answer = page.request.get(f"{site.address}/api/v1{CHANGES}?limit=1", headers=headers)
        assert answer.ok and answer.json()["items"]
        click(page.locator("main, .bar").get_by_role("link", name="Sync").first)
        click("a[href$='/sync/rehearsal']")
        click('button[value="left"]')
        expect(page.locator("table").first).to_contain_text("left")
        assert click.made <= 6


def test_journey_11_energy_companies_of_a_county_take_two_clicks(site: Site, browser: Browser) -> None:
    with site.page(browser, "/en/members") as page:
        click = Clicks(page)
        click("#by-county svg a[aria-label^='Østfold']")
        expect(page).to_have_url(re.compile("county=31"))
        click(page.get_by_role("group", name="Works with").get_by_label("Energy"))
        expect(page).to_have_url(re.compile("field=energy"))
        expect(page.get_by_role("link", name="Energy Remove filter")).to_be_visible()
        assert click.made <= 2
