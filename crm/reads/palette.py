"""What the palette finds while somebody types: members, people, applications and invoices the reader may see.

Behind the wall (`reading(...)`). Every statement goes by an index and stops at `MOST` rows, so that an answer takes
milliseconds however many members there are. Amounts are minor units.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from crm.database import Connection

MOST = 6
CANDIDATES = 40  # names that fit, before those that begin with the text are put first
SHORTEST_INSIDE = 3  # fewer letters are looked for at the beginning of a name: no index knows them inside
DIGITS = 18  # of a number
KID_DIGITS = 25


class Member(msgspec.Struct, frozen=True):
    """A member or former member: the newest stretch of its membership, in the open network where it has one."""

    organisation_id: UUID
    membership_id: UUID
    network_id: UUID
    name: str
    tier: str


class Person(msgspec.Struct, frozen=True):
    """Somebody who speaks for a member."""

    organisation_id: UUID
    network_id: UUID
    organisation: str
    name: str
    role: str


class Application(msgspec.Struct, frozen=True):
    """An application that waits, with its applicant's name."""

    id: UUID
    network_id: UUID
    reference: str
    name: str
    tier: str


class Invoice(msgspec.Struct, frozen=True):
    """An issued document."""

    id: UUID
    network_id: UUID
    kind: str
    number: str
    organisation: str
    currency: str
    gross: int


# $1 the text as a pattern (or where it begins, and what is above it), $2 networks, $3 the open network
_MEMBERS = """
select o.id as organisation_id, p.membership_id, p.network_id, o.name, p.tier
from (select id, name, sort_name from organisation where {fits} order by sort_name limit {most}) o
join lateral (
    select membership_id, network_id, tier from membership_period
    where organisation_id = o.id and network_id = any($2) and superseded_at is null
    order by network_id is distinct from $3, starts_on desc limit 1
) p on true
order by o.name not ilike $4, p.network_id is distinct from $3, o.sort_name, o.id limit {rows}
"""
_INSIDE = "lower(name) like $1 and exists (select from membership m where m.organisation_id = organisation.id and"
_INSIDE += " m.network_id = any($2))"
_BEGINS = "sort_name >= $1 and sort_name < $1 || '~' and exists (select from membership m"
_BEGINS += " where m.organisation_id = organisation.id and m.network_id = any($2))"
_NUMBERED = "id in (select i.organisation_id from identifier i where i.scheme = 'no-orgnr' and i.value = $1)"
_INVOICES = """
select i.id, i.kind, i.series || '-' || i.number as number, o.name as organisation, i.currency, w.network_id,
    case i.kind when 'credit_note' then -i.gross else i.gross end as gross
from (
    (select id from invoice where host_id = any($1) and number = $3 and status = 'issued' limit $6)
    union (select id from invoice where host_id = any($1) and kid >= $4 and kid <= rpad($4, {kid}, '9')
        and $4 <> '' and status = 'issued' limit $6)
    union (select id from invoice where host_id = any($1) and gross between $5 and $7 and status = 'issued' limit $6)
) found join invoice i on i.id = found.id join organisation o on o.id = i.organisation_id
cross join lateral (
    select coalesce(i.network_id, (select m.network_id from charge c join membership m on m.id = c.membership_id
        where c.invoice_id = i.id and m.network_id = any($2) limit 1)) as network_id
) w
where w.network_id = any($2) order by i.issued_on desc, i.number desc limit $6
"""


async def members(
    connection: Connection, text: str, networks: Sequence[UUID], here: UUID | None, most: int = MOST
) -> list[Member]:
    """Members by a part of their name or by their organisation number; those whose name begins so come first."""
    squeezed = text.replace(" ", "")
    if squeezed.isdecimal() and len(squeezed) == len("999999999"):
        fits, first = _NUMBERED, squeezed
    elif len(text) < SHORTEST_INSIDE:
        fits, first = _BEGINS, text.lower()
    else:
        fits, first = _INSIDE, f"%{_escaped(text.lower())}%"
    statement = _MEMBERS.format(fits=fits, most=CANDIDATES, rows=most)
    rows = await connection.fetch(statement, first, list(networks), here, f"{_escaped(text)}%")
    return [Member(**dict(row)) for row in rows]


async def people(connection: Connection, text: str, most: int = MOST) -> list[Person]:
    """Contacts of members, by a part of their name; nobody for fewer than three letters."""
    if len(text) < SHORTEST_INSIDE:
        return []
    rows = await connection.fetch("select * from palette_people($1, $2)", f"%{_escaped(text.lower())}%", most)
    return [Person(**dict(row)) for row in rows]


async def applications(
    connection: Connection, text: str, networks: Sequence[UUID], most: int = MOST
) -> list[Application]:
    """Applications that wait, the oldest first: all of them, or by applicant or reference."""
    rows = await connection.fetch(
        "select id, network_id, reference, answers -> 'organisation' ->> 'name' as name, tier from application"
        " where network_id = any($1) and status in ('sent', 'info_needed', 'payment_due')"
        " and ($2 = '%%' or answers -> 'organisation' ->> 'name' ilike $2 or reference ilike $2)"
        " order by status <> 'sent', submitted_at, id limit $3",
        list(networks),
        f"%{_escaped(text)}%",
        most,
    )
    return [Application(**dict(row)) for row in rows]


async def invoices(
    connection: Connection,
    hosts: Sequence[UUID],
    networks: Sequence[UUID],
    number: str,
    amount: tuple[int, int] | None,
    most: int = MOST,
) -> list[Invoice]:
    """Issued invoices and credit notes by their number, by the beginning of their KID, or by what they come to,
    from one amount to another."""
    digits = number if number.isdecimal() else ""
    rows = await connection.fetch(
        _INVOICES.format(kid=KID_DIGITS),
        list(hosts),
        list(networks),
        int(digits) if digits and len(digits) <= DIGITS else None,
        digits if len(digits) > SHORTEST_INSIDE else "",
        amount[0] if amount else None,
        most,
        amount[1] if amount else None,
    )
    return [Invoice(**dict(row)) for row in rows]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
