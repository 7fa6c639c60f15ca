"""The office forgets somebody: what is stored comes along first, what goes and stays is said, the receipt remains."""

import pytest

from tests.crm.web import office
from tests.crm.web.office import CLAIRE_ONLY, EVERYTHING, NORA, NORA_ONLY, send, sign_in, text
from tests.crm.web.test_my_data import FJORDSYN, HEIDI, _unpacked

pytestmark = pytest.mark.anyio


@pytest.fixture
async def there(context):
    """(the address of the contact's pages, of the member's people)."""
    organisation, _ = await office.member(context, FJORDSYN)
    contact = await office.count(context, "select id from contact where email = $1", HEIDI)
    people = f"{NORA}/members/{organisation}/people"
    return f"{people}/contacts/{contact}", people


async def test_what_is_stored_then_forgotten_with_a_receipt(client, context, there):
    here, people = there
    await sign_in(client, EVERYTHING, "nb")
    assert f'href="{here}/erase"' in (await client.get(people)).text
    looked = text(await client.get(f"{here}/erase"))
    assert "Glem Heidi Ødegrind" in looked and "Det som blir" in looked and "artikkel 17 nr. 3" in looked
    _, data, _ = _unpacked(await client.get(f"{here}/export"))
    assert data["sections"]["contacts"][0]["email"] == HEIDI and data["sections"]["named_in_directory"] == []
    assert "Cyviz" not in str(data)
    assert (await send(client, f"{here}/erase")).status_code == 422, "a reason is asked for"
    gone = await send(client, f"{here}/erase", reason="Hun har sluttet")
    assert gone.status_code == 303
    shown = await client.get(gone.headers["location"])
    assert "Hun har sluttet" in text(shown) and HEIDI not in shown.text
    assert (await client.get(f"{here}/erase")).status_code == (await client.get(f"{here}/export")).status_code == 404


async def test_another_office_knows_nothing_of_it_and_sees_only_its_own(client, context, there):
    here, _ = there
    await sign_in(client, CLAIRE_ONLY)
    for path in (f"{here}/erase", f"{here}/export"):
        assert (await client.get(path)).status_code == 404
    assert (await send(client, f"{here}/erase", reason="x")).status_code == 404
    async with context.db.tx() as db:
        await db.execute(
            "insert into mail (id, network_id, organisation_id, kind, recipient, subject, body_text)"
            " select gen_random_uuid(), n.id, $1::uuid, 'x', $2, 's', 'b' from network n"
            " where n.slug in ('nora-industry-network', 'claire-innovation-network')",
            (await office.member(context, FJORDSYN))[0],
            HEIDI,
        )
    await sign_in(client, NORA_ONLY)
    _, data, _ = _unpacked(await client.get(f"{here}/export"))
    assert len(data["sections"]["mails"]) == 1, "its own letter, not CLAIRE's"


async def test_a_person_who_signs_in(client, context):
    await sign_in(client, EVERYTHING)
    person = await office.count(context, "select id from account where email = $1", NORA_ONLY)
    here = f"{NORA}/people/{person}/erase"
    assert f'href="{here}"' in (await client.get(f"{NORA}/people")).text
    assert "Roles, removed" in text(await client.get(here))
    assert (await send(client, here)).status_code == 422
    assert (await send(client, here, reason="Left")).headers["location"] == f"{NORA}/people?done=erased"
    assert NORA_ONLY not in (await client.get(f"{NORA}/people")).text
