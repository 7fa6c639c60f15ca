"""Linked memberships are declined and accepted on pages: what follows first, then the word, and a way back."""

import re

import pytest

from tests.crm.actions.test_payments import rewritten
from tests.crm.web.office import CLAIRE, NORA, send, sign_in, text

pytestmark = pytest.mark.anyio


async def test_a_linked_membership_is_declined_and_the_word_taken_back(client):
    await sign_in(client)
    page = await client.get(f"{NORA}/links")
    link = re.search(r'href="([^"]+/links/answer\?[^"]+declined)"', page.text)[1].replace("&amp;", "&")
    seen = await client.get(link)
    assert seen.status_code == 200 and "If you decline, this happens" in text(seen)
    fields = dict(
        re.findall(r'<input type="hidden" name="(organisation|network|rule|answer|on)" value="([^"]*)"', seen.text)
    )
    before = page.text.count("/links/answer?")
    done = await send(client, f"{NORA}/links/answer", **fields)
    assert done.status_code == 303
    after = await client.get(done.headers["location"])
    assert "The answer is stored" in text(after) and after.text.count("/links/answer?") == before - 1
    undo = re.search(r'action="([^"]+/take-back)"', after.text)[1]
    back = await send(client, undo)
    again = await client.get(back.headers["location"])
    assert again.text.count("/links/answer?") == before
    assert (await send(client, undo)).status_code == 303, "twice is harmless"


async def test_what_waits_for_the_target_is_accepted(client, context):
    await rewritten(context, policy={"acceptance": "target_decides"})
    async with context.db.tx() as connection:
        # As if the rule had been so from the beginning: nobody has a linked membership yet.
        await connection.execute("update membership_grant set superseded_at = now() where kind = 'linked'")
    await sign_in(client)
    page = await client.get(f"{CLAIRE}/links")
    assert "Links that wait for your answer" in text(page)
    waits = re.findall(r'href="([^"]+/links/answer\?[^"]+accepted)"', page.text)
    seen = await client.get(waits[0].replace("&amp;", "&"))
    assert "If you accept, this happens" in text(seen)
    hidden = r'<input type="hidden" name="(organisation|network|rule|answer|on)" value="([^"]*)"'
    fields = dict(re.findall(hidden, _main(seen.text)))
    assert (await send(client, f"{CLAIRE}/links/answer", **fields)).status_code == 303
    after = await client.get(f"{CLAIRE}/links")
    assert len(re.findall(r"/links/answer\?[^\"]+accepted", after.text)) == len(waits) - 1


async def test_bad_addresses(client):
    await sign_in(client)
    nobody = "organisation=00000000-0000-4000-8000-000000000000&network=nora-industry-network"
    assert (
        await client.get(f"{NORA}/links/answer?{nobody}&rule=principal-joins-claire&answer=declined")
    ).status_code == 404
    assert (await client.get(f"{NORA}/links/answer")).status_code == 404
    assert (await client.get(f"{NORA}/links/answer?organisation=x&answer=declined")).status_code == 404


def _main(page: str) -> str:
    """The page without what stands around it: the palette has fields, too."""
    return page.partition("<main")[2].partition("</main>")[0]
