"""The page of one invoice: what stands in a draft's way, every action, refusals at their fields, undo, credit notes."""

import re
from datetime import date
from uuid import UUID

import httpx
import pytest

from crm.actions import invoices, payments
from crm.actor import Actor
from crm.context import Context
from crm.web.invoice_views import EVENTS
from tests.crm.actions.test_bank import owed
from tests.crm.billing import NETWORK, Bill, bill, draft
from tests.crm.web.office import CLAIRE, count, other_browser, send, sign_in, text

pytestmark = pytest.mark.anyio

LIST = f"/n/{NETWORK}/invoices"


@pytest.fixture
async def mine(context: Context, actor: Actor) -> Bill:
    return await bill(context, actor, "Papir AS")


def page_of(mine: Bill) -> str:
    return f"{LIST}/{mine.id}"


async def done(client: httpx.AsyncClient, answer: httpx.Response) -> str:
    """The page after a form, as text."""
    assert answer.status_code == 303, text(answer)
    return text(await client.get(answer.headers["location"]))


async def test_a_draft_says_what_stands_in_its_way_until_it_is_issued(
    client: httpx.AsyncClient, context: Context, actor: Actor
) -> None:
    made = await draft(context, actor, "Hav kommune", kind="public_body")
    here = f"{LIST}/{made}"
    await sign_in(client)
    shown = text(await client.get(here))
    assert "One thing stands in the way of issuing" in shown
    assert "Hav kommune is a public body: the invoice needs its reference." in shown
    assert "Issue and send" not in shown
    refused = await send(client, f"{here}/issue")
    assert refused.status_code == 422
    too_long = await send(client, f"{here}/reference", buyer_reference="x" * 101)
    assert too_long.status_code == 422
    assert "the limit is 100" in text(too_long)
    assert 'id="buyer_reference-error"' in too_long.text
    ready = await done(client, await send(client, f"{here}/reference", buyer_reference="4711"))
    assert "Reference saved." in ready
    assert "This is what will be issued" in ready
    assert "4711" in ready
    issued = await done(client, await send(client, f"{here}/issue"))
    assert "Issued, and on its way to the buyer." in issued
    assert await count(context, "select count(*) from invoice where id = $1 and status = 'issued'", made) == 1
    late = await send(client, f"{here}/reference", buyer_reference="5")
    assert late.status_code == 409


async def test_the_page_shows_the_document_and_gives_it_as_files(client: httpx.AsyncClient, mine: Bill) -> None:
    await sign_in(client)
    shown = text(await client.get(page_of(mine)))
    for expected in (f"Invoice NORA-{mine.number}", mine.kid, "Papir AS", "Without VAT", "To pay", "1 Dec 2026", "Due"):
        assert expected in shown
    pdf = await client.get(f"{page_of(mine)}/pdf")
    assert pdf.content.startswith(b"%PDF")
    assert pdf.headers["cache-control"] == "no-store"
    xml = await client.get(f"{page_of(mine)}/xml")
    assert b"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" in xml.content


async def test_a_payment_is_recorded_and_taken_back(client: httpx.AsyncClient, context: Context, mine: Bill) -> None:
    await sign_in(client)
    here, good = page_of(mine), {"amount": f"{mine.gross // 100},{mine.gross % 100:02}", "received_on": "2026-11-20"}
    for wrong, field, said in (
        (good | {"amount": "mye"}, "amount", "Write the amount like 1500 or 1 500,50."),
        (good | {"amount": "0"}, "amount", "Enter an amount above zero."),
        (good | {"received_on": "i går"}, "received_on", "Write the day as YYYY-MM-DD."),
        (good | {"received_on": "2027-01-01"}, "received_on", "outside the days that can be chosen"),
        (good | {"reference": "x" * 2001}, "reference", "the limit is 2,000"),
    ):
        answer = await send(client, f"{here}/payments", **wrong)
        assert answer.status_code == 422
        assert said in text(answer)
        assert f'id="{field}-error"' in answer.text, field
        assert f'href="#{field}"' in answer.text
        assert await owed(context, mine) == mine.gross
    recorded = await send(client, f"{here}/payments", **good, reference="Bilag 12")
    shown = await done(client, recorded)
    assert "Payment recorded." in shown
    assert "Bilag 12" in shown
    assert await owed(context, mine) == 0
    booking = recorded.headers["location"].rpartition("=")[2]
    assert f"/bookings/{booking}/take-back" in (await client.get(recorded.headers["location"])).text
    undone = await done(client, await send(client, f"{here}/bookings/{booking}/take-back"))
    assert "Taken back." in undone
    assert await owed(context, mine) == mine.gross
    await done(client, await send(client, f"{here}/bookings/{booking}/take-back"))
    assert await owed(context, mine) == mine.gross, "taken back once"
    assert (await send(client, f"{here}/bookings/{mine.id}/take-back")).status_code == 404


