"""A price tried on a page: by what is published and by the draft, line by line, under an address that says it all."""

import re

import pytest

from tests.crm.web.office import CLAIRE, NORA, NORA_ONLY, sign_in, text
from tests.crm.web.rule_forms import DRAFT, begin, fields_of
from tests.crm.web.test_fee_editor import TABLES, stand_in

pytestmark = pytest.mark.anyio
PRICE = f"{NORA}/setup/rules/price"
FEES = f"{DRAFT}/fees"


async def price(client, **typed):
    return await client.get(PRICE, params={"level": "principal", "starts_on": "2027-03-01"} | typed)


async def test_the_published_price_is_told_line_by_line(client):
    await sign_in(client)
    answer = await price(client)
    assert answer.status_code == 200
    said = text(answer)
    assert "By version 1 Principal partner When joining Membership fee 1 Mar – 31 Dec 2027" in said
    assert "NOK 150,000 a year, 306 of 365 days" in said and "NOK 125,753.42" in said
    assert "Membership fee exempt from VAT, Norwegian VAT Act section 3-13" in said
    assert "An ordinary year Membership fee 1 Jan – 31 Dec 2027" in said and "By the draft" not in said


async def test_the_draft_stands_beside_the_published_version_with_the_difference(client):
    await sign_in(client)
    await begin(client)
    fields = fields_of(await client.get(f"{FEES}?code=principal"), "fees")
    fields |= {"fees.0.vat": ["standard"], "fees.0.basis": ["employees"], "fees.0.proration": ["none"]}
    fields |= {"fees.0.bands.0.was": [""], "fees.0.bands.0.below": ["100"], "fees.0.bands.0.amount": ["90,000"]}
    fields |= {"fees.0.bands.1.was": [""], "fees.0.bands.1.from": ["100"], "fees.0.bands.1.amount": ["200,000"]}
    assert (await client.post(FEES, data=fields)).status_code == 303
    small = text(await price(client, employees="99"))
    assert "The draft against version 1 Joining −NOK 35,753.42 An ordinary year −NOK 60,000" in small
    assert "NOK 90,000 a year for 99 employees" in small and "VAT 25%: NOK 22,500" in small and "NOK 112,500" in small
    large = text(await price(client, employees="100"))
    assert "An ordinary year +NOK 50,000" in large and "NOK 200,000 a year for 100 employees" in large
    unknown = text(await price(client))
    assert "The price cannot be said yet" in unknown and "By version 1" in unknown
    assert "The draft against" not in unknown


async def test_a_discount_for_members_elsewhere_counts_when_ticked(client):
    await sign_in(client)
    await begin(client)
    fields = fields_of(await client.get(f"{FEES}?code=principal"), "fees")
    at = "fees.0.discounts.0"
    fields |= {f"{at}.was": [""], f"{at}.names.en": ["Members of CLAIRE"], f"{at}.when": ["member_of"]}
    fields |= {f"{at}.network": ["claire-innovation-network/"], f"{at}.as": ["percent"], f"{at}.percent": ["20"]}
    assert (await client.post(FEES, data=fields)).status_code == 303
    shown = text(await price(client, member_of="claire-innovation-network/member"))
    assert "20% off: Members of CLAIRE" in shown and "An ordinary year −NOK 30,000" in shown
    assert "Joining −NOK 25,150.6" in shown
    assert "off: Members" not in text(await price(client))
    assert "off: Members" not in text(await price(client, member_of="nowhere/member"))


FIGURES = {"employees": "40", "size_turnover_own_NOK": "12 000 000", "founded_on": "2024-05-01", "owner_country": "SE"}


@pytest.mark.parametrize("file", TABLES, ids=lambda path: path.stem)
async def test_every_real_fee_table_is_priced_or_says_what_is_missing(client, context, file):
    await sign_in(client)
    await begin(client)
    book = await stand_in(context, file)
    priced = 0
    for tier in book.tiers:
        form = fields_of(await price(client, level=tier.code), "tester")
        figures = {name: "250" for name in form if name.startswith(("size_", "agreed."))}
        told = figures | {name: value for name, value in FIGURES.items() if name in form}
        answer = await price(client, level=tier.code, **told)
        assert answer.status_code == 200, tier.code
        said = text(answer)
        assert "By the draft" in said
        by_draft = said.partition("By the draft")[2]
        missing = re.search(r"The price cannot be said yet (.+)", by_draft)
        assert missing or "When joining" in by_draft, tier.code
        priced += not missing
    assert priced or book.indexes  # an index of a year nobody entered is refused, not guessed


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"level": "king"}, "level", "There is no level called king."),
        ({"employees": "many"}, "employees", "Write a number."),
        ({"starts_on": "soon"}, "starts_on", "Write a day."),
        ({"starts_on": "9999-12-31"}, "starts_on", "Write a day."),
        ({"kind": "king"}, "kind", "Choose one of the list."),
        ({"country": "XX"}, "country", "Choose one of the list."),
        ({"founded_on": "1990"}, "founded_on", "Write a day."),
        ({"size_turnover_own_NOK": "much"}, "size_turnover_own_NOK", "Write a number."),
        ({"agreed.fee": "1,5,0"}, "agreed.fee", "Write a number."),
    ],
)
async def test_what_cannot_be_read_is_named(client, typed, field, said):
    await sign_in(client)
    answer = await price(client, **typed)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text and said in text(answer)


async def test_the_tester_stands_on_the_rules_and_on_the_fees_and_is_for_managers_alone(client):
    assert (await client.get(PRICE)).status_code == 303
    await sign_in(client)
    rules = await client.get(f"{NORA}/setup/rules")
    assert f'action="{PRICE}"' in rules.text and 'name="employees"' in rules.text
    await begin(client)
    assert f'action="{PRICE}"' in (await client.get(f"{FEES}?code=principal")).text
    assert "Choose a level and say what the company is like." in text(await client.get(PRICE))
    client.cookies.clear()
    await sign_in(client, NORA_ONLY)
    assert (await client.get(f"{CLAIRE}/setup/rules/price")).status_code in (403, 404)
