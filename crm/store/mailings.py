"""Mails to many, as they are stored: drafts, whom they go to, and one mail for each of them and never two."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec

from crm.actor import Actor
from crm.database import Connection
from crm.store import jobs

Purpose = Literal["information", "newsletter"]
ContactRole = Literal["primary", "billing", "communication"]
TASK = "send_mailing"
TOKEN_BYTES = 24


class Words(msgspec.Struct, frozen=True):
    """What a mailing is: `subject` and `text` by language, with merge fields; `members` are ids of memberships."""

    name: str
    purpose: Purpose
    contact_role: ContactRole
    members: tuple[UUID, ...]
    subject: dict[str, str]
    text: dict[str, str]


class Stored(msgspec.Struct, frozen=True):
    """A mailing, locked until the transaction ends."""

    id: UUID
    network_id: UUID
    words: Words
    status: str


class Somebody(msgspec.Struct, frozen=True):
    """Who a member's mail would go to; `reason` is why not: ended, no_contact, no_consent, same_address, or empty."""

    organisation_id: UUID
    membership_id: UUID
    organisation: str
    email: str
    name: str
    language: str
    reason: str


class Waiting(msgspec.Struct, frozen=True):
    """A recipient whose mail is not queued yet."""

    row_id: int
    organisation_id: UUID
    email: str
    name: str
    language: str


class Values(msgspec.Struct, frozen=True):
    """What a member's merge fields stand for; amounts in minor units, None where there is nothing."""

    organisation: str
    tier: str
    joined: date | None
    fee: int | None
    balance: int
    currency: str
    next_due: date | None


async def add(connection: Connection, network: UUID, words: Words, actor: Actor) -> UUID:
    """Store a draft; its id."""
    new = uuid4()
    await connection.execute(
        "insert into mailing (id, network_id, name, purpose, contact_role, selection, subject, text, status, left_out,"
        " actor, channel, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, 'draft', '{}', $9, $10, now())",
        new,
        network,
        words.name,
        words.purpose,
        words.contact_role,
        {"members": [str(each) for each in words.members]},
        words.subject,
        words.text,
        actor.name,
        actor.channel,
    )
    return new


async def lock(connection: Connection, wanted: UUID) -> Stored | None:
    """One mailing."""
    row = await connection.fetchrow(
        "select id, network_id, name, purpose, contact_role, selection, subject, text, status from mailing"
        " where id = $1 for update",
        wanted,
    )
    if row is None:
        return None
    members = tuple(UUID(each) for each in row["selection"]["members"])
    words = Words(row["name"], row["purpose"], row["contact_role"], members, row["subject"], row["text"])
    return Stored(row["id"], row["network_id"], words, row["status"])


async def change(connection: Connection, wanted: UUID, words: Words) -> None:
    """A draft says something else; whom it goes to stays."""
    await connection.execute(
        "update mailing set name = $2, purpose = $3, contact_role = $4, subject = $5, text = $6 where id = $1",
        wanted,
        words.name,
        words.purpose,
        words.contact_role,
        words.subject,
        words.text,
    )


async def somebody(connection: Connection, network: UUID, words: Words, today: date) -> list[Somebody]:
    """Everybody of the selection, by the member's name, and why somebody would get nothing; each address once."""
    rows = await connection.fetch(
        _SOMEBODY, network, list(words.members), words.contact_role, words.purpose == "newsletter", today
    )
    out, seen = [], set()
    for row in rows:
        person, address = Somebody(**dict(row)), row["email"].lower()
        if not person.reason and address in seen:
            person = msgspec.structs.replace(person, reason="same_address")
        elif not person.reason:
            seen.add(address)
        out.append(person)
    return out


