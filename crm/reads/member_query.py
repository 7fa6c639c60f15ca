"""The member list as SQL: one row per membership on a day, the filters as groups, and what stands in for each of them.

A group of filters lets a row through when any of its values fits. `fails` has one bit for each group that does not let
the row through: 0 is a row of the list; a facet counts the rows that nothing but its own group keeps out. Days are
those of the network; amounts are minor units of the network's currency.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from crm.reads.known import believed
from crm.reads.member_fees import Prices

State = Literal["active", "ending", "suspended", "pending", "ended"]
STATES: tuple[State, ...] = ("active", "ending", "suspended", "pending", "ended")
CURRENT = STATES[:4]  # what the list shows today unless it is asked for the ended, too
THEN = STATES[:3]  # on another day: not those who were to join later
ORIGINS = ("direct", "linked", "both")
SIZES = ("1-9", "10-49", "50-249", "250")
BALANCES = ("open", "overdue")
LEAVING = ("30", "90", "365")  # days until the end that is known
NONE = "none"  # no tag, nobody responsible, no contact, no answer
# The groups in the order of their bits; custom fields follow, each a group of its own.
GROUPS = (
    *("tier", "state", "origin", "kind", "size", "county", "country", "field", "tag", "balance", "leaving"),
    *("contact", "responsible"),
)


class Filters(msgspec.Struct, frozen=True):
    """What the address of the list asks for. `picked`: group -> values, nothing picked = everything.

    `fields`: code of a custom field -> what is asked of it: values (`{"is": (...)}`) or bounds (`{"from", "to"}`) or a
    part of a text (`{"has"}`). `joined_to` is the last day. `standing`: the states the list has unless it is asked.
    """

    text: str = ""
    picked: Mapping[str, tuple[str, ...]] = {}
    fields: Mapping[str, Mapping[str, Any]] = {}
    joined_from: date | None = None
    joined_to: date | None = None
    standing: tuple[str, ...] = CURRENT

    def of(self, group: str) -> tuple[str, ...]:
        """What is picked in a group."""
        return self.picked.get(group, ())

    @property
    def states(self) -> tuple[str, ...]:
        """The states that are shown."""
        return self.of("state") or self.standing


class Field(msgspec.Struct, frozen=True):
    """A custom field as the list asks for it."""

    id: UUID
    code: str
    kind: str


class Search(msgspec.Struct, frozen=True):
    """Where and when: network, its host and currency, tiers from the highest down, as known at a moment (None: now).

    `prices`: the rules that say what members pay, without them no fee is known; `fees` (`alike` -> amount) only where
    the order is by fee: elsewhere fewer are worked out, and by Python.
    `only`: of these memberships alone.
    """

    network: UUID
    host: UUID
    currency: str
    day: date
    tiers: Sequence[str]
    filters: Filters = Filters()
    known_at: datetime | None = None
    fields: Sequence[Field] = ()
    prices: Prices | None = None
    fees: Mapping[str, int | None] = {}
    only: tuple[UUID, ...] | None = None
    zone: str = "Europe/Oslo"


class Query:
    """A statement under construction: values get their numbers as they are named."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def put(self, value: Any, kind: str = "") -> str:
        """The value's parameter."""
        self.values.append(value)
        return f"${len(self.values)}" + (f"::{kind}" if kind else "")


# One row per membership: the stretch that covers the day; else the next one; else the last one.
_SHOWN = """
select distinct on (p.membership_id)
    p.membership_id as id, p.organisation_id, p.tier, p.origin,
    min(p.starts_on) over whole as since,
    case when bool_or(p.ends_on is null) over whole then null else max(p.ends_on) over whole end as ends_on,
    coalesce(array_position({tiers}, p.tier::text), 99) as place,
    case when p.starts_on > {day} then 'pending'
         when p.ends_on <= {day} then 'ended'
         when p.status = 'suspended' then 'suspended'
         when bool_and(p.ends_on is not null) over whole then 'ending'
         else 'active' end as state
from membership_period p
where p.network_id = {network} and {stands} and {only}
window whole as (partition by p.membership_id)
order by p.membership_id, (p.starts_on <= {day} and (p.ends_on is null or p.ends_on > {day})) desc,
         (p.starts_on > {day}) desc, case when p.starts_on > {day} then p.starts_on end, p.starts_on desc
"""
# What is owed of the network's invoices at the end of the day, by who is to pay.
_OWED = """
select i.organisation_id, sum(books.owed)::bigint as owed,
    coalesce(sum(books.owed) filter (where i.due_on < {day}), 0)::bigint as overdue
from (
    select e.invoice_id, sum(e.amount)::bigint as owed
    from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
    where e.host_id = {host} and e.invoice_id is not null and e.account in ('receivable', 'member_credit')
        and e.currency = {currency} and t.on_date <= {day}
    group by e.invoice_id having sum(e.amount) > 0
) books join invoice i on i.id = books.invoice_id
where i.kind = 'invoice' and i.issued_on <= {day} and (i.network_id = {network} or i.network_id is null and exists
    (select from charge c join membership m on m.id = c.membership_id
     where c.invoice_id = i.id and m.network_id = {network}))
group by 1
"""
# What was true of the organisation on the day; where nothing is known of that day, what is nearest to it.
_FACTS = """
left join organisation_profile c on c.organisation_id = s.organisation_id and {current}
    and c.starts_on <= {day} and (c.ends_on is null or c.ends_on > {day})
left join lateral (
    select p.* from organisation_profile p where c.id is null and p.organisation_id = s.organisation_id and {near}
    order by p.starts_on desc limit 1) n on true
"""
_BAND = (
    "case when coalesce(c.employees, n.employees) is null then '' when coalesce(c.employees, n.employees) < 10"
    " then '1-9' when coalesce(c.employees, n.employees) < 50 then '10-49'"
    " when coalesce(c.employees, n.employees) < 250 then '50-249' else '250' end"
)
# The level that is paid for: that of the membership in its own right, which may be lower than the one it comes to.
_PAID = """
case s.origin when 'direct' then s.tier when 'both' then (select g.tier from membership_grant g
    where g.membership_id = s.id and g.kind = 'direct' and g.superseded_at is null
    order by (g.starts_on <= {day} and (g.ends_on is null or g.ends_on > {day})) desc, g.starts_on desc limit 1)
else '' end
"""


