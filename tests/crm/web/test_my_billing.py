"""Billing details and the next bill, as an organisation's own people see and change them."""

import pytest

from tests.crm.web import office
from tests.crm.web.office import EVERYTHING, send, sign_in, text
from tests.crm.web.test_my_data import ADMIN, FJORDSYN, STAFF

pytestmark = pytest.mark.anyio


@pytest.fixture
async def mine(context):
    organisation, _ = await office.member(context, FJORDSYN)
    return f"/my/{organisation}"


async def test_an_administrator_says_where_invoices_go_and_nobody_else(client, context, mine):
    here = f"{mine}/billing"
    for email, status in ((STAFF, 403), (EVERYTHING, 404)):
        await sign_in(client, email)
        assert (await client.get(here)).status_code == status
        assert (await send(client, here, email="x@x.example")).status_code == status
    await sign_in(client, ADMIN)
    assert f'href="{here}"' in (await client.get(f"{mine}/invoices")).text
    for field, wrong in (("email", "nobody"), ("peppol_id", "12"), ("city", "x" * 101)):
        refused = await send(client, here, **{field: wrong, "street": "Storgata 1"})
        assert refused.status_code == 422 and "Storgata 1" in refused.text, field
    assert await office.count(context, "select count(*) from billing where street = 'Storgata 1'") == 0
    told = {"email": "faktura@fjordsyn.example", "name": "Regnskap", "buyer_reference": "4410", "language": "xx"}
    assert (await send(client, here, **told)).headers["location"] == f"{here}?done=saved"
    stored = "select email || '/' || name || '/' || language from billing where buyer_reference = '4410'"
    assert await office.count(context, stored) == "faktura@fjordsyn.example/Regnskap/"
    assert await office.count(context, "select channel from audit where action = 'billing_changed'") == "member"
    assert "faktura@fjordsyn.example" in (await client.get(here)).text


async def test_the_next_bill_and_what_was_told_ahead(client, context, mine):
    await sign_in(client, ADMIN)
    page = text(await client.get(mine))
    assert "Next bill Next year from 1 Jan 2027:" in page and "as things stand" in page and "Told ahead" not in page
    membership = await office.count(
        context,
        "select m.id from membership m join network n on n.id = m.network_id where m.organisation_id = $1"
        " and n.slug = 'nora-industry-network'",
        mine.removeprefix("/my/"),
    )
    await office.count(
        context,
        "insert into renewal_notice (id, network_id, organisation_id, membership_id, starts_on, ends_on, tier, state,"
        " net, vat, currency, leave_by, looked_at, mail_id) select gen_random_uuid(), network_id, organisation_id, id,"
        " '2027-01-01', '2028-01-01', 'partner', 'told', 1234500, 0, 'NOK', '2026-12-01', now(),"
        " (select id from mail limit 1) from membership where id = $1 returning 1",
        membership,
    )
    assert "12,345" in text(await client.get(mine)) and "by 1 Dec 2026" in text(await client.get(mine))
