"""A Norwegian seller bills in euro: VAT is told in kroner by a rate that a person enters, on paper and as EHF."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from cluster_rules.documents import Document, Local
from cluster_rules.errors import RuleViolation
from crm.actions import billing, invoices, verify
from crm.actions.billing import Details
from crm.actions.invoices import Credit, Exchange, ten_thousandths
from crm.actor import Actor
from crm.context import Context
from crm.errors import Invalid, Refused
from crm.gateways import document_view, invoice_files
from crm.store import documents
from tests.crm.actions.test_renewals import items, ran
from tests.crm.api.support import V1
from tests.crm.billing import NETWORK, draft
from tests.crm.gateways.test_ubl import objections
from tests.crm.web.office import send, sign_in, text

pytestmark = pytest.mark.anyio

TODAY = date(2026, 11, 22)
RATE = Exchange(117_345, "Norges Bank", date(2026, 11, 20))


async def in_euro(context: Context, vat: str = "standard") -> None:
    """From now on NORA Industry Network bills in euro, with VAT."""
    async with context.db.tx() as connection:
        await connection.execute("alter table rulebook disable trigger no_change")
        rows = await connection.fetch(
            "select r.id, r.body from rulebook r join network n on n.id = r.network_id where n.slug = $1", NETWORK
        )
        for row in rows:
            body: Any = row["body"] | {"currency": "EUR"}
            for tier in body["tiers"]:
                for fee in tier["fees"]:
                    fee["vat"] = vat
            await connection.execute(
                "update rulebook set body = $2, published_at = now() + make_interval(secs => random()) where id = $1",
                row["id"],
                body,
            )
        await connection.execute("alter table rulebook enable trigger no_change")
        iban = "update host set iban = 'NO9386011117947', bic = 'DNBANOKK' where code = 'nora'"
        await connection.execute(iban)


async def euro_draft(context: Context, actor: Actor, vat: str = "standard") -> UUID:
    """A draft in euro to somebody who takes e-invoices."""
    await in_euro(context, vat)
    made = await draft(context, actor, "Euro AS")
    async with context.db.tx() as connection:
        buyer = await connection.fetchval("select organisation_id from invoice where id = $1", made)
    await billing.change(context, actor, buyer, Details(buyer_reference="4711", peppol_id="0192:310004715"))
    return made


async def stored(context: Context, invoice: UUID) -> Document:
    async with context.db.tx() as connection:
        return await documents.stored(connection, invoice)


async def test_without_a_rate_it_is_refused_and_with_one_it_is_right_everywhere(context: Context, actor: Actor) -> None:
    wanted = await euro_draft(context, actor)
    with pytest.raises(RuleViolation) as refused:
        await invoices.issue(context, actor, wanted)
    assert (refused.value.code, refused.value.params) == ("exchange_rate_missing", {"currency": "EUR", "own": "NOK"})
    await invoices.exchange(context, actor, wanted, RATE)
    await invoices.issue(context, actor, wanted)
    paper = await stored(context, wanted)
    assert paper.totals.vat > 0
    kroner = (paper.totals.vat * 117_345 * 2 + 10_000) // 20_000
    assert paper.local == Local("NOK", 117_345, date(2026, 11, 20), kroner, "Norges Bank")
    xml = invoice_files.xml(paper)
    assert objections(xml) == set()  # schema, the official EN 16931 rules, our Peppol rules
    assert b"<cbc:TaxCurrencyCode>NOK</cbc:TaxCurrencyCode>" in xml and xml.count(b"<cac:TaxTotal>") == 2
    assert f'<cbc:TaxAmount currencyID="NOK">{kroner / 100:.2f}</cbc:TaxAmount>'.encode() in xml
    shown = document_view.shown(paper, "nb")["vat"]["local"]
    assert "11,7345" in shown and "Norges Bank" in shown and "NOK" in shown
    with pytest.raises(Refused, match="already_issued"):
        await invoices.exchange(context, actor, wanted, RATE)
    assert await verify.run(context) == []


async def test_a_credit_note_takes_the_same_rate(context: Context, actor: Actor) -> None:
    wanted = await euro_draft(context, actor)
    await invoices.exchange(context, actor, wanted, RATE)
    await invoices.issue(context, actor, wanted)
    note = await stored(context, (await invoices.credit(context, actor, wanted, Credit("Feil"))).id)
    assert note.local == (await stored(context, wanted)).local
    assert objections(invoice_files.xml(note)) == set()


async def test_what_bears_no_vat_needs_no_rate(context: Context, actor: Actor) -> None:
    wanted = await euro_draft(context, actor, "exempt_3_13")
    await invoices.issue(context, actor, wanted)
    assert (await stored(context, wanted)).local is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rate": 0}, "rate_wrong"),
        ({"rate": -1}, "rate_wrong"),
        ({"on": TODAY + timedelta(days=1)}, "date_out_of_range"),
        ({"on": TODAY - timedelta(days=32)}, "date_out_of_range"),
        ({"source": " "}, "required"),
    ],
)
async def test_a_wrong_rate_is_refused(context: Context, actor: Actor, change: dict[str, Any], code: str) -> None:
    wanted = await euro_draft(context, actor)
    with pytest.raises((RuleViolation, Invalid), match=code):
        await invoices.exchange(context, actor, wanted, msgspec.structs.replace(RATE, **change))
    with pytest.raises(RuleViolation, match="exchange_rate_missing"):
        await invoices.issue(context, actor, wanted)


async def test_a_rate_of_another_time_does_not_do(context: Context, actor: Actor) -> None:
    wanted = await euro_draft(context, actor)
    await invoices.exchange(context, actor, wanted, RATE)
    async with context.db.tx() as connection:
        await connection.execute("update invoice_rate set on_date = $1", TODAY - timedelta(days=32))
    with pytest.raises(RuleViolation, match="exchange_rate_old"):
        await invoices.issue(context, actor, wanted)


async def test_a_renewal_run_leaves_such_bills_to_a_person(context: Context, actor: Actor) -> None:
    await in_euro(context)
    run = await ran(context, actor, NETWORK)
    found = [each["problem"]["code"] for each in await items(context, run) if each["state"] == "failed"]
    assert set(found) <= {"exchange_rate_missing", "buyer_reference_missing"} and len(found) == 24


@pytest.mark.parametrize(
    ("typed", "read"),
    [("11.7345", 117_345), (" 11,7 ", 117_000), ("0.0001", 1), ("8", 80_000), ("1.23456", 0), ("1 000", 0), ("", 0)],
)
def test_a_rate_is_read_as_it_is_typed(typed: str, read: int) -> None:
    assert ten_thousandths(typed) == read


async def test_by_page_and_by_api(
    client: httpx.AsyncClient,
    context: Context,
    actor: Actor,
    manager_headers: dict[str, str],
    partner_keys: dict[str, str],
) -> None:
    wanted = await euro_draft(context, actor)
    await sign_in(client)
    here = f"/n/{NETWORK}/invoices/{wanted}"
    page = text(await client.get(here))
    assert "must be told in NOK" in page and "Exchange rate" in page
    wrong = await send(client, f"{here}/exchange-rate", rate="elleve", rate_source="Norges Bank", rate_on="2026-11-20")
    assert wrong.status_code == 422 and "at most four decimals" in text(wrong)
    done = await send(client, f"{here}/exchange-rate", rate="11,5", rate_source="Norges Bank", rate_on="2026-11-20")
    assert done.status_code == 303
    assert "must be told in NOK" not in text(await client.get(here))
    path, body = f"{V1}/invoices/{wanted}/exchange-rate", {"rate": "11.7345", "source": "ECB", "on": "2026-11-20"}
    partner = {"Authorization": f"Bearer {partner_keys['claire-innovation-network']}"}
    assert (await client.post(path, json=body, headers=partner)).status_code in (403, 404)
    bad = await client.post(path, json=body | {"rate": "11,7"}, headers=manager_headers)
    assert bad.status_code in (400, 422)
    assert (await client.post(path, json=body, headers=manager_headers)).status_code == 200
    assert (await client.post(f"{V1}/invoices/{wanted}/issue", headers=manager_headers)).status_code == 200
    local = (await stored(context, wanted)).local
    assert local and (local.rate, local.source) == (117_345, "ECB")
