"""Forgetting a person: where a name and an address stand, what is taken away, what stays by law, and the receipt.

Invoices that were issued stay as they are for five years after their year (bokføringsloven § 13, GDPR 17(3)(b)); the
audit trail stays, because its entries are chained and say who was responsible for what. Partners are told by the
database: a contact that goes makes every share that named it another one at commit (crm/migrations/sql/shares.sql).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID, uuid4

import msgspec

from crm.database import Connection
from crm.errors import Refused

KEPT_YEARS = 5


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


# What is taken away, in this order: (which rows, what becomes of them; nothing: they go). `who` are the people, one or
# many: the address in small letters, the name, the organisation or null (then whichever it is). $4 is the moment.
_WHO = "with who as (select * from unnest($1::text[], $2::text[], $3::uuid[]) as w (email, name, organisation))"
_THEIRS = "(w.organisation is null or w.organisation = {0}.organisation_id)"
_NAMES = "(strpos(lower({0}), w.email) > 0 or length(w.name) >= 3 and strpos(lower({0}), lower(w.name)) > 0)"
# Who signed in under the address: only for an account, never for who speaks for one organisation.
_AUTHOR = "join account a on lower(a.email) = w.email and w.organisation is null"
_TAKEN = {
    "mails": (
        "mail m where m.status <> 'sending' and exists (select from who w where lower(m.recipient) = w.email"
        f" and {_THEIRS.format('m')})",
        "recipient = '', recipient_name = '', subject = '', body_text = '', body_html = '',"
        " status = case when status = 'queued' then 'cancelled' else status end",
    ),
    "invitations": (
        f"invitation i where exists (select from who w where lower(i.email) = w.email and {_THEIRS.format('i')})",
        "email = 'forgotten:' || id, name = '', revoked_at = coalesce(revoked_at, $4)",
    ),
    "applications": (
        "application a where a.status in ('approved', 'declined', 'withdrawn') and exists (select from who w"
        f" where lower(a.answers -> 'contact' ->> 'email') = w.email and {_THEIRS.format('a')})",
        """answers = jsonb_set(answers, '{contact}', '{"name": "", "email": "", "role": ""}')""",
    ),
    "deliveries": (  # what was not sent yet is sent to nobody, and stands on the list of what did not arrive
        "invoice_delivery v where exists (select from who w join invoice i on i.id = v.invoice_id"
        f" where lower(v.recipient) = w.email and {_THEIRS.format('i')})",
        "recipient = '', status = case when v.status in ('queued', 'sending') then 'failed' else v.status end",
    ),
    "billing": (
        f"billing b where exists (select from who w where (lower(b.email) = w.email or b.name = w.name)"
        f" and {_THEIRS.format('b')})",
        "name = '', email = case when exists (select from who w where lower(b.email) = w.email) then ''"
        " else b.email end",
    ),
    "consents": (
        "consent c where exists (select from who w where c.actor = w.name and c.organisation_id = w.organisation)",
        "actor = ''",
    ),
    "steps": (
        "application_event e where exists (select from who w join application a on a.id = e.application_id"
        " and a.organisation_id = w.organisation where e.actor = w.name)",
        "actor = '', note = ''",
    ),
    "mailings": (  # who is on a list that is not sent yet is taken off it, and a list that was sent forgets who got it
        "mailing_recipient r where exists (select from who w where lower(r.email) = w.email"
        f" and {_THEIRS.format('r')})",
        "",
    ),
    "newsletters": (
        "newsletter_choice c where exists (select from who w where lower(c.email) = w.email)",
        "email = 'forgotten:' || c.row_id, actor = ''",
    ),
    "survey_texts": (  # what they wrote themselves; numbers and choices are the member's answers
        "survey_answer a where a.text <> '' and exists (select from who w join survey_invitation i on"
        " lower(i.email) = w.email join survey_response r on r.survey_id = i.survey_id"
        f" and r.organisation_id = i.organisation_id where r.row_id = a.response_row_id and {_THEIRS.format('i')})",
        "text = ''",
    ),
    "surveys": (
        "survey_invitation i where exists (select from who w where lower(i.email) = w.email"
        f" and {_THEIRS.format('i')})",
        "email = '', name = '', wanted = false",
    ),
    "notes": (
        f"note n where exists (select from who w where {_THEIRS.format('n')} and {_NAMES.format('n.text')})",
        f"text = text_without(n.text, (select array_agg(w.email) || array_agg(w.name) from who w where"
        f" {_THEIRS.format('n')} and {_NAMES.format('n.text')}))",
    ),
    "note_versions": (
        "note_version v where exists (select from who w join note n on n.id = v.note_id where"
        f" {_THEIRS.format('n')} and {_NAMES.format('v.text')})",
        "text = text_without(v.text, (select array_agg(w.email) || array_agg(w.name) from who w where"
        f" {_NAMES.format('v.text')}))",
    ),
    "written": (  # notes of somebody who worked at a network's office: they stay, and say no longer whose they are
        f"note n where exists (select from who w {_AUTHOR} where a.id = n.author_id or n.edited_by = a.name)",
        f"author_id = case when exists (select from who w {_AUTHOR} where a.id = n.author_id) then null"
        f" else author_id end, actor = case when exists (select from who w {_AUTHOR} where a.id = n.author_id)"
        f" then '' else actor end, edited_by = case when exists (select from who w {_AUTHOR}"
        " where a.name = n.edited_by) then '' else edited_by end",
    ),
    "written_before": (
        f"note_version v where exists (select from who w {_AUTHOR} where a.name = v.actor)",
        "actor = ''",
    ),
    "tasks": (
        f"todo d where exists (select from who w where {_THEIRS.format('d')} and {_NAMES.format('d.title')})",
        "title = coalesce(nullif(trim(text_without(d.title, (select array_agg(w.email) || array_agg(w.name) from who w"
        f" where {_THEIRS.format('d')} and {_NAMES.format('d.title')}))), ''), '–')",
    ),
    "assigned": (
        f"todo d where exists (select from who w {_AUTHOR}"
        " where a.id = d.assignee_id or a.name in (d.actor, d.done_by))",
        f"assignee_id = case when exists (select from who w {_AUTHOR} where a.id = d.assignee_id) then null"
        f" else assignee_id end, actor = case when exists (select from who w {_AUTHOR} where a.name = d.actor)"
        f" then '' else actor end, done_by = case when exists (select from who w {_AUTHOR} where a.name = d.done_by)"
        " then '' else done_by end",
    ),
    "imports": (
        "member_import_row r where exists (select from who w where"
        " strpos(lower(concat(r.member::text, r.detail::text)), w.email) > 0)",
        "member = text_without(r.member::text, (select array_agg(w.email) || array_agg(w.name) from who w))::jsonb,"
        " detail = text_without(r.detail::text, (select array_agg(w.email) || array_agg(w.name) from who w))::jsonb",
    ),
    "audit_addresses": (  # the chain stands: a seal takes the detail's place (crm/migrations/sql/retention.sql)
        f"audit t where t.detail <> '{{}}' and exists (select from who w where {_THEIRS.format('t')}"
        " and strpos(lower(t.detail::text), w.email) > 0)",
        "detail = text_without(t.detail::text, (select array_agg(w.email) || array_agg(w.name) from who w"
        " where strpos(lower(t.detail::text), w.email) > 0))::jsonb, detail_salt = '', detail_seal ="
        " case when t.detail_seal <> '' then t.detail_seal else audit_sealed(t.detail_salt, t.detail::text) end",
    ),
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
    for kind, (rows, _) in _TAKEN.items():
        out[kind] = int(await connection.fetchval(f"{_WHO} select count(*) from {rows}", *_values([who])))
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
    last = await connection.fetchval(
        "select max(recorded_at) from audit where actor = $1 and actor_seal = ''"
        " and ($2::uuid is null or organisation_id = $2)",
        who.name,
        who.organisation,
    )
    out = [Kept("audit", 0, date(last.year + KEPT_YEARS, 12, 31) if last else None)]
    if open_ones:
        out.append(Kept("open_applications", open_ones, None))
    if invoices["count"]:
        out.append(Kept("invoices", invoices["count"], date(invoices["newest"].year + KEPT_YEARS, 12, 31)))
    return out


async def blank(connection: Connection, people: Sequence[Person], now: datetime) -> dict[str, int]:
    """Take people out of everything that may forget; how many rows of each kind."""
    done = {}
    for kind, (rows, becomes) in _TAKEN.items():
        table, where = rows.split(" where ", 1)
        extra = (now,) if "$4" in becomes else ()
        verb = f"update {table} set {becomes}" if becomes else f"delete from {table}"
        told = await connection.execute(f"{_WHO} {verb} where {where}", *_values(people), *extra)
        done[kind] = int(told.split()[-1])
    return {kind: count for kind, count in done.items() if count}


async def remove_contacts(connection: Connection, people: Sequence[Person]) -> None:
    """The rows go, and with them the consent to be named; the newest of the others speaks for the organisation then."""
    await connection.execute("delete from contact where id = any ($1)", [who.id for who in people])
    await connection.execute(
        "update contact set main = true where id in (select distinct on (c.organisation_id) c.id from contact c"
        " where c.organisation_id = any ($1) and not exists (select from contact m"
        " where m.organisation_id = c.organisation_id and m.main)"
        " order by c.organisation_id, c.created_at desc, c.id)",
        [who.organisation for who in people],
    )


async def remove_account(connection: Connection, account: UUID) -> None:
    """With roles, sessions, passkeys and claims."""
    await connection.execute("delete from authenticator where account_id = $1", account)
    await connection.execute("delete from account where id = $1", account)


async def receipt(
    connection: Connection, who: Person, done: dict[str, int], stays: list[Kept], reason: str, by: str, now: datetime
) -> UUID:
    """Keep that it was done. Who it was stands nowhere in it: only a salted hash of the address.

    The salt is the whole system's, so that looking for many addresses (`blocked`) is one look for many hashes.
    """
    new = uuid4()
    salt = await connection.fetchval("select min(salt) from erasure_salt")
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
    for row in await connection.fetch("select salt from erasure_salt"):
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
    for row in await connection.fetch("select salt from erasure_salt"):
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


def _values(people: Sequence[Person]) -> tuple[list[str], list[str], list[UUID | None]]:
    return [w.email.lower() for w in people], [w.name for w in people], [w.organisation for w in people]
