"""A fee component in words: what it depends on, its bands or cases, when it is charged and who pays less.

For those who decide about the rules and those who think about joining; how one member's fee came about is in
`crm/fee_words.py`. Money is in the rulebook's currency unless a size says otherwise.
"""

from collections.abc import Iterable, Sequence

from cluster_rules.components import Discount, FeeComponent, Fits, Index, Price, Range
from cluster_rules.organisations import BASES, MONEY_BASES
from crm.i18n import N_, Translator
from crm.names import country_name, kind_name
from crm.sentences import SIZES

# "under 10 employees", "a turnover under NOK 10,000,000".
_UNDER = N_("%(basis)s under %(below)s")
_FROM = N_("%(basis)s from %(least)s")
_BETWEEN = N_("%(basis)s from %(least)s to under %(below)s")
PARENT = {
    "none": N_("without an owner company"),
    "domestic": N_("with an owner company in the same country"),
    "foreign": N_("with an owner company abroad"),
    "not_foreign": N_("without an owner company abroad"),
}
_SCOPE = {
    "group": N_("of the whole group"),
    "group_of_domestic_parent": N_("of the whole group when its parent is in the same country, else of the company"),
}
_CHARGED = {
    "first_year": N_("once, in the first year"),
    "later_years": N_("from the second year"),
}


def component(t: Translator, fee: FeeComponent, currency: str, indexes: Sequence[Index] = ()) -> str:
    """NOK 7,500 for turnover under NOK 10,000,000; otherwise NOK 47,000; once, in the first year."""
    return "; ".join([_prices(t, fee, currency, indexes), *notes(t, fee)])


def notes(t: Translator, fee: FeeComponent) -> list[str]:
    """What to know besides the price: whose size, of which day, in which years."""
    out = []
    if fee.scope in _SCOPE:
        out.append(t.gettext(_SCOPE[fee.scope]))
    if fee.reference:
        out.append(t.gettext("as of %(day)s before the year (day.month)", day=_day(fee.reference)))
    if fee.charged in _CHARGED:
        out.append(t.gettext(_CHARGED[fee.charged]))
    if fee.free_after:
        out.append(t.gettext("free to the year's end when joining from %(day)s (day.month)", day=_day(fee.free_after)))
    return out


def rows(t: Translator, fee: FeeComponent, currency: str, indexes: Sequence[Index] = ()) -> list[str]:
    """The price row by row: each band or case by itself; a fee that is neither has one row."""
    if fee.basis == "cases":
        return list(_cases(t, fee, currency, indexes))
    return list(_bands(t, fee, currency, indexes)) if fee.basis in BASES else [_prices(t, fee, currency, indexes)]


def bare(t: Translator, fee: FeeComponent, currency: str) -> str:
    """Bands or cases alone, without what they are counted in."""
    said = _cases(t, fee, currency, ()) if fee.basis == "cases" else _bands(t, fee, currency, ())
    return "; ".join(said)


def size(t: Translator, basis: str, value: int, currency: str) -> str:
    """40 employees; a turnover of NOK 12,000,000; 3.5 full-time equivalents."""
    return t.gettext("%(n)s %(basis)s", n=amount_of(t, basis, value, currency), basis=t.gettext(SIZES[basis]))


def amount_of(t: Translator, basis: str, value: int, currency: str) -> str:
    """The number of a size as people write it; its unit goes without saying, but for money."""
    if basis in MONEY_BASES:
        return t.money(value, currency)
    return t.number(value / 100 if basis == "fte" else value)


def fits(t: Translator, wanted: Fits, currency: str) -> str:
    """Whom a case or a discount is for: everything that must hold."""
    out = [_range(t, basis, within, currency) for basis in BASES if (within := getattr(wanted, basis))]
    if wanted.kinds:
        out.append(_or(t, [kind_name(t, kind) for kind in wanted.kinds]))
    if wanted.countries:
        out.append(t.gettext("in %(countries)s", countries=_or(t, [country_name(t, c) for c in wanted.countries])))
    if wanted.parent in PARENT:
        out.append(t.gettext(PARENT[wanted.parent]))
    if wanted.roles:
        out.append(t.gettext("with the role %(roles)s", roles=_or(t, wanted.roles)))
    if wanted.younger_than_years:
        out.append(t.gettext("under %(n)s years old", n=t.number(wanted.younger_than_years)))
    return t.gettext(" and ").join(out) or t.gettext("everybody")


