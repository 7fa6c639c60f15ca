"""Invitations to roles and claims of organisations, as stored; who decides about them is for the action to say."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm import roles
from crm.database import Connection
from crm.errors import NotFound
from crm.i18n import LANGUAGES, translator
from crm.role_words import role_name
from crm.store import mail
from crm.store.accounts import Place, secret_hash
from crm.store.mail import Outgoing, Recipient

INVITED_FOR = timedelta(days=14)


class Invitation(msgspec.Struct, frozen=True):
    """A role that waits for its person, or waited."""

    id: UUID
    email: str
    name: str
    language: str
    role: str
    place: UUID
    invited_by: str
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None

    @property
    def kind(self) -> Place:
        """What the role is in: a host, a network or an organisation."""
        return roles.PLACES[self.role]


class Claim(msgspec.Struct, frozen=True):
    """A person says they act for an organisation."""

    id: UUID
    organisation_id: UUID
    account_id: UUID
    note: str
    decided_at: datetime | None


_INVITATION = (
    "select id, email, name, language, role, coalesce(network_id, host_id, organisation_id) as place, invited_by,"
    " expires_at, accepted_at, revoked_at from invitation"
)


async def invite(
    connection: Connection,
    email: str,
    name: str,
    language: str,
    role: str,
    place: UUID,
    token: str,
    by: str,
    now: datetime,
) -> UUID:
    """An invitation; one to the same place that waits already is taken over by this one."""
    column = f"{roles.PLACES[role]}_id"
    await connection.execute(
        f"update invitation set revoked_at = $3 where email = $1 and {column} = $2 and accepted_at is null"
        " and revoked_at is null",
        email,
        place,
        now,
    )
    new = uuid4()
    await connection.execute(
        f"insert into invitation (id, email, name, language, role, {column}, token_hash, invited_by, created_at,"
        " expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new,
        email,
        name,
        language,
        role,
        place,
        secret_hash(token),
        by,
        now,
        now + INVITED_FOR,
    )
    return new


async def invitation(connection: Connection, wanted: UUID) -> Invitation:
    """An invitation, whatever became of it; nobody else changes it meanwhile. NotFound."""
    return _invitation(await connection.fetchrow(f"{_INVITATION} where id = $1 for update", wanted), wanted)


async def invitation_of(connection: Connection, token: str) -> Invitation:
    """The invitation whose link somebody followed. NotFound."""
    row = await connection.fetchrow(f"{_INVITATION} where token_hash = $1 for update", secret_hash(token))
    return _invitation(row, "by link")


async def open_invitations(connection: Connection, email: str, now: datetime) -> list[Invitation]:
    """What waits for whoever has this address."""
    rows = await connection.fetch(
        f"{_INVITATION} where email = $1 and accepted_at is null and revoked_at is null and expires_at > $2"
        " order by created_at for update",
        email,
        now,
    )
    return [_invitation(row, email) for row in rows]


def _invitation(row: Any, wanted: Any) -> Invitation:
    if row is None:
        raise NotFound("invitation", wanted)
    return Invitation(**dict(row))


async def renew(connection: Connection, wanted: UUID, token: str, now: datetime) -> None:
    """A new link instead of the old one, and time from now on."""
    await connection.execute(
        "update invitation set token_hash = $2, expires_at = $3 where id = $1",
        wanted,
        secret_hash(token),
        now + INVITED_FOR,
    )


async def revoke(connection: Connection, wanted: UUID, now: datetime) -> None:
    """The link opens nothing any more."""
    await connection.execute("update invitation set revoked_at = $2 where id = $1", wanted, now)


async def accepted(connection: Connection, wanted: UUID, account: UUID, now: datetime) -> None:
    """It has done what it was for."""
    await connection.execute(
        "update invitation set accepted_at = $2, account_id = $3 where id = $1", wanted, now, account
    )


async def somebody_runs(connection: Connection, place: Place, where: UUID) -> bool:
    """Is there a person who decides there: a host's admin, or a network's manager?"""
    await connection.execute(f"select from role where {place}_id = $1 for update", where)
    return bool(
        await connection.fetchval(
            "select exists (select from role r where (r.role = 'host_admin' and r.host_id = $1)"
            " or (r.role = 'manager' and r.network_id = $1) or (r.role = 'host_admin' and r.host_id ="
            " (select host_id from network where id = $1)))",
            where,
        )
    )


async def networks_of(connection: Connection, organisation: UUID) -> set[UUID]:
    """Networks the organisation is or was a member of."""
    rows = await connection.fetch("select network_id from membership where organisation_id = $1", organisation)
    return {row["network_id"] for row in rows}


async def place_names(connection: Connection, place: Place, where: UUID) -> dict[str, str]:
    """What the place is called, by language; hosts and organisations have one name."""
    column = "names" if place == "network" else "name"
    found = await connection.fetchval(f"select {column} from {place} where id = $1", where)
    return found if isinstance(found, dict) else dict.fromkeys(LANGUAGES, str(found or ""))


async def mail_invitation(connection: Connection, made: Invitation, token: str, base_url: str) -> None:
    """Send the invitation's link."""
    t = translator(made.language)
    values = {
        "place": t.text(await place_names(connection, made.kind, made.place)),
        "role": role_name(t, made.role),
        "inviter": made.invited_by,
        "link": f"{base_url}/invitation/{token}",
        "days": INVITED_FOR.days,
    }
    network = made.place if made.kind == "network" else None
    organisation = made.place if made.kind == "organisation" else None
    to = Recipient(made.email, made.name, made.language)
    await mail.queue(connection, [Outgoing("invitation", to, values, network, organisation)])


