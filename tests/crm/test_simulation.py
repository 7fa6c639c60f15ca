"""A draft tried on a network: what is counted in one go is what the plain way finds, whatever the network looks like.

The plain way decides what would be applied, applies it to the facts, and looks up every membership before and after.
"""

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_rules import cascades, fees
from cluster_rules.components import Discount
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import EndGrant, RetractGrant, ReviseGrant, SetTimeline, StartGrant
from cluster_rules.links import derive
from cluster_rules.memberships import Facts, Grant
from cluster_rules.networks import Rulebook, Rulebooks
from cluster_rules.prices import member_of
from crm import simulation
from crm.simulation import Affected, Level, Simulating, Simulation
from tests.cluster_rules.histories import COVERING, EVENT, EXAMPLES, MERGING, NETWORKS, REQUIRING, STORIES, at, play
from tests.cluster_rules.make import CIN, NORA, TODAY, World, bands, calendar, company, fee, rulebooks

NAMES = {"en": "Less"}
LESS = Discount(NAMES, "b", percent=20), Discount(NAMES, "c", ("high",), amount=300_00)
DRAFTS = st.fixed_dictionaries(
    {
        "rules": st.sampled_from(["kept", "none", "other level"]),
        "existing": st.sampled_from([None, 3, 14]),
        "on": st.integers(0, 24),
        "dearer": st.sampled_from([0, 100_00]),
        "year": st.sampled_from(["calendar_year", "anniversary"]),
        "fee": st.sampled_from(["waived", "normal", "percent"]),
        "own": st.sampled_from(["keep", "credit"]),
    }
)
SIZES = st.sampled_from([None, 5, 49, 50, 4000])


def priced(book: Rulebook, dearer: int = 0) -> Rulebook:
    """The same rulebook with a fee by size and one with discounts at every level."""
    levels = [
        msgspec.structs.replace(
            t, fees=(bands((0, t.rank * 100_00 + dearer), (50, t.rank * 250_00)), fee(999_99, code="s", discounts=LESS))
        )
        for t in book.tiers
    ]
    return msgspec.structs.replace(book, tiers=tuple(levels))


def network_of(story: Any, lives: list[Any], sizes: list[int | None]) -> list[Facts]:
    """Families that lived under the same rules, each its own life; with prices, of other sizes."""
    out = []
    for events, size in zip([story.events, *lives], sizes, strict=False):
        facts = play(msgspec.structs.replace(story, events=events)).facts
        books = msgspec.structs.replace(facts.rulebooks, versions=tuple(map(priced, facts.rulebooks.versions)))
        resized = [
            msgspec.structs.replace(o, profiles=tuple(msgspec.structs.replace(p, employees=size) for p in o.profiles))
            for o in facts.organisations
        ]
        out.append(msgspec.structs.replace(facts, rulebooks=books, organisations=tuple(resized)))
    return out


def drafted(published: Rulebooks, network: str, wanted: dict[str, Any]) -> Rulebook:
    newest = priced(published.of(network)[-1], wanted["dearer"])
    rules = [] if wanted["rules"] == "none" else list(newest.link_rules)
    costs = {"policy": wanted["fee"], "percent": 40, "own_membership": wanted["own"]}
    rules = [msgspec.structs.replace(r, fee=msgspec.structs.replace(r.fee, **costs)) for r in rules]
    if wanted["rules"] == "other level":
        swapped = {"low": "high", "high": "low"}
        rules = [
            msgspec.structs.replace(r, grants=msgspec.structs.replace(r.grants, tier=swapped[r.grants.tier]))
            for r in rules
        ]
    existing = wanted["existing"]
    return msgspec.structs.replace(
        newest,
        version=newest.version + 1,
        effective_from=at(2),
        effective_from_existing=None if existing is None else at(existing),
        period=calendar(wanted["year"]),
        link_rules=tuple(rules),
    )


def plainly(families: list[Facts], published: Rulebooks, draft: Rulebook, on: date) -> Simulation:
    """What the simulation must find, the long way round."""
    books = msgspec.structs.replace(published, versions=(*published.versions, draft))
    out = Simulation(draft.network, on, "NOK", "NOK", families=len(families))
    for stored in families:
        now = msgspec.structs.replace(stored, rulebooks=published)
        then = applied(msgspec.structs.replace(stored, rulebooks=books))
        for key in sorted({*now.timelines, *then.timelines}):
            old, new = (level(facts, key, on) for facts in (now, then))
            moved = now.timelines.get(key, ()) != then.timelines.get(key, ())
            if key[1] != draft.network and not moved:
                continue
            paid = [yearly(facts, key, on) for facts in (now, then)]
            if key[1] == draft.network:
                if old:
                    counted = out.levels.setdefault(old, Level())
                    counted.members_before += 1
                    counted.fees_before += paid[0] or 0
                if new:
                    counted = out.levels.setdefault(new, Level())
                    counted.members_after += 1
                    counted.fees_after += paid[1] or 0
                out.unsized += paid[1] is None
            if moved or old != new or paid[0] != paid[1]:
                kind = "days" if moved else "fee"
                if old != new:
                    kind = "level" if old and new else "starts" if new else "ends"
                out.affected.append(Affected(key[0], stored.organisation(key[0]).name, key[1], kind, old, new, *paid))
    return out


