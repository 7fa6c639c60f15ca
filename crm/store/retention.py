"""What names people and has stood long enough: found, counted, and taken away, host by host (ADR 0033).

Each kind is one description of rows, used to count (a dry run, the page) and to change, so that the two cannot differ.
The caller's transaction says the day to the database (`crm.retention_on`), which lets issued documents lose names only
when the law does (crm/migrations/sql/retention.sql). The audit trail keeps its chain: seals take the names' places.
"""

from datetime import date, datetime
from uuid import UUID, uuid4

import msgspec

from cluster_rules.retention import PERIODS, Cutoffs, Policy
from crm.database import Connection
from crm.store import accounts, erasures
from crm.store.erasures import Person

PEOPLE = "('web', 'member', 'cli', 'import')"  # channels by which persons act: a key, the system are none
SIGN_INS = "('signed_in', 'signed_out', 'signed_out_everywhere')"

# $1 the host (null: what belongs to none), $2 the day before which it goes. {host}: a network's host is $1.
_OF_HOST = "({0}.network_id is not null and (select n.host_id from network n where n.id = {0}.network_id) = $1"
_MAIL_OF = _OF_HOST.format("m") + " or m.network_id is null and $1::uuid is null)"
_AUDIT_OF = _OF_HOST.format("t") + " or t.network_id is null and $1::uuid is null)"
_PSEUDONYM = "'pseudonym-' || left(encode(sha256(convert_to($3::text || t.actor, 'UTF8')), 'hex'), 12)"
_ACTOR = f"actor = {_PSEUDONYM}, actor_salt = '', actor_seal = audit_sealed(t.actor_salt, t.actor)"
_KINDS: dict[str, tuple[str, str, str]] = {  # kind: (the day that counts, rows, what becomes of them)
    "applications": (
        "coalesce(a.decided_at, a.updated_at)",
        "application a where a.network_id in (select id from network where host_id = $1)"
        " and (a.status in ('declined', 'withdrawn') and a.answers -> 'contact' ->> 'email' <> ''"
        " or a.status = 'draft' and a.answers <> '{}')",
        "answers = case when a.status = 'draft' then '{}' else jsonb_set(a.answers, '{contact}',"
        """ '{"name": "", "email": "", "role": ""}') end, token_hash = null""",
    ),
    "mails": (
        "m.created_at",
        f"mail m where m.recipient <> '' and m.status not in ('queued', 'sending') and {_MAIL_OF}",
        "recipient = '', recipient_name = '', subject = '', body_text = '', body_html = ''",
    ),
    "surveys": (
        "s.closes_on",
        "survey_invitation i using survey s where s.id = i.survey_id and i.email <> ''"
        " and s.network_id in (select id from network where host_id = $1)",
        "email = '', name = '', wanted = false",
    ),
    "survey_texts": (
        "s.closes_on",
        "survey_answer a using survey_response r, survey s where r.row_id = a.response_row_id and s.id = r.survey_id"
        " and a.text <> '' and s.network_id in (select id from network where host_id = $1)",
        "text = ''",
    ),
    "invoices": (
        "i.issued_on",
        "invoice_document d using invoice i where i.id = d.invoice_id and i.host_id = $1"
        " and coalesce(d.document #>> '{buyer,contact}', '') || coalesce(d.document #>> '{buyer,reference}', '')"
        " || case when exists (select from organisation_profile f where f.organisation_id = i.organisation_id"
        " and f.kind = 'person') then d.document #>> '{buyer,name}' else '' end <> ''",
        "document = jsonb_set(d.document, '{buyer}', (d.document -> 'buyer') || case when exists (select"
        " from organisation_profile f where f.organisation_id = i.organisation_id and f.kind = 'person') then"
        """ jsonb_build_object('name', '', 'identifier', null, 'endpoint', null, 'vat_number', '', 'order', '',"""
        " 'address', (d.document #> '{buyer,address}') || "
        """'{"street": "", "extra": "", "postcode": "", "city": ""}') else '{}' end"""
        """ || '{"contact": "", "reference": ""}')""",
    ),
    "deliveries": (
        "i.issued_on",
        "invoice_delivery v using invoice i where i.id = v.invoice_id and i.host_id = $1 and v.recipient <> ''"
        " and v.status not in ('queued', 'sending')",
        "recipient = ''",
    ),
    "references": (
        "i.issued_on",
        "invoice i where i.host_id = $1 and i.status = 'issued' and i.buyer_reference <> ''",
        "buyer_reference = ''",
    ),
    "audit": (
        "t.recorded_at",
        f"audit t where t.actor_seal = '' and t.channel in {PEOPLE} and t.actor not like 'pseudonym-%'"
        f" and t.actor <> '' and {_AUDIT_OF}",
        _ACTOR,
    ),
    "details": (
        "t.recorded_at",
        "audit t where t.detail <> '{}' and (t.detail::text ~ '@' or t.detail ?| '{name,invited_by,changes}')"
        f" and {_AUDIT_OF}",
        "detail = '{}', detail_salt = '', detail_seal = case when t.detail_seal <> '' then t.detail_seal"
        " else audit_sealed(t.detail_salt, t.detail::text) end",
    ),
    "decisions": (
        "t.recorded_at",
        f"membership_decision t using membership m where m.id = t.membership_id and t.channel in {PEOPLE}"
        " and t.actor not like 'pseudonym-%' and t.actor <> '' and m.network_id in"
        " (select id from network where host_id = $1)",
        f"actor = {_PSEUDONYM}",
    ),
    "steps": (
        "t.recorded_at",
        "application_event t using application a where a.id = t.application_id and t.actor <> ''"
        " and a.network_id in (select id from network where host_id = $1)",
        "actor = '', note = ''",
    ),
    "sign_ins": (
        "t.recorded_at",
        f"audit t where t.actor_seal = '' and t.action in {SIGN_INS} and t.actor not like 'pseudonym-%'"
        f" and t.actor <> '' and {_AUDIT_OF}",
        _ACTOR,
    ),
}
KINDS = tuple(_KINDS)
# Which period each kind goes by.
_BY = {
    "surveys": "mails",
    "survey_texts": "mails",
    "deliveries": "invoices",
    "references": "invoices",
    "details": "audit",
    "decisions": "audit",
    "steps": "audit",
}

