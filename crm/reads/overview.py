"""What the overview draws besides reports: members by level on some days, networks that share members, what waits.

Unit: an organisation in a network counts once on a day, whatever the number of its grants; active, not suspended.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec

from crm.database import Connection

_ACTIVE = """
{p}.superseded_at is null and {p}.status = 'active' and {p}.starts_on <= {day}
    and ({p}.ends_on is null or {p}.ends_on > {day})
"""


def _active(alias: str, day: str) -> str:
    return _ACTIVE.format(p=alias, day=day)


class Neighbour(msgspec.Struct, frozen=True):
    """Another network that the reader may open: its members, and how many are in both by memberships of their own."""

    network_id: UUID
    members: int
    both: int


class Waiting(msgspec.Struct, frozen=True):
    """What waits besides applications: payments nobody has placed, invoices that did not arrive."""

    loose: int
    lost: int


async def growth(connection: Connection, network: UUID, days: Sequence[date]) -> dict[str, list[int]]:
    """Members of each level at the end of each of the days, which are in order.

    Each stretch is looked at once: it stands on the days after those before it begins, up to those before it ends.
    """
    rows = await connection.fetch(
        "select p.tier, width_bucket(p.starts_on - 1, $2::date[]) as first,"
        " coalesce(width_bucket(p.ends_on - 1, $2::date[]), cardinality($2::date[])) as after, count(*)::int as n"
        " from membership_period p where p.network_id = $1 and p.superseded_at is null and p.status = 'active'"
        " group by 1, 2, 3",
        network,
        list(days),
    )
    out: dict[str, list[int]] = {}
    for row in rows:
        if row["first"] < row["after"]:
            of = out.setdefault(row["tier"], [0] * len(days))
            for place in range(row["first"], row["after"]):
                of[place] += row["n"]
    return out


async def neighbours(connection: Connection, network: UUID, others: Sequence[UUID], day: date) -> dict[UUID, Neighbour]:
    """Of the networks the reader may open: their members, and who is in them and in this one by own memberships."""
    rows = await connection.fetch(
        "select q.network_id, count(*)::int as members, count(*) filter (where q.origin <> 'linked' and exists ("
        "  select from membership_period p where p.organisation_id = q.organisation_id and p.network_id = $1"
        f"  and p.origin <> 'linked' and {_active('p', '$3')}))::int as both"
        f" from membership_period q where q.network_id = any($2) and {_active('q', '$3')} group by 1",
        network,
        list(others),
        day,
    )
    return {row["network_id"]: Neighbour(**dict(row)) for row in rows}


async def outstanding(connection: Connection, network: UUID, host: UUID, days: Sequence[date]) -> dict[str, list[int]]:
    """What was owed of the network's invoices at the end of each day, by currency; as the report on ages says it."""
    rows = await connection.fetch(
        "select d.place, owed.currency, sum(owed.amount)::bigint as amount"
        " from unnest($3::date[]) with ordinality as d (day, place) cross join lateral ("
        "  select e.currency, sum(e.amount) as amount from ledger_entry e"
        "  join ledger_transaction t on t.id = e.transaction_id join invoice i on i.id = e.invoice_id"
        "  where e.host_id = $1 and e.account in ('receivable', 'member_credit') and t.on_date <= d.day"
        "  and (i.network_id = $2 or i.network_id is null and exists (select from charge c"
        "    join membership m on m.id = c.membership_id where c.invoice_id = i.id and m.network_id = $2))"
        "  group by e.invoice_id, e.currency having sum(e.amount) > 0) owed group by 1, 2",
        host,
        network,
        list(days),
    )
    out: dict[str, list[int]] = {}
    for row in rows:
        out.setdefault(row["currency"], [0] * len(days))[row["place"] - 1] = row["amount"]
    return out


async def waiting(connection: Connection, network: UUID, host: UUID) -> Waiting:
    """How much of other things waits for somebody who keeps the books."""
    row = await connection.fetchrow(
        "select (select count(*) from (select from ledger_entry where host_id = $1 and account = 'suspense'"
        "   group by payment_id having sum(amount) <> 0) s)::int as loose,"
        " (select count(*) from (select distinct on (v.invoice_id) v.status from invoice_delivery v"
        "   join invoice i on i.id = v.invoice_id where i.host_id = $1 and i.network_id = $2"
        "   order by v.invoice_id, v.created_at desc, v.id) n where n.status in ('failed', 'rejected'))::int as lost",
        host,
        network,
    )
    return Waiting(**dict(row))
