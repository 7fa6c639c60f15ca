"""The page of payments to place: a file uploaded, money placed and taken back, returns, write-offs; never a 500."""

import re

import httpx
import pytest

from crm.actions import bank, payments
from crm.actor import Actor
from crm.context import Context
from crm.web import amounts
from tests.crm.actions.test_bank import in_suspense, owed
from tests.crm.billing import NETWORK, Bill, bill, entry, kroner, notification
from tests.crm.web.office import send, sign_in, text, token

pytestmark = pytest.mark.anyio

HERE = f"/n/{NETWORK}/invoices/suspense"


@pytest.fixture
async def mine(context: Context, actor: Actor) -> Bill:
    return await bill(context, actor, "Plasser AS")


async def upload(client: httpx.AsyncClient, content: bytes, name: str = "camt054.xml") -> httpx.Response:
    given = await token(client, HERE)
    files = {"file": (name, content, "text/xml")}
    return await client.post(f"{HERE}/files", data={"_csrf_token": given}, files=files)


async def test_a_file_is_imported_and_its_suspense_worked_off(
    client: httpx.AsyncClient, context: Context, mine: Bill
) -> None:
    await sign_in(client)
    assert "Nothing to place." in text(await client.get(HERE))
    file = notification(entry("W1", kroner(mine.gross), text="Kontingent", payer="Plasser AS"))
    done = await upload(client, file)
    assert done.status_code == 303, done.text
    shown = await client.get(done.headers["location"])
    assert "camt054.xml: 1 lines, 1 of them new." in text(shown)
    assert f"NORA-{mine.number}, Plasser AS" in text(shown)
    ids = re.findall(r' id="([^"]+)"', shown.text)
    assert len(ids) == len(set(ids))

    ((payment, left),) = await in_suspense(context)
    assert left == mine.gross
    for typed, said in (
        ({}, "Enter an amount for at least one invoice."),
        ({f"amount-{mine.id}": "mye"}, "Write the amount like 1500 or 1 500,50."),
        ({"number": "NORA-99999", "other": "1"}, "No issued invoice has the number NORA-99999."),
        ({f"amount-{mine.id}": "999999999"}, "That money is not there any more"),
    ):
        wrong = await send(client, f"{HERE}/{payment}/placements", **typed)
        assert wrong.status_code == 422
        assert said in text(wrong)
    noted = await send(client, f"{HERE}/{payment}/notes", note="Ringer i morgen")
    assert "Note saved." in text(await client.get(noted.headers["location"]))
    typed = {f"amount-{mine.id}": f"{mine.gross // 100},{mine.gross % 100:02}"}
    placed = await send(client, f"{HERE}/{payment}/placements", **typed)
    shown = await client.get(placed.headers["location"])
    assert "Placed." in text(shown)
    assert await owed(context, mine) == 0
    booking = placed.headers["location"].rpartition("=")[2]
    undone = await send(client, f"{HERE}/bookings/{booking}/take-back")
    assert "Taken back." in text(await client.get(undone.headers["location"]))
    assert await owed(context, mine) == mine.gross
    by_number = {"number": f"nora-{mine.number}", "other": "10", "credit": "yes"}
    assert (await send(client, f"{HERE}/{payment}/placements", **by_number)).status_code == 303
    refund = await send(client, f"{HERE}/{payment}/refunds", refund="10,00", why="Feil konto")
    assert refund.status_code == 303
    assert (await in_suspense(context))[0][1] == mine.gross - 1000


async def test_what_is_no_bank_file_is_refused_in_words(client: httpx.AsyncClient, mine: Bill) -> None:
    await sign_in(client, language="nb")
    wrong = await upload(client, b"ikke xml")
    assert wrong.status_code == 422
    assert "Filen er ikke XML som kan leses" in text(wrong)
    none = await upload(client, b"", "")
    assert none.status_code == 422
    assert "Velg en fil." in text(none)


async def test_a_return_is_given_its_payment_and_a_write_off_its_second_person(
    client: httpx.AsyncClient, context: Context, actor: Actor, mine: Bill
) -> None:
    await bank.import_file(context, actor, mine.host, "a.xml", notification(entry("W1", "10.00", mine.kid)))
    await bank.import_file(context, actor, mine.host, "b.xml", notification(entry("W2", "5.00", returns="ANNEN")))
    proposed = await payments.propose_write_off(context, actor, mine.id, 100, "Småbeløp")
    await sign_in(client)
    shown = await client.get(HERE)
    assert "Taken back by the bank:" in text(shown)
    async with context.db.tx() as connection:
        line = await connection.fetchval("select id from bank_line where problem <> ''")
        payment = await connection.fetchval("select id from payment where provider = 'bank'")
    done = await send(client, f"{HERE}/returns/{line}", payment=str(payment))
    assert done.status_code == 303
    assert await owed(context, mine) == mine.gross - 500
    approved = await send(client, f"{HERE}/write-offs/{proposed}/approve")
    assert "Written off." in text(await client.get(approved.headers["location"]))
    assert await owed(context, mine) == mine.gross - 600
    again = await send(client, f"{HERE}/write-offs/{proposed}/decline")
    assert again.status_code == 409


async def test_nobody_else_gets_in(client: httpx.AsyncClient) -> None:
    assert (await client.get(HERE)).status_code == 303


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        ("1500", "NOK", 150000),
        ("1 500,50", "NOK", 150050),
        ("1.500,5", "NOK", 150050),
        ("1500.5", "NOK", 150050),
        ("0,01", "EUR", 1),
        ("12 345 678", "NOK", 1234567800),
        ("1500", "ISK", 1500),
        ("1.500,00", "ISK", 1500),
        ("1500,5", "ISK", None),
        ("1,5,0", "NOK", None),
        ("-5", "NOK", None),
        ("5 kr", "NOK", None),
        ("1 50", "NOK", None),
        ("", "NOK", None),
    ],
)
def test_amounts_as_people_write_them(typed: str, currency: str, amount: int | None) -> None:
    assert amounts.read(typed, currency) == amount


@pytest.mark.parametrize(("currency", "shown"), [("NOK", "1234,56"), ("ISK", "123456")])
def test_what_a_field_shows_is_read_as_the_same_amount(currency: str, shown: str) -> None:
    assert amounts.write("nb", 123456, currency) == shown
    for language in ("nb", "en"):
        assert amounts.read(amounts.write(language, 123456, currency), currency) == 123456
