"""Recompute everything from the facts and compare it with what is stored, row by row (`crm verify`).

Reads one snapshot, locks nothing and changes nothing, so it can run beside everything else.
"""

from collections.abc import Callable
from datetime import date

from cluster_rules.cascades import repair
from cluster_rules.errors import RuleViolation
from cluster_rules.intents import EndGrant, GrantIntent, Intent, RetractGrant, ReviseGrant, SetTimeline, StartGrant
from cluster_rules.memberships import Facts, Grant, Segment
from cluster_rules.periods import Period
from crm import catalogue
from crm.context import Context
from crm.store import families, seals, verify, verify_dunning, verify_federation, verify_ledger, verify_places
from crm.store.verify import Difference

Progress = Callable[[int, int], None]


def _silent(_done: int, _of: int) -> None:
    """Nobody is told."""


async def run(context: Context, tell: Progress = _silent) -> list[Difference]:
    """Everything that differs; empty when all is as the facts say. `tell` hears (families done, of how many)."""
    async with context.db.tx(isolation="repeatable_read", readonly=True) as connection:
        kept = await catalogue.load(connection)
        today = context.clock.now().date()
        out = await verify.check_rows(connection, today)
        out += await verify.check_charges(connection)
        out += await verify.check_fees(connection, kept)
        out += await verify_places.check(connection, kept, today)
        out += await verify_ledger.check(connection)
        out += await verify_dunning.check(connection)
        out += await verify_federation.check(connection, today)
        out += [Difference("sealed_secret", row, why) for row, why in await seals.broken(connection)]
        done, total = 0, await verify.count_families(connection)
        async for some in verify.family_batches(connection):
            for facts in await families.load_many(connection, kept, some):
                out += _family(facts, today)
            done += len(some)
            tell(done, total)
        return out


def _family(facts: Facts, today: date) -> list[Difference]:
    try:
        intents = repair(facts, today)
    except RuleViolation as violation:
        return [Difference("family", f"organisation {facts.organisations[0].id}", f"no answer: {violation}")]
    return [found for intent in intents if (found := _difference(facts, intent))]


def _difference(facts: Facts, intent: Intent) -> Difference | None:
    """In words. What would be published is not looked at: it follows from the timeline."""
    if isinstance(intent, StartGrant | EndGrant | ReviseGrant | RetractGrant):
        return _grant(facts, intent)
    if isinstance(intent, SetTimeline):
        stored = facts.timelines.get((intent.organisation, intent.network), ())
        name = facts.organisation(intent.organisation).name
        why = f"stored: {_line(stored)}; grants give: {_line(intent.segments)}"
        return Difference("timeline", f"{name} in {intent.network}", why)
    return None


def _grant(facts: Facts, intent: GrantIntent) -> Difference:
    if isinstance(intent, RetractGrant):
        return Difference("grant_unfounded", _who(facts, intent.before), f"no fact calls for {_said(intent.before)}")
    if isinstance(intent, StartGrant):
        return Difference("grant_missing", _who(facts, intent.grant), f"the facts call for {_said(intent.grant)}")
    why = f"stored: {_said(intent.before)}; the facts give: {_said(intent.grant)}"
    return Difference("grant", _who(facts, intent.grant), why)


def _who(facts: Facts, grant: Grant) -> str:
    return f"grant {grant.id} ({facts.organisation(grant.organisation).name} in {grant.network})"


def _said(grant: Grant) -> str:
    by = f" by rule {grant.rule} v{grant.version} of {grant.source}" if grant.kind == "linked" else ""
    return f"{grant.kind} {grant.tier} {_days(grant.period)}{by}"


def _line(segments: tuple[Segment, ...]) -> str:
    return ", ".join(f"{s.tier} {s.status} {s.origin} {_days(s.period)}" for s in segments) or "nothing"


def _days(period: Period) -> str:
    return f"[{period.start}, {period.end or 'open'})"
