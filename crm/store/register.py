"""The register of legal entities as it was last read, and the reviews that its differences from us are.

A file is staged in a table of the transaction's own and taken over in it: all of it, or nothing. A difference is a
`membership_review` like any other (crm/store/reviews.py): open once for one word of the register, kept until that word
changes, settled as soon as both say the same. Nothing else is changed by a read.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec

from cluster_rules.headcounts import SME_CLASSES, bounds
from cluster_rules.register import REASONS, Ours, Unit, differences
from crm.actor import Actor
from crm.catalogue import Catalogue
from crm.database import Connection
from crm.errors import NotFound
from crm.register_shapes import Read

READ_LOCK = 727_048  # one file at a time
RULES = "rules"
_COLUMNS = tuple(Unit.__struct_fields__)
_LISTED = ", ".join(_COLUMNS)
_STAGE = """
create temporary table if not exists register_staged (like register_unit including defaults) on commit drop;
truncate register_staged
"""
# Whose number it is: members, and who has asked to be one.
_OURS = """
select i.value as number, i.organisation_id, exists (select from organisation_profile p where
    p.organisation_id = i.organisation_id and p.superseded_at is null and p.parent_id is not null
    and p.starts_on <= $2 and (p.ends_on is null or p.ends_on > $2)) as branch
from identifier i where i.scheme = 'no-orgnr' and (
    exists (select from membership_period m join network n on n.id = m.network_id where n.host_id = any($1)
        and m.organisation_id = i.organisation_id and m.superseded_at is null and (m.ends_on is null or m.ends_on > $2))
    or exists (select from application a join network n on n.id = a.network_id where n.host_id = any($1)
        and a.organisation_id = i.organisation_id and a.status in ('sent', 'info_needed')))
"""
_UPSERT = f"""
insert into register_unit ({_LISTED}, whole, as_of) select {_LISTED}, whole, as_of from register_staged
on conflict (number) do update set ({_LISTED}, as_of) = ({", ".join(f"excluded.{name}" for name in _COLUMNS)},
    excluded.as_of) where excluded.as_of >= register_unit.as_of or $1
"""
_FORGET = """
delete from register_unit u where not u.whole and not exists (
    select from identifier i where i.scheme = 'no-orgnr' and i.value = u.number)
"""
# One row for each membership that stands by a word of its own and whose end nobody knows; where the headcount is
# another, with the networks of the whole family: where one matters to any of them, it is looked at.
_COMPARED = f"""
select g.membership_id, g.network_id, g.organisation_id, g.tier, o.name as our_name, p.name as legal_name,
    p.employees as our_employees, p.municipality as our_municipality, p.county as our_county,
    p.country as our_country, {", ".join(f"u.{name}" for name in _COLUMNS)},
    case when u.employees <> p.employees then array(select distinct x.network_id from organisation r
        join membership_grant x on x.organisation_id = r.id and x.superseded_at is null
            and (x.ends_on is null or x.ends_on > $1) where r.family_id = o.family_id) end as networks
from register_unit u
join identifier i on i.scheme = 'no-orgnr' and i.value = u.number
join organisation o on o.id = i.organisation_id and (o.merged_on is null or o.merged_on > $1)
join membership_grant g on g.organisation_id = o.id and g.superseded_at is null and g.kind = 'direct'
    and g.starts_on <= $1 and g.ends_on is null
join organisation_profile p on p.organisation_id = o.id and p.superseded_at is null and p.starts_on <= $1
    and (p.ends_on is null or p.ends_on > $1)
where {{mine}}
"""
_FOUND = """
with found as (select * from jsonb_to_recordset($1) as f(membership_id uuid, network_id uuid, organisation_id uuid,
    tier text, reason text, key text, detail jsonb))
"""
_SETTLE = f"""
{_FOUND} update membership_review r set closed_at = now(), closed_by = $2, outcome = 'settled'
where r.closed_at is null and r.reason = any($3) and {{mine}} and not exists (
    select from found f where (f.membership_id, f.key, f.detail) = (r.membership_id, r.key, r.detail))
