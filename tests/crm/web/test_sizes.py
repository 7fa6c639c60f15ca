"""Sizes in the sign-up and by API: asked where the level's fee needs them, priced as typed, stored as facts."""

import msgspec
import pytest

from cluster_rules.components import Case, FeeComponent, Fits, Range
from crm import catalogue
from crm.actions import rulebooks
from crm.actor import Actor
from crm.context import Context
from crm.i18n import translator
from tests.crm.api.support import V1, approved, company
from tests.crm.web.wizard import NEW_NUMBERS, NORA, Visitor, application_of, one

pytestmark = pytest.mark.anyio

TURNOVER = "size_turnover_own_NOK"
BY_TURNOVER = FeeComponent(
    code="service",
    names={"nb": "Serviceavgift", "en": "Service fee"},
    basis="cases",
    vat="standard",
    proration="none",
    cases=(
        Case(amount=7_500_00, when=(Fits(turnover=Range(below=10_000_000_00)),)),
        Case(amount=47_000_00),
    ),
)


AGREED = FeeComponent(
    code="service", names={"nb": "Etter avtale", "en": "As agreed"}, basis="agreed", vat="standard", proration="none"
)
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def by_turnover(context: Context, actor: Actor) -> None:
    """NORA's partners pay by turnover, from today on."""
    await _partners_pay(context, actor, BY_TURNOVER)


@pytest.fixture
async def agreed_fees(context: Context, actor: Actor) -> None:
    """NORA's partners pay what is agreed with each, from today on."""
    await _partners_pay(context, actor, AGREED)


async def _partners_pay(context: Context, actor: Actor, fee: FeeComponent) -> None:
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    newest = kept.rulebooks.of(NORA)[-1]
    tiers = tuple(msgspec.structs.replace(t, fees=(fee,)) if t.code == "partner" else t for t in newest.tiers)
    draft = msgspec.structs.replace(
        newest, version=newest.version + 1, tiers=tiers, effective_from=context.clock.today(kept.network(NORA).zone)
    )
    await rulebooks.publish(context, actor, draft)


@pytest.mark.usefixtures("by_turnover")
async def test_the_sign_up_asks_for_what_the_level_needs_and_prices_it_as_it_is_typed(client, context: Context) -> None:
    visitor = await Visitor(client).begin()
    principal = await client.get(f"{visitor.base}/level?tier=principal")
    assert TURNOVER not in principal.text, "another level needs no turnover"
    page = await client.get(f"{visitor.base}/level?tier=partner")
    assert f'name="{TURNOVER}"' in page.text and "Turnover, NOK" in page.text
    small = await client.get(f"{visitor.base}/level?tier=partner&{TURNOVER}=9 999 999,99&employees=12")
    large = await client.get(f"{visitor.base}/level?tier=partner&{TURNOVER}=10.000.000&employees=12")
    t = translator("en")
    assert t.money(7_500_00, "NOK") in small.text and t.money(47_000_00, "NOK") not in small.text
    assert t.money(47_000_00, "NOK") in large.text and t.money(7_500_00, "NOK") not in large.text
    assert t.money(11_750_00, "NOK") in large.text, "VAT"


@pytest.mark.usefixtures("by_turnover")
async def test_a_size_is_stored_as_a_fact_and_billed(client, context: Context) -> None:
    visitor = await Visitor(client).begin()
    answer = await visitor.post("level", {"tier": "partner", "employees": "12"})
    assert (
        answer.status_code == 422 and (TURNOVER, "Fill this in. The fee of this level depends on it.") in visitor.errors
    ), "missing, without scripts too"
    assert (await visitor.post("level", {"tier": "partner", "employees": "12", TURNOVER: "a lot"})).status_code == 422
    await visitor.post("level", {"tier": "partner", "employees": "12", TURNOVER: "12 500 000"})
    await visitor.post("organisation", orgnr=NEW_NUMBERS[0])
    await visitor.post("contact")
    await visitor.post("terms", terms_version="2")
    page = await visitor.get("check")
    assert "12500000" in page.page.text
    await visitor.post("check")
    application = await application_of(context, visitor)
    sql = "select value from organisation_size s join application a using (organisation_id) where a.id = $1"
    assert await one(context, sql, application) == 12_500_000_00


@pytest.mark.usefixtures("by_turnover")
async def test_by_api_a_missing_size_names_its_field_and_a_told_one_is_billed(client, manager_headers) -> None:
    body = company(tier="partner", consents={"terms_version": 2})
    refused = await client.post(f"{V1}/applications", json=body, headers=manager_headers)
    assert refused.status_code == 422
    assert [e["field"] for e in refused.json()["errors"]] == ["organisation.sizes"]
    told = [
        {"basis": "turnover", "value": 10_000_000_00, "currency": "NOK", "as_of": "2025-12-31", "source": "accounts"}
    ]
    _, made = await approved(
        client, manager_headers, "2026-11-22", tier="partner", organisation__sizes=told, consents=body["consents"]
    )
    (line,) = [line for invoice in made["invoices"] for line in invoice["lines"]]
    assert line["net"] == {"amount": 47_000_00, "currency": "NOK"}
    (size,) = next(s for s in line["steps"] if s["code"] == "case")["values"]["sizes"]
    assert (size["as_of"], size["source"]) == ("2025-12-31", "accounts"), "whose word it is stays with the line"


