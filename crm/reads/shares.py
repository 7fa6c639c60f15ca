"""What a partner network reads of another under an agreement: list, changes, digest; and who sees what about a member.

The same shapes and the same protocol as crm/reads/feed.py, over `share` (ADR 0023): `scope` is the disclosure, one
direction of one agreement. A row holds the newest version only and its place on the feed, so changes give each member
once, as it is now; bodies that were replaced or taken back are nowhere. What was looked at before the newest terms is
shown to nobody: `stale` says that `store.shares.turn` has something to do first.

For facades (SCIM, CSV, directory): `find`, `head`, then `listed`, `stream`, `changes`, `digest`, `of_bucket`, and log
every answer with `crm.actions.shares.log_reading`. For the member's own page: `of_organisation`.
"""

from collections.abc import AsyncGenerator, Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from crm.cursors import START, Position
from crm.database import Connection
from crm.reads.feed import Bucket, Page, copied, page

# $1 disclosure, $2 now. What a concurrent transaction looked at under older terms (`behind`) holds everything after it
# back, as an open transaction does, until it is looked at again.
_HEAD = """
select d.id, d.agreement_id, a.code as agreement, d.network_id, d.to_network_id, d.in_force, e.epoch, e.secret,
    ($2::timestamptz at time zone n.time_zone)::date as today, d.turned_on,
    coalesce(last.xid, '0')::text as xid, coalesce(last.seq, 0) as seq, behind.xid is not null as stale,
    behind.xid is not null or exists (select from share s where s.disclosure_id = d.id and s.op <> 'none'
        and s.moved_xid >= pg_snapshot_xmin(pg_current_snapshot())) as unsettled
from disclosure d join network n on n.id = d.network_id join agreement a on a.id = d.agreement_id
cross join feed_epoch e
left join lateral (
    select s.moved_xid as xid, s.seq from share s where s.disclosure_id = d.id and s.state < d.state
    and (select min(m.state) from share m where m.disclosure_id = d.id) < d.state
    order by s.moved_xid, s.seq limit 1
) behind on true
left join lateral (
    select s.moved_xid as xid, s.seq from share s
    where s.disclosure_id = d.id and s.op <> 'none' and s.moved_xid < pg_snapshot_xmin(pg_current_snapshot())
    and (behind.xid is null or (s.moved_xid, s.seq) < (behind.xid, behind.seq))
    order by s.moved_xid desc, s.seq desc limit 1
) last on true
where d.id = $1
"""
_FIND = """
select d.id, a.code as agreement, d.network_id, d.to_network_id, d.in_force from disclosure d
join agreement a on a.id = d.agreement_id join network n on n.id = d.network_id
where ($1::text is null or a.code = $1) and ($2::text is null or n.slug = $2)
and (d.network_id = any($3) or d.to_network_id = any($3)) order by a.code, n.slug
"""
# As crm/reads/feed.py _CHANGES: each entry as the JSON that is answered. A member that is gone has no body.
_CHANGES = """
with behind as materialized (
    select s.moved_xid as xid, s.seq from share s
    where s.disclosure_id = $1 and s.state < (select state from disclosure where id = $1)
    and (select min(m.state) from share m where m.disclosure_id = $1) < (select state from disclosure where id = $1)
    order by s.moved_xid, s.seq limit 1
)
select s.moved_xid as xid, s.seq, convert_to(concat('{"op":"', s.op, '","id":"', s.membership_id, '","version":',
    s.version, ',"reason":"', s.reason, '","member":', coalesce(s.body, 'null'), '}'), 'UTF8') as entry
from share s
where s.disclosure_id = $1 and s.op <> 'none' and (s.moved_xid, s.seq) > ($2::text::xid8, $3)
    and s.moved_xid < pg_snapshot_xmin(pg_current_snapshot())
    and ((select xid from behind) is null
         or (s.moved_xid, s.seq) < ((select xid from behind), (select seq from behind)))
order by s.moved_xid, s.seq limit $4
"""
_NOW = "s.disclosure_id = $1 and s.op = 'upsert' and s.state = (select state from disclosure where id = $1)"
_LISTED = f"""
select s.organisation_id, s.body from share s
where {_NOW} and ($2::text is null or s.body::json ->> 'origin' = $2) and s.organisation_id > $3
order by s.organisation_id limit $4
"""
_STREAM = f"select s.body from share s where {_NOW} and ($2::text is null or s.body::json ->> 'origin' = $2)"
_DIGEST = f"""
with head as ({_HEAD}),
buckets as (
    select s.bucket, count(*) as members, encode(sha256(string_agg(
        convert_to(s.membership_id || '|' || s.version || '|' || encode(s.body_hash, 'hex') || e'\\n', 'UTF8'), ''
        order by s.membership_id)), 'hex') as hash
    from share s where {_NOW} and ($3::int is null or s.bucket = $3) group by s.bucket
)
select head.*, buckets.* from head left join buckets on true order by bucket
"""
_OF_BUCKET = f"select s.body from share s where {_NOW} and s.bucket = $2 order by s.membership_id"
_TERMS = """
select t.version, t.starts_on, t.fields, t.tiers, t.only_linked, t.purpose, t.legal_basis, t.legal_words,
    t.persons_basis, t.retention_days, t.reason, t.recorded_at, t.recorded_by
from disclosure_terms t where t.disclosure_id = $1 order by t.version desc
"""
_OF_ORGANISATION = """
select d.id as disclosure, a.code as agreement, a.names as agreement_names, d.network_id, d.to_network_id, s.body,
    s.version, s.since, t.purpose, t.legal_basis, t.legal_words, t.persons_basis, t.retention_days, t.fields,
    (select max(r.recorded_at) from share_reading r where r.disclosure_id = d.id and r.recorded_at >= s.since
     and r.members > 0) as fetched_at,
    coalesce((select json_agg(json_build_object('id', c.id, 'about', c.about, 'choice', c.choice, 'on', c.recorded_at))
              from share_choice c where c.disclosure_id = d.id and c.organisation_id = $1 and c.withdrawn_at is null),
             '[]')::jsonb as choices
from share s join disclosure d on d.id = s.disclosure_id and s.state = d.state
join agreement a on a.id = d.agreement_id
left join disclosure_terms t on t.disclosure_id = d.id and t.version = d.in_force
where s.organisation_id = $1 and (s.op = 'upsert' or exists (
    select from share_choice c where c.disclosure_id = d.id and c.organisation_id = $1 and c.withdrawn_at is null))
order by a.code, d.network_id
"""
_LOG = """
select r.row_id, r.reader, r.kind, r.from_position, r.to_position, r.members, r.terms_version, r.recorded_at
from share_reading r where r.disclosure_id = $1 and ($2::bigint is null or r.row_id < $2)
order by r.row_id desc limit $3
"""
_VERSIONS = """
select v.row_id, v.membership_id, v.organisation_id, o.name, v.version, v.op, v.reason, v.terms_version,
    encode(v.body_hash, 'hex') as body_hash, v.recorded_at
from share_version v join organisation o on o.id = v.organisation_id
where v.disclosure_id = $1 and ($2::bigint is null or v.row_id < $2) order by v.row_id desc limit $3
"""


