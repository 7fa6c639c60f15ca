"""Whom rows of a pushed list may mean: candidates by number, name and web domain, for many rows in a few statements."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules import matching
from cluster_rules.matching import Identity
from crm.database import Connection
from crm.listed import Listed, identity_of

LOCK = 727_025  # one at a time decides who is who: two lists at once do not both make the same organisation

_MERGED = """
with recursive led(asked, id) as (
    select o.id, o.id from organisation o where o.id = any($1)
    union all
    select led.asked, o.merged_into_id from led join organisation o using (id) where o.merged_on <= current_date
)
select asked, id from led join organisation o using (id) where o.merged_on is null or o.merged_on > current_date
"""
_CANDIDATES = """
with asked as (select * from unnest($1::int[], $2::text[], $3::text[]) as a (n, name, website)),
numbers as (select * from unnest($4::int[], $5::text[], $6::text[]) as k (n, scheme, value))
select k.n, i.organisation_id as id from numbers k join identifier i using (scheme, value)
union
select k.n, i.organisation_id from numbers k join main_unit u on k.scheme = 'no-orgnr' and u.main_unit = k.value
    join identifier i on i.scheme = 'no-orgnr' and i.value = u.sub_unit
union
select k.n, i.organisation_id from numbers k join main_unit u on k.scheme = 'no-orgnr' and u.sub_unit = k.value
    join identifier i on i.scheme = 'no-orgnr' and i.value = u.main_unit
union
select a.n, o.id from asked a join organisation o on organisation_name_key(o.name) = organisation_name_key(a.name)
    and o.merged_into_id is null
union
select a.n, o.id from asked a join organisation o on organisation_domain(o.website) = organisation_domain(a.website)
    and o.website <> '' and o.merged_into_id is null
where a.website <> ''
"""
_KNOWN = """
select o.id, o.name, o.website, o.family_id, p.kind, p.country, p.municipality, p.county, p.employees, p.parent_id,
    coalesce((select array_agg(array[i.scheme, i.value]::text[]) from identifier i where i.organisation_id = o.id),
        '{}') as identifiers,
    array(select distinct k.names ->> 'nb' from known_name k where k.organisation_id = o.id and k.withdrawn_at is null)
        as names
from organisation o
left join lateral (
    select * from organisation_profile p where p.organisation_id = o.id and p.superseded_at is null
    order by (p.starts_on <= current_date and (p.ends_on is null or p.ends_on > current_date)) desc, p.starts_on desc
    limit 1
) p on true where o.id = any($1)
"""
_HOMES = """
select distinct on (g.organisation_id) g.organisation_id, g.network_id from membership_grant g
where g.organisation_id = any($1) and g.kind = 'direct' and g.superseded_at is null
and (g.ends_on is null or g.ends_on > current_date)
order by g.organisation_id, (select min(f.starts_on) from membership_grant f where f.membership_id = g.membership_id
    and f.kind = 'direct' and f.superseded_at is null), g.network_id
"""


class Known(msgspec.Struct, frozen=True):
    """An organisation as it is stored today: its identity, and the facts that a row may tell otherwise."""

    identity: Identity
    family: UUID
    facts: dict[str, Any]
    names: frozenset[str]


class Said(msgspec.Struct, frozen=True):
    """What a person said about a row of this id: taken, made or refused, and the identity the row had then."""

    outcome: str
    organisation: UUID | None
    identity: list[Any]


async def lock(connection: Connection) -> None:
    """Hold everybody else back who decides who is who, until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock($1)", LOCK)


async def called(connection: Connection, network: UUID, names: Sequence[str]) -> dict[str, UUID]:
    """Whom the network's own ids lead to; somebody who was merged leads to whom it is part of."""
    rows = await connection.fetch(
        "select external_id, organisation_id from external_ref where network_id = $1 and external_id = any($2)",
        network,
        list(names),
    )
    led = await _led(connection, {row["organisation_id"] for row in rows})
    return {row["external_id"]: led[row["organisation_id"]] for row in rows}


async def candidates(connection: Connection, rows: Mapping[int, Listed]) -> dict[int, list[UUID]]:
    """Number of a row -> the organisations that share a number, a name or a web domain with it."""
    if not rows:
        return {}
    keys = [(n, *key) for n, row in rows.items() for key in _variants(row)]
    found = await connection.fetch(
        _CANDIDATES,
        list(rows),
        [row.name for row in rows.values()],
        [row.website or "" for row in rows.values()],
        [n for n, _, _ in keys],
        [scheme for _, scheme, _ in keys],
        [value for _, _, value in keys],
    )
    led = await _led(connection, {each["id"] for each in found})
    out: dict[int, set[UUID]] = {n: set() for n in rows}
    for each in found:
        out[each["n"]].add(led[each["id"]])
    return {n: sorted(ids) for n, ids in out.items()}


