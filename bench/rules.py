"""How many organisations the rules decide a second, on one core, without any database.

Baseline, in the same run: deriving an empty family, which is what calling the engine costs at all.
Run: python -m bench.rules [rounds]
"""

import statistics
import sys
import time
from collections.abc import Callable

import msgspec

from cluster_rules import cascades
from cluster_rules.links import derive
from tests.cluster_rules.make import CIN, TODAY, World, company, decision, facts, unit

CALLS = 2000
BAR = 20_000  # typical families a second, for what should stand (without fees, mails and the comparison)


def typical() -> World:
    """A principal partner with some history, an own membership of CLAIRE beside the linked one, and a unit."""
    entity = company()
    world = World(entity, unit("Group AI", entity))
    world.decide("joining", "2022-01-01", "partner")
    world.decide("joining", "2023-01-01", "member", network=CIN)
    world.decide("tier_change", "2024-03-01", "principal")
    world.decide("suspension", "2025-05-01", until="2025-06-01")
    return world


def per_second(call: Callable[[], object], rounds: int) -> float:
    """Median of so many rounds, in processor time: the machine's other work does not count."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(CALLS):
            call()
        found.append(CALLS / (time.process_time() - start))
    return statistics.median(found)


def main(rounds: int) -> int:
    """Print the figures; exit status 1 when a family is not derived fast enough."""
    entity = company()
    empty = facts(entity)
    joining = decision(entity, "joining", "2027-03-01", "principal")
    joined = msgspec.structs.replace(empty, decisions=(joining,))
    world = typical()
    leaving = decision(world.member, "ending", "2027-03-01")
    cases: list[tuple[str, Callable[[], object]]] = [
        ("derive: joined, with one linked membership", lambda: derive(joined)),
        ("derive: typical family", lambda: derive(world.facts)),
        ("repair: typical family, nothing to do", lambda: cascades.repair(world.facts, TODAY)),
        ("decide: joining with link, fee and mails", lambda: cascades.decide(empty, joining, TODAY)),
        ("decide: typical family leaves", lambda: cascades.decide(world.facts, leaving, TODAY)),
    ]
    baseline = per_second(lambda: derive(empty), rounds)
    print(f"{'baseline: derive an empty family':44} {baseline:10,.0f}/s")
    figures = {}
    for name, call in cases:
        figures[name] = per_second(call, rounds)
        print(f"{name:44} {figures[name]:10,.0f}/s   {baseline / figures[name]:5.1f} x the baseline")
    reached = figures["derive: typical family"]
    print(f"bar: derive a typical family >= {BAR:,}/s: {'held' if reached >= BAR else 'MISSED'}")
    return int(reached < BAR)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
