"""T3 through the database, the API and the pages: an award makes a partner a principal partner and locks it in."""

from datetime import date
from uuid import UUID

import httpx
import pytest

from cluster_rules.errors import RuleViolation
from crm.actions import memberships, verify
from crm.actions.memberships import Change
from crm.actor import Actor
from crm.context import Context
from tests.crm.actions.test_shapes import grants, kinds, membership, next_version, publish
from tests.crm.web.office import NORA, count, send, sign_in, text

pytestmark = pytest.mark.anyio

INDUSTRY, CLAIRE = "nora-industry-network", "claire-innovation-network"
UPGRADE = {
    "event": "grant_awarded",
    "names": {"nb": "Tilskudd innvilget", "en": "Grant awarded"},
    "to": "principal",
    "lock_in": "event_end",
}
AWARD = Change("event", date(2027, 2, 1), event="grant_awarded", until=date(2029, 1, 1), reason="Call 2")


@pytest.fixture
async def partner(context: Context, actor: Actor) -> tuple[str, UUID]:
    """A Norwegian company that is partner, where an award makes partners principal partners."""
    document = next_version(INDUSTRY)
    (level,) = (t for t in document["tiers"] if t["code"] == "partner")
    level["upgrades"] = [UPGRADE]
    await publish(context, actor, document)
    async with context.db.tx() as connection:
        name = await connection.fetchval(
            "select o.name from organisation o join membership_period p on p.organisation_id = o.id"
            " join network n on n.id = p.network_id join organisation_profile f on f.organisation_id = o.id"
            " where n.slug = $1 and p.tier = 'partner' and p.ends_on is null and p.superseded_at is null"
            " and f.kind = 'company' and f.country = 'NO' and p.origin = 'direct' order by o.name limit 1",
            INDUSTRY,
        )
    return name, await membership(context, name, INDUSTRY)


async def test_t3_an_award_upgrades_links_and_locks_in(
    context: Context, actor: Actor, partner: tuple[str, UUID]
) -> None:
    name, wanted = partner
    made = await memberships.make(context, actor, wanted, AWARD)
    own = sorted((g[1], g[2]) for g in await grants(context, name, INDUSTRY))
    assert own[-1] == ("grant_awarded", date(2027, 2, 1))
    assert ("linked", "principal-joins-claire") in kinds(await grants(context, name, CLAIRE))
    assert await count(context, "select count(*) from mail where kind = 'membership_event'") >= 1
    assert await verify.run(context) == []

    with pytest.raises(RuleViolation) as refused:
        await memberships.make(context, actor, wanted, Change("ending", date(2028, 1, 1)))
    assert (refused.value.code, refused.value.params) == ("locked_in", {"until": date(2029, 1, 1)})

    await memberships.take_back(context, actor, wanted, made.decision)
    assert [g[1] for g in await grants(context, name, INDUSTRY)] == [""]
    assert ("linked", "principal-joins-claire") not in kinds(await grants(context, name, CLAIRE))
    kept = "select count(*) from membership_decision where kind = 'event' and withdrawn_at is not null"
    assert await count(context, kept) == 1
    await memberships.make(context, actor, wanted, Change("ending", date(2028, 1, 1)))
    assert await verify.run(context) == []


async def test_t3_by_api(client: httpx.AsyncClient, manager_headers: dict[str, str], partner: tuple[str, UUID]) -> None:
    here = f"/api/v1/memberships/{partner[1]}/events"
    body = {"event": "grant_awarded", "effective_on": "2027-02-01", "until": "2029-01-01"}
    preview = await client.post(f"{here}/preview", json=body, headers=manager_headers)
    assert preview.status_code == 200
    assert any("Hovedpartner" in each or "Principal partner" in each for each in preview.json()["words"])
    wrong = await client.post(here, json=body | {"event": "moon_landing"}, headers=manager_headers)
    assert (wrong.status_code, wrong.json()["errors"][0]["rule"]) == (422, "event_unknown")
    assert wrong.json()["errors"][0]["field"] == "event"
    made = await client.post(here, json=body, headers=manager_headers)
    assert made.status_code == 201, made.text
    shown = (await client.get(f"/api/v1/memberships/{partner[1]}", headers=manager_headers)).json()
    assert "grant_awarded" in [g["rule"] for g in shown["grants"]]
    ending = f"/api/v1/memberships/{partner[1]}/endings"
    no = await client.post(ending, json={"effective_on": "2028-01-01"}, headers=manager_headers)
    assert (no.status_code, no.json()["errors"][0]["rule"]) == (409, "locked_in")
    back = await client.delete(f"{here}/{made.json()['id']}", headers=manager_headers)
    assert back.status_code == 200


async def test_t3_on_the_members_page(client: httpx.AsyncClient, context: Context, partner: tuple[str, UUID]) -> None:
    await sign_in(client)
    async with context.db.tx() as connection:
        who = await connection.fetchval("select organisation_id from membership where id = $1", partner[1])
    home, here = f"{NORA}/members/{who}", f"{NORA}/members/{who}/memberships/{partner[1]}/event"
    assert "Record an event" in text(await client.get(home))
    form = await client.get(f"{here}?event=grant_awarded&on=2026-11-22&last_day=2028-12-31")
    assert form.status_code == 200 and "If you record the event, this happens" in text(form)
    assert "Grant awarded" in text(form)
    sent = await send(client, here, event="grant_awarded", on="2026-11-22", last_day="2028-12-31", reason="Call 2")
    assert sent.status_code == 303, text(sent)
    page = text(await client.get(sent.headers["location"]))
    assert "Grant awarded, recorded in NORA Industry Network" in page
    assert "Locked in until 31 Dec 2028" in page
    no = await send(client, here.replace("/event", "/ending"), last_day="2027-12-31")
    assert no.status_code == 409 and "locked in" in text(no)


async def test_t3_a_mistake_in_a_rulebook_names_line_and_field(context: Context, actor: Actor) -> None:
    document = next_version(INDUSTRY)
    document["tiers"][0]["upgrades"] = [UPGRADE | {"to": "moon"}]
    with pytest.raises(RuleViolation) as refused:
        await publish(context, actor, document)
    assert refused.value.code == "tier_unknown" and refused.value.field.endswith("upgrades[0].to")
