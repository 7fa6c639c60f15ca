"""Places of limited levels and link rules: asked for, given, free again. One row a pool is locked by who gives.

A family is always locked before a pool, and pools in their order, so that nobody waits for each other. In the
deciding transaction a place is given only if one is free and nobody waits; whoever comes later waits in the order
in which the causes were recorded, and the turn of the day gives what has become free (ADR 0006).
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from cluster_rules.claims import Claim, claims, place
from cluster_rules.memberships import Decision, Facts, Place, Waiting
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound

RULES = "rules"


class Row(msgspec.Struct, frozen=True):
    """A claim on a place, as stored."""

    id: UUID
    network_id: UUID
    rule: str
    tier: str
    organisation_id: UUID
    cause_id: UUID
    asked_at: datetime
    status: str


_COLUMNS = ", ".join(Row.__struct_fields__)
_FREE = """
update place p set status = 'free', closed_at = now(), closed_by = $3, free_on = greatest(p.given_on, coalesce(
    (select max(g.ends_on) from membership_grant g where g.superseded_at is null and {mine}), t.today))
from unnest($1::uuid[], $2::date[]) as t(network_id, today)
where p.status = 'given' and p.network_id = t.network_id and not exists (
    select from membership_grant g where g.superseded_at is null and {mine}
    and (g.ends_on is null or g.ends_on > t.today))