def rows(q: Query, s: Search) -> str:
    """The common table expressions up to `f`: every membership of the network that the text finds, with its `fails`."""
    day = q.put(s.day, "date")
    network = q.put(s.network, "uuid")
    moment = q.put(s.known_at, "timestamptz") if s.known_at else ""
    near = {alias: believed(alias, moment, ever=bool(moment)) for alias in ("p", "c")}
    owed = _OWED.format(day=day, network=network, host=q.put(s.host, "uuid"), currency=q.put(s.currency, "text"))
    facts = _FACTS.format(current=near["c"], near=near["p"], day=day)
    fee, priced = _fee(q, s)
    return f"""
{stretches(q, s)}, owed as materialized ({owed}),
r as (
    select s.*, o.name, o.sort_name, o.fields, coalesce(c.county, n.county, '') as county,
        coalesce(c.kind, n.kind, '') as kind, coalesce(c.country, n.country, '') as country, {_BAND} as size,
        coalesce(c.employees, n.employees) as employees, coalesce(c.founded_on, n.founded_on) as founded_on,
        coalesce(c.parent_id, n.parent_id) as parent_id, {_PAID.format(day=day)} as paid_tier,
        coalesce(w.owed, 0) as owed, coalesce(w.overdue, 0) as overdue, a.account_id as responsible
    from s join organisation o on o.id = s.organisation_id {facts}
    left join owed w on w.organisation_id = s.organisation_id
    left join membership_responsible a on a.membership_id = s.id
    where {_text(q, s.filters)} and {_joined(q, s.filters)}
),
f as materialized (select r.*, {fee} as fee, {_fails(q, s, day)} as fails from r {priced})
"""


def stretches(q: Query, s: Search) -> str:
    """`s` alone: one row per membership, with its level, origin and state on the day."""
    moment = q.put(s.known_at, "timestamptz") if s.known_at else ""
    shown = _SHOWN.format(
        tiers=q.put(list(s.tiers), "text[]"),
        day=q.put(s.day, "date"),
        network=q.put(s.network, "uuid"),
        stands=believed("p", moment, ever=bool(moment)),
        only=f"p.membership_id = any ({q.put(list(s.only), 'uuid[]')})" if s.only is not None else "true",
    )
    return f"with s as materialized ({shown})"


def bit(place: int) -> int:
    """The bit of a group."""
    return 1 << place


def groups(s: Search) -> list[str]:
    """All groups in the order of their bits."""
    return [*GROUPS, *(f"f.{each.code}" for each in s.fields)]


def _fee(q: Query, s: Search) -> tuple[str, str]:
    """The fee's expression, and the join that brings it."""
    if not s.fees:
        return "null::bigint", ""
    known, amounts = q.put(list(s.fees), "text[]"), q.put(list(s.fees.values()), "bigint[]")
    return "k.fee", f"left join unnest({known}, {amounts}) as k (alike, fee) on k.alike = {alike(q, s)}"


def alike(q: Query, s: Search) -> str:
    """One text for all who pay alike, of a row `r` (`member_fees.Prices.of` reads it)."""
    turns = q.put(list(s.prices.turns) if s.prices else [], "date[]")
    return (
        f"concat_ws('|', coalesce(r.paid_tier, ''), width_bucket(r.since, {turns}), r.kind, r.country,"
        " coalesce(r.employees, -1), coalesce(r.founded_on, date '0002-01-01'), r.parent_id is not null)"
    )


