"""Issue 3, acceptance: organisations live through the actions, in any order Hypothesis thinks of, on a real database.

After each deed: (a) `crm verify` of the touched families is empty; (b) the same deed again changes nothing; (d) no
linked grant without a root; (f) no day before the deed's own looks different, and what was known at any earlier moment
stays what was known. HYPOTHESIS_PROFILE=deep lives longer and more often. The rules alone: tests/cluster_rules.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cluster_rules import cascades
from cluster_rules.errors import RuleViolation
from crm.actions import applications, memberships
from crm.actions.memberships import Change
from crm.errors import NotFound
from tests.commits import lives
from tests.commits.lives import LEVELS, Deed, Line, World
from tests.conftest import TEMPLATE, context_on
from tests.postgres import Server
from tests.seed import Keys

pytestmark = pytest.mark.commits

DEEP = os.environ.get("HYPOTHESIS_PROFILE", "") == "deep"
LIVES, STEPS = (150, 25) if DEEP else (5, 8)
SETTINGS = settings(
    max_examples=LIVES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    derandomize=not DEEP,
    suppress_health_check=list(HealthCheck),
)
HUNT = settings(SETTINGS, max_examples=20, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
PICK = st.integers(0, 30)
AHEAD = st.integers(1, 200).map(timedelta)
BACK = st.integers(0, 60).map(timedelta)
LEVEL = st.sampled_from(LEVELS)
LONGEST = timedelta(days=500)
_numbers = count(1)


class Life(RuleBasedStateMachine):
    """A few organisations in the demo's networks. Each life has a copy of the database to itself."""

    server: Server

    @initialize(levels=st.lists(LEVEL, min_size=2, max_size=3))
    def begin(self, levels: list[tuple[str, str]]) -> None:
        self.name = f"klynge_life_{next(_numbers)}"
        dsn = self.server.create_database(self.name, TEMPLATE)
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.world: World = self.run(self._open(dsn))
        self.first = self.world.today
        self.remembered: list[tuple[datetime, list[Line]]] = []
        for level in levels:
            self.run(self.world.join(*level, self.world.today))

    async def _open(self, dsn: str) -> World:
        return await lives.begin(await self.stack.enter_async_context(context_on(dsn, size=2)))

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self.stack.aclose())
            self.runner.close()
            self.server.drop_database(self.name)

    def live(self, deed: Deed, since: date | None, again: Deed | None = None) -> None:
        """Do it if it is allowed, look back (f), and do it again (b)."""
        before = self.run(self.world.lines())
        self.remembered.append((self.run(self.world.moment()), before))
        if not self._done(deed):
            assert self.run(self.world.lines()) == before  # refused: nothing is half done
            return
        if since:
            known = {line[0] for line in before}
            after = [line for line in self.run(self.world.lines()) if line[0] in known]
            assert until(after, since) == until(before, since)
        if again:
            state = self.run(self.world.state())
            self._done(again)
            assert self.run(self.world.state()) == state

    def _done(self, deed: Deed) -> bool:
        try:
            self.run(deed())
        except (RuleViolation, NotFound):
            return False
        return True

    def membership(self, pick: int) -> Any:
        known = self.run(self.world.memberships())
        return known[pick % len(known)]

    @rule(number=st.integers(1, 90))
    def time_passes(self, number: int) -> None:
        if self.world.today - self.first < LONGEST:
            self.live(lambda: self.world.time_passes(number), None, lambda: self.world.time_passes(0))

    @rule(level=LEVEL, ahead=AHEAD)
    def somebody_joins(self, level: tuple[str, str], ahead: timedelta) -> None:
        made: list[Any] = []
        on = self.world.today + ahead

        async def join() -> None:
            made.append(await self.world.join(*level, on))

        async def again() -> None:
            await applications.approve(self.world.context, self.world.actor, made[0], on)

        self.live(join, on, again)

    def decide(self, membership: Any, change: Change) -> None:
        self.live(
            lambda: self.world.change(membership, change),
            change.effective_on,
            lambda: self.world.change(membership, change),
        )

    @rule(pick=PICK, level=st.sampled_from(["principal", "partner"]), ahead=AHEAD)
    def the_level_changes(self, pick: int, level: str, ahead: timedelta) -> None:
        self.decide(self.membership(pick), Change("tier_change", self.world.today + ahead, level))

    @rule(pick=PICK, ahead=AHEAD, lasts=st.sampled_from([None, 30, 90]))
    def somebody_is_suspended(self, pick: int, ahead: timedelta, lasts: int | None) -> None:
        on = self.world.today + ahead
        until_on = on + timedelta(days=lasts) if lasts else None
        self.decide(self.membership(pick), Change("suspension", on, until=until_on, reason="unpaid"))

    @rule(pick=PICK, ahead=AHEAD)
    def somebody_leaves(self, pick: int, ahead: timedelta) -> None:
        self.decide(self.membership(pick), Change("ending", self.world.today + ahead, reason="moved on"))

    @rule(pick=PICK, back=BACK, kind=st.sampled_from(["tier_change", "ending", "suspension"]))
    def somebody_backdates(self, pick: int, back: timedelta, kind: Any) -> None:
        tier = "partner" if kind == "tier_change" else ""
        self.decide(self.membership(pick), Change(kind, self.world.today - back, tier, reason="told late"))

    @rule(pick=PICK, ahead=AHEAD, lasts=st.integers(30, 400))
    def an_award_upgrades(self, pick: int, ahead: timedelta, lasts: int) -> None:
        on = self.world.today + ahead
        end = on + timedelta(days=lasts)
        self.decide(self.membership(pick), Change("event", on, event="grant_awarded", until=end, reason="Call 2"))

    @rule(pick=PICK)
    def a_decision_is_taken_back(self, pick: int) -> None:
        if not self.world.decisions:
            return
        membership, decision, on = self.world.decisions[pick % len(self.world.decisions)]

        async def take_back() -> None:
            await memberships.take_back(self.world.context, self.world.actor, membership, decision)

        self.live(take_back, on, take_back)

    @rule(linked=st.booleans(), existing=st.booleans())
    def rules_are_published(self, linked: bool, existing: bool) -> None:
        self.live(lambda: self.world.publish(linked, existing), self.world.today)

    @rule(pick=PICK, other=PICK, ahead=AHEAD)
    def companies_merge(self, pick: int, other: int, ahead: timedelta) -> None:
        known, on = self.world.organisations, self.world.today + ahead
        gone, into = known[pick % len(known)], known[other % len(known)]
        self.live(lambda: self.world.merge(gone, into, on), on, lambda: self.world.merge(gone, into, on))

    @rule(pick=PICK, level=LEVEL, ahead=AHEAD)
    def a_part_stands_alone(self, pick: int, level: tuple[str, str], ahead: timedelta) -> None:
        known, on = self.world.organisations, self.world.today + ahead
        self.live(lambda: self.world.split(known[pick % len(known)], level[0], on), on)

    @rule(pick=PICK, percent=st.sampled_from([30, 100, 120]))
    def money_comes_in(self, pick: int, percent: int) -> None:
        self.live(lambda: self.world.pay(pick, percent), self.world.today)

    @invariant()
    def a_verify_finds_nothing(self) -> None:
        if hasattr(self, "world"):
            assert self.run(self.world.wrong()) == []

    @invariant()
    def d_every_link_is_rooted(self) -> None:
        if hasattr(self, "world"):
            assert self.run(self.world.unrooted()) == []

    @invariant()
    def f_what_was_known_stays_known(self) -> None:
        if hasattr(self, "world"):
            for moment, lines in self.remembered:
                assert self.run(self.world.lines(moment)) == lines


