"""Membership follows membership: which linked grants should stand, for the facts given.

"When Norwegian companies become a principal partner in the NORA Industry Network, they
immediately get dual membership in the CLAIRE Innovation Network" (the agreement of 2021,
domain.md 1.2, R-DUAL) is one link rule of NORA's rulebook; nothing here knows either network.

The result is a least fixed point over dated intervals: start with the direct grants, let rules
add linked ones, and only rules marked `through_linked` may build on those. So every linked grant
is rooted in a direct one, and two rules A->B, B->A cannot hold each other up.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from uuid import UUID, uuid5

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.events import acted
from cluster_rules.memberships import Facts, Grant, Stretch, governed, stretches, suspensions
from cluster_rules.networks import Agreement, LinkRule, in_force
from cluster_rules.periods import FAR, Period, between, elementary, joined
from cluster_rules.places import of_rule
from cluster_rules.predicates import covered, looks_at
from cluster_rules.requirements import Lost, lost
from cluster_rules.transfers import carried

LONGEST_CHAIN = 12


class Fit(msgspec.Struct, frozen=True, gc=False):
    """Days on which one version of a rule looks at a grant and all its predicates hold, for one it covers."""

    period: Period
    rule: LinkRule
    version: int
    recipient: UUID


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A stretch for which one grant, by one rule, gives `recipient` a linked membership; `paused` follows the cause.

    `depth` counts the links between the cause and the direct grant it is rooted in (0 = it is that).
    """

    period: Period
    cause: Grant
    recipient: UUID
    rule: LinkRule
    version: int
    paused: tuple[Period, ...] = ()
    depth: int = 0


class Linked(msgspec.Struct, frozen=True):
    """A linked grant with its paused days and its distance from the direct grant it is rooted in."""

    grant: Grant
    paused: list[Period]
    depth: int


class Derived(msgspec.Struct, frozen=True):
    """All grants that should stand, for each its suspended days, and the direct memberships they rest on.

    `lost` are the direct memberships that ended because one they require did.
    """

    grants: tuple[Grant, ...]
    suspended: dict[UUID, list[Period]]
    stood: tuple[Stretch, ...] = ()
    lost: tuple[Lost, ...] = ()


def derive(facts: Facts) -> Derived:
    """Every grant the facts call for: direct ones folded from decisions, linked ones by rule.

    Pure and repeatable: the same facts give the same grants with the same ids, whatever is
    stored (`facts.grants` is not read). RuleViolation `rule_cycle` when chained rules never end.
    """
    facts = acted(carried(facts))
    if not facts.rulebooks.with_requirements:
        return _derived(facts, ())
    ended = lost(facts, ())
    for _ in range(LONGEST_CHAIN):
        found = _derived(facts, ended)
        following = lost(facts, found.grants)
        if following == ended:
            return found
        ended = following
    raise RuleViolation("rule_cycle", "tiers", rules=sorted({each.requirement.network for each in ended}))


def settled(facts: Facts, found: Derived | None = None) -> Facts:
    """The facts with what transfers, events, levels and requirements bring among the decisions, as if decided."""
    facts = acted(carried(facts))
    if not facts.rulebooks.with_requirements:
        return facts
    ended = tuple(each.ending for each in (found or derive(facts)).lost)
    return msgspec.structs.replace(facts, decisions=(*facts.decisions, *ended))


def _derived(facts: Facts, ended: tuple[Lost, ...]) -> Derived:
    """The fixed point of the link rules when these memberships end for want of a required one."""
    stood = stretches([*facts.decisions, *(each.ending for each in ended)]) if ended else facts.stood
    direct = [(g, s.period.start) for s in stood for g in s.grants]
    suspended = {g.id: _suspended(g, stood, facts) for g, _ in direct}
    rooted = [p for g, since in direct for p in _pieces(g, since, suspended[g.id], 0, facts)]
    linked: list[Linked] = []
    chained: list[Piece] | None = None if rooted else []
    for _ in range(LONGEST_CHAIN):
        further = [p for at in linked for p in _pieces_of_linked(at, facts)]
        if further == chained:
            grants = [*(g for g, _ in direct), *(at.grant for at in linked)]
            paused = suspended | {at.grant.id: at.paused for at in linked}
            return Derived(tuple(sorted(grants, key=_reading_order)), paused, tuple(stood), ended)
        chained = further
        linked = [_with_own_suspensions(at, stood, facts) for at in _granted([*rooted, *further])]
    raise RuleViolation("rule_cycle", "link_rules", rules=sorted({at.grant.rule for at in linked}))


def _with_own_suspensions(at: Linked, stood: Iterable[Stretch], facts: Facts) -> Linked:
    own = _suspended(at.grant, stood, facts)
    return msgspec.structs.replace(at, paused=joined([*own, *at.paused])) if own else at


def _reading_order(grant: Grant) -> tuple[UUID, str, date, date, str, str]:
    period = grant.period
    return grant.organisation, grant.network, period.start, period.end_or_far, grant.source, grant.rule


