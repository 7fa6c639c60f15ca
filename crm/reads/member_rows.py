"""The rows of a network's member list on a day, with all it can be asked for: of all its memberships, or of some.

Days are those of the network, half-open; amounts are minor units of its currency. Everything that is read here must say
so when it changes (crm/migrations/sql/member_moves.sql): the list is kept in memory (member_index.py).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from cluster_rules.listings import size_band
from crm import nace
from crm.database import Connection
from crm.reads.known import believed
from crm.reads.member_fees import Payer
from crm.reads.member_query import LEAVING, NONE, Query, Search, State, stretches

AT_A_TIME = 1_000  # rows made before others have their turn

# What was true of the organisation on the day; where nothing is known of that day, what is nearest to it. The level
# that is paid for is that of the membership in its own right, which may be lower than the one it comes to.
_ROWS = """
select s.id, s.organisation_id, s.tier, s.origin, s.state, s.since, s.ends_on, o.name, o.sort_name, o.fields,
    coalesce(c.county, n.county, '') as county, coalesce(c.kind, n.kind, '') as kind,
    coalesce(c.country, n.country, '') as country, coalesce(c.employees, n.employees) as employees,
    coalesce(c.founded_on, n.founded_on) as founded_on, coalesce(c.parent_id, n.parent_id) is not null as unit,
    case s.origin when 'direct' then s.tier when 'both' then (select g.tier from membership_grant g
        where g.membership_id = s.id and g.kind = 'direct' and g.superseded_at is null
        order by (g.starts_on <= {day} and (g.ends_on is null or g.ends_on > {day})) desc, g.starts_on desc limit 1)
    else '' end as paid_tier, a.account_id as responsible
from s join organisation o on o.id = s.organisation_id
left join organisation_profile c on c.organisation_id = s.organisation_id and {current}
    and c.starts_on <= {day} and (c.ends_on is null or c.ends_on > {day})
left join lateral (
    select p.* from organisation_profile p where c.id is null and p.organisation_id = s.organisation_id and {near}
    order by p.starts_on desc limit 1) n on true
left join membership_responsible a on a.membership_id = s.id
order by o.sort_name, s.id
"""
# What is owed of the network's invoices at the end of the day, by who is to pay.
_OWED = """
select i.organisation_id, sum(books.owed)::bigint as owed,
    coalesce(sum(books.owed) filter (where i.due_on < {day}), 0)::bigint as overdue
from (
    select e.invoice_id, sum(e.amount)::bigint as owed
    from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
    where e.host_id = {host} and e.invoice_id is not null and e.account in ('receivable', 'member_credit')
        and e.currency = {currency} and t.on_date <= {day} and {billed}
    group by e.invoice_id having sum(e.amount) > 0
) books join invoice i on i.id = books.invoice_id
where i.kind = 'invoice' and i.issued_on <= {day} and (i.network_id = {network} or i.network_id is null and exists
    (select from charge c join membership m on m.id = c.membership_id
     where c.invoice_id = i.id and m.network_id = {network}))
group by 1
"""
# The day on which the network last wrote to each, or noted that it had spoken with it, by the end of the day.
_CONTACT = """
select organisation_id, max(on_date) as on_date from (
    select m.organisation_id, (m.sent_at at time zone {zone})::date as on_date from mail m
    where m.network_id = {network} and m.sent_at is not null and m.organisation_id is not null and {written} union all
    select n.organisation_id, n.on_date from note n where n.network_id = {network} and n.deleted_at is null
        and n.kind in ('call', 'meeting', 'mail') and {noted}) told
