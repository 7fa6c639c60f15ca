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


class Profile(msgspec.Struct, frozen=True):
    """What was true of an organisation during `period` and matters to rules.

    `country` is ISO 3166 alpha-2. `employees` and `turnover` (minor units a year) are None
    when nobody has told us; a rule that needs them then says so instead of guessing.
    """

    period: Period
    kind: str
    country: str
    employees: int | None = None
    turnover: int | None = None
    founded_on: date | None = None
    parent: UUID | None = None

    @property
    def is_unit(self) -> bool:
        """A unit stands inside another organisation; a legal entity stands alone."""
        return self.parent is not None


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
