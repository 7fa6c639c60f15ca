"""An organisation's invoices, people, and who sees what about it: by role, in both languages."""

import re

import pytest

from crm.store import accounts
from tests.crm import billing
from tests.crm.web import office
from tests.crm.web.office import send, sign_in, text

pytestmark = pytest.mark.anyio
ADMIN, STAFF = "medlem@klynge.example", "ansatt@klynge.example"
FJORDSYN = "Fjordsyn Helse"
SEEN = {"nora-industry-network": "members", "claire-innovation-network": "hidden"}


@pytest.fixture
async def base(context):
    """The address of the administrator's organisation."""
    organisation, _ = await office.member(context, FJORDSYN)
    return f"/my/{organisation}"


async def test_people_are_invited_changed_and_removed_by_administrators_alone(client, context, base):
    await sign_in(client, STAFF)
    page = await client.get(f"{base}/people")
    assert "Heidi Ødegrind" in text(page) and "Invite somebody" not in text(page)
    assert (
        await send(client, f"{base}/people/invitations", email="a@b.example", role="organisation_admin")
    ).status_code == 403
    await sign_in(client, ADMIN)
    wrong = await send(client, f"{base}/people/invitations", email="no", role="manager")
    assert wrong.status_code == 422 and "Invite somebody" in text(wrong)
    sent = await send(client, f"{base}/people/invitations", email="ny@fjordsyn.example", role="organisation_member")
    assert sent.headers["location"] == f"{base}/people?done=invited"
    page = await client.get(sent.headers["location"])
    assert "ny@fjordsyn.example" in page.text and "The invitation is on its way." in text(page)
    [revoke] = re.findall(rf'action="({base}/people/invitations/[^"]+/revoke)"', page.text)
    assert (await send(client, revoke)).headers["location"].endswith("done=revoked")
    staff = await office.count(context, "select id from account where email = $1", STAFF)
    changed = await send(client, f"{base}/people/{staff}/role", role="organisation_admin")
    assert changed.headers["location"].endswith("done=changed")
    assert (await send(client, f"{base}/people/{staff}/role", role="viewer")).status_code == 422
    assert (await send(client, f"{base}/people/{staff}/removal")).headers["location"].endswith("done=removed")
    assert "Anders Lie" not in (await client.get(f"{base}/people")).text


async def test_invoices_are_listed_and_open_by_the_address_of_their_mail(client, context, actor, base):
    billed = await billing.bill(context, actor, "Fjord & Data AS")
    async with context.db.tx() as connection:
        account = await accounts.by_email(connection, STAFF)
        await accounts.give_role(connection, account.id, "organisation_member", billed.organisation, "test")
    await sign_in(client, STAFF)
    own = f"/my/{billed.organisation}"
    page = await client.get(f"{own}/invoices")
    assert billed.kid in page.text and f"-{billed.number}" in page.text and "To pay:" in text(page)
    assert "Pay NOK" in text(await client.get(own)), "it stands on the first page as what is to do"
    here = f"{own}/invoices/{billed.id}/open"
    assert "/en/pay/" in (await send(client, here, to="page")).headers["location"]
    assert (await send(client, here, to="pdf")).headers["location"].endswith("/pdf")
    nobodys = "00000000-0000-4000-8000-00000000000a"
    assert (await send(client, f"{own}/invoices/{nobodys}/open", to="page")).status_code == 404
    await sign_in(client, ADMIN)  # who does not act for the payer
    assert (await send(client, f"{base}/invoices/{billed.id}/open", to="page")).status_code == 404
    assert "Nothing is billed here yet." in text(await client.get(f"{base}/invoices"))


async def test_an_organisation_objects_and_takes_it_back(client, context, base):
    await sign_in(client, ADMIN)
    page = await client.get(f"{base}/sharing")
    assert "Who sees what about you" in text(page) and page.status_code == 200
    client.cookies.set("lang", "nb")
    assert "Hvem ser hva om dere" in text(await client.get(f"{base}/sharing"))
    client.cookies.set("lang", "en")
    fields = dict(re.findall(r'name="(agreement|network|about)" value="([^"]+)"', page.text))
    assert fields, "the demo tells CLAIRE of Fjordsyn Helse"
    odd = await send(client, f"{base}/sharing/answers", word="dances", **fields)
    assert odd.status_code == 422
    assert (
        (await send(client, f"{base}/sharing/answers", word="take_back", **fields)).headers["location"].endswith("same")
    )
    nowhere = await send(
        client, f"{base}/sharing/answers", word="objects", agreement="none", network="nora", about="organisation"
    )
    assert nowhere.status_code == 404
    async with office.other_browser(client, STAFF) as staff:
        assert (await staff.get(f"{base}/sharing")).status_code == 200
        assert (await send(staff, f"{base}/sharing/answers", word="objects", **fields)).status_code == 403


async def test_the_entry_is_looked_at_published_and_seen_by_each_reader(client, base):
    await sign_in(client, STAFF)
    assert "See it first" not in text(await client.get(f"{base}/entry"))
    assert (await send(client, f"{base}/entry/listed", listed="no")).status_code == 403
    await sign_in(client, ADMIN)
    page = await client.get(f"{base}/entry")
    assert page.status_code == 200 and "Seen by: Everybody" in text(page)
    fields = {"summary-nb": "Vi ser på bilder.", "summary-en": "We look at images.", "fields-vision": "yes"}
    fields |= {f"see-{slug}-summary": level for slug, level in SEEN.items()}
    looked = text(await send(client, f"{base}/entry/texts", step="look", **fields))
    everybody, _, members = looked.partition("Seen by: A member of NORA Industry Network")
    assert "We look at images." in members
    assert "We look at images." not in everybody.partition("Seen by: Everybody")[2]
    assert "We look at images." not in (await client.get(f"{base}/entry")).text, "nothing is stored by looking"
    wrong = await send(client, f"{base}/entry/texts", step="publish", **{"summary-nb": "x" * 601})
    assert wrong.status_code == 422
    kept = await send(client, f"{base}/entry/texts", step="publish", **fields)
    assert kept.headers["location"].rpartition("=")[2] in ("published", "waiting")
    assert "We look at images." in (await client.get(kept.headers["location"])).text
    person = re.search(rf'action="({base}/entry/people/[^"]+/agree)"', page.text)
    assert person and (await send(client, person[1])).headers["location"].endswith("agreed")
    assert (await send(client, person[1].replace("agree", "withdraw"))).headers["location"].endswith("withdrawn")
    assert (await send(client, f"{base}/entry/listed", listed="no")).headers["location"].endswith("out")
    assert "Not in the directory" in text(await client.get(f"{base}/entry"))
