"""Where a component's fee begins: which size of which day decides, which band or case it falls in, and its price."""

from collections.abc import Iterator
from datetime import date

import msgspec

from cluster_rules.components import Case, FeeComponent, Fits, Price, Range
from cluster_rules.errors import RuleViolation
from cluster_rules.explanations import Step
from cluster_rules.networks import Rulebook
from cluster_rules.organisations import BASES, MONEY_BASES, Profile, Scope, Size
from cluster_rules.periods import Period, add_months


class Asked(msgspec.Struct, frozen=True):
    """For whom and when: what was true of the organisation (None: nothing is known), in which membership year.

    `day` is the first day that is billed of it, `since` the day the organisation joined (None: in some earlier year).
    """

    book: Rulebook
    profile: Profile | None
    year: Period
    day: date
    since: date | None = None


def begin(component: FeeComponent, asked: Asked) -> tuple[Step, ...]:
    """The first steps of a component's explanation, down to its fee for a whole year.

    RuleViolation `size_unknown` (its field is the basis), `founding_unknown`, `band_missing`, `index_unknown`,
    `fee_not_agreed` or `agreed_fee_too_high` when it cannot be said.
    """
    if component.basis == "agreed":
        return (_agreed(component, asked),)
    if component.basis == "fixed":
        fixed = {} if component.price.amount is None else {"amount": component.amount}
        return (Step("fixed", fixed), *_price(component, component.price, asked, None))
    if component.basis == "cases":
        return _case(component, asked)
    size = _size(component, component.basis, asked)
    band = next((b for b in component.bands if _within(Range(b.from_, b.below), size.value)), None)
    if band is None:
        raise RuleViolation("band_missing", component.basis, component=component.code, size=size.value)
    values = _told(size) | {"from": band.from_, "below": band.below}
    if band.amount is not None:
        values["amount"] = band.amount
    return (Step("band", values), *_price(component, band, asked, size))


def fits(wanted: Fits, component: FeeComponent, asked: Asked, seen: list[Size]) -> bool:
    """Is the organisation like this? `seen` collects the sizes that were looked at.

    RuleViolation `size_unknown` or `founding_unknown` when only what nobody has told could decide.
    """
    missing: RuleViolation | None = None
    for check in _checks(wanted, component, asked, seen):
        if check is False:
            return False
        if isinstance(check, RuleViolation):
            missing = missing or check
    if missing:
        raise missing
    return True


def needed(component: FeeComponent) -> Iterator[str]:
    """The facts a component may ask for: bases (of the group: with `_group`), `founded_on`, `owner_country`."""
    wanted = [f for case in component.cases for f in case.when]
    listed = {component.basis} | {basis for f in wanted for basis in BASES if getattr(f, basis)}
    for basis in BASES:
        if basis in listed:
            yield basis
            if component.scope != "own":
                yield f"{basis}_group"
    every = [*wanted, *(d.fits for d in component.discounts if d.when == "fits")]
    if any(f.younger_than_years for f in every):
        yield "founded_on"
    if component.scope == "group_of_domestic_parent" or any(f.parent != "any" for f in every):
        yield "owner_country"


def _case(component: FeeComponent, asked: Asked) -> tuple[Step, ...]:
    seen: list[Size] = []
    for number, case in enumerate(component.cases, 1):
        if _any_fits(case, component, asked, seen):
            # A size that was looked at for several cases is told once.
            told = [_told(size) for size in dict.fromkeys(seen)]
            values = {"case": number, "sizes": told} | ({} if case.amount is None else {"amount": case.amount})
            return (Step("case", values), *_price(component, case, asked, None))
    raise RuleViolation("band_missing", "cases", component=component.code, size=0)


def _any_fits(case: Case, component: FeeComponent, asked: Asked, seen: list[Size]) -> bool:
    missing: RuleViolation | None = None
    for wanted in case.when:
        try:
            if fits(wanted, component, asked, seen):
                return True
        except RuleViolation as violation:
            missing = missing or violation
    if missing:
        raise missing
    return not case.when


def _checks(wanted: Fits, component: FeeComponent, asked: Asked, seen: list[Size]) -> Iterator[bool | RuleViolation]:
    profile = asked.profile
    if wanted.kinds:
        yield profile is not None and profile.kind in wanted.kinds
    if wanted.countries:
        yield profile is not None and profile.country in wanted.countries
    if wanted.parent != "any":
        yield wanted.parent in _parent(profile)
    if wanted.roles:
        yield any(True for _ in roles(wanted, asked))
    if wanted.younger_than_years:
        yield _younger(wanted.younger_than_years, component, asked)
    for basis in BASES:
        within: Range | None = getattr(wanted, basis)
        if within:
            try:
                size = _size(component, basis, asked)
            except RuleViolation as violation:
                yield violation
            else:
                seen.append(size)
                yield _within(within, size.value)


