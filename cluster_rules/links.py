"""Membership follows membership: which linked grants should stand, for the facts given.

"When Norwegian companies become a principal partner in the NORA Industry Network, they
immediately get dual membership in the CLAIRE Innovation Network" (the agreement of 2021,
domain.md 1.2, R-DUAL) is one link rule of NORA's rulebook; nothing here knows either network.

The result is a least fixed point over dated intervals: start with the direct grants, let rules
add linked ones, and only rules marked `through_linked` may build on those. So every linked grant
is rooted in a direct one, and two rules A->B, B->A cannot hold each other up.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID, uuid5

import msgspec

from cluster_rules.errors import RuleViolation
from cluster_rules.memberships import Facts, Grant, direct_grants, suspensions
from cluster_rules.networks import Agreement, LinkRule, Rulebook, When
from cluster_rules.organisations import Organisation, Profile
from cluster_rules.periods import Period, between, elementary, joined

LONGEST_CHAIN = 12


class Piece(msgspec.Struct, frozen=True):
    """A stretch for which one grant, by one rule, gives a linked membership; `paused` follows the cause."""

    period: Period
    cause: Grant
    rule: LinkRule
    version: int
    paused: tuple[Period, ...] = ()


class Derived(msgspec.Struct, frozen=True):
    """All grants that should stand, and for each its suspended days."""

    grants: tuple[Grant, ...]
    suspended: dict[UUID, list[Period]]


class FailedPredicate(msgspec.Struct, frozen=True):
    """Why a rule did not give a membership: which predicate, what it wants, what is."""

    predicate: str
    wanted: list[str]
    actual: str


def derive(facts: Facts) -> Derived:
    """Every grant the facts call for: direct ones folded from decisions, linked ones by rule.

    Pure and repeatable: the same facts give the same grants with the same ids, whatever is
    stored (`facts.grants` is not read). RuleViolation `rule_cycle` when chained rules never end.
    """
    direct = direct_grants(facts.decisions)
    suspended = {
        g.id: _inside(g.period, suspensions(facts.decisions, g.organisation, g.network)) for g in direct
    }
    linked: dict[UUID, Grant] = {}
    paused: dict[UUID, list[Period]] = {}
    for _ in range(LONGEST_CHAIN):
        found, pauses = _one_step([*direct, *linked.values()], facts, suspended | paused)
        if (found, pauses) == (linked, paused):
            grants = (*direct, *linked.values())
            return Derived(tuple(sorted(grants, key=_reading_order)), suspended | paused)
        linked, paused = found, pauses
    raise RuleViolation("rule_cycle", "link_rules", rules=sorted({g.rule for g in linked.values()}))


def _reading_order(grant: Grant) -> tuple[str, str, Period, str]:
    return str(grant.organisation), grant.network, grant.period, grant.rule


def _one_step(
    grants: Sequence[Grant], facts: Facts, suspended: dict[UUID, list[Period]]
) -> tuple[dict[UUID, Grant], dict[UUID, list[Period]]]:
    """Let every rule look at every grant once."""
    pieces: dict[tuple[UUID, str, str, str], list[Piece]] = {}
    for grant in grants:
        for piece in _pieces(grant, facts, suspended.get(grant.id, [])):
            key = (grant.organisation, piece.rule.grants.network, grant.network, piece.rule.code)
            pieces.setdefault(key, []).append(piece)
    found: dict[UUID, Grant] = {}
    paused: dict[UUID, list[Period]] = {}
    for key in sorted(pieces):
        for grant, pauses in _merged(pieces[key]):
            own = suspensions(facts.decisions, grant.organisation, grant.network)
            found[grant.id] = grant
            paused[grant.id] = joined([*_inside(grant.period, own), *pauses])
    return found, paused


def _pieces(grant: Grant, facts: Facts, paused: Sequence[Period]) -> Iterable[Piece]:
    """What one grant causes, by each link rule of the rulebook versions that govern it."""
    for span, book in _governed(grant, facts):
        for rule in book.link_rules:
            agreement = facts.rulebooks.agreement(rule.agreement)
            if grant.tier not in rule.when.tiers or agreement is None:
                continue
            if grant.kind == "linked" and not rule.policy.through_linked:
                continue
            organisation = facts.organisation(grant.organisation)
            for fit in _fitting(rule.when, organisation, span):
                for carried in _carried(agreement, fit, facts):
                    yield from _by_policy(Piece(carried, grant, rule, book.version, tuple(paused)), facts)


def _governed(grant: Grant, facts: Facts) -> Iterable[tuple[Period, Rulebook]]:
    """Cut a grant's period where another rulebook version begins to hold for it."""
    books = facts.rulebooks.of(grant.network)
    turns = [
        turn
        for b in books
        if (day := b.effective_from_existing) and (turn := between(day, grant.period.end_or_far))
        if turn.start > grant.period.start
    ]
    for piece in elementary([grant.period, *turns]):
        book = facts.rulebooks.governing(grant.network, grant.period.start, piece.start)
        if book:
            yield piece, book


def _fitting(when: When, organisation: Organisation, span: Period) -> Iterable[Period]:
    """The days of `span` on which the organisation fulfils the rule's predicates."""
    known = list(organisation.profiles)
    if known and span.start < known[0].period.start:  # facts start somewhere: the first holds before
        known[0] = msgspec.structs.replace(known[0], period=Period(span.start, known[0].period.end))
    fits = [p.period.overlap(span) for p in known if not failed_predicates(when, p)]
    return joined([f for f in fits if f])


