"""Late payment by API: the plan, the run (once), pauses, claims for a collector; each with its wall."""

from datetime import timedelta

import httpx
import pytest

from crm.actions import dunning, payments
from crm.actor import Actor
from crm.app import create_app
from crm.context import Context
from tests.crm.api.support import V1
from tests.crm.billing import NETWORK, Bill
from tests.crm.dunning import DUE, at, late_bill, value, with_ladder

pytestmark = pytest.mark.anyio
OF_NETWORK = f"{V1}/networks/{NETWORK}/dunning"


def client_at(context: Context, days: int) -> httpx.AsyncClient:
    then = at(context, days)
    transport = httpx.ASGITransport(app=create_app(then.settings, then), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=then.settings.base_url)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["rule"]


async def late(context: Context, actor: Actor) -> Bill:
    await with_ladder(context)
    return await late_bill(context, actor)


async def test_the_plan_says_what_a_run_does_and_the_run_does_it_once(
    context: Context, actor: Actor, manager_headers: dict[str, str]
) -> None:
    mine = await late(context, actor)
    async with client_at(context, 14) as client:
        plan = (await client.get(OF_NETWORK, headers=manager_headers)).json()
        (due,) = plan["due"]
        assert (due["invoice_id"], due["step"], due["blocked"]) == (str(mine.id), "reminder-1", None)
        assert due["total"] == {"amount": mine.gross + 35_00, "currency": "NOK"}
        assert due["claims"][0]["what"] == "reminder_fee"
        first = await client.post(f"{OF_NETWORK}/runs", json={}, headers=manager_headers)
        again = await client.post(f"{OF_NETWORK}/runs", json={}, headers=manager_headers)
        assert first.json()["letters"] == {"reminder": 1} and again.json()["letters"] == {}
        assert (await client.get(OF_NETWORK, headers=manager_headers)).json()["due"] == []


async def test_a_plan_of_a_later_day_is_shown_and_a_run_is_not_made(
    context: Context, actor: Actor, manager_headers: dict[str, str]
) -> None:
    await late(context, actor)
    later = (DUE + timedelta(days=14)).isoformat()
    async with client_at(context, 1) as client:
        plan = await client.get(OF_NETWORK, params={"on": later}, headers=manager_headers)
        assert [each["step"] for each in plan.json()["due"]] == ["reminder-1"]
        refused = await client.post(f"{OF_NETWORK}/runs", json={"on": later}, headers=manager_headers)
        assert problem(refused) == (422, "date_out_of_range")
    assert await value(context, "select count(*) from dunning_step") == 0


async def test_a_pause_by_api(context: Context, actor: Actor, manager_headers: dict[str, str]) -> None:
    mine = await late(context, actor)
    path = f"{V1}/invoices/{mine.id}/dunning-pause"
    async with client_at(context, 14) as client:
        wrong = await client.post(path, json={"reason": ""}, headers=manager_headers)
        assert wrong.status_code in (400, 422)
        made = await client.post(path, json={"reason": "Avtalt"}, headers=manager_headers)
        assert made.json() == {"invoice_id": str(mine.id), "paused": True, "until": None, "reason": "Avtalt"}
        plan = (await client.get(OF_NETWORK, headers=manager_headers)).json()
        assert plan["due"] == [] and plan["paused"][0]["reason"] == "Avtalt"
        assert (await client.delete(path, headers=manager_headers)).json()["paused"] is False
        again = await client.delete(path, headers=manager_headers)
        assert problem(again) == (409, "not_paused")


async def test_a_claim_for_a_collector_leaves_the_list_when_it_is_paid(
    context: Context, actor: Actor, manager_headers: dict[str, str]
) -> None:
    mine = await late(context, actor)
    for day in (14, 30, 45):
        await dunning.run(at(context, day), actor, NETWORK)
    for word, day in (("decline", 45), ("carry_out", 61)):
        await dunning.run(at(context, day), actor, NETWORK)
        step = await value(context, "select id from dunning_step where outcome = 'waiting'")
        await dunning.decide(at(context, day), actor, step, word)
    async with client_at(context, 62) as client:
        (claim,) = (await client.get(f"{OF_NETWORK}/collector", headers=manager_headers)).json()["items"]
        assert claim["owed"]["amount"] == mine.gross + 35_00 and claim["claims"]["amount"] == 35_00
        assert claim["notice_on"] < claim["notice_until"] < claim["sent_on"]
        on = DUE + timedelta(days=62)
        await payments.record(at(context, 62), actor, mine.id, mine.gross + 35_00, "NOK", on, "Betalt")
        assert (await client.get(f"{OF_NETWORK}/collector", headers=manager_headers)).json()["items"] == []


async def test_who_does_not_manage_the_network_sees_nothing(
    context: Context, actor: Actor, client: httpx.AsyncClient, partner_keys: dict[str, str]
) -> None:
    mine = await late(context, actor)
    for key in partner_keys.values():
        headers = {"authorization": f"Bearer {key}"}
        for answer in (
            await client.get(OF_NETWORK, headers=headers),
            await client.post(f"{OF_NETWORK}/runs", json={}, headers=headers),
            await client.get(f"{OF_NETWORK}/collector", headers=headers),
            await client.post(f"{V1}/invoices/{mine.id}/dunning-pause", json={"reason": "x"}, headers=headers),
        ):
            assert answer.status_code in (403, 404), answer.text
    assert await value(context, "select count(*) from dunning_pause") == 0


async def test_a_network_without_steps_says_so(
    client: httpx.AsyncClient, context: Context, manager_headers: dict[str, str]
) -> None:
    await with_ladder(context, ())
    answer = await client.get(OF_NETWORK, headers=manager_headers)
    assert problem(answer) == (422, "dunning_missing")


async def test_a_suspension_is_decided_by_api_once(
    context: Context, actor: Actor, manager_headers: dict[str, str], partner_keys: dict[str, str]
) -> None:
    await late(context, actor)
    for days in (14, 30, 45):
        await dunning.run(at(context, days), actor, NETWORK)
    async with client_at(context, 46) as client:
        (waiting,) = (await client.get(OF_NETWORK, headers=manager_headers)).json()["decisions"]
        path, word = f"{V1}/dunning-steps/{waiting['id']}/decision", {"word": "carry_out", "note": "Ringt to ganger"}
        partner = {"Authorization": f"Bearer {partner_keys['claire-innovation-network']}"}
        assert (await client.post(path, json=word, headers=partner)).status_code in (403, 404)
        unsaid = await client.post(path, json={"word": "perhaps"}, headers=manager_headers)
        assert unsaid.status_code in (400, 422)
        made = await client.post(path, json=word, headers=manager_headers)
        assert made.status_code in (200, 201) and len(made.json()["suspensions"]) == 1
        again = await client.post(path, json=word, headers=manager_headers)
        assert problem(again) == (409, "dunning_decided")
        assert (await client.get(OF_NETWORK, headers=manager_headers)).json()["decisions"] == []
    held = "select count(*) from membership_decision where kind = 'suspension' and id = $1"
    assert await value(context, held, made.json()["suspensions"][0]) == 1