_SOMEBODY = """
with chosen as (
    select m.id, m.organisation_id, o.name as organisation, exists (select from membership_period p
        where p.membership_id = m.id and p.superseded_at is null and (p.ends_on is null or p.ends_on > $5)) as stands
    from membership m join organisation o on o.id = m.organisation_id
    where m.network_id = $1 and m.id = any($2)
), people as (
    select c.id as membership, c.organisation_id, c.organisation, c.stands, w.email, w.name, w.language
    from chosen c left join lateral (
        select b.email, b.name, coalesce(nullif(b.language, ''), 'nb') as language from billing b
        where $3 = 'billing' and b.organisation_id = c.organisation_id and b.email <> ''
        union all
        select k.email, k.name, k.language from contact k
        where $3 = 'communication' and k.organisation_id = c.organisation_id and k.communication
        union all
        (select k.email, k.name, k.language from contact k where k.organisation_id = c.organisation_id
            and ($3 = 'primary' or $3 = 'billing' and not exists (select from billing b
                where b.organisation_id = c.organisation_id and b.email <> '')
            or $3 = 'communication' and not exists (select from contact n
                where n.organisation_id = c.organisation_id and n.communication))
         order by k.main desc, k.created_at desc, k.id limit 1)
    ) w on true
)
select p.organisation_id, p.membership as membership_id, p.organisation, coalesce(p.email, '') as email,
    coalesce(p.name, '') as name, coalesce(p.language, 'nb') as language,
    case when not p.stands then 'ended' when coalesce(p.email, '') = '' then 'no_contact'
         when $4 and not coalesce(
             (select n.given from newsletter_choice n where n.network_id = $1 and n.email = lower(p.email)
              order by n.row_id desc limit 1),
             (select s.given from consent s join application a on a.id = s.application_id
              where a.network_id = $1 and s.purpose = 'newsletter'
                and lower(a.answers -> 'contact' ->> 'email') = lower(p.email)
              order by s.recorded_at desc, s.id limit 1), false) then 'no_consent'
         else '' end as reason
from people p order by p.organisation, p.organisation_id, p.email
"""


async def begin(
    connection: Connection, mailing: Stored, people: Sequence[Somebody], left_out: dict[str, int], actor: Actor
) -> None:
    """From now on it is sent: the recipients are fixed, and a job writes their mails."""
    now = await connection.fetchval("select now()")
    await connection.executemany(
        "insert into mailing_recipient (mailing_id, network_id, organisation_id, email, name, language)"
        " values ($1, $2, $3, $4, $5, $6) on conflict (mailing_id, email) do nothing",
        [(mailing.id, mailing.network_id, p.organisation_id, p.email.lower(), p.name, p.language) for p in people],
    )
    await connection.execute(
        "update mailing set status = 'sending', left_out = $2, begun_by = $3, begun_at = now() where id = $1",
        mailing.id,
        left_out,
        actor.name,
    )
    await jobs.enqueue(connection, TASK, [({"mailing": str(mailing.id)}, None)], now)


async def waiting(connection: Connection, mailing: UUID, limit: int) -> list[Waiting]:
    """The next recipients without a mail, locked; another worker takes others."""
    rows = await connection.fetch(
        "select row_id, organisation_id, email, name, language from mailing_recipient"
        " where mailing_id = $1 and mail_id is null order by row_id limit $2 for update skip locked",
        mailing,
        limit,
    )
    return [Waiting(**dict(row)) for row in rows]


async def queued(connection: Connection, mails: Sequence[tuple[int, UUID, str]]) -> None:
    """(recipient, mail, token that ends the newsletter or nothing): their mails are written."""
    await connection.executemany(
        "update mailing_recipient set mail_id = $2, token_hash = $3 where row_id = $1",
        [(row, mail, hashed(token) if token else "") for row, mail, token in mails],
    )


async def so_far(connection: Connection, mailing: UUID) -> tuple[int, datetime]:
    """(how many mails are written, when sending began)."""
    row = await connection.fetchrow(
        "select (select count(*) from mailing_recipient r where r.mailing_id = m.id and r.mail_id is not null) as n,"
        " coalesce(m.begun_at, now()) as begun from mailing m where m.id = $1",
        mailing,
    )
    return row["n"], row["begun"]


async def end(connection: Connection, mailing: UUID, status: str) -> None:
    """Every mail is written, or somebody stopped it; mails that wait for their turn then are cancelled."""
    await connection.execute("update mailing set status = $2, ended_at = now() where id = $1", mailing, status)
    if status == "stopped":
        await connection.execute(
            "update mail set status = 'cancelled' where status = 'queued' and id in"
            " (select r.mail_id from mailing_recipient r where r.mailing_id = $1)",
            mailing,
        )