""".replace(
    "{mine}",
    "g.organisation_id = p.organisation_id and (p.rule <> '' and g.source_network_id = p.network_id and g.rule = p.rule"
    " or p.tier <> '' and g.kind = 'direct' and g.network_id = p.network_id and g.tier = p.tier)",
)


async def ask(
    connection: Connection,
    kept: Catalogue,
    facts: Facts,
    today: date,
    decision: Decision | None = None,
    write: bool = True,
    at_once: bool = True,
) -> Facts:
    """The facts with what is given to this family now, and who of it waits; `decision` is not among them yet.

    The family is locked. `write` False: what would be given, nothing stored or locked (a preview). `at_once` False:
    only what needs none gets its place, the rest waits for the turn of the day (many families at a time).
    """
    after = msgspec.structs.replace(facts, decisions=(*facts.decisions, decision)) if decision else facts
    given: list[Place] = []
    waiting: list[Waiting] = []
    for claim in await _new(connection, kept, claims(after, today)):
        if write and at_once:
            await _lock(connection, kept, claim.pool)
        taken, ahead, queue = await _standing(connection, kept, claim)
        limit = places_of(kept, claim.pool, today)
        got: Place | None = None
        if claim.entitled:
            got = place(claim, claim.starts_on)
        elif at_once and not queue and (limit == 0 or taken < limit):
            got = place(claim, min(today, claim.starts_on))
        if got:
            given += [got] if not claim.entitled else []
        else:
            waiting.append(Waiting(claim.organisation, *claim.pool, ahead + 1))
        if write:
            await _add(connection, kept, claim, got.period.start if got else None)
    return msgspec.structs.replace(facts, places=(*facts.places, *given), waiting=tuple(waiting))


def places_of(kept: Catalogue, pool: tuple[str, str, str], today: date) -> int:
    """How many places there are by the newest version that holds for those who join today; 0 = without limit."""
    network, rule, tier = pool
    book = kept.rulebooks.governing(network, today, today)
    limited = (book.link_rule(rule) if rule else book.tier(tier)) if book else None
    return limited.places if limited else 0


async def free(connection: Connection, today: dict[UUID, date]) -> int:
    """Places whose membership is over are free from the day after it; how many. `today` by network."""
    done = await connection.execute(_FREE, list(today), list(today.values()), RULES)
    return int(done.split()[-1])


async def next_in_line(connection: Connection, kept: Catalogue, today: dict[UUID, date]) -> list[Row]:
    """The first who waits in every pool that has a place free."""
    rows = await connection.fetch(
        f"select distinct on (network_id, rule, tier) {_COLUMNS} from place p where status = 'waiting'"
        " order by network_id, rule, tier, asked_at, id"
    )
    out = []
    for row in (Row(**dict(r)) for r in rows):
        limit = places_of(kept, _pool(kept, row), today[row.network_id])
        if limit == 0 or await _taken(connection, row.network_id, row.rule, row.tier) < limit:
            out.append(row)
    return out


async def give(connection: Connection, kept: Catalogue, row: Row, today: date) -> bool:
    """Give the place, if there is one and this is still the first who waits; the family is locked."""
    await _lock(connection, kept, _pool(kept, row))
    first = await connection.fetchval(
        "select id from place where status = 'waiting' and (network_id, rule, tier) = ($1, $2, $3)"
        " order by asked_at, id limit 1",
        row.network_id,
        row.rule,
        row.tier,
    )
    limit = places_of(kept, _pool(kept, row), today)
    if first != row.id or (limit and await _taken(connection, row.network_id, row.rule, row.tier) >= limit):
        return False
    await connection.execute("update place set status = 'given', given_on = $2 where id = $1", row.id, today)
    return True


async def one(connection: Connection, wanted: UUID) -> Row:
    """One claim, held until the transaction ends; NotFound."""
    row = await connection.fetchrow(f"select {_COLUMNS} from place where id = $1 for no key update", wanted)
    if row is None:
        raise NotFound("place", wanted)
    return Row(**dict(row))


async def remove(connection: Connection, wanted: UUID, actor: str) -> bool:
    """Take a claim off the queue; False when it does not wait any more."""
    done = await connection.execute(
        "update place set status = 'removed', closed_at = now(), closed_by = $2 where id = $1 and status = 'waiting'",
        wanted,
        actor,
    )
    return done != "UPDATE 0"


async def number(connection: Connection, application: UUID) -> int | None:
    """The number in the queue of an approved application that waits for a place of its level; None if it does not."""
    return await connection.fetchval(
        "select (select count(*) from place o where o.status = 'waiting' and (o.asked_at, o.id) <= (p.asked_at, p.id)"
        "   and (o.network_id, o.rule, o.tier) = (p.network_id, p.rule, p.tier))"
        " from place p join membership_decision d on d.id = p.cause_id"
        " where d.application_id = $1 and p.tier <> '' and p.status = 'waiting'",
        application,
    )


def _pool(kept: Catalogue, row: Row) -> tuple[str, str, str]:
    return kept.by_id[row.network_id].slug, row.rule, row.tier


async def _new(connection: Connection, kept: Catalogue, found: Sequence[Claim]) -> list[Claim]:
    """Those that nobody has answered: not waiting, not given, not taken off the queue. Who had one asks anew."""
    if not found:
        return []
    rows = await connection.fetch(
        "select network_id, rule, tier, organisation_id, cause_id, status, now() as now from place"
        " where organisation_id = any($1)",
        list({c.organisation for c in found}),
    )
    out = []
    for claim in found:
        key = (kept.network(claim.network).id, claim.rule, claim.tier, claim.organisation)
        mine = [r for r in rows if (r["network_id"], r["rule"], r["tier"], r["organisation_id"]) == key]
        if any(r["status"] in ("waiting", "given") for r in mine):
            continue
        same = [r for r in mine if r["cause_id"] == claim.cause]
        if all(r["status"] != "removed" for r in same):
            out.append(msgspec.structs.replace(claim, asked_at=same[0]["now"]) if same else claim)
    return out


async def _lock(connection: Connection, kept: Catalogue, pool: tuple[str, str, str]) -> None:
    key = (kept.network(pool[0]).id, pool[1], pool[2])
    await connection.execute(
        "insert into place_pool (network_id, rule, tier) values ($1, $2, $3) on conflict do nothing", *key
    )
    await connection.execute("select from place_pool where (network_id, rule, tier) = ($1, $2, $3) for update", *key)


async def _standing(connection: Connection, kept: Catalogue, claim: Claim) -> tuple[int, int, int]:
    """Of the claim's pool: places taken, how many wait before it, how many wait at all."""
    row = await connection.fetchrow(
        "select count(*) filter (where status = 'given'),"
        " count(*) filter (where status = 'waiting' and asked_at <= $4), count(*) filter (where status = 'waiting')"
        " from place where (network_id, rule, tier) = ($1, $2, $3) and closed_at is null",
        kept.network(claim.network).id,
        claim.rule,
        claim.tier,
        claim.asked_at,
    )
    return tuple(row)


async def _taken(connection: Connection, network: UUID, rule: str, tier: str) -> int:
    return await connection.fetchval(
        "select count(*) from place where (network_id, rule, tier) = ($1, $2, $3) and status = 'given'",
        network,
        rule,
        tier,
    )


async def _add(connection: Connection, kept: Catalogue, claim: Claim, given_on: date | None) -> None:
    await connection.execute(
        "insert into place (id, network_id, rule, tier, organisation_id, cause_id, asked_at, status, given_on,"
        " entitled) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        uuid4(),
        kept.network(claim.network).id,
        claim.rule,
        claim.tier,
        claim.organisation,
        claim.cause,
        claim.asked_at,
        "given" if given_on else "waiting",
        given_on,
        claim.entitled,
    )
