"""Random families with random rulebooks and what happens to them, for the properties in test_properties.py.

HYPOTHESIS_PROFILE=deep looks much longer; the default fits into the second that the whole folder may take.
"""

import os
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cluster_rules.errors import RuleViolation
from cluster_rules.links import derive
from cluster_rules.memberships import Facts, Grant, Transfer
from cluster_rules.networks import LinkRule, Requirement, Rulebook, Rulebooks, Tier
from cluster_rules.periods import FAR, Period, between, joined
from cluster_rules.why import chain
from tests.cluster_rules.make import (
    World,
    agreement,
    answer,
    book,
    chained,
    company,
    decision,
    profile,
    tier,
    uid,
    unit,
)

EXAMPLES = {"deep": 3000}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 6)
QUICK = settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES == 6)
HUNT = settings(QUICK, max_examples=500, derandomize=True, phases=[Phase.generate])
NETWORKS = ("a", "b", "c")
LEVELS = ("low", "high")
FIRST = date(2027, 1, 1)
STEP = timedelta(days=40)

DAYS = st.integers(0, 30)
POLICIES = st.fixed_dictionaries(
    {
        "through_linked": st.booleans(),
        "end": st.sampled_from(["with_cause", "grace", "period_end"]),
        "grace_days": st.sampled_from([30, 100, 0]),
        "start": st.sampled_from(["same_day", "same_day", "same_day", "on_payment", "next_period"]),
        "suspension": st.sampled_from(["follow", "hold"]),
        "acceptance": st.sampled_from(["automatic", "automatic", "automatic", "target_decides"]),
    }
)
LINK = st.tuples(
    st.sampled_from([(s, t) for s in NETWORKS for t in NETWORKS if s != t]),
    POLICIES,
    st.sampled_from(["", "high"]),  # levels the rule asks for
    st.sampled_from(LEVELS),  # the level it gives
    st.sampled_from(["", "", "NO"]),
)
AGREEMENT_END = st.tuples(
    st.sampled_from([None, None, None, 5, 9, 20]), st.sampled_from(["end_links", "period_end", "grandfather"])
)
EVENT = st.tuples(
    st.sampled_from(["joining", "joining", "tier_change", "ending", "suspension", "withdraw", "answer", "payment"]),
    st.sampled_from((*NETWORKS, "", "", "")),
    DAYS,
    st.sampled_from(LEVELS),
    st.integers(0, 5),
)


class Story(msgspec.Struct, frozen=True):
    """Links between networks, how their agreements end, when the company moves, and what is decided.

    It begins with the company joining where the first link starts; later events are about that network
    half of the time, so that something happens.
    """

    links: list[Any]
    ends: list[Any]
    moves: tuple[int, int]
    second_version: bool
    events: list[Any]
    covers: tuple[str, ...] = ()  # whom the grants of each link go to
    requires: tuple[Any, ...] = ()  # ((network, required network), level, required level, on_loss)
    transfers: tuple[Any, ...] = ()  # after each event one: whose, from network, to network, day, links, swapped levels


STORIES = st.builds(
    Story,
    links=st.lists(LINK, min_size=1, max_size=4),
    ends=st.lists(AGREEMENT_END, min_size=4, max_size=4),
    moves=st.tuples(DAYS, DAYS),
    second_version=st.booleans(),
    events=st.lists(EVENT, min_size=3, max_size=9),
)


_GRACE = {"through_linked": False, "end": "grace", "grace_days": 100, "suspension": "follow"}
_MUTUAL = [((s, t), _GRACE, "", "low", "") for s, t in (("a", "b"), ("b", "a"))]
BUSY = st.builds(  # mutual links with grace, and much coming and going: where engines break first
    Story,
    links=st.just(_MUTUAL),
    ends=st.just([(None, "end_links")] * 2),
    moves=st.just((30, 30)),
    second_version=st.just(False),
    events=st.lists(EVENT, min_size=3, max_size=6),
)


