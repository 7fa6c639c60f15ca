"""Reference data and history as bulk rows, for imports: what is there already stays as it is."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid5

import msgspec

from cluster_rules.memberships import Decision
from cluster_rules.networks import Rulebook
from crm.actor import Actor
from crm.database import Connection
from crm.folder import (
    AgreementRow,
    ContactRow,
    FolderError,
    HostRow,
    NetworkFileRow,
    OrganisationRow,
)
from crm.folder_checks import Known
from crm.store.organisations import employ

# Ids of imported things come from their keys in the file, so that importing twice changes nothing.
_HOST = tuple(name for name in HostRow.__struct_fields__ if name != "organisation")
IMPORTED = UUID("6b6c796e-6765-5000-8000-000000000001")


def id_of(kind: str, key: str) -> UUID:
    """The id an imported thing has, made from its kind and key."""
    return uuid5(IMPORTED, f"{kind}/{key}")


async def measure(connection: Connection) -> None:
    """Let the planner know what was loaded: for a table it takes to be empty it would read all of it, every time."""
    await connection.execute(
        "analyze organisation, organisation_profile, identifier, contact, membership, membership_decision,"
        " membership_grant, membership_period, feed, mail"
    )


async def known(connection: Connection, identifiers: Iterable[dict[str, str]]) -> Known:
    """What is stored that rows of a folder may refer to, or must not take."""
    pairs = [pair for each in identifiers for pair in each.items()]
    rows = await connection.fetch(
        "select i.scheme, i.value, i.organisation_id from identifier i"
        " join unnest($1::text[], $2::text[]) as g (scheme, value) using (scheme, value)",
        [scheme for scheme, _ in pairs],
        [value for _, value in pairs],
    )
    return Known(
        hosts=frozenset(row["code"] for row in await connection.fetch("select code from host")),
        networks=frozenset(row["slug"] for row in await connection.fetch("select slug from network")),
        identifiers={(row["scheme"], row["value"]): row["organisation_id"] for row in rows},
    )


async def add_hosts(connection: Connection, rows: Iterable[HostRow]) -> None:
    """Hosts by code."""
    await connection.executemany(
        f"insert into host (id, {', '.join(_HOST)}) values ($1, {', '.join(f'${n}' for n in range(2, len(_HOST) + 2))})"
        " on conflict (code) do nothing",
        [(id_of("host", r.code), *(getattr(r, name) for name in _HOST)) for r in rows],
    )


async def add_networks(connection: Connection, rows: Iterable[NetworkFileRow]) -> None:
    """Networks by slug; a parent comes before its children in the file."""
    for r in rows:
        await connection.execute(
            "insert into network (id, slug, host_id, parent_id, kind, colour, names, short, summary, website,"
            " aliases, founded, time_zone, offices) select $1, $2, h.id, (select id from network where slug = $4), $5,"
            " $6, $7, $8, $9, $10, $11, $12, $13, $14 from host h where h.code = $3 on conflict (slug) do nothing",
            id_of("network", r.slug),
            r.slug,
            r.host,
            r.parent,
            r.kind,
            r.colour,
            r.names,
            r.short,
            r.summary,
            r.website,
            r.aliases,
            r.founded,
            r.time_zone,
            msgspec.to_builtins(r.offices),
        )


async def add_agreements(connection: Connection, rows: Iterable[AgreementRow]) -> list[AgreementRow]:
    """Agreements by code, between two networks; which ones are new."""
    new = []
    for r in rows:
        made = await connection.fetchval(
            "insert into agreement (id, code, source_network_id, target_network_id, names, starts_on, ends_on, on_end,"
            " notice_days, shared_fields, purpose, legal_basis) select $1, $2, s.id, t.id, $5, $6, $7, $8, $9, $10,"
            " $11, $12 from network s, network t where s.slug = $3 and t.slug = $4 on conflict (code) do nothing"
            " returning id",
            id_of("agreement", r.code),
            r.code,
            r.source,
            r.target,
            r.names,
            r.starts_on,
            r.ends_on,
            r.on_end,
            r.notice_days,
            r.shared_fields,
            r.purpose,
            r.legal_basis,
        )
        if made:
            new.append(r)
    return new


async def add_rulebook(connection: Connection, book: Rulebook, body: dict[str, Any], actor: Actor) -> bool:
    """One published version; False when it is there already. The same version with another text is refused."""
    before = await connection.fetchval(
        "select r.body from rulebook r join network n on n.id = r.network_id where n.slug = $1 and r.version = $2",
        book.network,
        book.version,
    )
    if before is not None:
        if msgspec.convert(before, Rulebook) != book:
            file = f"rulebook of {book.network} version {book.version}"
            raise FolderError(file, 0, "version", "is published with another text: give the new one a new version")
        return False
    await connection.execute(
        "insert into rulebook (id, network_id, version, effective_from, body, published_at, published_by)"
        " select $1, n.id, $3, $4, $5, now(), $6 from network n where n.slug = $2",
        id_of("rulebook", f"{book.network}/{book.version}"),
        book.network,
        book.version,
        book.effective_from,
        body,
        actor.name,
    )
    return True


async def add_organisations(
    connection: Connection, rows: Sequence[tuple[OrganisationRow, dict[str, str], Any]]
) -> list[UUID]:
    """Organisations with profile and identifiers; each row with its checked identifiers and first day.

    Returns the ids that are new. A parent comes before its units in the file.
    """
    new = []
    for r, identifiers, known_from in rows:
        wanted = id_of("organisation", r.key)
        above = id_of("organisation", r.parent_key) if r.parent_key else None
        parent = above if r.kind != "person" else None  # a person is no unit of the employer
        made = await connection.fetchval(
            "insert into organisation (id, name, family_id, website, fields, created_at)"
            " values ($1, $2, coalesce((select family_id from organisation where id = $3), $1), $4, $5, now())"
            " on conflict (id) do nothing returning id",
            wanted,
            r.name,
            parent,
            r.website,
            [f for f in r.fields.split(";") if f],
        )
        if made is None:
            continue
        new.append(wanted)
        await connection.execute(
            "insert into organisation_profile (id, organisation_id, name, kind, country, municipality, county,"
            " employees, employees_as_of, founded_on, parent_id, starts_on, recorded_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now())",
            id_of("profile", r.key),
            wanted,
            r.legal_name or r.name,
            r.kind,
            r.country,
            r.municipality,
            r.county,
            r.employees,
            r.as_of if r.employees is not None else None,
            r.founded_on,
            parent,
            known_from,
        )
        await connection.executemany(
            "insert into identifier (id, organisation_id, scheme, value) values ($1, $2, $3, $4)",
            [(id_of("identifier", f"{s}/{v}"), wanted, s, v) for s, v in identifiers.items()],
        )
        if r.kind == "person" and above:
            await employ(connection, wanted, above)
    return new


async def add_contacts(connection: Connection, rows: Iterable[ContactRow]) -> None:
    """The first contact of an organisation is its main one."""
    seen: set[str] = set()
    for r in rows:
        await connection.execute(
            "insert into contact (id, organisation_id, name, email, role, language, main, created_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, now()) on conflict (id) do nothing",
            id_of("contact", f"{r.organisation_key}/{r.email}"),
            id_of("organisation", r.organisation_key),
            r.name,
            r.email,
            r.role,
            r.language,
            r.organisation_key not in seen,
        )
        seen.add(r.organisation_key)


async def add_decisions(
    connection: Connection, rows: Sequence[Decision], networks: dict[str, UUID], actor: Actor
) -> int:
    """Decisions of the past with their memberships; returns how many were new."""
    await connection.executemany(
        "insert into membership (id, organisation_id, network_id, created_at) values ($1, $2, $3, now())"
        " on conflict (organisation_id, network_id) do nothing",
        [(id_of("membership", f"{d.organisation}/{d.network}"), d.organisation, networks[d.network]) for d in rows],
    )
    before = await connection.fetchval("select count(*) from membership_decision")
    await connection.executemany(
        "insert into membership_decision (id, membership_id, kind, effective_on, until_on, tier, reason, actor,"
        " channel, recorded_at) select $1, m.id, $4, $5, $6, $7, $8, $9, $10, $11 from membership m"
        " where m.organisation_id = $2 and m.network_id = $3 on conflict (id) do nothing",
        [
            (
                d.id,
                d.organisation,
                networks[d.network],
                d.kind,
                d.effective_on,
                d.until,
                d.tier,
                d.reason,
                actor.name,
                actor.channel,
                d.recorded_at,
            )
            for d in rows
        ],
    )
    return int(await connection.fetchval("select count(*) from membership_decision")) - int(before)
