"""Setting up by pages: host, network and colour, another network, terms, an agreement; who may, what is refused."""

import re
from datetime import date
from typing import Any

import httpx
import pytest

from crm import catalogue, terms
from crm.context import Context
from tests.crm.web.office import CLAIRE, CLAIRE_ONLY, EVERYTHING, NORA, NORA_ONLY, send, sign_in, text

pytestmark = pytest.mark.anyio
HOST_ADMIN = "vert@klynge.example"
HOST = {
    "name": "NORA",
    "country": "NO",
    "organisation_number": "971 035 854",
    "vat_number": "NO971035854MVA",
    "language": "nb",
    "time_zone": "Europe/Oslo",
    "invoice_series": "NORA",
    "email": "faktura@nora.example",
    "street": "Blindernveien 1",
    "postal_code": "0373",
    "city": "Oslo",
    "bank_account": "99990000014",
    "iban": "",
    "bic": "",
    "invoicing": "combined",
}
NEW = {
    "names_nb": "Havvindklyngen", "names_en": "Offshore Wind Cluster", "short_nb": "Havvind", "short_en": "Wind",
    "slug": "offshore-wind", "kind": "cluster", "currency": "NOK", "vat": "exempt_3_13",
    "level-1-nb": "Partner", "level-1-en": "Partner", "level-1-fee": "45,000.50",
    "level-2-nb": "Oppstart", "level-2-en": "", "level-2-fee": "",
}  # fmt: skip
AGREEMENT = {
    "other": "claire",
    "direction": "gives",
    "names_nb": "Havavtalen",
    "names_en": "The sea agreement",
    "code": "nora-sea",
    "starts_on": "2026-12-01",
    "last_day": "2028-11-30",
    "notice_days": "90",
    "on_end": "end_links",
    "purpose_nb": "",
    "purpose_en": "",
    "signature-1-name": "Ingrid Vik",
    "signature-1-role": "CEO",
    "signature-1-on": "2026-11-20",
    "signature-2-name": "Claire Dubois",
    "signature-2-role": "",
    "signature-2-on": "2026-11-21",
    "mutual": "yes",
}


async def kept(context: Context) -> catalogue.Catalogue:
    async with context.db.tx() as connection:
        return await catalogue.load(connection)


async def test_the_index_says_what_is_there_and_what_lacks(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    page = await client.get(f"{NORA}/setup")
    shown = text(page)
    ticks = re.findall(r"Done: </span></span>\s*<span class=\"grow\"><a[^>]*>([^<]+)", page.text)
    assert "Link rules" in ticks and "Fields of your own" not in ticks and "Import members" not in ticks
    assert "Levels and fees" in shown and "1 agreement" in shown and "lacks" not in shown
    for path in ("/setup/host", "/setup/network", "/setup/terms", "/setup/agreements", "/setup/rules", "/people"):
        assert f'href="{NORA}{path}"' in page.text and (await client.get(NORA + path)).status_code == 200, path
    for language, said in (("en", "lacks address"), ("nb", "mangler adresse")):
        await sign_in(client, language=language)
        assert said in text(await client.get(f"{CLAIRE}/setup"))


async def test_the_host_is_changed_and_it_is_written_down(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client, HOST_ADMIN, "en")
    assert (await send(client, f"{NORA}/setup/host", **HOST, in_business_register="yes")).status_code == 303
    async with context.db.tx() as connection:
        row = await connection.fetchrow("select * from host where code = 'nora'")
        said = await connection.fetchval(
            "select detail from audit where action = 'host_changed' order by seq desc limit 1"
        )
    assert (row["organisation_number"], row["in_business_register"], row["street"]) == (
        "971035854",
        True,
        "Blindernveien 1",
    )
    assert said["changes"]["street"] == ["Gaustadalléen 23 B", "Blindernveien 1"] and "name" not in said["changes"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", " ", "must be filled in"),
        ("organisation_number", "971035855", "check digit"),
        ("vat_number", "NO971035855MVA", ""),
        ("bank_account", "99990000015", "no Norwegian account"),
        ("iban", "BE68539007547035", "no IBAN"),
        ("bic", "nope", "no BIC"),
        ("time_zone", "Mars/Base", "no time zone"),
        ("time_zone", "../../etc/passwd", "no time zone"),
        ("invoice_series", "lower", "cannot begin invoice numbers"),
        ("email", "nobody", ""),
        ("country", "XX", ""),
    ],
)
async def test_wrong_fields_of_the_host(client: httpx.AsyncClient, field: str, value: str, said: str) -> None:
    await sign_in(client, HOST_ADMIN, "en")
    answer = await send(client, f"{NORA}/setup/host", **{**HOST, field: value})
    assert answer.status_code == 422 and said in text(answer)
    assert f'href="#{field}"' in answer.text and "<title>Error:" in answer.text
    if value.strip():
        assert value in answer.text, "what was typed stays"


