"""Organisations that may be registered twice: found by what they share, judged by `cluster_rules/matching.py`.

Only what has to do with one network is looked at, against the whole register. Pairs that somebody called "not the
same" are left out, and whoever was merged already.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from uuid import UUID

import msgspec

from cluster_rules import matching
from cluster_rules.matching import Identity, Reason, Verdict
from crm.database import Connection

MOST_FOUND = 100
_FORMS = "|".join(sorted(matching.LEGAL_FORMS))
# What two can share: a number (of the main unit), a name without its legal form, a web domain. The rules look closer.
_ALIKE = f"""
with said as (
    select o.id, 'n' || btrim(regexp_replace(regexp_replace(lower(o.name), '[^[:alnum:]]+', ' ', 'g'),
        '\\m({_FORMS})\\M\\s*', '', 'g')) as key
    from organisation o where o.merged_into_id is null
    union all
    select o.id, 'w' || substring(lower(o.website) from '^(?:[a-z]+://)?(?:www\\.)?([^/:]+)')
    from organisation o where o.merged_into_id is null and o.website <> ''
    union all
    select i.organisation_id, case when i.scheme = 'no-orgnr' then 'o' || coalesce(u.main_unit, i.value)
        when i.value ~ '[0-9]{{9}}MVA$' then 'o' || substring(i.value from '([0-9]{{9}})MVA$')
        else i.scheme || i.value end
    from identifier i join organisation o on o.id = i.organisation_id and o.merged_into_id is null
    left join main_unit u on i.scheme = 'no-orgnr' and u.sub_unit = i.value
),
mine as (
    select id from unnest($2::uuid[]) as asked (id)
    union select organisation_id from membership where network_id = $1
    union select organisation_id from application where network_id = $1 and status in ('sent', 'info_needed')
),
shared as (select key from said where key in (select key from said where id in (select id from mine))
    group by key having count(distinct id) > 1)
select distinct o.id, o.name, o.website, o.id in (select id from mine) as ours
from said join organisation o on o.id = said.id where said.key in (select key from shared) order by o.id
"""
_KNOWN = """
select o.id, (select p.country from organisation_profile p where p.organisation_id = o.id and p.superseded_at is null
        order by p.starts_on desc limit 1) as country,
    (select p.parent_id from organisation_profile p where p.organisation_id = o.id and p.superseded_at is null
        order by p.starts_on desc limit 1) as parent,
    coalesce((select jsonb_agg(jsonb_build_array(i.scheme, i.value) order by i.scheme) from identifier i
        where i.organisation_id = o.id), '[]') as identifiers
from organisation o where o.id = any($1)
"""


class Likeness(msgspec.Struct, frozen=True):
    """Two that are the same, or may be; `one` has to do with the network."""

    one: Identity
    other: Identity
    verdict: Verdict
    reasons: tuple[Reason, ...]


async def of_network(connection: Connection, network: UUID) -> list[Likeness]:
    """Every likely pair of which at least one is a member of the network or applies to it, the surest first."""
    return await _find(connection, network, [])


async def of_organisation(connection: Connection, organisation: UUID) -> list[Likeness]:
    """Who may be the same as this one, the surest first."""
    found = await _find(connection, None, [organisation])
    return [each for each in found if organisation in (each.one.id, each.other.id)]


async def _find(connection: Connection, network: UUID | None, asked: Sequence[UUID]) -> list[Likeness]:
    rows = await connection.fetch(_ALIKE, network, list(asked))
    if not rows:
        return []
    ours = {row["id"] for row in rows if row["ours"]}
    listed = [row["id"] for row in rows]
    told = {row["id"]: row for row in await connection.fetch(_KNOWN, listed)}
    identities = [_identity(row, told[row["id"]]) for row in rows]
    units = await connection.fetch("select sub_unit, main_unit from main_unit")
    apart = await connection.fetch("select one_id, other_id from not_same where one_id = any($1)", listed)
    main_units = {row["sub_unit"]: row["main_unit"] for row in units}
    return _judged(identities, main_units, ours, {(row["one_id"], row["other_id"]) for row in apart})


def _judged(
    identities: list[Identity], main_units: dict[str, str], ours: set[UUID], apart: set[tuple[UUID, UUID]]
) -> list[Likeness]:
    by_id = {each.id: each for each in identities}
    found: list[Likeness] = []
    for group in (*matching.groups(identities, main_units), *matching.suggestions(identities, main_units)):
        for one, other in combinations(group.members, 2):
            if (one, other) in apart or not {one, other} & ours or _is_known(found, one, other):
                continue
            first, second = (one, other) if one in ours else (other, one)
            close = matching.compare(by_id[one], by_id[other], main_units)
            reasons = close.reasons if close.verdict != "different" else group.reasons
            found.append(Likeness(by_id[first], by_id[second], group.verdict, reasons))
    order = ("same", "held", "suggested")
    return sorted(found, key=lambda each: (order.index(each.verdict), each.one.name, each.other.name))[:MOST_FOUND]


def _is_known(found: Iterable[Likeness], one: UUID, other: UUID) -> bool:
    return any({each.one.id, each.other.id} == {one, other} for each in found)


def _identity(row: dict, known: dict) -> Identity:
    return Identity(
        id=row["id"],
        name=row["name"],
        country=known["country"] or "",
        identifiers=frozenset((scheme, value) for scheme, value in known["identifiers"]),
        parent=known["parent"],
        domain=matching.domain_of(row["website"]),
    )


async def search(connection: Connection, text: str, but: UUID, limit: int = 20) -> list[Identity]:
    """Organisations by a part of a name, old or new, or by a number; no persons, none merged away, and not `but`."""
    plain = text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    rows = await connection.fetch(
        "select o.id, o.name, o.website from organisation o where o.id <> $3 and o.merged_into_id is null"
        " and exists (select from organisation_profile p where p.organisation_id = o.id and p.kind <> 'person')"
        " and (o.name ilike '%' || $1 || '%'"
        " or exists (select from identifier i where i.organisation_id = o.id and i.value = $2)"
        " or exists (select from known_name k where k.organisation_id = o.id and k.withdrawn_at is null"
        "  and k.names ->> 'nb' ilike '%' || $1 || '%'))"
        " order by o.sort_name, o.id limit $4",
        plain,
        text.replace(" ", ""),
        but,
        limit,
    )
    told = {row["id"]: row for row in await connection.fetch(_KNOWN, [row["id"] for row in rows])}
    return [_identity(row, told[row["id"]]) for row in rows]
