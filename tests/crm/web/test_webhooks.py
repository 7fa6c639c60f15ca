"""Webhooks in the office: set up with a key, the secret once, one sentence each, the log, send again, stop, remove."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from crm.actions import webhook_deliveries
from crm.context import Context
from crm.settings import Settings
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, send, sign_in, text
from tests.receiver import PATIENT, Receiver, receiving

pytestmark = pytest.mark.anyio

HOOKS = f"{NORA}/sync/webhooks"
URL = "https://crm.partner.example/hooks"
VIEWER = "leser@klynge.example"
_KEY = "select k.id from api_key k join network n on n.id = k.network_id where n.slug = 'nora-industry-network'"


class Desk:
    """A manager's browser, a webhook that goes to a receiver on loopback, and a worker by hand."""

    def __init__(self, client: httpx.AsyncClient, context: Context, receiver: Receiver) -> None:
        self.client, self.receiver = client, receiver
        self.context = Context(context.db, context.clock, Settings(development=True, outgoing_loopback=True))
        self.here = ""

    async def key(self) -> str:
        async with self.context.db.tx() as connection:
            return str(await connection.fetchval(_KEY))

    async def set_up(self) -> httpx.Response:
        answer = await send(self.client, HOOKS, url=URL, name="Partners CRM", key=await self.key())
        assert answer.status_code == 200, answer.text
        async with self.context.db.tx() as connection:
            hook = await connection.fetchval("update webhook set url = $1 returning id", self.receiver.url)
        self.here = f"{HOOKS}/{hook}"
        return answer

    async def work(self) -> None:
        self.context.clock.moment += timedelta(seconds=6)  # type: ignore[attr-defined]
        async with self.context.db.tx() as connection:
            rows = await connection.fetch("select id from webhook_delivery where status in ('queued', 'sending')")
        for row in rows:
            await webhook_deliveries.send(self.context, row["id"], PATIENT)

    async def page(self) -> str:
        return text(await self.client.get(self.here))

    async def changed(self) -> None:
        async with self.context.db.tx() as connection:
            await connection.execute("update webhook_feed set xid = 0, seq = 0")
        await webhook_deliveries.tell(self.context, PATIENT)


@pytest.fixture
async def desk(client: httpx.AsyncClient, context: Context) -> AsyncIterator[Desk]:
    await sign_in(client)
    async with receiving() as receiver:
        yield Desk(client, context, receiver)


async def test_a_manager_sets_up_a_webhook_and_sees_its_secret_once(desk: Desk) -> None:
    assert "No system is told." in text(await desk.client.get(f"{NORA}/sync"))
    made = await desk.set_up()
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]{44}", made.text)
    assert made.headers["cache-control"] == "no-store"
    assert "until it is answered, it is told nothing" in text(made)
    assert secret not in await desk.page()
    await desk.work()
    await desk.work()
    shown = await desk.page()
    assert "Enabled" in shown and "It answers; the last message was taken" in shown
    assert "First message" in shown and "News of changes · NORA Industry Network" in shown and "204" in shown
    listed = text(await desk.client.get(f"{NORA}/sync"))
    assert "Partners CRM" in listed and "It answers" in listed


async def test_in_norwegian(desk: Desk) -> None:
    await desk.set_up()
    await desk.work()
    desk.client.cookies.set("lang", "nb")
    shown, listed = await desk.page(), text(await desk.client.get(f"{NORA}/sync"))
    assert "Den svarer; den siste meldingen ble tatt imot" in shown and "Første melding" in shown
    assert "Systemer som får beskjed om endringer" in listed and "Sett opp en webhook" in listed
    for english in ("Another secret", "What was sent", "Remove it", "Set up", "Send again"):
        assert english not in shown + listed


async def test_what_is_wrong_stands_at_its_field(desk: Desk) -> None:
    for url, said in (
        ("http://crm.partner.example/", "must begin with https://"),
        ("https://192.168.1.1/", "not on the public internet"),
        ("https://crm.partner.example:8443/", "This port cannot be called"),
    ):
        answer = await send(desk.client, HOOKS, url=url, name="", key=await desk.key())
        assert answer.status_code == 422 and said in text(answer) and f'value="{url}"' in answer.text
    for key in ("", "nothing", str(UUID(int=1))):
        assert (await send(desk.client, HOOKS, url=URL, name="", key=key)).status_code in (404, 422)


