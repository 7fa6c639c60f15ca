"""What members owe for a year, asked of the rules once for each kind of member (see `renewal_facts`).

Who is alike in all that the rules look at owes the same: the answer for one is the answer for all, with their own
grants in the places of the first one's. Whoever is not simple is decided from its family's whole facts.
Nothing is written.
"""

import asyncio
from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from cluster_rules import renewal_notices, renewals
from cluster_rules.intents import Charge
from cluster_rules.memberships import Facts, Grant
from cluster_rules.renewals import Renewal
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.store import families
from crm.store.renewal_facts import Told, Window

FAMILIES_AT_A_TIME = 100  # then others have their turn: a batch is being written meanwhile


class Kind(msgspec.Struct, frozen=True, eq=False):
    """What the first member of a kind owes; `renewal` None: nothing stands in the year.

    `charges` are what is to be billed, in the order of an invoice's lines; `places` say for each of them where in
    `Told.grants` its grant stands. `included` are the linked grants that come with them and cost nothing of their own.
    """

    renewal: Renewal | None
    charges: tuple[Charge, ...] = ()
    places: tuple[int, ...] = ()
    included: tuple[Grant, ...] = ()

    def grants_of(self, row: Told) -> tuple[UUID, ...]:
        """For each charge, the grant of this member that stands where the first one's does."""
        return tuple([row.grants[place] for place in self.places])


class Kinds:
    """Kinds of members met so far in one run, or (`notices`) of those who are told ahead of their next period."""

    def __init__(self, kept: Catalogue, window: Window, notices: bool = False) -> None:
        self.kept = kept
        self.window = window
        self.notices = notices
        self._met: dict[str, Kind] = {}

    async def of(self, connection: Connection, rows: Sequence[Told]) -> list[Kind]:
        """The kind of each of these members; who is not simple is a kind of its own, and is not remembered."""
        new = {row.told: row for row in rows if row.simple and row.told not in self._met}
        for some in _parts(list(new.values())):
            for row, facts in await self._facts(connection, some):
                self._met[row.told] = _kind(row, facts, self._owed(row, facts))
            await asyncio.sleep(0)
        whole: dict[UUID, Kind] = {}
        for some in _parts([row for row in rows if not row.simple]):
            owed: dict[tuple[UUID, UUID], list[Renewal]] = {}  # the rules tell of a whole family at once
            for row, facts in await self._facts(connection, some):
                key = (row.family_id, row.network_id)
                if key not in owed:
                    owed[key] = self._owed(row, facts)
                whole[row.membership_id] = _kind(row, facts, owed[key])
            await asyncio.sleep(0)
        return [self._met[row.told] if row.simple else whole[row.membership_id] for row in rows]

    async def _facts(self, connection: Connection, rows: Sequence[Told]) -> list[tuple[Told, Facts]]:
        wanted = list(dict.fromkeys(row.family_id for row in rows))
        found = await families.fetch(connection, wanted, paid=False)
        of_family = dict(zip(wanted, families.read(self.kept, wanted, found), strict=True))
        return [(row, of_family[row.family_id]) for row in rows]

    def _owed(self, row: Told, facts: Facts) -> list[Renewal]:
        slug = self.kept.by_id[row.network_id].slug
        if self.notices:
            return renewal_notices.coming(facts, slug, self.window.on)
        return renewals.due(facts, slug, self.window.day, self.window.on)


def _kind(row: Told, facts: Facts, owed: Iterable[Renewal]) -> Kind:
    mine = next((each for each in owed if each.organisation == row.organisation_id), None)
    if mine is None:
        return Kind(None)
    charges = tuple(sorted(mine.charges, key=lambda c: (c.line.period.start, -c.line.net)))
    places = {grant: place for place, grant in enumerate(row.grants)}
    return Kind(mine, charges, tuple([places[c.grant] for c in charges]), tuple(_included(facts, mine)))


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
