"""A family lives on, step by step, in any order Hypothesis thinks of; what must hold is asked after each step.

Joining, upgrade, downgrade, end, suspension, backdating, change of agreement and rulebook, consent, payment, merger,
withdrawal: (a) step by step = from scratch; (b) twice changes nothing; (c) the order of independent facts does not
matter; (d) every linked grant is rooted in a direct one; (e) memberships <= direct x (1 + rules), for any graph of
rules; (f) no past day changes when facts of today do. HYPOTHESIS_PROFILE=deep lives 3,000 lives of 40 steps.
"""

import os
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cluster_rules import cascades, links
from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Segment, Transfer
from cluster_rules.networks import Agreement, Rulebooks
from cluster_rules.organisations import Organisation
from tests.cluster_rules import histories
from tests.cluster_rules.histories import AGREEMENT_END, DAYS, LEVELS, LINK, NETWORKS, Story, at, play
from tests.cluster_rules.make import answer, decision, profile

DEEP = os.environ.get("HYPOTHESIS_PROFILE", "") == "deep"
LIVES, STEPS = (3000, 40) if DEEP else (5, 10)
LIFE = settings(max_examples=LIVES, stateful_step_count=STEPS, deadline=None, database=None, derandomize=not DEEP)
HUNT = settings(
    LIFE,
    max_examples=300,
    stateful_step_count=12,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)

NETWORK = st.sampled_from(NETWORKS)
LEVEL = st.sampled_from(LEVELS)
WHO = st.sampled_from([0, 0, 0, 1, 2])
AHEAD = st.integers(0, 200).map(timedelta)
LONGEST_LIFE = at(60)


class Life(RuleBasedStateMachine):
    """One family: a company with a group inside it, and a company it may be merged with."""

    @initialize(
        wired=st.lists(LINK, min_size=1, max_size=4),
        ends=st.lists(AGREEMENT_END, min_size=4, max_size=4),
        covers=st.lists(st.sampled_from(["organisation", "organisation", "units", "parent"]), min_size=4, max_size=4),
    )
    def found(self, wired: list[Any], ends: list[Any], covers: list[str]) -> None:
        story = Story(wired, ends, (30, 30), False, [], tuple(covers), transfers=(None,))
        self.world = play(story)
        self.world.today = at(0)

    def who(self, number: int) -> Organisation:
        return self.world.facts.organisations[number]

    def live(self, change: Callable[[], object], since: date | None) -> None:
        """Do it, if it is allowed; before `since` nothing may look different afterwards (f)."""
        before = self.world.facts.timelines
        try:
            change()
        except RuleViolation:
            return
        if since:
            for key in before.keys() | self.world.facts.timelines.keys():
                assert until(before.get(key, ()), since) == until(self.world.facts.timelines.get(key, ()), since)

    @rule(days=st.integers(1, 120))
    def time_passes(self, days: int) -> None:
        self.world.today = min(self.world.today + timedelta(days), LONGEST_LIFE)

    @rule(
        kind=st.sampled_from(["joining", "tier_change", "ending", "suspension"]),
        who=WHO,
        network=NETWORK,
        level=LEVEL,
        ahead=AHEAD,
    )
    def somebody_decides(self, kind: str, who: int, network: str, level: str, ahead: timedelta) -> None:
        on = self.world.today + ahead
        self.live(
            lambda: self.world.decide(kind, on.isoformat(), level, network=network, who=self.who(who), bill=False), on
        )

    @rule(kind=st.sampled_from(["joining", "tier_change", "ending"]), network=NETWORK, level=LEVEL, number=DAYS)
    def somebody_backdates(self, kind: str, network: str, level: str, number: int) -> None:
        on = min(at(number), self.world.today)
        self.live(lambda: self.world.decide(kind, on.isoformat(), level, network=network, bill=False), on)

    @rule(pick=st.integers(0, 50))
    def a_decision_is_taken_back(self, pick: int) -> None:
        known = self.world.facts.decisions
        if known:
            self.live(lambda: self.world.withdraw(known[pick % len(known)]), None)

    @rule(pick=st.integers(0, 3), who=WHO, word=st.sampled_from(["accepted", "declined"]))
    def somebody_answers(self, pick: int, who: int, word: str) -> None:
        agreed = self.world.facts.rulebooks.agreements[pick % len(self.world.facts.rulebooks.agreements)]
        today = self.world.today
        said = answer(self.who(who), word, today.isoformat(), agreed.code, agreed.source)
        self.live(lambda: self.world.change(answers=(*self.world.facts.answers, said)), today)

    @rule(pick=st.integers(0, 20))
    def somebody_pays(self, pick: int) -> None:
        direct = [g for g in self.world.facts.grants if g.kind == "direct" and g.id not in self.world.facts.paid]
        if direct:
            paid = self.world.facts.paid | {direct[pick % len(direct)].id: self.world.today}
            self.live(lambda: self.world.change(paid=paid), self.world.today)

    @rule(pick=st.integers(0, 3), ahead=AHEAD, on_end=st.sampled_from(["end_links", "period_end", "grandfather"]))
    def an_agreement_ends(self, pick: int, ahead: timedelta, on_end: Any) -> None:
        books, on = self.world.facts.rulebooks, self.world.today + ahead
        number = pick % len(books.agreements)
        former = books.agreements[number]
        if former.period.end_or_far <= on or former.period.end is not None:
            return
        period = msgspec.structs.replace(former.period, end=on)
        ended: Agreement = msgspec.structs.replace(former, period=period, on_end=on_end)
        agreements = (*books.agreements[:number], ended, *books.agreements[number + 1 :])
        self.live(lambda: self.world.change(rulebooks=Rulebooks(books.versions, agreements)), on)

    @rule(network=NETWORK, ahead=AHEAD, existing=st.booleans(), dropped=st.integers(0, 3))
    def a_rulebook_is_published(self, network: str, ahead: timedelta, existing: bool, dropped: int) -> None:
        books, on = self.world.facts.rulebooks, self.world.today + ahead
        newest = books.of(network)[-1]
        if newest.effective_from >= on or newest.version > 4:
            return
        rules = tuple(r for n, r in enumerate(newest.link_rules) if n != dropped)
        days = {"effective_from": on, "effective_from_existing": on if existing else None}
        made = msgspec.structs.replace(newest, version=newest.version + 1, link_rules=rules, **days)
        self.live(lambda: self.world.change(rulebooks=Rulebooks((*books.versions, made), books.agreements)), on)

    @rule(ahead=AHEAD, country=st.sampled_from(["NO", "SE"]))
    def the_company_moves(self, ahead: timedelta, country: str) -> None:
        first, *others = self.world.facts.organisations
        on, last = self.world.today + ahead, first.profiles[-1]
        if last.period.start >= on or last.country == country:
            return
        closed = msgspec.structs.replace(last, period=msgspec.structs.replace(last.period, end=on))
        moved = Organisation(first.id, first.name, (*first.profiles[:-1], closed, profile(on, country=country)))
        told = {"old": last.country, "new": country}
        self.live(lambda: self.world.tell(moved, *others, on=on, country=told), on)

    @rule(ahead=AHEAD, network=NETWORK, links=st.sampled_from(["move", "end"]), back=st.booleans())
    def companies_merge(self, ahead: timedelta, network: str, links: Any, back: bool) -> None:
        on = self.world.today + ahead
        gone, stays = (self.who(2), self.who(0)) if back else (self.who(1), self.who(0))
        known = self.world.facts.transfers
        if any((t.source, t.target) == ((gone.id, network), (stays.id, network)) for t in known):
            return
        made = decision(self.world.member, "ending", "2027-01-01")
        moved = Transfer(made.id, (gone.id, network), (stays.id, network), on, made.recorded_at, {}, links)
        self.live(lambda: self.world.change(transfers=(*known, moved)), on)

    @invariant()
    def a_step_by_step_is_from_scratch_and_b_twice_changes_nothing(self) -> None:
        histories.from_scratch(self.world)
        histories.settled(self.world)

    @invariant()
    def c_the_order_of_facts_does_not_matter(self) -> None:
        shuffle = Random(len(self.world.facts.decisions))
        histories.same_in_any_order(self.world, lambda items: shuffle.sample(items, len(items)))

    @invariant()
    def d_rooted_and_e_bounded(self) -> None:
        histories.rooted(self.world)
        histories.bounded(self.world)
        histories.never_overlapping(self.world)
        histories.covering(self.world)

    @invariant()
    def a_link_is_made_by_the_version_that_governs(self) -> None:
        by_its_version(self.world)