def _text(q: Query, wanted: Filters) -> str:
    text = wanted.text.strip()
    if not text:
        return "true"
    plain = text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    name, number = q.put(f"%{plain}%", "text"), q.put(f"%{plain.replace(' ', '')}%", "text")
    return (
        f"(o.name ilike {name} or exists (select 1 from known_name k where k.organisation_id = o.id"
        f" and k.withdrawn_at is null and k.names ->> 'nb' ilike {name})"
        f" or exists (select 1 from identifier i where i.organisation_id = o.id and i.value ilike {number}))"
    )


def _joined(q: Query, wanted: Filters) -> str:
    said = [f"s.since >= {q.put(wanted.joined_from, 'date')}"] if wanted.joined_from else []
    said += [f"s.since <= {q.put(wanted.joined_to, 'date')}"] if wanted.joined_to else []
    return " and ".join(said) or "true"


def _fails(q: Query, s: Search, day: str) -> str:
    """The sum of the bits of the groups that do not let the row through."""
    fits = _fits(q, s, day)
    for field in s.fields:
        if asked := s.filters.fields.get(field.code):
            fits[f"f.{field.code}"] = _answered(q, field, asked)
    bits = {name: bit(place) for place, name in enumerate(groups(s))}
    said = [f"case when {fit} then 0 else {bits[name]} end" for name, fit in fits.items()]
    return f"({' + '.join(said) or '0'})::bigint"


def _fits(q: Query, s: Search, day: str) -> dict[str, str]:
    """What lets a row through, for each group with something picked."""
    wanted = s.filters
    columns = ("tier", "origin", "kind", "size", "county", "country")
    out = {name: f"r.{name} = any ({q.put(list(wanted.of(name)), 'text[]')})" for name in columns if wanted.of(name)}
    out["state"] = f"r.state = any ({q.put(list(wanted.states), 'text[]')})"
    if wanted.of("field"):
        out["field"] = f"r.fields ?| {q.put(list(wanted.of('field')), 'text[]')}"
    if balance := wanted.of("balance"):
        out["balance"] = "r.owed > 0" if "open" in balance else "r.overdue > 0"
    if leaving := wanted.of("leaving"):
        out["leaving"] = leaves(day, max(int(n) for n in leaving))
    if wanted.of("contact"):
        out["contact"] = without_contact(q, s)
    if tags := wanted.of("tag"):
        out["tag"] = _tagged(q, tags)
    if people := wanted.of("responsible"):
        ids = [UUID(each) for each in people if each != NONE]
        out["responsible"] = f"(r.responsible = any ({q.put(ids, 'uuid[]')})"
        out["responsible"] += " or r.responsible is null)" if NONE in people else ")"
    return out


def leaves(day: str, within: int) -> str:
    """It is known that the membership ends within so many days."""
    return f"(r.state in ('ending', 'active', 'suspended') and r.ends_on <= {day} + {within})"


def without_contact(q: Query, s: Search) -> str:
    """Nobody is registered who speaks for it (crm/migrations/sql/member_marks.sql)."""
    return f"r.organisation_id in (select members_without_contact({q.put(s.network, 'uuid')}))"


def _tagged(q: Query, tags: Sequence[str]) -> str:
    ids = q.put([UUID(each) for each in tags if each != NONE], "uuid[]")
    said = f"exists (select 1 from membership_tag t where t.membership_id = r.id and t.tag_id = any ({ids}))"
    if NONE in tags:
        said = f"({said} or not exists (select 1 from membership_tag t join tag w on w.id = t.tag_id"
        said += " and w.deleted_at is null where t.membership_id = r.id))"
    return said


_AS_STORED = {"yes": "true", "no": "false"}


def _answered(q: Query, field: Field, asked: Mapping[str, Any]) -> str:
    """Does the member's answer to a custom field fit what is asked of it?"""
    of = f"select 1 from custom_value v where v.membership_id = r.id and v.field_id = {q.put(field.id, 'uuid')}"
    if values := asked.get("is"):
        codes = [_AS_STORED.get(v, v) if field.kind == "yes_no" else v for v in values if v != NONE]
        fit = "v.value #>> '{}' = any" if field.kind == "yes_no" else "v.value ?|"
        said = [f"exists ({of} and {fit} ({q.put(codes, 'text[]')}))"]
        if NONE in values:
            said.append(f"not exists ({of})")
        return f"({' or '.join(said)})"
    if "has" in asked:
        plain = str(asked["has"]).replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        return f"exists ({of} and v.value #>> '{{}}' ilike {q.put(f'%{plain}%', 'text')})"
    cast = "date" if field.kind == "day" else "numeric"
    value = f"(v.value #>> '{{}}')::{cast}"
    bounds = [f"{value} >= {q.put(asked['from'], cast)}"] if "from" in asked else []
    bounds += [f"{value} <= {q.put(asked['to'], cast)}"] if "to" in asked else []
    return f"exists ({of} and {' and '.join(bounds)})"
