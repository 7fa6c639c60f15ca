"""Labels, programmes and agreements of a network that end, and which of them its managers were told of ahead."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.store.mail import Recipient


class Ending(msgspec.Struct, frozen=True):
    """One that ends: its name by language (a label's in all of them), half-open `ends_on`."""

    kind: Literal["label", "agreement"]
    id: UUID
    names: dict[str, str]
    ends_on: date


# What somebody has told of anew under the same name with a later end, or none, is not at its end.
_ENDING = """
select 'label' as kind, l.id, jsonb_build_object('nb', trim(l.name || ' ' || l.level)) as names, l.expires_on as ends_on
from label l where l.network_id = $1 and l.superseded_at is null and l.expires_on > $2 and l.expires_on <= $3
    and not exists (select from label n where n.network_id = $1 and n.superseded_at is null and n.kind = l.kind
        and lower(n.name) = lower(l.name) and n.issued_on <= l.expires_on
        and (n.expires_on is null or n.expires_on > l.expires_on))
union all
select 'agreement', a.id, a.names, a.ends_on from agreement a
where $1 in (a.source_network_id, a.target_network_id) and a.ends_on > $2 and a.ends_on <= $3
    and not exists (select from agreement n where n.source_network_id = a.source_network_id
        and n.target_network_id = a.target_network_id and n.id <> a.id and n.starts_on <= a.ends_on
        and (n.ends_on is null or n.ends_on > a.ends_on))
order by ends_on, kind, id
"""


async def ending(connection: Connection, network: UUID, after: date, until: date) -> list[Ending]:
    """Those with an end after the one day and until the other, what ends first on top."""
    return [Ending(**dict(row)) for row in await connection.fetch(_ENDING, network, after, until)]


async def tell(
    connection: Connection, network: UUID, found: Sequence[tuple[Ending, int]], now: datetime
) -> list[tuple[Ending, int]]:
    """Note that these are told, so many days ahead; those of them that nobody has noted before."""
    rows = await connection.fetch(
        "insert into ending_notice (network_id, kind, subject_id, ends_on, days, told_at)"
        " select $1, kind, id, ends_on, days, $6 from unnest($2::text[], $3::uuid[], $4::date[], $5::int[])"
        " as e (kind, id, ends_on, days) on conflict (network_id, subject_id, ends_on, days) do nothing"
        " returning subject_id",
        network,
        [each.kind for each, _ in found],
        [each.id for each, _ in found],
        [each.ends_on for each, _ in found],
        [days for _, days in found],
        now,
    )
    new = {row["subject_id"] for row in rows}
    return [(each, days) for each, days in found if each.id in new]


async def in_charge(connection: Connection, network: UUID) -> list[Recipient]:
    """The network's managers and those in charge of its host, each address once."""
    rows = await connection.fetch(
        "select distinct on (a.email) a.email, a.name, a.language from role r join account a on a.id = r.account_id"
        " join network n on n.id = $1 where (r.role = 'manager' and r.network_id = n.id)"
        " or (r.role = 'host_admin' and r.host_id = n.host_id) order by a.email",
        network,
    )
    return [Recipient(row["email"], row["name"], row["language"]) for row in rows]
