"""The office's side of the directory: texts that wait, what a network shows, entries and logos, claims that arrive."""

import re

import pytest

from crm.actions import claims
from crm.actions.claims import ClaimForm
from tests.crm import billing
from tests.crm.actions import people as support
from tests.crm.test_logos import png
from tests.crm.web import office
from tests.crm.web.office import CLAIRE_ONLY, EVERYTHING, NORA, NORA_ONLY, other_browser, send, sign_in, text, token
from tests.crm.web.test_my_data import ADMIN, FJORDSYN

pytestmark = pytest.mark.anyio
HERE = f"{NORA}/setup/directory"


@pytest.fixture
async def member(context):
    organisation, _ = await office.member(context, FJORDSYN)
    return organisation


async def settle(context):
    async with context.db.tx() as db:
        await db.execute("set constraints all immediate; set constraints all deferred")


async def upload(client, path, content, name="logo.png"):
    """Send a picture as the page would."""
    files = {"logo": (name, content, "application/octet-stream")}
    return await client.post(path, data={"_csrf_token": await token(client)}, files=files)


async def test_new_texts_wait_are_read_beside_those_before_and_answered(client, context, member):
    await sign_in(client, NORA_ONLY, "nb")
    assert "Her publiserer medlemmene selv." in text(await client.get(HERE))
    assert (await send(client, f"{HERE}/policy", moderated="yes")).headers["location"] == f"{HERE}?done=saved"
    async with other_browser(client, ADMIN) as theirs:
        sent = {"summary-nb": "En helt ny tekst", "offers-data": "yes", "see-nora-industry-network-people": "public"}
        gone = await send(theirs, f"/my/{member}/entry/texts", step="publish", **sent)
        assert gone.headers["location"].endswith("done=waiting")
    page = await client.get(HERE)
    assert "En helt ny tekst" in text(page) and "Hvem ser: Personer som nettverket sier Alle" in text(page)
    change = await office.count(context, "select id from listing_change where state = 'waiting'")
    refused = await send(client, f"{HERE}/changes/{change}", answer="decline")
    assert refused.status_code == 422 and "En helt ny tekst" in refused.text
    sent_back = await send(client, f"{HERE}/changes/{change}", answer="decline", reason="Skriv kortere")
    assert sent_back.headers["location"] == f"{HERE}?done=declined"
    letter = await office.count(context, "select body_text from mail where kind = 'listing_decided'")
    assert "Skriv kortere" in letter and f"/my/{member}/entry" in letter
    assert (await send(client, f"{HERE}/changes/{change}", answer="publish")).status_code == 409
    async with other_browser(client, ADMIN) as theirs:
        assert "Skriv kortere" in (await theirs.get(f"/my/{member}/entry")).text
        await send(theirs, f"/my/{member}/entry/texts", step="publish", **sent)
    change = await office.count(context, "select id from listing_change where state = 'waiting'")
    await send(client, f"{HERE}/changes/{change}", answer="publish")
    await settle(context)
    assert await office.count(
        context, "select body #>> '{summary,nb}' from directory_entry where organisation_id = $1", member
    ) == "En helt ny tekst"  # fmt: skip


async def test_what_a_network_shows_holds_at_once_and_no_nonsense_is_stored(client, context):
    await sign_in(client, EVERYTHING)
    before = await office.count(context, "select count(*) from directory_entry where shown and body ->> 'size' <> ''")
    assert (await send(client, f"{HERE}/policy", **{"see-size": "everybody"})).status_code == 422
    await send(client, f"{HERE}/policy", **{"see-size": "members"})
    await settle(context)
    shown = await office.count(context, "select count(*) from directory_entry where shown and body ->> 'size' <> ''")
    assert shown < before
    assert '<option value="members" selected' in (await client.get(HERE)).text


async def test_the_office_changes_an_entry_in_its_own_networks_only(client, context, member):
    entry = f"{NORA}/members/{member}/entry"
    await office.count(
        context,
        "insert into listing (organisation_id, visibility) values ($1,"
        """ '{"claire-innovation-network": {"size": "hidden"}}') on conflict (organisation_id) do update"""
        " set visibility = excluded.visibility returning 1",
        member,
    )
    await sign_in(client, NORA_ONLY)
    page = await client.get(entry)
    assert "Nothing was asked of it yet." in page.text
    assert "see-nora-industry-network-size" in page.text and "see-claire-innovation-network-size" not in page.text
    told = {"summary-en": "By the office", "see-claire-innovation-network-size": "public",
            "see-nora-industry-network-tier": "hidden"}  # fmt: skip
    assert (await send(client, f"{entry}/texts", step="publish", **told)).headers["location"].endswith("published")
    assert await office.count(context, "select visibility from listing where organisation_id = $1", member) == {
        "claire-innovation-network": {"size": "hidden"},
        "nora-industry-network": {"tier": "hidden"},
    }
    assert (await send(client, f"{entry}/restriction", word="out")).status_code == 422
    assert (await send(client, f"{entry}/restriction", word="out", reason="Wrong firm")).status_code in (303, 403)