def _suspended(grant: Grant, stood: Iterable[Stretch], facts: Facts) -> list[Period]:
    """The days of a grant on which its membership is suspended by decision.

    A suspension lasts at most as long as the stretch (or the linked grant) that it began in: who
    left while suspended and joins again later is not suspended.
    """
    decided = suspensions(facts.decisions, grant.organisation, grant.network)
    if not decided:
        return []
    lives = [s.period for s in stood if (s.organisation, s.network) == (grant.organisation, grant.network)]
    if grant.kind == "linked":
        lives.append(grant.period)
    cut = [p.overlap(life) for p in decided for life in lives if life.covers(p.start)]
    return _inside(grant.period, [p for p in cut if p])


def _granted(pieces: Iterable[Piece]) -> Iterator[Linked]:
    """Pieces from the same source made into grants that never overlap, with their paused days."""
    by_source: dict[tuple[UUID, str, str, str], list[Piece]] = {}
    for p in pieces:
        key = (p.recipient, p.rule.grants.network, p.cause.network, p.rule.code)
        by_source.setdefault(key, []).append(p)
    for key in sorted(by_source):
        yield from _merged(by_source[key])


def _pieces_of_linked(at: Linked, facts: Facts) -> Iterator[Piece]:
    return _pieces(at.grant, at.grant.period.start, at.paused, at.depth, facts)


def _pieces(grant: Grant, since: date, paused: Sequence[Period], depth: int, facts: Facts) -> Iterator[Piece]:
    """What one grant causes, by each link rule of the rulebook versions that govern it.

    `since` is the day the holder is a member since; `paused` are the grant's suspended days.
    """
    for fits in _fits(grant, since, facts).values():
        before: date | None = None
        for run in _runs(fits):
            continues = before == run[0].period.start
            for piece in _by_policy(run, continues, grant, paused, facts):
                yield msgspec.structs.replace(piece, depth=depth) if depth else piece
            before = run[-1].period.end


def _fits(grant: Grant, since: date, facts: Facts) -> dict[tuple[str, UUID], list[Fit]]:
    """For each rule code and each it covers, the days on which the rule looks at this grant and its predicates hold."""
    fits: dict[tuple[str, UUID], list[Fit]] = {}
    rulebooks = facts.rulebooks
    if grant.network not in (rulebooks.with_links if grant.kind == "direct" else rulebooks.with_chains):
        return fits
    for span, book in governed(grant, since, facts.rulebooks):
        for rule in book.link_rules:
            if looks_at(rule, grant.tier) and (grant.kind == "direct" or rule.policy.through_linked):
                for recipient, days in covered(rule, facts.organisation(grant.organisation), span, facts):
                    found = [Fit(period, rule, book.version, recipient) for period in days]
                    fits.setdefault((rule.code, recipient), []).extend(found)
    return fits


def _runs(fits: Sequence[Fit]) -> Iterator[list[Fit]]:
    """Fits that touch and give the same under the same agreement are one run, across rulebook versions."""
    run: list[Fit] = []
    for fit in fits:
        if run and not (run[-1].period.end == fit.period.start and _gives(run[-1]) == _gives(fit)):
            yield run
            run = []
        run.append(fit)
    if run:
        yield run


def _gives(fit: Fit) -> tuple[str, str, str]:
    return fit.rule.agreement, fit.rule.grants.network, fit.rule.grants.tier


def _by_policy(
    run: Sequence[Fit], continues: bool, cause: Grant, paused: Sequence[Period], facts: Facts
) -> Iterator[Piece]:
    """Apply start and end policy, the agreement's life, and what was declined or still needs a yes.

    A link starts only while its cause fits and its agreement runs, whatever the policies say (AC-2e:
    "new ones stop at once"). `continues`: the rule gave something until this very day already (its
    agreement or tier was replaced), so that its start policy does not apply a second time.
    """
    first, last = run[0].rule, run[-1].rule
    agreement = in_force(first, cause.network, facts.rulebooks)
    if agreement is None:
        return
    fit = Period(run[0].period.start, run[-1].period.end)
    earliest = max(fit.start, agreement.period.start)
    start = earliest if continues else _policy_start(first, cause, earliest, facts)
    if start is None:
        return
    pauses = _following(cause, paused) if last.policy.suspension == "follow" else []
    for window in consented(first, run[0].recipient, cause.network, facts):
        begins = max(start, window.start)
        if begins >= min(fit.end_or_far, agreement.period.end_or_far):
            continue
        ends = min(_policy_end(last, begins, fit, facts), _agreement_end(agreement, begins, facts), window.end_or_far)
        period = between(begins, ends)
        if period:
            yield Piece(period, cause, run[0].recipient, first, run[0].version, tuple(_inside(period, pauses)))


def _policy_start(rule: LinkRule, cause: Grant, earliest: date, facts: Facts) -> date | None:
    """same_day: at once. on_payment: not before the cause's charge is paid. next_period: the target's next year."""
    if rule.policy.start == "on_payment":
        paid = facts.paid.get(cause.id)
        return max(earliest, paid) if paid else None
    if rule.policy.start == "next_period":
        return _turn(rule.grants.network, earliest, earliest, facts) or earliest
    return earliest