# Contacts of organisations that are nobody's members any more, for long enough by each host's own word; none whom an
# application, a claim for money or a role still needs. $1 hosts, $2 and $3 the days for members and applicants.
_ENDED = """
with cut as (select * from unnest($1::uuid[], $2::date[], $3::date[]) as c (host_id, members, applicants)),
over as (
    select o.id, (select n.host_id from membership_period p join network n on n.id = p.network_id
            where p.organisation_id = o.id and p.superseded_at is null
            order by p.ends_on desc, n.id limit 1) as member_of,
        (select n.host_id from application a join network n on n.id = a.network_id where a.organisation_id = o.id
            order by a.decided_at desc nulls last, a.id limit 1) as asked
    from organisation o
    where exists (select from contact c where c.organisation_id = o.id)
        and not exists (select from membership_period p join network n on n.id = p.network_id join cut on
            cut.host_id = n.host_id where p.organisation_id = o.id and p.superseded_at is null
            and (p.ends_on is null or p.ends_on >= cut.members))
        and not exists (select from application a join network n on n.id = a.network_id
            join cut on cut.host_id = n.host_id where a.organisation_id = o.id
            and (a.status not in ('approved', 'declined', 'withdrawn')
                or coalesce(a.decided_at, a.updated_at) >= cut.applicants))
        and not exists (select from ledger_entry e where e.organisation_id = o.id and e.account = 'receivable'
            group by e.invoice_id having sum(e.amount) <> 0)
        and not exists (select from role r where r.organisation_id = o.id)
)
select c.id, c.organisation_id as organisation, c.name, c.email, coalesce(o.member_of, o.asked) as host
from over o join contact c on c.organisation_id = o.id where coalesce(o.member_of, o.asked) is not null order by c.id
"""


class Host(msgspec.Struct, frozen=True):
    """A host with its periods; `own`: it has set them itself."""

    id: UUID
    code: str
    name: str
    policy: Policy
    own: bool


async def hosts(connection: Connection) -> list[Host]:
    """Every host, by code."""
    columns = ", ".join(f"p.{name}" for name in PERIODS)
    rows = await connection.fetch(
        f"select h.id, h.code, h.name, p.host_id is not null as own, {columns} from host h"
        " left join retention_policy p on p.host_id = h.id order by h.code"
    )
    return [
        Host(
            row["id"],
            row["code"],
            row["name"],
            Policy(**{name: row[name] for name in PERIODS}) if row["own"] else Policy(),
            row["own"],
        )
        for row in rows
    ]


