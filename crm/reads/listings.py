"""A member's entry in the directory: for its own people to look after, and for readers, as far as each may see.

`Facts` are everything there is; `seen_by` cuts them down to one reader (cluster_rules/listings.py) and gives the same
`body` as the directory has for anybody, so that a preview cannot promise what the page does not keep
(tests/crm/reads/test_listings.py compares the two). What a reader may see is decided here, not by the tenant wall: the
rows of other networks' members are read for the comparison, and only what passed it is returned.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules import listings as rules
from cluster_rules.listings import Viewer
from crm.actor import Actor
from crm.context import Context
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import TIME_ZONE

SLUG_MAX = 120
TEXTS = ("summary", "fields", "offers", "seeks", "languages", "visibility", "logo")
_FACTS = """
select o.id, o.name, o.website, o.fields as own_fields, f.kind, f.country, f.county, f.municipality, f.employees,
    coalesce(l.summary, '{}') as summary, coalesce(l.fields, '[]') as fields, coalesce(l.offers, '[]') as offers,
    coalesce(l.seeks, '[]') as seeks, coalesce(l.languages, '[]') as languages,
    coalesce(l.visibility, '{}') as visibility, coalesce(l.listed, true) as listed,
    l.restricted_at is not null as restricted, coalesce(l.revision, 0) as revision, l.verified_on,
    coalesce(l.restricted_why, '') as restricted_why, coalesce(l.logo, '') as logo, coalesce((
        select '/logos/' || p.hash || case p.media_type when 'image/png' then '.png' when 'image/jpeg' then '.jpg'
            else '.webp' end from listing_logo p where p.organisation_id = o.id and p.hash = l.logo), '') as logo_at,
    coalesce(e.slug, '') as slug, coalesce(e.shown, false) as shown
from organisation o
join organisation_profile f on f.organisation_id = o.id and f.superseded_at is null
    and f.starts_on <= $2 and (f.ends_on is null or f.ends_on > $2)
left join listing l on l.organisation_id = o.id
left join directory_entry e on e.organisation_id = o.id
where o.id = $1
"""
_MEMBERSHIPS = """
select n.slug as network, p.tier, p.origin, s.since, coalesce(d.moderated, false) as moderated,
    coalesce(d.visibility, '{}') as visibility, coalesce(g.via, '') as via, coalesce(g.rule, '') as rule
from membership_period p
join network n on n.id = p.network_id and n.instance = ''
join lateral (select least(min(b.starts_on), min(m.carried_since)) as since from membership_period b
    join membership m on m.id = b.membership_id
    where b.membership_id = p.membership_id and b.superseded_at is null) s on true
left join lateral (select v.slug as via, g.rule from membership_grant g join network v on v.id = g.source_network_id
    where g.membership_id = p.membership_id and g.kind = 'linked' and g.superseded_at is null
        and g.starts_on <= $2 and (g.ends_on is null or g.ends_on > $2)
    order by g.starts_on, v.slug, g.rule limit 1) g on true
left join directory_policy d on d.network_id = n.id
where p.organisation_id = $1 and p.superseded_at is null and p.status = 'active' and p.starts_on <= $2
    and (p.ends_on is null or p.ends_on > $2)
order by p.origin = 'linked', n.slug
"""
_PEOPLE = """
select c.id, c.name, c.role, c.email, p.text_version, p.given_at from contact c
left join listing_person p on p.contact_id = c.id and p.withdrawn_at is null
where c.organisation_id = $1 order by c.main desc, c.name, c.id
"""
_WAITING = """
select id, body, actor, recorded_at, state, reason from listing_change where organisation_id = $1
order by recorded_at desc, state = 'waiting' desc limit 1
"""
_QUEUE = """
select c.id, c.organisation_id, o.name, c.body, c.actor, c.recorded_at from listing_change c
join organisation o on o.id = c.organisation_id
where c.state = 'waiting' and exists (select from membership_period p where p.organisation_id = c.organisation_id
    and p.network_id = $1 and p.superseded_at is null and p.origin <> 'linked')
order by c.recorded_at
"""
_OUT = """
select l.organisation_id, o.name, l.restricted_at, l.restricted_why from listing l
join organisation o on o.id = l.organisation_id
where (not l.listed or l.restricted_at is not null) and exists (select from membership_period p
    where p.organisation_id = l.organisation_id and p.network_id = $1 and p.superseded_at is null
    and (p.ends_on is null or p.ends_on > current_date)) order by o.sort_name
"""
_VIEWER = """
select p.network_id, n.slug from membership_period p join network n on n.id = p.network_id
where p.organisation_id = any ($1) and p.superseded_at is null and p.status = 'active' and p.starts_on <= $2
    and (p.ends_on is null or p.ends_on > $2)
