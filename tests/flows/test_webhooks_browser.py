"""Webhooks in Chromium: set up, read how they do, another secret, send again."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from playwright.sync_api import expect

from tests.browser import browser, faults, overflow
from tests.conftest import NOW
from tests.flows.site import NORA, Site, site_on
from tests.postgres import Server

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture: importing it makes it known here

HERE = f"{NORA}/sync"
# As a worker would have left it: taken, failing, and one that waits for its third try.
_SENT = """
with hook as (update webhook set status = 'enabled', failing_since = $1, skew_seconds = 190, delivered_at = $1
    where name = 'Partnerens medlemsregister' returning id), feed as (
    select f.id, f.webhook_id from webhook_feed f join hook on hook.id = f.webhook_id), old as (
    update webhook_delivery d set status = 'delivered' from hook where d.webhook_id = hook.id), message as (
    insert into webhook_delivery (id, webhook_id, feed_id, kind, status, epoch, xid, seq, body, attempts, once,
        send_after, created_at, updated_at)
    select gen_random_uuid(), webhook_id, id, 'members.changed', 'queued', '', 1, 1,
        '{"specversion":"1.0","type":"members.changed","data":{"network":"nora-industry-network"}}', 2, false,
        $1::timestamptz + interval '5 minutes', $1::timestamptz + interval '1 minute', $1 from feed returning id),
quiet as (
    insert into webhook_delivery (id, webhook_id, feed_id, kind, status, attempts, once, send_after, created_at,
        updated_at)
    select gen_random_uuid(), webhook_id, id, 'heartbeat', 'delivered', 0, false, $1, $1, $1
    from feed, generate_series(1, 3))
insert into webhook_attempt (delivery_id, number, started_at, status_code, took_ms, why, answer)
select id, n, $1, case n when 1 then 503 end, case n when 1 then 84 end, case n when 1 then 'status' else 'time' end,
    case n when 1 then 'Service Unavailable: ' || repeat('vedlikehold ', 12) else 'no answer within 15 s' end
from message, generate_series(1, 2) n
"""


async def _sent(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(_SENT, NOW)
    await connection.close()


@pytest.fixture(scope="module")
def site(server: Server, seeded: object) -> Iterator[Site]:
    """With one webhook that has been sent something."""
    with site_on(server, "klynge_webhooks_browser") as served:
        client = served.client("manager")
        page = client.get(HERE).text
        token = page.split('name="_csrf_token" value="')[1].split('"')[0]
        key = page.split('<option value="')[1].split('"')[0]
        form = {"url": "https://crm.partner.example/hooks/klynge", "name": "Partnerens medlemsregister", "key": key}
        assert client.post(f"{HERE}/webhooks", data={"_csrf_token": token, **form}).status_code == 200
        with ThreadPoolExecutor(max_workers=1) as thread:
            thread.submit(asyncio.run, _sent(served.dsn)).result()
        yield served


def test_a_webhook_is_set_up_read_and_given_another_secret(site, browser):
    with site.page(browser, HERE, "manager", language="nb") as page:

        def fine(step: str) -> None:
            expect(page.locator("h1")).to_be_visible()
            assert faults(page) == [], step

        page.locator("#url").fill("https://192.168.1.1/")
        page.locator("main form[action$='/webhooks'] button").click()
        expect(page.locator("#url")).to_have_attribute("aria-invalid", "true")
        fine("refused")
        page.locator("main table a").first.click()
        expect(page.locator("td details code")).to_have_count(1)
        fine("one webhook")
        page.locator("form[action$='/secrets'] button").click()
        expect(page.locator("#secret")).to_contain_text("whsec_")
        assert overflow(page) == 0
        page.locator("form[action$='/retries'] button").last.click()
        expect(page.locator(".toast")).to_be_visible()
        fine("sent again")