async def test_how_it_does_is_one_sentence(desk: Desk) -> None:
    await desk.set_up()
    await desk.work()
    await desk.work()
    desk.receiver.answers = ["503 Closed"]
    await desk.changed()
    await desk.work()
    shown = await desk.page()
    assert "It has taken no message since" in shown and "503" in shown and "Next try" in shown
    desk.receiver.answers = ["410 Gone"]
    await desk.work()
    assert "its address says that nothing is wanted there any more" in await desk.page()
    resumed = await send(desk.client, f"{desk.here}/resume")
    assert resumed.status_code == 303
    assert "A first message is on its way." in text(await desk.client.get(resumed.headers["location"]))
    theirs = desk.context.clock.now() + timedelta(minutes=7)
    desk.receiver.answers = [f"204 OK\nDate: {theirs.strftime('%a, %d %b %Y %H:%M:%S GMT')}"]
    await desk.work()
    shown = await desk.page()
    assert "Enabled" in shown and "Its clock is 7 minutes ahead." in shown


async def test_send_again_stop_change_over_and_remove(desk: Desk) -> None:
    await desk.set_up()
    await desk.work()
    await desk.work()
    retries = f"{desk.here}/deliveries/{desk.receiver.heard[1].id}/retries"
    assert retries in (await desk.client.get(desk.here)).text
    assert (await send(desk.client, retries)).status_code == 303
    await desk.work()
    assert desk.receiver.heard[2].id == desk.receiver.heard[1].id
    changed = await send(desk.client, f"{desk.here}/secrets", hours="168")
    assert changed.status_code == 200 and "whsec_" in changed.text and "valid until 29 Nov 2026" in text(changed)
    assert (await send(desk.client, f"{desk.here}/pause")).status_code == 303
    assert "Stopped by a person." in await desk.page()
    refused = await send(desk.client, retries)
    assert refused.status_code == 409 and "Nothing is sent while the webhook is not enabled." in text(refused)
    removed = await send(desk.client, f"{desk.here}/removal")
    assert "The webhook is removed." in text(await desk.client.get(removed.headers["location"]))
    assert (await desk.client.get(desk.here)).status_code == 404


async def test_a_revoked_key_is_said_and_cannot_be_tried(desk: Desk) -> None:
    await desk.set_up()
    async with desk.context.db.tx() as connection:
        await connection.execute("update api_key set revoked_at = now() where id = $1", UUID(await desk.key()))
    await desk.work()
    shown = await desk.client.get(desk.here)
    assert "Stopped: its key is revoked." in text(shown) and f"{desk.here}/resume" not in shown.text
    refused = await send(desk.client, f"{desk.here}/resume")
    assert refused.status_code == 409 and "The key of this webhook is revoked." in text(refused)


async def test_another_networks_manager_knows_nothing_of_it(desk: Desk) -> None:
    await desk.set_up()
    await sign_in(desk.client, CLAIRE_ONLY)
    for place in (desk.here, desk.here.replace(NORA, CLAIRE)):
        assert (await desk.client.get(place)).status_code == 404
    for act in ("pause", "resume", "secrets", "removal"):
        assert (await send(desk.client, f"{desk.here.replace(NORA, CLAIRE)}/{act}")).status_code == 404
    assert "No system is told." in text(await desk.client.get(f"{CLAIRE}/sync"))


async def test_who_only_reads_here_sees_how_it_does_and_changes_nothing(desk: Desk) -> None:
    await desk.set_up()
    await desk.work()
    for place in (f"{NORA}/sync", desk.here):
        assert HOOKS in _actions((await desk.client.get(place)).text)
    await sign_in(desk.client, VIEWER)
    for place in (f"{NORA}/sync", desk.here):
        shown = await desk.client.get(place)
        assert shown.status_code == 200 and "Partners CRM" in shown.text and HOOKS not in _actions(shown.text)
    for act in ("pause", "resume", "secrets", "removal"):
        assert (await send(desk.client, f"{desk.here}/{act}")).status_code == 403


def _actions(page: str) -> str:
    return " ".join(re.findall(r'<form[^>]* action="([^"]*)"', page))
