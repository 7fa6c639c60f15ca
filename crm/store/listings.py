"""Write listings: the texts of a member, what waits for a manager, who agreed to be named, a network's own policy.

The directory follows by triggers at the end of the transaction (crm/migrations/sql/directory.sql); `turn` brings it to
a day. Everything else here is one row in, one row out.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection
from crm.logos import Logo

_TEXTS = ("summary", "fields", "offers", "seeks", "languages", "visibility")


class Stored(msgspec.Struct, frozen=True):
    """A listing as it is published; `revision` 0: nothing was ever told."""

    summary: dict[str, str] = {}
    fields: list[str] = []
    offers: list[str] = []
    seeks: list[str] = []
    languages: list[str] = []
    visibility: dict[str, dict[str, str]] = {}
    listed: bool = True
    logo: str = ""
    restricted: bool = False
    revision: int = 0


class Change(msgspec.Struct, frozen=True):
    """New texts, as they were sent."""

    id: UUID
    organisation_id: UUID
    body: dict[str, Any]
    state: str


class Standing(msgspec.Struct, frozen=True):
    """A network of which it is a member now or will be; `own`: not by a link alone."""

    network_id: UUID
    slug: str
    own: bool
    moderated: bool
    visibility: dict[str, str]


async def lock(connection: Connection, organisation: UUID) -> Stored:
    """The listing, held until the transaction ends; an empty one when there is none."""
    row = await connection.fetchrow(
        "select summary, fields, offers, seeks, languages, visibility, listed, logo,"
        " restricted_at is not null as restricted, revision from listing where organisation_id = $1 for update",
        organisation,
    )
    return msgspec.convert(dict(row), Stored) if row else Stored()


async def put(connection: Connection, organisation: UUID, values: Mapping[str, Any], day: date, actor: str) -> None:
    """Publish these texts (any of summary, fields, offers, seeks, languages, visibility, logo, listed)."""
    await connection.execute(
        "insert into listing (id, organisation_id, changed_at, changed_by) values ($1, $2, now(), $3)"
        " on conflict (organisation_id) do nothing",
        uuid4(),
        organisation,
        actor,
    )
    named = [name for name in (*_TEXTS, "logo", "listed") if name in values]
    setting = "".join(f"{name} = ${place}, " for place, name in enumerate(named, 4))
    await connection.execute(
        f"update listing set {setting}verified_on = $2, changed_at = now(), changed_by = $3, revision = revision + 1"
        " where organisation_id = $1",
        organisation,
        day,
        actor,
        *(values[name] for name in named),
    )


async def restrict(connection: Connection, organisation: UUID, why: str | None, day: date, actor: str) -> None:
    """Take it out of the directory, or (None) let it back in."""
    await put(connection, organisation, {}, day, actor)
    await connection.execute(
        "update listing set restricted_at = case when $2::text is null then null else now() end,"
        " restricted_why = coalesce($2, '') where organisation_id = $1",
        organisation,
        why,
    )


async def standings(connection: Connection, organisation: UUID, day: date) -> list[Standing]:
    """The networks whose member it is on a day or later."""
    rows = await connection.fetch(
        "select n.id as network_id, n.slug, bool_or(p.origin <> 'linked') as own,"
        " coalesce(bool_or(d.moderated), false) as moderated, coalesce(d.visibility, '{}') as visibility"
        " from membership_period p"
        " join network n on n.id = p.network_id left join directory_policy d on d.network_id = n.id"
        " where p.organisation_id = $1 and p.superseded_at is null and (p.ends_on is null or p.ends_on > $2)"
        " group by n.id, n.slug, d.visibility order by n.slug",
        organisation,
        day,
    )
    return [Standing(**dict(row)) for row in rows]


async def add_change(
    connection: Connection, organisation: UUID, body: Mapping[str, Any], state: str, actor: str, channel: str
) -> UUID:
    """Keep what was sent; a change that still waits is replaced by it."""
    await connection.execute(
        "update listing_change set state = 'replaced', decided_at = now(), decided_by = $2"
        " where organisation_id = $1 and state = 'waiting'",
        organisation,
        actor,
    )
    wanted = uuid4()
    await connection.execute(
        "insert into listing_change (id, organisation_id, body, state, actor, channel, recorded_at)"
        " values ($1, $2, $3, $4, $5, $6, now())",
        wanted,
        organisation,
        dict(body),
        state,
        actor,
        channel,
    )
    return wanted


async def waiting(connection: Connection, organisation: UUID) -> dict[str, Any]:
    """What was sent and waits for a manager, locked; nothing when nothing waits."""
    row = await connection.fetchrow(
        "select body from listing_change where organisation_id = $1 and state = 'waiting' for update", organisation
    )
    return dict(row["body"]) if row else {}


async def add_logo(connection: Connection, organisation: UUID, logo: Logo, actor: str) -> None:
    """Keep a picture that was sent; it is shown when the listing names its hash."""
    await connection.execute(
        "insert into listing_logo (id, organisation_id, hash, media_type, width, height, content, sent_at, sent_by)"
        " values ($1, $2, $3, $4, $5, $6, $7, now(), $8) on conflict (organisation_id, hash) do nothing",
        uuid4(),
        organisation,
        logo.hash,
        logo.media_type,
        logo.width,
        logo.height,
        logo.content,
        actor,
    )


async def drop_logos(connection: Connection, organisation: UUID, but: Sequence[str]) -> None:
    """Pictures that nothing names any more are not kept."""
    await connection.execute(
        "delete from listing_logo where organisation_id = $1 and hash <> all ($2)", organisation, list(but)
    )


async def change(connection: Connection, wanted: UUID) -> Change | None:
    """A change, locked."""
    row = await connection.fetchrow(
        "select id, organisation_id, body, state from listing_change where id = $1 for update", wanted
    )
    return Change(**dict(row)) if row else None


async def decide(connection: Connection, wanted: UUID, state: str, reason: str, actor: str) -> None:
    """A manager's word on a change that waits."""
    await connection.execute(
        "update listing_change set state = $2, reason = $3, decided_at = now(), decided_by = $4 where id = $1",
        wanted,
        state,
        reason,
        actor,
    )