async def set_policy(connection: Connection, host: UUID, policy: Policy, by: str, now: datetime) -> None:
    """A host's own periods from now on."""
    named = ", ".join(PERIODS)
    places = ", ".join(f"${n}" for n in range(4, 4 + len(PERIODS)))
    setting = ", ".join(f"{name} = excluded.{name}" for name in PERIODS)
    await connection.execute(
        f"insert into retention_policy (host_id, changed_at, changed_by, {named}) values ($1, $2, $3, {places})"
        f" on conflict (host_id) do update set changed_at = $2, changed_by = $3, {setting}",
        host,
        now,
        by,
        *(getattr(policy, name) for name in PERIODS),
    )


async def ended(connection: Connection, days: dict[UUID, Cutoffs]) -> dict[UUID, list[Person]]:
    """Contacts who go, by the host whose word was the last."""
    rows = await connection.fetch(
        _ENDED, list(days), [each.contacts for each in days.values()], [each.applications for each in days.values()]
    )
    out: dict[UUID, list[Person]] = {host: [] for host in days}
    for row in rows:
        out[row["host"]].append(Person(row["id"], row["organisation"], row["name"], row["email"]))
    return out


async def count(connection: Connection, host: UUID | None, days: Cutoffs) -> dict[str, int]:
    """How many rows of each kind go, but for contacts."""
    out = {}
    for kind, (of, rows, _) in _KINDS.items():
        found = await connection.fetchval(
            f"select count(*) from {_selected(rows)} and {of} < $2", host, getattr(days, _BY.get(kind, kind))
        )
        out[kind] = int(found)
    return {kind: found for kind, found in out.items() if found}


async def oldest(connection: Connection, host: UUID) -> dict[str, date]:
    """The day of the oldest row of each kind that would go one day."""
    out = {}
    for kind, (of, rows, _) in _KINDS.items():
        found = await connection.fetchval(f"select min(({of})::date) from {_selected(rows)}", host)
        if found:
            out[_BY.get(kind, kind)] = min(found, out.get(_BY.get(kind, kind), found))
    return out


async def take(connection: Connection, host: UUID | None, days: Cutoffs, salt: str) -> dict[str, int]:
    """Take these away; how many rows of each kind. A name has one pseudonym for each salt; nobody keeps the salt."""
    out = {}
    for kind, (of, rows, becomes) in _KINDS.items():
        table, where = rows.split(" where ", 1)
        target, _, joined = table.partition(" using ")
        extra = (salt,) if "$3" in becomes else ()
        told = await connection.execute(
            f"update {target} set {becomes}{f' from {joined}' if joined else ''} where {where} and {of} < $2",
            host,
            getattr(days, _BY.get(kind, kind)),
            *extra,
        )
        out[kind] = int(told.split()[-1])
    return {kind: done for kind, done in out.items() if done}


async def forget(connection: Connection, people: list[Person], now: datetime) -> dict[str, int]:
    """Contacts, and everything beside them that may forget; no receipt, and nobody is held back for it."""
    done = await erasures.blank(connection, people, now) if people else {}
    if people:
        await erasures.remove_contacts(connection, people)
    return {"contacts": len(people), **{f"contact_{kind}": found for kind, found in done.items()}} if people else {}


# The newest of the old stays: it says up to where moves are forgotten (crm/migrations/sql/member_moves.sql).
FORGET_MOVES = """
with old as (select moved_xid from member_moved where moved_at < now() - interval '2 days')
delete from member_moved where moved_xid < (select moved_xid from old order by moved_xid desc limit 1)
"""


async def drop_stale(connection: Connection, now: datetime) -> None:
    """Sessions past their limits, steps of sign-ins that were never finished, and who has moved long ago in lists."""
    await accounts.drop_expired(connection, now - accounts.ABSOLUTE_LIMIT, now - accounts.IDLE_LIMIT)
    await connection.execute("delete from sign_in_step where expires_at <= $1", now)
    await connection.execute(FORGET_MOVES)


async def say_day(connection: Connection, day: date) -> None:
    """Which day it is for what the database itself lets go; until the transaction ends."""
    await connection.execute("select set_config('crm.retention_on', $1, true)", day.isoformat())


async def note(
    connection: Connection, host: UUID | None, day: date, done: dict[str, int], by: str, now: datetime
) -> None:
    """Keep what was taken away."""
    await connection.execute(
        "insert into retention_run (id, host_id, on_date, done, actor, recorded_at) values ($1, $2, $3, $4, $5, $6)",
        uuid4(),
        host,
        day,
        done,
        by,
        now,
    )


def _selected(rows: str) -> str:
    """An update's `using` as a select's list of tables."""
    return rows.replace(" using ", ", ", 1)
