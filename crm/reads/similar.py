"""Members like one: those that look for what it offers or offer what it looks for, then those that work with the same.

Only what anybody may see is compared (the tags of the directory's own rows), by its index, and for no more than a few
hundred of them: a profile is a page, not a report.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection

SHOWN = 4
LOOKED_AT = 200
_ALIKE = """
with near as (
    (select e.organisation_id, e.slug, e.name, e.sort_name, e.body, e.tags from directory_entry e
        where e.shown and $2::text <> '' and e.doc @@ $2::tsquery order by e.place limit $5)
    union
    (select e.organisation_id, e.slug, e.name, e.sort_name, e.body, e.tags from directory_entry e
        where e.shown and $3::text <> '' and e.doc @@ $3::tsquery order by e.place limit $5)
)
select slug, name, body, (select count(*) from unnest(tags) t where t = any ($4)) as shared,
    (select count(*) from unnest(tags) t where t = any ($6)) as matched
from near where organisation_id <> $1
order by 5 desc, 4 desc, sort_name, organisation_id limit $7
"""


class Alike(msgspec.Struct, frozen=True):
    """A member of the directory; `matched` of its offers and wishes fit, `shared` fields are the same."""

    slug: str
    name: str
    body: dict[str, Any]
    shared: int
    matched: int


async def of(connection: Connection, organisation: UUID, body: Mapping[str, Any]) -> list[Alike]:
    """The ones most like a member whose entry says this, at most SHOWN; none when it has told nothing to go by."""
    fields = [f"f:{code}" for code in body["fields"]]
    fits = [f"w:{code}" for code in body["offers"]] + [f"o:{code}" for code in body["seeks"]]
    if not fields and not fits:
        return []
    rows = await connection.fetch(_ALIKE, organisation, _any_of(fits), _any_of(fields), fields, LOOKED_AT, fits, SHOWN)
    return [Alike(**dict(row)) for row in rows]


def _any_of(tags: list[str]) -> str:
    """The tags as a tsquery (directory_words in SQL); they are codes of ours, and quoted all the same."""
    return " | ".join("'#" + tag.replace("\\", "\\\\").replace("'", "''") + "'" for tag in tags)
