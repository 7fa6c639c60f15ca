"""Every page there is, by who looks at it: what Chromium and axe visit, and what the judge of HTML reads.

Add a page here when you make one. An entry is an address, and may be a way there, in three words:
`PAGE -> PATTERN` is the first link on that page that fits (`*` is anything within one part of an address);
`PAGE + TEXT` goes on from the address reached, with text behind it. What only a form shows is tried in the test of that
form, by `faults(page)` of tests/browser.py. Data a page needs to show something is made in tests/flows/page_data.py.
"""

import re
from functools import cache
from html import unescape

from crm.settings import Settings
from tests.crm.actions.test_fee_shares import DAYS
from tests.flows.page_desk import A_SYSTEM
from tests.flows.page_links import A_DRAFT, A_KNOWN, CLAIM, INVITATION, NEWSLETTER, PERSON, RECEIPT, SENT, SIGN_IN
from tests.flows.site import CLAIRE, NORA, Site

STARTUP = "/n/nora-startup"
ESMART = f"{NORA}/members?q=eSmart -> {NORA}/members/*-*"
HOME = "/my -> /my/*-*"
INVOICE = f"{NORA}/invoices?q=Tindeveg -> {NORA}/invoices/*-*-*"
RULES = f"{NORA}/setup/rules"
JOIN = "/en/join/nora-industry-network"
DRAFT = f"{RULES}/draft"
SELECTED, SELECTED_FOR = f"{NORA}/members/selected", ("tag", "untag", "field", "responsible", "charge")

SETTINGS = Settings(development=True, embed_sites=("https://partner.example",))

