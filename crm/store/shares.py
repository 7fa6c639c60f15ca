"""Write shares: terms of disclosure, what members say to them, the log of what was given to whom (ADR 0023).

`share_publish` in the database (crm/migrations/sql/shares.sql) is the only writer of shares. A trigger calls it for
every member the feed looks at, in the same transaction; `publish` is for who changes something else that a share
shows. `turn` applies terms that hold from today or no more, and mends what was looked at in the state before.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection


class Terms(msgspec.Struct, frozen=True):
    """What may be disclosed from the day `starts_on`, until newer terms start. `purpose`, `legal_words`: nb and en.

    `fields` () discloses nothing; `tiers` () is every level; `only_linked`: members that stand by the agreement.
    `retention_days`: within how many days the partner deletes what it is told to have lost.
    """

    starts_on: date
    fields: tuple[str, ...]
    tiers: tuple[str, ...]
    only_linked: bool
    purpose: dict[str, str]
    legal_basis: str
    legal_words: dict[str, str]
    persons_basis: str
    retention_days: int


class Stored(msgspec.Struct, frozen=True):
    """One direction of an agreement, with its newest terms (None: none yet); half-open days."""

    id: UUID
    agreement_id: UUID
    agreement: str
    names: dict[str, str]
    network: UUID
    to_network: UUID
    starts_on: date
    ends_on: date | None
    version: int
    terms: Terms | None


class Choice(msgspec.Struct, frozen=True):
    """What a member says to a disclosure; `contact` for what is about that person, else about the organisation."""

    disclosure: UUID
    organisation: UUID
    contact: UUID | None
    choice: str
    reason: str


async def publish(connection: Connection, memberships: Iterable[UUID]) -> int:
    """Tell of these memberships wherever they are disclosed, if they look otherwise than told; how many changes."""
    return int(await connection.fetchval("select share_publish($1)", list(memberships)))


async def turn(connection: Connection, now: datetime, networks: Collection[UUID] | None = None) -> int:
    """Bring what these networks (None: all) disclose to today; how many changes that told of."""
    listed = None if networks is None else list(networks)
    return int(await connection.fetchval("select share_turn($1, $2)", listed, now))


async def find(connection: Connection, agreement: str, network: UUID) -> Stored | None:
    """What this network discloses under this agreement, locked against others who change the terms."""
    row = await connection.fetchrow(
        "select d.id, d.agreement_id, a.code as agreement, a.names, d.network_id as network,"
        " d.to_network_id as to_network, a.starts_on, a.ends_on from disclosure d"
        " join agreement a on a.id = d.agreement_id where a.code = $1 and d.network_id = $2 for no key update of d",
        agreement,
        network,
    )
    if row is None:
        return None
    newest = await connection.fetchrow(
        "select version, starts_on, fields, tiers, only_linked, purpose, legal_basis, legal_words, persons_basis,"
        " retention_days from disclosure_terms where disclosure_id = $1 order by version desc limit 1",
        row["id"],
    )
    terms = msgspec.convert({k: newest[k] for k in Terms.__struct_fields__}, Terms) if newest else None
    return Stored(**dict(row), version=newest["version"] if newest else 0, terms=terms)


async def add_terms(
    connection: Connection, disclosure: UUID, version: int, terms: Terms, reason: str, actor: str
) -> None:
    """New terms, as the version after the newest. `turn` applies them when they start."""
    await connection.execute(
        "insert into disclosure_terms (id, disclosure_id, version, starts_on, fields, tiers, only_linked, purpose,"
        " legal_basis, legal_words, persons_basis, retention_days, reason, recorded_at, recorded_by)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now(), $14)",
        uuid4(),
        disclosure,
        version,
        terms.starts_on,
        list(terms.fields),
        list(terms.tiers),
        terms.only_linked,
        terms.purpose,
        terms.legal_basis,
        terms.legal_words,
        terms.persons_basis,
        terms.retention_days,
        reason,
        actor,
    )


async def carry_on(connection: Connection, agreement: UUID, code: str, on: date) -> None:
    """What an agreement discloses, the one in its place does from a day on, with the other network's place too."""
    await connection.execute(
        "insert into disclosure_terms (id, disclosure_id, version, starts_on, fields, tiers, only_linked, purpose,"
        " legal_basis, legal_words, persons_basis, retention_days, reason, recorded_at, recorded_by)"
        " select gen_random_uuid(), new.id, 1, greatest(t.starts_on, $3), t.fields, t.tiers, t.only_linked, t.purpose,"
        " t.legal_basis, t.legal_words, t.persons_basis, t.retention_days, t.reason, now(), t.recorded_by"
        " from agreement was join agreement moved on moved.code = $2"
        " join disclosure old on old.agreement_id = was.id join disclosure new on new.agreement_id = moved.id"
        " and (new.network_id = moved.source_network_id) = (old.network_id = was.source_network_id)"
        " cross join lateral (select * from disclosure_terms x where x.disclosure_id = old.id"
        "   order by x.version desc limit 1) t"
        " where was.id = $1 on conflict (disclosure_id, version) do nothing",
        agreement,
        code,
        on,
    )