class Found(msgspec.Struct, frozen=True):
    """One direction of an agreement; `in_force` 0: nothing is disclosed now."""

    id: UUID
    agreement: str
    network_id: UUID
    to_network_id: UUID
    in_force: int


class Head(msgspec.Struct, frozen=True):
    """Where a disclosure is: its newest position, the day it has come to, the version of the terms in force.

    As `feed.Head`, so that both are read by the same code; nothing is ever pruned (a tombstone is a few ids).
    """

    scope: UUID
    agreement: str
    network: UUID
    to_network: UUID
    in_force: int
    epoch: str
    secret: bytes
    today: date
    turned_on: date | None
    position: Position
    settled: bool
    stale: bool
    pruned: Position = START

    @property
    def of_today(self) -> bool:
        """Has the day been turned, and everything been looked at under the newest terms?"""
        return self.turned_on is not None and self.turned_on >= self.today and not self.stale


class Terms(msgspec.Struct, frozen=True):
    """A version of what a disclosure may disclose, from the day `starts_on` until a newer one starts."""

    version: int
    starts_on: date
    fields: list[str]
    tiers: list[str]
    only_linked: bool
    purpose: dict[str, str]
    legal_basis: str
    legal_words: dict[str, str]
    persons_basis: str
    retention_days: int
    reason: str
    recorded_at: datetime
    recorded_by: str


class Choice(msgspec.Struct, frozen=True):
    """What the member has said: `about` organisation or contact, `choice` consents, objects or erased."""

    id: UUID
    about: str
    choice: str
    on: datetime


class Seen(msgspec.Struct, frozen=True):
    """What one partner sees about one organisation as a member of `network_id`, on what grounds.

    `values`: field -> value now, as the partner gets it; empty when nothing is disclosed any more (then `since` is
    None, and only `choices` say why). `fetched_at`: the last time the partner fetched members since then.
    """

    disclosure: UUID
    agreement: str
    agreement_names: dict[str, str]
    network_id: UUID
    to_network_id: UUID
    values: dict[str, Any]
    purpose: dict[str, str]
    legal_basis: str
    legal_words: dict[str, str]
    persons_basis: str
    retention_days: int
    since: datetime | None
    fetched_at: datetime | None
    choices: tuple[Choice, ...]


class Reading(msgspec.Struct, frozen=True):
    """One answer that disclosed something: to which key, from position to position, how many members."""

    row_id: int
    reader: str
    kind: str
    from_position: str
    to_position: str
    members: int
    terms_version: int
    recorded_at: datetime


class Version(msgspec.Struct, frozen=True):
    """From when one version of one member was to be had (or told to be gone): a hash, not the content."""

    row_id: int
    membership_id: UUID
    organisation_id: UUID
    name: str
    version: int
    op: str
    reason: str
    terms_version: int
    body_hash: str | None
    recorded_at: datetime


