"""The pages: an agreement is made between two systems by two managers, looked after, and ended; nothing by API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from crm.app import state_of
from tests.crm.web.office import send, sign_in, text
from tests.federation.conftest import Two
from tests.federation.two import CLAIRE, HELVE, NORA, System, Wire, decline, organisation, settle

pytestmark = [pytest.mark.anyio, pytest.mark.commits]
AT_A, AT_B = f"/n/{NORA}/setup/systems", f"/n/{CLAIRE}/setup/systems"


class Shared(httpx.ASGITransport):
    """Both systems may be asked in turn, though each answers through an application whose state is set at the time."""

    def __init__(self, system: System) -> None:
        super().__init__(app=system.application, raise_app_exceptions=False)
        self.system = system

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.system.application.state = state_of(self.system.context.settings, self.system.context)
        return await super().handle_async_request(request)


@asynccontextmanager
async def manager_of(system: System) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=Shared(system), base_url=system.url) as client:
        await sign_in(client)
        yield client


async def test_two_managers_make_an_agreement_on_their_pages(strangers: tuple[System, System, Wire]) -> None:
    a, b, _ = strangers
    async with manager_of(a) as nora, manager_of(b) as claire:
        assert "No agreements with other systems." in text(await nora.get(AT_A))
        made = await send(nora, f"{AT_A}/invitations")
        link = made.text.split('id="link">')[1].split("<")[0]
        assert link.startswith("https://a.example/federation/invitations/")
        assert link not in (await nora.get(AT_A)).text
        assert "Waits for an answer to the invitation" in text(await nora.get(AT_A))
        told = await nora.get(link)
        assert told.status_code == 200 and "This link is not for a browser." in text(told)
        wrong = await claire.get(f"{AT_B}/answer", params={"link": "https://a.example/federation"})
        assert wrong.status_code == 422 and "That is no invitation" in text(wrong)
        read = await claire.get(f"{AT_B}/answer", params={"link": link})
        assert "NORA Industry Network at https://a.example wants its members" in text(read)
        nothing = await send(claire, f"{AT_B}/answer", link=link, starts_on="2026-11-22")
        assert nothing.status_code == 422 and "Choose what at least one level gives" in text(nothing)
        terms = {"link": link, "starts_on": "2026-11-22", "level_principal": "member", "purpose": "Dual membership"}
        sent = await send(claire, f"{AT_B}/answer", **terms)
        assert sent.status_code == 303
        code = sent.headers["location"].split("/")[-1].split("?")[0]
        assert "waits for the other network" in text(await claire.get(sent.headers["location"]))
        await settle(a, b, code)
        shown = text(await nora.get(f"{AT_A}/{code}"))
        assert "Waits for your signature." in shown and "Dual membership" in shown
        stale = await send(nora, f"{AT_A}/{code}/words", word="signed", terms="0" * 64)
        assert "others than those that were read" in text(stale)
        hashed = (await a.agreement(code)).agreed.hash
        assert (await send(nora, f"{AT_A}/{code}/words", word="signed", terms=hashed)).status_code == 303
        await settle(a, b, code)
        assert HELVE in text(await nora.get(f"{AT_A}/{code}"))
        assert "3 organisations wait for you to say who they are." in text(await claire.get(AT_B))
        assert HELVE in await b.linked(code)


async def test_a_manager_looks_after_an_agreement_and_ends_it(two: Two) -> None:
    async with manager_of(two.a) as nora, manager_of(two.b) as claire:
        compared = await send(nora, f"{AT_A}/{two.code}/comparisons")
        assert "both systems have the same records" in text(await nora.get(compared.headers["location"]))
        key, known = await organisation(two.a, "SINTEF"), await organisation(two.b, "SINTEF")
        page = await claire.get(f"{AT_B}/{two.code}/organisations/{key}")
        assert "looks alike" in text(page) and str(known) in page.text and "Their offer" in text(page)
        pointed = await send(claire, f"{AT_B}/{two.code}/organisations/{key}", organisation=str(known))
        assert "The organisation is known now." in text(await claire.get(pointed.headers["location"]))
        assert "SINTEF" in await two.b.linked(two.code)
        again = await send(claire, f"{AT_B}/{two.code}/organisations/{key}", organisation="new")
        assert again.status_code == 422
        await decline(two, HELVE)
        await settle(two.a, two.b, two.code)
        helve = await organisation(two.a, HELVE)
        shown = text(await nora.get(f"{AT_A}/{two.code}/organisations/{helve}"))
        assert "has left" in shown and "Not a linked member today." in shown
        two.wire.lost = True
        failed = await send(nora, f"{AT_A}/{two.code}/comparisons")
        assert failed.status_code == 422 and "did not answer as it should" in text(failed)
        assert "has not answered as it should since" in text(await nora.get(AT_A))
        two.wire.lost = False
        assert (await send(nora, f"{AT_A}/{two.code}/secrets")).status_code == 303
        local = await nora.get(f"/n/{NORA}/setup/agreements")
        assert f"{AT_A}/{two.code}" in local.text
        refused = await send(nora, f"/n/{NORA}/setup/agreements/{two.code}", last_day="2026-12-31", on_end="end_links")
        assert refused.status_code == 422 and "This agreement is with another system." in text(refused)
        ended = await send(nora, f"{AT_A}/{two.code}/words", word="terminated")
        assert ended.status_code == 303
        await settle(two.a, two.b, two.code)
        assert "for good" in text(await claire.get(AT_B))
        assert await two.b.linked(two.code) == {}


async def test_other_networks_and_other_peoples_agreements_are_not_found(two: Two) -> None:
    elsewhere = f"/n/{CLAIRE}/setup/systems/{two.code}"
    async with manager_of(two.a) as nora:
        for path in (elsewhere, f"{AT_A}/fed-0000000000", f"{AT_A}/{two.code}/organisations/x"):
            assert (await nora.get(path)).status_code == 404
        for path in ("words", "comparisons", "secrets"):
            assert (await send(nora, f"{elsewhere}/{path}", word="signed")).status_code == 404