async def known(connection: Connection, organisations: Iterable[UUID]) -> dict[UUID, Known]:
    """What is stored of each."""
    out: dict[UUID, Known] = {}
    for row in await connection.fetch(_KNOWN, list(set(organisations))):
        pairs = frozenset((scheme, value) for scheme, value in row["identifiers"])
        domain = matching.domain_of(row["website"])
        identity = Identity(row["id"], row["name"], row["country"] or "", pairs, row["parent_id"], domain)
        facts = {name: row[name] for name in ("country", "kind", "employees", "municipality", "county", "website")}
        out[row["id"]] = Known(identity, row["family_id"], facts, frozenset((row["name"], *row["names"])))
    return out


async def main_units(connection: Connection, identities: Iterable[Identity]) -> dict[str, str]:
    """Sub-unit -> main unit, as far as these numbers are concerned."""
    numbers = list({value for each in identities for scheme, value in each.identifiers if scheme == "no-orgnr"})
    rows = await connection.fetch("select sub_unit, main_unit from main_unit where sub_unit = any($1)", numbers)
    return {row["sub_unit"]: row["main_unit"] for row in rows}


async def theirs(
    connection: Connection, network: UUID, member_list: UUID | None, organisations: Iterable[UUID]
) -> dict[UUID, set[str]]:
    """The ids that the network's own system has for these, in this list (a dry run stores nothing else) or before."""
    rows = await connection.fetch(
        "select organisation_id, external_id from external_ref where network_id = $1 and organisation_id = any($3)"
        " union select organisation_id, external_id from member_list_row where list_id = $2"
        "  and organisation_id = any($3) and verdict <> 'held'",
        network,
        member_list,
        list(set(organisations)),
    )
    out: dict[UUID, set[str]] = {}
    for row in rows:
        out.setdefault(row["organisation_id"], set()).add(row["external_id"])
    return out


async def homes(connection: Connection, organisations: Iterable[UUID]) -> dict[UUID, UUID]:
    """The home network of each: of those it is an own member of, the one it has been in longest. It owns the facts."""
    rows = await connection.fetch(_HOMES, list(set(organisations)))
    return {row["organisation_id"]: row["network_id"] for row in rows}


async def said(connection: Connection, network: UUID, names: Sequence[str]) -> dict[str, Said]:
    """What a person has said about rows of these ids, the newest word."""
    rows = await connection.fetch(
        "select distinct on (external_id) external_id, outcome, organisation_id, body from held_row"
        " where network_id = $1 and external_id = any($2) and closed_at is not null"
        " order by external_id, closed_at desc",
        network,
        list(names),
    )
    return {r["external_id"]: Said(r["outcome"], r["organisation_id"], identity_of(r["body"])) for r in rows}


async def remember(connection: Connection, network: UUID, refs: Iterable[tuple[str, UUID]]) -> None:
    """The network's own system calls these so; an id that leads to somebody already leads there from now on."""
    await connection.executemany(
        "insert into external_ref (id, network_id, external_id, organisation_id, recorded_at)"
        " values ($1, $2, $3, $4, now()) on conflict (network_id, external_id) do update"
        " set organisation_id = excluded.organisation_id, recorded_at = now()"
        " where external_ref.organisation_id <> excluded.organisation_id",
        [(uuid4(), network, name, organisation) for name, organisation in refs],
    )


def _variants(row: Listed) -> set[tuple[str, str]]:
    """Its numbers as they may be stored: a Norwegian organisation number is also a VAT number, and the other way."""
    out: set[tuple[str, str]] = set(row.pairs)
    out |= matching.keys(Identity(UUID(int=0), "", "", row.pairs), {})
    norwegian = [value for scheme, value in out if scheme == "no-orgnr"]
    return out | {("vat", f"{before}{value}MVA") for value in norwegian for before in ("", "NO")}


async def _led(connection: Connection, organisations: Iterable[UUID]) -> dict[UUID, UUID]:
    wanted = list(set(organisations))
    led = {row["asked"]: row["id"] for row in await connection.fetch(_MERGED, wanted)} if wanted else {}
    return {each: led.get(each, each) for each in wanted}
