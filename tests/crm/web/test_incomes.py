"""Other income: told, by file, taken back with a reason; and the report of how the network is financed, to the øre."""

import re
from datetime import UTC, date, datetime

import pytest

from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, count, other_browser, send, sign_in, text
from tests.crm.web.test_contributions import financed, upload

pytestmark = pytest.mark.anyio
PAGE = f"{NORA}/incomes"
GRANT = {
    "kind": "public_grant",
    "payer": "Innovasjon Norge",
    "starts_on": "2026-01-01",
    "last_on": "2026-12-31",
    "amount": "365 000",
    "reference": "2026/17",
}
STANDING = "select count(*) from other_income where superseded_at is null"


async def test_ac_16_every_figure_of_the_report_is_its_rows_and_their_days(client, context, actor):
    await sign_in(client)
    assert (await financed(context, actor))["private_share"] in (None, 0)
    assert (await send(client, f"{PAGE}/new", **GRANT)).status_code == 303
    project = {"kind": "project", "sector": "private", "payer": "Telenor", "starts_on": "2026-05-01", "amount": "500"}
    assert (await send(client, f"{PAGE}/new", **project)).status_code == 303
    hours = {"member": "Telenor", "what": "Work", "starts_on": "2026-06-01", "hours": "2", "rate": "600"}
    assert (await send(client, f"{NORA}/contributions/new", **hours)).status_code == 303
    found = await financed(context, actor)
    gone = (date(2026, 11, 22) - date(2026, 1, 1)).days + 1
    assert found["public"] == gone * 100000, "a thousand kroner a day, up to the day"
    assert found["other_private"] == 50000 and found["in_kind"] == 120000
    assert found["income"] == found["fees"] + 50000 + gone * 100000
    assert found["private_share"] == pytest.approx((found["fees"] + 50000) / found["income"])
    whole = found["income"] + 120000
    assert found["private_share_in_kind"] == pytest.approx((whole - found["public"]) / whole)
    later = await financed(context, actor, day=date(2026, 12, 31))
    assert later["public"] == 36500000
    early = await financed(context, actor, known=datetime(2026, 11, 22, 8, tzinfo=UTC))
    assert (early["public"], early["other_private"], early["in_kind"]) == (0, 0, 0), "nobody had told"
    page = text(await client.get(f"{NORA}/reports/finance"))
    assert "Public grant" in page and "Fee income and other private income divided by all income." in page
    assert "whole kroner or euros" not in page, "what is stored is not asked again"


async def test_taken_back_with_a_reason_and_brought_back(client, context):
    await sign_in(client)
    await send(client, f"{PAGE}/new", **GRANT)
    assert "365,000" in text(await client.get(PAGE))
    again = await send(client, f"{PAGE}/new", **GRANT)
    assert again.status_code == 422 and "The same is told already of this payer" in text(again)
    back = re.search(rf'action="({PAGE}/[0-9a-f-]+/withdraw)"', (await client.get(PAGE)).text)[1]
    assert (await send(client, back, reason="")).status_code == 422
    answer = await send(client, back, reason="Another sum was granted")
    page = await client.get(answer.headers["location"])
    assert "Taken back: Innovasjon Norge" in text(page) and 'value="2026/17"' in page.text
    assert (await send(client, f"{PAGE}/new", **GRANT | {"amount": "300000"})).status_code == 303
    assert (await send(client, back.replace("withdraw", "restore"))).status_code == 303
    assert await count(context, STANDING) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "lottery"}, "not one of those that can be chosen: lottery"),
        ({"kind": "project"}, "This must be filled in."),
        ({"sector": "private"}, "A public grant is public money."),
        ({"payer": ""}, "This must be filled in."),
        ({"starts_on": "", "last_on": ""}, "This must be filled in."),
        ({"last_on": "2025-12-31"}, "The last day comes before the first"),
        ({"amount": ""}, "This must be filled in."),
        ({"amount": "0"}, "Enter a number from 1 to"),
        ({"amount": "1,234"}, "“1,234” is no amount or number."),
        ({"starts_on": "0207-01-01"}, "outside the days"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(client, context, wrong, said):
    await sign_in(client)
    answer = await send(client, f"{PAGE}/new", **GRANT | wrong)
    assert answer.status_code == 422 and said in text(answer)
    assert await count(context, "select count(*) from other_income") == 0


async def test_a_file_in_either_language_whole_or_not_at_all(client, context):
    await sign_in(client)
    head = "Type;Hvem sine midler;Betaler;Fra;Siste dag;Beløp;Valuta\n"
    rows = "Offentlig tilskudd;;Siva;1.1.2026;31.12.2026;1 000 000;NOK\nProject;private;Telenor;2026-02-01;;50,5;EUR\n"
    wrong = await upload(client, (head + rows + "Lotto;;Tipping;1.1.2026;;5;\n").encode(), PAGE)
    assert wrong.status_code == 422 and "Row 4, Kind: This value is not one of those" in text(wrong)
    assert await count(context, "select count(*) from other_income") == 0
    assert (await upload(client, (head + rows).encode(), PAGE)).status_code == 303
    assert await count(context, f"{STANDING} and sector = 'private' and amount = 5050 and currency = 'EUR'") == 1
    file = (await client.get(f"{PAGE}/export.csv")).text
    assert "Public grant,Public,Siva,,2026-01-01,2026-12-31,1000000.00,NOK," in file
    twice = await upload(client, file.encode(), PAGE)
    assert twice.status_code == 422 and "Row 2, Payer: The same is told already" in text(twice)


async def test_another_network_neither_sees_nor_takes_back(client, context):
    await sign_in(client)
    await send(client, f"{PAGE}/new", **GRANT)
    back = re.search(rf'action="({PAGE}/[0-9a-f-]+/withdraw)"', (await client.get(PAGE)).text)[1]
    async with other_browser(client, CLAIRE_ONLY) as other:
        assert "Innovasjon Norge" not in text(await other.get(f"{CLAIRE}/incomes"))
        assert (await send(other, back.replace(NORA, CLAIRE), reason="No")).status_code == 404
    assert await count(context, STANDING) == 1
