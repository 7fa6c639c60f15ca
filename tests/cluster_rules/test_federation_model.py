"""F1-F8 on the model: two systems with loss, duplication, reordering and silently restored backups, by Hypothesis.

Thousands of runs: `FEDERATION_RUNS=3000 python -m pytest tests/cluster_rules/test_federation_model.py`.
"""

import os
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cluster_rules import federation
from cluster_rules.federation import OWNER, Register
from tests.cluster_rules.federation_world import AGREEMENT, ALL, KEYS, TIERS, Node, Parts, World

RUNS = int(os.environ.get("FEDERATION_RUNS", "20"))
IN_SUITE = settings(
    max_examples=RUNS,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=RUNS < 1000,
    suppress_health_check=list(HealthCheck),
)
QUICK = settings(IN_SUITE, max_examples=max(120, RUNS), phases=[Phase.generate], derandomize=True)
number, key = st.integers(0, 40), st.sampled_from(KEYS)
either = st.sampled_from(("a", "b"))


class Machine(RuleBasedStateMachine):
    """Whatever can happen, in any order; what must hold is checked after each step and at the end."""

    def __init__(self, parts: Parts = ALL, words: bool = True, restores: bool = True) -> None:
        super().__init__()
        self.world = World(parts)
        self.words, self.restores = words, restores
        self.withdrawn: dict[str, int] = {}
        self.versions: dict[tuple, int] = {}

    def node(self, which: str) -> Node:
        return self.world.a if which == "a" else self.world.b

    @rule(key=key, tier=st.sampled_from((*TIERS, None)), lost=st.booleans())
    def grants(self, key: str, tier: str | None, lost: bool) -> None:
        self.world.a.offer(key, tier, lost)

    @rule(key=key, state=st.sampled_from(("accepted", "declined", "left", "held")), lost=st.booleans())
    def decides(self, key: str, state: str, lost: bool) -> None:
        self.world.b.decide(key, state, lost)

    @precondition(lambda self: self.words)
    @rule(which=either, state=st.sampled_from(("signed", "suspended", "signed")))
    def objects(self, which: str, state: str) -> None:
        self.node(which).sign(state)

    @rule(which=either)
    def flushes(self, which: str) -> None:
        self.world.send(self.node(which))

    @precondition(lambda self: self.world.wire)
    @rule(number=number, again=st.booleans())
    def delivers(self, number: int, again: bool) -> None:
        self.world.deliver(number, again)

    @precondition(lambda self: self.world.wire)
    @rule(number=number)
    def drops(self, number: int) -> None:
        self.world.drop(number)

    @rule(which=either)
    def backs_up(self, which: str) -> None:
        self.world.back_up(self.node(which))

    @precondition(lambda self: self.restores)
    @rule(which=either)
    def restores_silently(self, which: str) -> None:
        self.world.restore(self.node(which))
        self.versions.clear()

    @rule(which=either, cut=st.booleans())
    def reconciles(self, which: str, cut: bool) -> None:
        if self.world.parts.digest:
            self.world.reconcile(self.node(which), cut)

    @invariant()
    def f02_safe(self) -> None:
        """Never effective in B without B holding an offer of A, under an agreement both have signed."""
        for each in KEYS:
            if self.world.b.effective(each):
                held = self.world.b.registers["offer", each]
                assert (held.state, held.instance, self.world.b.standing) == ("offered", "granting", "active")

    @invariant()
    def f04_monotone(self) -> None:
        """A copy's version never goes down, except by a restore."""
        for node in (self.world.a, self.world.b):
            for name, register in node.registers.items():
                if OWNER[register.register] == node.side:
                    continue
                place = (node.side, *name)
                assert register.version >= self.versions.get(place, 0)
                self.versions[place] = register.version

    def teardown(self) -> None:
        """F1: after one healing phase all is the same on both sides. F6: the second round finds nothing."""
        assert self.world.heal() <= 2
        a, b = self.world.a, self.world.b
        assert a.registers == b.registers
        assert a.digest() == b.digest()
        assert [a.effective(k) for k in KEYS] == [b.effective(k) for k in KEYS]
        assert self.world.reconcile(a) == 0
        assert self.world.reconcile(b) == 0


def run(machine: object, how: settings = IN_SUITE) -> None:
    run_state_machine_as_test(machine, settings=how)


def test_f01_both_sides_are_the_same_after_one_healing_phase() -> None:
    run(Machine)


def test_f02_no_membership_without_an_offer_under_an_active_agreement() -> None:
    run(partial(Machine, restores=False))
    world = World()
    world.a.offer("org-1", "full")
    world.settle()
    assert world.b.effective("org-1") == "full"
    late = world.b.registers["offer", "org-1"]
    world.a.offer("org-1", None)
    world.settle()
    world.b.receive(late, "granting")  # the offer comes once more, after its withdrawal
    assert world.b.effective("org-1") == ""
    world.a.offer("org-1", "full")
    world.settle()
    for node in (world.a, world.b):
        node.sign("suspended")
        assert world.b.effective("org-1") == "" or node is world.a  # B has not heard of A's word yet
        world.settle()
        assert {world.a.effective("org-1"), world.b.effective("org-1")} == {""}