def until(lines: list[Line], day: date) -> list[Line]:
    """What timelines say of the days before `day`."""
    return [(*line[:5], line[5], min(line[6] or day, day)) for line in lines if line[5] < day]


@pytest.fixture
def life(server: Server, seeded: Keys) -> Iterator[type[Life]]:
    Life.server = server
    yield Life


def test_issue_3_organisations_live_through_the_actions(life: type[Life]) -> None:
    run_state_machine_as_test(life, settings=SETTINGS)


def forgets_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows from a change of a direct grant is only the direct grant."""
    original = cascades.decide

    def mutant(*given: Any, **more: Any) -> Any:
        found = original(*given, **more)
        kept = tuple(i for i in found.intents if getattr(getattr(i, "grant", None), "kind", "direct") == "direct")
        return type(found)(kept, *[getattr(found, name) for name in found.__struct_fields__[1:]])

    monkeypatch.setattr(memberships, "decide", mutant)
    monkeypatch.setattr(applications, "decide", mutant)


def forgets_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for an earlier moment, the timelines of now are told."""
    original = World.lines

    async def mutant(world: World, known_at: datetime | None = None) -> list[Line]:
        return await original(world)

    monkeypatch.setattr(World, "lines", mutant)


def bills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An approval that is repeated is billed again."""
    original = applications.approve

    async def mutant(context: Any, *given: Any) -> Any:
        made = await original(context, *given)
        async with context.db.tx() as connection:
            columns = await connection.fetchval(
                "select string_agg(quote_ident(column_name), ', ') from information_schema.columns"
                " where table_name = 'charge' and is_generated = 'NEVER'"
            )
            await connection.execute(
                f"insert into charge ({columns}) select {columns} from (select (jsonb_populate_record(c,"
                " jsonb_build_object('id', gen_random_uuid(), 'component', gen_random_uuid()))).*"
                " from charge c where c.membership_id = $1) again",
                made.memberships[0],
            )
        return made

    monkeypatch.setattr(applications, "approve", mutant)


@pytest.mark.parametrize("mutant", [forgets_links, forgets_what_was_known, bills_again])
def test_issue_3_control_a_mutant_does_not_live_long(
    life: type[Life], mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(life, settings=HUNT)
