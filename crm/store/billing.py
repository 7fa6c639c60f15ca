"""Billing details of organisations: one row each, made by the first invoice at the latest (and the customer number)."""

from uuid import UUID

import msgspec

from crm.database import Connection


class Details(msgspec.Struct, frozen=True):
    """Where invoices go. `peppol_id` is scheme and number (0192:971035854), empty for who takes no e-invoices."""

    email: str = ""
    name: str = ""
    language: str = ""
    buyer_reference: str = ""
    peppol_id: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""


async def store(connection: Connection, organisation: UUID, details: Details) -> None:
    """Replace an organisation's details."""
    names = Details.__struct_fields__
    places = ", ".join(f"${n}" for n in range(2, len(names) + 2))
    changes = ", ".join(f"{name} = excluded.{name}" for name in names)
    await connection.execute(
        f"insert into billing (organisation_id, {', '.join(names)}, updated_at) values ($1, {places}, now())"
        f" on conflict (organisation_id) do update set {changes}, updated_at = now()",
        organisation,
        *msgspec.structs.astuple(details),
    )


async def known(connection: Connection, organisation: UUID) -> tuple[str, Details]:
    """(the organisation's name, its details); nothing but empty texts where none are stored."""
    columns = ", ".join(f"coalesce(b.{name}, '') as {name}" for name in Details.__struct_fields__)
    row = await connection.fetchrow(
        f"select o.name as of, {columns} from organisation o left join billing b on b.organisation_id = o.id"
        " where o.id = $1",
        organisation,
    )
    values = dict(row)
    return values.pop("of"), Details(**values)


async def networks_of(connection: Connection, organisation: UUID) -> frozenset[UUID]:
    """The networks that an organisation, or a unit it pays for, is or was a member of."""
    rows = await connection.fetch(
        "select distinct m.network_id from membership m join organisation o on o.id = m.organisation_id"
        " where o.id = $1 or o.family_id = $1",
        organisation,
    )
    return frozenset(row["network_id"] for row in rows)