REQUIREMENT = st.tuples(
    st.sampled_from([(s, t) for s in NETWORKS for t in NETWORKS if s != t]),
    st.sampled_from(LEVELS),
    st.sampled_from(["", "", "high"]),
    st.sampled_from(["end_with", "period_end", "refuse_only"]),
)
REQUIRING = st.builds(  # the same stories where levels require a membership elsewhere
    lambda story, requires: msgspec.structs.replace(story, requires=tuple(requires)),
    STORIES,
    st.lists(REQUIREMENT, min_size=1, max_size=3),
)


COVERING = st.builds(  # the same stories where rules give to units or parents, too
    lambda story, covers: msgspec.structs.replace(story, covers=tuple(covers)),
    STORIES,
    st.lists(st.sampled_from(["organisation", "units", "parent"]), min_size=4, max_size=4),
)


TRANSFER = st.none() | st.tuples(
    st.sampled_from(
        [("bought", "entity"), ("bought", "entity"), ("group", "entity"), ("entity", "group"), ("entity",) * 2]
    ),
    st.sampled_from(NETWORKS),
    st.sampled_from((*NETWORKS, "", "", "", None)),  # "" the same network, None nowhere
    DAYS,
    st.sampled_from(["move", "end"]),
    st.booleans(),
)
MERGING = st.builds(  # the same stories with a second company, where memberships come to count for others
    lambda story, transfers: msgspec.structs.replace(story, transfers=tuple(transfers)),
    STORIES,
    st.lists(TRANSFER, min_size=2, max_size=6),
)


def at(number: int) -> date:
    return FIRST + number * STEP


def books_of(story: Story) -> Rulebooks:
    """A rulebook for each network; the last link is gone in version 2, where there is one."""
    rules: dict[str, list[LinkRule]] = {n: [] for n in NETWORKS}
    agreements = []
    for number, ((source, target), policy, level, gives, country) in enumerate(story.links):
        name = f"rule-{number}"
        end, on_end = story.ends[number]
        period = Period(date(2015, 1, 1), at(end) if end is not None else None)
        agreements.append(agreement(code=name, source=source, target=target, period=period, on_end=on_end))
        when = {"tiers": (level,) if level else (), "kinds": (), "countries": (country,) if country else ()}
        wanted = chained(source, target, when=when | {"unit": "any"}, agreement=name, **policy)
        grants = msgspec.structs.replace(wanted.grants, tier=gives, to=(*story.covers, *["organisation"] * 4)[number])
        rules[source].append(msgspec.structs.replace(wanted, code=name, grants=grants))
    levels = {n: _levels(n, story) for n in NETWORKS}
    books: list[Rulebook] = [book(n, *rules[n], tiers=levels[n]) for n in NETWORKS]
    if story.second_version:
        source = story.links[-1][0][0]
        turn = at(9)
        days = {"effective_from": turn, "effective_from_existing": turn}
        books.append(book(source, *rules[source][:-1], tiers=levels[source], version=2, **days))
    return Rulebooks(tuple(books), tuple(agreements))


def _levels(network: str, story: Story) -> tuple[Tier, ...]:
    asked: dict[str, list[Requirement]] = {level: [] for level in LEVELS}
    for (source, wanted), level, least, on_loss in story.requires:
        if source == network:
            asked[level].append(Requirement(wanted, (least,) if least else (), on_loss))
    return tuple(tier(level, 10 * n, requires=tuple(asked[level])) for n, level in enumerate(LEVELS, 1))


