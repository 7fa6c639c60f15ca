"""Forgetting a person: where a name and an address stand, what is taken away, what stays by law, and the receipt.

Invoices that were issued stay as they are for five years after their year (bokføringsloven § 13, GDPR 17(3)(b)); the
audit trail stays, because its entries are chained and say who was responsible for what. Partners are told by the
database: a contact that goes makes every share that named it another one at commit (crm/migrations/sql/shares.sql).
"""

import secrets
from collections.abc import Iterable
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection
from crm.errors import Refused

KEPT_YEARS = 5
SALT_BYTES = 16


class Person(msgspec.Struct, frozen=True):
    """Who is forgotten: a contact of an organisation, or an account (then `organisation` is None)."""

    id: UUID
    organisation: UUID | None
    name: str
    email: str


class Kept(msgspec.Struct, frozen=True):
    """Something that stays: `what` invoices, audit or open_applications; `until` its last day, None: not by a day."""

    what: str
    count: int
    until: date | None


# What is taken away, in this order. $1 the address in small letters, $2 the name, $3 the organisation or null (all).
_COUNTED = {
    "mails": "from mail where lower(recipient) = $1 and status <> 'sending' and $2::text is not null"
    " and ($3::uuid is null or organisation_id = $3)",
    "invitations": "from invitation where lower(email) = $1 and $2::text is not null"
    " and ($3::uuid is null or organisation_id = $3)",
    "applications": "from application where lower(answers -> 'contact' ->> 'email') = $1 and $2::text is not null"
    " and ($3::uuid is null or organisation_id = $3) and status in ('approved', 'declined', 'withdrawn')",
    "deliveries": "from invoice_delivery v using invoice i where i.id = v.invoice_id and lower(v.recipient) = $1"
    " and $2::text is not null and ($3::uuid is null or i.organisation_id = $3)",
    "billing": "from billing where lower(email) = $1 and $2::text is not null"
    " and ($3::uuid is null or organisation_id = $3)",
    "consents": "from consent where actor = $2 and $1::text is not null and organisation_id = $3",
    "steps": "from application_event e using application a where a.id = e.application_id and e.actor = $2"
    " and $1::text is not null and a.organisation_id = $3",
}
_BLANKED = {
    "mails": (
        "update mail set recipient = '', recipient_name = '', subject = '', body_text = '', body_html = '',"
        " status = case when status = 'queued' then 'cancelled' else status end"
    ),
    "invitations": "update invitation set email = 'forgotten:' || id, name = '', revoked_at = coalesce(revoked_at, $4)",
    "applications": (
        "update application set answers = jsonb_set(answers, '{contact}', jsonb_build_object('name', '', 'email', '',"
        " 'role', ''))"
    ),
    "deliveries": (  # what was not sent yet is sent to nobody, and stands on the list of what did not arrive
        "update invoice_delivery v set recipient = '',"
        " status = case when v.status in ('queued', 'sending') then 'failed' else v.status end"
    ),
    "billing": "update billing set email = '', name = ''",
    "consents": "update consent set actor = ''",
    "steps": "update application_event e set actor = '', note = ''",
}


async def contact(connection: Connection, organisation: UUID, wanted: UUID) -> Person | None:
    """A contact of this organisation, locked."""
    row = await connection.fetchrow(
        "select id, organisation_id as organisation, name, email from contact"
        " where organisation_id = $1 and id = $2 for update",
        organisation,
        wanted,
    )
    return Person(**dict(row)) if row else None


async def contacts_of(connection: Connection, email: str) -> list[Person]:
    """The same address as a contact, of whichever organisation, locked."""
    rows = await connection.fetch(
        "select id, organisation_id as organisation, name, email from contact where lower(email) = $1"
        " order by organisation_id, id for update",
        email.lower(),
    )
    return [Person(**dict(row)) for row in rows]


async def found(connection: Connection, who: Person) -> dict[str, int]:
    """How many rows of each kind name the person and would be blanked."""
    out = {}
    for kind, where in _COUNTED.items():
        out[kind] = int(await connection.fetchval(f"select count(*) {_selected(where)}", *_values(who)))
    return {kind: count for kind, count in out.items() if count}


async def kept(connection: Connection, who: Person) -> list[Kept]:
    """What names the person and stays."""
    invoices = await connection.fetchrow(
        "select count(*) as count, max(i.issued_on) as newest from invoice i join invoice_document d on"
        " d.invoice_id = i.id where i.organisation_id = $1 and i.status = 'issued'"
        " and (strpos(lower(d.document::text), $2) > 0 or strpos(d.document::text, $3) > 0)",
        who.organisation,
        who.email.lower(),
        who.name,
    )
    open_ones = await connection.fetchval(
        "select count(*) from application where lower(answers -> 'contact' ->> 'email') = $1"
        " and ($2::uuid is null or organisation_id = $2) and status not in ('approved', 'declined', 'withdrawn')",
        who.email.lower(),
        who.organisation,
    )
    out = [Kept("audit", 0, None)]
    if open_ones:
        out.append(Kept("open_applications", open_ones, None))
    if invoices["count"]:
        out.append(Kept("invoices", invoices["count"], date(invoices["newest"].year + KEPT_YEARS, 12, 31)))
    return out


