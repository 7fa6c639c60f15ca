"""Labels, programmes and agreements of a network that end soon or have ended lately, behind the wall."""

from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.reads.labels import EXPIRING_MONTHS

AGREEMENT_DAYS = 90  # ahead; labels take longer to renew
PAST_MONTHS = 12  # after that nobody is reminded any more


class Ending(msgspec.Struct, frozen=True):
    """One that ends or has ended: its name by language, half-open `ends_on`."""

    kind: Literal["label", "agreement"]
    names: dict[str, str]
    ends_on: date


# What was told anew under the same name with a later end, or none, goes on; an agreement whose end was decided is over.
_NEAR = """
select 'label' as kind, jsonb_build_object('nb', trim(l.name || ' ' || l.level)) as names, l.expires_on as ends_on
from label l where l.network_id = $1 and l.superseded_at is null and l.issued_on <= $2
    and l.expires_on > ($2 - make_interval(months => $4))::date
    and l.expires_on <= ($2 + make_interval(months => $3))::date
    and not exists (select from label n where n.network_id = $1 and n.superseded_at is null and n.kind = l.kind
        and lower(n.name) = lower(l.name) and n.issued_on <= l.expires_on
        and (n.expires_on is null or n.expires_on > l.expires_on))
union all
select 'agreement', a.names, a.ends_on from agreement a
where $1 in (a.source_network_id, a.target_network_id) and a.ends_on <= $2 + $5::int
    and a.ends_on > ($2 - make_interval(months => $4))::date
    and not exists (select from agreement n where n.source_network_id = a.source_network_id
        and n.target_network_id = a.target_network_id and n.id <> a.id and n.starts_on <= a.ends_on
        and (n.ends_on is null or n.ends_on > a.ends_on))
    and (a.ends_on > $2 or 'agreement_ending' is distinct from (select u.action from audit u where u.subject_id = a.id
        and u.network_id = $1 and u.action in ('agreement_ending', 'agreement_goes_on') order by u.seq desc limit 1))
order by ends_on, kind, names
"""


async def near(connection: Connection, network: UUID, day: date) -> list[Ending]:
    """What ends first on top, those that have ended before them."""
    rows = await connection.fetch(_NEAR, network, day, EXPIRING_MONTHS, PAST_MONTHS, AGREEMENT_DAYS)
    return [Ending(**dict(row)) for row in rows]
