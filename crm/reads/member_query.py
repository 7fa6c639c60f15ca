"""What may be asked of a network's member list, and the stretches of memberships on a day, as SQL.

A group of filters lets a row through when any of its values fits; a facet counts the rows that nothing but its own
group keeps out. Days are those of the network; amounts are minor units of the network's currency.
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
# Custom fields follow, each a group of its own.
GROUPS = (
    *("tier", "state", "origin", "kind", "size", "county", "country", "field", "nace", "tag", "balance", "leaving"),
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

    `prices`: the rules that say what members pay, without them no fee is known. `only`: of these memberships alone.
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


def stretches(q: Query, s: Search) -> str:
    """`s` alone: one row per membership, with its level, origin and state on the day."""
    moment = q.put(s.known_at, "timestamptz") if s.known_at else ""
    shown = _SHOWN.format(
        day=q.put(s.day, "date"),
        network=q.put(s.network, "uuid"),
        stands=believed("p", moment, ever=bool(moment)),
        only=f"p.membership_id = any ({q.put(list(s.only), 'uuid[]')})" if s.only is not None else "true",
    )
    return f"with s as materialized ({shown})"
