"""A draft of the rules: begun, seen as a text, saved by two at once, published, thrown away."""

import re

import pytest

from tests.crm.web.office import CLAIRE_ONLY, NORA_ONLY, count, other_browser, send, sign_in, text
from tests.crm.web.rule_forms import DRAFT, LEVEL, LINK, PRINCIPAL, WHOLE, begin, fields_of, save, stored

pytestmark = pytest.mark.anyio


async def test_a_draft_begins_on_a_day_to_come_and_only_once(client, context):
    await sign_in(client)
    await begin(client)
    book = await stored(context)
    assert (book.version, book.effective_from.isoformat()) == (2, "2026-12-01")
    assert book.effective_from_existing == book.effective_from
    assert (await save(client, WHOLE, invoice__payment_days="21")).status_code == 303
    await begin(client)
    assert (await stored(context)).invoice.payment_days == 21
    assert (await send(client, DRAFT, version="9")).status_code == 404


@pytest.mark.parametrize("language", ["en", "nb"])
async def test_the_second_of_two_managers_sees_what_differs_and_may_save_again(client, context, language):
    await sign_in(client, language=language)
    await begin(client)
    page = f"{LINK}?code={PRINCIPAL}"
    mine = fields_of(await client.get(page))
    async with other_browser(client, NORA_ONLY) as second:
        assert (await save(second, page, policy__notice_days="30")).status_code == 303
        assert (await save(second, WHOLE, invoice__payment_days="10")).status_code == 303
    late = await save(client, page, mine, fee__policy="normal")
    assert late.status_code == 409
    said = text(late)
    for word in {
        "en": ["The draft was changed meanwhile", "Ingrid", "Stored now Yours", "Days told before a known end 30 90"],
        "nb": ["Utkastet er endret i mellomtiden", "Ingrid", "Lagret nå Ditt", "30 90"],
    }[language]:
        assert word in said, said
    assert (await stored(context)).link_rule(PRINCIPAL).fee.policy == "waived"
    assert (await save(client, page, fields_of(late))).status_code == 303
    book = await stored(context)
    rule = book.link_rule(PRINCIPAL)
    assert (rule.policy.notice_days, rule.fee.policy, book.invoice.payment_days) == (90, "normal", 10)


async def test_the_text_and_the_forms_are_one_draft(client, context):
    await sign_in(client)
    page = await client.get(f"{DRAFT}/text")
    written = (await client.get(DRAFT.removesuffix("/draft") + "/1/text")).text.replace(
        "version = 1\n", "version = 2\n", 1
    )
    answer = await send(client, f"{DRAFT}/text", text=written.replace("rank = 30", "rang = 30"), stamp="")
    assert answer.status_code == 422 and "tiers[0].rang: There is no field called rang" in text(answer)
    assert "rang = 30" in answer.text and await stored(context) is None
    assert 'name="stamp" value=""' in page.text
    assert (await send(client, f"{DRAFT}/text", text=written, stamp="")).status_code == 303
    assert (await save(client, f"{LEVEL}?code=partner", votes="2")).status_code == 303
    shown = await client.get(f"{DRAFT}/text")
    assert "votes = 2" in shown.text
    late = await send(client, f"{DRAFT}/text", text=written.replace("payment_days = 30", "payment_days = 9"), stamp="")
    assert late.status_code == 409
    assert "Level Partner Votes 2 1" in text(late) and "Time to pay an invoice 30 9" in text(late)
    assert (await stored(context)).tier("partner").votes == 2
    stamp = re.search(r'name="stamp" value="([^"]+)"', late.text)[1]
    file = {"file": ("rules.toml", written.encode())}
    token = re.search(r'name="_csrf_token" value="([^"]+)"', late.text)[1]
    data = {"_csrf_token": token, "stamp": stamp, "text": "left alone"}
    assert (await client.post(f"{DRAFT}/text", data=data, files=file)).status_code == 303
    assert (await stored(context)).tier("partner").votes == 1


async def test_published_the_draft_is_done_and_a_form_left_open_says_so(client, context):
    await sign_in(client)
    await begin(client)
    assert (await save(client, f"{LINK}?code={PRINCIPAL}", policy__notice_days="45")).status_code == 303
    left_open = fields_of(await client.get(WHOLE))
    shown = await client.get(DRAFT)
    held = (await client.get(f"{DRAFT}/download")).text
    assert "Days told before a known end 90 45" in text(shown)
    done = await send(client, DRAFT.removesuffix("draft") + "publish", text=held)
    assert done.status_code == 303, text(done)
    assert await stored(context) is None
    page = await client.get(done.headers["location"])
    assert "Go back to version 1" in text(page)
    late = await save(client, WHOLE, left_open, invoice__payment_days="3")
    assert late.status_code == 409 and "The draft is gone" in text(late)
    await begin(client, version=2)
    late = await save(client, WHOLE, left_open, invoice__payment_days="3")
    assert late.status_code == 409, "a form of the former draft is not one of this draft"
    compared = text(await client.get(DRAFT.removesuffix("draft") + "compare?old=1&new=2"))
    assert "Days told before a known end 90 45" in compared
    back = text(await client.get(DRAFT.removesuffix("draft") + "compare?old=2&new=1"))
    assert "Days told before a known end 45 90" in back
    assert (await client.get(DRAFT.removesuffix("draft") + "compare?old=1&new=7")).status_code == 404


async def test_another_text_published_leaves_the_draft_and_says_what_it_would_take_back(client, context):
    await sign_in(client)
    await begin(client)
    other = (await client.get(f"{DRAFT}/download")).text.replace("payment_days = 30", "payment_days = 20")
    assert (await send(client, DRAFT.removesuffix("draft") + "publish", text=other)).status_code == 303
    shown = text(await client.get(DRAFT))
    assert "Draft of version 3" in shown and "Version 2 was published after this draft was begun" in shown
    assert "Time to pay an invoice 20 days 30 days" in shown or "Time to pay an invoice 20 30" in shown


async def test_a_draft_is_thrown_away_only_as_it_was_read(client, context):
    await sign_in(client)
    await begin(client)
    old = fields_of(await client.get(WHOLE))["stamp"][0]
    assert (await save(client, WHOLE, invoice__payment_days="21")).status_code == 303
    late = await send(client, f"{DRAFT}/discard", stamp=old)
    assert late.status_code == 409 and "changed meanwhile" in text(late)
    stamp = fields_of(await client.get(WHOLE))["stamp"][0]
    assert (await send(client, f"{DRAFT}/discard", stamp=stamp)).status_code == 303
    assert await stored(context) is None
    assert (await client.get(DRAFT)).status_code == 303
    assert await count(context, "select count(*) from audit where action = 'rulebook_draft_discarded'") == 1


async def test_the_draft_of_a_network_of_others_is_not_there_and_a_forged_form_is_refused(client, context):
    await sign_in(client)
    await begin(client)
    fields = fields_of(await client.get(WHOLE))
    async with other_browser(client, CLAIRE_ONLY) as stranger:
        for page in (DRAFT, WHOLE, f"{DRAFT}/text", f"{DRAFT}/download", LINK):
            assert (await stranger.get(page)).status_code == 404
        assert (await send(stranger, WHOLE, stamp=fields["stamp"][0])).status_code == 404
    forged = dict(fields)
    del forged["_csrf_token"]
    assert (await client.post(WHOLE, data=forged)).status_code == 403
    for unknown in (f"{DRAFT}/nothing", f"{LINK}?code=nobody", f"{LEVEL}?code=nobody"):
        assert (await client.get(unknown)).status_code == 404
