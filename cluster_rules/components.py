"""Fee components as data: what a line of a level's fee depends on, its bands or cases, discounts and VAT.

Every struct mirrors the TOML a cluster manager can read (docs/rulebooks.md); unknown keys are refused.
Amounts are minor units of the rulebook's currency without VAT; the dimensions are those of domain.md 1.15.
"""

from datetime import date
from typing import Literal

import msgspec

from cluster_rules.organisations import Basis, Kind

Text = dict[str, str]
VatCode = Literal["standard", "exempt_3_13", "outside", "zero", "reverse_charge", "foreign"]


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of everything that is read from a rulebook document."""


class Range(Data, frozen=True):
    """A size within [from, below); no `below` = upwards without limit. Units: see `organisations.Size`."""

    from_: int = msgspec.field(name="from", default=0)
    below: int | None = None


class Price(Data, frozen=True, kw_only=True):
    """Exactly one of: an `amount`; `basis_points` of an index or of the size itself; `hours` of work.

    100 basis points = 1 %. `floor` and `cap` (0 = none) hold a percentage in; both are minor units.
    """

    amount: int | None = None
    basis_points: int = 0
    index: str = ""
    floor: int = 0
    cap: int = 0
    hours: int = 0


class Band(Price, frozen=True, kw_only=True):
    """A price for a size within [from, below); no `below` = upwards without limit."""

    from_: int = msgspec.field(name="from", default=0)
    below: int | None = None


class Fits(Data, frozen=True):
    """What an organisation must be like; everything that is named must hold, what is left out may be anything.

    `parent` is about the company that owns it: none, domestic (of the same country) or foreign. `roles`: it
    has one of these in the network. `younger_than_years`: since its founding.
    """

    kinds: tuple[Kind, ...] = ()
    countries: tuple[str, ...] = ()
    parent: Literal["any", "none", "domestic", "foreign", "not_foreign"] = "any"
    roles: tuple[str, ...] = ()
    younger_than_years: int = 0
    employees: Range | None = None
    fte: Range | None = None
    turnover: Range | None = None
    balance: Range | None = None
    area: Range | None = None
    inhabitants: Range | None = None
    contracts: Range | None = None
    members: Range | None = None


class Case(Price, frozen=True, kw_only=True):
    """A price for organisations that fit one of `when` (OR); within one, everything must hold (AND).

    The first case that fits counts; the last one has no `when`.
    """

    when: tuple[Fits, ...] = ()


class Discount(Data, frozen=True):
    """Less for some, as `percent` of the yearly fee or an `amount` off it (domain.md T2, 1.15 dimension 13).

    member_of: an own membership here, on the first billed day of a year, of somebody who is a member of
    `network` (or of at least `at_least` of `networks`) as well; a membership elsewhere that only comes with
    this one is no reason; `tiers` empty = any level there. In any case it must be like `fits`, if that says anything.
    `years` = only so many first membership years; `months` = only so long after the role began;
    [from, until) = first billed days for which it counts at all. What nobody has told is no reason for less.
    """

    names: Text
    network: str = ""
    tiers: tuple[str, ...] = ()
    when: Literal["member_of", "fits"] = "member_of"
    percent: int = 0
    amount: int = 0
    networks: tuple[str, ...] = ()
    at_least: int = 1
    fits: Fits = Fits()
    years: int = 0
    months: int = 0
    from_: date | None = msgspec.field(name="from", default=None)
    until: date | None = None


class FeeComponent(Data, frozen=True):
    """One line of a tier's fee, with its own VAT treatment (domain.md 4.1) and account.

    `basis` a size: `bands`. cases: `cases`. agreed: an amount signed with each member, at most `cap`.
    `scope`: the size of the organisation itself, of its whole group, or of the group when its parent is
    domestic. `reference` "MM-DD" = the size as of the last such day before the membership year; empty = on
    the first billed day. `size_currency` of turnover and balance (empty = the rulebook's).
    `charged`: in every membership year, in the first alone (an entry fee), or in the later ones.
    `hours_as` money: hours of work are billed at `hour_value` each; work: they are owed and not billed.
    `free_after` "MM-DD": who joins on that day or later pays nothing for the rest of the year.
    `example` true: the figure is ours and not from a source, and pages say so.
    """

    code: str
    names: Text
    basis: Basis | Literal["fixed", "cases", "agreed"] = "fixed"
    amount: int = 0
    bands: tuple[Band, ...] = ()
    proration: Literal["none", "days", "months", "half_year", "joining_half"] = "days"
    vat: VatCode = "standard"
    example: bool = False
    source: str = ""
    discounts: tuple[Discount, ...] = ()
    cases: tuple[Case, ...] = ()
    basis_points: int = 0
    index: str = ""
    floor: int = 0
    cap: int = 0
    hours: int = 0
    hour_value: int = 0
    hours_as: Literal["work", "money"] = "work"
    scope: Literal["own", "group", "group_of_domestic_parent"] = "own"
    reference: str = ""
    size_currency: str = ""
    charged: Literal["every_year", "first_year", "later_years"] = "every_year"
    free_after: str = ""
    account: str = ""

    @property
    def price(self) -> Price:
        """The price of a fixed fee, in the shape that bands and cases have."""
        amount = None if self.basis_points or self.hours else self.amount
        return Price(
            amount=amount,
            basis_points=self.basis_points,
            index=self.index,
            floor=self.floor,
            cap=self.cap,
            hours=self.hours,
        )

    @property
    def prices(self) -> tuple[Price, ...]:
        """Every price the component can come to; none when it is agreed with each member."""
        if self.basis == "agreed":
            return ()
        if self.basis == "fixed":
            return (self.price,)
        return self.cases if self.basis == "cases" else self.bands


class IndexValue(Data, frozen=True):
    """What an index was in a calendar year, in minor units."""

    year: int
    amount: int


class Index(Data, frozen=True):
    """A published figure that fees follow, such as the Swedish price base amount; years nobody entered are unknown."""

    code: str
    names: Text
    values: tuple[IndexValue, ...]
    source: str = ""


class VatTerms(Data, frozen=True):
    """The host's VAT: in which `country` it is registered, and what a treatment becomes for members abroad.

    `foreign` is the host's own decision for each treatment ({standard = "reverse_charge"}); what it does not
    name stays as it is. It is never guessed here: ask an accountant (domain.md 4.1).
    """

    country: str = "NO"
    foreign: dict[VatCode, VatCode] = {}