def discount(t: Translator, less: Discount, currency: str) -> str:
    """25 % off: member of the association; in the first year."""
    off = t.percent(less.percent / 100) if less.percent else t.money(less.amount, currency)
    out = [f"{t.text(less.names)} {off}"]
    if less.when == "fits":
        out.append(fits(t, less.fits, currency))
    if less.years:
        out.append(t.ngettext("in the first year", "in the first %(n)s years", less.years))
    if less.months:
        out.append(t.ngettext("for %(n)s month", "for %(n)s months", less.months))
    if less.from_:
        out.append(t.gettext("from %(day)s", day=t.date(less.from_)))
    if less.until:
        out.append(t.gettext("before %(day)s", day=t.date(less.until)))
    return ", ".join(out)


def _prices(t: Translator, fee: FeeComponent, currency: str, indexes: Sequence[Index]) -> str:
    if fee.basis == "agreed":
        if fee.cap:
            return t.gettext("agreed with each member, at most %(cap)s", cap=t.money(fee.cap, currency))
        return t.gettext("agreed with each member")
    if fee.basis == "fixed":
        return _price(t, fee, fee.price, currency, indexes)
    if fee.basis == "cases":
        return "; ".join(_cases(t, fee, currency, indexes))
    said = "; ".join(_bands(t, fee, currency, indexes))
    return t.gettext("%(basis)s: %(bands)s", basis=t.gettext(SIZES[fee.basis]), bands=said)


def _bands(t: Translator, fee: FeeComponent, currency: str, indexes: Sequence[Index]) -> Iterable[str]:
    for band in fee.bands:
        price = _price(t, fee, band, currency, indexes)
        yield f"{_band(t, fee.basis, Range(band.from_, band.below), fee.size_currency or currency)}: {price}"


def _cases(t: Translator, fee: FeeComponent, currency: str, indexes: Sequence[Index]) -> Iterable[str]:
    for case in fee.cases:
        price = _price(t, fee, case, currency, indexes)
        if case.when:
            who = t.gettext(" or ").join(fits(t, wanted, fee.size_currency or currency) for wanted in case.when)
            yield t.gettext("%(price)s for %(who)s", price=price, who=who)
        else:
            yield t.gettext("otherwise %(price)s", price=price)


def _price(t: Translator, fee: FeeComponent, price: Price, currency: str, indexes: Sequence[Index]) -> str:
    if price.hours and fee.hours_as == "money":
        value = t.money(fee.hour_value, currency)
        return t.gettext("%(hours)s hours at %(value)s", hours=t.number(price.hours), value=value)
    if price.hours:
        return t.ngettext("%(n)s hour of work", "%(n)s hours of work", price.hours)
    if not price.basis_points:
        return t.money(price.amount or 0, currency)
    names = {index.code: t.text(index.names) for index in indexes}
    of = names.get(price.index, price.index) if price.index else t.gettext(SIZES[fee.basis])
    out = [t.gettext("%(percent)s of %(what)s", percent=t.percent(price.basis_points / 10_000), what=of)]
    if price.floor:
        out.append(t.gettext("at least %(amount)s", amount=t.money(price.floor, currency)))
    if price.cap:
        out.append(t.gettext("at most %(amount)s", amount=t.money(price.cap, currency)))
    return ", ".join(out)


def _band(t: Translator, basis: str, within: Range, currency: str) -> str:
    """0 to 9; from 250. Whole units are told with both ends inside, money and parts by where the next begins."""
    least = amount_of(t, basis, within.from_, currency)
    if within.below is None:
        return t.gettext("from %(least)s", least=least)
    if basis in MONEY_BASES or basis == "fte":
        return t.gettext("%(least)s to under %(below)s", least=least, below=amount_of(t, basis, within.below, currency))
    return t.gettext("%(least)s to %(most)s", least=least, most=t.number(within.below - 1))


def _range(t: Translator, basis: str, within: Range, currency: str) -> str:
    values = {"basis": t.gettext(SIZES[basis]), "least": amount_of(t, basis, within.from_, currency)}
    if within.below is None:
        return t.gettext(_FROM, **values)
    values["below"] = amount_of(t, basis, within.below, currency)
    return t.gettext(_BETWEEN if within.from_ else _UNDER, **values)


def _or(t: Translator, words: Sequence[str]) -> str:
    return t.gettext(" or ").join(words)


def _day(month_and_day: str) -> str:
    """ "11-01" as 1.11."""
    month, day = month_and_day.split("-")
    return f"{int(day)}.{int(month)}"
