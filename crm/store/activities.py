"""Activities and who took part, as they are stored: a change adds a row with its participants."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from crm.database import Connection
from crm.store.told import Facts


class Words(msgspec.Struct, frozen=True):
    """What was done; `people` by member, `others` from elsewhere."""

    kind: str
    title: str
    on_day: date
    international: bool
    partner_countries: str
    others: int
    people: dict[UUID, int]


class _Activities(Facts[Words]):
    """Who took part stands in rows of their own, of the activity's row."""

    async def read(self, connection: Connection, row: Any) -> Words:
        came = await connection.fetch(
            "select organisation_id, people from activity_participant where activity_row_id = $1", row["row_id"]
        )
        told = {name: row[name] for name in Words.__struct_fields__ if name != "people"}
        return Words(**told, people={each["organisation_id"]: each["people"] for each in came})

    async def add(
        self, connection: Connection, network: UUID, wanted: UUID, words: Words, by: str, now: datetime
    ) -> int:
        row_id = await super().add(connection, network, wanted, words, by, now)
        await connection.execute(
            "insert into activity_participant (activity_row_id, network_id, organisation_id, people)"
            " select $1, $2, o, n from unnest($3::uuid[], $4::int[]) as p (o, n)",
            row_id,
            network,
            list(words.people),
            list(words.people.values()),
        )
        return row_id

    def columns(self, words: Words) -> dict[str, Any]:
        return {name: value for name, value in super().columns(words).items() if name != "people"}


def _told(words: Words) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": words.kind, "title": words.title, "on_day": words.on_day.isoformat()}
    told["participants"] = len(words.people)
    told["people"] = sum(words.people.values()) + words.others
    if words.international:
        told["international"] = True
        told["partner_countries"] = words.partner_countries
    return told


FACTS = _Activities("activity", Words, _told)