def until(segments: tuple[Segment, ...], day: date) -> list[tuple[date, date, str, str, str]]:
    """What a timeline says of the days before `day`."""
    return [
        (s.period.start, min(s.period.end_or_far, day), s.tier, s.status, s.origin)
        for s in segments
        if s.period.start < day
    ]


def by_its_version(world: histories.World) -> None:
    """No link rests on a version of the rulebook that was not yet in force when it began."""
    for grant in world.facts.grants:
        version = world.facts.rulebooks.version(grant.source, grant.version) if grant.kind == "linked" else None
        if version:
            days = [version.effective_from, version.effective_from_existing or version.effective_from]
            assert min(days) <= grant.period.start


def test_a_family_lives_on() -> None:
    run_state_machine_as_test(Life, settings=LIFE)


# Three mutants of the engine; the machine finds a life that each of them breaks


def no_root_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules act on linked grants whether they are marked `through_linked` or not."""
    original = links._fits

    def mutant(grant: Any, since: date, facts: Any) -> Any:
        return original(msgspec.structs.replace(grant, kind="direct"), since, facts)

    monkeypatch.setattr(links, "_fits", mutant)


def no_version_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest version of a rulebook holds for everybody, on every day."""

    def mutant(books: Rulebooks, network: str, member_since: date, day: date) -> Any:
        return books.of(network)[-1] if books.of(network) else None

    monkeypatch.setattr(Rulebooks, "governing", mutant)


def hard_delete(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored is not looked at: everything is written anew, nothing is closed."""
    original = cascades._difference

    def mutant(facts: Any, wanted: Any, reason: Any) -> Any:
        return original(msgspec.structs.replace(facts, grants=()), wanted, reason)

    monkeypatch.setattr(cascades, "_difference", mutant)


@pytest.mark.parametrize("mutant", [no_root_check, no_version_check, hard_delete])
def test_the_machine_catches_a_mutant(
    mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    with pytest.raises((AssertionError, KeyError)):
        run_state_machine_as_test(Life, settings=HUNT)
