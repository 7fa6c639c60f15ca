"""What networks owe each other when a link rule shares a fee (peers.md 2.5 item 13).

The share is of the money *collected* of the source's fee, not of what was invoiced, by the rule version of the link.
It is computed from all that is collected so far and booked as the difference to what is booked already: any number of
part payments add up to the share of the whole to the øre, and refunds take it back the same way. VAT is counted once
per leg and period, on the statement: between two hosts the share is a supply with a treatment of its own.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from cluster_rules import vat
from cluster_rules.money import share
from cluster_rules.vat import Percent


class Claim(msgspec.Struct, frozen=True):
    """A share that may be owed of one invoice: `net` of its lines that the rule looks at, in minor units.

    `source` owes `target`; `percent`, `treatment` and its `vat_percent` are the rule's, of the named version.
    """

    invoice: UUID
    source: UUID
    target: UUID
    rule: str
    version: int
    percent: int
    treatment: str
    vat_percent: Percent
    net: int


class Leg(msgspec.Struct, frozen=True):
    """A line of a statement between two networks: `net` for a period, `vat` by the leg's own treatment."""

    source: UUID
    target: UUID
    rule: str
    version: int
    treatment: str
    net: int
    vat: int


def owed(claim: Claim, collected: int, gross: int) -> int:
    """The share of what is collected of an invoice over `gross`, in minor units, rounded half up once."""
    paid = max(0, min(collected, gross))
    return share(claim.net * paid, claim.percent, gross * 100) if gross > 0 else 0


def statement(booked: Iterable[tuple[Claim, int]]) -> tuple[Leg, ...]:
    """The legs of a period from what was booked in it, with VAT counted on each leg's sum."""
    sums: dict[tuple[str, str, str, int, str, Percent], tuple[Claim, int]] = {}
    for claim, amount in booked:
        key = (str(claim.source), str(claim.target), claim.rule, claim.version, claim.treatment, claim.vat_percent)
        sums[key] = (claim, sums.get(key, (claim, 0))[1] + amount)
    return tuple(
        Leg(c.source, c.target, c.rule, c.version, c.treatment, net, vat.of(net, c.vat_percent))
        for _, (c, net) in sorted(sums.items(), key=lambda each: each[0])
        if net
    )