async def agree(connection: Connection, organisation: UUID, contact: UUID, version: int, actor: str) -> bool:
    """A contact of the organisation agrees to be named; False: it has none such."""
    done = await connection.execute(
        "insert into listing_person (id, organisation_id, contact_id, text_version, given_at, given_by)"
        " select $1, c.organisation_id, c.id, $4, now(), $5 from contact c where c.id = $3 and c.organisation_id = $2"
        " on conflict (contact_id) where withdrawn_at is null do update set text_version = excluded.text_version",
        uuid4(),
        organisation,
        contact,
        version,
        actor,
    )
    return done != "INSERT 0 0"


async def withdraw(connection: Connection, organisation: UUID, contact: UUID, actor: str) -> bool:
    """The person is named no more; False: was not."""
    done = await connection.execute(
        "update listing_person set withdrawn_at = now(), withdrawn_by = $3"
        " where organisation_id = $1 and contact_id = $2 and withdrawn_at is null",
        organisation,
        contact,
        actor,
    )
    return done != "UPDATE 0"


async def set_policy(
    connection: Connection, network: UUID, moderated: bool, visibility: Mapping[str, str], actor: str
) -> None:
    """What a network says of its part of the directory."""
    await connection.execute(
        "insert into directory_policy (id, network_id, moderated, visibility, changed_at, changed_by)"
        " values ($1, $2, $3, $4, now(), $5) on conflict (network_id) do update"
        " set moderated = $3, visibility = $4, changed_at = now(), changed_by = $5",
        uuid4(),
        network,
        moderated,
        dict(visibility),
        actor,
    )


async def shown(connection: Connection, slug: str) -> tuple[UUID, str] | None:
    """Who has this address in the directory now, and their name."""
    row = await connection.fetchrow("select organisation_id, name from directory_entry where shown and slug = $1", slug)
    return (row["organisation_id"], row["name"]) if row else None


async def turn(connection: Connection, day: date) -> int:
    """Bring the directory to a day; how many look otherwise on it."""
    return int(await connection.fetchval("select directory_turn($1)", day))


async def put_many(
    connection: Connection, rows: Sequence[tuple[UUID, Mapping[str, Any]]], day: date, actor: str
) -> int:
    """Publish the texts of members who have told nothing yet (an import); how many."""
    listed = [{"id": str(organisation), **values} for organisation, values in rows]
    done = await connection.execute(
        "insert into listing"
        " (id, organisation_id, summary, offers, seeks, languages, verified_on, changed_at, changed_by)"
        " select gen_random_uuid(), (r ->> 'id')::uuid, r -> 'summary', r -> 'offers', r -> 'seeks', r -> 'languages',"
        " $2, now(), $3 from jsonb_array_elements($1::jsonb) r"
        " where exists (select from organisation o where o.id = (r ->> 'id')::uuid)"
        " on conflict (organisation_id) do nothing",
        listed,
        day,
        actor,
    )
    return int(done.split()[-1])
