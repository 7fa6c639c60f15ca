"""What each filter of the member list would give, the others as they are: `counted` (what, value, n), SQL over `f`."""

from collections.abc import Sequence

from crm.reads import member_query
from crm.reads.member_query import LEAVING, Field, Query, Search

COUNTED = ("yes_no", "choice", "choices")  # the kinds of custom fields whose answers can be counted
FEE = "fee"
_COLUMNS = ("tier", "state", "origin", "kind", "size", "county", "country")


def counted(q: Query, s: Search) -> str:
    """`counted`: for each group and value how many rows nothing but this group keeps out."""
    day = q.put(s.day, "date")
    bits = {name: member_query.bit(place) for place, name in enumerate(member_query.groups(s))}

    def rows(group: str, value: str, extra: str = "", where: str = "true") -> str:
        return (
            f"select '{group}' as what, {value} as value, count(*) as n from f r {extra}"
            f" where r.fails & ~{bits[group]}::bigint = 0 and {where} group by 2"
        )

    free = [name for name in _COLUMNS if not s.filters.of(name) and name != "state"]
    said = [rows(name, f"r.{name}::text") for name in _COLUMNS if name not in free]
    if free:
        said.append(_together(free))
    said.append(rows("field", "e.value", "cross join jsonb_array_elements_text(r.fields) e"))
    said.append(
        rows(
            "tag",
            "coalesce(w.id::text, 'none')",
            "left join (membership_tag t join tag w on w.id = t.tag_id and w.deleted_at is null)"
            " on t.membership_id = r.id",
        )
    )
    said.append(rows("balance", "'open'", where="r.owed > 0"))
    said.append(rows("balance", "'overdue'", where="r.overdue > 0"))
    said += [rows("leaving", f"'{n}'", where=member_query.leaves(day, int(n))) for n in LEAVING]
    said.append(rows("contact", "'none'", where=member_query.without_contact(q, s)))
    said.append(rows("responsible", "coalesce(r.responsible::text, 'none')"))
    if s.prices:  # how many pay alike, of those that are shown: the sum of their fees is soon worked out
        said.append(
            f"select '{FEE}' as what, {member_query.alike(q, s)} as value, count(*) as n from f r"
            " where r.fails = 0 group by 2"
        )
    said += [_field_counts(q, field, bits[f"f.{field.code}"]) for field in s.fields if field.kind in COUNTED]
    return f"counted as materialized ({' union all '.join(said)})"


def _together(names: Sequence[str]) -> str:
    """The groups that ask for nothing count the same rows, those that are shown: in one go."""
    every = (1 << len(names)) - 1
    which = " ".join(
        f"when {every & ~(1 << (len(names) - 1 - place))} then '{name}'" for place, name in enumerate(names)
    )
    columns = ", ".join(f"r.{name}" for name in names)
    values = ", ".join(f"r.{name}::text" for name in names)
    sets = ", ".join(f"(r.{name})" for name in names)
    return (
        f"select case grouping({columns}) {which} end as what, coalesce({values}) as value, count(*) as n"
        f" from f r where r.fails = 0 group by grouping sets ({sets})"
    )


def _field_counts(q: Query, field: Field, own: int) -> str:
    each = {
        "yes_no": "case when v.value = 'true'::jsonb then 'yes' else 'no' end",
        "choice": "v.value #>> '{}'",
        "choices": "e.value",
    }[field.kind]
    more = ""
    if field.kind == "choices":
        more = "left join lateral jsonb_array_elements_text(v.value) e on v.value is not null"
    return (
        f"select 'f.{field.code}' as what, case when v.value is null then 'none' else {each} end as value,"
        f" count(*) as n from f r left join custom_value v on v.membership_id = r.id"
        f" and v.field_id = {q.put(field.id, 'uuid')} {more} where r.fails & ~{own}::bigint = 0 group by 2"
    )