async def blank(connection: Connection, who: Person, now: Any) -> dict[str, int]:
    """Take the person out of everything that may forget; how many rows of each kind."""
    done = {}
    for kind, statement in _BLANKED.items():
        where = _COUNTED[kind].split(" where ", 1)[1]
        source = _COUNTED[kind].split(" where ", 1)[0]
        joined = f" from {source.split(' using ')[1]}" if " using " in source else ""
        extra = (now,) if "$4" in statement else ()
        told = await connection.execute(f"{statement}{joined} where {where}", *_values(who), *extra)
        done[kind] = int(told.split()[-1])
    return {kind: count for kind, count in done.items() if count}


async def remove_contact(connection: Connection, who: Person) -> None:
    """The row goes, and with it the consent to be named; the newest of the others speaks for the organisation then."""
    await connection.execute("delete from contact where id = $1", who.id)
    await connection.execute(
        "update contact set main = true where id = (select id from contact where organisation_id = $1"
        " order by created_at desc, id limit 1) and not exists"
        " (select from contact where organisation_id = $1 and main)",
        who.organisation,
    )


async def remove_account(connection: Connection, account: UUID) -> None:
    """With roles, sessions, passkeys and claims."""
    await connection.execute("delete from authenticator where account_id = $1", account)
    await connection.execute("delete from account where id = $1", account)


async def receipt(
    connection: Connection, who: Person, done: dict[str, int], stays: list[Kept], reason: str, by: str, now: Any
) -> UUID:
    """Keep that it was done. Who it was stands nowhere in it: only a salted hash of the address.

    The salt is the whole system's, so that looking for many addresses (`blocked`) is one look for many hashes.
    """
    new = uuid4()
    salt = await connection.fetchval("select salt from erasure order by erased_at, id limit 1")
    salt = salt or secrets.token_hex(SALT_BYTES)
    await connection.execute(
        "insert into erasure (id, organisation_id, about, subject_id, salt, email_hash, done, kept, reason, actor,"
        " erased_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        new,
        who.organisation,
        "contact" if who.organisation else "account",
        who.id,
        salt,
        hashed(salt, who.email),
        done,
        msgspec.to_builtins(stays),
        reason,
        by,
        now,
    )
    return new


async def blocked(connection: Connection, emails: Iterable[str]) -> set[str]:
    """Which of these addresses are of people who were forgotten and have not agreed to be stored again, as given.

    For whoever is about to store persons: an import, an application, an invitation. Upper and lower case are the same.
    """
    given = {email: email.strip().lower() for email in emails}
    if not given:
        return set()
    out: set[str] = set()
    for row in await connection.fetch("select distinct salt from erasure"):
        hashes = {hashed(row["salt"], address): address for address in given.values()}
        found = await connection.fetch(
            "select distinct e.email_hash from erasure e where e.salt = $1 and e.email_hash = any ($2)"
            " and not exists (select from erasure_return r where r.erasure_id = e.id)",
            row["salt"],
            list(hashes),
        )
        out |= {hashes[each["email_hash"]] for each in found}
    return {email for email, address in given.items() if address in out}


async def must_not_be_blocked(connection: Connection, email: str, field: str) -> None:
    """Refused `person_erased` for the address of somebody who was forgotten."""
    if await blocked(connection, [email]):
        raise Refused("person_erased", field, given=email.strip().lower())


async def returned(connection: Connection, email: str, basis: str, note: str, by: str, now: datetime) -> int:
    """The person has agreed to be stored again (`basis`: applied, came, told); of how many erasures that was said."""
    done = 0
    for row in await connection.fetch("select distinct salt from erasure"):
        told = await connection.execute(
            "insert into erasure_return (erasure_id, basis, note, actor, returned_at)"
            " select id, $3, $4, $5, $6 from erasure where salt = $1 and email_hash = $2 on conflict do nothing",
            row["salt"],
            hashed(row["salt"], email),
            basis,
            note,
            by,
            now,
        )
        done += int(told.split()[-1])
    return done


def hashed(salt: str, email: str) -> str:
    """What is kept of an address, to know it again and nothing else."""
    return sha256(f"{salt}{email.strip().lower()}".encode()).hexdigest()


def _values(who: Person) -> tuple[str, str, UUID | None]:
    return who.email.lower(), who.name, who.organisation


def _selected(where: str) -> str:
    """A delete's `using` as a select's list of tables."""
    return where.replace(" using ", ", ", 1)
