"""One family's facts, read under a lock: everything `cluster_rules` needs to decide about it.

A family is a legal entity with its units. Its root row is locked for the transaction, so two
decisions about the same family happen one after the other; other families are not held up.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record
from msgspec import json

from cluster_rules.fees import FeeLine, Step
from cluster_rules.memberships import Answer, Charged, Decision, Facts, Grant, Place, Segment, Transfer
from cluster_rules.organisations import AgreedFee, Organisation, Profile, Role, Size
from cluster_rules.periods import FAR, Period, between
from cluster_rules.vat import Percent
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound

# Every fact of the wanted families in one answer: a decision waits for the database once, not seven times. The columns
# are those of all kinds of facts together; what a kind has no word for is null. `kind` is also a status or an answer.
_FACTS = """
with members as (select id, family_id, name from organisation where family_id = any($1))
select 'organisation' as fact, family_id, id, id as organisation_id, null::uuid as network_id, name as text,
    null::text as kind, null::text as tier, null::date as starts_on, null::date as ends_on, null::text as country,
    null::int as employees, null::date as founded_on, null::uuid as parent_id, null::timestamptz as recorded_at,
    null::text as rule, null::uuid as source_network_id, null::int as rulebook_version, null::text as agreement,
    null::uuid as cause_id, null::text as origin
    from members
union all
select 'profile', f.family_id, null, f.id, null, p.employees_as_of::text, p.kind, null, p.starts_on, p.ends_on,
    p.country, p.employees, p.founded_on, p.parent_id, null, null, null, null, null, null, null
    from members f join organisation_profile p on p.organisation_id = f.id and p.superseded_at is null
union all
select 'decision', f.family_id, d.id, f.id, m.network_id, d.reason, d.kind, d.tier, d.effective_on, d.until_on, null,
    null, null, null, d.recorded_at, d.event, null, null, null, null, null
    from members f join membership m on m.organisation_id = f.id
    join membership_decision d on d.membership_id = m.id and d.withdrawn_at is null
union all
select 'answer', f.family_id, null, f.id, null, a.actor, a.answer, null, a.on_date, null, null,
    null, null, null, a.recorded_at, a.rule, a.source_network_id, null, null, null, null
    from members f join link_answer a on a.organisation_id = f.id and a.withdrawn_at is null
union all
select 'grant', f.family_id, g.id, f.id, g.network_id, null, g.kind, g.tier, g.starts_on, g.ends_on, null,
    null, null, null, null, g.rule, g.source_network_id, g.rulebook_version, g.agreement, g.cause_id, null
    from members f join membership_grant g on g.organisation_id = f.id and g.superseded_at is null
union all
select 'place', f.family_id, null, f.id, p.network_id, null, null, p.tier, p.given_on, p.free_on, null,
    null, null, null, null, p.rule, null, null, null, p.cause_id, null
    from members f join place p on p.organisation_id = f.id and p.status in ('given', 'free')
union all
select 'transfer', f.family_id, t.id, f.id, m.network_id, t.tiers::text, t.links, null, t.effective_on, null, null,
    null, null, target.organisation_id, t.recorded_at, null, target.network_id, null, null, null, null
    from members f join membership m on m.organisation_id = f.id
    join membership_transfer t on t.membership_id = m.id and t.withdrawn_at is null
    left join membership target on target.id = t.target_membership_id
union all
select 'period', f.family_id, null, f.id, p.network_id, null, p.status, p.tier, p.starts_on, p.ends_on, null,
    null, null, null, null, null, null, null, null, null, p.origin
    from members f join membership_period p on p.organisation_id = f.id and p.superseded_at is null
union all
select 'size', f.family_id, null, f.id, null, s.source, s.basis, null, s.as_of, null, s.currency,
    null, null, null, null, s.scope, null, null, s.value::text, null, null
    from members f join organisation_size s on s.organisation_id = f.id and s.superseded_at is null
union all
select 'owner', f.family_id, null, f.id, null, null, null, null, o.as_of, null, o.country,
    null, null, null, null, null, null, null, null, null, null
    from members f join organisation_owner o on o.organisation_id = f.id and o.superseded_at is null
