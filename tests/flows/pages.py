"""Every page there is, by who looks at it: what Chromium and axe visit, and what the judge of HTML reads.

Add a page here when you make one. An entry is an address, and may be a way there, in three words:
`PAGE -> PATTERN` is the first link on that page that fits (`*` is anything within one part of an address);
`PAGE + TEXT` goes on from the address reached, with text behind it. What only a form shows is tried in the test of that
form, by `faults(page)` of tests/browser.py. Data a page needs to show something is made in `prepare`.
"""

import re
from datetime import date
from functools import cache
from html import unescape

from crm.actions import activities, days, invoices, labels, member_imports, payments, renewal_notices, renewals
from crm.actions.activities import ActivityForm
from crm.actions.invoices import Credit
from crm.actions.labels import LabelForm
from crm.actions.renewals import Wanted
from crm.actor import Actor
from crm.context import Context
from crm.settings import Settings
from crm.store import cards as card_rows
from crm.store import invoice_links
from tests.broken_files import FIRST, HEAD, SECOND, changed, csv
from tests.commits.support import manager
from tests.conftest import context_on
from tests.crm.actions.test_exchange_rates import euro_draft
from tests.crm.actions.test_fee_shares import DAYS, shared
from tests.crm.actions.test_places import joins, limit_link
from tests.crm.actions.test_renewal_notices import with_rules
from tests.crm.actions.test_reviews import joined
from tests.crm.billing import bill, draft
from tests.flows.site import CLAIRE, NORA, Site

