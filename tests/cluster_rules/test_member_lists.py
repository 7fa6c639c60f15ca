"""Whom a row of a pushed list means, and what it asks of the membership: tables of cases."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from cluster_rules.matching import Identity
from cluster_rules.member_lists import Wish, too_many, who, wishes
from cluster_rules.memberships import Decision, Facts, Grant
from cluster_rules.networks import Rulebooks
from cluster_rules.periods import Period

TODAY = date(2026, 11, 22)
ROW, A, B, C = (UUID(int=n) for n in range(4))
ORGNR, OTHER, LEI = ("no-orgnr", "971035854"), ("no-orgnr", "974760673"), ("lei", "5967007LIEEXZX4LPK21")


def known(which: UUID, *numbers: tuple[str, str], name: str = "Ulvik Data AS", **more: object) -> Identity:
    return Identity(which, name, "NO", frozenset(numbers), **more)


def row(*numbers: tuple[str, str], name: str = "Ulvik Data AS", **more: object) -> Identity:
    return known(ROW, *numbers, name=name, **more)


CASES = {
    "nobody shares anything": (row(ORGNR), None, [], {}, ("new", None, None)),
    "the number decides": (row(ORGNR, name="Ulvik"), None, [known(A, ORGNR)], {}, ("known", A, None)),
    "a VAT number is an organisation number": (
        row(("vat", "NO971035854MVA")),
        None,
        [known(A, ORGNR)],
        {},
        ("known", A, None),
    ),
    "one number the same, one other": (
        row(ORGNR, LEI),
        None,
        [known(A, OTHER, LEI)],
        {},
        ("held", None, "ids_disagree"),
    ),
    "numbers of two": (row(ORGNR, LEI), None, [known(A, ORGNR), known(B, LEI)], {}, ("held", None, "ids_disagree")),
    "only the name": (row(), None, [known(A, ORGNR)], {}, ("held", None, "alike")),
    "only the web domain": (
        row(name="Ulvik", domain="ulvik.no"),
        None,
        [known(A, domain="ulvik.no")],
        {},
        ("held", None, "alike"),
    ),
    "a free mail domain says nothing": (
        row(name="Ulvik", domain="gmail.com"),
        None,
        [known(A, domain="gmail.com")],
        {},
        ("new", None, None),
    ),
    "the name, but another number": (row(ORGNR), None, [known(A, OTHER)], {}, ("new", None, None)),
    "the name of one the partner knows by another id": (row(), None, [known(A)], {A: "C-9"}, ("new", None, None)),
    "the number of one the partner knows by another id": (
        row(ORGNR),
        None,
        [known(A, ORGNR)],
        {A: "C-9"},
        ("held", None, "other_id"),
    ),
    "seen before": (row(name="Anything"), A, [], {}, ("known", A, None)),
    "seen before, and the numbers agree": (row(ORGNR), A, [known(A, ORGNR)], {}, ("known", A, None)),
    "seen before, and the number is another": (row(OTHER), A, [known(A, ORGNR)], {}, ("held", None, "ids_disagree")),
    "seen before, and the number is somebody else's": (
        row(LEI),
        A,
        [known(A, ORGNR), known(B, LEI, name="Bø")],
        {},
        ("held", None, "ids_disagree"),
    ),
    "seen before, and another looks the same": (row(), A, [known(A), known(B, LEI)], {}, ("known", A, None)),
    "the number is a unit's own": (row(ORGNR), None, [known(A, ORGNR, parent=B)], {}, ("held", None, "ids_disagree")),
    "a unit is compared with units of the same organisation": (
        row(name="Ulvik Data AS", parent=B),
        None,
        [known(A), known(C, parent=A)],
        {},
        ("new", None, None),
    ),
    "a unit by its own number": (row(LEI, parent=B), None, [known(A, LEI, parent=B)], {}, ("known", A, None)),
}


@pytest.mark.parametrize("case", CASES)
def test_whom_a_row_means(case: str) -> None:
    identity, called, found, theirs, wanted = CASES[case]
    for order in (found, list(reversed(found))):
        meant = who(identity, called, order, theirs, {})
        assert (meant.verdict, meant.organisation, meant.why) == wanted
        assert all(c.organisation for c in meant.candidates) and bool(meant.candidates) == (meant.verdict == "held")


def test_the_number_of_a_sub_unit_is_held_and_never_folded_into_the_main_unit() -> None:
    """AC-18 says that it leads there; a list that names the part alone may mean the part."""
    meant = who(row(OTHER), None, [known(A, ORGNR)], {}, {OTHER[1]: ORGNR[1]})
    assert (meant.verdict, meant.why) == ("held", "main_unit")


def facts(*decisions: tuple[str, str, str], linked: bool = False) -> Facts:
    made = tuple(
        Decision(
            UUID(int=50 + n), A, "n", kind, date.fromisoformat(on), datetime(2026, 1, 1 + n, tzinfo=UTC), tier=tier
        )
        for n, (kind, on, tier) in enumerate(decisions)
    )
    grant = Grant(UUID(int=90), A, "n", "linked", "member", Period(date(2026, 1, 1)), "s", "rule", 1, "a", UUID(int=91))
    return Facts((), Rulebooks(()), decisions=made, grants=(grant,) if linked else ())


STANDS = facts(("joining", "2024-01-01", "full"))
ENDED = facts(("joining", "2024-01-01", "full"), ("ending", "2026-03-01", ""))
ENDING = facts(("joining", "2024-01-01", "full"), ("ending", "2027-03-01", ""))
AHEAD = facts(("joining", "2027-01-01", "full"))


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@pytest.mark.parametrize(
    ("stored", "tier", "starts_on", "ends_on", "own", "again", "wanted"),
    [
        (facts(), "full", None, None, False, False, [("joining", "2026-11-22", "full")]),
        (facts(), "full", "2025-01-01", None, False, False, [("joining", "2025-01-01", "full")]),
        (facts(), "full", "2025-01-01", "2025-06-01", False, False, []),
        (
            *(facts(), "full", "2025-01-01", "2027-06-01", False, False),
            [("joining", "2025-01-01", "full"), ("ending", "2027-06-01", "")],
        ),
        (facts(linked=True), "member", None, None, False, False, []),
        (facts(linked=True), "member", None, None, True, False, [("joining", "2026-11-22", "member")]),
        (STANDS, "full", "2020-01-01", None, False, False, []),
        (STANDS, "half", None, None, False, False, [("tier_change", "2026-11-22", "half")]),
        (STANDS, "full", None, "2027-01-01", False, False, [("ending", "2027-01-01", "")]),
        (
            *(STANDS, "half", None, "2027-01-01", False, False),
            [("tier_change", "2026-11-22", "half"), ("ending", "2027-01-01", "")],
        ),
        (ENDING, "full", None, None, False, False, []),
        (ENDING, "full", None, "2027-03-01", False, False, []),
        (ENDED, "full", None, None, False, False, None),
        (ENDED, "full", "2025-01-01", None, False, False, None),
        (ENDED, "full", "2026-09-01", None, False, False, [("joining", "2026-09-01", "full")]),
        (ENDED, "full", None, None, False, True, [("joining", "2026-11-22", "full")]),
        (ENDED, "full", None, "2026-03-01", False, False, []),
        (AHEAD, "full", None, None, False, False, []),
        (AHEAD, "half", None, None, False, False, [("tier_change", "2027-01-01", "half")]),
    ],
)
def test_what_a_row_asks_for(
    stored: Facts,
    tier: str,
    starts_on: str | None,
    ends_on: str | None,
    own: bool,
    again: bool,
    wanted: list[tuple[str, str, str]] | None,
) -> None:
    found = wishes(stored, A, "n", tier, (day(starts_on), day(ends_on)), own, TODAY, again)
    assert found == (None if wanted is None else tuple(Wish(k, date.fromisoformat(on), t) for k, on, t in wanted))


@pytest.mark.parametrize(
    ("absent", "standing", "confirmed", "stopped"),
    [(3, 4, None, False), (4, 40, None, False), (5, 40, None, True), (5, 40, 5, False), (5, 40, 6, True)],
)
def test_many_endings_have_to_be_meant(absent: int, standing: int, confirmed: int | None, stopped: bool) -> None:
    assert too_many(absent, standing, 10, 3, confirmed) is stopped
