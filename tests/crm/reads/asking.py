"""What tests of reports ask, and members made up for them."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from crm.database import Connection
from crm.reads import reports
from crm.reports import Asked

TODAY = date(2026, 11, 22)
YEAR = (date(2026, 1, 1), date(2027, 1, 1))
Lives = list[list[tuple[int, int | None, bool]]]  # of each organisation: (first day, first day without, suspended)
EPOCH = date(2024, 1, 1)


async def ids(connection: Connection) -> dict[str, UUID]:
    return dict(await connection.fetch("select slug, id from network"))


def options(source: reports.Source) -> dict[str, str]:
    return {each.code: each.default for each in source.options}


async def asked(connection: Connection, source: reports.Source, given: tuple[Any, ...]) -> Asked:
    networks, start, end, as_of, known_at = given
    named = await ids(connection)
    return Asked(tuple(named[slug] for slug in networks), start, end, as_of, known_at, options=options(source))


async def make(connection: Connection, network: UUID, found: Lives, at: datetime) -> None:
    """These organisations as members of the network, as if it had been recorded at a moment."""
    for mine in found:
        organisation, membership = uuid4(), uuid4()
        await connection.execute(
            "insert into organisation (id, name, family_id, created_at) values ($1, 'Made', $1, now())", organisation
        )
        await connection.execute(
            "insert into membership (id, organisation_id, network_id, created_at) values ($1, $2, $3, now())",
            membership,
            organisation,
            network,
        )
        await connection.executemany(
            "insert into membership_period (membership_id, network_id, organisation_id, tier, status, origin,"
            " starts_on, ends_on, recorded_at) values ($1, $2, $3, 'partner', $4, 'direct', $5, $6, $7)",
            [
                (membership, network, organisation, "suspended" if held else "active", on(a), on(b), at)
                for a, b, held in mine
            ],
        )


def on(day: int | None) -> date | None:
    return None if day is None else EPOCH + timedelta(days=day)


async def empty_network(connection: Connection) -> UUID:
    network = uuid4()
    await connection.execute(
        "insert into network (id, slug, host_id, kind, names, short, summary)"
        " select $1, 'made-up', host_id, kind, names, short, summary from network where slug = 'nora'",
        network,
    )
    return network