async def test_what_is_typed_about_a_bill_in_kronur_is_kronur(
    client: httpx.AsyncClient, context: Context, actor: Actor
) -> None:
    async with context.db.tx() as connection:
        await connection.execute("alter table rulebook disable trigger no_change")
        await connection.execute(
            'update rulebook r set published_at = now(), body = r.body || \'{"currency": "ISK"}\' from network n'
            " where n.id = r.network_id and n.slug = $1",
            NETWORK,
        )
        await connection.execute("alter table rulebook enable trigger no_change")
    mine = await bill(context, actor, "Króna ehf")
    here = page_of(mine)
    await sign_in(client)
    shown = await client.get(here)
    assert f'value="{mine.gross}"' in shown.text  # what is left, as the field for a payment offers it
    assert f"ISK {mine.gross:,}" in text(shown).replace("\N{NO-BREAK SPACE}", " ")
    half = await send(client, f"{here}/payments", amount="1000,5", received_on="2026-11-20")
    assert half.status_code == 422
    await done(client, await send(client, f"{here}/payments", amount="1 000", received_on="2026-11-20"))
    assert await owed(context, mine) == mine.gross - 1000
    await done(client, await send(client, f"{here}/write-offs", write_off_amount="500", write_off_reason="Rounding"))
    assert await count(context, "select amount from write_off where invoice_id = $1", mine.id) == 500
    credited = await send(client, f"{here}/credit-note", what="amount", amount="250", reason="Agreed", word="issue")
    assert credited.status_code in (200, 303), text(credited)
    listed = (await client.get(f"{LIST}/export.csv")).text
    assert f"{mine.gross}," in listed and f"{mine.gross // 100}." not in listed


async def test_too_much_is_credit_that_pays_another_and_goes_back_by_bank(
    client: httpx.AsyncClient, context: Context, actor: Actor, mine: Bill
) -> None:
    await payments.record(context, actor, mine.id, mine.gross + 500_00, "NOK", date(2026, 11, 20), "x")
    await sign_in(client)
    here = page_of(mine)
    shown = await client.get(here)
    assert "Paid NOK 500 too much" in text(shown)
    (payment,) = set(re.findall(r"/payments/([0-9a-f-]{36})/refunds", shown.text))
    field = f"refund-{payment}"
    too_much = await send(
        client, f"{here}/payments/{payment}/refunds", **{field: "99999999", f"paid_on-{payment}": "2026-11-21"}
    )
    assert too_much.status_code == 422
    assert f'id="{field}-error"' in too_much.text
    other = await send(client, f"{here}/payments/{mine.id}/refunds", **{f"refund-{mine.id}": "1"})
    assert other.status_code == 404
    back = await send(
        client,
        f"{here}/payments/{payment}/refunds",
        **{field: "100", f"paid_on-{payment}": "2026-11-21", f"why-{payment}": "Feil"},
    )
    assert "Refund recorded." in await done(client, back)
    assert await owed(context, mine) == -400_00


async def test_a_write_off_takes_a_second_person(client: httpx.AsyncClient, context: Context, mine: Bill) -> None:
    await sign_in(client)
    here = page_of(mine)
    nothing = await send(client, f"{here}/write-offs", write_off_amount="10", write_off_reason="")
    assert nothing.status_code == 422
    assert 'id="write_off_reason-error"' in nothing.text
    proposed = await done(
        client, await send(client, f"{here}/write-offs", write_off_amount="10", write_off_reason="Øre")
    )
    assert "Somebody else has to approve it." in proposed
    found = re.search(r"/write-offs/([0-9a-f-]{36})/decline", (await client.get(here)).text)[1]
    own = await send(client, f"{here}/write-offs/{found}/approve")
    assert own.status_code == 422
    assert "Somebody else than" in text(own)
    async with other_browser(client, "ingrid@klynge.example") as second:
        approved = await done(second, await send(second, f"{here}/write-offs/{found}/approve"))
        assert "Written off." in approved
    assert await owed(context, mine) == mine.gross - 10_00


