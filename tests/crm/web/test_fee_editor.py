"""The fees of a level written in rows: a form reads back as the same document, mistakes stand beside their rows."""

import re
import tomllib
from datetime import date
from pathlib import Path

import msgspec
import pytest

from cluster_rules.money import digits
from crm.demo import DATA
from crm.gateways import rulebook_text
from crm.web import fee_forms
from crm.web import rulebook_forms as forms
from tests.crm.web.office import send, sign_in, text
from tests.crm.web.rule_forms import DRAFT, begin, fields_of, stored

pytestmark = pytest.mark.anyio
FEES = f"{DRAFT}/fees"
TABLES = sorted((Path(__file__).parents[2] / "fee_tables").glob("*.toml"))
EXAMPLES = sorted(path for path in DATA.rglob("*.toml") if "tiers" in tomllib.loads(path.read_text("utf-8")))


async def stand_in(context, file):
    """A rulebook from a file as the draft of NORA's; its networks need not be there."""
    book = msgspec.structs.replace(rulebook_text.read(file.read_text("utf-8")), network="nora-industry-network")
    async with context.db.tx() as connection:
        await connection.execute("update rulebook_draft set body = $1", msgspec.to_builtins(book))
    return book


@pytest.mark.parametrize("file", [*TABLES, *EXAMPLES], ids=lambda path: path.stem)
async def test_every_fee_table_shown_as_a_form_reads_back_as_the_same_document(client, context, file):
    await sign_in(client)
    await begin(client)
    book = await stand_in(context, file)
    for tier in forms.document(book)["tiers"]:
        for language in ("nb", "en"):
            client.cookies.set("lang", language)
            typed = fields_of(await client.get(f"{FEES}?code={tier['code']}"), "fees")
            made = fee_forms.applied(language, digits(book.currency), tier["fees"], typed)
            assert (made.fees, made.mistakes) == (tier["fees"], {}), tier["code"]


def row(at, **fields):
    """The fields of a new row, as a browser sends them."""
    return {f"{at}.was": [""]} | {f"{at}.{name.replace('__', '.')}": [value] for name, value in fields.items()}


async def pressed(client, fields, wish):
    """The form after a button of a row was pressed: nothing is stored, the fields come back."""
    answer = await client.post(FEES, data=fields | {"do": [wish]})
    assert answer.status_code == 200, text(answer)
    return fields_of(answer, "fees")