@pytest.mark.parametrize(("register", "state"), [("offer", "offered"), ("granting_word", "terminated")])
def test_f03_a_register_is_written_by_its_owner_only(register: str, state: str) -> None:
    world = World()
    world.a.offer("org-1", "full")
    world.settle()
    before = dict(world.a.registers), dict(world.b.registers)
    name = "agreement" if register.endswith("word") else "org-1"
    forged = Register(AGREEMENT, name, register, 99, 1, "receiving", state, {"periods": []})  # type: ignore[arg-type]
    for node in (world.a, world.b):
        node.receive(forged, "receiving")
        assert federation.receive(None, forged, "receiving", "active") == "not_owner"
    assert (world.a.registers, world.b.registers) == before


def test_f04_a_copy_never_becomes_older() -> None:
    run(partial(Machine, restores=False))
    world = World()
    for tier in ("full", "basic", None, "full"):
        world.a.offer("org-1", tier)
    world.send(world.a)
    newest = world.wire[-1][2]
    while world.wire:
        world.deliver(-1)  # the newest first
    assert world.b.registers["offer", "org-1"] == newest


def test_f05_a_message_any_number_of_times_counts_once() -> None:
    world = World()
    world.a.offer("org-1", "full")
    world.send(world.a)
    effects = len(world.b.effects)
    for _ in range(5):
        world.deliver(0, again=True)
    once = dict(world.b.registers)
    world.settle()
    assert world.b.registers == once
    assert len(world.b.effects) == effects + 1


def test_f06_reconciliation_ends_within_two_rounds() -> None:
    """After the worst: both restored, everything that was under way lost. Whoever begins, the second round is clean."""
    for first in ("a", "b"):
        world = World()
        for which in (world.a, world.b):
            for each in KEYS:
                world.a.offer(each, "full")
            world.settle()
            world.b.decide("org-2", "left")
            world.settle()
            world.a.offer("org-3", None)
            world.settle()
            world.restore(which)
            world.a.outbox.clear()
            world.b.outbox.clear()
        node = world.a if first == "a" else world.b
        assert world.reconcile(node) > 0
        world.settle()
        assert world.reconcile(node) == 0
        assert world.a.registers == world.b.registers


def test_f07_what_a_cut_list_lacks_is_not_taken_for_gone() -> None:
    world = World()
    for each in KEYS:
        world.a.offer(each, "full")
    world.settle()
    members = [world.b.effective(k) for k in KEYS]
    world.a.offer("org-1", "basic", lost=False)
    world.a.outbox.clear()
    for _ in range(3):
        world.reconcile(world.b, cut=True)
        assert [bool(world.b.effective(k)) for k in KEYS] == [True] * 3
    assert members == ["full"] * 3


def test_f08_a_linked_membership_offers_nothing_on() -> None:
    """Whatever ring of agreements: a membership by offer is no direct one, so it makes no offer of its own."""
    ring = [World() for _ in range(3)]  # A -> B -> C -> A, all offering what their own direct members have
    direct = {0: {"org-1"}, 1: set(), 2: {"org-2"}}
    for _ in range(5):
        for at, world in enumerate(ring):
            for each in direct[at]:
                world.a.offer(each, "full")
            world.heal()
    memberships = sum(len(d) for d in direct.values()) + sum(bool(w.b.effective(k)) for w in ring for k in KEYS)
    assert memberships <= sum(len(d) for d in direct.values()) * (1 + len(ring))
    assert sum(len(w.a.registers) + len(w.b.registers) for w in ring) == 3 * 4 + 2 * 4


CAUGHT = {
    "reconciliation": Parts(digest=False),
    "version check": Parts(versions=False),
    "owner re-asserts": Parts(reasserts=False),
    "tombstones and owner re-asserts": Parts(tombstones=False, reasserts=False),
    "tombstones and reconciliation": Parts(tombstones=False, digest=False),
    "outbox and reconciliation": Parts(outbox=False, digest=False),
}
HEALED = {"tombstones": Parts(tombstones=False), "transactional outbox": Parts(outbox=False)}


@pytest.mark.parametrize("off", CAUGHT)
def test_a_part_that_is_switched_off_is_noticed(off: str) -> None:
    with pytest.raises(AssertionError):
        run(partial(Machine, CAUGHT[off], words=False), QUICK)


@pytest.mark.parametrize("off", HEALED)
def test_what_the_other_parts_heal(off: str) -> None:
    run(partial(Machine, HEALED[off], words=False))


def test_an_agreement_once_ended_stays_ended_after_a_restore() -> None:
    world = World()
    world.a.sign("terminated")
    world.settle()
    world.restore(world.a)
    assert world.a.standing == "active"
    world.heal()
    assert {world.a.standing, world.b.standing} == {"terminated"}


def test_every_register_has_one_owner() -> None:
    assert set(OWNER) == set(federation.STATES)