where on_date <= {day} group by 1
"""
_TAGS = (
    "select membership_id, array_agg(tag_id::text) as tags from membership_tag"
    " where network_id = {network} and {marked} group by 1"
)
_ANSWERS = (
    "select membership_id, jsonb_object_agg(field_id, value) as answers from custom_value"
    " where network_id = {network} and {marked} group by 1"
)
_NAMES = (
    "select organisation_id, string_agg(lower(names ->> 'nb'), E'\\n') as names from known_name"
    " where withdrawn_at is null and {theirs} group by 1"
)
_NUMBERS = (
    "select organisation_id, string_agg(lower(value), E'\\n') as numbers from identifier where {theirs} group by 1"
)
_INDUSTRY = (
    "select i.organisation_id, array_agg(distinct code) as codes from identifier i join register_unit u"
    " on u.number = i.value, unnest(u.nace) code where i.scheme = 'no-orgnr' and {theirs} group by 1"
)
# What narrows a statement to some rows, and what stands there where all of the network are read.
_SOME = {
    "marked": "membership_id = any ({ids})",
    "theirs": "organisation_id = any ({some})",
    "written": "m.organisation_id = any ({some})",
    "noted": "n.organisation_id = any ({some})",
    "billed": "e.invoice_id in (select id from invoice where organisation_id = any ({some}))",
}
_ALL = dict.fromkeys(_SOME, "true") | {
    "theirs": "organisation_id in (select organisation_id from membership where network_id = {network})"
}
# Nobody is registered who speaks for it. Of all: by the function that asks the wall once (member_marks.sql).
_UNSPOKEN = "select members_without_contact({network}) as id"
_UNSPOKEN_OF = (
    "select one as id from unnest({some}) one where not exists (select from contact c where c.organisation_id = one)"
)


class Row(Payer, frozen=True, gc=False):
    """A membership on the day: what it shows, and what it is found by.

    `tags`: ids; `work`: the organisation's fields of work; `industry`: NACE sections and divisions; `answers`: id of a
    custom field -> value, as stored; `leaving`: those of LEAVING within which it ends; `names` and `numbers` in small
    letters, one a line.
    """

    id: UUID
    organisation_id: UUID
    name: str
    sort_name: str
    tier: str
    origin: str
    state: State
    ends_on: date | None
    county: str
    size: str
    owed: int
    overdue: int
    responsible: str
    last_contact: date | None
    unspoken: bool
    leaving: tuple[str, ...]
    tags: tuple[str, ...]
    work: tuple[str, ...]
    industry: tuple[str, ...]
    answers: dict[str, Any]
    names: str
    numbers: str


async def read(connection: Connection, s: Search, only: Sequence[UUID] | None = None) -> AsyncIterator[Row]:
    """In the order of names: every membership of the network, or those of these that are; others go on meanwhile."""
    q = Query()
    sql = _rows(q, msgspec.structs.replace(s, only=None if only is None else tuple(only)))
    same: dict[str, str] = {}
    if only is not None:
        found = await connection.fetch(sql, *q.values)
        aside = await _aside(connection, s, found)
        for number, row in enumerate(found, 1):
            yield _made(row, aside, s.day, same)
            if number % AT_A_TIME == 0:
                await asyncio.sleep(0)
        return
    aside = await _aside(connection, s, None)
    async with connection.transaction():
        cursor = await connection.cursor(sql, *q.values)
        while found := await cursor.fetch(AT_A_TIME):  # all at once would be as much memory again as is kept
            for row in found:
                yield _made(row, aside, s.day, same)
            await asyncio.sleep(0)


_NOTHING: dict[str, Any] = {}


class _Aside(msgspec.Struct, gc=False):
    """What is read beside the rows, by membership or by organisation."""

    owed: dict[UUID, tuple[int, int]]
    contact: dict[UUID, date]
    tags: dict[UUID, tuple[str, ...]]
    answers: dict[UUID, dict[str, Any]]
    names: dict[UUID, str]
    numbers: dict[UUID, str]
    industry: dict[UUID, tuple[str, ...]]
    unspoken: set[UUID]


def _rows(q: Query, s: Search) -> str:
    moment = q.put(s.known_at, "timestamptz") if s.known_at else ""
    current, near = (believed(alias, moment, ever=bool(moment)) for alias in ("c", "p"))
    return f"{stretches(q, s)} {_ROWS.format(day=q.put(s.day, 'date'), current=current, near=near)}"


async def _aside(connection: Connection, s: Search, some: Sequence[Any] | None) -> _Aside:
    """Of the whole network, or of some rows."""
    ids = None if some is None else [row["id"] for row in some]
    who = None if some is None else [row["organisation_id"] for row in some]

    values = {
        "network": (s.network, "uuid"),
        "host": (s.host, "uuid"),
        "currency": (s.currency, "text"),
        "day": (s.day, "date"),
        "zone": (s.zone, "text"),
        "ids": (ids, "uuid[]"),
        "some": (who, "uuid[]"),
    }

    async def fetch(sql: str) -> Sequence[Any]:
        for name, said in (_ALL if some is None else _SOME).items():
            sql = sql.replace(f"{{{name}}}", said)
        q = Query()
        return await connection.fetch(sql.format_map(_Named(q, values)), *q.values)

    return _Aside(
        {r["organisation_id"]: (r["owed"], r["overdue"]) for r in await fetch(_OWED)},
        {r["organisation_id"]: r["on_date"] for r in await fetch(_CONTACT)},
        {r["membership_id"]: tuple(r["tags"]) for r in await fetch(_TAGS)},
        {r["membership_id"]: r["answers"] for r in await fetch(_ANSWERS)},
        {r["organisation_id"]: r["names"] for r in await fetch(_NAMES)},
        {r["organisation_id"]: r["numbers"] for r in await fetch(_NUMBERS)},
        {r["organisation_id"]: nace.marks(tuple(r["codes"])) for r in await fetch(_INDUSTRY)},
        {r["id"] for r in await fetch(_UNSPOKEN if who is None else _UNSPOKEN_OF)},
    )


class _Named(dict[str, str]):
    """What a statement names: it becomes a parameter when it is named."""

    def __init__(self, q: Query, values: dict[str, tuple[Any, str]]) -> None:
        super().__init__()
        self.q, self.values_of = q, values

    def __missing__(self, name: str) -> str:
        self[name] = self.q.put(*self.values_of[name])
        return self[name]


def _made(row: Any, aside: _Aside, day: date, same: dict[str, str]) -> Row:
    """`same`: of the words that many have, one is kept."""
    (id_, organisation, tier, origin, state, since, ends_on, name, sort_name, work, county, kind, country, employees,
     founded_on, unit, paid_tier, responsible) = row  # fmt: skip
    known, numbers = aside.names.get(organisation), aside.numbers.get(organisation, "")
    owed, overdue = aside.owed.get(organisation, (0, 0))
    leaving: tuple[str, ...] = ()
    if ends_on is not None and state in ("ending", "active", "suspended"):
        left = (ends_on - day).days
        leaving = tuple(within for within in LEAVING if left <= int(within))
    keep = same.setdefault
    return Row(
        keep(paid_tier, paid_tier), since, keep(kind, kind), keep(country, country), employees, founded_on, unit,
        id_, organisation, name, sort_name, keep(tier, tier), keep(origin, origin), keep(state, state), ends_on,
        keep(county, county), size_band(employees), owed, overdue, str(responsible or NONE),
        aside.contact.get(organisation), organisation in aside.unspoken, leaving,
        tuple(keep(each, each) for each in aside.tags.get(id_, ())), tuple(keep(each, each) for each in work),
        aside.industry.get(organisation, ()),
        aside.answers.get(id_, _NOTHING), f"{name.lower()}\n{known}" if known else name.lower(), numbers,
    )  # fmt: skip