PAGES: dict[str, list[str]] = {
    "public": [
        "/en",
        "/en/networks",
        "/en/networks/nora-industry-network",
        "/en/networks/sin-applied-ai",
        "/en/join",
        "/en/members",
        "/en/members?network=nora-industry-network&view=table",
        "/en/members?q=nobody-has-this-name",
        "/en/members/esmart-systems",
        "/en/members/esmart-systems/contact",
        "/en/embed/members",
        "/en/privacy",
        "/en/accessibility",
        f"{JOIN}/{A_DRAFT}/level",
        f"{JOIN}/{A_DRAFT}/organisation",
        f"{JOIN}/{A_DRAFT}/contact",
        f"{JOIN}/{A_DRAFT}/terms",
        f"{JOIN}/{A_DRAFT}/check",
        f"{JOIN}/{A_KNOWN}/known",
        f"{JOIN}/{A_KNOWN}/asked",
        f"/en/join/status/{SENT}",
        f"/en/join/status/{SENT}/withdraw",
        f"/claim/{CLAIM}",
        f"/invitation/{INVITATION}",
        f"/unsubscribe/{NEWSLETTER}",
        f"/forgotten/{RECEIPT}",
        "/federation/invitations/a-token",
        "/sign-in/link",
        f"/sign-in/link/{SIGN_IN}",
        "/en/pay/an-invoice",
        "/en/pay/a-credit-note",
        "/en/survey/a-survey",
        "/en/survey/an-answer",
        "/sign-in",
        "/claim",
        "/api/docs",
        "/api/docs/webhooks",
        "/api/guide?network=nora-industry-network",
        "/no-such-page",
    ],
    "member": [
        "/my",
        HOME,
        f"{HOME} + /invoices",
        f"{HOME} + /billing",
        f"{HOME} + /people",
        f"{HOME} + /entry",
        f"{HOME} + /sharing",
        f"{HOME} + /data",
        f"{HOME} -> /my/*/memberships/*/tier-change",
        f"{HOME} -> /my/*/memberships/*/ending",
        f"{HOME} + /people -> /my/*/people/contacts/*/erase",
        "/account/data",
    ],
    "account": [
        "/account",
        "/account/password",
        "/account/app",
        "/account/confirm",
        "/account/secure",
        f"{NORA}/people",
    ],
    "viewer": [NORA, f"{NORA}/people", f"{NORA}/invoices"],
    "books": [f"{NORA}/invoices/suspense"],
    "manager": [
        NORA,
        CLAIRE,
        "/n/no-such-network",
        f"{NORA}/people/{PERSON}/erase",
        "/search?network=nora-industry-network&q=a",
        "/dev/mailbox",
        "/dev/mailbox -> /dev/mailbox/*-*",
        f"{NORA}/members?tier=principal&state=active&q=e",
        f"{NORA}/members?q=nobody-has-this-name",
        f"{NORA}/links",
        f"{NORA}/name",
        f"{NORA}/duplicates",
        f"{NORA}/applications",
        f"{NORA}/applications -> {NORA}/applications/*-*",
        f"{CLAIRE}/applications",
        ESMART,
        f"{ESMART} + ?as_of=2020-12-31",
        f"{NORA}/members?q=SINTEF -> {NORA}/members/*-*",
        f"{CLAIRE}/members?q=Fjordsyn -> {CLAIRE}/members/*-*",
        f"{ESMART} + /name",
        f"{ESMART} + /facts",
        f"{ESMART} + /sizes",
        f"{ESMART} + /marks",
        f"{NORA}/members?sort=-fee&balance=open&leaving=365&joined_from=2020-01-01",
        f"{NORA}/setup/tags",
        f"{NORA}/setup/labels",
        f"{NORA}/activities",
        f"{NORA}/contributions",
        f"{NORA}/incomes",
        f"{NORA}/surveys",
        f"{NORA}/surveys -> {NORA}/surveys/*-*",
        f"{NORA}/reports/finance",
        f"{NORA}/reports/surveys",
        f"{NORA}/activities -> {NORA}/activities/*-*",
        f"{NORA}/reports/activity",
        f"{NORA}/reports/labels",
        f"{NORA}/setup/fields",
        f"{NORA}/views",
        f"{NORA}/bulk-runs",
        f"{NORA}/bulk-runs -> {NORA}/bulk-runs/*-*-*",
        f"{ESMART} + /roles",
        f"{ESMART} + /merger?q=a",
        f"{ESMART} + /split",
        f"{ESMART} + /people",
        f"{ESMART} + /changes",
        f"{ESMART} + /contacts/new",
        f"{ESMART} + /people -> {NORA}/members/*/contacts/*-*-*",
        f"{ESMART} + /directory",
        f"{ESMART} + /documents",
        f"{ESMART} + /invoices",
        f"{ESMART} + /documents -> {NORA}/documents/*-*-*",
        f"{ESMART} + /notes",
        f"{ESMART} + /notes -> {NORA}/members/*/notes/*-*-*",
        f"{NORA}/tasks",
        f"{NORA}/tasks -> {NORA}/tasks/*-*-*",
        f"{NORA}/setup/fields -> {NORA}/setup/fields/*-*-*",
        *(
            f"{SELECTED}/{what}?selection=all.1.q%3DeSmart"
            for what in ("tag", "untag", "field", "responsible", "charge")
        ),
        f"{NORA}/mailings",
        f"{NORA}/mailings -> {NORA}/mailings/*-*-*",
        f"{NORA}/mailings -> {NORA}/mailings/*-*-* + /text",
        f"{NORA}/mailings/new",
        f"{NORA}/setup/mails",
        f"{NORA}/setup/mails/membership_approved/nb",
        f"{ESMART} + /changes?kind=money",
        f"{NORA}/reports",
        f"{NORA}/reports/board",
        f"{NORA}/reports/composition",
        f"{NORA}/reports/aging",
        f"{NORA}/reports/composition -> {NORA}/reports/composition/rows?*",
        f"{NORA}/links -> {NORA}/links/answer?*",
        f"{NORA}/renewals -> {NORA}/renewals/*-*-* + /confirmation",
        f"{NORA}/imports",
        f"{NORA}/setup/agreements -> {NORA}/setup/agreements/* + /documents",
        f"{NORA}/setup/audit",
        f"{NORA}/setup/directory",
        f"{NORA}/setup/privacy",
        f"{ESMART} + /people -> {NORA}/members/*/people/contacts/*/erase",
        f"{ESMART} + /entry",
        f"{NORA}/setup/privacy?on=2034-01-01",
        f"{ESMART} -> {NORA}/members/*/memberships/*/tier-change",
        f"{ESMART} -> {NORA}/members/*/memberships/*/ending",
        f"{ESMART} -> {NORA}/members/*/memberships/*/suspension",
        f"{NORA}/setup/register",
        f"{NORA}/setup/register/differences?kind=register_employees",
        f"{NORA}/setup/register -> {NORA}/setup/register/files/*-*",
        f"{NORA}/setup/register -> {NORA}/setup/register/together/*-*",
        f"{NORA}/reviews -> {NORA}/register/*-*",
        f"{STARTUP}/reviews",
        f"{STARTUP}/reviews -> {STARTUP}/reviews/*-*",
        f"{NORA}/places",
        f"{NORA}/invoices",
        f"{NORA}/invoices?as_of=2027-02-10&state=overdue",
        f"{NORA}/invoices?q=finnes-ikke",
        f"{NORA}/invoices/issue",
        f"{NORA}/invoices/issue/result",
        f"{NORA}/invoices?q=Bregne -> {NORA}/invoices/*-*-*",
        f"{NORA}/invoices?q=Havnes -> {NORA}/invoices/*-*-*",
        f"{NORA}/invoices?q=Strandlinje -> {NORA}/invoices/*-*-*",
        f"{NORA}/invoices?q=Euro -> {NORA}/invoices/*-*-*",
        INVOICE,
        f"{INVOICE} + /credit-note",
        f"{NORA}/members?q=Tindeveg -> {NORA}/members/*-* -> {NORA}/invoices/billing/*",
        f"{NORA}/invoices/card-books",
        f"{NORA}/invoices/suspense",
        f"{NORA}/imports -> {NORA}/imports/*-*-*",
        f"{NORA}/imports -> {NORA}/imports/*-*-* + ?columns=1",
        f"{NORA}/reports/movements?compare=year",
        f"{NORA}/reports/cohorts?period=last_year",
        f"{NORA}/reports/host",
        f"{NORA}/reports/members/rows?figure=members",
        f"{NORA}/reports/board?compare=year",
        f"{NORA}/reports/saved?report=members",
        f"{NORA}/reports/saved -> {NORA}/reports/saved?change=*",
        f"{NORA}/renewals",
        f"{NORA}/renewals/notices",
        f"{NORA}/renewals/notices?look=1",
        f"{NORA}/renewals -> {NORA}/renewals/*-*-*",
        f"{NORA}/shares?{DAYS}",
        f"{NORA}/dunning",
        f"{NORA}/dunning/confirm",
        f"{NORA}/setup/agreements",
        f"{NORA}/setup/agreements -> {NORA}/setup/agreements/*",
        f"{NORA}/setup/agreements -> {NORA}/setup/agreements/*/shares",
        f"{NORA}/setup/systems",
        f"{NORA}/setup/systems/{A_SYSTEM}",
        f"{NORA}/setup/new-agreement",
        f"{NORA}/setup",
        f"{NORA}/setup/host",
        f"{NORA}/setup/network",
        f"{NORA}/setup/networks/new",
        f"{NORA}/setup/terms",
        f"{NORA}/setup/audit?q=demo&check=yes",
        RULES,
        f"{CLAIRE}/setup/rules?version=1",
        "/n/sin-applied-ai/setup/rules",
        DRAFT,
        f"{DRAFT}/link-rule?code=principal-joins-claire",
        f"{DRAFT}/link-rule",
        f"{DRAFT}/level?code=principal",
        f"{DRAFT}/fees?code=principal",
        f"{DRAFT}/whole",
        f"{DRAFT}/text",
        f"{RULES}/price?level=principal&employees=40",
        f"{RULES}/compare?old=1&new=draft",
        f"{NORA}/sync",
        f"{NORA}/sync -> {NORA}/sync/webhooks/*-*-*",
        f"{NORA}/sync/keys",
        f"{NORA}/sync/keys -> {NORA}/sync/keys/*/revoke",
        f"{NORA}/sync/compare",
        f"{NORA}/sync/rehearsal",
        f"{NORA}/from-partners",
        f"{CLAIRE}/from-partners -> {CLAIRE}/from-partners/objections/*-*-*",
        f"{NORA}/from-partners -> {NORA}/from-partners/suggestions/*-*-*",
        f"{NORA}/from-partners -> {NORA}/from-partners/rows/*-*-*",
        f"{NORA}/from-partners -> {NORA}/from-partners/lists/*-*-*",
    ],
}