def roles(wanted: Fits, asked: Asked) -> Iterator[date]:
    """Since when the organisation has had the wanted roles of the network that it has now, or had."""
    for role in asked.profile.roles if asked.profile else ():
        if role.network == asked.book.network and role.code in wanted.roles and role.period.covers(asked.day):
            yield role.period.start


def _younger(years: int, component: FeeComponent, asked: Asked) -> bool | RuleViolation:
    founded = asked.profile.founded_on if asked.profile else None
    if founded is None:
        return RuleViolation("founding_unknown", "founded_on", component=component.code)
    return add_months(founded, 12 * years) > asked.day


def _parent(profile: Profile | None) -> tuple[str, ...]:
    if profile is None or not profile.owner_country:
        return ("none", "not_foreign")
    return ("domestic", "not_foreign") if profile.owner_country == profile.country else ("foreign",)


def _within(within: Range, size: int) -> bool:
    return within.from_ <= size and (within.below is None or size < within.below)


def _size(component: FeeComponent, basis: str, asked: Asked) -> Size:
    """The size that counts: of the organisation or its group, as of the component's day of reference."""
    profile = asked.profile
    scope: Scope = "group" if _of_group(component, profile) else "own"
    currency = (component.size_currency or asked.book.currency) if basis in MONEY_BASES else ""
    size = profile.size(basis, reference(component, asked), scope, currency) if profile else None
    if size is None:
        of = basis if scope == "own" else f"{basis}_{scope}"
        raise RuleViolation("size_unknown", of, component=component.code, basis=of, currency=currency)
    return size


def _of_group(component: FeeComponent, profile: Profile | None) -> bool:
    """Does the group count? Who is owned by nobody is its own group."""
    if component.scope == "own" or profile is None or not profile.owner_country:
        return False
    return component.scope == "group" or profile.owner_country == profile.country


def reference(component: FeeComponent, asked: Asked) -> date:
    """The day as of which sizes count: the last MM-DD before the membership year, or the first billed day."""
    if not component.reference:
        return asked.day
    month, day = map(int, component.reference.split("-"))
    this = date(asked.year.start.year, month, day)
    return this if this < asked.year.start else date(this.year - 1, month, day)


def _told(size: Size) -> dict[str, object]:
    """A size as values of a step: what it is, of which day, and who says so."""
    values: dict[str, object] = {"basis": size.basis, "size": size.value}
    if size.as_of:
        values["as_of"] = size.as_of.isoformat()
    if size.source:
        values["source"] = size.source
    if size.scope != "own":
        values["scope"] = size.scope
    if size.currency:
        values["currency"] = size.currency
    return values


def _price(component: FeeComponent, price: Price, asked: Asked, size: Size | None) -> tuple[Step, ...]:
    if price.hours and component.hours_as == "money":
        return (Step("hours_as_money", {"hours": price.hours, "value": component.hour_value}),)
    if price.hours:
        return (Step("hours_as_work", {"hours": price.hours, "value": component.hour_value}),)
    if not price.basis_points:
        return ()
    values: dict[str, object] = {"basis_points": price.basis_points}
    if price.index:
        values |= {"index": price.index, "year": asked.year.start.year, "of": _index(price.index, asked)}
    elif size:  # a band's price of a money basis: `rulebooks.check` refuses any other
        values |= {"basis": size.basis, "of": size.value}
    values |= {name: limit for name, limit in (("floor", price.floor), ("cap", price.cap)) if limit}
    return (Step("percentage", values),)


def _index(code: str, asked: Asked) -> int:
    """What the index is in the calendar year in which the membership year begins."""
    year = asked.year.start.year
    for index in asked.book.indexes:
        for known in index.values if index.code == code else ():
            if known.year == year:
                return known.amount
    raise RuleViolation("index_unknown", "indexes", index=code, year=str(year))


def _agreed(component: FeeComponent, asked: Asked) -> Step:
    known = asked.profile.agreed if asked.profile else ()
    for fee in known:
        ours = (fee.network, fee.component, fee.currency) == (asked.book.network, component.code, asked.book.currency)
        if ours and fee.period.covers(asked.day):
            if component.cap and fee.amount > component.cap:
                raise RuleViolation(
                    "agreed_fee_too_high", "agreed", component=component.code, amount=fee.amount, limit=component.cap
                )
            return Step("agreed", {"amount": fee.amount, "source": fee.source})
    raise RuleViolation("fee_not_agreed", "agreed", component=component.code)
