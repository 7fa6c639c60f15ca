"""The life of an agreement between two systems: invited, signed, left by members, lapsed, ended; who is not heard."""

from datetime import timedelta

import httpx
import msgspec
import pytest

from cluster_rules.networks import Rulebook
from crm.actions import answers, federation_exchange, verify
from crm.actions import federation as actions
from crm.app import state_of
from crm.clock import FixedClock
from crm.errors import NotFound
from crm.gateways.federation import PeerFailed
from crm.store import imports
from tests.conftest import NOW
from tests.federation.conftest import Two
from tests.federation.two import (
    CLAIRE,
    HELVE,
    NORA,
    RULES,
    System,
    Wire,
    agree,
    answer,
    decline,
    end,
    organisation,
    settle,
    today,
)

pytestmark = [pytest.mark.anyio, pytest.mark.commits]


async def test_a_member_who_left_comes_back_by_a_fresh_offer_only(two: Two) -> None:
    await decline(two, HELVE)
    await settle(two.a, two.b, two.code)
    assert HELVE not in await two.b.linked(two.code)
    assert HELVE not in await two.a.linked(two.code)
    key = str(await organisation(two.a, HELVE))
    assert (await two.a.registers(two.code))["decision", key].state == "left"
    await two.a.fetch("update organisation set website = 'https://new.example' where name = $1", HELVE)
    await federation_exchange.turn(two.a.context, two.code)
    await settle(two.a, two.b, two.code)
    assert (await two.b.registers(two.code))["offer", key].version == 2
    assert HELVE not in await two.b.linked(two.code)
    await end(two, HELVE)
    await federation_exchange.turn(two.a.context, two.code)
    await settle(two.a, two.b, two.code)
    assert (await two.b.registers(two.code))["offer", key].state == "withdrawn"


async def test_a_partner_that_is_never_heard_of_again_ends_as_stale(two: Two) -> None:
    later = msgspec.structs.replace(two.b.context, clock=FixedClock(NOW + timedelta(days=46)))
    await federation_exchange.turn(later, two.code)
    gone = System(later, two.b.application, CLAIRE)
    assert await gone.linked(two.code) == {}
    await federation_exchange.turn(two.b.context, two.code)  # heard of again: matched, and fresh
    assert await two.b.linked(two.code)


async def test_where_the_receiving_network_decides_nobody_is_a_member_before_it_has(
    strangers: tuple[System, System, Wire],
) -> None:
    """peers.md 2.5 item 11, between systems: on both sides it waits, and it begins with the acceptance."""
    a, b, wire = strangers
    code = await agree(a, b, today(a), (("principal", "member"),), acceptance="target_decides")
    two = Two(a, b, wire, code)
    assert await a.linked(code) == {} == await b.linked(code)
    key = str(await organisation(a, HELVE))
    waiting = (await b.registers(code))["decision", key]
    assert (waiting.state, waiting.body) == ("held", {"reason": "waiting"})
    network = next(iter(await b.fetch("select id from network where slug = $1", CLAIRE)))["id"]
    listed = await answers.waiting(b.context, b.actor, network)
    assert HELVE in {each.name for each in listed if each.rule.startswith(code)}
    await answer(two, HELVE, "accepted")
    assert await b.linked(code) == {HELVE: "member"}
    assert await a.linked(code) == {}
    await settle(a, b, code)
    assert await a.linked(code) == {HELVE: "member"}
    await answer(two, HELVE, "declined")
    await settle(a, b, code)
    assert await a.linked(code) == {} == await b.linked(code)
    assert (await a.registers(code))["decision", key].state == "left"


async def test_members_under_older_rules_keep_them_when_an_agreement_begins(
    strangers: tuple[System, System, Wire],
) -> None:
    """A version that was for new members only does not come over the others with the agreement's link rule."""
    a, b, _ = strangers
    newest = await a.book(NORA)
    body = msgspec.to_builtins(newest) | {"version": newest.version + 1, "effective_from_existing": None}
    async with a.context.db.tx() as connection:
        book = msgspec.convert(body, Rulebook)
        await imports.add_rulebook(connection, book, msgspec.to_builtins(book), a.actor)
    code = await agree(a, b, today(a), (("principal", "member"),))
    made = await a.book(NORA)
    assert (made.version, made.effective_from_existing) == (newest.version + 2, None)
    assert {rule.agreement for rule in made.link_rules} >= {code}
    assert await a.linked(code) == {} == await b.linked(code)


async def told(system: System) -> list[str]:
    """What one of the two managers is told, in English."""
    rows = await system.fetch("select body_text from mail where kind = 'federation_news' and language = 'en'")
    return [row["body_text"] for row in rows]


async def test_managers_hear_of_what_happens_to_an_agreement_and_once_a_day_of_trouble(two: Two) -> None:
    said = await told(two.a)
    assert len(said) == 2 and not any("has not answered" in each or "had newer" in each for each in said)
    two.wire.lost = True
    for _ in range(12):
        with pytest.raises(PeerFailed):
            await federation_exchange.check(two.a.context, two.code, RULES)
    assert len(await told(two.a)) == 3
    two.wire.lost = False
    await federation_exchange.check(two.a.context, two.code, RULES)
    assert (await two.a.agreement(two.code)).attempts == 0
    await actions.say(two.b.context, two.b.actor, two.code, "suspended")
    await settle(two.a, two.b, two.code)
    assert len(await told(two.a)) == 4


