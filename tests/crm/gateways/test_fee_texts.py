"""Fee tables as text: every real one survives being written, has words, and each mistake names its line and field."""

import pytest

from cluster_rules.errors import RulebookError
from cluster_rules.networks import Rulebook
from crm import fee_words, rulebook_mistakes
from crm import rulebook_words as words
from crm.gateways import rulebook_text
from crm.i18n import translator
from tests.cluster_rules import fee_cases
from tests.cluster_rules.fee_cases import Case
from tests.crm.test_words import KEPT

NB, EN = translator("nb"), translator("en")
CASES = fee_cases.cases()


@pytest.mark.parametrize("name", fee_cases.tables())
def test_a_table_that_was_written_reads_the_same(name: str) -> None:
    book = fee_cases.table(name)
    text = rulebook_text.write(book)
    assert rulebook_text.read(text) == book
    assert "basis_points = 0" not in text and "hours = 0" not in text, "what says nothing is left out"


@pytest.mark.parametrize("name", fee_cases.tables())
def test_every_fee_is_told_in_words_without_a_hole(name: str) -> None:
    book = fee_cases.table(name)
    for fee in (fee for tier in book.tiers for fee in tier.fees):
        for t in (NB, EN):
            said = words.fee(t, fee, book.currency, book.indexes)
            assert said and "%(" not in said and "None" not in said
            for each in fee.discounts:
                assert "%(" not in words.discount(t, KEPT, each, book.currency)


def test_fees_in_words() -> None:
    assert _said("solenergiklyngen", "partner", 0) == (
        "NOK 500 for turnover under NOK 10,000,000 or employees under 10; otherwise NOK 1,000"
    )
    assert _said("swedish-branch-body", "member", 0).endswith("; once, in the first year")
    assert "15% of Price base amount" in _said("swedish-branch-body", "member", 1)
    assert "as of 31.12 before the year" in _said("ok-landsforening", "member", 0)
    assert _said("innakva", "company", 1).startswith("full-time equivalents: 0 to under 4: 10 hours of work")


def _said(name: str, tier: str, place: int) -> str:
    book: Rulebook = fee_cases.table(name)
    found = book.tier(tier)
    assert found is not None
    return words.fee(EN, found.fees[place], book.currency, book.indexes).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("case", CASES[::7], ids=str)
def test_every_line_says_how_it_came_about(case: Case) -> None:
    for line in fee_cases.priced(case):
        for t in (NB, EN):
            steps = [{"code": step.code, "values": step.values} for step in line.steps]
            said = fee_words.explain(t, steps, line.currency, example=False)
            assert said and "%(" not in said


TEXT = rulebook_text.write(fee_cases.table("solenergiklyngen"))
SWEDEN = rulebook_text.write(fee_cases.table("swedish-branch-body"))
EIC = rulebook_text.write(fee_cases.table("energy-innovation-cluster"))
SERVICE = "tiers.partner.fees.service"


@pytest.mark.parametrize(
    ("text", "old", "new", "code", "field"),
    [
        (TEXT, "amount = 2200000", "amount = 2200000, hours = 5", "price_wrong", f"{SERVICE}.cases[1]"),
        (TEXT, "amount = 2200000", "basis_points = 5", "price_wrong", f"{SERVICE}.cases[1].index"),
        (TEXT, "amount = 2200000", "amount = -1", "fixed_fee_wrong", f"{SERVICE}.cases[1]"),
        (TEXT, "below = 51", "from = 51, below = 51", "range_wrong", f"{SERVICE}.cases[1].when[1].employees"),
        (TEXT, "amount = 4700000", "amount = 4700000, when = [{ employees = { below = 9 } }]", "cases_wrong", ""),
        (TEXT, "cap = 11400000", "cap = -1", "price_wrong", "tiers.core.fees.service"),
        (
            TEXT,
            'vat = "standard"',
            'vat = "standard"\nfree_after = "02-30"',
            "rulebook_malformed",
            f"{SERVICE}.free_after",
        ),
        (TEXT, 'country = "NO"', 'country = "XX"', "vat_country_unknown", "vat.country"),
        (
            SWEDEN,
            'code = "prisbasbelopp"',
            'code = "other"',
            "index_missing",
            "tiers.member.fees.yearly.bands[0].index",
        ),
        (
            SWEDEN,
            'reference = "12-31"',
            'reference = "31.12"',
            "rulebook_malformed",
            "tiers.member.fees.yearly.reference",
        ),
        (EIC, "years = 1", "years = -1", "discount_wrong", "tiers.company.fees.fee.discounts[0]"),
        (EIC, "years = 1", "months = 3", "discount_wrong", "tiers.company.fees.fee.discounts[0]"),
        (EIC, 'kind = "window"', 'kind = "project"', "project_days_missing", "period.kind"),
    ],
)
def test_a_mistake_names_its_line_and_field(text: str, old: str, new: str, code: str, field: str) -> None:
    assert old in text
    wrong = text.replace(old, new, 1)
    with pytest.raises(RulebookError) as refused:
        rulebook_text.read(wrong)
    error = refused.value
    assert error.code == code
    assert error.field == field or not field
    line = wrong.splitlines()[error.params["line"] - 1]
    assert error.params["line"] > 1
    for t in (NB, EN):
        said = rulebook_mistakes.mistake(t, KEPT, error)
        assert str(error.params["line"]) in said and "%(" not in said, line