def play(story: Story, change_of_mind: Callable[[World], None] = lambda world: None) -> World:
    """Live through the story; what the rules refuse does not happen. `change_of_mind` looks on at each step."""
    away, back = sorted(story.moves)
    moves = [
        profile(end=at(away) + timedelta(1)),
        profile(at(away) + timedelta(1), at(back) + timedelta(2), country="SE"),
    ]
    entity = company("entity", *moves, profile(at(back) + timedelta(2)))
    group = unit("group", entity)
    bought = (company("bought"),) if story.transfers else ()
    world = World(entity, group, *bought, books=books_of(story), today=at(12))
    start, transfers = story.links[0][0][0], story.transfers
    for kind, anywhere, number, level, pick in [("joining", start, 0, "high", 0), *story.events]:
        who, network = group if pick == 5 else bought[0] if bought and pick in (1, 4) else entity, anywhere or start
        try:
            if kind == "withdraw":
                if world.facts.decisions:
                    world.withdraw(world.facts.decisions[pick % len(world.facts.decisions)])
            elif kind == "answer":
                word = "declined" if level == "low" else "accepted"
                said = answer(who, word, at(number).isoformat(), f"rule-{pick % len(story.links)}", network)
                world.change(answers=(*world.facts.answers, said))
            elif kind == "payment":
                direct = [g for g in world.facts.grants if g.kind == "direct"]
                if direct:
                    world.change(paid=world.facts.paid | {direct[pick % len(direct)].id: at(number)})
            else:
                until = at(number + pick + 1) if kind == "suspension" and pick else None
                world.decide(kind, at(number).isoformat(), level, who=who, network=network, until=until, bill=False)
        except RuleViolation:
            continue
        change_of_mind(world)
        if transfers and (transfer := _transfer(world, *transfers)):
            world.change(transfers=(*world.facts.transfers, transfer))
            change_of_mind(world)
        transfers = transfers[1:]
    return world


def _transfer(world: World, wanted: Any = None, *_later: Any) -> Transfer | None:
    """The next transfer of a story; none from a membership to itself."""
    if wanted is None:
        return None
    (whose, to), network, into, number, links, swapped = wanted
    source = (uid(whose), network)
    target = None if into is None else (uid(to), into or network)
    if source == target:
        return None
    made = decision(world.member, "ending", "2027-01-01")
    tiers = {"low": "high", "high": "low"} if swapped else {}
    return Transfer(made.id, source, target, at(number), made.recorded_at, tiers, links)


def hunt(check: Callable[[World], None]) -> None:
    """Look for a busy story that breaks `check`; AssertionError when one is found."""

    @HUNT
    @given(BUSY)
    def run(story: Story) -> None:
        check(play(story))

    run()


# What must be true of every family after every story


def settled(world: World) -> None:
    """Applying what was decided and asking again gives nothing to do (peers.md 2.5 item 8)."""
    assert world.change() == ()


def from_scratch(world: World) -> None:
    """What was built step by step is what the facts give at once."""
    fresh = World(*world.facts.organisations, books=world.facts.rulebooks, today=world.today)
    known = world.facts
    fresh.change(decisions=known.decisions, answers=known.answers, paid=known.paid, transfers=known.transfers)
    assert set(fresh.facts.grants) == set(world.facts.grants)
    stored = {key: segments for key, segments in world.facts.timelines.items() if segments}
    assert fresh.facts.timelines == stored


def rooted(world: World) -> None:
    """Every linked grant goes back to a direct one, and only chained rules build on linked ones."""
    for grant in world.facts.grants:
        links = chain(grant, world.facts.grants, world.facts.rulebooks)
        assert links[0].kind == "direct" and len(links) <= len(world.facts.grants)
        cause = next((g for g in world.facts.grants if g.id == grant.cause), None)
        if cause and cause.kind == "linked":
            assert _rule_of(grant, world).policy.through_linked


def within_policy(world: World) -> None:
    """A linked grant starts while a cause stands, and no day of it lies outside what its policies allow."""
    for grant in (g for g in world.facts.grants if g.kind == "linked"):
        rule = _rule_of(grant, world)
        causes = [
            g
            for g in world.facts.grants
            if (g.organisation, g.network) == (grant.organisation, grant.source)
            if not rule.when.tiers or g.tier in rule.when.tiers
        ]
        assert any(c.period.covers(grant.period.start) for c in causes)
        lives = [life for c in causes if (life := between(c.period.start, _latest(rule, c.period.end)))]
        assert grant.period.minus(lives) == []
        agreed = world.facts.rulebooks.agreement(rule.agreement)
        assert agreed is not None and agreed.period.covers(grant.period.start)
        if agreed.on_end == "end_links":
            assert grant.period.end_or_far <= agreed.period.end_or_far


