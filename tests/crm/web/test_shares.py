"""What an agreement discloses on the office's pages: both directions, a look, new terms, the log; a member's card."""

import httpx
import pytest

from crm.context import Context
from tests.crm.actions.test_agreements import CODE
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, NORA, send, sign_in, text

pytestmark = pytest.mark.anyio
HERE = f"{NORA}/setup/agreements/{CODE}/shares"
TYPED = {
    "field_name": "yes",
    "field_tier": "yes",
    "tier_principal": "yes",
    "starts_on": "2026-11-22",
    "purpose_nb": "Å ta imot dem",
    "purpose_en": "To receive them",
    "legal_basis": "legitimate_interest",
    "persons_basis": "",
    "retention_days": "14",
    "reason": "Board of 20 November",
}
COUNT = "select count(*) from disclosure_terms"


async def count(context: Context) -> int:
    async with context.db.tx() as connection:
        return int(await connection.fetchval(COUNT))


async def test_terms_are_looked_at_then_set_and_shown_to_both(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    assert f'href="{HERE}"' in (await client.get(f"{NORA}/setup/agreements")).text
    first = text(await client.get(HERE))
    assert first.count(" sees of ") == 2, "both directions"
    assert "To receive the principal partners of the NORA Industry Network" in first
    assert "Nothing has been fetched yet." in first
    before = await count(context)
    looked = text(await send(client, HERE, **TYPED, step="look"))
    assert "members are disclosed" in looked and "With these terms, from 22 Nov 2026" in looked
    assert await count(context) == before, "a look stores nothing"
    made = await send(client, HERE, **TYPED, step="set")
    assert made.status_code == 303
    shown = text(await client.get(made.headers["location"]))
    assert "The terms are set" in shown and "within 14 days" in shown and "version 2 in force" in shown
    assert "Board of 20 November" in shown
    other = text(await client.get(f"{CLAIRE}/setup/agreements/{CODE}/shares"))
    assert "within 14 days" in other, "the other network reads the terms, too"
    assert await count(context) == before + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"starts_on": "soon"}, "Write the day as YYYY-MM-DD."),
        ({"starts_on": "2020-01-01"}, "2020"),
        ({"retention_days": "many"}, "from 0 to 3,660"),
        ({"retention_days": "4000"}, "from 0 to 3,660"),
        ({"purpose_en": " "}, "This must be filled in."),
        ({"field_contact_name": "yes"}, "only on a stated basis"),
        ({"legal_basis": "because"}, "not one of those"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(
    client: httpx.AsyncClient, context: Context, change: dict[str, str], said: str
) -> None:
    await sign_in(client)
    before = await count(context)
    answer = await send(client, HERE, **(TYPED | change), step="set")
    assert answer.status_code == 422
    assert said in text(answer)
    assert 'value="14"' in answer.text or "retention_days" in change, "what was typed stays"
    assert await count(context) == before


async def test_only_a_network_of_the_agreement_may_look_and_only_for_its_own_members(
    client: httpx.AsyncClient, context: Context
) -> None:
    await sign_in(client, CLAIRE_ONLY)
    before = await count(context)
    assert (await client.get(HERE)).status_code in (403, 404)
    assert (await client.get("/n/nora-startup/setup/agreements/x/shares")).status_code in (403, 404)
    assert (await client.get(f"{CLAIRE}/setup/agreements/none/shares")).status_code == 404
    typed = {name: value for name, value in TYPED.items() if name != "tier_principal"}
    made = await send(client, f"{CLAIRE}/setup/agreements/{CODE}/shares", **typed, step="set")
    assert made.status_code == 303
    async with context.db.tx() as connection:
        whose = await connection.fetchval(
            "select n.slug from disclosure_terms t join disclosure d on d.id = t.disclosure_id"
            " join network n on n.id = d.network_id order by t.version desc limit 1"
        )
    assert (whose, await count(context)) == ("claire-innovation-network", before + 1)


async def test_a_members_page_says_what_partners_see(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    async with context.db.tx() as connection:
        who = await connection.fetchval(
            "select s.organisation_id from share s join disclosure d on d.id = s.disclosure_id join network n on"
            " n.id = d.network_id where n.slug = 'nora-industry-network' and s.op = 'upsert' order by 1 limit 1"
        )
    page = text(await client.get(f"{NORA}/members/{who}"))
    assert "What partners see" in page and "Sees this about the membership in" in page
    assert "Legitimate interest" in page and "within 30 days" in page and "not yet" in page
