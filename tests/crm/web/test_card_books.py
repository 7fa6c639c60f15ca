"""Card payments compared: open differences are shown, hinted at, closed with a word; those of other hosts are not."""

from datetime import date
from uuid import UUID

import httpx
import pytest

from crm.actor import Actor
from crm.context import Context
from crm.store import cards
from tests.crm.billing import NETWORK, Bill, bill
from tests.crm.web.office import CLAIRE, count, other_browser, send, sign_in, text

pytestmark = pytest.mark.anyio

LIST = f"/n/{NETWORK}/invoices"
HERE = f"{LIST}/card-books"
DAY = date(2026, 11, 19)


@pytest.fixture
async def difference(context: Context, actor: Actor) -> UUID:
    mine: Bill = await bill(context, actor, "Kort AS")
    found = [cards.Difference("received", "ch_unknown", DAY, 250_000, None, "NOK", mine.host)]
    async with context.db.tx() as connection:
        await cards.note_differences(connection, "nora", DAY, DAY, found, context.clock.now())
        return await connection.fetchval("select id from card_difference where object_id = 'ch_unknown'")


async def test_a_difference_is_hinted_at_and_closed_with_a_word(
    client: httpx.AsyncClient, context: Context, difference: UUID
) -> None:
    await sign_in(client)
    assert "One thing about card payments needs a look" in text(await client.get(LIST))
    shown = text(await client.get(HERE))
    for expected in ("Card payment", "The provider knows of it, our books do not.", "NOK 2,500", "ch_unknown"):
        assert expected in shown
    wrong = await send(client, f"{HERE}/{difference}/close", **{f"note-{difference}": " "})
    assert wrong.status_code == 422
    assert f'id="note-{difference}-error"' in wrong.text
    done = await send(client, f"{HERE}/{difference}/close", **{f"note-{difference}": "Testbetaling hos Stripe"})
    assert done.status_code == 303
    after = text(await client.get(done.headers["location"]))
    assert "Nothing differs." in after
    assert "Testbetaling hos Stripe" in after
    assert "card payments needs a look" not in text(await client.get(LIST))
    assert (await send(client, f"{HERE}/{difference}/close", **{f"note-{difference}": "x"})).status_code == 404
    said = "select count(*) from audit where action = 'card_difference_closed'"
    assert await count(context, said) == 1


async def test_an_event_nobody_could_read_is_shown_while_it_is_new(client: httpx.AsyncClient, context: Context) -> None:
    async with context.db.tx() as connection:
        for name, days in (("evt_new", 1), ("evt_old", 9)):
            await connection.execute(
                "insert into card_event (id, account, kind, object, about, happened_at, received_at, status,"
                " last_error)"
                " values ($1, '', 'charge.updated', 'charge', $1 || '_charge', now(), $2::timestamptz"
                " - make_interval(days => $3), 'held', 'no answer')",
                name,
                context.clock.now(),
                days,
            )
    await sign_in(client)
    shown = text(await client.get(HERE))
    assert "evt_new_charge" in shown
    assert "evt_old_charge" not in shown


async def test_another_host_sees_none_of_it(client: httpx.AsyncClient, difference: UUID) -> None:
    async with other_browser(client, "claire@klynge.example") as claire:
        assert (await claire.get(HERE)).status_code == 404
        assert "ch_unknown" not in (await claire.get(f"{CLAIRE}/invoices/card-books")).text
        path = f"{CLAIRE}/invoices/card-books/{difference}/close"
        assert (await send(claire, path, **{f"note-{difference}": "x"})).status_code == 404