async def test_a_credit_note_is_seen_before_it_is_issued(
    client: httpx.AsyncClient, context: Context, mine: Bill
) -> None:
    await sign_in(client)
    here = f"{page_of(mine)}/credit-note"
    assert "All that is left" in text(await client.get(here))
    charge = await count(context, "select count(*) from charge where invoice_id = $1", mine.id)
    line: UUID = await count(context, "select id from charge where invoice_id = $1 order by net desc limit 1", mine.id)
    assert charge
    for typed, field, said in (
        ({"what": "whole"}, "reason", "Say why"),
        ({"what": "lines", "reason": "x"}, "what", "Choose at least one line."),
        ({"what": "amount", "reason": "x", "amount": "?"}, "amount", "Write the amount like"),
        ({"what": "amount", "reason": "x", "amount": "99999999"}, "amount", "More would be credited"),
        (
            {"what": "lines", "reason": "x", f"take-{line}": "yes", f"amount-{line}": "99999999"},
            f"amount-{line}",
            "More would",
        ),
        (
            {"what": "lines", "reason": "x", f"take-{line}": "yes", f"amount-{line}": "-5"},
            f"amount-{line}",
            "above zero",
        ),
    ):
        wrong = await send(client, here, do="issue", **typed)
        assert wrong.status_code == 422, typed
        assert said in text(wrong)
        assert f'id="{field}-error"' in wrong.text
    before = await count(context, "select last_number from invoice_series where series = 'NORA'")
    seen = await send(client, here, do="look", what="amount", amount="1 000", reason="Avtalt prisavslag")
    assert seen.status_code == 200
    assert "Avtalt prisavslag" in text(seen)
    assert "Issue the credit note over" in text(seen)
    assert await count(context, "select last_number from invoice_series where series = 'NORA'") == before
    assert await count(context, "select count(*) from invoice where credits_id = $1", mine.id) == 0
    issued = await send(client, here, do="issue", what="amount", amount="1 000", reason="Avtalt prisavslag")
    shown = await done(client, issued)
    assert "Credit note issued." in shown
    assert "Taken back" in shown
    part = await send(client, here, do="issue", what="whole", reason="Resten", again="yes")
    assert part.status_code == 422, "only what was credited at once is billed anew"
    rest = await done(client, await send(client, here, do="issue", what="whole", reason="Resten"))
    assert "Credit note" in rest
    assert await owed(context, mine) == 0
    assert "Credited" in text(await client.get(page_of(mine)))
    again = await send(client, here, do="issue", what="whole", reason="Mer")
    assert again.status_code == 409


async def test_it_is_sent_again_and_what_failed_is_listed(
    client: httpx.AsyncClient, context: Context, mine: Bill
) -> None:
    await sign_in(client)
    wrong = await send(client, f"{page_of(mine)}/deliveries", email="ikke en adresse")
    assert wrong.status_code == 422
    assert 'id="email-error"' in wrong.text
    sent = await done(client, await send(client, f"{page_of(mine)}/deliveries", email="ny@papir.example"))
    assert "ny@papir.example" in sent
    async with context.db.tx() as connection:
        await connection.execute("update invoice_delivery set status = 'failed' where invoice_id = $1", mine.id)
    listed = await client.get(LIST)
    assert "One invoice did not reach its buyer" in text(listed)
    assert f"NORA-{mine.number}" in text(await client.get(f"{LIST}?undelivered=yes"))


async def test_billing_details_are_changed_where_they_are_needed(
    client: httpx.AsyncClient, context: Context, mine: Bill
) -> None:
    await sign_in(client)
    here = f"{LIST}/billing/{mine.organisation}"
    assert "Papir AS" in text(await client.get(here))
    for field, value in (("email", "nei"), ("peppol_id", "971"), ("city", "x" * 101)):
        wrong = await send(client, here, **{field: value})
        assert wrong.status_code == 422
        assert f'id="{field}-error"' in wrong.text
    saved = await done(
        client, await send(client, here, email="faktura@papir.example", language="en", back=page_of(mine))
    )
    assert "Billing details saved." in saved
    stored = await count(
        context, "select email || ' ' || language from billing where organisation_id = $1", mine.organisation
    )
    assert stored == "faktura@papir.example en"
    elsewhere = await send(client, here, email="a@b.example", back="//evil.example/")
    assert elsewhere.headers["location"].startswith(here)


async def test_every_kind_of_event_has_its_words(client: httpx.AsyncClient, context: Context, mine: Bill) -> None:
    async with context.db.tx() as connection:
        for kind in EVENTS:
            await connection.execute(
                "insert into invoice_event (invoice_id, kind, actor, detail, recorded_at)"
                " values ($1, $2, 'x', '{}', now())",
                mine.id,
                kind,
            )
    await sign_in(client, language="nb")
    shown = text(await client.get(page_of(mine)))
    assert "Ubetalt igjen" in shown
    assert "reopened" not in shown


async def test_others_see_nothing_of_it(client: httpx.AsyncClient, mine: Bill) -> None:
    assert (await client.get(page_of(mine))).status_code == 303
    async with other_browser(client, "claire@klynge.example") as claire:
        for path in (page_of(mine), f"{CLAIRE}/invoices/{mine.id}", f"{CLAIRE}/invoices/{mine.id}/pdf"):
            assert (await claire.get(path)).status_code == 404, path
        for path in ("payments", "issue", "deliveries", "credit-note"):
            assert (await send(claire, f"{CLAIRE}/invoices/{mine.id}/{path}", amount="1")).status_code == 404
    await sign_in(client)
    assert (await client.get(f"{CLAIRE}/invoices/{mine.id}")).status_code == 404
    assert (await client.get(f"{LIST}/none")).status_code == 404


async def test_drafts_of_several_rules_broken_tell_all_of_them(context: Context, actor: Actor) -> None:
    made = await draft(context, actor, "Land AS")
    async with context.db.tx() as connection:
        await connection.execute(
            "update host set country = '', name = '' where id = (select host_id from invoice where id = $1)", made
        )
    found = await invoices.look(context, actor, made)
    assert found.document is None
    assert len(found.obstacles) >= 2
    assert len({str(each.params.get("rule")) for each in found.obstacles}) == len(found.obstacles)