async def test_an_ended_agreement_ends_everything_for_good(two: Two) -> None:
    await actions.say(two.b.context, two.b.actor, two.code, "terminated")
    assert await two.b.linked(two.code) == {}
    await settle(two.a, two.b, two.code)
    assert (await two.a.agreement(two.code)).standing == "terminated"
    assert await two.a.linked(two.code) == {}
    with pytest.raises(Exception, match="agreement_over"):
        await actions.say(two.a.context, two.a.actor, two.code, "signed")


async def test_an_invitation_is_for_one_system_and_one_week(strangers: tuple[System, System, Wire]) -> None:
    a, b, wire = strangers
    invited = await actions.invite(a.context, a.actor, NORA)
    assert (await actions.look(b.context, b.actor, CLAIRE, invited.link, RULES)).code == invited.code
    with pytest.raises(Exception, match="invitation_link"):
        await actions.look(b.context, b.actor, CLAIRE, invited.link[:-4] + "????", RULES)
    with pytest.raises(NotFound):
        await actions.look(b.context, b.actor, "nobody", invited.link, RULES)
    late = msgspec.structs.replace(a.context, clock=FixedClock(NOW + timedelta(days=8)))
    wire.systems[a.url] = System(late, a.application, NORA)
    with pytest.raises(Exception, match="peer_failed"):
        await actions.look(b.context, b.actor, CLAIRE, invited.link, RULES)


async def test_who_has_not_signed_is_not_heard(two: Two) -> None:
    response = await _post(two.b, f"/agreements/{two.code}/digest", b"{}")
    assert response.status_code == 401
    response = await _post(two.b, "/agreements/fed-0000000000/digest", b"{}")
    assert response.status_code == 401


async def _post(system: System, path: str, content: bytes) -> httpx.Response:
    system.application.state = state_of(system.context.settings, system.context)
    kind = {"content-type": "application/json"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=system.application), base_url=system.url) as client:
        return await client.post("/api/v1/federation" + path, content=content, headers=kind)


async def test_what_is_stored_on_both_sides_is_what_the_facts_give(two: Two) -> None:
    """`crm verify` on both, as it was agreed, and after members have left, declined and the agreement was ended."""
    for system in (two.a, two.b):
        assert await verify.run(system.context) == []
    key = await organisation(two.a, "Fjordsyn Helse")
    forged = "update federated_register set state = 'declined' where register = 'decision' and key = $1"
    await two.b.fetch(forged, str(key))
    assert {each.check for each in await verify.run(two.b.context)} == {"federation_hash", "federation_effective"}
    await two.b.fetch(forged.replace("declined", "accepted"), str(key))
    await end(two, HELVE)
    await decline(two, "Havlinje Rederi")
    await settle(two.a, two.b, two.code)
    await actions.say(two.a.context, two.a.actor, two.code, "terminated")
    await settle(two.a, two.b, two.code)
    for system in (two.a, two.b):
        assert await verify.run(system.context) == []


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 5), (1, 300), (8, 86_400), (50, 86_400)])
def test_a_system_that_does_not_answer_is_asked_by_the_schedule(attempts: int, seconds: int) -> None:
    for _ in range(20):
        wait = federation_exchange.wait_of(attempts, PeerFailed("unreachable", "nobody")).total_seconds()
        assert seconds <= wait < seconds * 1.2
    said = federation_exchange.wait_of(attempts, PeerFailed("refused", "busy", 503, timedelta(seconds=70)))
    assert 70 <= said.total_seconds() < 84
    assert federation_exchange.wait_of(0, PeerFailed("refused", "gone", 410)) == timedelta(days=1)


async def test_nobody_can_apply_to_a_network_that_another_system_runs(two: Two, manager_key: str) -> None:
    """It is known by its slug, but is on no list of networks, and its members are not decided about here."""
    (mirror,) = await two.b.fetch("select slug from network where instance <> ''")
    two.b.application.state = state_of(two.b.context.settings, two.b.context)
    transport = httpx.ASGITransport(app=two.b.application)
    headers = {"authorization": f"Bearer {manager_key}"}
    async with httpx.AsyncClient(transport=transport, base_url=two.b.url, headers=headers) as client:
        listed = (await client.get("/api/v1/networks?limit=1000")).json()["items"]
        assert mirror["slug"] not in {each["slug"] for each in listed}
        assert CLAIRE in {each["slug"] for each in listed}
        organisation = {"name": "New AS", "country": "NO", "kind": "company"}
        contact = {"name": "Kari", "email": "kari@new.example"}
        form = {"network": mirror["slug"], "tier": "principal", "organisation": organisation, "contact": contact}
        refused = await client.post("/api/v1/applications", json=form)
        assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (422, "network_unknown")
        for path in ("/", "/networks"):
            assert mirror["slug"] not in (await client.get(path)).text