PRINCIPAL = f"{FEES}?code=principal"
BANDS = row("fees.0.bands.0", **{"from": "", "below": "10", "amount": "10,000"}) | row(
    "fees.0.bands.1", **{"from": "10", "below": "", "amount": "45,000.50"}
)
KINDS = {
    "an amount": ({"fees.0.price.amount": ["45,000.50"]}, {"basis": "fixed", "amount": 4_500_050}),
    "hours that are billed": (
        {"fees.0.price.as": ["hours"], "fees.0.price.hours": ["80"], "fees.0.hour_value": ["1,250"]}
        | {"fees.0.hours_as": ["money"]},
        {"hours": 80, "hour_value": 125_000, "hours_as": "money", "amount": 0},
    ),
    "bands by employees": (
        {"fees.0.basis": ["employees"]} | BANDS,
        {
            "amount": 0,
            "bands": [{"amount": 1_000_000, "from": 0, "below": 10}, {"amount": 4_500_050, "from": 10, "below": None}],
        },
    ),
    "bands typed in another order": (
        {"fees.0.basis": ["fte"]}
        | row("fees.0.bands.0", **{"from": "3.5", "amount": "2"})
        | row("fees.0.bands.1", **{"below": "3.5", "amount": "1"}),
        {"bands": [{"amount": 100, "from": 0, "below": 350}, {"amount": 200, "from": 350, "below": None}]},
    ),
    "a percentage of the turnover": (
        {"fees.0.basis": ["turnover"], "fees.0.size_currency": ["EUR"], "fees.0.scope": ["group"]}
        | row("fees.0.bands.0", **{"as": "percent", "percent": "0.03", "floor": "10,000", "cap": "60,100"}),
        {"size_currency": "EUR", "scope": "group"}
        | {"bands": [{"basis_points": 3, "floor": 1_000_000, "cap": 6_010_000, "from": 0, "below": None}]},
    ),
    "cases": (
        {"fees.0.basis": ["cases"]}
        | row("fees.0.cases.0", amount="500")
        | row("fees.0.cases.0.when.0", what="turnover", below="10,000,000")
        | row("fees.0.cases.0.when.1", join="and", what="parent", parent="not_foreign")
        | row("fees.0.cases.0.when.2", join="or", what="employees", below="10")
        | row("fees.0.cases.1", amount="1,000"),
        {
            "cases": [
                {
                    "amount": 50_000,
                    "when": [
                        {"turnover": {"from": 0, "below": 1_000_000_000}, "parent": "not_foreign"},
                        {"employees": {"from": 0, "below": 10}},
                    ],
                },
                {"amount": 100_000, "when": []},
            ]
        },
    ),
    "agreed with each member": (
        {"fees.0.basis": ["agreed"], "fees.0.cap": ["200,000"]},
        {"basis": "agreed", "cap": 20_000_000, "amount": 0},
    ),
    "an entry fee with its booking": (
        {"fees.0.charged": ["first_year"], "fees.0.vat": ["standard"], "fees.0.account": ["3000"]}
        | {"fees.0.source": ["Statutes 2026"], "fees.0.example": [], "fees.0.proration": ["none"]}
        | {"fees.0.free_after.day": ["01"], "fees.0.free_after.month": ["10"]},
        {"charged": "first_year", "vat": "standard", "account": "3000", "source": "Statutes 2026", "example": False}
        | {"proration": "none", "free_after": "10-01"},
    ),
    "a discount for members elsewhere": (
        row("fees.0.discounts.0", names__en="Members of CLAIRE", when="member_of", percent="25")
        | {
            "fees.0.discounts.0.network": ["claire-innovation-network/member"],
            "fees.0.discounts.0.from": ["2027-01-01"],
        },
        {
            "discounts": [
                {"names": {"nb": "", "en": "Members of CLAIRE"}, "network": "claire-innovation-network"}
                | {"tiers": ["member"], "percent": 25, "from": date(2027, 1, 1)}
            ]
        },
    ),
    "the first year free": (
        row("fees.0.discounts.0", names__nb="Første år gratis", when="fits", percent="100", years="1")
        | row("fees.0.discounts.0.fits.0", what="employees", below="5"),
        {"discounts": [{"when": "fits", "percent": 100, "years": 1, "fits": {"employees": {"from": 0, "below": 5}}}]},
    ),
}


