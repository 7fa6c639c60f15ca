"""Accept and decline by the API: what was declined stays declined, what waits is accepted, taken back; items 10, 11."""

from typing import Any

import httpx
import pytest

from crm.actions import verify
from crm.context import Context
from tests.crm.actions.test_payments import rewritten
from tests.crm.api.support import CLAIRE, NORA, V1, approved, memberships, wrong

pytestmark = pytest.mark.anyio
Headers = dict[str, str]
RULE = "principal-joins-claire"


def word(answer: str, on: str = "2027-03-01", **changes: str) -> dict[str, str]:
    return {"network": NORA, "rule": RULE, "answer": answer, "on": on, **changes}


async def given(client: httpx.AsyncClient, headers: Headers, organisation: str, **form: Any) -> dict[str, Any]:
    answer = await client.post(f"{V1}/organisations/{organisation}/link-answers", json=form, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_item_10_declined_stays_declined_whatever_happens_later(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent, made = await approved(client, manager_headers, "2027-03-01")
    organisation = sent["organisation_id"]
    seen = await client.post(
        f"{V1}/organisations/{organisation}/link-answers/preview", json=word("declined"), headers=manager_headers
    )
    assert seen.status_code == 200
    assert {c["network"] for c in seen.json()["consequences"] if c["type"].endswith("_grant")} == {CLAIRE}
    await given(client, manager_headers, organisation, **word("declined"))
    path = f"{V1}/memberships/{made['memberships'][0]['id']}/tier-changes"
    for tier, on in (("partner", "2027-06-01"), ("principal", "2027-09-01")):
        assert (await client.post(path, json={"tier": tier, "effective_on": on}, headers=manager_headers)).is_success
    assert set(await memberships(client, manager_headers, organisation, as_of="2027-10-01")) == {NORA}
    assert await verify.run(context) == []


async def test_what_was_declined_is_taken_back_or_accepted_again(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    sent, _ = await approved(client, manager_headers, "2027-03-01")
    organisation = sent["organisation_id"]
    declined = await given(client, manager_headers, organisation, **word("declined", "2027-06-01"))
    stands = await memberships(client, manager_headers, organisation)
    assert stands[CLAIRE]["ends_on"] == "2027-06-01"
    again = await client.delete(f"{V1}/link-answers/{declined['id']}", headers=manager_headers)
    assert again.status_code == 200
    assert (await memberships(client, manager_headers, organisation))[CLAIRE]["ends_on"] is None
    assert wrong(await client.delete(f"{V1}/link-answers/{declined['id']}", headers=manager_headers), 404)
    await given(client, manager_headers, organisation, **word("declined", "2027-06-01"))
    await given(client, manager_headers, organisation, **word("accepted", "2027-09-01"))
    assert CLAIRE not in await memberships(client, manager_headers, organisation, as_of="2027-08-31")
    assert CLAIRE in await memberships(client, manager_headers, organisation, as_of="2027-09-01")
    listed = await client.get(f"{V1}/organisations/{organisation}/link-answers", headers=manager_headers)
    assert [item["answer"] for item in listed.json()["items"]] == ["accepted", "declined"]
    assert await verify.run(context) == []


async def test_item_11_the_target_decides_and_accepts(
    client: httpx.AsyncClient, manager_headers: Headers, context: Context
) -> None:
    await rewritten(context, policy={"acceptance": "target_decides"})
    sent, _ = await approved(client, manager_headers, "2027-03-01")
    organisation = sent["organisation_id"]
    assert set(await memberships(client, manager_headers, organisation)) == {NORA}
    asked = {"as_of": "2027-03-01"}
    why = await client.get(f"{V1}/organisations/{organisation}/link-rules", params=asked, headers=manager_headers)
    assert [item["held_back"] for item in why.json()["items"]] == ["acceptance"]
    done = await given(client, manager_headers, organisation, **word("accepted"))
    assert [m["network"] for m in done["memberships"]] == [CLAIRE]
    async with context.db.tx() as connection:
        kinds = {row["kind"] for row in await connection.fetch("select kind from mail order by created_at desc")}
    assert "linked_membership_accepted" in kinds


async def test_bad_words_are_named_and_nothing_is_stored(
    client: httpx.AsyncClient, manager_headers: Headers, partner_keys: dict[str, str], context: Context
) -> None:
    sent, _ = await approved(client, manager_headers, "2027-03-01")
    path = f"{V1}/organisations/{sent['organisation_id']}/link-answers"
    for form, status, field in (
        (word("declined", rule="nothing"), 404, "rule"),
        (word("declined", network="nowhere"), 404, "network"),
        (word("declined", "1999-01-01"), 422, "on"),
        (word("perhaps"), 422, "answer"),
    ):
        assert wrong(await client.post(path, json=form, headers=manager_headers), status)[0][0] == field, form
    partner = {"authorization": f"Bearer {partner_keys[CLAIRE]}"}
    assert (await client.post(path, json=word("declined"), headers=partner)).status_code == 403
    stranger = {"authorization": f"Bearer {partner_keys['sin-applied-ai']}"}
    assert (await client.post(path, json=word("declined"), headers=stranger)).status_code in (403, 404)
    async with context.db.tx() as connection:
        assert await connection.fetchval("select count(*) from link_answer") == 0
    first = await client.post(path, json=word("declined"), headers=manager_headers)
    assert first.status_code == 201
    assert wrong(await client.post(path, json=word("declined"), headers=manager_headers), 422) == [
        ("answer", "answer_same")
    ]
