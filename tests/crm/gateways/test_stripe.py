"""Card payments by the real `stripe` package against our fake: what it reads and refuses, what may have happened."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from crm.gateways.stripe import BadSignature, Order, Rejected, StripeCards, Unknown
from tests.fakes.serving import served
from tests.fakes.stripe import SECRET, Fake, nested

pytestmark = pytest.mark.anyio
KEY = "sk_test_fake"
ORDER = Order("0f6b", "Invoice 1001", 5_975_000, "NOK", "https://a.example/ok", "https://a.example/no", "a@b.example")


@pytest.fixture
def fake() -> Fake:
    return Fake(key=KEY)


@pytest.fixture
async def cards(fake: Fake) -> AsyncIterator[StripeCards]:
    async with served(fake) as address:
        fake.base = address
        client = StripeCards(KEY, ("whsec_former", SECRET), address, timeout=1.0)
        yield client
        await client.close()


async def test_a_payment_from_form_to_charge(fake: Fake, cards: StripeCards) -> None:
    opened = await cards.open_session(ORDER, "key-1")
    assert (opened.status, opened.amount, opened.currency, opened.reference) == ("open", 5_975_000, "NOK", "0f6b")
    async with httpx.AsyncClient() as payer:
        form = await payer.get(opened.url)
        assert "This is not Stripe" in form.text and "59,750.00 NOK" in form.text
        assert (await payer.post(opened.url, content=b"do=pay")).headers["location"] == ORDER.success_url
    paid = await cards.session(opened.id)
    assert paid.status == "complete"
    charge = await cards.charge_of_payment(paid.payment)
    assert charge
    assert (charge.amount, charge.currency, charge.paid, charge.reference) == (5_975_000, "NOK", True, "0f6b")
    assert await cards.charge(charge.id) == charge


async def test_a_krona_is_a_hundred_of_what_stripe_counts(fake: Fake, cards: StripeCards) -> None:
    """support.stripe.com: "ISK will remain a two-decimal currency in the Stripe API", in whole krónur only."""
    order = Order("0f6b", "Invoice 1001", 59_750, "ISK", "https://a.example/ok", "https://a.example/no")
    opened = await cards.open_session(order, "key-1")
    assert (opened.amount, fake.state.find("checkout.session", opened.id)["amount_total"]) == (59_750, 5_975_000)
    fake.state.pay(fake.state.find("checkout.session", opened.id))
    charge = await cards.charge_of_payment((await cards.session(opened.id)).payment)
    assert charge and (charge.amount, charge.currency) == (59_750, "ISK")
    back = await cards.refund(charge.id, 9_750, "ISK", "r1", "refund-1")
    assert (back.amount, fake.state.find("refund", back.id)["amount"]) == (9_750, 975_000)


async def test_the_same_key_is_the_same_form(fake: Fake, cards: StripeCards) -> None:
    assert await cards.open_session(ORDER, "key-1") == await cards.open_session(ORDER, "key-1")
    assert len(fake.state.objects) == 1
    other = Order("0f6b", "Invoice 1001", 1, "NOK", "https://a.example/ok", "https://a.example/no")
    with pytest.raises(Rejected):
        await cards.open_session(other, "key-1")
    assert (await cards.open_session(other, "key-2")).amount == 1


async def test_m13_an_answer_that_is_lost_is_asked_for_again(fake: Fake, cards: StripeCards) -> None:
    """It was done, but nobody heard of it: the package asks again, and so do we, always with the same key."""
    fake.faults.hang_after = [3.0, 3.0, 3.0]
    with pytest.raises(Unknown):
        await cards.open_session(ORDER, "key-1")
    again = await cards.open_session(ORDER, "key-1")
    assert [o["id"] for o in fake.state.objects.values()] == [again.id]
    assert {key for _, _, key in fake.requests} == {"key-1"}


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_faults_are_outlasted_and_if_they_last_said(fake: Fake, cards: StripeCards, status: int) -> None:
    fake.faults.statuses = [500]
    assert (await cards.open_session(ORDER, "key-1")).status == "open"
    fake.faults.statuses = [status] * 3
    with pytest.raises(Unknown):
        await cards.open_session(ORDER, "key-2")
    assert len(fake.state.objects) == 1


async def test_nobody_there(cards: StripeCards) -> None:
    lost = StripeCards(KEY, (), "http://127.0.0.1:9", timeout=0.5)
    with pytest.raises(Unknown):
        await lost.open_session(ORDER, "key-1")
    await lost.close()


async def test_a_wrong_key_is_rejected(fake: Fake, cards: StripeCards) -> None:
    wrong = StripeCards("sk_test_other", (), fake.base)
    with pytest.raises(Rejected):
        await wrong.session("cs_test_1")
    await wrong.close()
    with pytest.raises(Rejected) as missing:
        await cards.session("cs_test_1")
    assert missing.value.code == "resource_missing"


async def _charged(fake: Fake, cards: StripeCards) -> str:
    opened = await cards.open_session(ORDER, "key-1")
    fake.state.pay(fake.state.find("checkout.session", opened.id))
    paid = await cards.session(opened.id)
    charge = await cards.charge_of_payment(paid.payment)
    assert charge
    return charge.id


async def test_refunds_never_exceed_the_charge(fake: Fake, cards: StripeCards) -> None:
    charge = await _charged(fake, cards)
    first = await cards.refund(charge, 1_000_000, "NOK", "r1", "refund-1")
    assert (first.charge, first.amount, first.status, first.reference) == (charge, 1_000_000, "succeeded", "r1")
    assert await cards.refund(charge, 1_000_000, "NOK", "r1", "refund-1") == first
    with pytest.raises(Rejected):
        await cards.refund(charge, 5_000_000, "NOK", "r2", "refund-2")
    assert [r async for r in cards.refunds_of(charge)] == [first]
    assert await cards.refund_by_id(first.id) == first


async def test_disputes_and_payouts(fake: Fake, cards: StripeCards) -> None:
    charge = await _charged(fake, cards)
    made = fake.state.dispute(fake.state.find("charge", charge))
    assert (await cards.dispute(made["id"])).phase == "opened"
    fake.state.close_dispute(made, won=True)
    assert (await cards.dispute(made["id"])).phase == "won"
    payout = await cards.payout(fake.state.pay_out()["id"])
    fees = 5_975_000 * 24 // 1000 + 200 + 15_000
    assert (payout.amount, payout.status) == (5_975_000 - fees, "paid")


async def test_the_providers_books_page_by_page(
    fake: Fake, cards: StripeCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.gateways.stripe.PAGE", 2)
    charge = await _charged(fake, cards)
    for place in range(4):
        await cards.refund(charge, 100, "NOK", f"r{place}", f"refund-{place}")
    now = datetime.now(UTC)
    lines = [line async for line in cards.balance(now - timedelta(hours=1), now + timedelta(hours=1))]
    assert [line.kind for line in lines] == ["refund"] * 4 + ["charge"]
    assert (lines[-1].source, lines[-1].amount, lines[-1].fee) == (charge, 5_975_000, 5_975_000 * 24 // 1000 + 200)
    assert [line async for line in cards.balance(now + timedelta(hours=1), now + timedelta(hours=2))] == []


async def test_events_are_read_only_when_signed(fake: Fake, cards: StripeCards) -> None:
    fake.faults.hold = True
    charge = await _charged(fake, cards)
    (completed,) = [e for e in fake.held if e["type"] == "checkout.session.completed"]
    event = cards.read_event(*fake.signed(completed))
    assert (event.id, event.kind, event.object) == (completed["id"], "checkout.session.completed", "checkout.session")
    about = [cards.read_event(*fake.signed(e)).about for e in fake.held if e["type"] == "charge.succeeded"]
    assert about == [charge]
    payload, signature = fake.signed(completed)
    for wrong in ((payload + b" ", signature), (payload, ""), (payload, "t=1,v1=00"), (b"not json", signature)):
        with pytest.raises(BadSignature):
            cards.read_event(*wrong)
    fake.faults.bad_signature = True
    with pytest.raises(BadSignature):
        cards.read_event(*fake.signed(completed))
    fake.faults.bad_signature, fake.faults.age = False, 600
    with pytest.raises(BadSignature):  # ten minutes late (AC-22)
        cards.read_event(*fake.signed(completed))
    fake.faults.age = 240
    assert cards.read_event(*fake.signed(completed)) == event


def test_the_fake_reads_what_the_package_writes() -> None:
    given = nested("mode=payment&line_items[0][price_data][currency]=nok&line_items[1][quantity]=2&metadata[a]=b")
    assert given == {
        "mode": "payment",
        "line_items": [{"price_data": {"currency": "nok"}}, {"quantity": "2"}],
        "metadata": {"a": "b"},
    }
