"""Members by file on pages: uploaded, its columns said, every row judged, stored, taken back; in both languages."""

import re
from uuid import UUID

import httpx
import pytest

from crm.actions import member_imports
from crm.context import Context
from tests.crm.web.office import CLAIRE_ONLY, count, send, sign_in, text

pytestmark = pytest.mark.anyio

HERE = "/n/nora-industry-network/imports"
FILE = (
    "Org.nr.;Navn;Medlemskap;Innmeldt;E-post;Kontaktperson;Inngående saldo;Forfall;Fakturanr\n"
    "982463718;Fjordvind Måling AS;principal;2026-02-01;kari@fjordvind.example;Kari Vik;12 500,00;15.03.2026;F-77\n"
    ";Nattlys Forlag AS;Gull;1.3.2024;;;;;\n"
)


async def uploaded(client: httpx.AsyncClient, content: bytes, name: str = "medlemmer.csv") -> httpx.Response:
    page = await client.get(HERE)
    token = page.text.split('name="_csrf_token" value="')[1].split('"')[0]
    return await client.post(HERE, data={"_csrf_token": token}, files={"file": (name, content)})


def fields(page: httpx.Response) -> dict[str, str]:
    """What the browser would send of the form of columns: what is chosen."""
    out: dict[str, str] = {}
    for part in page.text.split("<select ")[1:]:
        name = part.split('name="')[1].split('"')[0]
        chosen = part.split("</select>")[0].split(" selected")[0].rsplit('value="', 1)
        out[name] = chosen[1].split('"')[0] if " selected" in part.split("</select>")[0] else ""
    for part in page.text.split('type="hidden" name="word-')[1:]:
        out["word-" + part.split('"')[0]] = part.split('value="')[1].split('"')[0]
    return out


