"""Rules written as sentences in Chromium: a rule is added, tried, published, and says why; accessible everywhere."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import browser, faults, onward
from tests.flows.pages import DRAFT, RULES
from tests.flows.site import CLAIRE, member
from tests.flows.test_office_browser import site

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # fixtures: importing them makes them known here

RULE = "Partners join CLAIRE, too"
PARTNER = "Robotsmia"


def begin(page) -> None:
    """A draft is there, whoever began it."""
    begin = page.locator(f"form[action='{DRAFT}'] button")
    if begin.count():
        begin.click()
        page.wait_for_url(f"**{DRAFT}")


def test_mistakes_in_a_rule_are_listed_and_lead_to_their_fields(site, browser):
    with site.page(browser, RULES, "manager", language="nb") as page:
        begin(page)
        page.goto(f"{site.address}{DRAFT}/link-rule")
        onward(page, "form.sentence button")
        assert page.locator(".error-summary a").count() == 2  # no level, and no name
        page.locator(".error-summary a").first.click()
        assert page.evaluate("document.activeElement.id") in ("grants.level", "names.nb")
        assert faults(page) == []


def test_fields_that_say_nothing_under_a_choice_are_put_away_and_the_sentence_follows(site, browser):
    with site.page(browser, RULES, "manager") as page:
        begin(page)
        page.goto(f"{site.address}{DRAFT}/link-rule?code=principal-joins-claire")
        days, words = page.get_by_label("days of grace"), page.locator("#in-words")
        expect(days).to_be_hidden()
        page.get_by_label("then it", exact=True).select_option("grace")
        expect(days).to_be_visible()
        days.fill("45")
        page.get_by_label("Start-up").check()
        expect(words).to_contain_text("has level Principal partner or Start-up")
        expect(words).to_contain_text("ends 45 days after its cause")
        page.reload()
        expect(words).to_contain_text("ends with its cause")


@pytest.mark.parametrize("javascript", [True, False])
def test_ac_rule_editor_a_manager_adds_a_link_rule_by_sentence_and_sees_why_its_memberships_stand(
    site, browser, javascript
):
    """With and without scripts: the second run finds the rule there, and changes it."""
    with site.page(browser, RULES, "manager", javascript=javascript) as page:
        begin(page)
        page.goto(site.address + DRAFT)
        if javascript:
            page.get_by_role("link", name="New link rule").click()
            page.get_by_label("Partner", exact=True).check()
            page.get_by_label("membership at level").select_option("claire-innovation-network/member")
            page.get_by_label("under the agreement").select_option("nora-claire-2021")
            page.get_by_label("in English").fill(RULE)
        else:
            onward(page, page.get_by_role("link", name=re.compile(f"Change.*{RULE}")))
            assert page.get_by_label("Partner", exact=True).is_checked()
        page.get_by_label("the member is told so many days").fill("60" if javascript else "30")
        page.get_by_role("button", name="Save in the draft").click()
        page.wait_for_url("**saved=link-rule")
        expect(page.locator("#main")).to_contain_text("When a member of NORA Industry Network has level Partner")
        page.goto(f"{site.address}{DRAFT}/whole")
        for field in ("effective_from", "effective_from_existing"):
            page.locator(f"#{field}").fill("2026-11-22")
        page.get_by_role("button", name="Save in the draft").click()
        page.get_by_role("button", name="See what it would do").click()
        publish = page.get_by_role("button", name="Publish version")
        expect(publish).to_be_visible()
        if javascript:
            changed = page.locator("section[aria-labelledby=who]")
            expect(changed).to_contain_text(PARTNER)
            expect(changed).to_contain_text("CLAIRE Innovation")
        publish.click()
        page.wait_for_url("**done=1")
        expect(page.get_by_role("button", name="Go back to version")).to_be_visible()
        page.get_by_role("link", name="What changed").first.click()
        expect(page.locator("#main")).to_contain_text(RULE if javascript else "Days told before a known end")
        page.goto(site.address + member(site, PARTNER, CLAIRE))
        why = page.locator("#main")
        expect(why).to_contain_text(RULE)
        expect(why).to_contain_text("Collaboration agreement between NORA and CLAIRE, 2021")
