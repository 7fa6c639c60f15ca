"""What fees depend on, written: a new word on the same thing supersedes the one before, and nothing is lost."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID, uuid4

from cluster_rules.organisations import AgreedFee, Size
from cluster_rules.profiles import changed
from crm.actor import Actor
from crm.database import Connection
from crm.store import profiles


async def add(connection: Connection, organisation: UUID, sizes: Iterable[Size], actor: Actor, today: date) -> None:
    """Figures of one organisation; its own employees go into a new version of its profile, from their day on."""
    for size in sizes:
        as_of = size.as_of or today
        if (size.basis, size.scope) == ("employees", "own"):
            await _employees(connection, organisation, size.value, as_of)
            continue
        await connection.execute(
            "update organisation_size set superseded_at = now() where organisation_id = $1 and basis = $2"
            " and scope = $3 and currency = $4 and as_of = $5 and superseded_at is null",
            organisation,
            size.basis,
            size.scope,
            size.currency,
            as_of,
        )
        await connection.execute(
            "insert into organisation_size (id, organisation_id, basis, scope, currency, value, as_of, source,"
            " recorded_by, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())",
            uuid4(),
            organisation,
            size.basis,
            size.scope,
            size.currency,
            size.value,
            as_of,
            size.source,
            actor.name,
        )


async def add_owner(
    connection: Connection, organisation: UUID, country: str, as_of: date, actor: Actor, source: str = ""
) -> None:
    """From a day on the company that owns it is in this country; empty: nobody owns it."""
    await connection.execute(
        "update organisation_owner set superseded_at = now() where organisation_id = $1 and as_of = $2"
        " and superseded_at is null",
        organisation,
        as_of,
    )
    await connection.execute(
        "insert into organisation_owner (id, organisation_id, country, as_of, source, recorded_by, recorded_at)"
        " values ($1, $2, $3, $4, $5, $6, now())",
        uuid4(),
        organisation,
        country,
        as_of,
        source,
        actor.name,
    )


async def agree(connection: Connection, organisation: UUID, network: UUID, fee: AgreedFee, actor: Actor) -> None:
    """An amount signed with a member takes the place of every other for the same component from its first day on."""
    rows = await connection.fetch(
        "update agreed_fee set superseded_at = now() where organisation_id = $1 and network_id = $2 and component = $3"
        " and currency = $4 and superseded_at is null and (ends_on is null or ends_on > $5) returning id, starts_on",
        organisation,
        network,
        fee.component,
        fee.currency,
        fee.period.start,
    )
    for row in rows:
        if row["starts_on"] < fee.period.start:
            await connection.execute(
                "insert into agreed_fee select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),"
                " 'ends_on', $2::date, 'superseded_at', null, 'recorded_at', now()))).* from agreed_fee a"
                " where a.id = $1",
                row["id"],
                fee.period.start,
            )
    await connection.execute(
        "insert into agreed_fee (id, organisation_id, network_id, component, amount, currency, starts_on, ends_on,"
        " source, recorded_by, recorded_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now())",
        uuid4(),
        organisation,
        network,
        fee.component,
        fee.amount,
        fee.currency,
        fee.period.start,
        fee.period.end,
        fee.source,
        actor.name,
    )


async def told(connection: Connection, organisation: UUID) -> set[tuple[str, str, str]]:
    """Which figures (basis, scope, currency) of an organisation anybody has told."""
    rows = await connection.fetch(
        "select distinct basis, scope, currency from organisation_size where organisation_id = $1"
        " and superseded_at is null union all select 'employees', 'own', '' from organisation_profile"
        " where organisation_id = $1 and superseded_at is null and employees is not null",
        organisation,
    )
    return {(row["basis"], row["scope"], row["currency"]) for row in rows}


async def _employees(connection: Connection, organisation: UUID, employees: int, as_of: date) -> None:
    """A new number from its day on, until the next one that was told: a late word does not overwrite a later one."""
    told = await profiles.told(connection, organisation)
    new = {"employees": employees, "employees_as_of": as_of}
    await profiles.write(connection, organisation, told, changed(told, as_of, new))