async def in_force(connection: Connection, disclosure: UUID) -> tuple[int, str]:
    """The version of the terms that holds now (0: none), and their legal basis."""
    row = await connection.fetchrow(
        "select d.in_force, coalesce(t.legal_basis, '') as basis from disclosure d left join disclosure_terms t"
        " on t.disclosure_id = d.id and t.version = d.in_force where d.id = $1",
        disclosure,
    )
    return (row["in_force"], row["basis"]) if row else (0, "")


async def mark(connection: Connection) -> int:
    """Where the log of versions is now, for `told_since`."""
    return int(await connection.fetchval("select coalesce(max(row_id), 0) from share_version"))


async def told_since(connection: Connection, disclosure: UUID, since: int) -> tuple[int, int, int]:
    """How many are disclosed now; how many were told of, and how many were told to be gone, since a mark."""
    row = await connection.fetchrow(
        "select (select count(*) from share where disclosure_id = $1 and op = 'upsert') as now,"
        " count(*) filter (where op = 'upsert') as told, count(*) filter (where op = 'remove') as gone"
        " from share_version where disclosure_id = $1 and row_id > $2",
        disclosure,
        since,
    )
    return row["now"], row["told"], row["gone"]


async def choose(connection: Connection, said: Choice, actor: str) -> bool:
    """Keep what a member says, in place of what it said before, and act on it; False: it had said so already."""
    about = "organisation" if said.contact is None else "contact"
    before = await connection.fetchrow(
        "select id, choice from share_choice where disclosure_id = $1 and organisation_id = $2 and about = $3"
        " and contact_id is not distinct from $4 and withdrawn_at is null for update",
        said.disclosure,
        said.organisation,
        about,
        said.contact,
    )
    if before and before["choice"] in (said.choice, "erased"):
        return False
    if before:
        await _withdraw(connection, before["id"], actor)
    await connection.execute(
        "insert into share_choice (id, disclosure_id, organisation_id, contact_id, about, choice, reason, recorded_at,"
        " recorded_by) values ($1, $2, $3, $4, $5, $6, $7, now(), $8)",
        uuid4(),
        said.disclosure,
        said.organisation,
        said.contact,
        about,
        said.choice,
        said.reason,
        actor,
    )
    await _publish_organisation(connection, said.disclosure, said.organisation)
    return True


async def take_back(
    connection: Connection, disclosure: UUID, organisation: UUID, contact: UUID | None, actor: str
) -> bool:
    """What it said holds no more (an erasure stays); False: it has said nothing."""
    row = await connection.fetchrow(
        "select id from share_choice where disclosure_id = $1 and organisation_id = $2 and choice <> 'erased'"
        " and contact_id is not distinct from $3 and withdrawn_at is null for update",
        disclosure,
        organisation,
        contact,
    )
    if row is None:
        return False
    await _withdraw(connection, row["id"], actor)
    await _publish_organisation(connection, disclosure, organisation)
    return True


async def main_contact(connection: Connection, organisation: UUID) -> UUID | None:
    """The person whose name and address would be disclosed."""
    found: UUID | None = await connection.fetchval(
        "select id from contact where organisation_id = $1 and main order by created_at, id limit 1", organisation
    )
    return found


async def is_member(connection: Connection, network: UUID, organisation: UUID) -> bool:
    """Is it, or was it ever, a member of the network?"""
    return bool(
        await connection.fetchval(
            "select true from membership where network_id = $1 and organisation_id = $2", network, organisation
        )
    )


async def log(
    connection: Connection,
    disclosure: UUID,
    key: UUID | None,
    reader: str,
    kind: str,
    span: tuple[str, str],
    count: int,
) -> None:
    """Put an answer into the disclosure log: `span` is from position to position. Before it is sent."""
    await connection.execute(
        "insert into share_reading (disclosure_id, key_id, reader, kind, from_position, to_position, members,"
        " terms_version, recorded_at) select id, $2, $3, $4, $5, $6, $7, in_force, now() from disclosure where id = $1",
        disclosure,
        key,
        reader,
        kind,
        *span,
        count,
    )


async def _withdraw(connection: Connection, choice: UUID, actor: str) -> None:
    await connection.execute(
        "update share_choice set withdrawn_at = now(), withdrawn_by = $2 where id = $1", choice, actor
    )


async def _publish_organisation(connection: Connection, disclosure: UUID, organisation: UUID) -> None:
    rows = await connection.fetch(
        "select f.membership_id from feed_member f join disclosure d on d.network_id = f.network_id"
        " where d.id = $1 and f.organisation_id = $2",
        disclosure,
        organisation,
    )
    await publish(connection, [row["membership_id"] for row in rows])