async def test_out_and_in_by_the_office_is_410_meanwhile(client, context, member):
    entry = f"{NORA}/members/{member}/entry"
    slug = await office.count(context, "select slug from directory_entry where organisation_id = $1", member)
    await sign_in(client, EVERYTHING)
    for word, status in (("out", 410), ("in", 200)):
        await send(client, f"{entry}/restriction", word=word, reason="Asked by phone")
        await settle(context)
        assert (await client.get(f"/en/members/{slug}")).status_code == status
        assert ("Asked by phone" in text(await client.get(HERE))) is (word == "out")


async def test_another_office_does_not_find_it(client, context):
    stranger, _ = await office.member(context, "Cyviz")
    await sign_in(client, CLAIRE_ONLY)
    for path in ("entry", "entry/picture"):
        assert (await client.get(f"{NORA}/members/{stranger}/{path}")).status_code == 404
    assert (await send(client, f"{NORA}/members/{stranger}/entry/texts", step="publish")).status_code == 404


async def test_a_logo_is_shown_where_the_member_is_and_gone_with_it(client, context, member):
    slug = await office.count(context, "select slug from directory_entry where organisation_id = $1", member)
    await sign_in(client, ADMIN)
    mine = f"/my/{member}/entry"
    for wrong, words in ((b"<svg/>", "PNG, JPEG or WebP"), (b"", "")):
        refused = await upload(client, f"{mine}/logo", wrong)
        assert refused.status_code == 422 and words in refused.text
    assert (await upload(client, f"{mine}/logo", b"\0" * 900_000)).status_code == 413
    assert (await upload(client, f"{mine}/logo", png())).headers["location"] == f"{mine}?done=logo"
    await settle(context)
    for path in (f"/en/members/{slug}", "/en/members?q=fjordsyn"):
        found = re.search(r'src="(/logos/[0-9a-f]{64}\.png)"', (await client.get(path)).text)
        assert found, path
    picture = await client.get(found[1])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert picture.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "public" in picture.headers["cache-control"] and picture.content.startswith(b"\x89PNG")
    for other in (found[1][:-4], f"{found[1][:-4]}.jpg", "/logos/x", "/logos/../x"):
        assert (await client.get(other)).status_code == 404, other
    await send(client, f"{mine}/listed", listed="no")
    await settle(context)
    assert (await client.get(found[1])).status_code == 404, "who has opted out has no logo here"
    assert (await client.get(f"{mine}/picture")).status_code == 200, "but its own people see it"
    await send(client, f"{mine}/logo", step="remove")
    assert (await client.get(f"{mine}/picture")).status_code == 404
    assert await office.count(context, "select count(*) from listing_logo") == 0


async def test_a_logo_waits_where_a_network_looks_first(client, context, member):
    await sign_in(client, EVERYTHING)
    await send(client, f"{HERE}/policy", moderated="yes")
    async with other_browser(client, ADMIN) as theirs:
        sent = await upload(theirs, f"/my/{member}/entry/logo", png())
        assert sent.headers["location"].endswith("logo-waits")
        await send(theirs, f"/my/{member}/entry/texts", step="publish", **{"summary-nb": "Ny"})
    assert await office.count(context, "select logo from listing where organisation_id = $1", member) == ""
    assert "The new logo of Fjordsyn Helse" in (await client.get(HERE)).text
    assert (await client.get(f"{NORA}/members/{member}/entry/picture")).status_code == 200
    change = await office.count(context, "select id from listing_change where state = 'waiting'")
    await send(client, f"{HERE}/changes/{change}", answer="publish")
    assert len(await office.count(context, "select logo from listing where organisation_id = $1", member)) == 64
    assert (
        await office.count(context, "select summary ->> 'nb' from listing where organisation_id = $1", member) == "Ny"
    )


async def test_managers_hear_of_a_claim_and_see_it_here(client, context):
    form = ClaimForm("no-orgnr", support.FJORDSYN, "Lise Ny", "lise@elsewhere.example", "I am new")
    await claims.ask(context, form, "nb", support.HERE)
    [mail] = await support.mails(context, "claim_link")
    await claims.confirm(context, support.secret_in(mail["body_text"], "/claim"), support.HERE)
    letters = await support.mails(context, "claim_arrived")
    assert NORA_ONLY in {each["recipient"] for each in letters}
    assert all("lise@elsewhere.example" in each["body_text"] and "/people" in each["body_text"] for each in letters)
    await sign_in(client, EVERYTHING)
    assert "Lise Ny" in text(await client.get(HERE))


async def test_the_office_sees_what_was_agreed_to_by_version(client, context, actor):
    made = await billing.bill(context, actor, "Samtykke AS")
    await sign_in(client, NORA_ONLY)
    page = text(await client.get(f"{NORA}/members/{made.organisation}/entry"))
    assert "What it has agreed to" in page and "version 1" in page and "Kari Nordby" in page
    await office.count(context, "update consent set actor = '' returning 1")
    assert "Kari Nordby" not in text(await client.get(f"{NORA}/members/{made.organisation}/entry"))
