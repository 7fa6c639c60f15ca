"""An application as the one who holds its link sees it: a draft's answers, then how far it has come.

Whoever has the link's secret sees this application and nothing else, whatever network it is in.
"""

from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.networks import Rulebook
from crm import catalogue, steps, terms
from crm.catalogue import Catalogue, NetworkRow
from crm.context import Context
from crm.errors import NotFound
from crm.steps import Answers
from crm.terms import Terms

# What an applicant is told of, whatever else a network's own history may come to hold.
_SHOWN = ("sent", "question", "answer", "payment_due", "approved", "declined", "withdrawn")


class Draft(msgspec.Struct, frozen=True):
    """A draft, or the empty one that the first saved step will make (`id` None).

    `fills`: the whole register of legal entities was read, so that an organisation number fills in the rest.
    """

    kept: Catalogue
    network: NetworkRow
    terms: Terms
    today: date
    token: str
    id: UUID | None = None
    status: str = "draft"
    version: int = 0
    answers: Answers = {}
    fills: bool = False

    @property
    def book(self) -> Rulebook:
        """The rules for somebody who joins today."""
        return self.terms.book

    @property
    def asked(self) -> bool:
        """Has somebody asked for access through it?"""
        return bool(self.answers.get(steps.ASKED))

    @property
    def missing(self) -> str:
        """The first step still to answer, or "check". A level that is offered no more is to be chosen again."""
        tier = self.book.tier(self.answers.get("tier", ""))
        if tier is None or not tier.public:
            return "level"
        return steps.first_missing(self.answers, self.terms.version)


class Event(msgspec.Struct, frozen=True):
    """One line of the history that the applicant is shown."""

    kind: str
    note: str
    on: datetime


class Made(msgspec.Struct, frozen=True):
    """A membership that the approval made."""

    network: NetworkRow
    tier: dict[str, str]
    starts_on: date
    linked: bool


class Sent(msgspec.Struct, frozen=True):
    """An application that was sent, and what became of it."""

    network: NetworkRow
    tier: dict[str, str]
    reference: str
    status: str
    organisation: str
    email: str
    starts_on: date | None
    events: tuple[Event, ...]
    made: tuple[Made, ...]


async def draft(context: Context, slug: str, token: str) -> Draft:
    """The draft behind a link, an empty one when nothing is saved yet. NotFound for another network's."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    if slug not in kept.by_slug or not kept.rulebooks.of(slug):
        raise NotFound("network", slug)
    network = kept.by_slug[slug]
    today = context.clock.today(network.zone)
    async with context.db.reading(kept.by_id) as connection:
        shown = await terms.current(connection, kept, network, today)
        row = await connection.fetchrow(
            "select id, network_id, status, version, answers from application where token_hash = $1",
            _hash(token),
        )
        fills = await connection.fetchval("select exists (select from register_unit where whole)")
    if row is None:
        return Draft(kept, network, shown, today, token, fills=fills)
    if row["network_id"] != network.id:
        raise NotFound("application", "token")
    return Draft(kept, network, shown, today, token, row["id"], row["status"], row["version"], row["answers"], fills)


async def standing(context: Context, found: Draft) -> str:
    """How the organisation of a draft stands to its network, for the one who typed its number.

    "member" in its own right, "applied" (somebody else's application waits), "known", or "" for a new one.
    """
    given = found.answers.get("organisation", {}).get("identifiers", [])
    async with context.db.reading(found.kept.by_id) as connection:
        row = await connection.fetchrow(
            _STANDING,
            [i["scheme"] for i in given],
            [i["value"] for i in given],
            found.network.id,
            found.id,
            found.today,
        )
    if row is None:
        return ""
    return "member" if row["member"] else "applied" if row["applied"] else "known"


_STANDING = """
select exists (select 1 from membership_grant g where g.organisation_id = i.organisation_id and g.network_id = $3
               and g.kind = 'direct' and g.superseded_at is null and (g.ends_on is null or g.ends_on > $5)) as member,
       exists (select 1 from application o where o.organisation_id = i.organisation_id and o.network_id = $3
               and o.id <> $4 and o.status in ('sent', 'info_needed')) as applied
from identifier i join unnest($1::text[], $2::text[]) as wanted(scheme, value) using (scheme, value) limit 1
"""


async def place(context: Context, token: str) -> tuple[str, str]:
    """(network, status) of the application behind a link. NotFound."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    async with context.db.reading(kept.by_id) as connection:
        row = await connection.fetchrow(
            "select network_id, status from application where token_hash = $1", _hash(token)
        )
    if row is None:
        raise NotFound("application", "token")
    return kept.by_id[row["network_id"]].slug, row["status"]


async def sent(context: Context, token: str) -> Sent:
    """How far an application has come. NotFound, also for what is not sent yet."""
    async with context.db.tx() as connection:
        kept = await catalogue.load(connection)
    async with context.db.reading(kept.by_id) as connection:
        row = await connection.fetchrow(
            "select id, reference, network_id, status, tier, starts_on, answers from application"
            " where token_hash = $1 and status <> 'draft'",
            _hash(token),
        )
        if row is None:
            raise NotFound("application", "token")
        events = await connection.fetch(
            "select kind, note, recorded_at as on from application_event"
            " where application_id = $1 and kind = any($2) order by row_id",
            row["id"],
            list(_SHOWN),
        )
        made = await connection.fetch(_MADE, row["id"])
    return _sent(kept, row, events, made)


# The direct membership first, then those that came with it.
_MADE = """
with root as (select id from membership_decision where application_id = $1 and withdrawn_at is null)
select g.network_id, g.tier, g.starts_on, g.kind = 'linked' as linked from membership_grant g
where g.superseded_at is null and (g.id in (select id from root) or g.cause_id in (select id from root))
order by g.kind, g.starts_on
"""


def _sent(kept: Catalogue, row: Any, events: list[Any], made: list[Any]) -> Sent:
    network = kept.by_id[row["network_id"]]
    return Sent(
        network=network,
        tier=kept.tier_names(network.slug, row["tier"]),
        reference=row["reference"],
        status=row["status"],
        organisation=row["answers"]["organisation"]["name"],
        email=row["answers"]["contact"]["email"],
        starts_on=row["starts_on"],
        events=tuple(Event(e["kind"], e["note"], e["on"]) for e in events),
        made=tuple(
            Made(n, kept.tier_names(n.slug, m["tier"]), m["starts_on"], m["linked"])
            for m in made
            if (n := kept.by_id[m["network_id"]])
        ),
    )


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