# Of these what a desk alone shows (rails, columns, charts side by side) is looked at in the dark, too.
WIDE: dict[str, list[str]] = {
    "public": ["/en", "/en/networks/nora-industry-network", "/en/join", "/en/members", "/en/members/esmart-systems"],
    "member": [HOME, f"{HOME} + /people"],
    "manager": [
        NORA,
        ESMART,
        f"{ESMART} + /changes",
        f"{NORA}/members?tier=principal&state=active&q=e",
        f"{NORA}/links",
        f"{NORA}/invoices",
        INVOICE,
        f"{NORA}/reports/board?compare=year",
        f"{NORA}/reports/movements?compare=year",
        f"{NORA}/reports/composition",
        f"{NORA}/reports/aging",
        f"{NORA}/reports/cohorts?period=last_year",
        f"{NORA}/surveys -> {NORA}/surveys/*-*",
        f"{NORA}/setup/register/differences?kind=register_employees",
        f"{NORA}/setup",
        f"{NORA}/setup/audit",
        f"{DRAFT}/link-rule?code=principal-joins-claire",
        f"{DRAFT}/fees?code=principal",
        f"{NORA}/sync",
    ],
}


def address(site: Site, who: str, entry: str) -> str:
    """The address an entry of PAGES leads to, for who looks."""
    words = entry.split(" ")
    at = words[0]
    for word, given in zip(words[1::2], words[2::2], strict=True):
        at = at + given if word == "+" else _link(site, who, at, given)
    return at


@cache
def _links(site: Site, who: str, page: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', site.client(who).get(page).text)]


def _link(site: Site, who: str, page: str, pattern: str) -> str:
    fits = re.compile(re.escape(pattern).replace(r"\*", r"[^/?#]+"))
    found = next((link for link in _links(site, who, page) if fits.fullmatch(link)), None)
    assert found, f"{page} has no link like {pattern}"
    return found