STARTUP = "/n/nora-startup"
ESMART = f"{NORA}/members?q=eSmart -> {NORA}/members/*-*"
HOME = "/my -> /my/*-*"
INVOICE = f"{NORA}/invoices?q=Tindeveg -> {NORA}/invoices/*-*-*"
RULES = f"{NORA}/setup/rules"
DRAFT = f"{RULES}/draft"

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
        "/en/pay/an-invoice",
        "/en/pay/a-credit-note",
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
    "account": ["/account", "/account/password", "/account/app", "/account/confirm", f"{NORA}/people"],
    "viewer": [NORA, f"{NORA}/people", f"{NORA}/invoices"],
    "books": [f"{NORA}/invoices/suspense"],
    "manager": [
        NORA,
        CLAIRE,
        "/n/no-such-network",
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
        f"{NORA}/activities -> {NORA}/activities/*-*",
        f"{NORA}/reports/activity",
        f"{NORA}/reports/labels",
        f"{NORA}/setup/fields",
        f"{NORA}/views",
        f"{NORA}/bulk-runs",
        f"{ESMART} + /roles",
        f"{ESMART} + /merger?q=a",
        f"{ESMART} + /split",
        f"{ESMART} + /people",
        f"{ESMART} + /changes",
        f"{ESMART} + /contacts/new",
        f"{ESMART} + /directory",
        f"{ESMART} + /documents",
        f"{ESMART} + /invoices",
        f"{ESMART} + /marks",
        f"{ESMART} + /notes",
        f"{NORA}/tasks",
        f"{NORA}/mailings",
        f"{NORA}/mailings/new",
        f"{NORA}/setup/mails",
        f"{NORA}/setup/mails/membership_approved/nb",
        f"{ESMART} + /changes?kind=money",
        f"{NORA}/views",
        f"{NORA}/bulk-runs",
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
        f"{NORA}/setup/fields",
        f"{NORA}/setup/privacy",
        f"{NORA}/setup/tags",
        f"{ESMART} + /people -> {NORA}/members/*/people/contacts/*/erase",
        f"{ESMART} + /entry",
        f"{NORA}/setup/directory",
        f"{NORA}/setup/privacy",
        f"{NORA}/setup/privacy?on=2034-01-01",
        f"{ESMART} -> {NORA}/members/*/memberships/*/tier-change",
        f"{ESMART} -> {NORA}/members/*/memberships/*/ending",
        f"{ESMART} -> {NORA}/members/*/memberships/*/suspension",
        f"{STARTUP}/reviews",
        f"{STARTUP}/reviews -> {STARTUP}/reviews/*-*",
        f"{NORA}/places",
        f"{NORA}/invoices",
        f"{NORA}/invoices?as_of=2027-02-10&state=overdue",
        f"{NORA}/invoices?q=finnes-ikke",
        f"{NORA}/invoices/issue",
        f"{NORA}/invoices?q=Bregne -> {NORA}/invoices/*-*-*",
        f"{NORA}/invoices?q=Havnes -> {NORA}/invoices/*-*-*",
        f"{NORA}/invoices?q=Strandlinje -> {NORA}/invoices/*-*-*",
        f"{NORA}/invoices?q=Euro -> {NORA}/invoices/*-*-*",
        INVOICE,
        f"{INVOICE} + /credit-note",
        f"{NORA}/members?q=Tindeveg -> {NORA}/members/*-* -> {NORA}/invoices/billing/*",
        f"{NORA}/invoices/card-books",
        f"{NORA}/invoices/suspense",
        f"{NORA}/imports",
        f"{NORA}/imports -> {NORA}/imports/*-*-*",
        f"{NORA}/imports -> {NORA}/imports/*-*-* + ?columns=1",
        f"{NORA}/reports",
        f"{NORA}/reports/movements?compare=year",
        f"{NORA}/reports/cohorts?period=last_year",
        f"{NORA}/reports/host",
        f"{NORA}/reports/members/rows?figure=members",
        f"{NORA}/reports/board?compare=year",
        f"{NORA}/reports/saved?report=members",
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
        f"{NORA}/setup/new-agreement",
        f"{NORA}/setup",
        f"{NORA}/setup/host",
        f"{NORA}/setup/network",
        f"{NORA}/setup/networks/new",
        f"{NORA}/setup/terms",
        f"{NORA}/setup/audit",
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
        f"{NORA}/sync/keys",
        f"{NORA}/sync/keys -> {NORA}/sync/keys/*/revoke",
        f"{NORA}/sync/compare",
        f"{NORA}/sync/rehearsal",
        f"{NORA}/from-partners",
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


def begin_draft(site: Site) -> None:
    """NORA's rulebook gets a draft, as a manager begins one."""
    client = site.client("manager")
    token = client.get(RULES).text.split('name="_csrf_token" value="')[1].split('"')[0]
    client.post(DRAFT, data={"_csrf_token": token}).raise_for_status()


async def prepare(dsn: str) -> None:
    """Something to see on every page: invoices in many states, queues, runs, differences."""
    async with context_on(dsn, size=2) as context:
        actor = await manager(context)
        await joined(context, "company", "company", 3, date(2020, 1, 1))
        await days.review(context)
        await limit_link(context, actor, 0)
        for name in ("Vindkast", "Nordlys"):
            await joins(context, actor, name)
        await _invoices(context, actor)
        await _facts(context, actor)
        await with_rules(context)
        await renewal_notices.run(context, actor, "nora-industry-network")
        for year in (2027, 2026):
            run = await renewals.begin(context, actor, Wanted("nora-industry-network", date(year, 1, 1)))
            await renewals.preview(context, run)
        file = csv((*FIRST, "1500", "01.03.2026"), changed(2, "Gull"), SECOND, head=(*HEAD, "Saldo", "Forfall"))
        wanted = await member_imports.upload(context, actor, "nora-industry-network", "medlemmer.csv", file)
        await member_imports.map_columns(context, actor, wanted, None)
        await member_imports.check(context, wanted)
        await shared(context, actor)
        await euro_draft(context, actor)


async def _facts(context: Context, actor: Actor) -> None:
    async with context.db.tx() as connection:
        network = await connection.fetchval("select id from network where slug = 'nora-industry-network'")
    gold = LabelForm("ESCA", level="Gold", issuer="EUCLES", issued_on=date(2025, 3, 1), last_on=date(2027, 2, 28))
    await labels.add(context, actor, network, gold)
    fair = ActivityForm("Fair", on_day=date(2026, 10, 1), international=True, participants="Telenor; 3", others="40")
    await activities.add(context, actor, network, fair)


async def _invoices(context: Context, actor: Actor) -> None:
    part = await bill(context, actor, "Tindeveg Robotics AS")
    day = date(2026, 11, 19)
    await payments.record(context, actor, part.id, 100_000, "NOK", day, "Bilag 12")
    await payments.propose_write_off(context, actor, part.id, 150, "Øreavrunding")
    gone = await bill(context, actor, "Strandlinje Data AS")
    await payments.record(context, actor, gone.id, gone.gross + 1, "NOK", day, "Bilag 13")
    note = await invoices.credit(context, actor, gone.id, Credit("Feil nivå"))
    await draft(context, actor, "Havnes kommune", kind="public_body")
    await draft(context, actor, "Bregne Analyse AS")
    async with context.db.tx() as connection:
        await invoice_links.add(connection, "an-invoice", part.id)
        await invoice_links.add(connection, "a-credit-note", note.id)
        found = [card_rows.Difference("received", "ch_3QxB7unknown", day, 250_000, None, "NOK", part.host)]
        await card_rows.note_differences(connection, "nora", day, day, found, context.clock.now())