def applied(facts: Facts) -> Facts:
    """The facts with all that is decided about them carried out."""
    grants = {g.id: g for g in facts.grants}
    timelines = dict(facts.timelines)
    for intent in cascades.repair(facts, at(12)):
        match intent:
            case RetractGrant(before=before):
                del grants[before.id]
            case StartGrant(grant=grant) | EndGrant(grant=grant) | ReviseGrant(grant=grant):
                grants[grant.id] = grant
            case SetTimeline(organisation=organisation, network=network, segments=segments):
                timelines[organisation, network] = segments
            case _:
                pass
    return msgspec.structs.replace(facts, grants=tuple(grants.values()), timelines=timelines)


def level(facts: Facts, key: Any, on: date) -> str:
    return next((s.tier for s in facts.timelines.get(key, ()) if s.period.covers(on)), "")


def yearly(facts: Facts, key: Any, on: date) -> int | None:
    held = [g for g in facts.grants if (g.organisation, g.network) == key and g.period.covers(on)]
    linked = [g for g in held if g.kind == "linked"]
    own = [g for g in held if g.kind == "direct"]
    if not held or (own and any(_rule(facts, g).fee.own_membership != "keep" for g in linked)):
        return 0
    grant = max(own or linked, key=lambda g: facts.rulebooks.rank(g.network, g.tier))
    since = next((s.period.start for s in derive(facts).stood if grant in s.grants), grant.period.start)
    book = facts.rulebooks.governing(grant.network, since, on)
    profile_then = facts.organisation(key[0]).profile_on(on)

    def applies(discount: Discount) -> bool:
        return member_of(facts, grant, discount, on)

    year = book.period.containing(on, since)
    try:
        lines = fees.yearly(book, book.tier(grant.tier), profile_then, year, applies, day=on, since=since)
    except RuleViolation:
        return None
    return sum(line.net for line in (lines if own else fees.linked(lines, _rule(facts, grant).fee)))


def _rule(facts: Facts, grant: Grant) -> Any:
    return facts.rulebooks.version(grant.source, grant.version).link_rule(grant.rule)


@pytest.mark.parametrize("stories", [STORIES, COVERING, REQUIRING, MERGING], ids=["plain", "units", "T4", "mergers"])
def test_the_count_is_what_the_plain_way_finds(stories):
    @settings(max_examples=max(EXAMPLES, 40), deadline=None, database=None, derandomize=EXAMPLES == 6)
    @given(
        stories,
        st.lists(st.lists(EVENT, min_size=1, max_size=7), max_size=2),
        st.lists(SIZES, min_size=3, max_size=3),
        st.sampled_from(NETWORKS),
        DRAFTS,
    )
    def check(story, lives, sizes, network, wanted):
        families = network_of(story, lives, sizes)
        published = families[0].rulebooks
        draft = drafted(published, network, wanted)
        on = at(wanted["on"])
        books = msgspec.structs.replace(published, versions=(*published.versions, draft))
        counting = Simulating(network, on, published, draft)
        named = [a for each in families for a in counting.add(msgspec.structs.replace(each, rulebooks=books))]
        found, expected = counting.done(), plainly(families, published, draft, on)
        assert found.levels == expected.levels
        assert (found.families, found.unsized) == (expected.families, expected.unsized)
        assert sorted(named, key=repr) == sorted(expected.affected, key=repr) == sorted(found.affected, key=repr)
        assert found.changed == len(named)
        assert sum(n for by in found.reached.values() for n in by.values()) == sum(a.network != network for a in named)

    check()


def test_only_the_first_are_named_but_all_are_counted(monkeypatch):
    monkeypatch.setattr(simulation, "MOST_NAMED", 10)
    published = rulebooks()
    cheap, dear = (fee(n) for n in (12_000_00, 13_000_00))
    newest = published.of(NORA)[-1]
    levels = [msgspec.structs.replace(t, fees=(dear,)) if t.fees[0].amount == cheap.amount else t for t in newest.tiers]
    draft = msgspec.structs.replace(newest, version=2, tiers=tuple(levels), link_rules=())
    books = msgspec.structs.replace(published, versions=(*published.versions, draft))
    counting = Simulating(NORA, TODAY, published, draft)
    named = []
    for n in range(60):
        world = World(company(f"firm {n}"), books=published)
        world.decide("joining", "2022-01-01", "principal" if n >= 56 else "member")
        named += counting.add(msgspec.structs.replace(world.facts, rulebooks=books))
    found = counting.done()
    assert (found.changed, found.total.members_after, found.reached) == (60, 60, {CIN: {"ends": 4}})
    assert len(named) == 60 and len(found.affected) == 10
    assert [each.kind for each in found.affected] == ["ends"] * 4 + ["fee"] * 6
