"""What organisations and networks are called, since when: the id never changes, and the older names stay (AC-5).

The name of today stands in `organisation` and `network` too, because every list reads it there; a name that
begins later is put there by the turn of the day.
"""

from datetime import date, datetime
from uuid import UUID, uuid4

from cluster_rules.notices import of_organisations
from crm import catalogue
from crm.actor import Actor
from crm.database import Connection
from crm.store import families, mail

_ADD = """
insert into known_name (id, organisation_id, network_id, names, short, starts_on, actor, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7, now())
"""
# The newest name that has begun, where something else is written.
_ORGANISATIONS = """
update organisation o set name = k.names ->> 'nb' from (
    select distinct on (organisation_id) organisation_id, names from known_name
    where withdrawn_at is null and organisation_id is not null and (starts_on is null or starts_on <= $1)
    order by organisation_id, starts_on desc nulls last
) k where k.organisation_id = o.id and o.name <> k.names ->> 'nb'
"""
_NETWORKS = """
update network n set names = k.names, short = case when k.short = '{}' then n.short else k.short end from (
    select distinct on (k.network_id) k.network_id, k.names, k.short
    from known_name k join network on network.id = k.network_id where k.withdrawn_at is null
    and (k.starts_on is null or k.starts_on <= ($1::timestamptz at time zone network.time_zone)::date)
    order by k.network_id, k.starts_on desc nulls last
) k where k.network_id = n.id and n.names <> k.names
"""


async def name_organisation(
    connection: Connection, organisation: UUID, name: str, on: date, actor: Actor, today: date
) -> None:
    """Called so from a day on; a name for the same day is replaced."""
    await connection.execute("select from organisation where id = $1 for no key update", organisation)
    before = await connection.fetchval("select name from organisation where id = $1", organisation)
    await _begin(connection, "organisation_id", organisation, {"nb": before, "en": before}, {}, actor)
    await connection.execute(
        "update known_name set withdrawn_at = now() where organisation_id = $1 and starts_on = $2"
        " and withdrawn_at is null",
        organisation,
        on,
    )
    await connection.execute(_ADD, uuid4(), organisation, None, {"nb": name, "en": name}, {}, on, actor.name)
    await connection.execute(_ORGANISATIONS, today)


async def name_network(
    connection: Connection, network: UUID, names: dict[str, str], short: dict[str, str], on: date, actor: Actor
) -> None:
    """Called so from a day on, in both languages; a name for the same day is replaced."""
    row = await connection.fetchrow("select names, short from network where id = $1 for no key update", network)
    await _begin(connection, "network_id", network, row["names"], row["short"], actor)
    await connection.execute(
        "update known_name set withdrawn_at = now() where network_id = $1 and starts_on = $2 and withdrawn_at is null",
        network,
        on,
    )
    await connection.execute(_ADD, uuid4(), None, network, names, short, on, actor.name)


async def tell(connection: Connection, actor: Actor, organisation: UUID, values: dict[str, str], today: date) -> None:
    """The mails to the member and to the managers of every network that it is in; `values` {former, name, on}."""
    if values["former"] == values["name"]:
        return
    kept = await catalogue.load(connection)
    facts = await families.load(connection, kept, await families.of(connection, organisation))
    held = {g.network for g in facts.grants if g.organisation == organisation and g.period.end_or_far > today}
    told_by = sorted(n.slug for n in kept.networks if n.id in actor.manages and n.slug in held)
    notices = tuple(of_organisations("renamed", [organisation], {organisation: held}, told_by, values))
    await mail.queue_notices(connection, kept, notices, await families.of(connection, organisation))


async def turn(connection: Connection, now: datetime) -> None:
    """Names that have begun by now are the names."""
    await connection.execute(_ORGANISATIONS, now.date())
    await connection.execute(_NETWORKS, now)


async def _begin(
    connection: Connection, column: str, of: UUID, names: dict[str, str], short: dict[str, str], actor: Actor
) -> None:
    """Keep the first name of something that was never renamed before."""
    if await connection.fetchval(f"select exists (select from known_name where {column} = $1)", of):
        return
    organisation, network = (of, None) if column == "organisation_id" else (None, of)
    await connection.execute(_ADD, uuid4(), organisation, network, names, short, None, actor.name)
