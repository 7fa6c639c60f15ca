"""Against Stripe itself, when somebody gives a test key: KLYNGE_STRIPE_TEST_KEY=sk_test_... pytest <this file>.

Everything else is tested against our fake (tests/fakes/stripe.py), which is not Stripe. Without a key there is no test
here: nothing outside this machine is ever asked by the suite.
"""

import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from crm.gateways.stripe import Order, Rejected, StripeCards

KEY = os.environ.get("KLYNGE_STRIPE_TEST_KEY", "")

if KEY:
    assert KEY.startswith("sk_test_"), "only a test key: a live one would take money"

    @pytest.mark.anyio
    async def test_a_card_form_at_stripe_itself() -> None:
        cards = StripeCards(KEY)
        reference, key = str(uuid4()), str(uuid4())
        now = datetime.now(UTC)
        place = "https://klynge.example/en/pay/token"
        order = Order(reference, "Invoice of a test", 100_00, "NOK", place, place, "", now + timedelta(hours=1))
        opened = await cards.open_session(order, key)
        assert (opened.status, opened.amount, opened.currency, opened.reference) == ("open", 100_00, "NOK", reference)
        assert opened.url.startswith("https://checkout.stripe.com/")
        assert (await cards.open_session(order, key)).id == opened.id, "the same key is the same form"
        assert (await cards.session(opened.id)).status == "open"
        assert (await cards.expire_session(opened.id, f"{key}/expire")).status == "expired"
        with pytest.raises(Rejected):
            await cards.session("cs_test_nobody")
        assert [line async for line in cards.balance(now + timedelta(days=1), now + timedelta(days=2))] == []
        await cards.close()
