"""How many organisations the rules decide a second, on one core, without any database.

The organisations are those of bench/filling.py, each different, as the store gives them (identifiers of asyncpg); every
call is about facts that nobody has asked before, so nothing is remembered from an earlier round. The machine may be
shared: each figure is the best of many rounds, in processor time, with the median beside it.
Baseline, in the same run: deriving an empty family, which is what calling the engine costs at all.
Run: python -m bench.rules [rounds]
"""

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from asyncpg.pgproto.pgproto import UUID as StoredUUID

from bench import filling
from cluster_rules import cascades
from cluster_rules.links import derive
from cluster_rules.memberships import Decision, Facts
from tests.cluster_rules.make import TODAY, rulebooks

ORGANISATIONS = 1_000
ON = date(2027, 1, 1)
BAR = 20_000  # organisations a second

Case = tuple[Facts, Decision | None]


def main(rounds: int) -> int:
    """Print the figures; exit status 1 when a whole decision takes longer than the bar allows."""
    cases = _cases()
    gc.collect()
    gc.freeze()  # as `crm serve` does
    empty = [(msgspec.structs.replace(facts, decisions=(), grants=(), timelines={}), None) for facts, _ in cases["own"]]
    baseline, _ = _per_second(empty, lambda facts, _: derive(facts), rounds)
    print(f"{'baseline: derive an empty family':34} {baseline:10,.0f}/s")

    def told(name: str, some: Sequence[Case], call: Callable[[Facts, Any], object]) -> float:
        best, median = _per_second(some, call, rounds)
        print(f"{name:34} {best:10,.0f}/s   median {median:8,.0f}/s   {baseline / best:5.1f} x the baseline")
        return best

    told("derive", cases["own"], lambda facts, _: derive(facts))
    told("repair, nothing to do", cases["own"], lambda facts, _: cascades.repair(facts, TODAY))
    kinds = ("joining", "tier_change", "suspension", "ending")
    found = [told(f"decide: {kind}", cases[kind], lambda f, d: cascades.decide(f, d, TODAY)) for kind in kinds]
    mean = len(found) / sum(1 / each for each in found)
    print(f"bar: decide, the four kinds alike often, {mean:,.0f}/s >= {BAR:,}/s: {'held' if mean >= BAR else 'MISSED'}")
    return int(mean < BAR)


def _cases() -> dict[str, list[Case]]:
    """Families with a decision about their legal entity, by kind of decision; `own` without one."""
    drawn, books = random.Random(5), rulebooks()
    out: dict[str, list[Case]] = {kind: [] for kind in ("own", "joining", "tier_change", "suspension", "ending")}
    for number in range(ORGANISATIONS):
        known = _stored(filling.facts_of(number, books))
        who = known.organisations[0].id
        level = drawn.choices(("principal", "partner"), (1, 4))[0]
        out["joining"].append((msgspec.structs.replace(known, decisions=()), _decision(who, "joining", level)))
        wanted = derive(known)
        facts = msgspec.structs.replace(known, grants=wanted.grants, timelines=cascades.timelines(known, wanted))
        out["own"].append((facts, None))
        held = next((g for g in wanted.grants if g.organisation == who and g.period.covers(ON)), None)
        if held and held.kind == "direct":
            out["tier_change"].append((facts, _decision(who, "tier_change", filling.other(held.tier))))
            out["suspension"].append((facts, _decision(who, "suspension", until=date(2027, 4, 1))))
            out["ending"].append((facts, _decision(who, "ending")))
    return out


def _decision(who: UUID, kind: Any, tier: str = "", until: date | None = None) -> Decision:
    made = StoredUUID(UUID(int=who.int + 99).bytes)
    recorded = filling.RECORDED.replace(year=filling.RECORDED.year + 1)
    return Decision(made, who, filling.NETWORK, kind, ON, recorded, tier, until)


def _stored(value: Any) -> Any:
    """The same facts with identifiers as they come from the database."""
    if isinstance(value, UUID):
        return StoredUUID(value.bytes)
    if isinstance(value, tuple):
        return tuple(_stored(each) for each in value)
    if isinstance(value, msgspec.Struct) and not hasattr(value, "versions"):
        return type(value)(**{name: _stored(getattr(value, name)) for name in value.__struct_fields__})
    return value


def _per_second(cases: Sequence[Case], call: Callable[[Facts, Any], object], rounds: int) -> tuple[float, float]:
    """(best, median) of so many rounds over all of them, in processor time."""
    found = []
    for _ in range(rounds):
        unasked = [(msgspec.structs.replace(facts), decision) for facts, decision in cases]
        start = time.process_time()
        for facts, decision in unasked:
            call(facts, decision)
        found.append(len(unasked) / (time.process_time() - start))
    return max(found), statistics.median(found)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 21))
