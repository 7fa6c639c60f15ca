"""What two networks on different systems agree on, and the rules that follow from it on either side.

The terms are one document that both sign: they hold its hash, and neither can change it alone. The granting side's
rules say who is offered; the receiving side's rules say what an offer gives. Both are link rules like any other.
"""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Literal

import msgspec

from cluster_rules.components import Data, Text
from cluster_rules.errors import RuleViolation
from cluster_rules.federation import LEASE_DAYS, Offered, canonical
from cluster_rules.networks import Grants, LinkFee, LinkPolicy, LinkRule, Rulebook, Tier, When

FIELDS = ("name", "country", "kind", "website", "identifiers")
ALWAYS = ("name", "country", "kind")  # without these nobody can be told apart
MOST_LEVELS = 20
LONGEST_LEASE_DAYS = 366
RULE_CODE = 60


class Level(Data, frozen=True):
    """Members at `source` of the granting network get `target` in the receiving one; each with its names."""

    source: str
    target: str
    source_names: Text
    target_names: Text


class Terms(Data, frozen=True):
    """The terms of one version. `fields`: what of an organisation's profile may be sent, and nothing else.

    `purpose` and `legal_basis` say why (GDPR 5, 6). `fee` is the receiving network's rule for linked memberships.
    """

    levels: tuple[Level, ...]
    starts_on: date
    fields: tuple[str, ...] = FIELDS
    acceptance: Literal["automatic", "target_decides"] = "automatic"
    fee: LinkFee = LinkFee()
    purpose: str = ""
    legal_basis: str = ""
    lease_days: int = LEASE_DAYS

    @property
    def hash(self) -> str:
        """What both sign: SHA-256 of the canonical JSON, in hexadecimal."""
        return sha256(canonical(msgspec.to_builtins(self))).hexdigest()

    def level(self, source: str) -> Level | None:
        """What members at a level of the granting network get, or None."""
        return next((each for each in self.levels if each.source == source), None)


def check(terms: Terms) -> None:
    """RuleViolation `levels_missing`, `level_twice`, `field_not_shareable`, `fields_missing` or `lease_wrong`."""
    if not 1 <= len(terms.levels) <= MOST_LEVELS:
        raise RuleViolation("levels_missing", "levels", limit=MOST_LEVELS)
    sources = [each.source for each in terms.levels]
    if len(set(sources)) < len(sources):
        raise RuleViolation("level_twice", "levels", given=max(sources, key=sources.count))
    for field in terms.fields:
        if field not in FIELDS:
            raise RuleViolation("field_not_shareable", "fields", given=field, known=", ".join(FIELDS))
    if missing := [field for field in ALWAYS if field not in terms.fields]:
        raise RuleViolation("fields_missing", "fields", missing=", ".join(missing))
    if not 1 <= terms.lease_days <= LONGEST_LEASE_DAYS:
        raise RuleViolation("lease_wrong", "lease_days", given=terms.lease_days, limit=LONGEST_LEASE_DAYS)


def covered(terms: Terms, stretches: Sequence[Offered]) -> Offered | None:
    """The first stretch that the terms do not cover; None when all are agreed on."""
    for each in stretches:
        level = terms.level(each.source_tier)
        if level is None or level.target != each.tier:
            return each
    return None


def granting_rules(terms: Terms, code: str, mirror: str, names: Text) -> tuple[LinkRule, ...]:
    """The rules that the granting network's rulebook gets; `mirror` is the receiving network as it stands there."""
    policy = LinkPolicy(acceptance=terms.acceptance)
    return tuple(
        LinkRule(
            code=_code(code, each.source),
            names=names,
            when=When(tiers=(each.source,)),
            grants=Grants(mirror, each.target),
            agreement=code,
            policy=policy,
        )
        for each in terms.levels
    )


def receiving_book(terms: Terms, code: str, mirror: str, target: Rulebook, names: Text) -> Rulebook:
    """The rulebook of the granting network as it stands on the receiving side: its levels, and what they give."""
    policy = LinkPolicy(acceptance=terms.acceptance)
    rules = tuple(
        LinkRule(
            code=_code(code, each.source),
            names=names,
            when=When(tiers=(each.source,)),
            grants=Grants(target.network, each.target),
            agreement=code,
            policy=policy,
            fee=terms.fee,
        )
        for each in terms.levels
    )
    levels = [(each.source, each.source_names) for each in terms.levels]
    return msgspec.structs.replace(_book(mirror, terms, levels, target), link_rules=rules)


def granting_book(terms: Terms, mirror: str, source: Rulebook) -> Rulebook:
    """The rulebook of the receiving network as it stands on the granting side: the levels that are given."""
    levels = list({each.target: (each.target, each.target_names) for each in terms.levels}.values())
    return _book(mirror, terms, levels, source)


def _book(mirror: str, terms: Terms, levels: Sequence[tuple[str, Text]], beside: Rulebook) -> Rulebook:
    """Nobody joins there here, and nothing is billed; the first level is the highest."""
    tiers = tuple(
        Tier(code=code, rank=10 * (len(levels) - at), names=names, public=False)
        for at, (code, names) in enumerate(levels)
    )
    start = terms.starts_on
    return Rulebook(mirror, 1, start, beside.currency, tiers, start, time_zone=beside.time_zone, vat=beside.vat)


def _code(agreement: str, level: str) -> str:
    return f"{agreement}-{level}"[:RULE_CODE]