def failed_predicates(when: When, profile: Profile) -> list[FailedPredicate]:
    """Which predicates about the organisation do not hold (AC-2b); empty when all do."""
    kinds: list[str] = list(when.kinds)
    countries = list(when.countries)
    shape = "unit" if profile.is_unit else "legal_entity"
    checks = (
        (FailedPredicate("kinds", kinds, profile.kind), not kinds or profile.kind in kinds),
        (
            FailedPredicate("countries", countries, profile.country),
            not countries or profile.country in countries,
        ),
        (FailedPredicate("unit", [when.unit], shape), when.unit in ("any", shape)),
        (FailedPredicate("employees", _limits(when), str(profile.employees)), _size_fits(when, profile)),
    )
    return [failed for failed, holds in checks if not holds]


def _limits(when: When) -> list[str]:
    return [str(when.min_employees), str(when.max_employees or "")]


def _size_fits(when: When, profile: Profile) -> bool:
    if not when.min_employees and not when.max_employees:
        return True
    if profile.employees is None:
        return False
    return when.min_employees <= profile.employees <= (when.max_employees or profile.employees)


def _carried(agreement: Agreement, fit: Period, facts: Facts) -> Iterable[Period]:
    """The days of `fit` that the agreement carries, by its policy for its own end (AC-2e)."""
    start = max(fit.start, agreement.period.start)
    end = agreement.period.end
    if end is None:
        carried = between(start, fit.end_or_far)
    elif start >= end:  # new ones stop at once, whatever the policy
        carried = None
    elif agreement.on_end == "grandfather":
        carried = between(start, fit.end_or_far)
    elif agreement.on_end == "period_end":
        turn = _turn(agreement.target, start, end, facts) or end
        carried = between(start, min(fit.end_or_far, turn))
    else:
        carried = between(start, min(fit.end_or_far, end))
    if carried:
        yield carried


def _turn(network: str, member_since: date, day: date, facts: Facts) -> date | None:
    """The first turn of a network's membership year on or after `day`."""
    book = facts.rulebooks.governing(network, member_since, day)
    return book.period.boundary_on_or_after(day, member_since) if book else None


def _by_policy(piece: Piece, facts: Facts) -> Iterable[Piece]:
    """Apply the rule's own start and end policy, and what was declined or still needs a yes."""
    start = _policy_start(piece, facts)
    end = _policy_end(piece, facts)
    period = between(start, end) if start else None
    if period is None:
        return
    answers = [
        a
        for a in facts.answers
        if (a.organisation, a.source, a.rule)
        == (piece.cause.organisation, piece.cause.network, piece.rule.code)
    ]
    open_from = [a.on for a in answers if a.answer == "accepted"]
    if piece.rule.policy.acceptance == "target_decides":
        period = between(max(period.start, min(open_from)), period.end_or_far) if open_from else None
    declined = [Period(a.on) for a in answers if a.answer == "declined"]
    pauses = piece.paused if piece.rule.policy.suspension == "follow" else ()
    for left in period.minus(declined) if period else []:
        yield msgspec.structs.replace(piece, period=left, paused=tuple(_inside(left, pauses)))


def _policy_start(piece: Piece, facts: Facts) -> date | None:
    start = piece.period.start
    if piece.rule.policy.start == "on_payment":
        paid = facts.paid.get(piece.cause.id)
        return max(start, paid) if paid else None
    if piece.rule.policy.start == "next_period":
        return _turn(piece.rule.grants.network, start, start, facts) or start
    return start


def _policy_end(piece: Piece, facts: Facts) -> date:
    end = piece.period.end
    if end is None:
        return date.max
    if piece.rule.policy.end == "grace":
        return end + timedelta(days=piece.rule.policy.grace_days)
    if piece.rule.policy.end == "period_end":
        return _turn(piece.rule.grants.network, piece.period.start, end, facts) or end
    return end


def _merged(pieces: Sequence[Piece]) -> Iterable[tuple[Grant, list[Period]]]:
    """One grant per unbroken stretch: two grants from the same source never overlap.

    Upgrading back within the grace time therefore continues the same grant (peers.md 2.5 item 5).
    A change of the tier that the rule gives starts a new grant on its first day.
    """
    run: list[Piece] = []
    for piece in sorted(pieces, key=lambda p: (p.period.start, p.period.end_or_far)):
        if run and not (_span(run).meets(piece.period) and run[-1].rule.grants == piece.rule.grants):
            cut = between(_span(run).start, min(_span(run).end_or_far, piece.period.start))
            if cut:
                yield _linked(run, cut)
            run = []
        run.append(piece)
    if run:
        yield _linked(run, _span(run))


def _span(run: Sequence[Piece]) -> Period:
    return joined([p.period for p in run])[0]


def _linked(run: Sequence[Piece], period: Period) -> tuple[Grant, list[Period]]:
    first = run[0]
    grant = Grant(
        id=uuid5(first.cause.id, f"{first.rule.code}/{period.start}"),
        organisation=first.cause.organisation,
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
    return grant, joined([pause for piece in run for pause in piece.paused])


def _inside(period: Period, others: Iterable[Period]) -> list[Period]:
    return joined([part for other in others if (part := period.overlap(other))])
