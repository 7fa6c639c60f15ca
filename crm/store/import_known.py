"""What is stored already about the organisations of a members' file: so many rows at a time, as `Known`."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from cluster_rules.matching import name_key
from crm.database import Connection
from crm.import_rows import Member
from crm.import_verdicts import Directory, Known
from crm.store import erasures

_NUMBERS = """
select i.scheme, i.value, case when o.merged_on <= $3 then o.merged_into_id else o.id end as id
from unnest($1::text[], $2::text[]) as g (scheme, value)
join identifier i on i.scheme = g.scheme and i.value = g.value join organisation o on o.id = i.organisation_id
"""
_EXTERNAL = """
select external_id, organisation_id from external_ref where network_id = $1 and external_id = any($2::text[])
"""
# $1 organisations, $2 the network, $3 today
_DETAILS = """
select o.id, o.family_id, o.name, coalesce(p.country, '') as country, p.employees, coalesce(p.municipality, '') as
    municipality, o.merged_on <= $3 as merged,
    (select jsonb_object_agg(i.scheme, i.value) from identifier i where i.organisation_id = o.id) as identifiers,
    array(select lower(c.email) from contact c where c.organisation_id = o.id) as emails,
    (select jsonb_build_object('billing_email', b.email, 'billing_reference', b.buyer_reference, 'street', b.street,
        'postal_code', b.postal_code, 'city', b.city) from billing b where b.organisation_id = o.id) as billing,
    exists (select from membership m where m.organisation_id = o.id and m.network_id = $2) as here,
    array(select p.reference || '|' || i.due_on || '|' || p.amount from opening_item p
        join invoice i on i.id = p.invoice_id where i.organisation_id = o.id and p.network_id = $2
        and not invoice_withdrawn(i.id)
        union all select c.reference || '||' || -c.amount from ledger_entry e
        join opening_credit c on c.payment_id = e.payment_id and c.network_id = $2
        join ledger_transaction t on t.id = e.transaction_id and t.kind = 'received'
        where e.organisation_id = o.id and e.payment_id is not null
        and not exists (select from ledger_transaction r where r.reverses_id = t.id)) as openings,
    now_on.tier, began.starts_on as joined, ends.ends_on as "left", past.until
from organisation o
left join lateral (
    select country, employees, municipality from organisation_profile f
    where f.organisation_id = o.id and f.superseded_at is null
    order by (f.starts_on <= $3 and (f.ends_on is null or f.ends_on > $3)) desc, f.starts_on limit 1
) p on true
left join lateral (
    select g.tier, g.starts_on, g.ends_on from membership_grant g where g.organisation_id = o.id and g.network_id = $2
    and g.kind = 'direct' and g.superseded_at is null and (g.ends_on is null or g.ends_on > $3)
    order by g.starts_on limit 1
) now_on on true
left join lateral (
    select min(g.starts_on) as starts_on from membership_grant g where g.organisation_id = o.id and g.network_id = $2
    and g.kind = 'direct' and g.superseded_at is null and now_on.tier is not null
) began on true
left join lateral (
    select case when bool_or(g.ends_on is null) then null else max(g.ends_on) end as ends_on from membership_grant g
    where g.organisation_id = o.id and g.network_id = $2 and g.kind = 'direct' and g.superseded_at is null
) ends on now_on.tier is not null
left join lateral (
    select max(g.ends_on) as until from membership_grant g where g.organisation_id = o.id and g.network_id = $2
    and g.kind = 'direct' and g.superseded_at is null and g.ends_on <= $3
) past on now_on.tier is null
where o.id = any($1)
"""
_NAMES = """
select distinct o.id, o.name, coalesce(p.country, '') as country, m.network_id = $2 as here
from membership m join organisation o on o.id = m.organisation_id
left join lateral (
    select country from organisation_profile f where f.organisation_id = o.id and f.superseded_at is null
    order by f.starts_on desc limit 1
) p on true
where m.network_id = any($1) and (o.merged_on is null or o.merged_on > current_date)
"""
Names = dict[tuple[str, str], tuple[UUID, ...]]


async def names(connection: Connection, networks: Iterable[UUID], here: UUID) -> tuple[Names, Names]:
    """Members of these networks by (name_key, country), and those of the network `here` alone."""
    everybody: dict[tuple[str, str], dict[UUID, None]] = {}
    ours: dict[tuple[str, str], dict[UUID, None]] = {}
    for row in await connection.fetch(_NAMES, list(networks), here):
        key = (name_key(row["name"]), row["country"])
        everybody.setdefault(key, {})[row["id"]] = None
        if row["here"]:
            ours.setdefault(key, {})[row["id"]] = None
    return {key: tuple(ids) for key, ids in everybody.items()}, {key: tuple(ids) for key, ids in ours.items()}


async def directory(
    connection: Connection, network: UUID, members: Sequence[Member], today: date, named: tuple[Names, Names]
) -> Directory:
    """Everything that is known about who these rows may be."""
    pairs = list({pair for each in members for pair in each.identifiers.items()})
    numbers = await connection.fetch(_NUMBERS, [s for s, _ in pairs], [v for _, v in pairs], today) if pairs else []
    by_number = {(row["scheme"], row["value"]): row["id"] for row in numbers}
    outside = [each.external_id for each in members if each.external_id]
    external = await connection.fetch(_EXTERNAL, network, outside) if outside else []
    by_external = {row["external_id"]: row["organisation_id"] for row in external}
    keys = [(name_key(each.name), each.country) for each in members]
    alike = {who for key in keys for listed in named for who in listed.get(key, ())}
    wanted = {*by_number.values(), *by_external.values(), *alike}
    emails = {address for each in members for address in (each.contact_email, each.billing_email) if address}
    known = await details(connection, network, wanted, today)
    erased = frozenset(await erasures.blocked(connection, emails))
    return Directory(by_number, by_external, named[0], named[1], known, erased)


async def details(connection: Connection, network: UUID, wanted: Iterable[UUID], today: date) -> dict[UUID, Known]:
    """These organisations as an import into the network sees them."""
    ids = list(wanted)
    rows = await connection.fetch(_DETAILS, ids, network, today) if ids else []
    return {
        row["id"]: Known(
            id=row["id"],
            family=row["family_id"],
            name=row["name"],
            country=row["country"],
            identifiers=row["identifiers"] or {},
            employees=row["employees"],
            municipality=row["municipality"],
            emails=frozenset(row["emails"]),
            billing=row["billing"] or {},
            here=row["here"],
            level=row["tier"] or "",
            joined=row["joined"],
            left=row["left"],
            past_until=row["until"],
            merged=bool(row["merged"]),
            openings=frozenset(_opening(each) for each in row["openings"]),
        )
        for row in rows
    }


def _opening(told: str) -> tuple[str, str, int]:
    reference, due, amount = told.rsplit("|", 2)
    return reference, due, int(amount)
