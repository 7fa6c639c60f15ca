"""The members a key reads, as SCIM asks for them: by a filter, by page, one by its id.

The rows are those of the native lists, behind the same tenant wall: of an own network what its feed told last
(crm/reads/feed.py), of another's what an agreement discloses (crm/reads/shares.py). A filter becomes one condition of
SQL; what it compares are values bound to the statement, never text put into it.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from crm.database import Connection
from crm.scim_filter import All, Any_, Compare, Not, Present, Tree, Within

# $1 which networks, or which disclosures. Beside each member what its own network calls the organisation, or the one
# it is disclosed to: a network's outside ids are for itself.
_ROW = """
(select {table}.{scope} as scope, {table}.organisation_id, {table}.membership_id, {table}.version, {table}.body,
    {table}.body::jsonb as b, (
    select x.external_id from external_ref x
    where x.organisation_id = {table}.organisation_id and x.network_id = {whose} and x.external_id not like 'scim:%'
    order by x.recorded_at desc, x.id limit 1) as external_id
from {rows} and {table}.{scope} = any ($1::uuid[])) m
"""
_OWN = _ROW.format(table="f", scope="network_id", whose="f.network_id", rows="feed_member f where f.listed")
_SHARED = _ROW.format(
    table="s",
    scope="disclosure_id",
    whose="d.to_network_id",
    rows="share s join disclosure d on d.id = s.disclosure_id where s.op = 'upsert' and s.state = d.state",
)
_TURNED = """
select n.id from network n left join feed_head h on h.network_id = n.id
where coalesce(h.turned_on < ($1::timestamptz at time zone n.time_zone)::date, true)
"""
_SHOWN = "select m.scope, m.organisation_id, m.membership_id, m.version, m.body, m.external_id from"
_MEMBER = "m.b ->> '{}'"
_ORGANISATION = "m.b -> 'organisation' ->> '{}'"


class Column(msgspec.Struct, frozen=True):
    """How an attribute is read: its SQL, and whether upper and lower case differ. `many`: its elements' SQL.

    `found`: what is so whenever it equals a value ({}), and is found by an index; then not everybody is read.
    """

    sql: str
    exact: bool = True
    many: str = ""
    found: str = ""


_NUMBERS = (
    "(select (i ->> 'scheme') || ':' || (i ->> 'value') as e"
    " from jsonb_array_elements(m.b -> 'organisation' -> 'identifiers') i) each"
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CALLED = "m.organisation_id in (select r.organisation_id from external_ref r where r.external_id = {0})"
_NUMBERED = (
    "m.organisation_id in (select i.organisation_id from identifier i"
    " where i.scheme = split_part({0}, ':', 1) and i.value = substr({0}, strpos({0}, ':') + 1))"
)
COLUMNS = {
    "id": Column("m.membership_id::text", found="m.membership_id = {0}"),
    "externalid": Column("m.external_id", found=_CALLED),
    "network": Column(_MEMBER.format("network")),
    "tier": Column(_MEMBER.format("tier")),
    "status": Column(_MEMBER.format("status")),
    "origin": Column(_MEMBER.format("origin")),
    "startson": Column(_MEMBER.format("starts_on")),
    "endson": Column(_MEMBER.format("ends_on")),
    "organisation.id": Column("m.organisation_id::text", found="m.organisation_id = {0}"),
    "organisation.name": Column(_ORGANISATION.format("name"), exact=False),
    "organisation.kind": Column(_ORGANISATION.format("kind")),
    "organisation.country": Column(_ORGANISATION.format("country")),
    "organisation.website": Column("nullif(m.b -> 'organisation' ->> 'website', '')", exact=False),
    "identifiers": Column("each.e", many=_NUMBERS, found=_NUMBERED),
    "identifiers.value": Column("each.e", many=_NUMBERS, found=_NUMBERED),
    "agreement": Column(_MEMBER.format("agreement")),
    "contact.name": Column("m.b -> 'contact' ->> 'name'", exact=False),
    "contact.email": Column("m.b -> 'contact' ->> 'email'", exact=False),
    "meta.resourcetype": Column("'Membership'"),
    "contact": Column("m.b ->> 'contact'"),
}
_ALWAYS = frozenset({"organisation", "meta", "schemas"})  # every resource has them
_WHOLE = frozenset({"contact"})  # made of parts: there or not, and nothing can be compared with it


class Scope(msgspec.Struct, frozen=True):
    """Whose members: of these networks, or (`shared`) those that these disclosures tell of."""

    ids: tuple[UUID, ...]
    shared: bool = False

    @property
    def rows(self) -> str:
        """The rows, as m."""
        return _SHARED if self.shared else _OWN


class Row(msgspec.Struct, frozen=True):
    """One member of a network or disclosure: `body` is the JSON of the native list, `external_id` what one calls it."""

    scope: UUID
    organisation_id: UUID
    membership_id: UUID
    version: int
    body: str
    external_id: str | None


class Verdict(msgspec.Struct, frozen=True):
    """What became of a pushed row: created, updated, unchanged, ended, held or refused; `problems`: why refused."""

    verdict: str
    membership_id: UUID | None
    problems: list[dict[str, Any]]


class TooMuch(Exception):
    """The filter takes longer than a request may."""


class UnknownAttribute(Exception):
    """The filter asks for an attribute that is not offered, or for what it cannot be asked for."""


async def unturned(connection: Connection, now: datetime) -> list[UUID]:
    """Networks whose feed has not come to today."""
    return [row["id"] for row in await connection.fetch(_TURNED, now)]


async def count(connection: Connection, scope: Scope, tree: Tree | None) -> int:
    """How many members fit. UnknownAttribute, TooMuch."""
    where, values = _condition(scope, tree)
    try:
        found: int = await connection.fetchval(f"select count(*) from {scope.rows} where {where}", *values)
    except asyncpg.QueryCanceledError as error:
        raise TooMuch from error
    return found


async def page(
    connection: Connection,
    scope: Scope,
    tree: Tree | None,
    limit: int,
    skip: int = 0,
    after: tuple[UUID, UUID] | None = None,
) -> list[Row]:
    """Those that fit, in the order of (scope, organisation), from a place on. UnknownAttribute, TooMuch."""
    where, values = _condition(scope, tree)
    if after:
        where = f"(m.scope, m.organisation_id) > (${len(values) + 1}, ${len(values) + 2}) and {where}"
        values += after
    tail = f"order by m.scope, m.organisation_id limit ${len(values) + 1} offset ${len(values) + 2}"
    try:
        return _rows(await connection.fetch(f"{_SHOWN} {scope.rows} where {where} {tail}", *values, limit, skip))
    except asyncpg.QueryCanceledError as error:
        raise TooMuch from error


async def one(connection: Connection, scope: Scope, membership: UUID) -> Row | None:
    """The member with this id; None when there is none, or none today, or none that may be seen."""
    sql = f"{_SHOWN} {scope.rows} where m.membership_id = $2"
    found = _rows(await connection.fetch(sql, list(scope.ids), membership))
    return found[0] if found else None


async def verdict(connection: Connection, run: UUID) -> Verdict:
    """What became of the one row of a pushed list."""
    row = await connection.fetchrow(
        "select verdict, membership_id, problems from member_list_row where list_id = $1 and number = 1", run
    )
    return Verdict(**dict(row))


def _rows(found: Sequence[asyncpg.Record]) -> list[Row]:
    return [Row(**dict(each)) for each in found]


# --- a filter as SQL


def _condition(scope: Scope, tree: Tree | None) -> tuple[str, list[Any]]:
    values: list[Any] = [list(scope.ids)]
    return ("true" if tree is None else _sql(tree, values)), values


def _sql(tree: Tree, values: list[Any], inside: str = "") -> str:
    """The condition; `inside`: the list whose element is spoken of. Never null, so that `not` is its opposite."""
    if isinstance(tree, All | Any_):
        word = " and " if isinstance(tree, All) else " or "
        return "(" + word.join(_sql(each, values, inside) for each in tree.inner) + ")"
    if isinstance(tree, Not):
        return f"(not {_sql(tree.inner, values, inside)})"
    if isinstance(tree, Within):
        column = COLUMNS.get(tree.path)
        if inside or column is None or not column.many:
            raise UnknownAttribute(f"{tree.path} has no elements to ask about")
        return f"exists (select from {column.many} where {_sql(tree.inner, values, tree.path)})"
    path = f"{inside}.{tree.path}" if inside else tree.path
    if not inside and isinstance(tree, Present) and path in _ALWAYS:
        return "true"
    column = COLUMNS.get(path)
    if column is None or (path in _WHOLE and isinstance(tree, Compare)):
        offered = ", ".join(sorted({*COLUMNS} - _WHOLE))
        raise UnknownAttribute(f"{path} is not offered in filters; there are {offered}")
    if column.many and not inside:
        return _of_elements(tree, column, values)
    if isinstance(tree, Present):
        return f"coalesce(({column.sql}) is not null, false)"
    return f"coalesce({_narrowed(tree, column, values)}{_compared(tree, column, values)}, false)"


def _narrowed(tree: Compare, column: Column, values: list[Any]) -> str:
    """What an index finds, before the rest is looked at; it is so whenever the comparison is."""
    if tree.op != "eq" or not column.found or not isinstance(tree.value, str):
        return ""
    if not column.found.endswith("= {0}"):
        values.append(tree.value)
        return column.found.format(f"${len(values)}::text") + " and "
    if not _UUID.fullmatch(tree.value):
        return "false and "
    values.append(UUID(tree.value))
    return column.found.format(f"${len(values)}::uuid") + " and "


def _of_elements(tree: Compare | Present, column: Column, values: list[Any]) -> str:
    """Of a list it is enough that one element fits; `ne` and `eq null` are the opposites of `eq` and `pr`."""
    if isinstance(tree, Present):
        return f"exists (select from {column.many})"
    if tree.value is None:
        return ("not " if tree.op == "eq" else "") + f"exists (select from {column.many})"
    opposite = tree.op == "ne"
    asked = msgspec.structs.replace(tree, op="eq") if opposite else tree
    found = (
        f"{_narrowed(asked, column, values)}exists (select from {column.many} where {_compared(asked, column, values)})"
    )
    return f"(not ({found}))" if opposite else f"({found})"


_ORDERED = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def _compared(tree: Compare, column: Column, values: list[Any]) -> str:
    """All attributes are texts; days compare as the texts they are, letters by their code points."""
    if tree.value is None and tree.op in ("eq", "ne"):
        return f"({column.sql}) is {'not ' if tree.op == 'ne' else ''}null"
    if not isinstance(tree.value, str):
        raise UnknownAttribute(f"{tree.path} is text, and compares with text only")
    values.append(tree.value)
    left, right = f"({column.sql})", f"${len(values)}::text"
    if not column.exact:
        left, right = f"lower({left})", f"lower({right})"
    if tree.op == "eq":
        return f"{left} = {right}"
    if tree.op == "ne":
        return f"{left} is distinct from {right}"
    if tree.op == "co":
        return f"strpos({left}, {right}) > 0"
    if tree.op == "sw":
        return f"starts_with({left}, {right})"
    if tree.op == "ew":
        return f"right({left}, length({right})) = {right}"
    return f'{left} collate "C" {_ORDERED[tree.op]} {right}'