def _policy_end(rule: LinkRule, begins: date, fit: Period, facts: Facts) -> date:
    """with_cause: that day. grace: so many days later. period_end: at the target's next turn of the year."""
    if fit.end is None:
        return FAR
    if rule.policy.end == "grace":
        return fit.end + timedelta(days=rule.policy.grace_days)
    if rule.policy.end == "period_end":
        return _turn(rule.grants.network, begins, fit.end, facts) or fit.end
    return fit.end


def _agreement_end(agreement: Agreement, begins: date, facts: Facts) -> date:
    """The day on which the agreement's own end takes a link away, by its policy (AC-2e)."""
    end = agreement.period.end
    if end is None or agreement.on_end == "grandfather":
        return FAR
    if agreement.on_end == "period_end":
        return _turn(agreement.target, begins, end, facts) or end
    return end


def _turn(network: str, member_since: date, day: date, facts: Facts) -> date | None:
    """The first turn of a network's membership year on or after `day`."""
    book = facts.rulebooks.governing(network, member_since, day)
    return book.period.boundary_on_or_after(day, member_since) if book else None


def consented(rule: LinkRule, organisation: UUID, source: str, facts: Facts) -> list[Period]:
    """The days for which a link by `rule` is agreed to and, where places are limited, has a place."""
    windows = agreed(rule, organisation, source, facts)
    if not rule.places or facts.every_place:
        return windows
    held = of_rule(facts, source, rule.code, organisation)
    return [both for window in windows for place in held if (both := window.overlap(place))]


def agreed(rule: LinkRule, organisation: UUID, source: str, facts: Facts) -> list[Period]:
    """The days for which a link by `rule` is agreed to: the newest answer holds until the next one.

    Without an answer an automatic rule may link and one where the target decides may not. What was
    declined stays declined until somebody accepts (peers.md 2.5 item 10); on one day the last counts.
    """
    answers = [a for a in facts.answers if (a.organisation, a.source, a.rule) == (organisation, source, rule.code)]
    since: date | None = date.min if rule.policy.acceptance == "automatic" else None
    out: list[Period | None] = []
    for answer in sorted(answers, key=lambda a: a.on):
        if answer.answer == "accepted":
            since = since or answer.on
        elif since:
            out.append(between(since, answer.on))
            since = None
    if since:
        out.append(Period(since))
    return [p for p in out if p]


def _following(cause: Grant, paused: Iterable[Period]) -> list[Period]:
    """The cause's suspended days; who leaves while suspended stays suspended in the time of grace."""
    return [Period(p.start) if p.end == cause.period.end else p for p in paused]


def _merged(pieces: Sequence[Piece]) -> Iterator[Linked]:
    """One grant per unbroken stretch: two grants from the same source never overlap.

    Upgrading back within the grace time therefore continues the same grant (peers.md 2.5 item 5).
    Where pieces give different tiers on the same day, the one that began last counts. The cause is
    the piece that began first, and of those the one nearest to its root: no grant holds itself up.
    """
    if len(pieces) == 1:
        yield _linked(pieces, pieces[0].period)
        return
    ordered = sorted(pieces, key=_first_and_nearest)
    run: list[Piece] = []
    span: Period | None = None
    for day in elementary(p.period for p in ordered):
        covering = [p for p in ordered if p.period.covers(day.start)]
        if not covering:
            continue
        tier = covering[-1].rule.grants.tier
        same = [p for p in covering if p.rule.grants.tier == tier]
        if span and span.end == day.start and run[0].rule.grants.tier == tier:
            run, span = [*run, *(p for p in same if p not in run)], Period(span.start, day.end)
            continue
        if span:
            yield _linked(run, span)
        run, span = same, day
    if span:
        yield _linked(run, span)


def _first_and_nearest(piece: Piece) -> tuple[date, int, date, int, UUID]:
    return piece.period.start, piece.depth, piece.period.end_or_far, piece.version, piece.cause.id


def _linked(run: Sequence[Piece], period: Period) -> Linked:
    """The grant that a run of pieces makes; its cause is the piece that began first."""
    first = run[0]
    made = f"{first.rule.code}/{first.rule.grants.network}/{period.start}"
    if first.recipient != first.cause.organisation:
        made += f"/{first.recipient}"
    grant = Grant(
        id=uuid5(first.cause.id, made),
        organisation=first.recipient,
        network=first.rule.grants.network,
        kind="linked",
        tier=first.rule.grants.tier,
        period=period,
        source=first.cause.network,
        rule=first.rule.code,
        version=first.version,
        agreement=first.rule.agreement,
        cause=first.cause.id,
    )
    paused = joined([pause for piece in run for pause in piece.paused])
    held_up = [part for piece in run for part in piece.period.minus(piece.paused)] if paused else []
    days = _inside(period, [part for pause in paused for part in pause.minus(held_up)])
    return Linked(grant, days, first.depth + 1)


def _inside(period: Period, others: Iterable[Period]) -> list[Period]:
    return joined([part for other in others if (part := period.overlap(other))])
