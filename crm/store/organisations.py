"""Organisations: found by strong identifiers, made once, never overwritten by an application."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID, uuid4

from crm.database import Connection
from crm.errors import Refused
from crm.forms import ContactForm, IdentifierForm, OrganisationForm


async def find(connection: Connection, identifiers: Sequence[IdentifierForm]) -> UUID | None:
    """The organisation with any of these identifiers; Refused when they point to different ones.

    An organisation that has become part of another leads to that one.
    """
    if not identifiers:
        return None
    rows = await connection.fetch(
        "with recursive found as (select i.organisation_id as id from identifier i"
        " join unnest($1::text[], $2::text[]) as wanted(scheme, value) using (scheme, value)"
        " union select o.merged_into_id from found join organisation o using (id)"
        " where o.merged_on <= current_date) select distinct id as organisation_id from found"
        " join organisation o using (id) where o.merged_on is null or o.merged_on > current_date",
        [i.scheme for i in identifiers],
        [i.value for i in identifiers],
    )
    if len(rows) > 1:
        raise Refused("identifiers_conflict", "organisation.identifiers")
    return rows[0]["organisation_id"] if rows else None


async def add(connection: Connection, form: OrganisationForm, known_from: date, parent: UUID | None = None) -> UUID:
    """A new organisation with its profile and identifiers.

    Two of the same identifier at the same moment: the unique constraint lets one in, the other
    caller gets Refused `organisation_known`.
    """
    new = uuid4()
    await connection.execute(
        "insert into organisation (id, name, family_id, website, fields, created_at)"
        " values ($1, $2, $3, $4, '[]', now())",
        new,
        form.name,
        parent or new,
        form.website,
    )
    await connection.execute(
        "insert into organisation_profile (id, organisation_id, name, kind, country, municipality, county,"
        " employees, employees_as_of, founded_on, parent_id, starts_on, recorded_at)"
        " values ($1, $2, $3, $4, $5, '', '', $6, $7, $8, $9, $7, now())",
        uuid4(),
        new,
        form.name,
        form.kind,
        form.country,
        form.employees,
        known_from,
        form.founded_on,
        parent,
    )
    for identifier in form.identifiers:
        stored = await connection.fetchval(
            "insert into identifier (id, organisation_id, scheme, value) values ($1, $2, $3, $4)"
            " on conflict (scheme, value) do nothing returning id",
            uuid4(),
            new,
            identifier.scheme,
            identifier.value,
        )
        if stored is None:
            raise Refused("organisation_known", "organisation.identifiers", scheme=identifier.scheme)
    return new


async def employ(connection: Connection, person: UUID, employer: UUID, since: date | None = None) -> None:
    """A person works for an organisation: a relation that is shown and counted, and gives nobody a membership."""
    await connection.execute(
        "insert into employer (id, organisation_id, employer_id, starts_on, recorded_at) values ($1, $2, $3, $4, now())"
        " on conflict (organisation_id, employer_id) where superseded_at is null do nothing",
        uuid4(),
        person,
        employer,
        since,
    )


async def leave(connection: Connection, person: UUID, employer: UUID) -> bool:
    """The person does not work there any more, as far as we are told; False when it was not told before."""
    done = await connection.execute(
        "update employer set superseded_at = now() where organisation_id = $1 and employer_id = $2"
        " and superseded_at is null",
        person,
        employer,
    )
    return done != "UPDATE 0"


async def add_contact(connection: Connection, organisation: UUID, contact: ContactForm, language: str) -> None:
    """The person who speaks for it; the same e-mail address is not stored twice."""
    await connection.execute(
        "insert into contact (id, organisation_id, name, email, role, language, main, created_at)"
        " select $1, $2, $3, $4, $5, $6, not exists (select 1 from contact where organisation_id = $2), now()"
        " where not exists (select 1 from contact where organisation_id = $2 and email = $4)",
        uuid4(),
        organisation,
        contact.name,
        contact.email,
        contact.role,
        language,
    )


async def networks(
    connection: Connection, organisation: UUID, among: Iterable[UUID] | None = None, applied: bool = True
) -> list[UUID]:
    """The networks that an organisation is or was a member of, or (`applied`) applied to, in order.

    `among`: only of these.
    """
    rows = await connection.fetch(
        "select network_id from membership where organisation_id = $1 union"
        " select network_id from application where organisation_id = $1 and $2 order by 1",
        organisation,
        applied,
    )
    found = [row["network_id"] for row in rows]
    wanted = set(found) if among is None else set(among)
    return [network for network in found if network in wanted]


async def name(connection: Connection, organisation: UUID) -> str | None:
    """What it is called now; None when there is no such organisation."""
    return await connection.fetchval("select name from organisation where id = $1", organisation)