async def test_a_series_with_numbers_stays(client: httpx.AsyncClient, context: Context) -> None:
    async with context.db.tx() as connection:
        await connection.execute(
            "insert into invoice_series (id, host_id, series, last_number)"
            " select gen_random_uuid(), id, 'NORA', 1 from host where code = 'nora'"
            " on conflict (host_id, series) do update set last_number = 1"
        )
    await sign_in(client, HOST_ADMIN, "en")
    answer = await send(client, f"{NORA}/setup/host", **{**HOST, "invoice_series": "OTHER"})
    assert answer.status_code == 409 and "it stays" in text(answer)


async def test_a_colour_of_ones_own_is_in_the_style_sheet_at_once(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    assert "data-color" not in (await client.get("/hues.css")).text
    told = {
        "summary_nb": "Om oss",
        "summary_en": "About us",
        "website": "https://nora.example",
        "founded": "2018-11-21",
    }
    answer = await send(client, f"{NORA}/setup/network", **told, colour="own", own_colour="#C81E5A")
    assert answer.status_code == 303
    sheet = await client.get("/hues.css")
    assert '[data-color="#c81e5a"]' in sheet.text and sheet.headers["content-type"].startswith("text/css")
    again = await client.get("/hues.css", headers={"if-none-match": sheet.headers["etag"]})
    assert (again.status_code, again.text) == (304, "")
    assert 'data-color="#c81e5a"' in (await client.get(NORA)).text
    for colour in ("red", "#12345", "#c81e5a;}body{display:none}"):
        refused = await send(client, f"{NORA}/setup/network", **told, colour="own", own_colour=colour)
        assert refused.status_code == 422 and "no colour" in text(refused)


async def test_another_network_can_be_worked_with_at_once(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client, HOST_ADMIN, "en")
    answer = await send(client, f"{NORA}/setup/networks/new", **NEW)
    assert (answer.status_code, answer.headers["location"]) == (303, "/n/offshore-wind/setup?done=made")
    assert "The network is made" in text(await client.get(answer.headers["location"]))
    book = (await kept(context)).book("offshore-wind", date(2026, 11, 22))
    assert [(tier.code, tier.names["nb"], sum(fee.amount for fee in tier.fees)) for tier in book.tiers] == [
        ("partner", "Partner", 4_500_050),
        ("oppstart", "Oppstart", 0),
    ]
    for path in ("", "/members", "/setup/rules", "/reports", "/applications"):
        assert (await client.get(f"/n/offshore-wind{path}")).status_code == 200, path
    assert "Offshore Wind Cluster" in text(await client.get("/en/networks/offshore-wind"))
    taken = await send(client, f"{NORA}/setup/networks/new", **NEW)
    assert taken.status_code in (409, 422) and "is taken by another network" in text(taken)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"slug": "Not A Slug"}, "slug"),
        ({"names_en": ""}, "names_en"),
        ({"kind": "gang"}, "kind"),
        ({"currency": "kr"}, "currency"),
        ({"level-1-fee": "a lot"}, "level-1-fee"),
        ({"level-1-nb": "", "level-1-fee": "", "level-1-en": "", "level-2-nb": ""}, "level-1-nb"),
    ],
)
async def test_a_network_with_something_wrong_is_not_made(
    client: httpx.AsyncClient, context: Context, changed: dict[str, str], field: str
) -> None:
    await sign_in(client, HOST_ADMIN, "en")
    answer = await send(client, f"{NORA}/setup/networks/new", **{**NEW, **changed})
    assert answer.status_code == 422 and f'href="#{field}"' in answer.text, text(answer)
    assert "offshore-wind" not in (await kept(context)).by_slug


