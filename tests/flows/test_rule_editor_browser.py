"""Rules written as sentences in Chromium: a rule is added, tried, published, and says why; accessible everywhere."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import axe_violations, browser, csp_messages, overflow
from tests.flows.test_office_browser import CLAIRE, NORA, VIEWS, member, office, site

pytestmark = pytest.mark.browser
__all__ = ["browser", "site"]  # fixtures: importing them makes them known here

RULES = f"{NORA}/setup/rules"
DRAFT = f"{RULES}/draft"
RULE = "Partners join CLAIRE, too"
PARTNER = "Robotsmia"


def _faults(page, name) -> list[str]:
    if place := os.environ.get("PICTURES"):
        page.screenshot(path=Path(place) / f"{name}.png", full_page=True)
    found = [f"{name}: {fault}" for fault in axe_violations(page)]
    wide = overflow(page)
    return [*found, f"{name}: {wide} px wider than the screen"] if wide else found


def _begin(page) -> None:
    """A draft is there, whoever began it."""
    begin = page.locator(f"form[action='{DRAFT}'] button")
    if begin.count():
        begin.click()
        page.wait_for_url(f"**{DRAFT}")


@pytest.mark.parametrize(("viewport", "scheme", "language"), VIEWS)
def test_every_page_of_a_draft_is_accessible_fits_and_keeps_to_the_policy(site, browser, viewport, scheme, language):
    faults = []
    with office(site, browser, RULES, viewport=viewport, scheme=scheme, language=language) as page:
        _begin(page)
        for name, path in {
            "rules": RULES,
            "draft": DRAFT,
            "rule": f"{DRAFT}/link-rule?code=principal-joins-claire",
            "new-rule": f"{DRAFT}/link-rule",
            "level": f"{DRAFT}/level?code=principal",
            "whole": f"{DRAFT}/whole",
            "text": f"{DRAFT}/text",
            "compare": f"{RULES}/compare?old=1&new=draft",
        }.items():
            page.goto(site.address + path)
            faults += _faults(page, f"{viewport}-{scheme}-{name}")
        page.goto(f"{site.address}{DRAFT}/link-rule")
        page.locator("form.sentence button").click()
        assert page.locator(".error-summary a").count() == 2  # no level, and no name
        page.locator(".error-summary a").first.click()
        assert page.evaluate("document.activeElement.id") in ("grants.level", "names.nb")
        faults += _faults(page, f"{viewport}-{scheme}-mistakes")
        faults += csp_messages(page)
    assert not faults


def test_fields_that_say_nothing_under_a_choice_are_put_away_and_the_sentence_follows(site, browser):
    with office(site, browser, RULES) as page:
        _begin(page)
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
    with office(site, browser, RULES, javascript=javascript) as page:
        _begin(page)
        page.goto(site.address + DRAFT)
        if javascript:
            page.get_by_role("link", name="New link rule").click()
            page.get_by_label("Partner", exact=True).check()
            page.get_by_label("membership at level").select_option("claire-innovation-network/member")
            page.get_by_label("under the agreement").select_option("nora-claire-2021")
            page.get_by_label("in English").fill(RULE)
        else:
            page.get_by_role("link", name=re.compile(f"Change.*{RULE}")).click()
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
