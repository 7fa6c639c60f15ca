"""What members owe for a year, asked of the rules once for each kind of member (see `renewal_facts`).

Who is alike in all that the rules look at owes the same: the answer for one is the answer for all, with their own
grants in the places of the first one's. Whoever is not simple is decided from its family's whole facts.
Nothing is written.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from cluster_rules import renewals
from cluster_rules.intents import Charge
from cluster_rules.memberships import Facts, Grant
from cluster_rules.renewals import Renewal
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import families
from crm.store.renewal_facts import Told, Window

FAMILIES_AT_A_TIME = 500


class Kind(msgspec.Struct, frozen=True, eq=False):
    """What the first member of a kind owes, and its own grants; None: nothing stands in the year.

    `included` are the linked grants that come with what is billed and cost nothing of their own.
    """

    renewal: Renewal | None
    grants: tuple[UUID, ...]
    included: tuple[Grant, ...] = ()

    def grants_of(self, row: Told) -> tuple[UUID, ...]:
        """For each charge, the grant of this member that stands where the first one's does."""
        places = {grant: place for place, grant in enumerate(self.grants)}
        return tuple(row.grants[places[charge.grant]] for charge in self.charges)

    @property
    def charges(self) -> tuple[Charge, ...]:
        """What is to be billed, in the order of an invoice's lines."""
        listed = self.renewal.charges if self.renewal else ()
        return tuple(sorted(listed, key=lambda c: (c.line.period.start, -c.line.net)))


class Kinds:
    """Kinds of members met so far in one run."""

    def __init__(self, kept: Catalogue, window: Window) -> None:
        self.kept = kept
        self.window = window
        self._met: dict[str, Kind] = {}

    async def of(self, connection: Connection, rows: Sequence[Told]) -> list[Kind]:
        """The kind of each of these members; who is not simple is a kind of its own, and is not remembered."""
        new = {row.told: row for row in rows if row.simple and row.told not in self._met}
        for some in _parts(list(new.values())):
            for row, facts in await self._facts(connection, some):
                self._met[row.told] = self._asked(row, facts)
        whole: dict[UUID, Kind] = {}
        for some in _parts([row for row in rows if not row.simple]):
            for row, facts in await self._facts(connection, some):
                whole[row.membership_id] = self._asked(row, facts)
        return [self._met[row.told] if row.simple else whole[row.membership_id] for row in rows]

    async def _facts(self, connection: Connection, rows: Sequence[Told]) -> list[tuple[Told, Facts]]:
        wanted = list(dict.fromkeys(row.family_id for row in rows))
        found = await families.fetch(connection, wanted, paid=False)
        of_family = dict(zip(wanted, families.read(self.kept, wanted, found), strict=True))
        return [(row, of_family[row.family_id]) for row in rows]

    def _asked(self, row: Told, facts: Facts) -> Kind:
        slug = self.kept.by_id[row.network_id].slug
        found = renewals.due(facts, slug, self.window.day)
        mine = next((each for each in found if each.organisation == row.organisation_id), None)
        return Kind(mine, row.grants, tuple(_included(facts, mine)) if mine else ())


def _included(facts: Facts, renewal: Renewal) -> Iterable[Grant]:
    """What comes with the billed grants: `store.documents` shows it where its rule waives the fee."""
    first: dict[UUID, Charge] = {}
    for charge in sorted(renewal.charges, key=lambda c: c.line.period.start):
        if charge.line.net > 0:
            first.setdefault(charge.grant, charge)
    for grant in facts.grants:
        billed = first.get(grant.cause) if grant.cause else None
        if billed and grant.kind == "linked" and grant.period.end_or_far > billed.line.period.start:
            start = max(grant.period.start, billed.line.period.start)
            yield msgspec.structs.replace(grant, period=msgspec.structs.replace(grant.period, start=start))


def _parts(rows: Sequence[Told]) -> Iterable[Sequence[Told]]:
    return (rows[at : at + FAMILIES_AT_A_TIME] for at in range(0, len(rows), FAMILIES_AT_A_TIME))