def required(world: World) -> None:
    """No day of an own membership lacks a required one that it is to end with."""
    for grant in (g for g in world.facts.grants if g.kind == "direct"):
        for asked in _level_of(grant, world).requires:
            held = [
                g.period
                for g in world.facts.grants
                if (g.organisation, g.network) == (grant.organisation, asked.network)
                if not asked.tiers or g.tier in asked.tiers
            ]
            if asked.on_loss == "end_with":
                assert grant.period.minus(held) == []
            elif asked.on_loss == "period_end":
                for gap in grant.period.minus(held):
                    assert gap.end_or_far <= date(gap.start.year + 1, 1, 1)


def _level_of(grant: Grant, world: World) -> Tier:
    newest = world.facts.rulebooks.of(grant.network)[-1]
    found = newest.tier(grant.tier)
    assert found is not None
    return found


def _rule_of(grant: Grant, world: World) -> LinkRule:
    version = world.facts.rulebooks.version(grant.source, grant.version)
    found = version.link_rule(grant.rule) if version else None
    assert found is not None
    return found


def _latest(rule: LinkRule, end: date | None) -> date:
    if end is None:
        return FAR
    if rule.policy.end == "grace":
        return end + timedelta(days=rule.policy.grace_days)
    if rule.policy.end == "period_end":
        return end if (end.month, end.day) == (1, 1) else date(end.year + 1, 1, 1)
    return end


def never_overlapping(world: World) -> None:
    """Two grants of one membership from the same source never overlap."""
    by_source: dict[Any, list[Period]] = {}
    for g in world.facts.grants:
        by_source.setdefault((g.organisation, g.network, g.kind, g.source, g.rule), []).append(g.period)
    for periods in by_source.values():
        assert sum(_length(p) for p in joined(periods)) == sum(_length(p) for p in periods)


def _length(period: Period) -> int:
    return (period.end_or_far - period.start).days


def bounded(world: World) -> None:
    """memberships <= direct x (1 + rules), for any graph of rules (sync_security.md F8)."""
    direct = {(g.organisation, g.network) for g in world.facts.grants if g.kind == "direct"}
    every = {(g.organisation, g.network) for g in world.facts.grants}
    rules = {r.code for b in world.facts.rulebooks.versions for r in b.link_rules}
    assert len(every) <= len(direct) * (1 + len(rules))


def covering(world: World) -> None:
    """A timeline's segments follow each other, say something new each, and cover exactly the grants."""
    for (organisation, network), segments in world.facts.timelines.items():
        grants = [g.period for g in world.facts.grants if (g.organisation, g.network) == (organisation, network)]
        assert joined(s.period for s in segments) == joined(grants)
        for one, following in pairwise(segments):
            assert one.period.end is not None and one.period.end <= following.period.start
            if one.period.end == following.period.start:
                assert (one.tier, one.status, one.origin) != (following.tier, following.status, following.origin)


def shuffled(facts: Facts, order: Callable[[list[Any]], Iterable[Any]]) -> Facts:
    """The same facts, listed in another order; answers of one day keep theirs (the last counts)."""
    days = order(sorted({a.on for a in facts.answers}))
    return msgspec.structs.replace(
        facts,
        decisions=tuple(order(list(facts.decisions))),
        organisations=tuple(order(list(facts.organisations))),
        answers=tuple(a for day in days for a in facts.answers if a.on == day),
        grants=tuple(order(list(facts.grants))),
    )


def same_in_any_order(world: World, order: Callable[[list[Any]], Iterable[Any]]) -> None:
    assert derive(shuffled(world.facts, order)) == derive(world.facts)


def interleaved(world: World, order: Callable[[list[Any]], Iterable[Any]]) -> None:
    """Decisions about different memberships may be recorded in any order among each other."""
    by_membership: dict[Any, list[Any]] = {}
    for made in sorted(world.facts.decisions, key=lambda d: d.recorded_at):
        by_membership.setdefault((made.organisation, made.network), []).append(made)
    later = [d for key in order(list(by_membership)) for d in by_membership[key]]
    clock = [decision(world.member, "ending", "2027-01-01").recorded_at for _ in later]
    moved = [msgspec.structs.replace(d, recorded_at=moment) for d, moment in zip(later, clock, strict=True)]
    assert derive(msgspec.structs.replace(world.facts, decisions=tuple(moved))) == derive(world.facts)
