"""An organisation number fills in the rest of the sign-up, where the whole register was read."""

from io import BytesIO

import httpx
import pytest

from crm.actions.register import read
from crm.actor import Actor
from crm.context import Context
from crm.register_shapes import Wanted
from tests.crm.actions.test_register import DAY
from tests.crm.web.office import text
from tests.crm.web.wizard import NEW_NUMBERS, Visitor, application_of, one
from tests.register_files import packed, unit

pytestmark = pytest.mark.anyio
BUTTON = 'name="fill"'


async def the_whole_register(context: Context, *more: dict) -> None:
    async with context.db.tx() as connection:
        rows = await connection.fetch("select value from identifier where scheme = 'no-orgnr'")
    content = packed(*(unit(row["value"], "NAVN") for row in rows), *more)

    await read(context, Actor("operator", "cli"), "", BytesIO(content), Wanted("alle.json.gz", DAY, keep_all=True))


async def test_a_number_fills_in_name_and_kind_and_the_person_may_change_them(
    client: httpx.AsyncClient, context: Context
) -> None:
    visitor = await Visitor(client).begin()
    await visitor.post("level")
    assert BUTTON not in (await visitor.get("organisation")).page.text
    await the_whole_register(context, unit(NEW_NUMBERS[0], "FJORDLYS OG DATA AS", antallAnsatte=45))
    assert BUTTON in (await visitor.get("organisation")).page.text
    number = f"{NEW_NUMBERS[0][:3]} {NEW_NUMBERS[0][3:]}"
    page = await visitor.post("organisation", orgnr=number, name="", kind="", fill="yes")
    assert page.status_code == 200
    assert 'value="Fjordlys og Data AS"' in page.text and 'value="company" selected' in page.text
    said = text(page)
    assert "Filled in from Enhetsregisteret as of 20 Nov 2026." in said and "Place: Stavanger, Rogaland." in said
    assert "It counts 45 employees. Use that." in said and "/level?employees=45" in page.text
    saved = await one(context, "select answers from application where id = $1", await application_of(context, visitor))
    assert "organisation" not in saved or "name" not in saved["organisation"]  # filled in is not saved
    await visitor.post("organisation", orgnr=number, name="Fjordlys", kind="company")
    saved = await one(context, "select answers from application where id = $1", await application_of(context, visitor))
    assert saved["organisation"]["name"] == "Fjordlys"


@pytest.mark.parametrize("number", [NEW_NUMBERS[1], "", "99\x00999", "１２３４５６７８９"])
async def test_a_number_the_register_does_not_have_is_said_and_nothing_is_lost(
    client: httpx.AsyncClient, context: Context, number: str
) -> None:
    visitor = await Visitor(client, "nb").begin()
    await visitor.post("level")
    await the_whole_register(context)
    page = await visitor.post("organisation", orgnr=number, name="Noe annet AS", kind="company", fill="yes")
    assert page.status_code == 200
    assert "Registeret slik vi kjenner det, har ikke dette nummeret." in text(page)
    assert 'value="Noe annet AS"' in page.text
