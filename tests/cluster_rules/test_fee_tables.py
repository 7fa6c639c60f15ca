"""AC-15: every real fee table of domain.md 1.15 is a rule file, and prices what was worked out by hand from it."""

from datetime import date
from typing import Any

import pytest

from cluster_rules import bases, explanations, fees, prorations, vat
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import explained
from tests.cluster_rules import fee_cases
from tests.cluster_rules.fee_cases import LONG_AGO, NEW_YEAR, Case

CASES = fee_cases.cases()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_ac_15_priced_as_worked_out_by_hand(case: Case) -> None:
    lines = fee_cases.priced(case)
    assert [fee_cases.told(line) for line in lines] == case.expected
    for line in lines:
        assert explained(line.steps) == line.net, "whoever holds the line can work it out again"


def test_ac_15_every_table_has_cases() -> None:
    assert len(CASES) >= 60
    assert sorted({case.file for case in CASES}) == fee_cases.tables()
    assert len(fee_cases.tables()) >= 26


def wrong() -> list[Case]:
    """The cases that do not come out as written."""
    return [case for case in CASES if not _as_written(case)]


def _as_written(case: Case) -> bool:
    try:
        return [fee_cases.told(line) for line in fee_cases.priced(case)] == case.expected
    except RuleViolation:
        return False


def shifted(within: Any, size: int) -> bool:
    """A boundary one too far: up to and including."""
    return bool(within.from_ <= size and (within.below is None or size <= within.below))


def cut(amount: int, part: int, whole: int) -> int:
    """Rounded down instead of half up."""
    return amount * part // whole


def bankers(amount: int, part: int, whole: int) -> int:
    """Half to even."""
    doubled, rest = divmod(2 * amount * part, 2 * whole)
    return doubled + (rest > whole or (rest == whole and doubled % 2 == 1))


@pytest.mark.parametrize(
    ("where", "name", "mutant"),
    [
        ([bases], "_within", shifted),
        ([fees, explanations, vat], "share", cut),
        ([fees, explanations, vat], "share", bankers),
        ([prorations], "_months_begun", lambda period: period.days // 30),
        ([bases], "reference", lambda component, asked: asked.day),
    ],
    ids=["shifted boundary", "rounded down", "half to even", "months finished", "size of today"],
)
def test_ac_15_control_a_wrong_engine_fails_the_table(
    where: list[Any], name: str, mutant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not wrong()
    for module in where:
        monkeypatch.setattr(module, name, mutant)
    assert wrong()


@pytest.mark.parametrize(
    ("file", "tier", "organisation", "start", "code", "field"),
    [
        ("solenergiklyngen", "partner", "employees=10", NEW_YEAR, "size_unknown", "turnover"),
        ("solenergiklyngen", "partner", "", NEW_YEAR, "size_unknown", "turnover"),
        ("solenergiklyngen", "core", "", NEW_YEAR, "fee_not_agreed", "agreed"),
        ("solenergiklyngen", "core", "agreed:service=114000.01", NEW_YEAR, "agreed_fee_too_high", "agreed"),
        ("solenergiklyngen", "core", "agreed:membership=5.00", NEW_YEAR, "fee_not_agreed", "agreed"),
        ("clean", "core", "employees=10 turnover=5.00DKK", NEW_YEAR, "size_unknown", "turnover"),
        ("norwegian-russian-cci", "company", "owner=NO turnover=5.00", NEW_YEAR, "size_unknown", "turnover_group"),
        ("forum-oceano", "company", "employees=10", NEW_YEAR, "founding_unknown", "founded_on"),
        ("swedish-branch-body", "member", "turnover=5.00", NEW_YEAR, "index_unknown", "indexes"),
        ("made", "company", "fte=3", NEW_YEAR, "size_unknown", "employees"),
        ("nuclear-valley", "member", "", date(2013, 12, 31), "vat_rate_unknown", "vat.country"),
    ],
)
def test_ac_15_what_nobody_has_told_is_said_not_guessed(
    file: str, tier: str, organisation: str, start: date, code: str, field: str
) -> None:
    with pytest.raises(RuleViolation) as refused:
        fee_cases.priced(Case(0, file, tier, organisation, min(LONG_AGO, start), start, []))
    assert (refused.value.code, refused.value.field) == (code, field)