async def test_from_a_file_to_members_and_back(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    assert "No file yet." in text(await client.get(HERE))
    sent = await uploaded(client, FILE.encode("cp1252"))
    assert sent.status_code == 303, text(sent)
    place = sent.headers["location"]
    wanted = UUID(place.rsplit("/", 1)[1])
    asked = await client.get(place)
    assert "What are the columns?" in text(asked) and "Read as Windows-1252, columns apart by semicolons" in text(asked)
    typed = fields(asked)
    assert typed["column-0"] == "orgnr" and typed["column-3"] == "joined" and typed["column-8"] == "opening_reference"
    assert "Gull" in typed.values()
    mapped = await send(client, f"{place}/columns", **typed)
    assert mapped.status_code == 303
    looking = await client.get(place)
    assert looking.headers["refresh"] and "Looking at every row" in text(looking)
    await member_imports.check(context, wanted)
    refused = text(await client.get(place))
    assert "1 row cannot be taken" in refused and "Level: “Gull” is no level of this network." in refused
    early = await send(client, f"{place}/confirmation")
    assert early.status_code == 409 and "Nothing is stored before all can" in text(early)
    again = await client.get(f"{place}?columns=1")
    word = next(name for name, value in fields(again).items() if value == "Gull")
    level = word.replace("word-", "level-")
    assert (await send(client, f"{place}/columns", **fields(again) | {level: "partner"})).status_code == 303
    await member_imports.check(context, wanted)
    checked = text(await client.get(place))
    assert "Nothing is stored yet" in checked and "NOK 12,500" in checked and "linked membership" in checked
    assert (await send(client, f"{place}/confirmation")).status_code == 303
    await member_imports.load(context, wanted)
    done = await client.get(place)
    assert "2 rows were stored" in text(done) and "In the books: NOK 12,500 of opening" in text(done)
    assert "Fjordvind Måling AS" in text(await client.get("/n/nora-industry-network/members?q=fjordvind"))
    late = text(await client.get("/n/nora-industry-network/invoices?q=fjordvind"))
    assert "NIN-IB-1" in late or "-IB-1" in late
    assert (await send(client, f"{place}/undo")).status_code == 303
    await member_imports.take_back(context, wanted)
    undone = text(await client.get(place))
    assert "2 rows were taken back" in undone and "stays known by its numbers" in undone
    assert "In the books" not in undone, "what was taken back is in the books no longer"
    norwegian = await client.get(f"/language/nb?back={place}", follow_redirects=True)
    assert "2 rader er tatt tilbake" in text(norwegian)


async def test_a_file_that_cannot_be_read_is_told_and_not_kept(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    wrong = await uploaded(client, b"<html><table></table></html>", "medlemmer.xls")
    assert wrong.status_code == 422 and "The file is a web page" in text(wrong)
    none = await uploaded(client, b"", "")
    assert none.status_code == 422 and "Choose a file." in text(none)
    assert await count(context, "select count(*) from member_import") == 0


async def test_an_import_is_its_networks_own(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client)
    place = (await uploaded(client, FILE.encode())).headers["location"]
    assert (await client.get(place.replace("nora-industry-network", "claire"))).status_code == 404
    assert (await client.get(f"{HERE}/{UUID(int=7)}")).status_code == 404
    assert (await send(client, f"{place}/explosion")).status_code == 404
    assert (await send(client, f"{place}/drop")).status_code == 303
    assert (await client.get(place)).status_code == 404
    assert await count(context, "select count(*) from member_import where file is not null") == 0
    await client.post("/sign-out")
    await sign_in(client, CLAIRE_ONLY)
    assert (await client.get(HERE)).status_code in (403, 404)


async def test_an_opening_balance_has_its_page_its_paper_and_is_paid_there(
    client: httpx.AsyncClient, context: Context
) -> None:
    await sign_in(client)
    headings, owes, _ = FILE.splitlines(keepends=True)
    place = (await uploaded(client, (headings + owes).encode())).headers["location"]
    wanted = UUID(place.rsplit("/", 1)[1])
    assert (await send(client, f"{place}/columns", **fields(await client.get(place)))).status_code == 303
    await member_imports.check(context, wanted)
    assert (await send(client, f"{place}/confirmation")).status_code == 303
    await member_imports.load(context, wanted)
    listed = await client.get("/n/nora-industry-network/invoices?q=fjordvind")
    item = "/n/nora-industry-network/invoices/" + listed.text.split("/invoices/")[-1].split('"')[0]
    shown = await client.get(item)
    assert shown.status_code == 200, text(shown)
    assert "F-77" in text(shown) and "Opening balance" in text(shown) and "Record a payment" in text(shown)
    assert "/credit-note" not in shown.text, "what was billed elsewhere is credited elsewhere"
    paper = await client.get(f"{item}/pdf")
    assert paper.status_code == 200 and paper.content.startswith(b"%PDF")
    paid = await send(client, f"{item}/payments", amount="12500", received_on="2026-11-22", reference="")
    assert paid.status_code == 303
    assert "NOK 0" in text(await client.get(item))


async def test_an_opening_credit_is_shown_with_its_member_and_paid_back_there(
    client: httpx.AsyncClient, context: Context
) -> None:
    await sign_in(client)
    content = "Navn;Nivå;Innmeldt;Saldo;Fakturanr\nForskuddsbetaler AS;partner;01.02.2024;-1 250,50;KN-9\n".encode()
    place = (await uploaded(client, content)).headers["location"]
    await send(client, f"{place}/columns", **fields(await client.get(place)))
    wanted = UUID(place.rpartition("/")[2])
    await member_imports.check(context, wanted)
    assert "Opening credits NOK 1,250.50" in text(await client.get(place))
    await send(client, f"{place}/confirmation")
    await member_imports.load(context, wanted)
    done = await client.get(place)
    assert "In the books: NOK 1,250.50 of credit that is on no invoice yet." in text(done)
    member = re.search(r"/n/nora-industry-network/members/[0-9a-f-]{36}", done.text)[0]
    shown = await client.get(f"{member}/invoices")
    assert "Opening credit · KN-9 NOK 1,250.50" in text(shown) and "Has NOK 1,250.50 to its credit" in text(shown)
    assert "Opening credit: NOK 1,250.50" in text(await client.get(f"{member}/changes"))
    path, payment = re.search(r'action="([^"]+/suspense/([0-9a-f-]{36})/refunds)"', shown.text).groups()
    much = await send(client, path, **{f"refund.{payment}": "2000"})
    assert much.status_code == 422, "more than there is"
    assert (
        await send(client, path, **{f"refund.{payment}": "1 000", f"why.{payment}": "Asked for"})
    ).status_code == 303
    assert "Opening credit · KN-9 NOK 250.50" in text(await client.get(f"{member}/invoices"))