union select id, slug from network where id = any ($3)
"""
_PARTNERS = """
select n.slug from agreement a join network n on n.id in (a.source_network_id, a.target_network_id)
where (a.source_network_id = any ($1) or a.target_network_id = any ($1)) and a.starts_on <= $2
    and (a.ends_on is null or a.ends_on > $2)
"""


class Membership(msgspec.Struct, frozen=True):
    """A membership of today (`via`: linked from that network, by that rule), and its network's policy."""

    network: str
    tier: str
    origin: str
    since: date
    moderated: bool
    visibility: dict[str, str]
    via: str
    rule: str


class Person(msgspec.Struct, frozen=True):
    """A contact; `text_version` None: has not agreed to be named."""

    id: UUID
    name: str
    role: str
    email: str
    text_version: int | None
    given_at: datetime | None


class Facts(msgspec.Struct, frozen=True):
    """Everything an entry can be made of; `revision` 0: the member has told nothing yet."""

    id: UUID
    name: str
    slug: str
    shown: bool
    kind: str
    country: str
    county: str
    municipality: str
    employees: int | None
    website: str
    own_fields: list[str]
    summary: dict[str, str]
    fields: list[str]
    offers: list[str]
    seeks: list[str]
    languages: list[str]
    visibility: dict[str, dict[str, str]]
    listed: bool
    restricted: bool
    revision: int
    verified_on: date | None
    restricted_why: str = ""
    logo: str = ""
    logo_at: str = ""
    memberships: tuple[Membership, ...] = ()
    people: tuple[Person, ...] = ()


class Known(msgspec.Struct, frozen=True):
    """Whose an address is or was, where it leads now, and whether its owner is in the directory."""

    organisation_id: UUID
    slug: str
    shown: bool


class Change(msgspec.Struct, frozen=True):
    """The newest texts that were sent: "waiting" for a manager, or what became of them."""

    id: UUID
    body: dict[str, Any]
    actor: str
    recorded_at: datetime
    state: str
    reason: str


class Own(msgspec.Struct, frozen=True):
    """A member's own view of its entry: what is published, and what was sent last."""

    facts: Facts
    newest: Change | None


class Waiting(msgspec.Struct, frozen=True):
    """New texts that a manager is to read."""

    id: UUID
    organisation_id: UUID
    name: str
    body: dict[str, Any]
    actor: str
    recorded_at: datetime


class Policy(msgspec.Struct, frozen=True):
    """What a network says of its part of the directory."""

    moderated: bool = False
    visibility: dict[str, str] = {}
    changed_at: datetime | None = None
    changed_by: str = ""


class Out(msgspec.Struct, frozen=True):
    """A member that is not in the directory; `restricted_at` None: it has opted out itself."""

    organisation_id: UUID
    name: str
    restricted_at: datetime | None
    restricted_why: str


class Profile(msgspec.Struct, frozen=True):
    """An entry as one reader sees it."""

    id: UUID
    name: str
    slug: str
    body: dict[str, Any]
    people: tuple[Person, ...]
    verified_on: date | None


async def own(context: Context, actor: Actor, organisation: UUID) -> Own:
    """For the organisation's own people. NotFound for everybody else."""
    actor.must_act_for(organisation)
    async with context.db.reading_own(actor.acts_for) as connection:
        facts = await facts_of(connection, organisation, _today(context))
        row = await connection.fetchrow(_WAITING, organisation)
    return Own(facts, Change(**dict(row)) if row else None)


async def of_member(context: Context, actor: Actor, organisation: UUID) -> Own:
    """The same for the office of a network it is a member of. NotFound for everybody else."""
    async with context.db.tx() as connection:
        theirs = await connection.fetch("select network_id from membership where organisation_id = $1", organisation)
        if not {row["network_id"] for row in theirs} & actor.sees:
            raise NotFound("organisation", organisation)
        facts = await facts_of(connection, organisation, _today(context))
        row = await connection.fetchrow(_WAITING, organisation)
    return Own(facts, Change(**dict(row)) if row else None)


async def policy(connection: Connection, network: UUID) -> Policy:
    """A network's word on its directory; nothing said: nothing waits, and the defaults hold."""
    row = await connection.fetchrow(
        "select moderated, visibility, changed_at, changed_by from directory_policy where network_id = $1", network
    )
    return Policy(**dict(row)) if row else Policy()


async def out(connection: Connection, network: UUID) -> list[Out]:
    """Members that are not in the directory: by their own wish or by a manager's word."""
    rows = await connection.fetch(_OUT, network)
    return [Out(**dict(row)) for row in rows]


