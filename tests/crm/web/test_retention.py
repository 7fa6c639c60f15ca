"""The page of personal data: what goes on a day, a host's periods, who may set them, and people who come back."""

import pytest

from tests.crm.web import office
from tests.crm.web.office import EVERYTHING, NORA, NORA_ONLY, send, sign_in, text
from tests.crm.web.test_my_data import HEIDI

pytestmark = pytest.mark.anyio
HERE = f"{NORA}/setup/privacy"
PERIODS = {"contact_months": 24, "application_months": 6, "mail_months": 12, "invoice_years": 5, "audit_years": 7}


async def test_what_goes_on_a_day_and_when_next(client, context):
    await office.count(context, "update mail set status = 'sent' where status = 'queued' returning 1")
    await sign_in(client, EVERYTHING, "nb")
    today, later = await client.get(HERE), await client.get(f"{HERE}?on=2029-01-01")
    assert "Det som tas bort 22. nov. 2026 Hver natt" in text(today)
    assert "E-poster: adresse, emne og tekst" in text(later)
    assert "Navn i revisjonsloggen: et pseudonym tar plassen 1. jan. 2032" in text(today)
    assert (await client.get(f"{HERE}?on=yesterday")).status_code == 400


async def test_periods_are_the_host_s(client, context):
    await office.count(context, "delete from role using network n, account a where n.id = network_id and n.slug ="
                       " 'nora-startup' and a.id = account_id and a.email = $1 returning 1", NORA_ONLY)  # fmt: skip
    await sign_in(client, NORA_ONLY)
    shown = await client.get(HERE)
    assert "can change this" in text(shown) and 'disabled="disabled"' in shown.text
    assert (await send(client, f"{HERE}/periods", **PERIODS)).status_code == 403
    await sign_in(client, EVERYTHING)
    for field, wrong, words in (
        ("invoice_years", "4", "The Bookkeeping Act asks for at least 5 years."),
        ("contact_months", "121", "From 0 to 120."),
        ("mail_months", "two", "From 1 to 120."),
    ):
        refused = await send(client, f"{HERE}/periods", **PERIODS | {field: wrong})
        assert refused.status_code == 422 and words in text(refused), field
    assert (await send(client, f"{HERE}/periods", **PERIODS)).headers["location"] == f"{HERE}?done=saved"
    assert await office.count(context, "select audit_years from retention_policy") == 7
    assert 'value="24"' in (await client.get(HERE)).text


async def test_somebody_comes_back(client, context):
    await sign_in(client, EVERYTHING)
    organisation, _ = await office.member(context, "Fjordsyn Helse")
    contact = await office.count(context, "select id from contact where email = $1", HEIDI)
    await send(client, f"{NORA}/members/{organisation}/people/contacts/{contact}/erase", reason="Asked")
    assert "1 person of this network" in text(await client.get(HERE))
    invited = {"email": HEIDI, "name": "Heidi", "role": "viewer", "language": "nb"}
    refused = await send(client, f"{NORA}/people/invitations", **invited)
    assert refused.status_code == 422 and "They must agree anew" in text(refused)
    assert (await send(client, f"{HERE}/returns", email=HEIDI)).status_code == 422
    for email, done in (("nobody@x.example", "nobody"), (HEIDI, "returned"), (HEIDI, "nobody")):
        there = await send(client, f"{HERE}/returns", email=email, note="She rang on 20 November")
        assert there.headers["location"] == f"{HERE}?done={done}#returns"
    assert (await send(client, f"{NORA}/people/invitations", **invited)).status_code == 303