returning network_id
"""
_OPEN = f"""
{_FOUND} insert into membership_review (id, membership_id, network_id, organisation_id, tier, reason, key, detail,
    opened_at, note)
select gen_random_uuid(), f.membership_id, f.network_id, f.organisation_id, f.tier, f.reason, f.key, f.detail, $2, ''
from found f where not exists (
    select from membership_review r where (r.membership_id, r.key) = (f.membership_id, f.key)
    and (r.closed_at is null or r.outcome = 'kept' and (r.keep_until is null or r.keep_until > $3)))
returning network_id, reason
"""


class Number(msgspec.Struct, frozen=True):
    """An organisation number of ours; `branch`: of a unit inside a legal entity."""

    number: str
    organisation_id: UUID
    branch: bool


class Open(msgspec.Struct, frozen=True):
    """A difference that is locked."""

    id: UUID
    network_id: UUID
    organisation_id: UUID
    reason: str
    detail: dict[str, Any]
    closed: bool


async def lock(connection: Connection) -> None:
    """One file at a time is taken over, however long it is and whoever reads it."""
    await connection.execute("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0")
    await connection.execute("select pg_advisory_xact_lock($1)", READ_LOCK)


async def ours(connection: Connection, hosts: Sequence[UUID], today: date) -> list[Number]:
    """The organisation numbers of these hosts' members and of who has applied to their networks."""
    return [Number(**dict(row)) for row in await connection.fetch(_OURS, list(hosts), today)]


async def newest(connection: Connection, host: UUID) -> Read | None:
    """The read of this host with the newest file; None before the first."""
    row = await connection.fetchrow(
        "select * from register_read where host_id = $1 order by as_of desc, read_at desc limit 1", host
    )
    return Read(**dict(row)) if row else None


async def hosts(connection: Connection) -> list[UUID]:
    """Every host that has a network here."""
    rows = await connection.fetch("select distinct host_id from network order by host_id")
    return [row["host_id"] for row in rows]


async def begin(connection: Connection) -> None:
    """An empty place for the units of a file."""
    await connection.execute(_STAGE)


async def stage(connection: Connection, units: Iterable[Unit], as_of: date, whole: bool = False) -> None:
    """Put units there."""
    records = [(*(getattr(unit, name) for name in _COLUMNS), whole, as_of) for unit in units]
    await connection.copy_records_to_table(
        "register_staged", records=records, columns=(*_COLUMNS, "whole", "as_of"), timeout=None
    )


async def take(connection: Connection, as_of: date, whole: bool, force: bool) -> int:
    """The staged units are what the register says now; how many are known. `whole`: nothing else is.

    What came by a newer file stays, unless forced.
    """
    if whole:
        if not force:
            await connection.execute(
                f"insert into register_staged ({_LISTED}, whole, as_of) select {_LISTED}, whole, as_of"
                " from register_unit where as_of > $1 and not whole"
                " and not exists (select from register_staged s where s.number = register_unit.number)",
                as_of,
            )
        await connection.execute("truncate register_unit")
        await connection.execute(
            f"insert into register_unit ({_LISTED}, whole, as_of) select {_LISTED}, whole, as_of from register_staged"
        )
    else:
        await connection.execute(_UPSERT, force)
        await connection.execute(_FORGET)
    return int(await connection.fetchval("select count(*) from register_unit where known"))


async def record(connection: Connection, read: Read) -> None:
    """Store that a file was read."""
    told = msgspec.structs.asdict(read)
    places = ", ".join(f"${n + 1}" for n in range(len(told)))
    await connection.execute(
        f"insert into register_read ({', '.join(told)}) values ({places})",
        *told.values(),
    )


