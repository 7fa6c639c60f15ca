"""When does another headcount matter: where a rulebook's fees, levels or links ask for one, and the EU's classes.

A bound is a headcount from which on something is otherwise: 50 parts 49 from 50. Classes of size by headcount are those
of Commission Recommendation 2003/361/EC (micro below 10, small below 50, medium-sized below 250), as ECCP and
Innovation Norway ask for them. No fee is so much a head (`fee_checks`), so within two bounds nothing changes.
"""

from collections.abc import Iterable, Iterator

from cluster_rules.components import FeeComponent
from cluster_rules.networks import Rulebook

SME_CLASSES = frozenset({10, 50, 250})


def bounds(books: Iterable[Rulebook]) -> frozenset[int]:
    """What matters to these rulebooks: bands and cases of fees, discounts, who a level is open to, link rules."""
    found = set(SME_CLASSES)
    for book in books:
        for tier in book.tiers:
            found.update(_above(tier.open_to.max_employees))
            for component in tier.fees:
                found.update(_of_component(component))
        for rule in book.link_rules:
            found.update(_told(rule.when.min_employees), _above(rule.when.max_employees))
    return frozenset(found)


def same_class(ours: int | None, theirs: int | None, bounds: frozenset[int]) -> bool:
    """Is it all one which of the two it is? Never when one of them is not told: fees may wait for it."""
    if ours is None or theirs is None:
        return False
    return all((ours < bound) == (theirs < bound) for bound in bounds)


def _of_component(component: FeeComponent) -> Iterator[int]:
    if component.basis == "employees":
        for band in component.bands:
            yield from _told(band.from_, band.below)
    for fits in (*(fit for case in component.cases for fit in case.when), *(each.fits for each in component.discounts)):
        if fits.employees:
            yield from _told(fits.employees.from_, fits.employees.below)


def _told(*said: int | None) -> Iterator[int]:
    return (each for each in said if each)


def _above(most: int) -> tuple[int, ...]:
    return (most + 1,) if most else ()
