"""Agreements between networks as they are stored: what ends, and what goes on with another network in one's place."""

from collections.abc import Collection
from datetime import date
from uuid import UUID, uuid4

import msgspec

from crm.catalogue import Catalogue
from crm.database import Connection
from crm.i18n import translator


class Stored(msgspec.Struct, frozen=True):
    """An agreement with what was agreed of its end at first: `agreed_ends_on`, `agreed_on_end`. Half-open days.

    `ended`: an end was given that was not agreed at first; taking it back brings those two back.
    """

    id: UUID
    code: str
    source: UUID
    target: UUID
    names: dict[str, str]
    starts_on: date
    ends_on: date | None
    on_end: str
    notice_days: int
    agreed_ends_on: date | None
    agreed_on_end: str
    ended: bool


async def find(connection: Connection, code: str, lock: bool = False) -> Stored | None:
    """The agreement with this code; `lock` holds back everybody else who changes it."""
    row = await connection.fetchrow(
        "select a.id, a.code, a.source_network_id as source, a.target_network_id as target, a.names, a.starts_on,"
        " a.ends_on, a.on_end, a.notice_days, t.detail from agreement a left join lateral (select action, detail"
        " from audit where subject_id = a.id and action in ('agreement_ending', 'agreement_goes_on')"
        " order by seq desc limit 1) t on t.action = 'agreement_ending' where a.code = $1"
        + (" for no key update of a" if lock else ""),
        code,
    )
    if row is None:
        return None
    kept = {name: value for name, value in row.items() if name != "detail"}
    told, ends_on = row["detail"], row["ends_on"]
    if told:
        ends_on = date.fromisoformat(told["agreed_ends_on"]) if told["agreed_ends_on"] else None
    on_end = told["agreed_on_end"] if told else row["on_end"]
    return Stored(**kept, agreed_ends_on=ends_on, agreed_on_end=on_end, ended=bool(told))


async def sign(connection: Connection, agreement: UUID, signatures: list[dict[str, str]]) -> None:
    """Who signed it: [{network, name, role, on}]."""
    await connection.execute("update agreement set signatures = $2 where id = $1", agreement, signatures)


async def set_end(connection: Connection, agreement: UUID, ends_on: date | None, on_end: str) -> None:
    """It ends on a day (None: it has no end), with that for its links."""
    await connection.execute("update agreement set ends_on = $2, on_end = $3 where id = $1", agreement, ends_on, on_end)


async def of_networks(connection: Connection, networks: Collection[UUID], on: date) -> list[dict]:
    """Those in force on a day or later that one of the networks is part of: id, code, both networks."""
    rows = await connection.fetch(
        "select id, code, source_network_id as source, target_network_id as target from agreement"
        " where (source_network_id = any($1) or target_network_id = any($1)) and (ends_on is null or ends_on > $2)"
        " order by code",
        list(networks),
        on,
    )
    return [dict(row) for row in rows]


async def end(connection: Connection, agreement: UUID, on: date) -> None:
    """It ends on a day, and its links with it; over before its first day, it was never in force."""
    await connection.execute(
        "update agreement set ends_on = $2, on_end = 'end_links', starts_on = least(starts_on, $2::date - 1)"
        " where id = $1",
        agreement,
        on,
    )


async def go_on(connection: Connection, agreement: UUID, code: str, on: date, source: UUID, target: UUID) -> None:
    """The same between these two from a day on; as long as the old one would have been in force."""
    await connection.execute(
        "insert into agreement select (jsonb_populate_record(a, jsonb_build_object('id', $2::uuid, 'code', $3::text,"
        " 'starts_on', greatest(a.starts_on, $4::date), 'source_network_id', $5::uuid,"
        " 'target_network_id', $6::uuid))).* from agreement a where a.id = $1 on conflict (code) do nothing",
        agreement,
        uuid4(),
        code,
        on,
        source,
        target,
    )


def letter(kept: Catalogue, found: Stored, network: UUID, ends_on: date | None, language: str) -> dict[str, str]:
    """What a mail about it says to the managers of one of its networks, in words of the reader."""
    t = translator(language)
    other = found.target if network == found.source else found.source
    return {
        "network": t.text(kept.by_id[network].names),
        "source": t.text(kept.by_id[other].names),
        "agreement": t.text(found.names),
        "ends_on": t.date(ends_on) if ends_on else "",
    }
