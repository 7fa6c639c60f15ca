"""Facts about an organisation: what it was, on which days.

An organisation is a legal entity or a unit inside one (CLAIRE Innovation Network takes
"groups within large companies", domain.md 1.6). A *family* is a legal entity with its units;
derivation looks at one family at a time.
"""

from datetime import date
from typing import Literal, get_args
from uuid import UUID

import msgspec

from cluster_rules.periods import Period

Kind = Literal[
    "company",
    "university",
    "university_college",
    "research_institute",
    "public_body",
    "association",
    "network",
    "person",
]
KINDS: tuple[str, ...] = get_args(Kind)
# What the size of an organisation is counted in.
Basis = Literal["employees", "fte", "turnover", "balance", "area", "inhabitants", "contracts", "members"]
BASES: tuple[str, ...] = get_args(Basis)
MONEY_BASES = frozenset({"turnover", "balance"})
Scope = Literal["own", "group"]


class Size(msgspec.Struct, frozen=True):
    """How large an organisation was on the day `as_of`, and who says so.

    Units: heads for employees; hundredths for fte (full-time equivalents, 350 = 3.5); minor units of
    `currency` a year for turnover and of the balance sheet's total for balance; whole m2, inhabitants,
    contracts and members. `scope` group: of the whole group it belongs to, consolidated.
    """

    basis: str
    value: int
    as_of: date | None = None
    source: str = ""
    scope: str = "own"
    currency: str = ""


class Role(msgspec.Struct, frozen=True):
    """A part an organisation plays in a network (core, initiator, award_winner), on the days of `period`."""

    network: str
    code: str
    period: Period


class AgreedFee(msgspec.Struct, frozen=True):
    """A yearly amount signed with one member for a component of `network`'s fees: where that is written down."""

    network: str
    component: str
    amount: int
    currency: str
    period: Period
    source: str


class Profile(msgspec.Struct, frozen=True):
    """What was true of an organisation during `period` and matters to rules.

    `country` is ISO 3166 alpha-2. `employees` (counted on `employees_as_of`) is None when nobody has told us;
    a rule that needs it then says so instead of guessing. `parent` is set for a unit; `owner_country` is where
    the company that owns it sits ("" = nobody does, as far as we know). `sizes`, `roles` and `agreed` are all
    that is known of the organisation, of any day.
    """

    period: Period
    kind: str
    country: str
    employees: int | None = None
    founded_on: date | None = None
    parent: UUID | None = None
    employees_as_of: date | None = None
    owner_country: str = ""
    sizes: tuple[Size, ...] = ()
    roles: tuple[Role, ...] = ()
    agreed: tuple[AgreedFee, ...] = ()

    @property
    def is_unit(self) -> bool:
        """A unit stands inside another organisation; a legal entity stands alone."""
        return self.parent is not None

    def size(self, basis: str, day: date, scope: str = "own", currency: str = "") -> Size | None:
        """The newest size as of `day` or before; facts start somewhere, so before the first one it is that one."""
        known = [s for s in self.sizes if (s.basis, s.scope, s.currency) == (basis, scope, currency)]
        told = [s for s in known if s.as_of is None or s.as_of <= day]
        if told:
            return max(told, key=lambda s: s.as_of or date.min)
        if known:
            return min(known, key=lambda s: s.as_of or date.min)
        if (basis, scope) == ("employees", "own") and self.employees is not None:
            return Size("employees", self.employees, self.employees_as_of)
        return None


class Organisation(msgspec.Struct, frozen=True):
    """One organisation with its profiles in order of time (they never overlap)."""

    id: UUID
    name: str
    profiles: tuple[Profile, ...]

    def profile_on(self, day: date) -> Profile | None:
        """What was true on `day`; before the first profile, the first one (facts start somewhere)."""
        for profile in self.profiles:
            if profile.period.covers(day):
                return profile
        if self.profiles and day < self.profiles[0].period.start:
            return self.profiles[0]
        return None
