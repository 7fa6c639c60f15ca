"""Any fee becomes a form and the same fee again, in both languages; rows move; figures are read as typed."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_rules import fee_checks
from cluster_rules.components import Band, Case, Discount, FeeComponent, Fits, Index, IndexValue, Range
from cluster_rules.organisations import BASES, KINDS, MONEY_BASES
from crm.web import fee_forms, figures
from crm.web.fee_rows import MOST_ROWS, count, done
from tests.cluster_rules.histories import QUICK
from tests.cluster_rules.make import book, tier

LANGUAGES = st.sampled_from(["nb", "en"])
TEXTS = st.text("abc æøå.,-/", min_size=1, max_size=20).map(lambda text: f"x{text}x")
NAMES = st.fixed_dictionaries({"nb": TEXTS}, optional={"en": TEXTS, "se": TEXTS})
AMOUNTS = st.integers(0, 10**12)
SIZES = st.integers(1, 10**9)
DAYS = st.sampled_from(["", "01-31", "10-01", "12-31"])
INDEX = Index("g", {"en": "Base amount"}, (IndexValue(2026, 124_028_00),))


@st.composite
def prices(draw: st.DrawFn, of_size: bool = False) -> dict[str, object]:
    """Exactly one of an amount, a percentage within limits, and hours."""
    shape = draw(st.sampled_from(["amount", "percent", "hours"]))
    if shape == "amount":
        return {"amount": draw(AMOUNTS)}
    if shape == "hours":
        return {"hours": draw(st.integers(1, 10_000))}
    floor = draw(AMOUNTS)
    cap = draw(st.sampled_from([0, floor + 1, floor * 2 + 5]))
    index = draw(st.sampled_from(["", "g"])) if of_size else "g"
    return {"basis_points": draw(st.integers(1, 99_999)), "floor": floor, "cap": cap, "index": index}


@st.composite
def wanted(draw: st.DrawFn) -> Fits:
    """What an organisation must be like: at least one thing is asked."""
    asked = draw(st.sets(st.sampled_from([*BASES, "kinds", "countries", "parent", "roles", "younger"]), min_size=1))
    values: dict[str, object] = {
        basis: Range(least, draw(st.none() | st.integers(least + 1, 10**12)))
        for basis in BASES
        if basis in asked
        for least in [draw(st.integers(0, 10**9))]
    }
    if "kinds" in asked:
        values["kinds"] = tuple(draw(st.lists(st.sampled_from(KINDS), min_size=1, unique=True)))
    if "countries" in asked:
        values["countries"] = tuple(draw(st.lists(st.sampled_from(["NO", "SE", "DK"]), min_size=1, unique=True)))
    if "roles" in asked:
        values["roles"] = tuple(draw(st.lists(st.sampled_from(["core", "award_winner"]), min_size=1, unique=True)))
    if "parent" in asked:
        values["parent"] = draw(st.sampled_from(["none", "domestic", "foreign", "not_foreign"]))
    if "younger" in asked:
        values["younger_than_years"] = draw(st.integers(1, 99))
    return Fits(**values)  # type: ignore[arg-type]


@st.composite
def discounts(draw: st.DrawFn) -> Discount:
    """For members of one or several other networks, or for those who fit; off a percentage or an amount."""
    values: dict[str, object] = draw(
        st.sampled_from([{"percent": 1}, {"percent": 100}, {"amount": 1}, {"amount": 123_456_789}])
    )
    kind = draw(st.sampled_from(["one", "several", "fits"]))
    if kind == "one":
        values = values | {"network": "other", "tiers": draw(st.sampled_from([(), ("a",), ("a", "b")]))}
    elif kind == "several":
        values = values | {"networks": ("x", "y"), "at_least": draw(st.integers(1, 2)), "tiers": ("a",)}
    else:
        values = values | {"when": "fits"}
    fits = draw(st.just(Fits()) | wanted())
    months = draw(st.integers(0, 36)) if fits.roles else 0
    until = draw(st.none() | st.just(date(2030, 1, 1)))
    since = draw(st.none() | st.just(date(2027, 1, 1)))
    return Discount(
        draw(NAMES), fits=fits, months=months, years=draw(st.integers(0, 5)), from_=since, until=until, **values
    )


@st.composite
def components(draw: st.DrawFn, code: str = "fee") -> FeeComponent:
    """Any fee that `fee_checks` lets pass."""
    basis = draw(st.sampled_from(["fixed", "cases", "agreed", *BASES]))
    values: dict[str, object] = {}
    if basis == "fixed":
        values = draw(prices())
    elif basis == "agreed":
        values = {"cap": draw(AMOUNTS)}
    elif basis == "cases":
        whens = draw(st.lists(st.lists(wanted(), min_size=1, max_size=3).map(tuple), max_size=3))
        values = {"cases": tuple(Case(when=when, **draw(prices())) for when in [*whens, ()])}
    else:
        limits = sorted(draw(st.sets(SIZES, max_size=4)))
        ends = zip([0, *limits], [*limits, None], strict=True)
        of_size = basis in MONEY_BASES
        values = {"bands": tuple(Band(from_=least, below=below, **draw(prices(of_size))) for least, below in ends)}
    return FeeComponent(
        code,
        draw(NAMES),
        basis,
        proration=draw(st.sampled_from(["none", "days", "months", "half_year", "joining_half"])),
        vat=draw(st.sampled_from(["standard", "exempt_3_13", "outside", "zero", "reverse_charge", "foreign"])),
        charged=draw(st.sampled_from(["every_year", "first_year", "later_years"])),
        scope=draw(st.sampled_from(["own", "group", "group_of_domestic_parent"])),
        reference=draw(DAYS),
        free_after=draw(DAYS),
        size_currency=draw(st.sampled_from(["", "EUR"])),
        hours_as=draw(st.sampled_from(["work", "money"])),
        hour_value=draw(st.integers(1, 10**6)),
        account=draw(st.sampled_from(["", "3000"])),
        source=draw(st.just("") | TEXTS),
        example=draw(st.booleans()),
        discounts=tuple(draw(st.lists(discounts(), max_size=3))),
        **values,
    )


def test_kronur_are_typed_and_shown_as_kronur():
    fee = fee_forms.plain(FeeComponent("fee", {"nb": "Kontingent"}, amount=45_000))
    typed = fee_forms.shown("nb", 0, (fee,))
    assert typed["fees.0.price.amount"] == ["45 000"]
    (made,) = fee_forms.applied("nb", 0, (fee,), typed | {"fees.0.price.amount": ["46.000"]}).fees
    assert made["amount"] == 46_000
    assert (
        "fees.0.price.amount" in fee_forms.applied("nb", 0, (fee,), typed | {"fees.0.price.amount": ["1,5"]}).mistakes
    )


@QUICK
@given(st.lists(components(), max_size=3), LANGUAGES, st.sampled_from([0, 2]))
def test_any_fee_becomes_a_form_and_the_same_fee_again(listed, language, places):
    fees = tuple(fee_forms.plain(component) | {"code": f"fee-{n}"} for n, component in enumerate(listed))
    rulebook = book(tiers=(tier("t", 1, *listed),), indexes=(INDEX,))
    for component in listed:
        fee_checks.check(rulebook, "fees", component)  # what is drawn is what can be published
    typed = fee_forms.shown(language, places, fees)
    made = fee_forms.applied(language, places, fees, typed)
    assert (made.fees, made.mistakes) == (fees, {})
    fresh = {name: [""] if name.endswith(".was") else values for name, values in typed.items()}
    again = fee_forms.applied(language, places, (), fresh)
    several = any(less.networks for component in listed for less in component.discounts)
    bare = [{"code": "", "names": "", "discounts": ""}] * len(fees)
    if not several and not again.mistakes:  # typed anew it says the same, but for names in a third language
        assert [dict(a) | b for a, b in zip(again.fees, bare, strict=True)] == [
            dict(f) | b for f, b in zip(fees, bare, strict=True)
        ]


@given(st.integers(0, 10**14), st.integers(0, 2), st.booleans(), LANGUAGES)
def test_a_number_that_is_shown_is_read_as_the_same_number(value, decimals, padded, language):
    assert figures.read(language, figures.write(language, value, decimals, padded), decimals) == value


@pytest.mark.parametrize(
    ("language", "typed", "value"),
    [
        ("nb", "45 000,50", 4_500_050),
        ("nb", "45.000,50", 4_500_050),
        ("nb", "45.000", 4_500_000),
        ("nb", "45\N{NO-BREAK SPACE}000", 4_500_000),
        ("nb", "1500.5", 150_050),
        ("nb", "45,000", None),
        ("en", "45,000.50", 4_500_050),
        ("en", "45 000.50", 4_500_050),
        ("en", "1500,5", 150_050),
        ("en", "45.000", None),
        ("en", "4,5000", None),
        ("en", "-5", None),
        ("en", "5 kr", None),
        ("en", "1,5,0", None),
        ("en", "٤٥", None),
        ("en", "9" * 16, None),
    ],
)
def test_amounts_are_read_as_people_of_the_language_write_them_or_refused(language, typed, value):
    assert figures.read(language, typed, 2) == value


def rows_of(typed, listed):
    return [typed[f"{listed}.{n}.was"] for n in range(count(typed, listed))]


def test_rows_are_added_moved_and_taken_out_with_everything_in_them():
    typed = {"stamp": ["s"]}
    for n in range(3):
        typed |= {f"fees.{n}.was": [str(n)], f"fees.{n}.names.nb": [f"n{n}"], f"fees.{n}.bands.0.was": [""]}
    assert rows_of(done(typed, "up fees.2"), "fees") == [["0"], ["2"], ["1"]]
    assert rows_of(done(typed, "down fees.0"), "fees") == [["1"], ["0"], ["2"]]
    gone = done(typed, "drop fees.1")
    assert rows_of(gone, "fees") == [["0"], ["2"]] and gone["fees.1.names.nb"] == ["n2"] and gone["stamp"] == ["s"]
    assert rows_of(done(typed, "add fees.1.bands"), "fees.1.bands") == [[""], [""]]
    for nothing in ("drop fees.9", "drop fees.x", "eat fees.1", "drop", "", "up fees.0"):
        assert done(typed, nothing) == typed
    full = {f"fees.{n}.was": [""] for n in range(MOST_ROWS)}
    assert done(full, "add fees") == full