async def test_terms_hold_from_their_day_and_keep_who_agreed_to_which(
    client: httpx.AsyncClient, context: Context
) -> None:
    await sign_in(client)
    first = {
        "body_nb": "Første avsnitt.\r\n\r\nAndre.",
        "body_en": "First.\r\n\r\nSecond.",
        "effective_from": "2026-11-22",
    }
    assert (await send(client, f"{NORA}/setup/terms", **first)).status_code == 303
    page = await client.get(f"{NORA}/setup/terms")
    assert "holds today" in text(page) and "Second." in page.text
    all_of = await kept(context)
    async with context.db.tx() as connection:
        found = await terms.current(connection, all_of, all_of.by_slug["nora-industry-network"], date(2026, 11, 22))
    assert found.body["nb"] == "Første avsnitt.\n\nAndre." and found.version > 1
    for wrong in ({"body_en": " "}, {"effective_from": "2026-11-21"}, {"effective_from": "soon"}):
        answer = await send(client, f"{NORA}/setup/terms", **{**first, **wrong})
        assert answer.status_code == 422 and f'href="#{next(iter(wrong))}"' in answer.text


async def test_an_agreement_is_made_with_who_signed_it(client: httpx.AsyncClient, context: Context) -> None:
    await sign_in(client, NORA_ONLY, "en")
    answer = await send(client, f"{NORA}/setup/new-agreement", **AGREEMENT)
    assert answer.status_code == 303, text(answer)
    shown = text(await client.get(answer.headers["location"]))
    assert "The agreement is made" in shown and "Ingrid Vik (CEO) for NORA Industry Network on 20 Nov 2026" in shown
    found = (await kept(context)).rulebooks.agreement("nora-sea")
    assert found and (found.source, found.target, found.period.end) == (
        "nora-industry-network",
        "claire",
        date(2028, 12, 1),
    )
    again = await send(client, f"{NORA}/setup/new-agreement", **AGREEMENT)
    assert again.status_code == 409 and "already" in text(again)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"other": ""}, "other"),
        ({"code": "Å"}, "code"),
        ({"names_nb": ""}, "names_nb"),
        ({"last_day": "2026-11-30"}, "last_day"),
        ({"starts_on": ""}, "starts_on"),
        ({"notice_days": "-1"}, "notice_days"),
        ({"on_end": "never"}, "on_end"),
        ({"signature-2-name": " "}, "signature-2-name"),
        ({"signature-1-on": "2027-01-01"}, "signature-1-on"),
        ({"mutual": None}, "mutual"),
    ],
)
async def test_a_wrong_agreement_is_not_made(
    client: httpx.AsyncClient, context: Context, changed: dict[str, Any], field: str
) -> None:
    await sign_in(client, NORA_ONLY, "en")
    fields = {name: value for name, value in {**AGREEMENT, **changed}.items() if value is not None}
    answer = await send(client, f"{NORA}/setup/new-agreement", **fields)
    assert answer.status_code == 422 and f'href="#{field}"' in answer.text, text(answer)
    assert (await kept(context)).rulebooks.agreement("nora-sea") is None


async def test_who_may(client: httpx.AsyncClient) -> None:
    """A manager sees the host and does not change it; a reader sees nothing; another tenant finds nothing."""
    await sign_in(client, NORA_ONLY, "en")
    for path in ("/setup/host", "/setup/networks/new"):
        page = await client.get(NORA + path)
        assert "Only those who administer the host" in text(page) and "Vera Holm" in text(page), "and who they are"
        assert "<form" not in page.text.split("<main")[1].split("</main>")[0], "what cannot be saved has no fields"
    assert "NORA" in text(await client.get(f"{NORA}/setup/host")) and "Another network" not in text(
        await client.get(f"{NORA}/setup")
    )
    assert (await send(client, f"{NORA}/setup/host", **HOST)).status_code == 403
    assert (await send(client, f"{NORA}/setup/networks/new", **NEW)).status_code == 403
    await sign_in(client, "leser@klynge.example")
    assert (await client.get(f"{NORA}/setup")).status_code == 403
    await sign_in(client, CLAIRE_ONLY)
    assert (await client.get(f"{NORA}/setup")).status_code == 404
    await sign_in(client, EVERYTHING)
    assert (await client.get(f"{NORA}/setup")).status_code == 200