async def turn(
    connection: Connection,
    kept: Catalogue,
    today: date,
    now: datetime,
    organisations: Sequence[UUID] | None = None,
) -> tuple[Counter[tuple[UUID, str]], Counter[UUID]]:
    """Open what differs and settle what does so no more: (opened by network and reason, settled by network).

    `organisations`: of these alone.
    """
    mine = "true" if organisations is None else "o.id = any($2)"
    values: list[Any] = [today] if organisations is None else [today, list(organisations)]
    rows = await connection.fetch(_COMPARED.format(mine=mine), *values)
    classes = _Classes(kept)
    found = [each for row in rows for each in _differences(row, classes)]
    settled = await connection.fetch(
        _SETTLE.format(mine="true" if organisations is None else "r.organisation_id = any($4)"),
        found,
        RULES,
        list(REASONS),
        *values[1:],
    )
    opened = await connection.fetch(_OPEN, found, now, today)
    by_reason = Counter((row["network_id"], row["reason"]) for row in opened)
    return by_reason, Counter(row["network_id"] for row in settled)


async def difference(connection: Connection, wanted: UUID) -> Open:
    """One difference, locked until the transaction ends. NotFound, also for a review of another kind."""
    row = await connection.fetchrow(
        "select id, network_id, organisation_id, reason, detail, closed_at is not null as closed"
        " from membership_review where id = $1 and reason = any($2) for no key update",
        wanted,
        list(REASONS),
    )
    if row is None:
        raise NotFound("review", wanted)
    return Open(**dict(row))


async def unit_of(connection: Connection, organisation: UUID) -> tuple[Unit, date] | None:
    """What the register says of an organisation, and as of which day; None where no file had its number."""
    row = await connection.fetchrow(
        f"select {', '.join(f'u.{name}' for name in _COLUMNS)}, u.as_of from identifier i"
        " join register_unit u on u.number = i.value where i.scheme = 'no-orgnr' and i.organisation_id = $1",
        organisation,
    )
    return (_unit(row), row["as_of"]) if row else None


async def taken(connection: Connection, wanted: UUID, actor: Actor) -> None:
    """Close a difference because its value was taken over."""
    await connection.execute(
        "update membership_review set closed_at = now(), closed_by = $2, outcome = 'decided'"
        " where id = $1 and closed_at is null",
        wanted,
        actor.name,
    )


def new_read(host: UUID, told: dict[str, Any], actor: Actor, now: datetime) -> Read:
    """A read by this actor, with an id of its own."""
    return Read(id=uuid4(), host_id=host, read_by=actor.name, channel=actor.channel, read_at=now, **told)


def _unit(row: Any) -> Unit:
    return Unit(**{name: row[name] for name in _COLUMNS if name != "nace"}, nace=tuple(row["nace"]))


class _Classes:
    """Where a headcount matters to members of these networks; the EU's classes in any case."""

    def __init__(self, kept: Catalogue) -> None:
        self._kept = kept
        self._known: dict[UUID, frozenset[int]] = {}

    def of(self, networks: Sequence[UUID] | None) -> frozenset[int]:
        for each in networks or ():
            if each not in self._known:
                self._known[each] = bounds(self._kept.rulebooks.of(self._kept.by_id[each].slug))
        return SME_CLASSES.union(*(self._known[each] for each in networks or ()))


def _differences(row: Any, classes: _Classes) -> list[dict[str, Any]]:
    ours = Ours(
        row["our_name"],
        row["legal_name"],
        row["our_employees"],
        row["our_municipality"],
        row["our_county"],
        row["our_country"],
    )
    place = {name: row[name] for name in ("membership_id", "network_id", "organisation_id", "tier")}
    out = []
    for each in differences(ours, _unit(row), classes.of(row["networks"])):
        told = {"ours": each.ours, "register": each.register, "since": each.since and each.since.isoformat()}
        detail = {name: value for name, value in told.items() if value is not None}
        out.append(place | {"reason": each.reason, "key": each.key, "detail": detail})
    return out