@pytest.mark.usefixtures("by_turnover")
async def test_new_figures_are_previewed_recorded_and_never_overwrite(client, context, manager_headers) -> None:
    told = [{"basis": "turnover", "value": 9_000_000_00, "currency": "NOK", "as_of": "2025-12-31"}]
    sent, _ = await approved(
        client, manager_headers, "2026-11-22", tier="partner", organisation__sizes=told, consents={"terms_version": 2}
    )
    path = f"{V1}/organisations/{sent['organisation_id']}/sizes"
    grown = {"sizes": [{"basis": "turnover", "value": 80_000_000_00, "currency": "NOK", "as_of": "2026-06-30"}]}
    expected = [{"network": NORA, "tier": "partner", "before": _kr(7_500_00), "after": _kr(47_000_00)}]
    count = "select count(*) from organisation_size where organisation_id = $1"
    seen = await client.post(f"{path}/preview", json=grown, headers=manager_headers)
    assert (seen.status_code, seen.json()["fees"]) == (200, expected)
    assert await one(context, count, sent["organisation_id"]) == 1, "a preview stores nothing"
    stored = await client.post(path, json=grown, headers=manager_headers)
    assert (stored.status_code, stored.json()["fees"]) == (201, expected)
    people = {"sizes": [{"basis": "employees", "value": 7}]}
    assert (await client.post(path, json=people, headers=manager_headers)).status_code == 201
    assert await one(context, count, sent["organisation_id"]) == 2, "its employees stand in its profile"
    profiles = "select array_agg(employees order by starts_on) from organisation_profile where superseded_at is null"
    assert (await one(context, f"{profiles} and organisation_id = $1", sent["organisation_id"]))[-1] == 7
    unknown = await client.post(f"{V1}/organisations/{NOBODY}/sizes", json=people, headers=manager_headers)
    assert unknown.status_code == 404


async def test_an_agreed_fee_needs_a_component_that_is_agreed(client, manager_headers) -> None:
    sent, _ = await approved(client, manager_headers, "2026-11-22", tier="partner")
    fee = {
        "network": NORA,
        "component": "membership",
        "amount": _kr(5),
        "starts_on": "2027-01-01",
        "source": "contract",
    }
    path = f"{V1}/organisations/{sent['organisation_id']}/agreed-fees"
    refused = await client.post(path, json=fee, headers=manager_headers)
    assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (422, "component_not_agreed")


@pytest.mark.usefixtures("agreed_fees")
async def test_an_agreed_fee_is_recorded_and_billed(client, context, manager_headers) -> None:
    sent, made = await approved(client, manager_headers, "2026-11-22", consents={"terms_version": 2})
    organisation = sent["organisation_id"]
    fee = {"network": NORA, "component": "service", "starts_on": "2026-01-01", "source": "contract"}
    for changes in ({"amount": _kr(90_000_00)}, {"amount": _kr(80_000_00), "starts_on": "2027-01-01"}):
        path = f"{V1}/organisations/{organisation}/agreed-fees"
        assert (await client.post(path, json=fee | changes, headers=manager_headers)).status_code == 201
    rows = "select array_agg(amount order by starts_on) from agreed_fee where superseded_at is null"
    assert await one(context, f"{rows} and organisation_id = $1", organisation) == [90_000_00, 80_000_00]
    path = f"{V1}/memberships/{made['memberships'][0]['id']}/tier-changes/preview"
    change = {"tier": "partner", "effective_on": "2026-12-01"}
    seen = await client.post(path, json=change, headers=manager_headers)
    assert seen.status_code == 200, seen.text
    assert _kr(90_000_00) in [c["net"] for c in seen.json()["consequences"] if c["type"] == "charge"]


def _kr(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "NOK"}


@pytest.mark.parametrize(
    ("size", "field", "code"),
    [
        ({"basis": "turnover", "value": 5}, "organisation.sizes.0.currency", "size_currency_wrong"),
        ({"basis": "fte", "value": 5, "currency": "NOK"}, "organisation.sizes.0.currency", "size_currency_wrong"),
        ({"basis": "fte", "value": -1}, "organisation.sizes.0.value", "number_out_of_range"),
        ({"basis": "fte", "value": 1, "as_of": "2999-01-01"}, "organisation.sizes.0.as_of", "date_out_of_range"),
    ],
)
async def test_by_api_a_size_that_cannot_be_names_its_field(client, manager_headers, size, field, code) -> None:
    refused = await client.post(f"{V1}/applications", json=company(organisation__sizes=[size]), headers=manager_headers)
    assert refused.status_code == 422
    assert [(e["field"], e["rule"]) for e in refused.json()["errors"]] == [(field, code)]