async def find(
    connection: Connection, sees: Collection[UUID], agreement: str | None = None, network: str | None = None
) -> list[Found]:
    """Disclosures that a party among `sees` may read: of an agreement, of this network's members, or all of them."""
    return [Found(**dict(row)) for row in await connection.fetch(_FIND, agreement, network, list(sees))]


async def head(connection: Connection, disclosure: UUID, now: datetime) -> Head | None:
    """Where a disclosure is; None: there is no such one, or not for this reader."""
    row = await connection.fetchrow(_HEAD, disclosure, now)
    return _head(row) if row else None


async def changes(connection: Connection, disclosure: UUID, after: Position, limit: int) -> Page:
    """What has changed after a position: each member once, as it is now. May be empty while something is stale."""
    return page(await connection.fetch(_CHANGES, disclosure, str(after.xid), after.seq, limit + 1), after, limit)


async def listed(
    connection: Connection, disclosure: UUID, origin: str | None, after: UUID, limit: int
) -> tuple[list[msgspec.Raw], UUID | None]:
    """Those disclosed today after an organisation, as JSON; and the organisation to go on after (None: no more).

    `origin` finds only where it is disclosed.
    """
    rows = await connection.fetch(_LISTED, disclosure, origin, after, limit + 1)
    found = [msgspec.Raw(row["body"]) for row in rows[:limit]]
    return found, rows[limit - 1]["organisation_id"] if len(rows) > limit else None


async def count(connection: Connection, disclosure: UUID) -> int:
    """How many are disclosed today."""
    return int(await connection.fetchval(f"select count(*) from share s where {_NOW}", disclosure))


async def digest(
    connection: Connection, disclosure: UUID, now: datetime, bucket: int | None = None
) -> tuple[Head, list[Bucket]] | None:
    """The hash of each bucket that has members (or of one), and where the disclosure was at that very moment."""
    rows = await connection.fetch(_DIGEST, disclosure, now, bucket)
    if not rows:
        return None
    found = [Bucket(row["bucket"], row["members"], row["hash"]) for row in rows if row["bucket"] is not None]
    return _head(rows[0]), found


async def of_bucket(connection: Connection, disclosure: UUID, bucket: int) -> list[msgspec.Raw]:
    """Those of one bucket, as JSON, in the order of ids."""
    return [msgspec.Raw(row["body"]) for row in await connection.fetch(_OF_BUCKET, disclosure, bucket)]


def stream(connection: Connection, disclosure: UUID, origin: str | None) -> AsyncGenerator[bytes, None]:
    """Everybody disclosed today as JSON, one a line, as fast as they are taken."""
    return copied(connection, _STREAM, disclosure, origin)


async def terms(connection: Connection, disclosure: UUID) -> list[Terms]:
    """All versions, the newest first."""
    return [Terms(**dict(row)) for row in await connection.fetch(_TERMS, disclosure)]


async def of_organisation(connection: Connection, organisation: UUID) -> list[Seen]:
    """Who sees what about this organisation now, and what it has said to that: each partner that the reader may know.

    For the office `connection` is behind the wall of networks; for the member's own page behind that of organisations.
    """
    out = []
    for row in await connection.fetch(_OF_ORGANISATION, organisation):
        kept = {name: value for name, value in row.items() if name not in ("body", "version", "fields", "choices")}
        values = _values(msgspec.json.decode(row["body"])) if row["body"] else {}
        said = {name: kept[name] or {} for name in ("purpose", "legal_words")}
        said |= {name: kept[name] or "" for name in ("legal_basis", "persons_basis")}
        said["retention_days"] = kept["retention_days"] or 0
        choices = tuple(msgspec.convert(each, Choice) for each in row["choices"])
        out.append(Seen(**kept | said, values=values, choices=choices))
    return out


async def readings(
    connection: Connection, disclosure: UUID, before: int | None = None, limit: int = 100
) -> Sequence[Reading]:
    """The disclosure log, answers, the newest first; `before`: older than this row."""
    return [Reading(**dict(row)) for row in await connection.fetch(_LOG, disclosure, before, limit)]


async def versions(
    connection: Connection, disclosure: UUID, before: int | None = None, limit: int = 100
) -> Sequence[Version]:
    """The disclosure log, what was to be had from when, the newest first."""
    return [Version(**dict(row)) for row in await connection.fetch(_VERSIONS, disclosure, before, limit)]


def _values(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of the allow-list with their values, out of a member as the partner gets it."""
    organisation, contact = body.pop("organisation", {}), body.pop("contact", {})
    values = {name: value for name, value in organisation.items() if name != "id"}
    values |= {name: value for name, value in body.items() if name not in ("id", "agreement", "network", "version")}
    return values | {f"contact_{name}": value for name, value in contact.items()}


def _head(row: asyncpg.Record) -> Head:
    return Head(
        row["id"], row["agreement"], row["network_id"], row["to_network_id"], row["in_force"], row["epoch"],
        row["secret"], row["today"], row["turned_on"], Position(int(row["xid"]), row["seq"]), not row["unsettled"],
        row["stale"],
    )  # fmt: skip