union all
select 'role', f.family_id, null, f.id, r.network_id, null, r.role, null, r.starts_on, r.ends_on, null,
    null, null, null, null, null, null, null, null, null, null
    from members f join organisation_role r on r.organisation_id = f.id and r.superseded_at is null
union all
select 'agreed', f.family_id, null, f.id, a.network_id, a.source, a.component, null, a.starts_on, a.ends_on, a.currency,
    null, null, null, null, null, null, null, a.amount::text, null, null
    from members f join agreed_fee a on a.organisation_id = f.id and a.superseded_at is null
"""
_CHARGES = """
union all
select 'charge', f.family_id, c.grant_id, f.id, m.network_id, json_build_object('component', c.component, 'names',
    c.names, 'net', c.net, 'vat_code', c.vat_code, 'vat_percent', c.vat_percent, 'vat', c.vat, 'currency', c.currency,
    'example', c.example, 'steps', c.steps)::text, null, c.tier, c.starts_on, c.ends_on, null,
    null, null, null, c.recorded_at, null, null, null, null, null, null
    from members f join membership m on m.organisation_id = f.id
    join charge c on c.membership_id = m.id
    -- an approval that was to be paid first and whose invoice was credited whole (pay_first): nothing was billed
    where not (exists (select from credit_line l where l.charge_id = c.id)
        and not exists (select from membership_decision d where d.id = c.grant_id)
        and not exists (select from membership_grant g where g.id = c.grant_id)
        and not exists (select from application a where a.decision_id = c.grant_id))
"""
_PAID = """
union all
select 'paid', f.family_id, c.grant_id, f.id, null, null, null, null, p.on_date, null, null,
    null, null, null, null, null, null, null, null, null, null
    from members f join membership m on m.organisation_id = f.id
    cross join lateral (select distinct on (c.grant_id) c.grant_id, c.invoice_id from charge c
        where c.membership_id = m.id and c.net > 0 order by c.grant_id, c.recorded_at, c.id) c
    cross join lateral (select invoice_paid_on(c.invoice_id) as on_date) p
    where p.on_date is not null
