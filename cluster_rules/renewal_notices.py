"""Who is told ahead of a renewal, of which period and fee, and until when it can leave first.

A rulebook's `notice.renewal_days` says how long before a period begins its members hear of it. Whoever owes nothing,
leaves anyway or is on hold is not told; a fee that cannot be said is work for a person. Days are calendar days in
the network's time zone.
"""

from datetime import date, timedelta

import msgspec

from cluster_rules import endings, renewals
from cluster_rules.memberships import Facts
from cluster_rules.networks import Rulebooks
from cluster_rules.renewals import Mine, Renewal


def coming(facts: Facts, network: str, on: date) -> list[Renewal]:
    """The periods that begin after `on` and within the days of notice, membership by membership.

    Only those whose renewal is `due` are told, with their `leave_by`; every other state says why not.
    Nothing of networks whose rules tell nobody, and of memberships whose next period is further away.
    """
    found = (_of_one(facts, mine, on) for mine in renewals.members(facts, network))
    return [each for each in found if each is not None]


def furthest(books: Rulebooks, network: str) -> int:
    """The most days before a period that any version of a network's rulebook tells of it; 0 = none does."""
    return max((book.notice.renewal_days for book in books.of(network)), default=0)


def _of_one(facts: Facts, mine: Mine, on: date) -> Renewal | None:
    for grant in (*mine.own, *mine.linked):
        if not grant.period.covers(on):
            continue
        since = mine.since(grant)
        book = facts.rulebooks.governing(mine.network, since, on)
        if book is None or not book.notice.renewal_days:
            return None
        found = renewals.one(facts, mine, on + timedelta(days=book.notice.renewal_days), on)
        if found is None or found.year.start <= on:
            return None
        return msgspec.structs.replace(found, leave_by=endings.last_day(book, since, found.year.start))
    return None