def holds(said, wanted):
    """Does the document say at least this?"""
    if isinstance(wanted, dict):
        return all(holds(said[name], value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return len(said) == len(wanted) and all(holds(a, b) for a, b in zip(said, wanted, strict=True))
    return said == wanted


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_fee_is_written_in_fields(client, context, kind):
    typed, wanted = KINDS[kind]
    await sign_in(client)
    await begin(client)
    before = forms.document(await stored(context))["tiers"]
    fields = fields_of(await client.get(PRINCIPAL), "fees")
    answer = await client.post(FEES, data=fields | typed)
    assert answer.status_code == 303, text(answer)
    after = forms.document(await stored(context))["tiers"]
    changed = [n for n, tier in enumerate(after) if tier != before[n]]
    assert [after[n]["code"] for n in changed] == ["principal"]
    (fee,) = after[changed[0]]["fees"]
    assert fee["code"] == before[changed[0]]["fees"][0]["code"] and holds(fee, wanted), fee
    draft = text(await client.get(DRAFT))
    assert "Level Principal partner, fee Membership fee" in draft


WRONG = {
    "no number": ({"fees.0.price.amount": ["a lot"]}, "fees.0.price.amount", "“a lot” is not a number"),
    "no amount": ({"fees.0.price.amount": [""]}, "fees.0.price.amount", "A number is missing here."),
    "no name": ({"fees.0.names.nb": [""], "fees.0.names.en": [""]}, "fees.0.names.nb", "Write a name"),
    "no bands": ({"fees.0.basis": ["employees"]}, "fees.0.bands", "Write at least one band."),
    "a hole": (
        {"fees.0.basis": ["employees"]} | BANDS | {"fees.0.bands.1.from": ["20"]},
        "fees.0.bands.1.from",
        "nobody from 10 to under 20 is in a band",
    ),
    "an overlap": (
        {"fees.0.basis": ["employees"]} | BANDS | {"fees.0.bands.1.from": ["5"]},
        "fees.0.bands.1.from",
        "overlaps the one above, which ends at 10",
    ),
    "no beginning": (
        {"fees.0.basis": ["employees"]} | BANDS | {"fees.0.bands.0.from": ["1"]},
        "fees.0.bands.0.from",
        "The first band begins at 0.",
    ),
    "an end": (
        {"fees.0.basis": ["employees"]} | BANDS | {"fees.0.bands.1.below": ["99"]},
        "fees.0.bands.1.below",
        "The last band has no end",
    ),
    "a percentage of nothing": (
        {"fees.0.price.as": ["percent"], "fees.0.price.percent": ["15"]},
        "fees.0.price.index",
        "",
    ),
    "an index that is not there": (
        {"fees.0.price.as": ["percent"], "fees.0.price.percent": ["15"], "fees.0.price.index": ["g"]},
        "fees.0.price.index",
        "g",
    ),
    "cases without a last": (
        {"fees.0.basis": ["cases"]}
        | row("fees.0.cases.0", amount="1")
        | row("fees.0.cases.0.when.0", what="employees", below="3"),
        "fees.0.cases.0",
        "",
    ),
    "the same asked twice": (
        {"fees.0.basis": ["cases"]}
        | row("fees.0.cases.0", amount="1")
        | row("fees.0.cases.0.when.0", what="employees", below="3")
        | row("fees.0.cases.0.when.1", join="and", what="employees", below="9"),
        "fees.0.cases.0.when.1.what",
        "asked in a row above",
    ),
    "a discount of everything and more": (
        row("fees.0.discounts.0", names__en="x", when="fits", percent="140"),
        "fees.0.discounts.0.percent",
        "A percentage is from 1 to 100.",
    ),
    "a discount without a network": (
        row("fees.0.discounts.0", names__en="x", when="member_of", percent="40"),
        "fees.0.discounts.0.network",
        "Choose a network.",
    ),
    "a discount for members here": (
        row("fees.0.discounts.0", names__en="x", when="member_of", percent="40", network="nora-industry-network/"),
        "fees.0.discounts",
        "",
    ),
    "a day that is none": (
        row("fees.0.discounts.0", names__en="x", when="fits", percent="40") | {"fees.0.discounts.0.from": ["soon"]},
        "fees.0.discounts.0.from",
        "“soon” is not a day.",
    ),
    "half a day": ({"fees.0.free_after.day": ["01"]}, "fees.0.free_after.day", "Choose both a day and a month"),
    "a day not every year has": (
        {"fees.0.reference.day": ["29"], "fees.0.reference.month": ["02"]},
        "fees.0.reference",
        "02-29",
    ),
    "no such treatment": ({"fees.0.vat": ["free"]}, "fees.0.vat", "is not one of the words"),
    "billed hours without a value": ({"fees.0.hours_as": ["money"]}, "fees.0.hour_value", ""),
}


@pytest.mark.parametrize("mistake", WRONG)
async def test_a_mistake_is_named_at_its_row_what_was_typed_stays_and_nothing_is_stored(client, context, mistake):
    typed, field, said = WRONG[mistake]
    await sign_in(client)
    await begin(client)
    before = await stored(context)
    fields = fields_of(await client.get(PRINCIPAL), "fees") | typed
    answer = await client.post(FEES, data=fields)
    assert answer.status_code == 422, mistake
    found = re.findall(r'<a href="#(fees[^"]*)">', answer.text)
    assert found and all(f'id="{each}"' in answer.text for each in found), found
    assert any(each == field or each.startswith(f"{field}.") for each in found) and said in text(answer), found
    again = fields_of(answer, "fees")
    assert {name: again[name] for name in typed if name in again} == {n: v for n, v in typed.items() if n in again}
    assert await stored(context) == before


async def test_rows_are_added_moved_and_taken_out_before_anything_is_stored(client, context):
    await sign_in(client)
    await begin(client)
    before = await stored(context)
    fields = fields_of(await client.get(PRINCIPAL), "fees")
    fields = await pressed(client, fields, "add fees")
    assert (fields["fees.1.vat"], fields["fees.1.proration"]) == (["standard"], ["days"])
    fields |= {"fees.1.names.en": ["Entry fee"], "fees.1.price.amount": ["5,000"], "fees.1.charged": ["first_year"]}
    fields = await pressed(client, fields, "up fees.1")
    assert fields["fees.0.names.en"] == ["Entry fee"]
    fields = await pressed(client, fields | {"fees.0.basis": ["employees"]}, "add fees.0.bands")
    fields = await pressed(client, fields | {"fees.0.bands.0.below": ["50"]}, "add fees.0.bands")
    assert fields["fees.0.bands.1.from"] == ["50"]
    fields = await pressed(client, fields, "drop fees.0.bands.0")
    assert await stored(context) == before
    fields |= {"fees.0.bands.0.from": ["0"], "fees.0.bands.0.amount": ["7"]}
    assert (await client.post(FEES, data=fields)).status_code == 303
    fees = (await stored(context)).tier("principal").fees
    assert [fee.code for fee in fees] == ["entry-fee", before.tier("principal").fees[0].code]
    assert fees[1] == before.tier("principal").fees[0]
    fields = fields_of(await client.get(PRINCIPAL), "fees")
    assert (await client.post(FEES, data=await pressed(client, fields, "drop fees.0"))).status_code == 303
    assert await stored(context) == before


async def test_who_saves_over_somebody_elses_change_is_told_what_differs(client, context):
    await sign_in(client)
    await begin(client)
    mine = fields_of(await client.get(PRINCIPAL), "fees")
    theirs = mine | {"fees.0.price.amount": ["160,000"]}
    assert (await client.post(FEES, data=theirs)).status_code == 303
    mine |= {"fees.0.price.amount": ["170,000"]}
    answer = await client.post(FEES, data=mine)
    assert answer.status_code == 409
    assert "The draft was changed meanwhile" in text(answer)
    assert "NOK 160,000 NOK 170,000" in text(answer)
    again = fields_of(answer, "fees")
    assert again["fees.0.price.amount"] == ["170,000"] and again["stamp"] != mine["stamp"]
    assert (await client.post(FEES, data=again)).status_code == 303
    assert (await stored(context)).tier("principal").fees[0].amount == 17_000_000


async def test_a_level_that_is_not_there_and_a_draft_that_is_gone(client, context):
    await sign_in(client)
    assert (await client.get(PRINCIPAL)).headers["location"].endswith("/setup/rules")
    await begin(client)
    assert (await client.get(f"{FEES}?code=king")).status_code == 404
    fields = fields_of(await client.get(PRINCIPAL), "fees")
    discarded = await send(client, f"{DRAFT}/discard", stamp=fields["stamp"][0])
    assert discarded.status_code == 303
    answer = await client.post(FEES, data=fields)
    assert answer.status_code == 409 and "The draft is gone" in text(answer)