"""
PEER = "federation:"  # so begins the actor of an answer that was given on another system
_Rows = dict[str, list[Record]]
_KINDS = (
    "organisation",
    "profile",
    "transfer",
    "decision",
    "answer",
    "grant",
    "place",
    "period",
    "charge",
    "paid",
    "size",
    "owner",
    "role",
    "agreed",
)
# In the order in which the rules want them; of answers on one day the newest counts.
_ORDERS: dict[str, Callable[[Record], Any]] = {
    "organisation": itemgetter("id"),
    "profile": itemgetter("starts_on"),
    "decision": itemgetter("recorded_at", "id"),
    "answer": itemgetter("starts_on", "recorded_at"),
    "grant": itemgetter("starts_on", "id"),
    "period": itemgetter("starts_on"),
    "charge": itemgetter("recorded_at"),
    "owner": itemgetter("starts_on"),
}


class _Line(msgspec.Struct, frozen=True):
    """What a charge says about its line, besides level and days."""

    component: str
    names: dict[str, str]
    net: int
    vat_code: str
    vat_percent: Percent
    vat: int
    currency: str
    example: bool
    steps: tuple[Step, ...]


_LINE = msgspec.json.Decoder(_Line)


async def of(connection: Connection, organisation: UUID) -> UUID:
    """The family an organisation belongs to: the id of the legal entity at its root. NotFound."""
    family = await connection.fetchval("select family_id from organisation where id = $1", organisation)
    if family is None:
        raise NotFound("organisation", organisation)
    return family


async def lock(connection: Connection, organisation: UUID) -> UUID:
    """Lock the family of `organisation` until the transaction ends; returns its root's id. NotFound.

    Who waited for a merger to be stored finds the organisation in another family then, and locks that.
    """
    while True:
        family = await connection.fetchval(
            "select id from organisation where id = (select family_id from organisation where id = $1)"
            " for no key update",
            organisation,
        )
        if family is None:
            raise NotFound("organisation", organisation)
        if family == await of(connection, organisation):
            return family


async def lock_many(connection: Connection, families: Sequence[UUID]) -> None:
    """Lock several families, always in the same order, so that two who do so never wait for each other."""
    await connection.execute(
        "select 1 from organisation where id = any($1) order by id for no key update", list(families)
    )


async def touched(connection: Connection, organisations: Iterable[UUID], networks: Iterable[UUID]) -> list[UUID]:
    """The families of these organisations and of every member of these networks, in the order of `lock_many`."""
    rows = await connection.fetch(
        "select distinct o.family_id from organisation o where o.id = any($1) or exists"
        " (select from membership m where m.organisation_id = o.id and m.network_id = any($2)) order by 1",
        list(organisations),
        list(networks),
    )
    return [row["family_id"] for row in rows]


async def load(connection: Connection, catalogue: Catalogue, family: UUID) -> Facts:
    """The facts of one family, as stored now (call `lock` first when you mean to write)."""
    (facts,) = await load_many(connection, catalogue, [family])
    return facts


async def load_many(connection: Connection, catalogue: Catalogue, families: Sequence[UUID]) -> list[Facts]:
    """The facts of many families, in the order given; `crm verify` and imports read them in batches."""
    return list(read(catalogue, families, await fetch(connection, families)))


async def fetch(
    connection: Connection, families: Sequence[UUID], charged: bool = True, paid: bool = True
) -> list[Record]:
    """What is stored about many families, as it comes from the database: for `read`, whenever there is time for it.

    `charged` False leaves out what was billed, `paid` False what of it was paid: much to read, and only of use to
    those who bill, and to link rules that wait for a payment.
    """
    statement = _FACTS + (_CHARGES if charged else "") + (_PAID if paid else "")
    return await connection.fetch(statement, list(families))


def read(catalogue: Catalogue, families: Iterable[UUID], rows: Iterable[Record]) -> Iterator[Facts]:
    """Fetched rows as the facts of each family, in the order given, one after the other."""
    slugs = {network.id: network.slug for network in catalogue.networks}
    found: dict[UUID, _Rows] = {family: {kind: [] for kind in _KINDS} for family in families}
    for row in rows:
        found[row["family_id"]][row["fact"]].append(row)
    return (_facts(each, catalogue, slugs) for each in found.values())


def moment(facts: Facts, now: datetime) -> datetime:
    """When a new decision of this family is recorded: now, but always after those before it.

    Decisions are taken in the order they were recorded, so no two may share a moment (a coarse or
    corrected clock would otherwise turn them round).
    """
    latest = max((fact.recorded_at for fact in (*facts.decisions, *facts.transfers)), default=None)
    return max(now, latest + timedelta(microseconds=1)) if latest else now


def _facts(rows: _Rows, catalogue: Catalogue, slugs: dict[UUID, str]) -> Facts:
    for kind, order in _ORDERS.items():
        if len(rows[kind]) > 1:
            rows[kind].sort(key=order)
    profiles: dict[UUID, list[Profile]] = {}
    known = _known(rows, slugs)
    for p in rows["profile"]:
        of_one = known.get(p["organisation_id"])
        profiles.setdefault(p["organisation_id"], []).append(
            msgspec.structs.replace(_profile(p), **of_one) if of_one else _profile(p)
        )
    timelines: dict[tuple[UUID, str], tuple[Segment, ...]] = {}
    for p in rows["period"]:
        key = (p["organisation_id"], slugs[p["network_id"]])
        segment = Segment(Period(p["starts_on"], p["ends_on"]), p["tier"], p["kind"], p["origin"])
        timelines[key] = (*timelines.get(key, ()), segment)
    return Facts(
        organisations=tuple(
            [Organisation(o["id"], o["text"], tuple(profiles.get(o["id"], ()))) for o in rows["organisation"]]
        ),
        rulebooks=catalogue.rulebooks,
        decisions=tuple([_decision(d, slugs) for d in rows["decision"]]),
        answers=tuple([_answer(a, slugs) for a in rows["answer"]]),
        grants=tuple([_grant(g, slugs) for g in rows["grant"]]),
        timelines=timelines,
        places=tuple([place for p in rows["place"] if (place := _place(p, slugs))]),
        paid={p["id"]: p["starts_on"] for p in rows["paid"]},
        transfers=tuple([_transfer(t, slugs) for t in rows["transfer"]]),
        charged=tuple([_charged(c, slugs) for c in rows["charge"]]),
    )


def _known(rows: _Rows, slugs: dict[UUID, str]) -> dict[UUID, dict[str, Any]]:
    """What fees depend on besides the profile, of those for whom any of it is told: the newest owner, and the rest."""
    out: dict[UUID, dict[str, Any]] = {}
    for row in rows["size"]:
        size = Size(row["kind"], int(row["agreement"]), row["starts_on"], row["text"], row["rule"], row["country"])
        _add(out, row, "sizes", size)
    for row in rows["role"]:
        days = Period(row["starts_on"], row["ends_on"])
        _add(out, row, "roles", Role(slugs[row["network_id"]], row["kind"], days))
    for row in rows["agreed"]:
        days, amount = Period(row["starts_on"], row["ends_on"]), int(row["agreement"])
        network = slugs[row["network_id"]]
        _add(out, row, "agreed", AgreedFee(network, row["kind"], amount, row["country"], days, row["text"]))
    for row in rows["owner"]:
        out.setdefault(row["organisation_id"], {})["owner_country"] = row["country"]
    return out


def _add(out: dict[UUID, dict[str, Any]], row: Record, name: str, value: Any) -> None:
    of_one = out.setdefault(row["organisation_id"], {})
    of_one[name] = (*of_one.get(name, ()), value)


def _profile(row: Record) -> Profile:
    return Profile(
        period=Period(row["starts_on"], row["ends_on"]),
        kind=row["kind"],
        country=row["country"],
        employees=row["employees"],
        founded_on=row["founded_on"],
        parent=row["parent_id"],
        employees_as_of=date.fromisoformat(row["text"]) if row["text"] else None,
    )


def _decision(row: Record, slugs: dict[UUID, str]) -> Decision:
    return Decision(
        id=row["id"],
        organisation=row["organisation_id"],
        network=slugs[row["network_id"]],
        kind=row["kind"],
        effective_on=row["starts_on"],
        recorded_at=row["recorded_at"],
        tier=row["tier"],
        until=row["ends_on"],
        reason=row["text"],
        event=row["rule"],
    )


def _answer(row: Record, slugs: dict[UUID, str]) -> Answer:
    source = slugs[row["source_network_id"]]
    peer = row["text"].startswith(PEER)
    return Answer(row["organisation_id"], source, row["rule"], row["kind"], row["starts_on"], peer)


def _transfer(row: Record, slugs: dict[UUID, str]) -> Transfer:
    return Transfer(
        id=row["id"],
        source=(row["organisation_id"], slugs[row["network_id"]]),
        target=(row["parent_id"], slugs[row["source_network_id"]]) if row["parent_id"] else None,
        on=row["starts_on"],
        recorded_at=row["recorded_at"],
        tiers=json.decode(row["text"], type=dict[str, str]),
        links=row["kind"],
    )


def _place(row: Record, slugs: dict[UUID, str]) -> Place | None:
    """None for a place that was free again the day it was given: nothing ever stood on it."""
    period = between(row["starts_on"], row["ends_on"] or FAR)
    if period is None:
        return None
    network = slugs[row["network_id"]]
    return Place(row["organisation_id"], network, row["rule"], row["tier"], row["cause_id"], period)


def _grant(row: Record, slugs: dict[UUID, str]) -> Grant:
    source = row["source_network_id"]
    return Grant(
        id=row["id"],
        organisation=row["organisation_id"],
        network=slugs[row["network_id"]],
        kind=row["kind"],
        tier=row["tier"],
        period=Period(row["starts_on"], row["ends_on"]),
        source=slugs[source] if source else "",
        rule=row["rule"],
        version=row["rulebook_version"],
        agreement=row["agreement"],
        cause=row["cause_id"],
    )


def _charged(row: Record, slugs: dict[UUID, str]) -> Charged:
    network, told = slugs[row["network_id"]], _LINE.decode(row["text"])
    days = Period(row["starts_on"], row["ends_on"])
    line = FeeLine(network=network, tier=row["tier"], period=days, **msgspec.structs.asdict(told))
    return Charged(row["organisation_id"], network, row["id"], line)