async def values_of(
    connection: Connection, network: UUID, organisations: Sequence[UUID], today: date
) -> dict[UUID, Values]:
    """What the merge fields stand for, by organisation."""
    rows = await connection.fetch(_VALUES, network, list(organisations), today)
    return {row["id"]: Values(*(row[name] for name in Values.__struct_fields__)) for row in rows}


# The fee is that of the newest period that was charged; money is what the network's host is owed.
_VALUES = """
select o.id, o.name as organisation, coalesce(now.tier, '') as tier, since.joined, charged.fee,
    coalesce(books.balance, 0)::bigint as balance, coalesce(charged.currency, books.currency, 'NOK') as currency,
    due.next_due
from organisation o join network n on n.id = $1
left join membership m on m.organisation_id = o.id and m.network_id = n.id
left join lateral (select p.tier from membership_period p where p.membership_id = m.id and p.superseded_at is null
    order by (p.starts_on <= $3 and (p.ends_on is null or p.ends_on > $3)) desc, p.starts_on desc limit 1) now on true
left join lateral (select min(p.starts_on) as joined from membership_period p
    where p.membership_id = m.id and p.superseded_at is null) since on true
left join lateral (select sum(c.net)::bigint as fee, min(c.currency) as currency from charge c
    where c.membership_id = m.id and c.starts_on = (select max(l.starts_on) from charge l where l.membership_id = m.id)
    ) charged on true
left join lateral (select sum(e.amount) as balance, min(e.currency) as currency from ledger_entry e
    where e.organisation_id = o.id and e.host_id = n.host_id and e.account in ('receivable', 'member_credit')
    ) books on true
left join lateral (select min(i.due_on) as next_due from invoice i where i.organisation_id = o.id
    and i.host_id = n.host_id and i.status = 'issued' and i.kind = 'invoice' and (select coalesce(sum(e.amount), 0)
        from ledger_entry e where e.invoice_id = i.id and e.account in ('receivable', 'member_credit')) > 0) due on true
where o.id = any($2)
"""


def new_token() -> str:
    """What an address that ends a newsletter holds."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> str:
    """What is kept of a token."""
    return sha256(token.encode()).hexdigest()


async def reader_of(connection: Connection, token: str) -> tuple[UUID, UUID, str] | None:
    """(network, organisation, address) that a token stands for."""
    row = await connection.fetchrow(
        "select network_id, organisation_id, email from mailing_recipient where token_hash = $1", hashed(token)
    )
    return (row["network_id"], row["organisation_id"], row["email"]) if row else None


async def choose(connection: Connection, network: UUID, email: str, given: bool, channel: str, by: str) -> bool:
    """Somebody's word on a newsletter; False when it was their word already."""
    newest = await connection.fetchval(
        "select given from newsletter_choice where network_id = $1 and email = $2 order by row_id desc limit 1",
        network,
        email,
    )
    if newest == given:
        return False
    await connection.execute(
        "insert into newsletter_choice (network_id, email, given, channel, actor, recorded_at)"
        " values ($1, $2, $3, $4, $5, now())",
        network,
        email,
        given,
        channel,
        by,
    )
    return True


async def save_template(connection: Connection, network: UUID, words: dict[str, Any], by: str) -> UUID:
    """Keep a text under its name; one of the same name is replaced."""
    return await connection.fetchval(
        "insert into mail_template (id, network_id, name, subject, text, changed_by, changed_at)"
        " values ($1, $2, $3, $4, $5, $6, now()) on conflict (network_id, lower(name)) do update"
        " set subject = excluded.subject, text = excluded.text, changed_by = excluded.changed_by, changed_at = now()"
        " returning id",
        uuid4(),
        network,
        words["name"],
        words["subject"],
        words["text"],
        by,
    )


async def drop_template(connection: Connection, network: UUID, wanted: UUID) -> str | None:
    """Forget a template; its name, None when there was none."""
    return await connection.fetchval(
        "delete from mail_template where id = $1 and network_id = $2 returning name", wanted, network
    )