async def waiting(context: Context, actor: Actor, network: UUID) -> list[Waiting]:
    """Texts of this network's own members that wait for a manager, the oldest first."""
    async with context.db.reading(actor.sees & {network}) as connection:
        rows = await connection.fetch(_QUEUE, network)
    return [Waiting(**dict(row)) for row in rows]


async def viewer(context: Context, actor: Actor | None) -> Viewer:
    """Of which networks the reader is a member or the office, and which are partners of those."""
    if actor is None:
        return rules.ANYBODY
    today = _today(context)
    async with context.db.tx() as connection:
        rows = await connection.fetch(_VIEWER, list(actor.acts_for), today, list(actor.sees))
        partners = await connection.fetch(_PARTNERS, [row["network_id"] for row in rows], today)
    return Viewer(frozenset(row["slug"] for row in rows), frozenset(row["slug"] for row in partners))


async def resolve(connection: Connection, slug: str) -> Known | None:
    """Whose address this is; None when it never was anybody's (or a person's who is not shown any more)."""
    row = await connection.fetchrow(
        "select e.organisation_id, e.slug, e.shown from directory_slug s"
        " join directory_entry e on e.organisation_id = s.organisation_id where s.slug = $1",
        slug[:SLUG_MAX],
    )
    return Known(**dict(row)) if row else None


async def profile(context: Context, organisation: UUID, reader: Viewer) -> Profile:
    """An entry as this reader sees it. NotFound when it is not in the directory."""
    async with context.db.tx() as connection:
        facts = await facts_of(connection, organisation, _today(context))
    if not facts.shown:
        raise NotFound("organisation", organisation)
    body, people = seen_by(facts, reader)
    return Profile(facts.id, facts.name, facts.slug, body, people, facts.verified_on)


def changed(facts: Facts, texts: Mapping[str, Any]) -> Facts:
    """The facts with other texts (any of TEXTS), for a preview."""
    return msgspec.structs.replace(facts, **{name: texts[name] for name in TEXTS if name in texts})


def seen_by(facts: Facts, reader: Viewer) -> tuple[dict[str, Any], tuple[Person, ...]]:
    """What this reader sees: a body as in the directory, and who is named."""
    slugs = [each.network for each in facts.memberships]
    policies = {each.network: each.visibility for each in facts.memberships}
    told = rules.memberships_seen(slugs, facts.visibility, policies, reader)
    fields = rules.seen(slugs, facts.visibility, policies, reader)
    memberships = [
        {
            "network": each.network,
            "tier": each.tier if _tier(each, facts, policies, reader) else "",
            "origin": each.origin,
            "since": each.since.isoformat(),
            **_if(each.via in told, {"via": each.via, "rule": each.rule}, ""),
        }
        for each in facts.memberships
        if each.network in told
    ]
    body = {
        "kind": facts.kind,
        "country": facts.country,
        "memberships": memberships,
        "languages": facts.languages,
        **_if("place" in fields, {"county": facts.county, "municipality": facts.municipality}, ""),
        **_if("size" in fields, {"size": rules.size_band(facts.employees)}, ""),
        **_if("website" in fields, {"website": facts.website}, ""),
        "summary": facts.summary if "summary" in fields else {},
        **_if("fields" in fields, {"fields": facts.fields or facts.own_fields}, []),
        **_if("offers" in fields, {"offers": facts.offers, "seeks": facts.seeks}, []),
        **({"logo": facts.logo_at} if facts.logo_at else {}),
    }
    people = tuple(p for p in facts.people if p.text_version is not None) if "people" in fields else ()
    return body, people


def seen_by_itself(facts: Facts) -> dict[str, Any]:
    """All its texts, whoever may see them."""
    return {name: getattr(facts, name) for name in TEXTS}


def _if(seen: bool, values: dict[str, Any], otherwise: Any) -> dict[str, Any]:
    return values if seen else dict.fromkeys(values, otherwise)


def _tier(membership: Membership, facts: Facts, policies: rules.Said, reader: Viewer) -> bool:
    wanted = rules.level("tier", membership.network, facts.visibility, policies)
    return rules.reaches(wanted, membership.network, reader)


async def facts_of(connection: Connection, organisation: UUID, today: date) -> Facts:
    """Everything about an entry on a day; NotFound when nothing is told of the organisation then."""
    row = await connection.fetchrow(_FACTS, organisation, today)
    if row is None:
        raise NotFound("organisation", organisation)
    memberships = _all(Membership, await connection.fetch(_MEMBERSHIPS, organisation, today))
    people = _all(Person, await connection.fetch(_PEOPLE, organisation))
    return msgspec.convert({**dict(row), "memberships": memberships, "people": people}, Facts)


def _all(kind: Any, rows: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(kind(**dict(row)) for row in rows)


def _today(context: Context) -> date:
    return context.clock.today(TIME_ZONE)
