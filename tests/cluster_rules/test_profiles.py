"""Facts told anew: from a day until the next word; what follows by rule; taken back as if never said (item 15)."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import cascades, next_fees
from cluster_rules.components import Fits
from cluster_rules.intents import Charge, EndGrant, Notify, StartGrant
from cluster_rules.networks import OpenTo
from cluster_rules.notices import FactsChange
from cluster_rules.organisations import Organisation
from cluster_rules.periods import Period
from cluster_rules.profiles import Told, changed, replaced, restored
from tests.cluster_rules.histories import QUICK
from tests.cluster_rules.make import (
    CIN,
    NORA,
    TODAY,
    World,
    book,
    cin,
    company,
    day,
    dual_world,
    fee,
    nora,
    profile,
    rule,
    rulebooks,
    tier,
)

FIRST = date(2020, 1, 1)
DAYS = st.dates(date(2018, 1, 1), date(2030, 1, 1))
VALUES = st.fixed_dictionaries({}, optional={"country": st.sampled_from("NSD"), "kind": st.sampled_from("cp")})


def told(*pieces: tuple[str, str | None, dict[str, Any]]) -> tuple[Told, ...]:
    return tuple(Told(Period(day(start), day(end) if end else None), values) for start, end, values in pieces)


def test_a_word_holds_until_the_next_word_on_the_same_fact() -> None:
    now = told(
        ("2020-01-01", "2026-01-01", {"country": "NO", "kind": "c"}),
        ("2026-01-01", None, {"country": "DK", "kind": "c"}),
    )
    after = changed(now, day("2024-01-01"), {"country": "SE", "kind": "p"})
    assert after == told(
        ("2020-01-01", "2024-01-01", {"country": "NO", "kind": "c"}),
        ("2024-01-01", "2026-01-01", {"country": "SE", "kind": "p"}),
        ("2026-01-01", None, {"country": "DK", "kind": "p"}),
    )


def test_a_count_and_its_day_are_one_word() -> None:
    now = told(
        ("2020-01-01", "2026-01-01", {"employees": 10, "employees_as_of": "2020"}),
        ("2026-01-01", None, {"employees": 10, "employees_as_of": "2026"}),
    )
    after = changed(now, day("2024-01-01"), {"employees": 20, "employees_as_of": "2024"})
    assert [(t.values["employees"], t.values["employees_as_of"]) for t in after] == [
        (10, "2020"),
        (20, "2024"),
        (10, "2026"),
    ]


def test_before_the_first_day_the_first_facts_hold_still() -> None:
    after = changed(told(("2020-01-01", None, {"country": "SE"})), day("2019-01-01"), {"country": "NO"})
    assert [(t.period.start, t.values["country"]) for t in after] == [
        (day("2018-12-31"), "SE"),
        (day("2019-01-01"), "NO"),
    ]


@QUICK
@given(st.lists(st.tuples(DAYS, VALUES), max_size=4), DAYS, VALUES)
def test_what_is_taken_back_was_never_said(
    words: list[tuple[date, dict[str, Any]]], on: date, values: dict[str, Any]
) -> None:
    now = (Told(Period(FIRST), {"country": "N", "kind": "c"}),)
    for said, some in words:
        now = changed(now, said, some)
    after = changed(now, on, values)
    back = restored(after, replaced(now, on, values), values)
    for each in (date(2017, 1, 1) + timedelta(days=31 * n) for n in range(160)):
        assert _on(back, each) == _on(now, each)
    assert all(one.period.end == other.period.start for one, other in pairwise(after))
    assert _on(after, on) == _on(now, on) | values


def _on(listed: tuple[Told, ...], on: date) -> dict[str, Any]:
    return next((t.values for t in listed if t.period.covers(on)), listed[0].values)


def moved(world: World, on: str, by: tuple[str, ...] = (NORA,), **facts: Any) -> cascades.Consequences:
    """The first organisation is another from a day on: what follows."""
    first, *others = world.facts.organisations
    at, last = day(on), first.profiles[-1]
    closed = msgspec.structs.replace(last, period=Period(last.period.start, at))
    new = Organisation(first.id, first.name, (*first.profiles[:-1], closed, profile(at, **facts)))
    after = msgspec.structs.replace(world.facts, organisations=(new, *others))
    change = FactsChange(first.id, at, {"country": {"old": "NO", "new": "SE"}}, by)
    found = cascades.on_facts(world.facts, after, change, world.today)
    derived = cascades.repair(after, world.today)
    assert [type(i) for i in found.intents[: len(derived)]] == [type(i) for i in derived]
    return found


def test_a_link_ends_by_its_policy_when_the_company_moves() -> None:
    for policy, end in (
        ({}, "2027-06-01"),
        ({"end": "grace", "grace_days": 30}, "2027-07-01"),
        ({"end": "period_end"}, "2028-01-01"),
    ):
        world = dual_world(**policy)
        world.decide("joining", "2027-03-01", "principal")
        found = moved(world, "2027-06-01", country="SE")
        ended = [i.grant.period.end for i in found.intents if isinstance(i, EndGrant) and i.grant.network == CIN]
        assert ended == [day(end)]
        mails = [(i.kind, i.network, i.to) for i in found.intents if isinstance(i, Notify)]
        assert ("facts_changed", NORA, "member") in mails and ("facts_changed", CIN, "managers") in mails
        assert [m for m in mails if m[0] == "facts_changed" and m[2] == "member"] == [("facts_changed", NORA, "member")]
        assert ("linked_membership_ending", CIN, "member") in mails


def test_a_link_that_starts_is_billed_as_its_rule_says() -> None:
    world = World(company(country="SE"), books=rulebooks(nora(rule(fee={"policy": "full"})), cin()))
    world.decide("joining", "2026-03-01", "principal")
    found = moved(world, "2026-07-01", country="NO")
    assert [i.grant.network for i in found.intents if isinstance(i, StartGrant)] == [CIN]
    assert [i.network for i in found.intents if isinstance(i, Charge)] == [CIN]


def test_a_level_ends_at_the_turn_of_the_year_and_gives_back_what_was_billed_beyond() -> None:
    open_to = OpenTo(countries=("NO",), on_change="end_at_period_end")
    small = tier("member", 10, fee(12_000_00), open_to=open_to)
    world = World(books=rulebooks(book(NORA, tiers=(small,), refund="credit"), cin()))
    world.decide("joining", "2025-01-01", "member")
    assert sum(world.nets()) == 24_000_00
    found = moved(world, "2025-05-01", country="SE")
    ended = [i.grant.period.end for i in found.intents if isinstance(i, EndGrant)]
    assert ended == [day("2026-01-01")]
    assert sum(i.line.net for i in found.intents if isinstance(i, Charge)) == -12_000_00
    kinds = {(i.kind, i.to) for i in found.intents if isinstance(i, Notify)}
    assert {("membership_ending", "member"), ("membership_ending", "managers")} <= kinds


def test_the_same_facts_again_change_nothing_but_the_news() -> None:
    world = dual_world()
    world.decide("joining", "2027-03-01", "principal")
    found = moved(world, "2027-06-01")
    assert {type(i) for i in found.intents} == {Notify}


def test_fees_to_come_are_compared() -> None:
    for_sweden = fee(basis="cases", amount=0, cases=_cases())
    world = World(books=rulebooks(book(NORA, tiers=(tier("member", 10, for_sweden),)), cin()))
    world.decide("joining", "2026-01-01", "member")
    first = world.member
    new = Organisation(first.id, first.name, (profile(country="SE"),))
    after = msgspec.structs.replace(world.facts, organisations=(new,))
    found = next_fees.changes(world.facts, after, first.id, {NORA: TODAY})
    assert [(f.before, f.after) for f in found] == [(9_000_00, 4_000_00)]
    assert next_fees.changes(world.facts, after, first.id, {}) == []


def _cases() -> Any:
    from_abroad = {"amount": 4_000_00, "when": [msgspec.to_builtins(Fits(countries=("SE",)))]}
    return (
        tier(
            "x",
            1,
            msgspec.convert(
                {"code": "m", "names": {}, "basis": "cases", "cases": [from_abroad, {"amount": 9_000_00}]}, type(fee())
            ),
        )
        .fees[0]
        .cases
    )
