"""What the types of fee components cannot say: prices that are one thing, bands without a hole, cases that end.

RulebookError with the path in the document: `fixed_fee_wrong`, `bands_hole`, `price_wrong`, `cases_wrong`,
`range_wrong`, `index_missing`, `hour_value_missing`, `percent_wrong`, `discount_wrong`, `discount_for_itself`,
`vat_country_unknown`, `project_days_missing`, `rulebook_malformed` (a day).
"""

from datetime import date
from itertools import pairwise

from cluster_rules.components import Case, Discount, FeeComponent, Fits, Price, Range
from cluster_rules.errors import RulebookError
from cluster_rules.networks import Rulebook
from cluster_rules.organisations import BASES, MONEY_BASES
from cluster_rules.vat import RATES

NOT_A_LEAP_YEAR = 2001


def check_network(book: Rulebook) -> None:
    """What fees lean on in the rulebook as a whole: a country whose VAT rate is known, a project's days."""
    if book.vat.country not in RATES:
        raise RulebookError("vat_country_unknown", "vat.country", given=book.vat.country, known=sorted(RATES))
    first, last = book.period.first, book.period.last
    if (book.period.kind == "project") != bool(first and last) or (first and last and last <= first):
        raise RulebookError("project_days_missing", "period.last" if first else "period.kind")


def check(book: Rulebook, field: str, fee: FeeComponent) -> None:
    """One component of a level's fee; `field` is where it stands."""
    for name in ("reference", "free_after"):
        if getattr(fee, name):
            check_day(f"{field}.{name}", getattr(fee, name))
    shape = {"fixed": _fixed, "cases": _cases, "agreed": _agreed}.get(fee.basis, _bands)
    shape(field, fee)
    for price, place in zip(fee.prices, _places(field, fee), strict=True):
        _price(book, place, fee, price)
    if fee.hours_as == "money" and not fee.hour_value:
        raise RulebookError("hour_value_missing", f"{field}.hour_value")
    for number, discount in enumerate(fee.discounts):
        _discount(book, f"{field}.discounts", discount, number)


def check_day(field: str, given: str) -> None:
    """ "MM-DD" must be a day that every year has (29 February is not)."""
    try:
        date.fromisoformat(f"{NOT_A_LEAP_YEAR}-{given}")
    except ValueError as error:
        raise RulebookError("rulebook_malformed", field, message=f"{given} is not a day MM-DD of every year") from error


def networks_of(discount: Discount) -> tuple[str, ...]:
    """The networks a discount asks about."""
    return discount.networks or ((discount.network,) if discount.network else ())


def _fixed(field: str, fee: FeeComponent) -> None:
    if fee.bands or fee.cases or fee.amount < 0:
        raise RulebookError("fixed_fee_wrong", field, amount=fee.amount)
    if fee.amount and (fee.basis_points or fee.hours):
        raise RulebookError("price_wrong", f"{field}.amount")


def _agreed(field: str, fee: FeeComponent) -> None:
    if fee.bands or fee.cases or fee.amount or fee.basis_points or fee.hours or fee.cap < 0:
        raise RulebookError("price_wrong", field)


def _bands(field: str, fee: FeeComponent) -> None:
    if not fee.bands or fee.bands[0].from_ != 0:
        raise RulebookError("bands_hole", field, at=0)
    for left, right in pairwise(fee.bands):
        if left.below != right.from_ or left.below <= left.from_:
            raise RulebookError("bands_hole", field, at=left.below)
    if fee.bands[-1].below is not None:
        raise RulebookError("bands_hole", field, at=fee.bands[-1].below)
    if fee.cases or fee.amount or fee.basis_points or fee.hours:
        raise RulebookError("price_wrong", field)


def _cases(field: str, fee: FeeComponent) -> None:
    """Each case but the last asks something, and the last one is for everybody else."""
    if fee.bands or fee.amount or fee.basis_points or fee.hours:
        raise RulebookError("price_wrong", field)
    asks = [bool(case.when) for case in fee.cases]
    if not asks or asks[-1] or not all(asks[:-1]):
        place = asks.index(False) if False in asks[:-1] else max(0, len(asks) - 1)
        raise RulebookError("cases_wrong", f"{field}.cases[{place}].when")
    for place, case in enumerate(fee.cases):
        for number, wanted in enumerate(case.when):
            _fits(f"{field}.cases[{place}].when[{number}]", wanted)


def _places(field: str, fee: FeeComponent) -> list[str]:
    if fee.basis == "fixed":
        return [field]
    name = "cases" if fee.basis == "cases" else "bands"
    return [f"{field}.{name}[{place}]" for place in range(len(fee.prices))]


def _price(book: Rulebook, field: str, fee: FeeComponent, price: Price) -> None:
    """Exactly one of amount, percentage and hours; a percentage of something, and within its limits."""
    if price.amount is not None and price.amount < 0:
        raise RulebookError("fixed_fee_wrong", field.partition(".bands[")[0], amount=price.amount)
    numbers = (price.basis_points, price.floor, price.cap, price.hours, fee.hour_value)
    given = [price.amount is not None, price.basis_points != 0, price.hours != 0]
    if min(numbers) < 0 or sum(given) != 1 or (price.cap and price.cap < price.floor):
        raise RulebookError("price_wrong", field)
    if not price.basis_points and (price.floor or price.cap or price.index):
        raise RulebookError("price_wrong", field)
    if price.basis_points and not price.index and not (fee.basis in MONEY_BASES and not isinstance(price, Case)):
        raise RulebookError("price_wrong", f"{field}.index")
    if price.index and price.index not in {index.code for index in book.indexes}:
        raise RulebookError("index_missing", f"{field}.index", given=price.index)


def _fits(field: str, wanted: Fits) -> None:
    if wanted == Fits():
        raise RulebookError("cases_wrong", field)
    if wanted.younger_than_years < 0:
        raise RulebookError("range_wrong", f"{field}.younger_than_years")
    for basis in BASES:
        within: Range | None = getattr(wanted, basis)
        if within and (within.from_ < 0 or (within.below is not None and within.below <= within.from_)):
            raise RulebookError("range_wrong", f"{field}.{basis}")


def _discount(book: Rulebook, field: str, discount: Discount, number: int) -> None:
    if not 0 <= discount.percent <= 100:
        raise RulebookError("percent_wrong", f"{field}.percent", given=discount.percent)
    if discount.amount < 0 or (discount.percent > 0) == (discount.amount > 0):
        raise RulebookError("discount_wrong", field)
    here = f"{field}[{number}]"
    if discount.years < 0 or discount.months < 0 or not 1 <= discount.at_least <= max(1, len(discount.networks)):
        raise RulebookError("discount_wrong", here)
    if discount.from_ and discount.until and discount.until <= discount.from_:
        raise RulebookError("range_wrong", f"{here}.until")
    if discount.when == "member_of":
        if not networks_of(discount) or (discount.network and discount.networks):
            raise RulebookError("discount_wrong", here)
        if book.network in networks_of(discount):
            raise RulebookError("discount_for_itself", f"{field}.network", given=book.network)
    elif networks_of(discount) or discount.tiers:
        raise RulebookError("discount_wrong", here)
    if discount.months and not discount.fits.roles:
        raise RulebookError("discount_wrong", here)
    if discount.fits != Fits():
        _fits(f"{here}.fits", discount.fits)
