"""Shared fees: both networks see the same statement, line by line; settled once, taken back; pages, CSV and API."""

from datetime import date

import httpx
import pytest

from crm.actions import fee_shares, invoices
from crm.actor import Actor
from crm.context import Context
from crm.errors import Forbidden, NotFound, Refused
from tests.crm.actions.test_payments import paid, rewritten
from tests.crm.api.support import V1
from tests.crm.billing import NETWORK, Bill, bill
from tests.crm.web.office import CLAIRE_ONLY, NORA_ONLY, other_browser, send, sign_in, text

pytestmark = pytest.mark.anyio

OTHER = "claire-innovation-network"
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
DAYS = f"from={FIRST}&to={LAST}"


async def shared(context: Context, actor: Actor) -> Bill:
    """A principal partner has paid; a tenth of it is owed to the network of its linked membership."""
    await rewritten(context, fee={"share_percent": 10, "share_vat": "standard"})
    mine = await bill(context, actor, "Delt AS", tier="principal")
    await paid(context, actor, mine, mine.gross)
    return mine


async def test_both_networks_see_the_same_figures(context: Context, actor: Actor) -> None:
    mine = await shared(context, actor)
    _, ours = await fee_shares.statement(context, actor, NETWORK, FIRST, LAST)
    _, theirs = await fee_shares.statement(context, actor, OTHER, FIRST, LAST)
    assert ours == theirs
    (line,) = ours.lines
    assert (line.members, line.rule, line.agreement, line.percent) == (
        "Delt AS",
        "principal-joins-claire",
        "nora-claire-2021",
        10,
    )
    (total,) = ours.sums
    assert total.net == line.net == (mine.gross + 5) // 10
    assert total.vat == (total.net * 25 + 50) // 100
    _, later = await fee_shares.statement(context, actor, NETWORK, date(2026, 12, 1), date(2026, 12, 31))
    assert (later.lines, later.sums) == ((), ())
    await invoices.credit(context, actor, mine.id, invoices.Credit("Feil"))
    _, none = await fee_shares.statement(context, actor, NETWORK, FIRST, LAST)
    assert none.sums == () and sum(each.net for each in none.lines) == 0


async def test_settled_once_seen_by_both_and_taken_back(context: Context, actor: Actor) -> None:
    await shared(context, actor)
    about = (NETWORK, OTHER, "NOK", FIRST, LAST)
    made = await fee_shares.settle(context, actor, OTHER, *about, "Faktura 14")
    for network in (NETWORK, OTHER):
        _, found = await fee_shares.statement(context, actor, network, FIRST, LAST)
        ((one),) = found.settlements
        assert (one.id, one.net, one.reference) == (made, found.sums[0].net, "Faktura 14")
    with pytest.raises(Refused, match="share_settled"):
        await fee_shares.settle(context, actor, NETWORK, NETWORK, OTHER, "NOK", FIRST, date(2026, 12, 5))
    with pytest.raises(Refused, match="share_nothing_owed"):
        await fee_shares.settle(context, actor, NETWORK, OTHER, NETWORK, "NOK", FIRST, LAST)
    await fee_shares.undo(context, actor, made)
    with pytest.raises(NotFound):
        await fee_shares.undo(context, actor, made)
    assert await fee_shares.settle(context, actor, NETWORK, *about) != made


async def test_who_manages_neither_sees_and_settles_nothing(context: Context, actor: Actor) -> None:
    await shared(context, actor)
    made = await fee_shares.settle(context, actor, NETWORK, NETWORK, OTHER, "NOK", FIRST, LAST)
    async with context.db.tx() as connection:
        third = await connection.fetchval("select id from network where slug = 'nora-startup'")
    stranger = Actor("Fremmed", "web", manages=frozenset({third}), reads=frozenset({third}))
    for call in (
        fee_shares.statement(context, stranger, NETWORK, FIRST, LAST),
        fee_shares.settle(context, stranger, NETWORK, NETWORK, OTHER, "NOK", FIRST, LAST),
        fee_shares.undo(context, stranger, made),
    ):
        with pytest.raises((NotFound, Forbidden)):
            await call
    async with context.db.reading(stranger.sees) as connection:
        assert await connection.fetchval("select count(*) from share_settlement") == 0
    async with context.db.reading(actor.sees) as connection:
        assert await connection.fetchval("select count(*) from share_settlement") == 1


async def test_pages_of_both_say_the_same_and_one_settles(
    client: httpx.AsyncClient, context: Context, actor: Actor
) -> None:
    await shared(context, actor)
    await sign_in(client, NORA_ONLY)
    page = text(await client.get(f"/n/{NETWORK}/shares?{DAYS}"))
    assert "NORA Industry Network owes CLAIRE Innovation Network" in page and "Delt AS" in page
    assert "Not settled" in page
    async with other_browser(client, CLAIRE_ONLY) as theirs:
        seen = text(await theirs.get(f"/n/{OTHER}/shares?{DAYS}"))
        assert "Delt AS" in seen and "nora-claire-2021" in seen
        form = {"source": NETWORK, "target": OTHER, "currency": "NOK", "from": FIRST, "to": LAST, "reference": "=14"}
        done = await send(theirs, f"/n/{OTHER}/shares/settlements", **form)
        assert done.status_code == 303
        again = await send(theirs, f"/n/{OTHER}/shares/settlements", **form)
        assert again.status_code == 409 and "settled already" in text(again)
    after = text(await client.get(f"/n/{NETWORK}/shares?{DAYS}"))
    assert "Not settled" not in after and "=14" in after
    file = await client.get(f"/n/{NETWORK}/shares.csv?{DAYS}")
    assert file.headers["content-type"].startswith("text/csv")
    assert file.text.count("\n") == 2 and "Delt AS" in file.text
    turned = await client.get(f"/n/{NETWORK}/shares?from=2026-12-01&to=2026-01-01")
    assert turned.status_code == 422


async def test_the_api_shows_settles_and_takes_back(
    client: httpx.AsyncClient,
    context: Context,
    actor: Actor,
    manager_headers: dict[str, str],
    partner_keys: dict[str, str],
) -> None:
    await shared(context, actor)
    path = f"{V1}/networks/{NETWORK}/fee-share-statement?{DAYS}"
    found = (await client.get(path, headers=manager_headers)).json()
    assert found["lines"][0]["members"] == "Delt AS" and found["settlements"] == []
    body = {"source": NETWORK, "target": OTHER, "currency": "NOK", "from": str(FIRST), "to": str(LAST)}
    where = f"{V1}/networks/{NETWORK}/fee-share-settlements"
    partner = {"Authorization": f"Bearer {partner_keys['nora-startup']}"}
    assert (await client.post(where, json=body, headers=partner)).status_code in (403, 404)
    made = await client.post(where, json=body, headers=manager_headers)
    assert (made.status_code, made.json()["net"]) == (201, found["sums"][0]["net"])
    assert (await client.get(path, headers=manager_headers)).json()["settlements"][0]["id"] == made.json()["id"]
    one = f"{V1}/fee-share-settlements/{made.json()['id']}"
    assert (await client.delete(one, headers=partner)).status_code in (403, 404)
    assert (await client.delete(one, headers=manager_headers)).status_code == 200
    assert (await client.get(path, headers=manager_headers)).json()["settlements"] == []