# --- claims


async def organisation_known_by(connection: Connection, scheme: str, value: str) -> tuple[UUID, str, str] | None:
    """(id, name, website) of the member organisation with this number; None when no network has it."""
    row = await connection.fetchrow(
        "select o.id, o.name, o.website from identifier i join organisation o on o.id = i.organisation_id"
        " where i.scheme = $1 and i.value = $2 and o.merged_into_id is null"
        " and exists (select from membership m where m.organisation_id = o.id)",
        scheme,
        value,
    )
    return (row["id"], row["name"], row["website"]) if row else None


async def organisation(connection: Connection, wanted: UUID) -> tuple[UUID, str, str] | None:
    """(id, name, website) of an organisation; None when it is not there or became part of another one."""
    row = await connection.fetchrow(
        "select id, name, website from organisation where id = $1 and merged_into_id is null", wanted
    )
    return (row["id"], row["name"], row["website"]) if row else None


async def has_admin(connection: Connection, organisation: UUID) -> bool:
    """Does somebody run the organisation's pages?"""
    return bool(
        await connection.fetchval(
            "select exists (select from role where organisation_id = $1 and role = 'organisation_admin')", organisation
        )
    )


async def claim(connection: Connection, organisation: UUID, account: UUID, note: str, now: datetime) -> UUID:
    """A claim that waits for somebody's decision; the one that waits already, if there is one."""
    return await connection.fetchval(
        "insert into claim (id, organisation_id, account_id, note, created_at) values ($1, $2, $3, $4, $5)"
        " on conflict (organisation_id, account_id) where decided_at is null do update set note = excluded.note"
        " returning id",
        uuid4(),
        organisation,
        account,
        note,
        now,
    )


async def get_claim(connection: Connection, wanted: UUID) -> Claim:
    """A claim; nobody else decides it meanwhile. NotFound."""
    row = await connection.fetchrow(
        "select id, organisation_id, account_id, note, decided_at from claim where id = $1 for update", wanted
    )
    if row is None:
        raise NotFound("claim", wanted)
    return Claim(**dict(row))


async def decide_claim(connection: Connection, wanted: UUID, approved: bool, by: str, now: datetime) -> None:
    """Yes or no."""
    await connection.execute(
        "update claim set decided_at = $2, decided_by = $3, approved = $4 where id = $1", wanted, now, by, approved
    )
