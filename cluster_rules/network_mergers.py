"""Networks that become one: levels by a table, seniority and links kept, prepaid days given back as credit (AC-14b).

"Energy Valley + GCE Ocean Technology + Energy Transition Norway aim at one organisation from 1 January 2027"
(domain.md 0 item 8). The members move by transfers (`transfers.py`); here is the plan as data, what it does to
rulebooks, and what was paid for days that nobody uses any more.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from cluster_rules import charges, fees, vat
from cluster_rules.errors import RuleViolation
from cluster_rules.fees import Step
from cluster_rules.intents import Charge, Intent, StartGrant
from cluster_rules.links import settled
from cluster_rules.memberships import Charged, Facts, Transfer, direct_grants
from cluster_rules.money import share
from cluster_rules.networks import LinkRule, Rulebook, Rulebooks
from cluster_rules.periods import between

CODE_MAX = 60


class Old(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network that goes: its levels by the new one's codes; its agreements move to the new one, or end."""

    network: str
    tiers: dict[str, str]
    agreements: Literal["move", "end"] = "move"


class NetworkMerger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `on`, members of the old `networks` are members of `into`."""

    into: str
    on: date
    networks: tuple[Old, ...]

    @property
    def slugs(self) -> frozenset[str]:
        """The networks that go."""
        return frozenset(old.network for old in self.networks)


def check(merger: NetworkMerger, rulebooks: Rulebooks) -> None:
    """RuleViolation when the plan cannot be: `network_unknown`, `merger_same`, `tier_unknown`, `tier_unmapped`."""
    new = rulebooks.governing(merger.into, merger.on, merger.on)
    if new is None:
        raise RuleViolation("network_unknown", "into", given=merger.into)
    if merger.into in merger.slugs or len(merger.slugs) < len(merger.networks) or not merger.networks:
        raise RuleViolation("merger_same", "networks")
    for old in merger.networks:
        if old.network not in rulebooks.networks:
            raise RuleViolation("network_unknown", "networks", given=old.network)
        for code in old.tiers.values():
            if new.tier(code) is None:
                raise RuleViolation("tier_unknown", "tiers", tier=code, network=merger.into)
        for tier in {tier.code for book in rulebooks.of(old.network) for tier in book.tiers}:
            if tier not in old.tiers:
                raise RuleViolation("tier_unmapped", "tiers", tier=tier, network=old.network)


def moved_code(agreement: str, into: str) -> str:
    """What an agreement is called once the new network stands in the old one's place."""
    return f"{agreement}-{into}"[:CODE_MAX]


def books_after(merger: NetworkMerger, rulebooks: Rulebooks) -> Iterator[Rulebook]:
    """The next version of every rulebook that names an old network, or takes over its link rules; from the day on.

    A rule of another network that gives membership in an old one gives it in the new one (at the level of the
    table), the new network gets the old ones' rules, and rules between networks that become one fall away.
    """
    for slug in sorted(rulebooks.networks - merger.slugs):
        book = rulebooks.of(slug)[-1]
        rules = [_towards_new(rule, merger) for rule in book.link_rules]
        if slug == merger.into:
            taken = {rule.code for rule in rules}
            rules += [rule for rule in _taken_over(merger, rulebooks) if rule.code not in taken]
        wanted = tuple(rule for rule in rules if rule.grants.network != slug or rule.grants.to != "organisation")
        if wanted != book.link_rules:
            yield msgspec.structs.replace(
                book,
                version=book.version + 1,
                effective_from=merger.on,
                effective_from_existing=merger.on,
                link_rules=wanted,
            )


def _towards_new(rule: LinkRule, merger: NetworkMerger) -> LinkRule:
    old = next((each for each in merger.networks if each.network == rule.grants.network), None)
    if old is None or old.agreements == "end":
        return rule
    grants = msgspec.structs.replace(rule.grants, network=merger.into, tier=old.tiers[rule.grants.tier])
    return msgspec.structs.replace(rule, grants=grants, agreement=moved_code(rule.agreement, merger.into))


def _taken_over(merger: NetworkMerger, rulebooks: Rulebooks) -> Iterator[LinkRule]:
    for old in merger.networks:
        book = rulebooks.governing(old.network, merger.on, merger.on)
        for rule in book.link_rules if book and old.agreements == "move" else ():
            if rule.grants.network in {*merger.slugs, merger.into}:
                continue
            tiers = tuple(dict.fromkeys(old.tiers.get(code, code) for code in rule.when.tiers))
            when = msgspec.structs.replace(rule.when, tiers=tiers)
            yield msgspec.structs.replace(rule, when=when, agreement=moved_code(rule.agreement, merger.into))


def billed(before: Facts, after: Facts, transfers: Iterable[Transfer], today: date) -> tuple[Intent, ...]:
    """The credit for prepaid days in the old networks, and the fee of the new one where membership begins by it.

    `before` and `after` are the facts without and with the transfers. Whatever the old rulebook says of refunds:
    who is moved by others does not lose what was paid. The fee begins that day, as for anybody who joins.
    """
    listed = list(transfers)
    out: list[Intent] = [charge for t in listed for charge in _given_back(before, t)]
    held, holds = settled(before), settled(after)
    known = {d.id for d in held.decisions}
    targets = {t.target for t in listed if t.target}
    stood = {(d.organisation, d.network) for d in held.decisions}
    for decision in holds.decisions:
        key = (decision.organisation, decision.network)
        first = key in targets and key not in stood and decision.id not in known and decision.kind == "joining"
        grant = next((g for g in direct_grants(holds.decisions) if g.id == decision.id), None)
        if first and grant:
            started = [StartGrant(grant, Step("network_merger"))]
            out += charges.of(held, holds, decision, started, (), today)
            stood.add(key)
    return tuple(out)


def _given_back(facts: Facts, transfer: Transfer) -> Iterator[Charge]:
    """Of every line billed for days from the merger on, the part for these days; less what came back already."""
    sums: dict[tuple[UUID, str], list[Charged]] = {}
    for each in facts.charged:
        if (each.organisation, each.network) == transfer.source and each.period.end_or_far > transfer.on:
            sums.setdefault((each.grant, each.line.component), []).append(each)
    for (grant, _), lines in sums.items():
        left = [part for each in lines if (part := _part(each, transfer.on))]
        if sum(part.net for part in left) > 0:
            for back in fees.credit([part for part in left if part.net > 0], "unused_days"):
                yield Charge(*transfer.source, grant, back, Step("network_merger"))


def _part(charged: Charged, on: date) -> fees.FeeLine | None:
    """The share of a billed line that is for the days from `on`; None for what has no end, or no day left."""
    line = charged.line
    rest = between(max(on, line.period.start), line.period.end_or_far)
    if rest is None or line.period.end is None:
        return None
    days: Mapping[str, int] = {"part": rest.days, "whole": line.period.days}
    net = share(line.net, rest.days, line.period.days)
    steps = line.steps if rest == line.period else (*line.steps, Step("prorated_days", dict(days)))
    return msgspec.structs.replace(line, period=rest, net=net, vat=vat.of(net, line.vat_percent), steps=steps)
